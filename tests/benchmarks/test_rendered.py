"""The committed results, and what is rendered from them: document and pictures."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from benchmarks import render
from benchmarks.__main__ import app
from benchmarks.pictures import Bar, bars
from benchmarks.targets import evaluate_targets
from benchmarks.workshop import Effort
from documents import pictures
from tests.benchmarks.conftest import of
from tests.recordings import ROOT

STALE = "is not what results.json says. Run: make docs"


def spreads(value: Any) -> list[dict[str, float]]:
    """Every median with its spread, at any depth."""
    if isinstance(value, dict):
        if "median" in value:
            return [value]
        return [found for item in value.values() for found in spreads(item)]
    return [found for item in value for found in spreads(item)] if isinstance(value, list) else []


def test_the_committed_results_have_every_measurement() -> None:
    results = render.load()
    assert set(results) - {"parts"} == {
        "measured", "commit", "machine", "runs", "scale", "seconds", "offered_seconds", "settle_seconds", "rate",
        "database", "targets", "library",
        "preview", "failover", "recovery",
    }  # fmt: skip
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", results["measured"])
    assert set(results["machine"]) == {
        "cpu", "cores", "memory_gib", "kernel", "postgresql", "pgbouncer", "python",
    }  # fmt: skip
    assert sorted((row["parameters"], row["path"], row["load"]) for row in results["database"]) == [
        (parameters, path, load)
        for parameters in ("document", "ours", "rds-defaults")
        for path in ("direct", "pgbouncer")
        for load in ("1000-tps", "closed")
    ]
    assert all(set(row) == {
        "parameters", "path", "load", "clients", "tps", "average_ms", "p99_ms", "failed"
    } for row in results["database"])  # fmt: skip
    assert set(results["library"]) == {
        f"{name}{which}_{unit}"
        for name, unit in (("plain", "us"), ("routed", "us"), ("overhead", "percent"))
        for which in ("", "_cpu")
    }
    assert set(results["preview"]) == {
        "stacks", "import_pulumi_share_percent", "import_pulumi_aws_share_percent",
    }  # fmt: skip
    assert set(results["failover"]) == {"asynchronous", "synchronous"}
    assert all(set(mode) == {
        "downtime_s", "detection_s", "promotion_s", "lost_commits", "acknowledged_commits"
    } for mode in results["failover"].values())  # fmt: skip
    assert set(results["recovery"]) == {"restore_s", "lost_s", "lost_commits", "size_mib"}
    found = spreads(dict(results))
    assert all(set(one) == {"median", "min", "max"} and one["min"] <= one["median"] <= one["max"] for one in found)


def test_the_committed_results_are_those_of_a_whole_run() -> None:
    results, full = render.load(), Effort()
    assert [results[name] for name in ("runs", "scale", "seconds", "offered_seconds", "rate")] == [
        full.runs, full.scale, full.seconds, full.offered_seconds, full.rate,
    ]  # fmt: skip
    assert {row["clients"] for row in results["database"]} == {full.clients, full.direct_clients}
    assert tuple(results["preview"]["stacks"]) == full.stacks


def test_the_committed_targets_are_judged_by_the_committed_rows() -> None:
    results = render.load()
    assert results["targets"] == evaluate_targets(results["database"])


@pytest.mark.parametrize("name", sorted(render.files(render.load())))
def test_a_rendered_file_is_what_the_results_say(name: str) -> None:
    assert (ROOT / name).read_text(encoding="utf-8") == render.files(render.load())[name], f"{name} {STALE}"


def test_nothing_else_is_among_the_pictures() -> None:
    rendered = {name for name in render.files(render.load()) if name.startswith("docs/pictures/")}
    drawn_by_hand, taken = {"docs/pictures/data-flow.svg"}, {f"docs/pictures/{name}" for name in pictures.PICTURES}
    found = {str(path.relative_to(ROOT)) for path in (ROOT / "docs" / "pictures").iterdir()}
    assert found == rendered | drawn_by_hand | taken


PARTS = {
    "database": {
        "measured": "2026-11-22 10:00",
        "before": {"others_percent": 0.4, "stolen_percent": 0},
        "during": {"others_percent": 0.6, "stolen_percent": 0.1},
    },
    "library": {
        "measured": "2026-11-22 10:08",
        "before": {"others_percent": 0.4, "stolen_percent": 0},
        "during": {"others_percent": 31, "stolen_percent": 4.5},
        "commit": "def5678",  # measured again since
    },
}


def test_the_document_says_when_each_part_was_measured_and_how_busy_the_machine_was(results: dict[str, Any]) -> None:
    text = render.document(results | {"parts": PARTS})
    assert text.partition(" commit abc1234. ")[2].startswith(
        "When each part was measured, and what else the machine did meanwhile:\n\n"
        "| part | UTC | commit | other programs, % of the machine | stolen by the hypervisor, % | quiet |\n"
        "| --- | --- | --- | --- | --- | --- |\n"
        "| database | 2026-11-22 10:00 | abc1234 | 0.6 | 0.1 | yes |\n"
        "| library | 2026-11-22 10:08 | def5678 | 31 | 4.5 | **no** |\n\n"
    )


def test_one_run_is_called_one_run(results: dict[str, Any]) -> None:
    assert "\nOne run, with the least" in render.document(results | {"runs": 1})


def test_the_document_has_each_row_of_the_database(results: dict[str, Any]) -> None:
    text = render.document(results)
    assert (
        "| parameters | path | load | clients | TPS | average, ms | p99, ms | failed |\n"
        "| --- | --- | --- | --- | --- | --- | --- | --- |\n"
        "| ours | through PgBouncer | closed loop | 300 | 1,234 | 5.5 (5 to 6) | 400 | 0 |\n"
        "| ours | through PgBouncer | 1,000 TPS offered | 300 | 998 | 5.5 (5 to 6) | 81 | 0 |\n"
    ) in text
    assert "on 5,000,000 accounts (scale 50)" in text
    assert re.findall(r"\{\w+\}", text) == []
    assert re.findall(r"^## (.+)$", text, flags=re.MULTILINE) == [
        "Database", "Library", "Preview", "Failover", "Recovery to a point in time",
    ]  # fmt: skip


def test_every_picture_of_the_document_is_rendered_and_shown(results: dict[str, Any]) -> None:
    shown = set(re.findall(r"\]\((pictures/\w+\.svg)\)", render.document(results)))
    assert {f"docs/{name}" for name in shown} == set(render.files(results)) - {"docs/measurements.md"}


def drawn(picture: str) -> list[str]:
    """All that is written in a picture, in order."""
    return [element.text or "" for element in ET.fromstring(picture).iter("{http://www.w3.org/2000/svg}text")]


def test_bars_are_as_long_as_their_medians_and_say_them() -> None:
    picture = bars("A & B", "ms", [Bar("a", of(10, 5, 20)), Bar("b", of(5), accent=True)])
    assert drawn(picture) == ["A & B", "a", "10 ms (5 to 20)", "b", "5 ms", "ms; bar: median, thin line: least to most"]
    widths = [float(width) for width in re.findall(r'<rect class="[ab]"[^>]* width="([\d.]+)"', picture)]
    assert widths == [160.0, 80.0]
    assert re.findall(r'<rect class="([ab])"', picture) == ["a", "b"]
    assert picture.count('<path class="spread"') == 1
    assert "prefers-color-scheme: dark" in picture


def test_bars_of_nothing_are_there_all_the_same() -> None:
    assert drawn(bars("None", "s", [Bar("a", of(0))]))[1:3] == ["a", "0 s"]


def test_render_without_results_says_how_to_get_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(render, "RESULTS", tmp_path / "results.json")
    done = CliRunner().invoke(app, ["render"])
    assert (done.exit_code, done.output) == (1, f"{tmp_path / 'results.json'} is missing. make bench\n")


def test_rendering_writes_all_of_it(tmp_path: Path, results: dict[str, Any]) -> None:
    render.write(tmp_path, json.loads(json.dumps(results)))
    written = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert written == set(render.files(results))
