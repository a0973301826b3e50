"""Golden files that a review must see change: identities, outputs, alarms, and AWS API calls."""

from __future__ import annotations

import difflib
from pathlib import Path

import pytest

from tests.golden import FOLDER, GOLDENS, IDENTITIES, Golden

EVERY = [(golden, stack) for golden in GOLDENS for stack in golden.stacks]


def difference(path: Path, after: str, advice: str) -> str:
    """What a reader of a failed test sees; nothing when both are the same."""
    before = path.read_text(encoding="utf-8")
    name = f"tests/golden/{path.name}"
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), name, "the program", "", "", 0, "")
    shown = "\n".join(lines)
    return f"{shown}\n{advice}" if shown else ""


@pytest.mark.parametrize(("golden", "stack"), EVERY, ids=[golden.path(stack).name for golden, stack in EVERY])
def test_a_golden_file_is_as_the_program_stands(golden: Golden, stack: str) -> None:
    changed = difference(golden.path(stack), golden.render(stack), golden.advice)
    assert not changed, f"\n{changed}"


def test_no_golden_file_is_left_over() -> None:
    files = {path.name for path in FOLDER.iterdir() if path.suffix in (".txt", ".json")}
    assert files == {golden.path(stack).name for golden, stack in EVERY}


def test_a_change_is_shown_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "prod.txt"
    path.write_text("a\nb\n")
    assert difference(path, "a\nb\n", IDENTITIES.advice) == ""
    assert difference(path, "a\nc\n", IDENTITIES.advice) == (
        "--- tests/golden/prod.txt\n+++ the program\n@@ -2 +2 @@\n-b\n+c\n"
        "an identity change replaces resources: write an upgrade note in CHANGELOG.md. "
        "If the change is meant, run `make golden` and `make docs`, and commit the files."
    )
