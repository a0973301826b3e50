"""Rules on IAM and resource policies: actions, resources and principals, with every wildcard accounted for.

A document with another resource's ARN in it is not known before the deployment; the update evaluates it then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from policy.iam_documents import Statement, Unreadable, is_bound_to_account, statements
from policy.model import MISSING, UNKNOWN, Finding, Resource, ResourceRule, Rule, expect, of
from policy.rules import types
from policy.rules.wildcards import MANAGED_POLICIES, Grant, documented, is_wild

# Input that holds a document, by type; the optional ones may be left out.
REQUIRED: Final = {
    types.POLICY: "policy",
    types.ROLE_POLICY: "policy",
    types.ROLE: "assumeRolePolicy",
    types.KEY: "policy",
    types.TOPIC_POLICY: "policy",
    types.QUEUE_POLICY: "policy",
    types.SECRET_POLICY: "policy",
    types.VAULT_POLICY: "policy",
}
OPTIONAL: Final = {
    types.TOPIC: "policy",
    types.QUEUE: "policy",
    types.SECRET: "policy",
    types.VPC_ENDPOINT: "policy",
}
DOCUMENTS: Final = REQUIRED | OPTIONAL
Check = Callable[[Resource, Statement], Iterator[Finding]]


def _readable(resource: Resource) -> Iterator[Finding]:
    path = DOCUMENTS[resource.type]
    value = resource.value(path)
    if value is MISSING:
        if resource.type in REQUIRED:
            yield Finding(f"{path} is not stated", "Write the document")
    elif value is not UNKNOWN:
        try:
            statements(value)
        except Unreadable as error:
            yield Finding(f"{path} {error}", "Build it with blueprint/aws/policies.py")


def _each(check: Check) -> Callable[[Resource], Iterator[Finding]]:
    """Check every statement of a document that is known and can be parsed; `iam-document` reports others."""

    def check_statements(resource: Resource) -> Iterator[Finding]:
        try:
            found = statements(resource.value(DOCUMENTS[resource.type]))
        except Unreadable:
            return
        for statement in found:
            yield from check(resource, statement)

    return check_statements


def _wild(resource: Resource, statement: Statement) -> Iterator[Finding]:
    if statement.effect != "Allow":
        return
    for action in statement.actions:
        for target in statement.resources:
            grant = Grant(resource.type, action, target, statement)
            if (is_wild(action) or is_wild(target)) and not documented(grant):
                yield Finding(
                    f"{statement.name} allows {action} on {target}",
                    "Name the action and the resource, or give the wildcard a reason in rules/wildcards.py",
                )


def _principals(_: Resource, statement: Statement) -> Iterator[Finding]:
    if statement.effect != "Allow":
        return
    if any(is_wild(who) for who in statement.principals):
        yield Finding(f"{statement.name} allows everybody", "Name the account or the service")
    if statement.service_principals and not is_bound_to_account(statement):
        yield Finding(
            f"{statement.name} lets {', '.join(statement.service_principals)} act for any account",
            "Add the condition aws:SourceAccount",
        )


def _trust(_: Resource, statement: Statement) -> Iterator[Finding]:
    one_service = len(statement.service_principals) == 1 and statement.principals == statement.service_principals
    if not one_service or statement.actions != ["sts:AssumeRole"] or statement.effect != "Allow":
        who = ", ".join(statement.principals) or "nobody"
        yield Finding(
            f"{statement.name} lets {who} call {', '.join(statement.actions)}", "Trust one service with sts:AssumeRole"
        )


def _attached(resource: Resource) -> Iterator[Finding]:
    if resource.type == types.ROLE:
        for path in ("managedPolicyArns", "inlinePolicies"):
            if resource.value(path) not in (MISSING, []):
                yield Finding(
                    f"{path} is stated inside the role", "Write a RolePolicy or a RolePolicyAttachment for each"
                )
        return
    arn = resource.value("policyArn")
    if isinstance(arn, str) and arn.startswith("arn:aws:iam::aws:"):
        yield from expect(
            resource,
            "policyArn",
            MANAGED_POLICIES.__contains__,
            "Write a policy of your own, or give AWS's a reason in rules/wildcards.py",
        )
    elif arn is MISSING:
        yield Finding("policyArn is not stated", "Name the policy")


RULES: Final[tuple[Rule, ...]] = (
    ResourceRule(
        name="iam-document", wants="policy documents of which every word is understood",
        applies=DOCUMENTS.__contains__, check=_readable,
    ),
    ResourceRule(
        name="iam-wildcards", control="IAM.21", wants="no wildcard without a documented reason",
        applies=DOCUMENTS.__contains__, check=_each(_wild),
    ),
    ResourceRule(
        name="iam-principals", wants="principals that are named, and services bound to this account",
        applies=DOCUMENTS.__contains__, check=_each(_principals),
    ),
    ResourceRule(
        name="iam-trust", wants="roles that one service assumes", applies=of(types.ROLE), check=_each(_trust)
    ),
    ResourceRule(
        name="iam-attachments", wants="permissions that are written here, or of AWS with a documented reason",
        applies=of(types.ATTACHMENT, types.ROLE), check=_attached,
    ),
)  # fmt: skip
