"""Names, enum values and ARNs that AWS accepts; sets and limits typed out from the API references of November 2026."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from blueprint.names import LONGEST_ENVIRONMENT
from recording.recording import Recording, reveal
from tests.contracts.test_contracts import provider_inputs
from tests.recordings import DEPLOYABLE, STACKS, deployable, record_as, recording, strings

AUTONAME = "-0123456"  # what Pulumi adds to a logical name
IAM = r"[\w+=,.@-]+"
ANY = r"[ -~]+"

# Their names are single within their plan.
WITHIN_A_PLAN = (
    "aws:backup/selection:Selection", "aws:backup/restoreTestingSelection:RestoreTestingSelection",
)  # fmt: skip
# Type: the input that names it, the longest name, its characters. Names of Pulumi's making are among them.
NAMED: dict[str, tuple[str, int, str]] = {
    "aws:backup/plan:Plan": ("name", 50, r"[a-zA-Z0-9._-]+"),
    "aws:backup/restoreTestingPlan:RestoreTestingPlan": ("name", 50, r"[A-Za-z0-9_]+"),
    "aws:backup/restoreTestingSelection:RestoreTestingSelection": ("name", 50, r"[A-Za-z0-9_]+"),
    "aws:backup/selection:Selection": ("name", 50, r"[a-zA-Z0-9._-]+"),
    "aws:backup/vault:Vault": ("name", 50, r"[a-zA-Z0-9_-]{2,}"),
    "aws:budgets/budget:Budget": ("name", 100, r"[^:\\]+"),
    "aws:cloudwatch/compositeAlarm:CompositeAlarm": ("alarmName", 255, ANY),
    "aws:cloudwatch/dashboard:Dashboard": ("dashboardName", 255, r"[A-Za-z0-9_-]+"),
    "aws:cloudwatch/queryDefinition:QueryDefinition": ("name", 255, ANY),
    "aws:cloudwatch/logGroup:LogGroup": ("name", 512, r"[\w./#-]+"),
    "aws:cloudwatch/logMetricFilter:LogMetricFilter": ("name", 512, r"[^:*]+"),
    "aws:cloudwatch/metricAlarm:MetricAlarm": ("name", 255, ANY),
    "aws:ec2/securityGroup:SecurityGroup": ("name", 255, r"(?!sg-)[a-zA-Z0-9 ._:/()#,@\[\]+=&;{}!$*-]+"),
    "aws:iam/policy:Policy": ("name", 128, IAM),
    "aws:iam/role:Role": ("name", 64, IAM),
    "aws:iam/rolePolicy:RolePolicy": ("name", 128, IAM),
    "aws:kms/alias:Alias": ("name", 256, r"alias/(?!aws/)[a-zA-Z0-9/_-]+"),
    "aws:lambda/function:Function": ("name", 64, r"[a-zA-Z0-9_-]+"),
    "aws:rds/eventSubscription:EventSubscription": ("name", 255, r"[a-zA-Z][a-zA-Z0-9]*(-[a-zA-Z0-9]+)*"),
    "aws:rds/instance:Instance": ("identifier", 63, r"[a-z][a-z0-9]*(-[a-z0-9]+)*"),
    "aws:rds/parameterGroup:ParameterGroup": ("name", 255, r"[a-z][a-z0-9]*(-[a-z0-9]+)*"),
    "aws:rds/subnetGroup:SubnetGroup": ("name", 255, r"[a-z][a-z0-9]*(-[a-z0-9]+)*"),
    "aws:scheduler/schedule:Schedule": ("name", 64, r"[0-9a-zA-Z_.-]+"),
    "aws:secretsmanager/secret:Secret": ("name", 512, r"(?!.*-[A-Za-z0-9]{6}$)[A-Za-z0-9/_+=.@-]+"),
    "aws:sns/topic:Topic": ("name", 256, r"[A-Za-z0-9_-]+"),
    "aws:sqs/queue:Queue": ("name", 80, r"[A-Za-z0-9_-]+"),
}


def physical_names(recorded: Recording) -> dict[str, tuple[str, str]]:
    """URN to type and physical name, Pulumi's suffix on the names of its making."""
    return {
        registration.urn: (
            registration.type,
            registration.inputs.get(NAMED[registration.type][0]) or f"{registration.name}{AUTONAME}",
        )
        for registration in recorded.registrations.values()
        if registration.type in NAMED
    }


def refused_names(recorded: Recording) -> list[str]:
    refused = []
    for type_, name in physical_names(recorded).values():
        _, longest, pattern = NAMED[type_]
        if len(name) > longest or not re.fullmatch(pattern, name):
            refused.append(f"{type_} {name} ({len(name)} of {longest})")
    return refused


def test_whatever_has_a_name_has_a_limit_here(recorded: Recording) -> None:
    for type_ in {r.type for r in recorded.registrations.values() if r.custom}:
        if {"name", "identifier"} & provider_inputs(type_):
            assert type_ in NAMED, f"add {type_} with its limit"


def test_every_name_fits_what_aws_takes(recorded: Recording) -> None:
    assert refused_names(recorded) == []


def test_names_of_the_longest_environment_fit_too() -> None:
    environment = "e" * LONGEST_ENVIRONMENT
    assert refused_names(record_as(environment, "prod")) == []


def test_no_physical_name_is_taken_twice_even_with_all_stacks_in_one_account() -> None:
    """E16: the document spells identifiers in three ways, so that two may mean one and one may mean two."""
    taken = Counter(
        (registration.type, registration.inputs.get("region"), name)
        for stack in DEPLOYABLE
        for registration in deployable(stack).registrations.values()
        if registration.type in NAMED and registration.type not in WITHIN_A_PLAN
        if (name := registration.inputs.get(NAMED[registration.type][0]))
    )
    assert len(taken) > 50 * len(DEPLOYABLE)
    assert [name for name, times in taken.items() if times > 1] == []


def test_identifiers_have_one_spelling() -> None:
    """E16: langpont-prod-db, prod-langpont-db and langpont-rds; here one pattern for every stack."""
    identifiers = [r.inputs["identifier"] for s in STACKS for r in recording(s).of_type("aws:rds/instance:Instance")]
    assert identifiers == [
        "langpont-dev-db",
        "langpont-staging-db",
        "langpont-staging-replica-1",
        "langpont-prod-db",
        "langpont-prod-replica-1",
        "langpont-prod-replica-2",
    ]


STATISTICS = {"SampleCount", "Average", "Sum", "Minimum", "Maximum"}
WORDS: dict[str, set[str]] = {
    "Budget budgetType": {"USAGE", "COST", "RI_UTILIZATION", "RI_COVERAGE"},
    "Budget limitUnit": {"USD"},
    "Budget notifications.comparisonOperator": {"GREATER_THAN", "LESS_THAN", "EQUAL_TO"},
    "Budget notifications.notificationType": {"ACTUAL", "FORECASTED"},
    "Budget notifications.thresholdType": {"PERCENTAGE", "ABSOLUTE_VALUE"},
    "Budget timeUnit": {"DAILY", "MONTHLY", "QUARTERLY", "ANNUALLY"},
    "Budget costFilters.name": {"Service"},
    "Budget costFilters.values": {"Amazon Relational Database Service"},
    "Eip domain": {"vpc"},
    "EventSubscription sourceType": {"db-instance", "db-parameter-group", "db-security-group", "db-snapshot"},
    "EventSubscription eventCategories": {
        "availability", "backup", "configuration change", "creation", "deletion", "failover", "failure",
        "low storage", "maintenance", "notification", "read replica", "recovery", "restoration", "security",
        "security patching",
    },
    "FlowLog logDestinationType": {"cloud-watch-logs", "s3", "kinesis-data-firehose"},
    "FlowLog trafficType": {"ACCEPT", "REJECT", "ALL"},
    "Function architectures": {"x86_64", "arm64"},
    "Function loggingConfig.logFormat": {"JSON", "Text"},
    "Function runtime": {"python3.10", "python3.11", "python3.12", "python3.13", "python3.14"},
    "Instance caCertIdentifier": {"rds-ca-rsa2048-g1", "rds-ca-rsa4096-g1", "rds-ca-ecc384-g1"},
    "Instance databaseInsightsMode": {"standard", "advanced"},
    "Instance enabledCloudwatchLogsExports": {"postgresql", "upgrade", "iam-db-auth-error"},
    "Instance engine": {"postgres"},
    "Instance engineLifecycleSupport": {
        "open-source-rds-extended-support", "open-source-rds-extended-support-disabled",
    },
    "Instance storageType": {"gp2", "gp3", "io1", "io2"},
    "Invocation lifecycleScope": {"CREATE_ONLY", "CRUD"},
    "LogMetricFilter metricTransformation.unit": {"Count"},
    "MetricAlarm comparisonOperator": {
        "GreaterThanOrEqualToThreshold", "GreaterThanThreshold", "LessThanThreshold", "LessThanOrEqualToThreshold",
    },
    "MetricAlarm statistic": STATISTICS,
    "MetricAlarm extendedStatistic": {"p90", "p95", "p99"},
    "MetricAlarm metricQueries.metric.stat": STATISTICS,
    "MetricAlarm treatMissingData": {"breaching", "notBreaching", "ignore", "missing"},
    "ParameterGroup family": {"postgres16"},
    "ParameterGroup parameters.applyMethod": {"immediate", "pending-reboot"},
    "Schedule flexibleTimeWindow.mode": {"OFF", "FLEXIBLE"},
    "SecurityGroupEgressRule ipProtocol": {"tcp", "udp", "icmp", "-1"},
    "SecurityGroupIngressRule ipProtocol": {"tcp", "udp", "icmp", "-1"},
    "TopicSubscription protocol": {"email", "https", "sms"},
    "VpcEndpoint vpcEndpointType": {"Gateway", "Interface"},
}  # fmt: skip


def unindexed(path: str) -> str:
    return re.sub(r"\[\d+\]", "", path)


def test_words_are_among_those_that_the_api_knows(updated: Recording) -> None:
    seen: dict[str, set[str]] = {}
    for registration in updated.registrations.values():
        for path, text in strings(registration.inputs):
            field = f"{registration.type.split(':')[-1]} {unindexed(path)}"
            if field in WORDS:
                seen.setdefault(field, set()).add(text)
    assert {field: words for field, words in seen.items() if not words <= WORDS[field]} == {}
    if updated.stack == "prod":
        assert sorted(set(WORDS) - set(seen)) == []


# Numbers of functions, of their queue and of their schedule: the least and the most that the service takes.
BOUNDS: dict[str, tuple[int, int]] = {
    "Function memorySize": (128, 10_240),
    "Function timeout": (1, 900),
    "FunctionEventInvokeConfig maximumEventAgeInSeconds": (60, 21_600),
    "FunctionEventInvokeConfig maximumRetryAttempts": (0, 2),
    "Queue messageRetentionSeconds": (60, 1_209_600),
    "Schedule target.retryPolicy.maximumEventAgeInSeconds": (60, 86_400),
    "Schedule target.retryPolicy.maximumRetryAttempts": (0, 185),
}


def test_numbers_lie_within_what_the_service_takes(recorded: Recording) -> None:
    seen = set()
    for registration in recorded.registrations.values():
        for path, value in leaves(dict(registration.inputs)):
            field = f"{registration.type.split(':')[-1]} {path.removeprefix('.')}"
            if field in BOUNDS:
                seen.add(field)
                least, most = BOUNDS[field]
                assert type(value) is int, registration.identity
                assert least <= value <= most, f"{registration.identity}: {path} {value}"
    assert seen == set(BOUNDS)


def test_a_schedule_is_written_as_the_scheduler_reads_it(recorded: Recording) -> None:
    """A rate of one takes the singular, any other the plural; of a cron's two fields for days one is a ?."""
    rate = r"rate\((1 (minute|hour|day)|(?!1 )[1-9]\d* (minutes|hours|days))\)"
    cron = r"cron\([0-5]?\d (1?\d|2[0-3]) (\? \* [A-Z,]+|\* \* \?) \*\)"
    for schedule in recorded.of_type("aws:scheduler/schedule:Schedule"):
        assert re.fullmatch(f"{rate}|{cron}", schedule.inputs["scheduleExpression"]), schedule.name


def test_nothing_is_reserved_of_a_new_accounts_little_concurrency(recorded: Recording) -> None:
    for function in recorded.of_type("aws:lambda/function:Function"):
        assert "reservedConcurrentExecutions" not in function.inputs, function.name


ARN = r"arn:aws:[a-z0-9-]+:[a-z0-9-]*:([0-9]{12}|aws)?:[A-Za-z0-9/_+=.@:-]+"
ARN_INPUTS = {
    "InstanceAutomatedBackupsReplication kmsKeyId", "Instance kmsKeyId", "LogGroup kmsKeyId", "Secret kmsKeyId",
    "Topic kmsMasterKeyId", "EventSubscription snsTopic", "MetricAlarm alarmActions", "MetricAlarm okActions",
    "FlowLog logDestination", "TopicPolicy arn", "TopicSubscription topic", "SecretVersion secretId",
    "Selection resources", "Instance performanceInsightsKmsKeyId", "Function role", "Schedule arn",
    "FunctionEventInvokeConfig destination",
}  # fmt: skip


def test_an_input_that_wants_an_arn_gets_one(updated: Recording) -> None:
    """A key's alias or id in the place of its ARN shows as a change on every run."""
    checked = 0
    for registration in updated.registrations.values():
        for path, text in strings(registration.inputs):
            key = unindexed(path).split(".")[-1]
            field = f"{registration.type.split(':')[-1]} {key}"
            if field in ARN_INPUTS or key.endswith(("Arn", "Arns")):
                checked += 1
                assert re.fullmatch(ARN, text), f"{registration.identity}: {path} is {text}"
    assert checked > 50


def test_nothing_holds_none_or_the_text_of_an_output(recorded: Recording) -> None:
    for registration in recorded.registrations.values():
        for path, value in leaves(reveal(registration.inputs)):
            assert value is not None, f"{registration.identity}: {path}"
            if isinstance(value, str):
                assert not re.search(r"\b(None|null|undefined|Output\.|<pulumi|object at 0x)\b", value), (
                    f"{registration.identity}: {path} is {value}"
                )
    for path, value in leaves(recorded.outputs):
        assert value is not None, path


def leaves(value: Any, path: str = "") -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        return [leaf for key, item in value.items() for leaf in leaves(item, f"{path}.{key}")]
    if isinstance(value, list):
        return [leaf for index, item in enumerate(value) for leaf in leaves(item, f"{path}[{index}]")]
    return [(path, value)]


def test_ports_are_whole_numbers(recorded: Recording) -> None:
    ports = [
        value
        for registration in recorded.registrations.values()
        for path, value in leaves(dict(registration.inputs))
        if path in (".port", ".fromPort", ".toPort")
    ]
    assert {type(port) for port in ports} == {int}
    assert set(ports) == {80, 443, 5432}


def test_descriptions_have_the_characters_and_the_length_that_their_service_takes(recorded: Recording) -> None:
    rules = {"aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "aws:ec2/securityGroup:SecurityGroup"}
    rules.add("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule")
    for registration in recorded.registrations.values():
        description = registration.inputs.get("description", "")
        if registration.type in rules:
            assert re.fullmatch(r"[a-zA-Z0-9 ._:/()#,@\[\]+=&;{}!$*-]{1,255}", description), registration.identity
        assert len(description) <= 255, registration.identity
        assert len(registration.inputs.get("alarmDescription", "")) <= 1024, registration.identity
        for key, value in registration.inputs.get("tags", {}).items():
            assert re.fullmatch(r"[\w +=.:/@-]{1,256}", value), f"{registration.identity}: tag {key}"


def test_an_alarm_looks_back_a_day_at_most(updated: Recording) -> None:
    """PutMetricAlarm: period x periods is at most 86,400 seconds; periods are 10, 30 or multiples of 60."""
    for alarm in updated.of_type("aws:cloudwatch/metricAlarm:MetricAlarm"):
        queries = alarm.inputs.get("metricQueries", [])
        period = alarm.inputs.get("period") or max(q["metric"]["period"] for q in queries if "metric" in q)
        assert period % 60 == 0
        assert period * alarm.inputs["evaluationPeriods"] <= 86_400
        assert alarm.inputs["datapointsToAlarm"] <= alarm.inputs["evaluationPeriods"]
