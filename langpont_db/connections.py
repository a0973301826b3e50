"""psycopg connections whose waits end, and which know where their commits stand."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator
from typing import Any, Final, Self, TypeVar

import psycopg
from psycopg.pq import ExecStatus, TransactionStatus
from psycopg.pq.abc import PGconn, PGresult
from psycopg.waiting import Ready, Wait

from langpont_db.passwords import Hidden
from langpont_db.positions import UNKNOWN, end_of_record
from langpont_db.waiting import awaited

RV = TypeVar("RV")
Row = tuple[str | None, ...]

log = logging.getLogger("langpont_db")

# Looked up once: each member of an enumeration is found by a call (Python 3.11).
_FATAL: Final = ExecStatus.FATAL_ERROR
_OPEN: Final = (TransactionStatus.INTRANS, TransactionStatus.INERROR)
_ENDED: Final = (TransactionStatus.IDLE, TransactionStatus.UNKNOWN)

# Seconds between two looks at the clock while a connection waits.
_TICK = 0.1

# The position in bytes of WAL, NULL on a standby; and whether the transaction wrote anything.
POSITION = b"SELECT CASE WHEN NOT pg_is_in_recovery() THEN pg_current_wal_insert_lsn() - '0/0' END"
_ROLLBACK: Final = b"ROLLBACK"
_WROTE = b"SELECT pg_current_xact_id_if_assigned() IS NOT NULL"


class QueryTimeout(psycopg.OperationalError):
    """A query that the server did not answer within its timeout. Its connection is closed."""


class CommitLost(psycopg.OperationalError):
    """A connection that was lost between COMMIT and its answer."""


class NotBegun(psycopg.OperationalError):
    """What was posted had no good answer, so what came after it was not sent. Its cause says why."""


def exchange(pgconn: PGconn, statements: bytes) -> Generator[Any, Any, list[PGresult]]:
    """Send statements in one message and yield until all results are there, as psycopg's own generators do."""
    pgconn.send_query(statements)
    return (yield from answers(pgconn))


def answers(pgconn: PGconn) -> Generator[Any, Any, list[PGresult]]:
    """Yield until all results of what was sent are there. One that has come meanwhile is not waited for."""
    while pgconn.flush():
        if (yield Wait.RW) & Ready.R:
            pgconn.consume_input()
    found: list[PGresult] = []
    while True:
        while pgconn.is_busy():
            if (yield Wait.R):
                pgconn.consume_input()
        result = pgconn.get_result()
        if result is None:
            return found
        found.append(result)


def limited(
    waiting: Generator[Any, Any, RV], pgconn: PGconn, seconds: float, gone: Callable[[], str | None] | None
) -> Generator[Any, Any, RV]:
    """Pass a generator of psycopg's on until a deadline, or until `gone` says why there will be no answer.

    Raises `QueryTimeout`, and closes the connection: an answer that came late would be taken for that of the next
    query.
    """
    end = time.monotonic() + seconds
    try:
        wait = next(waiting)
        while True:
            ready = yield wait
            if not ready:
                reason = gone() if gone else None
                if reason is None and time.monotonic() >= end:
                    reason = f"no answer within {seconds:g} s"
                if reason is not None:
                    pgconn.finish()
                    waiting.throw(QueryTimeout(reason))
            wait = waiting.send(ready)
    except StopIteration as done:
        value: RV = done.value
        return value


class Ending(psycopg.BaseConnection[Any]):
    """The end of a transaction on the primary: its position comes back with the answer to COMMIT or ROLLBACK.

    psycopg's generators, by which its connections for threads and those for event loops do the same.

    statement_seconds: the deadline of each answer. gone: why there will be none, from somebody who watches the server.
    committed: told the position of each commit that wrote something; None on a replica. position: in bytes of WAL, at
    the end of the last transaction. fresh: nothing was done yet in the transaction that a checkout began.
    posted: what was sent whose answer is still to be read. answer_seconds: within which it must come; a connection that
    has it posts its ROLLBACK.
    before_send: called with each text that a cursor is about to send and its parameters, and raises to stop it. An
    event of SQLAlchemy's engine would come earlier, cost more, and miss what goes by another way.
    login: what it was made with.
    """

    statement_seconds: float = 30
    gone: Callable[[], str | None] | None = None
    committed: Callable[[int], None] | None = None
    position: int = 0
    fresh: bool = False
    answer_seconds: float | None = None
    before_send: Callable[[str, Any], None] | None = None
    posted: bytes | None = None
    login: Hidden | None = None

    def post(self, statement: bytes) -> None:
        """Send a statement and go on: its answer travels meanwhile, and is read before anything else is sent.

        Nothing may be posted whose answer was not read yet.
        """
        try:
            self.pgconn.send_query(statement)
            self.pgconn.flush()
        except psycopg.Error:
            self.pgconn.finish()
            raise
        self.posted = statement

    def answered(self) -> Generator[Any, Any, list[PGresult]]:
        """Read the answer to what was posted. Raises `QueryTimeout`, and `psycopg.Error` for one that is not good."""
        self.posted = None
        assert self.answer_seconds is not None
        try:
            found = yield from limited(answers(self.pgconn), self.pgconn, self.answer_seconds, None)
            for result in found:
                _raise_error(result)
        except BaseException:
            self.pgconn.finish()
            raise
        return found

    def arrived(self) -> bool:
        """Read the answer to what was posted, if it has come. Raises as `answered`."""
        pgconn = self.pgconn
        try:
            pgconn.consume_input()
            while not pgconn.is_busy():
                result = pgconn.get_result()
                if result is None:
                    self.posted = None
                    return True
                if result.status == _FATAL:
                    raise psycopg.errors.error_from_result(result)
        except BaseException:
            self.posted = None
            pgconn.finish()
            raise
        return False

    def _posts_rollback(self) -> bool:
        """Post the ROLLBACK of a connection that does; whether there is nothing more to do for it.

        A connection that broke is closed, and no reason to fail: nothing was lost with it.
        """
        if self.answer_seconds is None:
            return False
        status = self.pgconn.transaction_status
        if status in _OPEN:  # so nothing was posted
            try:
                self.post(_ROLLBACK)
            except psycopg.Error:
                log.debug("a connection broke before its ROLLBACK")
            return True
        return self.posted == _ROLLBACK or status in _ENDED

    def _ends_here(self) -> bool:
        return self.committed is not None and self.pgconn.transaction_status in _OPEN

    def _commit_gen(self) -> Generator[Any, Any, None]:
        """As psycopg's. Raises `CommitLost` if the connection is lost before the server says that it is done."""
        if not self._ends_here():
            self._autocommitted()
            yield from super()._commit_gen()
            return
        if self.pgconn.transaction_status == TransactionStatus.INERROR:
            yield from self._rollback_gen()
            return
        done = False
        try:
            results = yield from exchange(self.pgconn, _WROTE + b"; COMMIT; " + POSITION)
        except psycopg.OperationalError as lost:
            raise CommitLost(f"COMMIT: {str(lost).strip()}") from lost
        wrote = False
        self.position = UNKNOWN
        for result in results:
            if result.status == ExecStatus.COMMAND_OK:
                done = True
            elif result.status == ExecStatus.TUPLES_OK and not done:
                wrote = result.get_value(0, 0) == b"t"
            elif result.status == ExecStatus.TUPLES_OK:
                self.position = _position(result)
            elif not done:
                error = psycopg.errors.error_from_result(result)
                if _lost(error, self.pgconn):
                    raise CommitLost(f"COMMIT: {str(error).strip()}") from error
                raise error
        if not done:
            raise CommitLost("COMMIT: the server did not say that it was done")
        if wrote and self.committed:
            self.committed(self.position)

    def _rollback_gen(self) -> Generator[Any, Any, None]:
        """As psycopg's; or as `_posts_rollback`."""
        if self._posts_rollback():
            return
        if not self._ends_here():
            self._autocommitted()
            yield from super()._rollback_gen()
            return
        self.position = UNKNOWN
        for result in (yield from exchange(self.pgconn, b"ROLLBACK; " + POSITION)):
            _raise_error(result)
            if result.status == ExecStatus.TUPLES_OK:
                self.position = _position(result)

    def _set_autocommit_gen(self, value: bool) -> Generator[Any, Any, None]:
        """As psycopg's, which refuses it in a transaction; one in which nothing was done yet is ended."""
        return self._anew(self.fresh, super()._set_autocommit_gen(value))

    def _set_isolation_level_gen(self, value: Any) -> Generator[Any, Any, None]:
        """As `_set_autocommit_gen`."""
        return self._anew(self.fresh, super()._set_isolation_level_gen(value))

    def _anew(self, fresh: bool, set_it: Generator[Any, Any, None]) -> Generator[Any, Any, None]:
        if fresh:
            for result in (yield from exchange(self.pgconn, _ROLLBACK)):
                _raise_error(result)
        yield from set_it

    def _autocommitted(self) -> None:
        """What an autocommit wrote has no COMMIT to bring its position back."""
        if self.committed and self.autocommit and not self.closed:
            self.position = UNKNOWN
            self.committed(UNKNOWN)

    def _bounded(self, gen: Generator[Any, Any, RV]) -> Generator[Any, Any, RV]:
        """One of psycopg's generators, with the deadline of a statement, behind the answer to what was posted.

        It raises `QueryTimeout`, and `NotBegun`.
        """
        self.fresh = False
        try:
            if self.posted and not self.arrived():
                return self._behind_posted(gen)
        except psycopg.Error as error:
            raise NotBegun(str(error).strip()) from error
        return limited(gen, self.pgconn, self.statement_seconds, self.gone)

    def _behind_posted(self, gen: Generator[Any, Any, RV]) -> Generator[Any, Any, RV]:
        try:
            yield from self.answered()
        except psycopg.Error as error:
            raise NotBegun(str(error).strip()) from error
        return (yield from limited(gen, self.pgconn, self.statement_seconds, self.gone))

    def _cut_off(self, error: psycopg.InternalError) -> bool:
        """Whether it says of a BEGIN that a restart cut it off: its answer, and the server's farewell."""
        found = error.sqlstate is None and "results from command" in str(error)
        if found:
            self.pgconn.finish()
        return found


def _raise_error(result: PGresult) -> None:
    if result.status == _FATAL:
        raise psycopg.errors.error_from_result(result)


def _position(result: PGresult) -> int:
    value = result.get_value(0, 0)
    return UNKNOWN if value is None else end_of_record(int(value))


def _lost(error: psycopg.Error, pgconn: PGconn) -> bool:
    """Whether the connection ended, rather than the statement: class 08, 57P of a shutdown, or no state at all."""
    state = error.sqlstate or ""
    return not state or state.startswith(("08", "57P")) or pgconn.status != psycopg.pq.ConnStatus.OK


class Connection(Ending, psycopg.Connection[Any]):
    """A connection for threads whose every wait has a deadline."""

    def wait(self, gen: Generator[Any, Any, RV], *args: Any, **options: Any) -> RV:
        """As psycopg's, until the deadline. Raises `QueryTimeout`, and `NotBegun`."""
        try:
            return super().wait(self._bounded(gen), *args, **options)
        except psycopg.InternalError as error:
            if self._cut_off(error):
                raise psycopg.OperationalError(str(error)) from error
            raise

    def rollback(self) -> None:
        """As psycopg's; on a replica nobody waits for it, and a connection that broke is only closed."""
        if self._posts_rollback():
            return
        try:
            super().rollback()
        except psycopg.Error:
            if self.answer_seconds is None:
                raise
            self.pgconn.finish()

    def finish(self, gen: Generator[Any, Any, RV], interval: float) -> RV:
        """Wait for a generator without a deadline but its own."""
        return super().wait(gen, interval=interval)

    @classmethod
    def open(cls, **options: Any) -> Self:
        """As `connect`."""
        return cls.connect(**options)


class AsyncConnection(Ending, psycopg.AsyncConnection[Any]):
    """The same for event loops. `open` and `finish` are for a greenlet of SQLAlchemy's."""

    async def wait(self, gen: Generator[Any, Any, RV], *args: Any, **options: Any) -> RV:
        """As psycopg's, until the deadline. Raises `QueryTimeout`, and `NotBegun`."""
        try:
            return await super().wait(self._bounded(gen), *args, **options)
        except psycopg.InternalError as error:
            if self._cut_off(error):
                raise psycopg.OperationalError(str(error)) from error
            raise

    async def rollback(self) -> None:
        """As psycopg's; on a replica nobody waits for it, and a connection that broke is only closed."""
        if self._posts_rollback():
            return
        try:
            await super().rollback()
        except psycopg.Error:
            if self.answer_seconds is None:
                raise
            self.pgconn.finish()

    def finish(self, gen: Generator[Any, Any, RV], interval: float) -> RV:
        """Wait for a generator without a deadline but its own."""
        return awaited(super().wait(gen, interval=interval))

    @classmethod
    def open(cls, **options: Any) -> Self:
        """As `connect`."""
        return awaited(cls.connect(**options))


AnyConnection = Connection | AsyncConnection
C = TypeVar("C", bound=Connection | AsyncConnection)


def run(connection: AnyConnection, statements: bytes, seconds: float) -> Row:
    """Run statements in one message with a timeout; the first row of the last that returns any, or an empty one.

    The timeout is kept on this side: a server behind a pooler may be gone while the pooler is there. Raises
    `QueryTimeout`, and `psycopg.Error` for what the server refuses. After either the connection is of no use.
    """
    settle(connection)
    row: Row = ()
    try:
        waiting = limited(exchange(connection.pgconn, statements), connection.pgconn, seconds, None)
        for result in connection.finish(waiting, min(_TICK, seconds)):
            _raise_error(result)
            if result.status == ExecStatus.TUPLES_OK and result.ntuples:
                row = tuple(
                    None if value is None else value.decode()
                    for value in (result.get_value(0, column) for column in range(result.nfields))
                )
    except BaseException:
        connection.pgconn.finish()
        raise
    return row


def settle(connection: AnyConnection) -> None:
    """Read the answer to what was posted, if anything was. Raises as `run`."""
    if connection.posted and not connection.arrived():
        connection.finish(connection.answered(), _TICK)
