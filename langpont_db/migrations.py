"""The SQLAlchemy engine of a migration: it goes to the primary itself, as the role that owns the tables."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Engine, NullPool

from langpont_db.connections import Connection, Connector
from langpont_db.engines import engine
from langpont_db.settings import Timeouts, read_migration

OWNER = "langpont_owner"


def migration_engine(environ: Mapping[str, str] = os.environ) -> Engine:
    """An engine that logs in as DATABASE_MIGRATION_URL says and is langpont_owner from then on. It keeps no connection.

    The password is the URL's or that of DATABASE_MIGRATION_SECRET_ARN. Raises `SettingsRefused`; connects when it is
    first used.
    """
    connector = Connector(read_migration(environ), Timeouts())

    def login(**more: Any) -> Connection:
        connection = connector.connect(**more)
        connection.statement_seconds = float("inf")  # an index build takes what it takes
        connection.execute(f"SET ROLE {OWNER}")
        connection.commit()  # a rollback would undo it
        return connection

    return engine(connector, login, pooled=False, poolclass=NullPool)
