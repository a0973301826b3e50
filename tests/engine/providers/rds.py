"""DB instances: what RDS refuses of a creation and a change, what it fills in, and what waits for the window.

Not judged here: versions, parameters that wait for a reboot, and the time between two changes of a volume. What a
snapshot holds is known if a test has put it there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from tests.engine.providers.cloud import Cloud, Resource

INSTANCE = "aws:rds/instance:Instance"
SUBNET_GROUP = "aws:rds/subnetGroup:SubnetGroup"
SNAPSHOT = "aws:rds/snapshot:Snapshot"
PARAMETER_GROUP = "aws:rds/parameterGroup:ParameterGroup"
# gp3 for PostgreSQL (RDS user guide, "gp3 storage"): from 400 GiB on the volume is striped over four.
STRIPED_GIB = 400
BASE = {"iops": 3000, "storageThroughput": 125}
STRIPED = {"iops": 12000, "storageThroughput": 500}
MOST = {"iops": 64000, "storageThroughput": 4000}
# RDS user guide, "Settings for DB instances": what waits for the maintenance window without ApplyImmediately.
WAITING = frozenset(
    {
        "instanceClass", "allocatedStorage", "engineVersion", "multiAz", "storageType", "iops", "storageThroughput",
        "caCertIdentifier", "iamDatabaseAuthenticationEnabled",
    }
)  # fmt: skip
PENDING = "pendingModifiedValues"
# What a replica, or an instance restored to a point in time, has of its source unless it is told otherwise.
INHERITED = (
    "allocatedStorage", "iops", "storageThroughput", "port", "engine", "engineVersion", "username", "dbName",
    "kmsKeyId",
)  # fmt: skip
# What the backup alone decides, whatever is asked for with it.
BACKUPS = ("username", "dbName", "storageEncrypted", "kmsKeyId", "engineVersion")
FIXED = ("engine", "username", "dbName", "storageEncrypted", "kmsKeyId")


class Refused(Exception):
    """The cloud's answer to a call that it does not take, as AWS words it."""


def snapshot_of(there: Iterable[Resource], given: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the snapshot holds that an instance is made from; nothing if none is, or nobody knows it."""
    name = given.get("snapshotIdentifier")
    found = (it.properties for it in there if it.type == SNAPSHOT and it.properties["dbSnapshotIdentifier"] == name)
    return next(found, {})


def computed(made: Resource, there: Sequence[Resource], subnets: Mapping[str, str], groups: Any) -> dict[str, Any]:
    """What RDS fills in at creation. `subnets`: zone by id; `groups`: subnet groups by name."""
    given, instances = made.properties, [it for it in there if it.type == INSTANCE]
    backup = snapshot_of(there, given)
    source = next((it for it in instances if it.properties.get("identifier") == source_of(given)), None)
    filled = {key: source.properties[key] for key in INHERITED if key in source.properties} if source else {}
    if given.get("storageType") == "gp3" and (size := given.get("allocatedStorage", filled.get("allocatedStorage"))):
        # Below the threshold nothing else is possible, and above it the source's is kept only if it is enough.
        least = STRIPED if size >= STRIPED_GIB else BASE
        filled |= {key: max(filled.get(key, 0), value) for key, value in least.items()}
    zones = sorted(subnets.get(id_, "") for id_ in (groups.get(given.get("dbSubnetGroupName")) or []))
    if zones:
        filled["availabilityZone"] = zones[0]  # RDS chooses; the first here
        if given.get("multiAz"):
            filled["secondaryAvailabilityZone"] = zones[1]
    # The host name's middle is the account's in the region: an instance of the same name has the same address again.
    account = hashlib.sha256(made.region.encode()).hexdigest()[:11]
    filled["address"] = f"{given['identifier']}.c{account}.{made.region}.rds.amazonaws.com"
    own = {key: value for key, value in filled.items() if key == "address" or not given.get(key)}
    return own | {key: backup[key] for key in BACKUPS if key in backup}


def source_of(given: Mapping[str, Any]) -> str | None:
    """The identifier of the instance that this one is made from, if one is."""
    restored = given.get("restoreToPointInTime") or {}
    found: str | None = given.get("replicateSourceDb") or restored.get("sourceDbInstanceIdentifier")
    return found


def refuse_create(cloud: Cloud, made: Resource) -> None:
    """CreateDBInstance and its siblings, by what they are given. Raises `Refused`."""
    given = made.properties
    name = source_of(given)
    source = next((it for it in cloud.all(INSTANCE) if it.properties.get("identifier") == name), None)
    if name is not None and source is None:
        raise Refused(f"DBInstanceNotFound: {name} does not exist")
    _backup(cloud, given)
    size = given.get("allocatedStorage") or (source.properties.get("allocatedStorage") if source else None)
    performance = {key: given[key] for key in BASE if key in given}
    if size and given.get("storageType") == "gp3":
        _performance(size, performance)
    if "snapshotIdentifier" in given and performance and "allocatedStorage" not in given:
        # The provider asks for these in a modify after the restore, which then has no size.
        raise Refused("InvalidParameterCombination: You must specify both the storage size and iops to modify them")
    _monitoring(given)
    _one_network(cloud, given)


def modified(
    cloud: Cloud, found: Resource, asked: Mapping[str, Any], changed: Sequence[str], state: Mapping[str, Any]
) -> Resource:
    """The instance after ModifyDBInstance as the provider sends it. Raises `Refused`.

    `asked`: all inputs; `changed`: those that differ from `state`, which is what the provider goes by.
    """
    sent: dict[str, Any] = {key: asked.get(key) for key in changed}
    # What the provider sends with it (terraform-provider-aws #28382): the IOPS of the state, stale where the size is
    # new, and the size of the state where none is asked for.
    if {"allocatedStorage", "iops"} & sent.keys():
        sent["allocatedStorage"] = asked.get("allocatedStorage", state.get("allocatedStorage"))
        if sent["allocatedStorage"] >= STRIPED_GIB:
            sent["iops"] = asked.get("iops", state.get("iops"))
    elif "storageThroughput" in sent:
        sent |= {"allocatedStorage": state.get("allocatedStorage"), "iops": asked.get("iops", state.get("iops"))}
    for key in FIXED:
        if key in sent:
            raise Refused(f"InvalidParameterCombination: {key} of a DB instance cannot be modified")
    if sent.get("replicateSourceDb"):
        raise Refused("cannot elect new source database for replication")
    has = found.properties
    size = sent.get("allocatedStorage") or has.get("allocatedStorage", 0)
    if size < has.get("allocatedStorage", 0):
        raise Refused(f"InvalidParameterCombination: Invalid storage size for engine name postgres: {size}")
    _version(cloud, found, sent)
    performance = {key: sent[key] for key in BASE if sent.get(key) is not None}
    if size and has.get("storageType") == "gp3":
        _performance(size, performance)
    after = {**has, **sent}
    if {"monitoringInterval", "monitoringRoleArn"} & sent.keys():
        if not after.get("monitoringInterval") and "monitoringRoleArn" not in sent:
            after["monitoringRoleArn"] = None  # RDS lets go of the role
        _monitoring(after)
    if "vpcSecurityGroupIds" in sent or "dbSubnetGroupName" in sent:
        _one_network(cloud, after)
    if "dbSubnetGroupName" in sent:
        _another_vpc(cloud, has, after)
    if size >= STRIPED_GIB > has.get("allocatedStorage", STRIPED_GIB):
        after |= {key: value for key, value in STRIPED.items() if key not in performance}
    return replace(found, properties=_in_its_time(has, after, sent))


def _backup(cloud: Cloud, given: Mapping[str, Any]) -> None:
    """RestoreDBInstanceFromDBSnapshot: the group is of the backup's major, and the volume not smaller."""
    backup = snapshot_of(cloud.all(SNAPSHOT), given)
    if not backup:
        return
    major = str(backup["engineVersion"]).split(".")[0]
    groups = {it.properties["name"]: it.properties["family"] for it in cloud.all(PARAMETER_GROUP)}
    family = groups.get(given.get("parameterGroupName"))
    if family != f"postgres{major}":
        raise Refused(
            f"InvalidParameterCombination: The parameter group {given.get('parameterGroupName')} with "
            f"DBParameterGroupFamily {family} can't be used for this instance. Please use a Parameter Group with "
            f"DBParameterGroupFamily postgres{major}"
        )
    if given.get("allocatedStorage", 0) < backup["allocatedStorage"]:
        raise Refused(
            "InvalidParameterCombination: Invalid storage size for engine name postgres: smaller than the snapshot"
        )


def _version(cloud: Cloud, found: Resource, sent: Mapping[str, Any]) -> None:
    """Another major needs leave, and a group its family; the provider sends the leave with each change."""
    has = found.properties
    old, new = (str(version or "").split(".")[0] for version in (has.get("engineVersion"), sent.get("engineVersion")))
    if new and old and new != old and not sent.get("allowMajorVersionUpgrade", has.get("allowMajorVersionUpgrade")):
        raise Refused(
            "InvalidParameterCombination: The AllowMajorVersionUpgrade flag must be present when upgrading to a new "
            "major version."
        )
    if new and old and int(new) < int(old):
        raise Refused(f"InvalidParameterCombination: Cannot upgrade postgres from {old} to {new}")
    groups = {it.properties["name"]: it.properties["family"] for it in cloud.all(PARAMETER_GROUP)}
    family = groups.get(sent.get("parameterGroupName"))
    if family and (new or old) and family != f"postgres{new or old}":
        raise Refused(
            f"InvalidParameterCombination: The parameter group {sent['parameterGroupName']} with "
            f"DBParameterGroupFamily {family} can't be used for this instance"
        )


def upgraded(cloud: Cloud, before: Resource, after: Resource) -> list[Resource]:
    """The replicas of a primary that got another major: RDS upgrades those in its region with it."""
    version = after.properties.get("engineVersion")
    if version == before.properties.get("engineVersion"):
        return []
    return [
        replace(it, properties={**it.properties, "engineVersion": version})
        for it in cloud.all(INSTANCE)
        if it.properties.get("replicateSourceDb") == after.properties.get("identifier")
    ]


def _in_its_time(has: Mapping[str, Any], after: Mapping[str, Any], sent: Mapping[str, Any]) -> dict[str, Any]:
    waits = dict(has.get(PENDING) or {})
    if after.get("applyImmediately"):
        after = {**after, **{key: value for key, value in waits.items() if key not in sent}, PENDING: None}
    else:
        new = {key: after[key] for key in WAITING if key in sent and has.get(key) != after[key]}
        after = {**after, **{key: has.get(key) for key in new}, PENDING: waits | new}
    return {key: value for key, value in after.items() if value is not None and value != {}}


def open_window(cloud: Cloud) -> list[str]:
    """The maintenance window: what waited happens. Returns it, by logical name."""
    happened = []
    with cloud.locked():
        for it in cloud.all(INSTANCE):
            if waits := it.properties.get(PENDING):
                happened.append(f"{it.logical_name} ({', '.join(sorted(waits))})")
                properties = {key: value for key, value in it.properties.items() if key != PENDING}
                cloud.put(replace(it, properties=properties | waits))
    return happened


def promoted(cloud: Cloud, gone: Resource) -> list[Resource]:
    """The replicas of a primary that is deleted: RDS makes each a primary of its own."""
    replicas = [
        it for it in cloud.all(INSTANCE) if it.properties.get("replicateSourceDb") == gone.properties.get("identifier")
    ]
    return [
        replace(it, properties={key: value for key, value in it.properties.items() if key != "replicateSourceDb"})
        for it in replicas
    ]


def refuse_subnets(cloud: Cloud, before: Resource, after: Resource) -> None:
    """ModifyDBSubnetGroup: within one VPC, and no subnet goes whose zone an instance is in. Raises `Refused`."""
    places = {it.id: it.properties for it in cloud.all("aws:ec2/subnet:Subnet")}
    old, new = ([places.get(id_, {}) for id_ in it.properties["subnetIds"]] for it in (before, after))
    if {it.get("vpcId") for it in old} != {it.get("vpcId") for it in new}:
        raise Refused("InvalidParameterValue: The new Subnets are not in the same Vpc as the existing subnet group")
    gone = {it.get("availabilityZone") for it in old} - {it.get("availabilityZone") for it in new}
    for it in cloud.all(INSTANCE):
        lies = {it.properties.get("availabilityZone"), it.properties.get("secondaryAvailabilityZone")} & gone - {None}
        if lies and subnet_group(cloud, it.properties) == before.properties.get("name"):
            raise Refused(
                f"SubnetAlreadyInUse: Some of the subnets to be deleted are currently in use: {it.logical_name} in "
                f"{', '.join(sorted(str(zone) for zone in lies))}"
            )


def subnet_group(cloud: Cloud, given: Mapping[str, Any]) -> str | None:
    """Its own, or its source's."""
    if "dbSubnetGroupName" in given:
        return str(given["dbSubnetGroupName"])
    source = given.get("replicateSourceDb")
    found = next((it for it in cloud.all(INSTANCE) if source and it.properties.get("identifier") == source), None)
    return subnet_group(cloud, found.properties) if found else None


def _performance(size: int, asked: Mapping[str, Any]) -> None:
    """ "Amazon RDS DB instance storage", gp3: fixed below 400 GiB, within bounds from there on."""
    if size < STRIPED_GIB and asked:
        raise Refused(
            "InvalidParameterCombination: You can't specify IOPS or storage throughput for engine postgres and a "
            "storage size less than 400."
        )
    for key, value in asked.items():
        if not STRIPED[key] <= value <= MOST[key]:
            raise Refused(
                f"InvalidParameterCombination: Invalid {key} value for engine name postgres and storage type gp3: "
                f"{value}"
            )


def _monitoring(given: Mapping[str, Any]) -> None:
    if bool(given.get("monitoringInterval")) != bool(given.get("monitoringRoleArn")):
        raise Refused(
            "InvalidParameterCombination: A MonitoringRoleARN value is required if you specify a MonitoringInterval "
            "value other than 0."
        )


def _another_vpc(cloud: Cloud, has: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """A group in the VPC where the instance is already is no place to move to (InvalidVPCNetworkStateFault)."""
    places = {it.id: it.properties["vpcId"] for it in cloud.all("aws:ec2/subnet:Subnet")}
    groups = {it.properties["name"]: it.properties["subnetIds"] for it in cloud.all(SUBNET_GROUP)}
    old, new = ({places.get(id_) for id_ in groups.get(subnet_group(cloud, it), ())} for it in (has, after))
    if old & new:
        raise Refused(
            "InvalidVPCNetworkStateFault: The specified DB subnet group and DB instance are in the same VPC. Choose a "
            "DB subnet group in different VPC than the specified DB instance and try again."
        )


def _one_network(cloud: Cloud, given: Mapping[str, Any]) -> None:
    wanted = set(given.get("vpcSecurityGroupIds") or [])
    networks = {it.properties["vpcId"] for it in cloud.all("aws:ec2/securityGroup:SecurityGroup") if it.id in wanted}
    group = next((it for it in cloud.all(SUBNET_GROUP) if it.properties["name"] == subnet_group(cloud, given)), None)
    subnets = set(group.properties["subnetIds"]) if group else set()
    networks |= {it.properties["vpcId"] for it in cloud.all("aws:ec2/subnet:Subnet") if it.id in subnets}
    if len(networks) > 1:
        raise Refused(
            "InvalidParameterCombination: The DB instance and EC2 security group are in different VPCs. The DB "
            "instance is in one and the EC2 security group is in another"
        )
