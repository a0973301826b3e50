"""A result of the doctor: a verdict about one check, in words."""

from __future__ import annotations

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
