"""Networking: subnets, routes and ways out by stack, somebody else's VPC, and every security group rule."""

from __future__ import annotations

from typing import Any

import pytest

from recording.recording import Recording
from tests.components import OTHER, replicas
from tests.recordings import answer, inputs, name_of, names, record_with, recording

VPC = "aws:ec2/vpc:Vpc"
SUBNET = "aws:ec2/subnet:Subnet"
ROUTE = "aws:ec2/route:Route"
NAT = "aws:ec2/natGateway:NatGateway"
TABLE = "aws:ec2/routeTable:RouteTable"
ASSOCIATION = "aws:ec2/routeTableAssociation:RouteTableAssociation"
ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint"
GROUP = "aws:ec2/securityGroup:SecurityGroup"
INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
EGRESS = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
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


def test_dev_has_no_way_out_but_one_endpoint_in_one_zone() -> None:
    recorded = recording("dev")
    assert names(recorded, NAT) == []
    assert names(recorded, "aws:ec2/eip:Eip") == []
    assert routes(recorded) == {"public-routes": ("0.0.0.0/0", "internet-gateway")}
    assert names(recorded, ENDPOINT) == [
        "langpont-dev-network-s3-endpoint",
        "langpont-dev-network-secretsmanager-endpoint",
    ]
    name = "langpont-dev-network-secretsmanager-endpoint"
    assert inputs(recorded, ENDPOINT, name) == {
        "vpcId": answer(recorded, VPC, "langpont-dev-network-vpc")[0],
        "vpcEndpointType": "Interface",
        "serviceName": "com.amazonaws.ap-northeast-1.secretsmanager",
        "privateDnsEnabled": True,
        "subnetIds": [answer(recorded, SUBNET, "langpont-dev-network-application-ap-northeast-1a")[0]],
        "securityGroupIds": [answer(recorded, GROUP, "langpont-dev-network-endpoints")[0]],
        "tags": tags("dev", "langpont-dev-network-secretsmanager"),
    }


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


# Security groups


def rules(recorded: Recording, type_: str) -> dict[str, tuple[str, int, str]]:
    """Group, port and other side of every rule, by its role."""
    prefix = f"langpont-{recorded.stack}-network-"
    found = {}
    for rule in recorded.of_type(type_):
        [group] = rule.property_dependencies["securityGroupId"]
        other = [
            name_of(u).removeprefix(prefix) for u in rule.property_dependencies.get("referencedSecurityGroupId", ())
        ]
        found[rule.name.removeprefix(prefix)] = (
            name_of(group).removeprefix(prefix),
            rule.inputs["fromPort"],
            rule.inputs.get("cidrIpv4") or other[0],
        )
    return found


def test_exactly_these_ways_lead_in() -> None:
    """E30: the rule from the group to itself is asked for, although RDS replication does not pass through it."""
    assert rules(recording("prod"), INGRESS) == {
        "database-from-application": ("database", 5432, "application"),
        "database-from-database": ("database", 5432, "database"),
        "database-from-functions": ("database", 5432, "functions"),
        "application-http": ("application", 80, "0.0.0.0/0"),
        "application-https": ("application", 443, "0.0.0.0/0"),
    }


def test_exactly_these_ways_lead_out() -> None:
    """E31: "minimum necessary" is what the document calls a way out for everything to everywhere."""
    assert rules(recording("prod"), EGRESS) == {
        "database-to-database": ("database", 5432, "database"),
        "application-to-database": ("application", 5432, "database"),
        "application-to-https": ("application", 443, "0.0.0.0/0"),
        "functions-to-database": ("functions", 5432, "database"),
        "functions-to-https": ("functions", 443, "0.0.0.0/0"),
    }


def test_without_nat_functions_reach_the_endpoint_and_nothing_else_outside() -> None:
    """Secrets Manager is all they call: their logs and their failures are delivered by Lambda itself."""
    assert rules(recording("dev"), INGRESS) == rules(recording("prod"), INGRESS) | {
        "endpoints-from-application": ("endpoints", 443, "application"),
        "endpoints-from-functions": ("endpoints", 443, "functions"),
    }
    assert rules(recording("dev"), EGRESS) == {
        "database-to-database": ("database", 5432, "database"),
        "application-to-database": ("application", 5432, "database"),
        "application-to-https": ("application", 443, "0.0.0.0/0"),
        "functions-to-database": ("functions", 5432, "database"),
        "functions-to-endpoints": ("functions", 443, "endpoints"),
    }


def test_an_endpoint_of_another_service_is_no_way_to_secrets_manager() -> None:
    endpoints = {"services": ["ssm"], "zones": ["ap-northeast-1a"]}
    recorded = record_with("prod", {"network": {"vpc": {"interfaceEndpoints": endpoints}}})
    assert rules(recorded, EGRESS) == rules(recording("prod"), EGRESS)
    assert rules(recorded, INGRESS) == rules(recording("dev"), INGRESS)


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_nothing_reaches_a_function(stack: str) -> None:
    assert [rule for rule in rules(recording(stack), INGRESS).values() if rule[0] == "functions"] == []
    assert inputs(recording(stack), GROUP, f"langpont-{stack}-network-functions") == {
        "vpcId": answer(recording(stack), VPC, f"langpont-{stack}-network-vpc")[0],
        "description": "LangPont functions",
        "tags": tags(stack, f"langpont-{stack}-network-functions"),
    }


def test_administrators_networks_open_ssh_and_the_database_to_them_alone() -> None:
    """E29, E32: by name in the stack file; SSH from anywhere and documentation networks are refused there."""
    recorded = record_with("prod", OTHER)
    added = {k: v for k, v in rules(recorded, INGRESS).items() if k not in rules(recording("prod"), INGRESS)}
    assert added == {
        "application-ssh-198.18.0.0-16": ("application", 22, "198.18.0.0/16"),
        "database-from-10.8.0.0-24": ("database", 6000, "10.8.0.0/24"),
        "database-from-192.168.7.0-24": ("database", 6000, "192.168.7.0/24"),
    }
    assert set(rules(recorded, EGRESS)) == set(rules(recording("prod"), EGRESS))


def test_another_port_moves_the_instances_and_every_rule_to_them() -> None:
    recorded = record_with("prod", OTHER)
    moved = {role: rule[1] for type_ in (INGRESS, EGRESS) for role, rule in rules(recorded, type_).items()}
    assert moved == {
        "database-from-10.8.0.0-24": 6000,
        "database-from-192.168.7.0-24": 6000,
        "database-from-application": 6000,
        "database-from-database": 6000,
        "database-from-functions": 6000,
        "database-to-database": 6000,
        "application-to-database": 6000,
        "application-ssh-198.18.0.0-16": 22,
        "application-http": 80,
        "application-https": 443,
        "application-to-https": 443,
        "functions-to-database": 6000,
        "functions-to-https": 443,
    }
    assert recorded.one("aws:rds/instance:Instance", "langpont-prod-db-primary").inputs["port"] == 6000
    assert recorded.outputs["port"] == 6000


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


def test_in_somebody_elses_vpc_nothing_is_made_but_three_groups_and_their_rules() -> None:
    """Adopting a default group removes its rules at once; routes, endpoints and flow logs are not ours either."""
    recorded = record_with("prod", EXISTING)
    prefix = "langpont-prod-network-"
    made = sorted(
        f"{r.type.split(':')[-1]} {r.name.removeprefix(prefix)}"
        for r in recorded.registrations.values()
        if name_of(r.parent) == "langpont-prod-network"
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
        return [r.identity for r in recorded.registrations.values() if name_of(r.parent) != "langpont-prod-network"]

    assert sorted(others(record_with("prod", EXISTING))) == sorted(others(recording("prod")))


@pytest.mark.parametrize("service", ["ssm", "ssmmessages", "ec2messages", "logs", "monitoring"])
def test_an_endpoint_is_named_after_its_service(service: str) -> None:
    endpoints = {"services": ["secretsmanager", service], "zones": ["ap-northeast-1a"]}
    recorded = record_with("dev", {"network": {"vpc": {"interfaceEndpoints": endpoints}}})
    assert set(names(recorded, ENDPOINT)) == {
        f"langpont-dev-network-{each}-endpoint" for each in ("s3", "secretsmanager", service)
    }
    endpoint = recorded.one(ENDPOINT, f"langpont-dev-network-{service}-endpoint")
    assert endpoint.inputs["serviceName"] == f"com.amazonaws.ap-northeast-1.{service}"
