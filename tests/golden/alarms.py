"""All that every alarm is registered with, one a line; actions and tags, alike in all, have tests of their own.

Composite alarms stand below, with their rule and what holds them back.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tests.recordings import deployable

# Inputs of an alarm in the order in which one reads them; what else one has stands at the end of its line.
WATCHED = (
    "namespace", "metricName", "dimensions", "metricQueries", "statistic", "extendedStatistic", "comparisonOperator",
    "threshold", "period", "evaluationPeriods", "datapointsToAlarm", "treatMissingData",
)  # fmt: skip


def render(stack: str) -> str:
    """The alarms of a stack as they are registered."""
    registered = deployable(stack).of_type("aws:cloudwatch/metricAlarm:MetricAlarm")
    rows = [("name", "severity", *WATCHED, "alarmDescription"), *(_row(dict(alarm.inputs)) for alarm in registered)]
    rows += [("name", "severity", "alarmRule", "actionsSuppressor", "alarmDescription")]
    rows += [
        _composite(alarm.inputs) for alarm in deployable(stack).of_type("aws:cloudwatch/compositeAlarm:CompositeAlarm")
    ]
    return "".join(f"{' | '.join(row)}\n" for row in rows)


def _composite(inputs: Mapping[str, Any]) -> tuple[str, ...]:
    suppressor = _cell(inputs.get("actionsSuppressor", ""))
    return inputs["alarmName"], inputs["tags"]["Severity"], inputs["alarmRule"], suppressor, inputs["alarmDescription"]


def _row(inputs: dict[str, Any]) -> tuple[str, ...]:
    name, description, severity = inputs.pop("name"), inputs.pop("alarmDescription"), inputs.pop("tags")["Severity"]
    watched = tuple(_cell(inputs.pop(key, "")) for key in WATCHED)
    other = [f"{key}={_cell(inputs[key])}" for key in sorted(inputs.keys() - {"alarmActions", "okActions"})]
    return (name, severity, *watched, description, *other)


def _cell(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)
