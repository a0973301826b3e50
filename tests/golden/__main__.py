"""Rewrite the golden identities and outputs of every stack, and the API calls of the fixture stacks."""

from __future__ import annotations

from tests import golden
from tests.recordings import DEPLOYABLE, STACKS

files = {golden.path(stack): golden.render(stack) for stack in DEPLOYABLE}
files |= {golden.outputs_path(stack): golden.render_outputs(stack) for stack in DEPLOYABLE}
files |= {golden.calls_path(stack): golden.render_calls(stack) for stack in STACKS}
for path, text in sorted(files.items()):
    path.write_text(text, encoding="utf-8")
    print(f"wrote {path.relative_to(golden.FOLDER.parent.parent)}")
