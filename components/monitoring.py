"""Monitoring: topics, alarms, event subscriptions, log filters, the dashboard and the budget."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from blueprint import settings
from blueprint.aws import policies
from blueprint.monitoring import alarms, log_filters
from blueprint.monitoring.composites import EXTENSION_SECONDS, WAIT_SECONDS, Composite, any_in_alarm, composites
from blueprint.monitoring.dashboard import DashboardPlan, dashboard
from blueprint.names import Naming
from components.base import Component, document
from components.ids import DatabaseInstance

# What the RDS user guide ("Amazon RDS event categories") sends for a reason someone should know. Backup starts and
# ends, creation and restoration are left out: routine, or somebody's own doing.
INSTANCE_EVENTS = [
    "availability", "configuration change", "deletion", "failover", "failure", "low storage", "maintenance",
    "notification", "read replica", "recovery", "security patching",
]  # fmt: skip
PARAMETER_GROUP_EVENTS = ["configuration change"]
BUDGET_FORECAST_PERCENT, BUDGET_ACTUAL_PERCENT = 100, 80


@dataclass(frozen=True, kw_only=True)
class MonitoringArgs:
    """`instances`: what stands, a kept previous generation too, the current primary first; `alarms` name them as here.

    `thresholds`: by an alarm's key, of an instance by role, class and GiB, as they run; None takes those that `alarms`
    have. `dashboard`: None for none. `alerts_key_arn`: None leaves the topics unencrypted, dev's named exception.
    """

    naming: Naming
    alarms: Sequence[alarms.Alarm]
    thresholds: Callable[[str, str, int], Mapping[str, float]] | None = None
    monitoring: settings.Monitoring
    dashboard: DashboardPlan | None = None
    instances: Mapping[str, DatabaseInstance]
    alerts_key_arn: pulumi.Input[str] | None
    account_id: pulumi.Input[str]


class Monitoring(Component):
    """SNS topics and CloudWatch alarms. ARNs of topics are known only once the topics' policies stand."""

    alerts_topic_arn: pulumi.Output[str]
    backups_topic_arn: pulumi.Output[str]
    events_topic_arn: pulumi.Output[str]
    dashboard_name: pulumi.Output[str] | None = None

    def __init__(self, name: str, args: MonitoringArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args.naming, opts)
        self._args = args
        self._settings = args.monitoring
        self._prefix = args.naming.prefix
        # An AWS-managed key cannot carry alarms: CloudWatch has no permission on it, and none can be given.
        self.alerts_topic_arn = self._topic(
            "alerts", ["cloudwatch.amazonaws.com", "budgets.amazonaws.com"], args.alerts_key_arn
        )
        # A topic of its own for the filter: AWS Backup reports each job's end and no longer failures alone.
        self.backups_topic_arn = self._topic(
            "backups", ["backup.amazonaws.com"], args.alerts_key_arn, only={"State": [{"anything-but": "COMPLETED"}]}
        )
        self.events_topic_arn = self._topic(
            "events", ["events.rds.amazonaws.com"], args.alerts_key_arn if self._settings.encrypt_events_topic else None
        )
        self._log_filters()
        made = {alarm.name: self._alarm(alarm) for alarm in args.alarms}
        self._composites(composites(args.alarms), {name: alarm.name for name, alarm in made.items()})
        self._event_subscriptions()
        self._budget()
        if args.dashboard is not None:
            self.dashboard_name = self._dashboard(args.dashboard, list(made.values()))
        self.register_outputs({"alertsTopicArn": self.alerts_topic_arn, "eventsTopicArn": self.events_topic_arn})

    def _topic(
        self,
        role: str,
        services: Sequence[str],
        key_arn: pulumi.Input[str] | None,
        only: Mapping[str, Any] | None = None,
    ) -> pulumi.Output[str]:
        """A topic to which these services publish. `only`: message attributes of what is sent on, all without it."""
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
        for email in self._settings.alert_emails:
            aws.sns.TopicSubscription(
                f"{label}-{email}",
                topic=topic.arn,
                protocol="email",
                endpoint=email,
                filter_policy=json.dumps(only) if only else None,
                opts=self.child_options(),
            )
        # The policy's ARN is the topic's; taken from the policy, whoever uses it waits for the permission to publish.
        arn: pulumi.Output[str] = policy.arn
        return arn

    def _alarm(self, alarm: alarms.Alarm) -> aws.cloudwatch.MetricAlarm:
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
            **({} if alarm.causes else self._actions(alarm.severity)),
            tags=self.child_tags(name) | {"Severity": alarm.severity.value},
            opts=self.child_options(),
            **watched,
        )

    def _actions(self, severity: alarms.Severity) -> dict[str, Any]:
        return {"alarm_actions": [self.alerts_topic_arn], "ok_actions": [self.alerts_topic_arn]}

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

    def _threshold(self, alarm: alarms.Alarm) -> pulumi.Input[float]:
        thresholds, instance = self._args.thresholds, self._args.instances.get(alarm.instance)
        if thresholds is None or instance is None:
            return alarm.threshold
        role = instance.plan.role
        return pulumi.Output.all(instance.instance_class, instance.allocated_storage_gib).apply(
            lambda runs: thresholds(role, *runs)[alarm.key]
        )

    def _dimensions(self, alarm: alarms.Alarm, instance: str) -> Mapping[str, pulumi.Input[str]] | None:
        if alarm.namespace != alarms.RDS:
            return alarm.dimensions
        return {"DBInstanceIdentifier": self._args.instances[instance].identifier}

    def _queries(self, alarm: alarms.Alarm) -> list[aws.cloudwatch.MetricAlarmMetricQueryArgs]:
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

    def _event_subscriptions(self) -> None:
        identifiers = [instance.identifier for instance in self._args.instances.values()]
        parameter_groups = [instance.parameter_group_name for instance in self._args.instances.values()]
        for role, source_type, categories, ids in (
            ("instances", "db-instance", INSTANCE_EVENTS, identifiers),
            ("parameter-groups", "db-parameter-group", PARAMETER_GROUP_EVENTS, parameter_groups),
        ):
            label = f"{self._name}-{role}-events"
            aws.rds.EventSubscription(
                label,
                sns_topic=self.events_topic_arn,
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
