"""What `make verify` says of the control plane: that all is well, and what is not after somebody changed it."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from local.aws.server import MotoServer
from local.aws.table import ELSEWHERE, ROWS
from local.verify import control
from local.verify.check import Check
from local.verify.control import READINGS, checks, differences
from tests.local.aws import Applied, apply
from tests.local.aws.test_provider import SHORTFALLS
from tests.recordings import REGION, STACKS, secrets

PROD = """
VPCs: 1, subnets: 9, internet gateways: 1, route tables: 5, routes: 4, route table associations: 9, elastic IPs: 3,
NAT gateways: 3, VPC endpoints: 1, flow logs: 1, default security groups without a rule: 1, security groups: 3,
ingress rules: 5, egress rules: 5, IAM policies: 3, IAM roles: 6, inline policies of roles: 4, policies attached to
roles: 3, KMS keys: 7, key aliases: 7, secrets: 6, secrets' contents: 6, topics: 3, topics' policies: 3,
subscriptions: 3, log groups: 9, log metric filters: 7, alarms: 56, dashboards: 1, budgets: 1, database subnet groups:
1, parameter groups: 3, database instances: 3, event subscriptions: 2, queues: 1, functions: 2, destinations of
functions' failures: 2, schedules: 1, backup vaults: 1, backup plans: 1
"""


@pytest.fixture(scope="session")
def verified(applied: Applied) -> list[Check]:
    """What is said of a stack that nobody has changed."""
    return list(checks(applied.recording, applied.server.endpoint, REGION))


def test_everything_is_as_registered(applied: Applied, verified: list[Check]) -> None:
    assert [f"{it.name}: {it.detail}" for it in verified if not it.ok] == []
    assert len(verified) == {"dev": 35, "staging": 40, "prod": 40}[applied.stack]
    if applied.stack == "prod":
        assert [it.name.removesuffix(" as registered") for it in verified] == " ".join(PROD.split()).split(", ")


@pytest.mark.parametrize("applied", ["prod"], indirect=True, scope="session")
def test_what_moto_is_said_to_lose_is_what_it_loses(applied: Applied) -> None:
    """When this fails, moto has learned it, or loses more: mend the row."""
    lost = Counter[tuple[str, str]]()
    for type_ in READINGS:
        registrations = applied.recording.of_type(type_)
        if registrations:
            lost.update((it.kind, it.input) for it in differences(applied.clients, type_, registrations))
    said = {(kind, it.about) for kind, row in ROWS.items() for it in row.shortfalls if it.lost}
    column = STACKS.index(applied.stack)
    assert lost == {key: counts[column] for key, counts in SHORTFALLS.items() if key in said and counts[column]}


def test_no_secret_is_in_a_check(applied: Applied, verified: list[Check]) -> None:
    told = repr(verified)
    for registration in applied.recording.registrations.values():
        for _, value in secrets(registration.inputs):
            assert str(value) not in told


def test_every_type_is_read_back() -> None:
    assert set(READINGS) == {key for key, row in ROWS.items() if not (row.unable or row.later) and " " not in key}
    assert not [key for key in READINGS if key.startswith(ELSEWHERE)]


@pytest.mark.parametrize("applied", ["dev"], indirect=True, scope="session")
def test_a_type_that_nobody_reads_fails(applied: Applied, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "READINGS", {key: it for key, it in READINGS.items() if "vpc:Vpc" not in key})
    found = [it for it in checks(applied.recording, applied.server.endpoint, REGION) if not it.ok]
    assert [(it.name, it.detail) for it in found] == [
        ("aws:ec2/vpc:Vpc: 1", "nobody reads this type back; add it to control.py")
    ]


@pytest.fixture(scope="module")
def tampered(scratch: MotoServer) -> dict[str, str]:
    """Details of the checks that fail after somebody has been at the control plane."""
    applied = apply(scratch, "staging")
    get, prefix = applied.clients.get, "langpont-staging"
    cloudwatch, ec2, rds, kms = get("cloudwatch"), get("ec2"), get("rds"), get("kms")
    cloudwatch.delete_alarms(AlarmNames=[f"{prefix}-primary-cpu-high"])
    (alarm,) = cloudwatch.describe_alarms(AlarmNames=[f"{prefix}-primary-connections-high"])["MetricAlarms"]
    kept = {"AlarmName", "ComparisonOperator", "EvaluationPeriods", "MetricName", "Namespace", "Period", "Statistic"}
    cloudwatch.put_metric_alarm(**{key: value for key, value in alarm.items() if key in kept}, Threshold=1)
    group = applied.id("SecurityGroup", f"{prefix}-network-database")
    world = [{"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=world)
    get("secretsmanager").put_secret_value(SecretId=f"{prefix}/pooler", SecretString="a new secret")
    storage_key = applied.id("Key", f"{prefix}-secrets-storage-key")
    kms.disable_key_rotation(KeyId=storage_key)
    kms.create_alias(AliasName="alias/somebody-elses", TargetKeyId=storage_key)
    rds.modify_db_parameter_group(
        DBParameterGroupName=applied.id("ParameterGroup", f"{prefix}-db-primary"),
        Parameters=[{"ParameterName": "work_mem", "ParameterValue": "64", "ApplyMethod": "immediate"}],
    )
    rds.modify_db_instance(DBInstanceIdentifier=f"{prefix}-db", DBInstanceClass="db.t3.micro", ApplyImmediately=True)
    get("logs").delete_retention_policy(logGroupName=f"/aws/rds/instance/{prefix}-db/postgresql")
    ec2.allocate_address(
        Domain="vpc",
        TagSpecifications=[
            {"ResourceType": "elastic-ip", "Tags": [{"Key": "Name", "Value": f"{prefix}-network-nat-ap-northeast-1a"}]}
        ],
    )
    found = list(checks(applied.recording, scratch.endpoint, REGION))
    assert "a new secret" not in repr(found)
    return {it.name.partition(":")[0]: it.detail for it in found if not it.ok}


def test_what_was_changed_fails_and_nothing_else(tampered: dict[str, str]) -> None:
    assert set(tampered) == {
        "alarms",
        "ingress rules",
        "secrets' contents",
        "KMS keys",
        "key aliases",
        "parameter groups",
        "database instances",
        "log groups",
        "elastic IPs",
    }


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("alarms", r"langpont-staging-monitoring-primary-cpu-high: is not there"),
        ("alarms", r"langpont-staging-monitoring-primary-connections-high: alarmActions is \[\], not .*; and \d+ more"),
        ("ingress rules", r"sg-\w+ tcp 5432 5432 0.0.0.0/0: is there, and nobody registered it"),
        ("secrets' contents", r"langpont-staging-pooler-files: secretString is another one"),
        ("KMS keys", r"langpont-staging-secrets-storage-key: enableKeyRotation is false, not true"),
        ("key aliases", r"alias/somebody-elses: is there, and nobody registered it"),
        ("parameter groups", r"langpont-staging-db-primary: parameters is \[.*, not \[.*"),
        ("database instances", r'langpont-staging-db-primary: instanceClass is "db.t3.micro", not "db\.\w+\.\w+"'),
        ("log groups", r"langpont-staging-db-primary-postgresql-log: retentionInDays is absent, not \d+"),
        (
            "elastic IPs",
            r"langpont-staging-network-nat-ap-northeast-1a eipalloc-\w+: is there, and nobody registered it",
        ),
    ],
)
def test_a_failure_says_what_is_different(tampered: dict[str, str], what: str, expected: str) -> None:
    assert re.search(f"(^|; ){expected}$" if what != "alarms" else f"(^|; ){expected}", tampered[what]), tampered[what]


@pytest.mark.parametrize("applied", ["dev"], indirect=True, scope="session")
def test_a_control_plane_that_is_not_there_fails_every_check(applied: Applied) -> None:
    found = list(checks(applied.recording, "http://127.0.0.1:9", REGION))
    assert {(it.ok, it.detail) for it in found} == {(False, "cannot be read: EndpointConnectionError")}
