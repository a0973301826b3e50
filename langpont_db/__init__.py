"""SQLAlchemy sessions for LangPont's applications: write to the primary, read from replicas, run migrations.

    database = Database.from_env()
    with database.session() as session:
        ...

Nothing is connected at import, nor when a `Database` is made.
"""

from typing import TYPE_CHECKING, Any

from langpont_db.database import Database
from langpont_db.errors import (
    CommitUnknown,
    ConnectTimeout,
    PoolTimeout,
    SecretRefused,
    SecretTimeout,
    SessionStateRefused,
    SettingsRefused,
    StatementTimeout,
    WriteRefused,
)
from langpont_db.migrations import migration_engine
from langpont_db.sessions import ReadSession, RoutedSession
from langpont_db.waiting import HAS_GREENLET

if TYPE_CHECKING:
    from langpont_db.async_database import AsyncDatabase, AsyncSession

__all__ = [
    "AsyncDatabase",
    "AsyncSession",
    "CommitUnknown",
    "ConnectTimeout",
    "Database",
    "PoolTimeout",
    "ReadSession",
    "RoutedSession",
    "SecretRefused",
    "SecretTimeout",
    "SessionStateRefused",
    "SettingsRefused",
    "StatementTimeout",
    "WriteRefused",
    "migration_engine",
]


def __getattr__(name: str) -> Any:
    """Only who uses asyncio needs greenlet."""
    if name not in ("AsyncDatabase", "AsyncSession"):
        raise AttributeError(f"module 'langpont_db' has no attribute {name!r}")
    if not HAS_GREENLET:
        raise ImportError(f"{name} needs greenlet. Install it: pip install 'langpont-db[asyncio]'.")
    from langpont_db import async_database

    return getattr(async_database, name)
