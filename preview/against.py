"""`--against`: a stack compared with the same stack in another version of the program or of its stack file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from blueprint.problems import Problem
from preview.difference import Comparison, as_document, compare
from preview.document import document
from preview.report import Report, preview
from preview.transitions import refusals
from preview.versions import Version, previewing
from recording import stack_files


@dataclass(frozen=True, kw_only=True)
class Against:
    """The stack as it is, the version that it was compared with, and what differs between the two."""

    report: Report
    version: Version
    comparison: Comparison

    @property
    def refused(self) -> tuple[Problem, ...]:
        """What must not be deployed over that version, though each of the two is right by itself."""
        return refusals(self.comparison.before, self.comparison.after)

    def document(self) -> dict[str, Any]:
        """For `--json`: project, stack, region, against (asked, commit or null, hasStack), refused and what differs.

        `resources` and `sections` are those of `preview.difference.as_document`.
        """
        against = {
            "asked": self.version.asked, "commit": self.version.commit, "hasStack": bool(self.comparison.before)
        }  # fmt: skip
        whole = {key: self.comparison.after[key] for key in ("project", "stack", "region")}
        refused = [
            {"field": each.field, "value": each.value, "rule": each.rule, "wayOut": each.way_out}
            for each in self.refused
        ]
        return whole | {"against": against, "refused": refused} | as_document(self.comparison)


def compared(project: Path, stack: str, version: Version) -> Against:
    """Preview the stack here and, at the same time in a process of its own, as the other version's program makes it.

    Raises what `preview.report.preview` raises, and `VersionError`.
    """
    file = stack_files.load(project, stack)
    with previewing(version, stack) as other:
        report = preview(project, stack)
        after = document(report) | {"settings": file.sections()}
        return Against(report=report, version=version, comparison=compare(other.document(), after))
