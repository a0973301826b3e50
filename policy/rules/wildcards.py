"""Every wildcard that a policy document may hold, with its reason."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, NamedTuple

from policy.iam_documents import Statement
from policy.rules.types import KEY


class Grant(NamedTuple):
    """One action on one resource, as a statement allows it in the policy of a resource of `type`."""

    type: str
    action: str
    target: str
    statement: Statement


@dataclass(frozen=True, kw_only=True)
class DocumentedWildcard:
    """An allowed wildcard, with its reason. `target` is a regex of the whole resource; `conditions` must all be there.

    `actions` are compared as they stand in the document. `type` and `principals` narrow it to documents on resources of
    that type, and to statements for nobody but these.
    """

    actions: frozenset[str]
    target: str
    reason: str
    conditions: frozenset[str] = frozenset()
    type: str | None = None
    principals: str | None = None

    def covers(self, grant: Grant) -> bool:
        """Whether this row allows the grant."""
        return (
            grant.action in self.actions
            and re.fullmatch(self.target, grant.target) is not None
            and self.conditions <= grant.statement.conditions
            and self.type in (None, grant.type)
            and (
                self.principals is None
                or all(re.fullmatch(self.principals, who) for who in grant.statement.principals or [""])
            )
        )


ANY: Final = re.escape("*")
DOCUMENTED: Final = (
    DocumentedWildcard(
        type=KEY,
        actions=frozenset({"kms:*"}),
        target=ANY,
        principals=r"arn:aws:iam::[0-9]{12}:root",
        reason="Without the account's delegation to IAM nobody could mend the key's policy. `*` is the key itself.",
    ),
    DocumentedWildcard(
        type=KEY,
        actions=frozenset({"kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"}),
        target=ANY,
        principals=r"[a-z0-9.-]+\.amazonaws\.com",
        reason="In a key's policy `*` is the key itself; each family has two calls, and a service takes either.",
    ),
    DocumentedWildcard(
        type=KEY,
        actions=frozenset({"kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey*", "kms:ReEncrypt*"}),
        target=ANY,
        principals=r"arn:aws:iam::[0-9]{12}:root",
        reason="In a key's policy `*` is the key itself; backups.copyToVaultArn's account copies under it.",
    ),
    DocumentedWildcard(
        type=KEY,
        actions=frozenset({"kms:CreateGrant"}),
        target=ANY,
        principals=r"arn:aws:iam::[0-9]{12}:root",
        conditions=frozenset({"Bool kms:GrantIsForAWSResource"}),
        reason="As above, for RDS to which that account gives the key on; the condition lets it grant to nobody else.",
    ),
    DocumentedWildcard(
        actions=frozenset({"logs:DescribeLogGroups", "logs:DescribeLogStreams"}),
        target=ANY,
        reason="Lists, as AWS documents the policy of flow logs; log streams alone could be narrowed to one group.",
    ),
    DocumentedWildcard(
        actions=frozenset({"logs:CreateLogStream", "logs:PutLogEvents"}),
        target=r"arn:aws:logs:[a-z0-9-]+:[0-9]{12}:log-group:[^*?]+:\*",
        reason="The streams of one named log group.",
    ),
    DocumentedWildcard(
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
    DocumentedWildcard(
        actions=frozenset({"cloudwatch:GetMetricData", "cloudwatch:ListMetrics"}),
        target=ANY,
        reason="Reads figures, no data; neither action has a resource or a condition to name.",
    ),
    DocumentedWildcard(
        actions=frozenset({"cloudwatch:PutMetricData"}),
        target=ANY,
        conditions=frozenset({"StringEquals cloudwatch:namespace"}),
        reason="The action has no resource to name; the namespace is its boundary.",
    ),
    DocumentedWildcard(
        actions=frozenset({"ssm:StartSession"}),
        target=r"arn:aws:ec2:[a-z0-9-]+:[0-9]{12}:instance/\*",
        conditions=frozenset(
            {
                "StringEquals ssm:resourceTag/Project",
                "StringEquals ssm:resourceTag/Environment",
                "BoolIfExists ssm:SessionDocumentAccessCheck",
            }
        ),
        reason="Hosts come and go; the tags name those of this stack, and the check keeps the default document, a "
        "shell, from being started.",
    ),
    DocumentedWildcard(
        actions=frozenset({"ssm:TerminateSession", "ssm:ResumeSession"}),
        target=r"arn:aws:ssm:[a-z0-9-]+:[0-9]{12}:session/\*",
        conditions=frozenset({"StringLike ssm:resourceTag/aws:ssmmessages:session-id"}),
        reason="A session's name is made when it starts; its own tag says whose it is.",
    ),
)

# AWS managed policies that roles may have, and what needs each.
MANAGED_POLICIES: Final = {
    "arn:aws:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole": "RDS writes Enhanced Monitoring with it.",
    "arn:aws:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForBackup": "AWS Backup backs up with it.",
    "arn:aws:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForRestores": "AWS Backup restores with it.",
}


def is_wild(text: str) -> bool:
    """Whether IAM would match more than this one text. A policy variable like `${aws:userid}` is one."""
    return "*" in text or "?" in text


def documented(grant: Grant) -> bool:
    """Whether a row of `DOCUMENTED` allows the grant."""
    return any(row.covers(grant) for row in DOCUMENTED)
