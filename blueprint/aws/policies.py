"""Policy documents as functions of plain strings: keys, topics, trust and what an application may read.

Key policies start with the account's root delegation: without it nobody, IAM included, could mend them. Then one
statement a service, each bound to this account by its source account or its encryption context.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Document = dict[str, Any]

# What a service needs to encrypt and read what it stores or sends; DescribeKey is asked by CloudWatch Logs first.
_COPY_ACTIONS = ["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
_LOGS_ACTIONS = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"]
_PUBLISH_ACTIONS = ["kms:Decrypt", "kms:GenerateDataKey*"]

# Who publishes to, or delivers from, the alert topics. RDS events are on an unencrypted topic until a delivery to an
# encrypted one has been seen; their statement stands ready, so that the trial is one switch.
ALERT_SERVICES = (
    ("CloudWatchAlarms", "cloudwatch.amazonaws.com"),
    ("RdsEvents", "events.rds.amazonaws.com"),
    ("Sns", "sns.amazonaws.com"),
    ("Backup", "backup.amazonaws.com"),
    ("Budgets", "budgets.amazonaws.com"),
)

_DOCUMENT_IS_CHECKED = {"BoolIfExists": {"ssm:SessionDocumentAccessCheck": "true"}}


def _document(*statements: Document) -> Document:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def _root(account_id: str) -> Document:
    return {
        "Sid": "AccountRoot",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{account_id}:root"},
        "Action": "kms:*",
        "Resource": "*",
    }


def key_policy(account_id: str) -> Document:
    """Key policy for storage, backup, insights and secrets, whose services use the key as their caller."""
    return _document(_root(account_id))


def storage_key_policy(account_id: str, copied_to_account: str | None) -> Document:
    """Key policy of the storage key: another account may copy snapshots under it, if it gets copies.

    AWS Backup developer guide, "Creating backup copies across AWS accounts": RDS's snapshots keep their source's key.
    """
    if copied_to_account in (None, account_id):
        return key_policy(account_id)
    principal = {"AWS": f"arn:aws:iam::{copied_to_account}:root"}
    return _document(
        _root(account_id),
        {"Sid": "Copy", "Effect": "Allow", "Principal": principal, "Action": _COPY_ACTIONS, "Resource": "*"},
        {
            "Sid": "CopyGrants",
            "Effect": "Allow",
            "Principal": principal,
            "Action": "kms:CreateGrant",
            "Resource": "*",
            "Condition": {"Bool": {"kms:GrantIsForAWSResource": "true"}},
        },
    )


def logs_key_policy(account_id: str, region: str, log_group_prefixes: Sequence[str]) -> Document:
    """Key policy of the logs key: CloudWatch Logs of this region, for this account's log groups with these prefixes."""
    context = [f"arn:aws:logs:{region}:{account_id}:log-group:{prefix}*" for prefix in log_group_prefixes]
    return _document(
        _root(account_id),
        {
            "Sid": "CloudWatchLogs",
            "Effect": "Allow",
            "Principal": {"Service": f"logs.{region}.amazonaws.com"},
            "Action": _LOGS_ACTIONS,
            "Resource": "*",
            "Condition": {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": context}},
        },
    )


def alerts_key_policy(account_id: str) -> Document:
    """Key policy of the alerts key: each service of `ALERT_SERVICES`, acting for this account."""
    return _document(
        _root(account_id),
        *(
            {
                "Sid": sid,
                "Effect": "Allow",
                "Principal": {"Service": service},
                "Action": _PUBLISH_ACTIONS,
                "Resource": "*",
                "Condition": {"StringEquals": {"aws:SourceAccount": account_id}},
            }
            for sid, service in ALERT_SERVICES
        ),
    )


def topic_policy(topic_arn: str, account_id: str, services: Sequence[str]) -> Document:
    """Topic policy: only these services, acting for this account, publish."""
    return _document(
        {
            "Sid": "Publish",
            "Effect": "Allow",
            "Principal": {"Service": sorted(services)},
            "Action": "sns:Publish",
            "Resource": topic_arn,
            "Condition": {"StringEquals": {"aws:SourceAccount": account_id}},
        }
    )


def read_secrets(secret_arns: Sequence[str], key_arn: str | None, region: str, *more: Document) -> Document:
    """IAM policy: read these secrets and decrypt with their key through Secrets Manager, and `more` statements.

    `key_arn` is None under the AWS-managed key, whose own policy already lets the account's readers of a secret use it.
    """
    return _document(*_read_secrets(secret_arns, key_arn, region), *more)


def _read_secrets(secret_arns: Sequence[str], key_arn: str | None, region: str) -> list[Document]:
    read = {
        "Sid": "ReadOwnSecrets",
        "Effect": "Allow",
        "Action": "secretsmanager:GetSecretValue",
        "Resource": sorted(secret_arns),
    }
    return [read, *_by_secrets_manager("DecryptOwnSecrets", "kms:Decrypt", key_arn, region)]


def _by_secrets_manager(sid: str, action: str, key_arn: str | None, region: str) -> list[Document]:
    """The statement that lets Secrets Manager use a key for the caller; none for the key that AWS manages."""
    if key_arn is None:
        return []
    through = {"StringEquals": {"kms:ViaService": f"secretsmanager.{region}.amazonaws.com"}}
    return [{"Sid": sid, "Effect": "Allow", "Action": action, "Resource": key_arn, "Condition": through}]


def publish_metrics(namespace: str) -> Document:
    """The statement that lets metrics of one namespace be published; the action has no resource to name."""
    return {
        "Sid": "PublishOwnMetrics",
        "Effect": "Allow",
        "Action": "cloudwatch:PutMetricData",
        "Resource": "*",
        "Condition": {"StringEquals": {"cloudwatch:namespace": namespace}},
    }


def trust(service: str, account_id: str) -> Document:
    """Trust policy of a role that this service assumes for this account only (the confused-deputy condition)."""
    return _document(
        {
            "Effect": "Allow",
            "Principal": {"Service": service},
            "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"aws:SourceAccount": account_id}},
        }
    )


def write_log_group(log_group_arn: str) -> Document:
    """IAM policy of VPC flow logs: write to their one log group, and list groups, which has no narrower resource."""
    return _document(
        {
            "Sid": "Write",
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": f"{log_group_arn}:*",
        },
        {
            "Sid": "Find",
            "Effect": "Allow",
            "Action": ["logs:DescribeLogGroups", "logs:DescribeLogStreams"],
            "Resource": "*",
        },
    )


def operate(
    host_tags: Mapping[str, str], region: str, account_id: str, resource_ids: Sequence[str], roles: Sequence[str]
) -> Document:
    """What a person on call needs to reach the private database: a port forwarded by SSM through an application host,
    which is known by its tags, and an IAM token for the database roles `roles` on these instances.
    """
    log_in = {
        "Sid": "LogInAsOperator",
        "Effect": "Allow",
        "Action": "rds-db:connect",
        "Resource": [
            f"arn:aws:rds-db:{region}:{account_id}:dbuser:{id_}/{role}" for id_ in resource_ids for role in roles
        ],
    }
    return _document(
        {
            "Sid": "ForwardAPortThroughAnApplicationHost",
            "Effect": "Allow",
            "Action": "ssm:StartSession",
            "Resource": f"arn:aws:ec2:{region}:{account_id}:instance/*",
            "Condition": {
                "StringEquals": {f"ssm:resourceTag/{key}": value for key, value in host_tags.items()},
                # Without it, a session that names no document gets the default one, which is a shell.
                **_DOCUMENT_IS_CHECKED,
            },
        },
        {
            "Sid": "NothingButPortForwarding",
            "Effect": "Allow",
            "Action": "ssm:StartSession",
            "Resource": f"arn:aws:ssm:{region}::document/AWS-StartPortForwardingSessionToRemoteHost",
            "Condition": _DOCUMENT_IS_CHECKED,
        },
        {
            "Sid": "EndOwnSessions",
            "Effect": "Allow",
            "Action": ["ssm:TerminateSession", "ssm:ResumeSession"],
            "Resource": f"arn:aws:ssm:{region}:{account_id}:session/*",
            # By the session's own tag: an assumed role has no aws:username that a session's name could begin with.
            "Condition": {"StringLike": {"ssm:resourceTag/aws:ssmmessages:session-id": "${aws:userid}"}},
        },
        *([log_in] if roles else []),
    )


# What Lambda itself does with the function's role to attach it to a VPC; none of them can name a resource beforehand
# (Lambda developer guide, "Giving Lambda functions access to resources in an Amazon VPC").
_INTERFACE_ACTIONS = [
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
]


def write_versions(secret_arns: Sequence[str], key_arn: str | None, region: str, rotates: str | None) -> list[Document]:
    """Statements that let versions of these secrets be written and labelled; none for no secret.

    `rotates`: ARN of a function that may do so only while it is the one that rotates them.
    """
    if not secret_arns:
        return []
    write: Document = {
        "Sid": "WriteOwnVersions",
        "Effect": "Allow",
        "Action": [
            "secretsmanager:DescribeSecret",
            "secretsmanager:PutSecretValue",
            "secretsmanager:UpdateSecretVersionStage",
        ],
        "Resource": sorted(secret_arns),
    }
    if rotates is not None:
        write["Condition"] = {"StringEquals": {"secretsmanager:resource/AllowRotationLambdaArn": rotates}}
    return [write, *_by_secrets_manager("EncryptOwnVersions", "kms:GenerateDataKey", key_arn, region)]


def read_metrics() -> Document:
    """The statement that lets metrics be read; neither action has a resource or a condition to name."""
    return {
        "Sid": "ReadMetrics",
        "Effect": "Allow",
        "Action": ["cloudwatch:GetMetricData", "cloudwatch:ListMetrics"],
        "Resource": "*",
    }


def run_function(
    function_arn: str,
    log_group_arn: str,
    queue_arn: str,
    secret_arns: Sequence[str],
    key_arn: str | None,
    region: str,
    *more: Document,
) -> Document:
    """IAM policy of a function in a VPC: its secrets, its own log, a queue for its failures, and `more`.

    Lambda needs the network actions, the function's own code does not, and is refused them.
    """
    return _document(
        *_read_secrets(secret_arns, key_arn, region),
        *more,
        {
            "Sid": "WriteOwnLog",
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": f"{log_group_arn}:*",
        },
        {"Sid": "KeepFailures", "Effect": "Allow", "Action": "sqs:SendMessage", "Resource": queue_arn},
        {"Sid": "AttachToVpc", "Effect": "Allow", "Action": _INTERFACE_ACTIONS, "Resource": "*"},
        {
            "Sid": "ButNotTheCodeItself",
            "Effect": "Deny",
            "Action": _INTERFACE_ACTIONS,
            "Resource": "*",
            "Condition": {"ArnEquals": {"lambda:SourceFunctionArn": function_arn}},
        },
    )


def invoke_function(function_arn: str) -> Document:
    """IAM policy of the schedule: invoke the function."""
    return _document({"Sid": "Invoke", "Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": function_arn})


def stop_and_start(instance_arns: Sequence[str]) -> Document:
    """IAM policy of the schedules by which instances sleep: stop and start these, and nothing else."""
    return _document(
        {
            "Sid": "StopAndStart",
            "Effect": "Allow",
            "Action": ["rds:StartDBInstance", "rds:StopDBInstance"],
            "Resource": sorted(instance_arns),
        }
    )
