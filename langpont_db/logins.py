"""Logins with the current password: one that a server refuses is read again."""

from __future__ import annotations

from typing import Any, Final, cast

import psycopg

from langpont_db import cursors
from langpont_db.connections import AnyConnection, AsyncConnection, C, Connection, log
from langpont_db.forks import close_after_fork
from langpont_db.passwords import Hidden
from langpont_db.settings import Endpoint, Timeouts

# What RDS and PgBouncer say of a wrong password. libpq gives no SQLSTATE while it connects (28P01 and 28000 here).
_REFUSED = "authentication failed"

_CURSORS: Final[dict[type, Any]] = {
    Connection: (cursors.Cursor, cursors.ServerCursor),
    AsyncConnection: (cursors.AsyncCursor, cursors.AsyncServerCursor),
}


class Connector:
    """Opens connections to one database, with the current password."""

    def __init__(self, endpoint: Endpoint, timeouts: Timeouts) -> None:
        self.address = endpoint.address
        self._password = endpoint.password
        self._options: dict[str, Any] = endpoint.address.parameters() | {
            # libpq counts whole seconds, and 0 is for ever.
            "connect_timeout": max(1, round(timeouts.connect)),
            "keepalives": 1,
            "keepalives_idle": timeouts.keepalive_idle,
            "keepalives_interval": timeouts.keepalive_interval,
            "keepalives_count": timeouts.keepalive_count,
            # Milliseconds. libpq passes it on where the system has TCP_USER_TIMEOUT and ignores it elsewhere.
            "tcp_user_timeout": timeouts.user_timeout * 1000,
            # In transaction pooling the next statement may meet a server that was told of no prepared one.
            "prepare_threshold": None,
        }

    def connect(self, kind: type[C], **more: Any) -> C:
        """Open a connection. A refused password is read again, and the login tried once more if it has changed.

        Raises `psycopg.OperationalError`, and `SecretRefused` if the password cannot be read.
        """
        hidden = self._password.read()
        try:
            return self._login(kind, hidden, more)
        except psycopg.OperationalError as error:
            if _REFUSED not in str(error) or not self._password.renew(hidden):
                raise
        log.info("%s: the password has changed, logging in with the new one", self.address)
        return self._login(kind, self._password.read(), more)

    def outdated(self, connection: AnyConnection) -> bool:
        """Whether the secret names another login by now than the one that a connection was made with.

        The old one works until the next rotation, by which nobody may be left on it.
        """
        return connection.login is not None and connection.login != self._password.read()

    def _login(self, kind: type[C], hidden: Hidden, more: dict[str, Any]) -> C:
        try:
            user = {} if hidden.user is None else {"user": hidden.user}
            connection = cast(C, kind.open(**self._options | user, **more, password=hidden.reveal()))
        except BaseException as error:
            # Without the driver's frames, whose variables hold the password: error reporters print those.
            raise error.with_traceback(None) from None
        connection.login = hidden
        connection.cursor_factory, connection.server_cursor_factory = _CURSORS[kind]
        close_after_fork(connection)
        return connection
