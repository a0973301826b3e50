"""The alarms on what the platform publishes itself: each row whole, and that somebody publishes what it watches."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import boto3
import pytest

from blueprint.monitoring import metrics
from blueprint.monitoring.alarm import Alarm, Compare, MathTerm, Missing, Severity
from blueprint.monitoring.dashboard import DashboardPlan, dashboard
from blueprint.monitoring.published_alarms import published_alarms
from blueprint.postgres import pgbouncer
from functions.metrics import handler
from langpont_db.pgbouncer.stack import Stack, Waiting

OWN = {"Stack": "prod", "Database": "langpont"}

SILENT = Alarm(
    key="metrics-silent",
    instance="functions",
    namespace="LangPont/Database",
    metric="failed_statements",
    dimensions=OWN,
    statistic="SampleCount",
    compare=Compare.BELOW,
    threshold=1,
    unit="runs",
    period_seconds=900,
    periods=1,
    missing=Missing.BREACHING,
    expression="FILL(runs, 0)",
    terms=(MathTerm(id="runs", metric="failed_statements", statistic="SampleCount", instance="functions"),),
    severity=Severity.WARNING,
    watches="The metrics function has published nothing for 15 minutes.",
    next_step="read its log; it runs in the application subnets and logs in as langpont_metrics.",
)
FAILING = Alarm(
    key="metrics-failing",
    instance="functions",
    namespace="LangPont/Database",
    metric="failed_statements",
    dimensions=OWN,
    statistic="Minimum",
    compare=Compare.ABOVE,
    threshold=0,
    unit="statements",
    period_seconds=900,
    periods=2,
    missing=Missing.NOT_BREACHING,
    severity=Severity.WARNING,
    watches="A custom metric's statement has failed in each run of half an hour.",
    next_step="its log names the statement and the reason: a table that moved, a grant, or its time limit.",
)
SIZE = Alarm(
    key="size-near-ceiling",
    instance="functions",
    namespace="LangPont/Database",
    metric="database_size_mb",
    dimensions=OWN,
    statistic="Maximum",
    compare=Compare.ABOVE,
    threshold=819_200,  # 80 % of 1000 GiB in MiB
    unit="MiB",
    period_seconds=3600,
    periods=1,
    missing=Missing.IGNORE,
    severity=Severity.WARNING,
    watches="The database fills 80 % of the 1000 GiB that its storage may grow to.",
    next_step="raise database.maxAllocatedStorageGib, or delete what nobody needs.",
)
WAITING = Alarm(
    key="clients-waiting",
    instance="pooler",
    namespace="LangPont/PgBouncer",
    metric="ClientMaxWaitSeconds",
    dimensions={"Stack": "prod"},
    statistic="Maximum",
    compare=Compare.ABOVE,
    threshold=1,
    unit="s",
    period_seconds=60,
    periods=5,
    missing=Missing.NOT_BREACHING,
    severity=Severity.WARNING,
    watches="On some host a client has waited over 1 s for a server connection, five minutes in a row.",
    next_step="look for long transactions that hold the pool's connections; then for the pool's size.",
)


def alone(**asked: Any) -> tuple[Alarm, ...]:
    """Without what instances are asked about themselves."""
    return tuple(row for row in published_alarms(**asked) if row.instance in ("functions", "pooler"))


def test_each_instance_is_asked_about_itself_and_only_the_primary_about_what_replicas_have_from_it() -> None:
    rows = published_alarms(
        stack="prod", database="langpont", ceiling_gib=None, primary="primary", replicas=["replica-1"]
    )
    keys = {name: [row.key for row in rows if row.instance == name] for name in ("primary", "replica-1")}
    everywhere = ["transaction-long", "idle-in-transaction", "sessions-blocked", "certificate-days-low"]
    assert keys == {
        "primary": [*everywhere[:3], "indexes-invalid", "slots-unused", everywhere[3]], "replica-1": everywhere,
    }  # fmt: skip
    for row in rows:
        if row.instance in keys:
            assert row.dimensions == OWN | {"Instance": row.instance}
            assert (row.namespace, row.missing, row.severity) == (
                "LangPont/Database", Missing.NOT_BREACHING, Severity.WARNING,
            )  # fmt: skip


def test_the_metrics_function_publishes_what_is_asked_of_instances() -> None:
    rows = published_alarms(stack="prod", database="langpont", ceiling_gib=None)
    published = {metric.name for metric in metrics.INSTANCE_METRICS} | {handler.CERTIFICATE_DAYS}
    assert {row.metric for row in rows if row.instance == "primary"} == published
    told = metrics.definition(stack="prod", database="langpont")
    line = json.loads(handler.document(told, {"blocked_sessions": 1}, {"blocked_sessions": "Count"}, 0,
                                       {"Instance": "primary"}))  # fmt: skip
    assert line["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["Stack", "Database", "Instance"]]
    assert {name: line[name] for name in ("Stack", "Database", "Instance")} == OWN | {"Instance": "primary"}


def test_the_rows_of_prod_are_these() -> None:
    """E45: the ceiling is watched by the size that we publish, since RDS has no metric of allocated storage."""
    assert alone(stack="prod", database="langpont", ceiling_gib=1000) == (SILENT, FAILING, SIZE, WAITING)


def test_without_autoscaling_there_is_no_ceiling_to_be_near() -> None:
    assert alone(stack="prod", database="langpont", ceiling_gib=None) == (SILENT, FAILING, WAITING)


def test_a_product_without_metrics_of_its_own_has_no_alarm_and_no_graph_of_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(metrics, "METRICS", ())
    rows = published_alarms(stack="prod", database="langpont", ceiling_gib=1000)
    # What the function publishes by itself: how many statements failed, of those that each instance is asked.
    assert [row.key for row in rows if row.instance == "functions"] == ["metrics-silent", "metrics-failing"]
    shown = dashboard(DashboardPlan(region="r", stack="prod", database="langpont"), {"primary": "p"}, [])["widgets"]
    assert [it["properties"]["title"] for it in shown if "AWS/RDS" not in str(it)] == [
        "Alarms", "Longest wait in PgBouncer, s",
    ]  # fmt: skip
    told = metrics.definition(stack="prod", database="langpont")
    assert (told["metrics"], len(told["instanceMetrics"])) == ([], 5)


def test_another_stack_database_and_ceiling_are_watched_by_their_own_dimensions() -> None:
    own = {"Stack": "dev", "Database": "translations"}
    assert alone(stack="dev", database="translations", ceiling_gib=22) == (
        replace(SILENT, dimensions=own),
        replace(FAILING, dimensions=own),
        replace(
            SIZE,
            dimensions=own,
            threshold=18_022,  # rounded down: 80 % of 22,528 MiB
            watches="The database fills 80 % of the 22 GiB that its storage may grow to.",
        ),
        replace(WAITING, dimensions={"Stack": "dev"}),
    )


@pytest.mark.parametrize("alarm", [SILENT, FAILING, SIZE, WAITING], ids=lambda alarm: alarm.key)
def test_every_row_says_what_it_watches_and_what_to_do(alarm: Alarm) -> None:
    assert alarm.name == f"{alarm.instance}-{alarm.key}"
    assert alarm.description == (
        f"[warning] {alarm.watches} Next: {alarm.next_step} Runbook: docs/runbook.md#{alarm.key}"
    )


def test_a_silent_function_is_told_after_three_runs_that_did_not_come() -> None:
    assert SILENT.period_seconds == 3 * metrics.INTERVAL_SECONDS


def test_the_name_in_the_alarms_is_the_function_roles_own() -> None:
    assert f"logs in as {metrics.ROLE}." in SILENT.next_step


def test_the_metrics_function_publishes_what_is_watched() -> None:
    """Its definition is all that the function knows of stack, database and namespace."""
    names = [SILENT.metric, FAILING.metric, SIZE.metric]
    units = {metric.name: metric.unit for metric in metrics.METRICS} | {handler.FAILED_STATEMENTS: "Count"}
    told = metrics.definition(stack="prod", database="langpont")
    line = json.loads(handler.document(told, dict.fromkeys(names, 1), units, 0))
    [published] = line["_aws"]["CloudWatchMetrics"]
    assert published["Namespace"] == SILENT.namespace == FAILING.namespace == SIZE.namespace
    assert {metric["Name"] for metric in published["Metrics"]} == set(names)
    assert published["Dimensions"] == [[*OWN]]
    assert {name: line[name] for name in OWN} == OWN == SILENT.dimensions


def test_each_hosts_pgbouncer_publishes_what_is_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library that publishes is shipped without the blueprint, so both sides say the names."""
    taken: list[dict[str, Any]] = []

    class CloudWatch:
        def put_metric_data(self, **arguments: Any) -> None:
            taken.append(arguments)

    monkeypatch.setattr(boto3, "client", lambda *_, **__: CloudWatch())
    host = Stack(name="prod", region="ap-northeast-1", pooler_secret_arn="", secret_arns={})
    host.publish(Waiting(clients=3, longest_seconds=2.5), "1.18.0", {"langpont_app": 1.8e9})
    [call] = taken
    (login,) = (each for each in call["MetricData"] if each["MetricName"] == pgbouncer.LOGIN_METRIC)
    assert [each["Name"] for each in login["Dimensions"]] == ["Stack", "Role", "Host"]
    assert (login["Dimensions"][1]["Value"], login["Value"]) == ("langpont_app", 1.8e9)
    [data] = [each for each in call["MetricData"] if each["MetricName"] == WAITING.metric]
    assert call["Namespace"] == WAITING.namespace == pgbouncer.NAMESPACE
    assert (data["Value"], data["Unit"]) == (2.5, "Seconds")
    assert {each["Name"]: each["Value"] for each in data["Dimensions"]} == WAITING.dimensions


def test_where_passwords_are_rotated_a_failed_step_of_the_function_is_told() -> None:
    row = alone(stack="prod", database="langpont", ceiling_gib=None, rotation_function="langpont-prod-rotation")[-1]
    assert (row.key, row.instance, row.namespace, row.metric, row.statistic, row.threshold, row.period_seconds) == (
        "rotation-failing", "functions", "AWS/Lambda", "Errors", "Sum", 0, 300,
    )  # fmt: skip
    assert (row.dimensions, row.periods, row.missing, row.severity) == (
        {"FunctionName": "langpont-prod-rotation"}, 1, Missing.NOT_BREACHING, Severity.WARNING,
    )  # fmt: skip
