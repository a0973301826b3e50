"""Cursors that tell their connection what they are about to send."""

from __future__ import annotations

from typing import Any, Self

import psycopg


def before_send(connection: Any, query: Any, parameters: Any) -> None:
    """Tell a connection's `before_send` what a cursor is about to send."""
    if connection.before_send is not None:
        if not isinstance(query, str):
            query = query.decode() if isinstance(query, bytes) else query.as_string(connection)
        connection.before_send(query, parameters)


class Cursor(psycopg.Cursor[Any]):
    """A cursor of a thread."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> Self:
        before_send(self.connection, query, params)
        return super().execute(query, params, **options)

    def executemany(self, query: Any, params_seq: Any, **options: Any) -> None:
        before_send(self.connection, query, params_seq)
        super().executemany(query, params_seq, **options)


class ServerCursor(psycopg.ServerCursor[Any]):
    """The same on the server."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> Self:
        before_send(self.connection, query, params)
        return super().execute(query, params, **options)


class AsyncCursor(psycopg.AsyncCursor[Any]):
    """A cursor of an event loop."""

    async def execute(self, query: Any, params: Any = None, **options: Any) -> Self:
        before_send(self.connection, query, params)
        return await super().execute(query, params, **options)

    async def executemany(self, query: Any, params_seq: Any, **options: Any) -> None:
        before_send(self.connection, query, params_seq)
        await super().executemany(query, params_seq, **options)


class AsyncServerCursor(psycopg.AsyncServerCursor[Any]):
    """The same on the server."""

    async def execute(self, query: Any, params: Any = None, **options: Any) -> Self:
        before_send(self.connection, query, params)
        return await super().execute(query, params, **options)
