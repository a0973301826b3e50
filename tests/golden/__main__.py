"""Rewrite the golden files; those of a stack that is gone are removed."""

from __future__ import annotations

from tests import golden

written = dict(golden.files())
for path, text in sorted(written.items()):
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")
        print(f"wrote {path.relative_to(golden.FOLDER.parent.parent)}")
for path in sorted({*golden.FOLDER.glob("*.txt"), *golden.FOLDER.glob("*.json")} - written.keys()):
    path.unlink()
    print(f"removed {path.relative_to(golden.FOLDER.parent.parent)}")
