"""`Database`: sessions that write to the primary, that read from replicas, and that route between them."""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar, Final, TypeVar, cast

from sqlalchemy import Connection as SqlConnection
from sqlalchemy import Engine

from langpont_db import metrics, outputs
from langpont_db.connections import AnyConnection, Connection
from langpont_db.engines import READING, LimitedPool, engine, ping, renew_pool
from langpont_db.forks import renew_after_fork
from langpont_db.logins import Connector
from langpont_db.positions import Positions, to_text
from langpont_db.replicas import Replica, Rotation, primary_watch
from langpont_db.sessions import PositionedSession, ReadSession, RoutedSession
from langpont_db.settings import PURPOSES, Purpose, Settings, read
from langpont_db.watch import Watch

# Of a hot standby there is no other: SERIALIZABLE is refused there.
ISOLATION_LEVELS: Final = ("READ COMMITTED", "REPEATABLE READ")

S = TypeVar("S", bound=PositionedSession)


class Database:
    """SQLAlchemy engines of the primary and its replicas. Make one for a process, at its start; it connects when used.

    It may be shared by threads, and by processes that are forked later; a session may not. hide_parameters: of
    SQLAlchemy's create_engine, for errors and logs.
    """

    _kind: ClassVar[type[AnyConnection]] = Connection

    def __init__(self, settings: Settings, *, hide_parameters: bool = False) -> None:
        self._settings = settings
        self._positions = positions = Positions()
        every = [endpoint for purpose in PURPOSES for endpoint in settings.replicas[purpose]]
        self._watch = primary_watch(settings.primary, every[0] if every else None, settings, self._positions)
        primary, kind = Connector(settings.primary, settings.timeouts), self._kind

        def login(**more: Any) -> AnyConnection:
            connection = primary.connect(kind, **more)
            connection.statement_seconds = settings.timeouts.statement
            connection.committed = positions.commit
            return connection

        self.write_engine = engine(
            primary,
            login,
            kind=kind,
            ping=ping,
            pool_size=settings.primary_pool.size,
            max_overflow=settings.primary_pool.max_overflow,
            pool_timeout=settings.pool_timeout_seconds,
            pool_recycle=settings.pool_recycle_seconds,
            hide_parameters=hide_parameters,
        )
        self._reading_primary = self.write_engine.execution_options(postgresql_readonly=True, **READING)
        options: dict[str, Any] = {"kind": kind, "hide_parameters": hide_parameters}
        replicas = {
            purpose: tuple(
                Replica(endpoint, settings.primary, purpose, settings, positions, **options)
                for endpoint in settings.replicas[purpose]
            )
            for purpose in PURPOSES
        }
        self._rotation = Rotation(replicas, settings, positions)
        renew_after_fork(self)
        metrics.observe(self)
        # Sessions keep it. At the process's end the sockets close anyway, and waiting servers stop nobody.
        weakref.finalize(self, _release, self.write_engine, self._watch, self._rotation).atexit = False

    def after_fork(self) -> None:
        """Begin anew in a forked child; what is open stays the parent's."""
        renew_pool(self.write_engine)
        self._positions.after_fork()
        self._watch.after_fork()
        self._rotation.after_fork()

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ, *, hide_parameters: bool = False) -> Database:
        """Create one from environment variables; README.md lists them. Raises `SettingsRefused` with all problems."""
        return cls(read(environ), hide_parameters=hide_parameters)

    @classmethod
    def from_stack_outputs(
        cls, stack_outputs: str | Mapping[str, Any], *, hide_parameters: bool = False
    ) -> Database:  # fmt: skip
        """Create one from what `pulumi stack output --json` prints, as text or parsed. Raises `SettingsRefused`.

        Passwords are read from Secrets Manager, servers reached through this host's PgBouncer.
        """
        return cls(settings_of(stack_outputs), hide_parameters=hide_parameters)

    def __repr__(self) -> str:
        replicas = ", ".join(
            f"{len(found)} for {purpose}" for purpose, found in self._settings.replicas.items() if found
        )
        return f"Database({self._settings.primary.address}, replicas: {replicas or 'none'})"

    def read_engines(self, purpose: Purpose = "reads") -> tuple[Engine, ...]:
        """The engine of each replica, in the environment's order. Every transaction there is read only."""
        return tuple(replica.engine for replica in self._rotation.replicas[_checked(purpose)])

    # Sessions. `options` are those of SQLAlchemy's Session, such as expire_on_commit. `after`: the token of another
    # session, of this process or another, whose writes must be seen.

    def get_write_session(self, *, after: str | None = None, **options: Any) -> PositionedSession:
        """A session on the primary."""
        seconds = self._settings.timeouts.position
        return self._kept(PositionedSession(self._positions, seconds, after, bind=self.write_engine, **options))

    def get_read_session(
        self,
        purpose: Purpose = "reads",
        *,
        after: str | None = None,
        isolation_level: str | None = None,
        **options: Any,
    ) -> ReadSession:
        """A session that only reads, whatever the statement: on a healthy replica, else on the primary.

        isolation_level: "REPEATABLE READ" for a report whose statements all see one snapshot.
        """
        if isolation_level not in (None, *ISOLATION_LEVELS):
            raise ValueError(
                f"{isolation_level!r} is no isolation level of a replica. They are {', '.join(ISOLATION_LEVELS)}."
            )
        primary = self._reading_primary
        if isolation_level is not None:
            primary = primary.execution_options(isolation_level=isolation_level)
        return self._kept(ReadSession(
            self._rotation, self._positions, _checked(purpose), primary,
            seconds=self._settings.timeouts.position, after=after, isolation_level=isolation_level, **options,
        ))  # fmt: skip

    def session(self, *, after: str | None = None, **options: Any) -> RoutedSession:
        """A session that routes by itself: what is certain to read to a replica, all else to the primary."""
        return self._kept(RoutedSession(
            self._rotation, self._positions, "reads", self.write_engine,
            seconds=self._settings.timeouts.position, after=after, **options,
        ))  # fmt: skip

    def _kept(self, session: S) -> S:
        session.database = self
        return session

    # The same without the ORM.

    @contextmanager
    def begin(self) -> Iterator[SqlConnection]:
        """A connection to the primary in a transaction, which is committed at the end: `write_engine.begin()`."""
        with self.write_engine.begin() as connection:
            yield connection

    @contextmanager
    def connect(
        self, purpose: Purpose = "reads", *, after: str | None = None, isolation_level: str | None = None
    ) -> Iterator[SqlConnection]:
        """A connection in a read-only transaction, to a replica that has what it must see, else to the primary."""
        with self.get_read_session(purpose, after=after, isolation_level=isolation_level) as session:
            yield session.connection()

    def pools(self) -> list[LimitedPool]:
        """The pool of each server, the primary's first."""
        engines = [
            self.write_engine,
            *(replica.engine for found in self._rotation.replicas.values() for replica in found),
        ]
        return [cast(LimitedPool, engine.pool) for engine in engines]

    def status(self) -> dict[str, Any]:
        """What is known of the servers, the pools and the reads so far, for a health endpoint. It asks nobody.

        primary.position: None while the primary does not answer its watch, or nobody has read yet. replicas: `fault` is
        why one is out of the rotation. reads: units of work by where they went, and why, since the process began.
        """
        return {
            "primary": {
                "address": str(self._settings.primary.address),
                "position": to_text(self._positions.primary or 0) or None,
                "pool": self.write_engine.pool.status(),
            },
            "replicas": [
                {
                    "address": str(replica.address),
                    "purpose": purpose,
                    "fault": replica.fault,
                    "busy": replica.busy(),
                    "lagBytes": replica.lag_bytes(),
                    "pool": replica.engine.pool.status(),
                }
                for purpose, replicas in self._rotation.replicas.items()
                for replica in replicas
            ],
            "reads": self._rotation.counts,
        }

    def dispose(self) -> None:
        """Close all connections that are not in use. It can be used again."""
        for watch in _release(self.write_engine, self._watch, self._rotation):
            watch.wait_until_stopped()


def settings_of(stack_outputs: str | Mapping[str, Any]) -> Settings:
    """The settings that a stack's outputs stand for. Raises `SettingsRefused`."""
    found = outputs.loads(stack_outputs) if isinstance(stack_outputs, str) else stack_outputs
    return read(outputs.environment(found))


def _release(write_engine: Engine, watch: Watch, rotation: Rotation) -> list[Watch]:
    """Close all connections that are not in use. The watches stop in a moment."""
    watch.stop()
    write_engine.dispose()
    return [watch, *(replica.stop() for replicas in rotation.replicas.values() for replica in replicas)]


def _checked(purpose: Purpose) -> Purpose:
    if purpose not in PURPOSES:
        raise ValueError(f"{purpose!r} is no purpose of a replica. They are {', '.join(PURPOSES)}.")
    return purpose
