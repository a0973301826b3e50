"""Alarms of a stack that sleeps: what would fire because the instances are stopped is not watched then.

CloudWatch's metric math knows the time: HOUR, MINUTE and DAY of a metric are non-sparse series, in UTC, also where the
metric has no data (CloudWatch user guide, "Using math expressions with CloudWatch metrics"). So the alarm itself knows
when it is awake, and nothing has to be switched off and on again, which a `pulumi up` at night would undo.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from blueprint.aws.sleep import STARTING_MINUTES, Sleep
from blueprint.aws.windows import DAY, WEEKDAYS
from blueprint.monitoring.alarm import Alarm, Compare, MathTerm
from blueprint.monitoring.alarms import SILENT

# Keys of the alarms that are watched from `STARTING_MINUTES` after a start until the stop. Every other one keeps its
# state without data, or ends. Hosts publish clients-waiting: who asks at night waits. Secrets Manager chooses the hour
# of a rotation, and tries one that met the sleep again.
WATCHED_AWAKE: Final = frozenset({SILENT, "metrics-silent", "clients-waiting", "rotation-failing"})
# AWS does not say what becomes of CPU credits when RDS stops an instance; a new one of EC2's unlimited T classes begins
# with none, and earns a fifth of its balance in five hours of idleness. Where they are lacking costs has its own alarm.
LEFT_OUT: Final = frozenset({"cpu-credits-low"})
GOOD_FACTOR: Final = 1000  # so much better than the threshold is what stands in where it is asleep


def while_awake(alarms: Sequence[Alarm], sleep: Sleep | None) -> tuple[Alarm, ...]:
    """The alarms as a stack with this sleep has them."""
    if sleep is None:
        return tuple(alarms)
    return tuple(
        _guarded(alarm, sleep) if alarm.key in WATCHED_AWAKE else alarm for alarm in alarms if alarm.key not in LEFT_OUT
    )


def _guarded(alarm: Alarm, sleep: Sleep) -> Alarm:
    good = 0 if alarm.compare is Compare.ABOVE else alarm.threshold * GOOD_FACTOR
    terms = alarm.terms or (
        MathTerm(id="value", metric=alarm.metric, statistic=alarm.statistic, instance=alarm.instance),
    )
    awake = _awake(terms[0].id, sleep, alarm.period_seconds // 60)
    inner = alarm.expression or f"FILL({terms[0].id}, {good:g})"
    return replace(alarm, expression=f"IF({awake}, {inner}, {good:g})", terms=terms)


def _awake(term: str, sleep: Sleep, period: int) -> str:
    """Metric math of whether a period of so many minutes lies in a time awake as a whole, its start aside.

    A time awake is shorter than a day, and longer than its start and any period.
    """
    first = sleep.start.minute + STARTING_MINUTES
    last = sleep.start.minute + sleep.awake_minutes - period  # the last minute at which such a period may begin
    minute = f"HOUR({term}) * 60 + MINUTE({term})"
    later = [first // DAY, last // DAY]  # by how many days
    if later[0] == later[1]:
        return f"{minute} >= {first % DAY} AND {minute} <= {last % DAY}{_on(term, sleep, later[0])}"
    evening = f"{minute} >= {first % DAY}{_on(term, sleep, later[0])}"
    return f"({evening}) OR ({minute} <= {last % DAY}{_on(term, sleep, later[1])})"


def _on(term: str, sleep: Sleep, later: int) -> str:
    """` AND (...)`: the days of the starts, or those after them; "" for all of them. DAY is 1 on Mondays."""
    if len(sleep.days) == len(WEEKDAYS):
        return ""
    days = sorted((WEEKDAYS.index(day) + later) % len(WEEKDAYS) + 1 for day in sleep.days)
    if days == list(range(days[0], days[-1] + 1)) and len(days) > 1:
        return f" AND DAY({term}) >= {days[0]} AND DAY({term}) <= {days[-1]}"
    return f" AND ({' OR '.join(f'DAY({term}) == {day}' for day in days)})"
