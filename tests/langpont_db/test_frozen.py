"""Servers that are frozen, not dead: what each call waits at most. docs/waits.md has the table."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import insert, text
from sqlalchemy.exc import OperationalError

from langpont_db import CommitUnknown, Database, PoolTimeout, SecretTimeout, StatementTimeout
from langpont_db.passwords import SecretPassword
from tests.langpont_db.conftest import APPLICATION, Platform, caught_up, place
from tests.langpont_db.freezing import frozen
from tests.langpont_db.proxy import Proxy
from tests.langpont_db.writing import Written
from tests.waiting import until

# Much shorter than the defaults, so that the tests are; and what a busy machine may add.
STATEMENT, ANSWER, CHECK, SLACK = 1.0, 0.4, 0.2, 1.0
SILENT = 2 * CHECK + ANSWER


@pytest.fixture
def quick(databases: Callable[..., Database], writable: None) -> Database:
    return databases(statement=STATEMENT, answer=ANSWER, check=CHECK, connect=1)


def timed(act: Callable[[], object]) -> tuple[float, object]:
    begun = time.monotonic()
    try:
        done: object = act()
    except OperationalError as error:
        done = type(error)
    return time.monotonic() - begun, done


def reads(database: Database, platform: Platform) -> str:
    with database.session() as session:
        return place(session, platform)


def test_reads_of_a_frozen_replica_go_on_from_the_primary(quick: Database, platform: Platform) -> None:
    in_flight = [quick.session(), quick.session()]
    assert sorted(place(session, platform) for session in in_flight) == ["replica-1", "replica-2"]
    with frozen(platform, "replica-1", "replica-2"):
        for session in in_flight:
            seconds, met = timed(lambda session=session: place(session, platform))  # type: ignore[misc]
            assert met == "primary"
            assert seconds < CHECK + ANSWER + SILENT + SLACK
        seconds, met = timed(lambda: reads(quick, platform))
        assert (met, seconds < SLACK) == ("primary", True)  # by now they are known to be gone
        for session in in_flight:
            session.close()
    until(lambda: reads(quick, platform) != "primary")


def test_the_first_read_that_meets_a_frozen_replica_waits_for_one_answer(quick: Database, platform: Platform) -> None:
    assert reads(quick, platform) != "primary"
    with frozen(platform, "replica-1", "replica-2"):
        seconds, met = timed(lambda: reads(quick, platform))
        assert met == "primary"
        assert seconds < 2 * ANSWER + SLACK
    until(lambda: reads(quick, platform) != "primary")


def test_a_frozen_primary_ends_writes_at_their_deadline_and_leaves_reads_alone(
    quick: Database, platform: Platform
) -> None:
    assert reads(quick, platform) != "primary"
    in_flight, pooled, committing = (quick.get_write_session() for _ in range(3))
    for session in (in_flight, pooled, committing):
        assert place(session, platform) == "primary"
    pooled.commit()
    committing.execute(insert(Written).values(body="perhaps"))
    with frozen(platform, "primary"):
        for session, act, expected in (
            (in_flight, lambda: in_flight.execute(text("SELECT 1")), StatementTimeout),
            (pooled, lambda: pooled.execute(text("SELECT 1")), StatementTimeout),
            (committing, committing.commit, CommitUnknown),
        ):
            seconds, met = timed(act)
            assert met is expected
            assert seconds < STATEMENT + SLACK
            session.rollback()
        for _ in range(10):
            seconds, met = timed(lambda: reads(quick, platform))
            assert (str(met)[:7], seconds < SLACK) == ("replica", True)
    for session in (in_flight, pooled, committing):
        session.close()
    until(lambda: timed(lambda: pooled.execute(text("SELECT 1")).scalar())[1] == 1)
    pooled.close()
    caught_up(platform)


def test_the_error_says_what_was_waited_for(quick: Database, platform: Platform) -> None:
    with quick.get_write_session() as session:
        place(session, platform)
        with frozen(platform, "primary"), pytest.raises(StatementTimeout) as ended:
            session.execute(text("SELECT 42"))
        assert str(ended.value).splitlines()[:2] == [
            "(langpont_db.connections.QueryTimeout) no answer within 1 s",
            "[SQL: SELECT 42]",
        ]
        assert ended.value.connection_invalidated


def test_a_frozen_pooler_ends_every_call_at_a_deadline(quick: Database, platform: Platform) -> None:
    assert reads(quick, platform) != "primary"
    with quick.get_write_session() as session:
        place(session, platform)
    with frozen(platform, "pooler"):
        seconds, met = timed(lambda: reads(quick, platform))
        assert met is StatementTimeout
        assert seconds < ANSWER + 2 + STATEMENT + SLACK  # one pool is empty, and libpq counts whole seconds
        quick.write_engine.dispose()
        seconds, met = timed(lambda: quick.get_write_session().connection())
        assert isinstance(met, type) and met.__name__ == "ConnectTimeout"
        assert seconds < 2 + SLACK  # libpq counts whole seconds
    until(lambda: timed(lambda: reads(quick, platform))[1] in ("replica-1", "replica-2"))


def test_a_full_pool_is_waited_for_so_long(databases: Callable[..., Database], platform: Platform) -> None:
    database = databases(
        {"DATABASE_PRIMARY_POOL_SIZE": "1", "DATABASE_PRIMARY_MAX_OVERFLOW": "0", "DATABASE_POOL_TIMEOUT_SECONDS": "1"}
    )
    with database.get_write_session() as first, database.get_write_session() as second:
        place(first, platform)
        begun = time.monotonic()
        with pytest.raises(PoolTimeout) as full:
            place(second, platform)
        assert time.monotonic() - begun < 1 + SLACK
    assert str(full.value) == (
        f"127.0.0.1:{platform.plane.ports.pooler}/langpont: no connection became free within 1 s, all 1 and 0 more are "
        "in use. DATABASE_POOL_TIMEOUT_SECONDS sets the time."
    )


@pytest.fixture
def silent_endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A Secrets Manager that accepts and does not answer."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", f"http://127.0.0.1:{listener.getsockname()[1]}")
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "testing")
        yield


def test_four_logins_wait_for_a_secret_together(silent_endpoint: None) -> None:
    """Not one behind the other."""
    arn = "arn:aws:secretsmanager:ap-northeast-1:123456789012:secret:x"
    password = SecretPassword(arn, None, 0.5)

    def read() -> tuple[float, str]:
        begun = time.monotonic()
        with pytest.raises(SecretTimeout) as ended:
            password.read()
        return time.monotonic() - begun, str(ended.value)

    with ThreadPoolExecutor(4) as pool:
        found = [future.result() for future in [pool.submit(read) for _ in range(4)]]
    assert {said for _, said in found} == {
        f"{arn}: Secrets Manager did not answer within 0.5 s. Look at the way to it (NAT, or the interface endpoint "
        "secretsmanager); DATABASE_SECRET_TIMEOUT_SECONDS sets the time."
    }
    assert max(seconds for seconds, _ in found) < 0.5 + SLACK


def test_a_server_that_hangs_after_the_handshake_is_given_up(
    platform: Platform, databases: Callable[..., Database]
) -> None:
    """Its packets are lost, and no request waits for the keepalives."""
    proxy = Proxy(platform.plane.ports.servers["primary"])
    url = f"postgresql://{APPLICATION}:{platform.password(APPLICATION)}@127.0.0.1:{proxy.port}/langpont"
    try:
        database = databases({"DATABASE_PRIMARY_URL": url, "DATABASE_REPLICA_URLS": ""}, statement=STATEMENT)
        with database.get_write_session() as session:
            place(session, platform)
            proxy.drop()
            seconds, met = timed(lambda: session.execute(text("SELECT 1")))
        assert met is StatementTimeout
        assert seconds < STATEMENT + SLACK
    finally:
        proxy.close()
