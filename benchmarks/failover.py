"""Failover under write load: the primary is killed, a standby promoted; downtime and lost commits."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

import psycopg

from benchmarks.statistics import spread
from benchmarks.workshop import APPLICATION, Workshop, with_replicas
from local.rehearsal.load import TABLE, Load, inserting, longest_gap, lost, numbers
from local.servers import plane as planes
from local.servers.connections import Connection, Endpoint
from local.servers.pgbouncer import Pooler
from local.servers.plan import PRIMARY
from local.servers.plane import DataPlane

Mode: TypeAlias = Literal["asynchronous", "synchronous"]
MODES: tuple[Mode, ...] = ("asynchronous", "synchronous")

STANDBY = "replica-1"
WRITERS = 8
# What detects: a login and a query on the primary each second, of which one that fails is enough. Nobody asks twice.
CHECK_SECONDS = 1.0
RECOVERED_COMMITS = 200
RECOVER_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class Failover:
    """The figures of one failover. downtime: the longest gap between two acknowledged commits, whoever's."""

    downtime_s: float
    detection_s: float
    promotion_s: float
    lost_commits: int
    acknowledged: int


def measure(workshop: Workshop) -> dict[str, Any]:
    """Measure failovers; the results by mode, in the schema of results.json."""
    effort = workshop.effort
    found: dict[str, Any] = {}
    for mode in MODES:
        runs = []
        for number in range(effort.runs):
            workshop.say(f"Failover, run {number + 1}: {mode} standby")
            # Each dies at another moment between two checks, so that the median is that of any moment.
            runs.append(fail_over(workshop, mode, effort.load_seconds, (number + 0.5) / effort.runs))
        found[mode] = {
            "downtime_s": spread([run.downtime_s for run in runs]),
            "detection_s": spread([run.detection_s for run in runs]),
            "promotion_s": spread([run.promotion_s for run in runs]),
            "lost_commits": spread([run.lost_commits for run in runs], 0),
            "acknowledged_commits": spread([run.acknowledged for run in runs], 0),
        }
    return found


def fail_over(workshop: Workshop, mode: Mode, load_seconds: float, phase: float) -> Failover:
    """Measure one failover on servers of its own. `phase`: how far between two checks the primary dies, 0 to 1."""
    plan = with_replicas(workshop.plan, 1)
    layout = workshop.layout(f"failover-{mode}")
    servers = workshop.plane(plan, layout, workshop.free_ports(plan))
    try:
        servers.up()
        with servers.cluster.primary.admin(plan.database) as session:
            session.execute(TABLE)
        if mode == "synchronous":
            _wait_for_standby(servers)
        pooled, password = servers.pooler.endpoint(plan.database), plan.passwords[APPLICATION]
        with Load(inserting(lambda: connect(pooled, password)), WRITERS) as ledger:
            ledger.wait_for(1, RECOVER_SECONDS)
            next_check = time.monotonic() + load_seconds + CHECK_SECONDS
            time.sleep(load_seconds + phase * CHECK_SECONDS)
            died = time.monotonic()
            kill(servers)
            detected = _detect(servers, next_check)
            _promote(servers)
            promoted = time.monotonic()
            ledger.wait_for(RECOVERED_COMMITS, RECOVER_SECONDS)
        with servers.cluster.servers[STANDBY].admin(plan.database) as session:
            missing = lost((number for number, _ in ledger.acknowledged), numbers(session))
        # What was killed left shared memory behind, which its next start removes.
        servers.cluster.primary.start()
    finally:
        planes.purge(layout)
    return Failover(
        downtime_s=longest_gap(moment for _, moment in ledger.acknowledged),
        detection_s=detected - died,
        promotion_s=promoted - detected,
        lost_commits=len(missing),
        acknowledged=len(ledger.acknowledged),
    )


def connect(endpoint: Endpoint, password: str) -> Connection:
    """Log in as the application does."""
    return endpoint.connect(APPLICATION, password)


def _wait_for_standby(servers: DataPlane) -> None:
    """Make the standby synchronous: the primary acknowledges no commit that the standby has not on disk."""
    name = next(one.identifier for one in servers.plan.instances if one.role == STANDBY)
    with servers.cluster.primary.admin() as session:
        session.execute(f"ALTER SYSTEM SET synchronous_standby_names = '\"{name}\"'")
        session.execute("SELECT pg_reload_conf()")
        deadline = time.monotonic() + RECOVER_SECONDS
        while session.execute("SELECT sync_state FROM pg_stat_replication").fetchone() != ("sync",):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{name} did not become synchronous. Look at the primary's log.")
            time.sleep(0.02)


def kill(servers: DataPlane) -> None:
    """Kill every process of the primary at once, as when its host is gone: none may send or write what it still has."""
    process = servers.cluster.primary.process()
    assert process is not None
    listed = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    pairs = [tuple(map(int, line.split())) for line in listed.splitlines()]
    pids = [process.pid, *(pid for pid, parent in pairs if parent == process.pid)]
    for number in (signal.SIGSTOP, signal.SIGKILL):
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, number)


def _detect(servers: DataPlane, next_check: float) -> float:
    """Wait until a check fails, and return when. Raises `TimeoutError` if the primary goes on answering."""
    deadline = time.monotonic() + RECOVER_SECONDS
    while time.monotonic() < deadline:
        time.sleep(max(next_check - time.monotonic(), 0))
        try:
            with connect(servers.endpoint(PRIMARY), servers.plan.passwords[APPLICATION]) as session:
                session.execute("SELECT 1")
        except psycopg.OperationalError:
            return time.monotonic()
        next_check += CHECK_SECONDS
    raise TimeoutError("The primary was killed and still answers.")


def _promote(servers: DataPlane) -> None:
    """Promote the standby (pg_promote) and point the pooler's entry to it: a new file and RELOAD, as on a host."""
    with servers.cluster.servers[STANDBY].admin() as session:
        done = session.execute("SELECT pg_promote(true, 60)").fetchone()
    if done != (True,):
        raise TimeoutError("The standby was not promoted within 60 s. Look at its log.")
    hosts = dict.fromkeys(servers.plan.hosts, STANDBY)
    Pooler(
        replace(servers.plan, hosts=hosts),
        account=servers.cluster.account, layout=servers.layout, ports=servers.ports,
        authority=servers.cluster.authority,
    ).up()  # fmt: skip
