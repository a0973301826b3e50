"""`AsyncDatabase`: its interface, and what is of an event loop alone. `loop.py` runs the tests of `Database` on one."""

from __future__ import annotations

import asyncio
import time
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

import boto3
import pytest
from sqlalchemy import delete, func, insert, select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncSession as SqlAlchemysSession

from langpont_db import (
    AsyncDatabase,
    AsyncSession,
    CommitUnknown,
    Database,
    PoolTimeout,
    SecretTimeout,
    StatementTimeout,
    WriteRefused,
    migration_engine,
    settings,
)
from langpont_db.middleware import request
from tests.langpont_db.conftest import APPLICATION, WHERE_AM_I, Platform, caught_up, replay_paused
from tests.langpont_db.counted import Base, Counted
from tests.langpont_db.freezing import frozen
from tests.langpont_db.test_forks import in_child
from tests.langpont_db.test_frozen import silent_endpoint as silent_endpoint
from tests.recordings import REGION

Opened = Callable[..., Any]


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


@pytest.fixture
def opened(platform: Platform) -> Opened:
    """An AsyncDatabase of the platform's environment with other variables and timeouts, closed in its loop."""

    @asynccontextmanager
    async def make(environment: dict[str, str] | None = None, **timeouts: float) -> AsyncIterator[AsyncDatabase]:
        read = settings.read(platform.environment | (environment or {}))
        read = replace(read, timeouts=replace(read.timeouts, **timeouts))  # type: ignore[arg-type]
        database = AsyncDatabase(read)
        try:
            yield database
        finally:
            await database.dispose()

    return make


async def place(session: SqlAlchemysSession, platform: Platform) -> str:
    return platform.names()[(await session.execute(WHERE_AM_I)).scalar_one()]


def test_the_interface_is_that_of_a_database(opened: Opened, platform: Platform) -> None:
    async def use() -> None:
        async with opened() as database:
            async with database.session() as session:
                assert isinstance(session, AsyncSession)
                assert (await place(session, platform)).startswith("replica-")
                session.add_all(Counted(id=n, v=n) for n in range(3))
                await session.commit()
                token = await session.token()
            async with database.get_read_session(after=token, isolation_level="REPEATABLE READ") as session:
                assert await session.scalar(select(func.sum(Counted.v))) == 3
                with pytest.raises(WriteRefused):
                    await session.execute(insert(Counted).values(id=9))
            async with database.connect() as connection:
                assert await connection.scalar(select(func.count()).select_from(Counted)) == 3
            async with database.begin() as connection:
                await connection.execute(insert(Counted).values(id=3, v=3))
            async with database.session() as session:
                found = await session.stream_scalars(select(Counted.id).order_by(Counted.id))
                assert [n async for n in found] == [0, 1, 2, 3]
            async with database.get_write_session() as session:
                assert await place(session, platform) == "primary"
            async with database.read_engines()[0].connect() as connection:
                assert await connection.scalar(text("SHOW transaction_read_only")) == "on"
            assert (database.status()["reads"], repr(database)) == (
                {"replica": 4, "primary: a flush": 1},
                f"AsyncDatabase(127.0.0.1:{platform.plane.ports.pooler}/langpont, replicas: 2 for reads)",
            )

    asyncio.run(use())


def test_what_a_task_wrote_the_next_one_finds(opened: Opened) -> None:
    async def use() -> int:
        async def write_and_read(database: AsyncDatabase, n: int) -> bool:
            async with database.session() as session:
                session.add(Counted(id=n, v=n))
                await session.commit()
            async with database.session() as session:
                return await session.scalar(select(Counted.v).where(Counted.id == n)) == n

        async with opened() as database:
            found = await asyncio.gather(*(write_and_read(database, n) for n in range(120)))
            assert database.status()["reads"]["replica"] > 20
        return sum(found)

    assert asyncio.run(use()) == 120


def test_a_request_sees_what_the_other_database_of_its_process_wrote(
    opened: Opened, platform: Platform, databases: Callable[..., Database]
) -> None:
    other = databases()

    async def use() -> list[int | None]:
        async def read() -> int | None:
            async with database.session() as session:
                found: int | None = await session.scalar(select(Counted.v).where(Counted.id == 1))
                return found

        async with opened() as database:
            with request():
                with other.begin() as connection:
                    connection.execute(insert(Counted).values(id=1, v=7))
                return [await read(), await asyncio.create_task(read())]

    with replay_paused(platform, "replica-1", "replica-2"):
        assert asyncio.run(use()) == [7, 7]


@dataclass
class Watchdog:
    """The longest time for which an event loop did nothing."""

    longest: float = 0.0


@contextmanager
def watched() -> Iterator[Watchdog]:
    dog = Watchdog()

    async def look() -> None:
        last = time.monotonic()
        while True:
            await asyncio.sleep(0.005)
            last, before = time.monotonic(), last
            dog.longest = max(dog.longest, last - before)

    task = asyncio.get_running_loop().create_task(look())
    try:
        yield dog
    finally:
        task.cancel()


# What each wait below takes, and what a loop may stand still on a busy machine while it lasts.
WAIT, STILL = 1.5, 0.75

Wait = Callable[[Platform, AsyncDatabase], Awaitable[type[Exception] | str]]


async def outcome(act: Awaitable[object]) -> type[Exception] | str:
    try:
        return str(await act)
    except Exception as error:
        return type(error)


async def a_read_of_frozen_replicas(platform: Platform, database: AsyncDatabase) -> type[Exception] | str:
    async with database.session() as session:
        await place(session, platform)
        with frozen(platform, "replica-1", "replica-2"):
            return await outcome(place(session, platform))


async def a_write_to_a_frozen_primary(platform: Platform, database: AsyncDatabase) -> type[Exception] | str:
    async with database.get_write_session() as session:
        await place(session, platform)
        with frozen(platform, "primary"):
            return await outcome(session.execute(insert(Counted).values(id=1)))


async def a_commit_on_a_frozen_primary(platform: Platform, database: AsyncDatabase) -> type[Exception] | str:
    async with database.get_write_session() as session:
        await session.execute(insert(Counted).values(id=1))
        with frozen(platform, "primary"):
            return await outcome(session.commit())


async def a_login_at_a_frozen_pooler(platform: Platform, database: AsyncDatabase) -> type[Exception] | str:
    with frozen(platform, "pooler"):
        async with database.get_write_session() as session:
            return await outcome(session.connection())


async def replicas_that_are_behind(platform: Platform, database: AsyncDatabase) -> type[Exception] | str:
    with replay_paused(platform, "replica-1", "replica-2"):
        async with database.session() as session:
            session.add(Counted(id=1))
            await session.commit()
            return await outcome(place(session, platform))


async def a_token_and_a_frozen_primary(platform: Platform, database: AsyncDatabase) -> type[Exception] | str:
    with frozen(platform, "primary"):
        async with database.get_read_session(after="FFFF/FFFFFFFF") as session:
            return await outcome(place(session, platform))


async def a_full_pool(platform: Platform, database: AsyncDatabase) -> type[Exception] | str:
    async with database.get_write_session() as session, database.get_write_session() as other:
        await place(session, platform)
        return await outcome(place(other, platform))


async def a_full_place_for_reads_on_the_primary(platform: Platform, database: AsyncDatabase) -> type[Exception] | str:
    with replay_paused(platform, "replica-1", "replica-2"):
        async with database.session() as session, database.session() as other:
            session.add(Counted(id=1))
            await session.commit()
            await place(session, platform)
            database._database._rotation._pool_seconds = 1  # whole seconds in the environment
            return await outcome(place(other, platform))


async def a_lazy_end(platform: Platform, database: AsyncDatabase) -> type[Exception] | str:
    async with database.session() as session:
        await place(session, platform)
    with frozen(platform, "primary", "replica-1", "replica-2"):
        await asyncio.sleep(0.5)  # the watches ask
        return await outcome(database.dispose())


@pytest.mark.parametrize(
    ("wait", "ends"),
    [
        (a_read_of_frozen_replicas, "primary"),
        (a_write_to_a_frozen_primary, StatementTimeout),
        (a_commit_on_a_frozen_primary, CommitUnknown),
        (a_login_at_a_frozen_pooler, "ConnectTimeout"),
        (replicas_that_are_behind, "primary"),
        (a_token_and_a_frozen_primary, StatementTimeout),
        (a_full_pool, PoolTimeout),
        (a_full_place_for_reads_on_the_primary, PoolTimeout),
        (a_lazy_end, "None"),
    ],
)
def test_no_wait_stops_the_event_loop(
    opened: Opened, platform: Platform, wait: Wait, ends: type[Exception] | str
) -> None:
    pools = {
        "DATABASE_PRIMARY_POOL_SIZE": "1",
        "DATABASE_PRIMARY_MAX_OVERFLOW": "0",
        "DATABASE_POOL_TIMEOUT_SECONDS": "2",
    }
    deadlines = {"statement": WAIT, "answer": WAIT, "check": 0.3, "connect": 2, "position": WAIT}

    async def use() -> tuple[Any, float, float]:
        async with opened(pools, **deadlines) as database:
            async with database.get_write_session() as session:  # what a process does once
                await session.connection()
            async with database.session() as session:
                await place(session, platform)
            if wait is a_login_at_a_frozen_pooler:
                await database.write_engine.dispose()
            with watched() as dog:
                begun = time.monotonic()
                ended = await wait(platform, database)
                return ended, time.monotonic() - begun, dog.longest

    try:
        ended, seconds, still = asyncio.run(use())
    finally:
        caught_up(platform)
    assert (ended if isinstance(ended, str) or not isinstance(ends, str) else ended.__name__) == ends
    assert seconds > 0.9
    assert still < STILL


def test_reading_a_secret_does_not_stop_the_event_loop(opened: Opened, silent_endpoint: None) -> None:
    arn = "arn:aws:secretsmanager:ap-northeast-1:123456789012:secret:x"
    environment = {
        "DATABASE_PRIMARY_URL": f"postgresql://{APPLICATION}@127.0.0.1:1/langpont?sslmode=disable",
        "DATABASE_PRIMARY_SECRET_ARN": arn,
        "DATABASE_SECRET_TIMEOUT_SECONDS": str(WAIT),
    }

    async def use() -> tuple[list[type[Exception] | str], float]:
        boto3.client("secretsmanager", region_name=REGION)  # parses a big file once, under the interpreter's lock
        async with opened(environment) as database:
            sessions = [database.get_write_session() for _ in range(4)]
            with watched() as dog:
                begun = time.monotonic()
                ended = await asyncio.gather(*(outcome(session.connection()) for session in sessions))
                assert time.monotonic() - begun < 2 * WAIT  # they wait together
            return ended, dog.longest

    ended, still = asyncio.run(use())
    assert ended == [SecretTimeout] * 4
    assert still < STILL


def test_a_cancelled_task_leaves_nothing_behind(opened: Opened, platform: Platform) -> None:
    pools = {"DATABASE_PRIMARY_POOL_SIZE": "1", "DATABASE_PRIMARY_MAX_OVERFLOW": "0", "DATABASE_REPLICA_POOL_SIZE": "1",
             "DATABASE_REPLICA_MAX_OVERFLOW": "0"}  # fmt: skip

    async def use() -> None:
        async def sleep_in(session: AsyncSession) -> None:
            async with session:
                await session.execute(text("SELECT pg_sleep(20)"))

        async def wait_for_a_place() -> None:
            async with database.session() as session:
                await place(session, platform)

        async with opened(pools, position=0.1) as database:
            for make in (database.get_write_session, database.get_read_session, database.get_read_session):
                with suppress(TimeoutError):
                    async with asyncio.timeout(0.5):
                        await sleep_in(make())
            with replay_paused(platform, "replica-1", "replica-2"):
                async with database.session() as session:
                    session.add(Counted(id=1))
                    await session.commit()
                    await place(session, platform)
                    with pytest.raises(TimeoutError):
                        async with asyncio.timeout(1):
                            await wait_for_a_place()
                await wait_for_a_place()
            for make in (database.get_write_session, database.get_read_session, database.get_read_session):
                async with make() as session:
                    await place(session, platform)

    asyncio.run(use())
    with platform.server("primary").admin() as session:
        found = session.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(20)%'"
        ).fetchone()
    assert found == (0,)


def test_a_child_that_was_forked_has_a_loop_and_connections_of_its_own(platform: Platform) -> None:
    database = AsyncDatabase.from_env(platform.environment)

    async def echo(first: int) -> list[tuple[int, object]]:
        async def one(n: int) -> tuple[int, object]:
            async with database.session() as session:
                return n, await session.scalar(select(func.abs(-n)))

        return [found for found in await asyncio.gather(*map(one, range(first, first + 60))) if found[0] != found[1]]

    assert asyncio.run(echo(0)) == []
    children = [in_child(lambda first=first: asyncio.run(echo(first))) for first in (1000, 2000)]  # type: ignore[misc]
    assert asyncio.run(echo(3000)) == []
    assert [wait() for wait in children] == [[], []]
    asyncio.run(database.dispose())


def test_no_frame_of_a_login_that_failed_holds_the_password(opened: Opened, platform: Platform) -> None:
    url = platform.pooled(APPLICATION, "langpont").replace(platform.password(APPLICATION), "wr0ng-passw0rd")

    async def use(database: AsyncDatabase) -> str:
        async with database.get_write_session() as session:
            try:
                await session.connection()
            except OperationalError as error:
                shown = traceback.TracebackException.from_exception(error, capture_locals=True)
                return "".join(shown.format())
        raise AssertionError

    shown = asyncio.run(use(AsyncDatabase.from_env(platform.environment | {"DATABASE_PRIMARY_URL": url})))
    assert "authentication failed" in shown
    assert "wr0ng-passw0rd" not in shown
