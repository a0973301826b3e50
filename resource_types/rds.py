"""RDS: instances and replicas, their groups, events and replicated backups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from resource_types.model import TAGS, Bill, Call, MotoLimit, PhysicalName, Reply, ResourceType, Target

_INSTANCE_TAKES: Mapping[str, Target] = {
    "instanceClass": "DBInstanceClass",
    "iamDatabaseAuthenticationEnabled": "EnableIAMDatabaseAuthentication",
    "enabledCloudwatchLogsExports": "EnableCloudwatchLogsExports",
    "performanceInsightsEnabled": "EnablePerformanceInsights",
    "tags": TAGS,
}
_INSTANCE_OWN: Mapping[str, str] = {
    "applyImmediately": "how a later change is applied; a parameter of ModifyDBInstance",
    "allowMajorVersionUpgrade": "whether a later change of version is meant; a parameter of ModifyDBInstance",
    "skipFinalSnapshot": "what deletion does; a parameter of DeleteDBInstance",
}
_SAME_ID = MotoLimit("resourceId", "moto gives every instance the same one, so a policy names all of them at once")
_NO_INSIGHTS = MotoLimit("performanceInsightsEnabled", "moto drops it")

_INSTANCE = ResourceType(
    "aws:rds/instance:Instance",
    tagged=True,
    bill=Bill.STANDING,
    create=Call(
        "rds.create_db_instance",
        takes={
            **_INSTANCE_TAKES,
            "username": "MasterUsername",
            "password": "MasterUserPassword",
            "parameterGroupName": "DBParameterGroupName",
            "backupWindow": "PreferredBackupWindow",
            "maintenanceWindow": "PreferredMaintenanceWindow",
            "caCertIdentifier": "CACertificateIdentifier",
        },
    ),
    id=Reply("DBInstance.DbiResourceId", "db-{HEX:.26}"),
    outputs={
        "identifier": "{name}",
        "address": Reply("DBInstance.Endpoint.Address", "{name}.c{hex:.11}.{region}.rds.amazonaws.com"),
        "arn": "arn:aws:rds:{region}:{account}:db:{name}",
        "resourceId": "{id}",
    },
    named=PhysicalName("DBInstanceIdentifier", input="identifier"),
    own={
        **_INSTANCE_OWN,
        "finalSnapshotIdentifier": "what deletion does; a parameter of DeleteDBInstance",
        "deleteAutomatedBackups": "what deletion does; a parameter of DeleteDBInstance",
        "snapshotIdentifier": "a parameter of RestoreDBInstanceFromDBSnapshot",
        "restoreToPointInTime": "parameters of RestoreDBInstanceToPointInTime",
    },
    moto_limits=(
        _SAME_ID,
        _NO_INSIGHTS,
        MotoLimit("performanceInsightsKmsKeyId", "moto drops it"),
        MotoLimit("performanceInsightsRetentionPeriod", "moto drops it"),
        MotoLimit("databaseInsightsMode", "moto drops it"),
        MotoLimit("engineLifecycleSupport", "moto drops it"),
        MotoLimit("snapshotIdentifier", "moto creates a new record; the servers here restore the data"),
        MotoLimit("restoreToPointInTime", "moto creates a new record; the servers here restore the data"),
    ),
)
_REPLICA = replace(
    _INSTANCE,
    variant="replica",
    create=Call(
        "rds.create_db_instance_read_replica",
        takes={**_INSTANCE_TAKES, "replicateSourceDb": "SourceDBInstanceIdentifier"},
    ),
    # As the provider does: a replica begins with its primary's values, and these are changed once it stands.
    after=(
        Call(
            "rds.modify_db_instance",
            takes={
                "parameterGroupName": "DBParameterGroupName",
                "maintenanceWindow": "PreferredMaintenanceWindow",
                "maxAllocatedStorage": "MaxAllocatedStorage",
                "caCertIdentifier": "CACertificateIdentifier",
            },
            gives={"DBInstanceIdentifier": "{name}", "ApplyImmediately": True},
        ),
    ),
    own={
        **_INSTANCE_OWN,
        "storageEncrypted": "a replica's storage is encrypted as its primary's is; the API has no parameter for it",
    },
    moto_limits=(_SAME_ID, _NO_INSIGHTS),
)
# Its backup's master user is an output too; in made-up answers it is nobody's.
_RESTORED = replace(_INSTANCE, variant="restored", outputs={**_INSTANCE.outputs, "username": ""})

TYPES = (
    ResourceType(
        "aws:rds/subnetGroup:SubnetGroup",
        tagged=True,
        bill=Bill.FREE,
        create=Call("rds.create_db_subnet_group", takes={"description": "DBSubnetGroupDescription", "tags": TAGS}),
        id="{name}",
        outputs={"name": "{name}", "arn": "arn:aws:rds:{region}:{account}:subgrp:{name}"},
        named=PhysicalName("DBSubnetGroupName"),
    ),
    ResourceType(
        "aws:rds/parameterGroup:ParameterGroup",
        tagged=True,
        bill=Bill.FREE,
        create=Call("rds.create_db_parameter_group", takes={"family": "DBParameterGroupFamily", "tags": TAGS}),
        id="{name}",
        outputs={"name": "{name}", "arn": "arn:aws:rds:{region}:{account}:pg:{name}"},
        named=PhysicalName("DBParameterGroupName"),
        after=(
            Call(
                "rds.modify_db_parameter_group",
                takes={
                    "parameters": "Parameters",
                    "parameters.name": "ParameterName",
                    "parameters.value": "ParameterValue",
                },
                gives={"DBParameterGroupName": "{name}"},
            ),
        ),
    ),
    replace(
        _INSTANCE,
        variants={"replicateSourceDb": _REPLICA, "snapshotIdentifier": _RESTORED, "restoreToPointInTime": _RESTORED},
    ),
    ResourceType(
        "aws:rds/eventSubscription:EventSubscription",
        tagged=True,
        bill=Bill.FREE,
        create=Call(
            "rds.create_event_subscription",
            takes={"snsTopic": "SnsTopicArn", "tags": TAGS},
            gives={"Enabled": True},  # the provider's default
        ),
        id="{name}",
        outputs={"name": "{name}", "arn": "arn:aws:rds:{region}:{account}:es:{name}"},
        named=PhysicalName("SubscriptionName"),
    ),
    ResourceType(
        "aws:rds/instanceAutomatedBackupsReplication:InstanceAutomatedBackupsReplication",
        bill=Bill.VOLUME,
        create=Call(
            "rds.start_db_instance_automated_backups_replication", takes={"retentionPeriod": "BackupRetentionPeriod"}
        ),
        id="{sourceDbInstanceArn}",
        not_in_moto="moto has no replication of automated backups",
    ),
)
