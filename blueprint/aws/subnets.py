"""How a VPC is cut into subnets, so that a zone's subnets stay where they are whatever happens to other zones."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Network
from typing import Final

from blueprint.problems import Refused


class Tier(StrEnum):
    """What a subnet is for; the order is the order of the VPC's quarters and must never change."""

    PUBLIC = "public"
    APPLICATION = "application"
    DATABASE = "database"


ZONE_LETTERS: Final = "abcdefgh"
TIER_BITS: Final = 2  # a quarter of the VPC for each tier
ZONE_BITS: Final = 3  # an eighth of its tier for each zone letter

# RDS asks for a subnet group that covers two zones (DBSubnetGroupDoesNotCoverEnoughAZs).
MINIMUM_ZONES: Final = 2
# AWS offers this zone only to accounts that used it long ago; others cannot create a subnet in it.
CLOSED_ZONES: Final = frozenset({"ap-northeast-1b"})


@dataclass(frozen=True, kw_only=True)
class SubnetPlan:
    """The subnets of a VPC by tier and zone name, zones in the order given, and the quarter that stays free."""

    tiers: Mapping[Tier, Mapping[str, IPv4Network]]
    free: IPv4Network


def plan_subnets(vpc: IPv4Network, zones: Sequence[str]) -> SubnetPlan:
    """Give every zone one subnet in each tier: the tier's quarter of the VPC, the zone letter's eighth of that.

    A zone's place depends on its letter alone, so adding, removing or reordering zones moves no other subnet.
    `vpc` has passed `check_vpc_network` and `zones` have passed `check_zones`.
    """
    *quarters, free = vpc.subnets(prefixlen_diff=TIER_BITS)
    tiers = {}
    for tier, quarter in zip(Tier, quarters, strict=True):
        eighths = list(quarter.subnets(prefixlen_diff=ZONE_BITS))
        tiers[tier] = {zone: eighths[ZONE_LETTERS.index(zone[-1])] for zone in zones}
    return SubnetPlan(tiers=tiers, free=free)


def is_zone(region: str, zone: str) -> bool:
    """Whether a text is the name of an Availability Zone of this region."""
    return bool(re.fullmatch(f"{re.escape(region)}[{ZONE_LETTERS}]", zone))


def check_zones(region: str, zones: Sequence[str]) -> None:
    """Two or more different Availability Zones of `region`, open to every account. Raises Refused for the first fault.

    There is no upper limit of its own: different letters from a to h make eight at most.
    """
    example = f"Use names like {region}a and {region}c"
    for zone in zones:
        if zone in CLOSED_ZONES:
            raise Refused(f"contains {zone}, which AWS has closed to new accounts", "Use another zone of the region")
        if zone.startswith(f"{region}-"):
            raise Refused(
                f"contains {zone}, which is a Local Zone or a Wavelength Zone and not an Availability Zone", example
            )
        if not is_zone(region, zone):
            raise Refused(f"contains {zone}, which is not a zone of {region}", example)
    repeated = [zone for zone in dict.fromkeys(zones) if zones.count(zone) > 1]
    if repeated:
        raise Refused(f"contains {repeated[0]} more than once", "Name every zone once")
    if len(zones) < MINIMUM_ZONES:
        raise Refused(
            f"covers fewer than {MINIMUM_ZONES} zones, and RDS asks for a subnet group over at least {MINIMUM_ZONES}",
            example,
        )
