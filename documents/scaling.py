"""Scaling: connection budget and memory after a step of growth, by the blueprint with other settings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

from blueprint.aws.instance_classes import INSTANCE_CLASSES, InstanceClass
from blueprint.platform import Platform
from blueprint.stack_file.load import StackFileRefused, load
from documents.markdown import code, table
from documents.stacks import Stack
from recording import stack_files

Sections = dict[str, Any]
_FIXED = "db.m7g.large"  # the smallest current class without credits that this program knows
_MOST_HOSTS = 64  # far more than any budget here allows; the search for the last that fits ends there


def next_class(current: InstanceClass) -> InstanceClass | None:
    """The next size of the same family; None after the largest."""
    family = current.name.rpartition(".")[0]
    larger = (
        each
        for each in INSTANCE_CLASSES.values()
        if each.name.rpartition(".")[0] == family and each.memory_gib > current.memory_gib
    )
    return min(larger, key=lambda each: each.memory_gib, default=None)


def platform(of: Sections, stack: str, region: str, change: Callable[[Sections], None]) -> Platform:
    """Plan the platform of a changed stack file. Raises `StackFileRefused` for one that does not fit."""
    changed = deepcopy(of)
    change(changed)
    return Platform(load(changed, environment=stack, region=region))


def steps_table(root: Path, stacks: Sequence[Stack]) -> str:
    """Connection budget and memory of each stack as it is and after one step."""
    rows: list[tuple[str, ...]] = []
    for stack in stacks:
        of = stack_files.load(root, stack.name).sections()
        for label, change in _steps(stack.platform):
            try:
                grown = platform(of, stack.name, stack.platform.settings.region, change)
            except StackFileRefused as refused:
                fields = ", ".join(code(problem.field) for problem in refused.problems)
                rows.append((stack.name, label, f"refused: {fields}", "", "", "", ""))
                continue
            budget, worst = grown.budget, grown.memory(grown.primary)
            rows.append(
                (stack.name, label, f"{budget.clients_per_host} of {budget.max_client_conn}", str(budget.backends),
                 f"{budget.needed} of {budget.max_connections}",
                 f"{worst.total * 100 // worst.available} %{'' if worst.fits else ', **does not fit**'}",
                 str(len(grown.alarms)))
            )  # fmt: skip
    return table(
        (
            "stack",
            "step",
            "clients a host",
            "sessions",
            "slots of max_connections",
            "primary's memory, worst case",
            "alarms",
        ),
        rows,
    )


def _steps(now: Platform) -> Iterator[tuple[str, Callable[[Sections], None]]]:
    yield "as it is", lambda _: None
    yield "one host more", _hosts(now.budget.hosts + 1)
    larger = next_class(now.primary.instance_class)
    if larger is not None:
        yield f"primary {code(larger.name)}", _class(larger.name)
    yield f"primary {code(_FIXED)}", _class(_FIXED)
    yield "one replica more", _replica(now)


def limits_table(root: Path, stacks: Sequence[Stack]) -> str:
    """The number of application hosts that the present class and parameters bear."""
    rows = []
    for stack in stacks:
        of, region = stack_files.load(root, stack.name).sections(), stack.platform.settings.region
        budget = stack.platform.budget
        by_slots = _last_that_fits(of, stack.name, region, lambda grown: grown.budget.free >= 0)
        by_memory = _last_that_fits(of, stack.name, region, lambda grown: all(map(_fits(grown), grown.instances)))
        rows.append((stack.name, str(budget.hosts), str(by_slots), str(by_memory), str(budget.alarm_threshold)))
    return table(
        ("stack", "hosts now", "hosts that max_connections bears", "hosts that memory bears", "alarm above sessions"),
        rows,
    )


def _fits(grown: Platform) -> Callable[[Any], bool]:
    return lambda instance: grown.memory(instance).fits


def _last_that_fits(of: Sections, stack: str, region: str, fits: Callable[[Platform], bool]) -> int:
    last = 0
    for hosts in range(1, _MOST_HOSTS + 1):
        try:
            grown = platform(of, stack, region, _hosts(hosts))
        except StackFileRefused:
            break
        if not fits(grown):
            break
        last = hosts
    return last


def _hosts(number: int) -> Callable[[Sections], None]:
    def change(of: Sections) -> None:
        of.setdefault("application", {})["hosts"] = number

    return change


def _class(name: str) -> Callable[[Sections], None]:
    def change(of: Sections) -> None:
        of["database"]["instanceClass"] = name

    return change


def _replica(now: Platform) -> Callable[[Sections], None]:
    settings = now.settings
    replica = {
        "number": max((each.number for each in settings.replicas), default=0) + 1,
        "purpose": "reads",
        "instanceClass": settings.database.instance_class.name,
        "zone": settings.zones[0],
    }

    def change(of: Sections) -> None:
        of.setdefault("replicas", []).append(replica)

    return change
