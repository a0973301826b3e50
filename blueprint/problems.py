"""Error types of a stack file: one sentence with the field, the value, the rule and the way out."""

from __future__ import annotations

from dataclasses import dataclass


class Refused(ValueError):
    """A value that a rule refuses; whoever knows the field turns it into a `Problem`.

    `rule` continues a sentence that begins with the field and the value ("is shorter than 30 minutes").
    `way_out` is an imperative sentence without its full stop ("Give at least 30 minutes").
    """

    def __init__(self, rule: str, way_out: str) -> None:
        super().__init__(f"{rule}. {way_out}.")
        self.rule = rule
        self.way_out = way_out


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One thing wrong with a stack file. `field` is its path in the file, as in `database.port`."""

    field: str
    value: str
    rule: str
    way_out: str

    def __str__(self) -> str:
        subject = f"{self.field} {self.value}" if self.value else self.field
        return f"{subject} {self.rule}. {self.way_out}."
