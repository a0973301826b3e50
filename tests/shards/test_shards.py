"""Shards: each test runs in one of them, and what they say and end with is that of all."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes import started
from tests.recordings import ROOT
from tests.shards import SHARDS, Shard, cores, run
from tests.waiting import until

PASSES, FAILS = "def test_it() -> None:\n    assert True\n", "def test_it() -> None:\n    assert False, 'so it is'\n"
WAITS = """
import pathlib, time

def test_it() -> None:
    try:
        pathlib.Path("waits").touch()
        while True:
            time.sleep(0.05)
    finally:
        pathlib.Path("tidied up").touch()
"""
RUN = """
import pathlib, command_line
from tests.shards import run
command_line.run(lambda: run([("tests/a",), ("tests",)], [], root=pathlib.Path(ROOT), at_a_time=2))
"""


@pytest.fixture(autouse=True)
def no_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    """They take most of the time that such a small run takes."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in {"pytest.ini": "[pytest]\n", **files}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def said(
    folder: Path, capsys: pytest.CaptureFixture[str], shards: list[Shard], files: dict[str, str], *options: str
) -> tuple[int, str]:
    """The exit code of a run over these files, and what it printed, without times."""
    write(folder, files)
    code = run(shards, ["-q", "-p", "no:cacheprovider", *options], root=folder, at_a_time=2)
    return code, re.sub(r"\d+\.\d+s|\d+ s\b|\d+\.\d min", "(time)", capsys.readouterr().out)


def test_each_test_runs_once_and_failures_are_listed_at_the_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {"tests/a/test_deep.py": PASSES, "tests/a/test_1.py": FAILS, "tests/b/test_2.py": PASSES}
    files |= {"tests/test_3.py": PASSES}
    shards: list[Shard] = [("tests/a/test_deep.py",), ("tests",), ("tests/a",)]
    code, out = said(tmp_path, capsys, shards, files)
    assert code == 1
    assert out.count("E       AssertionError: so it is\n") == 1
    assert out.splitlines()[-2:] == [
        "FAILED tests/a/test_1.py::test_it - AssertionError: so it is",
        "All shards: 1 failed, 3 passed in (time)",
    ]


def test_a_shard_without_a_test_that_was_asked_for_is_no_failure_and_none_at_all_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {"tests/a/test_1.py": PASSES, "tests/test_other.py": PASSES.replace("test_it", "test_other")}
    code, out = said(tmp_path, capsys, [("tests/a",), ("tests",)], files, "-k=other")
    assert (code, out.splitlines()[-1]) == (0, "All shards: 1 deselected, 1 passed in (time)")
    code, out = said(tmp_path, capsys, [("tests/a",), ("tests",)], files, "-k=nothing")
    assert (code, out.splitlines()[-1]) == (5, "All shards: 2 deselected in (time)")


def test_a_shard_that_breaks_off_is_a_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = {"tests/a/test_1.py": "import os\n\ndef test_it() -> None:\n    os.kill(os.getpid(), 9)\n"}
    files |= {"tests/test_2.py": PASSES}
    code, out = said(tmp_path, capsys, [("tests/a",), ("tests",)], files)
    assert (code, out.splitlines()[-1]) == (1, "All shards: 1 passed in (time)")
    code, out = said(tmp_path, capsys, [("tests",)], {}, "--such-an-option-is-not-known")
    assert (code, out.count("unrecognized arguments")) == (4, 1)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_lets_each_shard_tidy_up_and_say_where_it_was(tmp_path: Path, number: signal.Signals) -> None:
    write(tmp_path, {"tests/a/test_1.py": WAITS, "tests/test_2.py": PASSES})
    argv = [sys.executable, "-c", RUN.replace("ROOT", repr(str(tmp_path)))]
    with started(argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        until((tmp_path / "waits").exists)
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, "Interrupted.\n")
    assert (tmp_path / "tidied up").exists()
    assert "test_1.py" in out and "KeyboardInterrupt" in out


def test_every_shard_is_there_and_one_takes_what_no_other_names() -> None:
    assert [path for shard in SHARDS for path in shard if not (ROOT / path).exists()] == []
    assert SHARDS.count(("tests",)) == 1
    assert 1 <= cores() <= 4
