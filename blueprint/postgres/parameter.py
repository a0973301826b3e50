"""One parameter of PostgreSQL as RDS takes it: kind, unit, bounds, defaults, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import Literal, NamedTuple

INT_MAX = 2_147_483_647
"""The largest value of any integer setting in PostgreSQL (a signed 32-bit integer)."""

SIZE_UNITS: Mapping[str, int] = MappingProxyType({"B": 1, "kB": 2**10, "MB": 2**20, "GB": 2**30, "TB": 2**40})
"""Bytes per unit, spelled as PostgreSQL spells them (guc.c, memory_unit_conversion_table): powers of 1024."""

DURATION_UNITS: Mapping[str, int] = MappingProxyType(
    {"us": 1, "ms": 10**3, "s": 10**6, "min": 60 * 10**6, "h": 3_600 * 10**6, "d": 86_400 * 10**6}
)
"""Microseconds per unit, spelled as PostgreSQL spells them (guc.c, time_unit_conversion_table)."""

PAGE_BYTES = 8192
"""PostgreSQL's block size, the base unit "8kB"; RDS does not change it."""


class Kind(Enum):
    """What a human may write for a parameter, and so how it is read."""

    MEMORY = "memory size"
    DURATION = "duration"
    INTEGER = "integer"
    REAL = "real"
    BOOLEAN = "boolean"
    ENUM = "enum"  # one of `values`, in any case
    TEXT = "text"  # one of `values` to the letter; any text where there are none
    LIST = "list"  # names out of `values`, separated by commas


class Apply(Enum):
    """RDS's apply type: a static parameter changes only at a reboot."""

    STATIC = "static"
    DYNAMIC = "dynamic"


class Unsettable(NamedTuple):
    """Why RDS does not take the parameter at all, in the two halves of a `Refused`."""

    rule: str
    way_out: str


@dataclass(frozen=True)
class Parameter:
    """One parameter of a parameter group family.

    `minimum` and `maximum` are in `unit` and bound every value but those in `special`, which are no amounts ("off").
    `rds_default` is what the default group of RDS sets, a formula included; `engine_default` is what PostgreSQL does
    where RDS sets nothing. Where it is unsure which of the two holds the value, it stands as RDS's.
    `usual_share` is a sensible percentage of instance memory; None means that a percentage makes no sense.
    `any_word`: `values` are only those that are known.
    """

    name: str
    kind: Kind
    apply: Apply
    _: KW_ONLY
    why: str
    unit: Literal["B", "8kB", "kB", "MB", "ms", "s", "min"] | None = None
    minimum: int | float | None = None
    maximum: int | float | None = None
    values: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    special: Mapping[int, str] = field(default_factory=dict)
    rds_default: str | None = None
    engine_default: str | None = None
    usual_share: str | None = None
    unsettable: Unsettable | None = None
    confidence: Literal["high", "medium-high", "medium", "low"] = "high"
    any_word: bool = False

    @property
    def static(self) -> bool:
        return self.apply is Apply.STATIC

    @property
    def takes_formula(self) -> bool:
        """Whether RDS's own default is a formula, or a share of memory makes sense."""
        return self.usual_share is not None or "{" in (self.rds_default or "")

    @property
    def default(self) -> str:
        """The value in force when the parameter group says nothing: an RDS value or formula."""
        value = self.engine_default if self.rds_default is None else self.rds_default
        assert value is not None, self.name
        return value

    @property
    def base_amount(self) -> int:
        """Bytes (memory) or microseconds (duration) in one `unit`."""
        if self.unit == "8kB":
            return PAGE_BYTES
        assert self.unit is not None, self.name
        return (SIZE_UNITS if self.kind is Kind.MEMORY else DURATION_UNITS)[self.unit]
