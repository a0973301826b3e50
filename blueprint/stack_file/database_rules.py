"""Rules of the stack file about the primary, its replicas, and what it is made from."""

from __future__ import annotations

from collections.abc import Iterator

from blueprint.aws import storage
from blueprint.aws.subnets import is_zone
from blueprint.names import check_database_name, check_master_username
from blueprint.postgres import roles
from blueprint.problems import Problem, Refused
from blueprint.product.file import PRODUCT
from blueprint.settings import Settings

MAXIMUM_REPLICAS = 15  # of one source, RDS user guide, "Working with read replicas for RDS for PostgreSQL"
SERVICES_OWN = ("rds", "awsbackup")  # what the names of automated snapshots and of AWS Backup's begin with
_STORAGE_FIELDS = {
    "allocated_gib": ("database.allocatedStorageGib", "allocated_storage_gib"),
    "max_allocated_gib": ("database.maxAllocatedStorageGib", "max_allocated_storage_gib"),
    "iops": ("database.iops", "iops"),
    "throughput_mibps": ("database.storageThroughputMibps", "storage_throughput_mibps"),
}


def volume(s: Settings) -> Iterator[Problem]:
    """The volume's size and performance, and its ceiling."""
    d = s.database
    for name, refusal in storage.check_storage(
        d.allocated_storage_gib, d.max_allocated_storage_gib, d.iops, d.storage_throughput_mibps
    ):
        field, attribute = _STORAGE_FIELDS[name]
        yield refusal.problem(field, getattr(d, attribute))


def replicas(s: Settings) -> Iterator[Problem]:
    """As many as RDS takes, each with a number of its own."""
    numbers = [replica.number for replica in s.replicas]
    for number in sorted({n for n in numbers if numbers.count(n) > 1}):
        yield Problem(
            field="replicas", value=f"number {number}", way_out="Give each replica its own number",
            rule=f"stands {numbers.count(number)} times, and identifiers end in it",
        )  # fmt: skip
    if len(numbers) > MAXIMUM_REPLICAS:
        yield Problem(
            field="replicas", value=f"({len(numbers)} of them)", way_out=f"Keep {MAXIMUM_REPLICAS} at most",
            rule=f"are more than the {MAXIMUM_REPLICAS} that RDS replicates one instance to",
        )  # fmt: skip
    if numbers and s.backups.retention_days == 0:
        yield Problem(
            field="backups.retentionDays", value="0", way_out="Keep backups for at least one day, or have no replicas",
            rule="turns automated backups off, and RDS makes no replica of such an instance",
        )  # fmt: skip


def replica_zones(s: Settings) -> Iterator[Problem]:
    """Zones of the network."""
    zones = [zone for zone in s.zones if is_zone(s.region, zone)]  # another one is told of by itself
    for index, replica in enumerate(s.replicas):
        if zones and replica.zone not in s.zones:
            yield Problem(
                field=f"replicas[{index}].zone", value=replica.zone, way_out=f"Choose from {', '.join(zones)}",
                rule="has no database subnet in this network",
            )  # fmt: skip


def restore_from(s: Settings) -> Iterator[Problem]:
    """What a generation is made from, and whether RDS can."""
    generation, source = s.database.generation, s.database.restore_from
    if generation > 1 and source is None:
        yield Problem(
            field="database.generation", value=str(generation),
            rule="has no database.restoreFrom, so it would be an empty database",
            way_out="Name the snapshot or the time it is made from",
        )  # fmt: skip
    if generation == 1 and source is not None and source.time is not None:
        yield Problem(
            field="database.restoreFrom", value=source.time,
            rule="stands beside generation 1, before which there is none that it could be a time of",
            way_out="Set database.generation to the next number, or name a snapshot here",
        )  # fmt: skip
    if source is not None and source.snapshot and source.snapshot.startswith("arn:"):
        region, _, _, kind = source.snapshot.split(":")[3:7]
        if kind in SERVICES_OWN:
            yield Problem(
                field="database.restoreFrom.snapshot", value=source.snapshot,
                rule=f"is the ARN of a snapshot that a service made ({kind}:), and no account can share one",
                way_out="Name it without the ARN if it is this account's; else have it copied there "
                "(aws rds copy-db-snapshot) and the copy shared",
            )  # fmt: skip
        if region != s.region:
            yield Problem(
                field="database.restoreFrom.snapshot", value=source.snapshot,
                rule=f"is a snapshot in {region}, and RDS restores within a region, here {s.region}",
                way_out="Copy it there (aws rds copy-db-snapshot --source-region), and name the copy",
            )  # fmt: skip
    if source is not None and (source.snapshot is None) == (source.time is None):
        yield Problem(
            field="database.restoreFrom", value="", way_out=f"{'Keep' if source.snapshot else 'Write'} one of them",
            rule="needs either snapshot or time" + (", not both" if source.snapshot else ""),
        )  # fmt: skip


def master(s: Settings) -> Iterator[Problem]:
    """The master user: nobody else's name, and one that RDS takes for a new database."""
    field, name, d = "database.masterUsername", s.database.master_username, s.database
    if name in roles.NAMES:
        yield Problem(
            field=field, value=name, rule="is the name of one of the roles that the platform creates",
            way_out=f"Choose another name, like {PRODUCT.master_username}" if d.begins_empty
            else "RDS renames no master: load a dump of that database into a new one, whose master is "
            f"{PRODUCT.master_username}",
        )  # fmt: skip
    elif d.begins_empty:
        try:
            check_master_username(name)
        except Refused as refusal:
            yield refusal.problem(field, name)


def database_name(s: Settings) -> Iterator[Problem]:
    """Of a new database; one that is taken over may be `postgres`, where no first one was named."""
    if s.database.begins_empty:
        try:
            check_database_name(s.database.name)
        except Refused as refusal:
            yield refusal.problem("database.name", s.database.name)


def major_upgrade(s: Settings) -> Iterator[Problem]:
    """One deployment's leave to upgrade, at once."""
    field, d = "database.allowMajorUpgrade", s.database
    if d.allow_major_upgrade is None:
        return
    if d.allow_major_upgrade != d.engine_version.major:
        yield Problem(
            field=field, value=str(d.allow_major_upgrade), rule=f"is not the major of engineVersion {d.engine_version}",
            way_out=f"Set database.engineVersion to {d.allow_major_upgrade}, or take this line out",
        )  # fmt: skip
    elif not d.apply_immediately:
        yield Problem(
            field=field, value=str(d.allow_major_upgrade),
            rule="stands beside database.applyImmediately false: the upgrade would wait for the window, and until then "
            "each update fails, since the old version takes no parameter group of the new family",
            way_out="Set database.applyImmediately to true for this deployment",
        )  # fmt: skip
