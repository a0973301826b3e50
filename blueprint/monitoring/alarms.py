"""The alarms, as a table: what each watches on which instance, from which threshold, and what a person does next.

Metric facts are CloudWatch's for AWS/RDS (RDS user guide, "Amazon CloudWatch metrics for Amazon RDS"); starting points
for thresholds are AWS's "Best practice alarm recommendations" and the LangPont document. Judgements are named as such.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

from blueprint.monitoring import log_filters

RDS = "AWS/RDS"

GIB = 2**30
MIB = 2**20

# A write load that an idle RDS instance (checkpoints, agents, the WAL switch every 5 minutes) does not reach.
# Judgement: nobody publishes the figure; 1,000 TPS write several MiB a second.
BUSY_WRITE_BYTES_PER_SECOND = 256 * 1024
# The idle sawtooth of ReplicaLag ends at 300 s, when RDS switches the WAL: twice that is a broken replica, busy or not.
IDLE_LAG_SECONDS = 600
STATEMENT_LATENCY_SECONDS = 0.020  # AWS: read and write latency above 20 ms is worth an investigation
TRANSACTION_IDS = 1_000_000_000  # AWS; autovacuum forces itself at 200 million, writes stop near 2.1 billion


class Severity(Enum):
    """critical: someone gets up. warning: someone looks in the morning."""

    CRITICAL = "critical"
    WARNING = "warning"


class Missing(Enum):
    """What no data means, in CloudWatch's words."""

    BREACHING = "breaching"
    NOT_BREACHING = "notBreaching"
    IGNORE = "ignore"
    MISSING = "missing"


class Compare(Enum):
    """Comparison of the metric with the threshold, in CloudWatch's words."""

    ABOVE = "GreaterThanThreshold"
    BELOW = "LessThanThreshold"


@dataclass(frozen=True, kw_only=True)
class MathTerm:
    """One input of a metric-math alarm; `instance` is the role of the instance whose metric it is."""

    id: str
    metric: str
    statistic: str
    instance: str


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """One alarm. `instance` is the role of an instance, "primary" or "replica-<n>", or a part of the platform.

    `dimensions` are those of a metric that is not RDS's own; RDS's are known by the instance.

    `period_seconds` x `periods` is how long it must last. `statistic` is Average, Maximum, Minimum, Sum, SampleCount or
    a percentile such as p90. With `expression` the alarm watches metric math over `terms`, and `metric` names what it
    stands for.
    """

    key: str
    instance: str
    metric: str
    statistic: str
    compare: Compare
    threshold: float
    unit: str
    period_seconds: int
    periods: int
    missing: Missing
    severity: Severity
    watches: str
    next_step: str
    namespace: str = RDS
    expression: str | None = None
    terms: tuple[MathTerm, ...] = ()
    dimensions: Mapping[str, str] | None = None

    @property
    def name(self) -> str:
        """What distinguishes it within a stack, as in `primary-cpu-high`."""
        return f"{self.instance}-{self.key}"

    @property
    def description(self) -> str:
        """What the message of the alarm says: severity, meaning, what to do, and the runbook's section."""
        return f"[{self.severity.value}] {self.watches} Next: {self.next_step} Runbook: docs/runbook.md#{self.key}"


@dataclass(frozen=True, kw_only=True)
class Watched:
    """What the thresholds of one instance are computed from. Sizes in bytes, times in seconds, counts as counts.

    credits_per_day: CPU credits a T class earns in 24 hours, its largest balance; None for other classes.
    slot_wal_cap: max_slot_wal_keep_size, None without a cap. lag: seconds of replica lag that its purpose allows.
    """

    instance: str
    memory: int
    vcpus: int
    credits_per_day: int | None
    ebs_burst: bool
    storage: int
    autoscaling: bool
    iops: int
    max_connections: int
    connection_alarm: int
    slot_wal_cap: int | None = None
    has_replicas: bool = False
    lag_seconds: int | None = None

    @property
    def is_replica(self) -> bool:
        """Whether the instance is a replica."""
        return self.lag_seconds is not None


def alarms_for(watched: Watched) -> tuple[Alarm, ...]:
    """All alarms of one instance, in the order in which a person would read them."""
    return tuple(_rows(watched))


def _rows(w: Watched) -> Iterator[Alarm]:
    yield Alarm(
        key="cpu-high",
        instance=w.instance,
        metric="CPUUtilization",
        statistic="Average",
        compare=Compare.ABOVE,
        threshold=80,
        unit="%",
        period_seconds=300,
        periods=2,
        missing=Missing.BREACHING,
        severity=Severity.WARNING,
        watches="CPU above 80 % for 10 minutes.",
        next_step="find the statements that burn it in pg_stat_statements; on a T class look at the credits too.",
    )
    yield Alarm(
        # Maximum: an average over 5 minutes hides the spike that refuses logins.
        key="connections-high",
        instance=w.instance,
        metric="DatabaseConnections",
        statistic="Maximum",
        compare=Compare.ABOVE,
        threshold=w.max_connections * 80 // 100,
        unit="connections",
        period_seconds=300,
        periods=2,
        missing=Missing.BREACHING,
        severity=Severity.CRITICAL,
        watches=f"More than 80 % of max_connections ({w.max_connections}) in use; new logins are about to be refused.",
        next_step="see who holds them in pg_stat_activity by usename and client_addr, and end what is idle.",
    )
    yield Alarm(
        key="connections-over-budget",
        instance=w.instance,
        metric="DatabaseConnections",
        statistic="Maximum",
        compare=Compare.ABOVE,
        threshold=w.connection_alarm,
        unit="connections",
        period_seconds=300,
        periods=3,
        missing=Missing.NOT_BREACHING,
        severity=Severity.WARNING,
        watches="More than 80 % of the connection budget in use; the poolers' caps should make that rare.",
        next_step="look for clients that bypass PgBouncer, or for a host that the stack file does not count.",
    )
    yield Alarm(
        key="memory-low",
        instance=w.instance,
        metric="FreeableMemory",
        statistic="Average",
        compare=Compare.BELOW,
        # AWS recommends 25 %; with a quarter of the memory in shared_buffers an instance sits there for good. 10 % is
        # a judgement, to be set from a fortnight's baseline.
        threshold=w.memory // 10,
        unit="bytes",
        period_seconds=60,
        periods=15,
        missing=Missing.BREACHING,
        severity=Severity.WARNING,
        watches="Less than 10 % of the memory freeable for 15 minutes.",
        next_step="look for many active backends with large sorts; lower work_mem or take the next class.",
    )
    yield Alarm(
        key="swap-high",
        instance=w.instance,
        metric="SwapUsage",
        statistic="Average",
        compare=Compare.ABOVE,
        threshold=256 * MIB,
        unit="bytes",
        period_seconds=300,
        periods=3,
        missing=Missing.NOT_BREACHING,
        severity=Severity.WARNING,
        watches="More than 256 MiB swapped for 15 minutes; statements slow down by orders of magnitude.",
        next_step="same as memory-low, sooner.",
    )
    # At 10 % RDS enlarges the volume by itself, which is no reason to get up; below 5 % it did not (E45).
    percent = 5 if w.autoscaling else 10
    yield Alarm(
        key="storage-low",
        instance=w.instance,
        metric="FreeStorageSpace",
        statistic="Minimum",
        compare=Compare.BELOW,
        threshold=w.storage * percent // 100,
        unit="bytes",
        period_seconds=300,
        periods=1,
        missing=Missing.BREACHING,
        severity=Severity.CRITICAL,
        watches=f"Less than {percent} % of the allocated storage free; a full disk stops the database.",
        next_step="see whether autoscaling ran (events 0217, 0218, 0223 to 0225), then what grew: tables, WAL, logs.",
    )
    if w.credits_per_day is not None:
        yield Alarm(
            key="cpu-credits-low",
            instance=w.instance,
            metric="CPUCreditBalance",
            statistic="Minimum",
            compare=Compare.BELOW,
            threshold=w.credits_per_day * 20 // 100,
            unit="credits",
            period_seconds=300,
            periods=3,
            missing=Missing.BREACHING,
            severity=Severity.WARNING,
            watches="Less than a fifth of the CPU credits left; sustained load will be billed or slowed.",
            next_step="if the load is here to stay, take a class with fixed performance.",
        )
        yield Alarm(
            key="cpu-credits-surplus",
            instance=w.instance,
            metric="CPUSurplusCreditsCharged",
            statistic="Maximum",
            compare=Compare.ABOVE,
            threshold=0,
            unit="credits",
            period_seconds=300,
            periods=1,
            missing=Missing.NOT_BREACHING,
            severity=Severity.WARNING,
            watches="Surplus CPU credits are being charged: the instance lives above its means.",
            next_step="same as cpu-credits-low; the monthly budget shows what it costs.",
        )
    yield Alarm(
        key="read-latency-high",
        instance=w.instance,
        metric="ReadLatency",
        statistic="p90",
        compare=Compare.ABOVE,
        threshold=STATEMENT_LATENCY_SECONDS,
        unit="s",
        period_seconds=60,
        periods=5,
        missing=Missing.MISSING,
        severity=Severity.WARNING,
        watches="One read in ten takes longer than 20 ms on the volume.",
        next_step="compare IOPS with the volume's baseline; look for a sequential scan that started with the alarm.",
    )
    if not w.is_replica:
        yield Alarm(
            key="write-latency-high",
            instance=w.instance,
            metric="WriteLatency",
            statistic="p90",
            compare=Compare.ABOVE,
            threshold=STATEMENT_LATENCY_SECONDS,
            unit="s",
            period_seconds=60,
            periods=5,
            missing=Missing.MISSING,
            severity=Severity.WARNING,
            watches="One write in ten takes longer than 20 ms on the volume.",
            next_step="compare IOPS with the volume's baseline; look for a checkpoint or a bulk write.",
        )
    yield Alarm(
        # Little's law: baseline IOPS at 20 ms each keep this many requests under way.
        key="disk-queue-high",
        instance=w.instance,
        metric="DiskQueueDepth",
        statistic="Average",
        compare=Compare.ABOVE,
        threshold=round(w.iops * STATEMENT_LATENCY_SECONDS),
        unit="requests",
        period_seconds=60,
        periods=15,
        missing=Missing.MISSING,
        severity=Severity.WARNING,
        watches="More requests wait for the volume than its baseline IOPS can serve within 20 ms each.",
        next_step="same as read-latency-high; from 400 GiB the volume has four times the IOPS.",
    )
    if w.ebs_burst:
        for key, metric, what in (
            ("ebs-io-balance-low", "EBSIOBalance%", "IOPS"),
            ("ebs-byte-balance-low", "EBSByteBalance%", "throughput"),
        ):
            yield Alarm(
                key=key,
                instance=w.instance,
                metric=metric,
                statistic="Average",
                compare=Compare.BELOW,
                threshold=10,
                unit="%",
                period_seconds=300,
                periods=3,
                missing=Missing.MISSING,
                severity=Severity.WARNING,
                watches=f"Less than 10 % of the instance's EBS {what} burst left.",
                next_step="the instance, not the volume, is the limit: take the next class.",
            )
    yield Alarm(
        key="load-high",
        instance=w.instance,
        metric="DBLoad",
        statistic="Average",
        compare=Compare.ABOVE,
        threshold=w.vcpus,
        unit="sessions",
        period_seconds=60,
        periods=15,
        missing=Missing.MISSING,
        severity=Severity.WARNING,
        watches="More sessions active than the instance has vCPUs, for 15 minutes.",
        next_step="open Database Insights and read the top waits and statements.",
    )
    if w.is_replica:
        yield _lag(w)
    else:
        yield from _primary_rows(w)
    yield from _log_rows(w)


def _primary_rows(w: Watched) -> Iterator[Alarm]:
    yield Alarm(
        key="transaction-ids-high",
        instance=w.instance,
        metric="MaximumUsedTransactionIDs",
        statistic="Maximum",
        compare=Compare.ABOVE,
        threshold=TRANSACTION_IDS,
        unit="ids",
        period_seconds=300,
        periods=1,
        missing=Missing.MISSING,
        severity=Severity.CRITICAL,
        watches="A billion transaction ids in use: vacuum does not keep up, and at about two billion writes stop.",
        next_step="find the oldest xmin (long transactions, prepared transactions, slots), end it, vacuum freeze.",
    )
    if w.slot_wal_cap is None:
        return
    if w.has_replicas:
        yield Alarm(
            key="slot-lag-high",
            instance=w.instance,
            metric="OldestReplicationSlotLag",
            statistic="Maximum",
            compare=Compare.ABOVE,
            threshold=w.slot_wal_cap // 2,
            unit="bytes",
            period_seconds=300,
            periods=3,
            missing=Missing.MISSING,
            severity=Severity.CRITICAL,
            watches="A replica is behind by half of max_slot_wal_keep_size; at all of it, it must be built anew.",
            next_step="see which slot in pg_replication_slots; restart or remove its replica.",
        )
    yield Alarm(
        key="wal-disk-high",
        instance=w.instance,
        metric="TransactionLogsDiskUsage",
        statistic="Maximum",
        compare=Compare.ABOVE,
        threshold=w.slot_wal_cap,
        unit="bytes",
        period_seconds=300,
        periods=3,
        missing=Missing.MISSING,
        severity=Severity.WARNING,
        watches="WAL takes more disk than max_slot_wal_keep_size allows slots to keep.",
        next_step="look for a slot without a limit, a stuck archiver or a bulk load.",
    )


def _lag(w: Watched) -> Alarm:
    assert w.lag_seconds is not None
    idle = max(IDLE_LAG_SECONDS, w.lag_seconds)
    return Alarm(
        key="replica-lag-high",
        instance=w.instance,
        metric="ReplicaLag",
        statistic="Maximum",
        compare=Compare.ABOVE,
        threshold=w.lag_seconds,
        unit="s",
        period_seconds=60,
        periods=5,
        missing=Missing.BREACHING,
        severity=Severity.WARNING,
        watches=f"More than {w.lag_seconds} s behind a primary that writes, or {idle} s behind any.",
        next_step="look at its CPU, credits and longest query; take it out of rotation if reads must be fresh.",
        # ReplicaLag of an idle primary climbs to 5 minutes and falls, without anything being behind (E43).
        expression=f"IF(writes > {BUSY_WRITE_BYTES_PER_SECOND} OR lag > {idle}, lag, 0)",
        terms=(
            MathTerm(id="lag", metric="ReplicaLag", statistic="Maximum", instance=w.instance),
            MathTerm(id="writes", metric="WriteThroughput", statistic="Average", instance="primary"),
        ),
    )


def _log_rows(w: Watched) -> Iterator[Alarm]:
    for row in log_filters.log_filters(w.instance):
        yield Alarm(
            key=f"{row.key}-high",
            instance=w.instance,
            metric=row.metric_name(w.instance),
            namespace=log_filters.NAMESPACE,
            statistic="Sum",
            compare=Compare.ABOVE,
            threshold=row.threshold,
            unit="lines",
            period_seconds=log_filters.PERIOD_SECONDS,
            periods=1,
            missing=Missing.NOT_BREACHING,
            severity=Severity.WARNING,
            watches=row.watches,
            next_step=row.next_step,
        )
