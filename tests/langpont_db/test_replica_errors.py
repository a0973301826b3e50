"""Errors that only a replica gives, one session's misfortune, and replicas that are busy rather than gone."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from langpont_db import CommitUnknown, Database, PoolTimeout, migration_engine
from tests.langpont_db.conftest import APPLICATION, READER, Platform, caught_up, place, replay_paused, stopped
from tests.langpont_db.proxy import Proxy
from tests.langpont_db.writing import Written
from tests.waiting import until

SLEEP = text("SELECT pg_sleep(:seconds)")


@pytest.fixture(autouse=True)
def tables(writable: None) -> None:
    """For all here."""


def test_what_a_migration_made_is_read_from_the_primary_until_replicas_have_it(
    platform: Platform, databases: Callable[..., Database]
) -> None:
    engine, database = migration_engine(platform.migration), databases()
    statements = [
        "SELECT count(*) FROM analytics.newer",
        "SELECT count(newer) FROM analytics.written",
        "SELECT count(*) FROM newer.t",
    ]
    with replay_paused(platform, "replica-1", "replica-2"):
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE analytics.newer (n int)"))
            connection.execute(text("ALTER TABLE analytics.written ADD COLUMN newer int"))
        try:
            for make in (database.session, database.get_read_session):
                for statement in statements[:2]:
                    with make() as session:
                        assert session.scalar(text(statement)) == 0
                        assert place(session, platform) == "primary"
            with database.get_read_session() as session, pytest.raises(DBAPIError, match="does not exist"):
                session.scalar(text(statements[2]))  # nor does the primary have it
        finally:
            with engine.begin() as connection:
                connection.execute(text("DROP TABLE analytics.newer"))
                connection.execute(text("ALTER TABLE analytics.written DROP COLUMN newer"))
    with database.session() as session:
        assert place(session, platform) != "primary"


def test_a_conflict_with_recovery_is_read_again_from_the_primary(platform: Platform, database: Database) -> None:
    """A long read, and a TRUNCATE whose replay needs the lock."""
    with migration_engine(platform.migration).begin() as connection:
        connection.execute(text("CREATE TABLE analytics.cut (n int)"))
        connection.execute(text("INSERT INTO analytics.cut VALUES (1)"))
    caught_up(platform)
    for role in ("replica-1", "replica-2"):
        with platform.server(role).admin() as superuser:
            superuser.execute("ALTER SYSTEM SET max_standby_streaming_delay = '0'")
            superuser.execute("SELECT pg_reload_conf()")
    try:
        with database.get_read_session() as session:
            assert session.scalar(text("SELECT count(*) FROM analytics.cut")) == 1  # a lock until the unit's end
            assert place(session, platform) != "primary"
            with migration_engine(platform.migration).begin() as connection:
                connection.execute(text("TRUNCATE analytics.cut"))
            caught_up(platform)
            assert session.scalar(text("SELECT count(*) FROM analytics.cut")) == 0
            assert place(session, platform) == "primary"
        with database.get_read_session() as session:
            assert place(session, platform) != "primary"
    finally:
        for role in ("replica-1", "replica-2"):
            with platform.server(role).admin() as superuser:
                superuser.execute("ALTER SYSTEM RESET max_standby_streaming_delay")
                superuser.execute("SELECT pg_reload_conf()")
        with migration_engine(platform.migration).begin() as connection:
            connection.execute(text("DROP TABLE analytics.cut"))


@pytest.mark.parametrize("end", ["terminated", "idle for too long"])
def test_the_end_of_one_session_takes_the_replica_from_nobody(
    platform: Platform, databases: Callable[..., Database], caplog: pytest.LogCaptureFixture, end: str
) -> None:
    database = databases({"DATABASE_REPLICA_URLS": platform.direct(READER, "replica-1")})
    careless = database.get_read_session()
    pid = careless.scalar(text("SELECT pg_backend_pid()"))
    if end == "terminated":
        with platform.server("replica-1").admin() as superuser:
            superuser.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
    else:
        careless.execute(text("SET LOCAL idle_in_transaction_session_timeout = 100"))
        with platform.server("replica-1").admin() as superuser:
            gone = "SELECT 1 FROM pg_stat_activity WHERE pid = %s"
            until(lambda: superuser.execute(gone, [pid]).fetchone() is None)
    try:
        place(careless, platform)
    except DBAPIError:
        careless.rollback()
    for _ in range(20):
        with database.session() as session:
            assert place(session, platform) == "replica-1"
    careless.close()
    assert [one.getMessage() for one in caplog.records if one.name == "langpont_db"] == []


# Commits


def test_a_commit_that_is_cut_off_has_an_error_of_its_own(
    platform: Platform, databases: Callable[..., Database]
) -> None:
    """Whoever retries OperationalError retries it, and whoever must not do it twice can tell it apart."""
    proxy = Proxy(platform.plane.ports.servers["primary"])
    url = f"postgresql://{APPLICATION}:{platform.password(APPLICATION)}@127.0.0.1:{proxy.port}/langpont"
    database = databases({"DATABASE_PRIMARY_URL": url, "DATABASE_REPLICA_URLS": ""}, statement=1)
    try:
        with database.get_write_session() as session:
            session.add(Written(body="perhaps"))
            session.flush()
            pid = session.scalar(text("SELECT pg_backend_pid()"))
            with platform.server("primary").admin() as superuser:
                superuser.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
            with pytest.raises(CommitUnknown) as unknown:
                session.commit()
            assert unknown.value.connection_invalidated
            assert "COMMIT: " in str(unknown.value)
            session.rollback()
            session.add(Written(body="certainly"))
            session.commit()
    finally:
        proxy.close()


def test_a_restart_of_the_primary_under_load_gives_errors_that_can_be_told_apart(
    platform: Platform, database: Database
) -> None:
    """Through PgBouncer, as a restart is: only lost connections, some of them in a COMMIT."""
    found: list[BaseException] = []
    end, begun = threading.Event(), threading.Event()

    def write() -> None:
        while not end.is_set():
            try:
                with database.get_write_session() as session:
                    session.add(Written(body="load"))
                    session.commit()
                begun.set()
            except BaseException as error:
                found.append(error)
                time.sleep(0.05)

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    begun.wait(30)
    try:
        with stopped(platform, "primary"):
            pass
    finally:
        end.set()
        for thread in threads:
            thread.join()
    assert {type(error).__name__ for error in found} <= {"OperationalError", "CommitUnknown", "ProtocolViolation"}
    assert all(isinstance(error, DBAPIError) and not isinstance(error.orig, psycopg.InternalError) for error in found)


# Busy


@pytest.fixture
def sleepers() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(40) as pool:
        yield pool


def test_a_busy_replica_is_not_gone(
    platform: Platform,
    databases: Callable[..., Database],
    sleepers: ThreadPoolExecutor,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """All that PgBouncer opens to it are in use for seconds; its watch has a pool of its own and is answered."""
    url = platform.environment["DATABASE_REPLICA_URLS"].split(",")[0]
    database = databases({"DATABASE_REPLICA_URLS": url}, answer=1.5, check=0.3)

    def sleep() -> str:
        with database.get_read_session() as session:
            session.execute(SLEEP, {"seconds": 5})
            return place(session, platform)

    with database.session() as session:
        assert place(session, platform) == "replica-1"
    asleep = [sleepers.submit(sleep) for _ in range(36)]
    time.sleep(3)
    begun = time.monotonic()
    with database.session() as session:
        met = place(session, platform)
    seconds = time.monotonic() - begun
    where = [future.result() for future in asleep]
    assert seconds < 1.5, (seconds, met)
    assert where.count("replica-1") >= 30
    assert [one.getMessage() for one in caplog.records if one.name == "langpont_db"] == []
    until(lambda: not read_from_primary(database, platform))


def test_what_falls_back_on_the_primary_is_bounded(
    platform: Platform, databases: Callable[..., Database], sleepers: ThreadPoolExecutor
) -> None:
    database = databases(
        {"DATABASE_PRIMARY_POOL_SIZE": "2", "DATABASE_POOL_TIMEOUT_SECONDS": "1"}, answer=0.5, check=0.3
    )
    with stopped(platform, "replica-1", "replica-2"):
        until(lambda: read_from_primary(database, platform))

        def read() -> str:
            try:
                with database.get_read_session() as session:
                    session.execute(SLEEP, {"seconds": 2})
                    return place(session, platform)
            except PoolTimeout as error:
                return str(error)

        found = [future.result() for future in [sleepers.submit(read) for _ in range(6)]]
        with database.get_write_session() as session:  # what writes is not held up by them
            assert session.scalar(select(1)) == 1
    assert sorted(found)[-2:] == ["primary", "primary"]
    assert set(found) - {"primary"} == {
        "no replica in the rotation, and 2 reads of this process are on the primary already, which is as many as may "
        "be (DATABASE_PRIMARY_POOL_SIZE). None ended within 1 s."
    }


def read_from_primary(database: Database, platform: Platform) -> bool:
    with database.session() as session:
        return place(session, platform) == "primary"
