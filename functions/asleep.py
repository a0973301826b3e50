"""Whether the instances of a stack sleep by its schedule, for functions that reach none."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

DAY_MINUTES: Final = 24 * 60
WEEK_MINUTES: Final = 7 * DAY_MINUTES


def asleep_until(definition: Mapping[str, Any], now: datetime) -> datetime | None:
    """When the instances start, or have been told to so lately that they need not answer; None: they should be awake.

    `definition`: of a function; its `sleep` has the times `awake`, as minutes of the week in UTC.
    """
    sleep = definition.get("sleep")
    if sleep is None:
        return None
    now = now.astimezone(UTC).replace(second=0, microsecond=0)
    minute = now.weekday() * DAY_MINUTES + now.hour * 60 + now.minute
    waits = []
    for start, stop in sleep["awake"]:
        since = (minute - start) % WEEK_MINUTES
        if since < sleep["startingMinutes"]:
            return now - timedelta(minutes=since)
        if since < stop - start:
            return None
        waits.append(WEEK_MINUTES - since)
    return now + timedelta(minutes=min(waits))


def sentence(definition: Mapping[str, Any], host: str, now: datetime) -> str:
    """The way out for a host that does not answer, asleep or just started; "" while it should be awake."""
    until = asleep_until(definition, now)
    if until is None:
        return ""
    if until <= now:
        ready = until + timedelta(minutes=definition["sleep"]["startingMinutes"])
        return (
            f" By its schedule it was started at {until:%Y-%m-%d %H:%M} UTC, and may take until {ready:%H:%M}. Try it "
            f"again then."
        )
    identifier = host.partition(".")[0]
    return (
        f" By its schedule it is asleep until {until:%Y-%m-%d %H:%M} UTC. Start it now: aws rds start-db-instance "
        f"--db-instance-identifier {identifier}"
    )
