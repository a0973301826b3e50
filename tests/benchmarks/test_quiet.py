"""How busy the machine was, and what becomes of parts that were disturbed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from benchmarks import __main__ as bench
from benchmarks import quiet
from benchmarks.parts import Part, Progress, measure
from benchmarks.quiet import Load, Times, between, times
from tests.processes import started
from tests.waiting import until

IDLE, BUSY = Load(others_percent=0.5, stolen_percent=0), Load(others_percent=40, stolen_percent=0)
STOLEN = Load(others_percent=0, stolen_percent=9)
ABOUT = {"commit": "abc1234", "machine": {}, "effort": {}}


def test_only_others_count_and_what_was_stolen() -> None:
    """Process 10 is ours, 11 and 12 are its child and grandchild; 20 was there, 21 is new, 22 is a reused number."""
    first = Times(
        total=1_000, stolen=5, processes={(10, 1): (1, 50), (11, 1): (10, 0), (20, 1): (1, 100), (22, 1): (1, 70)}
    )
    last = Times(
        total=1_200, stolen=9,
        processes={
            (10, 1): (1, 90), (11, 1): (10, 40), (12, 1): (11, 30),
            (20, 1): (1, 110), (21, 1): (20, 4), (22, 7): (1, 2),
        },
    )  # fmt: skip
    assert between(first, last, ours=10) == Load(others_percent=8.0, stolen_percent=2.0)


def test_a_process_of_ours_is_not_seen_and_another_one_is() -> None:
    spin = [sys.executable, "-c", "print(1, flush=True)\nwhile True: pass"]
    with started(spin, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        first = times()
        key = next(key for key in first.processes if key[0] == child.pid)
        until(lambda: times().processes[key][1] >= first.processes[key][1] + 20)
        last = times()
    ours, another = (between(first, last, ours=number) for number in (os.getpid(), child.pid))
    elsewhere = between(first, last, ours=1 << 30)
    assert elsewhere.others_percent > ours.others_percent
    assert elsewhere.others_percent >= another.others_percent


@pytest.mark.parametrize(("load", "is_quiet"), [(IDLE, True), (BUSY, False), (STOLEN, False)])
def test_a_machine_is_quiet_below_both_limits(load: Load, is_quiet: bool) -> None:
    assert load.quiet is is_quiet


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[Load]:
    """What the machine is found to be, in turn: before and during each try."""
    found: list[Load] = []
    monkeypatch.setattr(quiet, "before", lambda: found.pop(0))
    monkeypatch.setattr(quiet, "between", lambda *_: found.pop(0))
    return found


@pytest.fixture
def values() -> Iterator[int]:
    return iter(range(1, 100))


def run(progress: Progress, values: Iterator[int], *, busy: bool = False) -> list[str]:
    said: list[str] = []
    measure(progress, "library", lambda: {"value": next(values)}, said.append, busy=busy)
    return said


def test_a_quiet_part_is_measured_once_and_written_at_once(
    tmp_path: Path, loads: list[Load], values: Iterator[int]
) -> None:
    loads += [IDLE, IDLE]
    assert run(Progress(tmp_path / "p.json", ABOUT), values) == []
    again = Progress(tmp_path / "p.json", ABOUT)
    assert again.parts["library"].results == {"value": 1}
    assert run(again, values) == [f"Library: done at {again.parts['library'].measured}"]
    assert [path.name for path in tmp_path.iterdir()] == ["p.json"]


def test_a_disturbed_part_is_measured_again(tmp_path: Path, loads: list[Load], values: Iterator[int]) -> None:
    loads += [IDLE, BUSY, BUSY, STOLEN, IDLE, IDLE]
    progress = Progress(tmp_path / "p.json", ABOUT)
    assert run(progress, values) == [
        "Library: disturbed: other programs took 40 % of the machine, 0 % was stolen",
        "Library: the machine is busy: other programs took 40 % of the machine, 0 % was stolen",
        "Library: disturbed: other programs took 0 % of the machine, 9 % was stolen",
    ]
    assert (progress.parts["library"].results, progress.parts["library"].quiet) == ({"value": 3}, True)


def test_where_it_is_never_quiet_the_least_disturbed_is_kept_and_measured_anew_by_the_next_call(
    tmp_path: Path, loads: list[Load], values: Iterator[int]
) -> None:
    loads += [IDLE, BUSY, IDLE, STOLEN, BUSY, BUSY]
    run(Progress(tmp_path / "p.json", ABOUT), values)
    progress = Progress(tmp_path / "p.json", ABOUT)
    assert progress.parts["library"].results == {"value": 2}
    loads += [IDLE, IDLE]
    run(progress, values)
    assert (progress.parts["library"].results, progress.parts["library"].quiet) == ({"value": 4}, True)


def test_who_says_so_gets_a_disturbed_part(tmp_path: Path, loads: list[Load], values: Iterator[int]) -> None:
    loads += [BUSY, BUSY]
    progress = Progress(tmp_path / "p.json", ABOUT)
    run(progress, values, busy=True)
    assert progress.parts["library"].results == {"value": 1}
    assert run(progress, values, busy=True) == [f"Library: done at {progress.parts['library'].measured}"]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"about": {}, "parts": {"library": 5}}'])
def test_what_another_version_or_an_interruption_left_is_measured_anew(tmp_path: Path, text: str) -> None:
    (tmp_path / "p.json").write_text(text)
    assert Progress(tmp_path / "p.json", {}).parts == {}


def test_parts_of_another_commit_do_not_count(tmp_path: Path) -> None:
    part = Part(results=1, measured="2026-11-22 10:00", before=IDLE, during=IDLE)
    Progress(tmp_path / "p.json", ABOUT).add("library", part)
    assert Progress(tmp_path / "p.json", ABOUT).parts == {"library": part}
    assert Progress(tmp_path / "p.json", ABOUT | {"commit": "def5678"}).parts == {}


@pytest.mark.parametrize(("options", "code"), [([], 1), (["--busy"], 0)], ids=["as it is", "told to"])
def test_a_disturbed_run_is_published_only_if_told_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, results: dict[str, Any], options: list[str], code: int
) -> None:
    to, kept = tmp_path / "results.json", tmp_path / "results.partial.json"
    effort = {name: results[name] for name in bench._EFFORT}

    def measured(_: object, path: Path, *, busy: bool) -> Progress:
        progress = Progress(path, {"commit": "abc1234", "machine": results["machine"], "effort": effort})
        for name in ("database", "library", "preview", "failover", "recovery"):
            during = BUSY if name == "library" else IDLE
            progress.add(name, Part(results=results[name], measured="2026-11-22 10:00", before=IDLE, during=during))
        return progress

    monkeypatch.setattr(bench, "measured", measured)
    done = CliRunner().invoke(bench.app, [*options, "--to", str(to)])
    assert done.exit_code == code
    assert (to.exists(), kept.exists()) == ((True, False) if options else (False, True))
    assert done.output == ("" if options else (
        "Library was disturbed: before, other programs took 0.5 % of the machine, 0 % was stolen; during, other "
        "programs took 40 % of the machine, 0 % was stolen.\n"
        "Nothing was published. Let nothing else run and call it again: these parts are measured anew, the others are "
        "done. To publish it as it is: make bench ARGS=--busy\n"
    ))  # fmt: skip
