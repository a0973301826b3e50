"""Prints pages for a terminal or a pipe: headings, notes, and tables of aligned columns that fit their width."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import zip_longest

from rich.console import Console
from rich.text import Text

LEAST_COLUMNS = 80  # a narrower terminal breaks the lines itself
PIPE_COLUMNS = 140  # a pipe has no width
LABEL, NARROW = 20, 12  # a first column, and any other, that is no wider does not break
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
        self._hanging(Text.assemble((title, "bold"), GAP, (note, "dim")))

    def part(self, title: str, note: str) -> None:
        """Another page begins below this one."""
        self._console.print()
        self._line(Text("-" * LEAST_COLUMNS, "dim"))
        self.title(title, note)

    def heading(self, title: str, note: str = "") -> None:
        """A section begins, after an empty line."""
        self._console.print()
        self._hanging(Text.assemble((title, "bold"), GAP, (note, "dim")))

    def subheading(self, title: Cell, note: str) -> None:
        """A part of a section begins, after an empty line."""
        self._console.print()
        self._hanging(Text.assemble(GAP, title, GAP, (note, "dim")), indent=4)

    def note(self, sentence: str) -> None:
        """A remark on what stands above it."""
        self.table([(Text(sentence, "dim"),)])

    def table(self, rows: Sequence[Row], heads: Sequence[str] = (), *, indent: int = 2, whole: bool = False) -> None:
        """Columns as wide as their longest cell; where the page is too narrow, cells break so that few lines result.

        Where even the longest words do not stand side by side, each row is its first cell and a list of the others,
        each after its head. `whole`: nothing is broken, to be copied.
        """
        cells = [[Text(cell) if isinstance(cell, str) else cell for cell in row] for row in rows]
        if not cells:
            return
        lines = [[Text(head, "dim") for head in heads], *cells] if heads else cells
        widths = [max(map(_width, column)) for column in zip(*lines, strict=True)]
        room = self.columns - indent - len(GAP) * (len(widths) - 1)
        if not whole and sum(widths) > room:
            plain = [[str(cell) for cell in row] for row in lines]
            widths = _fitted(plain, widths, _least(plain[bool(heads) :], heads), room)
            if sum(widths) > room and len(heads) > 2:
                self.table([(first, _listed(rest, heads[1:])) for first, *rest in cells], indent=indent)
                return
            widths = _fitted(plain, widths, [min(width, NARROW) for width in widths], room)  # words break too
        for row in lines:
            parts = [cell.wrap(self._console, max(width, 1)) for cell, width in zip(row, widths, strict=True)]
            for pieces in zip_longest(*parts, fillvalue=Text()):
                line = Text(" " * indent)
                for piece, width in zip(pieces, widths, strict=True):
                    line.append_text(piece).append(" " * (width - piece.cell_len) + GAP)
                self._line(line)

    def _hanging(self, line: Text, indent: int = 2) -> None:
        """A line that goes on below, indented, where the page ends."""
        line.rstrip()
        first, *others = line.wrap(self._console, self.columns)
        self._line(first)
        if others:
            rest = Text(" ").join(others)
            for each in rest.wrap(self._console, self.columns - indent):
                self._line(Text.assemble(" " * indent, each))

    def _line(self, line: Text) -> None:
        line.rstrip()
        self._console.print(line, soft_wrap=True)


def _least(body: Sequence[Sequence[str]], heads: Sequence[str]) -> list[int]:
    """Widths below which words would break, or what is short anyhow."""
    words = [max(map(_longest_word, column)) for column in zip(*body, *([heads] if heads else []), strict=True)]
    widths = [max(_width(Text(cell)) for cell in column) for column in zip(*body, strict=True)]
    whole = (LABEL, *[NARROW] * len(widths))
    return [max(word, width if width <= most else 0) for word, width, most in zip(words, widths, whole, strict=False)]


def _longest_word(cell: str) -> int:
    return max(map(len, cell.split()), default=0)


def _fitted(rows: Sequence[Sequence[str]], widths: Sequence[int], least: Sequence[int], room: int) -> list[int]:
    """Column widths for a room: one column after the other gives way by the cell that makes the fewest lines more."""
    fitted = list(widths)
    columns = list(zip(*rows, strict=True))
    heights = [[_height(cell, width) for cell in column] for column, width in zip(columns, fitted, strict=True)]
    while sum(fitted) > room:
        best: tuple[int, int, int, list[int]] | None = None
        for index, width in enumerate(fitted):
            if width > least[index]:
                narrower = [_height(cell, width - 1) for cell in columns[index]]
                others = heights[:index] + heights[index + 1 :]
                tried = (sum(map(max, zip(narrower, *others, strict=True))), -width, index, narrower)
                best = tried if best is None else min(best, tried)
        if best is None:
            break
        _, _, index, heights[index] = best
        fitted[index] -= 1
    return fitted


@cache
def _height(text: str, width: int) -> int:
    """In how many lines a cell stands."""
    return sum(len(textwrap.wrap(line, max(width, 1), break_on_hyphens=False)) or 1 for line in text.split("\n"))


def _listed(cells: Sequence[Text], heads: Sequence[str]) -> Text:
    """Cells in a line, each after its head; what is empty is left out."""
    found = (Text(", ").join(_told(cell, head)) for cell, head in zip(cells, heads, strict=True) if cell.plain)
    return Text("; ").join(found)


def _told(cell: Text, head: str) -> Iterator[Text]:
    first, *rest = cell.split("\n")
    yield Text.assemble((f"{head} " if head else "", "dim"), first)
    yield from rest


def _width(cell: Text) -> int:
    return max((line.cell_len for line in cell.split("\n")), default=0)
