"""SQLAlchemy engines: their login, and errors that invalidate the whole pool after a failover."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy.engine import ExceptionContext

from langpont_db.connections import Connection, Connector

READ_ONLY = "25006"  # read_only_sql_transaction
# admin_shutdown, crash_shutdown, cannot_connect_now; class 08 are connection exceptions.
# https://www.postgresql.org/docs/16/errcodes-appendix.html
_DISCONNECTED = ("57P01", "57P02", "57P03")


# Execution options of connections whose transactions we make read only.
READING: Final = MappingProxyType({"langpont_reading": True})


def sqlstate(error: BaseException | None) -> str:
    """The SQLSTATE of a driver's error, or an empty string."""
    return str(getattr(error, "sqlstate", None) or "")


def engine(connector: Connector, login: Callable[..., Connection] | None = None, **options: Any) -> Engine:
    """Create an engine that connects through `login`, by default the connector's own. It opens nothing yet.

    Its URL holds no password, so that it can be logged.
    """
    address = connector.address
    created = create_engine(
        URL.create(
            "postgresql+psycopg", username=address.user, host=address.host, port=address.port, database=address.database
        ),
        **options,
    )

    # Not a `creator`: only this way does the driver get SQLAlchemy's own adapters.
    @event.listens_for(created, "do_connect")
    def _connect(_dialect: object, _record: object, _arguments: object, parameters: dict[str, Any]) -> Connection:
        return (login or connector.connect)(context=parameters.get("context"))

    event.listen(created, "handle_error", _mark_disconnect)
    return created


def renew_pool(renewed: Engine) -> None:
    """Give an engine a new pool in a forked child, and leave the old one's connections to the parent."""
    renewed.dispose(close=False)
    # The new pool takes the old one's listeners over, and with them the lock under which one thread of the parent may
    # have been making the first connection.
    renewed.pool.dispatch.connect._exec_once_mutex = None  # type: ignore[attr-defined]


def _mark_disconnect(context: ExceptionContext) -> None:
    """Invalidate the whole pool after a failover: the next checkout connects, and looks the host up again."""
    state = sqlstate(context.original_exception)
    if state in _DISCONNECTED or state.startswith("08") or (state == READ_ONLY and not _read_only_on_purpose(context)):
        context.is_disconnect = True


def _read_only_on_purpose(context: ExceptionContext) -> bool:
    """Whether the transaction is read only because we made it so; otherwise the primary has become a standby."""
    connection = context.connection
    return connection is None or READING.items() <= connection.get_execution_options().items()
