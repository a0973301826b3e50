"""Sections of the stack file about who hears of what."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from blueprint.settings.section import Section
from blueprint.values import (
    Distinct,
    Email,
    LogRetention,
    MonitoringSeconds,
    Phone,
    SlackChannel,
    SlackWorkspace,
    Switch,
    Thresholds,
    Webhook,
    WebhookName,
    Whole,
)


class Slack(Section):
    """A channel of Slack. Its workspace is authorized once, in the console of AWS Chatbot."""

    workspace: SlackWorkspace = Field(description="Id of the workspace.")
    channel: SlackChannel = Field(description="Id of the channel, to which @Amazon Q is invited.")


class Listeners(Section):
    """Who hears of one severity, beside `monitoring.alertEmails` and `webhooks`."""

    emails: Annotated[tuple[Email, ...], Distinct] = Field((), description="Addresses; each confirms by mail.")
    phones: Annotated[tuple[Phone, ...], Distinct] = Field(
        (), description="Numbers that get an SMS, with + and the country's code; each message costs."
    )
    slack: Slack | None = Field(None, description="A Slack channel, by AWS Chatbot.")


class Monitoring(Section):
    """Who hears of what."""

    alert_emails: Annotated[tuple[Email, ...], Distinct] = Field(
        (),
        description="Addresses that hear of both severities, with RDS events, failed backups and the budget; each "
        "confirms by mail.",
    )
    critical: Listeners = Field(
        Listeners(), description="Who else hears of what gets somebody up: critical alarms and RDS events."
    )
    warning: Listeners = Field(
        Listeners(),
        description="Who else hears of what waits for the morning: other alarms and RDS events, failed backups, the "
        "budget.",
    )
    thresholds: Thresholds = Field(
        {}, description="Thresholds by alarm key with their unit (90%, 20GB, 60s), in place of the reasoned ones."
    )
    enhanced_monitoring_seconds: MonitoringSeconds = Field(
        60, description="Seconds between the operating system's figures (Enhanced Monitoring); 0 turns them off."
    )
    database_insights: Literal["standard", "advanced"] = Field(
        "standard", description="CloudWatch Database Insights: standard keeps 7 days, advanced 465 and costs."
    )
    log_retention_days: LogRetention = Field(90, description="Days that the database's logs are kept in CloudWatch.")
    monthly_budget_usd: Annotated[Whole, Field(ge=1)] = Field(description="RDS cost of a month that raises an alert.")
    encrypt_events_topic: Switch = Field(
        False, description="RDS events to an encrypted topic; switch it on once a test event has arrived there."
    )


class Webhooks(Section):
    """Addresses of PagerDuty, Opsgenie and the like, by a name of your own. A key may be in them, so each may be given
    encrypted (`pulumi config set --secret --path 'webhooks.critical.pagerduty'`), here and in no other section; they
    are shown nowhere."""

    critical: dict[WebhookName, Webhook] = Field({}, description="Addresses that hear of what gets somebody up.")
    warning: dict[WebhookName, Webhook] = Field({}, description="Addresses that hear of what waits for the morning.")
