"""A stack file with a schedule: what is refused, what is warned of, and that the way out passes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blueprint.aws.sleep import LEAST_ASLEEP, LEAST_AWAKE, Sleep
from blueprint.aws.windows import DAY, WEEKDAYS, DailyTime, DailyWindow, WeeklyWindow
from blueprint.platform import Platform
from blueprint.settings import Settings
from blueprint.sleep_warnings import Times, awake_times, missed_times, sleep_warnings
from blueprint.stack_file.load import StackFileRefused, load
from tests.recordings import REGION, merged, sections

NIGHT = {"stop": "13:00", "start": "00:00"}
MOVED = {"database": {"maintenanceWindow": "sun:12:00-sun:13:00"}, "backups": {"vaultTime": "00:30"}}


ROTATED = {
    "credentials": {"rotateEveryDays": 30},
    "network": {"vpc": {"interfaceEndpoints": {"services": ["secretsmanager", "monitoring"]}}},
}


def loaded(stack: str, changes: dict[str, Any]) -> Settings:
    return load(merged(sections(stack), changes), environment=stack, region=REGION)


def refused(stack: str, changes: dict[str, Any]) -> list[str]:
    with pytest.raises(StackFileRefused) as refusal:
        loaded(stack, changes)
    return [str(problem) for problem in refusal.value.problems]


def warnings(stack: str, changes: dict[str, Any]) -> list[str]:
    of = loaded(stack, changes)
    return list(sleep_warnings(of, Platform(of).naming))


def test_a_stack_with_replicas_does_not_sleep() -> None:
    assert refused("staging", {"schedule": NIGHT}) == [
        "schedule stands beside replicas, and RDS stops neither a replica nor an instance that has one. Take the "
        "replicas out, or the schedule."
    ]


def test_without_its_replicas_it_does_and_is_warned_that_it_is_protected() -> None:
    assert warnings("staging", {"schedule": NIGHT, "replicas": [], **MOVED})[1:] == [
        "schedule stops the database of a protected stack: whoever uses it at night finds nobody there."
    ]


@pytest.mark.parametrize(
    ("schedule", "problem"),
    [
        (
            {"stop": "13:00", "start": "13:00"},
            "schedule 13:00 to 13:00 leaves 1440 minutes awake and 0 asleep in a day, and RDS takes minutes to stop "
            "and to start: it wants 120 awake and 60 asleep at least. Move schedule.stop or schedule.start.",
        ),
        ({"start": "00:00"}, "schedule.stop is missing. Write it; it has no default."),
        ({"stop": 780, "start": "00:00"}, "schedule.stop 780 is not text. Put it in quotes."),
        (
            NIGHT | {"days": []},
            "schedule 13:00 to 00:00 names no day, and RDS starts by itself what has been stopped for seven days. Name "
            "one.",
        ),
        (NIGHT | {"days": ["mon", "mon"]}, "schedule.days (a list) names mon more than once. Name it once."),
        ("22:00", "schedule 22:00 is not a mapping. Write key: value, one a line, further to the right."),
    ],
)
def test_a_schedule_that_cannot_be_is_refused(schedule: Any, problem: str) -> None:
    assert refused("dev", {"schedule": schedule}) == [problem]


def test_a_day_that_is_none_is_refused_with_those_that_are() -> None:
    assert refused("dev", {"schedule": NIGHT | {"days": ["monday"]}}) == [
        "schedule.days[0] monday is not one of its values. Choose from mon, tue, wed, thu, fri, sat or sun."
    ]


def test_what_falls_into_the_sleep_is_told_with_times_that_pass() -> None:
    assert warnings("dev", {"schedule": NIGHT}) == [
        "schedule: the database sleeps from 13:00 until 00:00 UTC (22:00 and 09:00 in Japan). An update that reaches "
        "it then fails: start it first, with aws rds start-db-instance --db-instance-identifier langpont-dev-db; the "
        "next stop comes as ever.",
        "database.maintenanceWindow sat:18:00-sat:19:00 and backups.vaultTime 20:30 fall into the sleep: nothing is "
        "backed up or maintained then. Set database.maintenanceWindow to sun:12:00-sun:13:00, backups.vaultTime to "
        "00:30, for example.",
    ]
    assert len(warnings("dev", {"schedule": NIGHT, **MOVED})) == 1


def test_passwords_that_are_rotated_beside_it_may_be_late() -> None:
    assert warnings("dev", {"schedule": NIGHT, **ROTATED, **MOVED})[1:] == [
        "credentials.rotateEveryDays: Secrets Manager chooses the hour. A rotation that meets the sleep fails, and is "
        "tried again; of one that is two days late the doctor tells."
    ]


def test_where_there_is_no_room_it_says_so() -> None:
    short = {"stop": "02:00", "start": "00:00"}
    assert warnings("dev", {"schedule": short})[1].endswith(
        "Keep it awake for longer: there is no room for all of them."
    )


def test_a_stack_without_a_schedule_is_told_nothing() -> None:
    assert warnings("dev", {}) == []


@given(
    st.integers(0, DAY - 1), st.integers(LEAST_AWAKE, DAY - LEAST_ASLEEP),
    st.lists(st.sampled_from(WEEKDAYS), min_size=1, unique=True),
)  # fmt: skip
@settings(max_examples=50, deadline=None)
def test_the_way_out_misses_nothing_and_the_stack_file_takes_it(start: int, awake: int, days: list[str]) -> None:
    of = Sleep(stop=DailyTime((start + awake) % DAY), start=DailyTime(start), days=tuple(days))
    times = Times(
        backup=DailyWindow.parse("03:00-04:00"), maintenance=WeeklyWindow.parse("sat:18:00-sat:19:00"),
        vault=DailyTime.parse("20:30"),
    )  # fmt: skip
    moved = awake_times(times, of)
    if moved is None:
        assert awake < 8 * 60
        return
    assert missed_times(moved, of) == {}
    changes = {
        "database": {"maintenanceWindow": str(moved.maintenance)},
        "backups": {"window": str(moved.backup), "vaultTime": str(moved.vault)},
        "schedule": {"stop": str(of.stop), "start": str(of.start), "days": days},
    }
    assert len(warnings("dev", changes)) == 1
