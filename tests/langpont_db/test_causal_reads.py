"""Reads that see what was written before them: in one process, in a session, and across processes by a token."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection as Pipe

import pytest
from sqlalchemy import delete, func, insert, select, text, update

from langpont_db import Database, migration_engine
from langpont_db.positions import end_of_record, to_position, to_text
from tests.langpont_db.conftest import Platform, caught_up, place, replay_paused
from tests.langpont_db.counted import Base, Counted

ROWS = 250  # a thousand were tried; each takes some milliseconds


@pytest.fixture(scope="module", autouse=True)
def tables(platform: Platform) -> Iterator[None]:
    engine = migration_engine(platform.migration)
    Base.metadata.create_all(engine)
    caught_up(platform)
    yield
    Base.metadata.drop_all(engine)


@pytest.fixture(autouse=True)
def empty(platform: Platform, databases: Callable[..., Database]) -> None:
    with databases().begin() as connection:
        connection.execute(delete(Counted))
    caught_up(platform)


@contextmanager
def delayed(platform: Platform, role: str, seconds: int) -> Iterator[None]:
    """A replica that replays each commit so much later."""
    server = platform.server(role)

    def become(value: int) -> None:
        with server.admin() as session:
            session.execute(f"ALTER SYSTEM SET recovery_min_apply_delay = '{value}s'".encode())
            session.execute("SELECT pg_reload_conf()")

    become(seconds)
    try:
        yield
    finally:
        become(0)
        caught_up(platform)


def write_and_read(writing: Database, reading: Database, rows: int = ROWS) -> tuple[int, dict[str, int]]:
    """How many of so many rows the next request does not find, and where its reads went."""
    missing = 0
    for n in range(rows):
        with writing.session() as session:
            session.execute(insert(Counted).values(id=n, v=n))
            session.commit()
            token = session.token
        with reading.session(after=token) as session:
            missing += session.scalar(select(Counted.v).where(Counted.id == n)) != n
    return missing, reading._rotation.counts


def test_the_writers_next_session_misses_nothing(database: Database) -> None:
    missing, counts = write_and_read(database, database)
    assert missing == 0
    assert counts["replica"] > ROWS / 2, counts


def serve(database: Database, pipe: Pipe) -> None:
    """A process that answers requests: a row's id and a token."""
    while (asked := pipe.recv()) is not None:
        number, token = asked
        with database.session(after=token) as session:
            pipe.send(session.scalar(select(Counted.v).where(Counted.id == number)))


def test_another_process_misses_nothing_with_the_token(database: Database) -> None:
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe()
    process = context.Process(target=serve, args=[database, there])
    process.start()
    missing = 0
    for n in range(ROWS):
        with database.get_write_session() as session:
            session.add(Counted(id=n, v=n))
            session.commit()
            here.send((n, session.token))
        missing += here.recv() != n
    here.send(None)
    process.join(30)
    assert missing == 0


def test_a_replica_that_is_far_behind_is_not_waited_for_by_each_read(
    platform: Platform, databases: Callable[..., Database]
) -> None:
    """One of them is 10 s behind, and in the rotation: it may be up to 30."""
    writing, reading = databases(), databases()
    with delayed(platform, "replica-2", 10):
        begun = time.monotonic()
        missing, counts = write_and_read(writing, reading, 200)
        seconds = time.monotonic() - begun
    assert missing == 0
    assert counts["replica"] > 50, counts
    assert seconds < 20


def test_without_the_token_another_process_may_miss_it(platform: Platform, databases: Callable[..., Database]) -> None:
    writing, reading = databases(), databases()
    with replay_paused(platform, "replica-1", "replica-2"):
        with writing.session() as session:
            session.add(Counted(id=1))
            session.commit()
            token = session.token
        with reading.session() as session:
            assert session.get(Counted, 1) is None
        with reading.session(after=token) as session:
            assert session.get(Counted, 1) is not None
            assert place(session, platform) == "primary"
        with reading.connect(after=token) as connection:  # Core alone
            assert connection.scalar(select(func.count()).select_from(Counted)) == 1
        begun = time.monotonic()
        for _ in range(20):
            with reading.session(after=token) as session:
                assert session.get(Counted, 1) is not None
        assert time.monotonic() - begun < 2  # what was waited for in vain is not waited for again and again


def test_a_forged_token_costs_its_sender_a_replica_at_most(
    platform: Platform, databases: Callable[..., Database]
) -> None:
    database = databases()
    for forged in ("FFFFFFFF/FFFFFFFF", "", "x", "0/0", "' OR 1=1", "1/2/3", "١/١"):
        with database.session(after=forged) as session:
            assert session.scalar(select(func.count()).select_from(Counted)) == 0
    with database.session() as session:
        assert place(session, platform) != "primary"


def test_reads_of_one_session_never_go_back(platform: Platform, databases: Callable[..., Database]) -> None:
    writing = databases()
    with replay_paused(platform, "replica-2"):
        with writing.session() as session:
            session.add(Counted(id=1, v=7))
            session.commit()
        caught_up(platform, "replica-1")
        for _ in range(6):
            with databases().session() as session:
                if (found := session.get(Counted, 1)) is not None:
                    session.commit()
                    assert found.v == 7  # read again, after it has expired
                else:
                    assert place(session, platform) == "replica-2"


def test_a_session_whose_replica_stops_goes_on_where_nothing_is_older(
    platform: Platform, databases: Callable[..., Database]
) -> None:
    """The other replica has not replayed what the first has shown."""
    from tests.langpont_db.conftest import stopped

    with replay_paused(platform, "replica-2"):
        with databases().session() as session:
            session.add(Counted(id=1, v=7))
            session.commit()
        caught_up(platform, "replica-1")
        database = databases(answer=0.5)
        session = database.session()
        while session.get(Counted, 1) is None:
            session.close()
            session = database.session()
        session.commit()
        with stopped(platform, "replica-1"):
            assert session.scalar(select(Counted.v).where(Counted.id == 1)) == 7
            assert place(session, platform) == "primary"
            session.close()


@pytest.mark.parametrize("way", ["begin", "write_engine", "autocommit", "a text", "a savepoint", "a function"])
def test_every_way_to_commit_leaves_a_position(
    platform: Platform, databases: Callable[..., Database], way: str
) -> None:
    database = databases()
    with database.session() as session:
        assert place(session, platform) != "primary"
    with replay_paused(platform, "replica-1", "replica-2"):
        if way == "begin":
            with database.begin() as connection:
                connection.execute(insert(Counted).values(id=1, v=1))
        elif way == "write_engine":
            with database.write_engine.connect() as connection:
                connection.execute(insert(Counted).values(id=1, v=1))
                connection.commit()
        elif way == "autocommit":
            with database.write_engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.execute(insert(Counted).values(id=1, v=1))
        else:
            with database.session() as session:
                if way == "a text":
                    session.execute(text("INSERT INTO analytics.counted (id, v) VALUES (1, 1)"))
                elif way == "a savepoint":
                    with session.begin_nested():
                        session.add(Counted(id=1, v=1))
                else:
                    session.execute(insert(Counted).values(id=1, v=1).returning(Counted.id)).all()
                session.commit()
        with database.session() as session:
            assert session.scalar(select(Counted.v)) == 1


def test_what_only_read_on_the_primary_asks_nothing_of_the_next_session(
    platform: Platform, databases: Callable[..., Database]
) -> None:
    database = databases()
    with replay_paused(platform, "replica-1", "replica-2"):
        with databases().begin() as connection:
            connection.execute(insert(Counted).values(id=1, v=1))
        with database.get_write_session() as session:
            session.scalar(select(Counted.v))
            session.commit()
            assert to_position(session.token) > 0  # this session has seen it
        with database.session() as other:
            assert place(other, platform) != "primary"
        with database.session() as other, other.begin():
            other.execute(update(Counted).where(Counted.id == -1).values(v=2))
        with database.session() as other:
            assert place(other, platform) != "primary"


def test_positions_are_postgresqls() -> None:
    assert to_position("16/B374D848") == 0x16B374D848
    assert to_text(0x16B374D848) == "16/B374D848"
    assert to_text(0) == ""
    # What comes next would begin behind a page's header, or a segment's: the last record ends where the page begins.
    assert [end_of_record(8192 * 3 + n) for n in (0, 23, 24, 40, 41)] == [24576, 24599, 24576, 24576, 24617]
