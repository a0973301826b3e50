"""Processes that a test starts and that are gone when it ends, however it ends."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def started(argv: Sequence[str | Path], **options: Any) -> Iterator[subprocess.Popen[str]]:
    """A process that speaks text. At the end it is killed if it still runs, waited for, and its pipes are closed."""
    process = subprocess.Popen(argv, text=True, **options)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()
