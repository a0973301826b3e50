"""Composite alarms, so that one cause is told once: what follows from it is told only while its alarm is not on.

An alarm with causes has no actions of its own. A composite alarm, whose rule is that alarm, has them, with an action
suppressor: the alarm of the cause, or a second composite alarm where there are several causes. CloudWatch user guide,
"Alarm suppression": a composite alarm waits `WAIT_SECONDS` for its suppressor to go into ALARM before it acts, and
acts `EXTENSION_SECONDS` after the suppressor has left ALARM if it is still in ALARM itself. So nothing is lost: what
outlasts its cause is told.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from blueprint.monitoring.alarm import Alarm, Severity

# The longest that a cause's alarm takes more than that of what follows, in the table of alarms: a period of 5 minutes.
WAIT_SECONDS: Final = 300
# A cause is over as soon as one datapoint is good; what follows from it has its own last period to come.
EXTENSION_SECONDS: Final = 900


@dataclass(frozen=True, kw_only=True)
class Composite:
    """A composite alarm. `any_of`: names of the alarms of which one in ALARM puts it into ALARM.

    `suppressor`: the name of the alarm that holds its actions back; None for one that has no actions, as it is itself a
    suppressor.
    """

    name: str
    any_of: tuple[str, ...]
    severity: Severity
    description: str
    suppressor: str | None


def any_in_alarm(names: Iterable[str]) -> str:
    """AlarmRule: in ALARM while one of these alarms is."""
    return " OR ".join(f'ALARM("{name}")' for name in names)


def composites(alarms: Iterable[Alarm]) -> tuple[Composite, ...]:
    """The composite alarms that these alarms need, suppressors before those that they suppress."""
    return tuple(_composites(tuple(alarms)))


def held_back_by(alarm: Alarm, watched: Collection[str]) -> tuple[str, ...]:
    """Names of the alarms that hold an alarm back, of those that somebody watches."""
    return tuple(cause for cause in alarm.causes if cause in watched)


def _composites(alarms: Sequence[Alarm]) -> Iterator[Composite]:
    watched = {alarm.name for alarm in alarms}
    for alarm in alarms:
        causes = held_back_by(alarm, watched)
        if not causes:
            continue
        suppressor = causes[0]
        if len(causes) > 1:
            suppressor = f"{alarm.name}-causes"
            yield Composite(
                name=suppressor,
                any_of=causes,
                severity=alarm.severity,
                description=f"What {alarm.name} follows from; it tells nobody. Each of these alarms is told by itself.",
                suppressor=None,
            )
        yield Composite(
            name=f"{alarm.name}-alone",
            any_of=(alarm.name,),
            severity=alarm.severity,
            description=alarm.description,
            suppressor=suppressor,
        )
