"""A preview for people, section by section."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.text import Text

from blueprint.aws import storage
from blueprint.aws.subnets import Tier
from blueprint.instances import Instance
from blueprint.monitoring.alarms import Alarm, Compare, Missing, Severity
from blueprint.postgres import connections
from blueprint.postgres.compile import CompiledParameter
from blueprint.postgres.effective import display
from policy import RULES, Excepted, Level
from preview.page import Page, Row
from preview.report import Report, in_japan, is_rds_default, subnets, throughput_mibps
from preview.units import amount, count, number, size, span
from recording.recording import Component, Registration, Secret, Unknown

KEYS = {"customerManaged": "customer-managed keys", "awsManaged": "AWS-managed keys"}
NAT = {"none": "no NAT gateway", "single": "one NAT gateway for all zones", "perZone": "a NAT gateway in each zone"}
STATISTICS = {"Average": "average", "Maximum": "max", "Minimum": "min", "Sum": "sum", "SampleCount": "number of"}
WITHOUT_DATA = {
    Missing.BREACHING: "alarm",
    Missing.NOT_BREACHING: "OK",
    Missing.IGNORE: "as before",
    Missing.MISSING: "undecided",
}
HEARD = {Severity.CRITICAL: "someone gets up", Severity.WARNING: "someone looks in the morning"}
ORIGINS = {
    "stack file": "asked for by the stack file",
    "replica": "asked for by the stack file, for this replica",
    "purpose": "because of its purpose",
    "default": "this project's defaults",
}
LEVELS = {Level.MANDATORY: "bold red", Level.ADVISORY: "yellow"}
MADE_UP = "~"
# What tells the copies of a resource apart: the instance at the beginning, or the letter of a zone.
VARIANT = re.compile(r"(^primary(?=-)|^replica-\d+(?=-)|(?<=[a-z]-\d)[a-z]\b)")


def show(report: Report) -> None:
    """Print the report to standard output."""
    page = Page()
    for section in (
        _headline,
        _resources,
        _totals,
        _instances,
        _connections,
        _memory,
        _windows,
        _network,
        _parameters,
        _alarms,
        _outputs,
        _policy,
        _warnings,
    ):
        section(page, report)


def _headline(page: Page, report: Report) -> None:
    settings, database = report.platform.settings, report.platform.settings.database
    resources = report.first.resources
    page.title(
        f"{report.first.project} / {report.first.stack}",
        f"{settings.region}  offline preview: no account was asked, nothing was changed",
    )
    versions = "automatic minor versions" if database.engine_version.automatic_minor_upgrades else "minor version fixed"
    zones = "Multi-AZ" if database.multi_az else "one zone"
    protected = sum(resource.protect for resource in resources)
    kept = sum(resource.retain_on_delete for resource in resources)
    deletion = (
        f"{count(protected, 'resource')} protected, {kept} kept when deleted, a final snapshot"
        if settings.protected
        else "nothing is protected, no final snapshot"
    )
    components = sum(component.registration is not None for component in report.first.components)
    page.table(
        [
            ("database", f"PostgreSQL {database.engine_version}, {versions}; {database.instance_class.name}, {zones}; "
                         f"{count(len(settings.replicas), 'replica')}"),
            ("storage", _storage(report)),
            ("backups", _backups(report)),
            ("deletion", f"{database.deletion_policy}: {deletion}"),
            ("changes", "at once" if database.apply_immediately else "in the maintenance window"),
            ("alerts", ", ".join(settings.monitoring.alert_emails) or Text("to nobody", "yellow")),
            ("budget", f"{number(settings.monitoring.monthly_budget_usd)} USD a month for RDS"),
            ("resources", f"{len(resources)} in {count(components, 'component')}; a first preview and an update "
                          f"register the same"),
            ("policy", _verdict(report)),
            ("warnings", Text(f"{len(report.warnings)}, at the end", "yellow") if report.warnings else "none"),
        ]
    )  # fmt: skip


def _verdict(report: Report) -> Text:
    if report.stopped:
        return Text(f"stops this stack: {count(len(report.stopped), 'mandatory violation')}, at the end", "bold red")
    advised = len(report.violations)
    return Text(f"{advised} advisory, at the end" if advised else "nothing to say", "yellow" if advised else "")


def _storage(report: Report) -> str:
    settings, database = report.platform.settings, report.platform.settings.database
    ceiling = database.max_allocated_storage_gib
    growth = f"grows by itself to {number(ceiling)} GiB" if ceiling else "does not grow by itself"
    iops = storage.baseline_iops(database.allocated_storage_gib, database.iops)
    return (
        f"{number(database.allocated_storage_gib)} GiB gp3, {growth}; {number(iops)} IOPS, "
        f"{number(throughput_mibps(settings))} MiB/s; {KEYS[settings.encryption.keys]}"
    )


def _backups(report: Report) -> str:
    backups = report.platform.settings.backups
    elsewhere = f", also in {backups.replicate_to_region}" if backups.replicate_to_region else ""
    automated = (
        f"any point in the last {count(backups.retention_days, 'day')}{elsewhere}"
        if backups.retention_days
        else "no automated ones"
    )
    return (
        f"{automated}; AWS Backup daily for {count(backups.daily_retention_days, 'day')}, monthly for "
        f"{count(backups.monthly_retention_days, 'day')}"
    )


def _resources(page: Page, report: Report) -> None:
    page.heading("Resources", "by component, without the component's name")
    for component in report.first.components:
        total = count(len(component.resources), "resource")
        if component.registration is None:
            page.subheading("outside components", total)
        else:
            page.subheading(component.registration.name, f"{_short_type(component.registration.type)}  {total}")
        page.table(list(_resource_rows(component)), indent=4)


def _totals(page: Page, report: Report) -> None:
    by_service: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for type_, total in report.totals.items():
        service, _, kind = _short_type(type_).partition(".")
        by_service[service].append((-total, kind))
    page.heading("Totals by type")
    page.table(
        [
            (service, str(-sum(total for total, _ in kinds)).rjust(3),
             ", ".join(f"{-total} {kind}" for total, kind in sorted(kinds)))
            for service, kinds in sorted(by_service.items())
        ]
    )  # fmt: skip


def _instances(page: Page, report: Report) -> None:
    anywhere = "Multi-AZ" if report.platform.settings.database.multi_az else "RDS chooses"
    page.heading("Instances")
    page.table(
        [
            (i.role, report.identifier(i), i.instance_class.name, str(i.instance_class.vcpus),
             f"{i.instance_class.memory_gib} GiB", i.zone or anywhere, i.purpose or "writes")
            for i in report.platform.instances
        ],
        ("role", "identifier", "class", "vCPUs", "memory", "zone", "purpose"),
    )  # fmt: skip


def _connections(page: Page, report: Report) -> None:
    b, pooler = report.platform.budget, report.platform.settings.pooler
    hosts, processes = count(b.hosts, "host"), count(b.processes_per_host, "process", "processes")
    primary = f"{b.primary_pool.size} + {b.primary_pool.max_overflow}"
    replica = f"{b.replica_pool.size} + {b.replica_pool.max_overflow}"
    note = f"a process has a pool of {primary} to the primary" + (f", of {replica} to replicas" if b.replicas else "")
    reserved, internal = connections.RESERVED_CONNECTIONS, connections.INTERNAL_CONNECTIONS
    page.heading("Connections", note)
    page.table(
        [
            ("clients per host", f"{processes} x ({f'{primary} + {replica}' if b.replicas else primary})",
             _sum(b.clients_per_host), _fit(b.clients_per_host <= b.max_client_conn,
                                            f"of max_client_conn {number(b.max_client_conn)}")),
            ("primary's clients", f"{hosts} x {processes} x ({primary})", _sum(b.primary_clients), ""),
            ("through PgBouncer", f"{hosts} x ({pooler.default_pool_size} + {pooler.reserve_pool_size} in reserve)",
             _sum(b.pooled), "to each instance"),
            ("sessions", f"{b.pooled} + {b.direct} beside PgBouncer", _sum(b.backends),
             f"alarm above {b.alarm_threshold}"),
            ("slots", f"{b.backends} + {reserved} reserved + {internal} of RDS itself", _sum(b.needed),
             _fit(b.free >= 0, f"of max_connections {number(b.max_connections)}, {number(b.free)} free")),
        ]
    )  # fmt: skip


def _sum(value: int) -> str:
    return f"= {number(value):>5}"


def _fit(fits: bool, text: str) -> Text:
    return Text(text) if fits else Text(f"{text}: does not fit", "bold red")


def _memory(page: Page, report: Report) -> None:
    rows = []
    for instance in report.platform.instances:
        m = report.platform.memory(instance)
        vacuum = f"{m.autovacuum_workers} x {size(m.maintenance_work_mem)}" if m.autovacuum_workers else "-"
        share = f"of {size(m.available)}, {m.total * 100 // m.available} %"
        rows.append(
            (instance.role, size(m.shared_buffers), f"{m.backends} x {size(m.work_mem)}", vacuum, size(m.total),
             _fit(m.fits, share))
        )  # fmt: skip
    page.heading("Memory", "worst case: every session sorts, every autovacuum worker runs")
    page.table(rows, ("", "shared_buffers", "+ sessions x work_mem", "+ autovacuum", "= total", ""))
    page.note(f"{size(connections.SYSTEM_BYTES)} of each class's memory are the system's and not counted.")


def _windows(page: Page, report: Report) -> None:
    backups, maintenance = report.platform.settings.backups, report.platform.settings.database.maintenance_window
    page.heading("Windows")
    page.table(
        [
            ("backup", str(backups.window), in_japan(backups.window), "automated backups, every day"),
            ("AWS Backup", str(backups.vault_time), in_japan(backups.vault_time), "starts, daily and monthly"),
            ("maintenance", str(maintenance), in_japan(maintenance), "every week"),
        ],
        ("", "UTC", "Japan", ""),
    )


def _network(page: Page, report: Report) -> None:
    network, plan = report.platform.settings.network, report.platform.subnets
    if network.vpc and plan:
        page.heading("Network", f"{network.vpc.cidr}, of which {plan.free} is free; {NAT[network.vpc.nat_gateways]}")
    elif network.existing_vpc:
        page.heading("Network", f"existing {network.existing_vpc.vpc_id}; its routes and endpoints are left alone")
    by_zone = subnets(report.platform).items()
    page.table(
        [(zone, *(ids.get(tier.value, "-") for tier in Tier)) for zone, ids in by_zone],
        ("zone", *(tier.value for tier in Tier)),
    )
    access = report.platform.settings.access
    for networks, what in ((access.ssh_networks, "port 22 of hosts"), (access.database_networks, "the database")):
        if networks:
            page.note(f"{', '.join(map(str, networks))} may reach {what}.")


def _parameters(page: Page, report: Report) -> None:
    shown = []
    for instance in report.platform.instances:
        parameters = report.parameters(instance)
        shown += parameters
        total = len(instance.parameters)
        note = str(total) if instance.number is None else f"{total}, of which {len(parameters)} are not the primary's"
        page.heading(f"Parameters of {instance.role}", note)
        for origin, title in ORIGINS.items():
            rows = [_parameter_row(p, instance) for p in parameters if report.origin(p, instance) == origin]
            if rows:
                page.subheading(title, str(len(rows)))
                page.table(rows, ("parameter", "asked", "what RDS gets", "applied"), wrap=2)
    if any(is_rds_default(p) for p in shown):
        page.note("* RDS's own default: nothing waits for a reboot.")
    if any("DBInstanceClassMemory" in p.value for p in shown):
        page.note("Shares are counted from the whole memory of the class; RDS's own count is a little less.")


def _parameter_row(parameter: CompiledParameter, instance: Instance) -> Row:
    meaning = display(parameter, instance.class_memory_bytes)
    if meaning.startswith(f"{parameter.value} = ") and parameter.value.startswith("{"):
        meaning = f"{meaning.removeprefix(f'{parameter.value} = ')}\n{parameter.value}"
    applied = "at once" if parameter.apply_method == "immediate" else "reboot"
    default = is_rds_default(parameter)
    return parameter.name, parameter.asked, meaning, Text(f"{applied}*", "dim") if default else applied


def _alarms(page: Page, report: Report) -> None:
    alarms, everywhere = report.platform.alarms, {instance.role for instance in report.platform.instances}
    order = list(dict.fromkeys(alarm.key for alarm in alarms))
    on_instances = sum(alarm.instance in everywhere for alarm in alarms)
    published = f"{len(alarms) - on_instances} on what the platform publishes itself"
    page.heading("Alarms", f"{on_instances} on {count(len(everywhere), 'instance')}, {published}")
    for severity in Severity:
        alike: dict[tuple[str, ...], list[str]] = defaultdict(list)
        for alarm in sorted((a for a in alarms if a.severity is severity), key=lambda a: order.index(a.key)):
            alike[_alarm_row(alarm)].append(alarm.instance)
        rows = [(*row, "all" if set(on) == everywhere and len(on) > 1 else ", ".join(on)) for row, on in alike.items()]
        style = "red" if severity is Severity.CRITICAL else ""
        total = sum(len(on) for on in alike.values())
        page.subheading(Text(severity.value, style), f"{total}: {HEARD[severity]}")
        page.table(rows, ("alarm", "when", "for", "no data", "on"))
    page.note("no data: the alarm's state then; undecided is CloudWatch's INSUFFICIENT_DATA, of which nobody is told.")


def _alarm_row(alarm: Alarm) -> tuple[str, ...]:
    """What an alarm says without its instance: alike on several instances, it is one line."""
    statistic = STATISTICS.get(alarm.statistic, alarm.statistic)
    metric = alarm.metric.removeprefix(f"{alarm.instance}-")
    sign = ">" if alarm.compare is Compare.ABOVE else "<"
    when = f"{statistic} {metric} {sign} {amount(alarm.threshold, alarm.unit)}"
    if alarm.expression:
        when += f"\nof {alarm.expression}"
    return alarm.key, when, span(alarm.period_seconds * alarm.periods), WITHOUT_DATA[alarm.missing]


def _outputs(page: Page, report: Report) -> None:
    page.heading("Outputs", f"{MADE_UP} marks what only a deployment tells: the form is right, the ids are made up")
    for value in report.outputs:
        page.table([(value.output.name, Text(value.output.description, "dim"))])
        leaves = list(_leaves(value.first, value.update))
        joined = ", ".join(text for _, text in leaves)
        if len(joined) < page.columns - 8:
            leaves = [(max((mark for mark, _ in leaves), default=""), joined or "none")]
        page.table([(mark.ljust(1), text) for mark, text in leaves], indent=4, wrap=None)


def _leaves(first: Any, update: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Mark and text of each part of an output; `first` tells which of them are known before a deployment."""
    if isinstance(update, Mapping):
        for key, item in sorted(update.items()):
            yield from _leaves(_part(first, key), item, f"{path}.{key}" if path else str(key))
    elif isinstance(update, list):
        for index, item in enumerate(update):
            numbered = f"{path}[{index}]" if isinstance(item, list | Mapping) else path
            yield from _leaves(_part(first, index), item, numbered)
    else:
        text = "(secret)" if isinstance(update, Secret) else str(update)
        yield MADE_UP if isinstance(first, Unknown) else "", f"{path}: {text}" if path else text


def _part(value: Any, key: Any) -> Any:
    return value if isinstance(value, Unknown) else value[key]


def _policy(page: Page, report: Report) -> None:
    excepted = count(len(report.exceptions), "exception")
    page.heading("Policy", f"{count(len(RULES), 'rule')}, {excepted}; as `pulumi preview --policy-pack policy` judges")
    rows: list[Row] = [(Text(each.level.value, LEVELS[each.level]), each.message) for each in report.violations]
    page.table([*rows, *((Text("excepted", "dim"), Text(_exception(each), "dim")) for each in report.exceptions)])


def _exception(excepted: Excepted) -> str:
    return f"{excepted.pattern} from {excepted.rule}: {excepted.reason}"


def _warnings(page: Page, report: Report) -> None:
    if report.warnings:
        page.heading("Warnings")
        page.table([(Text("!", "bold yellow"), warning) for warning in report.warnings])


def _resource_rows(component: Component) -> Iterator[Row]:
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for resource in component.resources:
        groups[_short_type(resource.type), _marks(resource)].append(component.short_name(resource))
    for (type_, marks), names in groups.items():
        listed = Text(", ".join(_merged(names)))
        if marks:
            listed.append(f"  [{marks}]", "green")
        yield type_, str(len(names)).rjust(2), listed


def _merged(names: Sequence[str]) -> Iterator[str]:
    """Copies in one, as in a shell: `nat-ap-northeast-1{a,c}`, `{primary,replica-1}-{cpu-high, swap-high}`."""
    copies: dict[tuple[str, str], list[str]] = defaultdict(list)
    for name in names:
        before, variant, after = (*VARIANT.split(name, maxsplit=1), "", "")[:3]
        copies[before, after].append(variant)
    alike: dict[str, list[str]] = defaultdict(list)
    for (before, after), variants in copies.items():
        alike[before + _braces(variants, ",")].append(after)
    for head, ends in alike.items():
        if len(ends) > 1 and all(end.startswith("-") for end in ends):
            yield f"{head}-{_braces([end[1:] for end in ends], ', ')}"
        else:
            yield from (head + end for end in ends)


def _braces(parts: Sequence[str], separator: str) -> str:
    return parts[0] if len(parts) == 1 else f"{{{separator.join(parts)}}}"


def _marks(resource: Registration) -> str:
    marks = (("protected", resource.protect), ("kept when deleted", resource.retain_on_delete))
    return ", ".join(mark for mark, holds in marks if holds)


def _short_type(type_: str) -> str:
    """`aws:rds/instance:Instance` as `rds.Instance`, `langpont:database:Secrets` as `Secrets`."""
    package, module, name = type_.split(":")
    if package == "langpont":
        return name
    service = module.split("/")[0]
    return f"{package if service == 'index' else service}.{name}"
