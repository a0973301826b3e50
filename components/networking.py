"""Networking: a VPC with its subnets, routes, NAT gateways and flow logs, or somebody else's by ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from blueprint.aws import policies
from blueprint.aws.subnets import ZONE_LETTERS, Tier, plan_subnets
from blueprint.names import Naming
from blueprint.settings import Network, Vpc
from components.base import Component, document
from components.ids import NetworkIds

ANYWHERE = "0.0.0.0/0"

ByZone = Mapping[str, pulumi.CustomResource]
ByTier = Mapping[Tier, ByZone]


@dataclass(frozen=True, kw_only=True)
class NetworkingArgs:
    """`network` names a VPC to make or an existing one. `logs_key_arn` encrypts flow logs; None: CloudWatch's own.

    `protected`: Pulumi refuses to delete or replace the VPC, which a database cannot leave.
    """

    naming: Naming
    region: str
    network: Network
    account_id: pulumi.Input[str]
    logs_key_arn: pulumi.Input[str] | None = None
    protected: bool = True


class Networking(Component):
    """VPC, subnets by tier and zone, routes, NAT gateways, S3 endpoint and flow logs; `ids` is what others use.

    Raises ValueError for a `network` with neither a VPC to make nor an existing one.
    """

    ids: NetworkIds

    def __init__(self, name: str, args: NetworkingArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args.naming, opts)
        self._args = args
        if args.network.vpc is not None:
            self.ids = self._new_vpc(args.network.vpc)
        elif args.network.existing_vpc is not None:
            self.ids = NetworkIds.existing(args.network.existing_vpc)
        else:
            raise ValueError("NetworkingArgs.network has neither vpc nor existingVpc. Write one of them.")
        self.register_outputs({"vpcId": self.ids.vpc_id})

    def _new_vpc(self, vpc: Vpc) -> NetworkIds:
        own = aws.ec2.Vpc(
            f"{self._name}-vpc",
            cidr_block=str(vpc.cidr),
            enable_dns_support=True,
            # Private names of interface endpoints, and RDS's own, resolve only with both.
            enable_dns_hostnames=True,
            tags=self.child_tags(self._name),
            opts=self.child_options(protect=self._args.protected),
        )
        # Adopted without rules: whoever starts something without a group gets no network instead of an open one.
        default = aws.ec2.DefaultSecurityGroup(
            f"{self._name}-default-group",
            vpc_id=own.id,
            tags=self.child_tags(f"{self._name}-default-unused"),
            opts=self.child_options(),
        )
        gateway = aws.ec2.InternetGateway(
            f"{self._name}-internet-gateway",
            vpc_id=own.id,
            tags=self.child_tags(self._name),
            # It can be moved: the provider would take it from the network that is in use.
            opts=self.child_options(replace_with=[own]),
        )
        subnets = self._subnets(own, vpc)
        tables = self._route_tables(own, vpc)
        nats = self._nat_gateways(vpc, subnets[Tier.PUBLIC], gateway)
        associations = self._associations(subnets, tables)
        routes = self._default_routes(tables, gateway, nats)
        self._s3_endpoint(own, tables)
        self._flow_logs(own, vpc.flow_log_retention_days)
        return NetworkIds(
            vpc_id=own.id,
            subnets={tier: {zone: subnet.id for zone, subnet in of.items()} for tier, of in subnets.items()},
            # A NAT gateway's own way out, through the public tier, is part of the application's.
            prerequisites=[
                *routes,
                *(each for tier, of in associations.items() if tier != Tier.DATABASE for each in of.values()),
            ],
            default_group_id=default.id,
        )

    def _subnets(self, own: aws.ec2.Vpc, vpc: Vpc) -> ByTier:
        return {
            tier: {
                zone: aws.ec2.Subnet(
                    f"{self._name}-{tier}-{zone}",
                    vpc_id=own.id,
                    availability_zone=zone,
                    cidr_block=str(cidr),
                    # Public addresses are asked for by those who need one, such as a load balancer.
                    map_public_ip_on_launch=False,
                    tags=self.child_tags(f"{self._name}-{tier}-{zone}"),
                    opts=self.child_options(),
                )
                for zone, cidr in by_zone.items()
            }
            for tier, by_zone in plan_subnets(vpc.cidr, vpc.zones).tiers.items()
        }

    def _route_tables(self, own: aws.ec2.Vpc, vpc: Vpc) -> ByTier:
        """The table of each subnet: one for all of public, one for all of database, one a zone for application."""

        def table(role: str) -> aws.ec2.RouteTable:
            return aws.ec2.RouteTable(
                f"{self._name}-{role}-routes",
                vpc_id=own.id,
                tags=self.child_tags(f"{self._name}-{role}"),
                opts=self.child_options(),
            )

        return {
            Tier.PUBLIC: dict.fromkeys(vpc.zones, table("public")),
            Tier.DATABASE: dict.fromkeys(vpc.zones, table("database")),  # no route but the VPC's own
            Tier.APPLICATION: {zone: table(f"application-{zone}") for zone in vpc.zones},
        }

    def _associations(self, subnets: ByTier, tables: ByTier) -> ByTier:
        return {
            tier: {
                zone: aws.ec2.RouteTableAssociation(
                    f"{self._name}-{tier}-{zone}-routes",
                    route_table_id=tables[tier][zone].id,
                    subnet_id=subnet.id,
                    opts=self.child_options(),
                )
                for zone, subnet in of.items()
            }
            for tier, of in subnets.items()
        }

    def _nat_gateways(self, vpc: Vpc, public: ByZone, gateway: aws.ec2.InternetGateway) -> ByZone:
        """The NAT gateway that serves each zone; none where nothing may go out.

        A single one is in the first zone by name, whatever order they are written in. When that becomes another zone,
        its address goes with it: others allow it.
        """
        single = vpc.nat_gateways == "single"
        zones = {"none": (), "single": (min(vpc.zones),), "perZone": vpc.zones}[vpc.nat_gateways]
        before = [f"{self._args.region}{letter}" for letter in ZONE_LETTERS] if single else []
        nats = {zone: self._nat_gateway(zone, public[zone], gateway, before) for zone in zones}
        return {zone: nats.get(zone) or nats[zones[0]] for zone in vpc.zones} if nats else {}

    def _nat_gateway(
        self, zone: str, subnet: pulumi.CustomResource, gateway: aws.ec2.InternetGateway, before: Sequence[str]
    ) -> aws.ec2.NatGateway:
        """One with its address. `before`: zones where it may have been until now."""

        def former(role: str) -> list[pulumi.Alias]:
            return [pulumi.Alias(name=f"{self._name}-nat-{it}{role}") for it in before if it != zone]

        label = f"{self._name}-nat-{zone}"
        address = aws.ec2.Eip(
            f"{label}-address",
            domain="vpc",
            tags=self.child_tags(label),
            opts=self.child_options(aliases=former("-address")),
        )
        return aws.ec2.NatGateway(
            label,
            allocation_id=address.allocation_id,
            subnet_id=subnet.id,
            tags=self.child_tags(label),
            # AWS refuses a public NAT gateway in a VPC whose internet gateway is not attached yet, and an address that
            # another one has.
            opts=self.child_options(depends_on=[gateway], delete_before_replace=True, aliases=former("")),
        )

    def _default_routes(self, tables: ByTier, gateway: aws.ec2.InternetGateway, nats: ByZone) -> list[aws.ec2.Route]:
        public, application = next(iter(tables[Tier.PUBLIC].values())), tables[Tier.APPLICATION]
        return [
            self._default_route("public", public, gateway_id=gateway.id),
            *(
                self._default_route(f"application-{zone}", application[zone], nat_gateway_id=nat.id)
                for zone, nat in nats.items()
            ),
        ]

    def _default_route(self, role: str, table: pulumi.CustomResource, **target: pulumi.Input[str]) -> aws.ec2.Route:
        return aws.ec2.Route(
            f"{self._name}-{role}-default-route",
            route_table_id=table.id,
            destination_cidr_block=ANYWHERE,
            **target,
            opts=self.child_options(),
        )

    def _s3_endpoint(self, own: aws.ec2.Vpc, tables: ByTier) -> None:
        every = [table for of in tables.values() for table in of.values()]
        aws.ec2.VpcEndpoint(
            f"{self._name}-s3-endpoint",
            vpc_id=own.id,
            vpc_endpoint_type="Gateway",
            service_name=f"com.amazonaws.{self._args.region}.s3",
            route_table_ids=[table.id for table in dict.fromkeys(every)],
            tags=self.child_tags(f"{self._name}-s3"),
            opts=self.child_options(protect=self._args.protected),
        )

    def _flow_logs(self, own: aws.ec2.Vpc, retention_days: int) -> None:
        label = f"{self._name}-flow-logs"
        log_group = aws.cloudwatch.LogGroup(
            label,
            name=self._naming.flow_log_group,
            retention_in_days=retention_days,
            kms_key_id=self._args.logs_key_arn,
            tags=self.child_tags(label),
            opts=self.child_options(),
        )
        role = aws.iam.Role(
            f"{label}-role",
            assume_role_policy=document(
                lambda account: policies.trust("vpc-flow-logs.amazonaws.com", account), self._args.account_id
            ),
            tags=self.child_tags(f"{label}-role"),
            opts=self.child_options(),
        )
        permission = aws.iam.RolePolicy(
            f"{label}-write",
            role=role.name,
            policy=document(policies.write_log_group, log_group.arn),
            opts=self.child_options(),
        )
        aws.ec2.FlowLog(
            label,
            vpc_id=own.id,
            traffic_type="ALL",
            log_destination_type="cloud-watch-logs",
            log_destination=log_group.arn,
            iam_role_arn=role.arn,
            tags=self.child_tags(label),
            # The role's id does not say that it may already write. AWS refuses a second one to the same log group.
            opts=self.child_options(depends_on=[permission], delete_before_replace=True),
        )
