"""Page of `--against`: settings, warnings, policy, resources, instances, parameters, alarms, then all other values."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from rich.text import Text

from preview.difference import ABSENT, Comparison, Document, ResourceChange, ValueChange
from preview.page import Page, Row
from preview.text import alarms
from preview.text.names import merged, short_type
from preview.units import count, size

LONGEST_VALUE = 160  # characters of a value that is shown
STYLES = {"+": "green", "-": "red", "~": "yellow"}
# Told in words under a heading of their own, so not again input by input.
TOLD = {
    "aws:cloudwatch/metricAlarm:MetricAlarm": (
        "Alarms",
        ("alarmDescription", "comparisonOperator", "evaluationPeriods", "metricName", "metricQueries", "namespace",
         "period", "statistic", "extendedStatistic", "threshold", "treatMissingData", "unit"),
    ),
    "aws:rds/parameterGroup:ParameterGroup": ("Parameters", ("parameters",)),
}  # fmt: skip
WORDS_OF_ALARMS = ("severity", "namespace", "watches", "nextStep")  # what a line about an alarm does not have
PLAIN = {
    "connections": "Connections", "windows": "Windows", "storage": "Storage", "backups": "Backups",
    "network": "Network", "outputs": "Outputs", "stack": "Stack", "summary": "Summary",
}  # fmt: skip


def show(page: Page, comparison: Comparison, *, settings: bool = True) -> None:
    """All sections in which something differs; of a stack that is new, its resources alone.

    `settings`: whether those are listed, which the effects have for their headings.
    """
    if not comparison.before:
        _resources(page, comparison)
        return
    sections = comparison.sections
    if settings:
        _plain(page, "Settings", sections.get("settings", ()))
    _sentences(page, comparison)
    _resources(page, comparison)
    _instances(page, sections.get("instances", ()))
    _parameters(page, sections.get("parameters", ()))
    _alarms(page, comparison)
    told = {"settings", "instances", "parameters", "alarms", "warnings", "policy"}
    for key in [*PLAIN, *(key for key in sections if key not in PLAIN and key not in told)]:
        _plain(page, PLAIN.get(key, key), sections.get(key, ()))


def _sentences(page: Page, comparison: Comparison) -> None:
    """Warnings, and what the policy pack says, as they come or go."""
    warnings = [(_mark(change), visible(change.path[0])) for change in comparison.sections.get("warnings", ())]
    policy = [
        (_mark(change), visible(_finding(change)))
        for change in comparison.sections.get("policy", ())
        if change.path[0] != "rules"
    ]
    for heading, rows in (("Warnings", warnings), ("Policy", policy)):
        if rows:
            page.heading(heading)
            page.table(rows)


def _finding(change: ValueChange) -> str:
    value = change.after if change.after is not ABSENT else change.before
    if isinstance(value, dict) and "message" in value:
        return f"{value['level']}: {value['message']}"
    if isinstance(value, dict) and "reason" in value:
        return f"excepted: {value['resources']} from {value['rule']}: {value['reason']}"
    return f"{'.'.join(change.path)}: {both(change)}"


def _plain(page: Page, title: str, changes: Sequence[ValueChange]) -> None:
    if changes:
        page.heading(title)
        page.table(list(_value_rows(changes)))


def _resources(page: Page, comparison: Comparison) -> None:
    by_component: dict[str, list[ResourceChange]] = defaultdict(list)
    for change in comparison.resources:
        by_component[change.component].append(change)
    if by_component:
        page.heading("Resources", "by component, without the component's name; alike ones together")
    for component, changes in by_component.items():
        page.subheading(visible(component) or "outside components", counted(changes))
        page.table(list(_whole_rows(changes)), indent=4)
        for (type_, rows), names in _alike(changes).items():
            page.table([(_styled("~"), type_, str(len(names)).rjust(2), visible(", ".join(merged(names))))], indent=4)
            page.table([(_styled(mark), path, text) for mark, path, text in rows], indent=8)


def _whole_rows(changes: Sequence[ResourceChange]) -> Iterator[Row]:
    groups: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for change in changes:
        if not change.values:
            mark = "+" if change.before is None else "-"
            groups[mark, short_type(change.type), _kept(change)].append(_short(change))
    for (mark, type_, kept), names in groups.items():
        listed = Text(visible(", ".join(merged(names))))
        if kept:
            listed.append(f"  [{kept}]", "bold red" if mark == "-" else "green")
        yield _styled(mark), type_, str(len(names)).rjust(2), listed


def _kept(change: ResourceChange) -> str:
    side, gone = change.after or change.before or {}, change.after is None
    protected = "protected: Pulumi refuses to delete it" if gone else "protected"
    marks = ((protected, side.get("protect")), ("kept when deleted", side.get("retainOnDelete")))
    return ", ".join(mark for mark, holds in marks if holds)


def _alike(changes: Sequence[ResourceChange]) -> dict[tuple[str, tuple[tuple[str, str, str], ...]], list[str]]:
    """Names of changed resources of one type that change in the same way, by type and rows."""
    groups: dict[tuple[str, tuple[tuple[str, str, str], ...]], list[str]] = defaultdict(list)
    for change in changes:
        heading, inputs = TOLD.get(change.type, ("", ()))
        own = [value for value in change.values if value.path[0] != "inputs" or value.path[1] not in inputs]
        rows = [(_sign(v), visible(".".join(v.path).removeprefix("inputs.")), both(v)) for v in own]
        if len(own) < len(change.values):
            rows.append(("~", f"see {heading}", ""))
        if rows:
            groups[short_type(change.type), tuple(rows)].append(_short(change))
    return groups


def _instances(page: Page, changes: Sequence[ValueChange]) -> None:
    rows: list[Row] = []
    for change in changes:
        value = change.after if change.before is ABSENT else change.before
        if len(change.path) == 1 and isinstance(value, dict):
            keys = ("role", "instanceClass", "zone", "purpose")
            told = ", ".join(str(value[key]) for key in keys if value.get(key) is not None)
            rows.append((_mark(change), visible(change.path[0]), visible(told)))
        else:
            rows += _value_rows([change])
    if rows:
        page.heading("Instances")
        page.table(rows)


def _parameters(page: Page, changes: Sequence[ValueChange]) -> None:
    """By parameter, with the instances on which it changes alike; what `meaning` tells is not told again."""
    worded = {change.path[:2] for change in changes if change.path[2:] == ("meaning",)}
    alike: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for change in changes:
        identifier, *rest = change.path
        if not rest:
            value = change.after if change.before is ABSENT else change.before
            alike[_sign(change), "all", count(len(value), "parameter")].append(identifier)
        elif len(rest) == 1:
            sides = [side["meaning"] for side in (change.before, change.after) if side is not ABSENT]
            alike[_sign(change), rest[0], clipped(" -> ".join(sides))].append(identifier)
        elif change.path[:2] not in worded:
            alike[_sign(change), ".".join(rest), both(change)].append(identifier)
        elif rest[1] == "meaning":
            alike["~", rest[0], both(change)].append(identifier)
    if alike:
        page.heading("Parameters")
        page.table(
            [
                (_styled(mark), visible(name), told, visible(", ".join(on)))
                for (mark, name, told), on in alike.items()
            ],
            ("", "parameter", "what RDS gets", "on"),
        )  # fmt: skip


def _alarms(page: Page, comparison: Comparison) -> None:
    """Alarms before and after, alike ones on one line; those of an instance that is new or goes are counted."""
    changes = comparison.sections.get("alarms", ())
    before, after = (_by(side, "alarms", "name") for side in (comparison.before, comparison.after))
    roles = set(_by(comparison.before, "instances", "role")) ^ set(_by(comparison.after, "instances", "role"))
    whole: Counter[tuple[str, str]] = Counter()
    alike: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for name in dict.fromkeys(change.path[0] for change in changes):
        sides = [(mark, side[name]) for mark, side in (("-", before), ("+", after)) if name in side]
        told = [(mark, *alarms.row(alarm)) for mark, alarm in sides]
        on = sides[0][1]["instance"]
        if on in roles:
            whole[sides[0][0], on] += 1
        elif len(told) == 1 or told[0][1:] != told[1][1:]:
            for row in told:
                alike[row].append(on)
    worded: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for change in changes:
        if len(change.path) > 1 and change.path[1] in WORDS_OF_ALARMS:
            worded[_sign(change), ".".join(change.path[1:]), both(change)].append(visible(change.path[0]))
    if changes:
        page.heading("Alarms")
        page.table([(_styled(mark), f"all {total} of {visible(on)}") for (mark, on), total in whole.items()])
        rows: list[Row] = [
            (_styled(mark), *("\n".join(map(visible, cell.split("\n"))) for cell in row), visible(", ".join(on)))
            for (mark, *row), on in alike.items()
        ]
        page.table(rows, ("", "alarm", "when", "no data", "on") if rows else ())
        words = ((mark, f"{', '.join(merged(names))}, {key}: {text}") for (mark, key, text), names in worded.items())
        page.table([(_styled(mark), visible(sentence)) for mark, sentence in words])


def _by(document: Document, section: str, key: str) -> dict[str, Document]:
    return {item[key]: item for item in document.get(section, ())}


def counted(changes: Sequence[ResourceChange]) -> str:
    """`2 added, 0 removed, 1 changed`."""
    added = sum(change.before is None for change in changes)
    removed = sum(change.after is None for change in changes)
    return f"{added} added, {removed} removed, {len(changes) - added - removed} changed"


def _short(change: ResourceChange) -> str:
    return change.name.removeprefix(f"{change.component}-")


def _value_rows(changes: Sequence[ValueChange]) -> Iterator[Row]:
    for change in changes:
        yield _mark(change), visible(".".join(change.path)), both(change)


def _sign(change: ValueChange) -> str:
    return "+" if change.before is ABSENT else "-" if change.after is ABSENT else "~"


def _mark(change: ValueChange) -> Text:
    return _styled(_sign(change))


def _styled(mark: str) -> Text:
    return Text(mark, STYLES[mark])


def both(change: ValueChange) -> str:
    """A value before and after, as far as each side has one."""
    return " -> ".join(value(change.path, side) for side in (change.before, change.after) if side is not ABSENT)


def value(path: Sequence[str], side: Any) -> str:
    """One side of a change, as far as it may be shown."""
    if side == {"secret": True}:
        return "[secret]"
    if side == {"unknown": True}:
        return "[known after the deployment]"
    if path[-1:] and path[-1].endswith("Bytes") and isinstance(side, int | float):
        return size(side)
    return clipped(side if isinstance(side, str) else json.dumps(side, ensure_ascii=False, sort_keys=True))


def clipped(text: str) -> str:
    """Visible, and no longer than a reader bears."""
    text = visible(text)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]} ... ({len(text)} characters)"


def visible(text: str) -> str:
    """Text on one line without a character that hides or reorders others: those stand as `\\u202e`."""
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)
