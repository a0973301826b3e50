"""Scenarios of an ordinary month, in which nobody is to be told anything.

Their figures are relative to the instance, so that another class or size needs no other scenarios.
"""

from __future__ import annotations

from dataclasses import replace

from blueprint.instances import GIB
from documents.backtest.machine import DAY_MINUTES, MIB, READ_SECONDS, Load, Machine
from documents.backtest.scenarios import MORNING, NIGHT, On, Scenario, since_beginning, unchanged


def _report(machine: Machine, load: Load, minute: int) -> Load:
    """A leader and two parallel workers, which is PostgreSQL's default: 1.2 vCPUs, and two reads at a time.

    Its sorts write temporary files for 20 minutes.
    """
    return replace(
        load,
        cpu=load.cpu + 120 / machine.size.vcpus,
        reads=min(0.6 * machine.sustained_iops, 2 / READ_SECONDS),
        mb=0.6 * machine.sustained_mb,
        parallel=2,
        sessions=load.sessions + 1,
        memory=load.memory + 6 * machine.work_mem,
        temporary=min(0.05 * machine.storage, 10 * GIB) * min(minute / 20, 1),
        slow=load.slow + 1,
        lag=None if machine.lag_seconds is None else 0.8 * machine.lag_seconds,
    )


def _vacuum(machine: Machine, load: Load, _: int) -> Load:
    """Autovacuum of a large table: its cost limit lets it dirty 39 MiB a second at most (200 / 20 pages in 2 ms)."""
    writing = min(39 * MIB / 10**6, 0.7 * machine.sustained_mb)
    return replace(
        load, cpu=load.cpu + 20 / machine.size.vcpus, reads=load.reads + 0.2 * machine.sustained_iops,
        writes=load.writes + 0.2 * machine.sustained_iops, mb=load.mb + writing, written_mb=load.written_mb + writing,
        memory=load.memory + 256 * MIB * (machine.memory > 2 * GIB),
    )  # fmt: skip


def _deploy(machine: Machine, load: Load, minute: int) -> Load:
    """Hosts are replaced within five minutes: old and new processes fill the pools, some statements are cut off."""
    return replace(load, sessions=float(machine.sessions), cpu=load.cpu * 1.2, errors=load.errors + 5, waited=0.5)


def _failover(machine: Machine, load: Load, minute: int) -> Load:
    """60 to 120 s without the primary (RDS user guide), then poolers log in again and the cache is cold for a while.

    While it starts it refuses each login in the log: each host's PgBouncer asks once a second for each of two pools,
    for 20 s.
    """
    if machine.is_replica:
        return replace(load, lag=60.0 * (minute + 1) if minute < 2 else load.lag)
    if minute < 3:
        return replace(load, silent=True, waited=60.0 if minute < 2 else load.waited)
    if minute == 3:
        return replace(load, errors=load.errors + 2 * 20 * machine.hosts, sessions=float(machine.sessions))
    if minute < 6:
        return replace(load, sessions=float(machine.sessions), reads=0.9 * machine.burst_iops, parallel=10)
    return replace(load, reads=load.reads + 0.3 * machine.sustained_iops) if minute < 30 else load


def _upgrade(machine: Machine, load: Load, minute: int) -> Load:
    """A minor version in the maintenance window: standby and primary at once, eight minutes of silence (judgement)."""
    if minute < 8:
        return replace(load, silent=True, failed=1 if minute % 5 == 4 else 0, waited=0.0)
    if minute == 8:
        return replace(load, errors=load.errors + 2 * 20 * machine.hosts)
    return load


def _restart(machine: Machine, load: Load, minute: int) -> Load:
    """A restart for a static parameter: half a minute without the server, in one minute no metrics."""
    return replace(load, silent=minute == 0, errors=load.errors + (10 if minute == 1 else 0))


def _month(machine: Machine, load: Load, minute: int) -> Load:
    """The first of the month: bills, a new partition, statistics; a heavier report, and statements that wait for it."""
    busy = _report(machine, load, minute)
    return replace(busy, cpu=busy.cpu + 30 / machine.size.vcpus, slow=busy.slow + 8, deadlocks=0.2, blocked=0.5)


def _growth(machine: Machine, load: Load, minute: int) -> Load:
    """Storage grows by a tenth in a day and passes the mark at which RDS enlarges it."""
    return replace(load, growth=0.1 * machine.storage / DAY_MINUTES)


def _rotation(machine: Machine, load: Load, minute: int) -> Load:
    """A role's password is changed: each step of the function ends well, and clients move to the other login.

    Processes read the secret at a login after five minutes; a minute later hosts have closed what the former login
    left. Until then two pools stand beside each other, and all of them within the connection budget.
    """
    sessions = float(machine.sessions) if 1 <= minute < 7 else load.sessions
    return replace(load, rotation_errors=0.0 if minute < 2 else None, sessions=max(sessions, load.sessions))


def _late_runs(_: Machine, load: Load, minute: int) -> Load:
    return replace(load, failed=None)


QUIET = (
    Scenario(
        key="working-day",
        title="a working day that the class was sized for, over which credits fall and rise",
        shape=unchanged, begins=6 * 60, minutes=DAY_MINUTES, times=22,
    ),
    Scenario(
        key="idle-weekend",
        title="nobody works: replicas' lag climbs to five minutes and falls, the WAL is switched",
        shape=unchanged, minutes=6 * 60, idle=True, times=8,
    ),
    Scenario(
        key="nightly-report",
        title="a report with two parallel workers, 40 minutes at night",
        shape=since_beginning(_report, until=40), begins=NIGHT, times=30,
    ),
    Scenario(
        key="autovacuum",
        title="autovacuum of a large table, two hours",
        shape=since_beginning(_vacuum, until=120), begins=MORNING, times=4,
    ),
    Scenario(
        key="deploy",
        title="application hosts are replaced within five minutes",
        shape=since_beginning(_deploy, until=5), times=8,
    ),
    Scenario(
        key="failover",
        title="a failover at the busiest hour",
        shape=since_beginning(_failover), times=1, applies=lambda machine: machine.is_replica or machine.multi_az,
    ),
    Scenario(
        key="minor-upgrade",
        title="a minor version in the maintenance window, eight minutes",
        shape=since_beginning(_upgrade), begins=MORNING, idle=True, times=1,
    ),
    Scenario(
        key="restart",
        title="a planned restart for a static parameter",
        shape=since_beginning(_restart), begins=MORNING, times=1,
    ),
    Scenario(
        key="month-change",
        title="the first of the month: bills and statistics for an hour",
        shape=since_beginning(_month, until=60), begins=180, times=1,
    ),
    Scenario(
        key="storage-growth",
        title="storage grows past the mark at which RDS enlarges it",
        shape=since_beginning(_growth), begins=MORNING, minutes=20 * 60, full=0.85, times=1,
        applies=lambda machine: machine.ceiling > machine.storage,
    ),
    Scenario(
        key="late-runs",
        title="two runs of the metrics function do not come",
        shape=since_beginning(_late_runs, until=10), on=On.PRIMARY, times=4,
    ),
    Scenario(
        key="rotation",
        title="a role's password is rotated at the busiest hour",
        shape=since_beginning(_rotation), on=On.PRIMARY, times=4, applies=lambda machine: machine.rotates,
    ),
)  # fmt: skip
