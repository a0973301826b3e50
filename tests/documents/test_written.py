"""What the documents tell their readers to type and to follow: AWS commands, settings, sections that lead on."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import botocore.session
import pytest
from botocore import xform_name

from blueprint.stack_file.load import load
from tests.docs import DOCUMENTS, blocks, headings, read, settings_blocks, table
from tests.recordings import PROJECT, REGION, ROOT, changed, frozen

RUNBOOK = "docs/runbook.md"
GLOBAL = {"cli-input-json", "output", "query", "region"}
# Commands that the AWS CLI adds to the API, with their options.
OF_THE_CLI = {
    ("rds", "generate-db-auth-token"): {"hostname", "port", "username"},
    ("logs", "tail"): {"since", "filter-pattern"},
}


def aws_commands(document: str) -> Iterator[tuple[str, str, set[str]]]:
    """Service, command and options of every `aws` command in a code block."""
    for block in blocks(read(document), r"(?:bash)?"):
        text = block.replace("\\\n", " ")
        for found in re.finditer(r"\baws ([a-z0-9]+) ([a-z-]+)((?: wait)?[^\n|]*)", text):
            yield found[1], found[2], set(re.findall(r"(?<= )--([a-z-]+)", found[3].split("; \\")[0]))


AWS = [(document, *command) for document in DOCUMENTS for command in aws_commands(document)]


@pytest.mark.parametrize(
    ("document", "service", "command", "options"), AWS, ids=lambda v: v if isinstance(v, str) else ""
)
def test_an_aws_command_exists_with_its_options(document: str, service: str, command: str, options: set[str]) -> None:
    if (service, command) in OF_THE_CLI:
        assert options - GLOBAL <= OF_THE_CLI[service, command]
        return
    if command == "wait":
        return
    model = botocore.session.get_session().get_service_model(service)
    operation = {xform_name(name, "-"): name for name in model.operation_names}[command]
    shape = model.operation_model(operation).input_shape
    members = {xform_name(member, "-") for member in shape.members} if shape else set()
    assert {
        each for each in options - GLOBAL if each not in members and each.removeprefix("no-") not in members
    } == set()


def test_aws_commands_were_found() -> None:
    assert ("docs/access.md", "ssm", "start-session") in {each[:3] for each in AWS}
    assert len(AWS) > 20


def settings() -> Iterator[tuple[str, dict[str, Any]]]:
    for document in ("docs/access.md", "docs/scaling.md", "docs/settings.md", "docs/stacks.md"):
        for block in settings_blocks(read(document)):
            yield document, block


@pytest.mark.parametrize(
    ("document", "block"), list(settings()), ids=lambda v: v if isinstance(v, str) else ",".join(v)
)
def test_every_setting_that_a_document_shows_loads(document: str, block: dict[str, Any]) -> None:
    stack = "dev" if "schedule" in block else "prod"  # which has replicas
    config = changed(frozen(stack), block).config
    own = {key.removeprefix(f"{PROJECT}:"): json.loads(v) for key, v in config.items() if key.startswith(f"{PROJECT}:")}
    load(own, environment=stack, region=REGION)


def test_every_failure_of_the_overview_has_a_section_and_every_section_a_line() -> None:
    text = read("docs/disaster-recovery.md")
    overview = text.split("## At a glance")[1].split("\n## ")[0]
    documented = re.findall(r"^\| \[[^]]+\]\(#([\w-]+)\)", overview, re.MULTILINE)
    apart = {"At a glance", "Measured", "Maintenance", "Who hears of it", "Drills"}
    sections = [
        heading.lower().replace(" ", "-").replace(",", "") for heading in headings(text, 2) if heading not in apart
    ]
    assert documented == sections


def test_the_outages_of_maintenance_are_counted_against_99_95_percent() -> None:
    minor, failover, times = 10, 2, 4
    leaves = {days: round(days * 24 * 60 * 0.0005, 1) for days in (30, 365)}
    text = read("docs/disaster-recovery.md")
    assert table(text, "99.95 % leaves", "of it maintenance takes", "left for everything else") == [
        (f"{leaves[30]} minutes in 30 days", "10, in a month with a minor version", f"{leaves[30] - minor:.1f}"),
        (
            f"{leaves[365]} minutes in a year",
            f"{times} x {minor} + {times} x {failover} = {times * (minor + failover)}",
            f"{leaves[365] - times * (minor + failover):.1f}",
        ),
    ]


@pytest.mark.parametrize("key", headings(read(RUNBOOK), 2))
def test_a_section_of_the_runbook_has_something_to_run_or_leads_to_it(key: str) -> None:
    section = read(RUNBOOK).split(f"\n## {key}\n")[1].split("\n## ")[0]
    own = blocks(section, "sql") or blocks(section, "bash")
    assert own or re.search(r"\]\(#[\w-]+\)", section.split("**Do**")[0].split("**Look at**")[1]), key


def test_every_decision_has_its_number_three_parts_and_a_line_in_the_list() -> None:
    adrs = sorted((ROOT / "docs" / "adr").glob("0*.md"))
    listed = table(read("docs/adr/README.md"), "", "decision")
    assert [(number, re.findall(r"\]\((.+?)\)", line)) for number, line in listed] == [
        (str(int(path.name[:4])), [path.name]) for path in adrs
    ]
    for path in adrs:
        text = path.read_text(encoding="utf-8")
        assert text.startswith(f"# {int(path.name[:4])}. "), path.name
        for part in ("Context", "Decision", "Consequences"):
            assert f"**{part}.**" in text, f"{path.name}: {part}"


def test_no_number_of_a_decision_is_lost() -> None:
    merged = [int(was.split(",")[0]) for was, _ in table(read("docs/adr/README.md"), "was", "now in")]
    kept = [int(path.name[:4]) for path in (ROOT / "docs" / "adr").glob("0*.md")]
    assert sorted(merged + kept) == list(range(1, max(kept) + 1))


def test_the_glossary_is_sorted_and_its_numbers_are_rows_of_the_deviations() -> None:
    words = [word for word, _ in table(read("docs/glossary.md"), "word", "meaning")]
    assert words == sorted(words, key=str.lower)
    numbers = {word for word in words if re.fullmatch(r"[ES]\d+", word)}
    assert numbers == {"E7", "S5"}
    deviations = read("docs/deviations.md")
    assert all(re.search(rf"^(\| {number} |- \*\*{number}\*\* )", deviations, re.M) for number in numbers)
