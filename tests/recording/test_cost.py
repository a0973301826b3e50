"""What a recording costs grows with what the stack file asks for, and no faster: counted in calls, not timed."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from typing import Any

from recording.answers import Answers
from recording.engine import record
from tests.recordings import REGION, changed, frozen

ZONES = ("ap-northeast-1a", "ap-northeast-1c", "ap-northeast-1d")
PARAMETERS = {
    "tcp_keepalives_count": 5, "max_wal_senders": 20, "wal_buffers": "16MB", "autovacuum_vacuum_threshold": 100,
    "max_standby_archive_delay": "5min", "autovacuum_analyze_threshold": 100, "log_temp_files": "10MB",
    "pg_stat_statements.max": 6_000,
}  # fmt: skip


def replicas(number: int) -> Mapping[str, Any]:
    """So many, in turn in the zones."""
    one = {"instanceClass": "db.t3.medium"}
    return {"replicas": [one | {"number": index + 1, "zone": ZONES[index % 3]} for index in range(number)]}


def calls(changes: Mapping[str, Any]) -> int:
    """Calls of Python functions in a recording of prod."""
    stack_file = changed(frozen("prod"), changes)
    count = 0

    def counted(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event == "call"

    before = sys.getprofile()
    sys.setprofile(counted)
    try:
        record(stack_file, Answers(REGION), preview=False)
    finally:
        sys.setprofile(before)
    return count


def steps(costs: Iterable[int]) -> list[int]:
    first, second, third = costs
    return [second - first, third - second]


def test_a_replica_costs_as_much_as_the_one_before() -> None:
    calls(replicas(1))  # imports
    few, many = steps(calls(replicas(number)) for number in (1, 3, 5))
    assert 0 < many < 1.05 * few


def test_eight_parameters_cost_a_tenth_of_a_replica_at_most() -> None:
    calls(replicas(1))
    few, many = (calls({"database": {"parameters": parameters}}) for parameters in ({}, PARAMETERS))
    assert 0 < many - few < (calls(replicas(2)) - calls(replicas(1))) / 10
