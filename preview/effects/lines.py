"""Which changed setting is behind which operation: the program is run once more for each, with that one as it was."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

import pulumi

from blueprint.names import ProductNaming
from preview import own_prices
from preview.cost import estimate
from preview.difference import ABSENT, ValueChange
from preview.effects.model import Line, Touch
from preview.effects.rows import consequences
from recording.engine import EngineRefusal
from recording.plan import Key, Plan, Standing, digest, plan
from recording.stack_files import StackFile

# More changed settings than these are taken by section: each costs a run of the program.
MOST_RUNS = 8

Group = tuple[ValueChange, ...]
Part = tuple[Key, str]
"""A resource and one of its inputs; "" for the whole."""
Signature = Mapping[Part, tuple[str, str, str | None]]


@dataclass(frozen=True)
class _Change:
    """All operations, and how to find those that are left without some of the changes."""

    whole: Plan
    without: Callable[[Sequence[ValueChange]], Plan | None]


def lines(
    file: StackFile,
    standing: Mapping[Key, Standing],
    whole: Plan,
    *,
    before: Mapping[str, Any] | None,
    settings: Sequence[ValueChange],
    answers: Any,
) -> list[Line]:
    """A line for each changed setting, the worst first; one without settings for what no setting is behind.

    `before`: the sections of the stack file as it was; None where nobody knows them, so that all stands in one line.
    """
    everything = _signature(whole)
    if before is None:
        return [_line(tuple(settings), everything, whole, standing)] if everything else []
    sections = file.sections()

    def without(changes: Iterable[ValueChange]) -> Plan | None:
        """What is left to do with these settings as they were; None where such a file is refused."""
        try:
            return plan(_edited(file, _reverted(sections, changes)), standing, answers)
        except (pulumi.RunError, EngineRefusal):
            return None

    region = file.config["aws:region"]
    change = _Change(whole, without)
    found, rest = _behind(change, everything, settings)
    own = own_prices.load(file.root)
    total = estimate(whole.recording, region, own)
    told = [
        replace(
            _line(group, parts, whole, standing),
            cost=None if left is None else total - estimate(left.recording, region, own),
        )
        for group, parts, left in found
    ]
    if rest:
        told.append(_line((), rest, whole, standing))
    return sorted(told, key=lambda each: each.effect, reverse=True)


def by_operation(whole: Plan, standing: Mapping[Key, Standing]) -> list[Line]:
    """A line for each kind of operation, where nobody knows the settings as they were; the worst first."""
    kinds: dict[tuple[str, str, tuple[str, ...]], set[Part]] = {}
    for step in whole.steps:
        parts = {(step.key, key) for key in step.properties or ("",)}
        kinds.setdefault((step.call, step.type, step.properties), set()).update(parts)
    told = [_line((), parts, whole, standing) for parts in kinds.values()]
    return sorted(told, key=lambda each: each.effect, reverse=True)


def _behind(
    change: _Change, everything: Signature, settings: Sequence[ValueChange]
) -> tuple[list[tuple[Group, set[Part], Plan | None]], set[Part]]:
    """The operations behind each group of settings, and those that no setting is behind; with what is left to do."""
    if not settings:
        return [], set(everything)
    base = change.without(settings)  # what the program's own change does
    without = {} if base is None else _signature(base)
    own = {part for part, what in everything.items() if without.get(part) == what}
    groups = _groups(settings)
    if len(groups) == 1:
        return [(groups[0], set(everything) - own, base)], own
    found: list[tuple[Group, set[Part], Plan | None]] = []
    joint: list[ValueChange] = []
    for group in groups:
        left = change.without(group)
        if left is None:
            joint += group
        else:
            other = _signature(left)
            found.append((group, {part for part, what in everything.items() if other.get(part) != what}, left))
    told = {part for _, parts, _ in found for part in parts}
    rest = set(everything) - told - own
    if joint or rest:  # settings that only go together, and operations that two of them want
        found.append((tuple(joint or settings), rest, change.without(joint) if joint else None))
    return found, own - told


def _groups(settings: Sequence[ValueChange]) -> list[Group]:
    if len(settings) <= MOST_RUNS:
        return [(each,) for each in settings]
    by_section: dict[str, list[ValueChange]] = {}
    for each in settings:
        by_section.setdefault(each.path[0], []).append(each)
    return [tuple(group) for group in by_section.values()]


def _signature(found: Plan) -> dict[Part, tuple[str, str, str | None]]:
    """What each operation does to each input, so that two plans can be told apart."""
    told = {}
    for step in found.steps:
        inputs = step.registration.inputs if step.registration else {}
        for key in step.properties or ("",):
            told[step.key, key] = (step.call, step.because, digest(inputs.get(key)))
    return told


def _line(group: Group, parts: Iterable[Part], whole: Plan, standing: Mapping[Key, Standing]) -> Line:
    settings = tuple(leaf for each in group for leaf in _leaves(each))
    paths = [path for path, _, _ in settings]
    return Line(settings=settings, touches=tuple(_touches(whole, set(parts), standing, paths)))


def _leaves(change: ValueChange) -> Iterator[tuple[str, Any, Any]]:
    """A section that comes or goes by its values, so that each is named."""
    for one, other, order in ((change.before, change.after, 1), (change.after, change.before, -1)):
        if one is ABSENT and isinstance(other, Mapping) and other:
            for key, value in other.items():
                before, after = (ABSENT, value)[::order]
                yield from _leaves(ValueChange(path=(*change.path, str(key)), before=before, after=after))
            return
    yield ".".join(change.path), change.before, change.after


def _touches(whole: Plan, wanted: set[Part], standing: Mapping[Key, Standing], paths: Sequence[str]) -> Iterator[Touch]:
    prefix = f"{ProductNaming(whole.recording.stack).prefix}-"
    for step in whole.steps:
        properties = tuple(key for key in step.properties or ("",) if (step.key, key) in wanted)
        if not properties:
            continue
        part = replace(step, properties=tuple(key for key in properties if key))
        values = standing[step.key].values if step.key in standing else {}
        yield Touch(step=step, on=step.name.removeprefix(prefix), properties=part.properties,
                    consequences=consequences(part, values, paths))  # fmt: skip


def _reverted(sections: Mapping[str, Any], changes: Iterable[ValueChange]) -> dict[str, Any]:
    """The sections with these values as they were before."""
    edited: Any = deepcopy(dict(sections))
    for change in changes:
        edited = _put(edited, change.path, change.before)
    return dict(edited)


def _put(node: Any, path: Sequence[str], value: Any) -> Any:
    head, *rest = path
    if isinstance(node, list):  # of replicas, each by its number
        found = next((item for item in node if str(item.get("number")) == head), None)
        others = [item for item in node if item is not found]
        new = _put(found, rest, value) if rest else value
        return others if new is ABSENT else sorted([*others, new], key=lambda item: int(item["number"]))
    node = dict(node or {})
    new = _put(node.get(head), rest, value) if rest else value
    if new is ABSENT:
        node.pop(head, None)
    else:
        node[head] = new
    return node


def _edited(file: StackFile, sections: Mapping[str, Any]) -> StackFile:
    """The stack file with other sections of the project."""
    namespace = f"{file.project}:"
    config = {key: value for key, value in file.config.items() if not key.startswith(namespace)}
    for key, value in sections.items():
        config[namespace + key] = value if isinstance(value, str) else json.dumps(value)
    return replace(file, config=config)
