"""The desired roles, schemas and settings, read from `definition.json`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal


@dataclass(frozen=True, kw_only=True)
class Role:
    """The definition of one role. The fields are those of `product.yaml`, whose schema explains them."""

    name: str
    login: Literal["password", "iam", "none"]
    pooled: bool
    access: Mapping[str, Literal["read", "write"]]
    becomes: tuple[str, ...]
    member_of: tuple[str, ...]
    statement_timeout_seconds: int | None
    second_of: str | None = None


@dataclass(frozen=True, kw_only=True)
class Definition:
    """The whole definition. `settings`: of the database."""

    database: str
    master: str
    owner: str
    schemas: tuple[str, ...]
    settings: Mapping[str, str]
    roles: tuple[Role, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the roles, without the master."""
        return tuple(role.name for role in self.roles)

    @property
    def with_password(self) -> tuple[Role, ...]:
        """Roles with a secret of their own: those that log in with a password, but for second logins."""
        return tuple(role for role in self.roles if role.login == "password" and role.second_of is None)

    @property
    def second_logins(self) -> Mapping[str, str]:
        """By role, the second login that its secret alternates with; empty where nothing is rotated."""
        return {role.second_of: role.name for role in self.roles if role.second_of is not None}

    @classmethod
    def load(cls, path: Path) -> Definition:
        """Read the file that `blueprint.postgres.roles.definition` is the content of."""
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return cls(
            database=document["database"],
            master=document["master"],
            owner=document["owner"],
            schemas=tuple(document["schemas"]),
            settings=document["settings"],
            roles=tuple(map(_role, document["roles"])),
        )


def _role(document: Mapping[str, Any]) -> Role:
    return Role(
        name=document["name"],
        login=document["login"],
        pooled=document["pooled"],
        access=document["access"],
        becomes=tuple(document["becomes"]),
        member_of=tuple(document["memberOf"]),
        statement_timeout_seconds=document["statementTimeoutSeconds"],
        second_of=document.get("secondOf"),
    )
