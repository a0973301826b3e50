"""DatabaseCluster: subnet group, parameter groups, log groups, monitoring role, the primary and its replicas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws
import pulumi_random as random

from blueprint.aws import policies
from blueprint.names import generation_suffix
from blueprint.platform import Instance, Platform
from components.base import Component, document

LOG_KINDS = ("postgresql", "upgrade")
MONITORING_POLICY = "arn:aws:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole"
# Database Insights: standard keeps 7 days, advanced asks for 465 (RDS API reference, ModifyDBInstance).
INSIGHTS_DAYS: Mapping[str, int] = {"standard": 7, "advanced": 465}
# A restore of a terabyte, or a Multi-AZ change of class, outlasts the provider's 40 minutes.
TIMEOUTS = pulumi.CustomTimeouts(create="3h", update="3h", delete="2h")
# What only decided how a restored instance began. The backup decides its version and key, and none of these may
# replace the instance later.
BEGINNING = ["snapshot_identifier", "restore_to_point_in_time", "engine_version", "storage_encrypted", "kms_key_id"]


@dataclass(frozen=True, kw_only=True)
class DatabaseClusterArgs:
    """Key ARNs are None under AWS-managed keys. `master_password` is a secret output."""

    platform: Platform
    subnet_ids: Sequence[pulumi.Input[str]]
    security_group_id: pulumi.Input[str]
    master_password: pulumi.Input[str]
    storage_key_arn: pulumi.Input[str] | None
    insights_key_arn: pulumi.Input[str] | None
    logs_key_arn: pulumi.Input[str] | None
    account_id: pulumi.Input[str]


@dataclass(frozen=True, kw_only=True)
class DatabaseInstance:
    """One instance of the current generation. `log_group_name` is its PostgreSQL log in CloudWatch."""

    plan: Instance
    identifier: pulumi.Output[str]
    address: pulumi.Output[str]
    arn: pulumi.Output[str]
    resource_id: pulumi.Output[str]
    parameter_group_name: pulumi.Output[str]
    log_group_name: pulumi.Output[str]


class DatabaseCluster(Component):
    """The current generation's `instances` by role; with `keepPrevious`, the one before stands beside them.

    `primary_arns`: the primaries that stand, by generation; backups follow each of them. `standing_identifiers`: all
    instances that stand, of both generations; somebody hears of the events of each.
    """

    instances: Mapping[str, DatabaseInstance]
    primary_arns: dict[int, pulumi.Output[str]]
    standing_identifiers: list[pulumi.Output[str]]

    def __init__(self, name: str, args: DatabaseClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args.platform.settings.environment, opts)
        self._name = name
        self._args = args
        self._subnet_group = aws.rds.SubnetGroup(
            f"{name}-subnets",
            description=f"LangPont {args.platform.settings.environment}: isolated database subnets",
            subnet_ids=args.subnet_ids,
            tags=self.child_tags(f"{name}-subnets"),
            opts=self.child_options(),
        )
        self._monitoring_role, self._before_instances = self._enhanced_monitoring()
        self._groups = {plan.role: self._parameter_group(plan) for plan in args.platform.instances}
        database = args.platform.settings.database
        source: pulumi.Input[str] = args.platform.names.primary(database.generation - 1)
        self.primary_arns = {}
        self.standing_identifiers = []
        if database.generation > 1 and database.keep_previous:
            previous = self._generation(database.generation - 1, {})["primary"]
            source = previous.identifier
            self.primary_arns[database.generation - 1] = previous.arn
        self.instances = self._generation(database.generation, self._restore(source))
        self.primary_arns[database.generation] = self.primary.arn
        self.register_outputs({"address": self.primary.address, "identifier": self.primary.identifier})

    @property
    def primary(self) -> DatabaseInstance:
        """The current primary."""
        return self.instances["primary"]

    def _restore(self, source: pulumi.Input[str]) -> dict[str, Any]:
        origin = self._args.platform.settings.database.restore_from
        if origin is None:
            return {}
        if origin.snapshot is not None:
            return {"snapshot_identifier": origin.snapshot}
        return {
            "restore_to_point_in_time": aws.rds.InstanceRestoreToPointInTimeArgs(
                source_db_instance_identifier=source, restore_time=origin.time
            )
        }

    def _generation(self, generation: int, restore: Mapping[str, Any]) -> dict[str, DatabaseInstance]:
        primary = self._primary(generation, restore)
        replicas = {plan.role: self._replica(plan, generation, primary) for plan in self._args.platform.replicas}
        instances = {"primary": primary, **replicas}
        self.standing_identifiers += [instance.identifier for instance in instances.values()]
        return instances

    def _primary(self, generation: int, restore: Mapping[str, Any]) -> DatabaseInstance:
        platform = self._args.platform
        settings = platform.settings
        database, backups = settings.database, settings.backups
        identifier = platform.names.primary(generation)
        label = f"{self._name}-primary{generation_suffix(generation)}"
        if generation == 1:
            beginning: dict[str, Any] = {
                "db_name": database.name,
                "username": database.master_username,
                "allocated_storage": database.allocated_storage_gib,
            }
        else:
            # Name, user and size come from the backup; a smaller size than its own would be refused.
            beginning = dict(restore)
        if settings.protected:
            # The suffix: a snapshot's name serves once, also when the same identifier is deleted a second time.
            suffix = random.RandomId(f"{label}-final-snapshot", byte_length=4, opts=self.child_options())
            beginning["final_snapshot_identifier"] = suffix.hex.apply(
                lambda text: platform.names.final_snapshot(generation, text)
            )
        return self._instance(
            platform.primary,
            identifier,
            label,
            ignore_changes=BEGINNING if generation > 1 else None,
            **beginning,
            engine="postgres",
            engine_version=str(database.engine_version),
            engine_lifecycle_support="open-source-rds-extended-support-disabled",
            password=self._args.master_password,
            port=database.port,
            multi_az=database.multi_az,
            db_subnet_group_name=self._subnet_group.name,
            kms_key_id=self._args.storage_key_arn,
            backup_retention_period=backups.retention_days,
            backup_window=str(backups.window),
            delete_automated_backups=not settings.protected,
            skip_final_snapshot=not settings.protected,
            database_insights_mode=settings.monitoring.database_insights,
            performance_insights_retention_period=INSIGHTS_DAYS[settings.monitoring.database_insights],
        )

    def _replica(self, plan: Instance, generation: int, primary: DatabaseInstance) -> DatabaseInstance:
        assert plan.number is not None
        return self._instance(
            plan,
            self._args.platform.names.replica(plan.number, generation),
            f"{self._name}-{plan.role}{generation_suffix(generation)}",
            # By identifier and without a subnet group: RDS takes neither an ARN nor a group within one region.
            # User, password, version, backup window and key are the primary's; RDS refuses or ignores them here.
            replicate_source_db=primary.identifier,
            availability_zone=plan.zone,
            multi_az=False,
            # RDS refuses a mode when it makes a replica, which leaves it at standard.
            performance_insights_retention_period=INSIGHTS_DAYS["standard"],
            # A replica is made again from its primary; RDS refuses a final snapshot of one.
            skip_final_snapshot=True,
        )

    def _instance(
        self, plan: Instance, identifier: str, label: str, *, ignore_changes: list[str] | None = None, **own: Any
    ) -> DatabaseInstance:
        settings = self._args.platform.settings
        database, monitoring = settings.database, settings.monitoring
        log_groups = [self._log_group(label, identifier, kind) for kind in LOG_KINDS]
        instance = aws.rds.Instance(
            label,
            identifier=identifier,
            instance_class=plan.instance_class.name,
            parameter_group_name=self._groups[plan.role].name,
            vpc_security_group_ids=[self._args.security_group_id],
            publicly_accessible=False,
            storage_type="gp3",
            # Stated on replicas too: left out, the next update would replace them (S97).
            storage_encrypted=True,
            max_allocated_storage=database.max_allocated_storage_gib,
            iops=database.iops,
            storage_throughput=database.storage_throughput_mibps,
            auto_minor_version_upgrade=database.engine_version.automatic_minor_upgrades,
            allow_major_version_upgrade=False,
            apply_immediately=database.apply_immediately,
            maintenance_window=str(database.maintenance_window),
            ca_cert_identifier=database.ca_certificate,
            iam_database_authentication_enabled=True,
            copy_tags_to_snapshot=True,
            deletion_protection=settings.protected,
            enabled_cloudwatch_logs_exports=list(LOG_KINDS),
            monitoring_interval=monitoring.enhanced_monitoring_seconds,
            monitoring_role_arn=self._monitoring_role,
            performance_insights_enabled=True,
            performance_insights_kms_key_id=self._args.insights_key_arn,
            tags=self.child_tags(identifier),
            **own,
            opts=self.child_options(
                protect=settings.protected,
                # A fixed name cannot exist twice: a disposable instance goes before its successor comes.
                delete_before_replace=None if settings.protected else True,
                ignore_changes=ignore_changes,
                # RDS would create the log groups itself, to be kept for ever and without our key. The role's ARN does
                # not say that its policy is attached.
                depends_on=[*log_groups, *self._before_instances],
                custom_timeouts=TIMEOUTS,
            ),
        )
        return DatabaseInstance(
            plan=plan,
            identifier=instance.identifier,
            address=instance.address,
            arn=instance.arn,
            resource_id=instance.resource_id,
            parameter_group_name=self._groups[plan.role].name,
            log_group_name=log_groups[LOG_KINDS.index("postgresql")].name,
        )

    def _log_group(self, label: str, identifier: str, kind: str) -> aws.cloudwatch.LogGroup:
        name = self._args.platform.names.log_group(identifier, kind)
        return aws.cloudwatch.LogGroup(
            f"{label}-{kind}-log",
            name=name,
            retention_in_days=self._args.platform.settings.monitoring.log_retention_days,
            kms_key_id=self._args.logs_key_arn,
            tags=self.child_tags(name),
            opts=self.child_options(),
        )

    def _parameter_group(self, plan: Instance) -> aws.rds.ParameterGroup:
        settings = self._args.platform.settings
        label = f"{self._name}-{plan.role}"
        # No fixed name: another family needs another group beside the one in use.
        return aws.rds.ParameterGroup(
            label,
            family=settings.database.engine_version.family,
            description=f"LangPont {settings.environment}: {plan.role}",
            parameters=[
                aws.rds.ParameterGroupParameterArgs(name=p.name, value=p.value, apply_method=p.apply_method)
                for p in plan.parameters
            ],
            tags=self.child_tags(label),
            opts=self.child_options(),
        )

    def _enhanced_monitoring(self) -> tuple[pulumi.Output[str] | None, list[pulumi.Resource]]:
        """ARN of the role that RDS writes its operating-system metrics with, and what must exist before instances."""
        if self._args.platform.settings.monitoring.enhanced_monitoring_seconds == 0:
            return None, []  # RDS refuses a role without an interval
        label = f"{self._name}-monitoring-role"
        role = aws.iam.Role(
            label,
            assume_role_policy=document(
                lambda account: policies.trust("monitoring.rds.amazonaws.com", account), self._args.account_id
            ),
            tags=self.child_tags(label),
            opts=self.child_options(),
        )
        attachment = aws.iam.RolePolicyAttachment(
            f"{label}-policy", role=role.name, policy_arn=MONITORING_POLICY, opts=self.child_options()
        )
        return role.arn, [attachment]
