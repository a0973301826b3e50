"""The product file as typed values: names, schemas and roles.

`PRODUCT` is the file's content, and what other modules take their constants from. Of a file that is refused it is the
content of `NOTHING`, so that every module can be imported and `blueprint.product.rules.check`, which each command asks
first, tells all that is wrong.
"""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

FILE: Final = Path(__file__).parents[2] / "product.yaml"


class Part(BaseModel):
    """A part of the file. Unknown keys are refused: a typo must not become a default."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True, populate_by_name=True)


Text = Annotated[str, Field(strict=True, min_length=1)]
Seconds = Annotated[int, Field(strict=True, ge=0, le=86400)]


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
    becomes: tuple[Text, ...] = Field((), description="Roles that it may SET ROLE to; it has nothing of theirs before.")
    member_of: tuple[Text, ...] = Field((), description="Roles of PostgreSQL whose rights it has, like pg_monitor.")
    statement_timeout_seconds: Seconds | None = Field(
        None, description="After which its statements are ended; 0 is never, left out is the server's."
    )


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


# What stands in for a file that is refused.
NOTHING: Final = Product(
    prefix="refused",
    project="Refused",
    database="refused",
    master_username="refused_admin",
    schemas=("refused",),
    roles=(
        RoleRow(name="refused_owner", login="none", purpose="owns"),
        RoleRow(name="refused_app", login="password", purpose="works", pooled=True, audience="application"),
        RoleRow(name="refused_metrics", login="password", purpose="measures", member_of=("pg_monitor",)),
    ),
)


class Unreadable(ValueError):
    """The text is no YAML mapping; the message continues `product.yaml`."""


class _Loader(yaml.SafeLoader):
    """Refuses a key that stands twice, of which YAML takes the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen = set()
        for key, _ in node.value:
            if key.value in seen:
                raise Unreadable(f"line {key.start_mark.line + 1}: the key {key.value} stands twice. Keep one of them.")
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def parse(text: str) -> dict[str, Any]:
    """The file's YAML. Raises `Unreadable`."""
    try:
        document = yaml.load(text, _Loader)  # a SafeLoader
    except yaml.MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise Unreadable(f"{line}{error.problem or error.context}. Correct the YAML.") from None
    except yaml.YAMLError as error:
        raise Unreadable(f"{' '.join(str(error).split())}. Correct the YAML.") from None
    if not isinstance(document, dict):
        raise Unreadable("is no mapping. Begin it with `prefix:`.")
    return document


def _product() -> Product:
    try:
        return Product.model_validate(parse(FILE.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, Unreadable, ValidationError):
        return NOTHING


PRODUCT: Final = _product()
