"""Evaluates the policies over a recorded stack: what `pulumi preview --policy-pack policy` reports, without the CLI."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from policy.configuration import Configuration, Excepted, for_stack, is_excepted
from policy.model import UNKNOWN, Finding, Level, Resource, ResourceRule, Rule, Stack, StackRule, Violation
from policy.rules import RULES


class Registered(Protocol):
    """A registration as the recording engine keeps it."""

    @property
    def urn(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def inputs(self) -> Mapping[str, Any]: ...
    @property
    def property_dependencies(self) -> Mapping[str, frozenset[str]]: ...
    @property
    def ignore_changes(self) -> tuple[str, ...]: ...


class Recorded(Protocol):
    """All registrations of one run, by URN."""

    @property
    def stack(self) -> str: ...
    @property
    def registrations(self) -> Mapping[str, Any]: ...


def evaluate_stack(recording: Recorded, configuration: Configuration | None = None) -> list[Violation]:
    """Evaluate all rules over a recorded stack: violations, mandatory before advisory, then rule by rule.

    The levels and exceptions are those of the stack's file in `policy/config`, if none are given. Of a first preview,
    what only a deployment tells (a policy document with an ARN in it) is not evaluated: evaluate the update too.
    """
    configuration = configuration or for_stack(recording.stack, RULES)
    found = [
        rule.violation(resource, finding, configuration.settings[rule.name].level)
        for rule, resource, finding in _found(recording, configuration)
        if not finding.excepted
    ]
    return sorted(found, key=lambda violation: violation.level is not Level.MANDATORY)


def exceptions(recording: Recorded, configuration: Configuration | None = None) -> list[Excepted]:
    """What is excepted in a recorded stack: by its configuration, and by the rules themselves."""
    configuration = configuration or for_stack(recording.stack, RULES)
    names: dict[tuple[str, str], list[str]] = {}
    for rule, resource, finding in _found(recording, configuration):
        if finding.excepted:
            names.setdefault((rule.name, finding.excepted), []).append(resource.name)
    return [
        *configuration.exceptions,
        *(Excepted(rule, ", ".join(dict.fromkeys(found)), why) for (rule, why), found in names.items()),
    ]


def _found(recording: Recorded, configuration: Configuration) -> Iterator[tuple[Rule, Resource, Finding]]:
    stack = Stack(resource_of(registration) for registration in recording.registrations.values())
    resources = sorted(stack.by_urn.values(), key=lambda resource: resource.name)
    for rule in RULES:
        setting = configuration.settings[rule.name]
        if setting.level is Level.DISABLED:
            continue
        for resource in resources:
            if rule.applies(resource.type) and not is_excepted(resource.name, setting.exceptions):
                for finding in findings(rule, resource, stack):
                    yield rule, resource, finding


def findings(rule: Rule, resource: Resource, stack: Stack) -> Iterator[Finding]:
    """Evaluate one rule on one resource of a stack."""
    if isinstance(rule, ResourceRule):
        yield from rule.check(resource)
    elif isinstance(rule, StackRule):
        yield from rule.check(resource, stack)


def resource_of(registration: Registered) -> Resource:
    """Convert a registration into a `Resource` of the rules."""
    return Resource(
        urn=registration.urn,
        type=registration.type,
        name=registration.name,
        inputs=plain(registration.inputs),
        depends=registration.property_dependencies,
        ignores=frozenset(registration.ignore_changes),
    )


def plain(value: Any) -> Any:
    """A plain value: whole numbers as int, secrets as what they hold (no rule shows one), the rest `UNKNOWN`.

    Markers are told by their shape, so that the recording and Pulumi's SDK need not be imported: a secret has a
    `value`; what is neither a value nor a secret is not known yet, or is an asset, which no rule evaluates.
    """
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, Sequence):
        return [plain(item) for item in value]
    return plain(value.value) if hasattr(value, "value") else UNKNOWN
