"""SQLAlchemy sessions that read from replicas: one that routes each statement, and one that only reads."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ClauseElement, Connection, Engine, Result, TextClause, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import ORMExecuteState, Session, SessionTransaction

from langpont_db.engines import READ_ONLY, sqlstate
from langpont_db.errors import WriteRefused
from langpont_db.replicas import Replica, Rotation
from langpont_db.routing import may_read_from_replica, only_reads
from langpont_db.settings import Purpose

_READER: Final = "langpont_reader"  # the execution option under which a replica's connection knows its reader


@dataclass
class _Reader:
    """The replica's connection of a unit of work. `only_certain`: nothing is sent there that is not certain to read."""

    replica: Replica
    connection: Connection
    only_certain: bool
    # Whether an earlier statement may have changed the transaction or the session, as SET TRANSACTION does ...
    has_state: bool = False
    may_have_state: bool = False  # ... and whether the last one may

    def send(self, sql: str) -> None:
        """Check a text before it goes to the server. Raises `NotCertain` to stop it."""
        certain = only_reads(sql)
        if self.only_certain and not certain:
            raise NotCertain(sql)
        self.has_state, self.may_have_state = self.has_state or self.may_have_state, not certain


class _ReadingSession(Session):
    """A session that reads one replica in a unit of work, from its first read to its commit, rollback or close.

    While no replica is in the rotation the primary serves. A read whose replica breaks is read again from the primary,
    which has all that the replica had, and so is the rest of the unit of work; unless the broken transaction was one
    that somebody had set up.
    """

    def __init__(self, rotation: Rotation, purpose: Purpose, primary: Engine, *, only_certain: bool) -> None:
        # A connection that is handed to a session is rolled back by it and never committed in this mode: one that
        # broke does not spoil the commit of what was written to the primary.
        super().__init__(join_transaction_mode="rollback_only")
        self._rotation = rotation
        self._purpose = purpose
        self._primary = primary
        self._only_certain = only_certain
        self._reader: _Reader | None = None
        self._on_primary = False  # until the unit of work ends

    def _bind_for_reads(self) -> Connection | Engine:
        if self._reader is None and not self._on_primary:
            opened = self._rotation.open(self._purpose)
            if opened is None:
                self._on_primary = True
            else:
                self._reader = _Reader(*opened, only_certain=self._only_certain)
                opened[1].execution_options(**{_READER: self._reader}).begin()
        if self._reader is None or self._on_primary or self._falls_back():
            return self._primary
        return self._reader.connection

    def _falls_back(self) -> bool:
        """Whether the replica's connection broke, so that reads go on from the primary."""
        if self._reader is None or self._on_primary or not self._reader.connection.invalidated:
            return False
        self._reader.replica.failed("its connection broke")
        self._on_primary = not self._reader.has_state
        return self._on_primary

    def _retries(self, error: Exception) -> bool:
        """Whether a failed statement is run once more, now on the primary."""
        return self._falls_back()

    def _end_unit(self) -> None:
        reader, self._reader, self._on_primary = self._reader, None, False
        if reader is not None:
            reader.connection.close()

    def close(self) -> None:
        """End the unit of work and give its connections back."""
        try:
            super().close()
        finally:
            self._end_unit()


class ReadSession(_ReadingSession):
    """A read-only session on a replica, whatever the statement. Its transactions are read only on the primary too."""

    def __init__(self, rotation: Rotation, purpose: Purpose, primary: Engine) -> None:
        super().__init__(rotation, purpose, primary, only_certain=False)

    def get_bind(
        self, mapper: Any = None, *, clause: ClauseElement | None = None, bind: Any = None, **_: Any
    ) -> Connection | Engine:
        """A replica, or the primary in a read-only transaction. Raises `WriteRefused` for INSERT, UPDATE, DELETE."""
        if getattr(clause, "is_dml", False):
            raise WriteRefused("This session only reads. Write in get_write_session() or session().")
        return bind or self._bind_for_reads()

    def flush(self, objects: Any = None) -> None:
        """Raises `WriteRefused` if there is anything to write."""
        if self.new or self.deleted or any(map(self.is_modified, self.dirty)):
            raise WriteRefused("This session only reads. Write in get_write_session() or session().")


class RoutedSession(_ReadingSession):
    """A session that routes each statement: what is certain to read to a replica, all else to the primary.

    Once something went to the primary that may have written, all of the session's life goes there, so that it never
    reads older rows than it wrote. What counts: a flush, `delete`, `merge`, a bulk operation, `connection()`, a
    savepoint, and every statement that `routing.may_read_from_replica` is not certain of.
    """

    def __init__(self, rotation: Rotation, primary: Engine) -> None:
        super().__init__(rotation, "reads", primary, only_certain=True)
        self._pinned = False

    def get_bind(
        self, mapper: Any = None, *, clause: ClauseElement | None = None, bind: Any = None, **_: Any
    ) -> Connection | Engine:
        """The replica's connection or the primary's engine; the latter too where there is no statement to tell."""
        self._pinned = (
            self._pinned
            or bind is not None  # a place that somebody chose: what for is not known here
            or clause is None
            or self.in_nested_transaction()
            or not may_read_from_replica(clause)
        )
        return bind or (self._primary if self._pinned else self._bind_for_reads())

    def flush(self, objects: Any = None) -> None:
        """As ever; what a cascade reads is read from the primary."""
        if self.new or self.deleted or self.dirty:
            self._pinned = True
        super().flush(objects)

    def delete(self, instance: object) -> None:
        """As ever; what a cascade reads is read from the primary."""
        self._pinned = True
        super().delete(instance)

    def merge(self, instance: Any, **options: Any) -> Any:
        """As ever; the row to merge into is read from the primary."""
        self._pinned = True
        return super().merge(instance, **options)

    def delete_all(self, instances: Iterable[object]) -> None:
        """As `delete`."""
        self._pinned = True
        super().delete_all(instances)

    def merge_all(self, instances: Iterable[Any], **options: Any) -> Any:
        """As `merge`."""
        self._pinned = True
        return super().merge_all(instances, **options)

    def _retries(self, error: Exception) -> bool:
        if self._pinned or self._reader is None or self._on_primary:
            return False  # it was the primary that failed
        if isinstance(error, NotCertain) or (isinstance(error, DBAPIError) and sqlstate(error.orig) == READ_ONLY):
            self._pinned = True
            return True
        return super()._retries(error)


class NotCertain(Exception):
    """Raised instead of sending a statement to a replica that is not certain to read."""


def guard(connection: Connection, _cursor: object, sql: str, *_: object) -> None:
    """Event `before_cursor_execute` of a replica's engine: stop what is not certain to read."""
    reader = connection.get_execution_options().get(_READER)
    if isinstance(reader, _Reader):
        reader.send(sql)


@event.listens_for(_ReadingSession, "do_orm_execute", propagate=True)
def _execute(state: ORMExecuteState) -> Result[Any] | None:
    session = state.session
    if not isinstance(session, _ReadingSession) or not (state.is_select or isinstance(state.statement, TextClause)):
        return None  # nothing that is read from a replica
    try:
        return state.invoke_statement()
    except (DBAPIError, NotCertain) as error:
        if not session._retries(error):
            raise
    return state.invoke_statement()


@event.listens_for(_ReadingSession, "after_transaction_end", propagate=True)
def _ended(session: Session, transaction: SessionTransaction) -> None:
    if transaction.parent is None and isinstance(session, _ReadingSession):
        session._end_unit()
