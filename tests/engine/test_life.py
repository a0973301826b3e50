"""The life of each stack: preview, up, again, refresh, destroy."""

from __future__ import annotations

import json

import pytest

from tests.engine.conftest import Open
from tests.engine.workplace import Workplace
from tests.recordings import recording


def changes(workplace: Workplace, *arguments: str) -> dict[str, int]:
    """`changeSummary` of a preview, without what stays."""
    found = json.loads(workplace.run("preview", "--json", *arguments).stdout)
    return {op: number for op, number in found["changeSummary"].items() if op != "same"}


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_a_first_preview_makes_all_of_it_and_an_up_leaves_nothing_to_do(empty: Open, stack: str) -> None:
    workplace = empty(stack)
    everything = len(recording(stack).registrations) + 1  # the CLI counts components, and the stack itself
    assert changes(workplace) == {"create": everything}
    assert workplace.cloud.all() == []
    workplace.up()
    assert workplace.preview() == []
    before = workplace.cloud.snapshot()
    workplace.run("refresh", "--yes", "--skip-preview", "--expect-no-changes")
    assert workplace.cloud.snapshot() == before


def test_dev_leaves_nothing_behind_and_comes_up_again(deployed: Open) -> None:
    workplace = deployed("dev")
    workplace.run("destroy", "--yes", "--skip-preview")
    assert workplace.cloud.all() == []
    workplace.up()
    assert workplace.preview() == []
