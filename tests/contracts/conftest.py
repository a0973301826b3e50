"""Contracts run over every stack, as a first preview and as an update see it."""

from __future__ import annotations

import pytest

from recording.recording import Recording
from tests.recordings import STACKS, recording


@pytest.fixture(params=[(stack, preview) for stack in STACKS for preview in (False, True)], ids=str)
def recorded(request: pytest.FixtureRequest) -> Recording:
    """Every stack in both modes."""
    stack, preview = request.param
    return recording(stack, preview=preview)


@pytest.fixture(params=STACKS)
def updated(request: pytest.FixtureRequest) -> Recording:
    """Every stack as an update sees it: ids and computed outputs are known."""
    return recording(request.param)
