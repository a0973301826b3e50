"""Maintenance and backup windows on the circle of a week, compared with sets of minutes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blueprint.aws.windows import (
    DAY,
    HOUR,
    WEEK,
    DailyTime,
    DailyWindow,
    WeeklyWindow,
    distance_minutes,
    overlap,
    replica_window,
    touch,
)
from blueprint.problems import Refused

daily_windows = st.builds(
    lambda start, minutes: DailyWindow(start, (start + minutes) % DAY),
    st.integers(0, DAY - 1),
    st.integers(30, DAY - 1),
)
weekly_windows = st.builds(
    lambda start, minutes: WeeklyWindow(start, (start + minutes) % WEEK),
    st.integers(0, WEEK - 1),
    st.integers(30, DAY - 1),
)
times = st.builds(DailyTime, st.integers(0, DAY - 1))
few = settings(max_examples=50, deadline=None)


def minutes_of_the_week(window: DailyWindow | WeeklyWindow) -> set[int]:
    starts = range(window.start, WEEK, window.CIRCLE)
    return {(start + offset) % WEEK for start in starts for offset in range(window.minutes)}


def test_the_documents_windows_overlap() -> None:  # E6
    assert overlap(DailyWindow.parse("03:00-04:00"), WeeklyWindow.parse("sun:03:00-sun:04:00"))


def test_the_documents_backup_hour_is_noon_in_japan() -> None:  # E39
    assert DailyWindow.parse("03:00-04:00").local() == "03:00-04:00 UTC = 12:00-13:00 in Japan"


def test_our_maintenance_window_is_sunday_night_in_japan_and_clear_of_the_backup() -> None:
    maintenance = WeeklyWindow.parse("sat:18:00-sat:19:00")
    assert maintenance.local() == "sat:18:00-sat:19:00 UTC = sun:03:00-sun:04:00 in Japan"
    assert not overlap(DailyWindow.parse("03:00-04:00"), maintenance)


def test_another_place_can_be_behind_utc() -> None:
    window = WeeklyWindow.parse("mon:02:00-mon:03:00")
    assert window.local(-5, "Lima") == "mon:02:00-mon:03:00 UTC = sun:21:00-sun:22:00 in Lima"


@pytest.mark.parametrize(
    ("daily", "weekly", "expected"),
    [
        ("03:00-04:00", "sun:04:00-sun:05:00", False),  # they touch
        ("03:00-04:00", "sun:02:00-sun:03:00", False),
        ("03:00-04:00", "sun:03:59-sun:05:00", True),
        ("23:30-00:30", "wed:00:00-wed:00:30", True),  # the backup passes midnight
        ("23:30-00:30", "wed:00:30-wed:01:00", False),
        ("00:00-00:30", "sun:23:30-mon:00:30", True),  # maintenance passes the end of the week
        ("00:30-01:00", "sun:23:30-mon:00:30", False),
        ("23:45-00:15", "sun:23:50-mon:00:20", True),  # both
    ],
)
def test_windows_overlap_across_midnight_and_the_end_of_the_week(daily: str, weekly: str, expected: bool) -> None:
    assert overlap(DailyWindow.parse(daily), WeeklyWindow.parse(weekly)) is expected


@few
@given(daily_windows, weekly_windows)
def test_overlap_agrees_with_sets_of_minutes(daily: DailyWindow, weekly: WeeklyWindow) -> None:
    assert overlap(daily, weekly) is not minutes_of_the_week(daily).isdisjoint(minutes_of_the_week(weekly))


@few
@given(daily_windows)
def test_a_daily_window_reads_back_what_it_writes(window: DailyWindow) -> None:
    assert DailyWindow.parse(str(window)) == window


@few
@given(weekly_windows)
def test_a_weekly_window_reads_back_what_it_writes(window: WeeklyWindow) -> None:
    assert WeeklyWindow.parse(str(window)) == window


@few
@given(times)
def test_a_time_reads_back_what_it_writes(time: DailyTime) -> None:
    assert DailyTime.parse(str(time)) == time


def test_days_are_written_in_lower_case() -> None:
    assert str(WeeklyWindow.parse("Sat:18:00-SAT:19:00")) == "sat:18:00-sat:19:00"


@pytest.mark.parametrize(
    ("text", "minutes"), [("03:00-04:00", 60), ("23:45-00:15", 30), ("04:00-03:00", 1380), ("00:00-23:59", 1439)]
)
def test_a_daily_window_has_its_length_in_minutes(text: str, minutes: int) -> None:
    assert DailyWindow.parse(text).minutes == minutes


@pytest.mark.parametrize(("text", "minutes"), [("sun:23:30-mon:00:30", 60), ("mon:00:00-mon:23:59", 1439)])
def test_a_weekly_window_has_its_length_in_minutes(text: str, minutes: int) -> None:
    assert WeeklyWindow.parse(text).minutes == minutes


@pytest.mark.parametrize(
    "text", ["", "3:00-4:00", "03:00", "24:00-01:00", "03:60-04:00", "03:00-04:00 ", "03:00-04:00\n", "０3:00-04:00"]
)
def test_what_is_no_daily_window_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(Refused) as refused:
        DailyWindow.parse(text)
    assert str(refused.value) == (
        "is not a daily window in the format hh24:mi-hh24:mi. Write it like 03:00-04:00, in UTC."
    )


@pytest.mark.parametrize("text", ["", "03:00-04:00", "sun:03:00-04:00", "su:03:00-su:04:00", "sun:3:00-sun:4:00"])
def test_what_is_no_weekly_window_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(Refused) as refused:
        WeeklyWindow.parse(text)
    assert str(refused.value) == (
        "is not a weekly window in the format ddd:hh24:mi-ddd:hh24:mi. Write it like sat:18:00-sat:19:00, in UTC."
    )


@pytest.mark.parametrize("text", ["", "8:30", "20:30:00", "24:00"])
def test_what_is_no_time_of_day_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(Refused) as refused:
        DailyTime.parse(text)
    assert str(refused.value) == "is not a time of day. Write it like 20:30, in UTC."


@pytest.mark.parametrize(("text", "minutes"), [("03:00-03:29", 29), ("03:00-03:00", 0)])
def test_a_short_daily_window_is_refused(text: str, minutes: int) -> None:
    with pytest.raises(Refused) as refused:
        DailyWindow.parse(text)
    assert str(refused.value) == (f"is {minutes} minutes long, and RDS asks for at least 30. Give at least 30 minutes.")


def test_a_short_weekly_window_is_refused() -> None:
    with pytest.raises(Refused) as refused:
        WeeklyWindow.parse("sun:23:50-mon:00:10")
    assert str(refused.value) == "is 20 minutes long, and RDS asks for at least 30. Give at least 30 minutes."


@pytest.mark.parametrize(("text", "minutes"), [("sun:03:00-mon:03:00", 1440), ("sun:04:00-sun:03:00", 10020)])
def test_a_maintenance_window_of_a_day_or_more_is_refused(text: str, minutes: int) -> None:
    with pytest.raises(Refused) as refused:
        WeeklyWindow.parse(text)
    assert str(refused.value) == (
        f"is {minutes} minutes long, and a maintenance window must be shorter than 24 hours. Give less than 24 hours."
    )


@pytest.mark.parametrize(
    ("time", "window", "expected"),
    [
        ("20:30", "03:00-04:00", 390),
        ("03:30", "03:00-04:00", 0),
        ("04:00", "03:00-04:00", 0),
        ("04:01", "03:00-04:00", 1),
        ("23:30", "00:15-01:00", 45),  # over midnight
        ("00:10", "23:00-23:40", 30),
        ("00:10", "23:30-00:30", 0),
    ],
)
def test_a_time_lies_so_far_from_a_daily_window(time: str, window: str, expected: int) -> None:
    assert distance_minutes(DailyTime.parse(time), DailyWindow.parse(window)) == expected


@pytest.mark.parametrize(
    ("time", "window", "expected"),
    [
        ("20:30", "sat:18:00-sat:19:00", 90),
        ("18:30", "sat:18:00-sat:19:00", 0),
        ("23:30", "mon:00:00-mon:00:30", 30),  # Sunday's run comes before Monday's window
        ("00:45", "sun:23:30-mon:00:30", 15),
    ],
)
def test_a_time_lies_so_far_from_a_weekly_window(time: str, window: str, expected: int) -> None:
    assert distance_minutes(DailyTime.parse(time), WeeklyWindow.parse(window)) == expected


@few
@given(times, st.one_of(daily_windows, weekly_windows))
def test_distance_agrees_with_a_walk_in_both_directions(time: DailyTime, window: DailyWindow | WeeklyWindow) -> None:
    covered = minutes_of_the_week(window)
    closed = covered | {(minute + 1) % WEEK for minute in covered}  # the edges count as inside
    walked = min(
        min(steps for steps in range(WEEK) if (moment + steps) % WEEK in closed or (moment - steps) % WEEK in closed)
        for moment in range(time.minute, WEEK, DAY)
    )
    assert distance_minutes(time, window) == walked


def of_replicas(primary: str, backup: str, vault_time: str, numbers: range) -> list[str]:
    others = DailyWindow.parse(backup), DailyTime.parse(vault_time)
    return [str(replica_window(number, WeeklyWindow.parse(primary), *others)) for number in numbers]


def test_replicas_have_their_maintenance_in_the_hours_before_their_primary() -> None:
    assert of_replicas("sat:18:00-sat:19:00", "03:00-04:00", "20:30", range(1, 4)) == [
        "sat:17:00-sat:17:30",
        "sat:16:00-sat:16:30",
        "sat:15:00-sat:15:30",
    ]


def test_a_replicas_window_leaves_an_hour_before_and_after_the_backups() -> None:
    """Left out: from 00:30 on to 02:00 the backup window, from 22:00 on to 23:30 the time of AWS Backup."""
    assert of_replicas("sun:02:30-sun:03:00", "00:30-01:00", "22:45", range(1, 5)) == [
        "sat:20:30-sat:21:00",
        "sat:19:30-sat:20:00",
        "sat:18:30-sat:19:00",
        "sat:17:30-sat:18:00",
    ]


def test_where_the_backups_leave_no_hour_a_replica_has_its_primarys_window() -> None:
    assert of_replicas("sat:18:00-sat:19:00", "19:30-17:30", "18:40", range(1, 3)) == ["sat:18:00-sat:19:00"] * 2


@few
@given(weekly_windows, daily_windows, times)
def test_no_two_of_the_replicas_that_rds_allows_are_in_maintenance_together(
    primary: WeeklyWindow, backup: DailyWindow, vault_time: DailyTime
) -> None:
    every = [replica_window(number, primary, backup, vault_time) for number in range(1, 168)]
    windows = every[:15]
    if primary in windows:
        return  # no hour is left: the test above
    around = {(minute + offset) % WEEK for minute in minutes_of_the_week(backup) for offset in (1 - HOUR, 0, HOUR - 1)}
    taken = [minutes_of_the_week(window) for window in windows]
    assert {len(each) for each in taken} == {30}
    assert not any(each & minutes_of_the_week(primary) or each & around for each in taken)
    assert all(distance_minutes(vault_time, window) > HOUR for window in windows)
    assert len(set(windows)) == min(15, len(set(every)))


@pytest.mark.parametrize(
    ("daily", "weekly", "expected"),
    [
        ("03:00-04:00", "sun:04:00-sun:05:00", True),
        ("03:00-04:00", "sun:02:00-sun:03:00", True),
        ("23:00-00:00", "mon:00:00-mon:01:00", True),
        ("00:00-01:00", "sun:23:00-mon:00:00", True),
        ("03:00-04:00", "sun:04:01-sun:05:00", False),
        ("03:00-04:00", "sun:03:00-sun:04:00", False),
    ],
)
def test_windows_touch_where_one_begins_as_the_other_ends(daily: str, weekly: str, expected: bool) -> None:
    assert touch(DailyWindow.parse(daily), WeeklyWindow.parse(weekly)) is expected
