"""What one component knows of what another one made: the ids of a network, the names and addresses of an instance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import pulumi

from blueprint.aws.subnets import Tier
from blueprint.instances import Instance
from blueprint.settings import ExistingVpc


@dataclass(frozen=True, kw_only=True)
class NetworkIds:
    """A network, made here or by somebody else. `subnets`: subnet id by tier and zone.

    `prerequisites`: the routes and associations that must stand before something in an application subnet
    has a way out. `default_group_id`: the VPC's default security group, without rules; None in somebody else's VPC.
    """

    vpc_id: pulumi.Input[str]
    subnets: Mapping[Tier, Mapping[str, pulumi.Input[str]]]
    prerequisites: Sequence[pulumi.CustomResource] = ()
    default_group_id: pulumi.Input[str] | None = None

    @classmethod
    def existing(cls, vpc: ExistingVpc) -> Self:
        """Somebody else's network, by the ids of a stack file."""
        subnets = {
            Tier.PUBLIC: vpc.public_subnets,
            Tier.APPLICATION: vpc.application_subnets,
            Tier.DATABASE: vpc.database_subnets,
        }
        return cls(vpc_id=vpc.vpc_id, subnets=subnets)

    def subnet_ids(self, tier: Tier) -> list[pulumi.Input[str]]:
        """Ids of a tier's subnets, in the order of the zones."""
        return list(self.subnets[tier].values())


@dataclass(frozen=True, kw_only=True)
class DatabaseInstance:
    """One instance. `log_group_name` is its PostgreSQL log in CloudWatch. `instance_class` and `allocated_storage_gib`
    are those that run: a change may wait for the maintenance window, and RDS enlarges a volume by itself."""

    plan: Instance
    resource: pulumi.Resource
    instance_class: pulumi.Output[str]
    allocated_storage_gib: pulumi.Output[int]
    identifier: pulumi.Output[str]
    address: pulumi.Output[str]
    arn: pulumi.Output[str]
    resource_id: pulumi.Output[str]
    parameter_group_name: pulumi.Output[str]
    log_group_name: pulumi.Output[str]
