"""States of a metric alarm: every table and example of the CloudWatch user guide, then what it leaves open."""

from __future__ import annotations

from dataclasses import replace

import pytest

from blueprint.monitoring.alarm import Compare, Condition, MathTerm, Missing
from documents.backtest import evaluation
from documents.backtest.evaluation import LowSamples, State, judged, needed_samples, percentile, states, statistic

OK, ALARM, NO_DATA = State.OK, State.ALARM, State.INSUFFICIENT_DATA
ORDER = (Missing.MISSING, Missing.IGNORE, Missing.BREACHING, Missing.NOT_BREACHING)
STAYS = None  # "Retain current state"

# "Configuring how CloudWatch alarms treat missing data": evaluation periods 3, evaluation range 5, the newest point on
# the right; columns MISSING, IGNORE, BREACHING, NOT BREACHING.
THREE_OF_THREE = {
    "0 - X - X": (OK, OK, OK, OK),
    "0 - - - -": (OK, OK, OK, OK),
    "- - - - -": (NO_DATA, STAYS, ALARM, OK),
    "0 X X - X": (ALARM, ALARM, ALARM, ALARM),
    "- - X - -": (ALARM, STAYS, ALARM, OK),
}
TWO_OF_THREE = {
    "0 - X - X": (ALARM, ALARM, ALARM, ALARM),
    "0 0 X 0 X": (ALARM, ALARM, ALARM, ALARM),
    "0 - X - -": (OK, OK, ALARM, OK),
    "- - - - 0": (OK, OK, ALARM, OK),
    "- - - X -": (ALARM, STAYS, ALARM, OK),
}
TABLES = [
    (to_alarm, row, missing, expected)
    for to_alarm, table in ((3, THREE_OF_THREE), (2, TWO_OF_THREE))
    for row, columns in table.items()
    for missing, expected in zip(ORDER, columns, strict=True)
]


def after(row: str, to_alarm: int, missing: Missing, before: State = OK, periods: int = 3) -> State:
    points = [{"0": False, "X": True, "-": None}[point] for point in row.split()]
    return judged(points, periods=periods, to_alarm=to_alarm, missing=missing, before=before)


@pytest.mark.parametrize(("to_alarm", "row", "missing", "expected"), TABLES)
@pytest.mark.parametrize("before", State)
def test_missing_data_is_treated_as_in_aws_tables(
    to_alarm: int, row: str, missing: Missing, expected: State | None, before: State
) -> None:
    assert after(row, to_alarm, missing, before) is (before if expected is STAYS else expected)


@pytest.mark.parametrize("row", ["- - - - X", "- - - X -"])
@pytest.mark.parametrize("before", State)
def test_a_lone_breaching_point_does_not_alarm_before_it_is_as_old_as_the_datapoints_to_alarm(
    row: str, before: State
) -> None:
    """Because the next point may be good (the guide's "Avoiding premature transitions to alarm state")."""
    assert after(row, 3, Missing.MISSING, before) is before


@pytest.mark.parametrize("row", ["- - - X 0", "- - X - 0"])
def test_a_good_point_after_it_makes_the_alarm_ok(row: str) -> None:
    assert after(row, 3, Missing.MISSING, ALARM) is OK


def test_the_next_evaluation_of_the_second_row_alarms_if_missing_data_is_breaching() -> None:
    """ "If the data is still missing it will go to ALARM, as that non-breaching data point" has left the range."""
    series = [0.0, *[None] * 5]
    condition = row(missing=Missing.BREACHING, periods=3)
    assert states(condition, lambda _: series)[-2:] == [OK, ALARM]


def row(**of: object) -> Condition:
    condition = Condition(
        metric="M", statistic="Average", compare=Compare.ABOVE, threshold=3, unit="units",
        period_seconds=60, periods=3, missing=Missing.MISSING,
    )  # fmt: skip
    return replace(condition, **of)  # type: ignore[arg-type]


def test_three_of_three_fires_and_recovers_as_in_the_guide_s_figure() -> None:
    """The threshold is breached in periods 3 to 5, the value dips in period 6, and breaches once more in period 9."""
    series = [1.0, 2.0, 4.0, 5.0, 4.0, 2.0, 1.0, 2.0, 4.0, 2.0]
    assert states(row(), lambda _: series) == [OK] * 4 + [ALARM] + [OK] * 5


def test_a_period_of_five_minutes_is_evaluated_every_minute_over_the_last_five() -> None:
    """ "At the end of minute 5 [...] minutes 1 to 5. Then at the end of minute 6, [...] minutes 2 to 6." """
    series = [0.0, 0.0, 0.0, 0.0, 0.0, 20.0]
    assert evaluation.windows(series, 5, "Average")[4:] == [0.0, 4.0]
    assert states(row(period_seconds=300, periods=1), lambda _: series) == [OK] * 5 + [ALARM]


def test_a_multi_day_alarm_is_evaluated_once_an_hour_with_data_up_to_the_full_hour() -> None:
    """An alarm over more than a day sees at 11:00 what failed at 10:02."""
    series = [0.0] * (10 * 60 + 2) + [9.0] * 100
    condition = row(period_seconds=3600, periods=25, statistic="Maximum")
    found = states(condition, lambda _: series, to_alarm=1)
    assert found.index(ALARM) == 11 * 60


def test_m_of_n_counts_points_that_are_not_next_to_each_other() -> None:
    series = [9.0, 0.0, 9.0, 0.0, 9.0, 0.0, 0.0, 0.0]
    assert states(row(periods=5), lambda _: series, to_alarm=3) == [OK] * 4 + [ALARM] + [OK] * 3


def test_a_threshold_itself_breaches_neither_above_nor_below() -> None:
    for compare in Compare:
        assert states(row(compare=compare), lambda _: [3.0] * 6) == [OK] * 6


def test_below_fires_below() -> None:
    assert states(row(compare=Compare.BELOW), lambda _: [2.9] * 6)[-1] is ALARM


# Statistics


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Average", 2.5), ("Sum", 10.0), ("Minimum", 1.0), ("Maximum", 4.0), ("SampleCount", 4),
        ("p50", 2.0), ("p75", 3.0), ("p90", 4.0), ("p99.9", 4.0), ("p0", 1.0), ("p100", 4.0),
    ],
)  # fmt: skip
def test_a_statistic_is_that_of_the_samples_of_its_period(name: str, value: float) -> None:
    assert statistic([4.0, 1.0, 3.0, 2.0], name) == value


@pytest.mark.parametrize("name", ["Median", "p", "p101", "p-1"])
def test_a_word_that_is_no_statistic_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"'{name}' is no statistic of CloudWatch"):
        statistic([1.0], name)


def test_a_period_without_samples_is_missing_and_one_with_a_few_is_not() -> None:
    series = [None, None, 4.0, None, None, None]
    assert evaluation.windows(series, 3, "Average") == [None, None, 4.0, 4.0, 4.0, None]
    assert evaluation.windows(series, 3, "SampleCount") == [None, None, 1, 1, 1, None]
    assert evaluation.windows([None, 2.0], 1, "SampleCount") == [None, 1]


@pytest.mark.parametrize(
    ("name", "samples"), [("p99", 1000), ("p90", 100), ("p50", 20), ("p10", 100), ("p99.9", 10_000)]
)
def test_a_percentile_needs_as_many_samples_as_aws_says(name: str, samples: int) -> None:
    """ "Fewer than 10/(1-percentile) data points", from 0.5 on; below, 10/percentile."""
    assert needed_samples(percentile(name)) == samples


def test_a_percentile_of_too_few_samples_is_evaluated_unless_it_is_to_be_ignored() -> None:
    condition = row(statistic="p90", periods=5)
    series = [0.0] * 6 + [9.0] * 6
    assert states(condition, lambda _: series)[-1] is ALARM  # 5 samples, and CloudWatch's default is to evaluate
    assert set(states(condition, lambda _: series, low_samples=LowSamples.IGNORE)) == {OK}
    enough = row(statistic="p50", periods=20)
    assert states(enough, lambda _: [9.0] * 20, low_samples=LowSamples.IGNORE)[-2:] == [OK, ALARM]


# Metric math in an alarm


def test_points_of_an_expression_are_a_period_apart_and_each_minute_has_its_own() -> None:
    condition = row(
        expression="RATE(free)", period_seconds=300, compare=Compare.BELOW, threshold=-0.01, periods=1,
        terms=(MathTerm(id="free", metric="F", statistic="Minimum", instance="primary"),),
    )  # fmt: skip
    series = [100.0] * 10 + [94.0] * 3
    values = evaluation.points(condition, lambda id_: series if id_ == "free" else [])
    assert values == [None] * 5 + [0.0] * 5 + [-0.02] * 3
    assert states(condition, lambda _: series) == [NO_DATA] * 5 + [OK] * 5 + [ALARM] * 3


@pytest.mark.parametrize("more", [1, 2, 3, 10])
@pytest.mark.parametrize("missing", Missing)
def test_where_no_point_is_missing_the_width_of_the_range_which_aws_does_not_publish_decides_nothing(
    monkeypatch: pytest.MonkeyPatch, more: int, missing: Missing
) -> None:
    series = [float(minute * 7 % 5) for minute in range(60)]
    expected = states(row(missing=missing), lambda _: series)
    monkeypatch.setattr(evaluation, "POINTS_MORE_THAN_NEEDED", more)
    assert states(row(missing=missing), lambda _: series)[5:] == expected[5:]
