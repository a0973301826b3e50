"""Error types of stack files and the product file: one sentence with the field, the value, the rule and the way out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

LONGEST_VALUE: Final = 80  # characters of a refused value that are shown
LONGEST_SENTENCE: Final = 600  # of a rule or a way out, which may repeat values


class Refused(ValueError):
    """A value that a rule refuses; whoever knows the field turns it into a `Problem`.

    `rule` continues a sentence that begins with the field and the value ("is shorter than 30 minutes").
    `way_out` is an imperative sentence without its full stop ("Give at least 30 minutes").
    """

    def __init__(self, rule: str, way_out: str) -> None:
        super().__init__(f"{rule}. {way_out}.")
        self.rule = rule
        self.way_out = way_out

    def problem(self, field: str, value: object) -> Problem:
        """The problem of the field that has this value."""
        return Problem(field=field, value=str(value), rule=self.rule, way_out=self.way_out)


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One thing wrong with a file. `field` is its path in the file, as in `database.port`."""

    field: str
    value: str
    rule: str
    way_out: str

    def __str__(self) -> str:
        field, value = shortened(self.field, LONGEST_VALUE), shortened(self.value, LONGEST_VALUE)
        rule, way_out = (shortened(text, LONGEST_SENTENCE) for text in (self.rule, self.way_out))
        return f"{field} {value} {rule}. {way_out}." if value else f"{field} {rule}. {way_out}."


class FileRefused(Exception):
    """A file with problems; `problems` has all of them, and the message is the report."""

    def __init__(self, file: str, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        lines = [f"  {number}. {problem}" for number, problem in enumerate(problems, start=1)]
        super().__init__("\n".join([f"{file}: {count}", *lines]))


def shortened(text: str, length: int) -> str:
    """A text for a person: not longer than this, and without a character that hides or reorders others."""
    short = text if len(text) <= length else f"{text[:length]}..."
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in short)
