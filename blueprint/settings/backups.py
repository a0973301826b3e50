"""The section of the stack file about backups."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from blueprint.aws.windows import DailyTime, DailyWindow
from blueprint.settings.section import Section
from blueprint.values import Daily, Region, TimeOfDay, VaultArn, Whole


class RestoreTesting(Section):
    """AWS Backup restores the newest recovery point by itself, to show that it can, and deletes what it has made."""

    every: Literal["week", "month"] = Field("month", description="On Sundays, or on the first of each month.")
    time: TimeOfDay = Field(DailyTime.parse("00:30"), description="When it begins, within an hour.")
    validation_hours: Annotated[Whole, Field(ge=1, le=168)] = Field(
        1, description="Hours that the restored instance stays, for who wants to look into it."
    )


class VaultLock(Section):
    """Governance mode: while it is there, nobody deletes a recovery point early. Who may take the lock off can."""

    min_retention_days: Annotated[Whole, Field(ge=1, le=36500)] = Field(
        description="Days that a recovery point stays at least; AWS Backup refuses to keep one for less."
    )
    max_retention_days: Annotated[Whole, Field(ge=1, le=36500)] = Field(
        description="Days that a recovery point stays at most; AWS Backup refuses to keep one for longer."
    )


class Backups(Section):
    """Automated backups of RDS, and AWS Backup beside them. Times are UTC."""

    retention_days: Annotated[Whole, Field(ge=0, le=35)] = Field(
        7, description="Days back to which RDS restores any second; 0 turns automated backups off."
    )
    window: Daily = Field(
        DailyWindow.parse("03:00-04:00"), description="When RDS takes the daily snapshot, at least 30 minutes."
    )
    vault_time: TimeOfDay = Field(DailyTime.parse("20:30"), description="When AWS Backup starts, daily and monthly.")
    daily_retention_days: Annotated[Whole, Field(ge=1, le=36500)] = Field(
        30, description="Days that AWS Backup keeps a daily recovery point."
    )
    monthly_retention_days: Annotated[Whole, Field(ge=31, le=36500)] = Field(
        365, description="Days that AWS Backup keeps the recovery point of the first of a month."
    )
    replicate_to_region: Region | None = Field(
        None, description="A second region that receives the automated backups, minutes behind."
    )
    restore_testing: RestoreTesting | None = Field(
        None, description="Restores that AWS Backup tries by itself; {} for one a month. Each costs; left out: none."
    )
    vault_lock: VaultLock | None = Field(
        None, description="Lock the vault, so that recovery points cannot be deleted early; left out: no lock."
    )
    copy_to_vault_arn: VaultArn | None = Field(
        None,
        description="ARN of another vault that gets a copy of each recovery point, kept as long: another account's in "
        "this region, or this account's in another.",
    )

    @property
    def copied_to_account(self) -> str | None:
        """The account that has the copies, perhaps our own; None without copies."""
        return self.copy_to_vault_arn.split(":")[4] if self.copy_to_vault_arn else None
