"""Restored generations: a new primary beside the old one, and everything that points to the database follows it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from policy import Level, evaluate_stack
from recording.recording import Recording, reveal
from tests.recordings import ROLES, answer, differing, inputs, name_of, names, record_with, recording

INSTANCE = "aws:rds/instance:Instance"
LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
SELECTION = "aws:backup/selection:Selection"
REPLICATION = "aws:rds/instanceAutomatedBackupsReplication:InstanceAutomatedBackupsReplication"
VERSION = "aws:secretsmanager/secretVersion:SecretVersion"
TIME = "2026-11-20T03:04:05Z"
SECOND: dict[str, Any] = {"database": {"generation": 2, "restoreFrom": {"time": TIME}}}
FROM_SNAPSHOT: dict[str, Any] = {"database": {"generation": 2, "restoreFrom": {"snapshot": "langpont-manual-1"}}}
WITHOUT_FIRST: dict[str, Any] = {"database": SECOND["database"] | {"keepPrevious": False}}
RESTORED = ["engineVersion", "kmsKeyId", "storageEncrypted"]
LEFT = [
    "allocatedStorage", "autoMinorVersionUpgrade", "availabilityZone", "backupWindow", "caCertIdentifier",
    "databaseInsightsMode", "dbName", "engineVersion", "instanceClass", "iops", "kmsKeyId", "maintenanceWindow",
    "maxAllocatedStorage", "monitoringInterval", "monitoringRoleArn", "multiAz", "parameterGroupName", "password",
    "performanceInsightsKmsKeyId", "performanceInsightsRetentionPeriod", "port", "restoreToPointInTime",
    "snapshotIdentifier", "storageEncrypted", "storageThroughput", "tags", "username",
]  # fmt: skip
COMPONENTS = (
    "access", "backups", "db", "functions", "keys", "monitoring", "network", "pooler", "secret-values", "secrets",
    "security-groups",
)  # fmt: skip
GROUP, ALARM = "aws:rds/parameterGroup:ParameterGroup", "aws:cloudwatch/metricAlarm:MetricAlarm"
COMPOSITE = "aws:cloudwatch/compositeAlarm:CompositeAlarm"
FILTER = "aws:cloudwatch/logMetricFilter:LogMetricFilter"


def generation_identities(suffix: str) -> set[str]:
    """What one generation consists of in prod."""
    roles = (f"primary{suffix}", f"replica-1{suffix}", f"replica-2{suffix}")
    return {
        *(f"{INSTANCE} langpont-prod-db-{role}" for role in roles),
        *(f"{LOG_GROUP} langpont-prod-db-{role}-{kind}-log" for role in roles for kind in ("postgresql", "upgrade")),
        f"random:index/randomId:RandomId langpont-prod-db-primary{suffix}-final-snapshot",
        f"{SELECTION} langpont-prod-backups-primary{suffix}",
        f"{REPLICATION} langpont-prod-backups-ap-northeast-3{suffix}",
        *(f"{GROUP} langpont-prod-db-{role}" for role in roles),
        *watched(roles),
    }


def watched(roles: Iterable[str]) -> set[str]:
    """Alarms and log filters of instances of prod, by their names."""
    own = [re.sub(r"-g\d+$", "", role) for role in roles]
    return {
        each.identity.replace(f"-monitoring-{plain}-", f"-monitoring-{role}-")
        for role, plain in zip(roles, own, strict=True)
        for type_ in (ALARM, COMPOSITE, FILTER)
        for each in recording("prod").of_type(type_)
        if f"-monitoring-{plain}-" in each.name and each.identity not in ASKED
    }


# The current generation alone is asked about itself: the kept one may have other passwords.
ASKED = frozenset(
    each.identity for each in recording("prod").of_type(ALARM) if "Instance" in each.inputs.get("dimensions", {})
)


def lasting(recorded: Recording) -> set[str]:
    """Identities without the alarms on what the current generation is asked about itself."""
    plain = {identity: re.sub(r"-g\d+-", "-", identity) for identity in recorded.identities()}
    return {identity for identity, name in plain.items() if name not in ASKED}


def test_the_second_generation_adds_exactly_its_own_instances_and_what_they_need() -> None:
    before, after = recording("prod"), record_with("prod", SECOND)
    assert lasting(before) - lasting(after) == set()
    assert lasting(after) - lasting(before) == generation_identities("-g2")
    assert len(set(after.identities()) - lasting(after)) == len(ASKED) > 0
    assert generation_identities("") < set(before.identities())


def test_the_first_generation_stays_as_it_was_in_every_input() -> None:
    before, after = recording("prod"), record_with("prod", SECOND)
    for identity in generation_identities(""):
        type_, name = identity.split(" ")
        assert inputs(after, type_, name) == inputs(before, type_, name), identity


def test_exactly_what_points_to_the_database_follows_it() -> None:
    changed = differing(recording("prod"), record_with("prod", SECOND))
    of_these = tuple(f"langpont-prod-{component}-" for component in COMPONENTS)
    kept = {identity.split(" ")[1] for identity in generation_identities("")}
    assert {name for name in changed - kept if name.startswith(of_these)} == {
        *(f"langpont-prod-secret-values-{role}" for role in ROLES),
        "langpont-prod-pooler-files",
        "langpont-prod-functions-make-roles",
        "langpont-prod-functions-metrics",
        "langpont-prod-access-operator-policy",
        "langpont-prod-monitoring-dashboard",
        "langpont-prod-monitoring-instances-critical-events",
        "langpont-prod-monitoring-instances-events",
        "langpont-prod-monitoring-parameter-groups-events",
    }


def test_a_point_in_time_begins_at_the_first_generation_and_takes_no_name_or_user() -> None:
    recorded = record_with("prod", SECOND)
    before = inputs(recording("prod"), INSTANCE, "langpont-prod-db-primary")
    after = inputs(recorded, INSTANCE, "langpont-prod-db-primary-g2")
    suffix = answer(recorded, "random:index/randomId:RandomId", "langpont-prod-db-primary-g2-final-snapshot")[1]["hex"]
    own = {
        "identifier": "langpont-prod-db-g2",
        "restoreToPointInTime": {"sourceDbInstanceIdentifier": "langpont-prod-db", "restoreTime": TIME},
        "finalSnapshotIdentifier": f"langpont-prod-db-g2-final-{suffix}",
        "tags": before["tags"] | {"Name": "langpont-prod-db-g2", "RestoredFrom": TIME},
        "parameterGroupName": answer(recorded, GROUP, "langpont-prod-db-primary-g2")[1]["name"],
    }
    gone = ("dbName", "username")
    assert after == {key: value for key, value in before.items() if key not in gone} | own
    source = recorded.one(INSTANCE, "langpont-prod-db-primary-g2").property_dependencies["restoreToPointInTime"]
    assert [name_of(urn) for urn in source] == ["langpont-prod-db-primary"]


def test_a_snapshot_is_named_and_no_source() -> None:
    recorded = record_with("prod", FROM_SNAPSHOT)
    restored = inputs(recorded, INSTANCE, "langpont-prod-db-primary-g2")
    assert restored["snapshotIdentifier"] == "langpont-manual-1"
    assert "restoreToPointInTime" not in restored
    assert restored["tags"]["RestoredFrom"] == "langpont-manual-1"
    own = {"snapshotIdentifier", "restoreToPointInTime", "finalSnapshotIdentifier", "tags"}
    other = inputs(record_with("prod", SECOND), INSTANCE, "langpont-prod-db-primary-g2")
    assert {k: v for k, v in restored.items() if k not in own} == {k: v for k, v in other.items() if k not in own}


def test_a_kept_generation_is_left_as_it_is_but_for_what_ends_it() -> None:
    for changes in (SECOND, FROM_SNAPSHOT, WITHOUT_FIRST):
        recorded = record_with("prod", changes)
        ignoring = {
            r.name.removeprefix("langpont-prod-db-"): sorted(r.ignore_changes) for r in recorded.of_type(INSTANCE)
        }
        current = dict.fromkeys(("primary-g2", "replica-1-g2", "replica-2-g2"), RESTORED)
        kept = dict.fromkeys(("primary", "replica-1", "replica-2"), LEFT)
        assert ignoring == (current if changes is WITHOUT_FIRST else current | kept)
        groups = {r.name.removeprefix("langpont-prod-db-"): [*r.ignore_changes] for r in recorded.of_type(GROUP)}
        assert {role: each for role, each in groups.items() if each} == {
            role: ["family", "parameters"] for role in kept if changes is not WITHOUT_FIRST
        }


def test_replicas_of_the_second_generation_replicate_the_second_primary() -> None:
    recorded = record_with("prod", SECOND)
    sources = {
        r.name.removeprefix("langpont-prod-db-"): (r.inputs["identifier"], r.inputs["replicateSourceDb"])
        for r in recorded.of_type(INSTANCE)
        if "replicateSourceDb" in r.inputs
    }
    assert sources == {
        "replica-1": ("langpont-prod-replica-1", "langpont-prod-db"),
        "replica-1-g2": ("langpont-prod-replica-1-g2", "langpont-prod-db-g2"),
        "replica-2": ("langpont-prod-replica-2", "langpont-prod-db"),
        "replica-2-g2": ("langpont-prod-replica-2-g2", "langpont-prod-db-g2"),
    }


def address(recorded: Recording, role: str) -> str:
    text: str = answer(recorded, INSTANCE, f"langpont-prod-db-{role}")[1]["address"]
    return text


def test_secrets_pooler_and_outputs_point_to_the_second_generation() -> None:
    """No CNAME stands in front of the endpoint: verify-full would refuse it."""
    recorded = record_with("prod", SECOND)
    for role in ROLES:
        document = json.loads(inputs(recorded, VERSION, f"langpont-prod-secret-values-{role}")["secretString"])
        assert document["host"] == address(recorded, "primary-g2")
        assert document["dbInstanceIdentifier"] == "langpont-prod-db-g2"
    files = json.loads(inputs(recorded, VERSION, "langpont-prod-pooler-files")["secretString"])
    hosts = [line.split("host=")[1].split(" ")[0] for line in files["pgbouncer.ini"].splitlines()[1:4]]
    assert hosts == [address(recorded, f"{role}-g2") for role in ("primary", "replica-1", "replica-2")]
    primary = answer(recorded, INSTANCE, "langpont-prod-db-primary-g2")[1]
    outputs = recorded.outputs
    assert outputs["generation"] == 2
    assert outputs["primaryIdentifier"] == "langpont-prod-db-g2"
    assert (outputs["primaryEndpoint"], outputs["primaryArn"]) == (primary["address"], primary["arn"])
    assert outputs["primaryResourceId"] == primary["resourceId"]
    assert [r["identifier"] for r in outputs["replicas"]] == [
        "langpont-prod-replica-1-g2",
        "langpont-prod-replica-2-g2",
    ]


def test_backups_follow_every_generation_that_stands() -> None:
    recorded = record_with("prod", SECOND)
    for suffix in ("", "-g2"):
        primary = answer(recorded, INSTANCE, f"langpont-prod-db-primary{suffix}")[1]["arn"]
        selection = inputs(recorded, SELECTION, f"langpont-prod-backups-primary{suffix}")
        assert (selection["name"], selection["resources"]) == (f"primary{suffix}", [primary])
        replication = inputs(recorded, REPLICATION, f"langpont-prod-backups-ap-northeast-3{suffix}")
        assert replication["sourceDbInstanceArn"] == primary


def test_without_the_previous_generation_it_is_gone_and_the_source_is_a_name() -> None:
    kept, dropped = record_with("prod", SECOND), record_with("prod", WITHOUT_FIRST)
    assert lasting(kept) - lasting(dropped) == generation_identities("")
    assert set(dropped.identities()) <= set(kept.identities())
    restored = dropped.one(INSTANCE, "langpont-prod-db-primary-g2")
    assert restored.inputs["restoreToPointInTime"] == {
        "sourceDbInstanceIdentifier": "langpont-prod-db",
        "restoreTime": TIME,
    }
    assert restored.property_dependencies["restoreToPointInTime"] == frozenset()


def test_a_third_generation_stands_beside_the_second() -> None:
    third = record_with("prod", {"database": {"generation": 3, "restoreFrom": {"time": TIME}}})
    assert names(third, INSTANCE) == [
        "langpont-prod-db-primary-g2", "langpont-prod-db-primary-g3", "langpont-prod-db-replica-1-g2",
        "langpont-prod-db-replica-1-g3", "langpont-prod-db-replica-2-g2", "langpont-prod-db-replica-2-g3",
    ]  # fmt: skip
    second = record_with("prod", SECOND)
    changed = {}
    for identity in generation_identities("-g2"):
        type_, name = identity.split(" ")
        before, after = inputs(second, type_, name), inputs(third, type_, name)
        if keys := {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}:
            changed[name] = keys
    # What it was made from is no longer known, and not looked at; the suffix of its snapshot follows from that.
    assert changed == {
        "langpont-prod-db-primary-g2": {"finalSnapshotIdentifier", "restoreToPointInTime", "tags"},
        "langpont-prod-db-primary-g2-final-snapshot": {"keepers"},
    }


def test_a_disposable_stack_restores_too() -> None:
    recorded = record_with("dev", SECOND)
    restored = inputs(recorded, INSTANCE, "langpont-dev-db-primary-g2")
    assert "finalSnapshotIdentifier" not in restored
    assert restored["skipFinalSnapshot"] is True


TAKEN_OVER = {"masterUsername": "postgres", "name": "postgres", "restoreFrom": {"snapshot": "appdb-moves-in"}}


def test_a_snapshot_is_taken_over_by_the_first_generation_with_the_names_that_it_has() -> None:
    """RDS renames no master; RDS.25 is about new instances, and the policy pack judges it so."""
    recorded = record_with("prod", {"database": TAKEN_OVER})
    named = [it.replace("langpont_admin", "postgres") for it in recording("prod").identities()]
    assert sorted(recorded.identities()) == sorted(named)
    before = inputs(recording("prod"), INSTANCE, "langpont-prod-db-primary")
    primary = inputs(recorded, INSTANCE, "langpont-prod-db-primary")
    own = {"snapshotIdentifier": "appdb-moves-in", "tags": before["tags"] | {"RestoredFrom": "appdb-moves-in"}}
    other = {"finalSnapshotIdentifier": primary["finalSnapshotIdentifier"], "password": primary["password"]}
    assert primary == {key: value for key, value in before.items() if key not in ("dbName", "username")} | own | other
    assert sorted(recorded.one(INSTANCE, "langpont-prod-db-primary").ignore_changes) == RESTORED
    secret = inputs(recorded, VERSION, "langpont-prod-secret-values-postgres")
    document = json.loads(secret["secretString"])
    assert (document["username"], document["dbname"], document["host"]) == (
        "postgres", "postgres", address(recorded, "primary"),
    )  # fmt: skip
    assert [each.message for each in evaluate_stack(recorded) if each.level is Level.MANDATORY] == []


def test_a_first_generation_that_was_taken_over_is_kept_beside_the_second_as_it_is() -> None:
    """Its names are not asked for again: where they were others than the file's, that would replace it."""
    later = TAKEN_OVER | {"generation": 2, "restoreFrom": {"time": TIME}}
    recorded = record_with("prod", {"database": later})
    assert sorted(recorded.one(INSTANCE, "langpont-prod-db-primary").ignore_changes) == LEFT
    assert [each.message for each in evaluate_stack(recorded) if each.level is Level.MANDATORY] == []


UPGRADE = {"engineVersion": "17", "allowMajorUpgrade": 17, "applyImmediately": True}


def test_a_major_upgrade_is_asked_of_the_primary_alone_and_its_groups_are_of_the_new_family() -> None:
    recorded = record_with("prod", {"database": UPGRADE})
    instances = {r.name.removeprefix("langpont-prod-db-"): reveal(r.inputs) for r in recorded.of_type(INSTANCE)}
    assert {
        role: (given.get("engineVersion"), given["allowMajorVersionUpgrade"]) for role, given in instances.items()
    } == {"primary": ("17", True), "replica-1": (None, False), "replica-2": (None, False)}
    assert {reveal(r.inputs)["family"] for r in recorded.of_type(GROUP)} == {"postgres17"}


def test_a_restored_database_follows_another_major_only_with_leave_for_it() -> None:
    restored = {"database": {**SECOND["database"], **UPGRADE}}
    ignored = {r.name: sorted(r.ignore_changes) for r in record_with("prod", restored).of_type(INSTANCE)}
    assert ignored["langpont-prod-db-primary-g2"] == ["kmsKeyId", "storageEncrypted"]
    assert ignored["langpont-prod-db-primary"] == LEFT


def test_log_connections_has_words_from_18_on() -> None:
    for version, value in (("17", "1"), ("18", "all")):
        [group] = record_with("dev", {"database": {"engineVersion": version}}).of_type(GROUP)
        named = {each["name"]: each["value"] for each in reveal(group.inputs)["parameters"]}
        assert named["log_connections"] == value
