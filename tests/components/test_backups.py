"""Backups: the vault's plan, what it selects, who hears of failures, and the copy in another region."""

from __future__ import annotations

import json

import pytest

from policy.evaluate import evaluate_stack
from tests.components import OTHER
from tests.recordings import ACCOUNT, answer, arn, inputs, names, record_with, recording

PLAN = "aws:backup/plan:Plan"
SELECTION = "aws:backup/selection:Selection"
VAULT = "aws:backup/vault:Vault"
NOTIFICATIONS = "aws:backup/vaultNotifications:VaultNotifications"
KEY = "aws:kms/key:Key"
REPLICATION = "aws:rds/instanceAutomatedBackupsReplication:InstanceAutomatedBackupsReplication"


def tags(environment: str, name: str) -> dict[str, str]:
    return {"Name": name, "Environment": environment, "Project": "LangPont", "ManagedBy": "Pulumi"}


@pytest.mark.parametrize(("stack", "daily", "monthly"), [("dev", 1, 31), ("staging", 7, 31), ("prod", 30, 365)])
def test_the_plan_backs_up_daily_and_monthly_into_the_vault(stack: str, daily: int, monthly: int) -> None:
    """E40: nothing schedules the document's manual snapshots."""
    recorded = recording(stack)
    vault = answer(recorded, VAULT, f"langpont-{stack}-backups-vault")[1]["name"]
    assert inputs(recorded, PLAN, f"langpont-{stack}-backups-plan") == {
        "name": f"langpont-{stack}-database",
        "rules": [
            {
                "ruleName": rule,
                "targetVaultName": vault,
                "schedule": schedule,
                "startWindow": 60,
                "completionWindow": 180,
                "enableContinuousBackup": False,
                "lifecycle": {"deleteAfter": days},
            }
            for rule, schedule, days in (
                ("daily", "cron(30 20 * * ? *)", daily),
                ("monthly", "cron(30 20 1 * ? *)", monthly),
            )
        ],
        "tags": tags(stack, f"langpont-{stack}-backups-plan"),
    }


def test_the_primary_is_selected_by_its_arn_so_that_no_replica_is() -> None:
    recorded = recording("prod")
    assert inputs(recorded, SELECTION, "langpont-prod-backups-primary") == {
        "name": "primary",
        "planId": answer(recorded, PLAN, "langpont-prod-backups-plan")[0],
        "iamRoleArn": arn(recorded, "aws:iam/role:Role", "langpont-prod-backups-role"),
        "resources": [f"arn:aws:rds:ap-northeast-1:{ACCOUNT}:db:langpont-prod-db"],
    }


def test_the_role_may_back_up_and_restore() -> None:
    attachment = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
    recorded = recording("prod")
    prefix = "arn:aws:iam::aws:policy/service-role/AWSBackupServiceRolePolicyFor"
    for what, policy in (("backup", "Backup"), ("restore", "Restores")):
        attached = inputs(recorded, attachment, f"langpont-prod-backups-role-{what}")
        assert attached["policyArn"] == f"{prefix}{policy}"


def test_the_vault_is_encrypted_under_its_own_key() -> None:
    recorded = recording("prod")
    assert inputs(recorded, VAULT, "langpont-prod-backups-vault") == {
        "kmsKeyArn": arn(recorded, KEY, "langpont-prod-keys-backup"),
        "forceDestroy": False,
        "tags": tags("prod", "langpont-prod-backups-vault"),
    }
    assert inputs(recording("dev"), VAULT, "langpont-dev-backups-vault") == {
        "forceDestroy": True,
        "tags": tags("dev", "langpont-dev-backups-vault"),
    }


# PutBackupVaultNotifications: "Deprecated events do not return statuses or notifications"; these are the others.
STILL_SENT = {
    "BACKUP_JOB_STARTED", "BACKUP_JOB_COMPLETED", "COPY_JOB_STARTED", "COPY_JOB_SUCCESSFUL", "COPY_JOB_FAILED",
    "RESTORE_JOB_STARTED", "RESTORE_JOB_COMPLETED", "RECOVERY_POINT_MODIFIED", "S3_BACKUP_OBJECT_FAILED",
    "S3_RESTORE_OBJECT_FAILED",
}  # fmt: skip


@pytest.mark.parametrize("stack", ["dev", "staging", "prod"])
def test_the_vault_asks_for_events_that_aws_backup_still_sends(stack: str) -> None:
    """A failed backup arrives as BACKUP_JOB_COMPLETED with another state; BACKUP_JOB_FAILED is no longer sent."""
    recorded = recording(stack)
    asked = inputs(recorded, NOTIFICATIONS, f"langpont-{stack}-backups-notifications")
    assert asked["snsTopicArn"] == arn(recorded, "aws:sns/topic:Topic", f"langpont-{stack}-monitoring-backups")
    assert asked["backupVaultEvents"] == ["BACKUP_JOB_COMPLETED"]
    assert set(asked["backupVaultEvents"]) <= STILL_SENT


def test_a_restore_test_and_a_copy_that_fail_are_told_where_they_are_made() -> None:
    recorded = record_with("prod", {"backups": {"restoreTesting": {}, "copyToVaultArn": COPIES}})
    asked = inputs(recorded, NOTIFICATIONS, "langpont-prod-backups-notifications")["backupVaultEvents"]
    assert asked == ["BACKUP_JOB_COMPLETED", "RESTORE_JOB_COMPLETED", "COPY_JOB_FAILED"]
    assert set(asked) <= STILL_SENT


def test_prods_automated_backups_are_replicated_under_a_key_of_the_other_region() -> None:
    """E38: point-in-time restore needs the region that it lies in; this one lies in another."""
    recorded = recording("prod")
    key = f"arn:aws:kms:ap-northeast-3:{ACCOUNT}:key/"
    replication = inputs(recorded, REPLICATION, "langpont-prod-backups-ap-northeast-3")
    assert replication.pop("kmsKeyId").startswith(key)
    assert replication == {
        "region": "ap-northeast-3",
        "sourceDbInstanceArn": f"arn:aws:rds:ap-northeast-1:{ACCOUNT}:db:langpont-prod-db",
        "retentionPeriod": 7,
    }
    made = inputs(recorded, KEY, "langpont-prod-backups-ap-northeast-3-key")
    assert json.loads(made.pop("policy")) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "AccountRoot",
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
                "Action": "kms:*",
                "Resource": "*",
            }
        ],
    }
    assert made == {
        "region": "ap-northeast-3",
        "description": "langpont-prod: replicated automated backups",
        "enableKeyRotation": True,
        "deletionWindowInDays": 30,
        "tags": tags("prod", "langpont-prod-replicated-backup"),
    }
    alias = inputs(recorded, "aws:kms/alias:Alias", "langpont-prod-backups-ap-northeast-3-key-alias")
    assert (alias["region"], alias["name"]) == ("ap-northeast-3", "alias/langpont-prod-replicated-backup")


def test_without_a_second_region_nothing_of_it_is_made() -> None:
    recorded = record_with("prod", {"backups": {"replicateToRegion": None}})
    gone = set(recording("prod").identities()) - set(recorded.identities())
    assert gone == {
        f"{REPLICATION} langpont-prod-backups-ap-northeast-3",
        f"{KEY} langpont-prod-backups-ap-northeast-3-key",
        "aws:kms/alias:Alias langpont-prod-backups-ap-northeast-3-key-alias",
    }
    assert names(recording("dev"), REPLICATION) == names(recording("staging"), REPLICATION) == []


def test_the_schedule_is_the_vaults_time() -> None:
    recorded = record_with("prod", OTHER)
    rules = inputs(recorded, PLAN, "langpont-prod-backups-plan")["rules"]
    assert [rule["schedule"] for rule in rules] == ["cron(5 9 * * ? *)", "cron(5 9 1 * ? *)"]


# Proof and protection, all of it off unless a stack file asks for it

LOCK = "aws:backup/vaultLockConfiguration:VaultLockConfiguration"
TESTING = "aws:backup/restoreTestingPlan:RestoreTestingPlan"
TESTED = "aws:backup/restoreTestingSelection:RestoreTestingSelection"
STRANGER = "210987654321"
COPIES = f"arn:aws:backup:ap-northeast-1:{STRANGER}:backup-vault:copies"


@pytest.mark.parametrize("stack", ["dev", "staging", "prod"])
def test_nothing_is_tested_locked_or_copied_unless_a_stack_file_says_so(stack: str) -> None:
    recorded = recording(stack)
    assert [names(recorded, type_) for type_ in (LOCK, TESTING, TESTED)] == [[], [], []]
    rules = inputs(recorded, PLAN, f"langpont-{stack}-backups-plan")["rules"]
    assert [rule for rule in rules if "copyActions" in rule] == []


@pytest.mark.parametrize(("every", "schedule"), [("month", "cron(30 0 1 * ? *)"), ("week", "cron(30 0 ? * SUN *)")])
def test_a_restore_test_takes_the_newest_point_into_the_database_s_own_network(every: str, schedule: str) -> None:
    recorded = record_with("prod", {"backups": {"restoreTesting": {"every": every, "validationHours": 3}}})
    assert inputs(recorded, TESTING, "langpont-prod-backups-restore-testing") == {
        "name": "langpont_prod_database",
        "scheduleExpression": schedule,
        "scheduleExpressionTimezone": "Etc/UTC",
        "startWindowHours": 1,
        "recoveryPointSelection": {
            "algorithm": "LATEST_WITHIN_WINDOW",
            "includeVaults": [arn(recorded, VAULT, "langpont-prod-backups-vault")],
            "recoveryPointTypes": ["SNAPSHOT"],
            "selectionWindowDays": 7,
        },
        "tags": tags("prod", "langpont-prod-backups-restore-testing"),
    }
    subnets = answer(recorded, "aws:rds/subnetGroup:SubnetGroup", "langpont-prod-db-subnets")[1]["name"]
    group = answer(recorded, "aws:ec2/securityGroup:SecurityGroup", "langpont-prod-security-groups-database")[0]
    assert inputs(recorded, TESTED, "langpont-prod-backups-restore-testing-primary") == {
        "name": "primary",
        "restoreTestingPlanName": "langpont_prod_database",
        "iamRoleArn": arn(recorded, "aws:iam/role:Role", "langpont-prod-backups-role"),
        "protectedResourceType": "RDS",
        "protectedResourceArns": [f"arn:aws:rds:ap-northeast-1:{ACCOUNT}:db:langpont-prod-db"],
        "restoreMetadataOverrides": {"dbSubnetGroupName": subnets, "vpcSecurityGroupIds": json.dumps([group])},
        "validationWindowHours": 3,
    }


def test_a_test_looks_no_further_back_than_recovery_points_are_kept() -> None:
    recorded = record_with("dev", {"backups": {"restoreTesting": {}}})
    selection = inputs(recorded, TESTING, "langpont-dev-backups-restore-testing")["recoveryPointSelection"]
    assert selection["selectionWindowDays"] == 1


def test_a_lock_is_in_governance_mode_and_the_old_one_goes_first() -> None:
    recorded = record_with("prod", {"backups": {"vaultLock": {"minRetentionDays": 7, "maxRetentionDays": 400}}})
    assert inputs(recorded, LOCK, "langpont-prod-backups-vault-lock") == {
        "backupVaultName": answer(recorded, VAULT, "langpont-prod-backups-vault")[1]["name"],
        "minRetentionDays": 7,
        "maxRetentionDays": 400,
    }, "with changeableForDays nobody could ever take it off"


def test_each_recovery_point_is_copied_and_kept_as_long() -> None:
    recorded = record_with("prod", {"backups": {"copyToVaultArn": COPIES}})
    rules = inputs(recorded, PLAN, "langpont-prod-backups-plan")["rules"]
    assert [rule["copyActions"] for rule in rules] == [
        [{"destinationVaultArn": COPIES, "lifecycle": {"deleteAfter": days}}] for days in (30, 365)
    ]


@pytest.mark.parametrize(
    ("account", "sids"), [(STRANGER, ["AccountRoot", "Copy", "CopyGrants"]), (ACCOUNT, ["AccountRoot"])]
)
def test_the_storage_key_lets_the_other_account_copy_and_nobody_where_copies_stay_in_this_one(
    account: str, sids: list[str]
) -> None:
    arn_ = f"arn:aws:backup:ap-northeast-3:{account}:backup-vault:copies"
    recorded = record_with("prod", {"backups": {"copyToVaultArn": arn_}})
    statements = json.loads(inputs(recorded, KEY, "langpont-prod-keys-storage")["policy"])["Statement"]
    assert [statement["Sid"] for statement in statements] == sids
    assert [it["Principal"] for it in statements[1:]] == [{"AWS": f"arn:aws:iam::{account}:root"}] * (len(sids) - 1)


def test_the_policy_pack_takes_all_three_together() -> None:
    asked = {
        "restoreTesting": {},
        "copyToVaultArn": COPIES,
        "vaultLock": {"minRetentionDays": 7, "maxRetentionDays": 400},
    }
    before, after = (evaluate_stack(each) for each in (recording("prod"), record_with("prod", {"backups": asked})))
    assert [it.message for it in after] == [it.message for it in before]
