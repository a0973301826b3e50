"""What a recording costs grows with what the stack file asks for, and no faster: counted in calls, not timed."""

from __future__ import annotations

import cProfile
from collections.abc import Mapping
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
    with cProfile.Profile(builtins=False) as profile:
        record(stack_file, Answers(REGION), preview=False)
    return sum(entry.callcount for entry in profile.getstats())


def test_a_replica_costs_as_much_as_the_one_before_and_a_parameter_next_to_nothing() -> None:
    calls(replicas(1))  # imports
    one, two, three = (calls(replicas(number)) for number in (1, 2, 3))
    assert 0 < three - two < 1.1 * (two - one)
    eight = calls({**replicas(1), "database": {"parameters": PARAMETERS}})
    assert eight - one < (two - one) / 10
