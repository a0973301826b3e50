"""Rules of the stack file about the network, and who gets in."""

from __future__ import annotations

from collections.abc import Iterator

from blueprint.aws.subnets import check_zones, is_zone
from blueprint.problems import Problem, Refused
from blueprint.settings import SECRETS_SERVICE, ExistingVpc, Settings

RULES_PER_GROUP = 60  # inbound rules a security group, Amazon VPC quotas, before anybody has asked for more


def network(s: Settings) -> Iterator[Problem]:
    """One network, of zones that the region has, with a way to Secrets Manager."""
    vpc, existing = s.network.vpc, s.network.existing_vpc
    if (vpc is None) == (existing is None):
        yield Problem(
            field="network", value="", way_out="Keep one of them" if vpc else "Write one of them",
            rule="needs either vpc (a network of our own) or existingVpc (somebody else's, by ids)"
            + (", not both" if vpc else ""),
        )  # fmt: skip
        return
    zones = ", ".join(s.zones)
    try:
        check_zones(s.region, s.zones)
    except Refused as refusal:
        yield refusal.problem("network.vpc.zones" if vpc else "network.existingVpc.databaseSubnets", zones)
        return
    if existing:
        yield from _subnets(s.region, existing)
    if vpc and vpc.interface_endpoints:
        for zone in vpc.interface_endpoints.zones:
            if zone not in vpc.zones:
                yield Problem(
                    field="network.vpc.interfaceEndpoints.zones", value=zone, way_out=f"Choose from {zones}",
                    rule="is not one of the network's zones",
                )  # fmt: skip
    if vpc and vpc.nat_gateways == "none":
        endpoints = vpc.interface_endpoints.services if vpc.interface_endpoints else ()
        if SECRETS_SERVICE not in endpoints:
            yield Problem(
                field="network.vpc.natGateways", value="none",
                rule="leaves the functions that make the database's roles and metrics no way to Secrets Manager",
                way_out=f"Choose single, or add {SECRETS_SERVICE} to network.vpc.interfaceEndpoints.services",
            )  # fmt: skip
    if existing and not existing.application_subnets:
        yield Problem(
            field="network.existingVpc.applicationSubnets", value="", way_out="Name at least one by zone",
            rule="is empty, and application hosts need a subnet",
        )  # fmt: skip


def _subnets(region: str, existing: ExistingVpc) -> Iterator[Problem]:
    """One subnet is in one zone, and a zone's name is AWS's."""
    for name, subnets in (
        ("applicationSubnets", existing.application_subnets),
        ("databaseSubnets", existing.database_subnets),
        ("publicSubnets", existing.public_subnets),
    ):
        for zone in subnets:
            if not is_zone(region, zone):
                yield Problem(
                    field=f"network.existingVpc.{name}", value=zone or "''", rule=f"is not a zone of {region}",
                    way_out=f"Write it like {region}a",
                )  # fmt: skip
        ids = list(subnets.values())
        for subnet in sorted({each for each in ids if ids.count(each) > 1}):
            named = ", ".join(zone for zone, each in subnets.items() if each == subnet)
            yield Problem(
                field=f"network.existingVpc.{name}", value=subnet, way_out="Name each zone's own subnet",
                rule=f"stands for {named}, and a subnet is in one zone",
            )  # fmt: skip


def networks(s: Settings) -> Iterator[Problem]:
    """Each network and each group of others is a rule of its group, beside those that are always there."""
    groups = s.access.database_security_groups
    database = [*s.access.database_networks, *groups]
    both = "access.databaseNetworks and access.databaseSecurityGroups" if groups else "access.databaseNetworks"
    for field, others, own, group in (
        ("access.sshNetworks", s.access.ssh_networks, 2, "application"),  # HTTP and HTTPS
        (both, database, 3, "database"),  # application, functions, itself
    ):
        most = RULES_PER_GROUP - own
        if len(others) > most:
            yield Problem(
                field=field, value=f"({len(others)} of them)", way_out=f"Name {most} at most, or wider networks",
                rule=f"are more than the {RULES_PER_GROUP} rules of a security group leave, of which {own} of the "
                f"{group} group are taken",
            )  # fmt: skip
