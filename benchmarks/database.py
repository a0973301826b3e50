"""Throughput and latency of PostgreSQL by pgbench, with three sets of parameters, directly and through PgBouncer."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Literal, TypeAlias, TypeVar

from benchmarks import pgbench
from benchmarks.parameters import SETS, ParameterSet, with_parameters
from benchmarks.pgbench import Outcome
from benchmarks.statistics import spread
from benchmarks.workshop import APPLICATION, Effort, Workshop, make_roles
from local.servers import pgbouncer
from local.servers import plane as planes
from local.servers.connections import Endpoint
from local.servers.layout import Ports
from local.servers.plane import DataPlane

Path: TypeAlias = Literal["direct", "pgbouncer"]
Load: TypeAlias = Literal["closed", "1000-tps"]
PATHS: tuple[Path, ...] = ("direct", "pgbouncer")
LOADS: tuple[Load, ...] = ("closed", "1000-tps")
T = TypeVar("T")
Combination: TypeAlias = tuple[ParameterSet, Path, Load]

SLOTS_SECONDS = 20.0
WARM_UP_SECONDS = 2


class Platform:
    """Prod's servers and pooler with pgbench's tables and a chosen set of parameters."""

    def __init__(self, workshop: Workshop, ports: Ports) -> None:
        self.workshop = workshop
        self._ports = ports
        self.plane: DataPlane = self._plane("ours")

    def _plane(self, chosen: ParameterSet) -> DataPlane:
        plan = with_parameters(self.workshop.plan, chosen)
        return self.workshop.plane(plan, self.workshop.layout("database"), self._ports)

    def build(self, scale: int) -> None:
        """Fill the primary before there are replicas, so that those are copied whole."""
        alone = replace(self.workshop.plan, instances=self.workshop.plan.instances[:1])
        first = self.workshop.plane(alone, self.plane.layout, self._ports)
        first.cluster.up()
        make_roles(first)
        pgbench.build(first.cluster.primary, alone.database, scale)
        self.plane.up()

    def change(self, chosen: ParameterSet) -> None:
        """Bring all servers to a set of parameters, then pg_prewarm the tables and CHECKPOINT."""
        self.plane = self._plane(chosen)
        self.plane.up()
        with self.plane.cluster.primary.admin(self.plane.plan.database) as session:
            if "pg_prewarm" in self.plane.binaries.libraries:
                session.execute("CREATE EXTENSION IF NOT EXISTS pg_prewarm")
                session.execute(
                    "SELECT pg_prewarm(oid) FROM pg_class WHERE relname LIKE 'pgbench%' AND relkind IN ('r', 'i')"
                )
            session.execute("CHECKPOINT")

    def prepare(self, path: Path) -> None:
        """Start the pooler and its server connections, or stop it: with these not all direct clients would fit."""
        if path == "direct":
            pgbouncer.stop(self.plane.layout)
        else:
            self.plane.pooler.up()
            self.load(path, clients=self.workshop.effort.clients, seconds=WARM_UP_SECONDS, rate=None)

    def endpoint(self, path: Path) -> Endpoint:
        """The endpoint of the primary, or of the pooler's entry that leads to it."""
        if path == "direct":
            return self.plane.endpoint("primary")
        return self.plane.pooler.endpoint(self.plane.plan.database)

    def load(self, path: Path, *, clients: int, seconds: int, rate: int | None, settle: int = 0) -> Outcome:
        """One run of pgbench as the application's role."""
        if path == "direct":
            self._wait_for_slots()
        return pgbench.run(
            self.plane.binaries, self.endpoint(path), APPLICATION, self.plane.plan.passwords[APPLICATION],
            clients=clients, seconds=seconds, rate=rate, settle=settle,
        )  # fmt: skip

    def _wait_for_slots(self) -> None:
        """Wait until earlier sessions have ended, which clients do not wait for. Raises `TimeoutError`."""
        deadline = time.monotonic() + SLOTS_SECONDS
        with self.plane.cluster.primary.admin() as session:
            while True:
                row = session.execute("SELECT count(*) FROM pg_stat_activity WHERE usename = %s", [APPLICATION])
                if row.fetchone() == (0,):
                    return
                if time.monotonic() > deadline:
                    raise TimeoutError(f"Sessions of {APPLICATION} have not ended within {SLOTS_SECONDS} s.")
                time.sleep(0.02)


@contextmanager
def platform(workshop: Workshop) -> Iterator[Platform]:
    """Build and fill the servers, and purge them at the end."""
    scale = workshop.effort.scale
    workshop.say(f"Building the platform with pgbench's tables at scale {scale}")
    running = Platform(workshop, workshop.free_ports(workshop.plan))
    try:
        running.build(scale)
        yield running
    finally:
        planes.purge(running.plane.layout)


def measure(on: Platform, sets: tuple[ParameterSet, ...] = SETS) -> list[dict[str, Any]]:
    """Run pgbench for each combination; a row each, in the schema of results.json.

    Each round goes through all sets, every other one in the opposite order, so that what the machine does meanwhile
    does not fall on one of them.
    """
    effort = on.workshop.effort
    outcomes: dict[Combination, list[Outcome]] = {key: [] for key in itertools.product(sets, PATHS, LOADS)}
    for number in range(effort.runs):
        forward = number % 2 == 0
        for chosen in _ordered(sets, forward):
            on.workshop.say(f"Database, run {number + 1}: changing the parameters to {chosen}")
            on.change(chosen)
            for path in _ordered(PATHS, forward):
                on.prepare(path)
                for load in _ordered(LOADS, forward):
                    on.workshop.say(f"Database, run {number + 1}: {chosen}, {path}, {load}")
                    outcomes[chosen, path, load].append(_run(on, path, load))
    return [_row(key, effort, found) for key, found in outcomes.items()]


def _run(on: Platform, path: Path, load: Load) -> Outcome:
    effort = on.workshop.effort
    clients = _clients(effort, path)
    if load == "closed":
        return on.load(path, clients=clients, seconds=effort.seconds, rate=None)
    return on.load(
        path, clients=clients, seconds=effort.offered_seconds, rate=effort.rate, settle=effort.settle_seconds
    )


def _ordered(values: tuple[T, ...], forward: bool) -> tuple[T, ...]:
    return values if forward else values[::-1]


def _clients(effort: Effort, path: Path) -> int:
    return effort.direct_clients if path == "direct" else effort.clients


def _row(key: Combination, effort: Effort, found: list[Outcome]) -> dict[str, Any]:
    chosen, path, load = key
    return {
        "parameters": chosen,
        "path": path,
        "load": load,
        "clients": _clients(effort, path),
        "tps": spread([one.tps for one in found], 0),
        "average_ms": spread([one.average_ms for one in found]),
        "p99_ms": spread([one.p99_ms for one in found]),
        "failed": spread([one.failed for one in found], 0),
    }
