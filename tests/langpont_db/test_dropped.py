"""A `Database` or an `AsyncDatabase` that nobody disposes of and nobody holds any more."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select

from langpont_db import AsyncDatabase, Database
from tests.langpont_db.conftest import APPLICATION, READER, Platform, place
from tests.waiting import until

NAME = "dropped"
Environment = dict[str, str]


@pytest.fixture
def environment(platform: Platform) -> Environment:
    """To the servers themselves, which say who is connected."""
    mark = f"?application_name={NAME}"
    return platform.environment | {
        "DATABASE_PRIMARY_URL": platform.direct(APPLICATION, "primary") + mark,
        "DATABASE_REPLICA_URLS": ",".join(platform.direct(READER, role) + mark for role in ("replica-1", "replica-2")),
    }


def left(platform: Platform) -> tuple[int, int]:
    """Connections and threads."""
    connections = 0
    for role in ("primary", "replica-1", "replica-2"):
        with platform.server(role).admin() as session:
            row = session.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s", [NAME]
            ).fetchone()
            assert row is not None
            connections += row[0]
    return connections, sum(thread.name.startswith("langpont_db ") for thread in threading.enumerate())


def use(database: Database, platform: Platform) -> None:
    with database.get_write_session() as writing, database.session() as reading, database.session() as other:
        assert place(writing, platform) == "primary"
        assert {place(reading, platform), place(other, platform)} == {"replica-1", "replica-2"}


async def use_beside_a_loop(database: AsyncDatabase) -> None:
    async with database.get_write_session() as writing, database.session() as reading, database.session() as other:
        for session in (writing, reading, other):
            assert await session.scalar(select(func.abs(-1))) == 1


def dropped(environment: Environment, platform: Platform) -> None:
    database = Database.from_env(environment)
    use(database, platform)
    # Each server is watched on a connection of its own by a thread of its own.
    until(lambda: left(platform) == (6, 3))


def dropped_in_a_cycle(environment: Environment, platform: Platform) -> None:
    holder: dict[str, Any] = {"database": Database.from_env(environment)}
    holder["itself"] = holder
    use(holder["database"], platform)
    del holder
    gc.collect()


def dropped_in_its_loop(environment: Environment, platform: Platform) -> None:
    async def drop() -> None:
        await use_beside_a_loop(AsyncDatabase.from_env(environment))
        for _ in range(300):
            if left(platform) == (0, 0):
                return
            await asyncio.sleep(0.1)
        raise AssertionError(left(platform))

    asyncio.run(drop())


def dropped_after_its_loop(environment: Environment, platform: Platform) -> None:
    database = AsyncDatabase.from_env(environment)
    asyncio.run(use_beside_a_loop(database))
    assert left(platform) != (0, 0)


@pytest.mark.parametrize("way", [dropped, dropped_in_a_cycle, dropped_in_its_loop, dropped_after_its_loop])
def test_nothing_is_left_of_it(
    environment: Environment, platform: Platform, way: Callable[[Environment, Platform], None]
) -> None:
    gc.collect()
    until(lambda: left(platform) == (0, 0))
    way(environment, platform)
    until(lambda: left(platform) == (0, 0))


@pytest.mark.parametrize("kind", ["session", "get_read_session", "get_write_session", "connect", "begin"])
def test_what_it_has_opened_goes_on(environment: Environment, platform: Platform, kind: str) -> None:
    gc.collect()
    until(lambda: left(platform) == (0, 0))
    with getattr(Database.from_env(environment), kind)() as opened:
        gc.collect()
        assert opened.execute(select(func.abs(-1))).scalar() == 1
        if kind not in ("connect", "begin"):
            opened.rollback()
            assert opened.execute(select(func.abs(-1))).scalar() == 1
    del opened
    gc.collect()
    until(lambda: left(platform) == (0, 0))
