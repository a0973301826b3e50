"""Parts of the page that are words and tables: overview, instances, cost, alarms, parameters, words."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from blueprint.instances import Instance
from blueprint.monitoring.alarm import Severity
from blueprint.postgres import defaults
from blueprint.postgres.compile import CompiledParameter
from blueprint.postgres.effective import display
from blueprint.settings import Backups
from preview import document
from preview.html.markup import Markup, section, table, tag, text
from preview.report import Report, in_japan
from preview.text import alarms as alarm_words
from preview.text import overview as overview_words
from preview.units import count, number

WORDS = (
    ("stack", "one environment of the system, such as prod, with a settings file of its own"),
    ("primary", "the database instance that takes writes"),
    ("standby", "a copy of the primary in another zone that is always the same, and takes over by itself"),
    ("read replica", "a copy that answers reads and is a moment behind"),
    ("zone", "a data centre of a region; a zone can fail by itself"),
    ("PgBouncer", "shares few connections to the database among the many of an application"),
    ("max_connections", "how many connections PostgreSQL takes; one more is refused"),
    ("parameter", "a setting of PostgreSQL, held in a group that RDS applies"),
    ("failover", "the standby becomes the primary; connections break for one or two minutes"),
    ("maintenance window", "the half hour or hour of a week in which RDS does what interrupts"),
    ("runbook", "docs/runbook.md: what to do at each alarm, step by step"),
)


def overview(report: Report) -> Markup:
    """The stack in tiles, then warnings and what the policy pack says."""
    settings, database = report.platform.settings, report.platform.settings.database
    cost, budget = report.cost, settings.monitoring.monthly_budget_usd
    backups = settings.backups
    tiles: list[tuple[str, str, str]] = [
        ("database", f"PostgreSQL {database.engine_version}", f"{database.instance_class.name}, "
         f"{'a standby in a second zone' if database.multi_az else 'no standby'}"),
        ("read replicas", str(len(settings.replicas)), ", ".join(f"{each.role}: {each.purpose}"
                                                                 for each in report.platform.replicas)),
        ("storage", f"{number(database.allocated_storage_gib)} GiB",
         f"grows by itself to {number(database.max_allocated_storage_gib)} GiB" if database.max_allocated_storage_gib
         else "does not grow by itself"),
        ("restorable", count(backups.retention_days, "day") if backups.retention_days else "to no time",
         _restorable(backups)),
        ("cost a month", f"{cost.usd:,.0f} USD", f"RDS {cost.database:,.0f} of a budget of {number(budget)}"),
        ("changes", "at once" if database.apply_immediately else "in the window",
         f"{database.maintenance_window} UTC, {in_japan(database.maintenance_window)} Japan"),
        ("deletion", database.deletion_policy, "Pulumi and RDS refuse to delete it" if settings.protected
         else "is deleted without a snapshot"),
        ("policy", str(overview_words.verdict(report)), f"{count(len(report.exceptions), 'exception')} with a reason"),
    ]  # fmt: skip
    listed = [
        tag("div", tag("dt", name), tag("dd", value, tag("small", more) if more else None))
        for name, value, more in tiles
    ]
    found = [tag("li", sentence) for sentence in report.warnings]
    said = [tag("li", f"{each.level.value}: {each.message}") for each in report.violations]
    return section(
        "overview", "The stack", "", tag("dl", listed, class_="tiles"),
        tag("div", tag("p", tag("strong", "Warnings")), tag("ul", found), class_="box") if found else None,
        tag("div", tag("p", tag("strong", "The policy pack says")), tag("ul", said),
            class_="box bad" if report.stopped else "box") if said else None,
    )  # fmt: skip


def _restorable(backups: Backups) -> str:
    if not backups.retention_days:
        return "automated backups are off; AWS Backup has one a day"
    return f"to any second{f'; also in {backups.replicate_to_region}' if backups.replicate_to_region else ''}"


def instances(report: Report) -> Markup:
    """Instances with class and zone."""
    anywhere = "two, RDS chooses" if report.platform.settings.database.multi_az else "RDS chooses"
    rows = [
        (each.role, tag("code", report.identifier(each)), each.instance_class.name, str(each.instance_class.vcpus),
         f"{each.instance_class.memory_gib} GiB", each.zone or anywhere, each.purpose or "writes",
         f"{each.maintenance_window} UTC")
        for each in report.platform.instances
    ]  # fmt: skip
    heads = ("instance", "identifier", "class", ">vCPU", ">memory", "zone", "for", "maintenance")
    return table("Database instances", heads, rows)


def about_connections(report: Report) -> str:
    """How the budget is made."""
    budget = report.platform.budget
    hosts, processes = count(budget.hosts, "host"), count(budget.processes_per_host, "process", "processes")
    each = "" if budget.hosts == 1 else " each"
    return (
        f"{hosts} with {processes}{each}: up to {number(budget.primary_clients)} clients of the primary. PgBouncer "
        f"makes {number(budget.pooled)} connections to each instance of them, and "
        f"{count(budget.direct, 'is kept', 'are kept')} for those who come without it. What is left is room for people "
        f"and repairs."
    )


def cost(report: Report) -> Markup:
    """What stands all month, by item, its sum, what has no price, and the RDS part against the budget."""
    rows: list[Sequence[Any]] = []
    for line in sorted(report.cost_lines, key=lambda each: -(each.price.monthly or 0) * each.quantity):
        monthly = line.price.monthly
        each, total = (
            ("unknown", "unknown") if monthly is None else (f"{monthly:,.2f}", f"{monthly * line.quantity:,.2f}")
        )
        item = text(line.price.item, tag("small", "by prices.yaml") if line.price.own else None)
        rows.append((item, number(line.quantity), each, total))
    estimate, budget = report.cost, report.platform.settings.monitoring.monthly_budget_usd
    rows.append(("all that has a price", "", "", tag("strong", f"{estimate.usd:,.2f}")))
    rows.append(("of that RDS, which the budget counts", "", "", f"{estimate.database:,.2f}"))
    rows.append(("budget for RDS", "", "", f"{budget:,.2f}"))
    lacking = ", ".join(f"{number(quantity)} x {item}" for item, quantity in estimate.unknown.items())
    told = [
        "On demand, before tax, 730 hours a month, without traffic, logs and backups, which cost by volume.",
        f" Not in the sum, because nobody knows the price: {lacking}." if lacking else "",
    ]
    over = estimate.database > budget
    above = f"RDS is {estimate.database - budget:,.2f} USD a month above its budget of {number(budget)}."
    return section(
        "cost", "Cost a month", "".join(told), tag("p", above, class_="box") if over else None,
        table("US dollars a month", ("item", ">how many", ">each", ">together"), rows),
    )  # fmt: skip


def alarms(report: Report, runbook: str | None) -> Markup:
    """Every alarm, alike ones in a row: what it means, when, who hears of it, and the section of the runbook."""
    platform = report.platform
    everywhere = {instance.role for instance in platform.instances}
    alike: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for each in platform.alarms:
        _, when, _ = alarm_words.row(document.alarm(each))
        alike[each.severity.value, each.key, each.watches, when, each.next_step].append(each.instance)
    parts = []
    for severity in Severity:
        hears = overview_words.listeners(platform.settings, severity.value) or "nobody"
        rows = [
            (_linked(key, runbook), watches, when.split("\n")[0], next_step,
             "all instances" if set(on) == everywhere and len(on) > 1 else ", ".join(on))
            for (level, key, watches, when, next_step), on in alike.items() if level == severity.value
        ]  # fmt: skip
        total = sum(len(on) for (level, *_), on in alike.items() if level == severity.value)
        parts += [
            tag("h3", f"{severity.value}: {count(total, 'alarm')}, {alarm_words.HEARD[severity]}"),
            tag("p", "Heard by: ", hears, class_="note"),
            table(f"Alarms that are {severity.value}", ("alarm", "means", "when", "then", "on"), rows, class_="hidden"),
        ]
    where = "Each name leads to its section of the runbook." if runbook else (
        "Each has a section of its name in docs/runbook.md."
    )  # fmt: skip
    return section("alarms", "Alarms", where, *parts)


def _linked(key: str, runbook: str | None) -> Markup:
    return tag("a", key, href=f"{runbook}#{key}") if runbook else tag("code", key)


def parameters(report: Report) -> Markup:
    """Parameters of the primary, and of each replica those that are not the primary's."""
    parts = []
    for instance in report.platform.instances:
        chosen = report.parameters(instance)
        rows = [_parameter(report, parameter, instance) for parameter in chosen]
        caption = f"Parameters of {instance.role}" + ("" if instance.number is None else ", beside the primary's")
        if rows:
            parts.append(table(caption, ("parameter", "value", "unit", "default of RDS", "takes effect", "why"), rows))
    note = "What differs from RDS's defaults, and some that are stated so that nobody changes them without noticing."
    return section("parameters", "Parameters", note, *parts)


def _parameter(report: Report, parameter: CompiledParameter, instance: Instance) -> tuple[Any, ...]:
    memory, row = instance.database_memory_bytes, parameter.parameter
    default = "unknown" if row is None else _shown(replace(parameter, value=row.default), memory)
    applied = "at once" if parameter.apply_method == "immediate" else "at a restart"
    return (
        tag("code", parameter.name), _shown(parameter, memory), parameter.unit or "", default, applied,
        _why(report, parameter, instance),
    )  # fmt: skip


def _shown(parameter: CompiledParameter, memory: int) -> str:
    """As people write it: what stands behind the equals sign, or the formula's amount before the formula."""
    told = display(parameter, memory)
    formula, _, about = told.partition("}, ")
    return f"{about} ({formula}}})" if about else told.rpartition(" = ")[2]


def _why(report: Report, parameter: CompiledParameter, instance: Instance) -> str:
    match report.origin(parameter, instance):
        case "default":
            return next((each.reason for each in defaults.DEFAULTS if each.name == parameter.name), "default")
        case "purpose":
            known = defaults.BY_PURPOSE.get(instance.purpose or "", ())
            return next((each.reason for each in known if each.name == parameter.name), f"for {instance.purpose}")
        case _:
            return f"asked for by the stack file: {parameter.asked}"


def words() -> Markup:
    """What a reader of another field may not know."""
    told: Iterator[Markup] = (text(tag("dt", tag("strong", word)), tag("dd", meaning)) for word, meaning in WORDS)
    return section("words", "Words on this page", "", tag("dl", list(told)))
