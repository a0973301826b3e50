"""An identity that changes is a resource that is replaced: it must show in review."""

from __future__ import annotations

import difflib

import pytest

from tests import golden
from tests.recordings import STACKS

ADVICE = (
    "an identity change replaces resources: write an upgrade note in CHANGELOG.md. "
    "If the change is meant, run `make golden` and commit the files."
)


def difference(stack: str, before: str, after: str) -> str:
    """What a reader of a failed test sees; nothing when both are the same."""
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), f"tests/golden/{stack}.txt", "the program", "", "", 0, ""
    )
    shown = "\n".join(lines)
    return f"{shown}\n{ADVICE}" if shown else ""


@pytest.mark.parametrize("stack", STACKS)
def test_the_identities_of_a_stack_are_the_golden_ones(stack: str) -> None:
    changed = difference(stack, golden.path(stack).read_text(encoding="utf-8"), golden.render(stack))
    assert not changed, f"\n{changed}"


def test_a_changed_identity_is_shown_with_what_to_do() -> None:
    assert difference("prod", "a\nb\n", "a\nc\n") == (
        "--- tests/golden/prod.txt\n+++ the program\n@@ -2 +2 @@\n-b\n+c\n"
        "an identity change replaces resources: write an upgrade note in CHANGELOG.md. "
        "If the change is meant, run `make golden` and commit the files."
    )
