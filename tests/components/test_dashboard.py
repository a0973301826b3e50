"""The dashboard: its body as CloudWatch gets it, with few and with many instances."""

from __future__ import annotations

import json
from typing import Any

from recording.recording import Recording
from tests.components import replicas
from tests.recordings import ACCOUNT, inputs, record_with, recording

DASHBOARD = "aws:cloudwatch/dashboard:Dashboard"
ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
GRAPHS = [
    ("CPU, %", "CPUUtilization", "Average"),
    ("Active sessions (DBLoad)", "DBLoad", "Average"),
    ("CPU credits left", "CPUCreditBalance", "Minimum"),
    ("Connections", "DatabaseConnections", "Maximum"),
    ("Freeable memory, bytes", "FreeableMemory", "Minimum"),
    ("Free storage, bytes", "FreeStorageSpace", "Minimum"),
    ("Read latency, s (p90)", "ReadLatency", "p90"),
    ("Write latency, s (p90)", "WriteLatency", "p90"),
    ("Disk queue", "DiskQueueDepth", "Average"),
    ("Replica lag, s", "ReplicaLag", "Maximum"),
    ("Oldest slot lag, bytes", "OldestReplicationSlotLag", "Maximum"),
    ("Transaction ids used", "MaximumUsedTransactionIDs", "Maximum"),
]
PUBLISHED = [
    ("active_users_24h (Count)", "active_users_24h"),
    ("avg_translation_time (Seconds)", "avg_translation_time"),
    ("error_rate_1h (Percent)", "error_rate_1h"),
    ("database_size_mb (Megabytes)", "database_size_mb"),
]


def body(recorded: Recording) -> Any:
    name = f"langpont-{recorded.stack}-monitoring-dashboard"
    return json.loads(inputs(recorded, DASHBOARD, name)["dashboardBody"])


def test_prods_dashboard_has_the_alarms_first_and_three_graphs_a_row() -> None:
    recorded = recording("prod")
    identifiers = {
        "primary": "langpont-prod-db",
        "replica-1": "langpont-prod-replica-1",
        "replica-2": "langpont-prod-replica-2",
    }
    alarms, *graphs = body(recorded)["widgets"]
    graphs = graphs[: len(GRAPHS)]
    prefix = f"arn:aws:cloudwatch:ap-northeast-1:{ACCOUNT}:alarm:"
    assert {key: alarms[key] for key in ("type", "x", "y", "width", "height")} == {
        "type": "alarm", "x": 0, "y": 0, "width": 24, "height": 4,
    }  # fmt: skip
    assert sorted(alarms["properties"]["alarms"]) == sorted(
        f"{prefix}{alarm.inputs['name']}" for alarm in recorded.of_type(ALARM)
    )
    assert graphs == [
        {
            "type": "metric",
            "x": 8 * (index % 3),
            "y": 4 + 6 * (index // 3),
            "width": 8,
            "height": 6,
            "properties": {
                "title": title,
                "region": "ap-northeast-1",
                "stat": statistic,
                "period": 60,
                "view": "timeSeries",
                "metrics": [
                    ["AWS/RDS", metric, "DBInstanceIdentifier", identifier, {"label": role}]
                    for role, identifier in identifiers.items()
                    if metric != "ReplicaLag" or role != "primary"
                ],
            },
        }
        for index, (title, metric, statistic) in enumerate(GRAPHS)
    ]


def test_below_them_stands_what_the_platform_publishes_itself() -> None:
    """Under the very names and dimensions that the alarms watch."""
    graphs = body(recording("prod"))["widgets"][1 + len(GRAPHS) :]
    assert [(graph["x"], graph["y"]) for graph in graphs] == [
        (8 * (number % 3), 28 + 6 * (number // 3)) for number in range(len(PUBLISHED) + 1)
    ]
    told = [graph["properties"] for graph in graphs]
    assert [(each["title"], each["stat"], each["period"], each["metrics"]) for each in told] == [
        *(
            (title, "Average", 300, [["LangPont/Database", name, "Stack", "prod", "Database", "langpont"]])
            for title, name in PUBLISHED
        ),
        (
            "Longest wait in PgBouncer, s", "Maximum", 60,
            [["LangPont/PgBouncer", "ClientMaxWaitSeconds", "Stack", "prod"]],
        ),
    ]  # fmt: skip


def test_without_replicas_there_is_no_graph_of_their_lag() -> None:
    titles = [widget["properties"]["title"] for widget in body(recording("dev"))["widgets"]]
    assert titles == [
        "Alarms",
        *(title for title, _, _ in GRAPHS if title != "Replica lag, s"),
        *(title for title, _ in PUBLISHED),
        "Longest wait in PgBouncer, s",
    ]


def test_with_fifteen_replicas_the_dashboard_is_one_that_cloudwatch_takes() -> None:
    """At most 100 alarms in a widget and 500 metrics in a graph (CloudWatch, "Dashboard body structure")."""
    widgets = body(record_with("prod", {**replicas(15), "pooler": {"maxClientConn": 2000}}))["widgets"]
    assert all(1 <= len(widget["properties"].get("alarms", [0])) <= 100 for widget in widgets)
    assert all(len(widget["properties"].get("metrics", [])) <= 500 for widget in widgets)


def test_the_dashboard_is_named_after_the_stack() -> None:
    for stack in ("dev", "staging", "prod"):
        name = inputs(recording(stack), DASHBOARD, f"langpont-{stack}-monitoring-dashboard")["dashboardName"]
        assert name == recording(stack).outputs["dashboardName"] == f"langpont-{stack}-database"
