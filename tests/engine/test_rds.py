"""The stand-in's RDS: what it sends, refuses, fills in and keeps for the window, without a CLI."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.engine.providers import rds
from tests.engine.providers.aws import filled
from tests.engine.providers.cloud import Cloud, Resource
from tests.engine.providers.rds import Refused

PRIMARY = {
    "identifier": "db", "instanceClass": "db.t3.medium", "allocatedStorage": 20, "storageType": "gp3", "port": 5432,
    "applyImmediately": True,
}  # fmt: skip


@pytest.fixture
def cloud(tmp_path: Path) -> Cloud:
    return Cloud(tmp_path / "cloud.jsonl")


def put(cloud: Cloud, **properties: Any) -> Resource:
    """An instance as RDS makes it."""
    name = properties["identifier"]
    urn = f"urn:pulumi:dev::p::{rds.INSTANCE}::{name}"
    made = Resource(type=rds.INSTANCE, id=f"id-{name}", urn=urn, region="ap-northeast-1", properties=properties)
    rds.refuse_create(cloud, made)
    with cloud.locked():
        made = filled(made, cloud.all())
        cloud.put(made)
    return made


def modified(cloud: Cloud, found: Resource, **changes: Any) -> dict[str, Any]:
    """Its properties after an update with these inputs changed."""
    asked = {key: value for key, value in found.properties.items() if key not in rds.BASE} | changes
    return dict(rds.modified(cloud, found, asked, list(changes), found.properties).properties)


def test_the_stale_iops_of_the_state_are_sent_with_a_size_of_400_gib(cloud: Cloud) -> None:
    with pytest.raises(Refused, match=r"Invalid iops value for engine name postgres and storage type gp3: 3000$"):
        modified(cloud, put(cloud, **PRIMARY), allocatedStorage=400)


def test_a_size_with_iops_is_taken_and_brings_the_striped_throughput(cloud: Cloud) -> None:
    after = modified(cloud, put(cloud, **PRIMARY), allocatedStorage=400, iops=13000)
    assert (after["allocatedStorage"], after["iops"], after["storageThroughput"]) == (400, 13000, 500)


def test_a_replica_inherits_size_and_port_and_takes_no_iops_of_its_own(cloud: Cloud) -> None:
    put(cloud, **PRIMARY)
    replica = put(cloud, identifier="replica", storageType="gp3", replicateSourceDb="db")
    inherited = {key: replica.properties[key] for key in ("allocatedStorage", "iops", "port")}
    assert inherited == {"allocatedStorage": 20, "iops": 3000, "port": 5432}
    with pytest.raises(Refused, match="You can't specify IOPS or storage throughput"):
        modified(cloud, replica, iops=13000)


def test_storage_does_not_shrink(cloud: Cloud) -> None:
    with pytest.raises(Refused, match="Invalid storage size for engine name postgres: 10$"):
        modified(cloud, put(cloud, **PRIMARY), allocatedStorage=10)


def test_a_change_of_class_waits_for_the_window_and_a_password_does_not(cloud: Cloud) -> None:
    found = put(cloud, **PRIMARY | {"applyImmediately": False})
    after = modified(cloud, found, instanceClass="db.t3.large", password="new")
    assert (after["instanceClass"], after["password"]) == ("db.t3.medium", "new")
    with cloud.locked():
        cloud.put(Resource(type=found.type, id=found.id, urn=found.urn, region=found.region, properties=after))
    assert rds.open_window(cloud) == ["db (instanceClass)"]
    [it] = cloud.all()
    assert it.properties["instanceClass"] == "db.t3.large"
    assert rds.PENDING not in it.properties


def test_the_replica_of_a_deleted_primary_is_a_primary(cloud: Cloud) -> None:
    primary = put(cloud, **PRIMARY)
    put(cloud, identifier="replica", storageType="gp3", replicateSourceDb="db")
    [replica] = rds.promoted(cloud, primary)
    assert replica.logical_name == "replica"
    assert "replicateSourceDb" not in replica.properties


def test_an_instance_of_the_same_name_has_the_same_address(cloud: Cloud) -> None:
    first = put(cloud, **PRIMARY)
    with cloud.locked():
        cloud.drop(first)
    assert put(cloud, **PRIMARY).properties["address"] == first.properties["address"]


def group(cloud: Cloud, name: str, family: str) -> None:
    urn = f"urn:pulumi:dev::p::{rds.PARAMETER_GROUP}::{name}"
    properties = {"name": name, "family": family}
    with cloud.locked():
        cloud.put(Resource(type=rds.PARAMETER_GROUP, id=name, urn=urn, region="ap-northeast-1", properties=properties))


def test_another_major_needs_leave_and_a_group_of_its_family_and_does_not_come_back(cloud: Cloud) -> None:
    group(cloud, "old", "postgres16")
    group(cloud, "new", "postgres17")
    found = put(cloud, **PRIMARY, engineVersion="16", parameterGroupName="old", allowMajorVersionUpgrade=False)
    leave = {"allowMajorVersionUpgrade": True}
    with pytest.raises(Refused, match="The AllowMajorVersionUpgrade flag must be present"):
        modified(cloud, found, engineVersion="17", parameterGroupName="new")
    with pytest.raises(Refused, match="with DBParameterGroupFamily postgres16 can't be used for this instance"):
        modified(cloud, found, engineVersion="17", parameterGroupName="old", **leave)
    with pytest.raises(Refused, match="with DBParameterGroupFamily postgres17 can't be used for this instance"):
        modified(cloud, found, parameterGroupName="new")
    with pytest.raises(Refused, match="Cannot upgrade postgres from 16 to 15"):
        modified(cloud, found, engineVersion="15", **leave)
    after = modified(cloud, found, engineVersion="17", parameterGroupName="new", **leave)
    assert (after["engineVersion"], after["parameterGroupName"]) == ("17", "new")
    assert modified(cloud, found, engineVersion="16.14")["engineVersion"] == "16.14"


def test_replicas_get_the_major_of_their_primary(cloud: Cloud) -> None:
    primary = put(cloud, **PRIMARY, engineVersion="16")
    put(cloud, identifier="replica", storageType="gp3", replicateSourceDb="db")
    after = replace(primary, properties={**primary.properties, "engineVersion": "17"})
    assert [(it.properties["identifier"], it.properties["engineVersion"]) for it in
            rds.upgraded(cloud, primary, after)] == [("replica", "17")]  # fmt: skip
    assert rds.upgraded(cloud, primary, primary) == []
