"""Medians with their spread, and percentiles."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import TypedDict


class Spread(TypedDict):
    """Median, least and most of several runs."""

    median: float
    min: float
    max: float


def spread(values: Sequence[float], digits: int = 2) -> Spread:
    """Median, least and most, rounded. Raises `ValueError` for no values."""
    if not values:
        raise ValueError("There is no median of nothing. Measure at least once.")
    return {
        "median": round(statistics.median(values), digits),
        "min": round(min(values), digits),
        "max": round(max(values), digits),
    }


def percentile(values: Sequence[float], percent: float) -> float:
    """By nearest rank: the least value that at least `percent` of all do not exceed. Raises `ValueError` for none."""
    if not values:
        raise ValueError("There is no percentile of nothing. Measure at least once.")
    ordered = sorted(values)
    return ordered[max(math.ceil(percent / 100 * len(ordered)), 1) - 1]
