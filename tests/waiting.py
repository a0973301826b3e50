"""Polls a condition until it holds, for tests."""

from __future__ import annotations

import time
from collections.abc import Callable


def until(holds: Callable[[], bool], seconds: float = 30) -> float:
    """Poll a condition until it is true, and return how long that took. AssertionError after so many seconds."""
    begun = time.monotonic()
    while not holds():
        assert time.monotonic() - begun < seconds, f"not within {seconds} s"
        time.sleep(0.01)
    return time.monotonic() - begun
