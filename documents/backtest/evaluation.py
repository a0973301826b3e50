"""States of a CloudWatch metric alarm over time: statistics, M out of N, the evaluation range, missing data.

After the CloudWatch user guide: "Alarm evaluation", "Configuring how CloudWatch alarms treat missing data" and
"Percentile-based alarms and low data samples". Time is counted in minutes, a series has one value or None in each.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from enum import Enum

from blueprint.monitoring.alarm import Compare, Condition, Missing
from documents.backtest.metric_math import Expression

Series = Sequence[float | None]

MINUTE = 60
DAY = 24 * 3600
# CloudWatch retrieves more points than it needs. How many more it does not publish: 5 for 3 in all of its examples.
POINTS_MORE_THAN_NEEDED = 2


class State(Enum):
    """State of an alarm, in CloudWatch's words (StateValue)."""

    OK = "OK"
    ALARM = "ALARM"
    INSUFFICIENT_DATA = "INSUFFICIENT_DATA"


class LowSamples(Enum):
    """What a percentile of too few samples does, in CloudWatch's words (EvaluateLowSampleCountPercentile)."""

    EVALUATE = "evaluate"
    IGNORE = "ignore"


COMPARISONS: Mapping[Compare, Callable[[float, float], bool]] = {
    Compare.ABOVE: lambda value, threshold: value > threshold,
    Compare.BELOW: lambda value, threshold: value < threshold,
}


def judged(points: Sequence[bool | None], *, periods: int, to_alarm: int, missing: Missing, before: State) -> State:
    """State after one evaluation of the points of the evaluation range, the oldest first.

    A point is whether it breaches, or None where it is missing. `before`: the state so far. Where only breaching
    points are there, fewer than `to_alarm` and too young to alarm early, AWS says no more than that the alarm "does
    not go immediately into ALARM": it stays as it is here.
    """
    real = [point for point in points if point is not None]
    if len(real) >= periods:
        return _crossed(sum(real[-periods:]), to_alarm)
    breaching, filled = sum(real), periods - len(real)
    if missing is Missing.BREACHING:
        return _crossed(breaching + filled, to_alarm)
    if missing is Missing.NOT_BREACHING:
        return _crossed(breaching, to_alarm)
    if not real:
        return before if missing is Missing.IGNORE else State.INSUFFICIENT_DATA
    if breaching >= to_alarm or breaching < len(real):
        return _crossed(breaching, to_alarm)
    # "Avoiding premature transitions to alarm state": nothing but breaching points, the oldest of them old enough.
    old_enough = len(points) - points.index(True) >= to_alarm
    return State.ALARM if old_enough and missing is Missing.MISSING else before


def _crossed(breaching: int, to_alarm: int) -> State:
    return State.ALARM if breaching >= to_alarm else State.OK


def statistic(samples: Sequence[float], name: str) -> float:
    """Average, Sum, Minimum, Maximum, SampleCount, or a percentile such as p90 (nearest rank), of some samples.

    Raises ValueError for another name.
    """
    if name in _STATISTICS:
        return _STATISTICS[name](samples)
    return sorted(samples)[max(math.ceil(percentile(name) * len(samples)) - 1, 0)]


_STATISTICS: Mapping[str, Callable[[Sequence[float]], float]] = {
    "Average": lambda samples: sum(samples) / len(samples),
    "Sum": sum,
    "Minimum": min,
    "Maximum": max,
    "SampleCount": len,
}


def percentile(name: str) -> float:
    """0.9 of "p90". Raises ValueError for what is no percentile."""
    try:
        found = float(name.removeprefix("p")) / 100 if name.startswith("p") else -1.0
    except ValueError:
        found = -1.0
    if not 0 <= found <= 1:
        raise ValueError(f"{name!r} is no statistic of CloudWatch. Use Average, Sum, ..., or a percentile such as p90.")
    return found


def needed_samples(of: float) -> int:
    """Samples that make a percentile significant: 1,000 for 0.99, 100 for 0.9, 100 for 0.1."""
    return math.ceil(round(10 / (1 - of) if of >= 0.5 else 10 / of, 6))


def windows(series: Series, minutes: int, name: str) -> list[float | None]:
    """The statistic, at the end of each minute, of the samples in the `minutes` until then; None where there are none.

    "If the period is 5 minutes, then at the end of minute 5 the alarm evaluates based on data from minutes 1 to 5.
    Then at the end of minute 6, [...] from minutes 2 to 6."
    """
    if minutes == 1 and name != "SampleCount":
        return list(series)
    found: list[float | None] = []
    for end in range(1, len(series) + 1):
        samples = [value for value in series[max(end - minutes, 0) : end] if value is not None]
        found.append(statistic(samples, name) if samples else None)
    return found


def points(condition: Condition, series: Callable[[str], Series], *, clock: int = 0) -> list[float | None]:
    """What the alarm compares with its threshold, at the end of each minute. `series`: by a term's id, or "" alone.

    `clock`: the minute of the week at which the series begin.
    """
    minutes = condition.period_seconds // MINUTE
    if condition.expression is None:
        return windows(series(""), minutes, condition.statistic)
    expression = Expression(condition.expression)
    terms = {term.id: windows(series(term.id), minutes, term.statistic) for term in condition.terms}
    length = len(next(iter(terms.values())))
    found: list[float | None] = [None] * length
    for first in range(minutes):  # points are a period apart, and each minute has points of its own
        phase = {id_: values[first::minutes] for id_, values in terms.items()}
        start = clock + first - minutes + 1
        found[first::minutes] = expression.series(phase, condition.period_seconds, start)
    return found


def states(
    condition: Condition,
    series: Callable[[str], Series],
    *,
    to_alarm: int | None = None,
    low_samples: LowSamples = LowSamples.EVALUATE,
    before: State = State.OK,
    clock: int = 0,
) -> list[State]:
    """State of the alarm at the end of each minute. `to_alarm`: of so many periods; all of them without it."""
    breaches, threshold = COMPARISONS[condition.compare], condition.threshold
    flags = [None if value is None else breaches(value, threshold) for value in points(condition, series, clock=clock)]
    if before is State.OK and True not in flags and None not in flags:
        return [State.OK] * len(flags)
    step, periods = condition.period_seconds // MINUTE, condition.periods
    wide = step * (periods + POINTS_MORE_THAN_NEEDED)
    hourly = condition.period_seconds * periods > DAY  # multi-day alarms: once an hour, up to the full hour
    enough = _enough_samples(condition, series, low_samples)
    found = []
    padded = [None] * wide + flags  # nothing before the beginning
    for minute in range(len(flags)):
        if not (hourly and minute % 60) and enough(minute):
            seen = padded[minute + step : minute + wide + 1 : step]
            before = judged(
                seen, periods=periods, to_alarm=to_alarm or periods, missing=condition.missing, before=before
            )
        found.append(before)
    return found


def _enough_samples(condition: Condition, series: Callable[[str], Series], low: LowSamples) -> Callable[[int], bool]:
    if low is LowSamples.EVALUATE or condition.expression is not None or not condition.statistic.startswith("p"):
        return lambda _: True
    wide = condition.period_seconds // MINUTE * condition.periods
    counts = windows(series(""), wide, "SampleCount")
    needed = needed_samples(percentile(condition.statistic))
    return lambda minute: (counts[minute] or 0) >= needed
