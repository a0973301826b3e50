"""`AsyncDatabase`: what `Database` is, for asyncio. SQLAlchemy runs the same sessions in greenlets beside the loop."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, ClassVar, cast

from sqlalchemy.ext import asyncio
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from langpont_db import connections
from langpont_db.connections import AnyConnection
from langpont_db.database import Database, settings_of
from langpont_db.sessions import PositionedSession
from langpont_db.settings import Purpose, Settings, read
from langpont_db.waiting import spawn


class AsyncSession(asyncio.AsyncSession):
    """SQLAlchemy's, around one of a `Database`'s sessions. `sync_session`: that one."""

    def __init__(self, session: PositionedSession) -> None:
        super().__init__(sync_session_class=cast(Any, lambda **_: session))

    async def token(self) -> str:
        """As `PositionedSession.token`: what a session must be opened `after` to see what this one wrote or read."""
        return await spawn(lambda: cast(PositionedSession, self.sync_session).token)


class AsyncServers(Database):
    """A `Database` for greenlets of SQLAlchemy's, beside an event loop."""

    _kind: ClassVar[type[AnyConnection]] = connections.AsyncConnection


class AsyncDatabase:
    """`Database` for asyncio: the same settings, routing, deadlines and errors, on pools of its own.

    Make one for a process, at its start; it connects when used. One event loop uses it at a time: `dispose` it before
    another does.
    """

    def __init__(self, settings: Settings, *, hide_parameters: bool = False) -> None:
        self._database = AsyncServers(settings, hide_parameters=hide_parameters)
        self.write_engine = AsyncEngine(self._database.write_engine)

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ, *, hide_parameters: bool = False) -> AsyncDatabase:
        """As `Database.from_env`."""
        return cls(read(environ), hide_parameters=hide_parameters)

    @classmethod
    def from_stack_outputs(
        cls, stack_outputs: str | Mapping[str, Any], *, hide_parameters: bool = False
    ) -> AsyncDatabase:  # fmt: skip
        """As `Database.from_stack_outputs`."""
        return cls(settings_of(stack_outputs), hide_parameters=hide_parameters)

    def __repr__(self) -> str:
        return f"Async{self._database!r}"

    def read_engines(self, purpose: Purpose = "reads") -> tuple[AsyncEngine, ...]:
        """As `Database.read_engines`."""
        return tuple(map(AsyncEngine, self._database.read_engines(purpose)))

    def get_write_session(self, *, after: str | None = None, **options: Any) -> AsyncSession:
        """As `Database.get_write_session`."""
        return AsyncSession(self._database.get_write_session(after=after, **options))

    def get_read_session(
        self,
        purpose: Purpose = "reads",
        *,
        after: str | None = None,
        isolation_level: str | None = None,
        **options: Any,
    ) -> AsyncSession:
        """As `Database.get_read_session`."""
        return AsyncSession(
            self._database.get_read_session(purpose, after=after, isolation_level=isolation_level, **options)
        )

    def session(self, *, after: str | None = None, **options: Any) -> AsyncSession:
        """As `Database.session`."""
        return AsyncSession(self._database.session(after=after, **options))

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncConnection]:
        """As `Database.begin`."""
        async with self.write_engine.begin() as connection:
            yield connection

    @asynccontextmanager
    async def connect(
        self, purpose: Purpose = "reads", *, after: str | None = None, isolation_level: str | None = None
    ) -> AsyncIterator[AsyncConnection]:
        """As `Database.connect`."""
        async with self.get_read_session(purpose, after=after, isolation_level=isolation_level) as session:
            yield await session.connection()

    def status(self) -> dict[str, Any]:
        """As `Database.status`."""
        return self._database.status()

    async def dispose(self) -> None:
        """As `Database.dispose`."""
        await spawn(self._database.dispose)
