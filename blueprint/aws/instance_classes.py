"""The RDS instance classes that this program knows, with what sizing and alarms need to know of each.

The table is `instance_classes.json`, which names its sources. RDS publishes no EBS limits of its own: those of the EC2
type of the same name are taken.
"""

from __future__ import annotations

import difflib
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from blueprint.problems import Refused

CREDIT_BALANCE_HOURS: Final = 24  # a T3 or T4g class keeps what it earns in a day; a credit is one vCPU for one minute
# "Amazon EBS-optimized instance types": a class that bursts has its maximum for 30 minutes at least once in 24 hours.
EBS_BURST_MINUTES: Final = 30
# About what DBInstanceClassMemory is of a class's memory, up to so many GiB: from figures that people publish of
# instances of 2, 4 and 8 GiB. AWS publishes none; smaller and larger classes are taken as their neighbours.
DATABASE_SHARE_PERCENT: Final = ((2, 80), (4, 89), (math.inf, 92))


@dataclass(frozen=True, kw_only=True)
class InstanceClass:
    """One class. `credits_per_hour` is None outside the T families.

    What it can move to and from its volume: IOPS and decimal MB/s, for as long as one likes, and in a burst.
    """

    name: str
    vcpus: int
    memory_gib: int
    credits_per_hour: int | None
    sustained_iops: int
    burst_iops: int
    sustained_mb_per_second: float
    burst_mb_per_second: float

    @property
    def database_memory_bytes(self) -> int:
        """About what RDS's DBInstanceClassMemory is: the memory of the class less what RDS and its system take."""
        percent = next(percent for gib, percent in DATABASE_SHARE_PERCENT if self.memory_gib <= gib)
        return self.memory_gib * 2**30 * percent // 100

    @property
    def burstable(self) -> bool:
        """Whether CPU runs on credits."""
        return self.credits_per_hour is not None

    @property
    def credit_balance_maximum(self) -> int | None:
        """The most CPU credits that it can hold, or None where there are none."""
        return None if self.credits_per_hour is None else self.credits_per_hour * CREDIT_BALANCE_HOURS

    @property
    def full_speed_hours(self) -> float | None:
        """How long a full balance lasts with all vCPUs busy; None where CPU needs no credits."""
        if self.credits_per_hour is None:
            return None
        return self.credits_per_hour * CREDIT_BALANCE_HOURS / (self.vcpus * 60 - self.credits_per_hour)


def _table() -> dict[str, InstanceClass]:
    rows = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))["rows"]
    classes = (
        InstanceClass(
            name=name, vcpus=vcpus, memory_gib=gib, credits_per_hour=credits_per_hour,
            sustained_iops=sustained_iops, burst_iops=burst_iops,
            sustained_mb_per_second=sustained, burst_mb_per_second=burst,
        )
        for name, vcpus, gib, credits_per_hour, sustained_iops, burst_iops, sustained, burst in rows
    )  # fmt: skip
    return {row.name: row for row in classes}


INSTANCE_CLASSES: Final = _table()


def instance_class(name: str) -> InstanceClass:
    """The class of that name, as in `db.t3.medium`. Raises Refused with the closest names."""
    if name in INSTANCE_CLASSES:
        return INSTANCE_CLASSES[name]
    close = difflib.get_close_matches(name, INSTANCE_CLASSES)
    families = ", ".join(dict.fromkeys(each.split(".")[1] for each in INSTANCE_CLASSES))
    raise Refused(
        "is not an RDS instance class that this program knows",
        f"Use a class like {' or '.join(close)}" if close else f"Use a class of {families}, like db.t3.medium",
    )
