"""A preview as a page for people, a module for each question that its reader has."""

from __future__ import annotations

from preview.page import Page
from preview.report import Report
from preview.text import alarms, capacity, inventory, overview
from preview.units import count


def show(report: Report, *, everything: bool) -> None:
    """Print the report to standard output: what to decide on, or with `everything` also all that it makes."""
    page = Page()
    overview.show(page, report)
    capacity.show(page, report, everything=everything)
    alarms.show(page, report)
    if everything:
        inventory.show(page, report)
    else:
        resources, outputs = count(len(report.first.resources), "resource"), count(len(report.outputs), "output")
        command = f"make preview STACK={report.first.stack} ARGS=--all"
        page.heading("Not shown", f"{resources}, parameters left at defaults, {outputs}: {command}")
