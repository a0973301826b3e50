"""Replicas that stop, lag, hang and return, behind a real PgBouncer."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import DBAPIError, OperationalError, PendingRollbackError

from langpont_db import Database
from langpont_db.settings import Limit
from local.servers import replication
from tests.langpont_db.conftest import (
    READER,
    Platform,
    every_statement_logged,
    place,
    replay_paused,
    rows,
    stopped,
)
from tests.langpont_db.writing import Written
from tests.waiting import until

BOTH = ["replica-1", "replica-2"]


def places(database: Database, platform: Platform, number: int = 4) -> list[str]:
    """Where units of work read, one after the other."""
    found = []
    for _ in range(number):
        with database.session() as session:
            found.append(place(session, platform))
    return found


def write_log(platform: Platform, mib: int) -> None:
    """That much write-ahead log, with a commit at its end."""
    with platform.server("primary").admin() as session:
        session.execute(
            "SELECT pg_logical_emit_message(false, 'x', repeat('x', 1048576)) FROM generate_series(1, %s)", [mib]
        )
        session.execute("SELECT pg_current_xact_id()")


# Turns


def test_sessions_take_turns_and_each_stays_where_it_is(platform: Platform, database: Database) -> None:
    assert sorted(set(places(database, platform))) == BOTH
    for make in (database.session, database.get_read_session):
        with make() as session:
            first = place(session, platform)
            assert {place(session, platform) for _ in range(4)} == {first}
            session.commit()
            second = place(session, platform)
            session.rollback()
            third = place(session, platform)
            session.close()
            fourth = place(session, platform)
        assert (second, third, fourth) == (first, first, first)


def test_a_unit_of_work_reads_on_one_connection(database: Database) -> None:
    with database.get_read_session() as session:
        pids = {session.scalar(text("SELECT pg_backend_pid()")) for _ in range(5)}
        with database.get_read_session() as other:
            assert other.scalar(text("SELECT pg_backend_pid()")) not in pids
    assert len(pids) == 1


def test_analytics_has_replicas_of_its_own(platform: Platform, databases: Callable[..., Database]) -> None:
    urls = platform.environment["DATABASE_REPLICA_URLS"].split(",")
    database = databases({"DATABASE_REPLICA_URLS": urls[0], "DATABASE_ANALYTICS_REPLICA_URLS": urls[1]})
    for _ in range(2):
        with database.get_read_session("analytics") as session:
            assert place(session, platform) == "replica-2"
        with database.get_read_session() as session:
            assert place(session, platform) == "replica-1"
        with database.session() as session:
            assert place(session, platform) == "replica-1"


def test_without_replicas_the_primary_reads_and_a_reading_session_does_not_write(
    platform: Platform, databases: Callable[..., Database], writable: None
) -> None:
    database = databases({"DATABASE_REPLICA_URLS": ""})
    assert set(places(database, platform)) == {"primary"}
    with database.get_read_session() as session:
        assert place(session, platform) == "primary"
        with pytest.raises(DBAPIError, match="read-only transaction"):
            session.execute(text("INSERT INTO analytics.written (body) VALUES ('no')"))
    with database.get_write_session() as session:  # and the connection that it used is as before
        assert session.scalar(text("SHOW transaction_read_only")) == "off"


def test_a_reading_session_reads_a_consistent_snapshot_if_asked(database: Database, writable: None) -> None:
    with database.get_read_session() as session:
        session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
        session.execute(select(Written)).all()
        assert session.scalar(text("SHOW transaction_isolation")) == "repeatable read"


# Stopped


def test_a_stopped_replica_costs_no_failed_read_and_returns(
    platform: Platform, databases: Callable[..., Database], caplog: pytest.LogCaptureFixture
) -> None:
    """Four readers who never pause, while a replica stops in the middle of what they do, and comes back."""
    database = databases(check=0.2)
    met: list[tuple[float, str]] = []
    failed: list[BaseException] = []
    end = threading.Event()

    def read(make: Callable[[], object]) -> None:
        while not end.is_set():
            begun = time.monotonic()
            try:
                with make() as session:  # type: ignore[attr-defined]
                    met.append((0, place(session, platform)))
                    met.append((time.monotonic() - begun, place(session, platform)))
            except BaseException as error:
                failed.append(error)
                return

    makers = [database.session, database.session, database.get_read_session, database.get_read_session]
    threads = [threading.Thread(target=read, args=[make]) for make in makers]
    with caplog.at_level(logging.INFO, "langpont_db"):
        for thread in threads:
            thread.start()
        try:
            until(lambda: {role for _, role in met[-50:]} == set(BOTH))
            with stopped(platform, "replica-1"):
                number = len(met)
                until(lambda: len(met) > number + 200)
                assert {role for _, role in met[-50:]} == {"replica-2"}
            number = len(met)
            until(lambda: "replica-1" in {role for _, role in met[number:]})
        finally:
            end.set()
            for thread in threads:
                thread.join()
    assert failed == []
    name = f"replica 127.0.0.1:{platform.plane.ports.pooler}/langpont_replica_1"
    said = [record.getMessage() for record in caplog.records if record.name == "langpont_db"]
    assert said[0].startswith(f"{name} leaves the rotation: ")
    assert said[-1] == f"{name} is back in the rotation"


def test_a_replica_that_stops_between_two_reads_costs_neither_the_read_nor_the_unit_of_work(
    platform: Platform, database: Database, writable: None
) -> None:
    before = rows(platform)
    with database.session() as session, session.begin():
        met = place(session, platform)
        assert met in BOTH
        with stopped(platform, met):
            assert place(session, platform) == "primary"
            session.execute(insert(Written).values(body="after all"))
    assert rows(platform) == before + 1
    with database.get_read_session() as reading:
        met = place(reading, platform)
        assert met in BOTH
        with stopped(platform, met):
            assert place(reading, platform) == "primary"
            assert reading.scalar(text("SHOW transaction_read_only")) == "on"


def test_a_transaction_that_was_set_up_is_not_continued_elsewhere(platform: Platform, database: Database) -> None:
    """Its snapshot is gone, and that must not go unnoticed."""
    with database.get_read_session() as session:
        session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
        met = place(session, platform)
        assert met in BOTH
        with stopped(platform, met):
            with pytest.raises(OperationalError):
                place(session, platform)
            with pytest.raises(PendingRollbackError):
                place(session, platform)
            session.rollback()
            assert place(session, platform) != met


@pytest.mark.parametrize("end", ["commit", "rollback", "close", "an error"])
def test_a_replica_that_stops_after_a_read_does_not_spoil_the_end_of_the_unit_of_work(
    platform: Platform, databases: Callable[..., Database], end: str
) -> None:
    for make in (databases().session, databases().get_read_session):
        session = make()
        transaction = session.begin()
        met = place(session, platform)
        assert met in BOTH
        with stopped(platform, met):
            if end == "an error":
                with pytest.raises(LookupError), transaction:
                    raise LookupError
            else:
                getattr(session, end)()
            assert place(session, platform) != met
            session.close()


def test_while_all_replicas_are_stopped_the_primary_serves_reads(
    platform: Platform, databases: Callable[..., Database]
) -> None:
    database = databases(answer=0.5, check=0.2)
    with stopped(platform, *BOTH):
        assert places(database, platform) == ["primary"] * 4
    until(lambda: set(places(database, platform, 2)) == set(BOTH))


def test_while_the_primary_is_stopped_replicas_serve_reads(
    platform: Platform, databases: Callable[..., Database]
) -> None:
    database = databases(check=0.1, answer=0.5)
    assert set(places(database, platform)) == set(BOTH)
    with stopped(platform, "primary"):
        time.sleep(0.15)  # the next read looks again
        assert set(places(database, platform)) == set(BOTH)


def test_connections_that_ended_in_the_pool_are_replaced(
    platform: Platform, databases: Callable[..., Database], caplog: pytest.LogCaptureFixture
) -> None:
    """All of them at once, and the replica stays in the rotation."""
    database = databases({"DATABASE_REPLICA_URLS": platform.direct(READER, "replica-1")})
    sessions = [database.get_read_session() for _ in range(3)]
    for session in sessions:
        assert place(session, platform) == "replica-1"
    for session in sessions:
        session.close()
    with platform.server("replica-1").admin() as superuser:
        ended = superuser.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = %s AND backend_type = %s",
            [READER, "client backend"],
        ).fetchall()
    assert len(ended) >= 3
    for session in sessions:
        assert place(session, platform) == "replica-1"
        session.close()
    assert caplog.messages == []


# Hanging


@contextmanager
def paused(platform: Platform, entry: str) -> Iterator[None]:
    """A pooler that lets clients of an entry in and wait, as while it cannot reach the server."""
    cluster = platform.plane.cluster
    psql = platform.plane.binaries.tools / "psql"
    where = ("-h", str(platform.plane.layout.sockets), "-p", str(platform.plane.ports.pooler), "-U", "pgbouncer")
    cluster.primary.run(psql, *where, "pgbouncer", "-c", f"PAUSE {entry}")
    try:
        yield
    finally:
        cluster.primary.run(psql, *where, "pgbouncer", "-c", f"RESUME {entry}")


def test_a_pooler_that_lets_readers_wait_is_not_waited_for(
    platform: Platform, databases: Callable[..., Database]
) -> None:
    """PgBouncer would keep them for its query_wait_timeout, 120 s."""
    fresh, used = databases(answer=0.3), databases(answer=0.3)
    assert set(places(used, platform)) == set(BOTH)
    with paused(platform, "langpont_replica_1"):
        for database in (fresh, used):
            begun = time.monotonic()
            assert places(database, platform) == ["replica-2"] * 4
            assert 0.3 < time.monotonic() - begun < 30
    until(lambda: "replica-1" in places(used, platform, 2))


# Behind


def test_a_replica_that_is_bytes_behind_leaves_and_returns(
    platform: Platform, databases: Callable[..., Database]
) -> None:
    database = databases(check=0.1)
    assert set(places(database, platform)) == set(BOTH)
    with replay_paused(platform, "replica-1"):
        write_log(platform, 31)
        until(lambda: set(places(database, platform)) == {"replica-2"})
    until(lambda: set(places(database, platform)) == set(BOTH))


def test_a_replica_that_receives_nothing_leaves_and_returns(
    platform: Platform, databases: Callable[..., Database]
) -> None:
    """It has replayed all that it received, and would not know by itself that there is more."""
    database = databases(check=0.1)
    assert set(places(database, platform)) == set(BOTH)
    with platform.server("replica-1").admin() as superuser:
        superuser.execute("ALTER SYSTEM SET primary_conninfo = ''")
        superuser.execute("SELECT pg_reload_conf()")
        try:
            until(lambda: superuser.execute("SELECT 1 FROM pg_stat_wal_receiver").fetchone() is None)
            write_log(platform, 31)
            until(lambda: set(places(database, platform)) == {"replica-2"})
        finally:
            superuser.execute("ALTER SYSTEM RESET primary_conninfo")
            superuser.execute("SELECT pg_reload_conf()")
    replication.wait_streaming(platform.plane.cluster.primary, platform.plane.cluster.standbys)
    until(lambda: set(places(database, platform)) == set(BOTH))


def test_a_replica_that_is_seconds_behind_leaves_and_returns(
    platform: Platform, databases: Callable[..., Database], writable: None
) -> None:
    database = databases(limit=Limit(lag_bytes=2**30, lag_seconds=0.5), check=0.1)
    with database.get_write_session() as session:
        session.add(Written(body="before"))
        session.commit()
    until(lambda: set(places(database, platform)) == set(BOTH))
    with replay_paused(platform, *BOTH):
        with database.get_write_session() as session:
            session.add(Written(body="after"))
            session.commit()
        until(lambda: set(places(database, platform)) == {"primary"})
    until(lambda: set(places(database, platform)) == set(BOTH))


def test_replicas_of_an_idle_primary_stay(platform: Platform, databases: Callable[..., Database]) -> None:
    """However long ago the last commit was."""
    with platform.server("replica-1").admin() as session:
        until(lambda: session.execute(
            "SELECT clock_timestamp() - pg_last_xact_replay_timestamp() > '0.3s'").fetchone() == (True,))  # fmt: skip
    database = databases(limit=Limit(lag_bytes=0, lag_seconds=0.2), check=0)
    assert set(places(database, platform, 8)) == set(BOTH)


def test_a_server_is_looked_at_every_few_seconds_and_not_at_every_read(
    platform: Platform, databases: Callable[..., Database]
) -> None:
    url = platform.environment["DATABASE_REPLICA_URLS"].split(",")[0]
    database = databases({"DATABASE_REPLICA_URLS": url}, check=30)
    with every_statement_logged(platform, "replica-1", "primary") as (replica, primary):
        for _ in range(20):
            places(database, platform, 1)
        looks = [one for one in replica.statements() if "pg_last_wal_replay_lsn" in one]
        positions = [one for one in primary.statements() if "pg_current_wal_insert_lsn" in one]
        begins = replica.statements().count("BEGIN READ ONLY")
    # One transaction is SQLAlchemy's, which asks the first server it meets for its version. At its first look a replica
    # may be a record behind, and is then looked at again.
    assert (len(positions), begins) == (1, 20 + 1)
    assert 1 <= len(looks) <= 5
