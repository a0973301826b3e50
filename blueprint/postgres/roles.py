"""The database's roles: who logs in how, through what, who reads whose secret, and what each may do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import Any, Final


class Login(Enum):
    """How a role proves who it is."""

    PASSWORD = "password"
    IAM = "IAM token"
    NONE = "no login"


class Audience(Enum):
    """Whose IAM policy may read the role's secret. `None` of them reads the master's."""

    APPLICATION = "application"
    MIGRATION = "migration"


class Access(Enum):
    """What a role may do with tables and sequences of a schema, those made later by the owner included."""

    READ = "read"
    WRITE = "read and write"  # rows, not the tables themselves: no TRUNCATE, no trigger, no foreign key to them


OWNER: Final = "langpont_owner"
OPERATOR: Final = "langpont_operator"

# What the application's tables stand in (the custom metrics read one table of each).
SCHEMAS: Final = ("analytics", "translations", "monitoring")

# Of the database, since RDS has no such parameter (E25).
DATABASE_SETTINGS: Final[Mapping[str, str]] = MappingProxyType({"default_text_search_config": "pg_catalog.english"})


@dataclass(frozen=True, kw_only=True)
class Role:
    """One role.

    pooled: its verifier is in PgBouncer's user list, so that a login passes through. access: by schema. becomes: roles
    that it may SET ROLE to; it has nothing of theirs before. member_of: roles of PostgreSQL whose rights it has.
    statement_timeout_seconds: 0 is none, so that a timeout of the whole server does not hit it; None sets nothing.
    """

    name: str
    login: Login
    purpose: str
    pooled: bool = False
    audience: Audience | None = None
    access: Mapping[str, Access] = field(default_factory=dict)
    becomes: tuple[str, ...] = ()
    member_of: tuple[str, ...] = ()
    statement_timeout_seconds: int | None = None


def _everywhere(access: Access) -> Mapping[str, Access]:
    return MappingProxyType(dict.fromkeys(SCHEMAS, access))


ROLES = (
    Role(name=OWNER, login=Login.NONE, purpose="owns schemas and tables; nobody logs in as it"),
    Role(
        name="langpont_migrator",
        login=Login.PASSWORD,
        purpose="changes schemas, as the owner, during a deploy; direct, because migrations need a session",
        audience=Audience.MIGRATION,
        becomes=(OWNER,),
        statement_timeout_seconds=0,  # an index build takes what it takes
    ),
    Role(
        name="langpont_app",
        login=Login.PASSWORD,
        purpose="reads and writes, owns nothing",
        pooled=True,
        audience=Audience.APPLICATION,
        access=_everywhere(Access.WRITE),
        statement_timeout_seconds=30,  # nobody waits for a page that long
    ),
    Role(
        name="langpont_readonly",
        login=Login.PASSWORD,
        purpose="reads, on replicas or the primary",
        pooled=True,
        audience=Audience.APPLICATION,
        access=_everywhere(Access.READ),
        statement_timeout_seconds=60,  # reports; what takes longer is no request of a user
    ),
    Role(
        name="langpont_metrics",
        login=Login.PASSWORD,
        purpose="runs the custom metrics' statements; pg_monitor, to ask each instance about its sessions",
        access=_everywhere(Access.READ),
        member_of=("pg_monitor",),
        statement_timeout_seconds=10,  # a metric that costs more than it tells
    ),
    Role(
        name=OPERATOR,
        login=Login.IAM,
        purpose="people on call: pg_monitor, by an IAM token, no password",
        member_of=("pg_monitor",),
    ),
)

PASSWORD_ROLES = tuple(role.name for role in ROLES if role.login is Login.PASSWORD)
POOLED_ROLES = tuple(role.name for role in ROLES if role.pooled)


def readable_by(audience: Audience) -> tuple[str, ...]:
    """Names of the roles whose secret that audience's policy may read."""
    return tuple(role.name for role in ROLES if role.audience is audience)


def definition(*, database: str, master: str) -> dict[str, Any]:
    """JSON of all roles for the roles function. `master`: the user that RDS makes an instance with."""
    return {
        "database": database,
        "master": master,
        "owner": OWNER,
        # The owner's own is the first of its search_path ("$user"): a migration tool's table of versions goes there.
        "schemas": [*SCHEMAS, OWNER],
        "settings": dict(DATABASE_SETTINGS),
        "roles": [
            {
                "name": role.name,
                "login": role.login.name.lower(),
                "pooled": role.pooled,
                "access": {schema: access.name.lower() for schema, access in role.access.items()},
                "becomes": list(role.becomes),
                "memberOf": list(role.member_of),
                "statementTimeoutSeconds": role.statement_timeout_seconds,
            }
            for role in ROLES
        ],
    }
