"""Verdicts of the back-tests: which alarm of a stack fires in which scenario, after how long, and who is told."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from blueprint.monitoring.alarm import Alarm, Severity
from blueprint.monitoring.composites import EXTENSION_SECONDS, WAIT_SECONDS, any_in_alarm, composites
from blueprint.platform import Platform
from documents.backtest import composite, evaluation
from documents.backtest.evaluation import MINUTE, Series, State
from documents.backtest.identities import Identity, Source, sources, watched
from documents.backtest.loud import LOUD
from documents.backtest.machine import LEAD_MINUTES, Machine, Metrics, machines, metrics
from documents.backtest.quiet import QUIET
from documents.backtest.scenarios import Scenario

FACTOR = 2
"""By how much a threshold is moved to see whether some scenario notices."""


@dataclass(frozen=True, kw_only=True)
class Fired:
    """An alarm in a scenario. `after`: minutes from its beginning until ALARM, None if it did not fire."""

    after: int | None
    in_time: bool


@dataclass(frozen=True, kw_only=True, order=True)
class Told:
    """A message that somebody gets: minutes after the beginning of a scenario, of which alarm, and how urgent."""

    after: int
    alarm: str
    severity: Severity


class World:
    """A stack's instances in one scenario, and their metrics. `subject`: where it happens; None for everywhere."""

    def __init__(
        self, stack: Sequence[Machine], published: Mapping[Identity, Source], scenario: Scenario, subject: str | None
    ) -> None:
        self._machines = {machine.name: machine for machine in stack}
        self._published = published
        self._scenario, self._subject = scenario, subject
        self._metrics: dict[str, Metrics] = {}

    def series(self, alarm: Alarm, term: str = "") -> Series | None:
        """The series that an alarm, or a term of it, reads; None for a metric that there is not."""
        source = self._published.get(watched(alarm, term))
        return None if source is None else self._of(source.instance)[source.key]

    def read(self, alarm: Alarm) -> dict[str, Series] | None:
        """All series that an alarm reads, by term, or by "" alone; None if one is not in the model."""
        found = {term: self.series(alarm, term) for term in ([each.id for each in alarm.terms] or [""])}
        return None if None in found.values() else {term: series for term, series in found.items() if series}

    def _of(self, name: str) -> Metrics:
        if name not in self._metrics:
            scenario, machine = self._scenario, self._machines[name]
            happens = (self._subject is None or self._subject == name) and scenario.happens_on(machine)
            if scenario.fixed:
                machine = replace(machine, ceiling=machine.storage)
            self._metrics[name] = metrics(
                machine,
                scenario.shape if happens else scenario.elsewhere,
                begins=scenario.begins,
                minutes=scenario.minutes,
                idle=scenario.idle,
                full=scenario.full,
            )
        return self._metrics[name]


@dataclass(frozen=True, kw_only=True)
class BackTest:
    """A stack's alarms, the instances that they watch and the metrics that there are, under all scenarios."""

    alarms: tuple[Alarm, ...]
    machines: tuple[Machine, ...]
    published: Mapping[Identity, Source]

    @cached_property
    def _worlds(self) -> dict[tuple[str, str | None], World]:
        return {}

    @cached_property
    def _told(self) -> dict[tuple[str, str | None], list[Told]]:
        return {}

    @cached_property
    def _states(self) -> dict[tuple[str, str | None, str], list[State]]:
        return {}

    def subject(self, alarm: Alarm) -> Machine:
        """The instance that an alarm is about: the primary for what the platform publishes itself."""
        return next((machine for machine in self.machines if machine.name == alarm.instance), self.machines[0])

    def about(self, alarm: Alarm) -> tuple[Scenario, ...]:
        """Scenarios in which an alarm is to fire, or may."""
        machine = self.subject(alarm)
        return tuple(each for each in LOUD if alarm.key in each.about and each.happens_on(machine))

    def is_modelled(self, alarm: Alarm) -> bool:
        """Whether the model has what the alarm watches; if not, it stays OK here, whatever happens."""
        return self._world(QUIET[0], None).read(alarm) is not None

    def has_data(self, alarm: Alarm) -> bool:
        """Whether there is data on some day: no credits outside T classes, no burst where there is none."""
        return any(
            value is not None
            for scenario in QUIET
            for series in (self._world(scenario, None).read(alarm) or {}).values()
            for value in series
        )

    def fired(self, alarm: Alarm, scenario: Scenario) -> Fired:
        """What becomes of an alarm in a scenario: one with `times` happens everywhere, others on its instance."""
        machine = self.subject(alarm)
        states = self._state(alarm, scenario, None if scenario.times else machine.name)[LEAD_MINUTES:]
        after = states.index(State.ALARM) + 1 if State.ALARM in states else None
        return Fired(after=after, in_time=after is not None and after <= scenario.within(machine))

    def told(self, scenario: Scenario, subject: str | None = None) -> list[Told]:
        """Messages that a scenario on one instance, or on all, makes: one alarm, one message each time it fires.

        An alarm that follows from another is told by its composite alarm, which the other one holds back.
        """
        key = scenario.key, subject
        if key not in self._told:
            self._told[key] = self._messages(scenario, subject)
        return self._told[key]

    def _messages(self, scenario: Scenario, subject: str | None) -> list[Told]:
        found = []
        states = {alarm.name: self._state(alarm, scenario, subject) for alarm in self.alarms}
        for alarm in self.alarms:
            if not alarm.causes:
                steps = composite.actions(states[alarm.name])
                found += [(at, alarm.name, alarm.severity) for at, state in steps if state is State.ALARM]
        for row in composites(self.alarms):
            children = {name: states[name] for name in row.any_of}
            states[row.name] = composite.states(composite.rule(any_in_alarm(row.any_of)), children)
            if row.suppressor is not None:
                steps = composite.actions(
                    states[row.name],
                    states[row.suppressor],
                    wait=WAIT_SECONDS // MINUTE,
                    extension=EXTENSION_SECONDS // MINUTE,
                )
                found += [(at, row.any_of[0], row.severity) for at, state in steps if state is State.ALARM]
        return sorted(
            (
                Told(after=at - LEAD_MINUTES + 1, alarm=name, severity=severity)
                for at, name, severity in found
                if at >= LEAD_MINUTES
            ),
            key=lambda told: (told.after, told.alarm),
        )

    def _world(self, scenario: Scenario, subject: str | None) -> World:
        key = scenario.key, subject
        if key not in self._worlds:
            self._worlds[key] = World(self.machines, self.published, scenario, subject)
        return self._worlds[key]

    def _state(self, alarm: Alarm, scenario: Scenario, subject: str | None) -> list[State]:
        key = scenario.key, subject, alarm.name
        known = self._states if alarm in self.alarms else {}
        if key not in known:
            read = self._world(scenario, subject).read(alarm)
            length = LEAD_MINUTES + scenario.minutes
            known[key] = (
                [State.OK] * length
                if read is None
                else evaluation.states(alarm, read.__getitem__, clock=scenario.begins - LEAD_MINUTES)
            )
        return known[key]


def back_test(platform: Platform) -> BackTest:
    """The back-test of a stack."""
    stack = machines(platform)
    return BackTest(alarms=platform.alarms, machines=stack, published=sources(platform, stack))


def moved(alarm: Alarm, factor: float = FACTOR) -> Iterator[tuple[str, tuple[Alarm, Alarm]]]:
    """Each threshold of an alarm, those that its expression compares with too, and the alarm with it moved both ways.

    A threshold of zero is moved by one.
    """
    ways = (alarm.threshold / factor, alarm.threshold * factor) if alarm.threshold else (-1.0, 1.0)
    yield f"{alarm.threshold:g}", (replace(alarm, threshold=ways[0]), replace(alarm, threshold=ways[1]))
    text = alarm.expression or ""
    for found in re.finditer(r"(?<=[<>] )\d+(\.\d+)?", text):
        value = float(found[0])
        if value:
            less, more = (
                f"{text[: found.start()]}{each:f}{text[found.end() :]}" for each in (value / factor, value * factor)
            )
            yield found[0], (replace(alarm, expression=less), replace(alarm, expression=more))
