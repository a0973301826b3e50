"""The generated parts of docs/: up to date, and made of well-formed tables and charts."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from documents import charts, inventory, network, outputs, privileges
from documents.markdown import part_names, replaced, table
from documents.mermaid import Flow
from documents.parts import DOCUMENTS, PARTS, rendered
from documents.stacks import Stack
from tests.docs import blocks, read
from tests.documents import sources, stack
from tests.recordings import ROOT, STACKS


@pytest.mark.parametrize("document", DOCUMENTS)
def test_a_document_is_as_make_docs_would_write_it(document: str) -> None:
    assert read(document) == rendered(read(document), sources()), "run make docs"


def test_every_document_with_generated_parts_is_rendered_and_every_part_is_used() -> None:
    marked = {
        str(path.relative_to(ROOT)): part_names(path.read_text(encoding="utf-8"))
        for path in [*(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md")]
    }
    elsewhere = {"docs/changes.md": ["rehearsals", "edits"]}  # which `python -m tests.engine.edits` and others render
    assert {name: parts for name, parts in marked.items() if name in elsewhere} == elsewhere
    assert {name for name, parts in marked.items() if parts} - elsewhere.keys() == set(DOCUMENTS)
    assert {part for name, parts in marked.items() if name not in elsewhere for part in parts} == set(PARTS)


def test_a_part_is_replaced_and_the_prose_around_it_stays() -> None:
    document = (
        "before\n\n<!-- generated: one -->\nold\n<!-- end -->\n\nbetween\n\n<!-- generated: two -->\n<!-- end -->\n"
    )
    assert replaced(document, {"one": "new", "two": "| a |"}) == (
        "before\n\n<!-- generated: one -->\n\nnew\n\n<!-- end -->\n\n"
        "between\n\n<!-- generated: two -->\n\n| a |\n\n<!-- end -->\n"
    )


def test_rendering_twice_is_rendering_once() -> None:
    document = "<!-- generated: one -->\n<!-- end -->\n"
    once = replaced(document, {"one": "text"})
    assert replaced(once, {"one": "text"}) == once


def test_a_part_that_nothing_makes_is_refused() -> None:
    with pytest.raises(KeyError, match="nobody"):
        rendered("<!-- generated: nobody -->\n<!-- end -->\n", sources())


def test_a_cell_with_a_bar_is_refused() -> None:
    with pytest.raises(AssertionError):
        table(("a", "b"), [("1|2", "3")])


def test_no_generated_part_shows_a_made_up_id_or_a_secret() -> None:
    examples = {"outputs", "replica-fields", "settings"}  # which say that theirs are
    text = "\n".join(PARTS[name](sources()) for name in PARTS if name not in examples)
    assert re.findall(r"123456789012|\b[0-9a-f]{17}\b|SCRAM-SHA-256\$|aA1-", text) == []


# Charts


def test_labels_and_ids_cannot_break_a_chart() -> None:
    flow = Flow("LR")
    with flow.group("a-b", 'say "hello"'):
        flow.node("end", "one", "two", store=True)
    flow.edge("end", "a-b", "5432", dotted=True)
    assert flow.text() == (
        '```mermaid\nflowchart LR\n  subgraph a_b["say #quot;hello#quot;"]\n    end_[("one<br/>two")]\n  end\n'
        '  end_ -.->|"5432"| a_b\n```'
    )


def test_an_edge_to_nobody_and_a_second_node_are_refused() -> None:
    flow = Flow("LR")
    flow.node("one", "one")
    with pytest.raises(AssertionError, match="no node two"):
        flow.edge("one", "two")
    with pytest.raises(AssertionError, match="a second node one"):
        flow.node("one", "one")


_NODE = r'\w+(?:\["[^"|]*"\]|\[\("[^"|]*"\)\])?'
_LINE = re.compile(
    rf'flowchart (?:LR|TB)|subgraph \w+\["[^"]*"\]|end|{_NODE}(?: (?:-->|-\.->)(?:\|"[^"]*"\|)? {_NODE})*'
)


def flow_charts() -> list[tuple[str, str]]:
    return [
        (document, chart)
        for document in DOCUMENTS
        for chart in blocks(read(document), "mermaid")
        if chart.startswith("flowchart")
    ]


@pytest.mark.parametrize(("document", "chart"), flow_charts(), ids=lambda value: value.splitlines()[0])
def test_every_line_of_a_flow_chart_has_a_known_form_and_frames_are_closed(document: str, chart: str) -> None:
    lines = [line.strip() for line in chart.splitlines() if line.strip()]
    assert [line for line in lines if not _LINE.fullmatch(line)] == []
    assert sum(line.startswith("subgraph ") for line in lines) == lines.count("end")


def test_every_chart_of_the_architecture_is_one_of_two_kinds() -> None:
    kinds = [chart.split(maxsplit=1)[0] for chart in blocks(read("docs/architecture.md"), "mermaid")]
    assert sorted(kinds) == ["flowchart"] * 5 + ["sequenceDiagram"]


# What the tables say, against what is registered


def test_ids_are_resolved_to_the_resource_that_has_them() -> None:
    prod = stack("prod")
    topic = prod.recording.one("aws:sns/topicPolicy:TopicPolicy", "langpont-prod-monitoring-alerts-policy")
    assert prod.of_id(topic.inputs["arn"]).name == "langpont-prod-monitoring-alerts"
    assert prod.readable(topic.inputs["arn"]) == "monitoring-alerts"
    assert prod.readable("arn:aws:ec2:ap-northeast-1:123456789012:instance/*") == (
        "arn:aws:ec2:ap-northeast-1:<account>:instance/*"
    )


def test_the_network_chart_leads_each_zone_through_its_own_gateway_in_prod_and_through_one_in_staging() -> None:
    def ways(name: str) -> set[tuple[str, str]]:
        found = re.findall(r'application_(\w+) -->\|"443"\| public_(\w+)', network.diagram(stack(name)))
        return {(source[-2:], target[-2:]) for source, target in found}

    assert ways("prod") == {("1a", "1a"), ("1c", "1c"), ("1d", "1d")}
    assert ways("staging") == {("1a", "1a"), ("1c", "1a"), ("1d", "1a")}
    assert ways("dev") == set()


@pytest.mark.parametrize("name", STACKS)
@pytest.mark.parametrize("part", [
    network.diagram, network.subnets_table, network.routes_table, network.rules_table,
    charts.components, charts.data_path, charts.monitoring,
    inventory.resources, inventory.instances, inventory.alarms, inventory.parameters,
    privileges.iam, privileges.trust, privileges.topics, privileges.database,
])  # fmt: skip
def test_every_part_can_be_made_of_every_stack(name: str, part: Callable[[Stack], str]) -> None:
    assert part(stack(name))


def test_the_arrows_between_components_are_those_of_the_program() -> None:
    arrows = set(re.findall(r"langpont_prod_(\w+) --> langpont_prod_(\w+)", charts.components(stack("prod"))))
    assert {target for source, target in arrows if source == "db"} == {
        "access", "backups", "functions", "monitoring", "pooler", "secret_values",
    }  # fmt: skip
    assert {source for source, target in arrows if target == "db"} == {"keys", "network", "secrets", "security_groups"}


def test_a_replica_s_fields_are_those_of_any_stack_that_has_one() -> None:
    shown = outputs.replica_fields(stack("dev"), [stack("dev"), stack("staging")])
    assert '| `identifier` | string | `"langpont-staging-replica-1"` |' in shown
    assert outputs.replica_fields(stack("dev"), [stack("dev")]) == "No stack has a replica."


def test_the_table_of_stacks_counts_what_the_stack_files_ask_for() -> None:
    header, _, *rows = (
        line.strip("| ").split(" | ") for line in inventory.stacks(list(map(stack, STACKS))).split("\n")
    )
    counted = {row[0]: row[1:] for row in rows}
    assert header == ["what", "`dev`", "`staging`", "`prod`"]
    assert {what: counted[what] for what in (
        "database instances", "NAT gateways", "interface endpoints", "customer-managed keys",
        "RDS budget, USD a month", "deletion policy",
    )} == {
        "database instances": ["1", "2", "3"],
        "NAT gateways": ["0", "1", "3"],
        "interface endpoints": ["1", "0", "0"],
        "customer-managed keys": ["0", "6", "7"],
        "RDS budget, USD a month": ["60", "400", "600"],
        "deletion policy": ["disposable", "protected", "protected"],
    }  # fmt: skip
    recorded = [stack(name).recording for name in STACKS]
    assert counted["resources, as the CLI counts them"] == [str(len(each.registrations) + 1) for each in recorded]
    assert counted["of these, made by a provider"] == [str(len(each.resources)) for each in recorded]
