"""Rewrite the golden identities of every stack."""

from __future__ import annotations

from tests import golden
from tests.recordings import STACKS

for stack in STACKS:
    golden.path(stack).write_text(golden.render(stack), encoding="utf-8")
    print(f"wrote {golden.path(stack).relative_to(golden.FOLDER.parent.parent)}")
