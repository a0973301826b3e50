"""SQLAlchemy sessions for LangPont's applications: write to the primary, read from replicas, run migrations.

    database = Database.from_env()
    with database.session() as session:
        ...

Nothing is connected at import, nor when a `Database` is made.
"""

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

__all__ = [
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
