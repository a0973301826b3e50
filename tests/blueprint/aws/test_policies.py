"""Policy documents as functions: each statement, and what it leaves out."""

from __future__ import annotations

import json
from typing import Any

import pytest

from blueprint.aws import policies

ACCOUNT = "210987654321"
REGION = "eu-west-1"
ROOT = {
    "Sid": "AccountRoot",
    "Effect": "Allow",
    "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
    "Action": "kms:*",
    "Resource": "*",
}
OWN_ACCOUNT = {"StringEquals": {"aws:SourceAccount": ACCOUNT}}


def document(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def test_a_plain_key_delegates_to_the_account_so_that_somebody_can_mend_its_policy() -> None:
    assert policies.key_policy(ACCOUNT) == document(ROOT)


def test_the_logs_key_serves_log_groups_with_these_prefixes_alone() -> None:
    assert policies.logs_key_policy(ACCOUNT, REGION, ["/aws/rds/instance/a-", "/aws/vpc/a-"]) == document(
        ROOT,
        {
            "Sid": "CloudWatchLogs",
            "Effect": "Allow",
            "Principal": {"Service": f"logs.{REGION}.amazonaws.com"},
            "Action": ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"],
            "Resource": "*",
            "Condition": {
                "ArnLike": {
                    "kms:EncryptionContext:aws:logs:arn": [
                        f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/rds/instance/a-*",
                        f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/vpc/a-*",
                    ]
                }
            },
        },
    )


def test_the_alerts_key_serves_each_service_that_publishes_or_delivers() -> None:
    """The AWS-managed key cannot carry alarms: CloudWatch has no permission on it, and none can be given."""
    root, *services = policies.alerts_key_policy(ACCOUNT)["Statement"]
    assert root == ROOT
    assert {statement.pop("Sid"): statement.pop("Principal")["Service"] for statement in services} == {
        "CloudWatchAlarms": "cloudwatch.amazonaws.com",
        "RdsEvents": "events.rds.amazonaws.com",
        "Sns": "sns.amazonaws.com",
        "Backup": "backup.amazonaws.com",
        "Budgets": "budgets.amazonaws.com",
    }
    rest = {
        "Effect": "Allow",
        "Action": ["kms:Decrypt", "kms:GenerateDataKey*"],
        "Resource": "*",
        "Condition": OWN_ACCOUNT,
    }
    assert services == [rest] * 5


def test_a_topic_takes_messages_from_the_named_services_of_this_account() -> None:
    topic = f"arn:aws:sns:{REGION}:{ACCOUNT}:alerts"
    assert policies.topic_policy(topic, ACCOUNT, ["b.amazonaws.com", "a.amazonaws.com"]) == document(
        {
            "Sid": "Publish",
            "Effect": "Allow",
            "Principal": {"Service": ["a.amazonaws.com", "b.amazonaws.com"]},
            "Action": "sns:Publish",
            "Resource": topic,
            "Condition": OWN_ACCOUNT,
        }
    )


def test_secrets_are_read_and_decrypted_through_secrets_manager_and_nothing_else() -> None:
    """E18: least privilege."""
    read, decrypt = policies.read_secrets(["arn:b", "arn:a"], "arn:key", REGION)["Statement"]
    assert read == {
        "Sid": "ReadOwnSecrets",
        "Effect": "Allow",
        "Action": "secretsmanager:GetSecretValue",
        "Resource": ["arn:a", "arn:b"],
    }
    assert decrypt == {
        "Sid": "DecryptOwnSecrets",
        "Effect": "Allow",
        "Action": "kms:Decrypt",
        "Resource": "arn:key",
        "Condition": {"StringEquals": {"kms:ViaService": f"secretsmanager.{REGION}.amazonaws.com"}},
    }


def test_without_a_key_of_ours_there_is_nothing_to_decrypt_with() -> None:
    [read] = policies.read_secrets(["arn:a"], None, REGION)["Statement"]
    assert read["Sid"] == "ReadOwnSecrets"


PUBLISH = {
    "Sid": "PublishOwnMetrics",
    "Effect": "Allow",
    "Action": "cloudwatch:PutMetricData",
    "Resource": "*",
    "Condition": {"StringEquals": {"cloudwatch:namespace": "Some/Namespace"}},
}


def test_metrics_are_published_in_one_namespace_alone() -> None:
    """PutMetricData knows no resource; the namespace is all there is to bind it by."""
    assert policies.publish_metrics("Some/Namespace") == PUBLISH


@pytest.mark.parametrize("key", ["arn:key", None])
def test_who_reads_secrets_may_be_given_one_thing_more(key: str | None) -> None:
    alone = policies.read_secrets(["arn:a"], key, REGION)["Statement"]
    assert policies.read_secrets(["arn:a"], key, REGION, PUBLISH) == document(*alone, PUBLISH)


INTERFACES = [
    "ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:UnassignPrivateIpAddresses",
]  # fmt: skip


@pytest.mark.parametrize("key", ["arn:key", None])
def test_a_function_reads_its_secrets_writes_its_log_keeps_failures_and_is_attached_by_lambda(key: str | None) -> None:
    """Lambda attaches it with the role's permissions, which the code has too unless it is refused them again (Lambda
    developer guide, "Giving Lambda functions access to resources in an Amazon VPC", required IAM permissions)."""
    built = policies.run_function("arn:function", "arn:log-group", "arn:queue", ["arn:b", "arn:a"], key, REGION)
    assert built == document(
        *policies.read_secrets(["arn:a", "arn:b"], key, REGION)["Statement"],
        {
            "Sid": "WriteOwnLog",
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": "arn:log-group:*",
        },
        {"Sid": "KeepFailures", "Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "arn:queue"},
        {"Sid": "AttachToVpc", "Effect": "Allow", "Action": INTERFACES, "Resource": "*"},
        {
            "Sid": "ButNotTheCodeItself",
            "Effect": "Deny",
            "Action": INTERFACES,
            "Resource": "*",
            "Condition": {"ArnEquals": {"lambda:SourceFunctionArn": "arn:function"}},
        },
    )


def test_a_schedule_invokes_one_function() -> None:
    assert policies.invoke_function("arn:function") == document(
        {"Sid": "Invoke", "Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": "arn:function"}
    )


@pytest.mark.parametrize("service", ["monitoring.rds.amazonaws.com", "backup.amazonaws.com"])
def test_a_role_is_assumed_by_one_service_for_this_account(service: str) -> None:
    assert policies.trust(service, ACCOUNT) == document(
        {
            "Effect": "Allow",
            "Principal": {"Service": service},
            "Action": "sts:AssumeRole",
            "Condition": OWN_ACCOUNT,
        }
    )


def test_flow_logs_write_to_their_one_group_and_may_list_groups() -> None:
    group = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/vpc/a"
    write, find = policies.write_log_group(group)["Statement"]
    assert write == {
        "Sid": "Write",
        "Effect": "Allow",
        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": f"{group}:*",
    }
    assert find == {
        "Sid": "Find",
        "Effect": "Allow",
        "Action": ["logs:DescribeLogGroups", "logs:DescribeLogStreams"],
        "Resource": "*",
    }


HOST_TAGS = {"Project": "LangPont", "Environment": "prod"}
OPERATE = policies.operate(HOST_TAGS, REGION, ACCOUNT, ["db-A", "db-B"], ["langpont_operator"])["Statement"]


def test_people_on_call_start_sessions_on_hosts_of_their_environment_with_one_document() -> None:
    on_hosts, with_document = (s for s in OPERATE if s["Action"] == "ssm:StartSession")
    assert on_hosts["Resource"] == f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/*"
    # Without the check the default document, a shell, is started where none is named.
    checked = {"BoolIfExists": {"ssm:SessionDocumentAccessCheck": "true"}}
    assert on_hosts["Condition"] == {
        "StringEquals": {"ssm:resourceTag/Project": "LangPont", "ssm:resourceTag/Environment": "prod"},
        **checked,
    }
    assert with_document["Condition"] == checked
    assert with_document["Resource"] == f"arn:aws:ssm:{REGION}::document/AWS-StartPortForwardingSessionToRemoteHost"


def test_people_on_call_log_in_to_every_instance_as_the_operator_alone() -> None:
    [connect] = [s for s in OPERATE if s["Action"] == "rds-db:connect"]
    assert connect["Resource"] == [
        f"arn:aws:rds-db:{REGION}:{ACCOUNT}:dbuser:db-A/langpont_operator",
        f"arn:aws:rds-db:{REGION}:{ACCOUNT}:dbuser:db-B/langpont_operator",
    ]


def test_people_on_call_who_assume_a_role_can_end_their_own_sessions() -> None:
    """An assumed role has no aws:username, so a statement with it in its resource never matches (IAM user guide,
    "IAM policy elements: variables"); Session Manager's guide takes aws:userid and the session's own tag instead.
    """
    assert "${aws:username}" not in json.dumps(OPERATE)
    [end] = [s for s in OPERATE if "ssm:TerminateSession" in s["Action"]]
    assert "${aws:userid}" in json.dumps(end)
    assert end["Action"] == ["ssm:TerminateSession", "ssm:ResumeSession"]
