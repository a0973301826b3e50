"""What two previews differ in: on recordings of the real stacks, and on values made up."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from blueprint.platform import Platform
from preview.difference import ABSENT, LONGEST_VALUE, Difference, differences, lines, visible
from preview.document import document
from preview.report import Report, settings
from tests.recordings import STACKS, changed, frozen, record_with, sections

SMALLEST: dict[str, Any] = {"components": [], "instances": [], "warnings": []}


def previewed(stack: str, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The document of `--json`, of the stack with sections of its file overridden."""
    report = Report(
        platform=Platform(settings(changed(frozen(stack), changes))),
        first=record_with(stack, changes, preview=True),
        update=record_with(stack, changes),
    )
    read: dict[str, Any] = json.loads(json.dumps(document(report)))
    return read


def told(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    return lines(differences(before, after), before)


@pytest.mark.parametrize("stack", STACKS)
def test_a_stack_does_not_differ_from_itself(stack: str) -> None:
    assert told(previewed(stack, {}), previewed(stack, {})) == []


def test_a_changed_value_is_told_where_it_is_registered_and_what_it_means_and_nothing_else() -> None:
    before, after = previewed("dev", {}), previewed("dev", {"database": {"parameters": {"work_mem": "3MB"}}})
    memory = [instance["memory"]["totalBytes"] for doc in (before, after) for instance in doc["instances"]]
    assert told(before, after) == [
        "@@ resources: 0 added, 0 removed, 1 changed @@",
        "  aws:rds/parameterGroup:ParameterGroup langpont-dev-db-primary",
        "-   inputs.parameters.work_mem.value: 4096",
        "+   inputs.parameters.work_mem.value: 3072",
        "@@ instances @@",
        "  langpont-dev-db",
        "-   memory.workMemBytes: 4194304",
        "+   memory.workMemBytes: 3145728",
        f"-   memory.totalBytes: {memory[0]}",
        f"+   memory.totalBytes: {memory[1]}",
        "-   parameters.work_mem: 4096 kB = 4 MiB",
        "+   parameters.work_mem: 3072 kB = 3 MiB",
    ]


def test_a_protected_resource_that_goes_is_said_to_be_protected() -> None:
    (_, second) = sections("prod")["replicas"]
    shown = told(previewed("prod", {}), previewed("prod", {"replicas": [second]}))
    instance = "aws:rds/instance:Instance langpont-prod-db-replica-1"
    assert f"- {instance}  (protected: Pulumi refuses to delete it)" in shown
    assert shown[0].startswith("@@ resources: 0 added, ")


def test_a_new_resource_is_one_line() -> None:
    changes = {"network": {"vpc": {"natGateways": "single"}}}
    shown = told(previewed("dev", {}), previewed("dev", changes))
    assert "+ aws:ec2/natGateway:NatGateway langpont-dev-network-nat-ap-northeast-1a" in shown


def test_a_warning_comes_or_goes_as_a_whole_sentence() -> None:
    before, after = SMALLEST | {"warnings": ["One.", "Two."]}, SMALLEST | {"warnings": ["Two.", "Three."]}
    assert told(before, after) == ["@@ warnings @@", "- One.", "+ Three."]


def resource(**inputs: Any) -> dict[str, Any]:
    component = {"type": "t", "name": "c", "resources": [{"type": "t", "name": "r", "inputs": inputs}]}
    return SMALLEST | {"components": [component]}


def valued(before: Any, after: Any) -> list[Difference]:
    return differences(resource(value=before), resource(value=after))


PATH = ("resources", "t r", "inputs", "value")


@pytest.mark.parametrize(
    "before, after",
    [
        (1, 2),
        (True, 1),
        ("1", 1),
        ([1, 2], [2, 1]),
        ({"a": 1}, [1]),
        ({"secret": True}, "open"),
        ({"unknown": True}, {"a": 1}),
    ],
)
def test_a_value_of_another_kind_or_order_differs(before: Any, after: Any) -> None:
    assert valued(before, after) == [Difference(path=PATH, before=before, after=after)]


def test_objects_in_a_list_are_compared_by_what_identifies_them() -> None:
    before = [{"name": "a", "value": 1}, {"name": "b", "value": 1}]
    after = [{"name": "new", "value": 1}, {"name": "b", "value": 2}, {"name": "a", "value": 1}]
    assert valued(before, after) == [
        Difference(path=(*PATH, "b", "value"), before=1, after=2),
        Difference(path=(*PATH, "new"), before=ABSENT, after={"name": "new", "value": 1}),
    ]
    twice = [{"name": "a"}, {"name": "a"}]
    assert valued(twice, twice[:1]) == [Difference(path=PATH, before=twice, after=twice[:1])]


def test_a_policy_is_compared_statement_by_statement_though_it_is_a_text() -> None:
    before = json.dumps({"Statement": [{"Sid": "Read", "Action": ["a"]}, {"Sid": "Write", "Action": ["b"]}]})
    after = json.dumps({"Statement": [{"Sid": "Read", "Action": ["a", "*"]}, {"Sid": "Write", "Action": ["b"]}]})
    assert valued(before, after) == [
        Difference(path=(*PATH, "Statement", "Read", "Action"), before=["a"], after=["a", "*"])
    ]


def test_a_secret_an_unknown_and_a_long_value_are_shown_short() -> None:
    before = resource(secret={"secret": True}, late={"unknown": True}, long="x" * 1000)
    after = resource(secret="open", late="now", long="y")
    assert told(before, after)[2:] == [
        "-   inputs.secret: [secret]",
        "+   inputs.secret: open",
        "-   inputs.late: [known after the deployment]",
        "+   inputs.late: now",
        f"-   inputs.long: {'x' * LONGEST_VALUE} ... (1000 characters)",
        "+   inputs.long: y",
    ]


def test_no_character_hides_or_breaks_a_line() -> None:
    assert visible("a\nb\u202e\x1b[31m\u200b日本") == "a\\u000ab\\u202e\\u001b[31m\\u200b日本"
    shown = told(resource(), resource(**{"k\n@@ x @@": "v\r\n+ forged"}))
    assert shown[2:] == ["+   inputs.k\\u000a@@ x @@: v\\u000d\\u000a+ forged"]


@pytest.mark.parametrize("section", [1, "text", None, [], [1], {"a": {"b": 1}}, [{"name": "n", "x": 1}]])
def test_a_section_that_only_one_side_has_or_that_has_another_form_is_told(section: Any) -> None:
    with_it = SMALLEST | {"more": section, "summary": section}
    assert bool(told(SMALLEST, with_it)) == bool(told(with_it, SMALLEST))
    assert told(with_it, with_it) == []
