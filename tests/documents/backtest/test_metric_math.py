"""Metric math: the examples of the CloudWatch user guide, then the expressions of our alarms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from documents.backtest.metric_math import Expression, ExpressionRefused

Row = Sequence[float | None]
_: None = None

# "Comparison and logical operators" and "Using IF expressions"
COMPARED = {"metric1": [30, 20, 0, 0], "metric2": [20, _, 20, _]}
CHOSEN = {"metric1": [1, 1, 0, 0, _], "metric2": [30, _, 0, 0, 30], "metric3": [0, 0, 20, _, 20]}
TWO = {"m1": [10, _, 4, 0], "m2": [5, 2, _, 0]}


def test_the_clock_is_a_series_without_gaps_in_utc() -> None:
    """ "Return a new non-sparse time series where each value is based on its timestamp"; DAY is 1 on Mondays."""
    friday = 4 * 24 * 60 + 23 * 60 + 50
    terms: Mapping[str, Row] = {"m1": [_, 5, _]}
    found = {name: Expression(f"{name}(m1)").series(terms, 300, friday) for name in ("DAY", "HOUR", "MINUTE")}
    assert found == {"DAY": [5, 5, 6], "HOUR": [23, 23, 0], "MINUTE": [50, 55, 0]}
    # The example of AWS's blog, "Enhance CloudWatch metrics with metric math functions": nothing beyond the hours
    hours = "IF((DAY(m1)<6 AND (HOUR(m1)>=9 AND HOUR(m1)<17)),m1)"
    assert Expression(hours).series({"m1": [1, 2, 3]}, 3600, 4 * 24 * 60 + 15 * 60) == [1, 2, _]


@pytest.mark.parametrize(
    ("expression", "terms", "expected"),
    [
        ("(metric1 < metric2)", COMPARED, [0, 0, 1, 0]),
        ("(metric1 >= 30)", COMPARED, [1, 0, 0, 0]),
        ("(metric1 > 15 AND metric2 > 15)", COMPARED, [1, 0, 0, 0]),
        ("IF(metric1, metric2, metric3)", CHOSEN, [30, 0, 20, _, _]),
        ("IF(metric1, 5, metric3)", CHOSEN, [5, 5, 20, _, _]),
        ("IF(metric1, metric2, 5)", CHOSEN, [30, 0, 5, 5, _]),
        ("IF(metric1, metric2)", CHOSEN, [30, 0, _, _, _]),
        ("IF(1, metric2, metric3)", CHOSEN, [30, 0, 0, 0, 30]),
        ("IF(m1<5, 10, 2)", TWO, [2, _, 10, 10]),
        ("m1 + m2", TWO, [15, 2, 4, 0]),  # "missing values in a time series are treated as 0"
        ("m1 - m2", TWO, [5, -2, 4, 0]),
        ("m1 / m2", TWO, [2, 0, _, _]),  # "divide by zero: the data point is dropped"
        ("-5 * m1", TWO, [-50, _, -20, 0]),
        ("2 * m1 + 1", TWO, [21, _, 9, 1]),
        ("(1 + 2) * m1 ^ 2", TWO, [300, _, 48, 0]),
        ("m1 == 10 OR m2 == 2", TWO, [1, 1, 0, 0]),
        ("m1 == 10 || m2 == 2", TWO, [1, 1, 0, 0]),
        ("m1 != 4 && m2 <= 5", TWO, [1, 0, 0, 1]),
        ("SUM([m1, m2])", TWO, [15, 2, 4, 0]),
        ("SUM(METRICS())", TWO, [15, 2, 4, 0]),
        ('SUM(METRICS("2"))', TWO, [5, 2, _, 0]),
        ("AVG(METRICS())", TWO, [7.5, 1, 2, 0]),
        ("MIN(METRICS())", TWO, [5, 2, 4, 0]),
        ("MAX([m1, m2])", TWO, [10, 2, 4, 0]),
        ("SUM(METRICS() * 100)", TWO, [1500, 200, 400, 0]),
        ("SUM(100 / [m1, m2])", TWO, [30, 50, 25, _]),
        ("FILL(m1, 7)", TWO, [10, 7, 4, 0]),
        ("FILL(m1, m2)", TWO, [10, 2, 4, 0]),
        ("FILL(m1, REPEAT)", TWO, [10, 10, 4, 0]),
        ("FILL(m2, -1)", TWO, [5, 2, -1, 0]),
        ("SUM(FILL(METRICS(), 1))", TWO, [15, 3, 5, 0]),
        ("ABS(-m1)", TWO, [10, _, 4, 0]),
        ("CEIL(m1 / 4)", TWO, [3, _, 1, 0]),
        ("FLOOR(m1 / 4)", TWO, [2, _, 1, 0]),
        # "The difference between the latest value and the previous one, divided by the time between the two"
        ("RATE(m1)", {"m1": [60, 120, 60, 60]}, [_, 1, -1, 0]),
        ("RATE(m1)", {"m1": [60, _, 180, _]}, [_, _, 1, _]),
        # Our own: seconds until nothing is free, or something far away; lag that is nobody's sawtooth
        ("IF(RATE(m1) < 0, m1 / -RATE(m1), 345600)", {"m1": [600, 540, 540, 0]}, [_, 540, 345600, 0]),
        ("IF(m1 > 100 OR m2 > 600, m2, 0)", {"m1": [0, 101, 0, _], "m2": [300, 40, 601, 700]}, [0, 40, 601, 700]),
        ("IF(m1 > 100 OR m2 > 600, m2, 0)", {"m1": [101, 50], "m2": [_, _]}, [0, 0]),  # a true point without a value
    ],
)
def test_an_expression_makes_this_series(expression: str, terms: Mapping[str, Row], expected: Row) -> None:
    assert Expression(expression).series(terms, 60) == expected


@pytest.mark.parametrize(
    ("expression", "told"),
    [
        ("m1 +", "'m1 +': a value is missing after m1 +."),
        ("(m1", "'(m1': ) is missing after ( m1."),
        ("m1 m2", "'m1 m2': m2 is left over."),
        ("m1 ? 2", "'m1 ? 2': ? is no part of metric math."),
        ("SEARCH(m1)", "'SEARCH(m1)': SEARCH with 1 arguments is no function that is known here."),
        ("IF(m1)", "'IF(m1)': IF with 1 arguments is no function that is known here."),
        ("FILL(m1, LINEAR)", "'FILL(m1, LINEAR)': FILL with LINEAR is not known here."),
        ('m1 + "a"', '\'m1 + "a"\': "a" is text, which METRICS alone takes.'),
        ("m3 * 2", "'m3 * 2': m3 is neither a term nor a function that is known here."),
        (
            "m1 / MAX(m1)",
            "'m1 / MAX(m1)': MAX of one series is a number that changes with the points retrieved. "
            "Use MAX over several series, or a statistic of the metric.",
        ),
        ("5", "a number or an array stands where CloudWatch wants one time series"),
        ("METRICS()", "a number or an array stands where CloudWatch wants one time series"),
        ("IF(METRICS(), 1, 0)", "an array stands where CloudWatch wants a number or one time series"),
    ],
)
def test_what_cloudwatch_would_not_take_or_nobody_here_knows_is_refused(expression: str, told: str) -> None:
    with pytest.raises(ExpressionRefused) as refused:
        Expression(expression).series({"m1": [1.0], "m2": [2.0]}, 60)
    assert str(refused.value) == told
