"""AWS Backup: vaults, plans and what they back up."""

from __future__ import annotations

from resource_types.model import Bill, Call, PhysicalName, Reply, ResourceType

TYPES = (
    ResourceType(
        "aws:backup/vault:Vault",
        tagged=True,
        bill=Bill.FREE,
        create=Call("backup.create_backup_vault", takes={"kmsKeyArn": "EncryptionKeyArn", "tags": "BackupVaultTags"}),
        id="{name}",
        outputs={"name": "{name}", "arn": "arn:aws:backup:{region}:{account}:backup-vault:{name}"},
        named=PhysicalName("BackupVaultName"),
        own={"forceDestroy": "whether deletion empties the vault first, which the provider does itself"},
    ),
    ResourceType(
        "aws:backup/plan:Plan",
        tagged=True,
        bill=Bill.FREE,
        create=Call(
            "backup.create_backup_plan",
            takes={
                "rules": "BackupPlan.Rules",
                "rules.targetVaultName": "TargetBackupVaultName",
                "rules.schedule": "ScheduleExpression",
                "rules.startWindow": "StartWindowMinutes",
                "rules.completionWindow": "CompletionWindowMinutes",
                "rules.lifecycle.deleteAfter": "DeleteAfterDays",
                "rules.copyActions.destinationVaultArn": "DestinationBackupVaultArn",
                "rules.copyActions.lifecycle.deleteAfter": "DeleteAfterDays",
                "tags": "BackupPlanTags",
            },
        ),
        id=Reply("BackupPlanId", "{hex:.6}"),
        outputs={"arn": "arn:aws:backup:{region}:{account}:backup-plan:{id}", "name": "{name}"},
        named=PhysicalName("BackupPlan.BackupPlanName"),
    ),
    ResourceType(
        "aws:backup/selection:Selection",
        bill=Bill.FREE,
        create=Call(
            "backup.create_backup_selection",
            takes={
                "planId": "BackupPlanId",
                "iamRoleArn": "BackupSelection.IamRoleArn",
                "resources": "BackupSelection.Resources",
            },
        ),
        id="{planId}|{name}",
        named=PhysicalName("BackupSelection.SelectionName"),
        not_in_moto="moto has no backup selections",
    ),
    ResourceType(
        "aws:backup/vaultLockConfiguration:VaultLockConfiguration",
        bill=Bill.FREE,
        create=Call("backup.put_backup_vault_lock_configuration"),
        id="{backupVaultName}",
    ),
    ResourceType(
        "aws:backup/restoreTestingPlan:RestoreTestingPlan",
        tagged=True,
        bill=Bill.STANDING,
        create=Call(
            "backup.create_restore_testing_plan",
            takes={
                "recoveryPointSelection": "RestoreTestingPlan.RecoveryPointSelection",
                "scheduleExpression": "RestoreTestingPlan.ScheduleExpression",
                "scheduleExpressionTimezone": "RestoreTestingPlan.ScheduleExpressionTimezone",
                "startWindowHours": "RestoreTestingPlan.StartWindowHours",
            },
        ),
        id="{name}",
        outputs={"name": "{name}"},
        named=PhysicalName("RestoreTestingPlan.RestoreTestingPlanName"),
        not_in_moto="moto has no restore testing",
    ),
    ResourceType(
        "aws:backup/restoreTestingSelection:RestoreTestingSelection",
        bill=Bill.FREE,
        create=Call(
            "backup.create_restore_testing_selection",
            takes={
                "iamRoleArn": "RestoreTestingSelection.IamRoleArn",
                "protectedResourceType": "RestoreTestingSelection.ProtectedResourceType",
                "protectedResourceArns": "RestoreTestingSelection.ProtectedResourceArns",
                "restoreMetadataOverrides": "RestoreTestingSelection.RestoreMetadataOverrides",
                "validationWindowHours": "RestoreTestingSelection.ValidationWindowHours",
            },
        ),
        id="{name}:{restoreTestingPlanName}",
        named=PhysicalName("RestoreTestingSelection.RestoreTestingSelectionName"),
        not_in_moto="moto has no restore testing",
    ),
    ResourceType(
        "aws:backup/vaultNotifications:VaultNotifications",
        bill=Bill.FREE,
        create=Call("backup.put_backup_vault_notifications"),
        id="{backupVaultName}",
        not_in_moto="moto has no notifications of backup vaults",
    ),
)
