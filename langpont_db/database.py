"""`Database`: sessions that write to the primary, that read from replicas, and that route between them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.orm import Session

from langpont_db import outputs
from langpont_db.connections import Connector
from langpont_db.engines import READING, engine, renew_pool
from langpont_db.forks import renew_after_fork
from langpont_db.replicas import PrimaryLsn, Replica, Rotation
from langpont_db.sessions import ReadSession, RoutedSession, guard
from langpont_db.settings import PURPOSES, Purpose, Settings, read


class Database:
    """SQLAlchemy engines of the primary and its replicas. Make one for a process, at its start; it connects when used.

    It may be shared by threads, and by processes that are forked later; a session may not.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        primary = Connector(settings.primary, settings.timeouts)
        self.write_engine = engine(
            primary,
            pool_size=settings.primary_pool.size,
            max_overflow=settings.primary_pool.max_overflow,
            pool_timeout=settings.pool_timeout_seconds,
            pool_recycle=settings.pool_recycle_seconds,
            pool_pre_ping=True,
        )
        self._reading_primary = self.write_engine.execution_options(postgresql_readonly=True, **READING)
        self._position = PrimaryLsn(primary, settings.timeouts)
        self._rotation = Rotation(
            {
                purpose: tuple(
                    Replica(
                        Connector(endpoint, settings.timeouts), settings.limits[purpose], settings, self._position.now
                    )
                    for endpoint in settings.replicas[purpose]
                )
                for purpose in PURPOSES
            }
        )
        for purpose in PURPOSES:
            for replica in self.read_engines(purpose):
                event.listen(replica, "before_cursor_execute", guard)
        renew_after_fork(self)

    def after_fork(self) -> None:
        """Begin anew in a forked child; what is open stays the parent's."""
        renew_pool(self.write_engine)
        self._position.after_fork()
        for replicas in self._rotation.replicas.values():
            for replica in replicas:
                replica.after_fork()

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> Database:
        """Create one from environment variables; README.md lists them. Raises `SettingsRefused` with all problems."""
        return cls(read(environ))

    @classmethod
    def from_stack_outputs(cls, stack_outputs: str | Mapping[str, Any]) -> Database:
        """Create one from what `pulumi stack output --json` prints, as text or parsed. Raises `SettingsRefused`.

        Passwords are read from Secrets Manager, servers reached through this host's PgBouncer.
        """
        found = outputs.loads(stack_outputs) if isinstance(stack_outputs, str) else stack_outputs
        return cls(read(outputs.environment(found)))

    def __repr__(self) -> str:
        replicas = ", ".join(
            f"{len(found)} for {purpose}" for purpose, found in self._settings.replicas.items() if found
        )
        return f"Database({self._settings.primary.address}, replicas: {replicas or 'none'})"

    def read_engines(self, purpose: Purpose = "reads") -> tuple[Engine, ...]:
        """The engine of each replica, in the environment's order. Every transaction there is read only."""
        return tuple(replica.engine for replica in self._rotation.replicas[_checked(purpose)])

    def get_write_session(self) -> Session:
        """A session on the primary."""
        return Session(self.write_engine)

    def get_read_session(self, purpose: Purpose = "reads") -> ReadSession:
        """A session that only reads, whatever the statement: on a healthy replica, else on the primary."""
        return ReadSession(self._rotation, _checked(purpose), self._reading_primary)

    def session(self) -> RoutedSession:
        """A session that routes by itself: what is certain to read to a replica, all else to the primary."""
        return RoutedSession(self._rotation, self.write_engine)

    def dispose(self) -> None:
        """Close all connections that are not in use. It can be used again."""
        self._position.dispose()
        for each in (self.write_engine, *(e for purpose in PURPOSES for e in self.read_engines(purpose))):
            each.dispose()


def _checked(purpose: Purpose) -> Purpose:
    if purpose not in PURPOSES:
        raise ValueError(f"{purpose!r} is no purpose of a replica. They are {', '.join(PURPOSES)}.")
    return purpose
