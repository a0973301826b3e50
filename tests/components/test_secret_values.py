"""SecretValues: what each role's secret holds, in the shape that rotation reads."""

from __future__ import annotations

import json
from typing import Any

import pytest

from blueprint.postgres.roles import POOLED_ROLES
from local.servers.plan import user_list_verifiers
from recording.recording import Recording, Secret
from tests.components import OTHER
from tests.recordings import ROLES, answer, arn, inputs, names, record_with, recording

VERSION = "aws:secretsmanager/secretVersion:SecretVersion"
SECRET = "aws:secretsmanager/secret:Secret"
PASSWORD = "random:index/randomPassword:RandomPassword"
INSTANCE = "aws:rds/instance:Instance"


def held(recorded: Recording, role: str) -> Any:
    return json.loads(inputs(recorded, VERSION, f"langpont-{recorded.stack}-secret-values-{role}")["secretString"])


def password(recorded: Recording, role: str) -> str:
    text: str = answer(recorded, PASSWORD, f"langpont-{recorded.stack}-secrets-{role}-password")[1]["result"]
    return text


def test_every_role_with_a_password_has_one_version_of_its_secret() -> None:
    assert names(recording("prod"), VERSION) == [
        "langpont-prod-pooler-files",
        *(f"langpont-prod-secret-values-{role}" for role in ROLES),
    ]


def test_the_masters_secret_has_exactly_what_single_user_rotation_reads() -> None:
    recorded = recording("prod")
    assert held(recorded, "langpont_admin") == {
        "engine": "postgres",
        "host": answer(recorded, INSTANCE, "langpont-prod-db-primary")[1]["address"],
        "port": 5432,
        "username": "langpont_admin",
        "password": password(recorded, "langpont_admin"),
        "dbname": "langpont",
        "dbInstanceIdentifier": "langpont-prod-db",
    }


def verifier(recorded: Recording, role: str) -> dict[str, str]:
    """What the published user list has for a role, if it is there."""
    listed = json.loads(inputs(recorded, VERSION, "langpont-prod-pooler-files")["secretString"])
    verifiers = user_list_verifiers(listed["userlist.txt"])
    return {"verifier": verifiers[role]} if role in verifiers else {}


@pytest.mark.parametrize("role", ROLES[1:])
def test_a_roles_secret_names_the_masters_that_rotates_it_and_has_the_verifier_of_the_user_list(role: str) -> None:
    recorded = recording("prod")
    assert bool(verifier(recorded, role)) == (role in POOLED_ROLES)
    assert held(recorded, role) == verifier(recorded, role) | {
        "engine": "postgres",
        "host": answer(recorded, INSTANCE, "langpont-prod-db-primary")[1]["address"],
        "port": 5432,
        "username": role,
        "password": password(recorded, role),
        "dbname": "langpont",
        "dbInstanceIdentifier": "langpont-prod-db",
        "masterarn": arn(recorded, SECRET, "langpont-prod-secrets-langpont_admin"),
    }


def test_the_masters_password_is_the_one_that_the_primary_gets() -> None:
    recorded = recording("prod")
    given = recorded.one(INSTANCE, "langpont-prod-db-primary").inputs["password"]
    assert isinstance(given, Secret)
    assert given.value == password(recorded, "langpont_admin") == held(recorded, "langpont_admin")["password"]


def test_each_version_goes_into_the_secret_of_its_role() -> None:
    recorded = recording("prod")
    for role in ROLES:
        version = inputs(recorded, VERSION, f"langpont-prod-secret-values-{role}")
        assert version["secretId"] == answer(recorded, SECRET, f"langpont-prod-secrets-{role}")[0]
        assert set(version) == {"secretId", "secretString"}


def test_port_and_database_are_those_of_the_settings() -> None:
    recorded = record_with("prod", OTHER)
    for role in ("root_of_prod", *ROLES[1:]):
        document = held(recorded, role)
        assert (document["port"], document["dbname"]) == (6000, "translations")
