"""The roles function runs during the deployment that makes it: everything it needs must be there before it runs."""

from __future__ import annotations

from typing import Any

import pytest

from recording.recording import Recording, Registration
from tests.components.test_networking import EXISTING
from tests.contracts.test_dependencies import closure
from tests.recordings import ROLES, STACKS, name_of, record_with

INVOCATION = "aws:lambda/invocation:Invocation"
FUNCTION = "aws:lambda/function:Function"


def before(recorded: Recording, type_: str, name: str) -> set[str]:
    """Type and logical name, without the stack's prefix, of all that is made before a resource begins."""
    prefix = f"langpont-{recorded.stack}-"
    reached = closure(recorded, recorded.one(type_, f"{prefix}{name}").dependencies)
    return {f"{urn.split('::')[2].split(':')[-1]} {name_of(urn).removeprefix(prefix)}" for urn in reached}


def associations(tier: str, zones: str) -> set[str]:
    return {f"RouteTableAssociation network-{tier}-ap-northeast-1{zone}-routes" for zone in zones}


def nat(gateways: str, zones: str) -> set[str]:
    """Through its own subnet's table, a NAT gateway, and the public table to the internet."""
    return {
        *(f"Route network-application-ap-northeast-1{zone}-default-route" for zone in zones),
        *associations("application", zones),
        *(f"NatGateway network-nat-ap-northeast-1{zone}" for zone in gateways),
        "Route network-public-default-route",
        *associations("public", zones),
        "InternetGateway network-internet-gateway",
        "SecurityGroupEgressRule security-groups-functions-to-https",
    }


# To the database, whatever the network.
TO_THE_DATABASE = {
    "SecurityGroupEgressRule security-groups-functions-to-database",
    "SecurityGroupIngressRule security-groups-database-from-functions",
    "Instance db-primary",
}
CONTENTS = {f"SecretVersion secret-values-{role}" for role in ROLES}
ENDPOINT = {
    "VpcEndpoint security-groups-secretsmanager-endpoint",
    "SecurityGroupIngressRule security-groups-endpoints-from-functions",
    "SecurityGroupEgressRule security-groups-functions-to-endpoints",
    *associations("application", "ac"),
}
# What leads to Secrets Manager, by stack and changes of its file.
WAYS: dict[str, tuple[str, dict[str, Any], set[str]]] = {
    "prod": ("prod", {}, nat("acd", "acd")),
    "staging": ("staging", {}, nat("a", "acd")),
    "dev": ("dev", {}, ENDPOINT),
    "existing": ("prod", EXISTING, {"SecurityGroupEgressRule security-groups-functions-to-https"}),
}


@pytest.mark.parametrize("preview", [False, True])
@pytest.mark.parametrize("case", WAYS)
def test_roles_are_made_when_their_function_can_do_all_that_it_must(case: str, preview: bool) -> None:
    """Rules of both sides, the way out, the role's permissions, the log, what the secrets hold, and the database."""
    stack, changes, way_out = WAYS[case]
    own = {
        "Function functions-roles",
        "RolePolicy functions-roles-policy",
        "LogGroup functions-roles-log",
        "Queue functions-failures",
    }
    needed = TO_THE_DATABASE | CONTENTS | way_out | own
    ready = before(record_with(stack, changes, preview=preview), INVOCATION, "functions-make-roles")
    assert sorted(needed - ready) == []


@pytest.mark.parametrize("preview", [False, True])
@pytest.mark.parametrize("stack", STACKS)
def test_hosts_get_a_user_list_when_the_database_has_its_passwords(stack: str, preview: bool) -> None:
    """Where the roles function fails, PgBouncer goes on logging in with what the database has."""
    recorded = record_with(stack, {}, preview=preview)
    version = "aws:secretsmanager/secretVersion:SecretVersion"
    assert "Invocation functions-make-roles" in before(recorded, version, "pooler-files")


@pytest.mark.parametrize("case", WAYS)
def test_no_function_is_made_before_its_network_lets_it_out(case: str) -> None:
    """The schedule begins to count when it is made, so the first run of the metrics function may be at once."""
    stack, changes, way_out = WAYS[case]
    recorded = record_with(stack, changes)
    rules = {each for each in TO_THE_DATABASE if each.startswith("SecurityGroup")}
    for role in ("roles", "metrics"):
        made_before = before(recorded, FUNCTION, f"functions-{role}")
        assert sorted((rules | way_out) - made_before) == [], role
        # The other side of it: what is deleted comes after the function, in the reverse order.
        assert "SecurityGroup security-groups-functions" in made_before


def concerns_functions(registration: Registration, prefix: str) -> bool:
    """Whether what leaves a function passes through it: routes, interface endpoints, and rules of these two groups."""
    if registration.type == "aws:ec2/vpcEndpoint:VpcEndpoint":
        return bool(registration.inputs["vpcEndpointType"] == "Interface")
    if registration.type == "aws:ec2/route:Route":
        return True
    sides = ("securityGroupId", "referencedSecurityGroupId")
    groups = {name_of(urn) for side in sides for urn in registration.property_dependencies.get(side, ())}
    return bool(groups & {f"{prefix}security-groups-functions", f"{prefix}security-groups-endpoints"})


@pytest.mark.parametrize("stack", STACKS)
def test_all_that_a_functions_packets_pass_through_is_waited_for(stack: str) -> None:
    """A rule or a route that somebody adds later too."""
    recorded = record_with(stack, {})
    prefix = f"langpont-{stack}-"
    passed = {
        f"{r.type.split(':')[-1]} {r.name.removeprefix(prefix)}"
        for r in recorded.registrations.values()
        if concerns_functions(r, prefix)
    }
    assert sorted(passed - before(recorded, FUNCTION, "functions-roles")) == []
    assert len(passed) == 7
