"""Section about alarms: the condition of each, alike ones on one line, and who hears of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from rich.text import Text

from blueprint.monitoring.alarm import Compare, Missing, Severity
from preview import document
from preview.page import Page
from preview.report import Report
from preview.units import amount, count, span

STATISTICS = {"Average": "average", "Maximum": "max", "Minimum": "min", "Sum": "sum", "SampleCount": "number of"}
WITHOUT_DATA = {
    Missing.BREACHING.value: "alarm",
    Missing.NOT_BREACHING.value: "OK",
    Missing.IGNORE.value: "as before",
    Missing.MISSING.value: "undecided",
}
HEARD = {Severity.CRITICAL: "someone gets up", Severity.WARNING: "someone looks in the morning"}


def show(page: Page, report: Report) -> None:
    """Its section, by severity."""
    alarms, everywhere = report.platform.alarms, {instance.role for instance in report.platform.instances}
    order = list(dict.fromkeys(alarm.key for alarm in alarms))
    on_instances = sum(alarm.instance in everywhere for alarm in alarms)
    published = f"{len(alarms) - on_instances} on what the platform publishes itself"
    page.heading("Alarms", f"{on_instances} on {count(len(everywhere), 'instance')}, {published}")
    for severity in Severity:
        alike: dict[tuple[str, ...], list[str]] = defaultdict(list)
        for alarm in sorted((a for a in alarms if a.severity is severity), key=lambda a: order.index(a.key)):
            alike[row(document.alarm(alarm))].append(alarm.instance)
        rows = [
            (*told, "all" if set(on) == everywhere and len(on) > 1 else ", ".join(on)) for told, on in alike.items()
        ]
        style = "red" if severity is Severity.CRITICAL else ""
        total = sum(len(on) for on in alike.values())
        page.subheading(Text(severity.value, style), f"{total}: {HEARD[severity]}")
        page.table(rows, ("alarm", "when", "no data", "on"))
    page.note("no data: the alarm's state then; undecided is CloudWatch's INSUFFICIENT_DATA, of which nobody is told.")


def row(alarm: Mapping[str, Any]) -> tuple[str, ...]:
    """What an alarm of the document says without its instance: alike on several instances, it is one line."""
    statistic = STATISTICS.get(alarm["statistic"], alarm["statistic"])
    metric = alarm["metric"].removeprefix(f"{alarm['instance']}-")
    sign = ">" if alarm["comparison"] == Compare.ABOVE.value else "<"
    when = f"{statistic} {metric} {sign} {amount(alarm['threshold'], alarm['unit'])}"
    if alarm.get("reasoned") is not None:
        when += f", reasoned {amount(alarm['reasoned'], alarm['unit'])}"
    when += f" for {span(alarm['periodSeconds'] * alarm['periods'])}"
    if alarm["expression"]:
        when += f"\nof {alarm['expression']}"
    missing = alarm["treatMissingData"]
    return alarm["name"].removeprefix(f"{alarm['instance']}-"), when, WITHOUT_DATA.get(missing, missing)
