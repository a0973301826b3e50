"""Keys: one KMS key a purpose, with a policy that says which."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.components import OTHER
from tests.recordings import ACCOUNT, inputs, name_of, names, record_with, recording

KEY = "aws:kms/key:Key"
ALIAS = "aws:kms/alias:Alias"

ROOT: dict[str, Any] = {
    "Sid": "AccountRoot",
    "Effect": "Allow",
    "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
    "Action": "kms:*",
    "Resource": "*",
}
LOGS = {
    "Sid": "CloudWatchLogs",
    "Effect": "Allow",
    "Principal": {"Service": "logs.ap-northeast-1.amazonaws.com"},
    "Action": ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"],
    "Resource": "*",
    "Condition": {
        "ArnLike": {
            "kms:EncryptionContext:aws:logs:arn": [
                f"arn:aws:logs:ap-northeast-1:{ACCOUNT}:log-group:/aws/rds/instance/langpont-prod-*",
                f"arn:aws:logs:ap-northeast-1:{ACCOUNT}:log-group:/aws/vpc/langpont-prod-*",
                f"arn:aws:logs:ap-northeast-1:{ACCOUNT}:log-group:/aws/lambda/langpont-prod-*",
            ]
        }
    },
}


def alerts(sid: str, service: str) -> dict[str, Any]:
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": {"Service": f"{service}.amazonaws.com"},
        "Action": ["kms:Decrypt", "kms:GenerateDataKey*"],
        "Resource": "*",
        "Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}},
    }


KEY_POLICIES: dict[str, list[dict[str, Any]]] = {
    "storage": [ROOT],
    "backup": [ROOT],
    "insights": [ROOT],
    "secrets": [ROOT],
    "logs": [ROOT, LOGS],
    "alerts": [
        ROOT,
        alerts("CloudWatchAlarms", "cloudwatch"),
        alerts("RdsEvents", "events.rds"),
        alerts("Sns", "sns"),
        alerts("Backup", "backup"),
        alerts("Budgets", "budgets"),
    ],
}
DESCRIPTIONS = {
    "storage": "langpont-prod: database volumes and snapshots",
    "backup": "langpont-prod: backup vault",
    "insights": "langpont-prod: Performance Insights data",
    "secrets": "langpont-prod: database secrets",
    "logs": "langpont-prod: log groups",
    "alerts": "langpont-prod: alert topics",
}


def tags(name: str) -> dict[str, str]:
    return {"Name": name, "Environment": "prod", "Project": "LangPont", "ManagedBy": "Pulumi"}


@pytest.mark.parametrize("purpose", KEY_POLICIES)
def test_a_key_serves_one_purpose_and_its_policy_says_which(purpose: str) -> None:
    key = inputs(recording("prod"), KEY, f"langpont-prod-keys-{purpose}")
    assert json.loads(key.pop("policy")) == {"Version": "2012-10-17", "Statement": KEY_POLICIES[purpose]}
    assert key == {
        "description": DESCRIPTIONS[purpose],
        "enableKeyRotation": True,
        "deletionWindowInDays": 30,
        "tags": tags(f"langpont-prod-{purpose}"),
    }


def test_there_is_a_key_for_each_purpose_and_no_other() -> None:
    """E11: the document names four aliases in three spellings and creates no key at all."""
    of_region = [name for name in names(recording("prod"), KEY) if "-keys-" in name]
    assert of_region == sorted(f"langpont-prod-keys-{purpose}" for purpose in KEY_POLICIES)
    assert names(recording("dev"), KEY) == names(recording("dev"), ALIAS) == []


def test_every_key_has_an_alias_for_people() -> None:
    recorded = recording("prod")
    aliases = {
        name_of(next(iter(a.property_dependencies["targetKeyId"]))): a.inputs["name"] for a in recorded.of_type(ALIAS)
    }
    assert aliases == {
        **{f"langpont-prod-keys-{purpose}": f"alias/langpont-prod-{purpose}" for purpose in KEY_POLICIES},
        "langpont-prod-backups-ap-northeast-3-key": "alias/langpont-prod-replicated-backup",
    }


def test_the_waiting_time_before_a_key_is_deleted_is_a_setting() -> None:
    recorded = record_with("prod", OTHER)
    assert {key.inputs["deletionWindowInDays"] for key in recorded.of_type(KEY)} == {7}
