"""A workshop with real servers, and results that are as small as their schema allows."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from benchmarks.statistics import Spread
from benchmarks.workshop import QUICK, Workshop, workshop
from tests.programs import CACHE
from tests.recordings import frozen

EFFORT = replace(QUICK, clients=5, rate=50)


@pytest.fixture(scope="module")
def place() -> Iterator[Workshop]:
    """Nothing of it runs or is there afterwards."""
    with workshop(frozen("prod"), EFFORT, lambda _: None, CACHE) as made:
        yield made
    left = subprocess.run(["ps", "-ww", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert [line for line in left.splitlines() if str(made.folder) in line] == []
    assert not made.folder.exists()


def of(median: float, least: float | None = None, most: float | None = None) -> Spread:
    """A spread, by default of one run."""
    return {
        "median": median,
        "min": median if least is None else least,
        "max": median if most is None else most,
    }


@pytest.fixture
def results() -> dict[str, Any]:
    """All that is measured, of two rows of the database."""
    database = [
        {
            "parameters": "ours", "path": "pgbouncer", "load": load, "clients": 300, "tps": of(tps),
            "average_ms": of(5.5, 5, 6), "p99_ms": of(p99), "failed": of(0),
        }
        for load, tps, p99 in (("closed", 1234, 400), ("1000-tps", 998, 81))
    ]  # fmt: skip
    failed_over = {
        "downtime_s": of(1.5, 1, 2), "detection_s": of(0.5), "promotion_s": of(0.2), "lost_commits": of(1, 0, 3),
        "acknowledged_commits": of(4000),
    }  # fmt: skip
    return {
        "measured": "2026-11-22",
        "commit": "abc1234",
        "machine": {
            "cpu": "A processor", "cores": 2, "memory_gib": 24, "kernel": "Linux 6", "postgresql": "16.14",
            "pgbouncer": "1.18.0", "python": "3.11.7",
        },
        "runs": 3,
        "scale": 50,
        "seconds": 7,
        "offered_seconds": 12,
        "settle_seconds": 4,
        "rate": 1000,
        "database": database,
        "targets": [
            {"what": "average (ours)", "target": "< 15 ms", "measured": "5.5 ms", "met": True},
            {"what": "99th percentile (ours)", "target": "< 80 ms", "measured": "81 ms", "met": False},
        ],
        "library": {
            "plain_us": of(400), "routed_us": of(500), "overhead_percent": of(25, 20, 30),
            "plain_cpu_us": of(200), "routed_cpu_us": of(220), "overhead_cpu_percent": of(10, 9, 11),
        },
        "parts": {},
        "preview": {
            "stacks": {"dev": of(1.2), "prod": of(1.5, 1.4, 1.7)},
            "import_pulumi_share_percent": of(10),
            "import_pulumi_aws_share_percent": of(20),
        },
        "failover": {"asynchronous": failed_over, "synchronous": failed_over | {"lost_commits": of(0)}},
        "recovery": {"restore_s": of(2.5), "lost_s": of(0.002), "lost_commits": of(0), "size_mib": of(190)},
    }  # fmt: skip
