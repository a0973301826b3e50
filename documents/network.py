"""Tables and a diagram of the network: subnets, routes, security group rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from blueprint.aws.subnets import Tier
from documents.markdown import code, table
from documents.mermaid import Flow
from documents.stacks import Stack
from recording.recording import Registration

ANYWHERE = "0.0.0.0/0"
_INTERFACE = "Interface"


def subnets_table(stack: Stack) -> str:
    """Subnets: CIDR by zone and tier."""
    plan = stack.platform.subnets
    assert plan is not None, "a network of our own"
    zones = stack.platform.settings.zones
    rows = [(code(zone), *(code(plan.tiers[tier][zone]) for tier in Tier)) for zone in zones]
    return table(("zone", *(tier.value for tier in Tier)), rows)


def routes_table(stack: Stack) -> str:
    """Route tables with their subnets and routes out of the VPC, beside the local one."""
    rows = []
    for route_table in stack.recording.of_type("aws:ec2/routeTable:RouteTable"):
        members = [
            stack.short(stack.of_id(each.inputs["subnetId"]).name).removeprefix("network-")
            for each in stack.recording.of_type("aws:ec2/routeTableAssociation:RouteTableAssociation")
            if stack.of_id(each.inputs["routeTableId"]) is route_table
        ]
        name = stack.short(route_table.name).removeprefix("network-")
        rows.append((code(name), ", ".join(members), ", ".join(_route_targets(stack, route_table)) or "none"))
    return table(("route table", "subnets", "ways out of the VPC"), rows)


def _route_targets(stack: Stack, route_table: Registration) -> Iterator[str]:
    for route in stack.recording.of_type("aws:ec2/route:Route"):
        if stack.of_id(route.inputs["routeTableId"]) is route_table:
            target = stack.of_id(route.inputs.get("natGatewayId") or route.inputs["gatewayId"])
            yield f"{code(route.inputs['destinationCidrBlock'])} by {code(_network_name(stack, target))}"
    for endpoint in stack.recording.of_type("aws:ec2/vpcEndpoint:VpcEndpoint"):
        if any(stack.of_id(id_) is route_table for id_ in endpoint.inputs.get("routeTableIds") or ()):
            service = endpoint.inputs["serviceName"].rpartition(".")[2].upper()
            yield f"{service} by {code(_network_name(stack, endpoint))}"


def rules_table(stack: Stack) -> str:
    """Security group rules, all of them; what is not listed is closed."""
    rows = [
        (code(_network_name(stack, stack.of_id(rule.inputs["securityGroupId"]))), direction, _ports(rule),
         _peer(stack, rule), rule.inputs["description"])
        for direction, rule in _rules(stack)
    ]  # fmt: skip
    return table(("security group", "direction", "TCP port", "peer", "for"), sorted(rows))


def _rules(stack: Stack) -> Iterator[tuple[str, Registration]]:
    for direction, kind in (("in", "Ingress"), ("out", "Egress")):
        for rule in stack.recording.of_type(f"aws:vpc/securityGroup{kind}Rule:SecurityGroup{kind}Rule"):
            yield direction, rule


def _ports(rule: Registration) -> str:
    first, last = rule.inputs["fromPort"], rule.inputs["toPort"]
    return str(first) if first == last else f"{first}-{last}"


def _peer(stack: Stack, rule: Registration) -> str:
    group = rule.inputs.get("referencedSecurityGroupId")
    if group is None:
        return code(rule.inputs["cidrIpv4"])
    return f"group {code(_network_name(stack, stack.of_id(group)))}"


def _network_name(stack: Stack, registration: Registration) -> str:
    """The logical name without its component's, which is Networking or SecurityGroups."""
    return stack.short(registration.name).removeprefix("network-").removeprefix("security-groups-")


def diagram(stack: Stack) -> str:
    """The network diagram: zones and tiers, what stands in them, and who reaches whom on which port."""
    flow, plan, settings = Flow("TB"), stack.platform.subnets, stack.platform.settings
    assert plan is not None, "a network of our own"
    nats = _by_zone(stack, "aws:ec2/natGateway:NatGateway", "subnetId")
    flow.node("internet", "internet")
    with flow.group("vpc", f"VPC {settings.network.vpc.cidr}" if settings.network.vpc else "VPC"):
        flow.node("gateway", "internet gateway")
        for zone in settings.zones:
            with flow.group(zone, zone):
                flow.node(f"public {zone}", f"public {plan.tiers[Tier.PUBLIC][zone]}", *nats.get(zone, ()))
                flow.node(
                    f"application {zone}", f"application {plan.tiers[Tier.APPLICATION][zone]}",
                    "hosts with PgBouncer, functions",
                )  # fmt: skip
                subnet = f"database {plan.tiers[Tier.DATABASE][zone]}"
                flow.node(f"database {zone}", subnet, *_replicas(stack, zone), store=True)
        primary = stack.platform.primary
        where = "in two of the zones, RDS chooses" if settings.database.multi_az else "in one zone, RDS chooses"
        what = "primary and standby" if settings.database.multi_az else "primary"
        flow.node("primary", f"{what}, {primary.instance_class.name}", where, store=True)
    flow.edge("gateway", "internet")
    for zone in settings.zones:
        flow.edge(f"application {zone}", f"database {zone}", str(settings.database.port))
        flow.edge("primary", f"database {zone}", dotted=True)
        if zone in nats:
            flow.edge(f"public {zone}", "gateway")
    for route in stack.recording.of_type("aws:ec2/route:Route"):
        if "natGatewayId" in route.inputs:
            nat = stack.of_id(route.inputs["natGatewayId"])
            for zone in _zones_of(stack, route.inputs["routeTableId"]):
                flow.edge(f"application {zone}", f"public {_zone(stack, nat.inputs['subnetId'])}", "443")
    return flow.text()


def _replicas(stack: Stack, zone: str) -> list[str]:
    return [f"{each.role}, {each.instance_class.name}" for each in stack.platform.replicas if each.zone == zone]


def _zone(stack: Stack, subnet_id: str) -> str:
    return str(stack.of_id(subnet_id).inputs["availabilityZone"])


def _zones_of(stack: Stack, route_table_id: str) -> list[str]:
    return [
        _zone(stack, each.inputs["subnetId"])
        for each in stack.recording.of_type("aws:ec2/routeTableAssociation:RouteTableAssociation")
        if each.inputs["routeTableId"] == route_table_id
    ]


def _by_zone(stack: Stack, type_: str, subnet: str) -> Mapping[str, tuple[str, ...]]:
    """A label for each resource of a type, by its availability zone."""
    word = "NAT gateway" if type_.endswith("NatGateway") else type_
    return {_zone(stack, each.inputs[subnet]): (word,) for each in stack.recording.of_type(type_)}
