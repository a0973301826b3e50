"""Benchmark results (`benchmarks/results.json`) that documents quote. All were measured on one machine, none on RDS."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from documents.markdown import table
from preview.units import count, number

ABSENT = "Not measured yet: there is no `benchmarks/results.json`."
ABSENT_JAPANESE = "まだ測定していません。"
_NOTHING = "not measured yet"
# What results.json calls a target; what it has beside these is quoted in its own words.
_IN_JAPANESE = {
    "average (the document's)": "平均（設計書の目標）",
    "average (ours)": "平均（独自の目標）",
    "99th percentile (ours)": "99 パーセンタイル（独自の目標）",
    "failed transactions": "失敗したトランザクション",
}
_MODES = ("synchronous", "asynchronous")
Results = Mapping[str, Any]


def load(root: Path) -> Results | None:
    """The results, None if nothing was measured. Raises `ValueError` for a file that is not JSON."""
    path = root / "benchmarks" / "results.json"
    if not path.exists():
        return None
    loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return loaded


def recovery(results: Results | None) -> str:
    """Failover and recovery to a point in time: median, least and most."""
    if results is None:
        return ABSENT
    failover, restored = results.get("failover") or {}, results.get("recovery") or {}
    rows = []
    for kind in _MODES:
        part = failover.get(kind) or {}
        tried = f"primary killed, its {kind} standby promoted, PgBouncer pointed to it"
        rows.append((tried, _spread(part.get("downtime_s"), " s"), _spread(part.get("lost_commits"))))
    size = _spread(restored.get("size_mib"), " MiB")
    rows.append(
        (f"a bad write, restored to the moment before it; {size}", _spread(restored.get("restore_s"), " s"),
         _spread(restored.get("lost_commits")))
    )  # fmt: skip
    return "\n\n".join([_where(results), table(("tried", "without writes", "acknowledged commits lost"), rows)])


def _where(results: Results) -> str:
    return (
        f"Measured {results.get('measured', 'at an unknown time')} on one machine ({_machine(results)}), not on RDS; "
        f"{count(results.get('runs') or 0, 'run')}, least to most in brackets. [All measurements](measurements.md)."
    )


def numbers(results: Results | None) -> str:
    """The README's four rows: the load that the design document names, the library, failover, recovery."""
    if results is None:
        return ABSENT
    intro = (
        f"Medians of {count(results['runs'], 'run')} on one machine ({_machine(results)}), {results['measured']}, "
        "least to most in brackets; nothing was measured on RDS."
    )
    named, missed = _judged(results, {})
    verdict = f"**missed**: {', '.join(missed)}" if missed else "all targets met"
    failover, restored = results["failover"]["synchronous"], results["recovery"]
    rows = [
        (f"{number(results['rate'])} TPS offered, through PgBouncer", f"{', '.join(named)}; {verdict}"),
        ("a read by `langpont_db`", f"{_spread(results['library']['overhead_percent'], ' %')} against a plain one"),
        ("failover to a synchronous standby",
         f"{_spread(failover['downtime_s'], ' s')} without a commit, "
         f"{_spread(failover['lost_commits'])} acknowledged commits lost"),
        ("recovery to a point in time",
         f"{_spread(restored['restore_s'], ' s')} for {_spread(restored['size_mib'], ' MiB')}, "
         f"{_spread(restored['lost_commits'])} acknowledged commits lost"),
    ]  # fmt: skip
    return "\n\n".join([intro, table(("measured", "result"), rows)])


def numbers_japanese(results: Results | None) -> str:
    """The same four rows in Japanese."""
    if results is None:
        return ABSENT_JAPANESE
    machine = _machine(results).replace(", ", "、").replace(" cores", " コア")
    intro = (
        f"1 台のマシン（{machine}）で {results['measured']} に測定した {results['runs']} 回の中央値です。"
        "括弧内は最小から最大です。RDS では何も測定していません。"
    )
    named, missed = _judged(results, _IN_JAPANESE)
    verdict = f"**未達**: {'、'.join(missed)}" if missed else "すべての目標を達成"
    failover, restored = results["failover"]["synchronous"], results["recovery"]
    overhead = results["library"]["overhead_percent"]
    rows = [
        (f"毎秒 {number(results['rate'])} 件、PgBouncer 経由", f"{'、'.join(named)}。{verdict}"),
        ("`langpont_db` による読み取り", f"通常との時間差 {_spread_japanese(overhead, ' %')}"),
        ("同期スタンバイへのフェイルオーバー",
         f"コミットのない時間 {_spread_japanese(failover['downtime_s'], ' s')}、"
         f"失われたコミット {_spread_japanese(failover['lost_commits'])}"),
        ("任意の時点への復旧",
         f"{_spread_japanese(restored['size_mib'], ' MiB')} で {_spread_japanese(restored['restore_s'], ' s')}、"
         f"失われたコミット {_spread_japanese(restored['lost_commits'])}"),
    ]  # fmt: skip
    return "\n\n".join([intro, table(("測定", "結果"), rows)])


def _judged(results: Results, words: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """What was measured of each target, once, and the targets that were missed. `words`: names in another language."""
    named, missed = {}, []
    for each in results["targets"]:
        what = words.get(each["what"], each["what"])
        named[re.split(r" \(|（", what)[0]] = each["measured"]
        if not each["met"]:
            missed.append(f"{what} {each['target']}")
    return [f"{what} {value}" for what, value in named.items()], missed


def _machine(results: Results) -> str:
    machine = results.get("machine") or {}
    parts = [str(machine["cpu"])] if machine.get("cpu") else []
    parts += [f"{machine[key]} {unit}" for key, unit in (("cores", "cores"), ("memory_gib", "GiB")) if machine.get(key)]
    return ", ".join(parts) or "an unnamed machine"


def _spread_japanese(value: Mapping[str, float], unit: str = "") -> str:
    """`5.2 ms（4.9〜6.1）`, or the median alone where all runs agree."""
    return _spread(value, unit).replace(" (", "（").replace(" to ", "〜").replace(")", "）")


def _spread(value: Mapping[str, float] | None, unit: str = "") -> str:
    """`5.2 ms (4.9 to 6.1)`, or the median alone where all runs agree."""
    if not value or value.get("median") is None:
        return _NOTHING
    median, least, most = (number(value[key]) for key in ("median", "min", "max"))
    return f"{median}{unit}" if least == most else f"{median}{unit} ({least} to {most})"
