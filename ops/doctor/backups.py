"""Checks of what a database could be restored from: automated backups, AWS Backup's recovery points, snapshots."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from blueprint.aws.sleep import Sleep
from ops.console import count
from ops.doctor.verdict import Line, Verdict
from ops.durations import format_duration, format_time
from ops.snapshots.model import AVAILABLE, Snapshot
from ops.stack import Instance, Stack

# Logs are shipped every 5 minutes (RDS user guide, "Restoring to a specified time").
RESTORABLE_OK, RESTORABLE_LOOK = timedelta(minutes=15), timedelta(hours=1)
# A recovery point a day, within the start window of 1 h and the completion window of 3 h; then one that was missed.
POINT_OK, POINT_LOOK = timedelta(hours=28), timedelta(hours=52)
_COMPLETED: Final = {"COMPLETED", "AVAILABLE"}


def automated_backup(stack: Stack, now: datetime, *, asleep: bool = False) -> Iterator[Line]:
    """LatestRestorableTime of the primary: point-in-time recovery by automated backups. While it sleeps it stays."""
    for primary in stack.primaries[:1]:
        days, newest = primary.raw.get("BackupRetentionPeriod", 0), primary.raw.get("LatestRestorableTime")
        if not days:
            yield Line(Verdict.ACT, "backups", f"{primary.identifier}: automated backups are off")
        elif newest is None:
            verdict = Verdict.LOOK if _created_within(primary, RESTORABLE_LOOK, now) else Verdict.ACT
            yield Line(verdict, "backups", f"{primary.identifier}: cannot be restored to any time")
        else:
            verdict = Verdict.OK if asleep else _verdict_by_age(now - newest, RESTORABLE_OK, RESTORABLE_LOOK)
            text = f"{primary.identifier}: restorable to {format_time(newest)}, {_ago(newest, now)}"
            yield Line(verdict, "backups", f"{text}, and to any time of the last {count(days, 'day')}")


def recovery_point(
    points: list[Mapping[str, Any]], stack: Stack, now: datetime, sleep: Sleep | None = None
) -> Iterator[Line]:
    """The newest completed recovery point of AWS Backup. Over the longest sleep of a week none is made."""
    longer = timedelta(minutes=sleep.longest_minutes) if sleep else timedelta(0)
    for primary in stack.primaries[:1]:
        dates = [
            each["CreationDate"] for each in points if each.get("Status") in _COMPLETED and each.get("CreationDate")
        ]
        if not dates:
            verdict = Verdict.LOOK if _created_within(primary, POINT_OK, now) else Verdict.ACT
            yield Line(verdict, "AWS Backup", f"{primary.identifier}: no recovery point")
            continue
        newest: datetime = max(dates)
        text = f"{primary.identifier}: {format_time(newest)}, {_ago(newest, now)}"
        yield Line(_verdict_by_age(now - newest - longer, POINT_OK, POINT_LOOK), "AWS Backup", text)


def _created_within(instance: Instance, age: timedelta, now: datetime) -> bool:
    return instance.created is not None and now - instance.created < age


def _ago(at: datetime, now: datetime) -> str:
    return f"{format_duration(max(now - at, timedelta(0)))} ago"  # clocks differ


def _verdict_by_age(age: timedelta, ok: timedelta, look: timedelta) -> Verdict:
    return Verdict.OK if age <= ok else Verdict.LOOK if age <= look else Verdict.ACT


def newest_snapshot(found: list[Snapshot], now: datetime) -> Iterator[Line]:
    """The newest manual snapshot, and those that failed. None is no fault: AWS Backup needs nobody."""
    for each in found:
        if each.status == "failed":
            yield Line(Verdict.LOOK, "snapshots", f"{each.identifier}: failed; delete it")
    dated = [(each.created, each) for each in found if each.status == AVAILABLE and each.created]
    if dated:
        created, newest = max(dated, key=lambda pair: pair[0])
        yield Line(Verdict.OK, "snapshots", f"{newest.identifier}: {_ago(created, now)}, {newest.size_gib} GiB")
    else:
        yield Line(Verdict.OK, "snapshots", "no manual one")
