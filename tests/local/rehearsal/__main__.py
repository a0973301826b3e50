"""`python -m tests.local.rehearsal [--busy] [names]`: rehearse the typical edits, keep and publish what was measured.

It goes on where it was ended. `render` in the place of names draws the table again without measuring.
"""

from __future__ import annotations

import json
import sys

import command_line
from tests.local.rehearsal import edits


def main(arguments: list[str]) -> int:
    """The exit code: 1 where a rehearsal was disturbed and nothing is published."""
    if arguments == ["render"]:
        _render()
        return 0
    busy, names = "--busy" in arguments, [each for each in arguments if each != "--busy"]
    kept = edits.RESULTS.with_suffix(".partial.json")
    results = edits.measure(names, kept, busy=busy)
    disturbed = [name for name in names or results["rehearsed"] if name not in results["edits"]]
    if disturbed:
        listed = ", ".join(disturbed)
        print(f"Disturbed, so nothing is published: {listed}. The next call goes on there.", file=sys.stderr)
        return 1
    if names and edits.RESULTS.exists():  # these anew, the others as they are
        before = edits.load()
        results = {**before, "edits": {**before["edits"], **results["edits"]}}
    edits.RESULTS.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    _render()
    kept.unlink(missing_ok=True)
    return 0


def _render() -> None:
    document = edits.DOCUMENT.read_text(encoding="utf-8")
    edits.DOCUMENT.write_text(edits.rendered(document, edits.load()), encoding="utf-8")


if __name__ == "__main__":
    command_line.run(lambda: main(sys.argv[1:]))
