"""DatabaseCluster: subnet group, parameter groups, log groups, monitoring role, the primary and its replicas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pulumi_aws as aws
import pulumi_random as random

from blueprint.aws import policies, storage
from blueprint.instances import Instance
from blueprint.names import RESTORED_FROM, Naming, generation_suffix
from blueprint.settings import Backups, Database, Monitoring, RestoreFrom
from components.base import Component, document
from components.ids import DatabaseInstance

LOG_KINDS = ("postgresql", "upgrade")
MONITORING_POLICY = "arn:aws:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole"
# Database Insights: standard keeps 7 days, advanced asks for 465 (RDS API reference, ModifyDBInstance).
INSIGHTS_DAYS: Mapping[str, int] = {"standard": 7, "advanced": 465}
# A restore of a terabyte, or a Multi-AZ change of class, outlasts the provider's 40 minutes.
TIMEOUTS = pulumi.CustomTimeouts(create="3h", update="3h", delete="2h")
# What the backup decides of a restored instance; asked for, it would replace it.
RESTORED = ["engine_version", "storage_encrypted", "kms_key_id"]
# A previous generation stays as it was left. What still follows the stack file is what ends it: deletion protection,
# backup retention, and what deletion leaves behind.
LEFT = [
    *RESTORED, "db_name", "username", "snapshot_identifier", "restore_to_point_in_time", "instance_class",
    "allocated_storage", "max_allocated_storage", "iops", "storage_throughput", "multi_az", "availability_zone", "port",
    "password", "parameter_group_name", "maintenance_window", "backup_window", "auto_minor_version_upgrade",
    "ca_cert_identifier", "monitoring_interval", "monitoring_role_arn", "performance_insights_kms_key_id",
    "database_insights_mode", "performance_insights_retention_period", "tags",
]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class InstanceKeys:
    """ARNs of customer-managed KMS keys; None: the key that AWS manages, and CloudWatch's own encryption of logs.

    `owner`: any word that is another one when all of them become AWS's, or AWS's become our own.
    """

    storage: pulumi.Input[str] | None = None
    insights: pulumi.Input[str] | None = None
    logs: pulumi.Input[str] | None = None
    owner: str | None = None


@dataclass(frozen=True, kw_only=True)
class DatabaseClusterArgs:
    """`instances`: what `plan_instances(database, replicas, backups)` returns. `master_password` is a secret output.

    `needed`: what an instance is reached by, such as rules and secrets. It is made before the instances and deleted
    after them, so that a refused deletion of an instance has taken none of it. `replaced_with`: what cannot be replaced
    under a database, such as its security group, which lies in one VPC for ever.
    """

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
    needed: Sequence[pulumi.Resource] = ()
    replaced_with: Sequence[pulumi.Resource] = ()


class DatabaseCluster(Component):
    """A PostgreSQL primary and its read replicas, each a DB instance of its own: not RDS's "Multi-AZ DB cluster".

    `instances` are the current generation's by role. `standing`: those and, with `keepPrevious`, the ones of the
    generation before, by name, as in "primary" and "primary-g2"; the current ones first. `primary_arns`: the primaries
    that stand, by generation; backups follow each of them.
    """

    instances: Mapping[str, DatabaseInstance]
    standing: Mapping[str, DatabaseInstance]
    primary_arns: dict[int, pulumi.Output[str]]
    subnet_group_name: pulumi.Output[str]

    def __init__(self, name: str, args: DatabaseClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args.naming, opts)
        self._args = args
        database = args.database
        self._subnet_group = aws.rds.SubnetGroup(
            f"{name}-subnets",
            description=self.described("isolated database subnets"),
            subnet_ids=args.subnet_ids,
            tags=self.child_tags(f"{name}-subnets"),
            # RDS refuses subnets of another VPC.
            opts=self.child_options(protect=database.protected, replace_with=[*args.replaced_with]),
        )
        self.subnet_group_name = self._subnet_group.name
        self._monitoring_role, self._before_instances = self._enhanced_monitoring()
        generations: dict[int, Mapping[str, DatabaseInstance]] = {}
        for generation in reversed(database.standing_generations):
            generations[generation] = self._generation(generation, generations.get(generation - 1))
        self.instances = generations[database.generation]
        self.standing = {
            it.plan.named(generation): it
            for generation in database.standing_generations
            for it in generations[generation].values()
        }
        self.primary_arns = {generation: made["primary"].arn for generation, made in generations.items()}
        self.register_outputs({"address": self.primary.address, "identifier": self.primary.identifier})

    @property
    def primary(self) -> DatabaseInstance:
        """The current primary."""
        return self.instances["primary"]

    def _generation(
        self, generation: int, previous: Mapping[str, DatabaseInstance] | None
    ) -> dict[str, DatabaseInstance]:
        """`previous`: the generation before, where it stands."""
        first, *others = self._args.instances
        primary = self._primary(first, generation, previous["primary"] if previous else None)
        return {"primary": primary, **{plan.role: self._replica(plan, generation, primary) for plan in others}}

    def _beginning(self, generation: int, previous: DatabaseInstance | None) -> dict[str, Any]:
        """What an instance is made from, and its size."""
        database = self._args.database
        size_gib: pulumi.Input[int] = database.allocated_storage_gib
        origin = self._origin(generation)
        if generation == 1 and origin is None:
            return {"db_name": database.name, "username": database.master_username, **_storage(database, size_gib)}
        # Name and user come from the backup, and the volume is as large as the one that was backed up.
        if previous is not None:
            size_gib = previous.allocated_storage_gib.apply(lambda gib: max(gib, database.allocated_storage_gib))
        if origin is None:
            restored: dict[str, Any] = {}
        elif origin.snapshot is not None:
            restored = {"snapshot_identifier": origin.snapshot}
        else:
            source = previous.identifier if previous else self._naming.primary(generation - 1)
            restored = {
                "restore_to_point_in_time": aws.rds.InstanceRestoreToPointInTimeArgs(
                    source_db_instance_identifier=source, restore_time=origin.time
                )
            }
        return restored | _storage(database, size_gib)

    def _primary(self, plan: Instance, generation: int, previous: DatabaseInstance | None) -> DatabaseInstance:
        naming, database, backups = self._naming, self._args.database, self._args.backups
        insights_mode = self._args.monitoring.database_insights
        label = f"{self._name}-primary{generation_suffix(generation)}"
        beginning = self._beginning(generation, previous)
        if database.protected:
            # The suffix: a snapshot's name serves once, also when the same identifier is deleted a second time, as
            # after a restore that was corrected.
            suffix = random.RandomId(
                f"{label}-final-snapshot",
                byte_length=4,
                keepers={"restoredFrom": origin.text} if (origin := self._origin(generation)) else None,
                opts=self.child_options(ignore_changes=["keepers"] if generation < database.generation else None),
            )
            beginning["final_snapshot_identifier"] = suffix.hex.apply(
                lambda text: naming.final_snapshot(generation, text)
            )
        return self._instance(
            plan,
            generation,
            naming.primary(generation),
            label,
            replace_with=[self._subnet_group],
            **beginning,
            engine="postgres",
            engine_version=str(database.engine_version),
            engine_lifecycle_support="open-source-rds-extended-support-disabled",
            password=self._args.master_password,
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
            generation,
            self._naming.replica(plan.number, generation),
            f"{self._name}-{plan.role}{generation_suffix(generation)}",
            # RDS makes a primary of a replica whose primary is deleted, and no replica again.
            replace_with=[primary.resource],
            # As large as its primary is, which autoscaling may have enlarged; RDS enlarges no replica with its primary.
            **_storage(self._args.database, primary.allocated_storage_gib),
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
        self,
        plan: Instance,
        generation: int,
        identifier: str,
        label: str,
        *,
        replace_with: Sequence[pulumi.Resource],
        **own: Any,
    ) -> DatabaseInstance:
        database = self._args.database
        left = generation < database.generation
        group = self._parameter_group(plan, generation, left=left)
        tags = self.child_tags(identifier)
        if plan.number is None and (origin := self._origin(generation)):
            tags[RESTORED_FROM] = origin.text
        log_groups = [self._log_group(label, identifier, kind) for kind in LOG_KINDS]
        instance = aws.rds.Instance(
            label,
            identifier=identifier,
            instance_class=plan.instance_class.name,
            port=database.port,  # a replica does not follow its primary's
            parameter_group_name=group.name,
            vpc_security_group_ids=[self._args.security_group_id],
            publicly_accessible=False,
            iam_database_authentication_enabled=True,
            ca_cert_identifier=database.ca_certificate,
            deletion_protection=database.protected,
            copy_tags_to_snapshot=True,
            **_maintenance(database, plan),
            **self._observed(),
            **own,
            tags=tags,
            opts=self.child_options(
                protect=database.protected,
                # A fixed name cannot exist twice. A protected instance is not replaced before somebody unprotects it.
                delete_before_replace=True,
                ignore_changes=self._ignored(generation),
                # Another second is another database. The provider would plan an update, and send nothing.
                replace_on_changes=["restore_to_point_in_time"] if generation > 1 and not left else None,
                replace_with=[*replace_with],
                # A key of ours that is left out of the file is left as it is, and deleted under what it encrypts.
                replacement_trigger=None if database.protected else self._args.keys.owner,
                # RDS would create the log groups itself, to be kept for ever and without our key. The role's ARN does
                # not say that its policy is attached.
                depends_on=[*log_groups, *self._before_instances, *self._args.needed],
                custom_timeouts=TIMEOUTS,
            ),
        )
        return DatabaseInstance(
            plan=plan,
            resource=instance,
            instance_class=instance.instance_class,
            allocated_storage_gib=instance.allocated_storage,
            identifier=instance.identifier,
            address=instance.address,
            arn=instance.arn,
            resource_id=self._looked_at(instance) if RESTORED_FROM in tags else instance.resource_id,
            parameter_group_name=group.name,
            log_group_name=log_groups[LOG_KINDS.index("postgresql")].name,
        )

    def _looked_at(self, instance: aws.rds.Instance) -> pulumi.Output[str]:
        """The resource id of a restored primary, once it is seen what its backup made of it.

        Secrets, roles and PgBouncer's files name the database and the master of the stack file. Ends the update with
        a sentence, before the roles function is asked, where the backup's are others.
        """
        database = self._args.database
        told = f"database.restoreFrom {database.restore_from.text if database.restore_from else None}"

        def look(it: list[Any]) -> str:
            resource_id, username, encrypted = it
            if username and username != database.master_username:
                raise pulumi.RunError(
                    f"database.masterUsername {database.master_username} is not the master user of {told}, which is "
                    f"{username}, and RDS renames none. Write {username} there."
                )
            if encrypted is False:
                pulumi.warn(
                    f"{told} is not encrypted, nor is what was made from it. Copy it with a key (aws rds "
                    f"copy-db-snapshot --kms-key-id), name the copy, and have the instance made anew."
                )
            return str(resource_id)

        seen = (instance.resource_id, instance.username, instance.storage_encrypted)
        return pulumi.Output.all(*seen).apply(look)

    def _ignored(self, generation: int) -> list[str] | None:
        database = self._args.database
        if generation < database.generation:
            return LEFT
        if database.begins_empty:
            return None
        # A restored instance has its backup's version, until somebody asks for another major.
        return [it for it in RESTORED if it != "engine_version" or database.allow_major_upgrade is None]

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

    def _origin(self, generation: int) -> RestoreFrom | None:
        """What a generation was made from; of one before the current, the stack file no longer says it."""
        database = self._args.database
        return database.restore_from if generation == database.generation else None

    def _parameter_group(self, plan: Instance, generation: int, *, left: bool) -> aws.rds.ParameterGroup:
        label = f"{self._name}-{plan.named(generation)}"
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
            opts=self.child_options(ignore_changes=["family", "parameters"] if left else None),
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


def _storage(database: Database, size_gib: pulumi.Input[int]) -> dict[str, Any]:
    """A gp3 volume. From 400 GiB on IOPS and throughput are stated, the baseline too: left out, the provider sends
    those of before with a new size, and RDS refuses them; and what was asked for once would stay."""
    performance = pulumi.Output.from_input(size_gib).apply(
        lambda gib: storage.stated_performance(gib, database.iops, database.storage_throughput_mibps)
    )
    return {
        "storage_type": "gp3",
        "storage_encrypted": True,  # stated on replicas too: left out, the next update would replace them
        "allocated_storage": size_gib,
        "max_allocated_storage": database.max_allocated_storage_gib,
        "iops": performance.apply(lambda it: it and it[0]),
        "storage_throughput": performance.apply(lambda it: it and it[1]),
    }


def _maintenance(database: Database, plan: Instance) -> dict[str, Any]:
    return {
        "maintenance_window": str(plan.maintenance_window),
        "apply_immediately": database.apply_immediately,
        "auto_minor_version_upgrade": database.engine_version.automatic_minor_upgrades,
        # RDS upgrades replicas together with their primary.
        "allow_major_version_upgrade": plan.number is None and database.allow_major_upgrade is not None,
    }
