"""The three real stacks on a moto server: what is made, what is refused, and what is named as missing."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from blueprint.aws.sleep import Sleep
from blueprint.aws.windows import DailyTime
from local.aws.clients import Clients
from local.aws.provider import Created, KeptAnswers, MotoProvider
from local.aws.server import MotoServer, ServerError
from ops.aws import Aws
from ops.sleep import sleep_of
from recording import engine
from recording.answers import Answers
from recording.engine import EngineRefusal
from recording.recording import Recording, Registration, Secret, reveal
from resource_types import TYPES
from tests.local.aws import Applied
from tests.recordings import REGION, STACKS, changed, frozen, recording, secrets

SHORTFALLS: dict[tuple[str, str], tuple[int, int, int] | None] = {
    # dev, staging, prod: for how many resources of the stack. None: for all of the type.
    ("aws:backup/selection:Selection", ""): (1, 1, 1),
    ("aws:backup/vaultNotifications:VaultNotifications", ""): (1, 1, 1),
    ("aws:budgets/budget:Budget", "notifications.subscriberSnsTopicArns"): (1, 1, 1),
    ("aws:budgets/budget:Budget", "tags"): (1, 1, 1),
    ("aws:chatbot/slackChannelConfiguration:SlackChannelConfiguration", ""): None,
    ("aws:cloudwatch/compositeAlarm:CompositeAlarm", ""): None,
    ("aws:cloudwatch/metricAlarm:MetricAlarm", ""): None,
    ("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup", ""): (1, 1, 1),
    ("aws:ec2/flowLog:FlowLog", "logDestination"): (1, 1, 1),
    ("aws:lambda/function:Function", "loggingConfig"): (2, 2, 2),
    ("aws:rds/instance:Instance", "databaseInsightsMode"): (1, 1, 1),
    ("aws:rds/instance:Instance", "engineLifecycleSupport"): (1, 1, 1),
    ("aws:rds/instance:Instance", "performanceInsightsEnabled"): (1, 1, 1),
    ("aws:rds/instance:Instance", "performanceInsightsKmsKeyId"): (0, 1, 1),
    ("aws:rds/instance:Instance", "performanceInsightsRetentionPeriod"): (1, 1, 1),
    ("aws:rds/instance:Instance", "resourceId"): (1, 1, 1),
    ("aws:rds/instance:Instance (replica)", "performanceInsightsEnabled"): (0, 1, 2),
    ("aws:rds/instance:Instance (replica)", "resourceId"): (0, 1, 2),
    ("aws:rds/instanceAutomatedBackupsReplication:InstanceAutomatedBackupsReplication", ""): (0, 0, 1),
    ("aws:scheduler/schedule:Schedule", ""): (1, 1, 1),
    ("aws:sns/topicSubscription:TopicSubscription", "protocol"): (0, 7, 7),
    ("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule", "referencedSecurityGroupId"): (4, 3, 3),
    ("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "referencedSecurityGroupId"): (5, 3, 3),
}


def shortfalls(applied: Applied) -> dict[tuple[str, str], int]:
    """How many resources of a stack each concerns."""
    column, of_type = STACKS.index(applied.stack), applied.recording.of_type
    every = {key: counts[column] if counts else len(of_type(key[0])) for key, counts in SHORTFALLS.items()}
    return {key: count for key, count in every.items() if count}


def registration(type_: str, name: str = "thing", **inputs: Any) -> Registration:
    """One that no program made."""
    some = next(iter(recording("dev").registrations.values()))
    return replace(some, type=type_, name=name, urn=f"urn:pulumi:dev::test::{type_}::{name}", inputs=inputs)


@pytest.fixture
def provider(scratch: MotoServer) -> MotoProvider:
    return MotoProvider(scratch.endpoint, REGION)


# The real stacks


def test_every_registration_is_made(applied: Applied) -> None:
    expected = Counter(it.type for it in recording(applied.stack).registrations.values() if it.custom)
    types = applied.recording.registrations
    assert Counter(types[urn].type for urn in applied.provider.created) == expected
    assert set(types) == set(recording(applied.stack).registrations)


def test_shortfalls_are_named_with_those_whom_they_concern(applied: Applied) -> None:
    assert {(it.type, it.about): len(it.names) for it in applied.provider.shortfalls} == shortfalls(applied)
    assert all(
        re.fullmatch(r"\S+( \(replica\))?( \S+)? \(\d+\): .+[^.]", str(it)) for it in applied.provider.shortfalls
    )


def test_outputs_are_motos_own(applied: Applied) -> None:
    outputs = applied.recording.outputs
    instance = applied.clients.get("rds").describe_db_instances(DBInstanceIdentifier=outputs["primaryIdentifier"])
    found = instance["DBInstances"][0]
    assert outputs["primaryEndpoint"] == found["Endpoint"]["Address"]
    assert outputs["primaryArn"] == found["DBInstanceArn"]
    assert outputs["primaryResourceId"] == found["DbiResourceId"]
    vpcs = applied.clients.get("ec2").describe_vpcs(VpcIds=[outputs["vpcId"]])["Vpcs"]
    assert [vpc["IsDefault"] for vpc in vpcs] == [False]
    for arn in outputs["secretArns"].values():
        assert applied.clients.get("secretsmanager").describe_secret(SecretId=arn)["ARN"] == arn
    sns = applied.clients.get("sns")
    assert sns.get_topic_attributes(TopicArn=outputs["alertsTopicArn"])["Attributes"]["TopicArn"]


# Type: the call that lists what moto holds of it, the list's name, and what an ARN is called there.
LISTED = {
    "aws:backup/plan:Plan": ("backup.list_backup_plans", "BackupPlansList", "BackupPlanArn"),
    "aws:backup/vault:Vault": ("backup.list_backup_vaults", "BackupVaultList", "BackupVaultArn"),
    "aws:cloudwatch/logGroup:LogGroup": ("logs.describe_log_groups", "logGroups", "logGroupArn"),
    "aws:cloudwatch/metricAlarm:MetricAlarm": ("cloudwatch.describe_alarms", "MetricAlarms", "AlarmArn"),
    "aws:ec2/subnet:Subnet": ("ec2.describe_subnets", "Subnets", "SubnetArn"),
    "aws:iam/policy:Policy": ("iam.list_policies", "Policies", "Arn"),
    "aws:iam/role:Role": ("iam.list_roles", "Roles", "Arn"),
    "aws:kms/key:Key": ("kms.list_keys", "Keys", "KeyArn"),
    "aws:lambda/function:Function": ("lambda.list_functions", "Functions", "FunctionArn"),
    "aws:rds/eventSubscription:EventSubscription": (
        "rds.describe_event_subscriptions",
        "EventSubscriptionsList",
        "EventSubscriptionArn",
    ),
    "aws:rds/instance:Instance": ("rds.describe_db_instances", "DBInstances", "DBInstanceArn"),
    "aws:rds/parameterGroup:ParameterGroup": (
        "rds.describe_db_parameter_groups",
        "DBParameterGroups",
        "DBParameterGroupArn",
    ),
    "aws:rds/subnetGroup:SubnetGroup": ("rds.describe_db_subnet_groups", "DBSubnetGroups", "DBSubnetGroupArn"),
    "aws:scheduler/schedule:Schedule": ("scheduler.list_schedules", "Schedules", "Arn"),
    "aws:sns/topic:Topic": ("sns.list_topics", "Topics", "TopicArn"),
}


@pytest.mark.parametrize("token", LISTED)
def test_arns_that_a_row_makes_are_those_that_moto_gives(applied: Applied, token: str) -> None:
    call, listing, member = LISTED[token]
    service, _, method = call.partition(".")
    made = applied.recording.of_type(token)
    pages = [
        page
        for region in {it.inputs.get("region", REGION) for it in made}
        for page in applied.clients.get(service, region).get_paginator(method).paginate()
    ]
    held = {each[member] for page in pages for each in page[listing]}
    assert made or (applied.stack, token) == ("dev", "aws:kms/key:Key")
    assert {applied.provider.created[it.urn].outputs["arn"] for it in made} - held == set()


def test_no_secret_is_in_the_log_or_in_arguments(applied: Applied, log: Path) -> None:
    texts = [str(value) for it in applied.recording.registrations.values() for _, value in secrets(it.inputs)]
    texts += [json.loads(text)["password"] for text in texts if '"password"' in text]
    assert len(texts) >= 10
    written = log.read_text()
    arguments = Path(f"/proc/{applied.server.process.pid}/cmdline").read_text()
    environment = Path(f"/proc/{applied.server.process.pid}/environ").read_text()
    assert "POST / HTTP/1.1" in written
    for text in texts:
        assert text not in written and text not in arguments and text not in environment
    assert log.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("applied", ["dev"], indirect=True, scope="session")
def test_a_run_with_the_answers_that_were_kept_is_the_same_run(applied: Applied) -> None:
    stored = json.loads(json.dumps({urn: created.to_json() for urn, created in applied.provider.created.items()}))
    remembered = KeptAnswers({urn: Created.from_json(it) for urn, it in stored.items()}, Answers(REGION))
    again = engine.record(frozen(applied.stack), remembered, preview=False)
    assert again.outputs == applied.recording.outputs
    assert inputs_of(again) == inputs_of(applied.recording)


@pytest.mark.parametrize("applied", ["dev"], indirect=True, scope="session")
def test_ids_depend_on_the_registration_alone(applied: Applied, scratch: MotoServer) -> None:
    """Not on the server's process, on what was made there before, or on what else the stack has."""
    scratch.reset()
    Clients(scratch.endpoint, REGION).get("ec2").create_vpc(CidrBlock="10.99.0.0/16")
    provider = MotoProvider(scratch.endpoint, REGION)
    wider = changed(frozen("dev"), {"monitoring": {"alertEmails": ["somebody@langpont.example"]}})
    engine.record(wider, provider, preview=False)
    before = {urn: made.id for urn, made in applied.provider.created.items()}
    assert len(provider.created) == len(before) + 5  # subscriptions of one address
    assert {urn: provider.created[urn].id for urn in before} == before


def test_the_schedule_of_a_stack_that_sleeps_is_registered_as_the_operators_commands_read_it(
    scratch: MotoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing sleeps by it on one machine."""
    scratch.reset()
    night = {"schedule": {"stop": "13:00", "start": "00:00", "days": ["mon", "tue"]}}
    engine.record(changed(frozen("dev"), night), MotoProvider(scratch.endpoint, REGION), preview=False)
    for name, value in {"AWS_ENDPOINT_URL": scratch.endpoint, "AWS_DEFAULT_REGION": REGION,
                        "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    found = sleep_of(Aws(), "langpont-dev-db")
    assert found == Sleep(stop=DailyTime.parse("13:00"), start=DailyTime.parse("00:00"), days=("mon", "tue"))
    assert sleep_of(Aws(), "langpont-prod-db") is None


def inputs_of(run: Recording) -> dict[str, Any]:
    return {urn: reveal(it.inputs) for urn, it in run.registrations.items()}


def test_a_control_plane_that_is_not_there_is_one_sentence() -> None:
    expected = (
        "The control plane at http://127.0.0.1:9 does not answer: EndpointConnectionError. "
        "Its log may say why; start it again."
    )
    with pytest.raises(ServerError, match=f"^{re.escape(expected)}$"):
        engine.record(frozen("dev"), MotoProvider("http://127.0.0.1:9", REGION), preview=False)


# The rows


def test_an_unmapped_type_is_refused_by_name(provider: MotoProvider) -> None:
    expected = "aws:s3/bucket:Bucket thing: the type has no row. Add one to resource_types/s3.py."
    with pytest.raises(EngineRefusal, match=f"^{re.escape(expected)}$"):
        provider.create(registration("aws:s3/bucket:Bucket"))


def test_an_unknown_input_is_refused_by_name(provider: MotoProvider) -> None:
    expected = "aws:ec2/vpc:Vpc thing: CreateVpcRequest has no parameter for enableClassiclink."
    with pytest.raises(EngineRefusal, match=f"^{re.escape(expected)}$"):
        provider.create(registration("aws:ec2/vpc:Vpc", cidrBlock="10.0.0.0/16", enableClassiclink=True))


def test_an_unknown_input_of_what_moto_cannot_do_is_refused_too(provider: MotoProvider) -> None:
    expected = "aws:backup/selection:Selection thing: CreateBackupSelectionInput has no parameter for colour."
    with pytest.raises(EngineRefusal, match=f"^{re.escape(expected)}$"):
        provider.create(registration("aws:backup/selection:Selection", planId="p", iamRoleArn="r", colour="red"))


def test_what_moto_refuses_is_told_with_the_resource(provider: MotoProvider) -> None:
    expected = (
        "aws:ec2/subnet:Subnet thing: the control plane refused CreateSubnet: "
        "VpcID vpc-1 does not exist (InvalidVpcID.NotFound)."
    )
    with pytest.raises(EngineRefusal, match=f"^{re.escape(expected)}$"):
        provider.create(registration("aws:ec2/subnet:Subnet", vpcId="vpc-1", cidrBlock="10.0.0.0/24"))


def test_overlapping_windows_are_refused(provider: MotoProvider) -> None:
    """The document's own backup and maintenance windows (E6)."""
    with pytest.raises(
        EngineRefusal, match=r"^aws:rds/instance:Instance thing: .*CreateDBInstance: .*must not overlap.*"
    ):
        provider.create(
            registration(
                "aws:rds/instance:Instance",
                identifier="overlapping",
                instanceClass="db.t3.medium",
                engine="postgres",
                engineVersion="16",
                allocatedStorage=100,
                backupWindow="03:00-04:00",
                maintenanceWindow="sun:03:00-sun:04:00",
            )
        )


def test_a_refusal_does_not_show_a_secret(provider: MotoProvider) -> None:
    inputs: dict[str, Any] = {
        "secretId": "none",
        "secretString": Secret("correct horse"),
        "secretBinary": Secret(7731),
    }
    with pytest.raises(EngineRefusal) as refused:
        provider.create(registration("aws:secretsmanager/secretVersion:SecretVersion", **inputs))
    assert "SecretBinary" in str(refused.value)
    assert "(secret)" in str(refused.value)
    assert "7731" not in str(refused.value) and "horse" not in str(refused.value)


@pytest.mark.parametrize("key", [key for key, row in TYPES.items() if row.not_in_moto])
def test_moto_still_cannot_do_what_a_row_says(scratch: MotoServer, key: str) -> None:
    """When this fails, moto has learned it: take `not_in_moto` away."""
    create = TYPES[key].create
    assert create is not None
    client = Clients(scratch.endpoint, REGION).get(create.service)
    operation = client.meta.method_to_api_mapping[create.method]
    given: Any = {
        "CreateBackupSelection": {"BackupPlanId": "p", "BackupSelection": {"SelectionName": "s", "IamRoleArn": "r"}},
        "CreateSlackChannelConfiguration": {
            "SlackTeamId": "T1",
            "SlackChannelId": "C1",
            "IamRoleArn": "arn:aws:iam::1:role/r",
            "ConfigurationName": "c",
        },
        "CreateRestoreTestingPlan": {
            "RestoreTestingPlan": {
                "RestoreTestingPlanName": "p",
                "ScheduleExpression": "cron(0 1 1 * ? *)",
                "RecoveryPointSelection": {
                    "Algorithm": "LATEST_WITHIN_WINDOW",
                    "IncludeVaults": ["*"],
                    "RecoveryPointTypes": ["SNAPSHOT"],
                },
            },
        },
        "CreateRestoreTestingSelection": {
            "RestoreTestingPlanName": "p",
            "RestoreTestingSelection": {
                "RestoreTestingSelectionName": "s",
                "IamRoleArn": "r",
                "ProtectedResourceType": "RDS",
            },
        },
        "PutCompositeAlarm": {"AlarmName": "a", "AlarmRule": 'ALARM("b")'},
        "PutBackupVaultNotifications": {"BackupVaultName": "v", "SNSTopicArn": "t", "BackupVaultEvents": []},
        "StartDBInstanceAutomatedBackupsReplication": {"SourceDBInstanceArn": "a"},
    }[operation]
    with pytest.raises(Exception, match="500|not yet implemented|404|Internal Server Error"):
        getattr(client, create.method)(**given)
