"""Thresholds of the stack file: units, bounds, and what they change."""

from __future__ import annotations

import pytest

from blueprint.monitoring.thresholds import BOUNDS, threshold
from blueprint.platform import Platform
from blueprint.problems import Refused
from blueprint.stack_file.load import load
from tests.recordings import REGION, STACKS, inputs, merged, record_with, sections

ANY_IS_TOO_MANY = {"instance-silent", "metrics-silent", "metrics-failing", "indexes-invalid", "slots-unused"}


@pytest.mark.parametrize(
    ("key", "written", "is_"),
    [
        ("cpu-high", "90%", 90),
        ("connections-high", 200, 200),
        ("storage-low", "20GB", 20 * 2**30),
        ("read-latency-high", "50ms", 0.05),
        ("replica-lag-high", "2min", 120),
        ("certificate-days-low", "60d", 60),
        ("size-near-ceiling", "700GB", 716_800),
    ],
)
def test_a_threshold_is_in_the_alarms_own_unit(key: str, written: str | int, is_: float) -> None:
    assert threshold(key, written) == is_


@pytest.mark.parametrize(
    ("key", "written", "sentence"),
    [
        ("cpu-high", 90, "does not have one of the units %. Write it like 90%."),
        ("cpu-high", "100%", "is not within 10% and 99%. Write it like 90%."),
        ("connections-high", "200MB", "is not a number without a unit. Write it like 200."),
        ("storage-low", "1MB", "is not within 1GB and 64TB. Write it like 20GB."),
        ("replica-lag-high", True, "does not have one of the units ms, s, min, h, d. Write it like 60s."),
        (
            "metrics-silent", 3,
            f"is not an alarm whose threshold can be set. Choose from {', '.join(BOUNDS)}.",
        ),
    ],
)  # fmt: skip
def test_what_is_no_threshold_is_refused_with_the_way_out(key: str, written: str | int, sentence: str) -> None:
    with pytest.raises(Refused) as refused:
        threshold(key, written)
    assert str(refused.value) == sentence


@pytest.mark.parametrize("key", BOUNDS)
def test_an_example_is_within_its_bounds(key: str) -> None:
    assert BOUNDS[key].low <= threshold(key, BOUNDS[key].example) <= BOUNDS[key].high


@pytest.mark.parametrize("stack", STACKS)
def test_every_alarm_has_bounds_that_its_reasoned_threshold_keeps_or_is_one_too_many_by_itself(stack: str) -> None:
    for alarm in Platform(load(sections(stack), environment=stack, region=REGION)).alarms:
        if alarm.key in ANY_IS_TOO_MANY:
            assert alarm.key not in BOUNDS
        else:
            assert BOUNDS[alarm.key].low <= alarm.threshold <= BOUNDS[alarm.key].high, alarm.name


def test_a_threshold_of_the_stack_file_replaces_the_reasoned_one_on_every_instance_and_says_so() -> None:
    own = {"monitoring": {"thresholds": {"cpu-high": "90%", "clients-waiting": "2s"}}}
    platform = Platform(load(merged(sections("prod"), own), environment="prod", region=REGION))
    changed = {alarm.name: (alarm.threshold, alarm.reasoned) for alarm in platform.alarms if alarm.reasoned is not None}
    assert changed == {
        "primary-cpu-high": (90, 80), "replica-1-cpu-high": (90, 80), "replica-2-cpu-high": (90, 80),
        "pooler-clients-waiting": (2, 1),
    }  # fmt: skip
    recorded = record_with("prod", own)
    alarm = "aws:cloudwatch/metricAlarm:MetricAlarm"
    high = inputs(recorded, alarm, "langpont-prod-monitoring-primary-cpu-high")
    assert high["threshold"] == 90
    assert "CPUUtilization is above 90%, as monitoring.thresholds says." in high["alarmDescription"]
    assert inputs(recorded, alarm, "langpont-prod-monitoring-pooler-clients-waiting")["threshold"] == 2
