"""The database's roles: who logs in how, through what, who reads whose secret, and what each may do.

They are rows of `product.yaml`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import Any, Final

from blueprint.postgres import pgbouncer
from blueprint.product.file import PRODUCT, RoleRow


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


# What the application's tables stand in (the custom metrics read them).
SCHEMAS: Final = PRODUCT.schemas

# Of the database: what RDS has no parameter of.
DATABASE_SETTINGS: Final[Mapping[str, str]] = MappingProxyType(PRODUCT.database_settings)


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


def _role(row: RoleRow) -> Role:
    return Role(
        name=row.name,
        login=Login[row.login.upper()],
        purpose=row.purpose,
        pooled=row.pooled,
        audience=None if row.audience is None else Audience[row.audience.upper()],
        access=MappingProxyType({schema: Access[access.upper()] for schema, access in row.access.items()}),
        becomes=row.becomes,
        member_of=row.member_of,
        statement_timeout_seconds=row.statement_timeout_seconds,
    )


ROLES: Final = tuple(map(_role, PRODUCT.roles))
# The one that nobody logs in as.
OWNER: Final = next((role.name for role in ROLES if role.login is Login.NONE), "")
PASSWORD_ROLES: Final = tuple(role.name for role in ROLES if role.login is Login.PASSWORD)
POOLED_ROLES: Final = tuple(role.name for role in ROLES if role.pooled)
# Whom an application writes as, the first that is pooled and writes; and reads as, the first that only reads, if any.
APPLICATION: Final = next(
    (r.name for r in ROLES if r.pooled and Access.WRITE in r.access.values()), next(iter(POOLED_ROLES), "")
)
READER: Final = next(
    (r.name for r in ROLES if r.pooled and r.access and Access.WRITE not in r.access.values()), APPLICATION
)
# Whom a deploy changes schemas as: the first that becomes the owner, and whose secret a migration reads.
MIGRATOR: Final = next((r.name for r in ROLES if r.becomes and r.audience is Audience.MIGRATION), "")
IAM_ROLES: Final = tuple(role.name for role in ROLES if role.login is Login.IAM)


def readable_by(audience: Audience) -> tuple[str, ...]:
    """Names of the roles whose secret that audience's policy may read."""
    return tuple(role.name for role in ROLES if role.audience is audience)


def second_login(role: str) -> str:
    """The login that a role's password is rotated to and back from: a member of the role, with its rights."""
    return f"{role}_b"


# All that the roles function may make, the second logins with them.
NAMES: Final = frozenset((*(role.name for role in ROLES), *map(second_login, PASSWORD_ROLES)))


def definition(*, database: str, master: str, rotated: bool = False) -> dict[str, Any]:
    """JSON of all roles for the roles function. `master`: the user that RDS makes an instance with.

    rotated: with a second login of each role that has a password.
    """
    rows = [_row(role) for role in ROLES]
    if rotated:
        rows += [_second(role) for role in ROLES if role.login is Login.PASSWORD]
    return {
        "database": database,
        "master": master,
        "owner": OWNER,
        # The owner's own is the first of its search_path ("$user"): a migration tool's table of versions goes there.
        "schemas": [*SCHEMAS, OWNER],
        "settings": dict(DATABASE_SETTINGS),
        "roles": rows,
    }


def rotation_definition(*, stack: str) -> dict[str, Any]:
    """JSON for the rotation function: both logins of each role, and by which metrics hosts say that they follow."""
    return {
        "stack": stack,
        "namespace": pgbouncer.NAMESPACE,
        "metric": pgbouncer.LOGIN_METRIC,
        "heartbeat": pgbouncer.MAX_WAIT_METRIC,
        "roles": {
            role.name: {"second": second_login(role.name), "pooled": role.pooled}
            for role in ROLES
            if role.login is Login.PASSWORD
        },
    }


def _row(role: Role) -> dict[str, Any]:
    return {
        "name": role.name,
        "login": role.login.name.lower(),
        "pooled": role.pooled,
        "access": {schema: access.name.lower() for schema, access in role.access.items()},
        "becomes": list(role.becomes),
        "memberOf": list(role.member_of),
        "statementTimeoutSeconds": role.statement_timeout_seconds,
    }


def _second(role: Role) -> dict[str, Any]:
    """Rights come by membership; what a role is set to does not, so it is said again."""
    own = {"name": second_login(role.name), "secondOf": role.name, "access": {}, "memberOf": [role.name]}
    return {**_row(role), **own}


def left_as_it_was(answer: Mapping[str, Any], stack: str) -> list[str]:
    """What the roles function has found and not changed, a sentence each. `answer`: what it gave when it ran last."""
    others, drift = answer.get("others") or (), answer.get("drift") or ()
    told = []
    if others:
        told.append(
            f"Of somebody else when the database's roles were made last, and left alone (docs/adopting.md): "
            f"{'; '.join(others)}."
        )
    if drift:
        told.append(
            f"Not as product.yaml has it when the database's roles were made last, and left to a person: "
            f"{'; '.join(drift)}. How it is now: python -m ops roles check -s {stack}"
        )
    return told
