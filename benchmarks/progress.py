"""What is running now, and how long the rest will take."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable


def _print(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


class Progress:
    """Hears each step before it begins, with the seconds that it is expected to take.

    `total_seconds` is the sum of all that will be heard. What took longer than expected is not made up for.
    """

    def __init__(self, total_seconds: float, say: Callable[[str], None] = _print) -> None:
        self._total = self._left = total_seconds
        self._say = say
        self._begun = time.monotonic()
        self._seconds = 0.0

    def begin(self, what: str, seconds: float) -> None:
        """The step before has ended, this one begins."""
        self._left = max(self._left - self._seconds, 0)
        self._seconds = seconds
        done = round(100 * (1 - self._left / self._total)) if self._total else 0
        self._say(f"{done:3d} %  {_clock(self._left)} left  {what}")

    def end(self) -> None:
        """All is done."""
        self._say(f"100 %  in {_clock(time.monotonic() - self._begun)}")


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
