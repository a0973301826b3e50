"""Alarms of a stack that sleeps: those that would fire are watched while it is awake, by the clock of metric math."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from blueprint.monitoring.alarm import Alarm, MathTerm
from blueprint.monitoring.asleep import while_awake
from blueprint.platform import Platform
from blueprint.stack_file.load import load
from tests.blueprint.test_sleep_warnings import ROTATED
from tests.recordings import REGION, merged, sections


def alarms(schedule: dict[str, Any] | None, **others: Any) -> dict[str, Alarm]:
    changes = {"schedule": schedule, **others} if schedule else others
    settings = load(merged(sections("dev"), changes), environment="dev", region=REGION)
    return {alarm.name: alarm for alarm in Platform(settings).alarms}


ALWAYS = alarms(None)
NIGHT = {"stop": "13:00", "start": "00:00"}


def clock(term: str) -> str:
    return f"HOUR({term}) * 60 + MINUTE({term})"


def test_what_would_fire_asleep_is_watched_from_the_start_until_the_stop() -> None:
    found = {name: alarm for name, alarm in alarms(NIGHT).items() if alarm != ALWAYS[name]}
    samples, runs, value = clock("samples"), clock("runs"), clock("value")
    assert {name: alarm.expression for name, alarm in found.items()} == {
        "primary-instance-silent": f"IF({samples} >= 30 AND {samples} <= 775, FILL(samples, 0), 1000)",
        "functions-metrics-silent": f"IF({runs} >= 30 AND {runs} <= 765, FILL(runs, 0), 1000)",
        "pooler-clients-waiting": f"IF({value} >= 30 AND {value} <= 779, FILL(value, 0), 0)",
    }
    for name, alarm in found.items():
        assert alarm == replace(ALWAYS[name], expression=alarm.expression, terms=alarm.terms)
    assert found["pooler-clients-waiting"].terms == (
        MathTerm(id="value", metric="ClientMaxWaitSeconds", statistic="Maximum", instance="pooler"),
    )


def test_a_rotation_that_meets_the_sleep_is_tried_again_and_tells_nobody() -> None:
    alarm = alarms(NIGHT, **ROTATED)["functions-rotation-failing"]
    value = clock("value")
    assert alarm.expression == f"IF({value} >= 30 AND {value} <= 775, FILL(value, 0), 0)"
    assert alarm.terms == (MathTerm(id="value", metric="Errors", statistic="Sum", instance="functions"),)


@pytest.mark.parametrize(
    ("schedule", "awake"),
    [
        (
            NIGHT | {"days": ["mon", "tue", "wed"]},
            "{c} >= 30 AND {c} <= 775 AND DAY(samples) >= 1 AND DAY(samples) <= 3",
        ),
        (NIGHT | {"days": ["mon", "thu"]}, "{c} >= 30 AND {c} <= 775 AND (DAY(samples) == 1 OR DAY(samples) == 4)"),
        (
            {"stop": "13:00", "start": "23:00", "days": ["sun"]},
            "({c} >= 1410 AND (DAY(samples) == 7)) OR ({c} <= 775 AND (DAY(samples) == 1))",
        ),
        # Half an hour after the start is the next day.
        ({"stop": "13:00", "start": "23:45", "days": ["sun"]}, "{c} >= 15 AND {c} <= 775 AND (DAY(samples) == 1)"),
        ({"stop": "13:00", "start": "22:00"}, "({c} >= 1350) OR ({c} <= 775)"),
    ],
)
def test_days_are_those_of_the_period_in_utc(schedule: dict[str, Any], awake: str) -> None:
    expected = f"IF({awake.replace('{c}', clock('samples'))}, FILL(samples, 0), 1000)"
    assert alarms(schedule)["primary-instance-silent"].expression == expected


def test_credits_that_each_start_may_take_away_are_not_watched() -> None:
    """A fifth of the largest balance takes 4.8 hours, and nobody says that RDS keeps credits while it is stopped."""
    assert ALWAYS.keys() - alarms(NIGHT).keys() == {"primary-cpu-credits-low"}
    assert "primary-cpu-credits-surplus" in alarms(NIGHT)


def test_a_stack_without_a_schedule_has_its_alarms_as_they_are() -> None:
    assert while_awake(tuple(ALWAYS.values()), None) == tuple(ALWAYS.values())


def test_expressions_are_short_enough_for_cloudwatch() -> None:
    """Expression of a metric data query: 2,048 characters, CloudWatch API reference."""
    longest = {"stop": "13:00", "start": "23:00", "days": ["sun", "tue", "thu", "sat"]}
    assert max(len(alarm.expression or "") for alarm in alarms(longest).values()) < 1024
