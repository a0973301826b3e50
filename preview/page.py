"""Prints pages for a terminal or a pipe: headings, notes, and tables of aligned columns, of which one wraps."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

from rich.console import Console
from rich.text import Text

# Every table fits this. A narrower terminal breaks the lines itself, which reads better than columns of a few letters.
LEAST_COLUMNS = 100
PIPE_COLUMNS = 140  # a pipe has no width
LEAST_WRAPPED = 12
GAP = "  "

Cell = str | Text
Row = Sequence[Cell]


class Page:
    """Prints to standard output; in colour where that is a terminal and NO_COLOR does not forbid it."""

    def __init__(self) -> None:
        self._console = Console(highlight=False, markup=False, emoji=False)
        terminal = self._console.is_terminal
        self.columns = max(self._console.width, LEAST_COLUMNS) if terminal else PIPE_COLUMNS

    def title(self, title: str, note: str) -> None:
        """The first line."""
        self._line(Text.assemble((title, "bold"), GAP, (note, "dim")))

    def heading(self, title: str, note: str = "") -> None:
        """A section begins, after an empty line."""
        self._console.print()
        self._line(Text.assemble((title, "bold"), GAP, (note, "dim")))

    def subheading(self, title: Cell, note: str) -> None:
        """A part of a section begins, after an empty line."""
        self._console.print()
        self._line(Text.assemble(GAP, title, GAP, (note, "dim")))

    def note(self, sentence: str) -> None:
        """A remark on what stands above it."""
        self.table([(Text(sentence, "dim"),)])

    def table(self, rows: Sequence[Row], heads: Sequence[str] = (), *, indent: int = 2, wrap: int | None = -1) -> None:
        """Columns as wide as their longest cell, but for column `wrap`, whose cells break where the page ends."""
        cells = [[Text(cell) if isinstance(cell, str) else cell for cell in row] for row in rows]
        if heads:
            cells.insert(0, [Text(head, "dim") for head in heads])
        if not cells:
            return
        widths = [max(_width(cell) for cell in column) for column in zip(*cells, strict=True)]
        if wrap is not None:
            room = self.columns - indent - sum(widths) - len(GAP) * (len(widths) - 1) + widths[wrap]
            widths[wrap] = min(widths[wrap], max(room, LEAST_WRAPPED))
        for row in cells:
            parts = [cell.wrap(self._console, max(width, 1)) for cell, width in zip(row, widths, strict=True)]
            for pieces in zip_longest(*parts, fillvalue=Text()):
                line = Text(" " * indent)
                for piece, width in zip(pieces, widths, strict=True):
                    line.append_text(piece).append(" " * (width - piece.cell_len) + GAP)
                self._line(line)

    def _line(self, line: Text) -> None:
        line.rstrip()
        self._console.print(line, soft_wrap=True)


def _width(cell: Text) -> int:
    return max((line.cell_len for line in cell.split("\n")), default=0)
