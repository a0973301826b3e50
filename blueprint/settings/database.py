"""Sections of the stack file about the instances: the primary, its replicas, and when they sleep."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import Field

from blueprint.aws import storage
from blueprint.aws.sleep import Sleep
from blueprint.aws.windows import WeeklyWindow
from blueprint.postgres.version import EngineVersion
from blueprint.product.file import PRODUCT
from blueprint.settings.section import Section
from blueprint.values import (
    Class,
    DatabaseName,
    Distinct,
    Engine,
    MajorNumber,
    MasterUsername,
    Parameters,
    Port,
    RestoreTime,
    Snapshot,
    Switch,
    TimeOfDay,
    Weekday,
    Weekly,
    Whole,
)


class RestoreFrom(Section):
    """What a generation of the database is made from: one of the two."""

    snapshot: Snapshot | None = Field(
        None,
        description="Identifier of a snapshot; of generation 1 too, which takes over a database from elsewhere.",
    )
    time: RestoreTime | None = Field(None, description="UTC; the previous generation as it was at that second.")

    @property
    def text(self) -> str:
        """The snapshot's identifier or the time, whichever it is."""
        return str(self.snapshot or self.time)


class Database(Section):
    """The primary, and what its replicas share with it."""

    engine_version: Engine = Field(
        EngineVersion.parse("16"),
        description="PostgreSQL: a major follows RDS's newest minor by itself, an exact minor, in quotes, stays.",
    )
    allow_major_upgrade: MajorNumber | None = Field(
        None,
        description="The major to which this deployment may upgrade the database in place, at once; take it out "
        "afterwards.",
    )
    instance_class: Class = Field(description="RDS instance class of the primary; a change restarts it.")
    allocated_storage_gib: Whole = Field(
        description="gp3 storage in GiB, 20 to 65536; it never shrinks. Alarms measure by what RDS has."
    )
    max_allocated_storage_gib: Whole | None = Field(
        None,
        description="Ceiling in GiB up to which RDS enlarges the storage, from 110 % of it; left out: no autoscaling.",
    )
    iops: Whole | None = Field(
        None, description="Provisioned IOPS, only from 400 GiB on; left out: gp3's baseline for the size."
    )
    storage_throughput_mibps: Whole | None = Field(
        None,
        description="Provisioned throughput in MiB/s, only from 400 GiB on; left out: gp3's baseline for the size.",
    )
    multi_az: Switch = Field(True, description="A standby in another zone, to which RDS fails over by itself.")
    name: DatabaseName = Field(PRODUCT.database, description="Name of the database; a change replaces the instance.")
    master_username: MasterUsername = Field(
        PRODUCT.master_username,
        description="RDS's master user; a change replaces the instance. A restored database keeps its backup's, "
        "which is named here.",
    )
    port: Port = Field(5432, description="TCP port of every instance; a change restarts them.")
    # 18:00 UTC on Saturday is 03:00 on Sunday in Japan, the quietest hour (E39).
    maintenance_window: Weekly = Field(
        WeeklyWindow.parse("sat:18:00-sat:19:00"),
        description="When RDS may restart the primary, weekly, UTC, at least 30 minutes.",
    )
    apply_immediately: Switch = Field(False, description="Changes at once instead of in the maintenance window.")
    deletion_policy: Literal["protected", "disposable"] = Field(
        "protected", description="Whether instances, keys, secrets and backups are guarded and kept, or deleted."
    )
    ca_certificate: Literal["rds-ca-rsa2048-g1", "rds-ca-rsa4096-g1", "rds-ca-ecc384-g1"] = Field(
        "rds-ca-rsa2048-g1", description="RDS's certificate authority that signs the instances' certificates."
    )
    parameters: Parameters = Field(
        {},
        description="PostgreSQL parameters in human values (25%, 16MB, 10min, on, LEAST(25%, 8GB)), over the "
        "platform's defaults.",
    )
    trusted_parameters: tuple[str, ...] = Field(
        (), description="Parameters of which you know more than this program: of its rules only type and unit hold."
    )
    generation: Annotated[Whole, Field(ge=1, le=99)] = Field(
        1, description="Counts restores: raised by one, it makes a new primary beside the old one."
    )
    restore_from: RestoreFrom | None = Field(
        None,
        description="What the generation is made from, the first one empty if left out; leave it in the file. A "
        "change makes it anew.",
    )
    keep_previous: Switch = Field(True, description="Keep the generation before this one running beside it.")

    @property
    def volume(self) -> storage.Performance:
        """What the volume of this size and performance sustains."""
        return storage.performance(self.allocated_storage_gib, self.iops, self.storage_throughput_mibps)

    @property
    def protected(self) -> bool:
        """Whether the deletion policy is `protected`."""
        return self.deletion_policy == "protected"

    @property
    def standing_generations(self) -> tuple[int, ...]:
        """The current generation, and the one before while it is kept."""
        kept = (self.generation - 1,) if self.generation > 1 and self.keep_previous else ()
        return (self.generation, *kept)

    @property
    def begins_empty(self) -> bool:
        """Whether RDS makes the primary with nothing in it, but the database and the master user that this file names.

        A restored one has its backup's, which no rule on new names is about.
        """
        return self.generation == 1 and self.restore_from is None


class Replica(Section):
    """A read replica. Its number is its identity: identifiers end in it, so numbers are never reused in a hurry."""

    number: Annotated[Whole, Field(ge=1, le=99)] = Field(
        description="Identity of the replica: its identifier and its PgBouncer entry end in it."
    )
    purpose: Literal["reads", "analytics"] = Field(
        "reads", description="Fresh rows for the application, or long reports, for which replay may wait an hour."
    )
    instance_class: Class = Field(description="RDS instance class; a change restarts the replica.")
    zone: str = Field(description="Availability Zone, one with a database subnet.")
    maintenance_window: Weekly | None = Field(
        None,
        description="When RDS may restart the replica, weekly, UTC; left out: half an hour in the hours before the "
        "primary's, each replica its own.",
    )
    parameters: Parameters = Field({}, description="Beyond the primary's parameters and the purpose's.")


class Schedule(Section):
    """When the instances sleep: RDS stops them every day and starts them on some days. Times and days are UTC."""

    stop: TimeOfDay = Field(description="When the instances are stopped, every day.")
    start: TimeOfDay = Field(description="When they are started again, on `days`.")
    days: Annotated[tuple[Weekday, ...], Distinct] = Field(
        get_args(Weekday), description="Days of the start; 08:00 on Monday in Japan is 23:00 on Sunday."
    )

    @property
    def sleep(self) -> Sleep:
        """The hours of a week. Raises Refused where they are too few."""
        return Sleep(stop=self.stop, start=self.start, days=self.days)
