"""Freezes servers with SIGSTOP: the kernel accepts and acknowledges for them, and nobody answers."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.langpont_db.conftest import Platform


def _descendants(pid: int) -> list[int]:
    found = [pid]
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            child, rest = stat.read_text().split(" (")[0], stat.read_text().rsplit(") ", 1)[1]
            if int(rest.split()[1]) == pid:
                found.append(int(child))
    return found


@contextmanager
def frozen(platform: Platform, *names: str) -> Iterator[None]:
    """Servers by their role, and "pooler", that do nothing for a while."""
    pids: list[int] = []
    for name in names:
        process = (platform.plane.pooler if name == "pooler" else platform.server(name)).process()
        assert process is not None
        os.kill(process.pid, signal.SIGSTOP)  # first, or it would have more children
        pids += _descendants(process.pid)
    try:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
        yield
    finally:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
