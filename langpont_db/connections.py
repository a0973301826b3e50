"""Opens psycopg connections with the current password, and runs queries with a timeout."""

from __future__ import annotations

import logging
import selectors
import time
from typing import Any, TypeAlias

import psycopg
from psycopg.pq import ExecStatus

from langpont_db.forks import close_after_fork
from langpont_db.passwords import Hidden
from langpont_db.settings import Endpoint, Timeouts

Connection: TypeAlias = psycopg.Connection[Any]

log = logging.getLogger("langpont_db")

# What RDS and PgBouncer say of a wrong password. libpq gives no SQLSTATE while it connects (28P01 and 28000 here).
_REFUSED = "authentication failed"


class QueryTimeout(psycopg.OperationalError):
    """A query that the server did not answer within its timeout."""


class Connector:
    """Opens connections to one database, with the current password."""

    def __init__(self, endpoint: Endpoint, timeouts: Timeouts) -> None:
        self.address = endpoint.address
        self._password = endpoint.password
        self._options: dict[str, Any] = endpoint.address.parameters() | {
            "connect_timeout": timeouts.connect,
            "keepalives": 1,
            "keepalives_idle": timeouts.keepalive_idle,
            "keepalives_interval": timeouts.keepalive_interval,
            "keepalives_count": timeouts.keepalive_count,
            # Milliseconds. libpq passes it on where the system has TCP_USER_TIMEOUT and ignores it elsewhere.
            "tcp_user_timeout": timeouts.user_timeout * 1000,
            # In transaction pooling the next statement may meet a server that was told of no prepared one.
            "prepare_threshold": None,
        }

    def connect(self, **more: Any) -> Connection:
        """Open a connection. A refused password is read again, and the login tried once more if it has changed.

        Raises `psycopg.OperationalError`, and `SecretRefused` if the password cannot be read.
        """
        hidden = self._password.read()
        try:
            return self._login(hidden, more)
        except psycopg.OperationalError as error:
            if _REFUSED not in str(error) or not self._password.renew(hidden):
                raise
        log.info("%s: the password has changed, logging in with the new one", self.address)
        return self._login(self._password.read(), more)

    def _login(self, hidden: Hidden, more: dict[str, Any]) -> Connection:
        try:
            connection = psycopg.connect(**self._options, **more, password=hidden.reveal())
        except psycopg.Error as error:
            # Without the driver's frames, whose variables hold the password: error reporters print those.
            raise error.with_traceback(None) from None
        close_after_fork(connection)
        return connection


def query(connection: Connection, statement: bytes, seconds: float) -> tuple[str | None, ...]:
    """Run one statement with a timeout and return its row, or an empty one; it returns at most one.

    The timeout is kept on this side: a server behind a pooler may be gone while the pooler is there. Raises
    `QueryTimeout`, after which the connection is of no use, and `psycopg.Error` for what the server refuses.
    """
    pgconn = connection.pgconn
    deadline = time.monotonic() + seconds
    row: tuple[str | None, ...] = ()
    try:
        pgconn.send_query(statement)
        pgconn.flush()
        with selectors.DefaultSelector() as selector:
            selector.register(pgconn.socket, selectors.EVENT_READ)
            while True:
                while pgconn.is_busy():
                    left = deadline - time.monotonic()
                    if left <= 0 or not selector.select(left):
                        raise QueryTimeout(f"no answer within {seconds:g} s")
                    pgconn.consume_input()
                result = pgconn.get_result()
                if result is None:
                    return row
                if result.status == ExecStatus.FATAL_ERROR:
                    raise psycopg.OperationalError(result.error_message.decode(errors="replace").strip())
                if result.status == ExecStatus.TUPLES_OK and result.ntuples:
                    row = tuple(
                        None if value is None else value.decode()
                        for value in (result.get_value(0, column) for column in range(result.nfields))
                    )
    except BaseException:
        connection.close()
        raise
