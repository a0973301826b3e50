"""The two windows of an RDS instance and a daily schedule, compared on the circle of a day or a week, all in UTC."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, Self

from blueprint.problems import Refused

HOUR = 60  # everything here counts minutes
DAY = 24 * HOUR
WEEK = 7 * DAY
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

# CreateDBInstance in the RDS API reference: both windows "must be at least 30 minutes".
MINIMUM_WINDOW = 30
# The API reference is silent; moto, which copies the service's messages, has "must be less than 24 hours". A longer
# window could not be used anyway: it would overlap the daily backup window.
MAINTENANCE_LIMIT = DAY

JAPAN_OFFSET_HOURS = 9  # Japan has no daylight saving time

_TIME = r"([01]\d|2[0-3]):([0-5]\d)"
_DAY_AND_TIME = rf"({'|'.join(WEEKDAYS)}):{_TIME}"


@dataclass(frozen=True)
class DailyTime:
    """A time of day in UTC, as the minute of the day (0 to 1439)."""

    minute: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `hh:mm` on the 24-hour clock. Raises Refused for anything else."""
        match = re.fullmatch(_TIME, text, re.ASCII)
        if not match:
            raise Refused("is not a time of day", "Write it like 20:30, in UTC")
        return cls(_minute_of_day(*match.groups()))

    def __str__(self) -> str:
        return _clock(self.minute)


@dataclass(frozen=True)
class _Window:
    """From `start` up to but without `end`, both as minutes on a circle of `CIRCLE` minutes; it may wrap."""

    CIRCLE: ClassVar[int]

    start: int
    end: int

    def __post_init__(self) -> None:
        if self.minutes < MINIMUM_WINDOW:
            raise Refused(
                f"is {self.minutes} minutes long, and RDS asks for at least {MINIMUM_WINDOW}",
                f"Give at least {MINIMUM_WINDOW} minutes",
            )

    @property
    def minutes(self) -> int:
        """The length in minutes."""
        return (self.end - self.start) % self.CIRCLE

    def local(self, offset_hours: int = JAPAN_OFFSET_HOURS, place: str = "Japan") -> str:
        """Say the window in UTC and in the time of a place that is `offset_hours` ahead of UTC."""
        start, end = ((minute + offset_hours * HOUR) % self.CIRCLE for minute in (self.start, self.end))
        return f"{self} UTC = {type(self)(start, end)} in {place}"


@dataclass(frozen=True)
class DailyWindow(_Window):
    """A backup window: minutes of the day in UTC, at least 30 minutes and less than a day, may pass midnight."""

    CIRCLE: ClassVar[int] = DAY

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `hh24:mi-hh24:mi`. Raises Refused for another format or a window under 30 minutes."""
        match = re.fullmatch(f"{_TIME}-{_TIME}", text, re.ASCII)
        if not match:
            raise Refused("is not a daily window in the format hh24:mi-hh24:mi", "Write it like 03:00-04:00, in UTC")
        start_hour, start_minute, end_hour, end_minute = match.groups()
        return cls(_minute_of_day(start_hour, start_minute), _minute_of_day(end_hour, end_minute))

    def __str__(self) -> str:
        return f"{_clock(self.start)}-{_clock(self.end)}"


@dataclass(frozen=True)
class WeeklyWindow(_Window):
    """A maintenance window: minutes since Monday 00:00 UTC, 30 minutes to under 24 hours, may pass the week's end."""

    CIRCLE: ClassVar[int] = WEEK

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.minutes >= MAINTENANCE_LIMIT:
            raise Refused(
                f"is {self.minutes} minutes long, and a maintenance window must be shorter than 24 hours",
                "Give less than 24 hours",
            )

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `ddd:hh24:mi-ddd:hh24:mi`, days in either case. Raises Refused for another format or length."""
        match = re.fullmatch(f"{_DAY_AND_TIME}-{_DAY_AND_TIME}", text, re.ASCII | re.IGNORECASE)
        if not match:
            raise Refused(
                "is not a weekly window in the format ddd:hh24:mi-ddd:hh24:mi",
                "Write it like sat:18:00-sat:19:00, in UTC",
            )
        start_day, start_hour, start_minute, end_day, end_hour, end_minute = match.groups()
        return cls(_minute_of_week(start_day, start_hour, start_minute), _minute_of_week(end_day, end_hour, end_minute))

    def __str__(self) -> str:
        return f"{_day_and_clock(self.start)}-{_day_and_clock(self.end)}"


def overlap(daily: DailyWindow, weekly: WeeklyWindow) -> bool:
    """Whether any day's backup window shares a minute with the maintenance window; windows that touch do not."""
    return any(
        (weekly.start - start) % WEEK < daily.minutes or (start - weekly.start) % WEEK < weekly.minutes
        for start in _daily_starts(daily.start)
    )


def touch(daily: DailyWindow, weekly: WeeklyWindow) -> bool:
    """Whether the backup window of any day ends when the maintenance window begins, or begins when it ends."""
    return any(
        (start + daily.minutes - weekly.start) % WEEK == 0 or (weekly.end - start) % WEEK == 0
        for start in _daily_starts(daily.start)
    )


def distance_minutes(time_of_day: DailyTime, window: DailyWindow | WeeklyWindow) -> int:
    """How many minutes lie between a daily event and the nearest edge of a window; 0 inside it or on its edges."""
    circle = window.CIRCLE
    moments = _daily_starts(time_of_day.minute) if circle == WEEK else [time_of_day.minute]
    return min(
        0
        if (moment - window.start) % circle <= window.minutes
        else min((window.start - moment) % circle, (moment - window.end) % circle)
        for moment in moments
    )


def both_fit(backup: DailyWindow, maintenance: WeeklyWindow) -> bool:
    """Whether RDS takes both windows of an instance: they neither share a minute nor touch."""
    return not (overlap(backup, maintenance) or touch(backup, maintenance))


def vault_fits(vault_time: DailyTime, window: DailyWindow | WeeklyWindow) -> bool:
    """Whether AWS Backup may start at this time: its jobs fail within an hour of RDS's windows."""
    return distance_minutes(vault_time, window) > HOUR


def replica_window(number: int, primary: WeeklyWindow, backup: DailyWindow, vault_time: DailyTime) -> WeeklyWindow:
    """The maintenance window of the replica with this number (from 1 on), which depends on no other replica.

    Half an hour on the hours before the primary's window, replica 1 nearest to it: RDS user guide, "Upgrading a DB
    instance engine version", has replicas take a minor version before their primary. Hours that come within an hour of
    the backup window or of the vault time are left out; where these leave none, it is the primary's window.
    """
    clear = _clear_hours(primary, backup, vault_time)
    return clear[(number - 1) % len(clear)] if clear else primary


@lru_cache(maxsize=16)
def _clear_hours(primary: WeeklyWindow, backup: DailyWindow, vault_time: DailyTime) -> tuple[WeeklyWindow, ...]:
    """The windows that replicas can have, nearest to the primary's first: the same for each of a stack's replicas."""
    hours = (WEEK - primary.minutes) // HOUR
    starts = [(primary.start - hour * HOUR) % WEEK for hour in range(1, hours + 1)]
    windows = [WeeklyWindow(start, (start + MINIMUM_WINDOW) % WEEK) for start in starts]
    return tuple(each for each in windows if _clear(each, backup) and distance_minutes(vault_time, each) > HOUR)


def _clear(weekly: WeeklyWindow, backup: DailyWindow) -> bool:
    """Whether an hour or more lies between a maintenance window and every day's backup window."""
    edges = (DailyTime(backup.start), DailyTime(backup.end))
    return not overlap(backup, weekly) and all(distance_minutes(edge, weekly) >= HOUR for edge in edges)


def _daily_starts(minute_of_day: int) -> list[int]:
    return [day * DAY + minute_of_day for day in range(len(WEEKDAYS))]


def _minute_of_day(hour: str, minute: str) -> int:
    return int(hour) * HOUR + int(minute)


def _minute_of_week(day: str, hour: str, minute: str) -> int:
    return WEEKDAYS.index(day.lower()) * DAY + _minute_of_day(hour, minute)


def _clock(minute_of_day: int) -> str:
    return f"{minute_of_day // HOUR:02d}:{minute_of_day % HOUR:02d}"


def _day_and_clock(minute_of_week: int) -> str:
    return f"{WEEKDAYS[minute_of_week // DAY]}:{_clock(minute_of_week % DAY)}"
