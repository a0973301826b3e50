"""Load that numbers what it does: what was acknowledged, what failed, how long nothing was, and what was lost."""

from __future__ import annotations

import itertools
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from itertools import pairwise

import psycopg

from local.servers.connections import Connection

RETRY_SECONDS = 0.02
JOIN_SECONDS = 60  # langpont_db gives a statement up after 35

Act = Callable[[int], object]


class Load:
    """Threads that do one act again and again, each with a number. A number is used once, whatever becomes of it.

    `begin` gives each thread its act, for as long as it runs. `acknowledged`: number and the moment, of the monotonic
    clock, at which it was done. `failures`: moment and kind. What failed is in neither state as far as its client
    knows, and is not counted as done. `pause_seconds`: after each act that was done.
    """

    def __init__(
        self,
        begin: Callable[[], AbstractContextManager[Act]],
        threads: int,
        *,
        first: int = 1,
        pause_seconds: float = 0,
    ) -> None:
        self.acknowledged: list[tuple[int, float]] = []
        self.failures: list[tuple[float, str]] = []
        self._begin = begin
        self._pause = pause_seconds
        self._numbers = itertools.count(first)
        self._end = threading.Event()
        self._threads = [threading.Thread(target=self._repeat, daemon=True) for _ in range(threads)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join(JOIN_SECONDS)

    def _repeat(self) -> None:
        with self._begin() as act:
            while not self._end.is_set():
                number = next(self._numbers)
                try:
                    act(number)
                except Exception as error:
                    self.failures.append((time.monotonic(), kind(error)))
                    self._end.wait(RETRY_SECONDS)
                else:
                    self.acknowledged.append((number, time.monotonic()))
                    if self._pause:
                        self._end.wait(self._pause)

    def wait_for(self, more: int, seconds: float) -> None:
        """Wait until so many more were acknowledged. Raises `TimeoutError`."""
        wanted = len(self.acknowledged) + more
        deadline = time.monotonic() + seconds
        while len(self.acknowledged) < wanted:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{more} more were not acknowledged within {seconds} s: {self._last_failure()}.")
            time.sleep(0.005)

    def failed_between(self, begin: float, end: float) -> Mapping[str, int]:
        """How many failed between two moments, by kind, the most frequent first."""
        return dict(Counter(kind for moment, kind in list(self.failures) if begin <= moment <= end).most_common())

    def _last_failure(self) -> str:
        return self.failures[-1][1] if self.failures else "none failed either"


def kind(error: BaseException) -> str:
    """What failed in a few words that many failures share: the driver's error, with what the server or library said."""
    name, said = type(error).__name__, str(getattr(error, "orig", None) or error).strip()
    first = re.sub(r"^.* failed: +|\b(?:FATAL|ERROR): +|\d+(?:\.\d+)?", "", (said.splitlines() or [""])[0])
    words = " ".join(first.split()).rstrip(" .")[:100]
    return f"{name}: {words}" if words else name


def longest_gap(moments: Iterable[float]) -> float:
    """The most seconds between two moments that follow each other. Raises `ValueError` below two."""
    return max(after - before for before, after in pairwise(sorted(moments)))


def longest_wait(acknowledged: Iterable[tuple[int, float]], begin: float, end: float) -> float:
    """The most seconds between `begin` and `end` in which nothing was acknowledged."""
    return longest_gap([begin, *(moment for _, moment in acknowledged if begin < moment < end), end])


def lost(acknowledged: Iterable[int], present: Iterable[int]) -> set[int]:
    """Numbers that were acknowledged and are not there."""
    return set(acknowledged) - set(present)


# Rows of a table of its own, on plain connections

TABLE = "CREATE TABLE ledger (number bigint PRIMARY KEY, written timestamptz NOT NULL DEFAULT clock_timestamp())"


def inserting(connect: Callable[[], Connection]) -> Callable[[], AbstractContextManager[Act]]:
    """Begins an act that inserts its number, on one connection until that fails, then on another."""

    @contextmanager
    def begin() -> Iterator[Act]:
        session: Connection | None = None

        def insert(number: int) -> None:
            nonlocal session
            try:
                session = session or connect()
                session.execute("INSERT INTO ledger (number) VALUES (%s)", [number])
            except psycopg.Error:
                if session:
                    session.close()
                session = None
                raise

        try:
            yield insert
        finally:
            if session:
                session.close()

    return begin


def numbers(session: Connection) -> list[int]:
    """The numbers that a server has."""
    return [row[0] for row in session.execute("SELECT number FROM ledger").fetchall()]
