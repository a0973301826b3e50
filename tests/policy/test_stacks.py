"""The recorded stacks: no mandatory violation, and exactly these advisory ones."""

from __future__ import annotations

from typing import Any

import pytest

from policy import RULES, Level, evaluate_stack, exceptions, for_stack
from policy.configuration import configure, is_excepted
from policy.evaluate import findings, resource_of
from policy.model import Stack
from policy.rules.types import INSTANCE, TAGGED, UNTAGGED, is_cloud
from tests.recordings import DEPLOYABLE, STACKS, deployable, record_with, recording

PORT = (
    "rds.Instance langpont-{}-db-primary: port is 5432. RDS.23 wants another port than 5432, which everybody tries. "
    "Set database.port to another."
)
DEV = [
    "rds.Instance langpont-dev-db-primary: multiAz is false. RDS.5 wants a standby in a second zone. Set "
    "database.multiAz to true.",
    "rds.Instance langpont-dev-db-primary: monitoringInterval is 0. RDS.6 wants Enhanced Monitoring. Set "
    "monitoring.enhancedMonitoringSeconds to 60.",
    "rds.Instance langpont-dev-db-primary: deletionProtection is false. RDS.8 wants protection against deletion. Set "
    "database.deletionPolicy to protected.",
    "rds.Instance langpont-dev-db-primary: backupRetentionPeriod is 1. RDS.11 wants automated backups for 7 days or "
    "more. Set backups.retentionDays to 7 or more.",
    PORT.format("dev"),
]


@pytest.mark.parametrize("preview", [True, False], ids=["preview", "update"])
@pytest.mark.parametrize("stack", STACKS)
def test_a_stack_violates_nothing_that_is_mandatory_and_these_advices(stack: str, preview: bool) -> None:
    violations = evaluate_stack(recording(stack, preview=preview))
    assert {violation.level for violation in violations} == {Level.ADVISORY}
    assert [violation.message for violation in violations] == (DEV if stack == "dev" else [PORT.format(stack)])


@pytest.mark.parametrize("preview", [True, False], ids=["preview", "update"])
@pytest.mark.parametrize("source", [{"snapshot": "langpont-manual-1"}, {"time": "2026-11-20T03:04:05Z"}], ids=str)
@pytest.mark.parametrize("keep", [True, False], ids=["kept", "alone"])
@pytest.mark.parametrize("generation", [2, 3, 4])
def test_nothing_stops_a_restore_whichever_it_is(
    generation: int, keep: bool, source: dict[str, str], preview: bool
) -> None:
    restored = {"generation": generation, "keepPrevious": keep, "restoreFrom": source}
    violations = evaluate_stack(record_with("prod", {"database": restored}, preview=preview))
    assert [violation.message for violation in violations if violation.level is Level.MANDATORY] == []


@pytest.mark.parametrize("preview", [True, False], ids=["preview", "update"])
@pytest.mark.parametrize("stack", DEPLOYABLE)
def test_nothing_stops_a_stack_that_is_deployed(stack: str, preview: bool) -> None:
    violations = evaluate_stack(deployable(stack, preview=preview))
    assert [str(violation) for violation in violations if violation.level is Level.MANDATORY] == []


@pytest.mark.parametrize("stack", DEPLOYABLE)
def test_every_type_of_a_stack_is_known_so_that_the_rules_see_all_of_it(stack: str) -> None:
    registered = {each.type for each in deployable(stack).registrations.values() if is_cloud(each.type)}
    assert registered <= TAGGED | UNTAGGED
    assert len(registered) >= 40


@pytest.mark.parametrize("stack", DEPLOYABLE)
def test_every_exception_excepts_something(stack: str) -> None:
    resources = Stack(resource_of(each) for each in deployable(stack).registrations.values())
    rules = {rule.name: rule for rule in RULES}
    for excepted in for_stack(stack, RULES).exceptions:
        found = [
            resource.name
            for resource in resources.by_urn.values()
            if rules[excepted.rule].applies(resource.type) and is_excepted(resource.name, [excepted.pattern])
            for _ in findings(rules[excepted.rule], resource, resources)
        ]
        assert found, excepted


@pytest.mark.parametrize("stack", ["staging", "prod"])
def test_these_are_the_exceptions_of_a_protected_stack(stack: str) -> None:
    recorded = recording(stack)
    count = sum("-replica-" in each.name for each in recorded.of_type(INSTANCE))
    replicas = ", ".join(f"langpont-{stack}-db-replica-{number}" for number in range(1, count + 1))
    assert [(each.rule, each.pattern) for each in exceptions(recorded)] == [
        ("rds-05-multi-az", replicas),
        ("rds-11-automatic-backups", replicas),
        ("rds-26-backup-plan", replicas),
        ("topic-encrypted", f"langpont-{stack}-monitoring-critical-events, langpont-{stack}-monitoring-events"),
    ]


def test_a_stack_without_a_configuration_is_not_stopped() -> None:
    violations = evaluate_stack(recording("prod"), configure({}, RULES, "nothing"))
    assert [violation.message for violation in violations] == [PORT.format("prod")]


def violations_with(changes: dict[str, Any], *, stack: str = "prod") -> list[tuple[str, str]]:
    """Rule and resource of what is found in a stack with other settings."""
    return [(each.rule, each.resource.split("-", 2)[2]) for each in evaluate_stack(record_with(stack, changes))]


def test_a_stack_file_that_relaxes_a_protected_stack_is_stopped_where_it_is_not_said_why() -> None:
    relaxed = {
        "database": {
            "multiAz": False,
            "deletionPolicy": "disposable",
            "port": 5433,
            "parameters": {"rds.force_ssl": "off"},
        },
        "monitoring": {"enhancedMonitoringSeconds": 0},
        "backups": {"retentionDays": 3, "replicateToRegion": None},
        "encryption": {"keys": "awsManaged"},
        "replicas": [],
    }
    found = violations_with(relaxed)
    assert [rule for rule, resource in found if resource == "db-primary"] == [
        "rds-05-multi-az",
        "rds-06-enhanced-monitoring",
        "rds-08-deletion-protection",
        "rds-11-automatic-backups",
        "rds-38-tls-forced",
        "storage-own-key",
        "insights-own-key",
    ]
    assert {rule for rule, resource in found if resource != "db-primary"} == {
        "vault-own-key",
        "secret-own-key",
        "topic-encrypted",
        "log-group-own-key",
    }


def test_a_restored_generation_beside_the_old_one_fulfils_everything() -> None:
    restored = {"database": {"generation": 2, "restoreFrom": {"time": "2026-11-01T00:00:00Z"}, "port": 5433}}
    assert violations_with(restored) == []


def test_who_gives_a_network_answers_for_its_routes() -> None:
    subnets = {f"ap-northeast-1{zone}": f"subnet-0123456789abcdef{zone}" for zone in "acd"}
    existing = {"vpcId": "vpc-0123456789abcdef0", "applicationSubnets": subnets, "databaseSubnets": subnets}
    changes = {"network": {"vpc": None, "existingVpc": existing}, "database": {"port": 5433}}
    assert violations_with(changes) == []
    assert ("rds-46-isolated-subnets", "langpont-prod-db-primary") in [
        (each.rule, each.pattern) for each in exceptions(record_with("prod", changes))
    ]
