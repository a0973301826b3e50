"""Progress of a command that waits: a bar on a terminal, a line every 30 s in a pipe, on standard error."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from ops import console
from ops.clock import Clock
from ops.durations import format_duration

LINE_SECONDS: Final = 30


@contextmanager
def progress(clock: Clock, what: str) -> Iterator[Callable[[str, int], None]]:
    """Give a callback for status and percentage, to be called inside the block. The bar is gone after it."""
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
    printed: float | None = None

    def line(status: str, percent: int) -> None:
        nonlocal printed
        now = clock.monotonic()
        if printed is None or now - printed >= LINE_SECONDS:
            printed = now
            console.note(f"{what}: {status}, {percent} %, {format_duration(timedelta(seconds=now - began))}")

    yield line
