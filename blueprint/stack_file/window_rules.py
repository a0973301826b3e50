"""Rules of the stack file about windows: RDS's backups and maintenance, and AWS Backup."""

from __future__ import annotations

from collections.abc import Iterator

from blueprint.aws.windows import DailyWindow, WeeklyWindow, both_fit, distance_minutes, overlap, vault_fits
from blueprint.problems import Problem
from blueprint.settings import Settings


def _meets(daily: DailyWindow, weekly: WeeklyWindow, other: str) -> str | None:
    """The rule that two windows break: they share a minute, or one begins where the other ends."""
    if both_fit(daily, weekly):
        return None
    if overlap(daily, weekly):
        return f"overlaps {other}; RDS refuses overlapping windows"
    return f"touches {other}; RDS's API counts the minute in which one ends and the other begins to both"


def backup_and_maintenance(s: Settings) -> Iterator[Problem]:
    """The primary's two windows."""
    daily, weekly = s.backups.window, s.database.maintenance_window
    if rule := _meets(daily, weekly, f"database.maintenanceWindow {weekly}"):
        yield Problem(field="backups.window", value=str(daily), way_out="Move one of them", rule=rule)


def backup_and_replicas(s: Settings) -> Iterator[Problem]:
    """A replica's own maintenance window."""
    for index, replica in enumerate(s.replicas):
        weekly = replica.maintenance_window
        if weekly and (rule := _meets(s.backups.window, weekly, f"backups.window {s.backups.window}")):
            field = f"replicas[{index}].maintenanceWindow"
            yield Problem(field=field, value=str(weekly), way_out="Move it, or leave it out", rule=rule)


def vault(s: Settings) -> Iterator[Problem]:
    """When AWS Backup starts."""
    for field, window in (
        ("backups.window", s.backups.window),
        ("database.maintenanceWindow", s.database.maintenance_window),
    ):
        if not vault_fits(s.backups.vault_time, window):
            distance = distance_minutes(s.backups.vault_time, window)
            yield Problem(
                field="backups.vaultTime", value=str(s.backups.vault_time),
                rule=f"is {distance} minutes from {field} {window}; AWS Backup's jobs fail within an hour of it",
                way_out="Move it further away",
            )  # fmt: skip
