"""Names and tags: what RDS and PostgreSQL accept, and the identifiers that derive from a caller's prefix."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from blueprint.problems import Refused
from blueprint.product.file import PRODUCT

PROJECT: Final = PRODUCT.project  # the tag
RESTORED_FROM: Final = "RestoredFrom"  # a tag of restored primaries: the time or the snapshot
# Whatever their case, which IAM does not tell apart.
RESERVED_TAGS: Final = ("name", "environment", "project", "managedby", RESTORED_FROM.lower(), "severity")
RESERVED_TAG_PREFIXES: Final = ("aws:", f"{PRODUCT.prefix}:")  # AWS's own, and what marks snapshots that may be pruned
# TagResource of the services: 50 tags a resource, of which the program writes fewer than these.
MOST_TAGS: Final = 50 - len(RESERVED_TAGS)
LONGEST_TAG_KEY: Final = 128
LONGEST_TAG_VALUE: Final = 256

# CreateDBInstance in the RDS API reference, for PostgreSQL.
DATABASE_NAME_LENGTH: Final = 63
MASTER_USERNAME_LENGTH: Final = 16
ROLE_NAME_LENGTH: Final = 63  # PostgreSQL's NAMEDATALEN, less one
PORTS: Final = range(1150, 65536)

FINAL_SNAPSHOT_SUFFIX_LENGTH: Final = 8
VAULT_NAME_LENGTH: Final = 50  # CreateBackupVault in the AWS Backup API reference: the shortest limit of all we name
AUTONAME_LENGTH: Final = 8  # a hyphen and seven hexadecimal digits, which Pulumi adds to a logical name

# pg_get_keywords() of PostgreSQL 16.14, catcode R (reserved) ...
_RESERVED: Final = """
    all analyse analyze and any array as asc asymmetric both case cast check collate column constraint create
    current_catalog current_date current_role current_time current_timestamp current_user default deferrable desc
    distinct do else end except false fetch for foreign from grant group having in initially intersect into lateral
    leading limit localtime localtimestamp not null offset on only or order placing primary references returning select
    session_user some symmetric system_user table then to trailing true union unique user using variadic when where
    window with
"""
# ... and catcode T (reserved, but a function or type may have the name): CREATE DATABASE refuses these as well.
_RESERVED_BUT_FOR_FUNCTIONS: Final = """
    authorization binary collation concurrently cross current_schema freeze full ilike inner is isnull join left like
    natural notnull outer overlaps right similar tablesample verbose
"""
RESERVED_WORDS: Final = frozenset((_RESERVED + _RESERVED_BUT_FOR_FUNCTIONS).split())

# PostgreSQL makes the templates, RDS its own; postgres, which is there too, is for everybody.
NOBODYS_DATABASES: Final = frozenset({"template0", "template1", "rdsadmin"})
# CreateRole in PostgreSQL refuses `none` and `public` even when quoted; RDS's own superuser is rdsadmin.
NOBODYS_USERNAMES: Final = frozenset({"rdsadmin", "none", "public"})
RESERVED_USERNAMES: Final = NOBODYS_USERNAMES | {"admin"}


# What the tightest name leaves: AWS Backup's vault, whose logical name is its component's, `<prefix>-backups`, and
# "-vault".
LONGEST_PREFIX: Final = VAULT_NAME_LENGTH - len("-backups-vault") - AUTONAME_LENGTH
LONGEST_ENVIRONMENT: Final = LONGEST_PREFIX - len(f"{PRODUCT.prefix}-")
# The part of an RDS identifier that a prefix or a stack's name is.
_IDENTIFIER: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


@dataclass(frozen=True)
class Naming:
    """Prefix of all names, and the tags that everything carries beside Name: what a caller gives to each component.

    Identifiers derive from the prefix, so each database of an account and region needs a prefix of its own. Generations
    and replica numbers count from 1; generation 1 is not written.

    Raises ValueError for a prefix that no RDS identifier can begin with, and for a tag Name, which each resource has
    for itself.
    """

    prefix: str
    tags: Mapping[str, str]

    def __post_init__(self) -> None:
        if not _IDENTIFIER.fullmatch(self.prefix):
            raise ValueError(
                f"Naming.prefix {self.prefix!r} cannot begin an RDS identifier, which goes from a letter to a letter "
                f"or digit. Write lower-case letters, digits and single hyphens, like shop-prod."
            )
        if len(self.prefix) > LONGEST_PREFIX:
            raise ValueError(
                f"Naming.prefix {self.prefix!r} has {len(self.prefix)} characters, and a backup vault's name leaves "
                f"{LONGEST_PREFIX}. Shorten it."
            )
        if "Name" in self.tags:
            raise ValueError("Naming.tags has a Name, which each resource gets for itself. Leave it out.")

    def tagged(self, name: str) -> dict[str, str]:
        """The tags of one resource; `name` is what people read in the console."""
        return {"Name": name, **self.tags}

    def primary(self, generation: int) -> str:
        """The identifier of the primary instance."""
        return f"{self.prefix}-db{generation_suffix(generation)}"

    def replica(self, number: int, generation: int) -> str:
        """The identifier of a read replica."""
        return f"{self.prefix}-replica-{number}{generation_suffix(generation)}"

    @staticmethod
    def schedule(identifier: str, action: str) -> str:
        """The schedule that stops or starts the instance with this identifier: `action` is "stop" or "start"."""
        return f"{identifier}-{action}"

    def final_snapshot(self, generation: int, suffix: str) -> str:
        """The snapshot that deleting the primary leaves; the suffix is 8 random characters, as a name serves once."""
        return f"{self.primary(generation)}-final-{suffix}"

    def key_alias(self, purpose: str) -> str:
        """The alias of the KMS key for a purpose."""
        return f"alias/{self.prefix}-{purpose}"

    def secret(self, role: str) -> str:
        """The Secrets Manager name of a database role's credentials."""
        return f"{self.prefix}/database/{role}"

    @property
    def pooler_secret(self) -> str:
        """The Secrets Manager name of PgBouncer's configuration."""
        return f"{self.prefix}/pooler"

    def log_group(self, identifier: str, kind: str) -> str:
        """The log group to which RDS exports a log of an instance; RDS decides this name."""
        return f"/aws/rds/instance/{identifier}/{kind}"

    def function(self, role: str) -> str:
        """The name of a Lambda function."""
        return f"{self.prefix}-{role}"

    def function_log_group(self, role: str) -> str:
        """The log group that Lambda writes a function's output to; Lambda decides this name."""
        return f"/aws/lambda/{self.function(role)}"

    @property
    def flow_log_group(self) -> str:
        """The log group of the network's VPC flow logs."""
        return f"/aws/vpc/{self.prefix}-network"

    @property
    def log_group_prefixes(self) -> list[str]:
        """What the name of every log group begins with; the key of log groups encrypts these alone."""
        return [f"/aws/{owner}/{self.prefix}-" for owner in ("rds/instance", "vpc", "lambda")]


class ProductNaming(Naming):
    """The product's own names and tags in one environment, which is a stack and has passed `check_environment`.

    `own_tags`: the stack file's, which have passed `check_tag`.
    """

    def __init__(self, environment: str, own_tags: Mapping[str, str] | None = None) -> None:
        tags = {"Environment": environment, "Project": PROJECT, "ManagedBy": "Pulumi"}
        super().__init__(f"{PRODUCT.prefix}-{environment}", tags | dict(own_tags or {}))

    @property
    def environment(self) -> str:
        """The environment, which is the stack's name."""
        return self.tags["Environment"]

    @property
    def owner_tags(self) -> dict[str, str]:
        """The tags that say whose something is: an instance, a snapshot, an application host."""
        return {key: self.tags[key] for key in ("Environment", "Project")}


def generation_suffix(generation: int) -> str:
    """What a name ends in: nothing for the first generation, `-g<n>` later."""
    return "" if generation == 1 else f"-g{generation}"


def check_tag(key: str, value: str) -> None:
    """A tag of the stack file's own. Raises Refused for one that AWS does not take, or that is ours to write."""
    if key.lower() in RESERVED_TAGS:
        raise Refused("is a tag that the program writes itself", "Choose another key")
    if key.lower().startswith(RESERVED_TAG_PREFIXES):
        raise Refused(f"begins with one of {', '.join(RESERVED_TAG_PREFIXES)}, which are kept", "Choose another key")
    for text, what, longest in ((key, "key", LONGEST_TAG_KEY), (value, "value", LONGEST_TAG_VALUE)):
        if len(text) > longest:
            raise Refused(f"has a {what} of {len(text)} characters, and {longest} fit", f"Shorten the {what}")
        if not text.strip() or not all(c.isalnum() or c == " " or c in "_.:/=+-@" for c in text):
            raise Refused(
                f"has a {what} that some services refuse",
                f"Write the {what} with letters, digits, blanks and _ . : / = + - @",
            )


def check_environment(name: str) -> None:
    """The stack's name, which becomes part of RDS identifiers. Raises Refused."""
    if not _IDENTIFIER.fullmatch(name):
        raise Refused(
            "cannot be part of an RDS identifier, which is lower-case letters, digits and single hyphens, "
            "from a letter to a letter or digit",
            "Name the stack like prod or eu-staging",
        )
    if len(name) > LONGEST_ENVIRONMENT:
        raise Refused(
            f"has {len(name)} characters, and the {VAULT_NAME_LENGTH} of a backup vault's name leave "
            f"{LONGEST_ENVIRONMENT}",
            f"Name the stack with at most {LONGEST_ENVIRONMENT} characters",
        )


def check_present_database_name(name: str, example: str = PRODUCT.database) -> None:
    """A database that may be there, made by whomever. Raises Refused, with `example` in the way out."""
    way_out = f"Choose another name, like {example}"
    _check_word(name, DATABASE_NAME_LENGTH, way_out)
    if name.lower() in NOBODYS_DATABASES:
        raise Refused("is a database that PostgreSQL or RDS has already", way_out)
    if name.lower() == "pgbouncer":
        raise Refused("is PgBouncer's own console: with an entry of that name it does not start", way_out)


def check_database_name(name: str, example: str = PRODUCT.database) -> None:
    """The database that RDS creates in a new instance. Raises Refused, with `example` in the way out."""
    way_out = f"Choose another name, like {example}"
    check_present_database_name(name, example)
    if name.lower() == "postgres":
        raise Refused("is a database that PostgreSQL or RDS has already", way_out)
    _refuse_reserved_word(name, way_out)


def check_role_name(name: str, example: str = PRODUCT.master_username) -> None:
    """A name that RDS may have given to a master user, with any version of its own rules.

    Raises Refused, with `example` in the way out.
    """
    way_out = f"Choose another name, like {example}"
    _check_word(name, ROLE_NAME_LENGTH, way_out)
    if name.lower() in NOBODYS_USERNAMES:
        raise Refused("is a name that RDS or PostgreSQL keeps for itself", way_out)
    if name.lower().startswith("pg_"):
        raise Refused("begins with pg_, which PostgreSQL keeps for itself", way_out)


def check_master_username(name: str, example: str = PRODUCT.master_username) -> None:
    """The user that RDS makes the master of a new instance. Raises Refused, with `example` in the way out."""
    check_role_name(name, example)
    way_out = f"Choose another name, like {example}"
    _check_word(name, MASTER_USERNAME_LENGTH, way_out)
    lower = name.lower()
    if lower == "postgres":
        raise Refused("is the default name, which every attacker tries first (Security Hub RDS.25)", way_out)
    if lower in RESERVED_USERNAMES:
        raise Refused("is a name that RDS or PostgreSQL keeps for itself", way_out)
    if lower.startswith("rds_"):  # rds_superuser, rds_iam, rds_replication, rds_password exist on every instance
        raise Refused("begins with rds_, as the roles do that RDS makes itself", way_out)
    _refuse_reserved_word(name, way_out)


def check_webhook_name(name: str) -> None:
    """What a webhook is called, which becomes part of a resource's name. Raises Refused."""
    if not _IDENTIFIER.fullmatch(name):
        raise Refused("is not lower-case letters, digits and single hyphens", "Name it like pagerduty")


def check_port(port: int) -> None:
    """The TCP port of the database. Raises Refused. PostgreSQL has no ports inside the range that RDS keeps."""
    if port not in PORTS:
        raise Refused(f"is not {PORTS[0]} to {PORTS[-1]}, the ports that RDS offers", "Choose one of them, like 5432")


def _check_word(name: str, length: int, way_out: str) -> None:
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name):
        raise Refused("is not a letter followed by letters, digits and underscores, as RDS asks for", way_out)
    if len(name) > length:
        raise Refused(f"has {len(name)} characters, and RDS takes at most {length}", "Shorten it")


def _refuse_reserved_word(name: str, way_out: str) -> None:
    if name.lower() in RESERVED_WORDS:
        raise Refused("is a reserved word of PostgreSQL 16", way_out)
