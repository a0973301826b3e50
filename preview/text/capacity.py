"""Sections about capacity: instances, connections, memory, windows, network, parameters."""

from __future__ import annotations

from rich.text import Text

from blueprint.aws.instance_classes import EBS_BURST_MINUTES
from blueprint.aws.subnets import Tier
from blueprint.aws.windows import DailyWindow
from blueprint.instances import Instance
from blueprint.postgres import connections
from blueprint.postgres.compile import CompiledParameter
from blueprint.postgres.effective import display
from preview.page import Page, Row
from preview.report import Report, in_japan, is_rds_default, subnets
from preview.units import count, number, size

DOCUMENT_TPS = 1000  # "1,000 TPS or more", what the LangPont document asks of the database
NAT = {"none": "no NAT gateway", "single": "one NAT gateway for all zones", "perZone": "a NAT gateway in each zone"}
ORIGINS = {
    "stack file": "asked for by the stack file",
    "replica": "asked for by the stack file, for this replica",
    "purpose": "because of its purpose",
    "default": "this project's defaults",
}


def show(page: Page, report: Report, *, everything: bool) -> None:
    """Its sections; of the parameters only those that the stack file or a purpose asks for, unless `everything`."""
    for section in (_instances, _performance, _connections, _memory, _windows, _network):
        section(page, report)
    _parameters(page, report, everything=everything)


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


def _performance(page: Page, report: Report) -> None:
    volume = report.platform.settings.database.volume
    rows, burstable = [], False
    for instance in report.platform.instances:
        size, sustained = instance.instance_class, instance.sustains(volume)
        bursts = f"{number(size.burst_iops)} IOPS, {number(round(size.burst_mb_per_second))} MB/s"
        burstable |= size.burstable
        rows.append(
            (instance.role, f"{number(sustained.iops)} IOPS, {number(round(sustained.mb_per_second))} MB/s",
             sustained.limited_by, f"{number(round(sustained.iops / DOCUMENT_TPS, 1))} I/O",
             bursts if size.burst_iops > size.sustained_iops else "-",
             f"{hours:.1f} h" if (hours := size.full_speed_hours) else "no limit")
        )  # fmt: skip
    page.heading("Performance", "what storage and CPU bear; the smaller of class and volume is the limit")
    columns = ("", "sustained", "limit", f"each of {number(DOCUMENT_TPS)} TPS", "class bursts to", "all vCPUs busy")
    page.table(rows, columns)
    page.note(f"A class bursts for {EBS_BURST_MINUTES} minutes at least once in 24 hours, as far as the volume goes.")
    if burstable:
        page.note("All vCPUs busy: how long a full balance of CPU credits lasts; after that they are charged.")


def _connections(page: Page, report: Report) -> None:
    b, pooler = report.platform.budget, report.platform.settings.pooler
    hosts, processes = count(b.hosts, "host"), count(b.processes_per_host, "process", "processes")
    primary = f"{b.primary_pool.size} + {b.primary_pool.max_overflow}"
    replica = f"{b.replica_pool.size} + {b.replica_pool.max_overflow}"
    note = f"a process has a pool of {primary} to the primary" + (
        f", of {replica} to each replica" if b.replicas else ""
    )
    reserved, internal = connections.RESERVED_CONNECTIONS, connections.INTERNAL_CONNECTIONS
    page.heading("Connections", note)
    page.table(
        [
            ("clients per host", f"{processes} x ({_pools(b)})",
             _sum(b.clients_per_host), _fit(b.clients_per_host <= b.max_client_conn,
                                            f"of max_client_conn {number(b.max_client_conn)}")),
            ("primary's clients", f"{hosts} x {processes} x ({primary})", _sum(b.primary_clients), ""),
            ("through PgBouncer", f"{hosts} x ({pooler.default_pool_size} + {pooler.reserve_pool_size} in reserve "
             f"+ {connections.WATCH_CONNECTIONS} to watch)",
             _sum(b.pooled), "to each instance"),
            ("sessions", f"{b.pooled} + {b.direct} beside PgBouncer", _sum(b.backends),
             f"alarm above {b.alarm_threshold}"),
            ("slots", f"{b.backends} + {reserved} reserved + {internal} of RDS itself", _sum(b.needed),
             _fit(b.free >= 0, f"of max_connections {number(b.max_connections)}, {number(b.free)} free")),
        ]
    )  # fmt: skip


def _pools(budget: connections.ConnectionBudget) -> str:
    """Connections of one process as a sum: its pools, and one to each server to watch it."""
    primary, replica = budget.primary_pool, budget.replica_pool
    written = f"{primary.size} + {primary.max_overflow}"
    if budget.replicas:
        times = f"{budget.replicas} x " if budget.replicas > 1 else ""
        written += f" + {times}({replica.size} + {replica.max_overflow}) + {1 + budget.replicas}"
    return written


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
    page.note("About what each class has for PostgreSQL: the system's and RDS's own part is not counted.")


def _windows(page: Page, report: Report) -> None:
    backups, sleep = report.platform.settings.backups, report.platform.settings.sleep
    asleep = []
    if sleep is not None:
        window = DailyWindow(sleep.stop.minute, sleep.start.minute)
        asleep = [("asleep", str(window), in_japan(window), f"daily; started on {', '.join(sleep.days)}")]
    page.heading("Windows")
    page.table(
        [
            ("backup", str(backups.window), in_japan(backups.window), "daily"),
            ("AWS Backup", str(backups.vault_time), in_japan(backups.vault_time), "daily, monthly"),
            *(
                (f"maintenance, {it.role}", str(it.maintenance_window), in_japan(it.maintenance_window), "weekly")
                for it in report.platform.instances
            ),
            *asleep,
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
    database = (*access.database_networks, *access.database_security_groups)
    for others, what in ((access.ssh_networks, "port 22 of hosts"), (database, "the database")):
        if others:
            page.note(f"{', '.join(map(str, others))} may reach {what}.")


def _parameters(page: Page, report: Report, *, everything: bool) -> None:
    shown = []
    for instance in report.platform.instances:
        parameters = report.parameters(instance)
        by_origin = {
            origin: [p for p in parameters if report.origin(p, instance) == origin]
            for origin in ORIGINS
            if everything or origin != "default"
        }
        total = len(instance.parameters)
        own = count(len(parameters), "is not the primary's", "are not the primary's")
        note = str(total) if instance.number is None else f"{total}, of which {own}"
        left = len(parameters) - sum(map(len, by_origin.values()))
        defaults = count(left, "is this project's default", "are this project's defaults")
        page.heading(f"Parameters of {instance.role}", f"{note}; {defaults}" if left else note)
        for origin, chosen in by_origin.items():
            if chosen:
                page.subheading(ORIGINS[origin], str(len(chosen)))
                rows = [_parameter_row(parameter, instance) for parameter in chosen]
                page.table(rows, ("parameter", "asked", "what RDS gets", "applied"))
                shown += chosen
    if any(is_rds_default(p) for p in shown):
        page.note(
            "* RDS's own default, in effect from the start on; a value that is set back to it waits for a reboot."
        )
    if any("DBInstanceClassMemory" in p.value for p in shown):
        page.note("Shares are counted from the whole memory of the class; RDS's own count is a little less.")


def _parameter_row(parameter: CompiledParameter, instance: Instance) -> Row:
    meaning = display(parameter, instance.database_memory_bytes)
    if meaning.startswith(f"{parameter.value}, about"):
        meaning = f"{meaning.removeprefix(f'{parameter.value}, ')}\n{parameter.value}"
    applied = "at once" if parameter.apply_method == "immediate" else "reboot"
    default = is_rds_default(parameter)
    return parameter.name, parameter.asked, meaning, Text(f"{applied}*", "dim") if default else applied
