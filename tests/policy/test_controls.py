"""The table of Security Hub's controls: complete, and true of the rules."""

from __future__ import annotations

from policy import RULES
from policy.controls import CONTROLS, NOT_APPLICABLE


def test_every_control_of_rds_is_judged_or_said_not_to_apply() -> None:
    ids = [int(control.id.removeprefix("RDS.")) for control in CONTROLS]
    ids += [number for numbers in NOT_APPLICABLE.values() for number in numbers]
    assert sorted(ids) == [number for number in range(1, 52) if number != 49]


def test_a_control_without_a_rule_says_why() -> None:
    assert [control.id for control in CONTROLS if not control.rules] == ["RDS.22"]
    assert all(control.note.startswith("Not judged: ") for control in CONTROLS if not control.rules)


def test_a_control_is_stated_by_the_rule_that_carries_its_id() -> None:
    by_control = {rule.control: rule.name for rule in RULES if rule.control and rule.control.startswith("RDS.")}
    assert {control.id for control in CONTROLS} - set(by_control) == {"RDS.22", "RDS.31"}
    assert set(by_control) <= {control.id for control in CONTROLS}
    for control in CONTROLS:
        assert by_control.get(control.id, control.rules[0] if control.rules else None) in (*control.rules, None)


def test_every_rule_in_the_table_exists() -> None:
    assert {name for control in CONTROLS for name in control.rules} <= {rule.name for rule in RULES}
