"""When instances sleep: the hours of a week, the seven-day rule, and what AWS's services are told."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blueprint.aws.sleep import LEAST_ASLEEP, LEAST_AWAKE, STARTING_MINUTES, Sleep, vault_expressions
from blueprint.aws.windows import DAY, HOUR, WEEK, WEEKDAYS, DailyTime
from blueprint.problems import Refused

WORKDAYS = WEEKDAYS[:5]


def sleep(stop: str, start: str, days: tuple[str, ...] = WEEKDAYS) -> Sleep:
    return Sleep(stop=DailyTime.parse(stop), start=DailyTime.parse(start), days=days)


@st.composite
def sleeps(draw: st.DrawFn) -> Sleep:
    start, awake = draw(st.integers(0, DAY - 1)), draw(st.integers(LEAST_AWAKE, DAY - LEAST_ASLEEP))
    days = draw(st.lists(st.sampled_from(WEEKDAYS), min_size=1, unique=True))
    return Sleep(stop=DailyTime((start + awake) % DAY), start=DailyTime(start), days=tuple(days))


few = settings(max_examples=50, deadline=None)
MONDAY = datetime(2026, 11, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("of", "stop", "start", "hours"),
    [
        (sleep("13:00", "00:00"), "cron(0 13 * * ? *)", "cron(0 0 ? * * *)", 91),
        (sleep("13:05", "23:30", ("sun", "mon")), "cron(5 13 * * ? *)", "cron(30 23 ? * MON,SUN *)", 13 / 12 * 25.0769),
        (sleep("13:00", "00:00", WORKDAYS), "cron(0 13 * * ? *)", "cron(0 0 ? * MON,TUE,WED,THU,FRI *)", 65),
    ],
)
def test_the_stop_comes_every_day_and_the_start_on_its_days(of: Sleep, stop: str, start: str, hours: float) -> None:
    assert (of.stop_expression, of.start_expression) == (stop, start)
    assert of.awake_hours_a_week == pytest.approx(hours, rel=1e-3)


@given(sleeps())
@few
def test_expressions_are_read_as_they_were_written(of: Sleep) -> None:
    again = Sleep.of_expressions(of.stop_expression, of.start_expression)
    assert (again.stop, again.start, set(again.days)) == (of.stop, of.start, set(of.days))


@pytest.mark.parametrize("stop", ["rate(1 day)", "cron(0 13 ? * MON *)", ""])
def test_expressions_of_somebody_else_are_refused(stop: str) -> None:
    with pytest.raises(Refused, match=r"^is no stop and start of this program\. Run pulumi up\.$"):
        Sleep.of_expressions(stop, "cron(0 0 ? * * *)")


@given(sleeps())
@few
def test_no_sleep_reaches_the_seven_days_after_which_rds_starts_by_itself(of: Sleep) -> None:
    assert of.longest_minutes <= WEEK - LEAST_AWAKE
    assert sum(end - start for start, end in of.awake) == pytest.approx(of.awake_hours_a_week * HOUR)


def test_days_without_any_are_refused_by_the_seven_day_rule() -> None:
    with pytest.raises(Refused) as refusal:
        sleep("13:00", "00:00", ())
    assert str(refusal.value) == (
        "names no day, and RDS starts by itself what has been stopped for seven days. Name one."
    )


@pytest.mark.parametrize(("stop", "awake"), [("01:59", 119), ("23:01", 1381), ("00:00", 1440)])
def test_too_little_sleep_and_too_little_between_are_refused(stop: str, awake: int) -> None:
    with pytest.raises(Refused) as refusal:
        sleep(stop, "00:00")
    assert str(refusal.value) == (
        f"leaves {awake} minutes awake and {1440 - awake} asleep in a day, and RDS takes minutes to stop and to start: "
        f"it wants 120 awake and 60 asleep at least. Move schedule.stop or schedule.start."
    )


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ((0, 0, 0), None),
        ((0, 12, 59), None),
        ((0, 13, 0), (1, 0, 0)),
        ((4, 20, 30), (7, 0, 0)),  # Friday evening until Monday
        ((6, 23, 59), (7, 0, 0)),
    ],
)
def test_it_sleeps_from_a_stop_until_the_next_start(now: tuple[int, ...], until: tuple[int, ...] | None) -> None:
    def moment(of: tuple[int, ...]) -> datetime:
        return datetime.fromtimestamp(MONDAY.timestamp() + of[0] * 86400 + of[1] * 3600 + of[2] * 60, UTC)

    asleep_until = sleep("13:00", "00:00", WORKDAYS).asleep_until(moment(now))
    assert asleep_until == (until and moment(until))


def test_a_time_awake_may_pass_midnight_and_the_weeks_end() -> None:
    late = sleep("13:00", "23:00", ("sun",))
    assert late.awake == ((6 * DAY + 23 * HOUR, 6 * DAY + 37 * HOUR),)
    assert late.asleep_until(datetime(2026, 11, 30, 12, 59, tzinfo=UTC)) is None
    assert late.asleep_until(datetime(2026, 11, 30, 13, 0, tzinfo=UTC)) == datetime(2026, 12, 6, 23, 0, tzinfo=UTC)
    assert late.is_awake(12 * HOUR, HOUR)
    assert not late.is_awake(12 * HOUR + 1, HOUR)


def test_what_has_just_been_told_to_start_is_not_awake_yet() -> None:
    of = sleep("13:00", "00:00")
    assert not of.is_awake(STARTING_MINUTES - 1)
    assert of.is_awake(STARTING_MINUTES)


@pytest.mark.parametrize(
    ("of", "expressions"),
    [
        (None, ("cron(30 5 * * ? *)", "cron(30 5 1 * ? *)")),
        (sleep("13:00", "00:00"), ("cron(30 5 * * ? *)", "cron(30 5 1 * ? *)")),
        (sleep("13:00", "00:00", WORKDAYS), ("cron(30 5 ? * MON,TUE,WED,THU,FRI *)", "cron(30 5 ? * MON#1 *)")),
        (sleep("13:00", "23:00", ("sun", "mon")), ("cron(30 5 ? * MON,TUE *)", "cron(30 5 ? * MON#1 *)")),
        (sleep("04:00", "00:00", WORKDAYS), ("cron(30 5 * * ? *)", "cron(30 5 1 * ? *)")),  # the stack is warned
    ],
)
def test_aws_backup_runs_on_days_on_which_it_is_awake(of: Sleep | None, expressions: tuple[str, str]) -> None:
    assert vault_expressions(DailyTime.parse("05:30"), of) == expressions


def test_words_have_both_clocks() -> None:
    assert sleep("13:00", "00:00", ("fri", "mon")).text == (
        "from 13:00 until 00:00 of mon, fri UTC (22:00 and 09:00 in Japan)"
    )
