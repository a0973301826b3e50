"""Privileges as tables: IAM policies, trust and topics from the recording, database roles from the blueprint."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from blueprint.postgres import roles
from documents.markdown import code, codes, table
from documents.stacks import Stack
from recording.recording import Registration

_ATTACHED = ("aws:iam/policy:Policy", "aws:iam/rolePolicy:RolePolicy")
# Whose hands a document is in, by the end of its logical name. A new document wants a line here: the render stops.
HOLDERS = {
    "access-operator-policy": "people on call",
    "functions-metrics-policy": "metrics function",
    "functions-roles-policy": "roles function",
    "functions-rotation-policy": "rotation function",
    "functions-schedule-policy": "schedule",
    "network-flow-logs-write": "VPC flow logs",
    "secrets-application-policy": "application hosts",
    "secrets-migration-policy": "a deploy's migration",
    "sleep-policy": "schedules of the sleep",
}
SERVICE_POLICIES = {"backups-role": "AWS Backup", "db-monitoring-role": "Enhanced Monitoring"}


def iam(stack: Stack) -> str:
    """IAM permissions: a row for each statement that the program writes; resources without the stack's prefix."""
    rows: list[tuple[str, ...]] = []
    for type_ in _ATTACHED:
        for registration in stack.recording.of_type(type_):
            rows += _statements(stack, HOLDERS[stack.short(registration.name)], registration)
    for each in stack.recording.of_type("aws:iam/rolePolicyAttachment:RolePolicyAttachment"):
        role = _role(stack, each.inputs["role"])
        managed = each.inputs["policyArn"].rpartition("/")[2]
        rows.append((SERVICE_POLICIES[stack.short(role)], f"AWS's own policy {code(managed)}", "as AWS defines it", ""))
    return table(("who", "may", "on", "only if"), sorted(rows))


def _statements(stack: Stack, holder: str, registration: Registration) -> Iterator[tuple[str, ...]]:
    for statement in json.loads(registration.inputs["policy"])["Statement"]:
        denied = "**not:** " if statement["Effect"] == "Deny" else ""
        actions = f"{denied}{codes(_list(statement['Action']))}"
        resources = codes(stack.readable(each) for each in _list(statement["Resource"]))
        yield holder, actions, resources, "; ".join(_conditions(stack, statement.get("Condition") or {}))


def _conditions(stack: Stack, condition: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for operator, tests in condition.items():
        verb = "is" if operator.endswith("Equals") else "is like"
        for key, value in tests.items():
            yield f"{code(key)} {verb} {codes(stack.readable(each) for each in _list(value))}"


def trust(stack: Stack) -> str:
    """Trust policies: who may assume each role of the stack."""
    rows = []
    for role in stack.recording.of_type("aws:iam/role:Role"):
        for statement in json.loads(role.inputs["assumeRolePolicy"])["Statement"]:
            conditions = "; ".join(_conditions(stack, statement.get("Condition") or {}))
            services = _list(statement["Principal"]["Service"])
            rows.append((code(stack.short(role.name)), codes(services), conditions))
    return table(("role", "assumed by", "only if"), rows)


def topics(stack: Stack) -> str:
    """Topic policies: who may publish to each SNS topic."""
    rows = []
    for policy in stack.recording.of_type("aws:sns/topicPolicy:TopicPolicy"):
        for statement in json.loads(policy.inputs["policy"])["Statement"]:
            topic = stack.readable(statement["Resource"])
            rows.append((code(topic), codes(_list(statement["Principal"]["Service"])),
                         "; ".join(_conditions(stack, statement["Condition"]))))  # fmt: skip
    return table(("topic", "services that publish", "only if"), rows)


def database(stack: Stack) -> str:
    """PostgreSQL roles with what each may do, and who reads its secret."""
    settings = stack.platform.settings
    rotation = ", rotation function" if settings.credentials.rotate_every_days is not None else ""
    rows = [
        (code(settings.database.master_username), "password",
         "everything that RDS's master may: no superuser; owns the database", "the server's",
         f"the roles function{rotation}; no policy of the program for people"),
        *(_role_row(role, rotation) for role in roles.ROLES),
    ]  # fmt: skip
    return table(("role", "logs in by", "may", "statement_timeout", "who reads its secret"), rows)


def _role_row(role: roles.Role, rotation: str) -> tuple[str, ...]:
    may = [f"{access.value} in {codes(schemas)}" for access, schemas in _by_access(role).items()]
    may += [f"become {code(other)}" for other in role.becomes]
    may += [f"what {code(other)} may" for other in role.member_of]
    if role.name == roles.OWNER:
        may.append(f"owns {codes(roles.SCHEMAS)} and all in them")
    timeout = role.statement_timeout_seconds
    login = role.login.value + (", through PgBouncer" if role.pooled else "")
    return (
        code(role.name), login, "; ".join(may) or "nothing but to log in",
        "the server's" if timeout is None else (f"{timeout} s" if timeout else "none"),
        f"{_reader(role)}{rotation}" if role.login is roles.Login.PASSWORD else "it has none",
    )  # fmt: skip


def _by_access(role: roles.Role) -> dict[roles.Access, list[str]]:
    found: dict[roles.Access, list[str]] = {}
    for schema, access in role.access.items():
        found.setdefault(access, []).append(schema)
    return found


def _reader(role: roles.Role) -> str:
    readers = {roles.Audience.APPLICATION: "application hosts", roles.Audience.MIGRATION: "a deploy's migration"}
    reader = readers[role.audience] if role.audience else "metrics function"
    return f"{reader}, roles function"


def _role(stack: Stack, name: str) -> str:
    """The logical name of the role with this physical one."""
    return stack.of_id(name).name


def _list(value: str | Iterable[str]) -> list[str]:
    return [value] if isinstance(value, str) else list(value)
