"""Database instances as settings make them: class, parameters, zone; and the CloudWatch alarms on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from blueprint.aws import storage
from blueprint.aws.instance_classes import INSTANCE_CLASSES, InstanceClass
from blueprint.aws.windows import WeeklyWindow, replica_window
from blueprint.monitoring.alarm import Alarm
from blueprint.monitoring.alarms import Watched, alarms_for
from blueprint.names import generation_suffix
from blueprint.postgres import defaults
from blueprint.postgres.compile import CompiledParameter, HumanValue, compile_parameters
from blueprint.postgres.effective import bytes_of, effective, effective_integer
from blueprint.postgres.shared_memory import SharedMemory
from blueprint.settings import Backups, Database, Replica

GIB = 2**30


@dataclass(frozen=True, kw_only=True)
class Instance:
    """One database instance as its settings make it. `role` is "primary" or "replica-<n>", `number` the replica's."""

    role: str
    instance_class: InstanceClass
    parameters: tuple[CompiledParameter, ...]
    maintenance_window: WeeklyWindow
    major: int
    number: int | None = None
    purpose: str | None = None
    zone: str | None = None

    def named(self, generation: int) -> str:
        """What its alarms and parameter group are called: the role, from the second generation on with it."""
        return f"{self.role}{generation_suffix(generation)}"

    def resized(self, instance_class: str) -> Instance:
        """The same with the class that runs; one that is not in the list of classes, given by hand, changes nothing."""
        known = INSTANCE_CLASSES.get(instance_class, self.instance_class)
        return replace(self, instance_class=known)

    @property
    def class_memory_bytes(self) -> int:
        """Memory of the class, as CloudWatch's FreeableMemory counts it."""
        return int(self.instance_class.memory_gib * GIB)

    @property
    def database_memory_bytes(self) -> int:
        """About what formulas of RDS and PostgreSQL have of it."""
        return self.instance_class.database_memory_bytes

    def sustains(self, volume: storage.Performance) -> Sustained:
        """What it moves to and from such a volume for as long as one likes: the smaller of the two."""
        size, volume_mb_per_second = self.instance_class, volume.mibps * 2**20 / 10**6
        return Sustained(
            iops=min(size.sustained_iops, volume.iops),
            mb_per_second=round(min(size.sustained_mb_per_second, volume_mb_per_second), 1),
            limited_by="class"
            if size.sustained_iops < volume.iops or size.sustained_mb_per_second < volume_mb_per_second
            else "volume",
        )

    def parameter(self, name: str) -> int:
        """An integer parameter as the instance ends up with it, in its base unit."""
        return effective_integer(name, self.parameters, class_memory_bytes=self.database_memory_bytes, major=self.major)

    @property
    def named_parameters(self) -> dict[str, CompiledParameter]:
        """Its group's parameters by name."""
        return {each.name: each for each in self.parameters}

    def stated(self, name: str) -> int | None:
        """`parameter`, also of a trusted integer outside the catalogue; None where nobody says what it is."""
        try:
            value = effective(name, self.parameters, class_memory_bytes=self.database_memory_bytes, major=self.major)
        except KeyError:
            return None
        return int(value) if isinstance(value, int) or str(value).isdecimal() else None

    def parameter_bytes(self, name: str) -> int:
        """A size parameter as the instance ends up with it, in bytes."""
        return bytes_of(name, self.parameter(name))

    def shared_memory(self, primary: Instance) -> SharedMemory:
        """What PostgreSQL takes at its start. A standby has at least its primary's slots and locks."""

        def standby(name: str) -> int:
            return max(self.parameter(name), primary.parameter(name))

        wal_buffers = self.parameter("wal_buffers")
        standbys = ("max_wal_senders", "max_worker_processes", "max_prepared_transactions")
        return SharedMemory(
            shared_buffers=self.parameter_bytes("shared_buffers"),
            wal_buffers=bytes_of("wal_buffers", wal_buffers) if wal_buffers >= 0 else 0,
            max_connections=standby("max_connections"),
            others={
                "autovacuum_max_workers": self.parameter("autovacuum_max_workers"),
                **{name: standby(name) for name in standbys},
            },
            locks=standby("max_locks_per_transaction"),
            predicate_locks=self.parameter("max_pred_locks_per_transaction"),
        )


class Sustained(NamedTuple):
    """IOPS and decimal MB/s; `limited_by` "class" or "volume"."""

    iops: int
    mb_per_second: float
    limited_by: str


def plan_instances(
    database: Database, replicas: Sequence[Replica] = (), backups: Backups | None = None
) -> tuple[Instance, ...]:
    """The primary, then its read replicas by number; their maintenance windows keep clear of the backups.

    Raises ValueError with every parameter that RDS would refuse; the settings of a stack file that loads have none.
    """
    primary = Instance(
        role="primary",
        instance_class=database.instance_class,
        parameters=_compiled(
            database,
            defaults.asked_of_primary(database.parameters, database.engine_version.major),
            "database.parameters",
        ),
        maintenance_window=database.maintenance_window,
        major=database.engine_version.major,
    )
    ordered = sorted(replicas, key=lambda replica: replica.number)
    return (primary, *(_replica(database, each, backups or Backups()) for each in ordered))


def _replica(database: Database, replica: Replica, backups: Backups) -> Instance:
    asked = defaults.asked_of_replica(
        database.parameters, replica.purpose, replica.parameters, database.engine_version.major
    )
    return Instance(
        role=f"replica-{replica.number}",
        instance_class=replica.instance_class,
        parameters=_compiled(database, asked, f"replica-{replica.number}.parameters"),
        maintenance_window=replica.maintenance_window
        or replica_window(replica.number, database.maintenance_window, backups.window, backups.vault_time),
        major=database.engine_version.major,
        number=replica.number,
        purpose=replica.purpose,
        zone=replica.zone,
    )


def _compiled(database: Database, asked: Mapping[str, HumanValue], field: str) -> tuple[CompiledParameter, ...]:
    compiled, problems = compile_parameters(
        asked, major=database.engine_version.major, trusted=database.trusted_parameters, field=field
    )
    if problems:
        raise ValueError("\n".join(str(problem) for problem in problems))
    return compiled


def instance_alarms(
    instances: Sequence[Instance],
    database: Database,
    *,
    connection_alarm: int,
    generation: int = 1,
    role: str | None = None,
) -> tuple[Alarm, ...]:
    """The alarms on each instance of a generation, or on the one with this role.

    `connection_alarm`: sessions from which on somebody should look who has them all.
    """
    watched = (
        _watched(each, database, connection_alarm, generation, has_replicas=len(instances) > 1)
        for each in instances
        if role in (None, each.role)
    )
    return tuple(alarm for each in watched for alarm in alarms_for(each))


def _watched(
    instance: Instance, database: Database, connection_alarm: int, generation: int, *, has_replicas: bool
) -> Watched:
    slot_cap = instance.parameter("max_slot_wal_keep_size")
    return Watched(
        instance=instance.named(generation),
        primary=f"primary{generation_suffix(generation)}",
        memory=instance.class_memory_bytes,
        vcpus=instance.instance_class.vcpus,
        credits_per_day=instance.instance_class.credit_balance_maximum,
        storage=database.allocated_storage_gib * GIB,
        autoscaling=database.max_allocated_storage_gib is not None,
        iops=instance.sustains(database.volume).iops,
        max_connections=instance.parameter("max_connections"),
        connection_alarm=connection_alarm,
        wal_kept=instance.parameter_bytes("wal_keep_size") + instance.parameter_bytes("max_wal_size"),
        slot_wal_cap=bytes_of("max_slot_wal_keep_size", slot_cap) if slot_cap >= 0 else None,
        has_replicas=has_replicas,
        lag_seconds=defaults.LAG_SECONDS[instance.purpose] if instance.purpose else None,
    )
