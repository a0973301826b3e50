"""Composite alarms: the rules and all examples of suppression of the CloudWatch user guide."""

from __future__ import annotations

import pytest

from documents.backtest.composite import RuleRefused, actions, rule, states
from documents.backtest.evaluation import State

OK, ALARM, NO_DATA = State.OK, State.ALARM, State.INSUFFICIENT_DATA
CPU, DISK, NETWORK = "CPUUtilizationTooHigh", "DiskReadOpsTooHigh", "NetworkOutTooHigh"


@pytest.mark.parametrize(
    ("text", "cpu", "disk", "network", "holds"),
    [
        (f"ALARM({CPU}) AND ALARM({DISK})", ALARM, ALARM, OK, True),
        (f"ALARM({CPU}) AND ALARM({DISK})", ALARM, NO_DATA, OK, False),
        (f"ALARM({CPU}) AND NOT ALARM({DISK})", ALARM, OK, OK, True),
        (f"ALARM({CPU}) AND NOT ALARM({DISK})", ALARM, ALARM, OK, False),
        (f"(ALARM({CPU}) OR ALARM({DISK})) AND OK({NETWORK})", OK, ALARM, OK, True),
        (f"(ALARM({CPU}) OR ALARM({DISK})) AND OK({NETWORK})", ALARM, ALARM, NO_DATA, False),
        (f'INSUFFICIENT_DATA("{NETWORK}")', OK, OK, NO_DATA, True),
        (f"ALARM({CPU}) OR ALARM({DISK}) AND OK({NETWORK})", ALARM, OK, ALARM, True),  # AND binds before OR
        (f"NOT (OK({CPU}) AND OK({DISK}))", OK, ALARM, OK, True),
        ("TRUE", OK, OK, OK, True),
        ("FALSE OR NOT TRUE", OK, OK, OK, False),
    ],
)
def test_a_rule_holds_as_the_guide_says(text: str, cpu: State, disk: State, network: State, holds: bool) -> None:
    assert rule(text)({CPU: cpu, DISK: disk, NETWORK: network}) is holds


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("ALARM(a) AND", "'ALARM(a) AND': ends before it says which alarm."),
        ("ALARM(a) XOR ALARM(b)", "'ALARM(a) XOR ALARM(b)': XOR is no part of a rule."),
        ("(ALARM(a)", "'(ALARM(a)': a bracket is not closed."),
        ("ALARM(a) ALARM(b)", "'ALARM(a) ALARM(b)': ALARM(b) is left over."),
        ("ALARM(a) OR )", "'ALARM(a) OR )': ) stands where an alarm is wanted."),
        ("ALARM(nobody)", "'ALARM(nobody)': there is no alarm nobody."),
    ],
)
def test_what_is_no_rule_is_refused(text: str, told: str) -> None:
    with pytest.raises(RuleRefused) as refused:
        rule(text)({"a": OK, "b": OK})
    assert str(refused.value) == told


def test_a_composite_alarm_follows_its_children_step_by_step() -> None:
    children = {"a": [OK, ALARM, ALARM, OK], "b": [OK, OK, ALARM, NO_DATA]}
    assert states(rule("ALARM(a) AND NOT ALARM(b)"), children) == [OK, ALARM, OK, OK]


def line(*in_alarm: tuple[int, int]) -> list[State]:
    """t0 to t11, in ALARM from the first step of each pair until before the second."""
    return [ALARM if any(start <= step < end for start, end in in_alarm) else OK for step in range(12)]


# "Suppressing composite alarm actions": WaitPeriod is 2 time units, ExtensionPeriod is 3.
@pytest.mark.parametrize(
    ("composite", "suppressor", "told"),
    [
        pytest.param(line((2, 12)), line(), [(4, ALARM)], id="1: not suppressed after the wait period"),
        pytest.param(line((2, 12)), line((3, 12)), [], id="2: suppressed before the wait period ends"),
        pytest.param(line((2, 3)), line(), [(5, OK)], id="3: a change within the wait period starts it anew"),
        pytest.param(line((2, 12)), line((0, 12)), [], id="4: a change while suppressed"),
        pytest.param(line((2, 12)), line((3, 6)), [(9, ALARM)], id="5: not suppressed after the extension period"),
        pytest.param(line((2, 7)), line((3, 6)), [(9, OK)], id="6: a change within the extension period"),
    ],
)
def test_actions_are_suppressed_as_in_the_guide_s_examples(
    composite: list[State], suppressor: list[State], told: list[tuple[int, State]]
) -> None:
    assert actions(composite, suppressor, wait=2, extension=3) == told


def test_without_a_suppressor_each_change_is_told_at_once() -> None:
    assert actions(line((2, 4), (6, 12))) == [(2, ALARM), (4, OK), (6, ALARM)]


def test_a_suppressor_that_comes_and_goes_after_everything_was_told_tells_nothing_anew() -> None:
    assert actions(line((1, 12)), line((5, 7)), wait=1, extension=1) == [(2, ALARM)]
