"""Write load of numbered rows, and which acknowledged commits were lost."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from itertools import pairwise

import psycopg

from local.servers.connections import Connection

TABLE = "CREATE TABLE ledger (number bigint PRIMARY KEY, written timestamptz NOT NULL DEFAULT clock_timestamp())"
RETRY_SECONDS = 0.02
JOIN_SECONDS = 30


class Ledger:
    """Threads that insert numbered rows, each on its own connection. A number is used once, whatever becomes of it.

    `acknowledged`: number and the moment, of the monotonic clock, at which its commit came back. A number that failed
    is in neither state as far as its client knows, and is not counted.
    """

    def __init__(self, connect: Callable[[], Connection], writers: int) -> None:
        self.acknowledged: list[tuple[int, float]] = []
        self.errors = 0
        self._connect = connect
        self._numbers = itertools.count(1)
        self._end = threading.Event()
        self._threads = [threading.Thread(target=self._write, daemon=True) for _ in range(writers)]

    def __enter__(self) -> Ledger:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join(JOIN_SECONDS)

    def _write(self) -> None:
        session: Connection | None = None
        while not self._end.is_set():
            try:
                session = session or self._connect()
                number = next(self._numbers)
                session.execute("INSERT INTO ledger (number) VALUES (%s)", [number])
                self.acknowledged.append((number, time.monotonic()))
            except psycopg.Error:
                self.errors += 1
                if session:
                    session.close()
                session = None
                self._end.wait(RETRY_SECONDS)
        if session:
            with suppress(psycopg.Error):
                session.close()

    def wait_for(self, more: int, seconds: float) -> None:
        """Wait until so many further commits were acknowledged. Raises `TimeoutError`."""
        wanted = len(self.acknowledged) + more
        deadline = time.monotonic() + seconds
        while len(self.acknowledged) < wanted:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{more} further commits were not acknowledged within {seconds} s.")
            time.sleep(0.005)


def longest_gap(moments: Iterable[float]) -> float:
    """The most seconds between two acknowledged commits that follow each other. Raises `ValueError` below two."""
    return max(after - before for before, after in pairwise(sorted(moments)))


def lost(acknowledged: Iterable[int], session: Connection) -> set[int]:
    """Numbers whose commit was acknowledged and that a server does not have."""
    present = {row[0] for row in session.execute("SELECT number FROM ledger").fetchall()}
    return set(acknowledged) - present
