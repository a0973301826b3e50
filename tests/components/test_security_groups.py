"""SecurityGroups: every rule of every group, and interface endpoints."""

from __future__ import annotations

import pytest

from recording.recording import Recording
from tests.components import OTHER
from tests.recordings import answer, inputs, name_of, names, record_with, recording

VPC = "aws:ec2/vpc:Vpc"
SUBNET = "aws:ec2/subnet:Subnet"
ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint"
GROUP = "aws:ec2/securityGroup:SecurityGroup"
INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
EGRESS = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"


def tags(environment: str, name: str) -> dict[str, str]:
    return {"Name": name, "Environment": environment, "Project": "LangPont", "ManagedBy": "Pulumi"}


def rules(recorded: Recording, type_: str) -> dict[str, tuple[str, int, str]]:
    """Group, port and other side of every rule, by its role."""
    prefix = f"langpont-{recorded.stack}-security-groups-"
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
    assert inputs(recording(stack), GROUP, f"langpont-{stack}-security-groups-functions") == {
        "vpcId": answer(recording(stack), VPC, f"langpont-{stack}-network-vpc")[0],
        "description": f"langpont-{stack}: functions",
        "tags": tags(stack, f"langpont-{stack}-security-groups-functions"),
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


def test_the_groups_of_others_reach_the_database_each_by_a_rule() -> None:
    """Their way out is their owner's, so there is no rule on the other side."""
    groups = ["sg-0123456789abcdef0", "sg-0fedcba9876543210"]
    recorded = record_with("prod", {"access": {"databaseSecurityGroups": groups}})
    prefix = "langpont-prod-security-groups-database-from-"
    assert [
        {
            key: inputs(recorded, INGRESS, f"{prefix}{group}")[key]
            for key in ("referencedSecurityGroupId", "fromPort", "toPort", "ipProtocol", "description")
        }
        for group in groups
    ] == [
        {
            "referencedSecurityGroupId": group, "fromPort": 5432, "toPort": 5432, "ipProtocol": "tcp",
            "description": "Another group",
        }
        for group in groups
    ]  # fmt: skip
    assert len(recorded.of_type(INGRESS)) == len(recording("prod").of_type(INGRESS)) + 2
    assert rules(recorded, EGRESS) == rules(recording("prod"), EGRESS)


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


# Interface endpoints


def test_dev_has_one_interface_endpoint_in_one_zone() -> None:
    recorded = recording("dev")
    assert names(recorded, ENDPOINT) == [
        "langpont-dev-network-s3-endpoint",
        "langpont-dev-security-groups-secretsmanager-endpoint",
    ]
    name = "langpont-dev-security-groups-secretsmanager-endpoint"
    assert inputs(recorded, ENDPOINT, name) == {
        "vpcId": answer(recorded, VPC, "langpont-dev-network-vpc")[0],
        "vpcEndpointType": "Interface",
        "serviceName": "com.amazonaws.ap-northeast-1.secretsmanager",
        "privateDnsEnabled": True,
        "subnetIds": [answer(recorded, SUBNET, "langpont-dev-network-application-ap-northeast-1a")[0]],
        "securityGroupIds": [answer(recorded, GROUP, "langpont-dev-security-groups-endpoints")[0]],
        "tags": tags("dev", "langpont-dev-security-groups-secretsmanager"),
    }


@pytest.mark.parametrize("service", ["ssm", "ssmmessages", "ec2messages", "logs", "monitoring"])
def test_an_endpoint_is_named_after_its_service(service: str) -> None:
    endpoints = {"services": ["secretsmanager", service], "zones": ["ap-northeast-1a"]}
    recorded = record_with("dev", {"network": {"vpc": {"interfaceEndpoints": endpoints}}})
    assert set(names(recorded, ENDPOINT)) == {
        "langpont-dev-network-s3-endpoint",
        *(f"langpont-dev-security-groups-{each}-endpoint" for each in ("secretsmanager", service)),
    }
    endpoint = recorded.one(ENDPOINT, f"langpont-dev-security-groups-{service}-endpoint")
    assert endpoint.inputs["serviceName"] == f"com.amazonaws.ap-northeast-1.{service}"
