"""Overhead of routing: reads through `langpont_db` against the same reads through plain SQLAlchemy."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import URL, Engine, Select, bindparam, column, create_engine, select, table
from sqlalchemy.orm import Session

from benchmarks.statistics import spread
from benchmarks.workshop import APPLICATION, READER, Workshop
from langpont_db import Database
from local.servers.plane import DataPlane

READS = 300  # in one turn
REPLICA_WAIT_SECONDS = 20

READ: Select[Any] = (
    select(column("bbalance")).select_from(table("pgbench_branches")).where(column("bid") == bindparam("bid"))
)
_WHERE: Select[str] = (
    select(column("setting")).select_from(table("pg_settings")).where(column("name") == "cluster_name")
)


def measure(workshop: Workshop, plane: DataPlane) -> dict[str, Any]:
    """Microseconds of a unit of work with one read, of the clock and of this process's CPU, and by how much percent
    routing makes both longer.

    Both ask the same replica through the same PgBouncer, in turns; of each turn the means are compared. The plain
    engine has no pre-ping. What is wanted: no longer by the clock, and 10 % more CPU at most.
    """
    workshop.say("Library: routed reads against plain ones")
    entry, role = next((e, r) for e, r in plane.pooler.entries.items() if r != "primary")
    plain, routed = _plain(plane, entry), Database.from_env(_environment(plane, entry))
    try:
        identifier = next(one.identifier for one in plane.plan.instances if one.role == role)
        _wait_for_replica(routed, identifier)
        ours, theirs = [], []
        for turn in range(workshop.effort.pairs + 1):  # the first one warms up
            mine = _mean_us(routed.session)
            other = _mean_us(lambda: Session(plain))
            if turn:
                ours.append(mine)
                theirs.append(other)
        _wait_for_replica(routed, identifier)  # it was not the primary that answered
    finally:
        plain.dispose()
        routed.dispose()
    found: dict[str, Any] = {}
    for which, suffix in ((0, ""), (1, "_cpu")):
        plain_us, routed_us = [mean[which] for mean in theirs], [mean[which] for mean in ours]
        percent = [100 * (b / a - 1) for a, b in zip(plain_us, routed_us, strict=True)]
        found |= {
            f"plain{suffix}_us": spread(plain_us, 0),
            f"routed{suffix}_us": spread(routed_us, 0),
            f"overhead{suffix}_percent": spread(percent, 1),
        }
    return found


def _mean_us(open_session: Callable[[], Session]) -> tuple[float, float]:
    """By the clock, and of this process's CPU, the threads that watch servers included."""
    begun, used = time.perf_counter(), time.process_time()
    for number in range(READS):
        with open_session() as session:
            session.execute(READ, {"bid": 1 + number % 2}).all()
    clock, cpu = time.perf_counter() - begun, time.process_time() - used
    return clock / READS * 1e6, cpu / READS * 1e6


def _plain(plane: DataPlane, entry: str) -> Engine:
    return create_engine(
        URL.create(
            "postgresql+psycopg", username=READER, password=plane.plan.passwords[READER], host="127.0.0.1",
            port=plane.ports.pooler, database=entry,
        ),
        connect_args={"prepare_threshold": None, "sslmode": "disable"},
    )  # fmt: skip


def _environment(plane: DataPlane, entry: str) -> dict[str, str]:
    def url(user: str, name: str) -> str:
        password = plane.plan.passwords[user]
        return f"postgresql://{user}:{password}@127.0.0.1:{plane.ports.pooler}/{name}?sslmode=disable"

    return {
        "DATABASE_PRIMARY_URL": url(APPLICATION, plane.plan.database),
        "DATABASE_REPLICA_URLS": url(READER, entry),
    }


def _wait_for_replica(database: Database, identifier: str) -> None:
    """Wait until the replica answers a read: one that has yet to catch up is not read. Raises `TimeoutError`."""
    deadline = time.monotonic() + REPLICA_WAIT_SECONDS
    while True:
        with database.session() as session:
            answered = session.execute(_WHERE).scalar_one()
        if answered == identifier:
            return
        if time.monotonic() > deadline:
            raise TimeoutError(f"{identifier} does not answer reads; {answered} does. Look at its lag.")
        time.sleep(0.05)
