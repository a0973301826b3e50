"""What RDS's pre-check of a major upgrade refuses, as far as SQL shows it in one database.

PostgreSQL's own check, `pg_upgrade --check`, knows nothing of logical slots before 17, which it would drop; the user
guide ("Upgrading the RDS for PostgreSQL DB engine") has them among what must not be there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from functions.roles.obstacles import QUERY  # data: what runs in Lambda imports nothing from here
from local.servers.connections import Connection

_WAY_OUT: Final[Mapping[str, str]] = {
    "prepared transaction": "COMMIT PREPARED '{name}' or ROLLBACK PREPARED '{name}', as who prepared it",
    "logical slot": "SELECT pg_drop_replication_slot('{name}'), and make it anew afterwards",
    "invalid database": "DROP DATABASE, of which that is a half",
    "column of a reg type": "ALTER TABLE ... ALTER COLUMN ... TYPE text",
    "extension that the next major lacks": "DROP EXTENSION {name}",
}


@dataclass(frozen=True)
class Obstacle:
    """One thing in the way: its kind as `QUERY` says it, its name, and the database that it was seen in."""

    what: str
    name: str
    database: str

    def __str__(self) -> str:
        way_out = _WAY_OUT[self.what].replace("{name}", self.name)
        return f"{self.what} {self.name} (in {self.database}): {way_out}"


def databases(session: Connection) -> list[str]:
    """The databases that can be looked into."""
    rows = session.execute(
        "SELECT datname FROM pg_database WHERE datallowconn AND datconnlimit <> -2 ORDER BY datname"
    ).fetchall()
    return [name for (name,) in rows]


def obstacles(sessions: Iterable[tuple[str, Connection]]) -> list[Obstacle]:
    """What stands in the way, each once: what belongs to the whole server shows in every database."""
    found: dict[tuple[str, str], Obstacle] = {}
    for database, session in sessions:
        with session:
            for what, name in session.execute(QUERY.encode()).fetchall():
                belongs = what in ("column of a reg type", "extension that the next major lacks")
                key = (what, f"{database}.{name}" if belongs else name)
                found.setdefault(key, Obstacle(what, name, database))
    return list(found.values())
