"""IAM: roles and policies."""

from __future__ import annotations

from resource_types.model import TAGS, Bill, Call, PhysicalName, ResourceType

TYPES = (
    ResourceType(
        "aws:iam/policy:Policy",
        tagged=True,
        bill=Bill.FREE,
        create=Call("iam.create_policy", takes={"policy": "PolicyDocument", "tags": TAGS}),
        id="arn:aws:iam::{account}:policy/{name}",
        outputs={"arn": "{id}", "name": "{name}"},
        named=PhysicalName("PolicyName"),
    ),
    ResourceType(
        "aws:iam/role:Role",
        tagged=True,
        bill=Bill.FREE,
        create=Call("iam.create_role", takes={"assumeRolePolicy": "AssumeRolePolicyDocument", "tags": TAGS}),
        id="{name}",
        outputs={"arn": "arn:aws:iam::{account}:role/{name}", "name": "{name}"},
        named=PhysicalName("RoleName"),
    ),
    ResourceType(
        "aws:iam/rolePolicy:RolePolicy",
        bill=Bill.FREE,
        create=Call("iam.put_role_policy", takes={"role": "RoleName", "policy": "PolicyDocument"}),
        id="{role}:{name}",
        named=PhysicalName("PolicyName"),
    ),
    ResourceType(
        "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
        bill=Bill.FREE,
        create=Call("iam.attach_role_policy", takes={"role": "RoleName"}),
        id="{role}/{policyArn}",
    ),
)
