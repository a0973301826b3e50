"""Time, as the commands see it; tests give them another one."""

from __future__ import annotations

import time
from datetime import UTC, datetime


class Clock:
    """The machine's own."""

    def now(self) -> datetime:
        """The moment, in UTC and aware of it."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds since some moment, for durations."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)
