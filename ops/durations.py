"""Parses and formats durations and times."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Final

from ops.errors import OpsError

_UNITS: Final = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


def parse_age(text: str, *, option: str, least: timedelta) -> timedelta:
    """Parse `36h`, `30d` or `8w`. Raises OpsError for anything else and for less than `least`."""
    match = re.fullmatch(r"([0-9]{1,5})([hdw])", text.strip())
    if not match:
        raise OpsError(f"{option} {text} is not a number of hours, days or weeks. Write it like 36h, 30d or 8w.")
    age = int(match[1]) * _UNITS[match[2]]
    if age < least:
        raise OpsError(
            f"{option} {text} is less than {format_duration(least)}. Write {format_duration(least)} or more, like 30d."
        )
    return age


def format_duration(duration: timedelta) -> str:
    """`4 min`, `3 h 20 min`, `2 days 5 h`, `81 days`: the two largest units below a fortnight, then days."""
    sign, seconds = ("-", -duration) if duration < timedelta(0) else ("", duration)
    whole = int(seconds.total_seconds())
    days, hours, minutes = whole // 86400, whole % 86400 // 3600, whole % 3600 // 60
    if days >= 14 or (days and not hours):
        text = _days(days)
    elif days:
        text = f"{_days(days)} {hours} h"
    elif hours:
        text = f"{hours} h {minutes} min" if minutes else f"{hours} h"
    elif minutes:
        text = f"{minutes} min {whole % 60} s" if minutes < 10 and whole % 60 else f"{minutes} min"
    else:
        text = f"{whole} s"
    return sign + text


def _days(days: int) -> str:
    return f"{days} day" if days == 1 else f"{days} days"


def format_time(at: datetime) -> str:
    """Format a time in UTC, to the minute."""
    return f"{at:%Y-%m-%d %H:%M} UTC"
