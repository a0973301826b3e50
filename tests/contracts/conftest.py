"""Contracts run over every stack that can be deployed, and over the fixture stacks where these differ from them."""

from __future__ import annotations

import pytest

from recording import stack_files
from recording.recording import Recording
from tests.recordings import DEPLOYABLE, FROZEN, ROOT, deployable, frozen, recording

# A fixture stack that is the deployable one to the letter is the same recording.
CHANGED = tuple(stack for stack in FROZEN if stack not in DEPLOYABLE or frozen(stack) != stack_files.load(ROOT, stack))
EVERY = (*DEPLOYABLE, *(f"fixture-{stack}" for stack in CHANGED))


def of(stack: str, *, preview: bool = False) -> Recording:
    """The recording of one of `EVERY`."""
    if stack.startswith("fixture-"):
        return recording(stack.removeprefix("fixture-"), preview=preview)
    return deployable(stack, preview=preview)


@pytest.fixture(params=[(stack, preview) for stack in EVERY for preview in (False, True)], ids=str)
def recorded(request: pytest.FixtureRequest) -> Recording:
    """Every stack in both modes."""
    stack, preview = request.param
    return of(stack, preview=preview)


@pytest.fixture(params=EVERY)
def updated(request: pytest.FixtureRequest) -> Recording:
    """Every stack as an update sees it: ids and computed outputs are known."""
    return of(request.param)
