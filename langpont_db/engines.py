"""SQLAlchemy engines: how they log in, and which errors mean that every connection of a pool leads nowhere."""

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
_GONE = ("57P01", "57P02", "57P03")


# Of connections whose transactions we make read only.
READING: Final = MappingProxyType({"langpont_reading": True})


def sqlstate(error: BaseException | None) -> str:
    """The SQLSTATE of a driver's error, or nothing."""
    return str(getattr(error, "sqlstate", None) or "")


def engine(connector: Connector, login: Callable[..., Connection] | None = None, **options: Any) -> Engine:
    """An engine that connects through `login`, by default the connector's own. It opens nothing yet.

    Its URL holds no password, so that it can be logged.
    """
    address = connector.address
    made = create_engine(
        URL.create(
            "postgresql+psycopg", username=address.user, host=address.host, port=address.port, database=address.database
        ),
        **options,
    )

    # Not a `creator`: only this way does the driver get SQLAlchemy's own adapters.
    @event.listens_for(made, "do_connect")
    def _connect(_dialect: object, _record: object, _arguments: object, parameters: dict[str, Any]) -> Connection:
        return (login or connector.connect)(context=parameters.get("context"))

    event.listen(made, "handle_error", _give_up)
    return made


def _give_up(context: ExceptionContext) -> None:
    """After a failover the whole pool is invalidated: the next checkout connects, and looks the address up again."""
    state = sqlstate(context.original_exception)
    if state in _GONE or state.startswith("08") or (state == READ_ONLY and not _asked_for(context)):
        context.is_disconnect = True


def _asked_for(context: ExceptionContext) -> bool:
    """Whether the transaction is read only because we made it so; otherwise the primary has become a standby."""
    connection = context.connection
    return connection is None or READING.items() <= connection.get_execution_options().items()
