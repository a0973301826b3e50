"""Rules between fields: for each a stack file that breaks it, by the whole sentence, and a neighbour that does not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from blueprint.postgres.roles import PASSWORD_ROLES
from blueprint.settings import SECTIONS, Settings
from blueprint.stack_file import rules
from tests.blueprint.stack_file.test_load import problems, settings

Changes = Mapping[str, Any]
SUBNET = "subnet-0123456789abcdef"
EXISTING: dict[str, Any] = {
    "vpcId": "vpc-0123456789abcdef0",
    "applicationSubnets": {"ap-northeast-1a": f"{SUBNET}1"},
    "databaseSubnets": {f"ap-northeast-1{zone}": f"{SUBNET}{zone}" for zone in "acd"},
}


def vpc(**values: Any) -> Changes:
    return {"network": {"vpc": values}}


def database(**values: Any) -> Changes:
    return {"database": values}


COPIES = "arn:aws:backup:ap-northeast-1:210987654321:backup-vault:copies"


def backups(**values: Any) -> Changes:
    return {"backups": values}


def parameters(**values: Any) -> Changes:
    return {"database": {"parameters": values}}


def replica(number: int = 1, zone: str = "ap-northeast-1c", **values: Any) -> dict[str, Any]:
    return {"number": number, "instanceClass": "db.t3.medium", "zone": zone} | values


# The rule's function, what breaks it, the sentence, what does not.
CASES: list[tuple[str, Changes, str, Changes]] = [
    (
        "sleep_hours",
        {"replicas": None, "schedule": {"stop": "01:59", "start": "00:00"}},
        "schedule 01:59 to 00:00 leaves 119 minutes awake and 1321 asleep in a day, and RDS takes minutes to stop and "
        "to start: it wants 120 awake and 60 asleep at least. Move schedule.stop or schedule.start.",
        {"replicas": None, "schedule": {"stop": "02:00", "start": "00:00"}},
    ),
    (
        "sleep_replicas",
        {"schedule": {"stop": "13:00", "start": "00:00"}},
        "schedule stands beside replicas, and RDS stops neither a replica nor an instance that has one. Take the "
        "replicas out, or the schedule.",
        {"replicas": None, "schedule": {"stop": "13:00", "start": "00:00"}},
    ),
    (
        "network",
        {"network": {"existingVpc": EXISTING}},
        "network needs either vpc (a network of our own) or existingVpc (somebody else's, by ids), not both. "
        "Keep one of them.",
        {"network": {"vpc": None, "existingVpc": EXISTING}},
    ),
    (
        "network",
        {"replicas": None, **vpc(zones=["ap-northeast-1a"])},
        "network.vpc.zones ap-northeast-1a covers fewer than 2 zones, and RDS asks for a subnet group over at least 2. "
        "Use names like ap-northeast-1a and ap-northeast-1c.",
        {"replicas": None, **vpc(zones=["ap-northeast-1a", "ap-northeast-1c"])},
    ),
    (
        "network",
        vpc(zones=["ap-northeast-1b", "ap-northeast-1c", "ap-northeast-1d"]),
        "network.vpc.zones ap-northeast-1b, ap-northeast-1c, ap-northeast-1d contains ap-northeast-1b, which AWS has "
        "closed to new accounts. Use another zone of the region.",
        vpc(zones=["ap-northeast-1c", "ap-northeast-1d"]),
    ),
    (
        "network",
        {"replicas": None, "network": {"vpc": None, "existingVpc": EXISTING | {
            "databaseSubnets": {"ap-northeast-1a": f"{SUBNET}1"}}}},
        "network.existingVpc.databaseSubnets ap-northeast-1a covers fewer than 2 zones, and RDS asks for a subnet "
        "group over at least 2. Use names like ap-northeast-1a and ap-northeast-1c.",
        {"replicas": None, "network": {"vpc": None, "existingVpc": EXISTING}},
    ),
    (
        "network",
        vpc(interfaceEndpoints={"services": ["ssm"], "zones": ["ap-northeast-1e"]}),
        "network.vpc.interfaceEndpoints.zones ap-northeast-1e is not one of the network's zones. "
        "Choose from ap-northeast-1a, ap-northeast-1c, ap-northeast-1d.",
        vpc(interfaceEndpoints={"services": ["ssm"], "zones": ["ap-northeast-1d"]}),
    ),
    (
        "network",
        vpc(natGateways="none"),
        "network.vpc.natGateways none leaves the functions that make the database's roles and metrics no way to "
        "Secrets Manager. Choose single, or add secretsmanager to network.vpc.interfaceEndpoints.services.",
        vpc(natGateways="none", interfaceEndpoints={"services": ["secretsmanager"], "zones": ["ap-northeast-1a"]}),
    ),
    (
        "network",
        vpc(natGateways="none", interfaceEndpoints={"services": ["ssm", "logs"], "zones": ["ap-northeast-1a"]}),
        "network.vpc.natGateways none leaves the functions that make the database's roles and metrics no way to "
        "Secrets Manager. Choose single, or add secretsmanager to network.vpc.interfaceEndpoints.services.",
        vpc(natGateways="single", interfaceEndpoints={"services": ["ssm", "logs"], "zones": ["ap-northeast-1a"]}),
    ),
    (
        "network",
        {"network": {"vpc": None, "existingVpc": EXISTING | {"applicationSubnets": {}}}},
        "network.existingVpc.applicationSubnets is empty, and application hosts need a subnet. "
        "Name at least one by zone.",
        {"network": {"vpc": None, "existingVpc": EXISTING}},
    ),
    (
        "network",
        {"network": {"vpc": None, "existingVpc": EXISTING | {"publicSubnets": {"mars": f"{SUBNET}9"}}}},
        "network.existingVpc.publicSubnets mars is not a zone of ap-northeast-1. Write it like ap-northeast-1a.",
        {"network": {"vpc": None, "existingVpc": EXISTING | {"publicSubnets": {"ap-northeast-1a": f"{SUBNET}9"}}}},
    ),
    (
        "network",
        {"network": {"vpc": None, "existingVpc": EXISTING | {"applicationSubnets": {"": f"{SUBNET}9"}}}},
        "network.existingVpc.applicationSubnets '' is not a zone of ap-northeast-1. Write it like ap-northeast-1a.",
        {"network": {"vpc": None, "existingVpc": EXISTING}},
    ),
    (
        "network",
        {"network": {"vpc": None, "existingVpc": EXISTING | {
            "applicationSubnets": {"ap-northeast-1a": f"{SUBNET}1", "ap-northeast-1c": f"{SUBNET}1"}}}},
        f"network.existingVpc.applicationSubnets {SUBNET}1 stands for ap-northeast-1a, ap-northeast-1c, and a subnet "
        "is in one zone. Name each zone's own subnet.",
        {"network": {"vpc": None, "existingVpc": EXISTING | {
            "applicationSubnets": {"ap-northeast-1a": f"{SUBNET}1", "ap-northeast-1c": f"{SUBNET}2"}}}},
    ),
    (
        "networks",
        {"access": {"databaseNetworks": [f"10.9.{number}.0/24" for number in range(58)]}},
        "access.databaseNetworks (58 of them) are more than the 60 rules of a security group leave, of which 3 of the "
        "database group are taken. Name 57 at most, or wider networks.",
        {"access": {"databaseNetworks": [f"10.9.{number}.0/24" for number in range(57)]}},
    ),
    (
        "networks",
        {"access": {"databaseNetworks": ["10.9.0.0/24"], "databaseSecurityGroups": [f"sg-{n:08x}" for n in range(57)]}},
        "access.databaseNetworks and access.databaseSecurityGroups (58 of them) are more than the 60 rules of a "
        "security group leave, of which 3 of the database group are taken. Name 57 at most, or wider networks.",
        {"access": {"databaseSecurityGroups": [f"sg-{n:08x}" for n in range(57)]}},
    ),
    (
        "networks",
        {"access": {"sshNetworks": [f"10.9.{number}.0/24" for number in range(59)]}},
        "access.sshNetworks (59 of them) are more than the 60 rules of a security group leave, of which 2 of the "
        "application group are taken. Name 58 at most, or wider networks.",
        {"access": {"sshNetworks": [f"10.9.{number}.0/24" for number in range(58)]}},
    ),
    (
        "own_tags",
        {"tags": {"environment": "test"}},
        "tags.environment test is a tag that the program writes itself. Choose another key.",
        {"tags": {"CostCenter": "4711"}},
    ),
    (
        "own_tags",
        {"tags": {"langpont:made-by": "ops"}},
        "tags.langpont:made-by ops begins with one of aws:, langpont:, which are kept. Choose another key.",
        {"tags": {"made-by": "ops"}},
    ),
    (
        "own_tags",
        {"tags": {"Team": "data & reports"}},
        "tags.Team data & reports has a value that some services refuse. Write the value with letters, digits, "
        "blanks and _ . : / = + - @.",
        {"tags": {"Team": "データ reports"}},
    ),
    (
        "own_tags",
        {"tags": {"k" * 129: "v"}},
        f"tags.{'k' * 75}... v has a key of 129 characters, and 128 fit. Shorten the key.",
        {"tags": {"k" * 128: "v" * 256}},
    ),
    (
        "own_tags",
        {"tags": {"team": "a", "Team": "b"}},
        "tags team and Team differ in case only, and IAM takes them for the same tag. Keep one of them.",
        {"tags": {"team": "a"}},
    ),
    (
        "own_tags",
        {"tags": {f"k{number}": "v" for number in range(45)}},
        "tags (45 of them) are more than the 44 that a resource has room for beside the program's own. Keep 44 at "
        "most.",
        {"tags": {f"k{number}": "v" for number in range(44)}},
    ),
    (
        "backup_and_maintenance",
        {"backups": {"window": "03:00-04:00"}, "database": {"maintenanceWindow": "sun:03:00-sun:04:00"}},
        "backups.window 03:00-04:00 overlaps database.maintenanceWindow sun:03:00-sun:04:00; RDS refuses overlapping "
        "windows. Move one of them.",
        {"backups": {"window": "03:00-04:00"}, "database": {"maintenanceWindow": "sun:05:00-sun:06:00"}},
    ),
    (
        "backup_and_maintenance",
        {"backups": {"window": "03:00-04:00"}, "database": {"maintenanceWindow": "sun:04:00-sun:05:00"}},
        "backups.window 03:00-04:00 touches database.maintenanceWindow sun:04:00-sun:05:00; RDS's API counts the "
        "minute in which one ends and the other begins to both. Move one of them.",
        {"backups": {"window": "03:00-04:00"}, "database": {"maintenanceWindow": "sun:04:01-sun:05:00"}},
    ),
    (
        "backup_and_replicas",
        {"replicas": [replica(maintenanceWindow="tue:03:30-tue:04:30")]},
        "replicas[0].maintenanceWindow tue:03:30-tue:04:30 overlaps backups.window 03:00-04:00; RDS refuses "
        "overlapping windows. Move it, or leave it out.",
        {"replicas": [replica(maintenanceWindow="tue:04:01-tue:05:01")]},
    ),
    (
        "backup_and_replicas",
        {"replicas": [replica(maintenanceWindow="tue:02:00-tue:03:00")]},
        "replicas[0].maintenanceWindow tue:02:00-tue:03:00 touches backups.window 03:00-04:00; RDS's API counts the "
        "minute in which one ends and the other begins to both. Move it, or leave it out.",
        {"replicas": [replica(maintenanceWindow="tue:01:59-tue:02:59")]},
    ),
    (
        "vault",
        backups(vaultTime="05:00"),
        "backups.vaultTime 05:00 is 60 minutes from backups.window 03:00-04:00; AWS Backup's jobs fail within an hour "
        "of it. Move it further away.",
        backups(vaultTime="05:01"),
    ),
    (
        "vault",
        backups(vaultTime="18:30"),
        "backups.vaultTime 18:30 is 0 minutes from database.maintenanceWindow sat:18:00-sat:19:00; AWS Backup's jobs "
        "fail within an hour of it. Move it further away.",
        backups(vaultTime="20:01"),
    ),
    (
        "volume",
        database(maxAllocatedStorageGib=109),
        "database.maxAllocatedStorageGib 109 is less than 110 % of the 100 GiB allocated, and RDS refuses that. "
        "Give at least 110.",
        database(maxAllocatedStorageGib=110),
    ),
    (
        "volume",
        database(iops=3000),
        "database.iops 3000 cannot be set below 400 GiB, where RDS fixes 3000 IOPS and refuses any value. "
        "Leave it unset, or allocate 400 GiB or more.",
        database(allocatedStorageGib=400, iops=12000),
    ),
    (
        "volume",
        database(allocatedStorageGib=400, storageThroughputMibps=4001),
        "database.storageThroughputMibps 4001 is not 500 to 4000 MiB/s. Give 500 to 4000.",
        database(allocatedStorageGib=400, storageThroughputMibps=3000),
    ),
    (
        "primary_parameters",
        parameters(work_mem="16384"),
        "database.parameters.work_mem 16384 has no unit, and RDS would read it as 16384 kB = 16 MiB. "
        "Write 16MB if that is meant.",
        parameters(work_mem="16384kB"),
    ),
    (
        "primary_parameters",
        parameters(made_up="1"),
        "database.parameters.made_up 1 is for a parameter that the postgres16 catalogue does not know. "
        "List made_up in database.trustedParameters if RDS has it.",
        database(parameters={"made_up": "1"}, trustedParameters=["made_up"]),
    ),
    (
        "slot_cap",
        database(parameters={"max_slot_wal_keep_size": "51GB"}, maxAllocatedStorageGib=None),
        "database.parameters.max_slot_wal_keep_size 51GB is more than half of the 100 GiB allocated; a dead replica "
        "could fill it. Write 25GB or less.",
        database(parameters={"max_slot_wal_keep_size": "50GB"}, maxAllocatedStorageGib=None),
    ),
    (
        "slot_cap",
        database(parameters={"max_slot_wal_keep_size": "101GB"}, maxAllocatedStorageGib=200),
        "database.parameters.max_slot_wal_keep_size 101GB is more than half of the 200 GiB to which storage grows; a "
        "dead replica could fill it. Write 50GB or less.",
        database(parameters={"max_slot_wal_keep_size": "100GB"}, maxAllocatedStorageGib=200),
    ),
    (
        "primary_parameters",
        parameters(password_encryption="md5"),
        "database.parameters.password_encryption md5 makes passwords that rds.accepted_password_auth_method scram "
        "refuses at each login. Write scram-sha-256.",
        parameters(**{"password_encryption": "md5", "rds.accepted_password_auth_method": "md5+scram"}),
    ),
    (
        "memory_of_classes",
        {"replicas": None, **parameters(shared_buffers="8GB")},
        "database.parameters.shared_buffers 8GB needs with the rest about 8.2 GiB of shared memory, and db.t3.medium "
        "has about 3.6 GiB for PostgreSQL, which does not start so. Write 25%, or take a larger class.",
        {"replicas": None, **parameters(shared_buffers="3GB")},
    ),
    (
        "memory_of_classes",
        {"replicas": None, **parameters(max_connections=100_000)},
        "database.parameters.max_connections 100000 needs with the rest about 5.5 GiB of shared memory, and "
        "db.t3.medium has about 3.6 GiB for PostgreSQL, which does not start so. Write 58205 or less, or take a larger "
        "class.",
        {"replicas": None, **parameters(max_connections=58_205)},
    ),
    (
        "memory_of_classes",
        {"replicas": [replica(instanceClass="db.t3.small", parameters={"shared_buffers": "LEAST(99.99%, 8GB)"})]},
        "replicas[0].parameters.shared_buffers LEAST(99.99%, 8GB) needs with the rest about 1.7 GiB of shared memory, "
        "and db.t3.small has about 1.6 GiB for PostgreSQL, which does not start so. Write 25%, or take a larger class.",
        {"replicas": [replica(instanceClass="db.t3.small", parameters={"shared_buffers": "LEAST(25%, 8GB)"})]},
    ),
    (
        "memory_of_classes",
        {"replicas": [replica(instanceClass="db.t3.small")], **parameters(shared_buffers="3GB")},
        "replicas[0].instanceClass db.t3.small is too small for the primary's shared_buffers 3GB, which the replica "
        "has too: that needs with the rest about 3.1 GiB of shared memory, and db.t3.small has about 1.6 GiB for "
        "PostgreSQL, which does not start so. Take a larger class, or set replicas[0].parameters.shared_buffers to "
        "25%.",
        {
            "replicas": [replica(instanceClass="db.t3.small", parameters={"shared_buffers": "25%"})],
            **parameters(shared_buffers="3GB"),
        },
    ),
    (
        "memory_of_classes",
        {"replicas": None, **parameters(maintenance_work_mem="{DBInstanceClassMemory/102400000}")},
        "database.parameters.maintenance_work_mem {DBInstanceClassMemory/102400000} comes to about 37 kB on "
        "db.t3.medium, below the minimum of 1024 kB = 1 MiB. Put GREATEST(...) with a bound around it, or write an "
        "amount.",
        {"replicas": None, **parameters(maintenance_work_mem="GREATEST({DBInstanceClassMemory/102400000}, 64MB)")},
    ),
    (
        "replicas",
        {"replicas": [replica(1), replica(1, zone="ap-northeast-1d")]},
        "replicas number 1 stands 2 times, and identifiers end in it. Give each replica its own number.",
        {"replicas": [replica(1), replica(2, zone="ap-northeast-1d")]},
    ),
    (
        "replicas",
        {"replicas": [replica(number) for number in range(1, 17)], "pooler": {"maxClientConn": 3000}},
        "replicas (16 of them) are more than the 15 that RDS replicates one instance to. Keep 15 at most.",
        {"replicas": [replica(number) for number in range(1, 16)], "pooler": {"maxClientConn": 3000}},
    ),
    (
        "replicas",
        {"database": {"deletionPolicy": "disposable"}, **backups(retentionDays=0, replicateToRegion=None)},
        "backups.retentionDays 0 turns automated backups off, and RDS makes no replica of such an instance. "
        "Keep backups for at least one day, or have no replicas.",
        {"database": {"deletionPolicy": "disposable"}, "replicas": None,
         **backups(retentionDays=0, replicateToRegion=None)},
    ),
    (
        "replica_zones",
        {"replicas": [replica(zone="ap-northeast-1e")]},
        "replicas[0].zone ap-northeast-1e has no database subnet in this network. "
        "Choose from ap-northeast-1a, ap-northeast-1c, ap-northeast-1d.",
        {"replicas": [replica(zone="ap-northeast-1a")]},
    ),
    (
        "replica_parameters",
        {"replicas": [replica(1), replica(2, parameters={"work_mem": "64"})]},
        "replicas[1].parameters.work_mem 64 has no unit, and RDS would read it as 64 kB. "
        "Write 64kB if that is meant.",
        {"replicas": [replica(1), replica(2, parameters={"work_mem": "64MB"})]},
    ),
    (
        "max_connections",
        parameters(max_connections=83),
        "database.parameters.max_connections 83 is less than the 84 connections that the budget needs: 2 hosts x 32 "
        "pooled, 10 direct, 7 reserved, 3 of RDS. Raise it to 84 or more, or have fewer hosts or smaller pools.",
        parameters(max_connections=84),
    ),
    (
        "max_client_conn",
        {"pooler": {"maxClientConn": 398}},
        "pooler.maxClientConn 398 is less than the 399 connections that one host's 3 processes may open. "
        "Raise it to 399, or have fewer processes or smaller pools.",
        {"pooler": {"maxClientConn": 399}},
    ),
    (
        "pool_sizes",
        {"pooler": {"minPoolSize": 26}},
        "pooler.minPoolSize 26 is more than pooler.defaultPoolSize 25. Lower it.",
        {"pooler": {"minPoolSize": 25}},
    ),
    (
        "major_upgrade",
        database(allowMajorUpgrade=17, applyImmediately=True),
        "database.allowMajorUpgrade 17 is not the major of engineVersion 16. Set database.engineVersion to 17, or take "
        "this line out.",
        database(allowMajorUpgrade=17, engineVersion="17", applyImmediately=True),
    ),
    (
        "major_upgrade",
        database(allowMajorUpgrade=18, engineVersion="18.6"),
        "database.allowMajorUpgrade 18 stands beside database.applyImmediately false: the upgrade would wait for the "
        "window, and until then each update fails, since the old version takes no parameter group of the new family. "
        "Set database.applyImmediately to true for this deployment.",
        database(allowMajorUpgrade=18, engineVersion="18.6", applyImmediately=True),
    ),
    (
        "restore_from",
        database(generation=2),
        "database.generation 2 has no database.restoreFrom, so it would be an empty database. "
        "Name the snapshot or the time it is made from.",
        database(generation=2, restoreFrom={"snapshot": "before-the-accident"}),
    ),
    (
        "restore_from",
        database(restoreFrom={"time": "2026-11-20T03:04:05Z"}),
        "database.restoreFrom 2026-11-20T03:04:05Z stands beside generation 1, before which there is none that it "
        "could be a time of. Set database.generation to the next number, or name a snapshot here.",
        database(restoreFrom={"snapshot": "before-the-accident"}),
    ),
    (
        "restore_from",
        database(restoreFrom={"snapshot": "arn:aws:rds:ap-northeast-1:123456789012:snapshot:rds:shop-2026-11-01"}),
        "database.restoreFrom.snapshot arn:aws:rds:ap-northeast-1:123456789012:snapshot:rds:shop-2026-11-01 is the ARN "
        "of a snapshot that a service made (rds:), and no account can share one. Name it without the ARN if it is "
        "this account's; else have it copied there (aws rds copy-db-snapshot) and the copy shared.",
        database(restoreFrom={"snapshot": "rds:shop-2026-11-01"}),
    ),
    (
        "restore_from",
        database(generation=2, restoreFrom={"snapshot": "arn:aws:rds:us-east-1:123456789012:snapshot:x"}),
        "database.restoreFrom.snapshot arn:aws:rds:us-east-1:123456789012:snapshot:x is a snapshot in us-east-1, and "
        "RDS restores within a region, here ap-northeast-1. Copy it there (aws rds copy-db-snapshot --source-region), "
        "and name the copy.",
        database(generation=2, restoreFrom={"snapshot": "arn:aws:rds:ap-northeast-1:123456789012:snapshot:x"}),
    ),
    (
        "restore_from",
        database(generation=2, restoreFrom={"snapshot": "a", "time": "2026-11-20T03:04:05Z"}),
        "database.restoreFrom needs either snapshot or time, not both. Keep one of them.",
        database(generation=2, restoreFrom={"time": "2026-11-20T03:04:05Z"}),
    ),
    (
        "restore_from",
        database(generation=2, restoreFrom={}),
        "database.restoreFrom needs either snapshot or time. Write one of them.",
        database(generation=2, restoreFrom={"snapshot": "a"}),
    ),
    (
        "deletion",
        {"replicas": None, **backups(retentionDays=0, replicateToRegion=None)},
        "backups.retentionDays 0 turns automated backups off in a protected stack: nothing could be restored to a "
        "point in time. Keep them for 7 days, or make the stack disposable.",
        {"replicas": None, **backups(retentionDays=1, replicateToRegion=None)},
    ),
    (
        "master",
        database(masterUsername="langpont_app"),
        "database.masterUsername langpont_app is the name of one of the roles that the platform creates. "
        "Choose another name, like langpont_admin.",
        database(masterUsername="langpont_root"),
    ),
    (
        "master",
        database(masterUsername="langpont_app_b"),
        "database.masterUsername langpont_app_b is the name of one of the roles that the platform creates. "
        "Choose another name, like langpont_admin.",
        database(masterUsername="langpont_owner_b"),
    ),
    (
        "master",
        database(masterUsername="postgres"),
        "database.masterUsername postgres is the default name, which every attacker tries first (Security Hub RDS.25). "
        "Choose another name, like langpont_admin.",
        database(masterUsername="postgres", restoreFrom={"snapshot": "theirs"}),
    ),
    (
        "database_name",
        database(name="postgres"),
        "database.name postgres is a database that PostgreSQL or RDS has already. Choose another name, like langpont.",
        database(name="postgres", restoreFrom={"snapshot": "theirs"}),
    ),
    (
        "master",
        database(masterUsername="langpont_app", generation=3, restoreFrom={"snapshot": "theirs"}),
        "database.masterUsername langpont_app is the name of one of the roles that the platform creates. RDS renames "
        "no master: load a dump of that database into a new one, whose master is langpont_admin.",
        database(masterUsername="postgres", generation=3, restoreFrom={"snapshot": "theirs"}),
    ),
    (
        "password_versions",
        {"credentials": {"passwordVersions": {"langpont_owner": 2}}},
        "credentials.passwordVersions langpont_owner is not a role with a password. Choose from langpont_admin, "
        f"{', '.join(PASSWORD_ROLES)}.",
        {"credentials": {"passwordVersions": {"langpont_admin": 2, "langpont_metrics": 3}}},
    ),
    (
        "password_versions",
        {"credentials": {"rotateEveryDays": 30, "passwordVersions": {"langpont_app": 2}}},
        "credentials.passwordVersions.langpont_app 2 stands beside credentials.rotateEveryDays, by which Secrets "
        "Manager has the password in hand. Take it out; for a new password now: python -m ops credentials rotate "
        "langpont_app -s prod.",
        {"credentials": {"rotateEveryDays": 30, "passwordVersions": {"langpont_admin": 2}}},
    ),
    (
        "rotation",
        {
            "credentials": {"rotateEveryDays": 30},
            "network": {
                "vpc": {"interfaceEndpoints": {"services": ["secretsmanager"], "zones": ["ap-northeast-1a"]}}
            },
        },
        "credentials.rotateEveryDays 30 needs a way to CloudWatch, by which hosts say that they have the new password, "
        "and functions of a network with an endpoint have no other way out. Add monitoring to "
        "network.vpc.interfaceEndpoints.services.",
        {
            "credentials": {"rotateEveryDays": 30},
            "network": {
                "vpc": {
                    "interfaceEndpoints": {"services": ["secretsmanager", "monitoring"], "zones": ["ap-northeast-1a"]}
                }
            },
        },
    ),
    (
        "thresholds",
        {"monitoring": {"thresholds": {"cpu-high": "120%"}}},
        "monitoring.thresholds.cpu-high 120% is not within 10% and 99%. Write it like 90%.",
        {"monitoring": {"thresholds": {"cpu-high": "90%"}}},
    ),
    (
        "listeners_once",
        {"monitoring": {"warning": {"emails": ["database-alerts@langpont.example"]}}},
        "monitoring.warning.emails database-alerts@langpont.example stands in monitoring.alertEmails too, which hears "
        "of both severities. Take it out of one of them.",
        {"monitoring": {"warning": {"emails": ["morning@langpont.example"]}}},
    ),
    (
        "vault_lock",
        backups(vaultLock={"minRetentionDays": 31, "maxRetentionDays": 400}),
        "backups.dailyRetentionDays 30 is not within backups.vaultLock, which takes 31 to 400 days: each backup would "
        "fail. Let the lock have minRetentionDays of no more, and maxRetentionDays of no less.",
        backups(vaultLock={"minRetentionDays": 30, "maxRetentionDays": 365}),
    ),
    (
        "vault_lock",
        backups(vaultLock={"minRetentionDays": 365, "maxRetentionDays": 30}),
        "backups.vaultLock.minRetentionDays 365 is more than maxRetentionDays 30. Lower it, or raise the other.",
        backups(vaultLock={"minRetentionDays": 30, "maxRetentionDays": 365}),
    ),
    (
        "vault_lock",
        backups(vaultLock={"minRetentionDays": 7, "maxRetentionDays": 364}),
        "backups.monthlyRetentionDays 365 is not within backups.vaultLock, which takes 7 to 364 days: each backup "
        "would fail. Let the lock have minRetentionDays of no more, and maxRetentionDays of no less.",
        backups(vaultLock={"minRetentionDays": 7, "maxRetentionDays": 365}),
    ),
    (
        "copied_vault",
        {"encryption": {"keys": "awsManaged"}, **backups(replicateToRegion=None, copyToVaultArn=COPIES)},
        f"backups.copyToVaultArn {COPIES} needs a key that another account may use, and AWS's own key for RDS is this "
        "account's alone. Set encryption.keys to customerManaged, or take it out.",
        {
            "encryption": {"keys": "awsManaged"},
            **backups(replicateToRegion=None, copyToVaultArn=COPIES.replace("northeast-1", "northeast-3")),
        },
    ),
    (
        "second_region",
        backups(replicateToRegion="ap-northeast-1"),
        "backups.replicateToRegion ap-northeast-1 is the stack's own region, whose loss it is meant to survive. "
        "Name another one, such as ap-northeast-3.",
        backups(replicateToRegion="us-west-2"),
    ),
    (
        "second_region",
        {"replicas": None, "database": {"deletionPolicy": "disposable"}, **backups(retentionDays=0)},
        "backups.replicateToRegion ap-northeast-3 has no automated backups to copy, as backups.retentionDays is 0. "
        "Keep backups.",
        {"replicas": None, "database": {"deletionPolicy": "disposable"}, **backups(retentionDays=1)},
    ),
    (
        "second_region",
        {"encryption": {"keys": "awsManaged"}},
        "backups.replicateToRegion ap-northeast-3 needs a key of ours in that region, and encryption.keys is "
        "awsManaged. Set encryption.keys to customerManaged, or leave the second region out.",
        {"encryption": {"keys": "awsManaged"}, **backups(replicateToRegion=None)},
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("broken", "sentence", "right"),
    [case[1:] for case in CASES],
    ids=[f"{case[0]}-{i}" for i, case in enumerate(CASES)],
)
def test_a_rule_says_no_in_one_sentence_and_lets_its_neighbour_pass(
    broken: Changes, sentence: str, right: Changes
) -> None:
    """E6, E8, E23, E28, E29, E33, E42, E54, E63: what the document asks for and AWS or arithmetic refuses."""
    assert problems(broken) == [sentence]
    settings(right)


def test_every_rule_has_a_case_here() -> None:
    elsewhere = {"state_secrets"}  # test_secrets_provider.py: it reads what stands beside the sections
    assert {case[0] for case in CASES} | elsewhere == {rule.check.__name__ for rule in rules.RULES}


def test_the_documents_windows_are_refused_whatever_weekday_maintenance_has() -> None:
    """E6: the backup window is daily."""
    for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun"):
        window = f"{day}:03:00-{day}:04:00"
        assert problems(database(maintenanceWindow=window)) == [
            f"backups.window 03:00-04:00 overlaps database.maintenanceWindow {window}; RDS refuses overlapping "
            "windows. Move one of them."
        ]


def test_every_field_that_a_rule_reads_is_a_field() -> None:
    for rule in rules.RULES:
        for field in rule.fields:
            section, _, key = field.partition(".")
            assert section in SECTIONS, field
            annotation = Settings.model_fields[SECTIONS[section]].annotation
            aliases = {info.alias for info in getattr(annotation, "model_fields", {}).values()}
            assert not key or key in aliases, field
