"""The policy model: resources as plain data, rules over one resource or the stack, findings, violations."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, NamedTuple

SHOWN_LENGTH: Final = 80


class Absent:
    """A sentinel for an input without a value: one instance for each reason."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return self._name


MISSING: Final = Absent("MISSING")  # not set
UNKNOWN: Final = Absent("UNKNOWN")  # another resource computes it, and a preview has no value yet


class Level(Enum):
    """Enforcement level: what a violation does, in the words of a policy pack's configuration."""

    MANDATORY = "mandatory"
    ADVISORY = "advisory"
    DISABLED = "disabled"


@dataclass(frozen=True, kw_only=True)
class Resource:
    """One registered resource. `inputs` are plain values under the provider's names (camelCase), `UNKNOWN` among them.

    `depends`: by input, URNs of the resources that it was computed from. `ignores`: inputs whose changes it ignores.
    """

    urn: str
    type: str
    name: str
    inputs: Mapping[str, Any]
    depends: Mapping[str, frozenset[str]] = field(default_factory=dict)
    ignores: frozenset[str] = frozenset()

    @property
    def label(self) -> str:
        """Its name in messages: `rds.Instance langpont-prod-db-primary`."""
        package, module, kind = self.type.split(":")
        folder = module.split("/")[0]
        return f"{package if folder == 'index' else folder}.{kind} {self.name}"

    @property
    def stack(self) -> str:
        """The stack that its URN names."""
        return self.urn.split("::")[0].removeprefix("urn:pulumi:")

    def value(self, path: str) -> Any:
        """The input at a path like `vpcConfig.subnetIds`; `MISSING` or `UNKNOWN` if it, or what holds it, is that.

        Null and the empty text count as missing: providers take them for "not set".
        """
        value: Any = self.inputs
        for key in path.split("."):
            if value is UNKNOWN:
                return UNKNOWN
            value = value.get(key, MISSING) if isinstance(value, Mapping) else MISSING
        return MISSING if value is None or value == "" else value


class Stack:
    """All resources of a stack."""

    def __init__(self, resources: Iterable[Resource]) -> None:
        self.by_urn = {resource.urn: resource for resource in resources}

    def of_type(self, type_: str) -> list[Resource]:
        """The resources of one type."""
        return [resource for resource in self.by_urn.values() if resource.type == type_]

    def sources(self, resource: Resource, key: str, type_: str) -> list[Resource]:
        """The resources of one type that an input of `resource` was computed from."""
        found = (self.by_urn.get(urn) for urn in sorted(resource.depends.get(key, ())))
        return [source for source in found if source is not None and source.type == type_]


class Finding(NamedTuple):
    """One defect: what is wrong ("multiAz is false"), and the way out, a sentence without its full stop.

    `excepted`: why it is none, where it follows from how any stack is built; the way out is "" then.
    """

    found: str
    way_out: str
    excepted: str = ""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A policy. `wants`: what it asks for, as a noun phrase. `control`: the Security Hub control that it stands for.

    `applies`: whether it is about a resource type. `level` holds where no configuration says otherwise.
    """

    name: str
    wants: str
    applies: Callable[[str], bool]
    control: str | None = None
    level: Level = Level.MANDATORY

    @property
    def description(self) -> str:
        """The rule in one line, as the policy pack describes it."""
        return f"{self.control or self.name}: {self.wants}."

    def violation(self, resource: Resource, finding: Finding, level: Level) -> Violation:
        """The violation of a finding, with its whole message."""
        return Violation(
            rule=self.name,
            level=level,
            urn=resource.urn,
            resource=resource.label,
            message=(
                f"{resource.label}: {finding.found}. {self.control or self.name} wants {self.wants}. {finding.way_out}."
            ),
        )


@dataclass(frozen=True, kw_only=True)
class ResourceRule(Rule):
    """A rule over one resource by itself: evaluated before the engine creates it."""

    check: Callable[[Resource], Iterator[Finding]]


@dataclass(frozen=True, kw_only=True)
class StackRule(Rule):
    """A rule over a resource and all others of its stack: evaluated when all are registered."""

    check: Callable[[Resource, Stack], Iterator[Finding]]


@dataclass(frozen=True, kw_only=True)
class Violation:
    """A violated rule. `message` is whole: resource, value, rule and way out. It holds no secret value."""

    rule: str
    level: Level
    urn: str
    resource: str
    message: str


def of(*types: str) -> Callable[[str], bool]:
    """A predicate for `applies`: these resource types."""
    return frozenset(types).__contains__


def show(value: Any) -> str:
    """A value as JSON, cut to `SHOWN_LENGTH`, for a message."""
    text = json.dumps(value, ensure_ascii=False, default=repr)
    return text if len(text) <= SHOWN_LENGTH else f"{text[:SHOWN_LENGTH]}..."


STATE_IT = "State it in the program as a value, so that a preview can judge it"


def describe(resource: Resource, path: str) -> str:
    """Half a sentence for a message: an input and its value."""
    value = resource.value(path)
    if value is MISSING:
        return f"{path} is not stated"
    return f"{path} is known only after the deployment" if value is UNKNOWN else f"{path} is {show(value)}"


def expect(resource: Resource, path: str, good: Callable[[Any], bool], way_out: str) -> Iterator[Finding]:
    """A finding unless the input is set, known and good. For settings, which are values and nobody's output."""
    value = resource.value(path)
    if value is UNKNOWN:
        yield Finding(describe(resource, path), STATE_IT)
    elif value is MISSING or not good(value):
        yield Finding(describe(resource, path), way_out)


def excepted(findings: Iterable[Finding], why: str) -> Iterator[Finding]:
    """The same findings, excepted for a reason that holds in every stack; a value that is not known yet is none."""
    for finding in findings:
        yield finding if finding.way_out == STATE_IT else Finding(finding.found, "", why)


def expect_reference(resource: Resource, path: str, way_out: str) -> Iterator[Finding]:
    """A finding unless the input is set. For ids and ARNs, which a preview does not know yet."""
    value = resource.value(path)
    if value is MISSING or value == []:
        yield Finding(f"{path} is not stated", way_out)


def is_list(value: Any) -> bool:
    """Whether it is a list."""
    return isinstance(value, Sequence) and not isinstance(value, str)


def are_objects(value: Any) -> bool:
    """Whether it is a list of objects, as nested settings are."""
    return is_list(value) and all(isinstance(item, Mapping) for item in value)


def words(value: Any) -> set[str]:
    """The strings of a list; none, if it is not one."""
    return {item for item in value if isinstance(item, str)} if is_list(value) else set()
