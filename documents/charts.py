"""Mermaid diagrams of a stack: components, data flow, monitoring."""

from __future__ import annotations

from collections import Counter

from blueprint.monitoring import log_filters, metrics
from blueprint.monitoring.alarm import RDS
from blueprint.postgres import pgbouncer, roles
from blueprint.postgres.pgbouncer import entry_name
from documents.mermaid import Flow
from documents.stacks import Stack
from preview.units import count

_ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"


def components(stack: Stack) -> str:
    """Dependencies between components, as they were registered."""
    flow, registrations = Flow("LR"), stack.recording.registrations
    parents = [component.registration for component in stack.components if component.registration is not None]
    by_urn = {parent.urn: parent for parent in parents}
    for parent in parents:
        size = next(len(each.resources) for each in stack.components if each.registration is parent)
        flow.node(parent.name, parent.type.rpartition(":")[2], count(size, "resource"))
    edges = set()
    for registration in registrations.values():
        used = registration.dependencies.union(*registration.property_dependencies.values())
        for urn in used:
            source = registrations[urn].parent if urn in registrations else ""
            if source in by_urn and registration.parent in by_urn and source != registration.parent:
                edges.add((by_urn[source].name, by_urn[registration.parent].name))
    for source, target in sorted(edges):
        flow.edge(source, target)
    return flow.text()


def data_path(stack: Stack) -> str:
    """Data flow from an application's process to the database, with the number of connections on each edge."""
    flow, platform = Flow("LR"), stack.platform
    budget, database, pooler = platform.budget, platform.settings.database, platform.pooler
    with flow.group("host", f"each of {count(budget.hosts, 'application host')}"):
        flow.node("process", count(budget.processes_per_host, "process", "processes"), "langpont_db")
        flow.node(
            "pgbouncer", f"PgBouncer, 127.0.0.1:{pooler.listen_port}", f"at most {pooler.max_client_conn} clients"
        )
    flow.node("primary", "primary", f"max_connections {budget.max_connections}", store=True)
    flow.edge(
        "process", "pgbouncer",
        f"{roles.APPLICATION}: {budget.primary_pool.size} + {budget.primary_pool.max_overflow} a process",
        *([f"{roles.READER}: {budget.replica_pool.size} + {budget.replica_pool.max_overflow} a process"]
          if budget.replicas else []),
    )  # fmt: skip
    flow.edge(
        "pgbouncer",
        "primary",
        f"entry {entry_name(database.name, None)}: at most {pooler.server_cap} a host",
        "verify-full",
    )
    for replica in platform.replicas:
        flow.node(replica.role, replica.role, f"for {replica.purpose}", store=True)
        entry = entry_name(database.name, replica.number)
        flow.edge("pgbouncer", replica.role, f"entry {entry}: at most {pooler.server_cap} a host")
        flow.edge("primary", replica.role, "streaming replication", dotted=True)
    flow.node("migration", "deploy", roles.MIGRATOR)
    flow.node("people", "people on call", ", ".join((*roles.IAM_ROLES, "by SSM")))
    flow.node("functions", "functions", f"master, {metrics.ROLE}")
    for direct in ("migration", "people", "functions"):
        flow.edge(direct, "primary", "direct, verify-full")
    if platform.replicas:
        flow.edge("functions", platform.replicas[0].role, "metrics, from the first that answers")
    return flow.text()


def monitoring(stack: Stack) -> str:
    """Monitoring: metrics, alarms, events, topics and e-mail; alarms are counted by the namespace of their metric."""
    flow, recorded = Flow("LR"), stack.recording
    by_namespace = Counter(_namespace(each.inputs) for each in recorded.of_type(_ALARM))
    for name, label in (
        ("instances", "instances"), ("logs", "PostgreSQL logs"), ("metrics", "metrics function"),
        ("hosts", "PgBouncer on each host"), ("rds", "RDS events"), ("backup", "AWS Backup jobs"), ("budget", "budget"),
    ):  # fmt: skip
        flow.node(name, label)
    filters = len(recorded.of_type("aws:cloudwatch/logMetricFilter:LogMetricFilter"))
    flow.node("filters", count(filters, "log metric filter"))
    flow.node("alarms", f"{sum(by_namespace.values())} alarms")
    for topic in ("critical", "critical-events", "alerts", "events", "backups"):
        flow.node(f"{topic} topic", f"topic {topic}")
    flow.node("up", "who gets up: monitoring.critical, webhooks.critical, alertEmails")
    flow.node("morning", "who looks in the morning: monitoring.warning, webhooks.warning, alertEmails")
    flow.node("dashboard", "dashboard")
    flow.edge("instances", "alarms", f"{RDS}: {by_namespace[RDS]}")
    flow.edge("instances", "logs")
    flow.edge("logs", "filters")
    flow.edge("filters", "alarms", f"{log_filters.NAMESPACE}: {by_namespace[log_filters.NAMESPACE]}")
    flow.edge("metrics", "alarms", f"{metrics.NAMESPACE}: {by_namespace[metrics.NAMESPACE]}")
    flow.edge("hosts", "alarms", f"{pgbouncer.NAMESPACE}: {by_namespace[pgbouncer.NAMESPACE]}")
    flow.edge("alarms", "critical topic", "critical, and when it is over")
    flow.edge("alarms", "alerts topic", "warning, and when it is over")
    flow.edge("alarms", "dashboard")
    flow.edge("budget", "alerts topic")
    flow.edge("rds", "events topic")
    flow.edge("rds", "critical-events topic", "failure, low storage, deletion")
    flow.edge("backup", "backups topic")
    flow.edge("critical topic", "up")
    flow.edge("critical-events topic", "up")
    flow.edge("alerts topic", "morning")
    flow.edge("events topic", "morning")
    flow.edge("backups topic", "morning", "failures only")
    return flow.text()


def _namespace(inputs: object) -> str:
    assert isinstance(inputs, dict)
    queries = inputs.get("metricQueries") or ()
    watched = next((each["metric"]["namespace"] for each in queries if "metric" in each), None)
    return str(watched or inputs["namespace"])
