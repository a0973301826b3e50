"""Each rule by itself: what it lets pass, what it refuses, what it says of a value that is not set."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from policy import RULES
from policy.evaluate import findings
from policy.model import UNKNOWN, Resource, Stack
from policy.rules import types
from policy.rules.types import TAGGED, UNTAGGED
from tests import provider
from tests.policy import cases_iam, cases_instances, cases_network, cases_platform, cases_surroundings
from tests.policy.cases import Case, Kind, resource

MODULES = (cases_instances, cases_surroundings, cases_platform, cases_network, cases_iam)
CASES: list[Case] = [case for module in MODULES for case in module.CASES]
BY_NAME = {rule.name: rule for rule in RULES}
# Where nothing is what is wanted: no environment, no inline rule, no other type, no network that is named.
NOTHING_IS_RIGHT = {"function-environment", "network-no-inline", "known-type", "network-database-ingress"}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_rule_says_exactly_this_of(case: Case) -> None:
    rule = BY_NAME[case.rule]
    assert rule.applies(case.resource.type)
    stack = Stack([case.resource, *case.others])
    assert len({each.urn for each in case.others}) == len(case.others)
    found = list(findings(rule, case.resource, stack))
    if case.kind is Kind.EXCEPTED:
        assert [each.excepted for each in found] == list(case.messages)
    else:
        assert not any(each.excepted for each in found)
        assert [rule.violation(case.resource, each, rule.level).message for each in found] == list(case.messages)


def test_every_rule_has_a_passing_a_violating_and_a_missing_case() -> None:
    shown = {(case.rule, case.kind) for case in CASES}
    assert {rule for rule, _ in shown} == set(BY_NAME)
    for kind in (Kind.PASSING, Kind.VIOLATING, Kind.MISSING):
        without = {name for name in BY_NAME if (name, kind) not in shown}
        assert without == (NOTHING_IS_RIGHT if kind is Kind.MISSING else set()), kind


def test_a_case_that_is_refused_has_a_message_and_one_that_passes_has_none() -> None:
    for case in CASES:
        assert bool(case.messages) == (case.kind in (Kind.VIOLATING, Kind.MISSING, Kind.EXCEPTED)), case.id


def test_every_message_is_whole_sentences() -> None:
    for message in (message for case in CASES if case.kind is not Kind.EXCEPTED for message in case.messages):
        assert re.fullmatch(r"\w+\.\w+ \S+: .+\. [\w.-]+ wants .+\. [A-Z].+\.", message), message
        assert ".." not in message.replace("...", ""), message


def test_no_message_shows_what_an_environment_holds() -> None:
    assert not any("hunter2" in message for case in CASES for message in case.messages)


def test_names_of_rules_are_single_and_stand_in_the_order_of_their_controls() -> None:
    assert len(BY_NAME) == len(RULES)
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name) for name in BY_NAME)
    for rule in RULES:
        if rule.name.startswith("rds-"):
            assert rule.control == f"RDS.{int(rule.name.split('-')[1])}"


def test_what_a_stack_file_decides_with_its_cost_is_advice() -> None:
    advised = [rule.name for rule in RULES if rule.level.value != "mandatory"]
    assert advised == ["rds-05-multi-az", "rds-13-minor-upgrades", "rds-23-port", "secret-rotation-days"]


# The names of types and properties, as the provider spells them


def test_every_property_that_a_case_states_is_one_of_the_provider() -> None:
    stated: dict[str, set[str]] = {}
    for case in CASES:
        for each in (case.resource, *case.others):
            stated.setdefault(each.type, set()).update(each.inputs, each.depends)
    del stated["aws:s3/bucket:Bucket"]  # the type that nobody thought about
    assert {type_: sorted(names - provider.inputs(type_)) for type_, names in stated.items()} == {
        type_: [] for type_ in stated
    }


@pytest.mark.parametrize("type_", sorted(TAGGED | UNTAGGED))
def test_a_type_has_tags_exactly_where_the_provider_says_so(type_: str) -> None:
    assert ("tags" in provider.inputs(type_)) == (type_ in TAGGED)


def test_no_type_is_both_tagged_and_not() -> None:
    assert TAGGED.isdisjoint(UNTAGGED)


# Whatever a program states, a rule answers

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=3)
    | st.sampled_from([UNKNOWN, 1.5, "*", "::/0", "{}"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["name", "gatewayId"]), inner),
    max_leaves=4,
)
PATHS = sorted({path for case in CASES for path in case.resource.inputs} | {"vpcConfig", "environment"})


# Every kind of JSON, and what looks like a value that a rule opens: networks, ARNs, policy documents.
KINDS: tuple[Any, ...] = (
    None, True, 0, -1, 1.5, "", "x", "*", "::/0", "0.0.0.0/0", "arn:aws:iam::1:role/x", "{}", "[]", "{", "5",
    '{"Statement": 5}', '{"Statement": [5, {"Action": {}, "Principal": [[]], "Condition": "x"}]}', [], [[]], [{}], [1],
    ["x", {"y": []}], {}, {"x": []}, {"variables": [[]]}, {"subnetIds": {}}, UNKNOWN, [UNKNOWN],
)  # fmt: skip


@pytest.mark.parametrize("name", sorted(BY_NAME))
def test_no_json_at_one_or_two_inputs_makes_a_rule_fail(name: str) -> None:
    """All pairs of what the rule's cases state, in each case's stack: no draw of luck as below."""
    rule, cases = BY_NAME[name], [case for case in CASES if case.rule == name]
    paths = sorted({path for case in cases for path in (*case.resource.inputs, *case.resource.depends)})
    for case in {(case.resource.type, bool(case.others)): case for case in cases}.values():
        stack = Stack([case.resource, *case.others])
        for first, second in itertools.combinations_with_replacement(paths, 2):
            for one, two in itertools.product(KINDS, KINDS if first != second else (None,)):
                inputs = {**case.resource.inputs, second: two, first: one}
                changed = replace(case.resource, inputs=inputs)
                stack.by_urn[changed.urn] = changed
                for found in findings(rule, changed, stack):
                    assert rule.violation(changed, found, rule.level).message.startswith(changed.label)


def types_of_rules() -> Iterator[tuple[str, str]]:
    for rule in RULES:
        for type_ in sorted(TAGGED | UNTAGGED):
            if rule.applies(type_):
                yield rule.name, type_


@settings(max_examples=200, deadline=None, derandomize=True)  # the longer draw is `make fuzz`
@example(where=("network-egress", types.EGRESS), inputs={"cidrIpv4": [], "fromPort": []})
@given(where=st.sampled_from(sorted(types_of_rules())), inputs=st.dictionaries(st.sampled_from(PATHS), VALUES))
def test_no_value_makes_a_rule_fail(where: tuple[str, str], inputs: dict[str, Any]) -> None:
    name, type_ = where
    resource_: Resource = resource(type_, inputs)
    rule = BY_NAME[name]
    for found in findings(rule, resource_, Stack([resource_])):
        assert rule.violation(resource_, found, rule.level).message.startswith(resource_.label)
