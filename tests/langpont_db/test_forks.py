"""A `Database` that was used before a fork, as under gunicorn --preload, Celery's prefork and multiprocessing."""

from __future__ import annotations

import gc
import os
import pickle
import threading
import traceback
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Integer, bindparam, cast, column, select, table
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from langpont_db import Database
from tests.langpont_db.conftest import READER, Platform, place

ECHO = select(cast(bindparam("n"), Integer)).select_from(table("pg_settings", column("name"))).limit(1)
ROUNDS = 150


def in_child(act: Callable[[], object]) -> Callable[[], Any]:
    """Fork a child that acts, and return what waits for its answer: a value, or the traceback as a text."""
    reads, writes = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            answer: object = act()
        except BaseException:
            answer = traceback.format_exc()
        with os.fdopen(writes, "wb") as pipe:
            pickle.dump(answer, pipe)
        os._exit(0)
    os.close(writes)

    def wait() -> Any:
        with os.fdopen(reads, "rb") as pipe:
            answer = pickle.load(pipe)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        return answer

    return wait


def wrong_answers(database: Database, first: int) -> list[object]:
    """Answers to other questions, and errors, of many reads and writes."""
    found: list[object] = []
    for n in range(first, first + ROUNDS):
        for make in (database.session, database.get_write_session):
            try:
                with make() as session:
                    if (answer := session.scalar(ECHO, {"n": n})) != n:
                        found.append((n, answer))
            except Exception as error:
                found.append((n, repr(error)))
    return found


def test_children_and_their_parent_get_the_answers_to_their_own_questions(database: Database) -> None:
    with database.get_write_session() as writing, database.session() as reading:  # two connections in each pool
        assert wrong_answers(database, 0) == []
        writing.scalar(ECHO, {"n": 1})
        reading.scalar(ECHO, {"n": 1})
    children = [in_child(lambda first=first: wrong_answers(database, first)) for first in (10_000, 20_000)]  # type: ignore[misc]
    assert wrong_answers(database, 30_000) == []
    assert [wait() for wait in children] == [[], []]


@pytest.mark.parametrize("way", ["pooled", "direct"])
def test_a_unit_of_work_that_is_open_stays_the_parents(
    platform: Platform, databases: Callable[..., Database], way: str
) -> None:
    """A child that uses it, closes it or forgets it says nothing on the parent's connection, with TLS or without."""
    database = databases(
        {} if way == "pooled" else {
            "DATABASE_PRIMARY_URL": platform.direct("langpont_app", "primary"),
            "DATABASE_REPLICA_URLS": platform.direct(READER, "replica-1"),
        }
    )  # fmt: skip
    sessions: list[Session] = [database.get_write_session(), database.session(), database.get_read_session()]
    for session in sessions:
        place(session, platform)

    def child() -> list[str]:
        said = []
        for session in sessions:
            try:
                said.append(place(session, platform))
            except OperationalError as error:
                said.append(str(error.orig))
            session.close()
            said.append(place(session, platform))
            session.close()
        sessions.clear()
        gc.collect()
        return said

    answer = in_child(child)()
    assert answer[:2] == ["the connection is closed", "primary"], answer
    assert all(one == "primary" or one.startswith("replica-") for one in answer[1:]), answer
    assert len({place(session, platform) for session in sessions}) >= 2  # the parent's go on where they were
    for session in sessions:
        session.close()


def test_a_lock_that_a_thread_of_the_parent_holds_does_not_stop_a_child(
    platform: Platform, databases: Callable[..., Database]
) -> None:
    """The first connection of an engine is made under a lock of SQLAlchemy's, a secret is read under one of ours."""
    database = databases()
    held, go = threading.Event(), threading.Event()
    engine = database.write_engine
    connect = engine.pool.dispatch.connect

    def hold() -> None:
        with connect._get_exec_once_mutex():
            held.set()
            go.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(30)
    try:
        assert in_child(lambda: place(database.get_write_session(), platform))() == "primary"
    finally:
        go.set()
        thread.join()
