"""The form of a rule's test case: one resource, the other resources of its stack, and every expected message."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from policy.model import Resource


class Kind(Enum):
    """What a case shows. `MISSING`: a value that nobody stated is refused."""

    PASSING = "passes"
    VIOLATING = "is refused"
    MISSING = "is refused without the value"
    EXCEPTED = "is excepted by the rule"
    ABSENT = "passes without the value"  # where nothing is what is wanted


@dataclass(frozen=True)
class Case:
    """`messages` are whole, in their order; of what is excepted, the reasons. `others` are the rest of the stack."""

    rule: str
    kind: Kind
    resource: Resource
    messages: tuple[str, ...] = ()
    others: tuple[Resource, ...] = ()

    @property
    def id(self) -> str:
        """The case as a sentence."""
        return f"{self.rule}: {self.resource.type.split(':')[-1]} {self.resource.name} {self.kind.value}"


def urn(type_: str, name: str) -> str:
    """A URN of prod."""
    return f"urn:pulumi:prod::langpont-database::{type_}::{name}"


def resource(
    type_: str,
    inputs: Mapping[str, Any],
    name: str = "it",
    depends: Mapping[str, Iterable[Resource]] | None = None,
    ignores: Iterable[str] = (),
) -> Resource:
    """A resource of prod; `depends`: what an input was computed from, `ignores`: whose changes it ignores."""
    sources = {key: frozenset(each.urn for each in found) for key, found in (depends or {}).items()}
    return Resource(
        urn=urn(type_, name), type=type_, name=name, inputs=inputs, depends=sources, ignores=frozenset(ignores)
    )


def passing(rule: str, *resources: Resource, others: tuple[Resource, ...] = ()) -> list[Case]:
    """Resources in which the rule finds nothing."""
    return [Case(rule, Kind.PASSING, each, others=others) for each in resources]


def absent(rule: str, each: Resource, others: tuple[Resource, ...] = ()) -> Case:
    """A resource without the value, in which the rule finds nothing."""
    return Case(rule, Kind.ABSENT, each, others=others)


def violating(rule: str, each: Resource, *messages: str, others: tuple[Resource, ...] = ()) -> Case:
    """A resource with a wrong value, and what is said of it."""
    return Case(rule, Kind.VIOLATING, each, messages, others)


def missing(rule: str, each: Resource, *messages: str, others: tuple[Resource, ...] = ()) -> Case:
    """A resource without the value, and what is said of it."""
    return Case(rule, Kind.MISSING, each, messages, others)


def excepted(rule: str, each: Resource, *reasons: str, others: tuple[Resource, ...] = ()) -> Case:
    """A resource that the rule excepts by itself, and why."""
    return Case(rule, Kind.EXCEPTED, each, reasons, others)
