"""A model of an RDS instance for back-tests: what it is asked to do, minute by minute, becomes CloudWatch's metrics.

It is a stated model, no measurement: credits and EBS balances are buckets that fill at the class's baseline, waiting on
the volume follows Little's law, memory and storage are sums. Sources of its figures:

- credits, EBS limits: the table of instance classes; a burst lasts 30 minutes ("Amazon EBS-optimized instance types")
- storage autoscaling: below 10 % free for five minutes, six hours after the last change, by 10 GiB, 10 % or the growth
  of seven hours ("Managing capacity automatically with Amazon RDS storage autoscaling"); "usually takes a few minutes"
  (AWS re:Post, "RDS storage auto scaling, but the free storage space is less than 10%"): ten here
- a quiet server's WAL: 16 MiB every five minutes, in which RDS switches the segment, and ReplicaLag climbs until then
- WAL on an idle disk: 2,624 MiB of 3,072 MiB allowed, measured on the platform of one machine
- a session's own memory: 5 MiB; a request of gp3: 1 ms ("single-digit millisecond latency"), and waiting from four
  fifths of what is sustained on. Judgements.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from blueprint.aws.instance_classes import EBS_BURST_MINUTES, InstanceClass
from blueprint.instances import GIB, Instance
from blueprint.monitoring import log_filters
from blueprint.monitoring import metrics as published
from blueprint.monitoring.alarm import LAMBDA, RDS
from blueprint.platform import Platform
from blueprint.postgres import pgbouncer
from blueprint.postgres.defaults import LAG_SECONDS
from documents.backtest.evaluation import Series

MIB = 2**20
DAY_MINUTES = 24 * 60
LEAD_MINUTES = 90  # of usual load before a scenario, in which alarms have their data

SESSION_BYTES = 5 * MIB
READ_SECONDS = 0.001
WAITING_FROM = 0.8  # of what is sustained
IDLE_WAL_PERCENT = 85  # of wal_keep_size and max_wal_size: 2,624 of 3,072 MiB
WAL_SEGMENT_BYTES = 16 * MIB
WAL_SWITCH_MINUTES = 5
IDLE_WRITE_BYTES = WAL_SEGMENT_BYTES // (WAL_SWITCH_MINUTES * 60)  # a second
BUSY_WRITE_BYTES = 256 * 1024  # a second, from which on replicas get new transactions all the time
SCALE_AFTER_MINUTES, SCALE_TAKES_MINUTES, SCALE_AGAIN_MINUTES = 5, 10, 6 * 60


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What one instance has and bears: sizes in bytes, counts as counts.

    `database_memory`: what the system and RDS leave. `sessions`: the connection budget, which all pools full and all
    direct sessions reach. `slot_cap`: WAL that slots may hold back, None without an end. `ceiling`: what storage may
    grow to, its size without autoscaling. `written_mb`: MB a second that the primary writes at its busiest. `rotates`:
    whether passwords are changed by Secrets Manager.
    """

    name: str
    primary: str
    multi_az: bool
    size: InstanceClass
    memory: int
    database_memory: int
    shared_buffers: int
    work_mem: int
    storage: int
    ceiling: int
    sustained_iops: float
    burst_iops: float
    sustained_mb: float
    burst_mb: float
    written_mb: float
    sessions: int
    max_connections: int
    wal_kept: int
    slot_cap: int | None
    lag_seconds: int | None
    hosts: int
    rotates: bool

    @property
    def is_replica(self) -> bool:
        """Whether it replays a primary's WAL."""
        return self.lag_seconds is not None

    @property
    def usual_cpu(self) -> float:
        """CPU in the busiest hour of a day that the class was sized for, in %: what its credits bear, else half."""
        if self.size.credits_per_hour is None:
            return 50.0
        return 1.5 * 100 * self.size.credits_per_hour / (60 * self.size.vcpus)


def machines(platform: Platform) -> tuple[Machine, ...]:
    """The instances of a stack, those of a kept generation too, by the names that alarms have for them."""
    return tuple(
        _machine(platform, instance, generation)
        for generation in platform.settings.database.standing_generations
        for instance in platform.instances
    )


def _machine(platform: Platform, instance: Instance, generation: int) -> Machine:
    database, size = platform.settings.database, instance.instance_class
    sustained, volume = instance.sustains(database.volume), database.volume
    cap = instance.parameter("max_slot_wal_keep_size")
    return Machine(
        name=instance.named(generation),
        primary=platform.primary.named(generation),
        multi_az=database.multi_az,
        size=size,
        memory=instance.class_memory_bytes,
        database_memory=instance.database_memory_bytes,
        shared_buffers=instance.parameter_bytes("shared_buffers"),
        work_mem=instance.parameter_bytes("work_mem"),
        storage=database.allocated_storage_gib * GIB,
        ceiling=(database.max_allocated_storage_gib or database.allocated_storage_gib) * GIB,
        sustained_iops=sustained.iops,
        burst_iops=max(sustained.iops, min(size.burst_iops, volume.iops)),
        sustained_mb=sustained.mb_per_second,
        burst_mb=max(sustained.mb_per_second, min(size.burst_mb_per_second, volume.mibps * MIB / 10**6)),
        written_mb=0.25 * platform.primary.sustains(volume).mb_per_second,
        sessions=platform.budget.backends,
        max_connections=instance.parameter("max_connections"),
        wal_kept=instance.parameter_bytes("wal_keep_size") + instance.parameter_bytes("max_wal_size"),
        slot_cap=None if cap < 0 else instance.parameter_bytes("max_slot_wal_keep_size"),
        lag_seconds=LAG_SECONDS[instance.purpose] if instance.purpose else None,
        hosts=platform.budget.hosts,
        rotates=platform.settings.credentials.rotate_every_days is not None,
    )


@dataclass(frozen=True, kw_only=True)
class Load:
    """What an instance is asked to do in one minute.

    cpu: % of all vCPUs, beyond 100 for what waits for one. reads, writes: requests a second. mb, written_mb: decimal MB
    a second in all, and of writes. parallel: requests that are under way at once at most. sessions: connections.
    blocked: sessions that wait for a lock. memory: bytes beyond those of sessions. growth: bytes that stay. temporary:
    bytes of files that go again. lag: seconds, where it is not the usual. slot: bytes that the slowest replica lacks.
    archive: bytes of WAL that the archiver keeps. ids: transaction ids in use. silent: no metrics at all. errors,
    deadlocks, slow: lines of the log. waited: the longest wait of a client for a server connection, seconds. failed:
    custom statements that failed, None where the function does not run. rotation_errors: runs of the rotation function
    that failed, None while it does not run. launched: it starts, with a new instance's CPU credits. database_mib: size
    of the database, where it is not what the volume has. transaction_seconds,
    idle_seconds: age of the oldest transaction, and of the longest idleness in one. certificate_days: until the
    certificate expires.
    """

    cpu: float
    reads: float = 0.0
    writes: float = 0.0
    mb: float = 0.0
    written_mb: float = 0.0
    parallel: float = 8.0
    sessions: float = 0.0
    blocked: float = 0.0
    memory: float = 0.0
    growth: float = 0.0
    temporary: float = 0.0
    lag: float | None = None
    slot: float = WAL_SEGMENT_BYTES
    archive: float = 0.0
    ids: float = 150_000_000
    silent: bool = False
    errors: float = 0.0
    deadlocks: float = 0.0
    slow: float = 0.0
    waited: float = 0.0
    transaction_seconds: float = 5.0
    idle_seconds: float = 0.0
    invalid_indexes: int = 0
    unused_slots: int = 0
    certificate_days: float = 200.0
    failed: int | None = 0
    rotation_errors: float | None = None
    launched: bool = False
    database_mib: float | None = None


Shape = Callable[[Machine, Load, int], Load]
"""A scenario's change of the usual load, by minutes since it began, which are negative before."""


def usual(machine: Machine, minute: int, idle: bool = False) -> Load:
    """A minute of a working day that the instance was sized for: quiet from 20 to 8 o'clock, busiest at 14 o'clock.

    At its busiest: `usual_cpu`, 40 % of the volume's requests and a third of its throughput, 60 % of the connection
    budget, and transactions that leave 1 % of the storage a day. A replica writes what its primary does: it replays it.
    """
    hour = minute % DAY_MINUTES / 60
    busy = 0.0 if idle or not 8 <= hour < 20 else 1 - abs(hour - 14) / 6
    writing = machine.written_mb * busy
    return Load(
        cpu=3 + (machine.usual_cpu - 3) * busy,
        reads=0.25 * machine.sustained_iops * busy,
        writes=2 + 0.15 * machine.sustained_iops * busy,
        mb=IDLE_WRITE_BYTES / 10**6 + 0.08 * machine.sustained_mb * busy + writing,
        written_mb=IDLE_WRITE_BYTES / 10**6 + writing,
        sessions=machine.sessions * (0.25 + 0.35 * busy),
        memory=machine.sessions * 0.1 * busy * machine.work_mem,
        growth=0.01 * machine.storage / DAY_MINUTES,
        errors=0.2 + 2 * busy,
        slow=3 * busy,
        ids=150_000_000 + 1000 * minute,
        waited=0.2 * busy,
    )


class _Bucket:
    """An EBS balance: fills by what is not used of a baseline, and lets more through while it is not empty."""

    def __init__(self, baseline: float, most: float, capacity: float) -> None:
        self._baseline, self._most, self._capacity = baseline, most, capacity
        self._left = capacity

    @property
    def limit(self) -> float:
        """What may be used a second now."""
        return self._most if self._left > 0 else self._baseline

    def use(self, amount: float, seconds: int = 60) -> None:
        """So much a second, for so long."""
        self._left = min(max(self._left + (self._baseline - amount) * seconds, 0.0), self._capacity)

    @property
    def percent(self) -> float | None:
        """What is left, in %; None where there is nothing to burst with."""
        return 100 * self._left / self._capacity if self._capacity else None


def metrics(
    machine: Machine, shape: Shape, *, begins: int, minutes: int, idle: bool = False, full: float = 0.5
) -> Metrics:
    """All metrics of an instance, from `LEAD_MINUTES` before a scenario that begins at this minute of the day.

    `full`: data's part of the storage. A metric that the class does not have is None throughout.
    """
    rows = list(_minutes(machine, shape, begins - LEAD_MINUTES, LEAD_MINUTES + minutes, idle, full))
    return {name: [row[name] for row in rows] for name in rows[0]}


Metrics = dict[tuple[str, str], Series]
"""Series by namespace and name of a metric."""

_Minute = dict[tuple[str, str], float | None]


def _minutes(machine: Machine, shape: Shape, start: int, minutes: int, idle: bool, full: float) -> Iterator[_Minute]:
    requests = _burst(machine.sustained_iops, machine.burst_iops)
    throughput = _burst(machine.sustained_mb, machine.burst_mb)
    storage = _Storage(machine, full)
    credits_ = _Credits(machine)
    for minute in range(minutes):
        load = shape(machine, usual(machine, start + minute, idle), minute - LEAD_MINUTES)
        every_five = minute % 5 == 4
        if load.launched:
            credits_.launch()
        balance, charged = credits_.minute(load.cpu)
        if every_five:
            credits_.told()
        free, wal = storage.minute(load)
        wanted, wanted_mb = load.reads + load.writes, load.mb
        limit, limit_mb = requests.limit, throughput.limit
        used = max(wanted / limit, wanted_mb / limit_mb)
        # Little's law: at its limit each request takes as long as those before it, as many as are under way at once.
        full = load.parallel / limit
        seconds = full if used >= 1 else READ_SECONDS * max(1.0, (1 - WAITING_FROM) / (1 - used))
        seconds = min(seconds, max(full, READ_SECONDS))
        requests.use(min(wanted, limit))
        throughput.use(min(wanted_mb, limit_mb))
        queue = min(wanted, limit) * seconds
        runnable = load.cpu / 100 * machine.size.vcpus
        memory = machine.database_memory - machine.shared_buffers - load.sessions * SESSION_BYTES - load.memory
        of_rds = {
            "CPUUtilization": min(load.cpu, 100.0),
            "CPUCreditBalance": balance if every_five else None,
            "CPUSurplusCreditsCharged": charged if every_five else None,
            "DatabaseConnections": min(load.sessions, machine.max_connections),
            "FreeableMemory": max(memory, 0.03 * machine.memory),
            "SwapUsage": max(0.03 * machine.memory - memory, 0.0),
            "FreeStorageSpace": free,
            "ReadLatency": seconds if load.reads else 0.0,
            "WriteLatency": seconds,
            "DiskQueueDepth": queue,
            "EBSIOBalance%": requests.percent,
            "EBSByteBalance%": throughput.percent,
            "DBLoad": runnable + load.blocked + queue * load.reads / (wanted or 1),
            "WriteThroughput": load.written_mb * 10**6,
            "ReplicaLag": None if not machine.is_replica else _lag(load, minute),
            "MaximumUsedTransactionIDs": load.ids,
            "OldestReplicationSlotLag": load.slot,
            "TransactionLogsDiskUsage": wal,
        }
        of_log = {"Errors": load.errors, "Deadlocks": load.deadlocks, "SlowStatements": load.slow}
        row = _named(RDS, of_rds) | _named(log_filters.NAMESPACE, of_log)
        # What the platform publishes itself comes from elsewhere, also while the instance is silent.
        size = storage.database_mib if load.database_mib is None else load.database_mib
        asked = every_five and load.failed is not None and not load.silent
        itself: dict[str, float | None] = {
            "longest_transaction_seconds": load.transaction_seconds,
            "idle_in_transaction_seconds": load.idle_seconds,
            "blocked_sessions": load.blocked,
            "invalid_indexes": load.invalid_indexes,
            "unused_slots": load.unused_slots,
            published.CERTIFICATE_DAYS: load.certificate_days,
        }
        of_function = (itself if asked else dict.fromkeys(itself)) | {
            published.FAILED_STATEMENTS: load.failed if every_five else None,
            published.DATABASE_SIZE: size if every_five and load.failed is not None else None,
        }
        own = (
            _named(published.NAMESPACE, of_function)
            | _named(pgbouncer.NAMESPACE, {pgbouncer.MAX_WAIT_METRIC: load.waited})
            | _named(LAMBDA, {"Errors": load.rotation_errors})
        )
        yield (dict.fromkeys(row) if load.silent else row) | own


def _named(namespace: str, values: Mapping[str, float | None]) -> _Minute:
    return {(namespace, name): value for name, value in values.items()}


def _burst(sustained: float, most: float) -> _Bucket:
    return _Bucket(sustained, most, (most - sustained) * EBS_BURST_MINUTES * 60)


def _lag(load: Load, minute: int) -> float:
    if load.lag is not None:
        return load.lag
    if load.written_mb * 10**6 > BUSY_WRITE_BYTES:
        return 1.0
    return 60.0 * (minute % WAL_SWITCH_MINUTES + 1)  # until RDS switches the WAL and there is something to replay


class _Credits:
    """CPU credits as RDS has them, T classes unlimited: what is borrowed beyond a day's earnings is charged."""

    def __init__(self, machine: Machine) -> None:
        self._vcpus, self._earned = machine.size.vcpus, machine.size.credits_per_hour
        self._most = float(machine.size.credit_balance_maximum or 0)
        self._balance = self._most
        self._charged = 0.0

    def minute(self, cpu: float) -> tuple[float | None, float | None]:
        """The balance and the credits charged, after a minute at so many % of all vCPUs."""
        if self._earned is None:
            return None, None
        self._balance += self._earned / 60 - self._vcpus * min(cpu, 100) / 100
        self._charged += max(-self._most - self._balance, 0.0)
        self._balance = min(max(self._balance, -self._most), self._most)
        return max(self._balance, 0.0), self._charged

    def launch(self) -> None:
        """An unlimited T class begins with none (EC2 user guide, "Unlimited mode concepts")."""
        self._balance = 0.0

    def told(self) -> None:
        """The metric of what is charged counts five minutes."""
        self._charged = 0.0


class _Storage:
    """The volume: what is on it, and how RDS enlarges it."""

    def __init__(self, machine: Machine, full: float) -> None:
        self._machine = machine
        self._size = float(machine.storage)
        self._data = full * (machine.storage - IDLE_WAL_PERCENT / 100 * machine.wal_kept)
        self._low_minutes, self._since_change = 0, SCALE_AGAIN_MINUTES

    @property
    def database_mib(self) -> float:
        """What pg_database_size says."""
        return self._data / MIB

    def minute(self, load: Load) -> tuple[float, float]:
        """Free bytes, and bytes of WAL."""
        machine = self._machine
        self._data += load.growth
        held = load.slot if machine.slot_cap is None else min(load.slot, machine.slot_cap)
        wal = max(IDLE_WAL_PERCENT / 100 * machine.wal_kept, held, load.archive)
        free = self._size - self._data - wal - load.temporary
        self._low_minutes = self._low_minutes + 1 if free < 0.1 * self._size else 0
        self._since_change += 1
        due = self._low_minutes >= SCALE_AFTER_MINUTES + SCALE_TAKES_MINUTES
        if due and self._since_change >= SCALE_AGAIN_MINUTES and self._size < machine.ceiling:
            grown = max(10 * GIB, 0.1 * self._size, 7 * 60 * load.growth)
            self._size = min(self._size + grown, float(machine.ceiling))
            self._since_change = 0
        return max(free, 0.0), wal
