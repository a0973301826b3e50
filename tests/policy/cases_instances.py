"""Cases of the rules on instances."""

from __future__ import annotations

from typing import Any, Final

from policy.model import UNKNOWN, Resource
from policy.rules.types import INSTANCE
from tests.policy.cases import Case, excepted, missing, passing, resource, violating

IT: Final = "rds.Instance it"
SOURCES: Final = ("snapshotIdentifier", "restoreToPointInTime")


def instance(**inputs: Any) -> Resource:
    """An instance with these inputs."""
    return resource(INSTANCE, inputs)


def setting(
    rule: str, control: str, path: str, good: Any, bad: Any, shown: str, wants: str, way_out: str
) -> list[Case]:
    """The cases of a rule on one setting: good, bad, not known before the deployment, not stated."""
    tail = f"{control} wants {wants}."
    state_it = "State it in the program as a value, so that a preview can judge it."
    return [
        *passing(rule, instance(**{path: good})),
        violating(rule, instance(**{path: bad}), f"{IT}: {path} is {shown}. {tail} {way_out}."),
        violating(
            rule, instance(**{path: UNKNOWN}), f"{IT}: {path} is known only after the deployment. {tail} {state_it}"
        ),
        missing(rule, instance(), f"{IT}: {path} is not stated. {tail} {way_out}."),
        missing(rule, instance(**{path: None}), f"{IT}: {path} is not stated. {tail} {way_out}."),
    ]


MONITORING: Final = "RDS.6 wants Enhanced Monitoring. Set monitoring.enhancedMonitoringSeconds to 60."
VPC: Final = (
    "RDS.18 wants an instance in a VPC, in groups that it names. Give it the network's database subnets and group."
)
PORT: Final = "RDS.23 wants another port than 5432, which everybody tries. Set database.port to another."
USER: Final = "RDS.25 wants a master user whose name nobody guesses. Set database.masterUsername to a name of your own."

CASES: Final = [
    *setting(
        "rds-02-not-public", "RDS.2", "publiclyAccessible", False, True, "true",
        "no public address", "Write publicly_accessible=False",
    ),
    *setting(
        "rds-03-storage-encrypted", "RDS.3", "storageEncrypted", True, False, "false",
        "an encrypted volume", "Write storage_encrypted=True; RDS cannot turn it on later",
    ),
    violating(
        "rds-03-storage-encrypted", instance(storageEncrypted="true"),
        f'{IT}: storageEncrypted is "true". RDS.3 wants an encrypted volume. Write storage_encrypted=True; RDS cannot '
        "turn it on later.",
    ),
    *setting(
        "rds-05-multi-az", "RDS.5", "multiAz", True, False, "false",
        "a standby in a second zone", "Set database.multiAz to true",
    ),
    excepted(
        "rds-05-multi-az", instance(replicateSourceDb="primary", multiAz=False),
        "A replica is made again from its primary; readers have the others and the primary.",
    ),
    *passing("rds-05-multi-az", instance(replicateSourceDb="primary", multiAz=True)),
    violating(
        "rds-05-multi-az", instance(replicateSourceDb="primary", multiAz=UNKNOWN),
        f"{IT}: multiAz is known only after the deployment. RDS.5 wants a standby in a second zone. State it in the "
        "program as a value, so that a preview can judge it.",
    ),
    excepted(
        "rds-11-automatic-backups", instance(replicateSourceDb="primary"),
        "A replica holds the primary's data, whose backups are kept.",
    ),
    *passing("rds-06-enhanced-monitoring", instance(monitoringInterval=60, monitoringRoleArn=UNKNOWN)),
    violating(
        "rds-06-enhanced-monitoring", instance(monitoringInterval=0), f"{IT}: monitoringInterval is 0. {MONITORING}"
    ),
    violating(
        "rds-06-enhanced-monitoring", instance(monitoringInterval=7, monitoringRoleArn="arn"),
        f"{IT}: monitoringInterval is 7. {MONITORING}",
    ),
    missing("rds-06-enhanced-monitoring", instance(), f"{IT}: monitoringInterval is not stated. {MONITORING}"),
    missing(
        "rds-06-enhanced-monitoring", instance(monitoringInterval=60),
        f"{IT}: monitoringRoleArn is not stated. {MONITORING}",
    ),
    *setting(
        "rds-08-deletion-protection", "RDS.8", "deletionProtection", True, False, "false",
        "protection against deletion", "Set database.deletionPolicy to protected",
    ),
    *setting(
        "rds-09-logs-exported", "RDS.9", "enabledCloudwatchLogsExports", ["postgresql", "upgrade"], ["postgresql"],
        '["postgresql"]', "the logs postgresql and upgrade in CloudWatch", "Export both",
    ),
    *setting(
        "rds-10-iam-authentication", "RDS.10", "iamDatabaseAuthenticationEnabled", True, False, "false",
        "IAM authentication", "Write iam_database_authentication_enabled=True",
    ),
    *setting(
        "rds-11-automatic-backups", "RDS.11", "backupRetentionPeriod", 7, 6, "6",
        "automated backups for 7 days or more", "Set backups.retentionDays to 7 or more",
    ),
    *setting(
        "rds-13-minor-upgrades", "RDS.13", "autoMinorVersionUpgrade", True, False, "false",
        "automatic minor upgrades", 'Set database.engineVersion to "16" without a minor',
    ),
    *setting(
        "rds-17-tags-copied", "RDS.17", "copyTagsToSnapshot", True, False, "false",
        "the instance's tags on its snapshots", "Write copy_tags_to_snapshot=True",
    ),
    *passing(
        "rds-18-in-vpc",
        instance(vpcSecurityGroupIds=[UNKNOWN], dbSubnetGroupName=UNKNOWN),
        instance(vpcSecurityGroupIds=[UNKNOWN], replicateSourceDb="primary"),
    ),
    violating(
        "rds-18-in-vpc", instance(vpcSecurityGroupIds=[], dbSubnetGroupName="subnets"),
        f"{IT}: vpcSecurityGroupIds is not stated. {VPC}",
    ),
    missing(
        "rds-18-in-vpc", instance(),
        f"{IT}: vpcSecurityGroupIds is not stated. {VPC}",
        f"{IT}: dbSubnetGroupName is not stated. {VPC}",
    ),
    *passing("rds-23-port", instance(port=6000), instance(replicateSourceDb="primary")),
    violating("rds-23-port", instance(port=5432), f"{IT}: port is 5432. {PORT}"),
    missing("rds-23-port", instance(), f"{IT}: port is not stated. {PORT}"),
    *passing(
        "rds-25-username",
        instance(username="langpont_admin"),
        instance(replicateSourceDb="primary"),
        instance(snapshotIdentifier="final"),
        instance(restoreToPointInTime={"restoreTime": "2026-01-01T00:00:00Z"}),
        resource(INSTANCE, {"dbName": "shop", "username": "postgres"}, ignores=SOURCES),  # kept: judged before
    ),
    missing(
        "rds-25-username", resource(INSTANCE, {}, ignores=SOURCES[:1]), f"{IT}: username is not stated. {USER}"
    ),
    violating("rds-25-username", instance(username="Postgres"), f'{IT}: username is "Postgres". {USER}'),
    missing("rds-25-username", instance(), f"{IT}: username is not stated. {USER}"),
    *setting(
        "rds-36-postgresql-log", "RDS.36", "enabledCloudwatchLogsExports", ["postgresql"], ["upgrade"],
        '["upgrade"]', "the log postgresql in CloudWatch", "Export it",
    ),
]  # fmt: skip
