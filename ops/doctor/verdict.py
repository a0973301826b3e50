"""A result of the doctor: a verdict about one check, in words; of instances that are alike, one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum


class Verdict(Enum):
    """The result of a check, the worst first."""

    ACT = "act"
    UNKNOWN = "unknown"
    LOOK = "look"
    OK = "ok"


@dataclass(frozen=True)
class Line:
    """One result of a check: a line of the screen."""

    verdict: Verdict
    check: str
    text: str


def grouped(
    check: str, found: Iterable[tuple[Verdict, str, str]], total: int, noun: str = "instance"
) -> Iterator[Line]:
    """One line for all instances with the same verdict and text. `found`: verdict, text, identifier.

    `total`: how many are looked at; `noun`: what they are.
    """
    groups: dict[tuple[Verdict, str], list[str]] = {}
    for verdict, text, identifier in found:
        groups.setdefault((verdict, text), []).append(identifier)
    for (verdict, text), identifiers in groups.items():
        who = f"all {total} {noun}s" if len(identifiers) == total > 1 else ", ".join(identifiers)
        yield Line(verdict, check, f"{who}: {text}")
