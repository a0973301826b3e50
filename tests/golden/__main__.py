"""Rewrite the golden identities and outputs of every stack."""

from __future__ import annotations

from tests import golden
from tests.recordings import DEPLOYABLE

for stack in DEPLOYABLE:
    for path, text in (
        (golden.path(stack), golden.render(stack)),
        (golden.outputs_path(stack), golden.render_outputs(stack)),
    ):
        path.write_text(text, encoding="utf-8")
        print(f"wrote {path.relative_to(golden.FOLDER.parent.parent)}")
