"""The preview workflow, run for real on a small copy of the program: its stacks, and one that is refused."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from tests.recordings import FIXTURES, ROOT
from tests.workflows import execute, named

LEFT_OUT = ("venv", ".*", "tests", "docs", "examples", "benchmarks", "Pulumi.*.yaml")


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program with one stack, checked out as GitHub does it."""
    folder = tmp_path_factory.mktemp("program") / "database"
    shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(*LEFT_OUT))
    shutil.copy(FIXTURES / "Pulumi.dev.yaml", folder)
    (folder / "venv").symlink_to(sys.prefix)
    return folder


def previewed(program: Path, scratch: Path) -> tuple[int, str, str]:
    """Exit code of the step, its standard error, and the run's summary."""
    done = execute(named("preview", "Preview every stack"), program, scratch, {})
    return done.returncode, done.stderr, (scratch / "summary").read_text(encoding="utf-8")


def test_every_stack_on_disk_is_in_the_summary(program: Path, tmp_path: Path) -> None:
    code, told, summary = previewed(program, tmp_path)
    assert (code, told) == (0, "")
    assert summary.startswith("## dev\n\n~~~~text\nlangpont-database / dev  ap-northeast-1  offline preview: ")
    assert summary.endswith("\n~~~~\n\n")


def test_a_refused_stack_file_is_in_the_summary_and_fails_the_job(program: Path, tmp_path: Path) -> None:
    file = program / "Pulumi.dev.yaml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("multiAz: false", "multiAz: perhaps"), encoding="utf-8")
    try:
        code, told, summary = previewed(program, tmp_path)
    finally:
        file.write_text(text, encoding="utf-8")
    assert told.startswith("Pulumi.dev.yaml: 1 problem\n  1. database.multiAz ")
    assert (code, summary) == (1, f"## dev\n\n~~~~text\n{told}~~~~\n\n")
