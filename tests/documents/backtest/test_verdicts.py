"""The back-tests of the fixture stacks: what must fire does in time, ordinary days are silent, thresholds matter."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from blueprint.monitoring.alarm import RDS, Alarm, Severity
from blueprint.platform import Platform
from blueprint.stack_file.load import load
from documents.backtest import verdicts
from documents.backtest.loud import LOUD
from documents.backtest.machine import Load, Machine, metrics
from documents.backtest.quiet import QUIET
from documents.backtest.scenarios import Scenario, unchanged
from documents.backtest.verdicts import FACTOR, BackTest, moved
from tests.recordings import REGION, STACKS, merged, sections

# What has an alarm only where somebody asks for it, and what it asks for.
ROTATING: dict[str, Any] = {"credentials": {"rotateEveryDays": 30}}
ENDPOINTS: dict[str, Any] = {"network": {"vpc": {"interfaceEndpoints": {"services": ["secretsmanager", "monitoring"]}}}}
ASKED_FOR = {"dev": ROTATING | ENDPOINTS, "staging": ROTATING, "prod": ROTATING}


@cache
def back_test(name: str) -> BackTest:
    """Of a fixture stack, with what has an alarm of its own switched on."""
    return verdicts.back_test(Platform(load(merged(sections(name), ASKED_FOR[name]), environment=name, region=REGION)))


ALARMS = [(name, alarm) for name in STACKS for alarm in back_test(name).alarms]
EACH_ALARM = pytest.mark.parametrize(
    ("name", "alarm"), ALARMS, ids=lambda value: value if isinstance(value, str) else value.name
)


@EACH_ALARM
def test_every_metric_that_an_alarm_watches_is_modelled(name: str, alarm: Alarm) -> None:
    assert back_test(name).is_modelled(alarm), (
        f"nothing makes {alarm.metric}, which {alarm.key} watches: "
        "add it to documents/backtest/machine.py, and a scenario to LOUD in documents/backtest/loud.py"
    )


@EACH_ALARM
def test_every_alarm_has_a_scenario_in_which_it_must_fire(name: str, alarm: Alarm) -> None:
    test = back_test(name)
    must = [scenario.key for scenario in test.about(alarm) if alarm.key in scenario.fires]
    assert bool(must) == test.has_data(alarm), (
        f"no scenario says when {alarm.key} must fire on {alarm.instance}: "
        "add one to LOUD in documents/backtest/loud.py"
    )


@EACH_ALARM
def test_every_alarm_is_silent_in_some_scenario(name: str, alarm: Alarm) -> None:
    """One that is always on would be in no message of an ordinary day either."""
    test = back_test(name)
    happens = [scenario for scenario in QUIET if scenario.happens_on(test.subject(alarm))]
    assert [each.key for each in happens if test.fired(alarm, each).after is None] != []


@EACH_ALARM
def test_an_alarm_fires_in_time_where_it_must(name: str, alarm: Alarm) -> None:
    test = back_test(name)
    late = {
        scenario.key: test.fired(alarm, scenario).after
        for scenario in test.about(alarm)
        if alarm.key in scenario.fires and not test.fired(alarm, scenario).in_time
    }
    assert late == {}, f"{alarm.name} fires too late, or never, after so many minutes"


@pytest.mark.parametrize("scenario", QUIET, ids=lambda scenario: scenario.key)
@pytest.mark.parametrize("name", STACKS)
def test_an_ordinary_day_is_silent(name: str, scenario: Scenario) -> None:
    assert [(told.alarm, told.after) for told in back_test(name).told(scenario)] == []


@EACH_ALARM
def test_some_scenario_notices_when_a_threshold_is_doubled_or_halved(name: str, alarm: Alarm) -> None:
    test = back_test(name)
    scenarios = [*test.about(alarm), *QUIET]
    verdicts = {scenario.key: test.fired(alarm, scenario).in_time for scenario in scenarios}
    unnoticed = [
        threshold
        for threshold, ways in moved(alarm)
        if all(test.fired(way, each).in_time == verdicts[each.key] for way in ways for each in scenarios)
    ]
    assert unnoticed == [] or not test.has_data(alarm), f"no scenario moves with a threshold of {alarm.name}"


@pytest.mark.parametrize(
    "changed",
    [
        {"namespace": "LangPont/DatabaseLog"}, {"metric": "Error"}, {"dimensions": {}},
        {"dimensions": {"FunctionName": "langpont-dev-roles"}},
        {"dimensions": {"FunctionName": "langpont-dev-rotation", "Resource": "its"}},
    ],
    ids=lambda changed: " ".join(changed),
)  # fmt: skip
def test_a_metric_is_found_by_namespace_name_and_all_dimensions_alone(changed: dict[str, Any]) -> None:
    """As by CloudWatch, where one dimension less is another metric, without data. A log has Errors of its own."""
    test = back_test("dev")
    alarm = next(alarm for alarm in test.alarms if alarm.key == "rotation-failing")
    assert (test.is_modelled(alarm), test.is_modelled(replace(alarm, **changed))) == (True, False)


def test_a_rotation_that_stops_is_not_told_as_errors_of_the_log() -> None:
    stops = next(scenario for scenario in LOUD if scenario.key == "host-does-not-follow")
    assert [told.alarm for told in back_test("prod").told(stops, "primary")] == ["functions-rotation-failing"]


# What was foretold has come, or has a name: another message, because it is worse or says more.
FOLLOWED_BY = {
    "storage-hours-low": {"storage-minutes-low", "storage-low", "slot-lag-high"},
    "storage-minutes-low": {"storage-low"},
    "slot-lag-high": {"storage-hours-low"},
}


@pytest.mark.parametrize("scenario", LOUD, ids=lambda scenario: scenario.key)
@pytest.mark.parametrize("name", STACKS)
def test_one_cause_pages_once(name: str, scenario: Scenario) -> None:
    """Of what is critical, one message; what follows from it waits behind it."""
    test = back_test(name)
    keys = {alarm.name: alarm.key for alarm in test.alarms}
    for machine in test.machines:
        if scenario.happens_on(machine):
            told = test.told(scenario, machine.name)
            critical = [keys[each.alarm] for each in told if each.severity is Severity.CRITICAL]
            assert set(critical[1:]) <= FOLLOWED_BY.get(critical[0] if critical else "", set()), (
                machine.name,
                critical,
            )
            assert len(told) == len({each.alarm for each in told}), "the same alarm twice"


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("dev", {"database": {"instanceClass": "db.t3.micro", "allocatedStorageGib": 400}}),
        ("staging", {"database": {"allocatedStorageGib": 500, "maxAllocatedStorageGib": 1000}}),
        ("prod", {"database": {"instanceClass": "db.m7g.xlarge"}, "application": {"hosts": 4}}),
    ],
    ids=lambda value: value if isinstance(value, str) else "edited",
)
def test_another_class_size_or_host_needs_no_other_scenario(name: str, changes: dict[str, Any]) -> None:
    edited = merged(merged(sections(name), ASKED_FOR[name]), changes)
    test = verdicts.back_test(Platform(load(edited, environment=name, region=REGION)))
    late = [
        (alarm.name, scenario.key)
        for alarm in test.alarms
        for scenario in test.about(alarm)
        if alarm.key in scenario.fires and not test.fired(alarm, scenario).in_time
    ]
    assert late == []
    assert [(scenario.key, told.alarm) for scenario in QUIET for told in test.told(scenario)] == []


@pytest.mark.parametrize("name", ["staging", "prod"])
def test_a_primary_that_is_gone_is_one_message_and_none_of_its_replicas(name: str) -> None:
    gone = next(scenario for scenario in LOUD if scenario.key == "primary-gone")
    assert [told.alarm for told in back_test(name).told(gone, "primary")] == ["primary-instance-silent"]


@pytest.mark.parametrize("name", STACKS)
def test_what_fires_is_told_or_what_it_follows_from_is(name: str) -> None:
    """Suppression loses nothing."""
    test = back_test(name)
    by_name = {alarm.name: alarm for alarm in test.alarms}

    def causes(alarm: Alarm) -> set[str]:
        return {alarm.name}.union(*(causes(by_name[cause]) for cause in alarm.causes))

    lost = [
        (alarm.name, scenario.key)
        for alarm in test.alarms
        for scenario in test.about(alarm)
        if alarm.key in scenario.fires
        and not causes(alarm) & {told.alarm for told in test.told(scenario, test.subject(alarm).name)}
    ]
    assert lost == []


# The scenarios themselves


def test_scenarios_are_named_once_and_are_loud_or_ordinary() -> None:
    assert len({scenario.key for scenario in (*LOUD, *QUIET)}) == len(LOUD) + len(QUIET)
    assert [scenario.key for scenario in LOUD if not scenario.about or scenario.times] == []
    assert [scenario.key for scenario in QUIET if scenario.about or not scenario.times] == []


def test_a_scenario_names_alarms_that_some_stack_has() -> None:
    keys = {alarm.key for _, alarm in ALARMS}
    assert {key for scenario in LOUD for key in scenario.about} - keys == set()


def test_every_ordinary_day_that_on_call_knows_is_there() -> None:
    assert {scenario.key for scenario in QUIET} == {
        "working-day", "idle-weekend", "nightly-report", "autovacuum", "deploy", "failover", "minor-upgrade", "restart",
        "month-change", "storage-growth", "late-runs", "rotation",
    }  # fmt: skip


def test_what_a_class_does_not_have_is_not_expected_of_it() -> None:
    silent = {(name, alarm.name) for name, alarm in ALARMS if not back_test(name).has_data(alarm)}
    # Its class sustains the 3,000 IOPS that the volume has: there is no burst to use up.
    assert silent == {("prod", "replica-2-ebs-io-balance-low")}


def test_a_moved_threshold_is_moved_both_ways_and_so_is_each_in_an_expression() -> None:
    alarm = next(alarm for alarm in back_test("prod").alarms if alarm.name == "replica-1-replica-lag-high")
    found = {threshold: [(way.threshold, way.expression) for way in ways] for threshold, ways in moved(alarm)}
    assert found == {
        "30": [(15, alarm.expression), (60, alarm.expression)],
        "262144": [
            (30, "IF(writes > 131072.000000 OR lag > 600, lag, 0)"),
            (30, "IF(writes > 524288.000000 OR lag > 600, lag, 0)"),
        ],
        "600": [
            (30, "IF(writes > 262144 OR lag > 300.000000, lag, 0)"),
            (30, "IF(writes > 262144 OR lag > 1200.000000, lag, 0)"),
        ],
    }
    assert FACTOR == 2


# The model


def test_a_quiet_day_leaves_credits_balances_and_memory() -> None:
    for name in STACKS:
        for machine in back_test(name).machines:
            day = metrics(machine, unchanged, begins=6 * 60, minutes=24 * 60)
            least = {
                key: min((value for value in values if value is not None), default=None) for key, values in day.items()
            }
            assert least[RDS, "EBSByteBalance%"] == 100
            assert (least[RDS, "FreeableMemory"] or 0) > 0.1 * machine.memory
            if machine.size.credit_balance_maximum:
                assert 0.2 < (least[RDS, "CPUCreditBalance"] or 0) / machine.size.credit_balance_maximum < 0.99


def test_the_model_keeps_littles_law_and_the_class_s_limits() -> None:
    machine = back_test("prod").machines[0]
    scenario = next(each for each in LOUD if each.key == "reads-too-slow")
    found = metrics(machine, scenario.shape, begins=scenario.begins, minutes=scenario.minutes)
    queue, seconds, balance = (found[RDS, name][-1] for name in ("DiskQueueDepth", "ReadLatency", "EBSIOBalance%"))
    assert balance == 0
    assert seconds == pytest.approx(0.03)
    assert queue == pytest.approx(machine.sustained_iops * 0.03)


def test_rds_enlarges_a_volume_once_in_six_hours_and_not_past_its_ceiling() -> None:
    machine = replace(back_test("prod").machines[0], ceiling=120 * 2**30)

    def fills(_: Machine, load: Load, __: int) -> Load:
        return replace(load, growth=0.002 * machine.storage)

    free = metrics(machine, fills, begins=600, minutes=20 * 60, full=0.8)[RDS, "FreeStorageSpace"]
    jumps = [at for at in range(1, len(free)) if (free[at] or 0) > (free[at - 1] or 0)]
    assert len(jumps) == 1
    assert free[-1] == 0
