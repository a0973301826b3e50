"""Rules between fields of the stack file: what AWS would refuse only at deployment is refused at preview."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from blueprint.aws import storage
from blueprint.aws.subnets import check_zones, is_zone
from blueprint.monitoring.thresholds import threshold
from blueprint.names import MOST_TAGS, check_database_name, check_master_username, check_tag
from blueprint.platform import Platform
from blueprint.postgres import roles
from blueprint.postgres.catalogue import catalogue
from blueprint.postgres.connections import INTERNAL_CONNECTIONS, RESERVED_CONNECTIONS, Pool, clients_per_process
from blueprint.problems import Problem, Refused
from blueprint.product.file import PRODUCT
from blueprint.settings import METRICS_SERVICE, SECRETS_SERVICE, ExistingVpc, Settings
from blueprint.stack_file import parameter_rules, sleep_rules, window_rules

RULES_PER_GROUP = 60  # inbound rules a security group, Amazon VPC quotas, before anybody has asked for more
SERVICES_OWN = ("rds", "awsbackup")  # what the names of automated snapshots and of AWS Backup's begin with
MAXIMUM_REPLICAS = 15  # of one source, RDS user guide, "Working with read replicas for RDS for PostgreSQL"


class Rule(NamedTuple):
    """One rule, and the fields it reads: it is left out when one of them is already refused for itself."""

    fields: tuple[str, ...]
    check: Callable[[Settings], Iterator[Problem]]


def _network(s: Settings) -> Iterator[Problem]:
    vpc, existing = s.network.vpc, s.network.existing_vpc
    if (vpc is None) == (existing is None):
        yield Problem(
            field="network", value="", way_out="Keep one of them" if vpc else "Write one of them",
            rule="needs either vpc (a network of our own) or existingVpc (somebody else's, by ids)"
            + (", not both" if vpc else ""),
        )  # fmt: skip
        return
    zones = ", ".join(s.zones)
    try:
        check_zones(s.region, s.zones)
    except Refused as refusal:
        yield refusal.problem("network.vpc.zones" if vpc else "network.existingVpc.databaseSubnets", zones)
        return
    if existing:
        yield from _subnets(s.region, existing)
    if vpc and vpc.interface_endpoints:
        for zone in vpc.interface_endpoints.zones:
            if zone not in vpc.zones:
                yield Problem(
                    field="network.vpc.interfaceEndpoints.zones", value=zone, way_out=f"Choose from {zones}",
                    rule="is not one of the network's zones",
                )  # fmt: skip
    if vpc and vpc.nat_gateways == "none":
        endpoints = vpc.interface_endpoints.services if vpc.interface_endpoints else ()
        if SECRETS_SERVICE not in endpoints:
            yield Problem(
                field="network.vpc.natGateways", value="none",
                rule="leaves the functions that make the database's roles and metrics no way to Secrets Manager",
                way_out=f"Choose single, or add {SECRETS_SERVICE} to network.vpc.interfaceEndpoints.services",
            )  # fmt: skip
    if existing and not existing.application_subnets:
        yield Problem(
            field="network.existingVpc.applicationSubnets", value="", way_out="Name at least one by zone",
            rule="is empty, and application hosts need a subnet",
        )  # fmt: skip


def _subnets(region: str, existing: ExistingVpc) -> Iterator[Problem]:
    """One subnet is in one zone, and a zone's name is AWS's."""
    for name, subnets in (
        ("applicationSubnets", existing.application_subnets),
        ("databaseSubnets", existing.database_subnets),
        ("publicSubnets", existing.public_subnets),
    ):
        for zone in subnets:
            if not is_zone(region, zone):
                yield Problem(
                    field=f"network.existingVpc.{name}", value=zone or "''", rule=f"is not a zone of {region}",
                    way_out=f"Write it like {region}a",
                )  # fmt: skip
        ids = list(subnets.values())
        for subnet in sorted({each for each in ids if ids.count(each) > 1}):
            named = ", ".join(zone for zone, each in subnets.items() if each == subnet)
            yield Problem(
                field=f"network.existingVpc.{name}", value=subnet, way_out="Name each zone's own subnet",
                rule=f"stands for {named}, and a subnet is in one zone",
            )  # fmt: skip


def _networks(s: Settings) -> Iterator[Problem]:
    """Each network and each group of others is a rule of its group, beside those that are always there."""
    groups = s.access.database_security_groups
    database = [*s.access.database_networks, *groups]
    both = "access.databaseNetworks and access.databaseSecurityGroups" if groups else "access.databaseNetworks"
    for field, others, own, group in (
        ("access.sshNetworks", s.access.ssh_networks, 2, "application"),  # HTTP and HTTPS
        (both, database, 3, "database"),  # application, functions, itself
    ):
        most = RULES_PER_GROUP - own
        if len(others) > most:
            yield Problem(
                field=field, value=f"({len(others)} of them)", way_out=f"Name {most} at most, or wider networks",
                rule=f"are more than the {RULES_PER_GROUP} rules of a security group leave, of which {own} of the "
                f"{group} group are taken",
            )  # fmt: skip


def _tags(s: Settings) -> Iterator[Problem]:
    tags = s.tags.by_key
    for key, value in tags.items():
        try:
            check_tag(key, value)
        except Refused as refusal:
            yield refusal.problem(f"tags.{key}", value)
    for lower in sorted({key.lower() for key in tags}):
        same = [key for key in tags if key.lower() == lower]
        if len(same) > 1:
            yield Problem(
                field="tags", value=" and ".join(same), way_out="Keep one of them",
                rule="differ in case only, and IAM takes them for the same tag",
            )  # fmt: skip
    if len(tags) > MOST_TAGS:
        yield Problem(
            field="tags", value=f"({len(tags)} of them)", way_out=f"Keep {MOST_TAGS} at most",
            rule=f"are more than the {MOST_TAGS} that a resource has room for beside the program's own",
        )  # fmt: skip


_STORAGE_FIELDS = {
    "allocated_gib": ("database.allocatedStorageGib", "allocated_storage_gib"),
    "max_allocated_gib": ("database.maxAllocatedStorageGib", "max_allocated_storage_gib"),
    "iops": ("database.iops", "iops"),
    "throughput_mibps": ("database.storageThroughputMibps", "storage_throughput_mibps"),
}


def _storage(s: Settings) -> Iterator[Problem]:
    d = s.database
    for name, refusal in storage.check_storage(
        d.allocated_storage_gib, d.max_allocated_storage_gib, d.iops, d.storage_throughput_mibps
    ):
        field, attribute = _STORAGE_FIELDS[name]
        yield refusal.problem(field, getattr(d, attribute))


def _replicas(s: Settings) -> Iterator[Problem]:
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


def _replica_zones(s: Settings) -> Iterator[Problem]:
    zones = [zone for zone in s.zones if is_zone(s.region, zone)]  # another one is told of by itself
    for index, replica in enumerate(s.replicas):
        if zones and replica.zone not in s.zones:
            yield Problem(
                field=f"replicas[{index}].zone", value=replica.zone, way_out=f"Choose from {', '.join(zones)}",
                rule="has no database subnet in this network",
            )  # fmt: skip


def _budget(s: Settings) -> Iterator[Problem]:
    d = s.database
    if parameter_rules.compiled_of_primary(s)[1]:
        return
    budget = Platform(s).budget
    most = catalogue(d.engine_version.major)["max_connections"].maximum
    if budget.free < 0:
        yield Problem(
            field="database.parameters.max_connections", value=str(budget.max_connections),
            rule=f"is less than the {budget.needed} connections that the budget needs: {budget.hosts} hosts x "
            f"{budget.server_cap} pooled, {budget.direct} direct, {RESERVED_CONNECTIONS} reserved, "
            f"{INTERNAL_CONNECTIONS} of RDS",
            way_out=f"Raise it to {budget.needed} or more, or have fewer hosts or smaller pools"
            if most is not None and budget.needed <= most
            else "Have fewer hosts or smaller pools",
        )  # fmt: skip


def _clients(s: Settings) -> Iterator[Problem]:
    a = s.application
    primary, replica = (Pool(size=p.size, max_overflow=p.max_overflow) for p in (a.primary_pool, a.replica_pool))
    clients = a.processes_per_host * clients_per_process(primary, replica, len(s.replicas))
    if clients > s.pooler.max_client_conn:
        yield Problem(
            field="pooler.maxClientConn", value=str(s.pooler.max_client_conn),
            rule=f"is less than the {clients} connections that one host's {a.processes_per_host} processes may open",
            way_out=f"Raise it to {clients}, or have fewer processes or smaller pools",
        )  # fmt: skip


def _pool_sizes(s: Settings) -> Iterator[Problem]:
    if s.pooler.min_pool_size > s.pooler.default_pool_size:
        yield Problem(
            field="pooler.minPoolSize", value=str(s.pooler.min_pool_size), way_out="Lower it",
            rule=f"is more than pooler.defaultPoolSize {s.pooler.default_pool_size}",
        )  # fmt: skip


def _generation(s: Settings) -> Iterator[Problem]:
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


def _deletion(s: Settings) -> Iterator[Problem]:
    if s.protected and s.backups.retention_days == 0:
        yield Problem(
            field="backups.retentionDays", value="0", way_out="Keep them for 7 days, or make the stack disposable",
            rule="turns automated backups off in a protected stack: nothing could be restored to a point in time",
        )  # fmt: skip


def _state_secrets(s: Settings) -> Iterator[Problem]:
    if s.protected and s.under_passphrase and s.encryption.state_secrets != "passphrase":
        yield Problem(
            field="secretsprovider", value="",
            rule="is missing beside encryptionsalt: the next update would encrypt the whole state of this protected "
            "stack with the passphrase of whoever runs it, and lock out everybody else",
            way_out="Put its line back if the file had one (and take encryptionsalt out), else run: pulumi stack "
            "change-secrets-provider 'awskms://alias/<key>?region=<region>'. Who means a passphrase sets "
            "encryption.stateSecrets to passphrase",
        )  # fmt: skip


def _master(s: Settings) -> Iterator[Problem]:
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


def _database_name(s: Settings) -> Iterator[Problem]:
    """Of a new database; one that is taken over may be `postgres`, where no first one was named."""
    if s.database.begins_empty:
        try:
            check_database_name(s.database.name)
        except Refused as refusal:
            yield refusal.problem("database.name", s.database.name)


def _major_upgrade(s: Settings) -> Iterator[Problem]:
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


def _password_versions(s: Settings) -> Iterator[Problem]:
    known = (s.database.master_username, *roles.PASSWORD_ROLES)
    for name in s.credentials.password_versions:
        if name not in known:
            yield Problem(
                field="credentials.passwordVersions", value=name, way_out=f"Choose from {', '.join(known)}",
                rule="is not a role with a password",
            )  # fmt: skip
        elif s.credentials.rotate_every_days is not None and name != s.database.master_username:
            yield Problem(
                field=f"credentials.passwordVersions.{name}", value=str(s.credentials.password_versions[name]),
                rule="stands beside credentials.rotateEveryDays, by which Secrets Manager has the password in hand",
                way_out=f"Take it out; for a new password now: python -m ops credentials rotate {name} "
                f"-s {s.environment}",
            )  # fmt: skip


def _rotation(s: Settings) -> Iterator[Problem]:
    vpc = s.network.vpc
    services = vpc.interface_endpoints.services if vpc and vpc.interface_endpoints else ()
    if s.credentials.rotate_every_days is not None and SECRETS_SERVICE in services and METRICS_SERVICE not in services:
        yield Problem(
            field="credentials.rotateEveryDays", value=str(s.credentials.rotate_every_days),
            rule="needs a way to CloudWatch, by which hosts say that they have the new password, and functions of a "
            "network with an endpoint have no other way out",
            way_out=f"Add {METRICS_SERVICE} to network.vpc.interfaceEndpoints.services",
        )  # fmt: skip


def _vault_lock(s: Settings) -> Iterator[Problem]:
    lock = s.backups.vault_lock
    if lock is None:
        return
    least, most = lock.min_retention_days, lock.max_retention_days
    if least > most:
        yield Problem(
            field="backups.vaultLock.minRetentionDays", value=str(least), way_out="Lower it, or raise the other",
            rule=f"is more than maxRetentionDays {most}",
        )  # fmt: skip
        return
    daily, monthly = s.backups.daily_retention_days, s.backups.monthly_retention_days
    for field, days in (("dailyRetentionDays", daily), ("monthlyRetentionDays", monthly)):
        if not least <= days <= most:
            yield Problem(
                field=f"backups.{field}", value=str(days),
                rule=f"is not within backups.vaultLock, which takes {least} to {most} days: each backup would fail",
                way_out="Let the lock have minRetentionDays of no more, and maxRetentionDays of no less",
            )  # fmt: skip


def _copied_vault(s: Settings) -> Iterator[Problem]:
    """AWS Backup developer guide, "Copy a backup": of RDS's either to another account or to another region."""
    arn = s.backups.copy_to_vault_arn
    if arn and arn.split(":")[3] == s.region and not s.customer_keys:
        yield Problem(
            field="backups.copyToVaultArn", value=arn,
            rule="needs a key that another account may use, and AWS's own key for RDS is this account's alone",
            way_out="Set encryption.keys to customerManaged, or take it out",
        )  # fmt: skip


def _listeners(s: Settings) -> Iterator[Problem]:
    for severity, listeners in (("critical", s.monitoring.critical), ("warning", s.monitoring.warning)):
        for email in listeners.emails:
            if email in s.monitoring.alert_emails:
                yield Problem(
                    field=f"monitoring.{severity}.emails", value=email, way_out="Take it out of one of them",
                    rule="stands in monitoring.alertEmails too, which hears of both severities",
                )  # fmt: skip


def _thresholds(s: Settings) -> Iterator[Problem]:
    for key, value in s.monitoring.thresholds.items():
        try:
            threshold(key, value)
        except Refused as refusal:
            yield refusal.problem(f"monitoring.thresholds.{key}", value)


def _second_region(s: Settings) -> Iterator[Problem]:
    if s.backups.replicate_to_region == s.region:
        yield Problem(
            field="backups.replicateToRegion", value=s.region, way_out="Name another one, such as ap-northeast-3",
            rule="is the stack's own region, whose loss it is meant to survive",
        )  # fmt: skip
    if s.backups.replicate_to_region and s.backups.retention_days == 0:
        yield Problem(
            field="backups.replicateToRegion", value=s.backups.replicate_to_region,
            rule="has no automated backups to copy, as backups.retentionDays is 0", way_out="Keep backups",
        )  # fmt: skip
    if s.backups.replicate_to_region and not s.customer_keys:
        yield Problem(
            field="backups.replicateToRegion", value=s.backups.replicate_to_region,
            rule="needs a key of ours in that region, and encryption.keys is awsManaged",
            way_out="Set encryption.keys to customerManaged, or leave the second region out",
        )  # fmt: skip


_PARAMETERS = "database.parameters"
_ALLOCATED = "database.allocatedStorageGib"
_CEILING = "database.maxAllocatedStorageGib"
RULES = (
    Rule(("network",), _network),
    Rule(("access",), _networks),
    Rule(("tags",), _tags),
    Rule(("backups.window", "database.maintenanceWindow"), window_rules.backup_and_maintenance),
    Rule(("replicas", "backups.window"), window_rules.backup_and_replicas),
    Rule(("backups.vaultTime", "backups.window", "database.maintenanceWindow"), window_rules.vault),
    Rule(("schedule",), sleep_rules.sleep_hours),
    Rule(("schedule", "replicas"), sleep_rules.sleep_replicas),
    Rule((_ALLOCATED, _CEILING, "database.iops", "database.storageThroughputMibps"), _storage),
    Rule((_PARAMETERS, "database.trustedParameters"), parameter_rules.primary_parameters),
    Rule((_PARAMETERS, "database.trustedParameters", _ALLOCATED, _CEILING), parameter_rules.slot_cap),
    Rule(
        (_PARAMETERS, "database.trustedParameters", "database.instanceClass", "replicas"),
        parameter_rules.memory_of_classes,
    ),
    Rule(("replicas", "backups.retentionDays"), _replicas),
    Rule(("replicas", "network"), _replica_zones),
    Rule(("replicas", "database.trustedParameters"), parameter_rules.replica_parameters),
    Rule((_PARAMETERS, "database.instanceClass", "application", "pooler"), _budget),
    Rule(("application", "pooler.maxClientConn", "replicas"), _clients),
    Rule(("pooler",), _pool_sizes),
    Rule(("database.generation", "database.restoreFrom"), _generation),
    Rule(("backups.retentionDays", "database.deletionPolicy"), _deletion),
    Rule(("encryption.stateSecrets", "database.deletionPolicy"), _state_secrets),
    Rule(("database.masterUsername", "database.generation", "database.restoreFrom"), _master),
    Rule(("database.name", "database.generation", "database.restoreFrom"), _database_name),
    Rule(("database.allowMajorUpgrade", "database.engineVersion", "database.applyImmediately"), _major_upgrade),
    Rule(("credentials", "database.masterUsername"), _password_versions),
    Rule(("credentials", "network"), _rotation),
    Rule(("monitoring.thresholds",), _thresholds),
    Rule(("monitoring.alertEmails", "monitoring.critical", "monitoring.warning"), _listeners),
    Rule(("backups.replicateToRegion", "backups.retentionDays", "encryption.keys"), _second_region),
    Rule(("backups.vaultLock", "backups.dailyRetentionDays", "backups.monthlyRetentionDays"), _vault_lock),
    Rule(("backups.copyToVaultArn", "encryption.keys"), _copied_vault),
)
