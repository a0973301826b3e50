"""Networking: subnets, routes and ways out by stack, and somebody else's VPC."""

from __future__ import annotations

from typing import Any

from recording.recording import Recording
from tests.components import replicas
from tests.recordings import answer, inputs, name_of, names, record_with, recording

VPC = "aws:ec2/vpc:Vpc"
SUBNET = "aws:ec2/subnet:Subnet"
ROUTE = "aws:ec2/route:Route"
NAT = "aws:ec2/natGateway:NatGateway"
TABLE = "aws:ec2/routeTable:RouteTable"
ASSOCIATION = "aws:ec2/routeTableAssociation:RouteTableAssociation"
ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint"
GROUP = "aws:ec2/securityGroup:SecurityGroup"
TOKYO = ("ap-northeast-1a", "ap-northeast-1c", "ap-northeast-1d")


def subnets(recorded: Recording) -> dict[str, tuple[str, str]]:
    """Zone and network by logical name, without the stack's prefix."""
    prefix = f"langpont-{recorded.stack}-network-"
    return {
        r.name.removeprefix(prefix): (r.inputs["availabilityZone"], r.inputs["cidrBlock"])
        for r in recorded.of_type(SUBNET)
    }


def routes(recorded: Recording) -> dict[str, tuple[str, str]]:
    """Destination and target of every route, by the table it stands in."""
    prefix = f"langpont-{recorded.stack}-network-"
    found = {}
    for route in recorded.of_type(ROUTE):
        key = "natGatewayId" if "natGatewayId" in route.inputs else "gatewayId"
        [table] = route.property_dependencies["routeTableId"]
        [target] = route.property_dependencies[key]
        found[name_of(table).removeprefix(prefix)] = (
            route.inputs["destinationCidrBlock"],
            name_of(target).removeprefix(prefix),
        )
    return found


def test_prod_has_three_tiers_in_three_zones_where_the_letter_decides_the_place() -> None:
    """E33: the document picks subnets by hand and names zones that it never creates."""
    assert subnets(recording("prod")) == {
        "public-ap-northeast-1a": ("ap-northeast-1a", "10.20.0.0/21"),
        "public-ap-northeast-1c": ("ap-northeast-1c", "10.20.16.0/21"),
        "public-ap-northeast-1d": ("ap-northeast-1d", "10.20.24.0/21"),
        "application-ap-northeast-1a": ("ap-northeast-1a", "10.20.64.0/21"),
        "application-ap-northeast-1c": ("ap-northeast-1c", "10.20.80.0/21"),
        "application-ap-northeast-1d": ("ap-northeast-1d", "10.20.88.0/21"),
        "database-ap-northeast-1a": ("ap-northeast-1a", "10.20.128.0/21"),
        "database-ap-northeast-1c": ("ap-northeast-1c", "10.20.144.0/21"),
        "database-ap-northeast-1d": ("ap-northeast-1d", "10.20.152.0/21"),
    }


def test_dev_has_the_same_tiers_in_two_zones() -> None:
    assert sorted(subnets(recording("dev"))) == sorted(
        f"{tier}-{zone}" for tier in ("public", "application", "database") for zone in TOKYO[:2]
    )


def test_no_subnet_gives_out_public_addresses() -> None:
    for stack in ("dev", "staging", "prod"):
        for subnet in recording(stack).of_type(SUBNET):
            assert subnet.inputs["mapPublicIpOnLaunch"] is False


def test_every_subnet_stands_in_the_table_of_its_tier() -> None:
    recorded = recording("prod")
    prefix = "langpont-prod-network-"
    tables = {
        name_of(next(iter(a.property_dependencies["subnetId"]))).removeprefix(prefix): name_of(
            next(iter(a.property_dependencies["routeTableId"]))
        ).removeprefix(prefix)
        for a in recorded.of_type(ASSOCIATION)
    }
    assert tables == {
        **{f"public-{zone}": "public-routes" for zone in TOKYO},
        **{f"application-{zone}": f"application-{zone}-routes" for zone in TOKYO},
        **{f"database-{zone}": "database-routes" for zone in TOKYO},
    }


def test_prod_has_a_way_out_per_zone() -> None:
    recorded = recording("prod")
    assert names(recorded, NAT) == [f"langpont-prod-network-nat-{zone}" for zone in TOKYO]
    assert routes(recorded) == {
        "public-routes": ("0.0.0.0/0", "internet-gateway"),
        **{f"application-{zone}-routes": ("0.0.0.0/0", f"nat-{zone}") for zone in TOKYO},
    }
    for nat in recorded.of_type(NAT):
        zone = nat.name.removeprefix("langpont-prod-network-nat-")
        assert [name_of(u) for u in nat.property_dependencies["subnetId"]] == [f"langpont-prod-network-public-{zone}"]


def test_staging_has_one_way_out_for_all_zones() -> None:
    recorded = recording("staging")
    assert names(recorded, NAT) == ["langpont-staging-network-nat-ap-northeast-1a"]
    assert routes(recorded) == {
        "public-routes": ("0.0.0.0/0", "internet-gateway"),
        **{f"application-{zone}-routes": ("0.0.0.0/0", "nat-ap-northeast-1a") for zone in TOKYO},
    }


def test_dev_has_no_way_out() -> None:
    recorded = recording("dev")
    assert names(recorded, NAT) == []
    assert names(recorded, "aws:ec2/eip:Eip") == []
    assert routes(recorded) == {"public-routes": ("0.0.0.0/0", "internet-gateway")}


def tags(environment: str, name: str) -> dict[str, str]:
    return {"Name": name, "Environment": environment, "Project": "LangPont", "ManagedBy": "Pulumi"}


def test_the_database_subnets_have_no_route_out_in_any_stack() -> None:
    for stack in ("dev", "staging", "prod"):
        assert "database-routes" not in routes(recording(stack))


def test_the_s3_endpoint_serves_every_route_table() -> None:
    recorded = recording("prod")
    assert inputs(recorded, ENDPOINT, "langpont-prod-network-s3-endpoint") == {
        "vpcId": answer(recorded, VPC, "langpont-prod-network-vpc")[0],
        "vpcEndpointType": "Gateway",
        "serviceName": "com.amazonaws.ap-northeast-1.s3",
        "routeTableIds": [
            answer(recorded, TABLE, f"langpont-prod-network-{role}-routes")[0]
            for role in ("public", "database", *(f"application-{zone}" for zone in TOKYO))
        ],
        "tags": tags("prod", "langpont-prod-network-s3"),
    }


def test_all_traffic_is_logged() -> None:
    recorded = recording("prod")
    name = "langpont-prod-network-flow-logs"
    assert inputs(recorded, "aws:ec2/flowLog:FlowLog", name) == {
        "vpcId": answer(recorded, VPC, "langpont-prod-network-vpc")[0],
        "trafficType": "ALL",
        "logDestinationType": "cloud-watch-logs",
        "logDestination": "arn:aws:logs:ap-northeast-1:123456789012:log-group:/aws/vpc/langpont-prod-network",
        "iamRoleArn": answer(recorded, "aws:iam/role:Role", f"{name}-role")[1]["arn"],
        "tags": tags("prod", name),
    }
    group = inputs(recorded, "aws:cloudwatch/logGroup:LogGroup", name)
    assert (group["name"], group["retentionInDays"]) == ("/aws/vpc/langpont-prod-network", 90)


def test_a_third_zone_moves_nothing_that_stood_in_two() -> None:
    two = record_with("prod", {"network": {"vpc": {"zones": list(TOKYO[:2])}}, **replicas(0)})
    three = record_with("prod", replicas(0))
    before, after = subnets(two), subnets(three)
    assert {name: after[name] for name in before} == before
    assert sorted(set(after) - set(before)) == [
        "application-ap-northeast-1d",
        "database-ap-northeast-1d",
        "public-ap-northeast-1d",
    ]
    assert set(two.identities()) < set(three.identities())


# Somebody else's VPC

EXISTING: dict[str, Any] = {
    "network": {
        "vpc": None,
        "existingVpc": {
            "vpcId": "vpc-0123456789abcdef0",
            "applicationSubnets": {"ap-northeast-1a": "subnet-0aaaaaaaaaaaaaaa1"},
            "databaseSubnets": {
                "ap-northeast-1a": "subnet-0aaaaaaaaaaaaaaa2",
                "ap-northeast-1c": "subnet-0aaaaaaaaaaaaaaa3",
                "ap-northeast-1d": "subnet-0aaaaaaaaaaaaaaa4",
            },
        },
    }
}


OF_THE_NETWORK = ("langpont-prod-network", "langpont-prod-security-groups")


def test_in_somebody_elses_vpc_nothing_is_made_but_three_groups_and_their_rules() -> None:
    """Adopting a default group removes its rules at once; routes, endpoints and flow logs are not ours either."""
    recorded = record_with("prod", EXISTING)
    prefix = "langpont-prod-security-groups-"
    made = sorted(
        f"{r.type.split(':')[-1]} {r.name.removeprefix(prefix)}"
        for r in recorded.registrations.values()
        if name_of(r.parent) in OF_THE_NETWORK
    )
    assert made == [
        "SecurityGroup application",
        "SecurityGroup database",
        "SecurityGroup functions",
        "SecurityGroupEgressRule application-to-database",
        "SecurityGroupEgressRule application-to-https",
        "SecurityGroupEgressRule database-to-database",
        "SecurityGroupEgressRule functions-to-database",
        "SecurityGroupEgressRule functions-to-https",
        "SecurityGroupIngressRule application-http",
        "SecurityGroupIngressRule application-https",
        "SecurityGroupIngressRule database-from-application",
        "SecurityGroupIngressRule database-from-database",
        "SecurityGroupIngressRule database-from-functions",
    ]
    for group in recorded.of_type(GROUP):
        assert group.inputs["vpcId"] == "vpc-0123456789abcdef0"
    subnet_group = recorded.one("aws:rds/subnetGroup:SubnetGroup", "langpont-prod-db-subnets")
    assert subnet_group.inputs["subnetIds"] == [f"subnet-0aaaaaaaaaaaaaaa{n}" for n in (2, 3, 4)]
    assert recorded.outputs["vpcId"] == "vpc-0123456789abcdef0"
    assert recorded.outputs["publicSubnetIds"] == []
    assert recorded.outputs["applicationSubnetIds"] == ["subnet-0aaaaaaaaaaaaaaa1"]


def test_in_somebody_elses_vpc_everything_but_the_network_is_the_same() -> None:
    def others(recorded: Recording) -> list[str]:
        return [r.identity for r in recorded.registrations.values() if name_of(r.parent) not in OF_THE_NETWORK]

    assert sorted(others(record_with("prod", EXISTING))) == sorted(others(recording("prod")))
