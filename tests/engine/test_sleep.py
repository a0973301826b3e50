"""A stack that sleeps, on the engine: what the cloud is told to call and when, and three weeks of it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from tests.engine.conftest import Open
from tests.engine.providers.rds import INSTANCE

SCHEDULE, POLICY = "aws:scheduler/schedule:Schedule", "aws:iam/rolePolicy:RolePolicy"
WEEKDAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
HOUR, DAY = 60, 24 * 60
SEVEN_DAYS = 7 * DAY
WORKDAYS = ["mon", "tue", "wed", "thu", "fri"]


def due(expression: str) -> Callable[[int], bool]:
    """Whether a cron() of minute, hour and days of the week is due, by minutes since a Monday 00:00."""
    match = re.fullmatch(r"cron\((\d+) (\d+) ([*?]) \* ([A-Z,*?]+) \*\)", expression)
    assert match, expression
    assert (match[3] == "?") is not (match[4] == "?"), "one of the two fields for days is ?"
    at, days = int(match[2]) * HOUR + int(match[1]), match[4].split(",")
    return lambda minute: minute % DAY == at and (days[0] in "*?" or WEEKDAYS[minute // DAY % 7] in days)


def stopped(stop: str, start: str, weeks: int, by_hand: frozenset[int]) -> Iterator[tuple[int, int]]:
    """Each time that an instance is stopped, begin and end, by its schedules, people's starts and RDS's own."""
    stops, starts, since = due(stop), due(start), None
    for minute in range(weeks * SEVEN_DAYS):
        if since is not None and (starts(minute) or minute in by_hand or minute - since >= SEVEN_DAYS):
            yield since, minute
            since = None
        if since is None and stops(minute):
            since = minute


def schedules(resources: list[Any]) -> dict[str, dict[str, Any]]:
    """Inputs of those that stop and start, by their name."""
    return {each.properties["name"]: each.properties for each in resources if "-sleep-" in each.logical_name}


def test_its_targets_are_the_instances_and_no_sleep_lasts_seven_days(deployed: Open) -> None:
    workplace = deployed("dev")
    workplace.edit({"schedule": {"stop": "13:00", "start": "00:00", "days": WORKDAYS}})
    told = workplace.up().text
    assert "schedule: the database sleeps from 13:00 until 00:00 of mon, tue, wed, thu, fri UTC" in told
    assert "aws rds start-db-instance --db-instance-identifier langpont-dev-db" in told
    [instance] = workplace.cloud.all(INSTANCE)
    found = schedules(workplace.cloud.all(SCHEDULE))
    assert {name: (each["target"]["arn"], json.loads(each["target"]["input"])) for name, each in found.items()} == {
        f"langpont-dev-db-{action}": (
            f"arn:aws:scheduler:::aws-sdk:rds:{action}DBInstance",
            {"DbInstanceIdentifier": instance.properties["identifier"]},
        )
        for action in ("stop", "start")
    }
    [policy] = [each for each in workplace.cloud.all(POLICY) if each.logical_name.endswith("-sleep-policy")]
    [statement] = json.loads(policy.properties["policy"])["Statement"]
    assert statement["Resource"] == [instance.properties["arn"]]

    stop, start = (found[f"langpont-dev-db-{action}"]["scheduleExpression"] for action in ("stop", "start"))
    assert {each["scheduleExpressionTimezone"] for each in found.values()} == {"UTC"}
    asleep = list(stopped(stop, start, 3, frozenset()))
    assert max(end - begin for begin, end in asleep) == 59 * HOUR  # from Friday 13:00 until Monday 00:00
    # Somebody starts it on a Saturday at 10:00: it sleeps again from 13:00 on.
    saturday = 5 * DAY + 10 * HOUR
    assert (5 * DAY + 13 * HOUR, 7 * DAY) in list(stopped(stop, start, 3, frozenset({saturday})))
    # Its start is lost: RDS starts it after seven days by itself, and the next stop is the same minute's.
    never = list(stopped(stop, "cron(0 99 ? * MON *)", 3, frozenset()))
    assert [(end - begin, begin % DAY) for begin, end in never] == [(SEVEN_DAYS, 13 * HOUR)] * 2

    workplace.edit({"schedule": None})
    workplace.up()
    assert schedules(workplace.cloud.all(SCHEDULE)) == {}


def test_a_schedule_without_a_day_is_refused_by_the_seven_day_rule(deployed: Open) -> None:
    workplace = deployed("dev")
    before = workplace.cloud.snapshot()
    workplace.edit({"schedule": {"stop": "13:00", "start": "00:00", "days": []}})
    told = workplace.up(code=None).text
    assert (
        "schedule 13:00 to 00:00 names no day, and RDS starts by itself what has been stopped for seven days. Name one."
    ) in told
    assert workplace.cloud.snapshot() == before
