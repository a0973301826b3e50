"""How busy the machine was with other things, before and while something is measured, as the kernel counts CPU time."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

# Above these a figure says more about the machine's other work than about ours. On an idle machine of two cores a part
# sees 0 to 1 % and no stolen time; one process that does nothing but compute is 50 % there.
MOST_OTHERS_PERCENT = 5.0
MOST_STOLEN_PERCENT = 2.0
BEFORE_SECONDS = 3.0


@dataclass(frozen=True, kw_only=True)
class Load:
    """Shares of all cores' time: what other programs used, and what the hypervisor gave to other machines."""

    others_percent: float
    stolen_percent: float

    @property
    def quiet(self) -> bool:
        """Whether what was measured meanwhile says something."""
        return self.others_percent <= MOST_OTHERS_PERCENT and self.stolen_percent <= MOST_STOLEN_PERCENT

    def __str__(self) -> str:
        return f"other programs took {self.others_percent:g} % of the machine, {self.stolen_percent:g} % was stolen"

    def to_json(self) -> dict[str, float]:
        """For results.json."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Load:
        """What `to_json` made."""
        return cls(**value)


@dataclass(frozen=True, kw_only=True)
class Times:
    """A moment's counters, in ticks: of all cores, stolen, and each process's with its start and parent."""

    total: int
    stolen: int
    processes: Mapping[tuple[int, int], tuple[int, int]]


def before() -> Load:
    """What the machine does while nothing of ours does anything. Raises `RuntimeError` where that is not known."""
    if not Path("/proc/stat").exists():
        raise RuntimeError("/proc/stat, which says how busy the machine is, is not there. Measure on Linux.")
    first = times()
    time.sleep(BEFORE_SECONDS)
    return between(first, times())


def times() -> Times:
    """The counters now (proc(5): stat)."""
    user_to_steal = [int(field) for field in Path("/proc/stat").read_text(encoding="ascii").split("\n")[0].split()[1:9]]
    processes = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                fields = (entry / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
            except OSError:  # it has ended
                continue
            processes[int(entry.name), int(fields[19])] = (int(fields[1]), int(fields[11]) + int(fields[12]))
    return Times(total=sum(user_to_steal), stolen=user_to_steal[7], processes=processes)


def between(first: Times, last: Times, ours: int | None = None) -> Load:
    """What others did between two moments; `ours`, this process by default, and all that it started do not count.

    Nor do processes that began and ended in between, which nobody has seen.
    """
    total = max(last.total - first.total, 1)
    parents = {pid: parent for (pid, _), (parent, _) in last.processes.items()}
    own = os.getpid() if ours is None else ours
    used = sum(
        ticks - first.processes.get(key, (0, 0))[1]
        for key, (_, ticks) in last.processes.items()
        if not _descends(key[0], own, parents)
    )
    return Load(
        others_percent=round(100 * used / total, 1), stolen_percent=round(100 * (last.stolen - first.stolen) / total, 1)
    )


def _descends(pid: int, ancestor: int, parents: Mapping[int, int]) -> bool:
    while pid in parents:
        if pid == ancestor:
            return True
        pid = parents[pid]
    return False
