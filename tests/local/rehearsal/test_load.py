"""Load that counts: what was acknowledged, what failed and how, how long nothing was, and what was lost."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest
from sqlalchemy.exc import OperationalError

from local.rehearsal.load import Act, Load, kind, longest_wait, lost


class Store:
    """Rows in memory. It acknowledges what it forgets, and refuses what it is told to."""

    def __init__(self, forgets: tuple[int, ...] = (), refuses: tuple[int, ...] = ()) -> None:
        self.rows: set[int] = set()
        self.threads: set[int] = set()
        self._forgets, self._refuses = forgets, refuses

    @contextmanager
    def begin(self) -> Iterator[Act]:
        self.threads.add(threading.get_ident())
        yield self.insert

    def insert(self, number: int) -> None:
        if number in self._refuses:
            raise ConnectionResetError("gone at 12:03:01.5")
        if number not in self._forgets:
            self.rows.add(number)


def worked(store: Store, **options: float) -> Load:
    with Load(store.begin, 2, first=1_001, **options) as load:
        load.wait_for(20, 10)
    return load


def test_a_commit_that_was_acknowledged_and_is_not_found_is_lost() -> None:
    store = Store(forgets=(1_003, 1_007))
    load = worked(store, pause_seconds=0.001)
    assert lost((number for number, _ in load.acknowledged), store.rows) == {1_003, 1_007}
    assert (load.failures, len(store.threads)) == ([], 2)


def test_what_failed_is_counted_by_kind_and_is_not_lost() -> None:
    store = Store(refuses=(1_002, 1_004, 1_005))
    load = worked(store)
    assert lost((number for number, _ in load.acknowledged), store.rows) == set()
    assert load.failed_between(0, float("inf")) == {"ConnectionResetError: gone at ::": 3}
    assert load.failed_between(0, 1) == {}


def test_load_that_never_gets_through_is_told_with_its_last_failure() -> None:
    store = Store(refuses=tuple(range(10_000)))
    with Load(store.begin, 1) as load, pytest.raises(TimeoutError) as told:
        load.wait_for(1, 0.1)
    assert str(told.value) == "1 more were not acknowledged within 0.1 s: ConnectionResetError: gone at ::."


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (lambda: TimeoutError(), "TimeoutError"),
        (
            lambda: psycopg.OperationalError(
                'connection to server at "127.0.0.1", port 6432 failed: FATAL:  no such user'
            ),
            "OperationalError: no such user",
        ),
        (
            lambda: OperationalError("INSERT", {}, psycopg.OperationalError("server closed\nthe connection.")),
            "OperationalError: server closed",
        ),
    ],
)
def test_a_kind_has_neither_numbers_nor_addresses(error: Callable[[], Exception], told: str) -> None:
    assert kind(error()) == told


def test_a_pause_counts_from_the_change_and_to_the_end() -> None:
    acknowledged = [(1, 9.9), (2, 12.0), (3, 12.5), (4, 20.1)]
    assert longest_wait(acknowledged, 10, 13) == 2.0
    assert longest_wait(acknowledged, 12.2, 20) == 7.5
    assert longest_wait([], 5, 6) == 1.0
