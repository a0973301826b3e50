"""What a control plane holds, read through boto3 and told in the program's own terms.

Each reader gives resources by a key that a registration has too, and each resource by the names of a registration's
inputs, written down here a second time: a wrong rename in `local.aws.table` shows as a difference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from local.aws.clients import Clients

Key = tuple[Any, ...]
Held = dict[Key, dict[str, Any]]
Reader = Callable[[Clients, str], Held]


def pages(client: Any, operation: str, member: str, **parameters: Any) -> Iterator[dict[str, Any]]:
    """All items of a listing, whether the service pages it or not."""
    if client.can_paginate(operation):
        for page in client.get_paginator(operation).paginate(**parameters):
            yield from page[member]
    else:
        yield from getattr(client, operation)(**parameters)[member]


def tags_of(pairs: Iterable[Mapping[str, str]], key: str = "Key", value: str = "Value") -> dict[str, str]:
    """Tags of the API as a mapping."""
    return {pair[key]: pair[value] for pair in pairs}


def given(**values: Any) -> dict[str, Any]:
    """What is there: an absent member is what an input left out would be."""
    return {name: value for name, value in values.items() if value is not None}


def _apart(found: Iterable[tuple[Key, str, dict[str, Any]]]) -> Held:
    """By key; a second one with the same key is kept by its id too, and so shows as one too many."""
    held: Held = {}
    for key, id_, values in found:
        held[(*key, id_) if key in held else key] = values
    return held


# Network


def _own_vpcs(clients: Clients, region: str) -> list[str]:
    """Ids of the VPCs that are not the account's default one."""
    vpcs = pages(clients.get("ec2", region), "describe_vpcs", "Vpcs")
    return [vpc["VpcId"] for vpc in vpcs if not vpc["IsDefault"]]


def _in_own_vpcs(clients: Clients, region: str, operation: str, member: str) -> Iterator[dict[str, Any]]:
    vpcs = _own_vpcs(clients, region)
    if vpcs:
        filters = [{"Name": "vpc-id", "Values": vpcs}]
        yield from pages(clients.get("ec2", region), operation, member, Filters=filters)


def vpcs(clients: Clients, region: str) -> Held:
    """By `Name`."""
    ec2 = clients.get("ec2", region)

    def attribute(vpc_id: str, name: str, member: str) -> Any:
        return ec2.describe_vpc_attribute(VpcId=vpc_id, Attribute=name)[member]["Value"]

    def read(vpc: Mapping[str, Any]) -> tuple[Key, str, dict[str, Any]]:
        id_, tags = vpc["VpcId"], tags_of(vpc["Tags"])
        values = {
            "cidrBlock": vpc["CidrBlock"],
            "enableDnsSupport": attribute(id_, "enableDnsSupport", "EnableDnsSupport"),
            "enableDnsHostnames": attribute(id_, "enableDnsHostnames", "EnableDnsHostnames"),
            "tags": tags,
        }
        return (tags.get("Name"),), id_, values

    return _apart(read(vpc) for vpc in pages(ec2, "describe_vpcs", "Vpcs") if not vpc["IsDefault"])


def default_groups(clients: Clients, region: str) -> Held:
    """By VPC: a group whose rules are told as empty lists when it has none."""
    return {
        (group["VpcId"],): {
            "vpcId": group["VpcId"],
            "ingress": group["IpPermissions"],
            "egress": group["IpPermissionsEgress"],
            "tags": tags_of(group["Tags"]),
        }
        for group in _in_own_vpcs(clients, region, "describe_security_groups", "SecurityGroups")
        if group["GroupName"] == "default"
    }


def groups(clients: Clients, region: str) -> Held:
    """By VPC and name."""
    return {
        (group["VpcId"], group["GroupName"]): {
            "vpcId": group["VpcId"],
            "description": group["Description"],
            "tags": tags_of(group["Tags"]),
        }
        for group in _in_own_vpcs(clients, region, "describe_security_groups", "SecurityGroups")
        if group["GroupName"] != "default"
    }


def rules(clients: Clients, region: str, member: str) -> Held:
    """By group, protocol, ports and peer; `member` is IpPermissions or IpPermissionsEgress."""
    ec2, found = clients.get("ec2", region), Held()
    own = {
        group["GroupId"]: group for group in _in_own_vpcs(clients, region, "describe_security_groups", "SecurityGroups")
    }
    for group_id, group in own.items():
        for permission in group[member]:
            peers = [("cidrIpv4", peer["CidrIp"], peer) for peer in permission["IpRanges"]]
            peers += [("cidrIpv6", peer["CidrIpv6"], peer) for peer in permission["Ipv6Ranges"]]
            peers += [("prefixListId", peer["PrefixListId"], peer) for peer in permission["PrefixListIds"]]
            peers += [("referencedSecurityGroupId", peer["GroupId"], peer) for peer in permission["UserIdGroupPairs"]]
            for kind, peer, about in peers:
                ports = permission.get("FromPort"), permission.get("ToPort")
                found[group_id, permission["IpProtocol"], *ports, peer] = given(
                    securityGroupId=group_id,
                    ipProtocol=permission["IpProtocol"],
                    fromPort=ports[0],
                    toPort=ports[1],
                    description=about.get("Description"),
                    **{kind: peer},
                )
    for rule in pages(ec2, "describe_security_group_rules", "SecurityGroupRules"):
        peer = rule.get("CidrIpv4") or rule.get("ReferencedGroupInfo", {}).get("GroupId")
        key = (rule["GroupId"], rule["IpProtocol"], rule["FromPort"], rule["ToPort"], peer)
        if rule["IsEgress"] == (member == "IpPermissionsEgress") and key in found:
            found[key]["tags"] = tags_of(rule["Tags"])
    return found


def subnets(clients: Clients, region: str) -> Held:
    """By VPC and network."""
    return {
        (subnet["VpcId"], subnet["CidrBlock"]): {
            "vpcId": subnet["VpcId"],
            "cidrBlock": subnet["CidrBlock"],
            "availabilityZone": subnet["AvailabilityZone"],
            "mapPublicIpOnLaunch": subnet["MapPublicIpOnLaunch"],
            "tags": tags_of(subnet["Tags"]),
        }
        for subnet in _in_own_vpcs(clients, region, "describe_subnets", "Subnets")
    }


def internet_gateways(clients: Clients, region: str) -> Held:
    """By the VPC that it is attached to."""
    found = pages(clients.get("ec2", region), "describe_internet_gateways", "InternetGateways")
    return _apart(
        (
            (attachment["VpcId"],),
            gateway["InternetGatewayId"],
            {"vpcId": attachment["VpcId"], "tags": tags_of(gateway["Tags"])},
        )
        for gateway in found
        for attachment in gateway["Attachments"]
    )


def _tables(clients: Clients, region: str) -> Iterator[dict[str, Any]]:
    for table in _in_own_vpcs(clients, region, "describe_route_tables", "RouteTables"):
        if not any(association["Main"] for association in table["Associations"]):
            yield table


def route_tables(clients: Clients, region: str) -> Held:
    """By `Name`."""
    return _apart(
        ((tags.get("Name"),), table["RouteTableId"], {"vpcId": table["VpcId"], "tags": tags})
        for table in _tables(clients, region)
        for tags in [tags_of(table["Tags"])]
    )


def routes(clients: Clients, region: str) -> Held:
    """By table and destination, but for a VPC's own and those that a gateway endpoint made."""
    return {
        (table["RouteTableId"], route["DestinationCidrBlock"]): given(
            routeTableId=table["RouteTableId"],
            destinationCidrBlock=route["DestinationCidrBlock"],
            gatewayId=route.get("GatewayId"),
            natGatewayId=route.get("NatGatewayId"),
        )
        for table in _tables(clients, region)
        for route in table["Routes"]
        if "DestinationCidrBlock" in route and route.get("GatewayId") != "local"
    }


def associations(clients: Clients, region: str) -> Held:
    """By table and subnet."""
    return {
        (table["RouteTableId"], each["SubnetId"]): {"routeTableId": table["RouteTableId"], "subnetId": each["SubnetId"]}
        for table in _tables(clients, region)
        for each in table["Associations"]
    }


def addresses(clients: Clients, region: str) -> Held:
    """By `Name`."""
    found = pages(clients.get("ec2", region), "describe_addresses", "Addresses")
    return _apart(
        ((tags.get("Name"),), address["AllocationId"], {"domain": address["Domain"], "tags": tags})
        for address in found
        for tags in [tags_of(address["Tags"])]
    )


def nat_gateways(clients: Clients, region: str) -> Held:
    """By subnet."""

    def read(gateway: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "subnetId": gateway["SubnetId"],
            "allocationId": gateway["NatGatewayAddresses"][0]["AllocationId"],
            "tags": tags_of(gateway["Tags"]),
        }

    found = pages(clients.get("ec2", region), "describe_nat_gateways", "NatGateways")
    return _apart(((each["SubnetId"],), each["NatGatewayId"], read(each)) for each in found)


def endpoints(clients: Clients, region: str) -> Held:
    """By VPC and service."""

    def read(endpoint: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "vpcId": endpoint["VpcId"],
            "serviceName": endpoint["ServiceName"],
            "vpcEndpointType": endpoint["VpcEndpointType"],
            "privateDnsEnabled": endpoint["PrivateDnsEnabled"],
            "routeTableIds": endpoint["RouteTableIds"],
            "subnetIds": endpoint["SubnetIds"],
            "securityGroupIds": [group["GroupId"] for group in endpoint["Groups"]],
            "tags": tags_of(endpoint["Tags"]),
        }

    found = pages(clients.get("ec2", region), "describe_vpc_endpoints", "VpcEndpoints")
    return _apart(((each["VpcId"], each["ServiceName"]), each["VpcEndpointId"], read(each)) for each in found)


def flow_logs(clients: Clients, region: str) -> Held:
    """By what they watch."""

    def read(log: Mapping[str, Any]) -> dict[str, Any]:
        return given(
            vpcId=log["ResourceId"],
            trafficType=log["TrafficType"],
            logDestinationType=log["LogDestinationType"],
            logDestination=log.get("LogDestination"),
            iamRoleArn=log.get("DeliverLogsPermissionArn"),
            tags=tags_of(log["Tags"]),
        )

    found = pages(clients.get("ec2", region), "describe_flow_logs", "FlowLogs")
    return _apart(((each["ResourceId"],), each["FlowLogId"], read(each)) for each in found)


# Identity


def policies(clients: Clients, region: str) -> Held:
    """By name; the default version's document."""
    iam, found = clients.get("iam", region), Held()
    for each in pages(iam, "list_policies", "Policies", Scope="Local"):
        policy = iam.get_policy(PolicyArn=each["Arn"])["Policy"]
        version = iam.get_policy_version(PolicyArn=each["Arn"], VersionId=policy["DefaultVersionId"])["PolicyVersion"]
        found[each["PolicyName"],] = given(
            policy=version["Document"], description=policy.get("Description"), tags=tags_of(policy["Tags"])
        )
    return found


def _roles(clients: Clients, region: str) -> Iterator[dict[str, Any]]:
    return pages(clients.get("iam", region), "list_roles", "Roles")


def roles(clients: Clients, region: str) -> Held:
    """By name."""
    iam = clients.get("iam", region)
    return {
        (role["RoleName"],): {
            "assumeRolePolicy": role["AssumeRolePolicyDocument"],
            "tags": tags_of(pages(iam, "list_role_tags", "Tags", RoleName=role["RoleName"])),
        }
        for role in _roles(clients, region)
    }


def role_policies(clients: Clients, region: str) -> Held:
    """By role and name."""
    iam = clients.get("iam", region)
    return {
        (role["RoleName"], name): {
            "role": role["RoleName"],
            "policy": iam.get_role_policy(RoleName=role["RoleName"], PolicyName=name)["PolicyDocument"],
        }
        for role in _roles(clients, region)
        for name in iam.list_role_policies(RoleName=role["RoleName"])["PolicyNames"]
    }


def attachments(clients: Clients, region: str) -> Held:
    """By role and policy."""
    iam = clients.get("iam", region)
    return {
        (role["RoleName"], policy["PolicyArn"]): {"role": role["RoleName"], "policyArn": policy["PolicyArn"]}
        for role in _roles(clients, region)
        for policy in pages(iam, "list_attached_role_policies", "AttachedPolicies", RoleName=role["RoleName"])
    }


# Keys and secrets


def keys(clients: Clients, region: str) -> Held:
    """By `Name`; those that AWS manages, and disabled ones, are left out."""
    kms = clients.get("kms", region)

    def read(key: Mapping[str, Any]) -> tuple[Key, str, dict[str, Any]]:
        id_ = key["KeyId"]
        tags = tags_of(pages(kms, "list_resource_tags", "Tags", KeyId=id_), "TagKey", "TagValue")
        values = {
            "description": key["Description"],
            "policy": kms.get_key_policy(KeyId=id_, PolicyName="default")["Policy"],
            "enableKeyRotation": kms.get_key_rotation_status(KeyId=id_)["KeyRotationEnabled"],
            "tags": tags,
        }
        return (tags.get("Name"),), id_, values

    found = [kms.describe_key(KeyId=each["KeyId"])["KeyMetadata"] for each in pages(kms, "list_keys", "Keys")]
    return _apart(read(key) for key in found if key["KeyManager"] != "AWS" and key["KeyState"] == "Enabled")


def aliases(clients: Clients, region: str) -> Held:
    """By name, but for AWS's own."""
    return {
        (alias["AliasName"],): {"name": alias["AliasName"], "targetKeyId": alias["TargetKeyId"]}
        for alias in pages(clients.get("kms", region), "list_aliases", "Aliases")
        if not alias["AliasName"].startswith("alias/aws/")
    }


def secrets(clients: Clients, region: str) -> Held:
    """By name, without what they hold."""
    return {
        (secret["Name"],): given(
            name=secret["Name"],
            description=secret.get("Description"),
            kmsKeyId=secret.get("KmsKeyId"),
            tags=tags_of(secret["Tags"]),
        )
        for secret in pages(clients.get("secretsmanager", region), "list_secrets", "SecretList")
    }


def secret_versions(clients: Clients, region: str) -> Held:
    """By secret: the current version, in plain text. Secrets that hold nothing are left out."""
    manager = clients.get("secretsmanager", region)
    return {
        (secret["ARN"],): {
            "secretId": secret["ARN"],
            "secretString": manager.get_secret_value(SecretId=secret["ARN"])["SecretString"],
        }
        for secret in pages(manager, "list_secrets", "SecretList")
        if secret.get("SecretVersionsToStages")
    }
