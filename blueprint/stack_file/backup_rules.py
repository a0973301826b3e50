"""Rules of the stack file about backups."""

from __future__ import annotations

from collections.abc import Iterator

from blueprint.problems import Problem
from blueprint.settings import Settings


def deletion(s: Settings) -> Iterator[Problem]:
    """A protected stack can be restored to a point in time."""
    if s.protected and s.backups.retention_days == 0:
        yield Problem(
            field="backups.retentionDays", value="0", way_out="Keep them for 7 days, or make the stack disposable",
            rule="turns automated backups off in a protected stack: nothing could be restored to a point in time",
        )  # fmt: skip


def second_region(s: Settings) -> Iterator[Problem]:
    """Automated backups in another region, under a key of ours there."""
    if s.backups.replicate_to_region == s.region:
        yield Problem(
            field="backups.replicateToRegion", value=s.region, way_out="Name another one, such as ap-northeast-3",
            rule="is the stack's own region, whose loss it is meant to survive",
        )  # fmt: skip
    if s.backups.replicate_to_region and s.backups.retention_days == 0:
        yield Problem(
            field="backups.replicateToRegion", value=s.backups.replicate_to_region,
            rule="has no automated backups to copy, as backups.retentionDays is 0", way_out="Keep backups",
        )  # fmt: skip
    if s.backups.replicate_to_region and not s.customer_keys:
        yield Problem(
            field="backups.replicateToRegion", value=s.backups.replicate_to_region,
            rule="needs a key of ours in that region, and encryption.keys is awsManaged",
            way_out="Set encryption.keys to customerManaged, or leave the second region out",
        )  # fmt: skip


def vault_lock(s: Settings) -> Iterator[Problem]:
    """AWS Backup refuses to keep a recovery point for less or longer than the vault's lock says."""
    lock = s.backups.vault_lock
    if lock is None:
        return
    least, most = lock.min_retention_days, lock.max_retention_days
    if least > most:
        yield Problem(
            field="backups.vaultLock.minRetentionDays", value=str(least), way_out="Lower it, or raise the other",
            rule=f"is more than maxRetentionDays {most}",
        )  # fmt: skip
        return
    daily, monthly = s.backups.daily_retention_days, s.backups.monthly_retention_days
    for field, days in (("dailyRetentionDays", daily), ("monthlyRetentionDays", monthly)):
        if not least <= days <= most:
            yield Problem(
                field=f"backups.{field}", value=str(days),
                rule=f"is not within backups.vaultLock, which takes {least} to {most} days: each backup would fail",
                way_out="Let the lock have minRetentionDays of no more, and maxRetentionDays of no less",
            )  # fmt: skip


def copied_vault(s: Settings) -> Iterator[Problem]:
    """AWS Backup developer guide, "Copy a backup": of RDS's either to another account or to another region."""
    arn = s.backups.copy_to_vault_arn
    if arn and arn.split(":")[3] == s.region and not s.customer_keys:
        yield Problem(
            field="backups.copyToVaultArn", value=arn,
            rule="needs a key that another account may use, and AWS's own key for RDS is this account's alone",
            way_out="Set encryption.keys to customerManaged, or take it out",
        )  # fmt: skip
