"""Dependencies are declared: Pulumi creates in the order of the graph and of nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from recording.recording import Recording, Registration, reveal
from tests.recordings import STACKS, answered, name_of, recording, strings

INSTANCE = "aws:rds/instance:Instance"
# What refuses a function's own code something names the function, which is made after it, by the name that we give.
NAMED_AHEAD = ("-functions-roles-policy", "-functions-metrics-policy", "-functions-rotation-policy")
# They wait for what they name, which has its name from us too: an alarm for its function, a schedule for its instance.
MAY_COME_FIRST = ("-rotation-failing", "-sleep-primary-stop", "-sleep-primary-start")


def producers(recorded: Recording) -> dict[str, set[str]]:
    """Text that a resource computed or was named by, to the URNs that have it."""
    found: dict[str, set[str]] = {}
    for registration in recorded.registrations.values():
        if registration.custom:
            id_, outputs = answered(registration)
            for text in {id_, *(text for _, text in strings(dict(outputs)))} - {"none"}:
                found.setdefault(text, set()).add(registration.urn)
    return found


def leaves(text: str) -> Iterator[str]:
    """The text itself, what a JSON document of that text holds, and the words of what is neither."""
    yield text
    if text.startswith(('{"', '["')):
        for _, inner in strings(json.loads(text)):
            yield from leaves(inner)
    elif "\n" in text or "=" in text:
        yield from re.split(r"[\s=]+", text)


def closure(recorded: Recording, urns: frozenset[str]) -> set[str]:
    reached: set[str] = set()
    waiting = list(urns)
    while waiting:
        urn = waiting.pop()
        if urn not in reached:
            reached.add(urn)
            waiting += recorded.registrations[urn].dependencies
    return reached


def test_an_input_that_another_resource_computed_depends_on_it(updated: Recording) -> None:
    made = producers(updated)
    checked = 0
    for registration in updated.registrations.values():
        for key, value in reveal(registration.inputs).items():
            if key in ("tags", "description", "alarmDescription", "name", "dashboardName"):
                continue
            reached = closure(updated, registration.property_dependencies.get(key, frozenset()))
            for text in {leaf for _, whole in strings(value) for leaf in leaves(whole)}:
                makers = made.get(text, set()) - {registration.urn}
                if ":function:" in text and registration.name.endswith(NAMED_AHEAD):
                    continue
                if registration.name.endswith(MAY_COME_FIRST):
                    continue
                if not makers or registration.urn in made.get(text, ()):
                    continue
                checked += 1
                assert makers & reached, (
                    f"{registration.identity}: {key} has {text} of {[name_of(u) for u in makers]} undeclared"
                )
    assert checked > 150


def needs(registration: Registration) -> set[str]:
    return {name_of(urn) for urn in registration.dependencies}


def test_an_instance_waits_for_its_log_groups_and_the_monitoring_roles_policy(recorded: Recording) -> None:
    """RDS would make the groups itself, kept for ever and without our key; a role's ARN says nothing of its policy."""
    for instance in recorded.of_type(INSTANCE):
        expected = {f"{instance.name}-postgresql-log", f"{instance.name}-upgrade-log"}
        if recorded.stack != "dev":
            expected.add(f"langpont-{recorded.stack}-db-monitoring-role-policy")
        assert expected <= needs(instance), instance.name


@pytest.mark.parametrize("preview", [False, True])
def test_a_replica_takes_its_source_from_the_primary_itself(preview: bool) -> None:
    recorded = recording("prod", preview=preview)
    for replica in recorded.of_type(INSTANCE)[1:]:
        source = replica.property_dependencies["replicateSourceDb"]
        assert [name_of(urn) for urn in source] == ["langpont-prod-db-primary"]
        assert recorded.registrations[next(iter(source))].type == INSTANCE


ORDER = (
    # Whoever publishes waits for the permission to publish: the topic's ARN comes from its policy.
    ("aws:rds/eventSubscription:EventSubscription", "monitoring-instances-events", "monitoring-events-policy"),
    ("aws:rds/eventSubscription:EventSubscription", "monitoring-parameter-groups-events", "monitoring-events-policy"),
    ("aws:budgets/budget:Budget", "monitoring-budget", "monitoring-alerts-policy"),
    ("aws:cloudwatch/metricAlarm:MetricAlarm", "monitoring-primary-cpu-high", "monitoring-alerts-policy"),
    # A role is tried when it is named, and its ARN is known before it may do anything.
    ("aws:backup/selection:Selection", "backups-primary", "backups-role-backup"),
    ("aws:backup/selection:Selection", "backups-primary", "backups-role-restore"),
    ("aws:ec2/flowLog:FlowLog", "network-flow-logs", "network-flow-logs-write"),
    # A secret's ARN is known before the secret may be read, and a filter's log group before it is there.
    ("aws:secretsmanager/secretVersion:SecretVersion", "secret-values-langpont_app", "secrets-langpont_app"),
    ("aws:secretsmanager/secretVersion:SecretVersion", "secret-values-langpont_app", "db-primary"),
    ("aws:secretsmanager/secretVersion:SecretVersion", "pooler-files", "secrets-pooler"),
    ("aws:cloudwatch/logMetricFilter:LogMetricFilter", "monitoring-primary-log-errors", "db-primary-postgresql-log"),
)


@pytest.mark.parametrize("stack", STACKS)
@pytest.mark.parametrize(("type_", "later", "earlier"), ORDER, ids=lambda text: str(text).rsplit(":", 1)[-1])
def test_what_must_precede_precedes(type_: str, later: str, earlier: str, stack: str) -> None:
    for preview in (False, True):
        registration = recording(stack, preview=preview).one(type_, f"langpont-{stack}-{later}")
        assert f"langpont-{stack}-{earlier}" in needs(registration)


@pytest.mark.parametrize("stack", ["staging", "prod"])
def test_a_nat_gateway_waits_for_the_internet_gateway(stack: str) -> None:
    nats = recording(stack).of_type("aws:ec2/natGateway:NatGateway")
    assert len(nats) == {"staging": 1, "prod": 3}[stack]
    for nat in nats:
        assert f"langpont-{stack}-network-internet-gateway" in needs(nat)


def test_the_graph_has_no_cycle(recorded: Recording) -> None:
    """E8: two security groups that name each other can only be made when their rules stand apart."""
    waiting: dict[str, set[Any]] = {urn: set(r.dependencies) for urn, r in recorded.registrations.items()}
    while waiting:
        ready = {urn for urn, before in waiting.items() if not before & set(waiting)}
        assert ready, sorted(name_of(urn) for urn in waiting)
        waiting = {urn: before for urn, before in waiting.items() if urn not in ready}


def test_every_dependency_exists(recorded: Recording) -> None:
    """E1: the document's template names a VPC, three subnets, a group and a role that it never makes."""
    for registration in recorded.registrations.values():
        assert registration.dependencies <= set(recorded.registrations), registration.identity
