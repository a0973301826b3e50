"""Command line: `python -m documents` renders the generated parts of docs/ and prints which documents changed."""

from __future__ import annotations

from pathlib import Path

import command_line

if __name__ == "__main__":
    command_line.begin()

from documents import measured, stacks
from documents.parts import DOCUMENTS, Sources, rendered
from recording import stack_files

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Render all documents; each is written only if it changed."""
    loaded = [stacks.load(ROOT, name) for name in stack_files.names(ROOT)]
    sources = Sources(ROOT, loaded, measured.load(ROOT))
    changed = []
    for name in DOCUMENTS:
        path = ROOT / name
        before = path.read_text(encoding="utf-8")
        after = rendered(before, sources)
        if after != before:
            path.write_text(after, encoding="utf-8")
            changed.append(name)
    print(f"Written: {', '.join(changed)}" if changed else "Nothing changed.")


if __name__ == "__main__":
    command_line.run(main)
