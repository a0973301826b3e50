"""The database's roles: who logs in how, who reads whose secret, and whether the pooler passes the login through."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Login(Enum):
    """How a role proves who it is."""

    PASSWORD = "password"
    IAM = "IAM token"
    NONE = "no login"


class Audience(Enum):
    """Whose IAM policy may read the role's secret. `None` of them reads the master's."""

    APPLICATION = "application"
    MIGRATION = "migration"


@dataclass(frozen=True, kw_only=True)
class Role:
    """One role. `pooled`: its verifier is in PgBouncer's user list, so that a login passes through."""

    name: str
    login: Login
    purpose: str
    pooled: bool = False
    audience: Audience | None = None


OPERATOR = "langpont_operator"

ROLES = (
    Role(name="langpont_owner", login=Login.NONE, purpose="owns schemas and tables; nobody logs in as it"),
    Role(
        name="langpont_migrator",
        login=Login.PASSWORD,
        purpose="changes schemas, as the owner, during a deploy; direct, because migrations need a session",
        audience=Audience.MIGRATION,
    ),
    Role(
        name="langpont_app",
        login=Login.PASSWORD,
        purpose="reads and writes, owns nothing",
        pooled=True,
        audience=Audience.APPLICATION,
    ),
    Role(
        name="langpont_readonly",
        login=Login.PASSWORD,
        purpose="reads, on replicas or the primary",
        pooled=True,
        audience=Audience.APPLICATION,
    ),
    Role(name="langpont_metrics", login=Login.PASSWORD, purpose="runs the custom metrics' statements, nothing else"),
    Role(name=OPERATOR, login=Login.IAM, purpose="people on call: pg_monitor, by an IAM token, no password"),
)

PASSWORD_ROLES = tuple(role.name for role in ROLES if role.login is Login.PASSWORD)
POOLED_ROLES = tuple(role.name for role in ROLES if role.pooled)


def readable_by(audience: Audience) -> tuple[str, ...]:
    """Names of the roles whose secret that audience's policy may read."""
    return tuple(role.name for role in ROLES if role.audience is audience)
