"""Archives of previews as the preview workflow uploads them, also such as it never would."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

SMALLEST: dict[str, Any] = {"components": [], "instances": [], "warnings": []}


def preview(stack: str, **sections: Any) -> str:
    """The smallest document that is a preview, with these sections."""
    return json.dumps(SMALLEST | {"stack": stack} | sections)


def archive(path: Path, files: Mapping[str, str | bytes], *, method: int = zipfile.ZIP_DEFLATED) -> Path:
    """A zip file with these files."""
    with zipfile.ZipFile(path, "w", method) as opened:
        for name, content in files.items():
            opened.writestr(name, content)
    return path
