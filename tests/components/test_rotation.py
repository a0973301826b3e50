"""Rotation: a function that Secrets Manager may call, a schedule for each secret, and values that are not ours then."""

from __future__ import annotations

import json
from typing import Any

import pytest

from blueprint.postgres.roles import PASSWORD_ROLES, POOLED_ROLES
from policy import evaluate_stack
from recording.recording import Recording
from tests.components.test_functions import (
    FUNCTION,
    ROLE_POLICY,
    VERSION,
    address,
    secret,
    variables,
)
from tests.recordings import ACCOUNT, answer, arn, differing, inputs, name_of, names, record_with, recording

ROTATION = "aws:secretsmanager/secretRotation:SecretRotation"
PERMISSION = "aws:lambda/permission:Permission"
PASSWORD, SALT = "random:index/randomPassword:RandomPassword", "random:index/randomBytes:RandomBytes"
ON: dict[str, Any] = {"credentials": {"rotateEveryDays": 30}}
LABEL = "langpont-staging-functions-rotation"


def first_versions(recorded: Recording) -> list[str]:
    return [
        answer(recorded, VERSION, f"langpont-staging-secret-values-{role}")[1]["versionId"] for role in PASSWORD_ROLES
    ]


def rotated() -> Recording:
    return record_with("staging", ON)


def test_it_is_off_unless_somebody_asks_for_it() -> None:
    assert names(recording("staging"), ROTATION) == names(recording("staging"), PERMISSION) == []


def test_every_secret_but_the_masters_and_the_poolers_is_rotated_by_the_days() -> None:
    recorded = rotated()
    assert names(recorded, ROTATION) == sorted(f"{LABEL}-{role}" for role in PASSWORD_ROLES)
    for role in PASSWORD_ROLES:
        assert inputs(recorded, ROTATION, f"{LABEL}-{role}") == {
            "secretId": secret(recorded, role),
            "rotationLambdaArn": arn(recorded, FUNCTION, LABEL),
            "rotateImmediately": False,
            "rotationRules": {"automaticallyAfterDays": 30},
        }
        waits_for = {name_of(urn) for urn in recorded.one(ROTATION, f"{LABEL}-{role}").dependencies}
        assert {f"{LABEL}-permission", "langpont-staging-functions-make-roles"} <= waits_for


def test_secrets_manager_may_call_the_function_for_this_account_alone() -> None:
    recorded = rotated()
    assert inputs(recorded, PERMISSION, f"{LABEL}-permission") == {
        "action": "lambda:InvokeFunction",
        "function": "langpont-staging-rotation",
        "principal": "secretsmanager.amazonaws.com",
        "sourceAccount": ACCOUNT,
    }


def statements(recorded: Recording, function: str) -> dict[str, Any]:
    document = json.loads(inputs(recorded, ROLE_POLICY, f"langpont-staging-functions-{function}-policy")["policy"])
    return {statement.pop("Sid"): statement for statement in document["Statement"]}


def test_the_function_writes_only_secrets_that_it_rotates() -> None:
    recorded = rotated()
    written = sorted(secret(recorded, role) for role in PASSWORD_ROLES)
    function = statements(recorded, "rotation")
    own = f"arn:aws:lambda:ap-northeast-1:{ACCOUNT}:function:langpont-staging-rotation"
    assert function["WriteOwnVersions"] == {
        "Effect": "Allow",
        "Action": [
            "secretsmanager:DescribeSecret", "secretsmanager:PutSecretValue", "secretsmanager:UpdateSecretVersionStage"
        ],
        "Resource": written,
        "Condition": {"StringEquals": {"secretsmanager:resource/AllowRotationLambdaArn": own}},
    }  # fmt: skip
    assert function["ReadOwnSecrets"]["Resource"] == sorted([*written, secret(recorded, "langpont_admin")])
    assert function["ReadMetrics"]["Action"] == ["cloudwatch:GetMetricData", "cloudwatch:ListMetrics"]
    key = answer(recorded, "aws:kms/key:Key", "langpont-staging-keys-secrets")[1]["arn"]
    assert function["EncryptOwnVersions"] == {
        "Effect": "Allow",
        "Action": "kms:GenerateDataKey",
        "Resource": key,
        "Condition": {"StringEquals": {"kms:ViaService": "secretsmanager.ap-northeast-1.amazonaws.com"}},
    }
    maker = statements(recorded, "roles")
    assert maker["WriteOwnVersions"]["Resource"] == written
    assert "WriteOwnVersions" not in statements(recording("staging"), "roles")
    assert "WriteOwnVersions" not in statements(recorded, "metrics")


def test_the_function_knows_the_masters_secret_every_instance_and_both_logins() -> None:
    recorded = rotated()
    assert variables(recorded, "rotation") == {
        "MASTER_SECRET_ARN": secret(recorded, "langpont_admin"),
        "HOSTS": {"replica-1": address(recorded, "replica-1"), "primary": address(recorded, "primary")},
        "FIRST_VERSIONS": first_versions(recorded),
    }
    assert variables(recorded, "roles")["FIRST_VERSIONS"] == first_versions(recorded)
    assert "FIRST_VERSIONS" not in variables(recording("staging"), "roles")
    code = inputs(recorded, FUNCTION, LABEL)["code"].files
    assert json.loads(code["definition.json"]) == {
        "stack": "staging",
        "namespace": "LangPont/PgBouncer",
        "metric": "LoginWritten",
        "heartbeat": "ClientMaxWaitSeconds",
        "roles": {role: {"second": f"{role}_b", "pooled": role in POOLED_ROLES} for role in PASSWORD_ROLES},
    }
    made = json.loads(inputs(recorded, FUNCTION, "langpont-staging-functions-roles")["code"].files["definition.json"])
    assert {row["name"]: row["secondOf"] for row in made["roles"] if "secondOf" in row} == {
        f"{role}_b": role for role in PASSWORD_ROLES
    }


def test_the_first_value_stays_pulumi_randoms_and_no_later_one_is_ours() -> None:
    before, after = recording("staging"), rotated()
    for role in ("langpont_admin", *PASSWORD_ROLES):
        name = f"langpont-staging-secret-values-{role}"
        assert inputs(before, VERSION, name) == inputs(after, VERSION, name)
        ours = role == "langpont_admin"
        assert after.one(VERSION, name).ignore_changes == (() if ours else ("secretString",))
        # The provider would take labels off that a rotation has given to another version, when it is off again too.
        for changes in (ON, {}):
            gone = record_with("staging", {**changes, "database": {"deletionPolicy": "disposable"}})
            assert gone.one(VERSION, name).retain_on_delete != ours
        for type_, kind in ((PASSWORD, "password"), (SALT, "salt")):
            if ours and kind == "salt":
                continue
            ignored = after.one(type_, f"langpont-staging-secrets-{role}-{kind}").ignore_changes
            assert ("keepers" in ignored) != ours


def test_hosts_are_told_to_make_the_list_of_the_roles_secrets() -> None:
    before, after = (
        json.loads(inputs(each, VERSION, "langpont-staging-pooler-files")["secretString"])
        for each in (recording("staging"), rotated())
    )
    assert after == before | {"rotated": sorted(POOLED_ROLES)}


def test_switching_it_on_changes_nothing_that_is_not_about_it() -> None:
    assert differing(recording("staging"), rotated()) == {
        "langpont-staging-functions-roles",
        "langpont-staging-functions-roles-policy",
        "langpont-staging-functions-make-roles",
        "langpont-staging-pooler-files",
        "langpont-staging-monitoring-dashboard",
        *(f"langpont-staging-secret-values-{role}" for role in PASSWORD_ROLES),
        *(f"langpont-staging-secrets-{role}-{kind}" for role in PASSWORD_ROLES for kind in ("password", "salt")),
    }


@pytest.mark.parametrize("stack", ["staging", "prod"])
def test_no_policy_is_violated_that_was_not_before(stack: str) -> None:
    before, after = recording(stack), record_with(stack, ON)
    assert evaluate_stack(after) == evaluate_stack(before)
    late = evaluate_stack(record_with(stack, {"credentials": {"rotateEveryDays": 91}}))
    assert {each.rule for each in late} - {each.rule for each in evaluate_stack(before)} == {"secret-rotation-days"}
