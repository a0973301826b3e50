"""The stacks as the documents' renderer takes them, from the recordings that all tests share."""

from __future__ import annotations

from functools import cache

from blueprint.platform import Platform
from blueprint.stack_file.load import load
from documents import measured
from documents.parts import Sources
from documents.stacks import Stack
from tests.recordings import REGION, ROOT, STACKS, recording, sections

WRITTEN = (
    "CONTRIBUTING.md",
    "README.ja.md",
    "docs/access.md",
    "docs/architecture.md",
    "docs/cost.md",
    "docs/disaster-recovery.md",
    "docs/least-privilege.md",
    "docs/scaling.md",
)


@cache
def stack(name: str) -> Stack:
    """One stack of the repository."""
    return Stack(Platform(load(sections(name), environment=name, region=REGION)), recording(name))


def sources() -> Sources:
    """All that parts are made of, as `python -m documents` has it."""
    return Sources(ROOT, [stack(name) for name in STACKS], measured.load(ROOT))
