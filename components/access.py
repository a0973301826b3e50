"""Access: what a person on call may do to reach the private database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from blueprint.aws import policies
from blueprint.names import Naming
from blueprint.postgres import roles
from components.base import Component, document


@dataclass(frozen=True, kw_only=True)
class AccessArgs:
    """`resource_ids`: DbiResourceId of each instance, which IAM authentication names instances by.

    `host_tags`: the tags by which an application host is known. `protected`: Pulumi refuses to delete the policy.
    """

    naming: Naming
    region: str
    host_tags: Mapping[str, str]
    resource_ids: Sequence[pulumi.Input[str]]
    account_id: pulumi.Input[str]
    protected: bool = True


class Access(Component):
    """One policy, to be attached to the role that people on call assume: SSM port forwarding and an IAM login."""

    operator_policy_arn: pulumi.Output[str]

    def __init__(self, name: str, args: AccessArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args.naming, opts)
        policy = aws.iam.Policy(
            f"{name}-operator-policy",
            description=self.described("reach the database through an application host"),
            policy=document(
                lambda account, *ids: policies.operate(args.host_tags, args.region, account, ids, roles.IAM_ROLES),
                args.account_id,
                *args.resource_ids,
            ),
            tags=self.child_tags(f"{name}-operator-policy"),
            opts=self.child_options(protect=args.protected),
        )
        self.operator_policy_arn = policy.arn
        self.register_outputs({"operatorPolicyArn": self.operator_policy_arn})
