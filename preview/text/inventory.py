"""Sections that list everything: resources by component, totals by type, stack outputs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from rich.text import Text

from preview.page import Page, Row
from preview.report import Report
from preview.text.names import merged, short_type
from preview.units import count
from recording.recording import Component, Registration, Secret, Unknown

MADE_UP = "~"


def show(page: Page, report: Report) -> None:
    """Its sections."""
    _resources(page, report)
    _totals(page, report)
    _outputs(page, report)


def _resources(page: Page, report: Report) -> None:
    page.heading("Resources", "by component, without the component's name")
    for component in report.first.components:
        total = count(len(component.resources), "resource")
        if component.registration is None:
            page.subheading("outside components", total)
        else:
            page.subheading(component.registration.name, f"{short_type(component.registration.type)}  {total}")
        page.table(list(_resource_rows(component)), indent=4)


def _totals(page: Page, report: Report) -> None:
    by_service: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for type_, total in report.totals.items():
        service, _, kind = short_type(type_).partition(".")
        by_service[service].append((-total, kind))
    page.heading("Totals by type")
    page.table(
        [
            (service, str(-sum(total for total, _ in kinds)).rjust(3),
             ", ".join(f"{-total} {kind}" for total, kind in sorted(kinds)))
            for service, kinds in sorted(by_service.items())
        ]
    )  # fmt: skip


def _resource_rows(component: Component) -> Iterator[Row]:
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for resource in component.resources:
        groups[short_type(resource.type), _marks(resource)].append(component.short_name(resource))
    for (type_, marks), names in groups.items():
        listed = Text(", ".join(merged(names)))
        if marks:
            listed.append(f"  [{marks}]", "green")
        yield type_, str(len(names)).rjust(2), listed


def _marks(resource: Registration) -> str:
    marks = (("protected", resource.protect), ("kept when deleted", resource.retain_on_delete))
    return ", ".join(mark for mark, holds in marks if holds)


def _outputs(page: Page, report: Report) -> None:
    page.heading("Outputs", f"{MADE_UP} marks what only a deployment tells: the form is right, the ids are made up")
    for value in report.outputs:
        page.table([(value.output.name, Text(value.output.description, "dim"))])
        leaves = list(_leaves(value.first, value.update))
        joined = ", ".join(text for _, text in leaves)
        if len(joined) < page.columns - 8:
            leaves = [(max((mark for mark, _ in leaves), default=""), joined or "none")]
        page.table([(mark.ljust(1), text) for mark, text in leaves], indent=4, whole=True)


def _leaves(first: Any, update: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Mark and text of each part of an output; `first` tells which of them are known before a deployment."""
    if isinstance(update, Mapping):
        for key, item in sorted(update.items()):
            yield from _leaves(_part(first, key), item, f"{path}.{key}" if path else str(key))
    elif isinstance(update, list):
        for index, item in enumerate(update):
            numbered = f"{path}[{index}]" if isinstance(item, list | Mapping) else path
            yield from _leaves(_part(first, index), item, numbered)
    else:
        text = "(secret)" if isinstance(update, Secret) else str(update)
        yield MADE_UP if isinstance(first, Unknown) else "", f"{path}: {text}" if path else text


def _part(value: Any, key: Any) -> Any:
    return value if isinstance(value, Unknown) else value[key]
