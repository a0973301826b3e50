"""Subnet CIDR plans: which subnets a VPC gets, and that a zone more moves none."""

from __future__ import annotations

from ipaddress import IPv4Network
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blueprint.aws.subnets import Tier, check_zones, plan_subnets
from blueprint.problems import Refused

TOKYO = "ap-northeast-1"
vpcs = st.builds(
    lambda address, prefix: IPv4Network((address, prefix), strict=False),
    st.integers(int(IPv4Network("10.0.0.0/8")[0]), int(IPv4Network("10.0.0.0/8")[-1])),
    st.integers(16, 23),
)
zone_lists = st.lists(st.sampled_from([f"{TOKYO}{letter}" for letter in "abcdefgh"]), min_size=2, unique=True)
few = settings(max_examples=50)


def test_production_gets_these_subnets() -> None:
    plan = plan_subnets(IPv4Network("10.0.0.0/16"), [f"{TOKYO}a", f"{TOKYO}c", f"{TOKYO}d"])
    assert {tier: {zone: str(net) for zone, net in by_zone.items()} for tier, by_zone in plan.tiers.items()} == {
        Tier.PUBLIC: {
            "ap-northeast-1a": "10.0.0.0/21",
            "ap-northeast-1c": "10.0.16.0/21",
            "ap-northeast-1d": "10.0.24.0/21",
        },
        Tier.APPLICATION: {
            "ap-northeast-1a": "10.0.64.0/21",
            "ap-northeast-1c": "10.0.80.0/21",
            "ap-northeast-1d": "10.0.88.0/21",
        },
        Tier.DATABASE: {
            "ap-northeast-1a": "10.0.128.0/21",
            "ap-northeast-1c": "10.0.144.0/21",
            "ap-northeast-1d": "10.0.152.0/21",
        },
    }
    assert plan.free == IPv4Network("10.0.192.0/18")


@few
@given(vpcs, zone_lists)
def test_subnets_are_disjoint_and_inside_the_vpc_and_no_smaller_than_aws_allows(
    vpc: IPv4Network, zones: list[str]
) -> None:
    plan = plan_subnets(vpc, zones)
    subnets = [network for by_zone in plan.tiers.values() for network in by_zone.values()]
    assert len(subnets) == 3 * len(zones)
    assert all(network.subnet_of(vpc) and network.prefixlen <= 28 for network in subnets)
    assert not any(one.overlaps(other) for one, other in combinations([*subnets, plan.free], 2))


@few
@given(vpcs, zone_lists, st.data())
def test_a_zones_subnets_do_not_depend_on_the_other_zones(
    vpc: IPv4Network, zones: list[str], data: st.DataObject
) -> None:
    fewer = data.draw(st.permutations(zones))[:2]
    before, after = plan_subnets(vpc, zones), plan_subnets(vpc, fewer)
    for tier in Tier:
        assert dict(after.tiers[tier]) == {zone: before.tiers[tier][zone] for zone in fewer}


@pytest.mark.parametrize(
    ("region", "zones"),
    [
        (TOKYO, ["ap-northeast-1a", "ap-northeast-1c", "ap-northeast-1d"]),
        ("us-east-1", ["us-east-1b", "us-east-1f"]),  # only Tokyo's b is closed
    ],
)
def test_two_zones_of_the_region_or_more_are_accepted(region: str, zones: list[str]) -> None:
    check_zones(region, zones)


USE = "Use names like ap-northeast-1a and ap-northeast-1c."


@pytest.mark.parametrize(
    ("zones", "reason"),
    [
        ([], f"covers fewer than 2 zones, and RDS asks for a subnet group over at least 2. {USE}"),
        (["ap-northeast-1a"], f"covers fewer than 2 zones, and RDS asks for a subnet group over at least 2. {USE}"),
        (
            ["ap-northeast-1a", "ap-northeast-1b"],
            "contains ap-northeast-1b, which AWS has closed to new accounts. Use another zone of the region.",
        ),
        (
            ["ap-northeast-1a", "ap-northeast-1-tpe-1a"],
            "contains ap-northeast-1-tpe-1a, which is a Local Zone or a Wavelength Zone and not an Availability Zone. "
            + USE,
        ),
        (
            ["ap-northeast-1a", "ap-northeast-3a"],
            f"contains ap-northeast-3a, which is not a zone of ap-northeast-1. {USE}",
        ),
        (
            ["ap-northeast-1a", "apne1-az4"],
            f"contains apne1-az4, which is not a zone of ap-northeast-1. {USE}",
        ),
        (
            ["ap-northeast-1a", "ap-northeast-1i"],
            f"contains ap-northeast-1i, which is not a zone of ap-northeast-1. {USE}",
        ),
        (
            ["ap-northeast-1a", "ap-northeast-1a"],
            "contains ap-northeast-1a more than once. Name every zone once.",
        ),
    ],
)
def test_zones_that_cannot_carry_the_platform_are_refused_with_their_reason(zones: list[str], reason: str) -> None:
    with pytest.raises(Refused) as refused:
        check_zones(TOKYO, zones)
    assert str(refused.value) == reason
