"""Metrics of clients that wait in PgBouncer, as an alarm sees them."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from blueprint.postgres import pgbouncer as blueprint
from langpont_db.pgbouncer import stack, versions
from tests.langpont_db.pgbouncer.conftest import NOBODY_WAITS, STARTED, UNCHANGED, Answer, Machine
from tests.waiting import until


def published(machine: Machine) -> dict[str, list[tuple[str, float]]]:
    """Unit and largest value of each metric with the stack as its only dimension, but for the one about the version."""
    found = {}
    metrics = machine.aws("cloudwatch").list_metrics(Namespace="LangPont/PgBouncer")["Metrics"]
    for metric in (one for one in metrics if machine.stack in str(one) and one["MetricName"] != stack.VERSION_METRIC):
        assert metric["Dimensions"] == [{"Name": "Stack", "Value": machine.stack}]
        now = datetime.now(UTC)
        rows: list[dict[str, Any]] = machine.aws("cloudwatch").get_metric_statistics(
            Namespace="LangPont/PgBouncer", MetricName=metric["MetricName"], Dimensions=metric["Dimensions"],
            StartTime=now - timedelta(minutes=10), EndTime=now + timedelta(minutes=1), Period=3600,
            Statistics=["Maximum"],
        )["Datapoints"]  # fmt: skip
        found[metric["MetricName"]] = [(row["Unit"], row["Maximum"]) for row in rows]
    return found


def test_nobody_waits_is_published_too(machine: Machine) -> None:
    machine.up()
    assert machine.sync().waiting == NOBODY_WAITS
    assert published(machine) == {"ClientsWaiting": [("Count", 0)], "ClientMaxWaitSeconds": [("Seconds", 0)]}


def test_the_version_that_runs_is_published_for_the_doctor(machine: Machine) -> None:
    machine.up()
    with machine.console() as console:
        version = versions.number(console.version())
    metrics = machine.aws("cloudwatch").list_metrics(Namespace="LangPont/PgBouncer", MetricName="Running")["Metrics"]
    assert [one["Dimensions"] for one in metrics if machine.stack in str(one)] == [
        [{"Name": "Stack", "Value": machine.stack}, {"Name": "Version", "Value": version}]
    ]


def test_clients_that_wait_are_counted_over_all_pools(machine: Machine) -> None:
    """Two servers with one connection each, both taken; three clients want one."""
    machine.publish(machine.ini_with(default_pool_size=1, min_pool_size=0, reserve_pool_size=0))
    machine.sync()
    entries = ("langpont", "langpont_replica_1")
    holders = [machine.connect(entry) for entry in entries]
    for holder in holders:
        holder.execute("SELECT 1")
    waiters = [machine.connect(entry, autocommit=True) for entry in (*entries, "langpont")]
    threads = [threading.Thread(target=waiter.execute, args=["SELECT 1"]) for waiter in waiters]
    for thread in threads:
        thread.start()
    with machine.console() as console:
        until(lambda: console.waiting().clients == 3 and console.waiting().longest_seconds > 0.1)
    answer = machine.sync()
    for holder in holders:
        holder.close()
    for thread in threads:
        thread.join()
    for waiter in waiters:
        waiter.close()
    values = published(machine)
    assert values["ClientsWaiting"] == [("Count", 3)]
    ((unit, longest),) = values["ClientMaxWaitSeconds"]
    assert (unit, 0.1 < longest < 30) == ("Seconds", True)
    assert answer == Answer(0, [UNCHANGED], [])
    assert answer.waiting == f"pgbouncer: 3 clients wait, the longest for {longest:.1f} s"


def test_metrics_that_cannot_be_published_fail_nothing(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDWATCH", "http://127.0.0.1:1/")
    answer = machine.sync()
    assert (answer.code, answer.out, answer.waiting) == (0, [STARTED], NOBODY_WAITS)
    assert answer.err == [
        'pgbouncer: CloudWatch did not take the metrics: Could not connect to the endpoint URL: "http://127.0.0.1:1/". '
        "The host's role needs the policy of the output applicationPolicyArn."
    ]


def test_names_are_those_that_the_alarm_watches() -> None:
    outputs = {"environment": "dev", "region": "r", "poolerSecretArn": "a", "secretArns": {}}
    both = (outputs, outputs | {"project": "Shop"})
    old, new = (stack.Stack.parse(json.dumps(each).encode(), Path("outputs.json")) for each in both)
    assert (old.namespace, new.namespace) == (blueprint.NAMESPACE, "Shop/PgBouncer")
    assert blueprint.MAX_WAIT_METRIC == "ClientMaxWaitSeconds"
