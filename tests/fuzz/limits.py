"""What AWS takes of one stack: sizes, counts and quotas of a new account, from its references of November 2026."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator

from recording.recording import Recording, Registration, reveal
from tests.contracts.test_legal import physical_names, refused_names
from tests.recordings import name_of

INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
EGRESS = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
RULES_A_GROUP = 60  # each direction, VPC quotas; IPv4 and IPv6 apart, so that counting them together is the stricter
# Bytes of a policy; IAM counts no white space (IAM quotas, KMS, SNS, SQS, Secrets Manager, EC2 endpoints).
POLICY_BYTES = {
    ("aws:iam/policy:Policy", "policy"): 6_144,
    ("aws:iam/rolePolicy:RolePolicy", "policy"): 10_240,
    ("aws:iam/role:Role", "assumeRolePolicy"): 2_048,
    ("aws:kms/key:Key", "policy"): 32_768,
    ("aws:secretsmanager/secretPolicy:SecretPolicy", "policy"): 20_480,
    ("aws:sns/topicPolicy:TopicPolicy", "policy"): 30_720,
    ("aws:sqs/queue:Queue", "policy"): 8_192,
    ("aws:ec2/vpcEndpoint:VpcEndpoint", "policy"): 20_480,
}
SECRET_BYTES = 65_536
DASHBOARD_WIDGETS, DASHBOARD_BYTES = 500, 1_048_576
METRICS_AN_ALARM, ACTIONS_AN_ALARM, ALARM_DESCRIPTION = 10, 5, 1_024
FILTERS_A_LOG_GROUP = 100
REPLICAS_A_SOURCE = 15
FUNCTION_VARIABLES_BYTES, FUNCTION_ZIP_BYTES = 4_096, 50 * 2**20
BUDGET_NOTIFICATIONS, BUDGET_MAILS = 10, 10
TAGS = 50


def exceeded(recorded: Recording) -> Iterator[str]:
    """A sentence for each limit that a stack's update would meet."""
    yield from (f"{refused} is a name that AWS does not take" for refused in refused_names(recorded))
    taken = Counter(
        (recorded.registrations[urn].inputs.get("region"), *typed) for urn, typed in physical_names(recorded).items()
    )
    yield from (f"{name} is taken twice" for name, times in taken.items() if times > 1)
    yield from _groups(recorded)
    for registration in recorded.registrations.values():
        for what, found, most in _sizes(registration):
            if found > most:
                yield f"{registration.identity}: {what} is {found}, and AWS takes {most}"
    replicas = Counter(
        name_of(urn)
        for instance in recorded.of_type("aws:rds/instance:Instance")
        for urn in instance.property_dependencies.get("replicateSourceDb", ())
    )
    yield from (f"{name} has {n} replicas" for name, n in replicas.items() if n > REPLICAS_A_SOURCE)
    filters = Counter(
        filter_.inputs["logGroupName"] for filter_ in recorded.of_type("aws:cloudwatch/logMetricFilter:LogMetricFilter")
    )
    yield from (f"{group} has {n} metric filters" for group, n in filters.items() if n > FILTERS_A_LOG_GROUP)


def _groups(recorded: Recording) -> Iterator[str]:
    for type_ in (INGRESS, EGRESS):
        rules = recorded.of_type(type_)
        numbers = Counter(rule.inputs["securityGroupId"] for rule in rules)
        yield from (f"{group} has {n} rules of {type_}" for group, n in numbers.items() if n > RULES_A_GROUP)
        meanings = Counter(
            json.dumps({k: v for k, v in rule.inputs.items() if k not in ("description", "tags")}, sort_keys=True)
            for rule in rules
        )
        yield from (f"{meaning} stands twice, which EC2 refuses" for meaning, n in meanings.items() if n > 1)


def _sizes(registration: Registration) -> Iterator[tuple[str, int, int]]:
    inputs = reveal(registration.inputs)
    for (type_, key), most in POLICY_BYTES.items():
        if registration.type == type_ and key in inputs:
            text = inputs[key]
            yield key, len("".join(text.split()) if ":iam/" in type_ else text.encode()), most
    yield "tags", len(inputs.get("tags", {})), TAGS
    match registration.type.split(":")[-1]:
        case "SecretVersion":
            yield "secretString", len(inputs["secretString"].encode()), SECRET_BYTES
        case "Dashboard":
            yield "widgets", len(json.loads(inputs["dashboardBody"])["widgets"]), DASHBOARD_WIDGETS
            yield "dashboardBody", len(inputs["dashboardBody"].encode()), DASHBOARD_BYTES
        case "MetricAlarm":
            yield "metricQueries", len(inputs.get("metricQueries", [])), METRICS_AN_ALARM
            yield "alarmActions", len(inputs.get("alarmActions", [])), ACTIONS_AN_ALARM
            yield "alarmDescription", len(inputs.get("alarmDescription", "")), ALARM_DESCRIPTION
        case "Function":
            variables = inputs.get("environment", {}).get("variables", {})
            yield "environment", sum(len((k + v).encode()) for k, v in variables.items()), FUNCTION_VARIABLES_BYTES
            yield "code", len(inputs["code"].zipped), FUNCTION_ZIP_BYTES
        case "Budget":
            yield "notifications", len(inputs["notifications"]), BUDGET_NOTIFICATIONS
            for each in inputs["notifications"]:
                yield "subscriberEmailAddresses", len(each.get("subscriberEmailAddresses", [])), BUDGET_MAILS
