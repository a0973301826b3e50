"""The JSON document of `--json`: a preview for machines, the same for the same stack file and program.

The keys, all of them always there:

- project, stack, region; summary: instanceClass, engineVersion, deletionPolicy, components, resources, protected,
  retainedOnDelete; totals: resources by type; warnings: whole sentences.
- cost: usdAMonth of what stands all month and has a known price, databaseUsdAMonth (the part that the budget counts),
  budgetUsdAMonth, unknown (how many of what has no price, by item).
- policy: rules (how many), violations: level, rule, resource, message, mandatory first; exceptions: rule, resources (a
  pattern of logical names), reason.
- components: type, name, resources; a resource has type, name (both are its identity), protect, retainOnDelete,
  deleteBeforeReplace, ignoreChanges, inputs (as a first preview knows them), settled (a digest by input as an update
  knows it, with made-up ids and secrets, so that a change shows where a value does not), trigger (the same of what
  replaces it when it changes, or null).
- instances: role, identifier, instanceClass, vcpus, memoryGib, performance, multiAz, purpose, zone, memory, parameters.
  The first is the primary, and its purpose and zone are null. A parameter has name, asked, value (what RDS takes),
  meaning (for people), applyMethod, static, rdsDefault, origin.
- connections, windows, storage, backups, network: as their functions below spell them, units in the keys. The subnets
  of the network are a CIDR or an id by zone and tier.
- alarms: name, instance, severity, namespace, metric, statistic, expression, comparison, threshold, reasoned, unit,
  periodSeconds, periods, treatMissingData, watches, nextStep.
- outputs: name, type, description, value, madeUp, standIn. `value` is what is known before the deployment; where
  `madeUp`, a part of it is not, and `standIn` shows the form of the whole with invented ids. Otherwise standIn is null.

A secret is {"secret": true} wherever it stands, what only a deployment tells is {"unknown": true}, and the files of a
function are {"archive": their digest}.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from blueprint.aws.windows import DailyTime, DailyWindow, WeeklyWindow
from blueprint.instances import Instance
from blueprint.monitoring.alarm import Alarm
from blueprint.platform import Platform
from blueprint.postgres import connections
from blueprint.postgres.compile import CompiledParameter
from blueprint.postgres.effective import display
from blueprint.settings import Settings
from policy import RULES
from preview.report import OutputValue, Report, in_japan, is_rds_default, subnets
from recording.archives import Archive
from recording.plan import digest, digests
from recording.recording import Component, Recording, Registration, Secret, Unknown


def document(report: Report) -> dict[str, Any]:
    """The whole report as plain JSON values, in a fixed order, without any secret value."""
    settings, resources = report.platform.settings, report.first.resources
    components = report.first.components
    return {
        "project": report.first.project,
        "stack": report.first.stack,
        "region": settings.region,
        "summary": {
            "instanceClass": settings.database.instance_class.name,
            "engineVersion": str(settings.database.engine_version),
            "deletionPolicy": settings.database.deletion_policy,
            "components": sum(component.registration is not None for component in components),
            "resources": len(resources),
            "protected": sum(resource.protect for resource in resources),
            "retainedOnDelete": sum(resource.retain_on_delete for resource in resources),
        },
        "totals": dict(sorted(report.totals.items())),
        "cost": _cost(report),
        "warnings": report.warnings,
        "policy": _policy(report),
        "components": [_component(component, report.update) for component in components],
        "instances": [_instance(report, instance) for instance in report.platform.instances],
        "connections": _connections(report.platform),
        "windows": _windows(settings),
        "storage": _storage(settings),
        "backups": _backups(settings),
        "network": _network(report.platform),
        "alarms": [alarm(each) for each in report.platform.alarms],
        "outputs": [_output(value) for value in report.outputs],
    }


def _cost(report: Report) -> dict[str, Any]:
    cost, budget = report.cost, report.platform.settings.monitoring.monthly_budget_usd
    known = {"usdAMonth": float(cost.usd), "databaseUsdAMonth": float(cost.database), "budgetUsdAMonth": budget}
    return known | {"unknown": dict(cost.unknown)}


def _policy(report: Report) -> dict[str, Any]:
    return {
        "rules": len(RULES),
        "violations": [
            {"level": each.level.value, "rule": each.rule, "resource": each.resource, "message": each.message}
            for each in report.violations
        ],
        "exceptions": [
            {"rule": each.rule, "resources": each.pattern, "reason": each.reason} for each in report.exceptions
        ],
    }


def plain(value: Any) -> Any:
    """A recorded value as JSON has it: keys sorted, secrets and unknowns named and not shown, archives by digest."""
    if isinstance(value, Secret):
        return {"secret": True}
    if isinstance(value, Unknown):
        return {"unknown": True}
    if isinstance(value, Archive):
        return {"archive": value.digest}
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in sorted(value.items())}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def _component(component: Component, update: Recording) -> dict[str, Any]:
    return {
        "type": component.registration.type if component.registration else None,
        "name": component.registration.name if component.registration else None,
        "resources": [_resource(each, update.registrations[each.urn]) for each in component.resources],
    }


def _performance(report: Report, instance: Instance) -> dict[str, Any]:
    sustained = instance.sustains(report.platform.settings.database.volume)
    size = instance.instance_class
    return {
        "sustainedIops": sustained.iops,
        "sustainedMbPerSecond": sustained.mb_per_second,
        "limitedBy": sustained.limited_by,
        "classBurstIops": size.burst_iops,
        "classBurstMbPerSecond": size.burst_mb_per_second,
        "cpuFullSpeedHours": None if size.full_speed_hours is None else round(size.full_speed_hours, 1),
    }


def _resource(resource: Registration, updated: Registration) -> dict[str, Any]:
    return {
        "type": resource.type,
        "name": resource.name,
        "protect": resource.protect,
        "retainOnDelete": resource.retain_on_delete,
        "deleteBeforeReplace": resource.delete_before_replace,
        "ignoreChanges": list(resource.ignore_changes),
        "inputs": plain(resource.inputs),
        "settled": digests(updated.inputs),
        "trigger": digest(updated.replacement_trigger),
    }


def _instance(report: Report, instance: Instance) -> dict[str, Any]:
    memory = report.platform.memory(instance)
    return {
        "role": instance.role,
        "identifier": report.identifier(instance),
        "instanceClass": instance.instance_class.name,
        "vcpus": instance.instance_class.vcpus,
        "memoryGib": instance.instance_class.memory_gib,
        "performance": _performance(report, instance),
        "multiAz": instance.number is None and report.platform.settings.database.multi_az,
        "purpose": instance.purpose,
        "zone": instance.zone,
        "maintenanceWindow": {"utc": str(instance.maintenance_window), "japan": in_japan(instance.maintenance_window)},
        "memory": {
            "sharedBuffersBytes": memory.shared_buffers,
            "backends": memory.backends,
            "workMemBytes": memory.work_mem,
            "autovacuumWorkers": memory.autovacuum_workers,
            "maintenanceWorkMemBytes": memory.maintenance_work_mem,
            "totalBytes": memory.total,
            "systemBytes": instance.class_memory_bytes - memory.available,
            "availableBytes": memory.available,
            "fits": memory.fits,
        },
        "parameters": [_parameter(report, instance, parameter) for parameter in instance.parameters],
    }


def _parameter(report: Report, instance: Instance, parameter: CompiledParameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "asked": parameter.asked,
        "value": parameter.value,
        "meaning": display(parameter, instance.database_memory_bytes),
        "applyMethod": parameter.apply_method,
        "static": parameter.static,
        "rdsDefault": is_rds_default(parameter),
        "origin": report.origin(parameter, instance),
    }


def _connections(platform: Platform) -> dict[str, Any]:
    budget = platform.budget
    return {
        "hosts": budget.hosts,
        "processesPerHost": budget.processes_per_host,
        "primaryPool": {"size": budget.primary_pool.size, "maxOverflow": budget.primary_pool.max_overflow},
        "replicaPool": {"size": budget.replica_pool.size, "maxOverflow": budget.replica_pool.max_overflow},
        "replicas": budget.replicas,
        "clientsPerHost": budget.clients_per_host,
        "maxClientConn": budget.max_client_conn,
        "primaryClients": budget.primary_clients,
        "serverCapPerHost": budget.server_cap,
        "pooled": budget.pooled,
        "direct": budget.direct,
        "sessions": budget.backends,
        "reserved": connections.RESERVED_CONNECTIONS,
        "internal": connections.INTERNAL_CONNECTIONS,
        "needed": budget.needed,
        "maxConnections": budget.max_connections,
        "free": budget.free,
        "alarmAbove": budget.alarm_threshold,
    }


def _windows(settings: Settings) -> dict[str, Any]:
    """Backup window, the primary's maintenance window, AWS Backup's time: in UTC, as AWS takes it, and in Japan's."""
    named: dict[str, DailyWindow | WeeklyWindow | DailyTime] = {
        "backup": settings.backups.window,
        "maintenance": settings.database.maintenance_window,
        "vault": settings.backups.vault_time,
    }
    return {name: {"utc": str(window), "japan": in_japan(window)} for name, window in named.items()}


def _storage(settings: Settings) -> dict[str, Any]:
    database = settings.database
    return {
        "type": "gp3",
        "allocatedGib": database.allocated_storage_gib,
        "maxAllocatedGib": database.max_allocated_storage_gib,
        "iops": database.volume.iops,
        "throughputMibps": database.volume.mibps,
        "keys": settings.encryption.keys,
    }


def _backups(settings: Settings) -> dict[str, Any]:
    backups = settings.backups
    return {
        "retentionDays": backups.retention_days,
        "dailyRetentionDays": backups.daily_retention_days,
        "monthlyRetentionDays": backups.monthly_retention_days,
        "replicateToRegion": backups.replicate_to_region,
    }


def _network(platform: Platform) -> dict[str, Any]:
    """The VPC; what belongs to one of our own is null in an existing one, and the other way round."""
    vpc, existing = platform.settings.network.vpc, platform.settings.network.existing_vpc
    return {
        "cidr": str(vpc.cidr) if vpc else None,
        "free": str(platform.subnets.free) if platform.subnets else None,
        "natGateways": vpc.nat_gateways if vpc else None,
        "existingVpcId": existing.vpc_id if existing else None,
        "subnets": subnets(platform),
    }


def alarm(alarm: Alarm) -> dict[str, Any]:
    """An alarm as the document has it."""
    return {
        "name": alarm.name,
        "instance": alarm.instance,
        "severity": alarm.severity.value,
        "namespace": alarm.namespace,
        "metric": alarm.metric,
        "statistic": alarm.statistic,
        "expression": alarm.expression,
        "comparison": alarm.compare.value,
        "threshold": alarm.threshold,
        "reasoned": alarm.reasoned,
        "unit": alarm.unit,
        "periodSeconds": alarm.period_seconds,
        "periods": alarm.periods,
        "treatMissingData": alarm.missing.value,
        "watches": alarm.watches,
        "nextStep": alarm.next_step,
    }


def _output(value: OutputValue) -> dict[str, Any]:
    return {
        "name": value.output.name,
        "type": value.output.type,
        "description": value.output.description,
        "value": plain(value.first),
        "madeUp": value.made_up,
        "standIn": plain(value.update) if value.made_up else None,
    }
