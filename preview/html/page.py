"""The page: the change on top where there is a base, then what the stack is, in pictures and tables."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from preview.against import Against
from preview.deployed import Deployed
from preview.html import changes, sections
from preview.html.bars import connection_bars, memory_bars
from preview.html.markup import Markup, section, tag
from preview.html.topology import drawing
from preview.report import Report

STYLE = Path(__file__).with_name("style.css")
# Nothing is fetched and nothing runs, whatever a stack file says.
POLICY = "default-src 'none'; style-src 'unsafe-inline'"
RUNBOOK = "docs/runbook.md"


def page(report: Report, differing: Against | Deployed | None, *, runbook: str | None) -> str:
    """The whole document. `runbook`: where a link leads from the page to the runbook; None where it cannot."""
    stack, region = report.first.stack, report.platform.settings.region
    title = f"{report.first.project} / {stack}"
    parts = list(_parts(report, differing, runbook))
    head = tag(
        "head", tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", http_equiv="Content-Security-Policy", content=POLICY), tag("title", title),
        tag("style", Markup(STYLE.read_text(encoding="utf-8"))),
    )  # fmt: skip
    links = [tag("a", name, href=f"#{id_}") for id_, name, _ in parts]
    header = tag(
        "header", tag("h1", title), tag("p", f"{_what(differing)} Region {region}.", class_="sub"),
        tag("nav", links, aria_label="Parts of this page"),
    )  # fmt: skip
    footer = tag(
        "footer",
        tag("p", "Made offline from the stack file and the program; AWS was not asked, and nothing was changed."),
    )
    body = tag("body", header, tag("main", [part for _, _, part in parts]), footer)
    return f"<!DOCTYPE html>\n{tag('html', head, body, lang='en')}\n"


def runbook_from(page_: Path, project: Path) -> str | None:
    """The way from a page to the runbook; None for a page that is not in the project, where it would name a machine."""
    folder, root = page_.resolve().parent, project.resolve()
    return os.path.relpath(root / RUNBOOK, folder) if folder.is_relative_to(root) else None


def _what(differing: Against | Deployed | None) -> str:
    if isinstance(differing, Against):
        return f"A PostgreSQL database on AWS, compared with {differing.version.name}."
    if differing is not None:
        return f"A PostgreSQL database on AWS, compared with {differing.source}."
    return "A PostgreSQL database on AWS, as its stack file makes it."


def _parts(
    report: Report, differing: Against | Deployed | None, runbook: str | None
) -> Iterator[tuple[str, str, Markup]]:
    if differing is not None:
        yield "changes", "Change", changes.part(differing)
    yield "overview", "Overview", sections.overview(report)
    yield "topology", "Network", section(
        "topology", "Where it stands",
        "Application hosts send to the PgBouncer beside them, which keeps few connections to the database. Writes go "
        "to the primary. Reads go to replicas, which are a moment behind.",
        drawing(report), sections.instances(report),
    )  # fmt: skip
    yield (
        "connections",
        "Connections",
        section("connections", "Connections", sections.about_connections(report), connection_bars(report)),
    )
    yield "memory", "Memory", section(
        "memory", "Memory",
        "The worst case: every session sorts and every autovacuum worker runs. What is above the class would end "
        "PostgreSQL.",
        memory_bars(report),
    )  # fmt: skip
    yield "cost", "Cost", sections.cost(report)
    yield "alarms", "Alarms", sections.alarms(report, runbook)
    yield "parameters", "Parameters", sections.parameters(report)
    yield "words", "Words", sections.words()
