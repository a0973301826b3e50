"""A slice of `make fuzz` with a seed that is always the same, and that it finds what it looks for."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import SimpleNamespace

import pytest

from blueprint.problems import Problem
from blueprint.stack_file import load
from tests.fuzz import limits, settings, stacks, texts
from tests.fuzz.faults import Fault, misworded
from tests.recordings import ROOT, STACKS, record_with, recording

SEED = 14
Kind = Callable[[int, int], Iterator[Fault | None]]


@pytest.mark.parametrize(
    ("kind", "number"),
    [(settings.faults, 400), (texts.faults, 20), (stacks.faults, 2)],
    ids=["settings", "texts", "stacks"],
)
def test_nothing_is_answered_wrongly(kind: Kind, number: int) -> None:
    assert [str(fault) for fault in kind(SEED, number) if fault] == []


@pytest.mark.parametrize("kind", [settings.faults, texts.faults, stacks.faults], ids=["settings", "texts", "stacks"])
def test_an_error_of_ours_is_a_fault_with_its_traceback(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise TypeError("not planned")

    monkeypatch.setattr(load, "_accounts", fail)  # of the loader
    monkeypatch.setattr("policy.evaluate_stack", fail)
    found = next(fault for fault in kind(SEED, 20) if fault)
    assert found.came.startswith("Traceback") and "TypeError: not planned" in found.came


def test_a_way_out_that_does_not_pass_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    def again(problem: Problem) -> list[object]:
        return ["x y"] if problem.field == "database.port" else []

    monkeypatch.setattr(settings, "named", again)
    monkeypatch.setattr(settings, "PLACES", [("database", "port")])
    assert all(fault is None or "then 'x y' as was said" in fault.tried for fault in settings.faults(SEED, 20))
    assert any(settings.faults(SEED, 20))


def test_a_sentence_has_its_field_its_rule_and_its_way_out() -> None:
    right = Problem(field="database.port", value="70000", rule="is more than 65535", way_out="Write 65535 or less")
    assert list(misworded(right)) == []
    assert len(list(misworded(replace(right, field="")))) == 2
    assert len(list(misworded(replace(right, way_out="Correct it")))) == 1
    assert len(list(misworded(replace(right, way_out="")))) == 2


def test_a_policy_without_a_way_out_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("policy.evaluate_stack", lambda _: [SimpleNamespace(message="rds.Instance x: is wrong.")])
    [found] = stacks.faults(SEED, 1)
    assert found is not None and found.came == "the policy says no way out: rds.Instance x: is wrong."


def test_unusual_stacks_differ_and_most_edits_are_taken() -> None:
    chance = random.Random(SEED)
    found = [stacks.accepted(chance) for _ in range(60)]
    assert {file.stack for file, _ in found} > set(STACKS)
    assert sum(len(made) for _, made in found) > 120
    assert len({section for _, made in found for changes in made for section in changes}) == 10


def test_limits_are_counted_as_aws_counts_them(monkeypatch: pytest.MonkeyPatch) -> None:
    networks = [f"10.99.{number}.0/24" for number in range(58)]
    full = record_with("prod", {"access": {"sshNetworks": networks}})
    assert [sentence for stack in STACKS for sentence in limits.exceeded(recording(stack))] == []
    assert list(limits.exceeded(full)) == []
    monkeypatch.setattr(limits, "RULES_A_GROUP", 59)
    monkeypatch.setattr(limits, "ALARM_DESCRIPTION", 10)
    monkeypatch.setitem(limits.POLICY_BYTES, ("aws:iam/policy:Policy", "policy"), 10)
    told = [sentence.partition(": ")[2] or sentence for sentence in limits.exceeded(full)]
    assert [sentence for sentence in told if sentence.endswith(f"has 60 rules of {limits.INGRESS}")]
    assert sum(sentence.startswith("alarmDescription is ") for sentence in told) > 50
    assert sum(sentence.startswith("policy is ") and sentence.endswith("AWS takes 10") for sentence in told) == 3


def test_ctrl_c_ends_it() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.fuzz", "--seed", "1"],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "seed 1 (ARGS=--seed=1 repeats it)\n"
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
        process.communicate()
    assert (process.returncode, said) == (130, "Interrupted.\n")
