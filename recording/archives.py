"""A pulumi.AssetArchive as the program registered it: its files, read when it is registered."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

_WHEN = (1980, 1, 1, 0, 0, 0)  # the first moment that ZIP knows: the same files always make the same archive


@dataclass(frozen=True)
class Archive:
    """The files of an archive: content by name."""

    files: Mapping[str, bytes]

    def __repr__(self) -> str:
        return f"Archive({len(self.files)} files, {self.digest[:12]})"

    @cached_property
    def digest(self) -> str:
        """A digest of names and contents, as the engine compares archives: where a file came from does not count."""
        return digest_of({name: hashlib.sha256(content).hexdigest() for name, content in self.files.items()})

    @cached_property
    def zipped(self) -> bytes:
        """The ZIP file that the provider would upload."""
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
            for name, content in self.files.items():
                entry = zipfile.ZipInfo(name, _WHEN)
                entry.external_attr = 0o644 << 16
                file.writestr(entry, content, zipfile.ZIP_DEFLATED)
        return buffer.getvalue()


def digest_of(contents: Mapping[str, str]) -> str:
    """The digest of an archive by the SHA-256 of each file's content."""
    return hashlib.sha256(json.dumps(contents).encode()).hexdigest()


def loaded(value: Any, root: Path) -> Any:
    """Convert a decoded input: an archive of texts and of paths below the project into its files; others as they are.

    Raises `OSError` for a path that cannot be read.
    """
    if not (isinstance(value, Mapping) and set(value) == {"assets"}):
        return value
    return Archive(
        {
            name: asset["text"].encode() if "text" in asset else (root / asset["path"]).read_bytes()
            for name, asset in sorted(value["assets"].items())
        }
    )
