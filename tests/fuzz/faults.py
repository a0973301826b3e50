"""What a run finds, and what holds for every refusal."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from blueprint.problems import Problem
from blueprint.stack_file.load import StackFileRefused, load

LONGEST = 1500  # characters of a sentence: a shortened field and value, a rule, a way out
REGION = "ap-northeast-1"


@dataclass(frozen=True)
class Fault:
    """One thing that should not be: what was tried, and what came of it."""

    tried: str
    came: str

    def __str__(self) -> str:
        return f"{self.tried[:2000]}\n    {self.came}"


class Refusals:
    """Problems of documents. `crash` is the traceback of the last one that was not refused but failed."""

    crash: str = ""

    def of(self, document: dict[str, Any], environment: str) -> tuple[Problem, ...]:
        """What `load` finds wrong; nothing where it takes the document."""
        self.crash = ""
        try:
            load(document, environment=environment, region=REGION)
        except StackFileRefused as refused:
            return refused.problems
        except Exception:
            self.crash = traceback.format_exc(limit=-6)
        return ()


def misworded(problem: Problem) -> Iterator[str]:
    """What a sentence lacks: its field, its rule, its way out; or what makes it unreadable."""
    told = str(problem)
    if not (problem.field and problem.rule and problem.way_out):
        yield f"has no field, rule or way out: {told}"
    if not told.isprintable() or len(told) > LONGEST:
        yield f"{len(told)} characters, or some that do not show: {told[:LONGEST]!r}"
    if not re.fullmatch(r"\S.+\. [A-Z].+\.", told) or "Correct it" in told:
        yield f"is no sentence with a way out: {told}"
