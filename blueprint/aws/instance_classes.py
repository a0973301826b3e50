"""The RDS instance classes that this program knows, with what sizing and alarms need to know of each.

Checked in November 2026: every class is orderable for postgres 16.9 to 16.15 in ap-northeast-1 (cfn-lint 1.58.0's copy
of DescribeOrderableDBInstanceOptions); vCPUs, memory and EBS bursting are those of the EC2 type of the same name (moto
5.2.5's copy of DescribeInstanceTypes).
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Final

from blueprint.problems import Refused

CREDIT_BALANCE_HOURS: Final = 24  # a T3 or T4g class keeps what it earns in a day; a credit is one vCPU for one minute


@dataclass(frozen=True, kw_only=True)
class InstanceClass:
    """One class. `credits_per_hour` is None outside the T families."""

    name: str
    vcpus: int
    memory_gib: int
    credits_per_hour: int | None

    @property
    def burstable(self) -> bool:
        """Whether CPU runs on credits."""
        return self.credits_per_hour is not None

    @property
    def credit_balance_maximum(self) -> int | None:
        """The most CPU credits that it can hold, or None where there are none."""
        return None if self.credits_per_hour is None else self.credits_per_hour * CREDIT_BALANCE_HOURS


# Size: vCPUs, GiB, credits an hour ("CPU credits and baseline utilization" in the EC2 user guide).
_BURSTABLE_FAMILIES: Final = ("t3", "t4g")
_BURSTABLE_SIZES: Final = {
    "micro": (2, 1, 12),
    "small": (2, 2, 24),
    "medium": (2, 4, 24),
    "large": (2, 8, 36),
    "xlarge": (4, 16, 96),
    "2xlarge": (8, 32, 192),
}

# Family: GiB for each vCPU.
_FIXED_FAMILIES: Final = {
    "m6g": 4,
    "m6i": 4,
    "m7g": 4,
    "m7i": 4,
    "r6g": 8,
    "r6i": 8,
    "r7g": 8,
    "r7i": 8,
}
_FIXED_SIZES: Final = {
    "large": 2,
    "xlarge": 4,
    "2xlarge": 8,
    "4xlarge": 16,
    "8xlarge": 32,
    "12xlarge": 48,
    "16xlarge": 64,
}


def _table() -> dict[str, InstanceClass]:
    burstable = [
        InstanceClass(name=f"db.{family}.{size}", vcpus=vcpus, memory_gib=gib, credits_per_hour=credits_per_hour)
        for family in _BURSTABLE_FAMILIES
        for size, (vcpus, gib, credits_per_hour) in _BURSTABLE_SIZES.items()
    ]
    fixed = [
        InstanceClass(
            name=f"db.{family}.{size}",
            vcpus=vcpus,
            memory_gib=vcpus * gib_per_vcpu,
            credits_per_hour=None,
        )
        for family, gib_per_vcpu in _FIXED_FAMILIES.items()
        for size, vcpus in _FIXED_SIZES.items()
    ]
    return {row.name: row for row in burstable + fixed}


INSTANCE_CLASSES: Final = _table()


def instance_class(name: str) -> InstanceClass:
    """The class of that name, as in `db.t3.medium`. Raises Refused with the closest names."""
    if name in INSTANCE_CLASSES:
        return INSTANCE_CLASSES[name]
    close = difflib.get_close_matches(name, INSTANCE_CLASSES)
    families = ", ".join([*_BURSTABLE_FAMILIES, *_FIXED_FAMILIES])
    raise Refused(
        "is not an RDS instance class that this program knows",
        f"Use a class like {' or '.join(close)}" if close else f"Use a class of {families}, like db.t3.medium",
    )
