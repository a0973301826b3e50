"""Rules between fields of the stack file: what AWS would refuse only at deployment is refused at preview."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from blueprint.problems import Problem
from blueprint.settings import Settings
from blueprint.stack_file import (
    backup_rules,
    connection_rules,
    credential_rules,
    database_rules,
    monitoring_rules,
    network_rules,
    parameter_rules,
    sleep_rules,
    tag_rules,
    window_rules,
)


class Rule(NamedTuple):
    """One rule, and the fields it reads: it is left out when one of them is already refused for itself."""

    fields: tuple[str, ...]
    check: Callable[[Settings], Iterator[Problem]]


_PARAMETERS = "database.parameters"
_ALLOCATED = "database.allocatedStorageGib"
_CEILING = "database.maxAllocatedStorageGib"
RULES = (
    Rule(("network",), network_rules.network),
    Rule(("access",), network_rules.networks),
    Rule(("tags",), tag_rules.own_tags),
    Rule(("backups.window", "database.maintenanceWindow"), window_rules.backup_and_maintenance),
    Rule(("replicas", "backups.window"), window_rules.backup_and_replicas),
    Rule(("backups.vaultTime", "backups.window", "database.maintenanceWindow"), window_rules.vault),
    Rule(("schedule",), sleep_rules.sleep_hours),
    Rule(("schedule", "replicas"), sleep_rules.sleep_replicas),
    Rule((_ALLOCATED, _CEILING, "database.iops", "database.storageThroughputMibps"), database_rules.volume),
    Rule((_PARAMETERS, "database.trustedParameters"), parameter_rules.primary_parameters),
    Rule((_PARAMETERS, "database.trustedParameters", _ALLOCATED, _CEILING), parameter_rules.slot_cap),
    Rule(
        (_PARAMETERS, "database.trustedParameters", "database.instanceClass", "replicas"),
        parameter_rules.memory_of_classes,
    ),
    Rule(("replicas", "backups.retentionDays"), database_rules.replicas),
    Rule(("replicas", "network"), database_rules.replica_zones),
    Rule(("replicas", "database.trustedParameters"), parameter_rules.replica_parameters),
    Rule((_PARAMETERS, "database.instanceClass", "application", "pooler"), connection_rules.max_connections),
    Rule(("application", "pooler.maxClientConn", "replicas"), connection_rules.max_client_conn),
    Rule(("pooler",), connection_rules.pool_sizes),
    Rule(("database.generation", "database.restoreFrom"), database_rules.restore_from),
    Rule(("backups.retentionDays", "database.deletionPolicy"), backup_rules.deletion),
    Rule(("encryption.stateSecrets", "database.deletionPolicy"), credential_rules.state_secrets),
    Rule(("database.masterUsername", "database.generation", "database.restoreFrom"), database_rules.master),
    Rule(("database.name", "database.generation", "database.restoreFrom"), database_rules.database_name),
    Rule(
        ("database.allowMajorUpgrade", "database.engineVersion", "database.applyImmediately"),
        database_rules.major_upgrade,
    ),
    Rule(("credentials", "database.masterUsername"), credential_rules.password_versions),
    Rule(("credentials", "network"), credential_rules.rotation),
    Rule(("monitoring.thresholds",), monitoring_rules.thresholds),
    Rule(("monitoring.alertEmails", "monitoring.critical", "monitoring.warning"), monitoring_rules.listeners_once),
    Rule(("backups.replicateToRegion", "backups.retentionDays", "encryption.keys"), backup_rules.second_region),
    Rule(("backups.vaultLock", "backups.dailyRetentionDays", "backups.monthlyRetentionDays"), backup_rules.vault_lock),
    Rule(("backups.copyToVaultArn", "encryption.keys"), backup_rules.copied_vault),
)
