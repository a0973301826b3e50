"""What two previews differ in, as data and as a page: on recordings of the fixture stacks, and on values made up."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from blueprint.platform import Platform
from preview.difference import ABSENT, EMPTY, ValueChange, as_document, compare
from preview.document import document
from preview.page import Page
from preview.report import Report, settings
from preview.text.changes import LONGEST_VALUE, show, visible
from preview.transitions import refusals
from preview.units import size
from tests.recordings import STACKS, changed, frozen, record_with, sections

SMALLEST: dict[str, Any] = {"components": [], "instances": [], "alarms": [], "outputs": [], "warnings": []}
Told = Callable[[Mapping[str, Any], Mapping[str, Any]], list[str]]


def previewed(stack: str, changes: Mapping[str, Any]) -> dict[str, Any]:
    """What is compared: the document of `--json` with the settings, of the stack with sections overridden."""
    file = changed(frozen(stack), changes)
    report = Report(
        platform=Platform(settings(file)),
        first=record_with(stack, changes, preview=True),
        update=record_with(stack, changes),
    )
    read: dict[str, Any] = json.loads(json.dumps(document(report) | {"settings": file.sections()}))
    return read


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Told:
    """The lines of a page, without those that are empty."""

    def lines(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
        show(Page(), compare(before, after))
        return [line for line in capsys.readouterr().out.split("\n") if line]

    return lines


@pytest.mark.parametrize("stack", STACKS)
def test_a_stack_does_not_differ_from_itself(stack: str, told: Told) -> None:
    same = previewed(stack, {})
    assert compare(same, same).nothing
    assert told(same, same) == []


def test_a_changed_setting_is_told_with_what_is_registered_and_what_it_means_and_nothing_else(told: Told) -> None:
    before, after = previewed("dev", {}), previewed("dev", {"database": {"parameters": {"work_mem": "3MB"}}})
    old, new = (size(doc["instances"][0]["memory"]["totalBytes"]) for doc in (before, after))
    assert told(before, after) == [
        "Settings",
        "  ~  database.parameters.work_mem  4MB -> 3MB",
        "Resources  by component, without the component's name; alike ones together",
        "  langpont-dev-db  0 added, 0 removed, 1 changed",
        "    ~  rds.ParameterGroup   1  primary",
        "        ~  see Parameters",
        "Instances",
        "  ~  langpont-dev-db.memory.workMemBytes  4 MiB -> 3 MiB",
        f"  ~  langpont-dev-db.memory.totalBytes    {old} -> {new}",
        "Parameters",
        "     parameter  what RDS gets                       on",
        "  ~  work_mem   4096 kB = 4 MiB -> 3072 kB = 3 MiB  langpont-dev-db",
    ]


def test_a_replica_that_goes_takes_its_resources_and_alarms_along_and_is_said_to_be_protected(told: Told) -> None:
    (_, second) = sections("prod")["replicas"]
    lines = told(previewed("prod", {}), previewed("prod", {"replicas": [second]}))
    assert "    -  rds.Instance          1  replica-1  [protected: Pulumi refuses to delete it]" in lines
    assert "  -  langpont-prod-replica-1  replica-1, db.t3.medium, ap-northeast-1c, reads" in lines
    gone = [alarm for alarm in previewed("prod", {})["alarms"] if alarm["instance"] == "replica-1"]
    assert f"  -  all {len(gone)} of replica-1" in lines
    assert [line for line in lines if line.startswith("  -  replicas.1")] == [
        '  -  replicas.1  {"instanceClass": "db.t3.medium", "number": 1, "purpose": "reads", "zone": "ap-northeast-1c"}'
    ]


def test_an_alarm_is_told_in_words_before_and_after_and_alike_ones_once(told: Told) -> None:
    lines = told(previewed("prod", {}), previewed("prod", {"application": {"hosts": 3}}))
    start = lines.index("Alarms")
    assert [re.sub(" +", " ", line) for line in lines[start : start + 4]] == [
        "Alarms",
        " alarm when no data on",
        " - connections-over-budget max DatabaseConnections > 59 for 15 min as before primary, replica-1, replica-2",
        " + connections-over-budget max DatabaseConnections > 84 for 15 min as before primary, replica-1, replica-2",
    ]


def test_resources_of_a_stack_that_is_new_are_all_added_and_nothing_else_is_said(told: Told) -> None:
    dev = previewed("dev", {})
    found = compare(EMPTY, dev)
    assert len(found.added) == len(found.resources) == dev["summary"]["resources"]
    lines = told(EMPTY, dev)
    assert [line for line in lines if not line.startswith(" ")] == [
        "Resources  by component, without the component's name; alike ones together"
    ]
    assert [line.split()[:4] for line in lines if "rds.Instance " in line] == [["+", "rds.Instance", "1", "primary"]]


def test_as_data_a_change_has_a_path_and_the_sides_on_which_something_stands() -> None:
    before = previewed("dev", {})
    after = previewed("dev", {"network": {"vpc": {"flowLogRetentionDays": 14}}})
    found = json.loads(json.dumps(as_document(compare(before, after))))
    assert found["resources"]["changed"] == [
        {
            "component": "langpont-dev-network",
            "type": "aws:cloudwatch/logGroup:LogGroup",
            "name": "langpont-dev-network-flow-logs",
            "protect": False,
            "retainOnDelete": False,
            "values": [{"path": ["inputs", "retentionInDays"], "before": 7, "after": 14}],
        }
    ]
    assert found["sections"]["settings"] == [
        {"path": ["network", "vpc", "flowLogRetentionDays"], "before": 7, "after": 14}
    ]
    beside = {"components", "totals", "project", "region", "cost"}  # resources, and what the report tells by itself
    assert set(found["sections"]) == {*after} - beside | {"parameters"}


def test_a_resource_under_a_component_of_another_type_is_changed() -> None:
    here, there = (
        SMALLEST | {"components": [{"type": type_, "name": "c", "resources": [{"type": "t", "name": "r"}]}]}
        for type_ in ("p:m:Old", "p:m:New")
    )
    (change,) = compare(here, there).changed
    assert change.values == (ValueChange(path=("parent",), before="p:m:Old", after="p:m:New"),)


def test_a_warning_and_a_finding_of_the_policy_come_or_go_as_whole_sentences(told: Told) -> None:
    def side(warnings: list[str], *violations: str) -> dict[str, Any]:
        found = [{"level": "advisory", "rule": "r", "resource": each, "message": f"{each}!"} for each in violations]
        return SMALLEST | {"warnings": warnings, "policy": {"rules": 3, "violations": found, "exceptions": []}}

    assert told(side(["One.", "Two."], "a", "b"), side(["Two.", "Three."], "b", "c")) == [
        "Warnings", "  -  One.", "  +  Three.", "Policy", "  -  advisory: a!", "  +  advisory: c!",
    ]  # fmt: skip


def resource(**inputs: Any) -> dict[str, Any]:
    component = {"type": "t", "name": "c", "resources": [{"type": "p:m/k:T", "name": "c-r", "inputs": inputs}]}
    return SMALLEST | {"components": [component]}


def valued(before: Any, after: Any) -> list[ValueChange]:
    return [
        value for change in compare(resource(value=before), resource(value=after)).changed for value in change.values
    ]


PATH = ("inputs", "value")


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
    assert valued(before, after) == [ValueChange(path=PATH, before=before, after=after)]


def test_objects_in_a_list_are_compared_by_what_identifies_them() -> None:
    before = [{"name": "a", "value": 1}, {"name": "b", "value": 1}]
    after = [{"name": "new", "value": 1}, {"name": "b", "value": 2}, {"name": "a", "value": 1}]
    added = ValueChange(path=(*PATH, "new"), before=ABSENT, after={"name": "new", "value": 1})
    assert valued(before, after) == [ValueChange(path=(*PATH, "b", "value"), before=1, after=2), added]
    assert valued([], after[:1]) == [added]
    assert valued(after[:1], []) == [ValueChange(path=(*PATH, "new"), before=after[0], after=ABSENT)]
    twice = [{"name": "a"}, {"name": "a"}]
    assert valued(twice, twice[:1]) == [ValueChange(path=PATH, before=twice, after=twice[:1])]


def test_a_policy_is_compared_statement_by_statement_though_it_is_a_text() -> None:
    before = json.dumps({"Statement": [{"Sid": "Read", "Action": ["a"]}, {"Sid": "Write", "Action": ["b"]}]})
    after = json.dumps({"Statement": [{"Sid": "Read", "Action": ["a", "*"]}, {"Sid": "Write", "Action": ["b"]}]})
    assert valued(before, after) == [
        ValueChange(path=(*PATH, "Statement", "Read", "Action"), before=["a"], after=["a", "*"])
    ]


def test_a_secret_an_unknown_and_a_long_value_are_shown_short(told: Told) -> None:
    before = resource(secret={"secret": True}, late={"unknown": True}, long="x" * 1000)
    after = resource(secret="open", late="now", long="y", more=[1])
    assert "".join("".join(told(before, after)[3:]).split()) == (
        "~secret[secret]->open~late[knownafterthedeployment]->now"
        f"~long{'x' * LONGEST_VALUE}...(1000characters)->y+more[1]"
    )


def test_no_character_hides_or_breaks_a_line(told: Told) -> None:
    assert visible("a\nb\u202e\x1b[31m\u200b日本") == "a\\u000ab\\u202e\\u001b[31m\\u200b日本"
    shown = told(resource(), resource(**{"k\n@@ x @@": "v\r\n+ forged"}))
    assert shown[3:] == ["        +  k\\u000a@@ x @@  v\\u000d\\u000a+ forged"]


@pytest.mark.parametrize("section", [1, "text", None, [], [1], {"a": {"b": 1}}, [{"name": "n", "x": 1}]])
def test_a_section_that_only_one_side_has_or_that_has_another_form_is_told(section: Any, told: Told) -> None:
    with_it = SMALLEST | {"more": section, "summary": section}
    assert bool(told(SMALLEST, with_it)) == bool(told(with_it, SMALLEST))
    assert told(with_it, with_it) == []


@pytest.mark.parametrize(
    "section, lacking", [("alarms", "metric"), ("instances", "role"), ("outputs", "name"), ("components", "resources")]
)
def test_what_has_not_the_form_of_a_preview_is_refused(section: str, lacking: str) -> None:
    dev = previewed("dev", {})
    broken = dev | {section: [{k: v for k, v in item.items() if k != lacking} for item in dev[section]]}
    with pytest.raises(ValueError, match=f"^{section}: {lacking} missing$"):
        compare(broken, dev)


@pytest.mark.parametrize(("old", "new", "refused"), [(20, 21, True), (20, 22, False), (60, 65, True), (60, 66, False)])
def test_a_volume_grows_by_ten_percent_or_not_at_all(old: int, new: int, refused: bool) -> None:
    def side(gib: int, generation: int = 1) -> dict[str, Any]:
        return {"settings": {"database": {"generation": generation}}, "storage": {"allocatedGib": gib}}

    assert bool(refusals(side(old), side(new))) is refused
    assert refusals(side(old), side(new, generation=2)) == refusals({}, side(new)) == ()


@pytest.mark.parametrize(
    ("old", "new", "allowed", "sentence"),
    [
        (
            "16", "17", None,
            "database.engineVersion 17 is another major than the 16 that stands: the database is upgraded in place, "
            "minutes without it, and nothing leads back but a restore. Follow docs/runbook.md, Upgrading to the next "
            "major, with database.allowMajorUpgrade set to 17 for that one deployment.",
        ),
        ("16", "17", 17, ""),
        ("16.15", "16.14", None, ""),
        (
            "17", "16", None,
            "database.engineVersion 16 is before the 17 that stands, and RDS takes no major back. Leave it at 17, or "
            "restore a snapshot of before as the next database.generation.",
        ),
        (
            "16.14", "17.9", 17,
            "database.engineVersion 17.9 is no version to which RDS upgrades 16.14 in place. Choose from 17.10, 17.11.",
        ),
        ("16.14", "17.10", 17, ""),
    ],
)  # fmt: skip
def test_another_major_is_refused_without_leave_backwards_and_where_rds_does_not_go(
    old: str, new: str, allowed: int | None, sentence: str
) -> None:
    def side(version: str, **more: Any) -> dict[str, Any]:
        return {"settings": {"database": {"engineVersion": version, **more}}, "storage": {"allocatedGib": 20}}

    found = refusals(side(old), side(new, allowMajorUpgrade=allowed))
    assert [str(problem) for problem in found] == ([sentence] if sentence else [])
    assert refusals(side(old), side(new, generation=2)) == ()
