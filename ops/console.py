"""Output of the commands: results to standard output, notes and errors to standard error; plain in a pipe."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

GAP = "  "
Cell = str | Text
Row = Sequence[Cell]


def table(rows: Sequence[Row], heads: Sequence[str] = ()) -> None:
    """Print rows in aligned columns. On a terminal the last column wraps where the line ends."""
    cells = [[Text(cell) if isinstance(cell, str) else cell for cell in row] for row in rows]
    if heads:
        cells.insert(0, [Text(head, "dim") for head in heads])
    if not cells:
        return
    console = Console(highlight=False, markup=False, emoji=False)
    if console.is_terminal:
        grid = Table.grid(padding=(0, len(GAP), 0, 0))
        for column in range(len(cells[0])):
            grid.add_column(no_wrap=column < len(cells[0]) - 1, overflow="fold")
        for row in cells:
            grid.add_row(*row)
        console.print(grid)
        return
    widths = [max(cell_len(cell.plain) for cell in column) for column in zip(*cells, strict=True)]
    for row in cells:
        padded = (cell.plain + " " * (width - cell_len(cell.plain)) for cell, width in zip(row, widths, strict=True))
        print(GAP.join(padded).rstrip())


def say(text: str) -> None:
    """Print a line of the result to standard output."""
    print(text, flush=True)


def note(text: str) -> None:
    """Print a note, which is no part of the result, to standard error."""
    print(text, file=sys.stderr, flush=True)


def fail(sentence: str) -> None:
    """Print an error to standard error, as `ops: ...`: the one form that errors have."""
    sys.stdout.flush()
    note(f"ops: {sentence}")


def count(number: int, noun: str) -> str:
    """A number with its noun, in the singular or plural: `1 snapshot`, `2 snapshots`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
