"""SecurityGroups: groups of application, functions and database, their rules, and interface endpoints (PrivateLink)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from typing import Any

import pulumi
import pulumi_aws as aws

from blueprint.aws.subnets import Tier
from blueprint.names import Naming
from blueprint.settings import SECRETS_SERVICE, Access, InterfaceEndpoints
from components.base import Component
from components.ids import NetworkIds

ANYWHERE = "0.0.0.0/0"
HTTP, HTTPS, SSH = 80, 443, 22

Rule = pulumi.CustomResource  # one of aws.vpc's two kinds


@dataclass(frozen=True, kw_only=True)
class SecurityGroupsArgs:
    """`port` is the database's. `access`: administrators' networks, groups of others. `endpoints`: None where there is
    a way out.

    `protected`: Pulumi refuses to delete or replace the database's group, which the instances cannot leave.
    """

    naming: Naming
    region: str
    network: NetworkIds
    port: int
    access: Access = field(default_factory=Access)
    endpoints: InterfaceEndpoints | None = None
    protected: bool = True


class SecurityGroups(Component):
    """One group each for the database, application hosts and functions. Rules are resources of their own: the groups
    refer to each other (E8).

    `openings`: the rules, and the endpoints through which others reach AWS. `functions_group_id` is known once its
    members can reach the database and Secrets Manager: a function that runs as soon as it exists must not be ahead of
    its rules and routes.
    """

    application_group_id: pulumi.Output[str]
    database_group_id: pulumi.Output[str]
    functions_group_id: pulumi.Output[str]
    database_group: aws.ec2.SecurityGroup
    openings: list[pulumi.Resource]

    def __init__(self, name: str, args: SecurityGroupsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args.naming, opts)
        self._args = args
        self.openings = []
        self.database_group = self._group("database", "database instances", protect=args.protected)
        self.database_group_id = self.database_group.id
        self.application_group_id = self._group("application", "application hosts").id
        functions = self._group("functions", "functions").id
        self._database_rules()
        self._application_rules()
        ways_out = [
            *self.allow_database_from("functions", functions),
            *(self._interface_endpoints(args.endpoints, functions) if args.endpoints else ()),
        ]
        if args.endpoints is None or SECRETS_SERVICE not in args.endpoints.services:
            ways_out.append(
                self._egress("functions-to-https", functions, HTTPS, "Secrets Manager, by its address", cidr=ANYWHERE)
            )
        waited_for = [each.id for each in (*ways_out, *args.network.prerequisites)]
        self.functions_group_id = pulumi.Output.all(functions, *waited_for).apply(lambda ids: str(ids[0]))
        self.register_outputs(
            {
                "applicationSecurityGroupId": self.application_group_id,
                "databaseSecurityGroupId": self.database_group_id,
            }
        )

    def allow_database_from(self, role: str, group_id: pulumi.Input[str]) -> list[Rule]:
        """Open the database's port between the database's group and another one: the rules, one on each side.

        `role` names the other group's members in rules and logical names, as in "application".
        """
        port, database = self._args.port, self.database_group_id
        return [
            self._ingress(f"database-from-{role}", database, port, f"From {role}", group=group_id),
            self._egress(f"{role}-to-database", group_id, port, "To the database", group=database),
        ]

    def _database_rules(self) -> None:
        port, database = self._args.port, self.database_group_id
        self.allow_database_from("application", self.application_group_id)
        for network in self._args.access.database_networks:
            self._ingress(f"database-from-{_label(network)}", database, port, "Administrators", cidr=str(network))
        for other in self._args.access.database_security_groups:  # whose own way out is its owner's to open
            self._ingress(f"database-from-{other}", database, port, "Another group", group=other)
        # Asked for by the document; RDS replication itself does not pass through the group (E30).
        self._ingress("database-from-database", database, port, "Itself", group=database)
        self._egress("database-to-database", database, port, "Itself", group=database)

    def _application_rules(self) -> None:
        application = self.application_group_id
        self._ingress("application-http", application, HTTP, "HTTP from anywhere", cidr=ANYWHERE)
        self._ingress("application-https", application, HTTPS, "HTTPS from anywhere", cidr=ANYWHERE)
        for network in self._args.access.ssh_networks:
            role = f"application-ssh-{_label(network)}"
            self._ingress(role, application, SSH, "SSH of administrators", cidr=str(network))
        self._egress("application-to-https", application, HTTPS, "External APIs and AWS", cidr=ANYWHERE)

    def _interface_endpoints(
        self, endpoints: InterfaceEndpoints, functions: pulumi.Input[str]
    ) -> Sequence[pulumi.CustomResource]:
        """The endpoints, and the rules between them and their callers."""
        group = self._group("endpoints", "interface endpoints").id
        rules = [
            self._ingress(f"endpoints-from-{role}", group, HTTPS, f"From {role}", group=member)
            for role, member in (("application", self.application_group_id), ("functions", functions))
        ]
        if SECRETS_SERVICE in endpoints.services:
            rules.append(self._egress("functions-to-endpoints", functions, HTTPS, "Secrets Manager", group=group))
        made = [
            aws.ec2.VpcEndpoint(
                f"{self._name}-{service}-endpoint",
                vpc_id=self._args.network.vpc_id,
                vpc_endpoint_type="Interface",
                service_name=f"com.amazonaws.{self._args.region}.{service}",
                private_dns_enabled=True,
                subnet_ids=[self._args.network.subnets[Tier.APPLICATION][zone] for zone in endpoints.zones],
                security_group_ids=[group],
                tags=self.child_tags(f"{self._name}-{service}"),
                opts=self.child_options(),
            )
            for service in endpoints.services
        ]
        self.openings += made
        return [*rules, *made]

    def _group(self, role: str, members: str, *, protect: bool | None = None) -> aws.ec2.SecurityGroup:
        # Without inline rules the provider removes AWS's default way out, and the rules here are all there is.
        return aws.ec2.SecurityGroup(
            f"{self._name}-{role}",
            vpc_id=self._args.network.vpc_id,
            description=self.described(members),
            tags=self.child_tags(f"{self._name}-{role}"),
            opts=self.child_options(protect=protect),
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
        rule = direction(
            f"{self._name}-{role}",
            security_group_id=group_id,
            ip_protocol="tcp",
            from_port=port,
            to_port=port,
            referenced_security_group_id=group,
            cidr_ipv4=cidr,
            description=description,
            tags=self.child_tags(f"{self._name}-{role}"),
            # With another port there are two rules, until whoever listens has moved: the old one goes at the end.
            opts=self.child_options(replace_on_changes=["from_port", "to_port"]),
        )
        self.openings.append(rule)
        return rule


def _label(network: IPv4Network) -> str:
    """10.0.0.0/8 as part of a logical name."""
    return str(network).replace("/", "-")
