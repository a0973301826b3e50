"""Writes a page to a file: whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


class NotWritten(Exception):
    """A page cannot be written; the message says where, why and what to do."""


def check(path: Path) -> None:
    """Raise `NotWritten` where a page cannot be written there, as far as that is known before it is made."""
    if path.exists() and not path.is_file():
        raise NotWritten(f"--html {path} is there and no file. Name another.")
    folder = path.resolve().parent
    if not folder.is_dir():
        raise NotWritten(f"--html {path}: there is no folder {folder}. Make it, or name another.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise NotWritten(f"--html {path}: nothing may be written in {folder}. Name another folder.")


def write(path: Path, text: str) -> None:
    """Put a text there, in place of what was, with the mode that the umask leaves. Raises `NotWritten`."""
    check(path)
    target = path.resolve()  # a link stays one
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{target.name[:100]}.", dir=target.parent)
        try:
            with open(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
                os.fchmod(file.fileno(), 0o666 & ~_umask())
            os.replace(name, target)
        except BaseException:
            os.unlink(name)
            raise
    except OSError as error:
        raise NotWritten(f"--html {path} cannot be written: {error.strerror}. Make room, or name another.") from None


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
