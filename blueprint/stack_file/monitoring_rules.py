"""Rules of the stack file about alarms, and who hears of them."""

from __future__ import annotations

from collections.abc import Iterator

from blueprint.monitoring.thresholds import threshold
from blueprint.problems import Problem, Refused
from blueprint.settings import Settings


def listeners_once(s: Settings) -> Iterator[Problem]:
    """Nobody is told twice."""
    for severity, listeners in (("critical", s.monitoring.critical), ("warning", s.monitoring.warning)):
        for email in listeners.emails:
            if email in s.monitoring.alert_emails:
                yield Problem(
                    field=f"monitoring.{severity}.emails", value=email, way_out="Take it out of one of them",
                    rule="stands in monitoring.alertEmails too, which hears of both severities",
                )  # fmt: skip


def thresholds(s: Settings) -> Iterator[Problem]:
    """A key that an alarm has, and a value within its bounds."""
    for key, value in s.monitoring.thresholds.items():
        try:
            threshold(key, value)
        except Refused as refusal:
            yield refusal.problem(f"monitoring.thresholds.{key}", value)
