"""What OpenTelemetry's SDK gets of a `Database` and an `AsyncDatabase`, in a process that sets it up."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from sqlalchemy import insert

from langpont_db import Database
from tests.langpont_db.conftest import Platform, replay_paused
from tests.langpont_db.writing import Written
from tests.recordings import ROOT

SET_UP = """
from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
reader = InMemoryMetricReader()
metrics.set_meter_provider(MeterProvider([reader]))
"""
USE = """
import asyncio, json, sys
from contextlib import suppress
from sqlalchemy import func, insert, select, text
from sqlalchemy.exc import SQLAlchemyError
from langpont_db import AsyncDatabase, Database
from tests.langpont_db.writing import Written

plain = select(func.abs(-1))
database = Database.from_env()
with database.session() as session:
    session.execute(plain)
with database.session() as session:
    session.execute(insert(Written).values(body="metrics"))
    with suppress(SQLAlchemyError):
        session.execute(text("SELECT 1 / 0"))
    session.rollback()
    session.add(Written(body="metrics"))
    session.commit()
    session.execute(plain)  # the replicas are behind
with database.get_write_session() as session, database.get_write_session() as other:
    session.connection()
    with suppress(SQLAlchemyError):
        other.connection()

async def beside():
    database = AsyncDatabase.from_env()
    async with database.session() as session:
        await session.execute(plain)
    found = collected()
    await database.dispose()
    return found
"""
COLLECT = """
def collected():
    found = {}
    for metric in reader.get_metrics_data().resource_metrics[0].scope_metrics[0].metrics:
        found[metric.name] = {
            "unit": metric.unit,
            "points": [
                [dict(point.attributes), point.count if hasattr(point, "count") else point.value]
                for point in metric.data.data_points
            ],
        }
    return found
print(json.dumps(asyncio.run(beside())))
"""


def run(platform: Platform, program: str) -> str:
    pools = {
        "DATABASE_PRIMARY_POOL_SIZE": "1",
        "DATABASE_PRIMARY_MAX_OVERFLOW": "0",
        "DATABASE_POOL_TIMEOUT_SECONDS": "1",
    }
    environment = {**os.environ, **platform.environment, **pools}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def points(found: Mapping[str, Any], name: str) -> list[list[Any]]:
    listed: list[list[Any]] = found[name]["points"]
    return sorted(listed, key=str)


def test_reads_waits_errors_pools_and_replicas_are_measured(
    platform: Platform, writable: None, database: Database
) -> None:
    with replay_paused(platform, "replica-1", "replica-2"):
        with database.begin() as connection:
            connection.execute(insert(Written).values(body="so that replicas are behind"))
        found = json.loads(run(platform, SET_UP + USE + COLLECT))
    assert {name: one["unit"] for name, one in found.items()} == {
        "db.client.connection.count": "{connection}",
        "db.client.connection.max": "{connection}",
        "db.client.connection.timeouts": "{timeout}",
        "db.client.connection.wait_time": "s",
        "langpont_db.errors": "{error}",
        "langpont_db.reads": "{unit_of_work}",
        "langpont_db.replica.in_rotation": "1",
        "langpont_db.replica.lag": "By",
        "langpont_db.wait.duration": "s",
    }
    assert points(found, "langpont_db.reads") == [
        [{"langpont_db.target": "primary", "langpont_db.reason": "a flush"}, 1],
        [{"langpont_db.target": "primary", "langpont_db.reason": "it may write"}, 1],
        [{"langpont_db.target": "primary", "langpont_db.reason": "replicas are behind"}, 1],
        [{"langpont_db.target": "replica"}, 2],
    ]
    pool = {"db.client.connection.pool.name": f"127.0.0.1:{platform.plane.ports.pooler}/langpont"}
    assert points(found, "langpont_db.errors") == [
        [{"error.type": "22012", "db.system.name": "postgresql"} | pool, 1],
        [{"error.type": "PoolTimeout", "db.system.name": "postgresql"} | pool, 1],
    ]
    assert points(found, "db.client.connection.timeouts") == [[pool, 1]]
    waits = {point[0]["langpont_db.wait"] for point in points(found, "langpont_db.wait.duration")}
    assert waits == {"first look", "replay"}
    names = [f"{pool['db.client.connection.pool.name']}{tail}" for tail in ("", "_replica_1", "_replica_2")]
    most = {point[0]["db.client.connection.pool.name"]: point[1] for point in points(found, "db.client.connection.max")}
    assert most == dict(zip(names, (2, 80, 80), strict=True))  # of both databases
    states = points(found, "db.client.connection.count")
    assert {point[0]["db.client.connection.state"] for point in states} == {"idle", "used"}
    assert sum(point[1] for point in states) >= 3
    assert [point[1] for point in points(found, "langpont_db.replica.in_rotation")] == [1, 1]
    assert all(point[1] > 0 for point in points(found, "langpont_db.replica.lag"))


def test_without_opentelemetry_all_goes_on(platform: Platform, writable: None) -> None:
    hide = "import sys\nsys.modules['opentelemetry'] = None\n"
    said = run(platform, hide + USE + "collected = lambda: 'nothing'\nprint(asyncio.run(beside()))")
    assert said == "nothing\n"
