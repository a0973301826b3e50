"""How far something is: a bar on a terminal, now and then a line in a pipe. All of it on standard error."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from ops import console
from ops.clock import Clock
from ops.durations import span

LINE_SECONDS: Final = 30


@contextmanager
def progress(clock: Clock, what: str) -> Iterator[Callable[[str, int], None]]:
    """While in the block, call what it gives with a status and a percentage. The bar is gone after the block."""
    terminal = Console(stderr=True, highlight=False)
    began = clock.monotonic()
    if terminal.is_terminal:
        columns = (
            TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[status]}"),
            TimeElapsedColumn(),
        )  # fmt: skip
        with Progress(*columns, console=terminal, transient=True) as bar:
            task = bar.add_task(what, total=100, status="")
            yield lambda status, percent: bar.update(task, completed=percent, status=status)
        return
    told: float | None = None

    def line(status: str, percent: int) -> None:
        nonlocal told
        now = clock.monotonic()
        if told is None or now - told >= LINE_SECONDS:
            told = now
            console.note(f"{what}: {status}, {percent} %, {span(timedelta(seconds=now - began))}")

    yield line
