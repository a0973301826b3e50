"""Thresholds of the stack file in place of the reasoned ones: by alarm key, with a unit and within bounds.

Bounds keep an alarm one that can fire and can be silent; which value is right inside them is the stack file's to say.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Final, NamedTuple

from blueprint.monitoring.alarm import Alarm, Compare
from blueprint.monitoring.alarms import GIB, MIB
from blueprint.postgres.compile import HumanValue
from blueprint.problems import Refused


class Bounds(NamedTuple):
    """The least and the most in the alarm's own unit, and how one writes it: `kind` of `UNITS`, an example."""

    kind: str
    low: float
    high: float
    example: str


DAY: Final = 86400
# By kind: what one unit is in the alarm's own.
UNITS: Final[Mapping[str, Mapping[str, float]]] = {
    "percent": {"%": 1},
    "bytes": {"MB": MIB, "GB": GIB, "TB": 1024 * GIB},
    "mebibytes": {"MB": 1, "GB": 1024, "TB": 1024**2},
    "time": {"ms": 0.001, "s": 1, "min": 60, "h": 3600, "d": DAY},
    "days": {"d": 1},
    "count": {"": 1},
}
_SIZE = (64 * MIB, 64 * 1024 * GIB)
# Of what is one too many by itself (silence, a failed statement, an invalid index, an unused slot) nothing can be set.
BOUNDS: Final[Mapping[str, Bounds]] = {
    "cpu-high": Bounds("percent", 10, 99, "90%"),
    "connections-high": Bounds("count", 5, 262_143, "200"),
    "connections-over-budget": Bounds("count", 1, 262_143, "100"),
    "memory-low": Bounds("bytes", 32 * MIB, 1024 * GIB, "512MB"),
    "swap-high": Bounds("bytes", 16 * MIB, 1024 * GIB, "512MB"),
    "storage-low": Bounds("bytes", GIB, 64 * 1024 * GIB, "20GB"),
    "storage-hours-low": Bounds("time", 1800, 30 * DAY, "8h"),
    "storage-minutes-low": Bounds("time", 300, DAY, "1h"),
    "cpu-credits-low": Bounds("count", 1, 10_000, "100"),
    "cpu-credits-surplus": Bounds("count", 0, 10_000, "10"),
    "read-latency-high": Bounds("time", 0.001, 10, "50ms"),
    "write-latency-high": Bounds("time", 0.001, 10, "50ms"),
    "disk-queue-high": Bounds("count", 1, 100_000, "100"),
    "ebs-io-balance-low": Bounds("percent", 1, 99, "20%"),
    "ebs-byte-balance-low": Bounds("percent", 1, 99, "20%"),
    "load-high": Bounds("count", 1, 10_000, "8"),
    "replica-lag-high": Bounds("time", 5, DAY, "60s"),
    "transaction-ids-high": Bounds("count", 200_000_000, 2_000_000_000, "500000000"),
    "slot-lag-high": Bounds("bytes", *_SIZE, "4GB"),
    "wal-disk-high": Bounds("bytes", *_SIZE, "8GB"),
    "log-errors-high": Bounds("count", 1, 1_000_000, "100"),
    "deadlocks-high": Bounds("count", 1, 1_000_000, "10"),
    "slow-statements-high": Bounds("count", 1, 1_000_000, "200"),
    "transaction-long": Bounds("time", 60, 7 * DAY, "2h"),
    "idle-in-transaction": Bounds("time", 10, DAY, "5min"),
    "sessions-blocked": Bounds("count", 1, 10_000, "5"),
    "certificate-days-low": Bounds("days", 1, 365, "60d"),
    "size-near-ceiling": Bounds("mebibytes", 1024, 64 * 1024**2, "700GB"),
    "clients-waiting": Bounds("time", 0.1, 60, "2s"),
}


def threshold(key: str, value: HumanValue) -> float:
    """A threshold of the stack file in the alarm's own unit. Raises Refused, also for a key without one."""
    bounds = BOUNDS.get(key)
    if bounds is None:
        raise Refused("is not an alarm whose threshold can be set", f"Choose from {', '.join(BOUNDS)}")
    units = UNITS[bounds.kind]
    match = re.fullmatch(r"(\d{1,12}(?:\.\d{1,6})?) ?([A-Za-z%]*)", str(value))
    if not match or isinstance(value, bool) or match[2] not in units:
        names = ", ".join(units)
        needs = f"does not have one of the units {names}" if names else "is not a number without a unit"
        raise Refused(needs, f"Write it like {bounds.example}")
    found = float(match[1]) * units[match[2]]
    if not bounds.low <= found <= bounds.high:
        low, high = (_written(amount, units) for amount in (bounds.low, bounds.high))
        raise Refused(f"is not within {low} and {high}", f"Write it like {bounds.example}")
    return int(found) if found.is_integer() else found


def _written(amount: float, units: Mapping[str, float]) -> str:
    """The amount in the largest unit of which it is one or more."""
    unit = next((name for name, size in reversed(list(units.items())) if amount >= size), next(iter(units)))
    return f"{amount / units[unit]:g}{unit}" if unit else f"{amount:.0f}"


def deviating(alarm: Alarm, thresholds: Mapping[str, HumanValue]) -> Alarm:
    """The alarm with the stack file's threshold, if it names one; what it watches says so."""
    if alarm.key not in thresholds:
        return alarm
    sign = "above" if alarm.compare is Compare.ABOVE else "below"
    return replace(
        alarm,
        threshold=threshold(alarm.key, thresholds[alarm.key]),
        reasoned=alarm.threshold,
        watches=f"{alarm.metric} is {sign} {thresholds[alarm.key]}, as monitoring.thresholds says.",
    )
