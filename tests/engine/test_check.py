"""The stand-in's Check: properties that are unknown, missing, or not what AWS's API takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pulumi.runtime.proto import provider_pb2

from tests.engine.providers import wire
from tests.engine.providers.aws import AwsProvider
from tests.engine.providers.cloud import Cloud

ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
INPUTS: dict[str, Any] = {
    "name": "cpu-high", "namespace": "AWS/RDS", "metricName": "CPUUtilization", "statistic": "Average", "period": 300,
    "evaluationPeriods": 2, "threshold": 80, "comparisonOperator": "GreaterThanThreshold",
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "reasons"),
    [
        ({}, []),
        ({"alarmColour": "red"}, [f"alarmColour is no property of {ALARM}"]),
        ({"evaluationPeriods": None}, ["evaluationPeriods is required"]),
        (
            {"comparisonOperator": "Above"},
            [
                f"{ALARM} cpu-high: ComparisonOperator is 'Above'; PutMetricAlarm takes GreaterThanOrEqualToThreshold, "
                "GreaterThanThreshold, LessThanThreshold, LessThanOrEqualToThreshold, "
                "LessThanLowerOrGreaterThanUpperThreshold, LessThanLowerThreshold, GreaterThanUpperThreshold."
            ],
        ),
        ({"comparisonOperator": "Above", "metricName": wire.UNKNOWN}, []),  # checked when all is known
    ],
)
def test_inputs_that_the_provider_or_aws_would_not_take(
    tmp_path: Path, change: dict[str, Any], reasons: list[str]
) -> None:
    provider = AwsProvider(Cloud(tmp_path / "cloud.jsonl"), "7.0.0")
    news = wire.struct({key: value for key, value in {**INPUTS, **change}.items() if value is not None})
    request = provider_pb2.CheckRequest(urn=f"urn:pulumi:dev::project::{ALARM}::cpu-high", news=news)
    assert [failure.reason for failure in provider.Check(request, None).failures] == reasons
