"""Policy documents: they parse, allow nothing wholesale, and bind each service to this account."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from recording.recording import Recording
from tests.recordings import ACCOUNT

KEY = "aws:kms/key:Key"
ROTATION = "aws:secretsmanager/secretRotation:SecretRotation"
# What takes something away again, by its Sid.
REFUSALS = {"ButNotTheCodeItself"}
# What has no narrower resource, by its Sid: actions, and the condition that narrows them instead.
UNBOUND: dict[str, tuple[set[str], dict[str, Any] | None]] = {
    "Find": ({"logs:DescribeLogGroups", "logs:DescribeLogStreams"}, None),
    "PublishOwnMetrics": (
        {"cloudwatch:PutMetricData"},
        {"StringEquals": {"cloudwatch:namespace": "LangPont/PgBouncer"}},
    ),
    "ReadMetrics": ({"cloudwatch:GetMetricData", "cloudwatch:ListMetrics"}, None),
    # The function's own code is refused them by the statement after it.
    "AttachToVpc": (
        {
            "ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface",
            "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:UnassignPrivateIpAddresses",
        },
        None,
    ),
}  # fmt: skip
Statement = dict[str, Any]


def documents(recorded: Recording) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Type, logical name and document of every policy."""
    for registration in recorded.registrations.values():
        for key in ("policy", "assumeRolePolicy"):
            if isinstance(registration.inputs.get(key), str):
                yield registration.type, registration.name, json.loads(registration.inputs[key])


def statements(recorded: Recording) -> list[tuple[str, str, Statement]]:
    return [(type_, name, s) for type_, name, document in documents(recorded) for s in document["Statement"]]


def as_list(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def test_sids_are_alphanumeric_and_single(updated: Recording) -> None:
    for _, name, document in documents(updated):
        sids = [s["Sid"] for s in document["Statement"] if "Sid" in s]
        assert len(sids) == len(set(sids)), name
        assert all(re.fullmatch(r"[A-Za-z0-9]+", sid) for sid in sids), name


def test_what_only_lambda_may_do_with_a_functions_role_is_refused_to_its_code(updated: Recording) -> None:
    """And a role has one such pair for itself alone: the refusal names its own function."""
    found = {}
    for _, name, document in documents(updated):
        by_sid = {s.get("Sid"): s for s in document["Statement"]}
        if "AttachToVpc" in by_sid:
            allowed, refused = by_sid["AttachToVpc"], by_sid["ButNotTheCodeItself"]
            assert (refused["Action"], refused["Resource"]) == (allowed["Action"], "*"), name
            found[name.removeprefix(f"langpont-{updated.stack}-")] = refused["Condition"]
    prefix = f"arn:aws:lambda:ap-northeast-1:{ACCOUNT}:function:langpont-{updated.stack}"
    assert found == {
        f"functions-{role}-policy": {"ArnEquals": {"lambda:SourceFunctionArn": f"{prefix}-{role}"}}
        for role in ("metrics", "roles", *(["rotation"] if updated.of_type(ROTATION) else []))
    }


def test_every_service_is_bound_to_this_account(updated: Recording) -> None:
    bound = 0
    for _, name, statement in statements(updated):
        principal = statement.get("Principal", {})
        if "Service" not in principal:
            continue
        condition = statement["Condition"]
        account = condition.get("StringEquals", {}).get("aws:SourceAccount")
        context = as_list(condition.get("ArnLike", {}).get("kms:EncryptionContext:aws:logs:arn", []))
        assert account == ACCOUNT or (context and all(f":{ACCOUNT}:" in arn for arn in context)), name
        bound += 1
    assert bound >= 4


def test_every_encrypted_log_group_is_one_that_the_logs_key_lets_cloudwatch_use(updated: Recording) -> None:
    keys = [r for r in updated.of_type(KEY) if r.name.endswith("-keys-logs")]
    groups = [r for r in updated.of_type("aws:cloudwatch/logGroup:LogGroup") if "kmsKeyId" in r.inputs]
    assert bool(keys) == bool(groups) == (updated.stack != "dev")
    for key in keys:
        statement = json.loads(key.inputs["policy"])["Statement"][1]
        patterns = statement["Condition"]["ArnLike"]["kms:EncryptionContext:aws:logs:arn"]
        for group in groups:
            arn = f"arn:aws:logs:ap-northeast-1:{ACCOUNT}:log-group:{group.inputs['name']}"
            assert any(fnmatchcase(arn, pattern) for pattern in patterns), group.name


def test_every_role_has_a_trust_policy_for_one_service(updated: Recording) -> None:
    """E1: the document's monitoring role is used and never defined."""
    services = {
        role.name.removeprefix(f"langpont-{updated.stack}-"): json.loads(role.inputs["assumeRolePolicy"])["Statement"]
        for role in updated.of_type("aws:iam/role:Role")
    }
    expected = {
        "backups-role": "backup.amazonaws.com",
        "network-flow-logs-role": "vpc-flow-logs.amazonaws.com",
        "db-monitoring-role": "monitoring.rds.amazonaws.com",
        "functions-roles-role": "lambda.amazonaws.com",
        "functions-metrics-role": "lambda.amazonaws.com",
        "functions-schedule-role": "scheduler.amazonaws.com",
    }
    if updated.stack == "dev":
        del expected["db-monitoring-role"]
    if updated.of_type(ROTATION):
        expected["functions-rotation-role"] = "lambda.amazonaws.com"
    if any("-sleep-" in each.name for each in updated.of_type("aws:scheduler/schedule:Schedule")):
        expected["sleep-role"] = "scheduler.amazonaws.com"
    if updated.of_type("aws:chatbot/slackChannelConfiguration:SlackChannelConfiguration"):
        expected["monitoring-slack-role"] = "chatbot.amazonaws.com"
    assert services == {
        role: [
            {
                "Effect": "Allow",
                "Principal": {"Service": service},
                "Action": "sts:AssumeRole",
                "Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}},
            }
        ]
        for role, service in expected.items()
    }
