"""What RDS's pre-check of a major upgrade refuses, as far as SQL shows it in one database.

PostgreSQL's own check, `pg_upgrade --check`, knows nothing of logical slots before 17, which it would drop; the user
guide ("Upgrading the RDS for PostgreSQL DB engine") has them among what must not be there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from local.servers.connections import Connection

# Also asked by the roles function for `ops doctor`, and step 1 of the runbook's upgrade.
QUERY: Final = """\
SELECT 'prepared transaction' AS what, gid AS name FROM pg_prepared_xacts
UNION ALL SELECT 'logical slot', slot_name FROM pg_replication_slots WHERE slot_type = 'logical'
UNION ALL SELECT 'invalid database', datname FROM pg_database WHERE datconnlimit = -2
UNION ALL SELECT 'column of a reg type', attrelid::regclass || '.' || attname
  FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
  WHERE atttypid IN ('regproc'::regtype, 'regprocedure'::regtype, 'regoper'::regtype, 'regoperator'::regtype,
                     'regconfig'::regtype, 'regdictionary'::regtype)
    AND relkind IN ('r', 'm', 'p')
    AND relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
UNION ALL SELECT 'extension that the next major lacks', extname FROM pg_extension
  WHERE extname IN ('adminpack', 'old_snapshot')"""

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
