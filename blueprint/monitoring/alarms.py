"""The alarms of the instances, a row each: what it watches, from which threshold, and what a person does next.

Metric facts are CloudWatch's for AWS/RDS (RDS user guide, "Amazon CloudWatch metrics for Amazon RDS"); starting points
for thresholds are AWS's "Best practice alarm recommendations" and the LangPont document. Judgements are named as such.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from blueprint.monitoring import log_filters
from blueprint.monitoring.alarm import (
    ABOVE,
    BELOW,
    BREACHING,
    IGNORE,
    NOT_BREACHING,
    Alarm,
    Condition,
    MathTerm,
    Part,
    when,
)

GIB = 2**30
MIB = 2**20

# A write load that an idle RDS instance (checkpoints, agents, the WAL switch every 5 minutes) does not reach.
# Judgement: nobody publishes the figure; 1,000 TPS write several MiB a second.
BUSY_WRITE_BYTES_PER_SECOND = 256 * 1024
# The idle sawtooth of ReplicaLag ends at 300 s, when RDS switches the WAL: twice that is a broken replica, busy or not.
IDLE_LAG_SECONDS = 600
STORAGE_LOW_BYTES = 10 * GIB  # the LangPont document's threshold
FULL_SOON_SECONDS = 1800  # judgement: as fast as a small class writes, 100 GiB are full in less than that
FULL_IN_SECONDS = 4 * 3600  # judgement: a person who is woken has time to free or to add space
PARALLEL_WORKERS = 2  # max_parallel_workers_per_gather, PostgreSQL's default: what one report has beside itself
STATEMENT_LATENCY_SECONDS = 0.020  # AWS: read and write latency above 20 ms is worth an investigation
TRANSACTION_IDS = 1_000_000_000  # AWS; autovacuum forces itself at 200 million, writes stop near 2.1 billion

SILENT = "instance-silent"  # the key of the one alarm on an instance that fires without data


@dataclass(frozen=True, kw_only=True)
class Watched(Part):
    """What the thresholds of one instance are computed from. Sizes in bytes, times in seconds, counts as counts.

    primary: the part that is this instance's primary, which may be itself.
    credits_per_day: CPU credits a T class earns in 24 hours, its largest balance; None for other classes.
    wal_kept: WAL that a healthy instance has, wal_keep_size and max_wal_size together.
    slot_wal_cap: max_slot_wal_keep_size, None without a cap. lag: seconds of replica lag that its purpose allows.
    """

    primary: str = "primary"
    memory: int
    vcpus: int
    credits_per_day: int | None
    storage: int
    autoscaling: bool
    iops: int
    max_connections: int
    connection_alarm: int
    wal_kept: int
    slot_wal_cap: int | None = None
    has_replicas: bool = False
    lag_seconds: int | None = None


def _rows(w: Watched) -> Iterator[Alarm]:
    # What every instance publishes each minute. Twice five minutes: a reboot, a failover and a minor upgrade are over
    # by then (RDS user guide: a failover takes 60 to 120 s). FILL: without it CloudWatch looks back for points.
    primary = f"{w.primary}-{SILENT}"
    yield w.critical(
        SILENT,
        replace(
            when("CPUUtilization", "SampleCount", BELOW, 1, unit="samples", periods=2, of=300, no_data=BREACHING),
            expression="FILL(samples, 0)",
            terms=(MathTerm(id="samples", metric="CPUUtilization", statistic="SampleCount", instance=w.instance),),
        ),
        "RDS has published nothing about this instance for 10 minutes: it is gone, stopped or cut off.",
        "look at its status and events; with the primary gone, fail over, promote a replica or restore.",
        causes=() if w.instance == w.primary else (primary,),
    )
    yield w.warning(
        "cpu-high",
        when("CPUUtilization", "Average", ABOVE, 80, periods=2, of=300, no_data=IGNORE),
        "CPU above 80 % for 10 minutes.",
        "find the statements that burn it in pg_stat_statements; on a T class look at the credits too.",
    )
    # Maximum: an average over 5 minutes hides the spike that refuses logins.
    full = w.max_connections * 80 // 100
    yield w.critical(
        "connections-high",
        when("DatabaseConnections", "Maximum", ABOVE, full, periods=2, of=300, no_data=IGNORE),
        f"More than 80 % of max_connections ({w.max_connections}) in use; new logins are about to be refused.",
        "see who holds them in pg_stat_activity by usename and client_addr, and end what is idle.",
    )
    yield w.warning(
        "connections-over-budget",
        when("DatabaseConnections", "Maximum", ABOVE, w.connection_alarm, periods=3, of=300, no_data=IGNORE),
        "More than 80 % of the connection budget in use; the poolers' caps should make that rare.",
        "look for clients that bypass PgBouncer, or for a host that the stack file does not count.",
        causes=w.named("connections-high"),
    )
    # AWS recommends 25 %; with a quarter of the memory in shared_buffers an instance sits there for good. 10 % is a
    # judgement, to be set from a fortnight's baseline.
    yield w.warning(
        "memory-low",
        when("FreeableMemory", "Average", BELOW, w.memory // 10, periods=15, of=60, no_data=IGNORE),
        "Less than 10 % of the memory freeable for 15 minutes.",
        "look for many active backends with large sorts; lower work_mem or take the next class.",
    )
    yield w.warning(
        "swap-high",
        when("SwapUsage", "Average", ABOVE, 256 * MIB, periods=3, of=300, no_data=IGNORE),
        "More than 256 MiB swapped for 15 minutes; statements slow down by orders of magnitude.",
        "same as memory-low, sooner.",
        causes=w.named("memory-low"),
    )
    # At 10 % RDS enlarges the volume by itself, which is no reason to get up; below 5 % it did not (E45). Of a large
    # volume 10 GiB, the document's number, are enough to act in. Of 100 GiB these are the same 10 %: RDS has half an
    # hour to act. A fast fall is storage-hours-low's and storage-minutes-low's.
    percent = 5 if w.autoscaling else 10
    low = max(w.storage * percent // 100, min(STORAGE_LOW_BYTES, w.storage // 10))
    yield w.critical(
        "storage-low",
        when("FreeStorageSpace", "Minimum", BELOW, low, periods=6, of=300, no_data=IGNORE),
        f"Less than {percent} % of the storage, or 10 GiB of a large one, free for half an hour; a full disk stops the "
        "database.",
        "see whether autoscaling ran (events 0217, 0218, 0223 to 0225), then what grew: tables, WAL, logs.",
    )
    yield w.critical(
        "storage-minutes-low",
        _until_full(w, FULL_SOON_SECONDS, periods=5, of=60),
        f"At the rate of the last five minutes the storage is full within {FULL_SOON_SECONDS // 60} minutes.",
        "end what writes so much, now; RDS enlarges the volume too late, and once in six hours.",
    )
    yield w.critical(
        "storage-hours-low",
        _until_full(w, FULL_IN_SECONDS, periods=6, of=300),
        f"At the rate of the last half hour the storage is full within {FULL_IN_SECONDS // 3600} hours.",
        "stop what writes so much; raise the size by hand if RDS does not, which it does once in six hours.",
        causes=w.named("storage-low", "storage-minutes-low"),
    )
    # Of every class, as the EBS balances below: until its window an instance keeps the class that the file no longer
    # has. What has no credits has no data.
    fifth = (w.credits_per_day or 0) * 20 // 100
    yield w.warning(
        "cpu-credits-low",
        when("CPUCreditBalance", "Minimum", BELOW, fifth, periods=3, of=300, no_data=NOT_BREACHING),
        "Less than a fifth of the CPU credits left; sustained load will be billed or slowed.",
        "if the load is here to stay, take a class with fixed performance.",
    )
    yield w.warning(
        "cpu-credits-surplus",
        when("CPUSurplusCreditsCharged", "Maximum", ABOVE, 0, periods=1, of=300, no_data=NOT_BREACHING),
        "Surplus CPU credits are being charged: the instance lives above its means.",
        "same as cpu-credits-low; the monthly budget shows what it costs.",
        causes=w.named("cpu-credits-low"),
    )
    # p90 is AWS's recommendation; RDS publishes one sample a minute, the minute's average, which is its own p90.
    yield w.warning(
        "read-latency-high",
        when("ReadLatency", "p90", ABOVE, STATEMENT_LATENCY_SECONDS, periods=5, of=60, no_data=IGNORE),
        "Reads take longer than 20 ms on the volume, five minutes in a row.",
        "compare IOPS with what the preview says is sustained; look for a sequential scan that started with the alarm.",
    )
    if w.lag_seconds is None:
        yield w.warning(
            "write-latency-high",
            when("WriteLatency", "p90", ABOVE, STATEMENT_LATENCY_SECONDS, periods=5, of=60, no_data=IGNORE),
            "Writes take longer than 20 ms on the volume, five minutes in a row.",
            "compare IOPS with what the preview says is sustained; look for a checkpoint or a bulk write.",
            causes=w.named("read-latency-high"),
        )
    # Little's law: the IOPS that class and volume sustain, at 20 ms each, keep this many requests under way.
    under_way = round(w.iops * STATEMENT_LATENCY_SECONDS)
    yield w.warning(
        "disk-queue-high",
        when("DiskQueueDepth", "Average", ABOVE, under_way, periods=15, of=60, no_data=IGNORE),
        "More requests wait for the volume than its sustained IOPS can serve within 20 ms each.",
        "same as read-latency-high; the preview says whether class or volume is the limit.",
        causes=w.named("read-latency-high", *(["write-latency-high"] if w.lag_seconds is None else [])),
    )
    yield w.warning(
        "ebs-io-balance-low",
        when("EBSIOBalance%", "Average", BELOW, 10, periods=3, of=300, no_data=NOT_BREACHING),
        "Less than 10 % of the instance's EBS IOPS burst left.",
        "the instance, not the volume, is the limit: take the next class.",
    )
    yield w.warning(
        "ebs-byte-balance-low",
        when("EBSByteBalance%", "Average", BELOW, 10, periods=3, of=300, no_data=NOT_BREACHING),
        "Less than 10 % of the instance's EBS throughput burst left.",
        "the instance, not the volume, is the limit: take the next class.",
    )
    yield w.warning(
        "load-high",
        # AWS: above the vCPUs sessions wait. One parallel report on a small class is as many, and nobody's trouble.
        when("DBLoad", "Average", ABOVE, w.vcpus + PARALLEL_WORKERS, periods=15, of=60, no_data=IGNORE),
        f"More sessions active than the instance has vCPUs, {PARALLEL_WORKERS} parallel workers aside, for 15 minutes.",
        "open Database Insights and read the top waits and statements.",
        causes=w.named("cpu-high", "disk-queue-high"),
    )


def _until_full(w: Watched, seconds: int, *, periods: int, of: int) -> Condition:
    """At the rate of each of `periods` in a row the storage is full within so many seconds."""
    return replace(
        when("FreeStorageSpace", "Minimum", BELOW, seconds, unit="s", periods=periods, of=of, no_data=IGNORE),
        expression=f"IF(RATE(free) < 0, free / -RATE(free), {FULL_IN_SECONDS * 24})",
        terms=(MathTerm(id="free", metric="FreeStorageSpace", statistic="Minimum", instance=w.instance),),
    )


def _replica_rows(w: Watched, lag_seconds: int) -> Iterator[Alarm]:
    behind = when("ReplicaLag", "Maximum", ABOVE, lag_seconds, periods=5, of=60, no_data=IGNORE)
    watches = f"More than {lag_seconds} s behind its primary."
    if lag_seconds < IDLE_LAG_SECONDS:
        # ReplicaLag of an idle primary climbs to 5 minutes and falls, without anything being behind (E43).
        behind = replace(
            behind,
            expression=f"IF(writes > {BUSY_WRITE_BYTES_PER_SECOND} OR lag > {IDLE_LAG_SECONDS}, lag, 0)",
            terms=(
                MathTerm(id="lag", metric="ReplicaLag", statistic="Maximum", instance=w.instance),
                MathTerm(id="writes", metric="WriteThroughput", statistic="Average", instance=w.primary),
            ),
        )
        watches = f"More than {lag_seconds} s behind a primary that writes, or {IDLE_LAG_SECONDS} s behind any."
    yield w.warning(
        "replica-lag-high",
        behind,
        watches,
        "look at its CPU, credits and longest query; take it out of rotation if reads must be fresh.",
        causes=(f"{w.primary}-{SILENT}",),  # nobody is left to follow
    )


def _primary_rows(w: Watched) -> Iterator[Alarm]:
    yield w.critical(
        "transaction-ids-high",
        when("MaximumUsedTransactionIDs", "Maximum", ABOVE, TRANSACTION_IDS, periods=1, of=300, no_data=IGNORE),
        "A billion transaction ids in use: vacuum does not keep up, and at about two billion writes stop.",
        "find the oldest xmin (long transactions, prepared transactions, slots), end it, vacuum freeze.",
    )
    # Without a cap a slot keeps WAL until the disk is full: a fifth of the storage is a lot of it. Judgement.
    cap = w.slot_wal_cap or w.storage // 5
    if w.has_replicas:
        yield w.critical(
            "slot-lag-high",
            when("OldestReplicationSlotLag", "Maximum", ABOVE, cap // 2, periods=3, of=300, no_data=IGNORE),
            "A replica is behind by half of max_slot_wal_keep_size; at all of it, it must be built anew."
            if w.slot_wal_cap
            else "A replica holds back WAL of a tenth of the storage, and no max_slot_wal_keep_size bounds it.",
            "see which slot in pg_replication_slots; restart or remove its replica.",
        )
    yield w.warning(
        "wal-disk-high",
        when("TransactionLogsDiskUsage", "Maximum", ABOVE, max(cap, w.wal_kept), periods=3, of=300, no_data=IGNORE),
        "WAL takes more disk than slots, wal_keep_size and max_wal_size account for.",
        "look for a slot without a limit, a stuck archiver or a bulk load.",
        causes=w.named("slot-lag-high") if w.has_replicas else (),
    )


def _log_rows(w: Watched) -> Iterator[Alarm]:
    for row in log_filters.log_filters(replica=w.lag_seconds is not None):
        yield w.warning(
            f"{row.key}-high",
            when(
                row.metric_name(w.instance), "Sum", ABOVE, row.threshold, unit="lines", namespace=log_filters.NAMESPACE,
                periods=row.periods, of=log_filters.PERIOD_SECONDS, no_data=NOT_BREACHING,
            ),
            row.watches,
            row.next_step,
            causes=w.named("load-high") if row.key == "slow-statements" else (),
        )  # fmt: skip


def alarms_for(watched: Watched) -> tuple[Alarm, ...]:
    """All alarms of one instance, in the order in which a person would read them."""
    lag = watched.lag_seconds
    own = _primary_rows(watched) if lag is None else _replica_rows(watched, lag)
    return (*_rows(watched), *own, *_log_rows(watched))
