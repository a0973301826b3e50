"""A restart of the primary on purpose, behind PAUSE and RESUME, as the runbook has it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from sqlalchemy import column, func, insert, select

from langpont_db import Database
from tests.langpont_db.conftest import Platform, caught_up, place, rows
from tests.langpont_db.test_replicas_come_and_go import paused
from tests.langpont_db.writing import Written
from tests.waiting import until


def test_writes_wait_and_none_fails_and_reads_of_a_replica_do_not_wait(
    platform: Platform, database: Database, writable: None
) -> None:
    end = threading.Event()
    failed: list[BaseException] = []
    written = [0, 0]
    reads: list[tuple[float, float, str]] = []  # when, for how long, where

    def repeat(act: Callable[[], None]) -> None:
        while not end.is_set():
            try:
                act()
            except BaseException as error:
                failed.append(error)
                return
            time.sleep(0.01)

    def write(number: int) -> None:
        with database.session() as session:
            session.execute(insert(Written).values(body="restart"))
            session.commit()
        written[number] += 1

    def read() -> None:
        begun = time.monotonic()
        with database.session() as session:
            where = place(session, platform)
            session.scalar(select(func.count(column("id"))).select_from(Written))
        reads.append((begun, time.monotonic() - begun, where))

    before = rows(platform)
    acts = [lambda: write(0), lambda: write(1), read, read]
    threads = [threading.Thread(target=repeat, args=[act]) for act in acts]
    for thread in threads:
        thread.start()
    try:
        until(lambda: min(written) > 5 and len(reads) > 5)
        with paused(platform, "langpont"):
            begun = time.monotonic()
            platform.server("primary").stop()
            platform.server("primary").start()
            until(lambda: len([one for one in reads if one[0] > begun]) > 50)
            finished = time.monotonic()
        number = list(written)
        until(lambda: all(now > then + 5 for now, then in zip(written, number, strict=True)))
    finally:
        end.set()
        for thread in threads:
            thread.join()
    caught_up(platform)
    assert failed == []
    assert rows(platform) == before + sum(written)
    during = [one for one in reads if begun < one[0] < finished]
    assert {where for _, _, where in during} <= {"replica-1", "replica-2"}
    assert max(seconds for _, seconds, _ in during) < 1.5  # a busy machine's; nobody waits for the primary
