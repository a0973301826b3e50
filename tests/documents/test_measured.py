"""Measured figures in the documents: absent, partly there, complete; always named as one machine's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from documents import measured

SPREAD = {"median": 3.2, "min": 2.9, "max": 4}
NONE = {"median": 0, "min": 0, "max": 0}
TARGET = {"what": "average (ours)", "target": "< 15 ms", "measured": "8.25 ms", "met": True}
COMPLETE: dict[str, Any] = {
    "measured": "2026-11-22",
    "machine": {"cpu": "Some CPU", "cores": 2, "memory_gib": 7.8},
    "runs": 5,
    "rate": 1000,
    "targets": [
        TARGET,
        {"what": "something new", "target": "0", "measured": "2", "met": False},
    ],
    "library": {"overhead_percent": SPREAD},
    "preview": {"stacks": {"dev": SPREAD, "prod": {"median": 2, "min": 2, "max": 2}}},
    "failover": {
        "asynchronous": {"downtime_s": SPREAD, "lost_commits": {"median": 3, "min": 0, "max": 1200}},
        "synchronous": {"downtime_s": SPREAD, "lost_commits": NONE},
    },
    "recovery": {
        "restore_s": {"median": 1.5, "min": 1, "max": 2},
        "lost_commits": NONE,
        "size_mib": {"median": 45.0, "min": 45.0, "max": 45.0},
    },
}


def test_without_results_it_says_so() -> None:
    assert measured.recovery(None) == "Not measured yet: there is no `benchmarks/results.json`."
    assert measured.numbers(None) == measured.recovery(None)
    assert measured.numbers_japanese(None) == "まだ測定していません。"


def test_results_are_told_with_median_and_spread_and_where_they_are_from() -> None:
    assert measured.recovery(COMPLETE) == (
        "Measured 2026-11-22 on one machine (Some CPU, 2 cores, 7.8 GiB), not on RDS; 5 runs, least to most in "
        "brackets. [All measurements](measurements.md).\n\n"
        "| tried | without writes | acknowledged commits lost |\n|---|---|---|\n"
        "| primary killed, its synchronous standby promoted, PgBouncer pointed to it | 3.2 s (2.9 to 4) | 0 |\n"
        "| primary killed, its asynchronous standby promoted, PgBouncer pointed to it | 3.2 s (2.9 to 4) "
        "| 3 (0 to 1,200) |\n"
        "| a bad write, restored to the moment before it; 45 MiB | 1.5 s (1 to 2) | 0 |"
    )


def test_the_readme_has_four_rows_and_says_which_target_was_missed() -> None:
    assert measured.numbers(COMPLETE) == (
        "Medians of 5 runs on one machine (Some CPU, 2 cores, 7.8 GiB), 2026-11-22, least to most in brackets; "
        "nothing was measured on RDS.\n\n"
        "| measured | result |\n|---|---|\n"
        "| 1,000 TPS offered, through PgBouncer | average 8.25 ms, something new 2; **missed**: something new 0 |\n"
        "| a read by `langpont_db` | 3.2 % (2.9 to 4) against a plain one |\n"
        "| failover to a synchronous standby | 3.2 s (2.9 to 4) without a commit, 0 acknowledged commits lost |\n"
        "| recovery to a point in time | 1.5 s (1 to 2) for 45 MiB, 0 acknowledged commits lost |"
    )
    assert "; all targets met |" in measured.numbers(COMPLETE | {"targets": [TARGET]})


def test_the_japanese_readme_has_the_same_rows_and_figures() -> None:
    assert measured.numbers_japanese(COMPLETE) == (
        "1 台のマシン（Some CPU、2 コア、7.8 GiB）で 2026-11-22 に測定した 5 回の中央値です。括弧内は最小から最大です。"
        "RDS では何も測定していません。\n\n"
        "| 測定 | 結果 |\n|---|---|\n"
        "| 毎秒 1,000 件、PgBouncer 経由 | 平均 8.25 ms、something new 2。**未達**: something new 0 |\n"
        "| `langpont_db` による読み取り | 通常との時間差 3.2 %（2.9〜4） |\n"
        "| 同期スタンバイへのフェイルオーバー | コミットのない時間 3.2 s（2.9〜4）、失われたコミット 0 |\n"
        "| 任意の時点への復旧 | 45 MiB で 1.5 s（1〜2）、失われたコミット 0 |"
    )
    assert "。すべての目標を達成 |" in measured.numbers_japanese(COMPLETE | {"targets": [TARGET]})


def test_what_is_not_in_the_results_is_not_measured_yet() -> None:
    text = measured.recovery({"failover": {"synchronous": {"downtime_s": {"median": None}}}})
    assert text.count("not measured yet") == 7
    assert "an unnamed machine" in text


def test_a_file_that_is_absent_is_none_and_one_that_is_not_json_is_refused(tmp_path: Path) -> None:
    assert measured.load(tmp_path) is None
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "results.json").write_text("{", encoding="utf-8")
    with pytest.raises(ValueError, match="Expecting property name"):
        measured.load(tmp_path)
