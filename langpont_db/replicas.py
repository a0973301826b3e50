"""Health checks of read replicas: which are in the rotation, found out by those who are about to read from one."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import psycopg
from sqlalchemy import Connection, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, InvalidatePoolError, InvalidRequestError
from sqlalchemy.pool import QueuePool

from langpont_db import connections
from langpont_db.connections import Connector, QueryTimeout, log, query
from langpont_db.engines import READING, engine, renew_pool
from langpont_db.errors import SecretRefused
from langpont_db.settings import Limit, Purpose, Settings, Timeouts

# Functions that every role may call. Positions are bytes of WAL since the cluster's beginning.
_LSN_QUERY = b"SELECT pg_current_wal_lsn() - '0/0'"
_STATE_QUERY = (
    b"SELECT pg_is_in_recovery(), pg_last_wal_replay_lsn() - '0/0', pg_last_wal_receive_lsn() - '0/0', "
    b"extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())"
)
_BEGIN = b"BEGIN READ ONLY"
_FIRST_RETRY_SECONDS = 0.5


@dataclass(frozen=True, kw_only=True)
class ReplicaState:
    """A replica's recovery state. Positions are bytes of WAL; `quiet_seconds`: since the last commit it replayed."""

    in_recovery: bool
    replayed: int | None
    received: int | None
    quiet_seconds: float | None


def unhealthy_reason(state: ReplicaState, primary: int | None, limit: Limit) -> str | None:
    """Replication lag check: why the replica must not serve reads, or None.

    `primary`: where the primary's log ends, asked before the state; None if it did not answer, and then what the
    replica has received stands for it. Time counts only while bytes are missing: on an idle primary it grows by
    itself. So the first write after a quiet hour may make a replica late until the next check; the primary serves
    meanwhile.
    """
    if not state.in_recovery:
        return "is no replica any more"
    end = state.received if primary is None else primary
    behind = None if end is None or state.replayed is None else end - state.replayed
    if behind is not None and behind <= 0:
        return None
    if behind is not None and behind > limit.lag_bytes:
        return f"is {behind} bytes behind, more than {limit.lag_bytes}"
    if state.quiet_seconds is None or state.quiet_seconds > limit.lag_seconds:
        since = "ever" if state.quiet_seconds is None else f"for {state.quiet_seconds:.0f} s"
        return f"is behind and has replayed no commit {since}, more than {limit.lag_seconds:g} s"
    return None


class PrimaryLsn:
    """The primary's pg_current_wal_lsn(), at most `check` seconds old; None while the primary does not answer."""

    def __init__(self, connector: Connector, timeouts: Timeouts) -> None:
        self._timeouts = timeouts
        # One connection of its own: the engine's may all be in use, or wait for a server that is gone.
        self._pool = QueuePool(lambda: cast(DBAPIConnection, connector.connect()), pool_size=1, max_overflow=0)
        self._lock = threading.Lock()
        self._value: int | None = None
        self._due = 0.0

    def now(self) -> int | None:
        """The position in bytes of WAL. One thread asks when it is time; the others go on with what was known."""
        if self._lock.acquire(blocking=False):
            try:
                if time.monotonic() >= self._due:
                    self._value = self._query()
                    pause = self._timeouts.retry if self._value is None else self._timeouts.check
                    self._due = time.monotonic() + pause
            finally:
                self._lock.release()
        return self._value

    def after_fork(self) -> None:
        """Begin anew in a forked child."""
        self._pool = self._pool.recreate()
        self._lock = threading.Lock()

    def dispose(self) -> None:
        """Close the connection."""
        self._pool.dispose()

    def _query(self) -> int | None:
        try:
            found = self._pool.connect()
        except (psycopg.Error, SecretRefused):
            return None
        try:
            connection = found.driver_connection
            assert isinstance(connection, psycopg.Connection)
            (position,) = query(connection, _LSN_QUERY, self._timeouts.answer)
            return int(position or 0)
        except psycopg.Error:
            found.invalidate()
            return None
        finally:
            found.close()


class Replica:
    """One read replica: its engine, and whether it is in the rotation.

    A connection that its engine gives out has begun a read-only transaction: that is the pre-ping, and it holds even if
    the replica has become a primary. The server's lag is checked on such an occasion if the last check is too old.
    """

    def __init__(
        self, connector: Connector, limit: Limit, settings: Settings, position: Callable[[], int | None]
    ) -> None:
        self._connector = connector
        self._limit = limit
        self._timeouts = settings.timeouts
        self._position = position
        self._lock = threading.Lock()
        self._fault: str | None = None
        self._pause = _FIRST_RETRY_SECONDS
        self._check_at = self._retry_at = 0.0
        self.engine = engine(
            connector,
            self._login,
            pool_size=settings.replica_pool.size,
            max_overflow=settings.replica_pool.max_overflow,
            pool_timeout=settings.pool_timeout_seconds,
            pool_recycle=settings.pool_recycle_seconds,
            execution_options=READING,
        )
        event.listen(self.engine, "checkout", self._begin)
        event.listen(self.engine, "rollback", self._roll_back)

    def __repr__(self) -> str:
        return f"Replica({self._connector.address})"

    def after_fork(self) -> None:
        """Begin anew in a forked child."""
        self._lock = threading.Lock()
        renew_pool(self.engine)

    def open(self) -> Connection | None:
        """A connection in a read-only transaction, or None if the replica is out of the rotation.

        Raises `sqlalchemy.exc.TimeoutError` if its pool is exhausted, which is no fault of the replica.
        """
        out = self._fault is not None
        if out and not self._may_retry():
            return None
        try:
            connection = self.engine.connect()
        except (DBAPIError, InvalidRequestError, SecretRefused) as error:
            self.failed(str(getattr(error, "orig", error)).strip(), again=out)
            return None
        if self._fault is None:
            return connection
        connection.close()
        return None

    def failed(self, reason: str, *, again: bool = False) -> None:
        """Take it out of the rotation. It is tried again soon, and `again` and again less and less often."""
        with self._lock:
            if self._fault is None:
                self._pause = _FIRST_RETRY_SECONDS
            elif again:
                self._pause = min(self._timeouts.retry, self._pause * 2)
            else:
                return  # others saw it too
            self._take_out(reason, self._pause)
            self._check_at = 0.0

    def _may_retry(self) -> bool:
        """Whether it is time for one thread to try it again."""
        with self._lock:
            now = time.monotonic()
            if now < self._retry_at:
                return False
            self._retry_at = now + self._timeouts.connect + 2 * self._timeouts.answer  # nobody else meanwhile
            return True

    def _take_out(self, reason: str, pause: float) -> None:
        if self._fault is None:
            log.warning("replica %s leaves the rotation: %s", self._connector.address, reason)
        self._fault, self._retry_at = reason, time.monotonic() + pause

    def _login(self, **more: object) -> connections.Connection:
        """Log in and run a query: PgBouncer lets everybody in, its server there or not."""
        connection = self._connector.connect(**more)
        query(connection, b"SELECT 1", self._timeouts.answer)
        connection.read_only = True  # for a transaction that is begun after ours
        return connection

    def _begin(self, connection: connections.Connection, _record: object, _proxy: object) -> None:
        try:
            if self._check_due():
                self._check(connection)
            query(connection, _BEGIN, self._timeouts.answer)
        except QueryTimeout:
            raise
        except psycopg.OperationalError as error:
            # It was closed while it lay in the pool, as the others there will have been. The pool connects once more.
            raise InvalidatePoolError(str(error)) from error

    def _roll_back(self, connection: Connection) -> None:
        """Roll back before SQLAlchemy does, which raises: a replica that stops after a read does not spoil it."""
        if connection.closed or connection.invalidated:
            return
        driver = connection.connection.driver_connection
        assert isinstance(driver, psycopg.Connection)
        try:
            query(driver, b"ROLLBACK", self._timeouts.answer)
        except psycopg.Error:
            connection.invalidate()

    def _check_due(self) -> bool:
        with self._lock:
            now = time.monotonic()
            due = now >= self._check_at
            if due:
                self._check_at = now + self._timeouts.check
            return due

    def _check(self, connection: connections.Connection) -> None:
        end = self._position()
        in_recovery, replayed, received, quiet = query(connection, _STATE_QUERY, self._timeouts.answer)
        state = ReplicaState(
            in_recovery=in_recovery == "t",
            replayed=None if replayed is None else int(replayed),
            received=None if received is None else int(received),
            quiet_seconds=None if quiet is None else float(quiet),
        )
        found = unhealthy_reason(state, end, self._limit)
        with self._lock:
            if found is not None:
                self._take_out(found, self._timeouts.check)
                return
            if self._fault is not None:
                log.info("replica %s is back in the rotation", self._connector.address)
            self._fault = None


class Rotation:
    """Round robin over the replicas of each purpose."""

    def __init__(self, replicas: Mapping[Purpose, Sequence[Replica]]) -> None:
        self.replicas = replicas
        self._turns = {purpose: itertools.count() for purpose in replicas}

    def open(self, purpose: Purpose) -> tuple[Replica, Connection] | None:
        """A connection to the next replica that is in the rotation, in a read-only transaction; None if none is.

        Raises `sqlalchemy.exc.TimeoutError` if the pool of that one is exhausted.
        """
        replicas = self.replicas[purpose]
        first = next(self._turns[purpose])
        for turn in range(len(replicas)):
            replica = replicas[(first + turn) % len(replicas)]
            connection = replica.open()
            if connection is not None:
                return replica, connection
        return None
