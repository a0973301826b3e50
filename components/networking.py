"""Networking: the VPC and its ways out, or somebody else's by ids, and the security groups."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Any

import pulumi
import pulumi_aws as aws

from blueprint.aws import policies
from blueprint.aws.subnets import SubnetPlan, Tier
from blueprint.platform import Platform
from blueprint.settings import SECRETS_SERVICE, InterfaceEndpoints, Vpc
from components.base import Component, document

ANYWHERE = "0.0.0.0/0"
HTTP, HTTPS, SSH = 80, 443, 22

Rule = pulumi.CustomResource  # one of aws.vpc's two kinds


@dataclass(frozen=True, kw_only=True)
class NetworkingArgs:
    """`logs_key_arn` encrypts flow logs; None for CloudWatch's own encryption."""

    platform: Platform
    account_id: pulumi.Input[str]
    logs_key_arn: pulumi.Input[str] | None


class Networking(Component):
    """VPC, subnets by tier and zone, NAT, endpoints, flow logs, and groups of application, functions and database.

    `functions_group_id` is known once its members can reach the database and Secrets Manager: a function that runs as
    soon as it exists must not be ahead of its rules and routes. `default_group_id` is None in somebody else's VPC.
    """

    vpc_id: pulumi.Output[str]
    public_subnet_ids: Sequence[pulumi.Input[str]]
    application_subnet_ids: Sequence[pulumi.Input[str]]
    database_subnet_ids: Sequence[pulumi.Input[str]]
    application_group_id: pulumi.Output[str]
    database_group_id: pulumi.Output[str]
    functions_group_id: pulumi.Output[str]
    default_group_id: pulumi.Output[str] | None = None

    def __init__(self, name: str, args: NetworkingArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args.platform.settings.environment, opts)
        self._name = name
        self._args = args
        self._settings = args.platform.settings
        self._ways_out: list[pulumi.CustomResource] = []  # what a function's packets pass through, beside the rules
        network = self._settings.network
        if network.vpc is not None:
            assert args.platform.subnets is not None
            self._new_vpc(network.vpc, args.platform.subnets)
        else:
            assert network.existing_vpc is not None
            self.vpc_id = pulumi.Output.from_input(network.existing_vpc.vpc_id)
            self.public_subnet_ids = list(network.existing_vpc.public_subnets.values())
            self.application_subnet_ids = list(network.existing_vpc.application_subnets.values())
            self.database_subnet_ids = list(network.existing_vpc.database_subnets.values())
        self._groups()
        functions = self._group("functions", "LangPont functions")
        endpoints = network.vpc.interface_endpoints if network.vpc is not None else None
        if endpoints is not None:
            self._interface_endpoints(endpoints, functions.id)
        self._allow_functions(functions, by_endpoint=endpoints is not None and SECRETS_SERVICE in endpoints.services)
        self.register_outputs(
            {
                "vpcId": self.vpc_id,
                "applicationSecurityGroupId": self.application_group_id,
                "databaseSecurityGroupId": self.database_group_id,
            }
        )

    def allow_database_from(self, role: str, group_id: pulumi.Input[str]) -> list[Rule]:
        """Open the database's port between the database's group and another one: the rules, one on each side.

        `role` names the other group's members in rules and logical names, as in "application".
        """
        port, database = self._settings.database.port, self.database_group_id
        return [
            self._ingress(f"database-from-{role}", database, port, f"From {role}", group=group_id),
            self._egress(f"{role}-to-database", group_id, port, "To the database", group=database),
        ]

    def _allow_functions(self, functions: aws.ec2.SecurityGroup, *, by_endpoint: bool) -> None:
        """Functions ask Secrets Manager and the database for something, and nobody asks them."""
        rules = self.allow_database_from("functions", functions.id)
        if by_endpoint:
            rules.append(
                self._egress(
                    "functions-to-endpoints", functions.id, HTTPS, "Secrets Manager", group=self._endpoints_group_id
                )
            )
        else:
            rules.append(
                self._egress(
                    "functions-to-https", functions.id, HTTPS, "Secrets Manager, by its address", cidr=ANYWHERE
                )
            )
        waited_for = [each.id for each in (*rules, *self._ways_out)]
        self.functions_group_id = pulumi.Output.all(functions.id, *waited_for).apply(lambda ids: str(ids[0]))

    # The VPC

    def _new_vpc(self, vpc: Vpc, plan: SubnetPlan) -> None:
        own = aws.ec2.Vpc(
            f"{self._name}-vpc",
            cidr_block=str(vpc.cidr),
            enable_dns_support=True,
            # Private names of interface endpoints, and RDS's own, resolve only with both.
            enable_dns_hostnames=True,
            tags=self.child_tags(self._name),
            opts=self.child_options(),
        )
        self.vpc_id = own.id
        # Adopted without rules: whoever starts something without a group gets no network instead of an open one.
        default = aws.ec2.DefaultSecurityGroup(
            f"{self._name}-default-group",
            vpc_id=own.id,
            tags=self.child_tags(f"{self._name}-default-unused"),
            opts=self.child_options(),
        )
        self.default_group_id = default.id
        self._flow_logs(vpc)
        self._public = self._subnets(Tier.PUBLIC, plan)
        self._application = self._subnets(Tier.APPLICATION, plan)
        database = self._subnets(Tier.DATABASE, plan)
        self.public_subnet_ids = [subnet.id for subnet in self._public.values()]
        self.application_subnet_ids = [subnet.id for subnet in self._application.values()]
        self.database_subnet_ids = [subnet.id for subnet in database.values()]

        gateway = aws.ec2.InternetGateway(
            f"{self._name}-internet-gateway",
            vpc_id=own.id,
            tags=self.child_tags(self._name),
            opts=self.child_options(),
        )
        public = self._route_table("public", self._public)
        public_route = aws.ec2.Route(
            f"{self._name}-public-default-route",
            route_table_id=public.id,
            destination_cidr_block=ANYWHERE,
            gateway_id=gateway.id,
            opts=self.child_options(),
        )
        self._ways_out.append(public_route)  # a NAT gateway's own
        isolated = self._route_table("database", database)  # no route but the VPC's own
        application = [
            self._route_table(f"application-{zone}", {zone: subnet}) for zone, subnet in self._application.items()
        ]
        self._nat_gateways(vpc, gateway, dict(zip(self._application, application, strict=True)))
        aws.ec2.VpcEndpoint(
            f"{self._name}-s3-endpoint",
            vpc_id=own.id,
            vpc_endpoint_type="Gateway",
            service_name=self._service("s3"),
            route_table_ids=[table.id for table in (public, isolated, *application)],
            tags=self.child_tags(f"{self._name}-s3"),
            opts=self.child_options(),
        )

    def _subnets(self, tier: Tier, plan: SubnetPlan) -> dict[str, aws.ec2.Subnet]:
        networks: Mapping[str, IPv4Network] = plan.tiers[tier]
        return {
            zone: aws.ec2.Subnet(
                f"{self._name}-{tier}-{zone}",
                vpc_id=self.vpc_id,
                availability_zone=zone,
                cidr_block=str(network),
                # Public addresses are asked for by those who need one, such as a load balancer.
                map_public_ip_on_launch=False,
                tags=self.child_tags(f"{self._name}-{tier}-{zone}"),
                opts=self.child_options(),
            )
            for zone, network in networks.items()
        }

    def _route_table(self, role: str, subnets: Mapping[str, aws.ec2.Subnet]) -> aws.ec2.RouteTable:
        table = aws.ec2.RouteTable(
            f"{self._name}-{role}-routes",
            vpc_id=self.vpc_id,
            tags=self.child_tags(f"{self._name}-{role}"),
            opts=self.child_options(),
        )
        for zone, subnet in subnets.items():
            tier = role.split("-")[0]
            association = aws.ec2.RouteTableAssociation(
                f"{self._name}-{tier}-{zone}-routes",
                route_table_id=table.id,
                subnet_id=subnet.id,
                opts=self.child_options(),
            )
            if tier != Tier.DATABASE:
                self._ways_out.append(association)
        return table

    def _nat_gateways(
        self, vpc: Vpc, gateway: aws.ec2.InternetGateway, tables: Mapping[str, aws.ec2.RouteTable]
    ) -> None:
        zones = {"none": (), "single": vpc.zones[:1], "perZone": vpc.zones}[vpc.nat_gateways]
        nats = {}
        for zone in zones:
            label = f"{self._name}-nat-{zone}"
            address = aws.ec2.Eip(
                f"{label}-address", domain="vpc", tags=self.child_tags(label), opts=self.child_options()
            )
            nats[zone] = aws.ec2.NatGateway(
                label,
                allocation_id=address.allocation_id,
                subnet_id=self._public[zone].id,
                tags=self.child_tags(label),
                # AWS refuses a public NAT gateway in a VPC whose internet gateway is not attached yet.
                opts=self.child_options(depends_on=[gateway]),
            )
        for zone, table in tables.items():
            if not nats:
                break
            self._ways_out.append(
                aws.ec2.Route(
                    f"{self._name}-application-{zone}-default-route",
                    route_table_id=table.id,
                    destination_cidr_block=ANYWHERE,
                    nat_gateway_id=(nats.get(zone) or nats[vpc.zones[0]]).id,
                    opts=self.child_options(),
                )
            )

    def _flow_logs(self, vpc: Vpc) -> None:
        label = f"{self._name}-flow-logs"
        log_group = aws.cloudwatch.LogGroup(
            label,
            name=f"/aws/vpc/{self._name}",
            retention_in_days=vpc.flow_log_retention_days,
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
            vpc_id=self.vpc_id,
            traffic_type="ALL",
            log_destination_type="cloud-watch-logs",
            log_destination=log_group.arn,
            iam_role_arn=role.arn,
            tags=self.child_tags(label),
            # The role's id does not say that it may already write.
            opts=self.child_options(depends_on=[permission]),
        )

    def _interface_endpoints(self, endpoints: InterfaceEndpoints, functions_group_id: pulumi.Input[str]) -> None:
        group = self._group("endpoints", "Interface endpoints")
        self._endpoints_group_id = group.id
        for role, member in (("application", self.application_group_id), ("functions", functions_group_id)):
            rule = self._ingress(f"endpoints-from-{role}", group.id, HTTPS, f"From {role}", group=member)
            self._ways_out.append(rule)
        for service in endpoints.services:
            endpoint = aws.ec2.VpcEndpoint(
                f"{self._name}-{service}-endpoint",
                vpc_id=self.vpc_id,
                vpc_endpoint_type="Interface",
                service_name=self._service(service),
                private_dns_enabled=True,
                subnet_ids=[self._application[zone].id for zone in endpoints.zones],
                security_group_ids=[group.id],
                tags=self.child_tags(f"{self._name}-{service}"),
                opts=self.child_options(),
            )
            self._ways_out.append(endpoint)

    def _service(self, service: str) -> str:
        return f"com.amazonaws.{self._settings.region}.{service}"

    # The security groups. Rules are resources of their own: the groups refer to each other (E8).

    def _groups(self) -> None:
        settings = self._settings
        port = settings.database.port
        self.database_group_id = self._group("database", "LangPont database instances").id
        self.application_group_id = self._group("application", "LangPont application hosts").id
        self.allow_database_from("application", self.application_group_id)
        for network in settings.access.database_networks:
            self._ingress(
                f"database-from-{_label(network)}", self.database_group_id, port, "Administrators", cidr=str(network)
            )
        # Asked for by the document; RDS replication itself does not pass through the group (E30).
        self._ingress("database-from-database", self.database_group_id, port, "Itself", group=self.database_group_id)
        self._egress("database-to-database", self.database_group_id, port, "Itself", group=self.database_group_id)

        application = self.application_group_id
        self._ingress("application-http", application, HTTP, "HTTP from anywhere", cidr=ANYWHERE)
        self._ingress("application-https", application, HTTPS, "HTTPS from anywhere", cidr=ANYWHERE)
        for network in settings.access.ssh_networks:
            self._ingress(
                f"application-ssh-{_label(network)}", application, SSH, "SSH of administrators", cidr=str(network)
            )
        self._egress("application-to-https", application, HTTPS, "External APIs and AWS", cidr=ANYWHERE)

    def _group(self, role: str, description: str) -> aws.ec2.SecurityGroup:
        # Without inline rules the provider removes AWS's default way out, and the rules below are all there is.
        return aws.ec2.SecurityGroup(
            f"{self._name}-{role}",
            vpc_id=self.vpc_id,
            description=description,
            tags=self.child_tags(f"{self._name}-{role}"),
            opts=self.child_options(),
        )

    def _ingress(self, role: str, group_id: pulumi.Input[str], port: int, description: str, **peer: Any) -> Rule:
        return self._rule(aws.vpc.SecurityGroupIngressRule, role, group_id, port, description, **peer)

    def _egress(self, role: str, group_id: pulumi.Input[str], port: int, description: str, **peer: Any) -> Rule:
        return self._rule(aws.vpc.SecurityGroupEgressRule, role, group_id, port, description, **peer)

    def _rule(
        self,
        direction: Callable[..., Rule],
        role: str,
        group_id: pulumi.Input[str],
        port: int,
        description: str,
        *,
        group: pulumi.Input[str] | None = None,
        cidr: str | None = None,
    ) -> Rule:
        """One TCP port between the group and one peer, which is another `group` or a network."""
        return direction(
            f"{self._name}-{role}",
            security_group_id=group_id,
            ip_protocol="tcp",
            from_port=port,
            to_port=port,
            referenced_security_group_id=group,
            cidr_ipv4=cidr,
            description=description,
            tags=self.child_tags(f"{self._name}-{role}"),
            opts=self.child_options(),
        )


def _label(network: IPv4Network) -> str:
    """10.0.0.0/8 as part of a logical name."""
    return str(network).replace("/", "-")
