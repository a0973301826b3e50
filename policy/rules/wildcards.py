"""Every wildcard that a policy document may hold, with its reason."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, NamedTuple

from policy.iam_documents import Statement
from policy.rules.types import KEY


class Ask(NamedTuple):
    """One action on one resource, as a statement of a document on a resource of `type` allows it."""

    type: str
    action: str
    target: str
    statement: Statement


@dataclass(frozen=True, kw_only=True)
class Documented:
    """A wildcard that is meant. `target` is a pattern of the whole resource; `conditions` must all be there.

    `actions` are compared as they stand in the document. `type` and `principals` narrow it to documents on resources of
    that type, and to statements for nobody but these.
    """

    actions: frozenset[str]
    target: str
    reason: str
    conditions: frozenset[str] = frozenset()
    type: str | None = None
    principals: str | None = None

    def covers(self, ask: Ask) -> bool:
        """Whether this is what is asked for."""
        return (
            ask.action in self.actions
            and re.fullmatch(self.target, ask.target) is not None
            and self.conditions <= ask.statement.conditions
            and self.type in (None, ask.type)
            and (
                self.principals is None
                or all(re.fullmatch(self.principals, who) for who in ask.statement.everybody or [""])
            )
        )


ANY: Final = re.escape("*")
DOCUMENTED: Final = (
    Documented(
        type=KEY,
        actions=frozenset({"kms:*"}),
        target=ANY,
        principals=r"arn:aws:iam::[0-9]{12}:root",
        reason="Without the account's delegation to IAM nobody could mend the key's policy. `*` is the key itself.",
    ),
    Documented(
        type=KEY,
        actions=frozenset({"kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"}),
        target=ANY,
        principals=r"[a-z0-9.-]+\.amazonaws\.com",
        reason="In a key's policy `*` is the key itself; each family has two calls, and a service takes either.",
    ),
    Documented(
        actions=frozenset({"logs:DescribeLogGroups", "logs:DescribeLogStreams"}),
        target=ANY,
        reason="Lists: VPC flow logs look for their group before they know it.",
    ),
    Documented(
        actions=frozenset({"logs:CreateLogStream", "logs:PutLogEvents"}),
        target=r"arn:aws:logs:[a-z0-9-]+:[0-9]{12}:log-group:[^*?]+:\*",
        reason="The streams of one named log group.",
    ),
    Documented(
        actions=frozenset(
            {
                "ec2:AssignPrivateIpAddresses",
                "ec2:CreateNetworkInterface",
                "ec2:DeleteNetworkInterface",
                "ec2:DescribeNetworkInterfaces",
                "ec2:DescribeSubnets",
                "ec2:UnassignPrivateIpAddresses",
            }
        ),
        target=ANY,
        reason="Lambda makes a function's network interfaces with its role, and no interface has a name beforehand.",
    ),
    Documented(
        actions=frozenset({"cloudwatch:PutMetricData"}),
        target=ANY,
        conditions=frozenset({"StringEquals cloudwatch:namespace"}),
        reason="The action has no resource to name; the namespace is its boundary.",
    ),
    Documented(
        actions=frozenset({"ssm:StartSession"}),
        target=r"arn:aws:ec2:[a-z0-9-]+:[0-9]{12}:instance/\*",
        conditions=frozenset({"StringEquals ssm:resourceTag/Project", "StringEquals ssm:resourceTag/Environment"}),
        reason="Hosts come and go; the tags name those of this stack.",
    ),
    Documented(
        actions=frozenset({"ssm:TerminateSession", "ssm:ResumeSession"}),
        target=r"arn:aws:ssm:[a-z0-9-]+:[0-9]{12}:session/\*",
        conditions=frozenset({"StringLike ssm:resourceTag/aws:ssmmessages:session-id"}),
        reason="A session's name is made when it starts; its own tag says whose it is.",
    ),
)

# Of AWS, and what needs it.
MANAGED_POLICIES: Final = {
    "arn:aws:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole": "RDS writes Enhanced Monitoring with it.",
    "arn:aws:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForBackup": "AWS Backup backs up with it.",
    "arn:aws:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForRestores": "AWS Backup restores with it.",
}


def is_wild(text: str) -> bool:
    """Whether IAM would match more than this one text. A policy variable like `${aws:userid}` is one."""
    return "*" in text or "?" in text


def documented(ask: Ask) -> bool:
    """Whether a row stands for it."""
    return any(row.covers(ask) for row in DOCUMENTED)
