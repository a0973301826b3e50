"""What somebody should know of a stack that sleeps: what does not run then, and the way out."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from blueprint.aws.sleep import VAULT_MINUTES, Sleep
from blueprint.aws.windows import DAY, WEEK, DailyTime, DailyWindow, WeeklyWindow, both_fit, vault_fits
from blueprint.names import Naming
from blueprint.settings import Settings

_BACKUP, _MAINTENANCE, _VAULT = "backups.window", "database.maintenanceWindow", "backups.vaultTime"
STEP = 30  # minutes between the times that are tried


@dataclass(frozen=True, kw_only=True)
class Times:
    """What RDS and AWS Backup do by the clock."""

    backup: DailyWindow
    maintenance: WeeklyWindow
    vault: DailyTime

    @property
    def fit(self) -> bool:
        """Whether the stack file takes them beside each other."""
        windows = (self.backup, self.maintenance)
        return both_fit(*windows) and all(vault_fits(self.vault, window) for window in windows)


def sleep_warnings(settings: Settings, naming: Naming) -> Iterator[str]:
    """Nothing without a schedule."""
    sleep = settings.sleep
    if sleep is None:
        return
    identifier = naming.primary(settings.database.generation)
    yield (
        f"schedule: the database sleeps {sleep.text}. An update that reaches it then fails: start it first, with aws "
        f"rds start-db-instance --db-instance-identifier {identifier}; the next stop comes as ever."
    )
    if settings.protected:
        yield "schedule stops the database of a protected stack: whoever uses it at night finds nobody there."
    if settings.credentials.rotate_every_days is not None:
        yield (
            "credentials.rotateEveryDays: Secrets Manager chooses the hour. A rotation that meets the sleep fails, and "
            "is tried again; of one that is two days late the doctor tells."
        )
    times = Times(
        backup=settings.backups.window,
        maintenance=settings.database.maintenance_window,
        vault=settings.backups.vault_time,
    )
    missed = missed_times(times, sleep)
    if missed:
        said = " and ".join(f"{field} {value}" for field, value in missed.items())
        falls = "fall" if len(missed) > 1 else "falls"
        yield f"{said} {falls} into the sleep: nothing is backed up or maintained then. {_way_out(times, sleep)}"


def missed_times(times: Times, sleep: Sleep) -> dict[str, str]:
    """Those that never come, or not as a whole, while it is awake: value by field of the stack file."""
    found = {}
    if not sleep.awake_days(times.backup.start, times.backup.minutes):
        found[_BACKUP] = str(times.backup)
    if not sleep.is_awake(times.maintenance.start, times.maintenance.minutes):
        found[_MAINTENANCE] = str(times.maintenance)
    if not sleep.awake_days(times.vault.minute, VAULT_MINUTES):
        found[_VAULT] = str(times.vault)
    return found


def _way_out(times: Times, sleep: Sleep) -> str:
    moved = awake_times(times, sleep)
    if moved is None:
        return "Keep it awake for longer: there is no room for all of them."
    values: Mapping[str, tuple[object, object]] = {
        _BACKUP: (times.backup, moved.backup),
        _MAINTENANCE: (times.maintenance, moved.maintenance),
        _VAULT: (times.vault, moved.vault),
    }
    changes = [f"{field} to {new}" for field, (old, new) in values.items() if old != new]
    return f"Set {', '.join(changes)}, for example."


def awake_times(times: Times, sleep: Sleep) -> Times | None:
    """Times at which it is awake, those kept that can be; None where there is no room."""
    missed = missed_times(times, sleep)
    return _found(times, sleep, missed) or _found(times, sleep, (_BACKUP, _MAINTENANCE, _VAULT))


def _found(times: Times, sleep: Sleep, moving: Collection[str]) -> Times | None:
    some, last = sleep.awake[0], sleep.awake[-1]
    backups, maintenances, vaults = [times.backup], [times.maintenance], [times.vault]
    if _BACKUP in moving:
        length = times.backup.minutes
        backups = [
            DailyWindow(minute % DAY, (minute + length) % DAY)
            for minute in range(*some, STEP)
            if sleep.is_awake(minute, length)
        ]
    if _MAINTENANCE in moving:  # as late as possible: it may restart the database
        length = times.maintenance.minutes
        maintenances = [
            WeeklyWindow(minute % WEEK, (minute + length) % WEEK)
            for minute in range(last[1] - length, last[0], -STEP)
            if sleep.is_awake(minute, length)
        ]
    if _VAULT in moving:
        vaults = [DailyTime(minute % DAY) for minute in range(*some, STEP) if sleep.is_awake(minute, VAULT_MINUTES)]
    candidates = (
        Times(backup=backup, maintenance=maintenance, vault=vault)
        for maintenance in maintenances
        for backup in backups
        for vault in vaults
    )
    return next((each for each in candidates if each.fit), None)
