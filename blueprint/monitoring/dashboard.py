"""The CloudWatch dashboard: one row of graphs a question, the same for every stack."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from blueprint.monitoring import metrics
from blueprint.postgres import pgbouncer

WIDTH, HEIGHT = 8, 6  # of 24 columns: three graphs a row
MOST_ALARMS = 100  # of one alarm widget (CloudWatch, "Dashboard body structure"); many replicas have more


class Graph(NamedTuple):
    """One graph: a metric, for all instances, or for replicas only."""

    title: str
    metric: str
    statistic: str = "Average"
    replicas_only: bool = False


GRAPHS = (
    Graph("CPU, %", "CPUUtilization"),
    Graph("Active sessions (DBLoad)", "DBLoad"),
    Graph("CPU credits left", "CPUCreditBalance", "Minimum"),
    Graph("Connections", "DatabaseConnections", "Maximum"),
    Graph("Freeable memory, bytes", "FreeableMemory", "Minimum"),
    Graph("Free storage, bytes", "FreeStorageSpace", "Minimum"),
    Graph("Read latency, s (p90)", "ReadLatency", "p90"),
    Graph("Write latency, s (p90)", "WriteLatency", "p90"),
    Graph("Disk queue", "DiskQueueDepth"),
    Graph("Replica lag, s", "ReplicaLag", "Maximum", replicas_only=True),
    Graph("Oldest slot lag, bytes", "OldestReplicationSlotLag", "Maximum"),
    Graph("Transaction ids used", "MaximumUsedTransactionIDs", "Maximum"),
)


@dataclass(frozen=True, kw_only=True)
class DashboardPlan:
    """Where the graphs' metrics are: `region`; `stack` and `database` are the dimensions of the custom ones."""

    region: str
    stack: str
    database: str


def dashboard(plan: DashboardPlan, identifiers: Mapping[str, str], alarm_arns: Sequence[str]) -> dict[str, Any]:
    """The dashboard's body: alarms, RDS's metrics, then those that the platform publishes itself.

    `identifiers`: RDS identifier by role, primary first.
    """
    widgets: list[dict[str, Any]] = [
        {
            "type": "alarm", "x": 0, "y": 0, "width": 24, "height": 4,
            "properties": {"title": "Alarms", "alarms": list(alarm_arns)[:MOST_ALARMS]},
        }
    ]  # fmt: skip
    shown = [
        *((graph.title, graph.statistic, 60, _of_rds(graph, identifiers))
          for graph in GRAPHS if len(identifiers) > 1 or not graph.replicas_only),
        *_published(plan),
    ]  # fmt: skip
    for index, (title, statistic, period_seconds, lines) in enumerate(shown):
        widgets.append(
            {
                "type": "metric",
                "x": WIDTH * (index % 3),
                "y": 4 + HEIGHT * (index // 3),
                "width": WIDTH,
                "height": HEIGHT,
                "properties": {
                    "title": title,
                    "region": plan.region,
                    "stat": statistic,
                    "period": period_seconds,
                    "view": "timeSeries",
                    "metrics": lines,
                },
            }
        )
    return {"widgets": widgets}


def _of_rds(graph: Graph, identifiers: Mapping[str, str]) -> list[Any]:
    return [
        ["AWS/RDS", graph.metric, "DBInstanceIdentifier", name, {"label": role}]
        for role, name in identifiers.items()
        if not (graph.replicas_only and role.startswith("primary"))
    ]


def _published(plan: DashboardPlan) -> Iterator[tuple[str, str, int, list[Any]]]:
    own = [word for pair in zip(metrics.DIMENSIONS, (plan.stack, plan.database), strict=True) for word in pair]
    for metric in metrics.METRICS:
        line = [metrics.NAMESPACE, metric.name, *own]
        yield f"{metric.name} ({metric.unit})", "Average", metrics.INTERVAL_SECONDS, [line]
    waits = [pgbouncer.NAMESPACE, pgbouncer.MAX_WAIT_METRIC, "Stack", plan.stack]
    yield "Longest wait in PgBouncer, s", "Maximum", 60, [waits]
