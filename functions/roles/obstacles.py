"""What RDS's pre-check of a major upgrade refuses, as far as SQL shows it in one database (RDS user guide, "How to
perform a major version upgrade for RDS for PostgreSQL")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:  # the platform on one machine reads the query, and connects with another driver
    from functions.connection import Session

# Reg types: those that pg_upgrade's own check refuses, two more than AWS names. Step 1 of the runbook's
# upgrade; the platform on one machine asks the same before pg_upgrade.
QUERY: Final = """\
SELECT 'prepared transaction' AS what, gid AS name FROM pg_prepared_xacts
UNION ALL SELECT 'logical slot', slot_name FROM pg_replication_slots WHERE slot_type = 'logical'
UNION ALL SELECT 'invalid database', datname FROM pg_database WHERE datconnlimit = -2
UNION ALL SELECT 'column of a reg type', attrelid::regclass || '.' || attname
  FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
  WHERE atttypid IN ('regproc'::regtype, 'regprocedure'::regtype, 'regoper'::regtype, 'regoperator'::regtype,
                     'regconfig'::regtype, 'regdictionary'::regtype, 'regcollation'::regtype, 'regnamespace'::regtype)
    AND relkind IN ('r', 'm', 'p')
    AND relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
UNION ALL SELECT 'extension that the next major lacks', extname FROM pg_extension
  WHERE extname IN ('adminpack', 'old_snapshot')"""


def obstacles(session: Session) -> list[str]:
    """What stands in the way, each with its kind, in the session's database and on its server."""
    return [f"{what} {name}" for what, name in session.query(QUERY)]
