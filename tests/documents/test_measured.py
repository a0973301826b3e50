"""Measured figures in the documents: absent, partly there, complete; always named as one machine's."""

from __future__ import annotations

from pathlib import Path

import pytest

from documents import measured

SPREAD = {"median": 3.2, "min": 2.9, "max": 4}
NONE = {"median": 0, "min": 0, "max": 0}
COMPLETE = {
    "measured": "2026-11-22",
    "machine": {"cpu": "Some CPU", "cores": 2, "memory_gib": 7.8},
    "runs": 5,
    "rate": 1000,
    "targets": [
        {"what": "average (ours)", "target": "< 15 ms", "measured": "8.25 ms", "met": True},
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
    assert measured.japanese(None) == "まだ測定していません。"


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


def test_the_japanese_section_has_the_same_figures_and_says_which_target_was_missed() -> None:
    intro, targets, rows = measured.japanese(COMPLETE).split("\n\n")
    assert targets == (
        "| 毎秒 1,000 件のとき | 目標 | 測定値 | 達成 |\n|---|---|---|---|\n"
        "| 平均（独自の目標） | < 15 ms | 8.25 ms | はい |\n| something new | 0 | 2 | **いいえ** |"
    )
    assert "| プレビュー | dev 3.2 s（2.9〜4）、prod 2 s |" in rows
    assert "| フェイルオーバー（非同期スタンバイ） | コミットのない時間 3.2 s（2.9〜4）、" in rows
    assert "1 台のマシン（Some CPU、2 コア、7.8 GiB）で 2026-11-22 に測定しました。" in intro


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
