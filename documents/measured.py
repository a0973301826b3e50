"""Benchmark results (`benchmarks/results.json`) that documents quote. All were measured on one machine, none on RDS."""

from __future__ import annotations

import json
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
_MODES = {"synchronous": "同期", "asynchronous": "非同期"}
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


def japanese(results: Results | None) -> str:
    """The README's section in Japanese: targets, failover, recovery, the library and the preview."""
    if results is None:
        return ABSENT_JAPANESE
    machine = _machine(results).replace(", ", "、").replace(" cores", " コア")
    intro = (
        f"1 台のマシン（{machine}）で {results['measured']} に測定しました。括弧内は最小から最大、測定回数は "
        f"{results['runs']} です。RDS での値ではありません。方法とすべての結果は "
        "[docs/measurements.md](docs/measurements.md) にあります。"
    )
    met = {True: "はい", False: "**いいえ**"}
    targets = [
        (_IN_JAPANESE.get(each["what"], each["what"]), each["target"], each["measured"], met[each["met"]])
        for each in results["targets"]
    ]
    offered = f"毎秒 {number(results['rate'])} 件" if "rate" in results else "目標の負荷"
    stacks, restored = results["preview"]["stacks"], results["recovery"]
    overhead = results["library"]["overhead_percent"]
    rows = [
        ("ライブラリ", f"振り分けによる読み取りの増加は {_spread_japanese(overhead, ' %')}"),
        ("プレビュー", "、".join(f"{stack} {_spread_japanese(value, ' s')}" for stack, value in stacks.items())),
        *(
            (f"フェイルオーバー（{_MODES[kind]}スタンバイ）",
             f"コミットのない時間 {_spread_japanese(part['downtime_s'], ' s')}、"
             f"失われた確定済みコミット {_spread_japanese(part['lost_commits'])}")
            for kind, part in results["failover"].items()
        ),
        ("任意の時点への復旧",
         f"{_spread_japanese(restored['size_mib'], ' MiB')} で {_spread_japanese(restored['restore_s'], ' s')}、"
         f"失われたコミット {_spread_japanese(restored['lost_commits'])}"),
    ]  # fmt: skip
    return "\n\n".join(
        [intro, table((f"{offered}のとき", "目標", "測定値", "達成"), targets), table(("測定", "結果"), rows)]
    )


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
