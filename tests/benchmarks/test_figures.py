"""Parsing and arithmetic: medians, percentiles, pgbench, imports, targets."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import pgbench, preview
from benchmarks.parameters import SETS, with_parameters
from benchmarks.pgbench import Outcome
from benchmarks.statistics import percentile, spread
from benchmarks.targets import evaluate_targets
from local.rehearsal.load import longest_gap
from local.servers.configuration import own_settings
from local.servers.errors import DataPlaneError
from local.servers.plan import data_plan
from tests.recordings import recording

SAID = """\
pgbench (16.14)
number of clients: 297
number of transactions actually processed: 4
number of failed transactions: 2 (33.333%)
latency average = 4.1 ms
initial connection time = 1680.578 ms
tps = 921.701804 (without initial connection time)
"""


def test_a_spread_is_median_least_and_most() -> None:
    assert spread([3, 1, 2.004]) == {"median": 2.0, "min": 1, "max": 3}
    assert spread([1, 2], digits=1) == {"median": 1.5, "min": 1, "max": 2}
    with pytest.raises(ValueError, match=r"^There is no median of nothing\. Measure at least once\.$"):
        spread([])


@pytest.mark.parametrize(("percent", "expected"), [(99, 99), (100, 100), (0, 1), (50, 50), (98.5, 99)])
def test_a_percentile_is_the_least_value_that_so_many_do_not_exceed(percent: float, expected: float) -> None:
    assert percentile(range(100, 0, -1), percent) == expected


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0.1, 100))
def test_a_percentile_is_one_of_the_values(values: list[float], percent: float) -> None:
    found = percentile(values, percent)
    assert found in values
    assert sum(value <= found for value in values) >= percent / 100 * len(values) - 1e-9


def test_pgbench_s_log_gives_times_and_leaves_out_what_failed() -> None:
    lines = ["0 1 2500 0 1732 123", "0 2 failed 0 1732 456", "1 1 500 0 1732 789 0.4", "1 2 skipped 0 1732 1"]
    assert list(pgbench.log_times(lines)) == [2.5, 0.5]


def test_what_was_due_while_clients_logged_in_is_left_out() -> None:
    """Due at 10.0, 13.9 and 14.0 s; the last field is how late it began."""
    lines = ["0 0 500000 0 10 500000 0", "1 0 200000 0 14 100000 0", "0 1 300000 0 14 300000 0"]
    assert list(pgbench.log_times(lines, settle=4)) == [300.0]


def test_pgbench_s_outcome_counts_clients_that_gave_up() -> None:
    errors = (
        "pgbench: error: client 5 aborted in command 4 (SQL) of script 0; canceling statement\n"
        "pgbench: error: client 17 script 0 aborted in command 4 query 0: server closed the connection\n"
        "pgbench: error: Run was aborted; the above results are incomplete.\n"
    )
    made = pgbench.outcome(SAID, errors, [1.0, 2.0, 3.0, 6.0])
    assert made == Outcome(tps=921.701804, average_ms=3.0, p99_ms=6.0, failed=4)


@pytest.mark.parametrize(
    ("errors", "said"),
    [("a\npgbench: error: too many\n", "pgbench: error: too many"), ("", "it said nothing")],
)
def test_a_run_without_a_transaction_is_refused_with_pgbench_s_words(errors: str, said: str) -> None:
    with pytest.raises(DataPlaneError, match=f"^pgbench made no transaction: {said}$"):
        pgbench.outcome("pgbench (16.14)\n", errors, [])


def test_an_import_s_time_is_counted_once_with_all_that_it_imports() -> None:
    output = (
        "import time: self [us] | cumulative | imported package\n"
        "import time:       100 |        100 |     pulumi._types\n"
        "import time:        50 |         70 |     grpc\n"
        "import time:       200 |        370 |   pulumi\n"
        "import time:        30 |         30 | pulumi_aws\n"
        "import time:        10 |        410 | components\n"
        "import time:         5 |          5 | pulumi.late\n"
    )
    assert preview.import_seconds(output, "pulumi") == pytest.approx(375e-6)
    assert preview.import_seconds(output, "pulumi_aws") == pytest.approx(30e-6)


def test_what_differs_between_the_sets_of_parameters() -> None:
    """On prod's primary, a db.t3.medium."""
    plan = data_plan(recording("prod"))
    found = {chosen: own_settings(with_parameters(plan, chosen).primary) for chosen in SETS}
    names = ("max_connections", "shared_buffers", "work_mem", "checkpoint_timeout", "random_page_cost")
    assert {chosen: [settings.get(name) for name in names] for chosen, settings in found.items()} == {
        "rds-defaults": ["401", "116654", None, None, None],
        "document": ["300", "131072", "16384", "600", "1.1"],
        "ours": ["300", "116654", "16384", "600", "1.1"],
    }
    assert with_parameters(plan, "ours") is plan


def row(average: float, p99: float, failed: float) -> dict[str, Any]:
    return {
        "parameters": "ours", "path": "pgbouncer", "load": "1000-tps", "average_ms": {"median": average},
        "p99_ms": {"median": p99}, "failed": {"median": 0, "max": failed},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("measured", "met"),
    [((14.9, 79.9, 0), [True, True, True, True]), ((15, 80, 1), [True, False, False, False]),
     ((100, 300, 0), [False, False, False, True])],
)  # fmt: skip
def test_targets_are_judged_where_they_are_set(measured: tuple[float, float, float], met: list[bool]) -> None:
    judgement = evaluate_targets([row(1, 1, 0) | {"path": "direct"}, row(*measured)])
    assert [one["met"] for one in judgement] == met
    average, p99, failed = measured
    assert [(one["what"], one["target"], one["measured"]) for one in judgement] == [
        ("average (the document's)", "< 100 ms", f"{average:g} ms"),
        ("average (ours)", "< 15 ms", f"{average:g} ms"),
        ("99th percentile (ours)", "< 80 ms", f"{p99:g} ms"),
        ("failed transactions", "0", f"{failed:g}"),
    ]


def test_the_longest_gap_is_between_neighbours() -> None:
    assert longest_gap([5.0, 1.0, 2.0, 4.5]) == 2.5
