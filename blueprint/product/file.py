"""The product file as typed values: names, schemas, roles and custom metrics.

`PRODUCT` is the file's content, and what other modules take their constants from. Of a file that is refused it is the
content of `NOTHING`, so that every module can be imported and `blueprint.product.rules.check`, which each command asks
first, tells all that is wrong.
"""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from blueprint.problems import Refused

FILE: Final = Path(__file__).parents[2] / "product.yaml"


class Part(BaseModel):
    """A part of the file. Unknown keys are refused: a typo must not become a default."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True)


LONGEST_LINE: Final = 300  # characters of a text that the documents show in a table's cell


def _line(text: str) -> str:
    if not text.isprintable():
        raise Refused("has a line break or another character that is not printed", "Write it in one line")
    if len(text) > LONGEST_LINE:
        raise Refused(f"has {len(text)} characters, and {LONGEST_LINE} are what fits", "Shorten it")
    return text


Text = Annotated[str, Field(strict=True, min_length=1), AfterValidator(_line)]
Seconds = Annotated[int, Field(strict=True, ge=0, le=86400)]  # a statement of a day is none
# StandardUnit of MetricDatum in the CloudWatch API reference.
Unit = Literal[
    "Seconds", "Microseconds", "Milliseconds", "Percent", "None", "Bytes", "Kilobytes", "Megabytes", "Gigabytes",
    "Terabytes", "Bits", "Kilobits", "Megabits", "Gigabits", "Terabits", "Count", "Bytes/Second", "Kilobytes/Second",
    "Megabytes/Second", "Gigabytes/Second", "Terabytes/Second", "Bits/Second", "Kilobits/Second", "Megabits/Second",
    "Gigabits/Second", "Terabits/Second", "Count/Second",
]  # fmt: skip


class RoleRow(Part):
    """A role of the database."""

    name: Text = Field(description="Its name in PostgreSQL: a lower-case letter, then letters, digits and underscores.")
    login: Literal["password", "iam", "none"] = Field(
        description="How it logs in. The one with none is the owner of schemas and tables; iam is for people."
    )
    purpose: Text = Field(description="What it is for, in a sentence without a full stop; the documents show it.")
    pooled: Annotated[bool, Field(strict=True)] = Field(
        False, description="Whether it is in PgBouncer's user list, so that a login passes through."
    )
    audience: Literal["application", "migration"] | None = Field(
        None, description="Whose IAM policy reads its secret: application hosts', or a deploy's migration."
    )
    access: dict[Text, Literal["read", "write"]] = Field(
        {},
        description="What it may do with tables and sequences, by schema. write is rows, not the tables themselves.",
    )
    becomes: tuple[Text, ...] = Field(
        (), description="The owner, for whoever changes schemas: it may SET ROLE to it, and has nothing of it before."
    )
    member_of: tuple[Literal["pg_monitor"], ...] = Field(
        (), description="Roles of PostgreSQL whose rights it has: of those, what RDS's master can give away."
    )
    statement_timeout_seconds: Seconds | None = Field(
        None, description="After which its statements are ended; 0 is never, left out is the server's."
    )


class QueryRow(Part):
    """A custom metric."""

    name: Text = Field(description="Its name in CloudWatch: a lower-case letter, then letters, digits, underscores.")
    watches: Text = Field(description="What it tells, in a sentence; the documents show it.")
    sql: Annotated[str, Field(strict=True, min_length=1)] = Field(
        description="One SELECT that answers one row of one number, or NULL. Name tables with their schemas."
    )
    unit: Unit = Field(description="CloudWatch's word for the number's unit.")
    timeout_seconds: Annotated[int, Field(strict=True, ge=1)] = Field(
        description="After which the statement is ended, and counts as failed."
    )
    empty: Literal["zero", "omit"] = Field(description="What is published where it answers NULL.")
    empty_reason: Text = Field(description="Why NULL means that, without a full stop.")
    runs_on: Literal["any", "primary"] = Field(
        "any", description="Where it is sent: to a replica if one answers, or to the primary whatever there is."
    )


class MetricsPart(Part):
    """What the metrics function asks the database, beside what it asks each instance about its sessions."""

    role: Text = Field(description="The role that it logs in as: with a password, and a member of pg_monitor.")
    queries: tuple[QueryRow, ...] = Field((), description="The custom metrics.")


class Product(Part):
    """Names and tables of one product."""

    prefix: Text = Field(
        description="What every name in AWS begins with, before the stack's: lower-case letters, digits, hyphens."
    )
    project: Text = Field(description="The tag Project, and what the namespaces of metrics begin with.")
    database: Text = Field(description="Name of the database where a stack file has none.")
    master_username: Text = Field(description="RDS's master user where a stack file has none.")
    schemas: tuple[Text, ...] = Field(min_length=1, description="Schemas that the application's tables stand in.")
    database_settings: dict[Text, Text] = Field(
        {}, description="Settings of the database (ALTER DATABASE ... SET) that RDS has no parameter of."
    )
    roles: tuple[RoleRow, ...] = Field(min_length=1, description="The database's roles.")
    metrics: MetricsPart = Field(description="The custom metrics, and who asks.")


# What stands in for a file that is refused.
NOTHING: Final = Product.model_validate(
    {
        "prefix": "refused",
        "project": "Refused",
        "database": "refused",
        "masterUsername": "refused_admin",
        "schemas": ["refused"],
        "roles": [
            {"name": "refused_owner", "login": "none", "purpose": "owns"},
            {"name": "refused_migrator", "login": "password", "purpose": "changes", "audience": "migration",
             "becomes": ["refused_owner"]},
            {"name": "refused_app", "login": "password", "purpose": "works", "pooled": True, "audience": "application"},
            {"name": "refused_metrics", "login": "password", "purpose": "measures", "memberOf": ["pg_monitor"]},
        ],
        "metrics": {"role": "refused_metrics"},
    }
)  # fmt: skip


class Unreadable(ValueError):
    """The text is no YAML mapping; the message continues `product.yaml`."""


class _Loader(yaml.SafeLoader):
    """Refuses a key that stands twice, of which YAML takes the last, and tells the line of what is no value."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        pairs = node.value if isinstance(node, yaml.MappingNode) else []  # `!!map x` is none
        keys = [key for key, _ in pairs if isinstance(key, yaml.ScalarNode)]
        for at, key in enumerate(keys):
            if key.value in [each.value for each in keys[:at]]:
                raise Unreadable(f"line {key.start_mark.line + 1}: the key {key.value} stands twice. Keep one of them.")
        return super().construct_mapping(node, deep)

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (Unreadable, yaml.YAMLError):
            raise
        except (ValueError, LookupError, AttributeError):  # 2026-02-30 is read as a date, and is none
            kind = node.tag.rpartition(":")[2]
            raise Unreadable(f"line {node.start_mark.line + 1}: {node.value} is no {kind}. Put it in quotes.") from None


def parse(text: str) -> dict[str, Any]:
    """The file's YAML. Raises `Unreadable`."""
    try:
        document = yaml.load(text, _Loader)  # a SafeLoader
    except yaml.MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise Unreadable(f"{line}{error.problem or error.context}. Correct the YAML.") from None
    except yaml.YAMLError as error:
        raise Unreadable(f"{' '.join(str(error).split())}. Correct the YAML.") from None
    except RecursionError:
        raise Unreadable("is nested too deeply. Correct the YAML.") from None
    if not isinstance(document, dict):
        raise Unreadable("is no mapping. Begin it with `prefix:`.")
    return document


def _product() -> Product:
    try:
        return Product.model_validate(parse(FILE.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, Unreadable, ValidationError):
        return NOTHING


PRODUCT: Final = _product()
