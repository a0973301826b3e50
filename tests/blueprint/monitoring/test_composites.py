"""Composite alarms: one cause is told once, and nothing is held back for ever."""

from __future__ import annotations

from dataclasses import replace

import pytest

from blueprint.monitoring.alarm import Alarm, Severity
from blueprint.monitoring.composites import Composite, any_in_alarm, composites
from blueprint.platform import Platform
from blueprint.stack_file.load import load
from tests.blueprint.monitoring.test_alarms import PRIMARY, one
from tests.recordings import REGION, STACKS, sections

QUEUE = one(PRIMARY, "disk-queue-high")
SWAP = one(PRIMARY, "swap-high")


def alarms(stack: str) -> dict[str, Alarm]:
    platform = Platform(load(sections(stack), environment=stack, region=REGION))
    return {alarm.name: alarm for alarm in platform.alarms}


def test_an_alarm_with_a_cause_is_told_by_a_composite_alarm_that_the_cause_holds_back() -> None:
    assert composites([SWAP, one(PRIMARY, "memory-low")]) == (
        Composite(
            name="primary-swap-high-alone",
            any_of=("primary-swap-high",),
            severity=Severity.WARNING,
            description=SWAP.description,
            suppressor="primary-memory-low",
        ),
    )


def test_several_causes_are_one_suppressor_that_tells_nobody() -> None:
    watched = [QUEUE, *(replace(one(PRIMARY, f"{what}-latency-high"), causes=()) for what in ("read", "write"))]
    causes, alone = composites(watched)
    assert (causes.name, causes.any_of, causes.suppressor) == (
        "primary-disk-queue-high-causes", ("primary-read-latency-high", "primary-write-latency-high"), None,
    )  # fmt: skip
    assert (alone.name, alone.any_of, alone.suppressor) == (
        "primary-disk-queue-high-alone", ("primary-disk-queue-high",), "primary-disk-queue-high-causes",
    )  # fmt: skip


def test_an_alarm_without_a_cause_needs_no_composite() -> None:
    assert composites([replace(SWAP, causes=())]) == ()


def test_a_cause_that_nobody_watches_holds_nothing_back() -> None:
    assert composites([SWAP]) == ()
    [alone] = composites([QUEUE, one(PRIMARY, "read-latency-high")])
    assert alone.suppressor == "primary-read-latency-high"


def test_the_rule_is_in_cloudwatchs_words() -> None:
    assert any_in_alarm(["a", "b"]) == 'ALARM("a") OR ALARM("b")'


@pytest.mark.parametrize("stack", STACKS)
def test_every_cause_is_an_alarm_of_the_stack(stack: str) -> None:
    found = alarms(stack)
    assert {cause for alarm in found.values() for cause in alarm.causes} <= set(found)


@pytest.mark.parametrize("stack", STACKS)
def test_nothing_is_its_own_cause_so_that_the_first_of_a_chain_is_told(stack: str) -> None:
    """Two alarms that hold each other back would both be silent."""
    found = alarms(stack)

    def depth(name: str, above: tuple[str, ...] = ()) -> int:
        assert name not in above, " <- ".join((*above, name))
        return 1 + max((depth(cause, (*above, name)) for cause in found[name].causes), default=0)

    assert max(depth(name) for name in found) <= 5


@pytest.mark.parametrize("stack", STACKS)
def test_a_warning_never_holds_back_what_gets_someone_up(stack: str) -> None:
    found = alarms(stack)
    for alarm in found.values():
        if alarm.severity is Severity.CRITICAL:
            assert {found[cause].severity for cause in alarm.causes} <= {Severity.CRITICAL}, alarm.name
