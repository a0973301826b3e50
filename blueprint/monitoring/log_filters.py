"""Log metric filters of the PostgreSQL log, and the thresholds of their alarms."""

from __future__ import annotations

from dataclasses import dataclass

from blueprint.product.file import PRODUCT

NAMESPACE = f"{PRODUCT.project}/DatabaseLog"
PERIOD_SECONDS = 300


@dataclass(frozen=True, kw_only=True)
class LogFilter:
    """One metric filter. `pattern` is CloudWatch Logs' filter syntax; `threshold` counts lines in `PERIOD_SECONDS`.

    periods: in how many of them in a row.
    """

    key: str
    metric: str
    pattern: str
    threshold: int
    watches: str
    next_step: str
    periods: int = 1
    on_replicas: bool = True

    def metric_name(self, instance: str) -> str:
        """The metric of one instance: a filter with a default of 0 may carry no dimension, so the name does."""
        return f"{instance}-{self.metric}"


# RDS writes `time:host:user@database:[pid]:LEVEL:  text` (its default log_line_prefix).
_FILTERS = (
    LogFilter(
        key="log-errors",
        metric="Errors",
        pattern='?":ERROR:" ?":FATAL:" ?":PANIC:"',
        threshold=50,
        watches="More than 50 errors in the log in 5 minutes, twice in a row.",
        next_step="read them in the log group; a deploy that began at that minute is the usual cause.",
        # A server that starts after a failover refuses each pooler's login, once a second: over within five minutes.
        periods=2,
    ),
    LogFilter(
        key="deadlocks",
        metric="Deadlocks",
        pattern='"deadlock detected"',
        threshold=5,
        watches="More than 5 deadlocks within 5 minutes.",
        next_step="the log names both statements: make them lock in the same order.",
        # A read-only session takes no lock that another one waits for in a circle.
        on_replicas=False,
    ),
    LogFilter(
        key="slow-statements",
        metric="SlowStatements",
        pattern='":LOG:" "duration:" "ms"',
        threshold=100,
        watches="More than 100 slow statements within 5 minutes.",
        next_step="the log names them; explain the most frequent one.",
    ),
)


def log_filters(*, replica: bool) -> tuple[LogFilter, ...]:
    """The filters of an instance."""
    return tuple(row for row in _FILTERS if row.on_replicas or not replica)
