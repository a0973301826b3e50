"""The alarms on what the platform publishes itself: custom metrics, and each host's PgBouncer."""

from __future__ import annotations

from collections.abc import Iterator

from blueprint.monitoring import metrics
from blueprint.monitoring.alarms import Alarm, Compare, Missing, Severity
from blueprint.postgres import pgbouncer

FUNCTIONS, POOLER = "functions", "pooler"

SILENT_SECONDS = 3 * metrics.INTERVAL_SECONDS
# Judgement: in transaction mode a moment of waiting is what the pooler is for; a second is a page that hangs.
LONGEST_WAIT_SECONDS = 1
FULL_PERCENT = 80  # of the autoscaling ceiling; growing it is a change of the stack file, which wants days, not hours


def published_alarms(*, stack: str, database: str, ceiling_gib: int | None) -> tuple[Alarm, ...]:
    """`ceiling_gib`: how far storage may grow by itself, None without autoscaling."""
    return tuple(_rows(stack, database, ceiling_gib))


def _rows(stack: str, database: str, ceiling_gib: int | None) -> Iterator[Alarm]:
    own = dict(zip(metrics.DIMENSIONS, (stack, database), strict=True))
    yield Alarm(
        key="metrics-silent",
        instance=FUNCTIONS,
        namespace=metrics.NAMESPACE,
        metric=metrics.FAILED_STATEMENTS,
        dimensions=own,
        # It is published by each run, whatever its value.
        statistic="SampleCount",
        compare=Compare.BELOW,
        threshold=1,
        unit="runs",
        period_seconds=SILENT_SECONDS,
        periods=1,
        missing=Missing.BREACHING,
        severity=Severity.WARNING,
        watches=f"The metrics function has published nothing for {SILENT_SECONDS // 60} minutes.",
        next_step="read its log; it runs in the application subnets and logs in as langpont_metrics.",
    )
    yield Alarm(
        key="metrics-failing",
        instance=FUNCTIONS,
        namespace=metrics.NAMESPACE,
        metric=metrics.FAILED_STATEMENTS,
        dimensions=own,
        statistic="Minimum",
        compare=Compare.ABOVE,
        threshold=0,
        unit="statements",
        period_seconds=SILENT_SECONDS,
        periods=2,
        missing=Missing.NOT_BREACHING,
        severity=Severity.WARNING,
        watches="A custom metric's statement has failed in each run of half an hour.",
        next_step="its log names the statement and the reason: a table that moved, a grant, or its time limit.",
    )
    if ceiling_gib is not None:
        ceiling = ceiling_gib * 1024
        yield Alarm(
            key="size-near-ceiling",
            instance=FUNCTIONS,
            namespace=metrics.NAMESPACE,
            metric=metrics.DATABASE_SIZE,
            dimensions=own,
            statistic="Maximum",
            compare=Compare.ABOVE,
            threshold=ceiling * FULL_PERCENT // 100,
            unit="MiB",
            period_seconds=3600,
            periods=1,
            missing=Missing.MISSING,
            severity=Severity.WARNING,
            watches=f"The database fills {FULL_PERCENT} % of the {ceiling_gib} GiB that its storage may grow to.",
            next_step="raise database.maxAllocatedStorageGib, or delete what nobody needs.",
        )
    yield Alarm(
        key="clients-waiting",
        instance=POOLER,
        namespace=pgbouncer.NAMESPACE,
        metric=pgbouncer.MAX_WAIT_METRIC,
        dimensions={"Stack": stack},
        statistic="Maximum",
        compare=Compare.ABOVE,
        threshold=LONGEST_WAIT_SECONDS,
        unit="s",
        period_seconds=60,
        periods=5,
        # Without hosts nobody waits. A host that publishes nothing shows in its own journal.
        missing=Missing.NOT_BREACHING,
        severity=Severity.WARNING,
        watches=f"On some host a client has waited over {LONGEST_WAIT_SECONDS} s for a server connection, five minutes "
        "in a row.",
        next_step="look for long transactions that hold the pool's connections; then for the pool's size.",
    )
