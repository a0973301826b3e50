"""Secrets: passwords and salts, empty secrets, and who may read them."""

from __future__ import annotations

import inspect
import json
import string
from typing import Any

import pulumi_random
import pytest

from recording.recording import Recording
from tests.components import OTHER
from tests.recordings import ROLES, answered, arn, differing, inputs, names, record_with, recording

KEY = "aws:kms/key:Key"
SECRET = "aws:secretsmanager/secret:Secret"
POLICY = "aws:iam/policy:Policy"
PASSWORD = "random:index/randomPassword:RandomPassword"
SALT = "random:index/randomBytes:RandomBytes"


def tags(name: str) -> dict[str, str]:
    return {"Name": name, "Environment": "prod", "Project": "LangPont", "ManagedBy": "Pulumi"}


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
        assert len(set(made)) == len(made) == 2 * {PASSWORD: len(ROLES), SALT: len(ROLES[1:])}[type_]


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
        "langpont-prod-secret-values-langpont_app",
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
        "langpont-prod-secret-values-langpont_migrator",
        "langpont-prod-functions-make-roles",
    }


def test_a_new_password_of_the_master_reaches_the_primary_and_its_secret() -> None:
    changed = record_with("prod", {"credentials": {"passwordVersions": {"langpont_admin": 2}}})
    assert differing(recording("prod"), changed) == {
        "langpont-prod-secrets-langpont_admin-password",
        "langpont-prod-secret-values-langpont_admin",
        "langpont-prod-db-primary",
        "langpont-prod-functions-make-roles",
    }


# Secrets and their readers


def test_every_role_has_a_secret_and_the_pooler_one() -> None:
    recorded = recording("prod")
    key = arn(recorded, KEY, "langpont-prod-keys-secrets")
    secrets = {s.name: dict(s.inputs) for s in recorded.of_type(SECRET)}
    physical = {role: f"langpont-prod/database/{role}" for role in ROLES} | {"pooler": "langpont-prod/pooler"}
    assert secrets == {
        f"langpont-prod-secrets-{role}": {
            "name": name,
            "description": f"langpont-prod: {role}",
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
                "Resource": arn(recorded, KEY, "langpont-prod-keys-secrets"),
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
    assert "langpont-prod-secret-values-root_of_prod" in names(
        recorded, "aws:secretsmanager/secretVersion:SecretVersion"
    )
