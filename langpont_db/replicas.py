"""Read replicas: the pool of each, what its watch tells of it, and the rotation."""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import replace
from functools import partial
from typing import Any, Final, NamedTuple

import psycopg
from sqlalchemy import Connection as SqlConnection
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError, InvalidRequestError

from langpont_db import metrics
from langpont_db.connections import POSITION, AnyConnection, QueryTimeout, Row, log, run, settle
from langpont_db.engines import READING, engine, renew_pool
from langpont_db.errors import PoolTimeout, SecretRefused
from langpont_db.lag import Mark, ReplicaState, unhealthy_reason
from langpont_db.logins import Connector
from langpont_db.positions import Positions, end_of_record
from langpont_db.session_state import refuse_session_state
from langpont_db.settings import Endpoint, Purpose, Settings
from langpont_db.waiting import Places, Signal, pause
from langpont_db.watch import Watch

Check = Callable[[str, Any], None]

# Functions that every role may call. Positions are bytes of WAL since the cluster's beginning.
_REPLAYED = b"SELECT pg_last_wal_replay_lsn() - '0/0'"
_STATE = (
    b"SELECT pg_is_in_recovery(), pg_last_wal_replay_lsn() - '0/0', pg_last_wal_receive_lsn() - '0/0', "
    b"extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()), pg_postmaster_start_time()"
)
# For a checkout: what checks each text that the connection sends until the next one, and whether its transaction must
# have begun. A session leaves the answer to its BEGIN for later: it can try another replica.
_checkout: Final[ContextVar[tuple[Check, bool]]] = ContextVar("langpont_checkout", default=(refuse_session_state, True))
# Seconds between two questions whether a replica has replayed something, while a read waits for it.
_POLL_SECONDS = 0.005
# Seconds that the first read of a process waits for the first look at a replica.
_FIRST_LOOK_SECONDS = 1
# Looks before a replica that is behind at the first one is left out until the next check, and seconds between them: it
# may be behind by a record that is on its way, and nothing is known yet of when it was not.
_FIRST_LOOKS, _BETWEEN_FIRST_LOOKS_SECONDS = 5, 0.05
# Seconds for which a replica is left alone after a reader waited for it in vain, unless a connection comes back to its
# pool before: then PgBouncer has one for somebody else too.
_BUSY_SECONDS = 5


class Replica:
    """One read replica: its engine, and whether it is in the rotation, which its watch finds out.

    A connection that its engine gives out has begun a read-only transaction: that is its ping, and it holds even if the
    replica has become a primary. A session reads the answer to that BEGIN when it has something to ask, and nobody
    waits for that to ROLLBACK: so they take no time.
    """

    def __init__(
        self, endpoint: Endpoint, watched_as: Endpoint, purpose: Purpose, settings: Settings, positions: Positions,
        *, kind: type[AnyConnection], hide_parameters: bool,
    ) -> None:  # fmt: skip
        self._connector = Connector(endpoint, settings.timeouts)
        self._kind = kind
        self.address = endpoint.address
        self._limit = settings.limits[purpose]
        self._timeouts = settings.timeouts
        self._positions = positions
        # Longer than the role's own, which is for pages. Milliseconds.
        longer = f"; SET LOCAL statement_timeout = {settings.timeouts.report * 1000:.0f}" if purpose != "reads" else ""
        self._begin_statement = f"BEGIN READ ONLY{longer}".encode()
        self._seconds = settings.timeouts.read if purpose == "reads" else settings.timeouts.report
        self.engine = engine(
            self._connector,
            self._login,
            kind=kind,
            ping=self._begin,
            pool_size=settings.replica_pool.size,
            max_overflow=settings.replica_pool.max_overflow,
            pool_timeout=settings.pool_timeout_seconds,
            pool_recycle=settings.pool_recycle_seconds,
            hide_parameters=hide_parameters,
            execution_options=READING,
        )
        self._again = self.engine.execution_options()  # the same pool, for a session that has lost a connection of it
        event.listen(self.engine, "checkin", self._came_back)
        # Under another user it has another pool in PgBouncer: that one's queue says nothing of the server.
        lane = replace(endpoint, address=replace(endpoint.address, user=watched_as.address.user))
        connectors = [Connector(replace(lane, password=watched_as.password), settings.timeouts), self._connector]
        self._watch = Watch(connectors, _STATE, self._told, settings.timeouts)
        self.fault: str | None = None
        self.replayed: int | None = None
        self.since: object = None  # the server's start: positions of before may have been higher
        self._answered_at = self._busy_until = 0.0
        self._missed: tuple[int, float] = (0, 0.0)
        self._mark = Mark()
        self._forget()

    def __repr__(self) -> str:
        return f"Replica({self.address})"

    def after_fork(self) -> None:
        """Begin anew in a forked child."""
        renew_pool(self.engine)
        self._watch.after_fork()
        self._forget()

    def stop(self) -> Watch:
        """Close all connections that are not in use. The watch stops in a moment."""
        self._watch.stop()
        self.engine.dispose()
        self._forget()
        return self._watch

    def _forget(self) -> None:
        self._known, self._looked, self._looks = False, Signal(), 0

    # What the watch tells

    def serves(self) -> bool:
        """Whether it is in the rotation. The first one who asks waits a moment for the first look."""
        self._watch.want()
        if self._known:
            return self.fault is None
        return self._looked.wait(_FIRST_LOOK_SECONDS, "first look") and self.fault is None

    def busy(self) -> bool:
        """Whether readers have just waited for it in vain, though it answers its watch."""
        return self._busy_until > 0 and time.monotonic() < self._busy_until

    def look_soon(self) -> None:
        """Have it looked at now: something about it was odd."""
        self._watch.ask_soon()

    def known(self) -> int:
        """A position that it has replayed for certain, as far as was heard lately."""
        fresh = time.monotonic() - self._answered_at < 2 * self._timeouts.check + self._timeouts.answer
        return self.replayed or 0 if fresh else 0

    def lag_bytes(self) -> int | None:
        """How far it was behind the primary when both were last asked."""
        if self.replayed is None or self._positions.primary is None:
            return None
        return max(0, self._positions.primary - self.replayed)

    def _told(self, answer: Row | Exception, _asked_at: float) -> float | None:
        if isinstance(answer, Exception):
            self._take_out(str(answer).strip() or type(answer).__name__)
            return None
        in_recovery, replayed, received, quiet, since = answer
        self.replayed = None if replayed is None else int(replayed)
        self.since, self._answered_at = since, time.monotonic()
        end, ended_at = self._positions.end()
        state = ReplicaState(
            in_recovery=in_recovery == "t",
            replayed=self.replayed,
            received=None if received is None else int(received),
            quiet_seconds=None if quiet is None else float(quiet),
            current_seconds=self._mark.current_seconds(self.replayed, end, ended_at, self._answered_at),
        )
        found = unhealthy_reason(state, end, self._limit)
        self._looks += 1
        if found is not None and not self._known and self._looks < _FIRST_LOOKS:
            return _BETWEEN_FIRST_LOOKS_SECONDS
        if found is not None:
            self._take_out(found)
            return None
        if self.fault is not None:
            log.info("replica %s is back in the rotation", self.address)
        self.fault = None
        self._known = True
        self._looked.set()
        return None

    def _take_out(self, reason: str) -> None:
        if self.fault is None:
            log.warning("replica %s leaves the rotation: %s", self.address, reason)
        self.fault = reason
        self._known = True
        self._looked.set()

    def _gone(self) -> str | None:
        """Why somebody who waits for an answer need not wait on."""
        silent = time.monotonic() - self._answered_at
        if self.fault is not None and silent > 2 * self._timeouts.check + self._timeouts.answer:
            return f"the server has not answered for {silent:.0f} s"
        return None

    # Connections

    def open(self, check: Check, *, certain: bool, again: bool = False) -> SqlConnection | None:
        """A connection in a read-only transaction, or None if there is none to be had now.

        check: called with each text before it is sent. certain: whether the transaction must have begun; else a first
        use may fail with `NotBegun`. again: in a unit of work that met that here. Raises `PoolTimeout` if its own pool
        is exhausted.
        """
        before = _checkout.set((check, certain))
        try:
            return (self._again if again else self.engine).connect()
        except PoolTimeout:
            raise
        except DBAPIError as error:
            self.failed(error.orig)
        except (InvalidRequestError, SecretRefused) as error:
            self.failed(error)
        finally:
            _checkout.reset(before)
        return None

    def failed(self, error: BaseException | None) -> None:
        """Note why a transaction could not be begun."""
        if isinstance(error, QueryTimeout):
            self._busy_until = time.monotonic() + _BUSY_SECONDS
        else:
            self._take_out(str(error).strip())
        self.look_soon()

    def has_replayed(self, connection: SqlConnection, position: int, seconds: float) -> bool:
        """Whether it has replayed a position, or does so within that time. Raises `DBAPIError`."""
        missed, until = self._missed
        if position >= missed and time.monotonic() < until:
            return False
        begun, waited = time.monotonic(), False
        driver = connection.connection.driver_connection
        assert isinstance(driver, AnyConnection)
        while True:
            try:
                (replayed,) = run(driver, _REPLAYED, self._timeouts.answer)
            except psycopg.Error:
                connection.invalidate()
                return False
            if replayed is not None:
                self.replayed = int(replayed)
            done, now = replayed is not None and int(replayed) >= position, time.monotonic()
            if done or now >= begun + seconds:
                if waited:
                    metrics.waited("replay", now - begun)
                if not done:
                    self._missed = position, now + self._timeouts.check
                return done
            waited = True
            pause(_POLL_SECONDS)

    def isolate(self, connection: SqlConnection, level: str) -> bool:
        """Begin again at an isolation level, since who has asked for a position has a snapshot already."""
        driver = connection.connection.driver_connection
        assert isinstance(driver, AnyConnection)
        again = self._begin_statement.replace(b"BEGIN", f"ROLLBACK; BEGIN ISOLATION LEVEL {level}".encode())
        try:
            run(driver, again, self._timeouts.answer)
        except psycopg.Error:
            connection.invalidate()
            return False
        return True

    def _login(self, **more: object) -> AnyConnection:
        """Log in and run a query: PgBouncer lets everybody in, its server there or not."""
        connection: AnyConnection = self._connector.connect(self._kind, **more)
        run(connection, b"SELECT 1", self._timeouts.answer)
        # For a transaction that is begun after ours.
        connection.finish(connection._set_read_only_gen(True), self._timeouts.answer)
        connection.statement_seconds, connection.gone = self._seconds, self._gone
        connection.answer_seconds = self._timeouts.answer
        return connection

    def _begin(self, connection: AnyConnection) -> None:
        connection.before_send, certain = _checkout.get()
        settle(connection)
        connection.post(self._begin_statement)
        connection.fresh = True
        if certain:
            settle(connection)

    def _came_back(self, connection: object | None, _record: object) -> None:
        if connection is not None:
            self._busy_until = 0.0


class Wish(NamedTuple):
    """What a read asks of a replica: to have replayed a position, if possible to be `same`, and an isolation level.

    check, certain: as of `Replica.open`. lost: where a transaction was not begun, in this unit of work.
    """

    check: Check
    position: int
    same: Replica | None
    isolation_level: str | None
    certain: bool
    lost: Sequence[Replica]


class Rotation:
    """Round robin over the replicas of each purpose, and the reads that the primary has to take."""

    def __init__(self, replicas: Mapping[Purpose, Sequence[Replica]], settings: Settings, positions: Positions) -> None:
        self.replicas = replicas
        self._positions = positions
        self._turns = {purpose: itertools.count() for purpose in replicas}
        self._timeouts = settings.timeouts
        self._pool_seconds = settings.pool_timeout_seconds
        self._most = settings.primary_pool.size
        self._counts: Counter[str] = Counter()
        self._fallbacks = Places(self._most)
        self._counting = threading.Lock()

    def after_fork(self) -> None:
        """Begin anew in a forked child."""
        self._fallbacks = Places(self._most)
        self._counting = threading.Lock()
        for replicas in self.replicas.values():
            for replica in replicas:
                replica.after_fork()

    def open(self, purpose: Purpose, wish: Wish) -> tuple[Replica, SqlConnection] | str:
        """A connection to a replica that is in the rotation and has what is wished; or why there is none.

        The next one in turn, unless another has replayed enough already. Raises `PoolTimeout`.
        """
        replicas, first = self.replicas[purpose], next(self._turns[purpose])
        if not replicas:
            return "no replica"
        self._positions.want()
        first %= len(replicas)
        turns = [one for one in (*replicas[first:], *replicas[:first]) if one.serves()]
        if not turns:
            return "no replica in the rotation"
        reason = "replicas are busy"
        free = [one for one in turns if not one.busy() and wish.lost.count(one) < 2]
        if len(free) > 1:
            free.sort(key=lambda one: (one is not wish.same, one.known() < wish.position))
        end: float | None = None
        for index, replica in enumerate(free):
            known = replica.known() >= wish.position
            certain = wish.certain or not known or wish.isolation_level is not None
            connection = replica.open(wish.check, certain=certain, again=replica in wish.lost)
            if connection is None:
                continue
            if not known:
                end = end or time.monotonic() + self._timeouts.position
                seconds = max(0.0, end - time.monotonic()) / (len(free) - index)
                known = replica.has_replayed(connection, wish.position, seconds)
            if known:
                if wish.isolation_level is None or replica.isolate(connection, wish.isolation_level):
                    return replica, connection
            else:
                reason = "replicas are behind"
            connection.close()
        return reason

    def fall_back(self, reason: str) -> None:
        """Take one of the places for reads on the primary. Raises `PoolTimeout` if none becomes free."""
        if reason != "no replica" and not self._fallbacks.take(self._pool_seconds, "fallback"):
            metrics.failed(PoolTimeout.__name__)
            raise PoolTimeout(
                f"{reason}, and {self._most} reads of this process are on the primary already, which is as many as may "
                f"be (DATABASE_PRIMARY_POOL_SIZE). None ended within {self._pool_seconds:g} s."
            )

    def count(self, where: str) -> None:
        """Count a unit of work by where it went, and why."""
        with self._counting:
            self._counts[where] += 1
        metrics.read(where)

    @property
    def counts(self) -> dict[str, int]:
        """Units of work so far, by where they went."""
        with self._counting:
            return dict(self._counts)

    def fell_back(self, reason: str) -> None:
        """Give the place back."""
        if reason != "no replica":
            self._fallbacks.give()


def primary_watch(endpoint: Endpoint, watched_as: Endpoint | None, settings: Settings, positions: Positions) -> Watch:
    """Who asks the primary for the end of its log, as another user than writes if there is one."""
    connectors = [Connector(endpoint, settings.timeouts)]
    if watched_as is not None:
        lane = replace(endpoint, address=replace(endpoint.address, user=watched_as.address.user))
        connectors.insert(0, Connector(replace(lane, password=watched_as.password), settings.timeouts))
    watch = Watch(connectors, POSITION, partial(_tell, positions), settings.timeouts)
    positions.watch = watch
    return watch


def _tell(positions: Positions, answer: Row | Exception, asked_at: float) -> None:
    value = None if isinstance(answer, Exception) else answer[0]
    positions.tell(None if value is None else end_of_record(int(value)), asked_at)
