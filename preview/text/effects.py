"""Top of a page of `--against`: what each changed setting does to the service, the worst first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from rich.text import Text

from preview.cost import Estimate
from preview.difference import ABSENT, ValueChange
from preview.effects.model import Consequence, Effect, Line, Touch, When
from preview.page import Page, Row
from preview.rehearsed import Rehearsed
from preview.text import rehearsed
from preview.text.changes import value, visible
from preview.text.names import merged, short_type

NONE = "none"
STYLES = {
    Effect.NOTHING: "green", Effect.RELOADED: "green", Effect.REBOOT: "yellow", Effect.RESTART: "yellow",
    Effect.FAILOVER: "yellow", Effect.REMOVED: "yellow",
}  # fmt: skip


def show(page: Page, lines: Sequence[Line], seen: Rehearsed | None = None) -> None:
    """A part for each line; nothing where nothing is done. `seen`: a rehearsal, for the local figure beside AWS's."""
    for line, measured in zip(lines, rehearsed.beside(lines, seen), strict=True):
        page.heading(visible(title(line)))
        costs = line.cost is not None and (line.cost.usd or line.cost.unknown) and line.effect is not Effect.REFUSED
        cost = [("cost", more(line.cost))] if costs and line.cost else []
        page.table([*_rows(line), *measured, *cost])


def show_operations(page: Page, lines: Sequence[Line]) -> None:
    """A part for each kind of operation, where no settings are known."""
    for line in lines:
        step = line.touches[0].step
        changed = f"  {', '.join(step.properties)}" if step.properties else ""
        page.heading(f"{step.call} {short_type(step.type)}{changed}")
        page.table(list(_rows(line)))


def title(line: Line) -> str:
    """The settings with their values before and after, or that there is none behind it."""
    changes = (ValueChange(path=(path,), before=old, after=new) for path, old, new in line.settings)
    return "; ".join("  ".join(told(change)) for change in changes) or "Without a changed setting"


def told(change: ValueChange) -> tuple[str, str]:
    """A setting's path, and its values before and after."""
    sides = (NONE if side is ABSENT else value(change.path, side) for side in (change.before, change.after))
    return ".".join(change.path), " -> ".join(sides)


def shown(line: Line) -> list[tuple[Touch, Consequence]]:
    """What a person is told: of what is refused, that alone, since nothing else happens."""
    refused = line.effect is Effect.REFUSED
    return [pair for pair in line.consequences if not refused or pair[1].effect is Effect.REFUSED]


def alike(line: Line) -> dict[Consequence, list[str]]:
    """The names of what has the same consequence, the worst first."""
    found: dict[Consequence, dict[str, None]] = defaultdict(dict)
    for touch, consequence in shown(line):
        found[consequence][touch.on] = None
    return {consequence: list(names) for consequence, names in found.items()}


def happens(names: Sequence[str], what: str, *, most: int | None = None) -> str:
    """What happens to one resource, or to each of several, of which the first `most` are named; `what` may be ""."""
    listed = list(merged(names))
    left = len(listed) - len(listed[:most])
    who = f"{', '.join(listed[:most])}{f' and {left} more' if left else ''}"
    return f"{'each of ' if len(names) > 1 else ''}{who} {what}" if what else who


def more(cost: Estimate) -> str:
    """A difference of two estimates in words."""
    lacking = "; ".join(f"{quantity:+} {item}, of unknown price" for item, quantity in cost.unknown.items())
    known = f"{cost.usd:+,.2f} USD a month" if cost.usd or not lacking else ""
    return "; ".join(part for part in (known if cost.usd else known and "the same", lacking) if part)


def styled(effect: Effect) -> Text:
    """An effect in its colour."""
    return Text(effect.value, STYLES.get(effect, "bold red"))


def _rows(line: Line) -> Iterator[Row]:
    for consequence, names in alike(line).items():
        yield styled(consequence.effect), Text(f"{happens(names, consequence.what)}{_sentence(consequence)}")
    if not line.touches:
        yield styled(Effect.NOTHING), Text("no resource changes")


def _sentence(consequence: Consequence) -> str:
    """How it goes on behind what happens."""
    parts = []
    if consequence.when is not When.AT_ONCE:
        parts.append(f", {consequence.when.value}")
    if consequence.takes:
        parts.append(f". Takes {consequence.takes.text} ({consequence.takes.source})")
    if consequence.cut_off:
        parts.append(f". Cut off: {consequence.cut_off}")
    if consequence.order:
        parts.append(f". Order: {consequence.order}")
    return "".join(parts)
