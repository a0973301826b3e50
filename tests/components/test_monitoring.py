"""Monitoring: how each kind of alarm is registered; topics, events, log filters, the dashboard, the budget."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from recording.recording import Recording, Secret, reveal
from tests.components import OTHER
from tests.recordings import ACCOUNT, STACKS, answer, arn, inputs, name_of, names, record_with, recording, strings

ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
COMPOSITE = "aws:cloudwatch/compositeAlarm:CompositeAlarm"
TOPIC = "aws:sns/topic:Topic"
FILTER = "aws:cloudwatch/logMetricFilter:LogMetricFilter"
EVENTS = "aws:rds/eventSubscription:EventSubscription"
DASHBOARD = "aws:cloudwatch/dashboard:Dashboard"
INSTANCES = {
    "primary": "langpont-prod-db",
    "replica-1": "langpont-prod-replica-1",
    "replica-2": "langpont-prod-replica-2",
}


def actions(stack: str, severity: str) -> dict[str, Any]:
    role = {"critical": "critical", "warning": "alerts"}[severity]
    topic = arn(recording(stack), TOPIC, f"langpont-{stack}-monitoring-{role}")
    return {"alarmActions": [topic], "okActions": [topic]}


def common(stack: str, name: str, severity: str) -> dict[str, Any]:
    return {
        "name": f"langpont-{stack}-{name}",
        "tags": {
            "Name": f"langpont-{stack}-{name}",
            "Environment": stack,
            "Project": "LangPont",
            "ManagedBy": "Pulumi",
            "Severity": severity,
        },
    }


# One alarm of each kind, whole; the values of all of them are golden (tests/golden/alarms-<stack>.txt).
ALIKE = {"comparisonOperator": "GreaterThanThreshold", "treatMissingData": "notBreaching"}
REGISTERED: dict[str, dict[str, Any]] = {
    "replica-1-cpu-high": {
        "namespace": "AWS/RDS",
        "metricName": "CPUUtilization",
        "dimensions": {"DBInstanceIdentifier": "langpont-prod-replica-1"},
        "statistic": "Average",
        "threshold": 80,
        "period": 300,
        "evaluationPeriods": 2,
        "datapointsToAlarm": 2,
        "treatMissingData": "ignore",
    },
    "primary-read-latency-high": {
        "namespace": "AWS/RDS",
        "metricName": "ReadLatency",
        "dimensions": {"DBInstanceIdentifier": "langpont-prod-db"},
        "extendedStatistic": "p90",
        "threshold": 0.02,
        "period": 60,
        "evaluationPeriods": 5,
        "datapointsToAlarm": 5,
        "treatMissingData": "ignore",
    },
    "primary-log-errors-high": {
        "namespace": "LangPont/DatabaseLog",
        "metricName": "langpont-prod-primary-Errors",
        "statistic": "Sum",
        "threshold": 50,
        "period": 300,
        "evaluationPeriods": 2,
        "datapointsToAlarm": 2,
    },
    "functions-metrics-silent": {
        "metricQueries": [
            {"id": "watched", "expression": "FILL(runs, 0)", "label": "failed_statements", "returnData": True},
            {
                "id": "runs",
                "returnData": False,
                "metric": {
                    "namespace": "LangPont/Database",
                    "metricName": "failed_statements",
                    "dimensions": {"Stack": "prod", "Database": "langpont"},
                    "stat": "SampleCount",
                    "period": 900,
                },
            },
        ],
        "comparisonOperator": "LessThanThreshold",
        "threshold": 1,
        "evaluationPeriods": 1,
        "datapointsToAlarm": 1,
        "treatMissingData": "breaching",
    },
    "pooler-clients-waiting": {
        "namespace": "LangPont/PgBouncer",
        "metricName": "ClientMaxWaitSeconds",
        "dimensions": {"Stack": "prod"},
        "statistic": "Maximum",
        "threshold": 1,
        "period": 60,
        "evaluationPeriods": 5,
        "datapointsToAlarm": 5,
    },
}


@pytest.mark.parametrize("name", REGISTERED)
def test_an_alarm_watches_exactly_this(name: str) -> None:
    """E12, E41, E46: the document's template has no alarm; its alarms have no dimension and no action."""
    alarm = inputs(recording("prod"), ALARM, f"langpont-prod-monitoring-{name}")
    del alarm["alarmDescription"]
    assert alarm == ALIKE | REGISTERED[name] | common("prod", name, "warning") | actions("prod", "warning")


def test_replica_lag_counts_only_while_the_primary_writes_or_when_it_is_beyond_idling() -> None:
    """E43: on an idle primary ReplicaLag climbs to five minutes, and the document's alarm would fire."""
    alarm = inputs(recording("prod"), ALARM, "langpont-prod-monitoring-replica-1-replica-lag-high")
    del alarm["alarmDescription"]

    def term(id_: str, metric: str, statistic: str, instance: str) -> dict[str, Any]:
        watched = {"namespace": "AWS/RDS", "metricName": metric, "stat": statistic, "period": 60}
        dimensions = {"dimensions": {"DBInstanceIdentifier": instance}}
        return {"id": id_, "returnData": False, "metric": watched | dimensions}

    assert alarm == {
        "metricQueries": [
            {
                "id": "watched",
                "expression": "IF(writes > 262144 OR lag > 600, lag, 0)",
                "label": "ReplicaLag",
                "returnData": True,
            },
            term("lag", "ReplicaLag", "Maximum", "langpont-prod-replica-1"),
            term("writes", "WriteThroughput", "Average", "langpont-prod-db"),
        ],
        "comparisonOperator": "GreaterThanThreshold",
        "threshold": 30,
        "evaluationPeriods": 5,
        "datapointsToAlarm": 5,
        "treatMissingData": "ignore",
        **common("prod", "replica-1-replica-lag-high", "warning"),
    }


def test_a_replica_that_may_be_an_hour_behind_is_watched_by_its_lag_alone() -> None:
    """Beyond what an idle primary does no look at the primary is needed; with it gone, this tells nobody by itself."""
    alarm = inputs(recording("prod"), ALARM, "langpont-prod-monitoring-replica-2-replica-lag-high")
    del alarm["alarmDescription"]
    assert alarm == {
        "namespace": "AWS/RDS",
        "metricName": "ReplicaLag",
        "dimensions": {"DBInstanceIdentifier": "langpont-prod-replica-2"},
        "statistic": "Maximum",
        "comparisonOperator": "GreaterThanThreshold",
        "threshold": 3630,
        "period": 60,
        "evaluationPeriods": 5,
        "datapointsToAlarm": 5,
        "treatMissingData": "ignore",
        **common("prod", "replica-2-replica-lag-high", "warning"),
    }


@pytest.mark.parametrize("stack", STACKS)
def test_every_alarm_says_what_a_person_does_next_and_where_that_is_written(stack: str) -> None:
    watched = rf"langpont-{stack}-monitoring-(primary|replica-\d|functions|pooler)-"
    for alarm in recording(stack).of_type(ALARM):
        key = re.sub(watched, "", alarm.name)
        text = alarm.inputs["alarmDescription"]
        severity = alarm.inputs["tags"]["Severity"]
        assert text.startswith(f"[{severity}] "), alarm.name
        assert text.endswith(f" Runbook: docs/runbook.md#{key}"), alarm.name
        watches, next_step = text.removesuffix(f" Runbook: docs/runbook.md#{key}").split(" Next: ")
        assert watches.endswith("."), alarm.name
        assert next_step.endswith("."), alarm.name


def test_what_follows_from_a_cause_is_told_by_a_composite_alarm_that_the_cause_holds_back() -> None:
    name = "primary-swap-high"
    metric = inputs(recording("prod"), ALARM, f"langpont-prod-monitoring-{name}")
    assert {"alarmActions", "okActions"} & set(metric) == set()
    assert inputs(recording("prod"), COMPOSITE, f"langpont-prod-monitoring-{name}-alone") == {
        "alarmName": f"langpont-prod-{name}-alone",
        "alarmDescription": metric["alarmDescription"],
        "alarmRule": f'ALARM("langpont-prod-{name}")',
        "actionsSuppressor": {"alarm": "langpont-prod-primary-memory-low", "waitPeriod": 300, "extensionPeriod": 900},
        "tags": metric["tags"] | {"Name": f"langpont-prod-{name}-alone"},
        **actions("prod", "warning"),
    }


def test_several_causes_are_one_suppressor_without_actions() -> None:
    name = "langpont-prod-primary-load-high"
    causes = inputs(recording("prod"), COMPOSITE, "langpont-prod-monitoring-primary-load-high-causes")
    assert {key: value for key, value in causes.items() if key not in ("tags", "alarmDescription")} == {
        "alarmName": f"{name}-causes",
        "alarmRule": 'ALARM("langpont-prod-primary-cpu-high") OR ALARM("langpont-prod-primary-disk-queue-high")',
    }
    alone = inputs(recording("prod"), COMPOSITE, "langpont-prod-monitoring-primary-load-high-alone")
    assert alone["actionsSuppressor"]["alarm"] == f"{name}-causes"


@pytest.mark.parametrize("stack", STACKS)
def test_every_alarm_and_its_end_are_told_once(stack: str) -> None:
    """E46: no OK action and no subscription in the document, so nobody hears of either."""
    recorded = recording(stack)
    told = [it.inputs["name"] for it in recorded.of_type(ALARM) if "alarmActions" in it.inputs]
    for alarm in [*recorded.of_type(ALARM), *recorded.of_type(COMPOSITE)]:
        if "alarmActions" in alarm.inputs:
            assert {key: alarm.inputs[key] for key in ("alarmActions", "okActions")} == actions(
                stack, alarm.inputs["tags"]["Severity"]
            )
        assert "insufficientDataActions" not in alarm.inputs
    for alarm in recorded.of_type(COMPOSITE):
        if "alarmActions" in alarm.inputs:
            told.append(alarm.inputs["alarmRule"].removeprefix('ALARM("').removesuffix('")'))
    assert sorted(told) == sorted(it.inputs["name"] for it in recorded.of_type(ALARM))


def test_thresholds_are_those_of_the_class_that_runs() -> None:
    recorded = record_with("prod", OTHER)
    credits_low = "langpont-prod-monitoring-{}-cpu-credits-low".format
    assert inputs(recorded, ALARM, credits_low("primary"))["threshold"] == 0
    assert inputs(recorded, ALARM, credits_low("replica-1"))["threshold"] == 115
    assert inputs(recorded, ALARM, "langpont-prod-monitoring-primary-memory-low")["threshold"] == 8 * 2**30 // 10


# Topics

SUBSCRIPTION = "aws:sns/topicSubscription:TopicSubscription"
PUBLISHERS = {
    "alerts": ["budgets.amazonaws.com", "cloudwatch.amazonaws.com"],
    "backups": ["backup.amazonaws.com"],
    "critical": ["cloudwatch.amazonaws.com"],
    "critical-events": ["events.rds.amazonaws.com"],
    "events": ["events.rds.amazonaws.com"],
}
WARNING, CRITICAL = ("alerts", "backups", "events"), ("critical", "critical-events")


@pytest.mark.parametrize("stack", STACKS)
@pytest.mark.parametrize("role", PUBLISHERS)
def test_only_these_services_of_this_account_publish(role: str, stack: str) -> None:
    recorded = recording(stack)
    topic = arn(recorded, TOPIC, f"langpont-{stack}-monitoring-{role}")
    policy = inputs(recorded, "aws:sns/topicPolicy:TopicPolicy", f"langpont-{stack}-monitoring-{role}-policy")
    assert policy["arn"] == topic
    assert json.loads(policy["policy"]) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "Publish",
                "Effect": "Allow",
                "Principal": {"Service": PUBLISHERS[role]},
                "Action": "sns:Publish",
                "Resource": topic,
                "Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}},
            }
        ],
    }


def test_alerts_are_encrypted_and_events_only_when_asked() -> None:
    key = arn(recording("prod"), "aws:kms/key:Key", "langpont-prod-keys-alerts")
    asked = record_with("prod", OTHER)

    def keys(recorded: Recording) -> dict[str, str | None]:
        return {t.name.split("-monitoring-")[1]: t.inputs.get("kmsMasterKeyId") for t in recorded.of_type(TOPIC)}

    unencrypted = {"critical-events": None, "events": None}
    assert keys(recording("prod")) == {"alerts": key, "backups": key, "critical": key} | unencrypted
    assert set(keys(asked)) == set(PUBLISHERS)
    assert len(set(keys(asked).values())) == 1
    assert keys(recording("dev")) == dict.fromkeys(PUBLISHERS)


HEARD = {
    "alertEmails": ["both@langpont.example"],
    "critical": {"emails": ["up@langpont.example"], "phones": ["+819011112222"], "slack": None},
    "warning": {"emails": ["morning@langpont.example"], "phones": ["+819033334444"], "slack": None},
}
HOOKS = {
    "critical": {"pagerduty": "https://events.example/KEY-C"},
    "warning": {"opsgenie": "https://api.example/KEY-W"},
}
SLACK = "aws:chatbot/slackChannelConfiguration:SlackChannelConfiguration"


def test_each_hears_of_the_severities_it_asked_for_and_alert_emails_of_both() -> None:
    recorded = record_with("prod", {"monitoring": HEARD, "webhooks": HOOKS})
    heard = {(name_of(next(iter(s.property_dependencies["topic"]))), s.inputs["protocol"], reveal(s.inputs["endpoint"]))
             for s in recorded.of_type(SUBSCRIPTION)}  # fmt: skip
    warning = {("email", "morning@langpont.example"), ("sms", "+819033334444"), ("https", HOOKS["warning"]["opsgenie"])}
    critical = {("email", "up@langpont.example"), ("sms", "+819011112222"), ("https", HOOKS["critical"]["pagerduty"])}
    assert heard == {
        (f"langpont-prod-monitoring-{role}", protocol, endpoint)
        for roles, own in ((WARNING, warning), (CRITICAL, critical))
        for role in roles
        for protocol, endpoint in own | {("email", "both@langpont.example")}
    }
    assert names(recording("dev"), SUBSCRIPTION) == []


def test_a_webhook_is_a_secret_and_confirms_itself() -> None:
    recorded = record_with("prod", {"webhooks": HOOKS})
    hook = recorded.one(SUBSCRIPTION, "langpont-prod-monitoring-critical-pagerduty")
    assert hook.inputs["endpoint"] == Secret("https://events.example/KEY-C")
    assert (hook.inputs["endpointAutoConfirms"], hook.secret_outputs) == (True, ("endpoint",))
    said = [text for r in recorded.registrations.values() for _, text in strings(r.inputs, keys=True)]
    said += [r.name for r in recorded.registrations.values()] + [text for _, text in strings(recorded.outputs)]
    assert [text for text in said if "KEY" in text] == []


def test_one_slack_channel_hears_of_both_severities_and_may_do_nothing() -> None:
    recorded = recording("prod")
    topics = [arn(recorded, TOPIC, f"langpont-prod-monitoring-{role}") for role in (*CRITICAL, *WARNING)]
    role = "langpont-prod-monitoring-slack-role"
    assert inputs(recorded, SLACK, "langpont-prod-monitoring-slack-C0DATABASE") == {
        "configurationName": "langpont-prod-C0DATABASE",
        "iamRoleArn": arn(recorded, "aws:iam/role:Role", role),
        "guardrailPolicyArns": ["arn:aws:iam::aws:policy/AWSDenyAll"],
        "slackTeamId": "T0LANGPONT",
        "slackChannelId": "C0DATABASE",
        "snsTopicArns": topics,
        "tags": {
            "Name": "langpont-prod-C0DATABASE", "Environment": "prod", "Project": "LangPont", "ManagedBy": "Pulumi",
        },
    }  # fmt: skip
    trusted = json.loads(inputs(recorded, "aws:iam/role:Role", role)["assumeRolePolicy"])
    assert trusted["Statement"][0]["Principal"] == {"Service": "chatbot.amazonaws.com"}
    assert [r.name for r in recorded.of_type("aws:iam/rolePolicy:RolePolicy") if "slack" in r.name] == []
    two = record_with("prod", {"monitoring": {"warning": {"slack": {"channel": "C0QUIET"}}}})
    assert {r.inputs["slackChannelId"]: len(r.inputs["snsTopicArns"]) for r in two.of_type(SLACK)} == {
        "C0DATABASE": 2, "C0QUIET": 3,
    }  # fmt: skip


def test_of_backup_jobs_only_those_that_did_not_complete_are_sent_on() -> None:
    filters = {
        name_of(next(iter(s.property_dependencies["topic"]))): json.loads(s.inputs["filterPolicy"])
        for s in recording("prod").of_type(SUBSCRIPTION)
        if "filterPolicy" in s.inputs
    }
    assert filters == {"langpont-prod-monitoring-backups": {"State": [{"anything-but": "COMPLETED"}]}}


# RDS events


def test_exactly_these_events_are_sent() -> None:
    recorded = recording("prod")
    topic = arn(recorded, TOPIC, "langpont-prod-monitoring-events")
    critical = arn(recorded, TOPIC, "langpont-prod-monitoring-critical-events")
    subscriptions = {s.name: {k: v for k, v in s.inputs.items() if k != "tags"} for s in recorded.of_type(EVENTS)}
    group = "aws:rds/parameterGroup:ParameterGroup"
    assert subscriptions == {
        "langpont-prod-monitoring-instances-events": {
            "snsTopic": topic,
            "sourceType": "db-instance",
            "sourceIds": list(INSTANCES.values()),
            "eventCategories": [
                "availability", "configuration change", "failover", "failure", "maintenance", "notification",
                "read replica", "recovery", "security patching",
            ],
        },
        "langpont-prod-monitoring-instances-critical-events": {
            "snsTopic": critical,
            "sourceType": "db-instance",
            "sourceIds": list(INSTANCES.values()),
            "eventCategories": ["deletion", "failure", "low storage"],
        },
        "langpont-prod-monitoring-parameter-groups-events": {
            "snsTopic": topic,
            "sourceType": "db-parameter-group",
            "sourceIds": [
                answer(recorded, group, f"langpont-prod-db-{role}")[1]["name"] for role in INSTANCES
            ],
            "eventCategories": ["configuration change"],
        },
    }  # fmt: skip


# Log filters


def test_every_instance_has_a_filter_for_errors_deadlocks_and_slow_statements() -> None:
    """E21: filters read stderr, which csvlog would double; log_line_prefix is the one that RDS allows."""
    patterns = {
        "log-errors": ("Errors", '?":ERROR:" ?":FATAL:" ?":PANIC:"'),
        "deadlocks": ("Deadlocks", '"deadlock detected"'),
        "slow-statements": ("SlowStatements", '":LOG:" "duration:" "ms"'),
    }
    filters = {f.name: dict(f.inputs) for f in recording("prod").of_type(FILTER)}
    assert filters == {
        f"langpont-prod-monitoring-{role}-{key}": {
            "logGroupName": f"/aws/rds/instance/{identifier}/postgresql",
            "pattern": pattern,
            "metricTransformation": {
                "namespace": "LangPont/DatabaseLog",
                "name": f"langpont-prod-{role}-{metric}",
                "value": "1",
                "defaultValue": "0",
                "unit": "Count",
            },
        }
        for role, identifier in INSTANCES.items()
        for key, (metric, pattern) in patterns.items()
        if role == "primary" or key != "deadlocks"  # a read-only session waits for nobody in a circle
    }


@pytest.mark.parametrize("stack", STACKS)
def test_every_alarm_on_a_log_watches_a_metric_that_a_filter_makes(stack: str) -> None:
    made = {f.inputs["metricTransformation"]["name"] for f in recording(stack).of_type(FILTER)}
    watched = {a.inputs["metricName"] for a in recording(stack).of_type(ALARM)
               if a.inputs.get("namespace") == "LangPont/DatabaseLog"}  # fmt: skip
    assert watched <= made


# Budget


def test_the_budget_speaks_at_80_percent_spent_and_100_percent_forecast() -> None:
    """E44: surplus credits of a T class are money; the budget shows them."""
    budget = inputs(recording("prod"), "aws:budgets/budget:Budget", "langpont-prod-monitoring-budget")
    topic = arn(recording("prod"), TOPIC, "langpont-prod-monitoring-alerts")

    def notification(kind: str, percent: int) -> dict[str, Any]:
        return {
            "notificationType": kind,
            "comparisonOperator": "GREATER_THAN",
            "threshold": percent,
            "thresholdType": "PERCENTAGE",
            "subscriberSnsTopicArns": [topic],
        }

    del budget["tags"]
    assert budget == {
        "budgetType": "COST",
        "timeUnit": "MONTHLY",
        "limitAmount": "600",
        "limitUnit": "USD",
        "costFilters": [{"name": "Service", "values": ["Amazon Relational Database Service"]}],
        "notifications": [notification("ACTUAL", 80), notification("FORECASTED", 100)],
    }
