"""Rules of the stack file about a schedule by which the instances sleep."""

from __future__ import annotations

from collections.abc import Iterator

from blueprint.problems import Problem, Refused
from blueprint.settings import Settings


def sleep_hours(s: Settings) -> Iterator[Problem]:
    """Long enough asleep and awake."""
    if s.schedule is None:
        return
    try:
        _ = s.schedule.sleep
    except Refused as refusal:
        yield refusal.problem("schedule", f"{s.schedule.stop} to {s.schedule.start}")


def sleep_replicas(s: Settings) -> Iterator[Problem]:
    """RDS user guide, "Stopping an Amazon RDS DB instance temporarily": neither a replica nor who has one."""
    if s.schedule is not None and s.replicas:
        yield Problem(
            field="schedule", value="", way_out="Take the replicas out, or the schedule",
            rule="stands beside replicas, and RDS stops neither a replica nor an instance that has one",
        )  # fmt: skip
