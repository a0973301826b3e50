"""Checks of what the control plane says of the instances: zones, which this machine's servers do not have."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from botocore.exceptions import BotoCoreError, ClientError

from local.aws.clients import Clients
from local.servers.errors import DataPlaneError
from local.servers.plane import DataPlane
from local.verify.check import Check, proven, require


def checks(clients: Clients, data: DataPlane) -> Iterator[Check]:
    """One check for all replicas; none without any."""
    if data.plan.replicas:
        yield proven("each replica is in another zone than the primary", partial(_zones, clients, data))


def _zones(clients: Clients, data: DataPlane) -> str:
    try:
        found = clients.get("rds").describe_db_instances()["DBInstances"]
    except (BotoCoreError, ClientError) as error:
        raise DataPlaneError(f"the instances cannot be described: {error}") from None
    known = {each["DBInstanceIdentifier"]: each["AvailabilityZone"] for each in found}
    zones = {each.role: known[each.identifier] for each in data.plan.instances}
    primary = zones[data.plan.primary.role]
    beside = [each.role for each in data.plan.replicas if zones[each.role] == primary]
    require(not beside, f"{', '.join(beside)} in {primary}, as the primary")
    return ", ".join(f"{role} in {zone}" for role, zone in zones.items())
