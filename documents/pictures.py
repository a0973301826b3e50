"""`make pictures`: screenshots of the page of a sample change for the documents, by Debian's chromium.

A command of its own, since a browser draws letters as its machine has them: neither tests nor `make docs` need it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import command_line

if __name__ == "__main__":
    command_line.begin()

ROOT: Final = Path(__file__).resolve().parents[1]
STACK: Final = "Pulumi.prod.yaml"
# What the sample changes in that file.
EDITS: Final[Mapping[str, str]] = {
    "    instanceClass: db.t3.medium\n    allocated": "    instanceClass: db.m6i.large\n    allocated",
    "\n      max_connections: 300\n": "\n      max_connections: 400\n",
}
# What each leaves out of the page, as a selector, and how many pixels it shows from the top, width and height.
PICTURES: Final[Mapping[str, tuple[str, int, int]]] = {
    "change.png": ("footer", 1160, 1000),
    "network.png": ("header, footer, section:not(#topology), #topology .scroll", 1160, 775),
}


def main() -> str | None:
    """Draw all of them; a sentence where that cannot be done."""
    browser = shutil.which("chromium")
    if browser is None:
        return "chromium is missing: apt-get install chromium"
    text = (ROOT / STACK).read_text(encoding="utf-8")
    lacking = [old.strip() for old in EDITS if text.count(old) != 1]
    if lacking:
        return f"{STACK} has not {lacking[0]!r} once. Change EDITS in documents/pictures.py with it."
    with tempfile.TemporaryDirectory(prefix="langpont-pictures-") as scratch:
        folder = Path(scratch)
        for path in ROOT.iterdir():
            if path.name != STACK:
                (folder / path.name).symlink_to(path)
        for old, new in EDITS.items():
            text = text.replace(old, new)
        (folder / STACK).write_text(text, encoding="utf-8")
        page = folder / "change.html"
        preview = [sys.executable, "-m", "preview", "prod", "--project", scratch, "--against", STACK]
        if subprocess.run([*preview, "--html", str(page)], cwd=ROOT, stdout=subprocess.DEVNULL).returncode:
            return "The preview of the sample change failed."  # it has said why
        (ROOT / "docs" / "pictures").mkdir(exist_ok=True)
        for name, (without, width, height) in PICTURES.items():
            shot, part = folder / name, folder / f"{name}.html"
            style = f"{without} {{ display: none }}</style>"
            part.write_text(page.read_text(encoding="utf-8").replace("</style>", style), encoding="utf-8")
            options = ["--headless", "--hide-scrollbars", f"--window-size={width},{height}", f"--screenshot={shot}"]
            options += ["--no-sandbox"] if os.geteuid() == 0 else []  # root has no sandbox of chromium
            done = subprocess.run([browser, *options, part.as_uri()], stderr=subprocess.DEVNULL)
            if done.returncode or not shot.exists():
                return f"{browser} ended with {done.returncode} and drew no {name}."
            shutil.copyfile(shot, ROOT / "docs" / "pictures" / name)
            print(f"Written: docs/pictures/{name}")
    return None


if __name__ == "__main__":
    command_line.run(main)
