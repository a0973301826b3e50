"""Throughput and latency of PostgreSQL by pgbench, with three sets of parameters, directly and through PgBouncer."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Literal, TypeAlias, TypeVar

from benchmarks import pgbench
from benchmarks.effort import Effort
from benchmarks.parameters import SETS, ParameterSet, with_parameters
from benchmarks.pgbench import Outcome
from benchmarks.progress import Progress
from benchmarks.statistics import spread
from benchmarks.workshop import APPLICATION, Workshop, make_roles
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

# Expected, of prod's platform on two cores.
BUILD_SECONDS, CHANGE_SECONDS, REST_SECONDS = 18, 5, 1
SLOTS_SECONDS = 20.0


def expected_seconds(effort: Effort) -> float:
    """How long `platform` and `measure` take."""
    both = effort.seconds + effort.offered_seconds + len(LOADS) * REST_SECONDS
    each = CHANGE_SECONDS + effort.warm_up_seconds + len(PATHS) * both
    return BUILD_SECONDS + effort.runs * len(SETS) * each


class Platform:
    """Prod's servers and pooler with pgbench's tables and a chosen set of parameters."""

    def __init__(self, workshop: Workshop, ports: Ports) -> None:
        self._workshop = workshop
        self._ports = ports
        self.plane: DataPlane = self._plane("ours")

    def _plane(self, chosen: ParameterSet) -> DataPlane:
        plan = with_parameters(self._workshop.plan, chosen)
        return self._workshop.plane(plan, self._workshop.layout("database"), self._ports)

    def build(self, scale: int) -> None:
        """Fill the primary before there are replicas, so that those are copied whole."""
        alone = replace(self._workshop.plan, instances=self._workshop.plan.instances[:1])
        first = self._workshop.plane(alone, self.plane.layout, self._ports)
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

    def prepare(self, path: Path, effort: Effort) -> None:
        """Start the pooler and its server connections, or stop it: with these not all direct clients would fit."""
        if path == "direct":
            pgbouncer.stop(self.plane.layout)
        else:
            self.plane.pooler.up()
            self.load(path, clients=effort.clients, seconds=effort.warm_up_seconds, rate=None)

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
def platform(workshop: Workshop, effort: Effort, progress: Progress) -> Iterator[Platform]:
    """Build and fill the servers, and purge them at the end."""
    progress.begin(f"Building the platform with pgbench's tables at scale {effort.scale}", BUILD_SECONDS)
    running = Platform(workshop, workshop.free_ports(workshop.plan))
    try:
        running.build(effort.scale)
        yield running
    finally:
        planes.purge(running.plane.layout)


def measure(
    on: Platform, effort: Effort, progress: Progress, sets: tuple[ParameterSet, ...] = SETS
) -> list[dict[str, Any]]:
    """Run pgbench for each combination; a row each, in the schema of results.json.

    Each round goes through all sets, every other one in the opposite order, so that what the machine does meanwhile
    does not fall on one of them.
    """
    outcomes: dict[Combination, list[Outcome]] = {key: [] for key in itertools.product(sets, PATHS, LOADS)}
    for number in range(effort.runs):
        forward = number % 2 == 0
        for chosen in _ordered(sets, forward):
            progress.begin(f"Database, run {number + 1}: changing the parameters to {chosen}", CHANGE_SECONDS)
            on.change(chosen)
            for path in _ordered(PATHS, forward):
                progress.begin(f"Database, run {number + 1}: preparing {path}", effort.warm_up_seconds / len(PATHS))
                on.prepare(path, effort)
                for load in _ordered(LOADS, forward):
                    step = f"{chosen}, {path}, {load}"
                    seconds = effort.seconds if load == "closed" else effort.offered_seconds
                    progress.begin(f"Database, run {number + 1}: {step}", seconds + REST_SECONDS)
                    clients = _clients(effort, path)
                    if load == "closed":
                        found = on.load(path, clients=clients, seconds=seconds, rate=None)
                    else:
                        found = on.load(
                            path, clients=clients, seconds=seconds, rate=effort.rate, settle=effort.settle_seconds
                        )
                    outcomes[chosen, path, load].append(found)
    return [_row(key, effort, found) for key, found in outcomes.items()]


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
