"""Settings become a blueprint: everything that is computed from a stack file, computed once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from blueprint.aws import storage
from blueprint.aws.instance_classes import InstanceClass
from blueprint.aws.subnets import SubnetPlan, plan_subnets
from blueprint.monitoring.alarms import Alarm, Watched, alarms_for
from blueprint.monitoring.published_alarms import published_alarms
from blueprint.names import Names
from blueprint.postgres import defaults
from blueprint.postgres.connections import ConnectionBudget, MemoryCheck, Pool
from blueprint.postgres.parameters import CompiledParameter, bytes_of, compile_parameters, effective_integer
from blueprint.postgres.pgbouncer import PoolerSettings
from blueprint.settings import Replica, Settings

GIB = 2**30


@dataclass(frozen=True, kw_only=True)
class Instance:
    """One database instance as its settings make it. `role` is "primary" or "replica-<n>", `number` the replica's."""

    role: str
    instance_class: InstanceClass
    parameters: tuple[CompiledParameter, ...]
    number: int | None = None
    purpose: str | None = None
    zone: str | None = None

    @property
    def class_memory_bytes(self) -> int:
        """Memory of the class. RDS's DBInstanceClassMemory is a little less (what its agents take is not published)."""
        return int(self.instance_class.memory_gib * GIB)

    def parameter(self, name: str) -> int:
        """An integer parameter as the instance ends up with it, in its base unit."""
        return effective_integer(name, self.parameters, class_memory_bytes=self.class_memory_bytes)

    def parameter_bytes(self, name: str) -> int:
        """A size parameter as the instance ends up with it, in bytes."""
        return bytes_of(name, self.parameter(name))


@dataclass(frozen=True)
class Platform:
    """The blueprint of one stack."""

    settings: Settings

    @cached_property
    def names(self) -> Names:
        """Every name of the stack."""
        return Names(self.settings.environment)

    @cached_property
    def primary(self) -> Instance:
        """The primary."""
        database = self.settings.database
        compiled, problems = compile_parameters(
            defaults.asked_of_primary(database.parameters), trusted=database.trusted_parameters
        )
        assert not problems, problems  # settings that load have none
        return Instance(role="primary", instance_class=database.instance_class, parameters=compiled)

    @cached_property
    def replicas(self) -> tuple[Instance, ...]:
        """The replicas, by number."""
        return tuple(self._replica(replica) for replica in sorted(self.settings.replicas, key=lambda r: r.number))

    def _replica(self, replica: Replica) -> Instance:
        database = self.settings.database
        compiled, problems = compile_parameters(
            defaults.asked_of_replica(database.parameters, replica.purpose, replica.parameters),
            trusted=database.trusted_parameters,
        )
        assert not problems, problems
        return Instance(
            role=f"replica-{replica.number}",
            instance_class=replica.instance_class,
            parameters=compiled,
            number=replica.number,
            purpose=replica.purpose,
            zone=replica.zone,
        )

    @property
    def instances(self) -> tuple[Instance, ...]:
        """Primary first, then the replicas."""
        return (self.primary, *self.replicas)

    @cached_property
    def subnets(self) -> SubnetPlan | None:
        """Subnets of a network of our own; None in somebody else's."""
        vpc = self.settings.network.vpc
        return None if vpc is None else plan_subnets(vpc.cidr, vpc.zones)

    @cached_property
    def pooler(self) -> PoolerSettings:
        """Numbers of each host's PgBouncer. One server gets one pool and its reserve, whatever the number of users."""
        pooler = self.settings.pooler
        return PoolerSettings(
            region=self.settings.region,
            listen_port=pooler.listen_port,
            max_client_conn=pooler.max_client_conn,
            default_pool_size=pooler.default_pool_size,
            min_pool_size=pooler.min_pool_size,
            reserve_pool_size=pooler.reserve_pool_size,
            server_cap=pooler.default_pool_size + pooler.reserve_pool_size,
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
            class_memory=instance.class_memory_bytes,
        )

    @cached_property
    def alarms(self) -> tuple[Alarm, ...]:
        """All alarms, instance by instance, then those on what the platform publishes itself."""
        database = self.settings.database
        published = published_alarms(
            stack=self.settings.environment, database=database.name, ceiling_gib=database.max_allocated_storage_gib
        )
        rds = (alarm for instance in self.instances for alarm in alarms_for(self._watched(instance)))
        return (*rds, *published)

    def _watched(self, instance: Instance) -> Watched:
        database = self.settings.database
        slot_cap = instance.parameter("max_slot_wal_keep_size")
        return Watched(
            instance=instance.role,
            memory=instance.class_memory_bytes,
            vcpus=instance.instance_class.vcpus,
            credits_per_day=instance.instance_class.credit_balance_maximum,
            ebs_burst=instance.instance_class.ebs_burst,
            storage=database.allocated_storage_gib * GIB,
            autoscaling=database.max_allocated_storage_gib is not None,
            iops=storage.baseline_iops(database.allocated_storage_gib, database.iops),
            max_connections=instance.parameter("max_connections"),
            connection_alarm=self.budget.alarm_threshold,
            slot_wal_cap=bytes_of("max_slot_wal_keep_size", slot_cap) if slot_cap >= 0 else None,
            has_replicas=bool(self.settings.replicas),
            lag_seconds=defaults.LAG_SECONDS[instance.purpose] if instance.purpose else None,
        )

    @cached_property
    def warnings(self) -> tuple[str, ...]:
        """What is allowed and somebody should know, each a whole sentence."""
        return tuple(self._warnings())

    def _warnings(self) -> Iterator[str]:
        database, budget = self.settings.database, self.budget
        if database.engine_version.warning:
            yield f"database.engineVersion {database.engine_version} {database.engine_version.warning}"
        if database.generation > 1 and not database.engine_version.automatic_minor_upgrades:
            yield (
                f"database.engineVersion {database.engine_version} has no effect on generation {database.generation}: "
                f"a restored instance keeps its backup's version. Upgrade it with the AWS CLI, or leave it at 16."
            )
        # Both sentences it has are about the ceiling.
        for _, sentence in storage.storage_warnings(database.allocated_storage_gib, database.max_allocated_storage_gib):
            yield f"database.maxAllocatedStorageGib {database.max_allocated_storage_gib} {sentence}"
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
            own = replica.parameter("max_connections")
            if own < budget.max_connections:
                yield (
                    f"{replica.role}: max_connections {own} is below the primary's {budget.max_connections}; a standby "
                    f"cannot run so, and RDS raises it without a word. Ask for the primary's value."
                )
        if self.settings.protected and not self.settings.monitoring.alert_emails:
            yield "monitoring.alertEmails is empty: alarms fire and nobody hears them. Name at least one address."
        if self.settings.protected and not database.multi_az:
            yield "database.multiAz is off in a protected stack: losing the zone loses the service until it returns."
