"""The custom metrics, as tables: what each counts, in what unit, how long it may take, and what no answer means.

Those of the database are rows of `product.yaml`; those of each instance are the platform's.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from blueprint.product.file import PRODUCT

NAMESPACE: Final = f"{PRODUCT.project}/Database"
DIMENSIONS: Final = ("Stack", "Database")
INSTANCE: Final = "Instance"  # the dimension more of what each instance is asked about itself
INTERVAL_SECONDS: Final = 300  # how often the function runs
ROLE: Final = PRODUCT.metrics.role  # who it logs in as
FAILED_STATEMENTS: Final = "failed_statements"  # the function's own: how many failed in a run, published by each run
DATABASE_SIZE: Final = "database_size_mb"  # of the product's own, which an alarm watches


class Empty(Enum):
    """What is published where a statement answers NULL."""

    ZERO = "zero"
    OMIT = "omit"


class RunsOn(Enum):
    """Where a statement is sent: to a replica if one answers, or to the primary whatever there is."""

    ANY = "any"
    PRIMARY = "primary"


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One metric. `sql` answers one row with one number or NULL; `unit` is CloudWatch's word.

    `empty_reason`: why NULL means what `empty` says.
    """

    name: str
    sql: str
    unit: str
    timeout_seconds: int
    empty: Empty
    empty_reason: str
    runs_on: RunsOn = RunsOn.ANY
    watches: str


METRICS: Final = tuple(
    Metric(
        name=row.name,
        sql=row.sql,
        unit=row.unit,
        timeout_seconds=row.timeout_seconds,
        empty=Empty(row.empty),
        empty_reason=row.empty_reason,
        runs_on=RunsOn(row.runs_on),
        watches=row.watches,
    )
    for row in PRODUCT.metrics.queries
)


@dataclass(frozen=True, kw_only=True)
class InstanceMetric:
    """A metric of one instance, which is asked itself. `sql` answers one number; it reads what `pg_monitor` may."""

    name: str
    sql: str
    unit: str
    watches: str
    on_replicas: bool = True


INSTANCE_TIMEOUT_SECONDS: Final = 5  # of each statement: they read what is in memory
CERTIFICATE_DAYS: Final = "certificate_days"  # the function's own: read from the TLS connection
_SESSIONS = "FROM pg_stat_activity WHERE backend_type = 'client backend' AND usename <> 'rdsadmin'"

INSTANCE_METRICS = (
    InstanceMetric(
        name="longest_transaction_seconds",
        sql=f"SELECT coalesce(max(extract(epoch FROM clock_timestamp() - xact_start)), 0)::float8 {_SESSIONS} "
        "AND pid <> pg_backend_pid()",
        unit="Seconds",
        watches="How long the oldest transaction has been open: what it sees, vacuum must keep.",
    ),
    InstanceMetric(
        name="idle_in_transaction_seconds",
        sql=f"SELECT coalesce(max(extract(epoch FROM clock_timestamp() - state_change)), 0)::float8 {_SESSIONS} "
        "AND state LIKE 'idle in transaction%'",
        unit="Seconds",
        watches="How long a session has done nothing inside a transaction, with all its locks.",
    ),
    InstanceMetric(
        name="blocked_sessions",
        # Longer than a minute: shorter waits are what locks are for.
        sql="SELECT count(DISTINCT pid) FROM pg_locks "
        "WHERE NOT granted AND waitstart < clock_timestamp() - INTERVAL '1 minute'",
        unit="Count",
        watches="Sessions that have waited for a lock for over a minute.",
    ),
    InstanceMetric(
        name="invalid_indexes",
        # One that is being built is not valid yet.
        sql="SELECT count(*) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE NOT i.indisvalid "
        "AND c.relkind = 'i' AND NOT EXISTS (SELECT FROM pg_stat_progress_create_index p WHERE p.index_relid = c.oid)",
        unit="Count",
        watches="Indexes that a failed CREATE INDEX CONCURRENTLY left: each write keeps them, no query uses them.",
        on_replicas=False,  # which have the same
    ),
    InstanceMetric(
        name="unused_slots",
        sql="SELECT count(*) FROM pg_replication_slots WHERE NOT active",
        unit="Count",
        watches="Replication slots that nobody reads, and that hold WAL and vacuum back.",
        on_replicas=False,
    ),
)


def definition(*, stack: str, database: str) -> dict[str, Any]:
    """JSON of all metrics for the metrics function."""
    return {
        "stack": stack,
        "database": database,
        "namespace": NAMESPACE,
        "metrics": [
            {
                "name": metric.name,
                "sql": metric.sql,
                "unit": metric.unit,
                "timeoutSeconds": metric.timeout_seconds,
                "empty": metric.empty.value,
                "runsOn": metric.runs_on.value,
            }
            for metric in METRICS
        ],
        "instanceMetrics": [
            {
                "name": metric.name,
                "sql": metric.sql,
                "unit": metric.unit,
                "timeoutSeconds": INSTANCE_TIMEOUT_SECONDS,
                "empty": Empty.OMIT.value,
                "onReplicas": metric.on_replicas,
            }
            for metric in INSTANCE_METRICS
        ],
    }
