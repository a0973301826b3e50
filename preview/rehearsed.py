"""What clients saw when a change was rehearsed on one machine, and whether that is what is foretold.

`make rehearse` keeps its last measurement of a stack in a file of the project; a report of the very same change has it
beside what AWS names.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Final

from preview.difference import Comparison
from preview.effects.model import Line

# Below this a pause in which nothing fails says more of the machine than of the change: with eight times as many
# programs at work as there are cores, 3.2 s were seen for a reload. A restart shows by what fails, however short.
QUIET_SECONDS: Final = 5.0


@dataclass(frozen=True, kw_only=True)
class Work:
    """One kind of work, from the moment when the change began until clients were at work again.

    done: what was acknowledged. longest_seconds: the longest time in which nothing was. failed: how many, by kind.
    went_on: whether it was done again at the end.
    """

    done: int
    longest_seconds: float
    failed: Mapping[str, int]
    went_on: bool

    @property
    def interrupted(self) -> bool:
        """Whether a client noticed."""
        return bool(self.failed) or not self.went_on or self.longest_seconds > QUIET_SECONDS


@dataclass(frozen=True, kw_only=True)
class Rehearsed:
    """One rehearsal. `change` tells which: `digest` of both sides. `measured`: when, in UTC.

    rows: how many had been committed, before or meanwhile. lost: of these, how many are not found afterwards. did: what
    happened to the servers. apply_seconds: until the changed version had been applied.
    """

    change: str
    measured: str
    apply_seconds: float
    did: tuple[str, ...]
    writes: Work
    reads: Work
    rows: int
    lost: int

    @property
    def interrupted(self) -> bool:
        """Whether a client noticed."""
        return self.writes.interrupted or self.reads.interrupted

    def to_json(self) -> dict[str, Any]:
        """For the file, and for `--json`."""
        return asdict(self) | {"did": list(self.did)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Rehearsed:
        """What `to_json` made. Raises `ValueError` for anything else."""
        try:
            works = {name: Work(**value[name]) for name in ("writes", "reads")}
            return cls(**{**value, **works, "did": tuple(value["did"])})
        except (KeyError, TypeError) as error:
            raise ValueError(f"not a rehearsal: {error}") from None


class Verdict(Enum):
    """A foretold effect against what was seen on one machine."""

    AS_FORETOLD = "as foretold"
    NOTHING_HERE = "nothing of it happens on one machine"
    MILDER = "nobody was cut off here"
    WORSE = "worse than foretold"


def verdicts(lines: Sequence[Line], seen: Rehearsed) -> list[Verdict]:
    """One for each line. An interruption is that of the lines that foretell one, where there are any."""
    foretold = any(line.needs_window for line in lines)
    return [_verdict(line, seen, foretold_elsewhere=foretold) for line in lines]


def _verdict(line: Line, seen: Rehearsed, *, foretold_elsewhere: bool) -> Verdict:
    if seen.interrupted and not foretold_elsewhere:
        return Verdict.WORSE
    if seen.interrupted and line.needs_window:
        return Verdict.AS_FORETOLD
    if not seen.did:
        return Verdict.NOTHING_HERE
    return Verdict.MILDER if line.needs_window else Verdict.AS_FORETOLD


def failed(lines: Sequence[Line], seen: Rehearsed) -> bool:
    """Whether clients lost more than is foretold: an interruption that nobody foretold, or a commit."""
    return bool(seen.lost) or Verdict.WORSE in verdicts(lines, seen) or (seen.interrupted and not lines)


def digest(comparison: Comparison) -> str:
    """What tells one change of a stack from another: both sides, whatever their versions are called."""
    sides = json.dumps([comparison.before, comparison.after], sort_keys=True)
    return hashlib.sha256(sides.encode()).hexdigest()[:16]


def kept_in(project: Path, stack: str) -> Path:
    """The file of a stack's last rehearsal."""
    return project / ".local" / f"{stack}.rehearsal.json"


def of_change(project: Path, stack: str, comparison: Comparison) -> Rehearsed | None:
    """The last rehearsal, if it was of this change; None where there is none that can be read."""
    try:
        found = Rehearsed.from_json(json.loads(kept_in(project, stack).read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return None
    return found if found.change == digest(comparison) else None
