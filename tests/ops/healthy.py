"""AWS's responses about a healthy stack, and the means to break it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from tests.ops import ACCOUNT, NOW, REGION, pairs

TAGS = {"Environment": "prod", "Project": "LangPont", "ManagedBy": "Pulumi"}


def ago(**span: float) -> datetime:
    return NOW - timedelta(**span)


def ahead(**span: float) -> datetime:
    return NOW + timedelta(**span)


def instance(identifier: str = "langpont-prod-db", **other: Any) -> dict[str, Any]:
    """A healthy one, as DescribeDBInstances has it."""
    return {
        "DBInstanceIdentifier": identifier,
        "DBInstanceArn": f"arn:aws:rds:{REGION}:{ACCOUNT}:db:{identifier}",
        "DBInstanceStatus": "available",
        "DBInstanceClass": "db.t3.medium",
        "AvailabilityZone": "ap-northeast-1a",
        "MultiAZ": True,
        "EngineVersion": "16.14",
        "InstanceCreateTime": ago(days=100),
        "AllocatedStorage": 100,
        "MaxAllocatedStorage": 1000,
        "PreferredMaintenanceWindow": "sat:18:00-sat:19:00",
        "DBParameterGroups": [{"DBParameterGroupName": "primary", "ParameterApplyStatus": "in-sync"}],
        "BackupRetentionPeriod": 7,
        "LatestRestorableTime": ago(minutes=4),
        "CACertificateIdentifier": "rds-ca-rsa2048-g1",
        "CertificateDetails": {"CAIdentifier": "rds-ca-rsa2048-g1", "ValidTill": ahead(days=200)},
        "TagList": pairs(TAGS),
    } | other


def replica(number: int = 1, **other: Any) -> dict[str, Any]:
    return instance(
        f"langpont-prod-replica-{number}",
        **{"MultiAZ": False, "AvailabilityZone": "ap-northeast-1c", "BackupRetentionPeriod": 0,
           "LatestRestorableTime": None, "ReadReplicaSourceDBInstanceIdentifier": "langpont-prod-db",
           "StatusInfos": [{"StatusType": "read replication", "Normal": True, "Status": "replicating"}]} | other,
    )  # fmt: skip


POINT = {"Status": "COMPLETED", "CreationDate": ago(hours=6, minutes=30)}
BUDGET = {
    "BudgetName": "langpont-prod-monitoring-budget-0a1b2c3",
    "BudgetLimit": {"Amount": "600", "Unit": "USD"},
    "CalculatedSpend": {
        "ActualSpend": {"Amount": "310.5", "Unit": "USD"}, "ForecastedSpend": {"Amount": "480", "Unit": "USD"},
    },
}  # fmt: skip
SUPPORT = {"LifecycleSupportName": "open-source-rds-standard-support", "LifecycleSupportEndDate": ahead(days=830)}
SNAPSHOT = {
    "DBSnapshotIdentifier": "langpont-prod-manual-20261118-030000", "DBInstanceIdentifier": "langpont-prod-db",
    "SnapshotType": "manual", "Status": "available", "SnapshotCreateTime": ago(days=3), "AllocatedStorage": 100,
}  # fmt: skip
