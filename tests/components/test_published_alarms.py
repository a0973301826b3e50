"""The registered alarms on custom metrics and on PgBouncer, whole, in every stack."""

from __future__ import annotations

from typing import Any

import pytest

from tests.components.test_monitoring import common
from tests.recordings import STACKS, inputs, names, recording

ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
DATABASE, POOLER = "LangPont/Database", "LangPont/PgBouncer"
UP, DOWN = "GreaterThanThreshold", "LessThanThreshold"
BAD, GOOD, SILENT = "breaching", "notBreaching", "missing"

# Name: namespace, metric, statistic, comparison, threshold, period in seconds, periods, missing data.
Row = tuple[str, str, str, str, int, int, int, str]
ROWS: dict[str, Row] = {
    "functions-metrics-silent": (DATABASE, "failed_statements", "SampleCount", DOWN, 1, 900, 1, BAD),
    "functions-metrics-failing": (DATABASE, "failed_statements", "Minimum", UP, 0, 900, 2, GOOD),
    "pooler-clients-waiting": (POOLER, "ClientMaxWaitSeconds", "Maximum", UP, 1, 60, 5, GOOD),
}
# 80 % of database.maxAllocatedStorageGib in MiB; dev's storage does not grow by itself.
SIZE = {"dev": None, "staging": 163_840, "prod": 819_200}


def rows(stack: str) -> dict[str, Row]:
    ceiling = SIZE[stack]
    if ceiling is None:
        return ROWS
    size: Row = (DATABASE, "database_size_mb", "Maximum", UP, ceiling, 3600, 1, SILENT)
    return ROWS | {"functions-size-near-ceiling": size}


@pytest.mark.parametrize("stack", STACKS)
def test_an_alarm_on_what_we_publish_watches_exactly_this(stack: str) -> None:
    prefix = f"langpont-{stack}-monitoring-"
    made: dict[str, dict[str, Any]] = {
        name.removeprefix(prefix): inputs(recording(stack), ALARM, name)
        for name in names(recording(stack), ALARM)
        if name.removeprefix(prefix).startswith(("functions-", "pooler-"))
    }
    for alarm in made.values():
        del alarm["alarmDescription"]
    assert made == {
        name: {
            "namespace": namespace,
            "metricName": metric,
            "dimensions": {"Stack": stack} | ({"Database": "langpont"} if namespace == DATABASE else {}),
            "statistic": statistic,
            "comparisonOperator": comparison,
            "threshold": threshold,
            "period": period,
            "evaluationPeriods": periods,
            "datapointsToAlarm": periods,
            "treatMissingData": missing,
            **common(stack, name, "warning"),
        }
        for name, (namespace, metric, statistic, comparison, threshold, period, periods, missing) in rows(stack).items()
    }
