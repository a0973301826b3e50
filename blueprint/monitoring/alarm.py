"""What an alarm is: a condition on a metric in CloudWatch's words, how urgent it is, and what a person does next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

RDS, LAMBDA = "AWS/RDS", "AWS/Lambda"

UNITS: Mapping[str, str] = {
    "CPUCreditBalance": "credits",
    "CPUSurplusCreditsCharged": "credits",
    "CPUUtilization": "%",
    "DBLoad": "sessions",
    "DatabaseConnections": "connections",
    "DiskQueueDepth": "requests",
    "EBSByteBalance%": "%",
    "EBSIOBalance%": "%",
    "FreeStorageSpace": "bytes",
    "FreeableMemory": "bytes",
    "MaximumUsedTransactionIDs": "ids",
    "OldestReplicationSlotLag": "bytes",
    "ReadLatency": "s",
    "ReplicaLag": "s",
    "SwapUsage": "bytes",
    "TransactionLogsDiskUsage": "bytes",
    "WriteLatency": "s",
}
"""Units of RDS's metrics, for people: CloudWatch knows them by itself."""


class Severity(Enum):
    """critical pages somebody; warning waits for the morning."""

    CRITICAL = "critical"
    WARNING = "warning"


class Missing(Enum):
    """What no data means, in CloudWatch's words (TreatMissingData)."""

    BREACHING = "breaching"
    NOT_BREACHING = "notBreaching"
    IGNORE = "ignore"
    MISSING = "missing"


class Compare(Enum):
    """Comparison of the metric with the threshold, in CloudWatch's words (ComparisonOperator)."""

    ABOVE = "GreaterThanThreshold"
    BELOW = "LessThanThreshold"


@dataclass(frozen=True, kw_only=True)
class MathTerm:
    """One input of a metric-math alarm; `instance` is the one whose metric it is."""

    id: str
    metric: str
    statistic: str
    instance: str


@dataclass(frozen=True, kw_only=True)
class Condition:
    """What CloudWatch compares with which threshold, and for how long: `period_seconds` x `periods`.

    `dimensions` are those of a metric that is not RDS's own; RDS's are known by the instance. `statistic` is Average,
    Maximum, Minimum, Sum, SampleCount or a percentile such as p90. With `expression` the alarm watches metric math over
    `terms`, and `metric` names what it stands for.
    """

    metric: str
    statistic: str
    compare: Compare
    threshold: float
    unit: str
    period_seconds: int
    periods: int
    missing: Missing
    namespace: str = RDS
    expression: str | None = None
    terms: tuple[MathTerm, ...] = ()
    dimensions: Mapping[str, str] | None = None


@dataclass(frozen=True, kw_only=True)
class Alarm(Condition):
    """One alarm. `instance` is an instance, "primary" or "replica-<n>", from the second generation on with it, as in
    "primary-g2"; or another part of the platform.

    `causes`: names of the alarms that it follows from. While one of them is in ALARM, somebody was told of the cause,
    and this one tells nobody (`blueprint.monitoring.composites`). `reasoned`: what the stack file replaces.
    """

    key: str
    instance: str
    severity: Severity
    watches: str
    next_step: str
    causes: tuple[str, ...] = ()
    reasoned: float | None = None

    @property
    def name(self) -> str:
        """What distinguishes it within a stack, as in `primary-cpu-high`."""
        return f"{self.instance}-{self.key}"

    @property
    def description(self) -> str:
        """What the message of the alarm says: severity, meaning, what to do, and the runbook's section."""
        return f"[{self.severity.value}] {self.watches} Next: {self.next_step} Runbook: docs/runbook.md#{self.key}"


@dataclass(frozen=True, kw_only=True)
class Part:
    """What alarms are about: an instance, or another part of the platform."""

    instance: str

    def critical(
        self, key: str, condition: Condition, watches: str, next_step: str, causes: tuple[str, ...] = ()
    ) -> Alarm:
        """An alarm that pages somebody. `causes`: names of other alarms (`named`)."""
        return self._alarm(Severity.CRITICAL, key, condition, watches, next_step, causes)

    def warning(
        self, key: str, condition: Condition, watches: str, next_step: str, causes: tuple[str, ...] = ()
    ) -> Alarm:
        """An alarm that waits for the morning. `causes` as for a critical one."""
        return self._alarm(Severity.WARNING, key, condition, watches, next_step, causes)

    def named(self, *keys: str) -> tuple[str, ...]:
        """Names of the alarms on this part with these keys."""
        return tuple(f"{self.instance}-{key}" for key in keys)

    def _alarm(
        self, severity: Severity, key: str, condition: Condition, watches: str, next_step: str, causes: tuple[str, ...]
    ) -> Alarm:
        return Alarm(
            key=key, instance=self.instance, severity=severity, watches=watches, next_step=next_step, causes=causes,
            **vars(condition),
        )  # fmt: skip


ABOVE, BELOW = Compare.ABOVE, Compare.BELOW
# Silence is one alarm's of each instance. Of what a healthy instance always publishes, the others keep their state
# without data: an alarm that ended then would be untrue. What comes and goes ends without data.
BREACHING, IGNORE, NOT_BREACHING = Missing.BREACHING, Missing.IGNORE, Missing.NOT_BREACHING


def when(
    metric: str, statistic: str, compare: Compare, threshold: float, *, periods: int, of: int, no_data: Missing,
    unit: str | None = None, namespace: str = RDS, dimensions: Mapping[str, str] | None = None,
) -> Condition:  # fmt: skip
    """A condition over `periods` of so many seconds. `unit` is None for RDS's metrics, whose units are known."""
    return Condition(
        metric=metric, statistic=statistic, compare=compare, threshold=threshold, unit=unit or UNITS[metric],
        periods=periods, period_seconds=of, missing=no_data, namespace=namespace, dimensions=dimensions,
    )  # fmt: skip
