"""Clock interface of the commands: the time, monotonic seconds and sleep. Tests pass a fake."""

from __future__ import annotations

import time
from datetime import UTC, datetime


class Clock:
    """The system clock."""

    def now(self) -> datetime:
        """The current time, timezone-aware, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds of the monotonic clock, for durations."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Sleep for so many seconds."""
        time.sleep(seconds)
