"""DatabaseCluster: subnet group, parameter groups, log groups, monitoring role, the primary and its replicas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pulumi_aws as aws
import pulumi_random as random

from blueprint.aws import policies
from blueprint.instances import Instance
from blueprint.names import Naming, generation_suffix
from blueprint.settings import Backups, Database, Monitoring
from components.base import Component, document
from components.ids import DatabaseInstance

LOG_KINDS = ("postgresql", "upgrade")
MONITORING_POLICY = "arn:aws:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole"
# Database Insights: standard keeps 7 days, advanced asks for 465 (RDS API reference, ModifyDBInstance).
INSIGHTS_DAYS: Mapping[str, int] = {"standard": 7, "advanced": 465}
# A restore of a terabyte, or a Multi-AZ change of class, outlasts the provider's 40 minutes.
TIMEOUTS = pulumi.CustomTimeouts(create="3h", update="3h", delete="2h")
# Inputs that matter at a restore only: the backup decides version and key, and none of them may replace the instance
# later.
BEGINNING = ["snapshot_identifier", "restore_to_point_in_time", "engine_version", "storage_encrypted", "kms_key_id"]


@dataclass(frozen=True, kw_only=True)
class InstanceKeys:
    """ARNs of customer-managed KMS keys; None: the key that AWS manages, and CloudWatch's own encryption of logs."""

    storage: pulumi.Input[str] | None = None
    insights: pulumi.Input[str] | None = None
    logs: pulumi.Input[str] | None = None


@dataclass(frozen=True, kw_only=True)
class DatabaseClusterArgs:
    """`instances`: what `plan_instances(database, replicas)` returns. `master_password` is a secret output."""

    naming: Naming
    instances: Sequence[Instance]
    database: Database
    backups: Backups = field(default_factory=Backups)
    monitoring: Monitoring
    subnet_ids: Sequence[pulumi.Input[str]]
    security_group_id: pulumi.Input[str]
    master_password: pulumi.Input[str]
    keys: InstanceKeys = InstanceKeys()
    account_id: pulumi.Input[str]


class DatabaseCluster(Component):
    """A PostgreSQL primary and its read replicas, each a DB instance of its own: not RDS's "Multi-AZ DB cluster".

    `instances` are the current generation's by role; with `keepPrevious`, the one before stands beside them.
    `primary_arns`: the primaries that stand, by generation; backups follow each of them. `standing_identifiers`: all
    instances that stand, of both generations; somebody hears of the events of each.
    """

    instances: Mapping[str, DatabaseInstance]
    primary_arns: dict[int, pulumi.Output[str]]
    standing_identifiers: list[pulumi.Output[str]]

    def __init__(self, name: str, args: DatabaseClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args.naming, opts)
        self._args = args
        database = args.database
        self._subnet_group = aws.rds.SubnetGroup(
            f"{name}-subnets",
            description=self.described("isolated database subnets"),
            subnet_ids=args.subnet_ids,
            tags=self.child_tags(f"{name}-subnets"),
            opts=self.child_options(),
        )
        self._monitoring_role, self._before_instances = self._enhanced_monitoring()
        self._groups = {plan.role: self._parameter_group(plan) for plan in args.instances}
        source: pulumi.Input[str] = args.naming.primary(database.generation - 1)
        generations = {}
        if database.generation > 1 and database.keep_previous:
            generations[database.generation - 1] = previous = self._generation(database.generation - 1, {})
            source = previous["primary"].identifier
        generations[database.generation] = self.instances = self._generation(database.generation, self._restore(source))
        self.primary_arns = {generation: made["primary"].arn for generation, made in generations.items()}
        self.standing_identifiers = [it.identifier for made in generations.values() for it in made.values()]
        self.register_outputs({"address": self.primary.address, "identifier": self.primary.identifier})

    @property
    def primary(self) -> DatabaseInstance:
        """The current primary."""
        return self.instances["primary"]

    def _restore(self, source: pulumi.Input[str]) -> dict[str, Any]:
        origin = self._args.database.restore_from
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
        first, *others = self._args.instances
        primary = self._primary(first, generation, restore)
        return {"primary": primary, **{plan.role: self._replica(plan, generation, primary) for plan in others}}

    def _primary(self, plan: Instance, generation: int, restore: Mapping[str, Any]) -> DatabaseInstance:
        naming, database, backups = self._naming, self._args.database, self._args.backups
        insights_mode = self._args.monitoring.database_insights
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
        if database.protected:
            # The suffix: a snapshot's name serves once, also when the same identifier is deleted a second time.
            suffix = random.RandomId(f"{label}-final-snapshot", byte_length=4, opts=self.child_options())
            beginning["final_snapshot_identifier"] = suffix.hex.apply(
                lambda text: naming.final_snapshot(generation, text)
            )
        return self._instance(
            plan,
            naming.primary(generation),
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
            kms_key_id=self._args.keys.storage,
            backup_retention_period=backups.retention_days,
            backup_window=str(backups.window),
            delete_automated_backups=not database.protected,
            skip_final_snapshot=not database.protected,
            database_insights_mode=insights_mode,
            performance_insights_retention_period=INSIGHTS_DAYS[insights_mode],
        )

    def _replica(self, plan: Instance, generation: int, primary: DatabaseInstance) -> DatabaseInstance:
        assert plan.number is not None
        return self._instance(
            plan,
            self._naming.replica(plan.number, generation),
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
        database = self._args.database
        log_groups = [self._log_group(label, identifier, kind) for kind in LOG_KINDS]
        instance = aws.rds.Instance(
            label,
            identifier=identifier,
            instance_class=plan.instance_class.name,
            parameter_group_name=self._groups[plan.role].name,
            vpc_security_group_ids=[self._args.security_group_id],
            publicly_accessible=False,
            iam_database_authentication_enabled=True,
            ca_cert_identifier=database.ca_certificate,
            deletion_protection=database.protected,
            copy_tags_to_snapshot=True,
            **_storage(database),
            **_maintenance(database),
            **self._observed(),
            **own,
            tags=self.child_tags(identifier),
            opts=self.child_options(
                protect=database.protected,
                # A fixed name cannot exist twice: a disposable instance goes before its successor comes.
                delete_before_replace=None if database.protected else True,
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

    def _observed(self) -> dict[str, Any]:
        """Exported logs, Enhanced Monitoring and Performance Insights, the same for every instance."""
        monitoring = self._args.monitoring
        return {
            "enabled_cloudwatch_logs_exports": list(LOG_KINDS),
            "monitoring_interval": monitoring.enhanced_monitoring_seconds,
            "monitoring_role_arn": self._monitoring_role,
            "performance_insights_enabled": True,
            "performance_insights_kms_key_id": self._args.keys.insights,
        }

    def _log_group(self, label: str, identifier: str, kind: str) -> aws.cloudwatch.LogGroup:
        name = self._naming.log_group(identifier, kind)
        return aws.cloudwatch.LogGroup(
            f"{label}-{kind}-log",
            name=name,
            retention_in_days=self._args.monitoring.log_retention_days,
            kms_key_id=self._args.keys.logs,
            tags=self.child_tags(name),
            opts=self.child_options(),
        )

    def _parameter_group(self, plan: Instance) -> aws.rds.ParameterGroup:
        label = f"{self._name}-{plan.role}"
        # No fixed name: another family needs another group beside the one in use.
        return aws.rds.ParameterGroup(
            label,
            family=self._args.database.engine_version.family,
            description=self.described(plan.role),
            parameters=[
                aws.rds.ParameterGroupParameterArgs(name=p.name, value=p.value, apply_method=p.apply_method)
                for p in plan.parameters
            ],
            tags=self.child_tags(label),
            opts=self.child_options(),
        )

    def _enhanced_monitoring(self) -> tuple[pulumi.Output[str] | None, list[pulumi.Resource]]:
        """ARN of the role that RDS writes its operating-system metrics with, and what must exist before instances."""
        if self._args.monitoring.enhanced_monitoring_seconds == 0:
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


def _storage(database: Database) -> dict[str, Any]:
    return {
        "storage_type": "gp3",
        "storage_encrypted": True,  # stated on replicas too: left out, the next update would replace them
        "max_allocated_storage": database.max_allocated_storage_gib,
        "iops": database.iops,
        "storage_throughput": database.storage_throughput_mibps,
    }


def _maintenance(database: Database) -> dict[str, Any]:
    return {
        "maintenance_window": str(database.maintenance_window),
        "apply_immediately": database.apply_immediately,
        "auto_minor_version_upgrade": database.engine_version.automatic_minor_upgrades,
        "allow_major_version_upgrade": False,
    }
