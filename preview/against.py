"""`--against`: a stack compared with the same stack in another version of the program or of its stack file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi

from blueprint.problems import Problem
from policy import ConfigurationRefused
from preview.cost import Estimate, estimate
from preview.cost import of_document as counted
from preview.difference import Comparison, as_document, compare
from preview.document import document
from preview.effects.document import cost_document, effects_document, problems
from preview.effects.lines import lines
from preview.effects.model import Line
from preview.own_prices import PricesRefused
from preview.rehearsed import Rehearsed, of_change, verdicts
from preview.report import Report, preview
from preview.standing import of_document
from preview.transitions import protected, refusals
from preview.versions import Version, VersionError, previewing
from recording import stack_files
from recording.answers import Answers
from recording.engine import EngineRefusal
from recording.plan import Key, plan

# What a user can mend, with the way out in its message.
REFUSALS = (
    stack_files.StackFileError, EngineRefusal, ConfigurationRefused, VersionError, PricesRefused, pulumi.RunError,
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Against:
    """The stack as it is, the version that it was compared with, and what differs between the two.

    `rehearsed`: what clients saw of this change on one machine; None where it was not rehearsed last.
    """

    report: Report
    version: Version
    comparison: Comparison
    lines: tuple[Line, ...]
    sealed: Mapping[Key, tuple[str, ...]]
    rehearsed: Rehearsed | None = None

    @property
    def cost(self) -> Estimate:
        """How much more a month than the other version."""
        region = self.report.platform.settings.region
        return self.report.cost - estimate(counted(self.comparison.before), region, self.report.prices)

    @property
    def refused(self) -> tuple[Problem, ...]:
        """What must not be deployed over that version, though each of the two is right by itself."""
        return (*refusals(self.comparison.before, self.comparison.after), *protected(self.lines))

    def document(self) -> dict[str, Any]:
        """For `--json`: project, stack, region, against (asked, commit or null, hasStack), refused and what differs.

        `cost`: how much more a month, as a change has it. `effect`, `needsWindow`, `changes` and `notCompared` are
        those of `preview.effects.document`, `resources` and `sections` those of `preview.difference.as_document`.
        `rehearsed`: the measurement of a rehearsal, with a verdict for each of `changes`; or null.
        """
        against = {
            "asked": self.version.asked, "commit": self.version.commit, "hasStack": bool(self.comparison.before)
        }  # fmt: skip
        whole = {key: self.comparison.after[key] for key in ("project", "stack", "region")}
        return (
            whole
            | {"against": against, "refused": problems(self.refused)}
            | effects_document(self.lines, self.sealed)
            | {"cost": cost_document(self.cost), "rehearsed": self._rehearsed()}
            | as_document(self.comparison)
        )

    def _rehearsed(self) -> dict[str, Any] | None:
        seen = self.rehearsed
        if seen is None:
            return None
        return seen.to_json() | {"verdicts": [each.value for each in verdicts(self.lines, seen)]}


def compared(project: Path, stack: str, version: Version) -> Against:
    """Preview the stack here and, at the same time in a process of its own, as the other version's program makes it.

    Raises what `preview.report.preview` raises, and `VersionError`.
    """
    file = stack_files.load(project, stack)
    with previewing(version, stack) as other:
        report = preview(project, stack)
        after = document(report) | {"settings": file.shown()}
        comparison = compare(other.document(), after)
    if not comparison.before:  # a stack that is new touches nobody
        return Against(report=report, version=version, comparison=comparison, lines=(), sealed={})
    standing, answers = of_document(comparison.before), Answers(file.config["aws:region"])
    whole = plan(file, standing, answers)
    told = lines(
        file, standing, whole, before=comparison.before["settings"], settings=comparison.sections["settings"],
        answers=answers,
    )  # fmt: skip
    return Against(
        report=report, version=version, comparison=comparison, lines=tuple(told), sealed=whole.sealed,
        rehearsed=of_change(project, stack, comparison),
    )  # fmt: skip
