"""What a change is said to do: the setting behind each operation, the sentences, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from blueprint.problems import Problem
from preview.difference import ABSENT, compare
from preview.effects.document import effects_document
from preview.effects.lines import lines
from preview.effects.model import Effect, Line
from preview.effects.rows import consequences
from preview.page import Page
from preview.text import effects
from preview.transitions import protected
from recording.answers import Answers
from recording.plan import Key, Standing, plan
from tests.engine.foretold import standing
from tests.recordings import REGION, changed, frozen


def told(stack: str, changes: Mapping[str, Any], base: Mapping[Key, Standing] | None = None) -> list[Line]:
    """The lines of an edit of a fixture stack."""
    before, after = frozen(stack), changed(frozen(stack), changes)
    base, answers = base or standing(stack, "{}"), Answers(REGION)
    sides = ({"settings": file.sections()} for file in (before, after))
    return lines(
        after, base, plan(after, base, answers), before=before.sections(),
        settings=compare(*sides).sections["settings"], answers=answers,
    )  # fmt: skip


def page(found: list[Line], capsys: pytest.CaptureFixture[str]) -> list[str]:
    effects.show(Page(), found)
    return [line for line in capsys.readouterr().out.split("\n") if line]


def test_each_setting_has_the_operations_that_it_is_behind_the_worst_first(capsys: pytest.CaptureFixture[str]) -> None:
    changes = {
        "database": {"instanceClass": "db.t4g.small", "parameters": {"work_mem": "5MB"}},
        "monitoring": {"monthlyBudgetUsd": 80},
    }
    assert page(told("dev", changes), capsys) == [
        "database.instanceClass  db.t4g.micro -> db.t4g.small",
        "  restart          db-primary restarts for another class. Takes minutes; AWS names no range (RDS user guide, "
        "Settings for DB instances). Cut",
        "                   off: everybody who writes, or reads from it",
        "  nothing visible  monitoring-primary-memory-low, monitoring-primary-cpu-credits-low, "
        "monitoring-primary-disk-queue-high",
        "  cost             +18.25 USD a month",
        "database.parameters.work_mem  4MB -> 5MB",
        "  reloaded  db-primary hands out work_mem to sessions as they go on",
        "monitoring.monthlyBudgetUsd  60 -> 80",
        "  nothing visible  monitoring-budget",
    ]


@pytest.mark.parametrize(
    ("names", "what", "most", "told"),
    [
        (["db-replica-1"], "is made anew", None, "db-replica-1 is made anew"),
        (["db-replica-1", "db-replica-2"], "has it", None, "each of db-replica-1, db-replica-2 has it"),
        (["a", "b", "c"], "is deleted", 2, "each of a, b and 1 more is deleted"),
        (["a", "b"], "", None, "a, b"),
    ],
)
def test_what_happens_to_several_is_told_of_each(names: list[str], what: str, most: int | None, told: str) -> None:
    assert effects.happens(names, what, most=most) == told


def test_a_parameter_that_a_standby_needs_says_who_restarts_first() -> None:
    (raised,) = told("staging", {"database": {"parameters": {"max_connections": 350}}})
    (lowered,) = told("staging", {"database": {"parameters": {"max_connections": 250}}})
    assert [line.consequences[0][1].order for line in (raised, lowered)] == [
        "max_connections is raised: first replicas restart, then their primary",
        "max_connections is lowered: first the primary restarts, then its replicas",
    ]
    assert raised.effect is Effect.REBOOT
    assert raised.needs_window


def test_another_port_of_pgbouncer_says_who_is_cut_off_and_another_pool_size_nobody() -> None:
    (port,) = told("staging", {"pooler": {"listenPort": 6433}})
    (size,) = told("staging", {"pooler": {"defaultPoolSize": 20}})
    assert (port.effect, size.effect) == (Effect.RESTART, Effect.RELOADED)
    assert [each.cut_off for _, each in port.consequences if each.cut_off] == ["whoever connects to the port of before"]
    assert not [each.cut_off for _, each in size.consequences if each.cut_off]


def test_another_major_is_refused_without_leave_and_irreversible_with_it() -> None:
    effects = [
        told("dev", {"database": {"engineVersion": 17} | leave})[0].effect for leave in ({}, {"allowMajorUpgrade": 17})
    ]
    assert effects == [Effect.REFUSED, Effect.IRREVERSIBLE]


def test_settings_that_only_go_together_are_one_line() -> None:
    restore = {"generation": 2, "restoreFrom": {"time": "2026-09-01T03:00:00Z"}}
    (line,) = told("dev", {"database": restore})
    assert [path for path, _, _ in line.settings] == ["database.generation", "database.restoreFrom.time"]
    assert line.effect is Effect.REPLACED


def test_what_is_protected_is_refused_with_the_way_out() -> None:
    found = told("staging", {"database": {"name": "translations"}})
    assert list(protected(found)) == [
        Problem(
            field="database.name", value="translations",
            rule="would delete or replace what is protected, and Pulumi refuses it: db-primary, db-replica-1",
            way_out="Leave it; where what they hold may go, deploy database.deletionPolicy: disposable first, or "
            "unprotect each as docs/runbook.md does",
        )
    ]  # fmt: skip


def test_a_disposable_stack_may_do_it_which_is_the_way_out() -> None:
    base = standing("staging", json.dumps({"database": {"deletionPolicy": "disposable"}}))
    file = changed(frozen("staging"), {"database": {"deletionPolicy": "disposable"}})
    file = changed(file, {"database": {"name": "translations"}})
    assert not [step for step in plan(file, base, Answers(REGION)).steps if step.refused]


def test_a_type_that_was_not_measured_is_said_to_be_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    budget = "aws:budgets/budget:Budget"
    monkeypatch.setattr("recording.plan.plans", lambda type_: _unmeasured(type_, budget))
    (line,) = told("dev", {"monitoring": {"monthlyBudgetUsd": 80}})
    assert (line.effect, line.consequences[0][1].what) == (
        Effect.UNKNOWN, "may be updated or replaced by limitAmount: no measured data has it",
    )  # fmt: skip


def _unmeasured(type_: str, unknown: str) -> Any:
    from resource_types.replacement import plans

    if type_ == unknown:
        raise KeyError(type_)
    return plans(type_)


def test_what_is_encrypted_on_the_other_side_is_said_not_to_be_compared() -> None:
    base = dict(standing("dev", "{}"))
    key = ("aws:secretsmanager/secretVersion:SecretVersion", "langpont-dev-pooler-files")
    base[key] = replace(base[key], inputs={}, sealed=frozenset({"secretString"}))
    file = frozen("dev")
    assert plan(file, base, Answers(REGION)).sealed == {key: ("secretString",)}


def test_the_document_has_every_operation_with_what_it_does() -> None:
    found = told("dev", {"monitoring": {"monthlyBudgetUsd": 80}})
    assert effects_document(found, {("a:b/c:D", "e"): ("f",)}) == {
        "effect": "nothing visible",
        "needsWindow": False,
        "changes": [
            {
                "settings": [{"path": "monitoring.monthlyBudgetUsd", "before": 60, "after": 80}],
                "effect": "nothing visible",
                "needsWindow": False,
                "cost": {"usd": 0, "database": 0, "unknown": {}},
                "touches": [
                    {
                        "call": "update", "type": "aws:budgets/budget:Budget", "name": "langpont-dev-monitoring-budget",
                        "properties": ["limitAmount"], "because": "", "effect": "nothing visible",
                        "consequences": [
                            {
                                "effect": "nothing visible", "what": "", "when": "during the update", "cutOff": "",
                                "order": "", "takes": None,
                            }
                        ],
                    }
                ],
            }
        ],
        "notCompared": [{"type": "a:b/c:D", "name": "e", "properties": ["f"]}],
    }  # fmt: skip


def test_a_value_that_stands_nowhere_before_is_told_as_none() -> None:
    (line,) = told("dev", {"access": {"sshNetworks": ["133.11.0.0/28"]}})
    assert line.settings == (("access.sshNetworks", ABSENT, ["133.11.0.0/28"]),)
    assert effects.title(line) == 'access.sshNetworks  none -> ["133.11.0.0/28"]'


NIGHT = {"stop": "13:00", "start": "00:00", "days": ["mon", "tue"]}


def test_a_schedule_says_when_nobody_can_work_and_what_it_saves(capsys: pytest.CaptureFixture[str]) -> None:
    found = told("dev", {"schedule": NIGHT})
    assert " ".join(" ".join(page(found, capsys)).split()).startswith(
        'schedule.stop none -> 13:00; schedule.start none -> 00:00; schedule.days none -> ["mon", "tue"] '
        "restart sleep-primary-stop stops langpont-dev-db every day at 13:00 UTC, until it is started again, by its "
        "schedule. Takes minutes to stop and to start; AWS names no range (RDS user guide, Stopping an Amazon RDS DB "
        "instance temporarily). Cut off: everybody, while it sleeps"
    )
    assert (found[0].effect, found[0].needs_window) == (Effect.RESTART, False)
    assert {each.what for _, each in found[0].consequences} >= {
        "starts langpont-dev-db on mon, tue at 00:00 UTC", "watches no more",
    }  # fmt: skip


def test_a_schedule_taken_out_stops_nobody_any_more() -> None:
    base = standing("dev", json.dumps({"schedule": NIGHT}))
    file = frozen("dev")
    steps = plan(file, base, Answers(REGION)).steps
    found = {
        each.what
        for step in steps
        if step.type == "aws:scheduler/schedule:Schedule" and step.call == "delete"
        for each in consequences(step, base[step.key].values)
    }
    assert found == {
        "stops langpont-dev-db no more", "starts langpont-dev-db no more: stopped, it stays so for days",
    }  # fmt: skip


def test_another_schedule_that_is_deleted_is_removed() -> None:
    """The one of the metrics function."""
    base = standing("dev", "{}")
    (((type_, _), found),) = [item for item in base.items() if item[0][0] == "aws:scheduler/schedule:Schedule"]
    more = {**base, (type_, "another"): replace(found, name="another")}
    deleted = plan(frozen("dev"), more, Answers(REGION))
    (step,) = [step for step in deleted.steps if step.call == "delete"]
    assert [each.effect for each in consequences(step, found.values)] == [Effect.REMOVED]
