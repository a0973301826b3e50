"""What AWS refuses about order and identity: the part of it that a change of a stack meets. RDS's part is in `rds`.

Not judged here: permissions, quotas, time (nothing takes any), whether a class or a version is offered in a region.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from ipaddress import IPv4Network
from typing import Any

from resource_types import TYPES
from tests.engine.providers import rds
from tests.engine.providers.cloud import Cloud, Resource
from tests.engine.providers.rds import INSTANCE, SUBNET_GROUP, Refused
from tests.engine.providers.secrets import ROTATION, SECRET, refuse_rotation

KEY = "aws:kms/key:Key"
SUBNET, GATEWAY = "aws:ec2/subnet:Subnet", "aws:ec2/internetGateway:InternetGateway"
# Operations that make what is there anew instead of refusing its name.
UPSERTS = ("put_", "create_topic", "set_topic_attributes", "subscribe", "create_tags")


def refuse_create(cloud: Cloud, made: Resource) -> None:
    """Raises `Refused` for a taken name, for something that does not exist yet, and for what RDS would not make.

    `made` has its inputs and outputs, and nothing yet that AWS fills in.
    """
    _name_taken(cloud, made)
    _identity_taken(cloud, made)
    for problem in missing(cloud, made):
        raise Refused(problem)
    if made.type == INSTANCE:
        rds.refuse_create(cloud, made)
    if made.type == SUBNET:
        _addresses(cloud, made)
    if made.type == ROTATION:
        refuse_rotation(cloud, made)


def refuse_update(cloud: Cloud, before: Resource, after: Resource, changed: Sequence[str]) -> None:
    """Raises `Refused` for what AWS would not change; an instance's own rules are `rds.modified`'s."""
    for problem in missing(cloud, after, only=changed):
        raise Refused(problem)
    if after.type == SECRET and "kmsKeyId" in changed:
        for key in cloud.waiting(KEY):  # its values are encrypted anew, for which they are read
            if before.properties.get("kmsKeyId") in (key.id, key.properties["arn"]):
                raise Refused(f"KMSInvalidStateException: {key.id} is pending deletion.")
    if after.type == SUBNET_GROUP and "subnetIds" in changed:
        rds.refuse_subnets(cloud, before, after)
    if after.type == GATEWAY and "vpcId" in changed:
        for user in cloud.all():
            if _public_address(cloud, user, before):
                raise Refused(
                    f"DependencyViolation: Network {before.properties['vpcId']} has some mapped public address(es). "
                    f"Please unmap those public address(es) before detaching the gateway: {user.logical_name}"
                )


def refuse_delete(cloud: Cloud, found: Resource, options: Mapping[str, Any]) -> bool:
    """Whether it waits for its end and can be restored. Raises `Refused` for what is in use or protected."""
    for user in sorted(cloud.all(), key=lambda each: (each.type, each.logical_name)):
        if user.key != found.key and _uses(cloud, user, found):
            raise Refused(
                f"DependencyViolation: {found.type} {found.logical_name} is in use by {user.type} {user.logical_name}"
            )
    if found.type == INSTANCE:
        if found.properties.get("deletionProtection"):
            raise Refused(
                "InvalidParameterCombination: Cannot delete protected DB Instance, please disable deletion protection "
                "and try again."
            )
        if not options.get("skipFinalSnapshot") and not options.get("finalSnapshotIdentifier"):
            raise Refused("InvalidParameterCombination: FinalDBSnapshotIdentifier is required")
    return found.type == KEY or (found.type == SECRET and options.get("recoveryWindowInDays", 30) > 0)


# Names


def _name_taken(cloud: Cloud, made: Resource) -> None:
    row = TYPES[made.type]
    create = row.create
    if create is not None and create.method.startswith(UPSERTS):
        return
    name = row.named and made.properties.get(row.named.input)
    for other in (*cloud.all(made.type), *cloud.waiting(made.type)):
        same_place = other.region == made.region and other.properties.get("vpcId") == made.properties.get("vpcId")
        if other.id == made.id and other.region == made.region:
            raise Refused(f"{made.type} {made.id} already exists")
        if not name or not same_place or other.properties.get(row.named.input if row.named else "") != name:
            continue
        if made.type == "aws:backup/selection:Selection":  # names of selections are the plan's own
            continue
        if other.deleted and other.type == SECRET:
            raise Refused(
                "InvalidRequestException: You can't create this secret because a secret with this name is already "
                "scheduled for deletion."
            )
        raise Refused(f"AlreadyExists: {made.type} {name} already exists")


# What there is once, whatever it is called: by these inputs together.
ONCE: Mapping[str, tuple[tuple[str, ...], str]] = {
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": (
        ("securityGroupId", "ipProtocol", "fromPort", "toPort", "cidrIpv4", "referencedSecurityGroupId"),
        "InvalidPermission.Duplicate: the specified rule",
    ),
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": (
        ("securityGroupId", "ipProtocol", "fromPort", "toPort", "cidrIpv4", "referencedSecurityGroupId"),
        "InvalidPermission.Duplicate: the specified rule",
    ),
    "aws:ec2/route:Route": (("routeTableId", "destinationCidrBlock"), "RouteAlreadyExists: the route"),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": (
        ("subnetId",),
        "Resource.AlreadyAssociated: the association of the subnet",
    ),
    GATEWAY: (("vpcId",), "Resource.AlreadyAssociated: an internet gateway of the network"),
    "aws:ec2/natGateway:NatGateway": (("allocationId",), "Resource.AlreadyAssociated: a NAT gateway with the address"),
    "aws:ec2/flowLog:FlowLog": (
        ("vpcId", "trafficType", "logDestination"),
        "FlowLogAlreadyExists: a flow log with the same configuration and log destination",
    ),
}  # fmt: skip


def _identity_taken(cloud: Cloud, made: Resource) -> None:
    keys, what = ONCE.get(made.type, ((), ""))
    for other in cloud.all(made.type) if keys else ():
        if all(other.properties.get(key) == made.properties.get(key) for key in keys):
            raise Refused(f"{what} already exists: {other.logical_name}")


def _addresses(cloud: Cloud, made: Resource) -> None:
    """A subnet lies within its network, and beside the others."""
    network, own = made.properties["vpcId"], IPv4Network(made.properties["cidrBlock"])
    for other in cloud.all():
        if other.type == "aws:ec2/vpc:Vpc" and other.id == network:
            if not own.subnet_of(IPv4Network(other.properties["cidrBlock"])):
                raise Refused(f"InvalidSubnet.Range: The CIDR '{own}' is invalid.")
        elif (
            other.type == SUBNET
            and other.properties["vpcId"] == network
            and own.overlaps(IPv4Network(other.properties["cidrBlock"]))
        ):
            raise Refused(f"InvalidSubnet.Conflict: The CIDR '{own}' conflicts with another subnet")


# References

# An input that names another resource by something else than its id or ARN: whose, and by which property.
BY_NAME: Mapping[str, tuple[str, str]] = {
    "parameterGroupName": ("aws:rds/parameterGroup:ParameterGroup", "name"),
    "dbSubnetGroupName": ("aws:rds/subnetGroup:SubnetGroup", "name"),
    "replicateSourceDb": (INSTANCE, "identifier"),
    "role": ("aws:iam/role:Role", "name"),
    "backupVaultName": ("aws:backup/vault:Vault", "name"),
    "logGroupName": ("aws:cloudwatch/logGroup:LogGroup", "name"),
    "functionName": ("aws:lambda/function:Function", "name"),
}
_ID = re.compile(r"^(?:vpc|subnet|sg|igw|rtb|eipalloc|nat|vpce)-[0-9a-f]{17}$")
_ARN = re.compile(r"^arn:aws:(?:kms|sns|iam|secretsmanager|lambda|sqs):[^*]*$")


def missing(cloud: Cloud, made: Resource, only: Sequence[str] | None = None) -> Iterator[str]:
    """What its inputs (or `only` these) name and is not there, or waits for its end."""
    everything = cloud.all()
    there = {each.id for each in everything} | {each.properties.get("arn") for each in everything}
    ending = {text: each for each in cloud.waiting(KEY) for text in (each.id, each.properties.get("arn"))}
    for key, value in _texts({key: item for key, item in made.properties.items() if only is None or key in only}):
        if key in ("arn", "id") or key in TYPES[made.type].outputs:
            continue
        if value in ending:
            yield f"KMSInvalidStateException: {key} {ending[value].logical_name} is pending deletion"
        elif key in BY_NAME and made.type != BY_NAME[key][0]:
            type_, name = BY_NAME[key]
            if "arn:aws:iam::aws:" not in value and not any(
                value in (each.properties.get(name), each.id, each.properties.get("arn")) for each in cloud.all(type_)
            ):
                yield f"NotFound: {key} {value} of {made.logical_name} does not exist"
        elif key == "replicateSourceDb":
            if not any(value == each.properties.get("identifier") for each in cloud.all(INSTANCE)):
                yield f"DBInstanceNotFound: {value} does not exist"
        elif (_ID.match(value) or _is_ours(value)) and value != made.id and value not in there:
            yield f"NotFound: {key} {value} of {made.logical_name} does not exist"


def _is_ours(text: str) -> bool:
    """Whether it is the whole ARN of a resource of an account: not AWS's own policy, and not an account's root."""
    return bool(_ARN.match(text)) and not text.endswith(":root") and "::aws:" not in text


def _texts(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, Mapping):
        for name, item in value.items():
            if name != "tags":
                yield from _texts(item, name)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item, key)


# Use

Look = Callable[[Cloud, Resource, Resource], bool]


def _holds(*keys: str, of: Sequence[str] = (), by: str = "id") -> Look:
    """Whether the user's inputs `keys` hold the thing's id (or another of its properties)."""

    def look(_: Cloud, user: Resource, thing: Resource) -> bool:
        wanted = thing.id if by == "id" else thing.properties.get(by)
        return (not of or user.type in of) and any(
            value == wanted for key, value in _texts(user.properties) if key in keys
        )

    return look


def _rule_of_another_group(_: Cloud, user: Resource, thing: Resource) -> bool:
    refers = user.properties.get("referencedSecurityGroupId") == thing.id
    return refers and user.properties.get("securityGroupId") != thing.id


def _public_address(cloud: Cloud, user: Resource, thing: Resource) -> bool:
    subnet = cloud.get("aws:ec2/subnet:Subnet", str(user.properties.get("subnetId")), user.region)
    return (
        user.type == "aws:ec2/natGateway:NatGateway"
        and subnet is not None
        and subnet.properties.get("vpcId") == thing.properties.get("vpcId")
    )


def _interface_of_an_instance(cloud: Cloud, user: Resource, thing: Resource) -> bool:
    zones = (user.properties.get("availabilityZone"), user.properties.get("secondaryAvailabilityZone"))
    if user.type != INSTANCE or thing.properties.get("availabilityZone") not in zones:
        return False
    name = rds.subnet_group(cloud, user.properties)
    groups = (it for it in cloud.all(SUBNET_GROUP) if it.properties["name"] == name)
    return any(thing.id in it.properties["subnetIds"] for it in groups)


IN_USE: Mapping[str, Sequence[Look]] = {
    "aws:ec2/vpc:Vpc": [
        _holds(
            "vpcId",
            of=(
                "aws:ec2/subnet:Subnet", "aws:ec2/internetGateway:InternetGateway", "aws:ec2/routeTable:RouteTable",
                "aws:ec2/securityGroup:SecurityGroup", "aws:ec2/vpcEndpoint:VpcEndpoint",
            ),
        )
    ],
    "aws:ec2/subnet:Subnet": [
        _holds(
            "subnetId", "subnetIds",
            of=("aws:ec2/natGateway:NatGateway", "aws:ec2/vpcEndpoint:VpcEndpoint", "aws:lambda/function:Function"),
        ),
        _interface_of_an_instance,
    ],
    "aws:ec2/securityGroup:SecurityGroup": [
        _holds("vpcSecurityGroupIds", "securityGroupIds"),
        _rule_of_another_group,
    ],
    "aws:ec2/internetGateway:InternetGateway": [_public_address],
    "aws:ec2/routeTable:RouteTable": [
        _holds("routeTableId", of=("aws:ec2/routeTableAssociation:RouteTableAssociation",))
    ],
    "aws:ec2/eip:Eip": [_holds("allocationId", of=("aws:ec2/natGateway:NatGateway",))],
    "aws:rds/subnetGroup:SubnetGroup": [_holds("dbSubnetGroupName", by="name")],
    "aws:rds/parameterGroup:ParameterGroup": [_holds("parameterGroupName", by="name")],
    "aws:iam/role:Role": [
        _holds(
            "role", of=("aws:iam/rolePolicy:RolePolicy", "aws:iam/rolePolicyAttachment:RolePolicyAttachment"), by="name"
        )
    ],
    "aws:iam/policy:Policy": [_holds("policyArn", by="arn")],
    "aws:backup/plan:Plan": [_holds("planId")],
    "aws:backup/vault:Vault": [
        _holds("targetVaultName", of=("aws:backup/plan:Plan",), by="name"),
    ],
}  # fmt: skip


def _uses(cloud: Cloud, user: Resource, thing: Resource) -> bool:
    return any(look(cloud, user, thing) for look in IN_USE.get(thing.type, ()))
