"""Sections of the stack file about the network, and who gets in."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from blueprint.settings.section import Section
from blueprint.values import DatabaseNetwork, Distinct, GroupId, LogRetention, SshNetwork, SubnetId, VpcId, VpcNetwork

SECRETS_SERVICE: Literal["secretsmanager"] = "secretsmanager"
METRICS_SERVICE: Literal["monitoring"] = "monitoring"


class InterfaceEndpoints(Section):
    """PrivateLink endpoints, for networks without a way out. Each costs by zone and hour."""

    services: Annotated[
        tuple[Literal["secretsmanager", "ssm", "ssmmessages", "ec2messages", "logs", "monitoring"], ...],
        Field(
            min_length=1,
            description="AWS services by the end of their endpoint's name. Without NAT, functions need secretsmanager.",
        ),
        Distinct,
    ]
    zones: Annotated[tuple[str, ...], Distinct] = Field(
        min_length=1, description="Zones whose application subnets get an endpoint's interface."
    )


class Vpc(Section):
    """A network of our own."""

    cidr: VpcNetwork = Field(description="Private network of the VPC, /16 to /23.")
    zones: tuple[str, ...] = Field(
        description="Availability Zones by name, at least two; each has a subnet of each tier."
    )
    nat_gateways: Literal["none", "single", "perZone"] = Field(
        "perZone",
        description="NAT gateways: the way to the internet of application hosts and functions. A single one is in the "
        "first zone by name.",
    )
    interface_endpoints: InterfaceEndpoints | None = Field(
        None, description="Ways to AWS services inside the VPC; left out: none but S3's gateway, which is free."
    )
    flow_log_retention_days: LogRetention = Field(90, description="Days that VPC flow logs are kept.")


class ExistingVpc(Section):
    """Somebody else's network, by ids. Its routes, endpoints, flow logs and default group are left alone."""

    vpc_id: VpcId = Field(description="Id of the VPC.")
    application_subnets: dict[str, SubnetId] = Field(description="Subnet id by zone, for application hosts.")
    database_subnets: dict[str, SubnetId] = Field(description="Subnet id by zone, isolated, for the database.")
    public_subnets: dict[str, SubnetId] = Field(
        {}, description="Subnet id by zone, for load balancers; handed on as an output, nothing is put there."
    )


class Network(Section):
    """Either `vpc` or `existingVpc`."""

    vpc: Vpc | None = Field(None, description="A network of our own, made with the stack.")
    existing_vpc: ExistingVpc | None = Field(None, description="Somebody else's network, named by ids.")


class Access(Section):
    """Who else gets in. Empty: nobody but the application, and SSM port forwarding through its hosts."""

    ssh_networks: Annotated[tuple[SshNetwork, ...], Distinct] = Field(
        (), description="Networks that may reach port 22 of application hosts."
    )
    database_networks: Annotated[tuple[DatabaseNetwork, ...], Distinct] = Field(
        (), description="Private networks that may reach the database's port."
    )
    database_security_groups: Annotated[tuple[GroupId, ...], Distinct] = Field(
        (),
        description="Security groups of others, in this VPC or a peered one, that may reach the database's port.",
    )
