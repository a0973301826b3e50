"""What a review must see: a changed identity replaces a resource, an output that goes breaks a deploy."""

from __future__ import annotations

import difflib
from pathlib import Path

import pytest

from tests import golden
from tests.recordings import DEPLOYABLE, STACKS

IDENTITIES = (
    "an identity change replaces resources: write an upgrade note in CHANGELOG.md. "
    "If the change is meant, run `make golden` and commit the files."
)
OUTPUTS = (
    "deploys rely on outputs (docs/outputs.md): one that goes, or has another name or type, is a breaking change for "
    "CHANGELOG.md. If the change is meant, run `make golden` and commit the files."
)
CALLS = "AWS is asked for something else. If the change is meant, run `make golden` and commit the files."


def difference(path: Path, after: str, advice: str) -> str:
    """What a reader of a failed test sees; nothing when both are the same."""
    before = path.read_text(encoding="utf-8")
    name = f"tests/golden/{path.name}"
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), name, "the program", "", "", 0, "")
    shown = "\n".join(lines)
    return f"{shown}\n{advice}" if shown else ""


@pytest.mark.parametrize("stack", DEPLOYABLE)
def test_the_identities_of_a_stack_are_the_golden_ones(stack: str) -> None:
    changed = difference(golden.path(stack), golden.render(stack), IDENTITIES)
    assert not changed, f"\n{changed}"


@pytest.mark.parametrize("stack", DEPLOYABLE)
def test_the_outputs_of_a_stack_are_the_golden_ones(stack: str) -> None:
    changed = difference(golden.outputs_path(stack), golden.render_outputs(stack), OUTPUTS)
    assert not changed, f"\n{changed}"


@pytest.mark.parametrize("stack", STACKS)
def test_the_api_calls_of_a_stack_are_the_golden_ones(stack: str) -> None:
    changed = difference(golden.calls_path(stack), golden.render_calls(stack), CALLS)
    assert not changed, f"\n{changed}"


def test_a_change_is_shown_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "prod.txt"
    path.write_text("a\nb\n")
    assert difference(path, "a\nb\n", IDENTITIES) == ""
    assert difference(path, "a\nc\n", IDENTITIES) == (
        "--- tests/golden/prod.txt\n+++ the program\n@@ -2 +2 @@\n-b\n+c\n"
        "an identity change replaces resources: write an upgrade note in CHANGELOG.md. "
        "If the change is meant, run `make golden` and commit the files."
    )
