"""The documents' stacks, made of the recordings that all tests share."""

from __future__ import annotations

from functools import cache

from blueprint.platform import Platform
from blueprint.stack_file.load import load
from documents import measured
from documents.parts import Sources
from documents.stacks import Stack
from recording import stack_files
from tests.recordings import DEPLOYABLE, REGION, ROOT, deployable, recording, sections


@cache
def stack(name: str) -> Stack:
    """A fixture stack."""
    return Stack(Platform(load(sections(name), environment=name, region=REGION)), recording(name))


@cache
def deployed(name: str) -> Stack:
    """One stack as it is deployed."""
    sections = stack_files.load(ROOT, name).sections()
    return Stack(Platform(load(sections, environment=name, region=REGION)), deployable(name))


def sources() -> Sources:
    """All that parts are made of, as `python -m documents` has it."""
    return Sources(ROOT, [deployed(name) for name in DEPLOYABLE], measured.load(ROOT))
