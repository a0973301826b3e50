"""Cases of the rules on policy documents."""

from __future__ import annotations

import json
from typing import Any, Final

from policy.model import UNKNOWN, Resource
from policy.rules import types
from tests.policy.cases import Case, absent, missing, passing, resource, violating

ACCOUNT: Final = "123456789012"
ROOT: Final = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
OWN: Final = {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
LAMBDA: Final = {"Service": "lambda.amazonaws.com"}
QUEUE: Final = f"arn:aws:sqs:ap-northeast-1:{ACCOUNT}:failures"
READABLE: Final = (
    "iam-document wants policy documents of which every word is understood. Build it with blueprint/aws/policies.py."
)
WILD: Final = (
    "IAM.21 wants no wildcard without a documented reason. Name the action and the resource, or give the wildcard a "
    "reason in rules/wildcards.py."
)
NAMED: Final = "iam-principals wants principals that are named, and services bound to this account."
TRUST: Final = "iam-trust wants roles that one service assumes. Trust one service with sts:AssumeRole."
ATTACHED: Final = "iam-attachments wants permissions that are written here, or of AWS with a documented reason."
AWS: Final = "arn:aws:iam::aws:policy"


def document(*statements: Any, **top: Any) -> str:
    """A document with these statements."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)} | top)


def allow(action: Any, target: Any = QUEUE, **more: Any) -> dict[str, Any]:
    """A statement, called `It`."""
    return {"Sid": "It", "Effect": "Allow", "Action": action, "Resource": target} | more


def policy(*statements: Any, type_: str = types.ROLE_POLICY) -> Resource:
    """A policy with these statements."""
    return resource(type_, {"policy": document(*statements)})


def role(*statements: Any) -> Resource:
    """A role with these statements of trust."""
    return resource(types.ROLE, {"assumeRolePolicy": document(*statements)})


def trust(**changes: Any) -> dict[str, Any]:
    """A statement of trust in Lambda."""
    return {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": LAMBDA, "Condition": OWN} | changes


def unreadable(text: Any, what: str) -> Case:
    """A document that is refused as a whole."""
    return violating(
        "iam-document", resource(types.ROLE_POLICY, {"policy": text}), f"iam.RolePolicy it: policy {what}. {READABLE}"
    )


def statement_without(*keys: str) -> dict[str, Any]:
    """A statement that lacks something."""
    return {key: value for key, value in allow("sqs:SendMessage").items() if key not in keys}


DOCUMENTS: Final = [
    *passing(
        "iam-document",
        policy(allow("sqs:SendMessage")),
        role(trust()),
        resource(types.POLICY, {"policy": UNKNOWN}),
        resource(types.TOPIC, {}),
        resource(types.POLICY, {"policy": document(Statement=allow("sqs:SendMessage"))}),
    ),
    unreadable("{", "is not JSON"),
    unreadable(["statement"], "is not JSON"),
    unreadable("[]", "is not a Version 2012-10-17 and a Statement"),
    unreadable(document(allow("a:b"), Version="2008-10-17"), "is not a Version 2012-10-17 and a Statement"),
    unreadable(document(), "has no statement"),
    unreadable(document("all"), "has a statement 1 without Effect and Action"),
    unreadable(document(statement_without("Action", "Sid")), "has a statement 1 without Effect and Action"),
    unreadable(document(statement_without("Resource")), "has neither Resource nor Principal in statement It"),
    unreadable(document({"Effect": "Allow", "Action": "a:b"}), "has neither Resource nor Principal in statement 1"),
    unreadable(document(allow("a:b", NotResource="c", NotAction="d")), "has NotAction, NotResource in statement It"),
    unreadable(
        document(allow("a:b", Effect="allow")), "has an Effect in statement It that is neither Allow nor Deny"
    ),
    unreadable(document(allow(["a:b", 1])), "has something else than texts as Action of statement It"),
    unreadable(document(allow("a:b", [])), "has something else than texts as Resource of statement It"),
    unreadable(
        document(allow("a:b", Condition={"Bool": True})),
        "has a Condition in statement It that is not keys by operator",
    ),
    missing(
        "iam-document", resource(types.ROLE, {}),
        "iam.Role it: assumeRolePolicy is not stated. iam-document wants policy documents of which every word is "
        "understood. Write the document.",
    ),
]  # fmt: skip


def wild(statement: dict[str, Any], *said: str, type_: str = types.ROLE_POLICY, label: str = "iam.RolePolicy") -> Case:
    """A statement whose wildcards are refused."""
    messages = (f"{label} it: statement It allows {each}. {WILD}" for each in said)
    return violating("iam-wildcards", policy(statement, type_=type_), *messages)


HOSTS: Final = f"arn:aws:ec2:ap-northeast-1:{ACCOUNT}:instance/*"
LOG: Final = f"arn:aws:logs:ap-northeast-1:{ACCOUNT}:log-group:/aws/lambda/langpont-prod-roles"
WILDCARDS: Final = [
    *passing(
        "iam-wildcards",
        policy(allow(["sqs:SendMessage"], [QUEUE])),
        policy(allow(["logs:DescribeLogGroups"], "*")),
        policy(allow(["logs:PutLogEvents", "logs:CreateLogStream"], f"{LOG}:*")),
        policy(allow("ec2:CreateNetworkInterface", "*")),
        policy(allow("ec2:CreateNetworkInterface", "*", Effect="Deny"), allow("ec2:*", "*", Effect="Deny")),
        policy(allow("cloudwatch:PutMetricData", "*", Condition={"StringEquals": {"cloudwatch:namespace": "L"}})),
        policy(
            allow(
                "ssm:StartSession", HOSTS,
                Condition={
                    "StringEquals": {"ssm:resourceTag/Project": "P", "ssm:resourceTag/Environment": "prod"},
                    "BoolIfExists": {"ssm:SessionDocumentAccessCheck": "true"},
                },
            )
        ),
        policy(allow("kms:*", "*", Principal=ROOT), type_=types.KEY),
        policy(allow("kms:GenerateDataKey*", "*", Principal={"Service": "logs.amazonaws.com"}), type_=types.KEY),
        resource(types.POLICY, {"policy": UNKNOWN}),
        resource(types.POLICY, {"policy": "{"}),
    ),
    wild(allow("*", "*"), "* on *"),
    wild(allow(["sqs:*", "sqs:SendMessage"]), f"sqs:* on {QUEUE}"),
    wild(allow("sqs:Send?essage"), f"sqs:Send?essage on {QUEUE}"),
    wild(allow("secretsmanager:GetSecretValue", ["arn:a", "*"]), "secretsmanager:GetSecretValue on *"),
    wild(allow("logs:PutLogEvents", f"arn:aws:logs:ap-northeast-1:{ACCOUNT}:log-group:*:*"),
         f"logs:PutLogEvents on arn:aws:logs:ap-northeast-1:{ACCOUNT}:log-group:*:*"),
    # A documented wildcard holds for its actions, with its conditions, on its type, and for its principals alone.
    wild(allow(["logs:DescribeLogGroups", "logs:GetLogEvents"], "*"), "logs:GetLogEvents on *"),
    wild(allow("ssm:StartSession", HOSTS, Condition={"StringEquals": {"ssm:resourceTag/Project": "P"}}),
         f"ssm:StartSession on {HOSTS}"),
    wild(
        allow(
            "ssm:StartSession", HOSTS,
            Condition={"StringEquals": {"ssm:resourceTag/Project": "P", "ssm:resourceTag/Environment": "prod"}},
        ),
        f"ssm:StartSession on {HOSTS}",
    ),
    wild(allow("kms:*", "*"), "kms:* on *"),
    wild(allow("kms:*", "*", Principal={"Service": "logs.amazonaws.com"}), "kms:* on *", type_=types.KEY,
         label="kms.Key"),
    wild(allow("kms:*", "*", Principal={"AWS": "*"}), "kms:* on *", type_=types.KEY, label="kms.Key"),
    wild(allow("kms:*", "*", Principal={"AWS": [ROOT["AWS"], f"arn:aws:iam::{ACCOUNT}:user/eve"]}), "kms:* on *",
         type_=types.KEY, label="kms.Key"),
    # Without a condition the metrics of every application could be written.
    missing(
        "iam-wildcards", policy(allow("cloudwatch:PutMetricData", "*")),
        f"iam.RolePolicy it: statement It allows cloudwatch:PutMetricData on *. {WILD}",
    ),
    absent("iam-wildcards", resource(types.TOPIC, {})),
]  # fmt: skip

PRINCIPALS: Final = [
    *passing(
        "iam-principals",
        role(trust()),
        policy(allow("kms:*", "*", Principal=ROOT), type_=types.KEY),
        policy(
            allow(
                "kms:Encrypt", "*", Principal={"Service": "logs.amazonaws.com"},
                Condition={"ArnLike": {"kms:EncryptionContext:aws:logs:arn": [f"{LOG}*"]}},
            ),
            type_=types.KEY,
        ),
        policy(allow("sns:Publish", Effect="Deny", Principal="*"), type_=types.TOPIC_POLICY),
    ),
    violating(
        "iam-principals", policy(allow("sns:Publish", Principal="*"), type_=types.TOPIC_POLICY),
        f"sns.TopicPolicy it: statement It allows everybody. {NAMED} Name the account or the service.",
    ),
    violating(
        "iam-principals",
        policy(allow("kms:*", Principal={"AWS": [ROOT["AWS"], "arn:aws:iam::*:root"]}), type_=types.KEY),
        f"kms.Key it: statement It allows everybody. {NAMED} Name the account or the service.",
    ),
    violating(
        "iam-principals", role(trust(Condition={"StringEquals": {"aws:SourceAccount": "*"}})),
        f"iam.Role it: statement 1 lets lambda.amazonaws.com act for any account. {NAMED} Add the condition "
        "aws:SourceAccount.",
    ),
    missing(
        "iam-principals", role(trust(Condition={})),
        f"iam.Role it: statement 1 lets lambda.amazonaws.com act for any account. {NAMED} Add the condition "
        "aws:SourceAccount.",
    ),
    *passing("iam-trust", role(trust())),
    violating(
        "iam-trust", role(trust(Principal=ROOT)),
        f"iam.Role it: statement 1 lets arn:aws:iam::{ACCOUNT}:root call sts:AssumeRole. {TRUST}",
    ),
    violating(
        "iam-trust", role(trust(Principal={"Service": ["a.amazonaws.com", "b.amazonaws.com"]})),
        f"iam.Role it: statement 1 lets a.amazonaws.com, b.amazonaws.com call sts:AssumeRole. {TRUST}",
    ),
    violating(
        "iam-trust", role(trust(Action=["sts:AssumeRole", "sts:TagSession"])),
        f"iam.Role it: statement 1 lets lambda.amazonaws.com call sts:AssumeRole, sts:TagSession. {TRUST}",
    ),
    missing(
        "iam-trust", role(allow("sts:AssumeRole")),
        f"iam.Role it: statement It lets nobody call sts:AssumeRole. {TRUST}",
    ),
    *passing(
        "iam-attachments",
        resource(types.ATTACHMENT, {"policyArn": f"{AWS}/service-role/AWSBackupServiceRolePolicyForBackup"}),
        resource(types.ATTACHMENT, {"policyArn": f"arn:aws:iam::{ACCOUNT}:policy/own"}),
        resource(types.ATTACHMENT, {"policyArn": UNKNOWN}),
        resource(types.ROLE, {}),
    ),
    violating(
        "iam-attachments", resource(types.ATTACHMENT, {"policyArn": f"{AWS}/AdministratorAccess"}),
        f'iam.RolePolicyAttachment it: policyArn is "{AWS}/AdministratorAccess". {ATTACHED} Write a policy of your '
        "own, or give AWS's a reason in rules/wildcards.py.",
    ),
    violating(
        "iam-attachments", resource(types.ROLE, {"inlinePolicies": [{"name": "a"}], "managedPolicyArns": UNKNOWN}),
        f"iam.Role it: managedPolicyArns is stated inside the role. {ATTACHED} Write a RolePolicy or a "
        "RolePolicyAttachment for each.",
        f"iam.Role it: inlinePolicies is stated inside the role. {ATTACHED} Write a RolePolicy or a "
        "RolePolicyAttachment for each.",
    ),
    missing(
        "iam-attachments", resource(types.ATTACHMENT, {}),
        f"iam.RolePolicyAttachment it: policyArn is not stated. {ATTACHED} Name the policy.",
    ),
]  # fmt: skip

CASES: Final = [*DOCUMENTS, *WILDCARDS, *PRINCIPALS]
