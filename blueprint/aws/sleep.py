"""When the instances of a stack are stopped: the hours of a week in UTC, and how AWS's services are told of them.

RDS starts an instance by itself once it has been stopped for seven days (RDS user guide, "Stopping an Amazon RDS DB
instance temporarily"), and it stays up then. So the stop comes every day, also after days that have no start: whatever
starts an instance, RDS or a person, it sleeps again at the next stop. And a week has one start at least, so that no
sleep is longer than seven days.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from blueprint.aws.windows import DAY, HOUR, JAPAN_OFFSET_HOURS, WEEK, WEEKDAYS, DailyTime
from blueprint.problems import Refused

# Judgements. RDS says that stopping may take long, and names no time for a start: less than an hour of sleep saves
# nothing, and of less than two hours awake the start takes too much.
LEAST_ASLEEP, LEAST_AWAKE = HOUR, 2 * HOUR
# After its start an instance has this long until it publishes metrics and answers.
STARTING_MINUTES = 30
# Within which AWS Backup begins a job.
VAULT_MINUTES = HOUR


@dataclass(frozen=True, kw_only=True)
class Sleep:
    """A stop every day, and a start on some days of the week, in UTC. Minutes of a week count from Monday 00:00.

    Raises Refused for days that are none, an hour of sleep or two hours awake that it does not have.
    """

    stop: DailyTime
    start: DailyTime
    days: tuple[str, ...] = WEEKDAYS

    def __post_init__(self) -> None:
        if not self.days:
            raise Refused("names no day, and RDS starts by itself what has been stopped for seven days", "Name one")
        asleep = DAY - self.awake_minutes
        if self.awake_minutes < LEAST_AWAKE or asleep < LEAST_ASLEEP:
            raise Refused(
                f"leaves {self.awake_minutes} minutes awake and {asleep} asleep in a day, and RDS takes minutes to "
                f"stop and to start: it wants {LEAST_AWAKE} awake and {LEAST_ASLEEP} asleep at least",
                "Move schedule.stop or schedule.start",
            )

    @property
    def awake_minutes(self) -> int:
        """From a start until the stop after it; a day where they are one."""
        return (self.stop.minute - self.start.minute) % DAY or DAY

    @property
    def awake_hours_a_week(self) -> float:
        """Hours of a week for which instances are billed."""
        return self.awake_minutes * len(self.days) / HOUR

    @property
    def awake(self) -> tuple[tuple[int, int], ...]:
        """Start and stop of each time awake, as minutes of the week; the last may end beyond it."""
        starts = [WEEKDAYS.index(day) * DAY + self.start.minute for day in self._in_order]
        return tuple((start, start + self.awake_minutes) for start in starts)

    @property
    def longest_minutes(self) -> int:
        """The longest sleep of a week."""
        times = self.awake
        following = [*(start for start, _ in times[1:]), times[0][0] + WEEK]
        return max(start - end for (_, end), start in zip(times, following, strict=True))

    @property
    def _in_order(self) -> list[str]:
        return [day for day in WEEKDAYS if day in self.days]

    @property
    def stop_expression(self) -> str:
        """EventBridge Scheduler's expression of the stop."""
        return f"cron({self.stop.minute % HOUR} {self.stop.minute // HOUR} * * ? *)"

    @property
    def start_expression(self) -> str:
        """EventBridge Scheduler's expression of the start."""
        return f"cron({self.start.minute % HOUR} {self.start.minute // HOUR} ? * {_cron_days(self.days)} *)"

    @classmethod
    def of_expressions(cls, stop: str, start: str) -> Self:
        """Read what `stop_expression` and `start_expression` made. Raises Refused for anything else."""
        stops = re.fullmatch(r"cron\((\d+) (\d+) \* \* \? \*\)", stop)
        starts = re.fullmatch(r"cron\((\d+) (\d+) \? \* ([A-Z,*]+) \*\)", start)
        days = starts[3].lower().split(",") if starts else []
        days = list(WEEKDAYS) if days == ["*"] else days
        if stops is None or starts is None or not set(days) <= set(WEEKDAYS):
            raise Refused("is no stop and start of this program", "Run pulumi up")
        return cls(
            stop=DailyTime(int(stops[2]) * HOUR + int(stops[1])),
            start=DailyTime(int(starts[2]) * HOUR + int(starts[1])),
            days=tuple(days),
        )

    def is_awake(self, minute: int, minutes: int = 0) -> bool:
        """Whether it is awake from this minute of the week on, for so many, and has had its time to start before."""
        return any(
            start + STARTING_MINUTES <= minute + week and minute + minutes + week <= end
            for start, end in self.awake
            for week in (0, WEEK)
        )

    def awake_days(self, minute: int, minutes: int) -> tuple[str, ...]:
        """The days on which it is awake from this minute of the day on, for so many."""
        return tuple(day for at, day in enumerate(WEEKDAYS) if self.is_awake(at * DAY + minute, minutes))

    def asleep_until(self, now: datetime) -> datetime | None:
        """When it starts next, for a moment at which it sleeps; None: it is awake, or was told to start."""
        now = now.astimezone(UTC)
        minute = now.weekday() * DAY + now.hour * HOUR + now.minute
        waits = []
        for start, end in self.awake:
            if any(start <= minute + week < end for week in (0, WEEK)):
                return None
            waits.append((start - minute) % WEEK)
        return now.replace(second=0, microsecond=0) + timedelta(minutes=min(waits))

    @property
    def definition(self) -> dict[str, Any]:
        """What functions are told of it, as JSON values."""
        return {"awake": [list(each) for each in self.awake], "startingMinutes": STARTING_MINUTES}

    @property
    def text(self) -> str:
        """In words: `from 13:00 until 00:00 of mon, tue UTC (22:00 and 09:00 in Japan)`."""
        there = [DailyTime((time.minute + JAPAN_OFFSET_HOURS * HOUR) % DAY) for time in (self.stop, self.start)]
        days = "" if len(self.days) == len(WEEKDAYS) else f" of {', '.join(self._in_order)}"
        return f"from {self.stop} until {self.start}{days} UTC ({there[0]} and {there[1]} in Japan)"


def _cron_days(days: Sequence[str]) -> str:
    return "*" if len(days) == len(WEEKDAYS) else ",".join(day.upper() for day in WEEKDAYS if day in days)


def vault_expressions(time: DailyTime, sleep: Sleep | None) -> tuple[str, str]:
    """AWS Backup's expressions for a recovery point a day and one a month, on days on which instances are awake.

    A job of an instance that is stopped fails, and is told. The month's is on the first of it, with days without a
    start on the first of one weekday.
    """
    clock = f"{time.minute % HOUR} {time.minute // HOUR}"
    days = sleep.awake_days(time.minute, VAULT_MINUTES) if sleep else WEEKDAYS
    if len(days) in (0, len(WEEKDAYS)):  # with none of them the stack is warned
        return f"cron({clock} * * ? *)", f"cron({clock} 1 * ? *)"
    return f"cron({clock} ? * {_cron_days(days)} *)", f"cron({clock} ? * {days[0].upper()}#1 *)"
