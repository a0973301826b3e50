"""SQLAlchemy sessions that read from replicas: one that routes each statement, and one that only reads."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, Final

from sqlalchemy import ClauseElement, Connection, Engine, event, inspect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, SessionTransaction

from langpont_db import stale
from langpont_db.connections import Ending, NotBegun, QueryTimeout, log
from langpont_db.engines import READ_ONLY, sqlstate
from langpont_db.errors import WriteRefused
from langpont_db.positions import UNKNOWN, Positions, current_request, to_position, to_text
from langpont_db.replicas import Replica, Rotation, Wish
from langpont_db.routing import may_read_from_replica, only_reads
from langpont_db.session_state import refuse_session_state
from langpont_db.settings import Purpose

# What a statement meets on a replica and not on the primary: a row version that a cleanup took away or a lock that
# replay needs (serialization_failure, deadlock_detected), and what a migration made that is not replayed yet
# (undefined_table, _column, _function, _object, invalid_schema_name).
_OF_A_REPLICA: Final = frozenset({"40001", "40P01", "42P01", "42703", "42883", "42704", "3F000"})
_REFUSAL: Final = "This session only reads. Write in get_write_session() or session()."


@dataclass
class _Reader:
    """The replica's connection of a unit of work. `only_certain`: nothing is sent there that is not certain to read."""

    only_certain: bool
    replica: Replica = field(init=False)
    connection: Connection = field(init=False)
    # Whether an earlier statement may have changed the transaction or the session, as SET TRANSACTION does ...
    has_state: bool = False
    may_have_state: bool = False  # ... and whether the last one may

    def before_send(self, sql: str, parameters: Any) -> None:
        """Check a text before it goes to the server. Raises `NotCertain` to stop it, and `SessionStateRefused`."""
        certain = only_reads(sql)
        if not certain:
            if self.only_certain:
                raise NotCertain(sql)
            refuse_session_state(sql, parameters)
        self.has_state, self.may_have_state = self.has_state or self.may_have_state, not certain


class PositionedSession(Session):
    """A session that knows the position of what it wrote and read on the primary."""

    _reader: _Reader | None = None  # the connection to a replica of this unit of work, of a session that reads there

    database: object = None  # what opened it, which keeps its connections open as long as there are sessions

    def __init__(self, positions: Positions, seconds: float, after: str | None, **options: Any) -> None:
        super().__init__(**options)
        self._positions = positions
        self._seconds = seconds
        self._after = to_position(after)
        self._seen = 0
        self._driver: Ending | None = None  # the primary's connection of this unit of work

    @property
    def token(self) -> str:
        """What a session must be opened `after` to see all that this one wrote or read on the primary.

        A position of the write-ahead log as PostgreSQL writes it, or an empty string.
        """
        return to_text(max(self._after, self._seen_for_certain()))

    def _seen_for_certain(self) -> int:
        if self._seen == UNKNOWN:
            self._seen = self._positions.now(self._seconds)
        return self._seen

    def _must_see(self) -> int:
        """The position that the next read of a replica must have replayed."""
        request, asked, written = current_request.get(), self._after, 0
        if request is not None:
            asked, written = max(asked, request.after), request.written  # perhaps by another Database of this process
        if asked:
            asked = self._positions.believed(asked, self._seconds)
        seen = self._seen and self._seen_for_certain()
        return max(asked, written, seen, self._positions.must_see())

    def merge(self, instance: Any, **options: Any) -> Any:
        """As ever. Raises `StaleDataError` for an object that came from a replica and was changed since."""
        result = super().merge(instance, **options)
        stale.merged(self, instance, result, load=options.get("load", True))
        return result

    def _end_unit(self) -> None:
        driver, self._driver = self._driver, None
        if driver is not None:
            self._seen = max(self._seen, driver.position)


class _ReadingSession(PositionedSession):
    """A session that reads one replica in a unit of work, from its first read to its commit, rollback or close.

    Each unit of work reads the same replica, so that none sees older rows than the one before it; where that cannot be,
    the next replica must have replayed the primary's position of that moment. While no replica will do the primary
    serves. A read whose replica breaks, or fails as only a replica does, is read again from the primary, and so is the
    rest of the unit of work; unless the transaction was one that somebody had set up.
    """

    _only_certain: ClassVar[bool]  # whether nothing is sent to a replica that is not certain to read

    def __init__(
        self, rotation: Rotation, positions: Positions, purpose: Purpose, primary: Engine, *, seconds: float,
        after: str | None, isolation_level: str | None = None, **options: Any,
    ) -> None:  # fmt: skip
        # A connection that is handed to a session is rolled back by it and never committed in this mode: one that
        # broke does not spoil the commit of what was written to the primary.
        super().__init__(positions, seconds, after, join_transaction_mode="rollback_only", **options)
        self._rotation = rotation
        self._purpose = purpose
        self._primary = primary
        self._isolation_level = isolation_level
        self._lost: list[_Reader] = []  # whose transaction was not begun, in this unit of work
        self._pinned = False  # whether the rest of this unit of work is the primary's
        self._place: str | None = None  # why this unit of work reads from the primary instead of a replica
        self._last: tuple[Replica, object] | None = None  # where the last one read, and since when that server runs

    @property
    def reads_replica(self) -> bool:
        """Whether the rows of now come from a replica."""
        return self._reader is not None and self._place is None and not self._pinned

    def _bind_for_reads(self, *, certain: bool) -> Connection | Engine:
        """certain: whether the replica's transaction must have begun, since nobody reads again from another."""
        if self._reader is None and self._place is None:
            self._open(certain)
        elif self._place is None:
            self._falls_back()
        return self._primary if self._reader is None or self._place is not None else self._reader.connection

    def _open(self, certain: bool) -> None:
        position, same = self._must_see(), None
        if self._last is not None:
            same, since = self._last
            if not same.serves() or same.since != since:
                position, same = max(position, self._positions.now(self._seconds)), None
        lost = [reader.replica for reader in self._lost]
        reader = _Reader(self._only_certain, has_state=self._isolation_level is not None)
        wish = Wish(reader.before_send, position, same, self._isolation_level, certain, lost)
        opened = "a write of unknown position" if position == UNKNOWN else self._rotation.open(self._purpose, wish)
        if not isinstance(opened, str) and same is not None and opened[0] is not same:
            now = self._positions.now(self._seconds)
            if now == UNKNOWN or self._isolation_level or not opened[0].has_replayed(opened[1], now, self._seconds):
                opened[1].close()
                opened = "replicas are behind"
        if isinstance(opened, str):
            self._go_to_primary(opened)
            return
        if not lost:
            self._rotation.count("replica")
        reader.replica, reader.connection = opened
        self._last, self._reader = (reader.replica, reader.replica.since), reader
        reader.connection.begin()

    def _go_to_primary(self, reason: str) -> None:
        self._rotation.fall_back(reason)
        self._rotation.count(f"primary: {reason}")
        self._place = reason

    def _falls_back(self) -> bool:
        """Whether the replica's connection broke, so that reads go on from the primary."""
        if self._reader is None or self._place is not None or not self._reader.connection.invalidated:
            return False
        self._reader.replica.look_soon()
        if not self._reader.has_state:
            self._go_to_primary("the connection broke")
        return self._place is not None

    def _retries(self, error: Exception) -> bool:
        """Whether a failed statement is run once more, now on the primary."""
        if self._reader is None or self._place is not None:
            return False  # it was the primary that failed
        if isinstance(error, DBAPIError) and isinstance(error.orig, NotBegun):
            self._lose(error.orig)
            return True
        if isinstance(error, DBAPIError) and sqlstate(error.orig) in _OF_A_REPLICA and not self._reader.has_state:
            self._go_to_primary(f"a replica's {sqlstate(error.orig)}")
            return True
        return self._falls_back()

    def _lose(self, error: NotBegun) -> None:
        """Leave a connection whose transaction was not begun, for another one."""
        reader, self._reader = self._reader, None
        assert reader is not None
        if isinstance(error.__cause__, QueryTimeout) or any(reader.replica is one.replica for one in self._lost):
            reader.replica.failed(error.__cause__)  # the first of others may have ended while it lay in the pool
        self._lost.append(reader)

    def _retrying(self, execute: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        while True:
            try:
                return execute(*arguments, **options)
            except (DBAPIError, NotCertain) as error:
                if not self._retries(error):
                    raise

    def _end_unit(self) -> None:
        super()._end_unit()
        reader, self._reader = self._reader, None
        place, self._place = self._place, None
        self._pinned = False
        if place is not None:
            self._rotation.fell_back(place)
        if reader is not None:
            reader.connection.close()
        while self._lost:
            self._lost.pop().connection.close()

    def close(self) -> None:
        """End the unit of work and give its connections back."""
        try:
            super().close()
        finally:
            if self._reader is not None or self._place is not None or self._pinned:
                self._end_unit()

    if not TYPE_CHECKING:  # the signatures, which are overloaded, stay SQLAlchemy's

        def execute(self, statement: Any, *arguments: Any, **options: Any) -> Any:
            """As ever; what fails as only a replica does is run again on the primary."""
            return self._retrying(super().execute, statement, *arguments, **options)

        def scalar(self, statement: Any, *arguments: Any, **options: Any) -> Any:
            """As `execute`."""
            return self._retrying(super().scalar, statement, *arguments, **options)

        def scalars(self, statement: Any, *arguments: Any, **options: Any) -> Any:
            """As `execute`."""
            return self._retrying(super().scalars, statement, *arguments, **options)


class ReadSession(_ReadingSession):
    """A read-only session on a replica, whatever the statement. Its transactions are read only on the primary too."""

    _only_certain = False

    def get_bind(
        self, mapper: Any = None, *, clause: ClauseElement | None = None, bind: Any = None, **_: Any
    ) -> Connection | Engine:
        """A replica, or the primary in a read-only transaction. Raises `WriteRefused` for INSERT, UPDATE, DELETE."""
        if getattr(clause, "is_dml", False):
            raise WriteRefused(_REFUSAL)
        return bind or self._bind_for_reads(certain=clause is None)

    def flush(self, objects: Any = None) -> None:
        """Raises `WriteRefused` if there is anything to write."""
        if self.new or self.deleted or any(map(self.is_modified, self.dirty)):
            raise WriteRefused(_REFUSAL)


class RoutedSession(_ReadingSession):
    """A session that routes each statement: what is certain to read to a replica, all else to the primary.

    Once something of a unit of work went to the primary that may have written, all of it goes there, so that it never
    reads older rows than it wrote. What counts: a flush, `delete`, `merge`, a bulk operation, `connection()`, a
    savepoint, and every statement that `routing.may_read_from_replica` is not certain of. The next unit of work reads a
    replica that has replayed it.
    """

    _only_certain = True

    def get_bind(
        self, mapper: Any = None, *, clause: ClauseElement | None = None, bind: Any = None, **_: Any
    ) -> Connection | Engine:
        """The replica's connection or the primary's engine; the latter too where there is no statement to tell."""
        if not self._pinned and (
            bind is not None  # a place that somebody chose: what for is not known here
            or clause is None
            or self.in_nested_transaction()
            or not may_read_from_replica(clause)
        ):
            if clause is not None and bind is None and not getattr(clause, "is_dml", False):
                _say_once(clause)
            self._pin("it may write")
        return bind or (self._primary if self._pinned else self._bind_for_reads(certain=False))

    def delete(self, instance: object) -> None:
        """As ever; what a cascade reads is read from the primary."""
        self._pin("a delete")
        super().delete(instance)

    def merge(self, instance: Any, **options: Any) -> Any:
        """As ever; the row to merge into is read from the primary."""
        self._pin("a merge")
        return super().merge(instance, **options)

    def delete_all(self, instances: Iterable[object]) -> None:
        """As `delete`."""
        for instance in instances:
            self.delete(instance)

    def merge_all(self, instances: Iterable[Any], **options: Any) -> Any:
        """As `merge`."""
        return [self.merge(instance, **options) for instance in instances]

    def _pin(self, reason: str) -> None:
        if not self._pinned:
            self._rotation.count(f"primary: {reason}")
            self._pinned = True

    def _retries(self, error: Exception) -> bool:
        if self._pinned or self._reader is None or self._place is not None:
            return False  # it was the primary that failed
        if isinstance(error, NotCertain) or (isinstance(error, DBAPIError) and sqlstate(error.orig) == READ_ONLY):
            self._pin("it may write")
            return True
        return super()._retries(error)


@lru_cache(maxsize=256)
def _say_once_of(kind: str) -> None:
    log.info("not certain to read, so it goes to the primary (said once): %s", kind)


def _say_once(clause: ClauseElement) -> None:
    """One log line for each kind of statement: its text without values, which a SELECT that was built has not."""
    if log.isEnabledFor(logging.INFO):
        _say_once_of(" ".join(str(clause).split())[:200])


class NotCertain(Exception):
    """Raised instead of sending a statement to a replica that is not certain to read."""


@event.listens_for(PositionedSession, "after_begin", propagate=True)
def _begun(session: Session, _transaction: SessionTransaction, connection: Connection) -> None:
    assert isinstance(session, PositionedSession)
    if session._reader is None or session._reader.connection is not connection:
        driver = connection.connection.driver_connection
        if isinstance(driver, Ending) and driver.committed is not None:
            session._driver = driver


@event.listens_for(PositionedSession, "after_transaction_end", propagate=True)
def _ended(session: Session, transaction: SessionTransaction) -> None:
    if transaction.parent is None:
        assert isinstance(session, PositionedSession)
        session._end_unit()


@event.listens_for(RoutedSession, "before_flush", propagate=True)
def _flushes(session: Session, _context: object, _instances: object) -> None:
    """There is something to flush; what a cascade reads is read from the primary."""
    assert isinstance(session, RoutedSession)
    session._pin("a flush")


@event.listens_for(_ReadingSession, "loaded_as_persistent", propagate=True)
def _loaded(session: Session, instance: object) -> None:
    if isinstance(session, _ReadingSession) and session.reads_replica:
        stale.mark(inspect(instance))
