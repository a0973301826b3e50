"""The command of a rehearsal: what is refused as a preview refuses it, what is rehearsed, and the report."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from local.rehearsal.errors import RehearsalError
from local.rehearsal.rehearse import keep, rehearse
from preview import text
from preview.against import REFUSALS, Against, compared
from preview.rehearsed import failed
from preview.versions import opened

FAILED, REFUSED_CHANGE = 1, 3  # as `python -m preview`


@dataclass(frozen=True)
class Outcome:
    """A comparison, with what was seen where the change could be rehearsed."""

    against: Against

    @property
    def code(self) -> int:
        """The command's exit code."""
        if self.against.refused:
            return REFUSED_CHANGE
        seen = self.against.rehearsed
        wrong = seen is not None and failed(self.against.lines, seen)
        return FAILED if wrong or self.against.report.stopped else 0

    def show(self, *, as_json: bool) -> None:
        """Print the report to standard output."""
        if as_json:
            print(json.dumps(self.against.document(), indent=2))
        else:
            text.show_rehearsal(self.against)


def rehearsed(project: Path, stack: str, asked: str, say: Callable[[str], None]) -> Outcome:
    """Compare both versions, and rehearse the change from the other one to this, unless it is refused or is none.

    Raises `RehearsalError` for what a user can mend.
    """
    try:
        with opened(project, asked) as version:
            say(f"Running the program of {version.name} too")
            against = replace(compared(project, stack, version), rehearsed=None)
            if not against.comparison.before:
                raise RehearsalError(
                    f"{version.name} has no Pulumi.{stack}.yaml, so there is nothing that could change. "
                    f"make up STACK={stack} brings it up."
                )
            if against.refused or against.report.stopped or against.comparison.nothing:
                return Outcome(against)
            seen = rehearse(project, against, say)
    except REFUSALS as refusal:
        raise RehearsalError(str(refusal)) from None
    keep(project, stack, seen)
    return Outcome(replace(against, rehearsed=seen))
