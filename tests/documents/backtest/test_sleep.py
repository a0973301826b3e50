"""The back-test of a stack that sleeps: nights and weekends are silent, and what goes wrong when awake is told."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from blueprint.aws.sleep import Sleep
from blueprint.aws.windows import WEEK, DailyTime
from blueprint.platform import Platform
from blueprint.stack_file.load import load
from documents.backtest import verdicts
from documents.backtest.machine import DAY_MINUTES, Load, Machine
from documents.backtest.scenarios import Scenario
from documents.backtest.verdicts import BackTest
from tests.recordings import REGION, merged, sections

WORKDAYS = ["mon", "tue", "wed", "thu", "fri"]
# By night in Japan; with starts on the day before, in UTC; with odd minutes, which no period begins at; half a day.
SCHEDULES: dict[str, dict[str, Any]] = {
    "every night": {"stop": "13:00", "start": "00:00"},
    "and weekends": {"stop": "13:00", "start": "00:00", "days": WORKDAYS},
    "over midnight": {"stop": "11:30", "start": "22:45", "days": ["sun", "mon", "tue", "wed", "thu"]},
    "odd minutes": {"stop": "12:58", "start": "23:47"},
    "one morning": {"stop": "05:00", "start": "00:30", "days": ["tue"]},
}
FRIDAY = 4 * DAY_MINUTES + 6 * 60
STARTS, STOPS = 4, 2  # minutes until it publishes again, and until it does no more
RETRIES = 2 * 20  # logins that are refused while it starts, by each host's PgBouncer


@cache
def back_test(name: str) -> BackTest:
    return verdicts.back_test(
        Platform(load(merged(sections("dev"), {"schedule": SCHEDULES[name]}), environment="dev", region=REGION))
    )


def sleep_of(name: str) -> Sleep:
    schedule = SCHEDULES[name]
    stop, start = (DailyTime.parse(str(schedule[each])) for each in ("stop", "start"))
    return Sleep(stop=stop, start=start, days=tuple(schedule.get("days", [*WORKDAYS, "sat", "sun"])))


def asleep(sleep: Sleep, minute: int) -> int | None:
    """Minutes since it was stopped; None while it was told to run."""
    since = [(minute - start) % WEEK for start, _ in sleep.awake]
    nearest = min(since)
    return None if nearest < sleep.awake_minutes else nearest - sleep.awake_minutes


def days(name: str, *, started: bool = True) -> Scenario:
    """From Friday to Tuesday by a schedule. `started`: whether RDS starts it when it is told to."""
    sleep = sleep_of(name)

    def shape(machine: Machine, load: Load, minute: int) -> Load:
        now = (FRIDAY + minute) % WEEK
        since, before = asleep(sleep, now), asleep(sleep, (now - STARTS) % WEEK)
        down = since >= STOPS if since is not None else before is not None
        if down or (minute > 0 and not started):
            # Whoever works at night waits for a server; the function finds none, and publishes nothing.
            return replace(load, silent=True, waited=120.0, failed=None)
        if since is None and asleep(sleep, (now - STARTS - 1) % WEEK) is not None:
            return replace(load, launched=True, errors=load.errors + RETRIES * machine.hosts, cpu=80.0)
        return load

    return Scenario(
        key=f"sleep-{started}", title="a schedule stops and starts it", shape=shape, begins=FRIDAY,
        minutes=4 * DAY_MINUTES, times=1,
    )  # fmt: skip


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_night_and_a_weekend_asleep_tell_nobody_anything(name: str) -> None:
    assert [(told.alarm, told.after) for told in back_test(name).told(days(name))] == []


def test_without_its_schedule_the_same_night_pages() -> None:
    """That the model would show it."""
    awake = verdicts.back_test(Platform(load(sections("dev"), environment="dev", region=REGION)))
    assert {told.alarm for told in awake.told(days("every night"))} == {
        "primary-instance-silent", "functions-metrics-silent", "pooler-clients-waiting", "primary-cpu-credits-low",
    }  # fmt: skip


def test_an_instance_that_is_not_started_is_told_within_the_hour() -> None:
    told = back_test("every night").told(days("every night", started=False))
    first = {each.alarm: each.after for each in reversed(told)}
    morning = 18 * 60  # from Friday 06:00 until the start; it failed at 06:01, when it was to be awake
    assert first["primary-instance-silent"] == 11
    again = [each.after - morning for each in told if each.alarm == "primary-instance-silent" and each.after > morning]
    assert again[0] <= 60
