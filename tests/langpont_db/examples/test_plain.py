"""Examples without a framework: examples/core_only.py and examples/report_pandas.py."""

from __future__ import annotations

import pytest

from tests.langpont_db.conftest import Platform, caught_up
from tests.langpont_db.examples.conftest import Run


def test_core_alone_reads_what_it_wrote(run: Run) -> None:
    example = run("core_only")
    assert example["read"](example["write"]("hello")) == "hello"
    assert example["read"](0) is None
    assert example["database"].status()["reads"].keys() <= {"replica", "primary: replicas are behind"}


def test_a_report_is_of_the_replica_for_analytics(
    platform: Platform, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    writes = run("core_only")["write"]
    numbers = [writes("x" * 1000) for _ in range(2)]
    assert numbers[0] < numbers[1]
    caught_up(platform)
    first, second = platform.environment["DATABASE_REPLICA_URLS"].split(",")
    monkeypatch.setenv("DATABASE_REPLICA_URLS", first)
    monkeypatch.setenv("DATABASE_ANALYTICS_REPLICA_URLS", second)
    example = run("report_pandas")
    found = example["report"]()
    assert found.columns.tolist() == ["length", "notes", "share"]
    assert found[found["length"] == 1000]["notes"].tolist() == [2]
    assert found["share"].sum() == pytest.approx(1)
    assert example["database"].status()["reads"] == {"replica": 1}
