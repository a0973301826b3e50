"""Scenarios in which something goes wrong and must be told.

Their figures are relative to the instance, so that another class or size needs no other scenarios.
"""

from __future__ import annotations

from dataclasses import replace

from documents.backtest.machine import IDLE_WAL_PERCENT, MIB, SESSION_BYTES, Load, Machine, Shape
from documents.backtest.scenarios import MORNING, On, Scenario, since_beginning


def _adding(until: int | None = None, **more: float) -> Shape:
    """More of some things from minute 0 on."""
    return since_beginning(
        lambda _, load, __: replace(load, **{name: getattr(load, name) + value for name, value in more.items()}),
        until=until,
    )


def _spare_memory(machine: Machine, load: Load) -> float:
    """Bytes that are freeable under this load, without its sorts."""
    return machine.database_memory - machine.shared_buffers - load.sessions * SESSION_BYTES


def _free(machine: Machine, full: float) -> float:
    """Bytes free at the beginning of a scenario, about."""
    return (1 - full) * (machine.storage - IDLE_WAL_PERCENT / 100 * machine.wal_kept)


def _all_cpu(machine: Machine, load: Load, _: int) -> Load:
    return replace(load, cpu=120.0)


def _lock(machine: Machine, load: Load, _: int) -> Load:
    return replace(load, blocked=1.5 * machine.size.vcpus + 2)


def _leak(machine: Machine, load: Load, minute: int) -> Load:
    return replace(load, sessions=load.sessions + machine.max_connections * minute / 120)


def _unknown_host(machine: Machine, load: Load, _: int) -> Load:
    return replace(load, sessions=load.sessions + 0.4 * machine.sessions)


def _sorts(machine: Machine, load: Load, _: int) -> Load:
    return replace(load, memory=_spare_memory(machine, load) - 0.07 * machine.memory)


def _swaps(machine: Machine, load: Load, _: int) -> Load:
    return replace(load, memory=_spare_memory(machine, load) - 0.03 * machine.memory + 380 * MIB)


def _fills_to(percent: float) -> Shape:
    """The volume fills within two hours until so many % are free."""

    def change(machine: Machine, load: Load, minute: int) -> Load:
        whole = _free(machine, 0.8) - percent / 100 * machine.storage
        return replace(load, growth=whole / 120 if minute < 120 else 0.0)

    return since_beginning(change)


def _fills_in(minutes: int) -> Shape:
    """The volume is full after so many minutes."""
    return since_beginning(lambda machine, load, _: replace(load, growth=_free(machine, 0.5) / minutes))


def _minutes_to_fill(machine: Machine) -> float:
    """How long half the volume takes at all the throughput that is sustained."""
    return _free(machine, 0.5) / (machine.sustained_mb * 10**6 * 60)


def _credits_drain(machine: Machine, load: Load, _: int) -> Load:
    return replace(load, cpu=2 * _baseline(machine))


def _baseline(machine: Machine) -> float:
    return 100 * (machine.size.credits_per_hour or 0) / 60 / machine.size.vcpus


def _credits_owed(machine: Machine, load: Load, minute: int) -> Load:
    """All CPU until a day's credits are borrowed, then a little more than is earned."""
    spent_a_minute = machine.size.vcpus - (machine.size.credits_per_hour or 0) / 60
    owed = 2 * (machine.size.credit_balance_maximum or 0) / spent_a_minute
    return replace(load, cpu=100.0 if minute < owed - 5 else _baseline(machine) + 10 / machine.size.vcpus)


def _volume_too_slow(machine: Machine, load: Load, reads: bool) -> Load:
    """Requests that take 30 ms each at what is sustained, by Little's law."""
    asked, parallel = 2 * machine.burst_iops, 0.03 * machine.sustained_iops
    return replace(load, parallel=parallel, reads=asked if reads else load.reads, writes=0.0 if reads else asked)


def _burst_to(percent: float, *, throughput: bool) -> Shape:
    """A burst at full speed, which ends when so many % of the balance are left."""

    def change(machine: Machine, load: Load, minute: int) -> Load:
        bursting = minute < 30 * (1 - percent / 100)
        if throughput:
            return replace(load, mb=machine.burst_mb if bursting else machine.sustained_mb, reads=0.0, writes=0.0)
        asked = machine.burst_iops if bursting else machine.sustained_iops
        return replace(load, reads=asked, writes=0.0, mb=0.0, parallel=5)

    return since_beginning(change)


def _behind(machine: Machine, load: Load, _: int) -> Load:
    return replace(load, lag=1.5 * (machine.lag_seconds or 0))


def _writing_a_little(_: Machine, load: Load, __: int) -> Load:
    return replace(load, written_mb=0.4)


def _slot_stands(machine: Machine, load: Load, minute: int) -> Load:
    end = 0.7 * machine.slot_cap if machine.slot_cap else 0.14 * machine.storage
    return replace(load, slot=end * min(minute / 60, 1))


def _archiver_stands(machine: Machine, load: Load, minute: int) -> Load:
    allowed = max(machine.slot_cap or machine.storage / 5, machine.wal_kept)
    return replace(load, archive=1.4 * allowed * min(minute / 60, 1))


def _gone(_: Machine, load: Load, __: int) -> Load:
    return replace(load, silent=True)


def _primary_gone(_: Machine, load: Load, minute: int) -> Load:
    """What its replicas see: nothing to replay."""
    return replace(load, lag=60.0 * (minute + 1))


def _rotation_stops(_: Machine, load: Load, minute: int) -> Load:
    """The first steps end at once; the third waits eight minutes for the hosts, and fails."""
    return replace(load, rotation_errors={0: 0.0, 8: 1.0}.get(minute))


LOUD = (
    Scenario(
        key="primary-gone",
        title="the primary is gone, and its standby with it",
        shape=since_beginning(_gone), elsewhere=since_beginning(_primary_gone),
        fires=frozenset({"instance-silent"}), within=lambda _: 10, on=On.PRIMARY,
    ),
    Scenario(
        key="replica-gone",
        title="a replica is gone",
        shape=since_beginning(_gone), fires=frozenset({"instance-silent"}), within=lambda _: 10, on=On.REPLICA,
    ),
    Scenario(
        key="burning-statement",
        title="statements without an index keep all vCPUs busy",
        shape=since_beginning(_all_cpu), fires=frozenset({"cpu-high"}), within=lambda _: 15,
    ),
    Scenario(
        key="long-lock",
        title="a migration holds a lock, and sessions wait for it",
        shape=since_beginning(_lock), fires=frozenset({"load-high", "sessions-blocked"}), within=lambda _: 30,
    ),
    Scenario(
        key="lock-queue",
        title="three sessions wait for a lock",
        shape=since_beginning(lambda _, load, __: replace(load, blocked=3)),
        fires=frozenset({"sessions-blocked"}), may=frozenset({"load-high"}), within=lambda _: 20,
    ),
    Scenario(
        key="connection-leak",
        title="something past the poolers opens connections until none is left, in two hours",
        shape=since_beginning(_leak),
        fires=frozenset({"connections-high", "connections-over-budget"}), within=lambda _: 110,
    ),
    Scenario(
        key="unknown-host",
        title="an application host that the stack file does not count opens its pools",
        shape=since_beginning(_unknown_host), fires=frozenset({"connections-over-budget"}), within=lambda _: 30,
    ),
    Scenario(
        key="large-sorts",
        title="sorts leave 7 % of the memory",
        shape=since_beginning(_sorts), fires=frozenset({"memory-low"}), within=lambda _: 30,
    ),
    Scenario(
        key="swapping",
        title="380 MiB more are wanted than there are",
        shape=since_beginning(_swaps), fires=frozenset({"memory-low", "swap-high"}), within=lambda _: 30,
    ),
    Scenario(
        key="volume-nearly-full",
        title="the volume fills to 3.5 % free, and RDS does not enlarge it",
        shape=_fills_to(3.5), fires=frozenset({"storage-low"}), within=lambda _: 180,
        begins=MORNING, minutes=6 * 60, full=0.8, fixed=True,
    ),
    Scenario(
        key="volume-filling",
        title="the volume fills to 7 % free, and RDS does not enlarge it",
        shape=_fills_to(7), may=frozenset({"storage-low"}), within=lambda _: 180,
        begins=MORNING, minutes=6 * 60, full=0.8, fixed=True,
    ),
    Scenario(
        key="volume-full-in-three-hours",
        title="a runaway statement fills the volume in three hours",
        shape=_fills_in(180), fires=frozenset({"storage-hours-low"}), within=lambda _: 60, begins=MORNING, fixed=True,
    ),
    Scenario(
        key="volume-full-in-twenty-minutes",
        title="a bulk load fills the volume in twenty minutes",
        shape=_fills_in(20), fires=frozenset({"storage-minutes-low"}), within=lambda _: 8, begins=MORNING, fixed=True,
    ),
    Scenario(
        key="volume-full-at-full-speed",
        title="a bulk load fills the volume as fast as it can be written",
        shape=since_beginning(lambda machine, load, _: replace(load, growth=machine.sustained_mb * 10**6 * 60)),
        may=frozenset({"storage-low", "storage-hours-low", "storage-minutes-low"}), begins=MORNING, fixed=True,
        within=lambda machine: 0.6 * _minutes_to_fill(machine),
    ),
    Scenario(
        key="twice-the-baseline",
        title="CPU at twice the baseline, day and night",
        shape=since_beginning(_credits_drain), fires=frozenset({"cpu-credits-low"}), within=lambda _: 20.5 * 60,
        applies=lambda machine: machine.size.burstable, begins=MORNING, minutes=30 * 60,
    ),
    Scenario(
        key="credits-borrowed",
        title="all CPU until a day's credits are borrowed, then a tenth of a vCPU over the baseline",
        shape=since_beginning(_credits_owed), fires=frozenset({"cpu-high", "cpu-credits-low", "cpu-credits-surplus"}),
        applies=lambda machine: machine.size.burstable, begins=MORNING, minutes=40 * 60, within=lambda _: 40 * 60,
    ),
    Scenario(
        key="reads-too-slow",
        title="sequential scans ask more reads than the volume sustains",
        shape=since_beginning(lambda machine, load, _: _volume_too_slow(machine, load, reads=True)),
        fires=frozenset({"read-latency-high", "disk-queue-high"}), within=lambda _: 90,
    ),
    Scenario(
        key="writes-too-slow",
        title="a bulk write asks more writes than the volume sustains",
        shape=since_beginning(lambda machine, load, _: _volume_too_slow(machine, load, reads=False)),
        fires=frozenset({"write-latency-high"}), within=lambda _: 90, on=On.PRIMARY,
    ),
    Scenario(
        key="iops-burst",
        title="reads use the EBS burst of IOPS up to 7 %",
        shape=_burst_to(7, throughput=False), fires=frozenset({"ebs-io-balance-low"}), within=lambda _: 60,
        applies=lambda machine: machine.burst_iops > machine.sustained_iops,
    ),
    Scenario(
        key="throughput-burst",
        title="reads use the EBS burst of throughput up to 7 %",
        shape=_burst_to(7, throughput=True), fires=frozenset({"ebs-byte-balance-low"}), within=lambda _: 60,
        applies=lambda machine: machine.burst_mb > machine.sustained_mb,
    ),
    Scenario(
        key="replica-behind",
        title="a replica is half as far behind again as its purpose allows, of a primary that writes 400 KB a second",
        shape=since_beginning(_behind), elsewhere=since_beginning(_writing_a_little),
        fires=frozenset({"replica-lag-high"}), within=lambda _: 15, on=On.REPLICA, begins=MORNING,
    ),
    Scenario(
        key="replication-stopped",
        title="replication stops while nobody writes",
        shape=since_beginning(lambda _, load, minute: replace(load, lag=60.0 * (minute + 1))),
        fires=frozenset({"replica-lag-high"}),
        within=lambda machine: max(18, (machine.lag_seconds or 0) / 60 * 1.5 + 10),
        on=On.REPLICA, begins=MORNING, minutes=3 * 60, idle=True,
    ),
    Scenario(
        key="vacuum-held-back",
        title="a forgotten prepared transaction holds vacuum back for weeks",
        shape=since_beginning(lambda _, load, __: replace(load, ids=1_200_000_000.0)),
        fires=frozenset({"transaction-ids-high"}), within=lambda _: 15, on=On.PRIMARY,
    ),
    Scenario(
        key="slot-held",
        title="a replica is gone, and its slot holds WAL back: within an hour 70 % of what it may",
        shape=since_beginning(_slot_stands), fires=frozenset({"slot-lag-high"}), within=lambda _: 120, on=On.PRIMARY,
    ),
    Scenario(
        key="archiver-stuck",
        title="WAL is not archived, and grows to 1.4 times what slots and settings account for",
        shape=since_beginning(_archiver_stands),
        fires=frozenset({"wal-disk-high"}), within=lambda _: 120, on=On.PRIMARY,
    ),
    Scenario(
        key="errors",
        title="15 errors a minute for an hour",
        shape=_adding(60, errors=15), fires=frozenset({"log-errors-high"}), within=lambda _: 15,
    ),
    Scenario(
        key="deadlocks",
        title="8 deadlocks in five minutes, for an hour",
        shape=_adding(60, deadlocks=1.6), fires=frozenset({"deadlocks-high"}), within=lambda _: 10, on=On.PRIMARY,
    ),
    Scenario(
        key="slow-statements",
        title="30 slow statements a minute",
        shape=_adding(slow=30), fires=frozenset({"slow-statements-high"}), within=lambda _: 10,
    ),
    Scenario(
        key="forgotten-transaction",
        title="a session began a transaction and reads on in it for three hours",
        shape=since_beginning(lambda _, load, minute: replace(load, transaction_seconds=60.0 * minute)),
        fires=frozenset({"transaction-long"}), within=lambda _: 90,
    ),
    Scenario(
        key="idle-transaction",
        title="a session does nothing inside a transaction for 24 minutes",
        shape=since_beginning(lambda _, load, minute: replace(load, idle_seconds=60.0 * minute), until=24),
        fires=frozenset({"idle-in-transaction"}), within=lambda _: 30,
    ),
    Scenario(
        key="index-build-failed",
        title="CREATE INDEX CONCURRENTLY failed and left an invalid index",
        shape=since_beginning(lambda _, load, __: replace(load, invalid_indexes=1)),
        fires=frozenset({"indexes-invalid"}), within=lambda _: 60, on=On.PRIMARY,
    ),
    Scenario(
        key="reader-gone",
        title="nobody reads from a replication slot any more",
        shape=since_beginning(lambda _, load, __: replace(load, unused_slots=1)),
        fires=frozenset({"slots-unused"}), within=lambda _: 60, on=On.PRIMARY,
    ),
    Scenario(
        key="certificate-not-renewed",
        title="the certificate expires in 20 days",
        shape=since_beginning(lambda _, load, __: replace(load, certificate_days=20.0)),
        fires=frozenset({"certificate-days-low"}), within=lambda _: 75,
    ),
    Scenario(
        key="function-gone",
        title="the metrics function no longer runs",
        shape=since_beginning(lambda _, load, __: replace(load, failed=None)),
        fires=frozenset({"metrics-silent"}), within=lambda _: 20, on=On.PRIMARY,
    ),
    Scenario(
        key="metric-broken",
        title="a custom metric's table was renamed",
        shape=since_beginning(lambda _, load, __: replace(load, failed=1)),
        fires=frozenset({"metrics-failing"}), within=lambda _: 45, on=On.PRIMARY,
    ),
    Scenario(
        key="near-the-ceiling",
        title="the database fills 90 % of what its storage may grow to",
        shape=since_beginning(lambda machine, load, _: replace(load, database_mib=0.9 * machine.ceiling / MIB)),
        fires=frozenset({"size-near-ceiling"}), within=lambda _: 60, on=On.PRIMARY,
        applies=lambda machine: machine.ceiling > machine.storage,
    ),
    Scenario(
        key="pool-too-small",
        title="clients wait 1.6 s for a server connection",
        shape=since_beginning(lambda _, load, __: replace(load, waited=1.6)),
        fires=frozenset({"clients-waiting"}), within=lambda _: 10, on=On.PRIMARY,
    ),
    Scenario(
        key="host-does-not-follow",
        title="a host does not take a new password over, and its rotation stops",
        shape=since_beginning(_rotation_stops),
        fires=frozenset({"rotation-failing"}), within=lambda _: 15, on=On.PRIMARY,
        applies=lambda machine: machine.rotates,
    ),
)  # fmt: skip
