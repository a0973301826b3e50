"""DatabaseCluster: every input of the primary and of replicas, parameter groups, log groups, the monitoring role."""

from __future__ import annotations

from typing import Any

import pytest

from recording.recording import Recording
from tests.components import OTHER, replicas
from tests.recordings import answer, arn, inputs, names, record_with, recording

INSTANCE = "aws:rds/instance:Instance"
PARAMETERS = "aws:rds/parameterGroup:ParameterGroup"
SUBNETS = "aws:rds/subnetGroup:SubnetGroup"
LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
KEY = "aws:kms/key:Key"
PASSWORD = "random:index/randomPassword:RandomPassword"
# A replica's is in the hours before the primary's.
WINDOWS = {
    "primary": "sat:18:00-sat:19:00",
    "replica-1": "sat:17:00-sat:17:30",
    "replica-2": "sat:16:00-sat:16:30",
}


def tags(environment: str, name: str) -> dict[str, str]:
    return {"Name": name, "Environment": environment, "Project": "LangPont", "ManagedBy": "Pulumi"}


def named(recorded: Recording, type_: str, name: str) -> str:
    text: str = answer(recorded, type_, f"langpont-{recorded.stack}-{name}")[1]["name"]
    return text


def database_group(recorded: Recording) -> str:
    return answer(
        recorded, "aws:ec2/securityGroup:SecurityGroup", f"langpont-{recorded.stack}-security-groups-database"
    )[0]


def shared(recorded: Recording, identifier: str, role: str) -> dict[str, Any]:
    """What the primary and every replica of a stack are told alike."""
    return {
        "identifier": identifier,
        "parameterGroupName": named(recorded, PARAMETERS, f"db-{role}"),
        "vpcSecurityGroupIds": [database_group(recorded)],
        "publiclyAccessible": False,
        "storageType": "gp3",
        "storageEncrypted": True,
        "autoMinorVersionUpgrade": True,
        "allowMajorVersionUpgrade": False,
        "maintenanceWindow": WINDOWS[role],
        "caCertIdentifier": "rds-ca-rsa2048-g1",
        "iamDatabaseAuthenticationEnabled": True,
        "copyTagsToSnapshot": True,
        "enabledCloudwatchLogsExports": ["postgresql", "upgrade"],
        "performanceInsightsEnabled": True,
        "performanceInsightsRetentionPeriod": 7,
        "tags": tags(recorded.stack, identifier),
    }


def prod_only(recorded: Recording) -> dict[str, Any]:
    return {
        "maxAllocatedStorage": 1000,
        "applyImmediately": False,
        "deletionProtection": True,
        "monitoringInterval": 60,
        "monitoringRoleArn": arn(recorded, "aws:iam/role:Role", "langpont-prod-db-monitoring-role"),
        "performanceInsightsKmsKeyId": arn(recorded, KEY, "langpont-prod-keys-insights"),
    }


def test_prods_primary_is_told_exactly_this() -> None:
    """E5: 16.1 cannot be created. E6, E39: both windows were noon in Japan, and overlapping. E9: no character set.

    E10: the template omits the key, log exports, deletion protection and the snapshot.
    """
    recorded = recording("prod")
    suffix = answer(recorded, "random:index/randomId:RandomId", "langpont-prod-db-primary-final-snapshot")[1]["hex"]
    assert inputs(recorded, INSTANCE, "langpont-prod-db-primary") == {
        **shared(recorded, "langpont-prod-db", "primary"),
        **prod_only(recorded),
        "engine": "postgres",
        "engineVersion": "16",
        "engineLifecycleSupport": "open-source-rds-extended-support-disabled",
        "instanceClass": "db.t3.medium",
        "allocatedStorage": 100,
        "dbName": "langpont",
        "username": "langpont_admin",
        "password": answer(recorded, PASSWORD, "langpont-prod-secrets-langpont_admin-password")[1]["result"],
        "port": 5432,
        "multiAz": True,
        "dbSubnetGroupName": named(recorded, SUBNETS, "db-subnets"),
        "kmsKeyId": arn(recorded, KEY, "langpont-prod-keys-storage"),
        "backupRetentionPeriod": 7,
        "backupWindow": "03:00-04:00",
        "deleteAutomatedBackups": False,
        "skipFinalSnapshot": False,
        "finalSnapshotIdentifier": f"langpont-prod-db-final-{suffix}",
        "databaseInsightsMode": "standard",
    }


@pytest.mark.parametrize(
    ("number", "class_name", "zone"), [(1, "db.t3.medium", "ap-northeast-1c"), (2, "db.t3.large", "ap-northeast-1d")]
)
def test_prods_replica_is_told_exactly_this(number: int, class_name: str, zone: str) -> None:
    """E2, E3: the template gives a replica a wrong source property and leaves it in the default security group.

    No user, password, engine version, subnet group, snapshot name or insights mode: RDS refuses each on a replica.
    """
    recorded = recording("prod")
    assert inputs(recorded, INSTANCE, f"langpont-prod-db-replica-{number}") == {
        **shared(recorded, f"langpont-prod-replica-{number}", f"replica-{number}"),
        **prod_only(recorded),
        "instanceClass": class_name,
        "port": 5432,
        "replicateSourceDb": "langpont-prod-db",
        "availabilityZone": zone,
        "allocatedStorage": 100,
        "multiAz": False,
        "skipFinalSnapshot": True,
    }


def test_devs_primary_is_told_exactly_this() -> None:
    """E17: the document's environments differ in name only; this one is small, in one zone and thrown away."""
    recorded = recording("dev")
    assert inputs(recorded, INSTANCE, "langpont-dev-db-primary") == {
        **shared(recorded, "langpont-dev-db", "primary"),
        "applyImmediately": True,
        "deletionProtection": False,
        "monitoringInterval": 0,
        "engine": "postgres",
        "engineVersion": "16",
        "engineLifecycleSupport": "open-source-rds-extended-support-disabled",
        "instanceClass": "db.t4g.micro",
        "allocatedStorage": 20,
        "dbName": "langpont",
        "username": "langpont_admin",
        "password": answer(recorded, PASSWORD, "langpont-dev-secrets-langpont_admin-password")[1]["result"],
        "port": 5432,
        "multiAz": False,
        "dbSubnetGroupName": named(recorded, SUBNETS, "db-subnets"),
        "backupRetentionPeriod": 1,
        "backupWindow": "03:00-04:00",
        "deleteAutomatedBackups": True,
        "skipFinalSnapshot": True,
        "databaseInsightsMode": "standard",
    }


def test_staging_has_prods_shape_and_is_smaller_where_it_saves() -> None:
    prod = inputs(recording("prod"), INSTANCE, "langpont-prod-db-primary")
    staging = inputs(recording("staging"), INSTANCE, "langpont-staging-db-primary")
    assert set(staging) == set(prod)
    sizes = ("allocatedStorage", "maxAllocatedStorage", "instanceClass", "multiAz", "applyImmediately")
    assert [staging[key] for key in sizes] == [50, 200, "db.t3.medium", True, True]
    assert names(recording("staging"), INSTANCE) == ["langpont-staging-db-primary", "langpont-staging-db-replica-1"]


def test_the_database_lies_in_the_isolated_subnets() -> None:
    recorded = recording("prod")
    group = inputs(recorded, SUBNETS, "langpont-prod-db-subnets")
    assert group == {
        "description": "langpont-prod: isolated database subnets",
        "subnetIds": [
            answer(recorded, "aws:ec2/subnet:Subnet", f"langpont-prod-network-database-ap-northeast-1{letter}")[0]
            for letter in "acd"
        ],
        "tags": tags("prod", "langpont-prod-db-subnets"),
    }


def test_log_groups_are_made_first_with_a_key_and_a_retention() -> None:
    recorded = recording("prod")
    made = {
        (group.inputs["name"], group.inputs["retentionInDays"], group.inputs["kmsKeyId"])
        for group in recorded.of_type(LOG_GROUP)
        if group.inputs["name"].startswith("/aws/rds/")
    }
    key = arn(recorded, KEY, "langpont-prod-keys-logs")
    assert made == {
        (f"/aws/rds/instance/{identifier}/{kind}", 90, key)
        for identifier in ("langpont-prod-db", "langpont-prod-replica-1", "langpont-prod-replica-2")
        for kind in ("postgresql", "upgrade")
    }


def parameters(recorded: Recording, role: str) -> dict[str, tuple[str, str]]:
    group = inputs(recorded, PARAMETERS, f"langpont-{recorded.stack}-db-{role}")
    assert group["family"] == "postgres16"
    return {row["name"]: (row["value"], row["applyMethod"]) for row in group["parameters"]}


NOW, LATER = "immediate", "pending-reboot"
PROD_PARAMETERS = {
    "autovacuum": ("1", NOW),
    "autovacuum_analyze_threshold": ("50", NOW),
    "autovacuum_max_workers": ("3", LATER),
    "autovacuum_vacuum_threshold": ("50", NOW),
    "checkpoint_completion_target": ("0.9", LATER),
    "checkpoint_timeout": ("600", NOW),
    "effective_cache_size": ("{DBInstanceClassMemory*3/32768}", NOW),
    "effective_io_concurrency": ("200", NOW),
    "idle_in_transaction_session_timeout": ("300000", NOW),
    "log_autovacuum_min_duration": ("10000", LATER),
    "log_checkpoints": ("1", LATER),
    "log_connections": ("1", NOW),
    "log_disconnections": ("1", NOW),
    "log_lock_waits": ("1", NOW),
    "log_min_duration_statement": ("1000", NOW),
    "log_min_messages": ("warning", NOW),
    "log_parameter_max_length": ("0", NOW),
    "log_statement": ("ddl", NOW),
    "log_temp_files": ("10240", NOW),
    "maintenance_work_mem": ("262144", NOW),
    "max_connections": ("300", LATER),
    "max_slot_wal_keep_size": ("10240", NOW),
    "password_encryption": ("scram-sha-256", LATER),
    "pg_stat_statements.track": ("ALL", NOW),
    "random_page_cost": ("1.1", NOW),
    "rds.accepted_password_auth_method": ("scram", NOW),
    "rds.force_ssl": ("1", LATER),
    "shared_buffers": ("{DBInstanceClassMemory/32768}", LATER),
    "shared_preload_libraries": ("pg_stat_statements", LATER),
    "wal_buffers": ("2048", LATER),
    "work_mem": ("16384", NOW),
}


def test_prods_primary_has_exactly_these_parameters() -> None:
    """E4: the template has 7 of 33. E7: its shared_buffers is 8 GiB. E26, E27: what the document forgets is here."""
    assert parameters(recording("prod"), "primary") == PROD_PARAMETERS


@pytest.mark.parametrize(("role", "feedback", "delay"), [("replica-1", "1", "30000"), ("replica-2", "0", "3600000")])
def test_a_replica_has_the_primarys_parameters_and_its_purposes(role: str, feedback: str, delay: str) -> None:
    by_purpose = {k: v for k, v in parameters(recording("prod"), role).items() if PROD_PARAMETERS.get(k) != v}
    assert {name: value for name, (value, _) in by_purpose.items()} == {
        "hot_standby_feedback": feedback,
        "max_standby_streaming_delay": delay,
    }
    assert set(parameters(recording("prod"), role)) == {*PROD_PARAMETERS, *by_purpose}


def test_dev_differs_in_the_parameters_of_its_size_alone() -> None:
    dev = parameters(recording("dev"), "primary")
    assert set(dev) == set(PROD_PARAMETERS)
    assert {name: dev[name][0] for name in dev if dev[name] != PROD_PARAMETERS[name]} == {
        "max_connections": "60",
        "work_mem": "4096",
        "maintenance_work_mem": "32768",
        "max_slot_wal_keep_size": "2048",
    }


def test_the_monitoring_role_may_do_what_rds_asks_and_dev_has_none() -> None:
    """E1: the template gets the ARN of a role that it never defines."""
    attachment = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
    recorded = recording("prod")
    assert inputs(recorded, attachment, "langpont-prod-db-monitoring-role-policy") == {
        "role": named(recorded, "aws:iam/role:Role", "db-monitoring-role"),
        "policyArn": "arn:aws:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole",
    }
    assert "langpont-dev-db-monitoring-role" not in names(recording("dev"), "aws:iam/role:Role")


def test_an_exact_minor_turns_automatic_minors_off() -> None:
    """E5: else RDS would upgrade, and the next update would try to go back."""
    recorded = record_with("prod", OTHER)
    primary = inputs(recorded, INSTANCE, "langpont-prod-db-primary")
    assert (primary["engineVersion"], primary["autoMinorVersionUpgrade"]) == ("16.14", False)
    for number in (1, 2):
        replica = inputs(recorded, INSTANCE, f"langpont-prod-db-replica-{number}")
        assert ("engineVersion" in replica, replica["autoMinorVersionUpgrade"]) == (False, False)


def test_advanced_insights_keep_their_465_days_on_the_primary_alone() -> None:
    recorded = record_with("prod", OTHER)
    kept = {
        instance.name.removeprefix("langpont-prod-db-"): (
            instance.inputs.get("databaseInsightsMode"),
            instance.inputs["performanceInsightsRetentionPeriod"],
        )
        for instance in recorded.of_type(INSTANCE)
    }
    assert kept == {"primary": ("advanced", 465), "replica-1": (None, 7), "replica-2": (None, 7)}


def test_a_large_volume_carries_its_provisioned_performance_on_every_instance() -> None:
    for instance in record_with("prod", OTHER).of_type(INSTANCE):
        assert (instance.inputs["iops"], instance.inputs["storageThroughput"]) == (14000, 600), instance.name


@pytest.mark.parametrize("count", [0, 15])
def test_there_are_as_many_replicas_as_the_stack_file_names(count: int) -> None:
    recorded = record_with("prod", {**replicas(count), "pooler": {"maxClientConn": 2000}})
    roles = sorted(["primary", *(f"replica-{number}" for number in range(1, count + 1))])
    assert names(recorded, INSTANCE) == [f"langpont-prod-db-{role}" for role in roles]
    assert names(recorded, PARAMETERS) == [f"langpont-prod-db-{role}" for role in roles]
    assert len([n for n in names(recorded, LOG_GROUP) if "-db-" in n]) == 2 * (count + 1)
    assert [replica["number"] for replica in recorded.outputs["replicas"]] == list(range(1, count + 1))
    primary = [i for i in recorded.identities() if "replica" not in i]
    # Only a primary with replicas asks whose WAL a slot keeps, and has something for that to hold back.
    of_slots = ("slot-lag", "wal-disk-high-alone")
    assert [i for i in recording("prod").identities() if "replica" not in i and not any(s in i for s in of_slots)] == [
        i for i in primary if not any(s in i for s in of_slots)
    ]


def test_a_replica_is_known_by_its_number_not_by_its_place_in_the_file() -> None:
    shuffled = [
        {"number": 7, "instanceClass": "db.t3.large", "zone": "ap-northeast-1d", "purpose": "analytics"},
        {"number": 1, "instanceClass": "db.t3.medium", "zone": "ap-northeast-1c"},
    ]
    recorded = record_with("prod", {"replicas": shuffled})
    assert [r.inputs["identifier"] for r in recorded.of_type(INSTANCE)] == [
        "langpont-prod-db", "langpont-prod-replica-1", "langpont-prod-replica-7",
    ]  # fmt: skip
    assert inputs(recorded, INSTANCE, "langpont-prod-db-replica-1") == inputs(
        recording("prod"), INSTANCE, "langpont-prod-db-replica-1"
    )
