"""Security Hub's RDS controls on the inputs of an instance by itself.

A replica states neither what it takes from its source (user, port, network) nor, as it has none, a backup; a restored
instance takes its user from the backup. What they take is evaluated at the source.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from policy.model import (
    MISSING,
    Finding,
    Level,
    Resource,
    ResourceRule,
    Rule,
    excepted,
    expect,
    expect_reference,
    of,
    words,
)
from policy.rules.types import INSTANCE

POSTGRES_PORT: Final = 5432
LEAST_BACKUP_DAYS: Final = 7  # RDS.11's own parameter
MONITORING_SECONDS: Final = (1, 5, 10, 15, 30, 60)  # what RDS takes beside 0, which is off
# What a replica has none of, and why.
OF_PRIMARIES: Final = {
    "multiAz": "A replica is made again from its primary; readers have the others and the primary.",
    "backupRetentionPeriod": "A replica holds the primary's data, whose backups are kept.",
}
LOGS: Final = frozenset({"postgresql", "upgrade"})
# RDS.25 knows engines' own default names; the rest are the names that attackers try first.
DEFAULT_USERNAMES: Final = frozenset({"postgres", "admin", "administrator", "root", "rdsadmin", "user", "master"})


def is_replica(instance: Resource) -> bool:
    """Whether it is a read replica."""
    return instance.value("replicateSourceDb") is not MISSING


def is_restored(instance: Resource) -> bool:
    """Whether it is restored from a snapshot or to a point in time.

    A kept generation does not say any more what it was made from, if it was, and ignores that it does not.
    """
    sources = ("snapshotIdentifier", "restoreToPointInTime")
    return any(instance.value(key) is not MISSING for key in sources) or instance.ignores.issuperset(sources)


def _setting(
    number: str,
    slug: str,
    wants: str,
    path: str,
    good: Callable[[Any], bool],
    way_out: str,
    level: Level = Level.MANDATORY,
) -> ResourceRule:
    """A rule on one setting of each instance; a replica is excepted from what it has none of."""

    def check(instance: Resource) -> Iterator[Finding]:
        found = expect(instance, path, good, way_out)
        yield from excepted(found, OF_PRIMARIES[path]) if is_replica(instance) and path in OF_PRIMARIES else found

    return ResourceRule(
        name=f"rds-{number}-{slug}",
        control=f"RDS.{int(number)}",
        wants=wants,
        applies=of(INSTANCE),
        check=check,
        level=level,
    )


def _flag(
    number: str, slug: str, wants: str, path: str, wanted: bool, way_out: str, level: Level = Level.MANDATORY
) -> ResourceRule:
    return _setting(number, slug, wants, path, lambda value: value is wanted, way_out, level)


def _monitored(instance: Resource) -> Iterator[Finding]:
    way_out = "Set monitoring.enhancedMonitoringSeconds to 60"
    found = list(expect(instance, "monitoringInterval", MONITORING_SECONDS.__contains__, way_out))
    # Without an interval there is no role to miss.
    yield from found or expect_reference(instance, "monitoringRoleArn", way_out)


def _in_a_vpc(instance: Resource) -> Iterator[Finding]:
    way_out = "Give it the network's database subnets and group"
    yield from expect_reference(instance, "vpcSecurityGroupIds", way_out)
    if not is_replica(instance):
        yield from expect_reference(instance, "dbSubnetGroupName", way_out)


def _port(instance: Resource) -> Iterator[Finding]:
    if not is_replica(instance):
        yield from expect(instance, "port", lambda port: port != POSTGRES_PORT, "Set database.port to another")


def _username(instance: Resource) -> Iterator[Finding]:
    if not (is_replica(instance) or is_restored(instance)):
        yield from expect(
            instance,
            "username",
            lambda name: isinstance(name, str) and name.lower() not in DEFAULT_USERNAMES,
            "Set database.masterUsername to a name of your own",
        )


def _exports(*logs: str) -> Callable[[Any], bool]:
    return lambda value: set(logs) <= words(value)


RULES: Final[tuple[Rule, ...]] = (
    _flag("02", "not-public", "no public address", "publiclyAccessible", False, "Write publicly_accessible=False"),
    _flag(
        "03", "storage-encrypted", "an encrypted volume", "storageEncrypted", True,
        "Write storage_encrypted=True; RDS cannot turn it on later",
    ),
    _flag(
        "05", "multi-az", "a standby in a second zone", "multiAz", True, "Set database.multiAz to true",
        Level.ADVISORY,  # what it costs against what it saves is the stack file's to decide, which has to say so
    ),
    ResourceRule(
        name="rds-06-enhanced-monitoring", control="RDS.6", wants="Enhanced Monitoring", applies=of(INSTANCE),
        check=_monitored,
    ),
    _flag(
        "08", "deletion-protection", "protection against deletion", "deletionProtection", True,
        "Set database.deletionPolicy to protected",
    ),
    _setting(
        "09", "logs-exported", "the logs postgresql and upgrade in CloudWatch", "enabledCloudwatchLogsExports",
        _exports(*sorted(LOGS)), "Export both",
    ),
    _flag(
        "10", "iam-authentication", "IAM authentication", "iamDatabaseAuthenticationEnabled", True,
        "Write iam_database_authentication_enabled=True",
    ),
    _setting(
        "11", "automatic-backups", f"automated backups for {LEAST_BACKUP_DAYS} days or more", "backupRetentionPeriod",
        lambda days: isinstance(days, int) and days >= LEAST_BACKUP_DAYS,
        f"Set backups.retentionDays to {LEAST_BACKUP_DAYS} or more",
    ),
    _flag(
        "13", "minor-upgrades", "automatic minor upgrades", "autoMinorVersionUpgrade", True,
        'Set database.engineVersion to "16" without a minor', Level.ADVISORY,  # likewise
    ),
    _flag(
        "17", "tags-copied", "the instance's tags on its snapshots", "copyTagsToSnapshot", True,
        "Write copy_tags_to_snapshot=True",
    ),
    ResourceRule(
        name="rds-18-in-vpc", control="RDS.18", wants="an instance in a VPC, in groups that it names",
        applies=of(INSTANCE), check=_in_a_vpc,
    ),
    ResourceRule(
        name="rds-23-port", control="RDS.23", wants=f"another port than {POSTGRES_PORT}, which everybody tries",
        applies=of(INSTANCE), check=_port,
        level=Level.ADVISORY,  # 5432 was asked for, and nobody outside the VPC can knock on it
    ),
    ResourceRule(
        name="rds-25-username", control="RDS.25", wants="a master user whose name nobody guesses",
        applies=of(INSTANCE), check=_username,
    ),
    _setting(
        "36", "postgresql-log", "the log postgresql in CloudWatch", "enabledCloudwatchLogsExports",
        _exports("postgresql"), "Export it",
    ),
)  # fmt: skip
