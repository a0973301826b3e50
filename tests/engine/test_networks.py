"""A disposable stack changes over to somebody else's network, to another one, and back, in one update each."""

from __future__ import annotations

from typing import Any

import pytest

from tests.engine.conftest import Open
from tests.engine.providers.cloud import Cloud, Resource
from tests.engine.providers.rds import INSTANCE
from tests.recordings import REGION

ZONES = ("ap-northeast-1a", "ap-northeast-1c")


def elsewhere(cloud: Cloud, number: int) -> dict[str, Any]:
    """A network that is not the stack's, with its part of a stack file."""
    vpc = f"vpc-{number:017x}"
    subnets = {
        tier: {zone: f"subnet-{number:x}{part}{at}{'0' * 14}" for at, zone in enumerate(ZONES)}
        for part, tier in enumerate(("applicationSubnets", "databaseSubnets"))
    }
    things: list[tuple[str, str, dict[str, Any]]] = [("aws:ec2/vpc:Vpc", vpc, {"cidrBlock": f"10.{number}.0.0/16"})]
    for place, (zone, id_) in enumerate(it for by_zone in subnets.values() for it in by_zone.items()):
        properties = {"vpcId": vpc, "availabilityZone": zone, "cidrBlock": f"10.{number}.{place}.0/24"}
        things.append(("aws:ec2/subnet:Subnet", id_, properties))
    with cloud.locked():
        for type_, id_, properties in things:
            urn = f"urn:pulumi:elsewhere::network::{type_}::{id_}"
            cloud.put(Resource(type=type_, id=id_, urn=urn, region=REGION, properties=properties))
    return {"network": {"vpc": None, "existingVpc": {"vpcId": vpc, **subnets}}}


@pytest.mark.long
def test_a_disposable_stack_moves_with_its_database_into_other_networks_and_back(deployed: Open) -> None:
    workplace = deployed("dev")
    first, second = (elsewhere(workplace.cloud, number) for number in (8, 9))
    before, original = workplace.cloud.snapshot(), workplace.file.read_text(encoding="utf-8")
    for changes in (first, second):
        workplace.edit(changes)
        assert "replace rds/instance:Instance langpont-dev-db-primary" in workplace.preview()
        since = len(workplace.cloud.journal)
        workplace.up()
        assert [it.call for it in workplace.cloud.journal[since:] if it.type == INSTANCE] == ["delete", "create"]
        assert workplace.preview() == []
        groups = workplace.cloud.all("aws:ec2/securityGroup:SecurityGroup")
        assert {it.properties["vpcId"] for it in groups} == {changes["network"]["existingVpc"]["vpcId"]}
    workplace.file.write_text(original, encoding="utf-8")
    workplace.up()
    assert workplace.preview() == []
    assert workplace.cloud.snapshot().keys() == before.keys()
