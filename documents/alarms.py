"""Back-tests of the alarms as tables: after how long each fires, what ordinary days make of it, and the scenarios."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from blueprint.monitoring.alarm import Alarm, Severity
from documents.backtest.loud import LOUD
from documents.backtest.quiet import QUIET
from documents.backtest.scenarios import On, Scenario
from documents.markdown import code, table
from documents.stacks import Stack
from preview.units import number, span


@dataclass(frozen=True)
class _Watched:
    """An alarm with its stack."""

    stack: Stack
    alarm: Alarm

    @property
    def times(self) -> dict[Scenario, int | None]:
        """Minutes until it fires, by the scenarios about it; None where it does not fire in time."""
        test = self.stack.back_test
        found = {scenario: test.fired(self.alarm, scenario) for scenario in test.about(self.alarm)}
        return {scenario: fired.after if fired.in_time else None for scenario, fired in found.items()}


def alarms(stacks: Sequence[Stack]) -> str:
    """Each alarm of any stack: after how long it fires, in which scenarios, and how often on ordinary days."""
    by_key: dict[str, list[_Watched]] = {}
    for stack in stacks:
        for alarm in stack.back_test.alarms:
            by_key.setdefault(alarm.key, []).append(_Watched(stack, alarm))
    order = sorted(by_key, key=lambda key: (by_key[key][0].alarm.severity is not Severity.CRITICAL, key))
    return table(
        ("alarm", "severity", "fires after", "told in a quiet month", "in these scenarios"),
        [
            (
                f"[{key}](runbook.md#{key})",
                by_key[key][0].alarm.severity.value,
                _after([after for each in by_key[key] for after in each.times.values() if after is not None]),
                number(max(_in_a_month(stack, {key}) for stack in stacks)),
                _scenarios(by_key[key]),
            )
            for key in order
        ],
    )


def _scenarios(of: Sequence[_Watched]) -> str:
    """Each scenario with its own time; in which it does not fire, or too late, said so."""
    texts = []
    for scenario in LOUD:
        times = [each.times[scenario] for each in of if scenario in each.times]
        if times:
            fired = [after for after in times if after is not None]
            texts.append(f"{code(scenario.key)} {_after(fired) if len(fired) == len(times) else 'not in time'}")
    return ", ".join(texts)


def _after(minutes: Sequence[int]) -> str:
    if not minutes:
        return "never"
    least, most = (span(each * 60) for each in (min(minutes), max(minutes)))
    return least if least == most else f"{least} to {most}"


def _in_a_month(stack: Stack, keys: set[str]) -> int:
    """Messages of alarms with these keys in a month of ordinary days."""
    return sum(count for scenario in QUIET for count in _messages(stack, scenario, keys))


def _messages(stack: Stack, scenario: Scenario, keys: set[str] | None = None) -> Iterator[int]:
    of = {alarm.name: alarm.key for alarm in stack.back_test.alarms}
    for told in stack.back_test.told(scenario):
        if keys is None or of[told.alarm] in keys:
            yield scenario.times


def loud(stacks: Sequence[Stack], shown: Stack) -> str:
    """What goes wrong in a scenario, and who is told of it in one stack, in which each cause is to be told once."""
    return table(
        ("scenario", "what happens", "on", "must be told within", f"messages in {shown.name}"),
        [
            (code(scenario.key), scenario.title, scenario.on.value, _within(stacks, scenario), _told(shown, scenario))
            for scenario in LOUD
        ],
    )


def _within(stacks: Sequence[Stack], scenario: Scenario) -> str:
    machines = [machine for stack in stacks for machine in stack.back_test.machines if scenario.happens_on(machine)]
    if not machines:
        return "nowhere"
    return _after([round(scenario.within(machine)) for machine in machines])


def _told(stack: Stack, scenario: Scenario) -> str:
    """Messages of a scenario on the first instance of the stack that it can happen on."""
    machine = next((each for each in stack.back_test.machines if scenario.happens_on(each)), None)
    if machine is None:
        return "cannot happen"
    told = stack.back_test.told(scenario, machine.name)
    return ", ".join(f"{each.alarm} after {span(each.after * 60)}" for each in told) or "none"


def quiet(stacks: Sequence[Stack]) -> str:
    """What goes on every month, and how many messages that makes: none."""
    return table(
        ("scenario", "what goes on", "on", "times a month", "messages"),
        [
            (
                code(scenario.key),
                scenario.title,
                "every instance" if scenario.on is On.ANY else scenario.on.value,
                str(scenario.times),
                number(sum(sum(_messages(stack, scenario)) for stack in stacks)),
            )
            for scenario in QUIET
        ],
    )
