"""Backups: AWS Backup's vault, plan and selection, and a copy of the automated backups in another region."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi
import pulumi_aws as aws

from blueprint import settings
from blueprint.aws import policies
from blueprint.aws.sleep import Sleep, vault_expressions
from blueprint.names import Naming, generation_suffix
from components.base import Component, document

ROLE_POLICIES = {
    "backup": "arn:aws:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForBackup",
    "restore": "arn:aws:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForRestores",
}
# A job that has not begun within an hour, or not ended within three, is reported as failed. Minutes.
START_WINDOW, COMPLETION_WINDOW = 60, 180
SELECTION_DAYS = 7  # a restore test takes the newest recovery point of so many; with a schedule some days have none
# The end of a job, however it ended: AWS Backup still knows BACKUP_JOB_FAILED and sends nothing for it ("Notification
# options with AWS Backup" lists what is supported). The topic's subscriptions leave successes out.
REPORTED, RESTORED, NOT_COPIED = "BACKUP_JOB_COMPLETED", "RESTORE_JOB_COMPLETED", "COPY_JOB_FAILED"


@dataclass(frozen=True, kw_only=True)
class BackupsArgs:
    """`primary_arns` by generation. `vault_key_arn`: None for AWS's own key.

    `encryption`: of the second region's key. `subnet_group_name` and `security_group_id`: of instances that a restore
    test makes; it needs both. `protected`: recovery points survive the stack. `sleep`: when the
    instances are stopped, whose backup fails then.
    """

    naming: Naming
    backups: settings.Backups = field(default_factory=settings.Backups)
    encryption: settings.Encryption = field(default_factory=settings.Encryption)
    protected: bool = True
    primary_arns: Mapping[int, pulumi.Input[str]]
    sleep: Sleep | None = None
    vault_key_arn: pulumi.Input[str] | None
    notifications_topic_arn: pulumi.Input[str]
    account_id: pulumi.Input[str]
    subnet_group_name: pulumi.Input[str] | None = None
    security_group_id: pulumi.Input[str] | None = None


class Backups(Component):
    """Daily and monthly recovery points of the primary, beside RDS's own automated backups."""

    vault_name: pulumi.Output[str]

    def __init__(self, name: str, args: BackupsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args.naming, opts)
        self._args = args
        protected, region = args.protected, args.backups.replicate_to_region
        vault = aws.backup.Vault(
            f"{name}-vault",
            kms_key_arn=args.vault_key_arn,
            force_destroy=not protected,
            tags=self.child_tags(f"{name}-vault"),
            opts=self.child_options(
                retain_on_delete=True if protected else None,
                # As for an instance: without a key of ours a vault keeps the one that it has.
                replacement_trigger=None if protected else args.encryption.keys,
            ),
        )
        self.vault_name = vault.name
        aws.backup.VaultNotifications(
            f"{name}-notifications",
            backup_vault_name=vault.name,
            backup_vault_events=[
                REPORTED,
                *([RESTORED] if args.backups.restore_testing else []),
                *([NOT_COPIED] if args.backups.copy_to_vault_arn else []),
            ],
            sns_topic_arn=args.notifications_topic_arn,
            # A vault has one such setting: deleting the old one last would end the new one.
            opts=self.child_options(delete_before_replace=True),
        )
        if args.backups.vault_lock is not None:
            aws.backup.VaultLockConfiguration(
                f"{name}-vault-lock",
                backup_vault_name=vault.name,
                # Without changeable_for_days: governance mode. Compliance mode could be undone by nobody, AWS included.
                min_retention_days=args.backups.vault_lock.min_retention_days,
                max_retention_days=args.backups.vault_lock.max_retention_days,
                # A vault has one lock: deleting the old one last would take off the new one.
                opts=self.child_options(delete_before_replace=True),
            )
        role, attachments = self._role()
        self._selection(self._plan(vault), role, attachments)
        if args.backups.restore_testing is not None:
            self._restore_testing(args.backups.restore_testing, vault, role, attachments)
        if region is not None:
            self._second_region(region)
        self.register_outputs({"vaultName": self.vault_name})

    def _plan(self, vault: aws.backup.Vault) -> aws.backup.Plan:
        backups = self._args.backups
        daily, monthly = vault_expressions(backups.vault_time, self._args.sleep)
        rules = (
            ("daily", daily, backups.daily_retention_days),
            ("monthly", monthly, backups.monthly_retention_days),
        )
        return aws.backup.Plan(
            f"{self._name}-plan",
            name=f"{self._naming.prefix}-database",
            rules=[
                aws.backup.PlanRuleArgs(
                    rule_name=rule,
                    target_vault_name=vault.name,
                    schedule=schedule,
                    start_window=START_WINDOW,
                    completion_window=COMPLETION_WINDOW,
                    # Continuous backup takes RDS's backup window and retention over, and the next update fights it.
                    enable_continuous_backup=False,
                    # RDS recovery points have no cold storage.
                    lifecycle=aws.backup.PlanRuleLifecycleArgs(delete_after=days),
                    copy_actions=self._copies(days),
                )
                for rule, schedule, days in rules
            ],
            tags=self.child_tags(f"{self._name}-plan"),
            opts=self.child_options(),
        )

    def _copies(self, days: int) -> list[aws.backup.PlanRuleCopyActionArgs] | None:
        arn = self._args.backups.copy_to_vault_arn
        if arn is None:
            return None
        kept = aws.backup.PlanRuleCopyActionLifecycleArgs(delete_after=days)
        return [aws.backup.PlanRuleCopyActionArgs(destination_vault_arn=arn, lifecycle=kept)]

    def _restore_testing(
        self,
        testing: settings.RestoreTesting,
        vault: aws.backup.Vault,
        role: aws.iam.Role,
        attachments: Sequence[pulumi.Resource],
    ) -> None:
        """The newest recovery point of each primary, restored in the database's own subnets, and deleted again."""
        args = self._args
        if args.subnet_group_name is None or args.security_group_id is None:
            raise ValueError("backups.restoreTesting needs BackupsArgs.subnet_group_name and security_group_id.")
        hour, minute = divmod(testing.time.minute, 60)
        name = self._naming.prefix.replace("-", "_")  # letters, digits and underscores are all that it takes
        plan = aws.backup.RestoreTestingPlan(
            f"{self._name}-restore-testing",
            name=f"{name}_database",
            schedule_expression=f"cron({minute} {hour} {'? * SUN' if testing.every == 'week' else '1 * ?'} *)",
            schedule_expression_timezone="Etc/UTC",
            start_window_hours=1,
            recovery_point_selection=aws.backup.RestoreTestingPlanRecoveryPointSelectionArgs(
                algorithm="LATEST_WITHIN_WINDOW",
                include_vaults=[vault.arn],
                recovery_point_types=["SNAPSHOT"],
                selection_window_days=min(args.backups.daily_retention_days, SELECTION_DAYS),
            ),
            tags=self.child_tags(f"{self._name}-restore-testing"),
            opts=self.child_options(),
        )
        aws.backup.RestoreTestingSelection(
            f"{self._name}-restore-testing-primary",
            name="primary",
            restore_testing_plan_name=plan.name,
            iam_role_arn=role.arn,
            protected_resource_type="RDS",
            protected_resource_arns=[*args.primary_arns.values()],
            # AWS Backup developer guide, "Restore testing inferred metadata", of RDS instances: left to itself it takes
            # the default VPC, no deletion protection, one zone and no public address. Keys as there; a list is JSON.
            restore_metadata_overrides={
                "dbSubnetGroupName": args.subnet_group_name,
                "vpcSecurityGroupIds": pulumi.Output.json_dumps([args.security_group_id]),
            },
            validation_window_hours=testing.validation_hours,
            opts=self.child_options(depends_on=attachments),
        )

    def _role(self) -> tuple[aws.iam.Role, list[aws.iam.RolePolicyAttachment]]:
        role = aws.iam.Role(
            f"{self._name}-role",
            assume_role_policy=document(
                lambda account: policies.trust("backup.amazonaws.com", account), self._args.account_id
            ),
            tags=self.child_tags(f"{self._name}-role"),
            opts=self.child_options(),
        )
        attachments = [
            aws.iam.RolePolicyAttachment(
                f"{self._name}-role-{what}", role=role.name, policy_arn=arn, opts=self.child_options()
            )
            for what, arn in ROLE_POLICIES.items()
        ]
        return role, attachments

    def _selection(self, plan: aws.backup.Plan, role: aws.iam.Role, attachments: Sequence[pulumi.Resource]) -> None:
        for generation, arn in self._args.primary_arns.items():
            suffix = generation_suffix(generation)
            aws.backup.Selection(
                f"{self._name}-primary{suffix}",
                name=f"primary{suffix}",
                plan_id=plan.id,
                iam_role_arn=role.arn,
                # By ARN: a tag would add the replicas, which carry the same ones.
                resources=[arn],
                # AWS Backup tries the role when it is given one.
                opts=self.child_options(depends_on=attachments),
            )

    def _second_region(self, region: str) -> None:
        """The automated backups, minutes behind, where the loss of this region does not reach."""
        protected = self._args.protected
        label = f"{self._name}-{region}-key"
        key = aws.kms.Key(
            label,
            region=region,
            description=self.described("replicated automated backups"),
            policy=document(policies.key_policy, self._args.account_id),
            enable_key_rotation=True,
            deletion_window_in_days=self._args.encryption.deletion_window_days,
            tags=self.child_tags(f"{self._naming.prefix}-replicated-backup"),
            opts=self.child_options(protect=protected, retain_on_delete=True if protected else None),
        )
        aws.kms.Alias(
            f"{label}-alias",
            region=region,
            name=self._naming.key_alias("replicated-backup"),
            target_key_id=key.key_id,
            opts=self.child_options(),
        )
        for generation, arn in self._args.primary_arns.items():
            aws.rds.InstanceAutomatedBackupsReplication(
                f"{self._name}-{region}{generation_suffix(generation)}",
                region=region,
                source_db_instance_arn=arn,
                kms_key_id=key.arn,
                retention_period=self._args.backups.retention_days,
                # An instance has one copy in a region: a second one is refused. What was copied stays there.
                opts=self.child_options(delete_before_replace=True),
            )
