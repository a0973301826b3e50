"""The CloudWatch dashboard: one row of graphs a question, the same for every stack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

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


def dashboard(region: str, identifiers: Mapping[str, str], alarm_arns: Sequence[str]) -> dict[str, Any]:
    """The dashboard's body. `identifiers`: RDS identifier by role, primary first."""
    widgets: list[dict[str, Any]] = [
        {
            "type": "alarm", "x": 0, "y": 0, "width": 24, "height": 4,
            "properties": {"title": "Alarms", "alarms": list(alarm_arns)[:MOST_ALARMS]},
        }
    ]  # fmt: skip
    graphs = [graph for graph in GRAPHS if len(identifiers) > 1 or not graph.replicas_only]
    for index, graph in enumerate(graphs):
        shown = {role: name for role, name in identifiers.items() if not (graph.replicas_only and role == "primary")}
        widgets.append(
            {
                "type": "metric",
                "x": WIDTH * (index % 3),
                "y": 4 + HEIGHT * (index // 3),
                "width": WIDTH,
                "height": HEIGHT,
                "properties": {
                    "title": graph.title,
                    "region": region,
                    "stat": graph.statistic,
                    "period": 60,
                    "view": "timeSeries",
                    "metrics": [
                        ["AWS/RDS", graph.metric, "DBInstanceIdentifier", name, {"label": role}]
                        for role, name in shown.items()
                    ],
                },
            }
        )
    return {"widgets": widgets}
