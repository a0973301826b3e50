"""What is drawn out of a recording, and what is refused."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import pytest

from blueprint.postgres import scram
from blueprint.postgres.roles import PASSWORD_ROLES, POOLED_ROLES
from local.servers.errors import DataPlaneError
from local.servers.plan import DataPlan, Origin, data_plan, user_list_verifiers
from recording.recording import Recording, Secret, reveal
from tests.recordings import STACKS, record_with, recording

GIB = 2**30
SECRET_VERSION = "aws:secretsmanager/secretVersion:SecretVersion"


def changed_secret(recorded: Recording, name: str, change: dict[str, Any]) -> Recording:
    """The recording as if a component had registered something else in one secret."""
    version = recorded.one(SECRET_VERSION, name)
    document = json.loads(reveal(version.inputs["secretString"])) | change
    new = replace(version, inputs={**version.inputs, "secretString": Secret(json.dumps(document))})
    return replace(recorded, registrations={**recorded.registrations, version.urn: new})


def test_the_servers_of_prod() -> None:
    plan = data_plan(recording("prod"))
    assert [(i.role, i.identifier, i.source, i.instance_class, i.memory_bytes) for i in plan.instances] == [
        ("primary", "langpont-prod-db", None, "db.t3.medium", 4 * GIB * 89 // 100),
        ("replica-1", "langpont-prod-replica-1", "langpont-prod-db", "db.t3.medium", 4 * GIB * 89 // 100),
        ("replica-2", "langpont-prod-replica-2", "langpont-prod-db", "db.t3.large", 8 * GIB * 92 // 100),
    ]
    assert (plan.stack, plan.database, plan.master) == ("prod", "langpont", "langpont_admin")
    assert list(plan.hosts.values()) == ["primary", "replica-1", "replica-2"]


def test_each_instance_has_the_parameters_of_its_own_group() -> None:
    plan = data_plan(recording("prod"))
    assert plan.primary.raw["shared_buffers"] == "{DBInstanceClassMemory/32768}"
    assert plan.primary.apply_methods["shared_buffers"] == "pending-reboot"
    assert "hot_standby_feedback" not in plan.primary.raw
    assert [replica.raw["hot_standby_feedback"] for replica in plan.replicas] == ["1", "0"]


@pytest.mark.parametrize("stack", STACKS)
def test_passwords_and_verifiers_belong_together(stack: str) -> None:
    plan = data_plan(recording(stack))
    assert set(plan.passwords) == {plan.master, *PASSWORD_ROLES}
    assert set(plan.verifiers) == set(PASSWORD_ROLES)
    assert plan.pooled == tuple(sorted(POOLED_ROLES))
    assert {role: plan.verifiers[role] for role in plan.pooled} == user_list_verifiers(plan.user_list)
    assert plan.master_password == plan.passwords[plan.master]
    assert len(set(plan.verifiers.values()) | {plan.master_verifier}) == len(PASSWORD_ROLES) + 1


def test_a_verifier_is_that_of_the_password() -> None:
    plan = data_plan(recording("prod"))
    salt = plan.verifiers["langpont_metrics"].split("$")[1].split(":")[1]
    again = scram.verifier(plan.passwords["langpont_metrics"], base64.b64decode(salt))
    assert again == plan.verifiers["langpont_metrics"]


def test_the_generation_that_the_credentials_name_is_taken() -> None:
    changes = {
        "database": {"generation": 2, "keepPrevious": True, "restoreFrom": {"time": "2026-11-01T03:00:00Z"}},
    }
    plan = data_plan(record_with("prod", changes))
    assert [(instance.role, instance.identifier) for instance in plan.instances] == [
        ("primary", "langpont-prod-db-g2"),
        ("replica-1", "langpont-prod-replica-1-g2"),
        ("replica-2", "langpont-prod-replica-2-g2"),
    ]
    assert (plan.database, plan.master) == ("langpont", "langpont_admin")
    assert plan.primary.origin == Origin("time", "2026-11-01T03:00:00Z")
    assert [(instance.name, instance.label, instance.protected) for instance in plan.standing] == [
        ("primary-g2", "primary-g2", True),
        ("replica-1-g2", "replica-1-g2", True),
        ("replica-2-g2", "replica-2-g2", True),
        ("primary", "primary-g1", True),
        ("replica-1", "replica-1-g1", True),
        ("replica-2", "replica-2-g1", True),
    ]
    assert DataPlan.from_json(json.loads(json.dumps(plan.to_json()))) == plan


def test_it_goes_to_json_and_back() -> None:
    plan = data_plan(recording("prod"))
    assert DataPlan.from_json(json.loads(json.dumps(plan.to_json()))) == plan


def test_its_representation_shows_no_secret() -> None:
    plan = data_plan(recording("prod"))
    text = repr(plan)
    assert not [role for role, secret in {**plan.passwords, **plan.verifiers}.items() if secret in text]


def test_credentials_that_lead_elsewhere_are_refused() -> None:
    recorded = changed_secret(
        recording("dev"), "langpont-dev-secret-values-langpont_app", {"dbInstanceIdentifier": "langpont-dev-db-g7"}
    )
    with pytest.raises(DataPlaneError) as refusal:
        data_plan(recorded)
    assert str(refusal.value) == (
        "dev: the credentials name masters ['langpont_admin'], instances ['langpont-dev-db', 'langpont-dev-db-g7'] and "
        "databases ['langpont'], where one of each is due. Look at components/secret_values.py."
    )


def test_a_pooler_that_leads_nowhere_is_refused() -> None:
    files = json.loads(reveal(recording("dev").one(SECRET_VERSION, "langpont-dev-pooler-files").inputs["secretString"]))
    ini = files["pgbouncer.ini"].replace("host=langpont-dev-db.", "host=langpont-prod-db.")
    recorded = changed_secret(recording("dev"), "langpont-dev-pooler-files", {"pgbouncer.ini": ini})
    with pytest.raises(
        DataPlaneError, match=r"^The pooler's entry langpont leads to langpont-prod-db\.\S+, which is none of langpont-"
    ):
        data_plan(recorded)
