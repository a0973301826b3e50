"""The deletion policy: one setting, and all its parts agree."""

from __future__ import annotations

from typing import Any

from recording.recording import Recording, Registration
from tests.recordings import ROLES, inputs, names, record_with, recording

INSTANCE = "aws:rds/instance:Instance"
SECRET = "aws:secretsmanager/secret:Secret"
KEY = "aws:kms/key:Key"
VAULT = "aws:backup/vault:Vault"
DISPOSABLE: dict[str, Any] = {"database": {"deletionPolicy": "disposable"}}
# What roles' secrets hold: their deletion deletes it.
GONE_WITH_THEIR_SECRETS = {f"secret-values-{role}" for role in ROLES[1:]}


def short(recorded: Recording, chosen: list[Registration]) -> set[str]:
    return {r.name.removeprefix(f"langpont-{recorded.stack}-") for r in chosen}


def test_protected_protects_one_by_one_and_no_component_what_no_ordinary_change_replaces() -> None:
    """Children inherit a component's protection, and a parameter group, a rule and a password must stay replaceable."""
    recorded = recording("prod")
    assert short(recorded, [r for r in recorded.registrations.values() if r.protect]) == {
        "db-primary",
        "db-replica-1",
        "db-replica-2",
        "backups-ap-northeast-3-key",
        *(f"keys-{purpose}" for purpose in ("alerts", "backup", "insights", "logs", "secrets", "storage")),
        *(f"secrets-{role}" for role in (*ROLES, "pooler")),
        "network-vpc",
        "network-s3-endpoint",
        "security-groups-database",
        "db-subnets",
        "secrets-application-policy",
        "secrets-migration-policy",
        "access-operator-policy",
    }


def test_protected_keeps_backups_the_vault_what_secrets_hold_and_the_keys_that_read_them() -> None:
    recorded = recording("prod")
    kept = short(recorded, [r for r in recorded.registrations.values() if r.retain_on_delete])
    assert kept == {
        *("keys-storage", "keys-backup", "keys-insights", "keys-logs", "backups-ap-northeast-3-key", "backups-vault"),
        *(f"secret-values-{role}" for role in ROLES),
        "pooler-files",
    }
    primary = inputs(recorded, INSTANCE, "langpont-prod-db-primary")
    assert (primary["deleteAutomatedBackups"], primary["skipFinalSnapshot"]) == (False, False)
    assert inputs(recorded, VAULT, "langpont-prod-backups-vault")["forceDestroy"] is False
    assert {s.inputs["recoveryWindowInDays"] for s in recorded.of_type(SECRET)} == {30}


def test_protected_turns_deletion_protection_on_everywhere() -> None:
    assert {i.inputs["deletionProtection"] for i in recording("prod").of_type(INSTANCE)} == {True}


def test_the_final_snapshot_ends_in_something_random_as_a_name_serves_once() -> None:
    recorded = recording("prod")
    assert names(recorded, "random:index/randomId:RandomId") == ["langpont-prod-db-primary-final-snapshot"]
    primary = recorded.one(INSTANCE, "langpont-prod-db-primary")
    name = primary.inputs["finalSnapshotIdentifier"]
    assert name.startswith("langpont-prod-db-final-")
    assert len(name.removeprefix("langpont-prod-db-final-")) == 8
    assert [urn.split("::")[-1] for urn in primary.property_dependencies["finalSnapshotIdentifier"]] == [
        "langpont-prod-db-primary-final-snapshot"
    ]
    for number in (1, 2):
        assert "finalSnapshotIdentifier" not in recorded.one(INSTANCE, f"langpont-prod-db-replica-{number}").inputs


def test_disposable_protects_and_keeps_nothing() -> None:
    recorded = record_with("prod", DISPOSABLE)
    assert [r.name for r in recorded.registrations.values() if r.protect] == []
    assert (
        short(recorded, [r for r in recorded.registrations.values() if r.retain_on_delete]) == GONE_WITH_THEIR_SECRETS
    )
    assert names(recorded, "random:index/randomId:RandomId") == []
    primary = inputs(recorded, INSTANCE, "langpont-prod-db-primary")
    assert (primary["deleteAutomatedBackups"], primary["skipFinalSnapshot"]) == (True, True)
    assert "finalSnapshotIdentifier" not in primary
    assert {i.inputs["deletionProtection"] for i in recorded.of_type(INSTANCE)} == {False}
    assert inputs(recorded, VAULT, "langpont-prod-backups-vault")["forceDestroy"] is True
    assert {s.inputs["recoveryWindowInDays"] for s in recorded.of_type(SECRET)} == {0}


def test_dev_is_disposable_and_the_others_are_not() -> None:
    dev = recording("dev")
    assert [r.name for r in dev.registrations.values() if r.protect] == []
    assert short(dev, [r for r in dev.registrations.values() if r.retain_on_delete]) == GONE_WITH_THEIR_SECRETS
    assert [r.name for r in recording("staging").of_type(INSTANCE) if r.protect] == [
        "langpont-staging-db-primary",
        "langpont-staging-db-replica-1",
    ]


def test_the_policy_changes_nothing_else() -> None:
    before, after = recording("prod"), record_with("prod", DISPOSABLE)
    assert set(before.identities()) - set(after.identities()) == {
        "random:index/randomId:RandomId langpont-prod-db-primary-final-snapshot"
    }
    assert set(after.identities()) <= set(before.identities())
