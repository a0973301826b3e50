"""Watches servers beside the requests: for each a thread that asks it every second, on a connection of its own."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import psycopg

from langpont_db.connections import Connection, Row, log, run
from langpont_db.errors import SecretRefused
from langpont_db.logins import Connector
from langpont_db.settings import Timeouts
from langpont_db.waiting import ended

# Seconds without a read after which nobody is asked any more.
IDLE_SECONDS = 60


class Watch:
    """Asks one server, and tells its answer, or the error, with the time before the question.

    connectors: how to log in, the first that is let in. tell: may return in how many seconds to ask again, if not at
    the next check. The thread begins when somebody wants to know, and ends when
    nobody did for a minute, or the watch is gone.
    """

    def __init__(
        self,
        connectors: Sequence[Connector],
        question: bytes,
        tell: Callable[[Row | Exception, float], float | None],
        timeouts: Timeouts,
    ) -> None:
        self._connectors = list(connectors)
        self._question = question
        self._tell = tell
        self._timeouts = timeouts
        self.after_fork()

    def after_fork(self) -> None:
        """Begin anew in a forked child, which has no such thread."""
        # Of a thread that collects garbage meanwhile, too: it may be what stops it.
        self._lock = threading.RLock()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._stopped: threading.Thread | None = None
        self._wanted_at = 0.0

    def want(self) -> None:
        """Go on asking, for some time."""
        self._wanted_at = time.monotonic()
        if self._thread is None:
            with self._lock:
                if self._thread is None:
                    self._wake = threading.Event()
                    name = f"langpont_db {self._connectors[0].address}"
                    self._thread = threading.Thread(
                        target=_ask_on, args=[weakref.ref(self), self._wake], name=name, daemon=True
                    )
                    self._thread.start()

    def ask_soon(self) -> None:
        """Ask now instead of at the next second."""
        self.want()
        self._wake.set()

    def stop(self) -> None:
        """Have the thread end and close its connection. It begins again when somebody wants to know."""
        with self._lock:
            self._stopped, self._thread, self._wanted_at = self._thread, None, 0.0
            self._wake.set()

    def wait_until_stopped(self) -> None:
        """Wait for the thread that was told to end."""
        thread = self._stopped
        if thread is not None and thread is not threading.current_thread():
            ended(thread, self._timeouts.connect + 2 * self._timeouts.answer)

    def _ended(self) -> bool:
        """Whether this thread has nothing more to do."""
        with self._lock:
            if self._thread is threading.current_thread():
                if time.monotonic() - self._wanted_at < IDLE_SECONDS:
                    return False
                self._thread = None
            return True

    def _ask(self, kept: _Kept) -> float | None:
        asked_at = time.monotonic()
        try:
            try:
                answer: Row | Exception = self._answer(kept)
            except psycopg.OperationalError:
                if kept.connection is None or time.monotonic() - asked_at >= self._timeouts.answer:
                    raise
                # The connection was of before, and a new one may do: somebody may have ended this backend alone.
                kept.connection = None
                answer = self._answer(kept)
        except (psycopg.Error, SecretRefused) as error:
            kept.connection, answer = None, error
        return self._tell(answer, asked_at)

    def _answer(self, kept: _Kept) -> Row:
        if kept.connection is not None and kept.connector is not None and kept.connector.outdated(kept.connection):
            kept.connection.close()
        if kept.connection is None or kept.connection.closed:
            kept.connector, connection = self._connect()
            connection.autocommit = True
            kept.connection = connection
        return run(kept.connection, self._question, self._timeouts.answer)

    def _connect(self) -> tuple[Connector, Connection]:
        for connector in self._connectors[:-1]:
            try:
                return connector, connector.connect(Connection)
            except (psycopg.OperationalError, SecretRefused):
                continue  # that user may be unknown there, or its pool in PgBouncer still be repairing itself
        return self._connectors[-1], self._connectors[-1].connect(Connection)


@dataclass
class _Kept:
    """A thread's connection. The thread closes it, since the watch may be gone before the thread notices."""

    connection: Connection | None = None
    connector: Connector | None = None


def _ask_on(reference: weakref.ref[Watch], wake: threading.Event) -> None:
    kept = _Kept()
    try:
        _ask_until_ended(reference, wake, kept)
    finally:
        if kept.connection is not None:
            kept.connection.close()


def _ask_until_ended(reference: weakref.ref[Watch], wake: threading.Event, kept: _Kept) -> None:
    while True:
        watch = reference()
        if watch is None or watch._ended():
            return
        wake.clear()
        pause = None
        try:
            pause = watch._ask(kept)
        except Exception:
            log.exception("a watch failed")
        if pause is None:
            pause = watch._timeouts.check
        del watch
        wake.wait(pause)
