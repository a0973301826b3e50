"""Levels and exceptions: read from the stack's file, in the CLI's format, or refused with the way out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from policy import RULES, ConfigurationRefused, Excepted, Level, evaluate_stack, for_stack
from policy.configuration import FOLDER, Setting, configure
from tests.recordings import DEPLOYABLE, recording

HERE = "policy/config/prod.json"


def refused(document: Any) -> str:
    """What is said of a configuration."""
    with pytest.raises(ConfigurationRefused) as refusal:
        configure(document, RULES, HERE)
    return str(refusal.value)


def test_every_file_is_of_a_stack() -> None:
    assert {path.stem for path in FOLDER.iterdir()} <= set(DEPLOYABLE)


@pytest.mark.parametrize(("stack", "advised"), [("dev", len(RULES)), ("staging", 2), ("prod", 2)])
def test_staging_and_prod_are_held_to_the_rules_and_dev_is_advised(stack: str, advised: int) -> None:
    levels = [setting.level for setting in for_stack(stack, RULES).settings.values()]
    assert levels.count(Level.ADVISORY) == advised
    assert levels.count(Level.MANDATORY) == len(RULES) - advised


def test_a_stack_without_a_file_is_held_to_every_rule_and_has_no_exception() -> None:
    configuration = for_stack("eu-staging", RULES)
    assert configuration == configure({}, RULES, "nothing")
    assert configuration.exceptions == []
    assert configuration.settings["rds-08-deletion-protection"] == Setting(level=Level.MANDATORY)


def test_a_rule_is_set_before_all_rules_and_all_before_its_own_level() -> None:
    settings = configure({"all": "advisory", "key-rotates": {"enforcementLevel": "mandatory"}}, RULES, HERE).settings
    assert settings["key-rotates"].level is Level.MANDATORY
    assert {setting.level for name, setting in settings.items() if name != "key-rotates"} == {Level.ADVISORY}


def test_an_exception_leaves_the_level_as_it_is() -> None:
    configuration = configure({"all": "advisory", "tagged": {"exceptions": {"a-*": "why"}}}, RULES, HERE)
    assert configuration.settings["tagged"] == Setting(level=Level.ADVISORY, exceptions={"a-*": "why"})
    assert configuration.exceptions == [Excepted("tagged", "a-*", "why")]
    both = {"tagged": {"enforcementLevel": "advisory", "exceptions": {"a": "why"}}}
    assert configure(both, RULES, HERE).settings["tagged"] == Setting(level=Level.ADVISORY, exceptions={"a": "why"})


def test_a_rule_that_is_disabled_finds_nothing() -> None:
    disabled = configure({"all": "disabled"}, RULES, HERE)
    assert evaluate_stack(recording("dev"), disabled) == []


def test_what_cannot_be_meant_is_refused_with_the_way_out() -> None:
    assert refused({"rds-3": "mandatory"}) == f"{HERE}: there is no rule rds-3. The rules are in policy/rules."
    assert refused({"all": {"exceptions": {"*": "why"}}}) == (
        f"{HERE}: all has exceptions. Name the rule that each is about."
    )
    assert refused({"tagged": "high"}) == (
        f"{HERE}: tagged has the level 'high'. Write one of mandatory, advisory, disabled."
    )
    neither = "is neither a level nor an object of enforcementLevel and exceptions. Write one of them."
    assert refused({"tagged": 1}) == f"{HERE}: tagged {neither}"
    assert refused({"tagged": {"exception": {}}}) == f"{HERE}: tagged {neither}"
    reason = "an exception of tagged has no reason. Write the resource's name, and why it is excepted."
    assert refused({"tagged": {"exceptions": {"a": " "}}}) == f"{HERE}: {reason}"
    assert refused({"tagged": {"exceptions": ["a"]}}) == f"{HERE}: {reason}"


def test_a_file_that_is_not_json_is_refused(tmp_path: Path) -> None:
    (tmp_path / "prod.json").write_text("{")
    with pytest.raises(ConfigurationRefused) as refusal:
        for_stack("prod", RULES, folder=tmp_path)
    assert str(refusal.value) == (
        f"{HERE} is not JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)."
    )


def test_every_reason_is_a_sentence() -> None:
    for stack in DEPLOYABLE:
        for excepted in for_stack(stack, RULES).exceptions:
            assert excepted.reason.endswith("."), excepted
            assert len(json.dumps(excepted.reason)) > 40, excepted
