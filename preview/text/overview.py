"""First sections of a page: the stack in ten lines, warnings, and the policy pack's findings."""

from __future__ import annotations

from rich.text import Text

from blueprint.monitoring.alarm import Severity
from blueprint.settings import Listeners, Settings
from policy import RULES, Excepted, Level
from preview.page import Page, Row
from preview.report import Report
from preview.units import count, number

KEYS = {"customerManaged": "customer-managed keys", "awsManaged": "AWS-managed keys"}
SEVERITIES = [severity.value for severity in Severity]
LEVELS = {Level.MANDATORY: "bold red", Level.ADVISORY: "yellow"}


def show(page: Page, report: Report) -> None:
    """The first sections of the page."""
    _headline(page, report)
    _warnings(page, report)
    _policy(page, report)


def _headline(page: Page, report: Report) -> None:
    settings, database = report.platform.settings, report.platform.settings.database
    resources = report.first.resources
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
            *((severity, listeners(settings, severity) or Text("to nobody", "yellow")) for severity in SEVERITIES),
            ("cost", _cost(report)),
            ("budget", f"{number(settings.monitoring.monthly_budget_usd)} USD a month for RDS"),
            ("resources", f"{len(resources)} in {count(components, 'component')}; a first preview and an update "
                          f"register the same"),
            ("policy", verdict(report, ", below")),
            ("warnings", Text(f"{len(report.warnings)}, below", "yellow") if report.warnings else "none"),
        ]
    )  # fmt: skip


def listeners(settings: Settings, severity: str) -> str:
    """Who hears of alarms of a severity; of webhooks their names."""
    monitoring = settings.monitoring
    own: Listeners = getattr(monitoring, severity)
    slack = [f"Slack {own.slack.channel}"] if own.slack else []
    hooks = [f"webhook {name}" for name in getattr(settings.webhooks, severity)]
    return ", ".join([*monitoring.alert_emails, *own.emails, *own.phones, *slack, *hooks])


def verdict(report: Report, where: str = "") -> Text:
    """What the policy pack says of the stack in a few words; `where` all of it stands."""
    if report.stopped:
        return Text(f"stops this stack: {count(len(report.stopped), 'mandatory violation')}{where}", "bold red")
    advised = len(report.violations)
    return Text(f"{advised} advisory{where}" if advised else "nothing to say", "yellow" if advised else "")


def _cost(report: Report) -> Text:
    cost, budget = report.cost, report.platform.settings.monitoring.monthly_budget_usd
    lacking = ", ".join(f"{quantity} x {item}" for item, quantity in cost.unknown.items())
    without = f"; without {lacking}, of unknown price" if lacking else ""
    if lacking and not cost.usd:
        return Text(
            f"unknown: no price of {report.platform.settings.region} is known here. prices.yaml beside the stack files "
            f"may state them (docs/cost.md): {lacking}"
        )
    told = Text(f"{cost.usd:,.2f} USD a month for what stands, traffic, logs and backups beside it{without}; ")
    over = cost.database > budget
    above = f", {cost.database - budget:,.2f} above its budget" if over else ""
    return told.append(f"RDS {cost.database:,.2f}{above}", "yellow" if over else "")


def _storage(report: Report) -> str:
    settings, database = report.platform.settings, report.platform.settings.database
    ceiling = database.max_allocated_storage_gib
    growth = f"grows by itself to {number(ceiling)} GiB" if ceiling else "does not grow by itself"
    primary, volume = report.platform.primary, database.volume
    sustained = primary.sustains(volume)
    of_class = (
        f", in bursts: {primary.instance_class.name} sustains {number(sustained.iops)} and "
        f"{number(round(sustained.mb_per_second))} MB/s"
        if sustained.limited_by == "class"
        else ""
    )
    return (
        f"{number(database.allocated_storage_gib)} GiB gp3, {growth}; {number(volume.iops)} IOPS, "
        f"{number(volume.mibps)} MiB/s{of_class}; {KEYS[settings.encryption.keys]}; alarms measure by what "
        f"RDS has, which may be more"
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


def _warnings(page: Page, report: Report) -> None:
    if report.warnings:
        page.heading("Warnings")
        page.table([(Text("!", "bold yellow"), warning) for warning in report.warnings])


def _policy(page: Page, report: Report) -> None:
    excepted = count(len(report.exceptions), "exception")
    page.heading("Policy", f"{count(len(RULES), 'rule')}, {excepted}; as `pulumi preview --policy-pack policy` judges")
    rows: list[Row] = [(Text(each.level.value, LEVELS[each.level]), each.message) for each in report.violations]
    page.table([*rows, *((Text("excepted", "dim"), Text(_exception(each), "dim")) for each in report.exceptions)])


def _exception(excepted: Excepted) -> str:
    return f"{excepted.pattern} from {excepted.rule}: {excepted.reason}"
