"""The SQLAlchemy engine of a migration: it goes to the primary itself, as the role that owns the tables."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from psycopg import sql
from sqlalchemy import Engine, NullPool

from langpont_db.connections import Connection
from langpont_db.engines import engine
from langpont_db.logins import Connector
from langpont_db.settings import MIGRATION_ROLE, OWNER, Timeouts, read_migration

# Whoever comes after a statement that waits for a table's lock waits too, so it must not wait for long.
LOCK_SECONDS = 5


def migration_engine(
    environ: Mapping[str, str] = os.environ,
    *,
    lock_timeout_seconds: float = LOCK_SECONDS,
    hide_parameters: bool = False,
) -> Engine:
    """An engine that logs in as DATABASE_MIGRATION_URL says and is the owner from then on. It keeps no connection.

    The owner is DATABASE_MIGRATION_ROLE, langpont_owner where that is not set.

    lock_timeout_seconds: after which a statement that waits for a lock fails with 55P03 (lock_not_available), and is to
    be tried again; 0 waits for ever. The password is the URL's or that of DATABASE_MIGRATION_SECRET_ARN. Raises
    `SettingsRefused`; connects when it is first used.
    """
    connector = Connector(read_migration(environ), Timeouts())
    owner = environ.get(MIGRATION_ROLE, "").strip() or OWNER

    def login(**more: Any) -> Connection:
        connection = connector.connect(Connection, **more)
        connection.statement_seconds = float("inf")  # an index build takes what it takes
        connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(owner)))
        connection.execute(f"SET lock_timeout = {lock_timeout_seconds * 1000:.0f}")
        connection.commit()  # a rollback would undo it
        return connection

    return engine(connector, login, pooled=False, poolclass=NullPool, hide_parameters=hide_parameters)
