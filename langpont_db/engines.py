"""SQLAlchemy engines: their login, their ping, and a driver's errors as this library's own."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import MappingProxyType
from typing import Any, Final, Self, cast

import psycopg
from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DisconnectionError, InvalidatePoolError, TimeoutError
from sqlalchemy.pool import AsyncAdaptedQueuePool, ConnectionPoolEntry, PoolProxiedConnection, QueuePool

from langpont_db import metrics
from langpont_db.connections import AnyConnection, C, CommitLost, Connection, NotBegun, QueryTimeout, run
from langpont_db.errors import CommitUnknown, ConnectTimeout, PoolTimeout, StatementTimeout
from langpont_db.logins import Connector
from langpont_db.session_state import refuse_session_state

READ_ONLY = "25006"  # read_only_sql_transaction
# admin_shutdown, crash_shutdown, cannot_connect_now; class 08 are connection exceptions.
# https://www.postgresql.org/docs/16/errcodes-appendix.html
_DISCONNECTED = ("57P01", "57P02", "57P03")
# What ends one session and says nothing of the server: idle_in_transaction_session_timeout, idle_session_timeout.
_ENDED_ALONE = ("25P03", "57P05")


_PINGED: Final = "langpont_pinged"  # in a pooled connection's info, which a new connection does not have

# Execution options of connections whose transactions we make read only.
READING: Final = MappingProxyType({"langpont_reading": True})


class LimitedPool(QueuePool):
    """A pool whose error says which one it is. `name` is its address."""

    name = ""

    def connect(self) -> PoolProxiedConnection:
        """As ever. Raises `PoolTimeout`."""
        begun = time.monotonic()
        try:
            found = super().connect()
        except TimeoutError as error:
            metrics.connected(self.name, time.monotonic() - begun, timed_out=True)
            metrics.failed(PoolTimeout.__name__, self.name)
            raise PoolTimeout(
                f"{self.name}: no connection became free within {self._timeout:g} s, all {self.size()} and "
                f"{max(self.overflow(), 0)} more are in use. DATABASE_POOL_TIMEOUT_SECONDS sets the time."
            ) from error
        metrics.connected(self.name, time.monotonic() - begun)
        return found

    def recreate(self) -> Self:
        """As ever, for an engine that is disposed of."""
        made = cast(Self, super().recreate())
        made.name = self.name
        return made

    def most(self) -> int:
        """The most connections that it opens."""
        return self.size() + self._max_overflow


class AsyncLimitedPool(LimitedPool, AsyncAdaptedQueuePool):
    """The same beside an event loop."""


def sqlstate(error: BaseException | None) -> str:
    """The SQLSTATE of a driver's error, or an empty string."""
    return str(getattr(error, "sqlstate", None) or "")


def engine(
    connector: Connector,
    login: Callable[..., C],
    *,
    kind: type[AnyConnection] = Connection,
    ping: Callable[[C], object] | None = None,
    pooled: bool = True,
    **options: Any,
) -> Engine:
    """Create an engine that connects through `login`. It opens nothing yet.

    kind: of its connections; those for an event loop make it one for SQLAlchemy's `AsyncEngine`. ping: called with
    each connection that the pool gives out. pooled: whether sessions of the server are shared, so that nobody may
    change one. Its URL holds no password, so that it can be logged.
    """
    address = connector.address
    url = URL.create(
        "postgresql+psycopg", username=address.user, host=address.host, port=address.port, database=address.database
    )
    if kind is Connection:
        created = create_engine(url, **{"poolclass": LimitedPool, **options})
    else:
        from sqlalchemy.ext.asyncio import create_async_engine

        created = create_async_engine(url, **{"poolclass": AsyncLimitedPool, **options}).sync_engine
        _close_without_waiting(created.dialect)
    if isinstance(created.pool, LimitedPool):
        created.pool.name = str(address)

    # Not a `creator`: only this way does the driver get SQLAlchemy's own adapters.
    @event.listens_for(created, "do_connect")
    def _connect(dialect: Any, _record: object, _arguments: object, parameters: dict[str, Any]) -> object:
        connection = login(context=parameters.get("context"))
        if pooled:
            connection.before_send = refuse_session_state
        if not dialect.is_async:
            return connection
        return dialect.loaded_dbapi.connect(async_creator_fn=lambda: _made(connection))

    if ping is not None:

        @event.listens_for(created, "checkout")
        def _ping(_connection: object, record: ConnectionPoolEntry, _proxy: object) -> None:
            connection = cast(C, record.driver_connection)
            new = not record.info.get(_PINGED)
            if connection.closed:
                raise DisconnectionError("closed when it was given back")
            if not new and connector.outdated(connection):
                raise DisconnectionError("the secret names another login by now")
            try:
                ping(connection)
            except QueryTimeout:
                raise
            except psycopg.OperationalError as error:
                if new:
                    raise
                # Closed while it lay in the pool, as the others there will have been. The pool connects once more.
                raise InvalidatePoolError(str(error)) from error
            if new:
                record.info[_PINGED] = True

    event.listen(created, "handle_error", _translate)
    return created


async def _made(connection: C) -> C:
    return connection


def _close_without_waiting(dialect: Any) -> None:
    """Let any thread close connections of an event loop, and the garbage collector too: that waits for nothing."""
    dialect.has_terminate = True
    dialect.do_close = dialect.do_terminate = lambda connection: connection.driver_connection.pgconn.finish()


def ping(connection: AnyConnection) -> None:
    """Whether the server is still there, in one round trip."""
    run(connection, b"", connection.statement_seconds)


def renew_pool(renewed: Engine) -> None:
    """Give an engine a new pool in a forked child, and leave the old one's connections to the parent."""
    renewed.dispose(close=False)
    # The new pool takes the old one's listeners over, and with them the lock under which one thread of the parent may
    # have been making the first connection.
    renewed.pool.dispatch.connect._exec_once_mutex = None  # type: ignore[attr-defined]


def _translate(context: ExceptionContext) -> None:
    """Invalidate the whole pool after a failover: the next checkout connects, and looks the host up again.

    Raises this library's error in the place of a driver's that only says how a wait ended.
    """
    error = context.original_exception
    cause = error.__cause__ if isinstance(error, NotBegun) else error
    state = sqlstate(cause)
    if state in _DISCONNECTED or state.startswith("08") or (state == READ_ONLY and not _read_only_on_purpose(context)):
        context.is_disconnect = True
    if state in _ENDED_ALONE or isinstance(cause, QueryTimeout):
        context.is_disconnect, context.invalidate_pool_on_disconnect = True, False
    kind: type[CommitUnknown] | type[StatementTimeout] | type[ConnectTimeout] | None = None
    if isinstance(error, CommitLost):
        context.is_disconnect, kind = True, CommitUnknown
    elif isinstance(cause, QueryTimeout):
        kind = StatementTimeout
    elif isinstance(error, psycopg.errors.ConnectionTimeout):
        kind = ConnectTimeout
    pool = context.engine.pool if context.engine is not None else None
    metrics.failed(kind.__name__ if kind else state or type(cause).__name__, getattr(pool, "name", None))
    if kind is None:
        return
    hide = context.engine is not None and context.engine.hide_parameters
    raise kind(
        context.statement, context.parameters, error, hide_parameters=hide, connection_invalidated=context.is_disconnect
    ) from error


def _read_only_on_purpose(context: ExceptionContext) -> bool:
    """Whether the transaction is read only because we made it so; otherwise the primary has become a standby."""
    connection = context.connection
    return connection is None or READING.items() <= connection.get_execution_options().items()
