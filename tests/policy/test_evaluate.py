"""Recorded values converted for the rules, and the message of a violation."""

from __future__ import annotations

import pytest

from policy import Level, evaluate_stack
from policy.configuration import configure
from policy.evaluate import plain
from policy.model import MISSING, UNKNOWN, Resource
from policy.rules import RULES
from recording.archives import Archive
from recording.recording import UNKNOWN as NOT_RECORDED
from recording.recording import Secret
from tests.recordings import recording


def test_a_value_of_the_wire_stays_what_it_is_and_whole_numbers_are_whole() -> None:
    assert plain({"a": [1.0, 1.5, True, None, "x"]}) == {"a": [1, 1.5, True, None, "x"]}
    assert type(plain(5432.0)) is int


def test_a_secret_is_judged_by_what_it_holds() -> None:
    assert plain({"password": Secret({"a": Secret(1.0)})}) == {"password": {"a": 1}}


@pytest.mark.parametrize("value", [NOT_RECORDED, UNKNOWN, Archive({}), Secret(NOT_RECORDED)])
def test_what_is_no_value_is_unknown(value: object) -> None:
    assert plain([value]) == [UNKNOWN]


def test_a_path_leads_to_a_value_or_tells_why_there_is_none() -> None:
    inputs = {"a": {"b": 1, "empty": "", "null": None}, "u": UNKNOWN, "list": []}
    it = Resource(urn="urn:pulumi:prod::p::aws:rds/instance:Instance::it", type="aws:rds/instance:Instance",
                      name="it", inputs=inputs)  # fmt: skip
    assert it.value("a.b") == 1
    assert it.value("list") == []
    assert [it.value(path) for path in ("a.c", "a.b.c", "x.y", "a.empty", "a.null")] == [MISSING] * 5
    assert [it.value(path) for path in ("u", "u.anything")] == [UNKNOWN] * 2
    assert (it.stack, it.label) == ("prod", "rds.Instance it")


def test_a_violation_tells_rule_level_and_resource() -> None:
    [violation] = evaluate_stack(recording("prod"))
    assert (violation.rule, violation.level) == ("rds-23-port", Level.ADVISORY)
    assert violation.resource == "rds.Instance langpont-prod-db-primary"
    assert violation.urn == recording("prod").one("aws:rds/instance:Instance", "langpont-prod-db-primary").urn
    assert hash(violation)  # so that those of a preview and of its update can be told once


def test_what_is_mandatory_comes_first() -> None:
    violations = evaluate_stack(recording("dev"), configure({"rds-05-multi-az": "advisory"}, RULES, "here"))
    levels = [violation.level for violation in violations]
    assert levels == sorted(levels, key=lambda level: level is not Level.MANDATORY)
    assert {Level.MANDATORY, Level.ADVISORY} == set(levels)
