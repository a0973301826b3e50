"""What a preview costs grows by the same amount with each replica and each parameter; counted in calls, not timed."""

from __future__ import annotations

import cProfile
import tracemalloc
from collections.abc import Mapping
from typing import Any

import pytest

from blueprint.platform import Platform
from blueprint.stack_file.load import load
from preview.document import document
from preview.report import Report
from recording.answers import Answers
from recording.engine import record
from recording.stack_files import StackFile
from tests.recordings import REGION, changed, frozen, sections

PARAMETERS: Mapping[str, Any] = {
    "statement_timeout": "60s", "lock_timeout": "5s", "deadlock_timeout": "1s", "idle_session_timeout": "1h",
    "autovacuum_naptime": "30s", "temp_buffers": "8MB", "random_page_cost": 1.1, "seq_page_cost": 1.0,
    "join_collapse_limit": 8, "from_collapse_limit": 8, "cursor_tuple_fraction": 0.1, "geqo_threshold": 12,
}  # fmt: skip


def with_replicas(number: int) -> StackFile:
    first = sections("prod")["replicas"][0]
    replicas = [{**first, "number": each} for each in range(1, number + 1)]
    return changed(frozen("prod"), {"replicas": replicas, "pooler": {"maxClientConn": 5000}})


def with_parameters(number: int) -> StackFile:
    return changed(frozen("dev"), {"database": {"parameters": dict(list(PARAMETERS.items())[:number])}})


def preview(file: StackFile) -> Report:
    provider = Answers(REGION)
    settings = load(file.sections(), environment=file.stack, region=REGION)
    first, update = record(file, provider, preview=True), record(file, provider, preview=False)
    return Report(platform=Platform(settings), first=first, update=update)


def calls(file: StackFile) -> int:
    """Calls of Python functions, ours and others', in a preview with its verdict and its document."""
    with cProfile.Profile(builtins=False) as profile:
        made: dict[str, Any] = document(preview(file))
    assert made
    return sum(entry.callcount for entry in profile.getstats())


def test_each_replica_costs_the_same() -> None:
    document(preview(with_replicas(1)))  # what is computed once
    one, few, many = (calls(with_replicas(number)) for number in (1, 2, 3))
    assert few - one > 10_000
    assert many - few < 1.1 * (few - one), (one, few, many)


def test_each_parameter_costs_the_same() -> None:
    document(preview(with_parameters(12)))
    none, few, many = (calls(with_parameters(number)) for number in (0, 6, 12))
    assert few - none > 100
    assert many - few < 1.5 * (few - none), (none, few, many)


@pytest.mark.long
def test_each_replica_takes_the_same_memory() -> None:
    def peak(number: int) -> int:
        tracemalloc.start()
        try:
            document(preview(with_replicas(number)))
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(1)
    one, few, many = (peak(number) for number in (1, 5, 9))
    assert many - few < 1.5 * (few - one), (one, few, many)
