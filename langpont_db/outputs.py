"""Environment variables of an application and a migration, from `pulumi stack output --json`. They hold no secret."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import quote

from langpont_db.errors import SettingsRefused
from langpont_db.settings import (
    MIGRATION_ROLE,
    MIGRATION_SECRET,
    MIGRATION_URL,
    OWNER,
    PRIMARY_SECRET,
    PRIMARY_URL,
    REGION,
    REPLICA_SECRET,
    REPLICA_URLS,
)

# Of outputs from before they named roles, which are LangPont's.
ROLES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "application": "langpont_app",
        "reader": "langpont_readonly",
        "migrator": "langpont_migrator",
        "owner": OWNER,
    }
)
POOLER_HOST = "127.0.0.1"  # each application host has its own PgBouncer


def loads(text: str) -> Mapping[str, Any]:
    """Parse the outputs' JSON. Raises `SettingsRefused` for a text that is no JSON object."""
    try:
        outputs = json.loads(text)
    except ValueError:
        outputs = None
    if not isinstance(outputs, dict):
        raise SettingsRefused("Stack outputs", ["this is no JSON object. Give what pulumi stack output --json prints."])
    return outputs


def environment(outputs: Mapping[str, Any]) -> dict[str, str]:
    """The variables that `Database.from_env` reads. Every URL leads through the host's own PgBouncer.

    Raises `SettingsRefused` naming every output that is missing or of another type.
    """
    reader = _Reader(outputs)
    application, replica_reader = reader.role("application"), reader.role("reader")
    port = reader.integer("poolerPort")
    primary = reader.text("poolerEntry")
    replicas: dict[str, list[str]] = {purpose: [] for purpose in REPLICA_URLS}
    for path in reader.rows("replicas"):
        replicas[reader.choice(f"{path}.purpose", tuple(REPLICA_URLS))].append(reader.text(f"{path}.poolerEntry"))
    found = {
        PRIMARY_URL: _pooled(application, port, primary),
        PRIMARY_SECRET: reader.secret_of(application),
    }
    for purpose, name in REPLICA_URLS.items():
        if replicas[purpose]:
            found[name] = ",".join(_pooled(replica_reader, port, entry) for entry in replicas[purpose])
    found |= {
        REPLICA_SECRET: reader.secret_of(replica_reader),
        "DATABASE_PRIMARY_POOL_SIZE": str(reader.integer("pools.primary.size")),
        "DATABASE_PRIMARY_MAX_OVERFLOW": str(reader.integer("pools.primary.maxOverflow")),
        "DATABASE_REPLICA_POOL_SIZE": str(reader.integer("pools.replica.size")),
        "DATABASE_REPLICA_MAX_OVERFLOW": str(reader.integer("pools.replica.maxOverflow")),
        "DATABASE_POOL_TIMEOUT_SECONDS": str(reader.integer("pools.timeoutSeconds")),
        "DATABASE_POOL_RECYCLE_SECONDS": str(reader.integer("pools.recycleSeconds")),
        REGION: reader.text("region"),
    }
    reader.finish()
    return found


def migration_environment(outputs: Mapping[str, Any]) -> dict[str, str]:
    """The variables that `migration_engine` reads. The URL leads to the primary itself: migrations need a session.

    Raises `SettingsRefused` naming every output that is missing or of another type.
    """
    reader = _Reader(outputs)
    migrator = reader.role("migrator")
    host, port, database = reader.text("primaryEndpoint"), reader.integer("port"), reader.text("databaseName")
    found = {
        MIGRATION_URL: f"postgresql://{migrator}@{host}:{port}/{quote(database, safe='')}",
        MIGRATION_SECRET: reader.secret_of(migrator),
        MIGRATION_ROLE: reader.role("owner"),
        REGION: reader.text("region"),
    }
    reader.finish()
    return found


def _pooled(user: str, port: int, entry: str) -> str:
    return f"postgresql://{user}@{POOLER_HOST}:{port}/{quote(entry, safe='')}?sslmode=disable"


class _Reader:
    """Reads values by path, such as `pools.primary.size` or `replicas[0].purpose`, and collects all problems."""

    def __init__(self, outputs: Mapping[str, Any]) -> None:
        self._outputs = outputs
        self._problems: list[str] = []

    def finish(self) -> None:
        """Raises `SettingsRefused` if anything was wrong."""
        if self._problems:
            raise SettingsRefused("Stack outputs", self._problems)

    def text(self, path: str) -> str:
        """A string that is not empty."""
        return str(self._value(path, "a string", lambda value: isinstance(value, str) and value != "") or "")

    def role(self, purpose: str) -> str:
        """The name of the role with a purpose, such as `application`."""
        return self.text(f"roles.{purpose}") if "roles" in self._outputs else ROLES[purpose]

    def secret_of(self, role: str) -> str:
        """The ARN of a role's secret; of one whose name is a problem already, none."""
        return self.text(f"secretArns.{role}") if role else ""

    def integer(self, path: str) -> int:
        """A whole number; JSON's true is none. A StackReference gives Python programs every number as a float."""
        return int(self._value(path, "an integer", _is_whole) or 0)

    def choice(self, path: str, choices: tuple[str, ...]) -> str:
        """One of some words."""
        found = self._value(path, f"one of {', '.join(choices)}", lambda value: value in choices)
        return str(found or choices[0])

    def rows(self, path: str) -> list[str]:
        """The path of each element of an array."""
        found = self._value(path, "an array", lambda value: isinstance(value, list))
        return [f"{path}[{position}]" for position in range(len(found or ()))]

    def _value(self, path: str, kind: str, fits: Callable[[Any], bool]) -> Any:
        value: Any = self._outputs
        for key in path.replace("[", ".[").split("."):
            try:
                value = value[int(key[1:-1])] if key.startswith("[") else value[key]
            except (KeyError, TypeError):
                self._problems.append(f"{path}, {kind}, is missing.")
                return None
        if not fits(value):
            self._problems.append(f"{path} is {_kind(value)}, not {kind}.")
            return None
        return value


def _is_whole(value: object) -> bool:
    return type(value) is int or (isinstance(value, float) and value.is_integer())


def _kind(value: object) -> str:
    """A JSON value's type, and the value itself where it is short and no secret: outputs hold none."""
    if value is None:
        return "null"
    if isinstance(value, list | dict):
        return "an array" if isinstance(value, list) else "an object"
    return json.dumps(value)
