"""Inputs to parameters, against botocore's models and without a server."""

from __future__ import annotations

from typing import Any

import pytest

from local.aws.clients import Clients
from local.aws.convert import Misfit, check, found, parameters, put
from resource_types.model import Into, Target
from tests.recordings import REGION

CLIENTS = Clients("http://127.0.0.1:9", REGION)


def operation(service: str, name: str) -> Any:
    return CLIENTS.get(service).meta.service_model.operation_model(name)


@pytest.mark.parametrize(
    ("service", "name", "inputs", "takes", "expected"),
    [
        ("ec2", "CreateSubnet", {"vpcId": "v", "cidrBlock": "c"}, {}, {"VpcId": "v", "CidrBlock": "c"}),
        ("rds", "CreateDBInstance", {"dbName": "d", "multiAz": True}, {}, {"DBName": "d", "MultiAZ": True}),
        ("rds", "CreateDBInstance", {"port": 5432.0}, {}, {"Port": 5432}),
        ("cloudwatch", "PutMetricAlarm", {"threshold": 80}, {}, {"Threshold": 80.0}),
        (
            "ec2",
            "ModifyVpcAttribute",
            {"dns": True},
            {"dns": "EnableDnsSupport.Value"},
            {"EnableDnsSupport": {"Value": True}},
        ),
        (
            "backup",
            "CreateBackupPlan",
            {"rules": [{"ruleName": "daily", "lifecycle": {"deleteAfter": 30.0}}]},
            {"rules": "BackupPlan.Rules", "rules.lifecycle.deleteAfter": "DeleteAfterDays"},
            {"BackupPlan": {"Rules": [{"RuleName": "daily", "Lifecycle": {"DeleteAfterDays": 30}}]}},
        ),
        (
            "ec2",
            "AuthorizeSecurityGroupIngress",
            {"from": 1.0, "cidr": "c"},
            {"from": "IpPermissions.0.FromPort", "cidr": "IpPermissions.0.IpRanges.0.CidrIp"},
            {"IpPermissions": [{"FromPort": 1, "IpRanges": [{"CidrIp": "c"}]}]},
        ),
        ("iam", "CreateRole", {"tags": {"a": "b"}}, {"tags": Into("Tags", list)}, {"Tags": ["a"]}),
    ],
)
def test_inputs_become_parameters(
    service: str, name: str, inputs: dict[str, Any], takes: dict[str, Target], expected: dict[str, Any]
) -> None:
    made = parameters(operation(service, name), inputs, takes)
    assert made == expected
    assert repr(made) == repr(expected), "80 and 80.0 are equal to Python and not to the API"


@pytest.mark.parametrize(
    ("inputs", "takes", "message"),
    [
        ({"vpcIdd": "v"}, {}, "CreateSubnetRequest has no parameter for vpcIdd"),
        ({"a": "v"}, {"a": "Vpcid"}, "CreateSubnetRequest has no Vpcid"),
    ],
)
def test_a_name_that_the_api_does_not_know_is_refused(
    inputs: dict[str, Any], takes: dict[str, Target], message: str
) -> None:
    with pytest.raises(Misfit, match=f"^{message}$"):
        parameters(operation("ec2", "CreateSubnet"), inputs, takes)


def test_a_name_inside_a_structure_is_refused_with_its_path() -> None:
    with pytest.raises(Misfit, match="^BackupRuleInput has no parameter for rules.colour$"):
        parameters(
            operation("backup", "CreateBackupPlan"), {"rules": [{"colour": "red"}]}, {"rules": "BackupPlan.Rules"}
        )


@pytest.mark.parametrize(
    ("service", "name", "given", "message"),
    [
        ("kms", "EnableKeyRotation", {}, 'Missing required parameter in input: "KeyId"'),
        ("kms", "EnableKeyRotation", {"KeyId": 1}, "Invalid type for parameter KeyId, value: 1, type: <class 'int'>"),
        (
            "rds",
            "CreateEventSubscription",
            {"SubscriptionName": "s", "SnsTopicArn": "t", "Enabled": "yes"},
            "Invalid type for parameter Enabled",
        ),
        (
            "ec2",
            "CreateFlowLogs",
            {"ResourceIds": ["v"], "ResourceType": "Vpc"},
            "ResourceType is 'Vpc'; CreateFlowLogs takes VPC, Subnet",
        ),
        (
            "backup",
            "PutBackupVaultNotifications",
            {"BackupVaultName": "v", "SNSTopicArn": "t", "BackupVaultEvents": ["NONE"]},
            "BackupVaultEvents[0] is 'NONE'; ",
        ),
    ],
)
def test_what_the_model_does_not_take_is_refused(service: str, name: str, given: dict[str, Any], message: str) -> None:
    with pytest.raises(Misfit) as refused:
        check(operation(service, name), given)
    assert message in str(refused.value)


def test_paths_go_through_mappings_and_lists() -> None:
    made: dict[str, Any] = {}
    put(made, "A.0.B", 1)
    put(made, "A.0.C.0", 2)
    assert made == {"A": [{"B": 1, "C": [2]}]}
    assert found(made, "A.0.C.0") == 2
    with pytest.raises(LookupError):
        found(made, "A.1.B")
