"""What AWS refuses about order and identity, and what it computes: the part of it that a change of a stack meets.

Not judged here: permissions, quotas, time (nothing takes any), whether a class or a version is offered in a region.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from resource_types import TYPES
from tests.engine.providers.cloud import Cloud, Resource

INSTANCE = "aws:rds/instance:Instance"
SECRET = "aws:secretsmanager/secret:Secret"
# gp3 for PostgreSQL (RDS user guide, "gp3 storage"): from 400 GiB on the volume is striped over four.
STRIPED_GIB, BASE_IOPS, STRIPED_IOPS, BASE_MIBPS, STRIPED_MIBPS = 400, 3000, 12000, 125, 500
# Operations that make what is there anew instead of refusing its name.
UPSERTS = ("put_", "create_topic", "set_topic_attributes", "subscribe", "create_tags")


class Refused(Exception):
    """The cloud's answer to a call that it does not take, as AWS words it."""


def refuse_create(cloud: Cloud, made: Resource) -> None:
    """Raises `Refused` for a taken name, for something that does not exist yet, and for what RDS would not make."""
    _name_taken(cloud, made)
    _missing(cloud, made)
    if made.type == INSTANCE:
        _instance(made, None)


def refuse_update(cloud: Cloud, before: Resource, after: Resource, changed: Sequence[str]) -> None:
    """Raises `Refused` for what AWS would not change."""
    _missing(cloud, after)
    if after.type == INSTANCE:
        _instance(after, before)
        for key in ("engine", "username", "dbName", "storageEncrypted", "kmsKeyId"):
            if key in changed:
                raise Refused(f"InvalidParameterCombination: {key} of a DB instance cannot be modified")
        if "replicateSourceDb" in changed and after.properties.get("replicateSourceDb"):  # the provider itself
            raise Refused("cannot elect new source database for replication")


def refuse_delete(cloud: Cloud, found: Resource, options: Mapping[str, Any]) -> bool:
    """Whether it waits for its end and can be restored. Raises `Refused` for what is in use or protected."""
    for user in cloud.all():
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
    return found.type == SECRET and options.get("recoveryWindowInDays", 30) > 0


def computed(made: Resource) -> dict[str, Any]:
    """What AWS fills in: the volume's IOPS and throughput where nobody says them."""
    given = made.properties
    if made.type != INSTANCE or given.get("storageType") != "gp3" or "allocatedStorage" not in given:
        return {}
    striped = given["allocatedStorage"] >= STRIPED_GIB
    filled = {
        "iops": STRIPED_IOPS if striped else BASE_IOPS,
        "storageThroughput": STRIPED_MIBPS if striped else BASE_MIBPS,
    }
    return {key: value for key, value in filled.items() if key not in given}


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
        if other.deleted:
            raise Refused(
                "InvalidRequestException: You can't create this secret because a secret with this name is already "
                "scheduled for deletion."
            )
        raise Refused(f"AlreadyExists: {made.type} {name} already exists")


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


def _missing(cloud: Cloud, made: Resource) -> None:
    everything = cloud.all()
    there = {each.id for each in everything} | {each.properties.get("arn") for each in everything}
    for key, value in _texts(made.properties):
        if key in ("arn", "id") or key in TYPES[made.type].outputs:
            continue
        if key in BY_NAME and made.type != BY_NAME[key][0]:
            type_, name = BY_NAME[key]
            if "arn:aws:iam::aws:" not in value and not any(
                value in (each.properties.get(name), each.id, each.properties.get("arn")) for each in cloud.all(type_)
            ):
                raise Refused(f"NotFound: {key} {value} of {made.logical_name} does not exist")
        elif key == "replicateSourceDb":
            if not any(value == each.properties.get("identifier") for each in cloud.all(INSTANCE)):
                raise Refused(f"DBInstanceNotFound: {value} does not exist")
        elif (_ID.match(value) or _is_ours(value)) and value != made.id and value not in there:
            raise Refused(f"NotFound: {key} {value} of {made.logical_name} does not exist")


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
        )
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


# RDS


def _instance(after: Resource, before: Resource | None) -> None:
    """CreateDBInstance and ModifyDBInstance, as far as the stack files' own rules know them."""
    given = after.properties
    size, iops = given.get("allocatedStorage"), given.get("iops")
    if before is not None and size is not None and size < before.properties.get("allocatedStorage", 0):
        raise Refused("InvalidParameterCombination: The allocated storage size can't be decreased")
    if size is None or given.get("storageType") != "gp3":
        return
    if size < STRIPED_GIB and (iops, given.get("storageThroughput")) != (BASE_IOPS, BASE_MIBPS):
        raise Refused(
            "InvalidParameterCombination: You can't specify IOPS or storage throughput for engine postgres and a "
            "storage size less than 400."
        )
    if size >= STRIPED_GIB and (iops is None or iops < STRIPED_IOPS):
        raise Refused(
            f"InvalidParameterCombination: IOPS {iops} for storage of {size} GiB: at least {STRIPED_IOPS} are needed."
        )
