"""Policy documents: they parse, allow nothing wholesale, and bind each service to this account."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from local.recording import Recording
from tests.recordings import ACCOUNT

KEY = "aws:kms/key:Key"
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


def test_every_policy_input_is_a_document_of_the_current_version(updated: Recording) -> None:
    found = list(documents(updated))
    assert len(found) >= 8
    for _, name, document in found:
        assert set(document) == {"Version", "Statement"}, name
        assert document["Version"] == "2012-10-17", name
        for statement in document["Statement"]:
            assert statement["Effect"] == "Allow", name
            assert set(statement) <= {"Sid", "Effect", "Principal", "Action", "Resource", "Condition"}, name


def test_sids_are_alphanumeric_and_single(updated: Recording) -> None:
    for _, name, document in documents(updated):
        sids = [s["Sid"] for s in document["Statement"] if "Sid" in s]
        assert len(sids) == len(set(sids)), name
        assert all(re.fullmatch(r"[A-Za-z0-9]+", sid) for sid in sids), name


def test_no_action_is_allowed_wholesale_but_kms_to_the_accounts_root(updated: Recording) -> None:
    for type_, name, statement in statements(updated):
        wholesale = [a for a in as_list(statement["Action"]) if a == "*" or a.endswith(":*")]
        if type_ == KEY and statement["Sid"] == "AccountRoot":
            assert wholesale == ["kms:*"]
            assert statement["Principal"] == {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
        else:
            assert wholesale == [], name


def test_every_resource_is_named_but_in_key_policies_and_for_lists(updated: Recording) -> None:
    """Listing log groups has no narrower resource; a key policy's `*` is the key itself."""
    for type_, name, statement in statements(updated):
        if "*" in as_list(statement.get("Resource", "none")) and type_ != KEY:
            assert set(as_list(statement["Action"])) == {"logs:DescribeLogGroups", "logs:DescribeLogStreams"}, name


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


def test_no_principal_is_everyone(updated: Recording) -> None:
    for _, name, statement in statements(updated):
        assert "*" not in json.dumps(statement.get("Principal", {})), name


def test_every_encrypted_log_group_is_one_that_the_logs_key_lets_cloudwatch_use(updated: Recording) -> None:
    keys = [r for r in updated.of_type(KEY) if r.name.endswith("-logs-key")]
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
    }
    for role, [statement] in services.items():
        if role in expected:
            assert statement == {
                "Effect": "Allow",
                "Principal": {"Service": expected[role]},
                "Action": "sts:AssumeRole",
                "Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}},
            }
    missing = {"db-monitoring-role"} if updated.stack == "dev" else set()
    assert set(expected) - set(services) == missing
