"""Preview pages for people, a module for each question that a reader has."""

from __future__ import annotations

from collections.abc import Sequence

from blueprint.problems import Problem
from preview.against import Against
from preview.deployed import Deployed
from preview.effects.model import Effect, Line
from preview.page import Page, Row
from preview.report import Report
from preview.text import alarms, capacity, changes, effects, inventory, overview, rehearsed
from preview.units import count
from recording.plan import source


def show(report: Report, *, everything: bool) -> None:
    """Print the report to standard output: what to decide on, or with `everything` also all that it makes."""
    page = Page()
    page.title(
        f"{report.first.project} / {report.first.stack}",
        f"{report.platform.settings.region}  offline preview: no account was asked, nothing was changed",
    )
    _stack(page, report, everything=everything)


def _stack(page: Page, report: Report, *, everything: bool) -> None:
    """What the stack is, whatever stands."""
    overview.show(page, report)
    capacity.show(page, report, everything=everything)
    alarms.show(page, report)
    if everything:
        inventory.show(page, report)
    else:
        resources, outputs = count(len(report.first.resources), "resource"), count(len(report.outputs), "output")
        command = f"make preview STACK={report.first.stack} ARGS=--all"
        page.heading("Not shown", f"{resources}, parameters left at defaults, {outputs}: {command}")


def _stack_below(page: Page, report: Report, *, everything: bool) -> None:
    page.part(f"{report.first.project} / {report.first.stack}", "all of it, as these files make it")
    _stack(page, report, everything=everything)


def show_changes(against: Against, *, everything: bool = False) -> None:
    """Print what differs from the other version to standard output, and below it what `show` prints."""
    page, comparison = Page(), against.comparison
    _change(page, against)
    changes.show(page, comparison, settings=not against.lines)
    if comparison.nothing:
        page.heading("Nothing differs")
    _not_compared(page, against, "secrets, of which that version's preview does not say whether they differ")
    if comparison.before and not comparison.nothing:
        page.heading("Offline", f"updated or replaced: as measured of {source()}; what AWS has may differ")
    _stack_below(page, against.report, everything=everything)


def show_rehearsal(against: Against) -> None:
    """Print what a change does and what clients saw of it to standard output: how `show_changes` begins."""
    page = Page()
    _change(page, against)
    if against.comparison.nothing:
        page.heading("Nothing differs")


def _change(page: Page, against: Against) -> None:
    """What a change does, as far as it may be done, and what clients saw of it."""
    comparison, report, name = against.comparison, against.report, against.version.name
    page.title(
        f"{report.first.project} / {report.first.stack}",
        f"{report.platform.settings.region}  compared offline with {name}",
    )
    if not comparison.before:
        page.table([(f"{name} has no Pulumi.{report.first.stack}.yaml: everything is new",)])
    settings = count(len(comparison.sections.get("settings", ())), "change")
    page.table(
        [
            *_verdict(against),
            ("settings", settings if comparison.before else "all"),
            ("resources", changes.counted(comparison.resources)),
            ("policy", overview.verdict(report)),
        ]
    )
    _refused(page, against.refused)
    if report.stopped:
        page.heading("Stops this stack", "whether it is new or not")
        page.table([(violation.message,) for violation in report.stopped])
    effects.show(page, against.lines, against.rehearsed)
    if against.rehearsed:
        rehearsed.show(page, against.lines, against.rehearsed)


def show_deployed(deployed: Deployed, *, everything: bool = False) -> None:
    """Print what differs from what is deployed to standard output, and below it what `show` prints."""
    page, report = Page(), deployed.report
    page.title(
        f"{report.first.project} / {report.first.stack}",
        f"{report.platform.settings.region}  compared with {deployed.source}; AWS itself was not asked",
    )
    page.table([*_worst(deployed.lines), ("policy", overview.verdict(report))])
    _refused(page, deployed.refused)
    effects.show_operations(page, deployed.lines)
    if not deployed.lines:
        page.heading("Nothing differs")
    _not_compared(page, deployed, "encrypted in the export; --show-secrets of `pulumi stack export` opens it")
    if deployed.lines:
        page.heading("Offline", f"updated or replaced: as measured of {source()}; what AWS has may differ")
    _stack_below(page, report, everything=everything)


def _not_compared(page: Page, differing: Against | Deployed, why: str) -> None:
    if differing.sealed:
        page.heading("Not compared", why)
        prefix = f"{differing.report.platform.naming.prefix}-"
        page.table([(name.removeprefix(prefix), ", ".join(keys)) for (_, name), keys in differing.sealed.items()])


def _refused(page: Page, refused: Sequence[Problem]) -> None:
    if refused:
        page.heading("Refused", "Pulumi or RDS would not do it, or not so")
        page.table([(str(problem),) for problem in refused])


def _verdict(against: Against) -> list[Row]:
    if not against.comparison.before or against.comparison.nothing:
        return []
    return [*_worst(against.lines), ("cost", effects.more(against.cost))]


def _worst(lines: Sequence[Line]) -> list[Row]:
    """The worst of it in two lines, for a person who must say yes or no."""
    worst = max((line.effect for line in lines), default=Effect.NOTHING)
    window = any(line.needs_window for line in lines)
    return [("effect", effects.styled(worst)), ("window", "wanted: somebody is cut off" if window else "not needed")]
