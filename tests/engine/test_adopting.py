"""A database that ran elsewhere becomes a stack's first generation: by its snapshot, or as the instance that it is."""

from __future__ import annotations

from typing import Any

import pytest

from tests.engine.conftest import Open
from tests.engine.providers.cloud import Resource
from tests.engine.providers.rds import INSTANCE, SNAPSHOT
from tests.engine.workplace import Workplace
from tests.recordings import REGION

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
    assert "database.restoreFrom shop-moves-in is not encrypted, and so is what was made from it." in told.text
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
