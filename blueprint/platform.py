"""The product's blueprint of one stack: everything that is computed from a stack file, computed once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

from blueprint.aws import storage
from blueprint.aws.instance_classes import InstanceClass
from blueprint.aws.regions import REGIONS
from blueprint.aws.subnets import SubnetPlan, plan_subnets
from blueprint.instances import GIB, Instance, instance_alarms, plan_instances
from blueprint.monitoring.alarm import Alarm
from blueprint.monitoring.asleep import while_awake
from blueprint.monitoring.published_alarms import published_alarms
from blueprint.monitoring.thresholds import deviating
from blueprint.names import ProductNaming
from blueprint.postgres.connections import WATCH_CONNECTIONS, ConnectionBudget, MemoryCheck, Pool
from blueprint.postgres.effective import STANDBY_SETTINGS, bytes_of
from blueprint.postgres.pgbouncer import PoolerSettings
from blueprint.settings import Settings
from blueprint.sleep_warnings import sleep_warnings

# What a protected stack may ask for, and somebody should know: a parameter, values as RDS gets them, and the sentence.
RISKS = (
    (
        "log_statement",
        ("mod", "all"),
        "writes statements with users' values to the log, which goes to CloudWatch and costs by the GB. Take ddl.",
    ),
    (
        "log_min_duration_statement",
        ("0",),
        "writes every statement to the log, which goes to CloudWatch and costs by the GB. Take 1s or more.",
    ),
    (
        "log_parameter_max_length",
        ("-1",),
        "writes users' values to the log, which goes to CloudWatch. Take 0B.",
    ),
    (
        "idle_in_transaction_session_timeout",
        ("0",),
        "lets a forgotten transaction hold its locks and vacuum back for ever. Take 5min.",
    ),
)


@dataclass(frozen=True)
class Platform:
    """The blueprint of one stack."""

    settings: Settings

    @cached_property
    def naming(self) -> ProductNaming:
        """Names and tags of the stack."""
        return ProductNaming(self.settings.environment, self.settings.tags.by_key)

    @cached_property
    def instances(self) -> tuple[Instance, ...]:
        """Primary first, then the replicas by number."""
        return plan_instances(self.settings.database, self.settings.replicas, self.settings.backups)

    @cached_property
    def primary(self) -> Instance:
        """The primary, whatever the replicas' settings are."""
        return plan_instances(self.settings.database)[0]

    @property
    def replicas(self) -> tuple[Instance, ...]:
        """The replicas, by number."""
        return self.instances[1:]

    @cached_property
    def subnets(self) -> SubnetPlan | None:
        """Subnets of a network of our own; None in somebody else's."""
        vpc = self.settings.network.vpc
        return None if vpc is None else plan_subnets(vpc.cidr, vpc.zones)

    @cached_property
    def pooler(self) -> PoolerSettings:
        """Numbers of each host's PgBouncer. A server gets one pool, its reserve and a watch."""
        pooler = self.settings.pooler
        return PoolerSettings(
            region=self.settings.region,
            listen_port=pooler.listen_port,
            max_client_conn=pooler.max_client_conn,
            default_pool_size=pooler.default_pool_size,
            min_pool_size=pooler.min_pool_size,
            reserve_pool_size=pooler.reserve_pool_size,
            server_cap=pooler.default_pool_size + pooler.reserve_pool_size + WATCH_CONNECTIONS,
        )

    @cached_property
    def budget(self) -> ConnectionBudget:
        """The connection budget of the primary; a replica's differs in max_connections at most."""
        application = self.settings.application
        return ConnectionBudget(
            hosts=application.hosts,
            processes_per_host=application.processes_per_host,
            primary_pool=Pool(size=application.primary_pool.size, max_overflow=application.primary_pool.max_overflow),
            replica_pool=Pool(size=application.replica_pool.size, max_overflow=application.replica_pool.max_overflow),
            replicas=len(self.settings.replicas),
            max_client_conn=self.settings.pooler.max_client_conn,
            server_cap=self.pooler.server_cap,
            direct=application.direct_connections,
            max_connections=self.primary.parameter("max_connections"),
        )

    def memory(self, instance: Instance) -> MemoryCheck:
        """The worst case of one instance's memory."""
        return MemoryCheck(
            shared_buffers=instance.parameter_bytes("shared_buffers"),
            work_mem=instance.parameter_bytes("work_mem"),
            backends=self.budget.backends,
            maintenance_work_mem=instance.parameter_bytes("maintenance_work_mem"),
            # A replica replays what the primary vacuumed; it has no autovacuum of its own.
            autovacuum_workers=0 if instance.number else instance.parameter("autovacuum_max_workers"),
            available=instance.database_memory_bytes,
        )

    @cached_property
    def alarms(self) -> tuple[Alarm, ...]:
        """All alarms, instance by instance, then those on what the platform publishes itself."""
        database = self.settings.database
        published = published_alarms(
            stack=self.settings.environment,
            database=database.name,
            ceiling_gib=database.max_allocated_storage_gib,
            primary=self.primary.named(database.generation),
            replicas=[replica.named(database.generation) for replica in self.replicas],
            rotation_function=self.naming.function("rotation") if self.settings.credentials.rotate_every_days else None,
        )
        of_instances = (
            instance_alarms(self.instances, database, connection_alarm=self.budget.alarm_threshold, generation=each)
            for each in database.standing_generations
        )
        own = self.settings.monitoring.thresholds
        rows = [deviating(alarm, own) for alarm in (*chain.from_iterable(of_instances), *published)]
        return while_awake(rows, self.settings.sleep)

    def thresholds(self, role: str, instance_class: str, allocated_gib: int) -> dict[str, float]:
        """Thresholds, by key, of the alarms on an instance that runs with this class and size.

        They are not the stack file's while a change waits for the maintenance window, after RDS has enlarged a volume,
        and of a generation that is kept.
        """
        database = self.settings.database.model_copy(update={"allocated_storage_gib": allocated_gib})
        instances = [each.resized(instance_class) if each.role == role else each for each in self.instances]
        rows = instance_alarms(instances, database, connection_alarm=self.budget.alarm_threshold, role=role)
        own = self.settings.monitoring.thresholds
        return {row.key: deviating(row, own).threshold for row in rows}

    @cached_property
    def warnings(self) -> tuple[str, ...]:
        """Warnings: what is allowed and somebody should know, each a whole sentence."""
        return tuple(self._warnings())

    def _warnings(self) -> Iterator[str]:
        database = self.settings.database
        if database.engine_version.warning:
            yield f"database.engineVersion {database.engine_version} {database.engine_version.warning}"
        exact = not database.engine_version.automatic_minor_upgrades
        if exact and not database.begins_empty and database.allow_major_upgrade is None:
            yield (
                f"database.engineVersion {database.engine_version} has no effect on generation {database.generation}: "
                f"a restored instance keeps its backup's version. Upgrade it with the AWS CLI, or leave it at "
                f"{database.engine_version.major}."
            )
        # Both sentences it has are about the ceiling.
        for _, sentence in storage.storage_warnings(database.allocated_storage_gib, database.max_allocated_storage_gib):
            yield f"database.maxAllocatedStorageGib {database.max_allocated_storage_gib} {sentence}"
        if database.allow_major_upgrade is not None:
            yield (
                f"database.allowMajorUpgrade {database.allow_major_upgrade} is for one deployment: a database of an "
                f"earlier major is upgraded at once, minutes without it, and nothing leads back but a restore. Take it "
                f"out afterwards."
            )
        yield from sleep_warnings(self.settings, self.naming)
        yield from self._slot_cap_warning()
        yield from self._copies_warning()
        for generation in database.standing_generations[1:]:
            yield (
                f"database.keepPrevious: generation {generation} stays as it was left. Its deletion protection, its "
                f"backup retention and its log groups follow this file; class, size, parameters, windows and port do "
                f"not, and another port cuts it off."
            )
        yield from self._class_warnings()
        for instance in self.instances:
            memory = self.memory(instance)
            if not memory.fits:
                yield (
                    f"{instance.role}: shared_buffers, {memory.backends} backends x work_mem and autovacuum can take "
                    f"{memory.total / GIB:.1f} GiB, {instance.instance_class.name} has about "
                    f"{memory.available / GIB:.1f} GiB for them. Lower work_mem, the pools or the number of hosts, "
                    f"or take the next class."
                )
        for replica in self.replicas:
            for name in STANDBY_SETTINGS:
                own, needed = replica.stated(name), self.primary.stated(name)
                if own is not None and needed is not None and own < needed:
                    yield (
                        f"{replica.role}: {name} {own} is below the primary's {needed}; a standby cannot run so, and "
                        f"RDS raises it without a word. Ask for the primary's value."
                    )
        if database.protected:
            yield from self._risks_of_parameters()
        yield from self._unheard()
        if self.settings.monitoring.database_insights == "advanced":
            yield (
                f"monitoring.databaseInsights advanced is charged by the vCPU and hour of the primary, which has "
                f"{database.instance_class.vcpus}; standard keeps 7 days and is free."
            )
        if self.settings.protected and not database.multi_az:
            yield "database.multiAz is off in a protected stack: losing the zone loses the service until it returns."

    def _copies_warning(self) -> Iterator[str]:
        region, target = self.settings.region, self.settings.backups.replicate_to_region
        copies = REGIONS[region].copies
        if target is not None and (copies is None or target not in copies):
            yield (
                f"backups.replicateToRegion {target} is not among the regions that AWS listed in 2023 for backups of "
                f"{region}. Look whether it is now: aws rds describe-source-regions --region {target}."
            )

    def _slot_cap_warning(self) -> Iterator[str]:
        cap, allocated = self.primary.parameter("max_slot_wal_keep_size"), self.settings.database.allocated_storage_gib
        if cap >= 0 and bytes_of("max_slot_wal_keep_size", cap) > allocated * GIB // 2:
            yield (
                f"max_slot_wal_keep_size {self.primary.named_parameters['max_slot_wal_keep_size'].asked} is more than "
                f"half of the {allocated} GiB allocated: a dead replica fills it sooner than autoscaling, which grows "
                f"by a tenth in six hours, unless the volume has grown already."
            )

    def _class_warnings(self) -> Iterator[str]:
        database, by_class = self.settings.database, dict[InstanceClass, list[Instance]]()
        for instance in self.instances:
            by_class.setdefault(instance.instance_class, []).append(instance)
        for size, those in by_class.items():
            bounds = []
            sustained, volume = those[0].sustains(database.volume), database.volume
            if sustained.limited_by == "class":
                bounds.append(
                    f"it sustains {sustained.iops:,} IOPS and {sustained.mb_per_second:.0f} MB/s on a volume of "
                    f"{volume.iops:,} and {volume.mibps} MiB/s, and a larger volume does not help"
                )
            if size.full_speed_hours and database.protected:
                bounds.append(
                    f"with all vCPUs busy a full balance of CPU credits lasts {size.full_speed_hours:.1f} hours, and "
                    f"more is charged"
                )
            if bounds:
                yield (
                    f"{size.name} of {', '.join(each.role for each in those)} is for bursts: {'; '.join(bounds)}. Take "
                    f"a larger class where the load is steady."
                )

    def _unheard(self) -> Iterator[str]:
        monitoring, webhooks = self.settings.monitoring, self.settings.webhooks
        for severity, listeners, hooks, who in (
            ("critical", monitoring.critical, webhooks.critical, "gets up"),
            ("warning", monitoring.warning, webhooks.warning, "looks in the morning"),
        ):
            heard = monitoring.alert_emails or listeners.emails or listeners.phones or listeners.slack or hooks
            if self.settings.protected and not heard:
                yield (
                    f"Nobody hears of {severity} alarms: monitoring.alertEmails, monitoring.{severity} and "
                    f"webhooks.{severity} are empty. Name somebody who {who}."
                )
        if (webhooks.critical or webhooks.warning) and not self.settings.webhooks_encrypted:
            yield (
                "webhooks has its addresses in the clear, and a key may be in them: whoever reads the file could set "
                "off alarms. Set each by pulumi config set --secret --path 'webhooks.critical.<name>'."
            )

    def _risks_of_parameters(self) -> Iterator[str]:
        for name, values, risk in RISKS:
            for instance in self.instances:
                stated = next((each for each in instance.parameters if each.name == name), None)
                if stated is not None and stated.value in values:
                    yield f"{instance.role}: {name} {stated.asked} {risk}"
