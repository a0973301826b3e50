"""The alarms on what the platform publishes itself: custom metrics, and each host's PgBouncer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

from blueprint.monitoring import metrics
from blueprint.monitoring.alarm import (
    ABOVE,
    BELOW,
    BREACHING,
    IGNORE,
    LAMBDA,
    NOT_BREACHING,
    Alarm,
    MathTerm,
    Part,
    when,
)
from blueprint.postgres import pgbouncer

FUNCTIONS, POOLER = Part(instance="functions"), Part(instance="pooler")

SILENT_SECONDS = 3 * metrics.INTERVAL_SECONDS
# Judgement: in transaction mode a moment of waiting is what the pooler is for; a second is a page that hangs.
LONGEST_WAIT_SECONDS = 1
FULL_PERCENT = 80  # of the autoscaling ceiling; growing it is a change of the stack file, which wants days, not hours


LONG_TRANSACTION_SECONDS = 3600  # judgement: a report may take an hour
IDLE_SECONDS = 600  # twice what idle_in_transaction_session_timeout ends by default
BLOCKED_SESSIONS = 2  # judgement: of a pair one waits for the other; more is a queue
CERTIFICATE_DAYS = 30  # RDS renews a certificate long before; what it has not renewed, a person must


def _instance_rows(stack: str, database: str, instance: str, *, is_replica: bool) -> Iterator[Alarm]:
    """Of an instance that the metrics function asks about itself."""
    part = Part(instance=instance)
    own = dict(zip((*metrics.DIMENSIONS, metrics.INSTANCE), (stack, database, instance), strict=True))
    asked = partial(when, namespace=metrics.NAMESPACE, dimensions=own, no_data=NOT_BREACHING)
    each = metrics.INTERVAL_SECONDS
    yield part.warning(
        "transaction-long",
        asked("longest_transaction_seconds", "Maximum", ABOVE, LONG_TRANSACTION_SECONDS, unit="s", periods=3, of=each),
        "A transaction has been open for over an hour: vacuum keeps for it what others have deleted since.",
        "see who it is in pg_stat_activity by xact_start, and end it if nobody waits for it.",
    )
    yield part.warning(
        "idle-in-transaction",
        asked("idle_in_transaction_seconds", "Maximum", ABOVE, IDLE_SECONDS, unit="s", periods=2, of=each),
        "A session has done nothing inside a transaction for ten minutes, and keeps its locks.",
        "end it; then find the code that leaves a transaction open, or set idle_in_transaction_session_timeout.",
    )
    yield part.warning(
        "sessions-blocked",
        asked("blocked_sessions", "Maximum", ABOVE, BLOCKED_SESSIONS, unit="sessions", periods=2, of=each),
        f"More than {BLOCKED_SESSIONS} sessions have waited for a lock for over a minute, twice in a row.",
        "find who holds it by pg_blocking_pids, and end that session.",
    )
    if not is_replica:
        yield part.warning(
            "indexes-invalid",
            asked("invalid_indexes", "Minimum", ABOVE, 0, unit="indexes", periods=2, of=3 * each),
            "An index is invalid: writes keep it up, no query uses it.",
            "drop it and build it again, concurrently.",
        )
        yield part.warning(
            "slots-unused",
            asked("unused_slots", "Minimum", ABOVE, 0, unit="slots", periods=2, of=3 * each),
            "Nobody has read from a replication slot for half an hour; it holds WAL back.",
            "see whose it is in pg_replication_slots; restart its reader, or drop it.",
        )
    yield part.warning(
        "certificate-days-low",
        asked(metrics.CERTIFICATE_DAYS, "Minimum", BELOW, CERTIFICATE_DAYS, unit="days", periods=1, of=3600),
        f"The instance's certificate expires within {CERTIFICATE_DAYS} days, and RDS has not renewed it.",
        "restart the instance in a quiet hour, or give it another certificate authority.",
    )


def _rotation_row(function: str) -> Alarm:
    errors = when(
        "Errors", "Sum", ABOVE, 0, unit="errors", periods=1, of=300, no_data=NOT_BREACHING,
        namespace=LAMBDA, dimensions={"FunctionName": function},
    )  # fmt: skip
    return FUNCTIONS.warning(
        "rotation-failing",
        errors,
        "A password's rotation has stopped at a step that failed; what is in use goes on being so.",
        "its log names the role, the step and the reason: a host that has not followed, or a login still in use.",
    )


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
        f"read its log; it runs in the application subnets and logs in as {metrics.ROLE}.",
    )
    yield FUNCTIONS.warning(
        "metrics-failing",
        custom(failed, "Minimum", ABOVE, 0, unit="statements", periods=2, of=SILENT_SECONDS, no_data=NOT_BREACHING),
        "A custom metric's statement has failed in each run of half an hour.",
        "its log names the statement and the reason: a table that moved, a grant, or its time limit.",
    )
    if ceiling_gib is not None and metrics.DATABASE_SIZE in [metric.name for metric in metrics.METRICS]:
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


def published_alarms(
    *,
    stack: str,
    database: str,
    ceiling_gib: int | None,
    primary: str = "primary",
    replicas: Sequence[str] = (),
    rotation_function: str | None = None,
) -> tuple[Alarm, ...]:
    """Alarms on custom metrics, PgBouncer and rotation. `ceiling_gib`: database.maxAllocatedStorageGib, or None.

    `primary`, `replicas`: names of the instances that are asked about themselves. `rotation_function`: its name, None
    where nothing is rotated.
    """
    of_instances = (
        alarm
        for name in (primary, *replicas)
        for alarm in _instance_rows(stack, database, name, is_replica=name != primary)
    )
    rotation = [] if rotation_function is None else [_rotation_row(rotation_function)]
    return (*of_instances, *_rows(stack, database, ceiling_gib), *rotation)
