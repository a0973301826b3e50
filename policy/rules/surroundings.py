"""Security Hub's RDS controls on what surrounds an instance: parameter groups, subnets, snapshots, events, backups."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from policy.model import (
    MISSING,
    UNKNOWN,
    Finding,
    Resource,
    ResourceRule,
    Rule,
    Stack,
    StackRule,
    are_objects,
    excepted,
    expect,
    expect_reference,
    is_list,
    of,
    show,
    words,
)
from policy.rules import types
from policy.rules.instances import is_replica

# What RDS.20 and RDS.21 ask a subscription to report.
INSTANCE_EVENTS: Final = frozenset({"maintenance", "configuration change", "failure"})
PARAMETER_GROUP_EVENTS: Final = frozenset({"configuration change"})
FORCE_TLS: Final = "rds.force_ssl"


def _private(snapshot: Resource) -> Iterator[Finding]:
    yield from expect(
        snapshot,
        "sharedAccounts",
        lambda accounts: is_list(accounts) and "all" not in accounts and UNKNOWN not in accounts,
        "Name the accounts that may restore it, or none: shared_accounts=[]",
    )


def _copy_encrypted(copy: Resource) -> Iterator[Finding]:
    yield from expect_reference(copy, "kmsKeyId", "Name a key of the region that it is in")


def _tls_forced(resource: Resource) -> Iterator[Finding]:
    if resource.type == types.INSTANCE:
        yield from expect_reference(resource, "parameterGroupName", "Give it a parameter group of the stack")
        return
    rows = resource.value("parameters")
    stated = [row.get("value") for row in rows if row.get("name") == FORCE_TLS] if are_objects(rows) else []
    if stated != ["1"]:
        found = f"{FORCE_TLS} is {show(stated[0]) if stated else 'not stated'}"
        yield Finding(found, f"Leave {FORCE_TLS} on in database.parameters")


def _proxy_tls(proxy: Resource) -> Iterator[Finding]:
    yield from expect(proxy, "requireTls", lambda value: value is True, "Write require_tls=True")


def reports(subscription: Resource, watched: Resource, source_type: str, events: frozenset[str]) -> bool:
    """Whether an event subscription covers these events of `watched`. Without source ids it covers all of its type."""
    if subscription.value("sourceType") != source_type or subscription.value("enabled") is False:
        return False
    categories, ids = subscription.value("eventCategories"), subscription.value("sourceIds")
    if not events <= words(categories):
        return False
    if ids is MISSING or ids == []:
        return True
    named = {watched.value("identifier"), watched.value("name")} & words(ids)
    return bool(named) or watched.urn in subscription.depends.get("sourceIds", ())


def _events(source_type: str, events: frozenset[str]) -> Callable[[Resource, Stack], Iterator[Finding]]:
    def check(watched: Resource, stack: Stack) -> Iterator[Finding]:
        subscriptions = stack.of_type(types.EVENT_SUBSCRIPTION)
        if not any(reports(each, watched, source_type, events) for each in subscriptions):
            yield Finding(
                f"no event subscription of the stack reports its {', '.join(sorted(events))}",
                f"Subscribe a topic to {source_type} events of it",
            )

    return check


def _in_a_backup_plan(instance: Resource, stack: Stack) -> Iterator[Finding]:
    for selection in stack.of_type(types.SELECTION):
        if instance.urn in selection.depends.get("resources", ()) and stack.sources(selection, "planId", types.PLAN):
            return
    found = [Finding("no backup selection of the stack names it", "Let the backup plan select it by its ARN")]
    why = "A replica holds the primary's data, which is in the plan."
    yield from excepted(found, why) if is_replica(instance) else found


def _isolated(instance: Resource, stack: Stack) -> Iterator[Finding]:
    """No route from its subnets to an internet gateway; of subnets that the stack does not make, nobody knows."""
    if is_replica(instance):  # in its source's subnets
        return
    groups = stack.sources(instance, "dbSubnetGroupName", types.SUBNET_GROUP)
    if not groups:
        yield Finding("its subnet group is not made by the stack", "Make it here, or say why it is excepted")
    for group in groups:
        subnets = stack.sources(group, "subnetIds", types.SUBNET)
        if not subnets:
            yield Finding(
                f"the subnets of {group.name} are not made by the stack, so nobody sees their routes here",
                "",
                "The network is somebody else's, and whoever gives its subnets answers for their routes.",
            )
        for subnet in subnets:
            yield from _routes(subnet, stack)


def _routes(subnet: Resource, stack: Stack) -> Iterator[Finding]:
    way_out = "Give it a route table without a route to an internet gateway"
    tables = [
        table
        for association in stack.of_type(types.ASSOCIATION)
        if subnet in stack.sources(association, "subnetId", types.SUBNET)
        for table in stack.sources(association, "routeTableId", types.ROUTE_TABLE)
    ]
    if not tables:
        yield Finding(f"its subnet {subnet.name} has no route table of its own", way_out)
    for table in tables:
        routes = [
            route
            for route in stack.of_type(types.ROUTE)
            if table in stack.sources(route, "routeTableId", types.ROUTE_TABLE)
        ]
        if any(leads_out(each, key, stack) for each, key in ((table, "routes"), *((r, "gatewayId") for r in routes))):
            yield Finding(f"its subnet {subnet.name} has a route to an internet gateway in {table.name}", way_out)


def leads_out(resource: Resource, key: str, stack: Stack) -> bool:
    """Whether an input, a gateway's id or routes that name one, is an internet gateway."""
    if stack.sources(resource, key, types.INTERNET_GATEWAY):
        return True
    value = resource.value(key)
    ids = [row.get("gatewayId") for row in value] if are_objects(value) else [value]
    return any(isinstance(each, str) and each.startswith("igw-") for each in ids)


RULES: Final[tuple[Rule, ...]] = (
    ResourceRule(
        name="rds-01-snapshot-private", control="RDS.1", wants="snapshots that not everybody may restore",
        applies=of(types.SNAPSHOT, types.SNAPSHOT_COPY), check=_private,
    ),
    ResourceRule(
        name="rds-04-copy-encrypted", control="RDS.4", wants="copies of backups under a key",
        applies=of(types.SNAPSHOT_COPY, types.REPLICATED_BACKUPS), check=_copy_encrypted,
    ),
    StackRule(
        name="rds-20-instance-events", control="RDS.20", wants="somebody who hears of an instance's events",
        applies=of(types.INSTANCE), check=_events("db-instance", INSTANCE_EVENTS),
    ),
    StackRule(
        name="rds-21-parameter-group-events", control="RDS.21",
        wants="somebody who hears of a parameter group's changes",
        applies=of(types.PARAMETER_GROUP), check=_events("db-parameter-group", PARAMETER_GROUP_EVENTS),
    ),
    StackRule(
        name="rds-26-backup-plan", control="RDS.26", wants="every instance in a backup plan",
        applies=of(types.INSTANCE), check=_in_a_backup_plan,
    ),
    ResourceRule(
        name="rds-38-tls-forced", control="RDS.38", wants="connections without TLS refused",
        applies=of(types.PARAMETER_GROUP, types.INSTANCE), check=_tls_forced,
    ),
    ResourceRule(
        name="rds-43-proxy-tls", control="RDS.43", wants="connections without TLS refused",
        applies=of(types.PROXY), check=_proxy_tls,
    ),
    StackRule(
        name="rds-46-isolated-subnets", control="RDS.46", wants="instances in subnets that no route leads to",
        applies=of(types.INSTANCE), check=_isolated,
    ),
)  # fmt: skip
