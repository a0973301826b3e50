"""Latency targets of the database, and whether results meet them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, kw_only=True)
class Target:
    """One target: a figure below `limit` milliseconds in the median of all runs. `set_by`: who set it."""

    set_by: str
    figure: Literal["average_ms", "p99_ms"]
    limit: int


TARGETS = (
    Target(set_by="the document's", figure="average_ms", limit=100),
    Target(set_by="ours", figure="average_ms", limit=15),
    Target(set_by="ours", figure="p99_ms", limit=80),
)
_NAMES = {"average_ms": "average", "p99_ms": "99th percentile"}


def evaluate_targets(database: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Compare the rows of results.json with each target. No failure means none in any run."""
    row = next(
        row for row in database if (row["parameters"], row["path"], row["load"]) == ("ours", "pgbouncer", "1000-tps")
    )
    rows: list[dict[str, Any]] = [
        {
            "what": f"{_NAMES[target.figure]} ({target.set_by})",
            "target": f"< {target.limit} ms",
            "measured": f"{row[target.figure]['median']:g} ms",
            "met": row[target.figure]["median"] < target.limit,
        }
        for target in TARGETS
    ]
    failed = row["failed"]["max"]
    return [
        *rows, {"what": "failed transactions", "target": "0", "measured": f"{failed:g}", "met": failed == 0}
    ]  # fmt: skip
