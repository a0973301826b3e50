"""The change: the worst effect, what is refused, then each changed setting with everything that follows upon it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from preview.against import Against
from preview.deployed import Deployed
from preview.difference import ValueChange
from preview.effects.model import Consequence, Effect, Line, When
from preview.html.markup import Markup, section, table, tag, text
from preview.text import changes as change_words
from preview.text import effects, rehearsed
from preview.text.names import short_type
from preview.units import count
from recording.plan import source

CALM = {Effect.NOTHING, Effect.RELOADED}
WATCH = {Effect.REBOOT, Effect.RESTART, Effect.FAILOVER, Effect.REMOVED}


def part(differing: Against | Deployed) -> Markup:
    """All of it."""
    lines = differing.lines
    refused = [tag("li", str(problem)) for problem in differing.refused]
    against = differing if isinstance(differing, Against) else None
    title = "What this change does"
    if against and not against.comparison.before:
        name = against.version.name
        return section("changes", title, f"{name} has no such stack: everything is new, and nobody is cut off.")
    quiet = not lines and (against is None or against.comparison.nothing)
    return section(
        "changes", title, "Nothing differs." if quiet else "", tag("dl", list(_tiles(differing)), class_="tiles"),
        tag("div", tag("p", tag("strong", "Refused: Pulumi or RDS would not do it, or not so")), tag("ul", refused),
            class_="box bad") if refused else None,
        _not_compared(differing),
        [_change(line, seen) for line, seen in zip(lines, _seen(differing), strict=True)],
        tag("p", f"Updated or replaced: as measured of {source()}; what AWS has may differ.", class_="note"),
    )  # fmt: skip


def _not_compared(differing: Against | Deployed) -> Markup | None:
    """What is encrypted on the other side: nobody can say that nothing of it differs."""
    prefix = f"{differing.report.platform.naming.prefix}-"
    found = [
        tag("li", name.removeprefix(prefix), ": ", tag("code", ", ".join(keys)))
        for (_, name), keys in differing.sealed.items()
    ]
    told = tag("p", tag("strong", "Not compared, since it is encrypted there"))
    return tag("div", told, tag("ul", found), class_="box") if found else None


def _tiles(differing: Against | Deployed) -> Iterator[Markup]:
    worst = max((line.effect for line in differing.lines), default=Effect.NOTHING)
    window = any(line.needs_window for line in differing.lines)
    yield _tile("worst effect", _badge(worst), "")
    yield _tile("a window", "wanted" if window else "not needed", "somebody is cut off" if window else "")
    if isinstance(differing, Against):
        told, _, more = effects.more(differing.cost).partition("; ")
        amount, _, rest = told.partition(" a month")
        yield _tile("cost", amount, f"{'a month' if amount != told else ''}{rest}{'; ' * bool(more)}{more}")
        settings = count(len(differing.comparison.sections.get("settings", ())), "setting")
        yield _tile("changed", settings, change_words.counted(differing.comparison.resources).replace(" added", " new"))


def _tile(name: str, value: Any, more: str) -> Markup:
    return tag("div", tag("dt", name), tag("dd", value, tag("small", more) if more else None))


def _badge(effect: Effect) -> Markup:
    return tag("span", effect.value, class_=f"effect {_grade(effect)}")


def _grade(effect: Effect) -> str:
    return "calm" if effect in CALM else "watch" if effect in WATCH else "grave"


def _seen(differing: Against | Deployed) -> list[str]:
    """For each line what clients saw of it in a rehearsal; "" without one."""
    return rehearsed.sentences(differing.lines, differing.rehearsed if isinstance(differing, Against) else None)


def _change(line: Line, seen: str) -> Markup:
    rows = [
        (_badge(consequence.effect), _happens(consequence, names), *_details(consequence))
        for consequence, names in effects.alike(line).items()
    ]
    heads = ("effect", "what happens", "how long", "cut off", "when, in which order")
    made = table("Effects", heads, rows) if rows else tag("p", "No resource changes.", class_="more")
    costs = line.cost is not None and (line.cost.usd or line.cost.unknown) and line.effect is not Effect.REFUSED
    cost = tag("p", f"Cost: {effects.more(line.cost)}", class_="more") if costs and line.cost else None
    local = tag("p", f"Rehearsed on one machine: {seen}.", class_="more") if seen else None
    return tag("div", tag("h3", _title(line)), made, local, cost, class_="change")


def _happens(consequence: Consequence, names: Sequence[str]) -> str:
    told = effects.happens(names, consequence.what)
    return told if consequence.what else f"beside it: {told}"


def _title(line: Line) -> Markup:
    if not line.settings and len(line.touches) == 1:  # what is deployed: operations without their settings
        step = line.touches[0].step
        return text(step.call, " ", tag("code", f"{short_type(step.type)} {', '.join(step.properties)}".strip()))
    if not line.settings:
        return text(effects.title(line))
    told = [effects.told(ValueChange(path=(path,), before=old, after=new)) for path, old, new in line.settings]
    return text(
        [
            tag("span", tag("code", path), " ", values.replace(" -> ", " \u2192 "), class_="setting")
            for path, values in told
        ]
    )


def _details(consequence: Consequence) -> Iterator[Any]:
    takes = consequence.takes
    yield text(takes.text, tag("small", takes.source)) if takes else ""
    yield consequence.cut_off or "nobody"
    when = "" if consequence.when is When.AT_ONCE else consequence.when.value
    yield "; ".join(part for part in (when, consequence.order) if part)
