"""Point-in-time recovery as `make up` does it: the next generation, as of the second before a bad write."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import pgbench
from benchmarks.failover import connect
from benchmarks.statistics import spread
from benchmarks.workshop import APPLICATION, Workshop, with_replicas
from local.rehearsal.load import TABLE, Load, inserting, lost, numbers
from local.servers import plane as planes
from local.servers.plan import PRIMARY, DataPlan, Origin
from local.servers.plane import DataPlane

WRITERS = 4
WAIT_SECONDS = 60.0


def measure(workshop: Workshop) -> dict[str, Any]:
    """Measure point-in-time recovery, in the schema of results.json.

    restore_s: from the decision until PgBouncer leads to the restored primary, roles made. lost_s: from the last commit
    that it has to the bad write. lost_commits: acknowledged before the second that is restored to, and not there.
    size_mib: of the database, as a base backup.
    """
    effort = workshop.effort
    workshop.say("Recovery: building a primary that archives")
    plan = with_replicas(workshop.plan, 0)
    layout = workshop.layout("recovery")
    ports = workshop.free_ports(_restored(plan, datetime.now(UTC)))
    restores, gaps, missing, sizes = [], [], [], []
    for number in range(effort.runs):
        workshop.say(f"Recovery, run {number + 1}: back up, write, spoil, restore")
        old = workshop.plane(plan, layout, ports, backed_up=True)
        old.up()  # and removes what the run before restored
        if number == 0:
            pgbench.build(old.cluster.primary, plan.database, effort.recovery_scale)
        with old.cluster.primary.admin(plan.database) as session:
            session.execute("DROP TABLE IF EXISTS ledger")
            session.execute(TABLE)
        old.cluster.back_up(anyway=True)
        sizes.append(_mib(max((layout.backups / PRIMARY / "base-backups").iterdir())))
        ledger, second, bad = _write_and_spoil(old, effort.load_seconds, -1 - number)
        begun = time.monotonic()
        new = workshop.plane(_restored(plan, second), layout, ports, backed_up=True)
        restores.append(new.up().served - begun)
        with new.cluster.primary.admin(plan.database) as session:
            last = session.execute("SELECT max(written) FROM ledger").fetchone()
            assert last is not None
            gaps.append((bad - last[0]).total_seconds())
            missing.append(len(lost(ledger, numbers(session))))
            if session.execute("SELECT 1 FROM pgbench_branches WHERE bbalance = %s", [-1 - number]).fetchone():
                raise RuntimeError("The bad write is in what was restored. Look at the restored server's log.")
    planes.purge(layout)
    return {
        "restore_s": spread(restores),
        "lost_s": spread(gaps, 3),
        "lost_commits": spread(missing, 0),
        "size_mib": spread(sizes, 0),
    }


def _restored(plan: DataPlan, second: datetime) -> DataPlan:
    """The plan with its second generation, restored to that second, and the first kept beside it."""
    before = plan.primary
    identifier = f"{before.identifier}-g2"
    primary = replace(before, identifier=identifier, generation=2, origin=Origin("time", second.isoformat()))
    hosts = {host.replace(before.identifier, identifier): role for host, role in plan.hosts.items()}
    ini = plan.ini.replace(f"host={before.identifier}.", f"host={identifier}.")
    return replace(plan, instances=(primary,), previous=(before,), hosts=hosts, ini=ini)


def _write_and_spoil(servers: DataPlane, seconds: float, spoilt: int) -> tuple[list[int], datetime, datetime]:
    """Write until a bad UPDATE sets a number everywhere, just after a second has begun.

    Numbers acknowledged before that second, the second, and the time of the bad write, by the server.
    """
    plan = servers.plan
    primary, password = servers.endpoint(PRIMARY), plan.passwords[APPLICATION]
    ledger = Load(inserting(lambda: connect(primary, password)), WRITERS)
    with ledger, servers.cluster.primary.admin(plan.database) as session:
        ledger.wait_for(1, WAIT_SECONDS)
        time.sleep(seconds)
        time.sleep(1 - datetime.now(UTC).microsecond / 1e6)
        now, cut = datetime.now(UTC), time.monotonic()
        second = now.replace(microsecond=0)
        cut -= (now - second).total_seconds()
        row = session.execute("SELECT clock_timestamp()").fetchone()
        session.execute("UPDATE pgbench_branches SET bbalance = %s", [spoilt])  # the WHERE was forgotten
        assert row is not None
        ledger.wait_for(1, WAIT_SECONDS)  # life goes on until somebody notices
    before = [number for number, at in list(ledger.acknowledged) if at < cut]
    moment: datetime = row[0]
    return before, second, moment


def _mib(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 2**20
