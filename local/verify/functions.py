"""Checks of the Lambda functions: each is invoked as on AWS, and its answer compared with the servers."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import psycopg
from botocore.exceptions import BotoCoreError, ClientError

from blueprint.monitoring import metrics
from local.aws.clients import Clients
from local.functions import FUNCTION, invoke
from local.servers.errors import DataPlaneError
from local.servers.plane import DataPlane
from local.verify.check import Check, proven, require
from recording.archives import Archive
from recording.recording import Recording, Registration, reveal

SIZE_TOLERANCE = 0.05  # other sessions write between two looks at a size


def checks(recording: Recording, clients: Clients, data: DataPlane) -> Iterator[Check]:
    """One check a function, found by its handler's folder."""
    functions = {r.inputs["handler"].split(".")[1]: r for r in recording.of_type(FUNCTION)}
    yield proven(
        "the roles function finds no drift, and each login works", partial(_roles, functions["roles"], clients)
    )
    yield proven(
        "the metrics function publishes what the database holds", partial(_metrics, functions["metrics"], clients, data)
    )


def _roles(function: Registration, clients: Clients) -> str:
    said = invoke(clients, function.inputs["name"], {"action": "check"})
    require(said["ok"], "; ".join([*said["drift"], *(f"{who}: {how}" for who, how in said["logins"].items())]))
    return f"logged in as {', '.join(said['logins'])}"


def _metrics(function: Registration, clients: Clients, data: DataPlane) -> str:
    inputs = reveal(function.inputs)
    code = inputs["code"]
    assert isinstance(code, Archive)
    definition = json.loads(code.files["definition.json"])
    hosts = json.loads(inputs["environment"]["variables"]["HOSTS"])
    before = int(time.time() * 1000)
    said = invoke(clients, inputs["name"], {})
    expected_host = next(iter(hosts.values()))
    require(said["host"].startswith(expected_host), f"it asked {said['host']}, not {expected_host}")
    line = _published(clients, f"/aws/lambda/{inputs['name']}", before)
    values = {name: line[name] for name in said["published"]}
    require(values == said["published"], f"it said {said['published']} and published {values}")
    named = {metric["Name"] for metric in line["_aws"]["CloudWatchMetrics"][0]["Metrics"]}
    require(named == set(values), f"the line names {sorted(named)} and holds {sorted(values)}")
    direct = _asked_directly(data, said["host"], definition["metrics"])
    for name, value in direct.items():
        has = said["published"].get(name, said["failed"].get(name) and None)
        close = has == value or (has and value and abs(has - value) <= SIZE_TOLERANCE * value)
        require(close, f"{name} is {has}, and the same statement by hand gives {value}")
    told = [f"{name} {value:g}" for name, value in values.items()]
    missing = [f"{name} not: {reason}" for name, reason in said["failed"].items()]
    return f"{said['host'].split('.')[0]}: {', '.join(told + missing)}"


def _published(clients: Clients, log_group: str, since_ms: int) -> dict[str, Any]:
    """The newest line in CloudWatch's embedded metric format."""
    try:
        events = clients.get("logs").filter_log_events(logGroupName=log_group, startTime=since_ms)["events"]
    except (BotoCoreError, ClientError) as error:
        raise DataPlaneError(f"{log_group} cannot be read: {error}") from None
    lines = [json.loads(event["message"]) for event in events if event["message"].startswith('{"_aws"')]
    lines = [line for line in lines if metrics.INSTANCE not in line]
    require(len(lines) == 1, f"{len(lines)} lines in embedded metric format, where one is due")
    found: dict[str, Any] = lines[0]
    return found


def _asked_directly(data: DataPlane, host: str, rows: list[Mapping[str, Any]]) -> dict[str, float | None]:
    """Each statement's value on that server; None where it has none, or cannot run."""
    endpoint = data.endpoint(data.plan.hosts[host])
    found: dict[str, float | None] = {}
    with endpoint.connect(metrics.ROLE, data.plan.passwords[metrics.ROLE]) as session:
        for metric in rows:
            try:
                row = session.execute(metric["sql"].encode()).fetchone()
            except psycopg.errors.UndefinedTable:
                found[metric["name"]] = None
                continue
            value = None if row is None or row[0] is None else float(row[0])
            found[metric["name"]] = 0.0 if value is None and metric["empty"] == "zero" else value
    return found
