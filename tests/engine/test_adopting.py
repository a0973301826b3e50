"""A database that ran elsewhere becomes a stack's first generation: by its snapshot, or as the instance that it is."""

from __future__ import annotations

from typing import Any

import pytest

from resource_types.replacement import plans
from tests.docs import blocks, table
from tests.engine.conftest import Open
from tests.engine.procedures import section
from tests.engine.providers.cloud import Resource
from tests.engine.providers.rds import INSTANCE, SNAPSHOT, SUBNET_GROUP
from tests.engine.test_networks import elsewhere
from tests.engine.workplace import Workplace
from tests.recordings import REGION, recording

THEIRS: dict[str, Any] = {
    "dbSnapshotIdentifier": "shop-moves-in", "username": "postgres", "dbName": "shop", "allocatedStorage": 20,
    "engineVersion": "16.11", "storageEncrypted": True, "kmsKeyId": "a key of theirs",
}  # fmt: skip
MOVES_IN = {"name": "shop", "masterUsername": "postgres", "restoreFrom": {"snapshot": "shop-moves-in"}}


def snapshot(workplace: Workplace, **other: Any) -> None:
    """One that lies in the account."""
    properties = THEIRS | other
    id_ = properties["dbSnapshotIdentifier"]
    workplace.cloud.put(Resource(type=SNAPSHOT, id=id_, urn="", region=REGION, properties=properties))


def primary(workplace: Workplace) -> dict[str, Any]:
    """What RDS has of the one instance that there is."""
    [found] = workplace.cloud.all(INSTANCE)
    return dict(found.properties)


@pytest.mark.long
def test_a_snapshot_becomes_the_first_generation_and_nothing_stands_beside_it(empty: Open) -> None:
    workplace = empty("dev")
    snapshot(workplace)
    workplace.edit({"database": MOVES_IN})
    told = workplace.up()
    assert "is not encrypted" not in told.text
    made = primary(workplace)
    assert (made["identifier"], made["username"], made["dbName"]) == ("langpont-dev-db", "postgres", "shop")
    assert workplace.outputs()["restoredFrom"] == "shop-moves-in"
    assert any("make-roles" in it.name for it in workplace.cloud.journal)
    assert workplace.preview() == []
    workplace.edit({"database": {"generation": 2, "restoreFrom": {"time": "2026-11-21T02:58:00Z", "snapshot": None}}})
    assert [line for line in workplace.preview() if "-db-primary" in line.split()[2] and "Instance" in line] == [
        "create rds/instance:Instance langpont-dev-db-primary-g2"
    ]


@pytest.mark.long
def test_a_master_of_another_name_ends_the_update_with_a_sentence_before_the_roles_function(empty: Open) -> None:
    workplace = empty("dev")
    snapshot(workplace)
    workplace.edit({"database": MOVES_IN | {"masterUsername": "langpont_admin"}})
    told = workplace.up(code=None)
    assert told.code != 0
    assert (
        "database.masterUsername langpont_admin is not the master user of database.restoreFrom shop-moves-in, which is "
        "postgres, and RDS renames none. Write postgres there."
    ) in " ".join(told.text.split())
    assert "Traceback" not in told.text
    assert not any("make-roles" in it.name for it in workplace.cloud.journal)
    workplace.edit({"database": {"masterUsername": "postgres"}})
    workplace.up()
    assert primary(workplace)["username"] == "postgres"
    assert workplace.preview() == []


@pytest.mark.long
def test_an_unencrypted_snapshot_is_warned_of_when_it_is_seen(empty: Open) -> None:
    workplace = empty("dev")
    snapshot(workplace, storageEncrypted=False, kmsKeyId=None)
    workplace.edit({"database": MOVES_IN})
    told = workplace.up()
    assert "database.restoreFrom shop-moves-in is not encrypted, nor is what was made from it." in told.text
    assert primary(workplace)["storageEncrypted"] is False
    assert workplace.preview() == []


@pytest.mark.long
@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"engineVersion": "17.7"}, "Please use a Parameter Group with DBParameterGroupFamily postgres17"),
        ({"allocatedStorage": 200}, "smaller than the snapshot"),
    ],
)
def test_what_rds_refuses_of_a_snapshot_is_mended_in_the_file(empty: Open, other: dict[str, Any], said: str) -> None:
    workplace = empty("dev")
    snapshot(workplace, **other)
    workplace.edit({"database": MOVES_IN})
    assert said in workplace.up(code=None).text
    mended = (
        {"engineVersion": "17"}
        if "engineVersion" in other
        else {"allocatedStorageGib": 200, "maxAllocatedStorageGib": 400}
    )
    workplace.edit({"database": mended})
    workplace.up()
    assert workplace.preview() == []


# An instance of before, once it has the stack's identifier.
INSTANCE_ID = "db-THEIRS000000000000000000000"
RUNNING: dict[str, Any] = {
    "identifier": "langpont-dev-db", "engine": "postgres", "engineVersion": "16.11", "username": "shopmaster",
    "dbName": "shop", "storageEncrypted": True, "kmsKeyId": "a key of theirs", "allocatedStorage": 50,
    "storageType": "gp3", "iops": 3000, "storageThroughput": 125, "instanceClass": "db.m7g.large", "port": 5432,
    "multiAz": False, "publiclyAccessible": False, "deletionProtection": True, "backupRetentionPeriod": 14,
    "availabilityZone": "ap-northeast-1a", "dbSubnetGroupName": "shop-subnets", "resourceId": INSTANCE_ID,
    "arn": f"arn:aws:rds:{REGION}:123456789012:db:langpont-dev-db", "tags": {"team": "shop"},
    "address": f"langpont-dev-db.c00000000000.{REGION}.rds.amazonaws.com",
}  # fmt: skip
DOCUMENT = "docs/adopting.md"


def running(workplace: Workplace, **other: Any) -> None:
    """Their instance and its subnet group, in the network that the stack file names, and the file's values for it."""
    network = elsewhere(workplace.cloud, 8)
    subnets = network["network"]["existingVpc"]["databaseSubnets"]
    group = {
        "name": "shop-subnets", "subnetIds": [*subnets.values()], "description": "theirs",
        "arn": f"arn:aws:rds:{REGION}:123456789012:subgrp:shop-subnets", "tags": {},
    }  # fmt: skip
    for type_, id_, properties in ((SUBNET_GROUP, "shop-subnets", group), (INSTANCE, INSTANCE_ID, RUNNING | other)):
        workplace.cloud.put(Resource(type=type_, id=id_, urn="", region=REGION, properties=properties))
    workplace.edit(network)
    database = {
        "name": "shop",
        "masterUsername": "shopmaster",
        "allocatedStorageGib": 50,
        "maxAllocatedStorageGib": 100,
    }
    workplace.edit({"database": database, "encryption": {"keys": "awsManaged"}})


def imported(workplace: Workplace) -> None:
    """By the document's commands, up to the preview."""
    text = section(DOCUMENT, "The instance itself").replace("prod", workplace.stack)
    [spec] = blocks(text, "json")
    spec = spec.replace("<subnet group>", "shop-subnets").replace("<DbiResourceId>", INSTANCE_ID)
    (workplace.project / "adopt.json").write_text(spec, encoding="utf-8")
    _, take, keep, _ = blocks(text, "bash")
    workplace.shell(take.replace("--file", "--yes --file"))
    workplace.shell(keep)


@pytest.mark.long
def test_an_instance_is_taken_into_the_state_and_brought_to_the_file_in_place(empty: Open) -> None:
    workplace = empty("dev")
    running(workplace)
    imported(workplace)
    planned = [
        line for line in workplace.preview() if "langpont-dev-db-primary " in f"{line} " and "rds/instance" in line
    ]
    assert [line.partition(" (")[0] for line in planned] == ["update rds/instance:Instance langpont-dev-db-primary"]
    workplace.run("state", "unprotect", "--all", "--yes")  # which an import protects, and dev does not
    workplace.up()
    calls = {(it.call, it.type) for it in workplace.cloud.journal if it.type in (INSTANCE, SUBNET_GROUP)}
    assert calls == {("update", INSTANCE), ("update", SUBNET_GROUP)}
    has = primary(workplace)
    assert {key: has[key] for key in ("kmsKeyId", "dbSubnetGroupName", "username", "dbName")} == {
        "kmsKeyId": "a key of theirs", "dbSubnetGroupName": "shop-subnets", "username": "shopmaster", "dbName": "shop",
    }  # fmt: skip
    assert workplace.preview() == []


FIXED = ("dbName", "engine", "kmsKeyId", "storageEncrypted", "username")


@pytest.mark.long
@pytest.mark.parametrize(
    "other", [{"username": "postgres"}, {"dbName": ""}, {"storageEncrypted": False}], ids=lambda it: next(iter(it))
)
def test_what_cannot_be_changed_plans_a_replacement_which_the_import_s_protection_refuses(
    empty: Open, other: dict[str, Any]
) -> None:
    workplace = empty("dev")
    running(workplace, **other)
    workplace.edit({"database": {"deletionPolicy": "protected"}, "encryption": {"stateSecrets": "passphrase"}})
    imported(workplace)
    refused = workplace.run("up", "--yes", "--skip-preview", code=None)
    assert refused.code != 0
    assert "unable to replace resource" in refused.text
    assert primary(workplace) | other == RUNNING | other | {"tags": RUNNING["tags"]}


def test_the_document_names_what_plans_a_replacement_of_all_that_the_program_asks_of_a_primary() -> None:
    asked = recording("prod").one(INSTANCE, "langpont-prod-db-primary").inputs
    replaced = {key for key in asked if plans(INSTANCE)[key].change == "replace"}
    named = {row[0] for row in table(section(DOCUMENT, "The instance itself"), "property", "what makes it equal")}
    assert replaced == set(FIXED) == named - {"dbSubnetGroupName"}
