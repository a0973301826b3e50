"""Secrets: one key a purpose and its policy, passwords and salts, empty secrets, and who may read them."""

from __future__ import annotations

import inspect
import json
import string
from typing import Any

import pulumi_random
import pytest

from recording.recording import Recording
from tests.components import OTHER
from tests.recordings import ACCOUNT, answered, arn, differing, inputs, name_of, names, record_with, recording

KEY = "aws:kms/key:Key"
ALIAS = "aws:kms/alias:Alias"
SECRET = "aws:secretsmanager/secret:Secret"
POLICY = "aws:iam/policy:Policy"
PASSWORD = "random:index/randomPassword:RandomPassword"
SALT = "random:index/randomBytes:RandomBytes"
ROLES = ["langpont_admin", "langpont_app", "langpont_metrics", "langpont_migrator", "langpont_readonly"]

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
    "storage": "LangPont database volumes and snapshots, prod",
    "backup": "LangPont backup vault, prod",
    "insights": "LangPont Performance Insights data, prod",
    "secrets": "LangPont database secrets, prod",
    "logs": "LangPont log groups, prod",
    "alerts": "LangPont alert topics, prod",
}


def tags(name: str) -> dict[str, str]:
    return {"Name": name, "Environment": "prod", "Project": "LangPont", "ManagedBy": "Pulumi"}


@pytest.mark.parametrize("purpose", KEY_POLICIES)
def test_a_key_serves_one_purpose_and_its_policy_says_which(purpose: str) -> None:
    key = inputs(recording("prod"), KEY, f"langpont-prod-secrets-{purpose}-key")
    assert json.loads(key.pop("policy")) == {"Version": "2012-10-17", "Statement": KEY_POLICIES[purpose]}
    assert key == {
        "description": DESCRIPTIONS[purpose],
        "enableKeyRotation": True,
        "deletionWindowInDays": 30,
        "tags": tags(f"langpont-prod-{purpose}"),
    }


def test_there_is_a_key_for_each_purpose_and_no_other() -> None:
    """E11: the document names four aliases in three spellings and creates no key at all."""
    of_region = [name for name in names(recording("prod"), KEY) if "-secrets-" in name]
    assert of_region == sorted(f"langpont-prod-secrets-{purpose}-key" for purpose in KEY_POLICIES)
    assert names(recording("dev"), KEY) == names(recording("dev"), ALIAS) == []


def test_every_key_has_an_alias_for_people() -> None:
    recorded = recording("prod")
    aliases = {
        name_of(next(iter(a.property_dependencies["targetKeyId"]))): a.inputs["name"] for a in recorded.of_type(ALIAS)
    }
    assert aliases == {
        **{f"langpont-prod-secrets-{purpose}-key": f"alias/langpont-prod-{purpose}" for purpose in KEY_POLICIES},
        "langpont-prod-backups-ap-northeast-3-key": "alias/langpont-prod-replicated-backup",
    }


def test_the_waiting_time_before_a_key_is_deleted_is_a_setting() -> None:
    recorded = record_with("prod", OTHER)
    assert {key.inputs["deletionWindowInDays"] for key in recorded.of_type(KEY)} == {7}


# Passwords and salts


def test_every_role_with_a_password_has_one_and_every_one_but_the_master_a_salt() -> None:
    """RDS salts the master's password itself; a verifier of ours would not be the one that it stores."""
    prefix = "langpont-prod-secrets-"
    assert names(recording("prod"), PASSWORD) == [f"{prefix}{role}-password" for role in ROLES]
    assert names(recording("prod"), SALT) == [f"{prefix}{role}-salt" for role in ROLES[1:]]


@pytest.mark.parametrize("role", ROLES)
def test_a_password_has_32_characters_of_an_alphabet_that_every_url_carries(role: str) -> None:
    recorded = recording("prod")
    name = f"langpont-prod-secrets-{role}-password"
    assert inputs(recorded, PASSWORD, name) == {
        "length": 32,
        "special": True,
        "overrideSpecial": "-._~",
        "minLower": 1,
        "minUpper": 1,
        "minNumeric": 1,
        "minSpecial": 1,
        "keepers": {"version": "1"},
    }
    password = answered(recorded.one(PASSWORD, name))[1]["result"]
    assert len(password) == 32
    assert set(password) <= set(string.ascii_letters + string.digits + "-._~")
    assert not set("/\"@' :\\") & set("-._~")


def test_no_two_roles_share_a_password_or_a_salt() -> None:
    for type_, output in ((PASSWORD, "result"), (SALT, "base64")):
        made = [answered(r)[1][output] for stack in ("staging", "prod") for r in recording(stack).of_type(type_)]
        assert len(set(made)) == len(made) == {PASSWORD: 10, SALT: 8}[type_]


def provider_inputs(resource: Any) -> set[str]:
    """A resource's inputs in the spelling of the wire."""
    parameters = set(inspect.signature(resource._internal_init).parameters) - {
        "__self__",
        "__props__",
        "resource_name",
        "opts",
    }
    words = [name.split("_") for name in parameters]
    return {first + "".join(part.title() for part in rest) for first, *rest in words}


@pytest.mark.parametrize(
    ("type_", "resource"), [(PASSWORD, pulumi_random.RandomPassword), (SALT, pulumi_random.RandomBytes)]
)
def test_a_live_password_and_its_salt_change_by_their_keepers_alone(type_: str, resource: Any) -> None:
    for registration in recording("prod").of_type(type_):
        assert set(registration.ignore_changes) == provider_inputs(resource) - {"keepers"}
        assert len(registration.ignore_changes) == len(set(registration.ignore_changes))


def test_a_new_password_version_changes_what_holds_that_password_and_nothing_else() -> None:
    changed = record_with("prod", {"credentials": {"passwordVersions": {"langpont_app": 2}}})
    assert differing(recording("prod"), changed) == {
        "langpont-prod-secrets-langpont_app-password",
        "langpont-prod-secrets-langpont_app-salt",
        "langpont-prod-credentials-langpont_app",
        "langpont-prod-pooler-files",
        "langpont-prod-functions-make-roles",
    }
    name = "langpont-prod-secrets-langpont_app-password"
    assert inputs(changed, PASSWORD, name)["keepers"] == {"version": "2"}
    before, after = recording("prod").one(PASSWORD, name), changed.one(PASSWORD, name)
    assert answered(before)[1]["result"] != answered(after)[1]["result"]


def test_a_new_password_of_a_role_outside_the_pooler_leaves_its_files_alone() -> None:
    changed = record_with("prod", {"credentials": {"passwordVersions": {"langpont_migrator": 2}}})
    assert differing(recording("prod"), changed) == {
        "langpont-prod-secrets-langpont_migrator-password",
        "langpont-prod-secrets-langpont_migrator-salt",
        "langpont-prod-credentials-langpont_migrator",
        "langpont-prod-functions-make-roles",
    }


def test_a_new_password_of_the_master_reaches_the_primary_and_its_secret() -> None:
    changed = record_with("prod", {"credentials": {"passwordVersions": {"langpont_admin": 2}}})
    assert differing(recording("prod"), changed) == {
        "langpont-prod-secrets-langpont_admin-password",
        "langpont-prod-credentials-langpont_admin",
        "langpont-prod-db-primary",
        "langpont-prod-functions-make-roles",
    }


# Secrets and their readers


def test_every_role_has_a_secret_and_the_pooler_one() -> None:
    recorded = recording("prod")
    key = arn(recorded, KEY, "langpont-prod-secrets-secrets-key")
    secrets = {s.name: dict(s.inputs) for s in recorded.of_type(SECRET)}
    physical = {role: f"langpont-prod/database/{role}" for role in ROLES} | {"pooler": "langpont-prod/pooler"}
    assert secrets == {
        f"langpont-prod-secrets-{role}": {
            "name": name,
            "description": f"LangPont prod: {role}",
            "kmsKeyId": key,
            "recoveryWindowInDays": 30,
            "tags": tags(name),
        }
        for role, name in physical.items()
    }


def secret_arn(recorded: Recording, role: str) -> str:
    return arn(recorded, SECRET, f"langpont-{recorded.stack}-secrets-{role}")


def policy(recorded: Recording, audience: str) -> Any:
    return json.loads(inputs(recorded, POLICY, f"langpont-{recorded.stack}-secrets-{audience}-policy")["policy"])


READERS = {
    "application": ["langpont_app", "langpont_readonly", "pooler"],
    "migration": ["langpont_migrator"],
}
# Beside reading: each application host tells how long clients wait in its PgBouncer.
MORE: dict[str, list[dict[str, Any]]] = {
    "application": [
        {
            "Sid": "PublishOwnMetrics",
            "Effect": "Allow",
            "Action": "cloudwatch:PutMetricData",
            "Resource": "*",
            "Condition": {"StringEquals": {"cloudwatch:namespace": "LangPont/PgBouncer"}},
        }
    ],
    "migration": [],
}


@pytest.mark.parametrize("audience", READERS)
def test_an_audience_reads_its_own_secrets_and_decrypts_with_their_key_alone(audience: str) -> None:
    """E18: least privilege, claimed by the document and nowhere in it."""
    recorded = recording("prod")
    assert policy(recorded, audience) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "ReadOwnSecrets",
                "Effect": "Allow",
                "Action": "secretsmanager:GetSecretValue",
                "Resource": [secret_arn(recorded, role) for role in READERS[audience]],
            },
            {
                "Sid": "DecryptOwnSecrets",
                "Effect": "Allow",
                "Action": "kms:Decrypt",
                "Resource": arn(recorded, KEY, "langpont-prod-secrets-secrets-key"),
                "Condition": {"StringEquals": {"kms:ViaService": "secretsmanager.ap-northeast-1.amazonaws.com"}},
            },
            *MORE[audience],
        ],
    }


@pytest.mark.parametrize("audience", READERS)
def test_under_aws_managed_keys_there_is_no_key_to_name(audience: str) -> None:
    recorded = recording("dev")
    assert policy(recorded, audience) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "ReadOwnSecrets",
                "Effect": "Allow",
                "Action": "secretsmanager:GetSecretValue",
                "Resource": [secret_arn(recorded, role) for role in READERS[audience]],
            },
            *MORE[audience],
        ],
    }


def test_nobodys_policy_reads_the_masters_secret() -> None:
    for stack in ("dev", "staging", "prod"):
        recorded = recording(stack)
        master = secret_arn(recorded, "langpont_admin")
        for registration in recorded.of_type(POLICY):
            assert master not in registration.inputs["policy"], registration.name


def test_another_master_name_is_followed_everywhere() -> None:
    recorded = record_with("prod", OTHER)
    assert inputs(recorded, "aws:rds/instance:Instance", "langpont-prod-db-primary")["username"] == "root_of_prod"
    assert "langpont-prod-secrets-root_of_prod" in names(recorded, SECRET)
    assert "langpont-prod-secrets-langpont_admin" not in names(recorded, SECRET)
    assert "langpont-prod-credentials-root_of_prod" in names(recorded, "aws:secretsmanager/secretVersion:SecretVersion")
