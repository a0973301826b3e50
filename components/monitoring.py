"""Monitoring: topics, alarms, event subscriptions, log filters, the dashboard and the budget."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pulumi_aws as aws

from blueprint import settings
from blueprint.aws import policies
from blueprint.monitoring import log_filters
from blueprint.monitoring.alarm import RDS, Alarm, Severity
from blueprint.monitoring.composites import (
    EXTENSION_SECONDS,
    WAIT_SECONDS,
    Composite,
    any_in_alarm,
    composites,
    held_back_by,
)
from blueprint.monitoring.dashboard import DashboardPlan, dashboard
from blueprint.names import Naming
from components.base import Component, document
from components.ids import DatabaseInstance

# What the RDS user guide ("Amazon RDS event categories") sends for a reason someone should know. Backup starts and
# ends, creation and restoration are left out: routine, or somebody's own doing. A failover and a restart pass by
# themselves, and an instance that does not come back has its alarm. Security Hub's RDS.20 wants failures in one
# subscription with the others: they are told twice.
INSTANCE_EVENTS = {
    Severity.CRITICAL: ["deletion", "failure", "low storage"],
    Severity.WARNING: [
        "availability", "configuration change", "failover", "failure", "maintenance", "notification", "read replica",
        "recovery", "security patching",
    ],
}  # fmt: skip
PARAMETER_GROUP_EVENTS = ["configuration change"]
# What RDS tells each time that a schedule stops and starts an instance: shut down, restarted, stopped, started. That it
# started one by itself after seven days (0154) is told.
SLEEP_EVENTS = ["RDS-EVENT-0004", "RDS-EVENT-0006", "RDS-EVENT-0087", "RDS-EVENT-0088"]
# A chat channel that may do nothing in the account: without a guardrail AWS Chatbot takes AdministratorAccess.
NO_COMMANDS = "arn:aws:iam::aws:policy/AWSDenyAll"
BUDGET_FORECAST_PERCENT, BUDGET_ACTUAL_PERCENT = 100, 80


@dataclass(frozen=True, kw_only=True)
class MonitoringArgs:
    """`instances`: what stands, a kept previous generation too, the current primary first; `alarms` name them as here.

    `thresholds`: by an alarm's key, of an instance by role, class and GiB, as they run; None takes those that `alarms`
    have. `dashboard`: None for none. `alerts_key_arn`: None leaves the topics unencrypted, dev's named exception.
    `sleeps`: a schedule stops and starts the instances, of which each time is no news.
    """

    naming: Naming
    alarms: Sequence[Alarm]
    thresholds: Callable[[str, str, int], Mapping[str, float]] | None = None
    monitoring: settings.Monitoring
    webhooks: settings.Webhooks = field(default_factory=settings.Webhooks)
    dashboard: DashboardPlan | None = None
    instances: Mapping[str, DatabaseInstance]
    alerts_key_arn: pulumi.Input[str] | None
    sleeps: bool = False
    account_id: pulumi.Input[str]


class Monitoring(Component):
    """SNS topics and CloudWatch alarms. ARNs of topics are known only once the topics' policies stand.

    `alerts_topic_arn`: of what waits for the morning; `critical_topic_arn`: of what gets somebody up.
    """

    alerts_topic_arn: pulumi.Output[str]
    critical_topic_arn: pulumi.Output[str]
    backups_topic_arn: pulumi.Output[str]
    events_topic_arn: pulumi.Output[str]
    dashboard_name: pulumi.Output[str] | None = None

    def __init__(self, name: str, args: MonitoringArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args.naming, opts)
        self._args = args
        self._settings = args.monitoring
        self._prefix = args.naming.prefix
        self._watched = {alarm.name for alarm in args.alarms}
        self._topics: dict[Severity, list[pulumi.Output[str]]] = {severity: [] for severity in Severity}
        # An AWS-managed key cannot carry alarms: CloudWatch has no permission on it, and none can be given.
        key_arn = args.alerts_key_arn
        self.alerts_topic_arn = self._topic(
            "alerts", Severity.WARNING, ["cloudwatch.amazonaws.com", "budgets.amazonaws.com"], key_arn
        )
        self.critical_topic_arn = self._topic("critical", Severity.CRITICAL, ["cloudwatch.amazonaws.com"], key_arn)
        # A topic of its own for the filter: AWS Backup reports each job's end and no longer failures alone.
        self.backups_topic_arn = self._topic(
            "backups", Severity.WARNING, ["backup.amazonaws.com"], key_arn,
            only={"State": [{"anything-but": "COMPLETED"}]},
        )  # fmt: skip
        # Topics of their own for the encryption, which nobody has seen RDS deliver events to.
        events, events_key_arn = ["events.rds.amazonaws.com"], key_arn if self._settings.encrypt_events_topic else None
        # RDS user guide, "Amazon RDS event notification tags and attributes": EventID is an attribute of the message.
        told = {"EventID": [{"anything-but": SLEEP_EVENTS}]} if args.sleeps else None
        self.events_topic_arn = self._topic("events", Severity.WARNING, events, events_key_arn, only=told)
        critical_events_topic_arn = self._topic("critical-events", Severity.CRITICAL, events, events_key_arn)
        self._slack()
        self._log_filters()
        made = {alarm.name: self._alarm(alarm) for alarm in args.alarms}
        self._composites(composites(args.alarms), {name: alarm.name for name, alarm in made.items()})
        self._event_subscriptions(
            {Severity.CRITICAL: critical_events_topic_arn, Severity.WARNING: self.events_topic_arn}
        )
        self._budget()
        if args.dashboard is not None:
            self.dashboard_name = self._dashboard(args.dashboard, list(made.values()))
        self.register_outputs(
            {
                "alertsTopicArn": self.alerts_topic_arn,
                "criticalTopicArn": self.critical_topic_arn,
                "eventsTopicArn": self.events_topic_arn,
            }
        )

    def _topic(
        self,
        role: str,
        severity: Severity,
        services: Sequence[str],
        key_arn: pulumi.Input[str] | None,
        only: Mapping[str, Any] | None = None,
    ) -> pulumi.Output[str]:
        """A topic to which these services publish, for those who hear of this severity.

        `only`: message attributes of what is sent on, all without it.
        """
        label = f"{self._name}-{role}"
        topic = aws.sns.Topic(
            label, kms_master_key_id=key_arn, tags=self.child_tags(f"{self._prefix}-{role}"), opts=self.child_options()
        )
        policy = aws.sns.TopicPolicy(
            f"{label}-policy",
            arn=topic.arn,
            policy=document(
                lambda arn, account: policies.topic_policy(arn, account, services), topic.arn, self._args.account_id
            ),
            opts=self.child_options(),
        )
        self._subscriptions(label, topic.arn, severity, json.dumps(only) if only else None)
        # The policy's ARN is the topic's; taken from the policy, whoever uses it waits for the permission to publish.
        arn: pulumi.Output[str] = policy.arn
        self._topics[severity].append(arn)
        return arn

    def _listeners(self, severity: Severity) -> settings.Listeners:
        return self._settings.critical if severity is Severity.CRITICAL else self._settings.warning

    def _subscriptions(
        self, label: str, topic_arn: pulumi.Output[str], severity: Severity, filter_policy: str | None
    ) -> None:
        listeners, webhooks = self._listeners(severity), self._args.webhooks
        addresses = [("email", each) for each in (*self._settings.alert_emails, *listeners.emails)]
        addresses += [("sms", each) for each in listeners.phones]
        for protocol, endpoint in addresses:
            aws.sns.TopicSubscription(
                f"{label}-{endpoint}",
                topic=topic_arn,
                protocol=protocol,
                endpoint=endpoint,
                filter_policy=filter_policy,
                opts=self.child_options(),
            )
        hooks = webhooks.critical if severity is Severity.CRITICAL else webhooks.warning
        for name, address in hooks.items():
            aws.sns.TopicSubscription(
                f"{label}-{name}",
                topic=topic_arn,
                protocol="https",
                endpoint=pulumi.Output.secret(address.get_secret_value()),
                # PagerDuty and Opsgenie confirm by themselves; without it the provider could not delete one.
                endpoint_auto_confirms=True,
                filter_policy=filter_policy,
                opts=self.child_options(additional_secret_outputs=["endpoint"]),
            )

    def _slack(self) -> None:
        """A channel has one configuration, with the topics of each severity that it hears of."""
        channels: dict[settings.Slack, list[pulumi.Output[str]]] = {}
        for severity, topic_arns in self._topics.items():
            channel = self._listeners(severity).slack
            if channel is not None:
                channels.setdefault(channel, []).extend(topic_arns)
        if not channels:
            return
        label = f"{self._name}-slack-role"
        role = aws.iam.Role(
            label,
            assume_role_policy=document(
                lambda account: policies.trust("chatbot.amazonaws.com", account), self._args.account_id
            ),
            tags=self.child_tags(label),
            opts=self.child_options(),
        )
        for channel, topic_arns in channels.items():
            name = f"{self._prefix}-{channel.channel}"
            aws.chatbot.SlackChannelConfiguration(
                f"{self._name}-slack-{channel.channel}",
                configuration_name=name,
                iam_role_arn=role.arn,
                guardrail_policy_arns=[NO_COMMANDS],
                slack_team_id=channel.workspace,
                slack_channel_id=channel.channel,
                sns_topic_arns=topic_arns,
                tags=self.child_tags(name),
                opts=self.child_options(),
            )

    def _alarm(self, alarm: Alarm) -> aws.cloudwatch.MetricAlarm:
        name = f"{self._prefix}-{alarm.name}"
        percentile = alarm.statistic.startswith("p")
        watched: dict[str, Any]
        if alarm.expression is None:
            watched = {
                "namespace": alarm.namespace,
                "metric_name": alarm.metric,
                "period": alarm.period_seconds,
                "statistic": None if percentile else alarm.statistic,
                "extended_statistic": alarm.statistic if percentile else None,
                "dimensions": self._dimensions(alarm, alarm.instance),
            }
            if alarm.namespace == log_filters.NAMESPACE:
                watched["metric_name"] = f"{self._prefix}-{alarm.metric}"
        else:
            watched = {"metric_queries": self._queries(alarm)}
        return aws.cloudwatch.MetricAlarm(
            f"{self._name}-{alarm.name}",
            name=name,
            alarm_description=alarm.description,
            comparison_operator=alarm.compare.value,
            threshold=self._threshold(alarm),
            evaluation_periods=alarm.periods,
            datapoints_to_alarm=alarm.periods,
            treat_missing_data=alarm.missing.value,
            # What follows from a cause is told by its composite alarm.
            **({} if held_back_by(alarm, self._watched) else self._actions(alarm.severity)),
            tags=self.child_tags(name) | {"Severity": alarm.severity.value},
            opts=self.child_options(),
            **watched,
        )

    def _actions(self, severity: Severity) -> dict[str, Any]:
        topic_arn = self.critical_topic_arn if severity is Severity.CRITICAL else self.alerts_topic_arn
        return {"alarm_actions": [topic_arn], "ok_actions": [topic_arn]}

    def _composites(self, rows: Sequence[Composite], names: dict[str, pulumi.Output[str]]) -> None:
        """`names`: of the alarms, to which those of the composite alarms are added."""
        for row in rows:
            suppressed: dict[str, Any] = {}
            if row.suppressor is not None:
                suppressed = self._actions(row.severity) | {
                    "actions_suppressor": aws.cloudwatch.CompositeAlarmActionsSuppressorArgs(
                        alarm=names[row.suppressor], wait_period=WAIT_SECONDS, extension_period=EXTENSION_SECONDS
                    )
                }
            name = f"{self._prefix}-{row.name}"
            # Of the alarms' names as AWS has them: it refuses a rule about one that does not exist yet.
            rule = pulumi.Output.all(*(names[each] for each in row.any_of)).apply(any_in_alarm)
            made = aws.cloudwatch.CompositeAlarm(
                f"{self._name}-{row.name}",
                alarm_name=name,
                alarm_description=row.description,
                alarm_rule=rule,
                tags=self.child_tags(name) | {"Severity": row.severity.value},
                opts=self.child_options(),
                **suppressed,
            )
            names[row.name] = made.alarm_name

    def _threshold(self, alarm: Alarm) -> pulumi.Input[float]:
        thresholds, instance = self._args.thresholds, self._args.instances.get(alarm.instance)
        if thresholds is None or instance is None:
            return alarm.threshold
        role = instance.plan.role
        return pulumi.Output.all(instance.instance_class, instance.allocated_storage_gib).apply(
            lambda runs: thresholds(role, *runs).get(alarm.key, alarm.threshold)
        )

    def _dimensions(self, alarm: Alarm, instance: str) -> Mapping[str, pulumi.Input[str]] | None:
        if alarm.namespace != RDS:
            return alarm.dimensions
        return {"DBInstanceIdentifier": self._args.instances[instance].identifier}

    def _queries(self, alarm: Alarm) -> list[aws.cloudwatch.MetricAlarmMetricQueryArgs]:
        terms = [
            aws.cloudwatch.MetricAlarmMetricQueryArgs(
                id=term.id,
                return_data=False,
                metric=aws.cloudwatch.MetricAlarmMetricQueryMetricArgs(
                    namespace=alarm.namespace,
                    metric_name=term.metric,
                    stat=term.statistic,
                    period=alarm.period_seconds,
                    dimensions=self._dimensions(alarm, term.instance),
                ),
            )
            for term in alarm.terms
        ]
        return [
            aws.cloudwatch.MetricAlarmMetricQueryArgs(
                id="watched", expression=alarm.expression, label=alarm.metric, return_data=True
            ),
            *terms,
        ]

    def _log_filters(self) -> None:
        for name, instance in self._args.instances.items():
            for log_filter in log_filters.log_filters(replica=instance.plan.number is not None):
                aws.cloudwatch.LogMetricFilter(
                    f"{self._name}-{name}-{log_filter.key}",
                    log_group_name=instance.log_group_name,
                    pattern=log_filter.pattern,
                    metric_transformation=aws.cloudwatch.LogMetricFilterMetricTransformationArgs(
                        namespace=log_filters.NAMESPACE,
                        name=f"{self._prefix}-{log_filter.metric_name(name)}",
                        value="1",
                        default_value="0",
                        unit="Count",
                    ),
                    opts=self.child_options(),
                )

    def _event_subscriptions(self, topic_arns: Mapping[Severity, pulumi.Output[str]]) -> None:
        identifiers = [instance.identifier for instance in self._args.instances.values()]
        parameter_groups = [instance.parameter_group_name for instance in self._args.instances.values()]
        critical, warning = Severity.CRITICAL, Severity.WARNING
        for role, severity, source_type, categories, ids in (
            ("instances", warning, "db-instance", INSTANCE_EVENTS[warning], identifiers),
            ("instances-critical", critical, "db-instance", INSTANCE_EVENTS[critical], identifiers),
            ("parameter-groups", warning, "db-parameter-group", PARAMETER_GROUP_EVENTS, parameter_groups),
        ):
            label = f"{self._name}-{role}-events"
            aws.rds.EventSubscription(
                label,
                sns_topic=topic_arns[severity],
                source_type=source_type,
                source_ids=ids,
                event_categories=categories,
                tags=self.child_tags(label),
                opts=self.child_options(),
            )

    def _budget(self) -> None:
        label = f"{self._name}-budget"
        aws.budgets.Budget(
            label,
            budget_type="COST",
            time_unit="MONTHLY",
            limit_amount=str(self._settings.monthly_budget_usd),
            limit_unit="USD",
            # By service, not by tag: a tag counts only after someone activates it for billing. Surplus CPU credits of
            # a T class are part of it.
            cost_filters=[
                aws.budgets.BudgetCostFilterArgs(name="Service", values=["Amazon Relational Database Service"])
            ],
            notifications=[
                aws.budgets.BudgetNotificationArgs(
                    notification_type=kind,
                    comparison_operator="GREATER_THAN",
                    threshold=percent,
                    threshold_type="PERCENTAGE",
                    subscriber_sns_topic_arns=[self.alerts_topic_arn],
                )
                for kind, percent in (("ACTUAL", BUDGET_ACTUAL_PERCENT), ("FORECASTED", BUDGET_FORECAST_PERCENT))
            ],
            tags=self.child_tags(label),
            opts=self.child_options(),
        )

    def _dashboard(self, plan: DashboardPlan, made: Sequence[aws.cloudwatch.MetricAlarm]) -> pulumi.Output[str]:
        instances = self._args.instances

        def body(values: Mapping[str, Any]) -> str:
            identifiers = dict(zip(instances, values["identifiers"], strict=True))
            return json.dumps(dashboard(plan, identifiers, values["alarms"]))

        board = aws.cloudwatch.Dashboard(
            f"{self._name}-dashboard",
            dashboard_name=f"{self._prefix}-database",
            dashboard_body=pulumi.Output.all(
                identifiers=[instance.identifier for instance in instances.values()],
                alarms=[alarm.arn for alarm in made],
            ).apply(body),
            opts=self.child_options(),
        )
        dashboard_name: pulumi.Output[str] = board.dashboard_name
        return dashboard_name
