"""The alarms on what the platform publishes itself: custom metrics, and each host's PgBouncer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from blueprint.monitoring import metrics
from blueprint.monitoring.alarms import ABOVE, BELOW, BREACHING, IGNORE, NOT_BREACHING, Alarm, MathTerm, Part, when
from blueprint.postgres import pgbouncer

FUNCTIONS, POOLER = Part(instance="functions"), Part(instance="pooler")

SILENT_SECONDS = 3 * metrics.INTERVAL_SECONDS
# Judgement: in transaction mode a moment of waiting is what the pooler is for; a second is a page that hangs.
LONGEST_WAIT_SECONDS = 1
FULL_PERCENT = 80  # of the autoscaling ceiling; growing it is a change of the stack file, which wants days, not hours


def _rows(stack: str, database: str, ceiling_gib: int | None) -> Iterator[Alarm]:
    own = dict(zip(metrics.DIMENSIONS, (stack, database), strict=True))
    custom = partial(when, namespace=metrics.NAMESPACE, dimensions=own)
    failed = metrics.FAILED_STATEMENTS  # published by each run, whatever its value
    yield FUNCTIONS.warning(
        "metrics-silent",
        # FILL: without it CloudWatch looks back for a point and finds the last run for two periods more.
        replace(
            custom(failed, "SampleCount", BELOW, 1, unit="runs", periods=1, of=SILENT_SECONDS, no_data=BREACHING),
            expression="FILL(runs, 0)",
            terms=(MathTerm(id="runs", metric=failed, statistic="SampleCount", instance=FUNCTIONS.instance),),
        ),
        f"The metrics function has published nothing for {SILENT_SECONDS // 60} minutes.",
        "read its log; it runs in the application subnets and logs in as langpont_metrics.",
    )
    yield FUNCTIONS.warning(
        "metrics-failing",
        custom(failed, "Minimum", ABOVE, 0, unit="statements", periods=2, of=SILENT_SECONDS, no_data=NOT_BREACHING),
        "A custom metric's statement has failed in each run of half an hour.",
        "its log names the statement and the reason: a table that moved, a grant, or its time limit.",
    )
    if ceiling_gib is not None:
        full = ceiling_gib * 1024 * FULL_PERCENT // 100
        yield FUNCTIONS.warning(
            "size-near-ceiling",
            custom(metrics.DATABASE_SIZE, "Maximum", ABOVE, full, unit="MiB", periods=1, of=3600, no_data=IGNORE),
            f"The database fills {FULL_PERCENT} % of the {ceiling_gib} GiB that its storage may grow to.",
            "raise database.maxAllocatedStorageGib, or delete what nobody needs.",
        )
    pooler = partial(when, namespace=pgbouncer.NAMESPACE, dimensions={"Stack": stack})
    longest = LONGEST_WAIT_SECONDS
    yield POOLER.warning(
        "clients-waiting",
        # Without hosts nobody waits. A host that publishes nothing shows in its own journal.
        pooler(pgbouncer.MAX_WAIT_METRIC, "Maximum", ABOVE, longest, unit="s", periods=5, of=60, no_data=NOT_BREACHING),
        f"On some host a client has waited over {longest} s for a server connection, five minutes in a row.",
        "look for long transactions that hold the pool's connections; then for the pool's size.",
    )


def published_alarms(*, stack: str, database: str, ceiling_gib: int | None) -> tuple[Alarm, ...]:
    """Alarms on custom metrics and PgBouncer. `ceiling_gib`: database.maxAllocatedStorageGib, None without it."""
    return tuple(_rows(stack, database, ceiling_gib))
