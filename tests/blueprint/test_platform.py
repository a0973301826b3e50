"""The blueprint of a stack: instances, budget, memory, alarms and warnings, all from its settings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest

from blueprint.monitoring import metrics
from blueprint.platform import Platform
from tests.blueprint.stack_file.test_load import settings
from tests.recordings import STACKS

GIB, MIB = 2**30, 2**20


def platform(changes: Mapping[str, Any] | None = None, stack: str = "prod") -> Platform:
    return Platform(settings(changes, stack))


def replica(number: int, **values: Any) -> dict[str, Any]:
    return {"number": number, "instanceClass": "db.t3.medium", "zone": "ap-northeast-1c"} | values


def test_prods_instances_come_primary_first_and_replicas_by_number() -> None:
    shown = [(i.role, i.instance_class.name, i.number, i.purpose, i.zone) for i in platform().instances]
    assert shown == [
        ("primary", "db.t3.medium", None, None, None),
        ("replica-1", "db.t3.medium", 1, "reads", "ap-northeast-1c"),
        ("replica-2", "db.t3.large", 2, "analytics", "ap-northeast-1d"),
    ]
    unordered = platform({"replicas": [replica(9), replica(3)]})
    assert [instance.role for instance in unordered.replicas] == ["replica-3", "replica-9"]


def test_shared_buffers_are_a_quarter_of_each_instances_own_class() -> None:
    """E7: of about 89 % of 4 GiB, and 92 % of 8."""
    assert [i.parameter_bytes("shared_buffers") // MIB for i in platform().instances] == [911, 911, 1884]
    assert [i.parameter("max_connections") for i in platform().instances] == [300, 300, 300]


def test_a_replicas_own_parameters_come_last() -> None:
    changed = platform({"replicas": [replica(1, parameters={"work_mem": "64MB", "hot_standby_feedback": "off"})]})
    [one] = changed.replicas
    asked = {parameter.name: parameter.asked for parameter in one.parameters}
    assert (asked["work_mem"], asked["hot_standby_feedback"], asked["max_standby_streaming_delay"]) == (
        "64MB", "off", "30s",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("stack", "numbers"),
    [("dev", (100, 32, 37, 47, 13)), ("staging", (276, 64, 74, 84, 216)), ("prod", (399, 64, 74, 84, 216))],
)
def test_the_budget_of_a_stack(stack: str, numbers: tuple[int, ...]) -> None:
    """E63."""
    budget = platform(stack=stack).budget
    assert (budget.clients_per_host, budget.pooled, budget.backends, budget.needed, budget.free) == numbers


def test_the_pooler_caps_a_server_at_its_pool_and_reserve_whatever_the_number_of_users() -> None:
    """E54, E63: a pool is per user and entry; without a cap each further user brings another 25."""
    pooler = platform().pooler
    assert (pooler.default_pool_size, pooler.reserve_pool_size, pooler.server_cap) == (25, 5, 32)


def test_a_replica_has_no_autovacuum_of_its_own() -> None:
    prod = platform()
    assert [prod.memory(instance).autovacuum_workers for instance in prod.instances] == [3, 0, 0]
    assert [prod.memory(instance).total // MIB for instance in prod.instances] == [2863, 2095, 3068]


@pytest.mark.parametrize("stack", STACKS)
def test_no_stack_warns_of_memory_or_of_silence(stack: str) -> None:
    expected = {
        "prod": [
            "database.maxAllocatedStorageGib 1000 lets storage grow past 400 GiB, where RDS changes the layout of the "
            "volume: 12000 IOPS and 500 MiB/s instead of 3000 and 125, and no way back, because storage never shrinks."
        ],
        "staging": [
            "webhooks has its addresses in the clear, and a key may be in them: whoever reads the file could set off "
            "alarms. Set each by pulumi config set --secret --path 'webhooks.critical.<name>'."
        ],
    }
    assert beside_classes(platform(stack=stack)) == expected.get(stack, [])


def beside_classes(planned: Platform) -> list[str]:
    """Warnings without those of classes for bursts, which every stack here has."""
    return [each for each in planned.warnings if " is for bursts: " not in each]


@pytest.mark.parametrize(
    ("changes", "sentences"),
    [
        (
            {},
            [
                "db.t3.medium of primary, replica-1 is for bursts: it sustains 2,000 IOPS and 43 MB/s on a volume of "
                "3,000 and 125 MiB/s, and a larger volume does not help; with all vCPUs busy a full balance of CPU "
                "credits lasts 6.0 hours, and more is charged. Take a larger class where the load is steady.",
                "db.t3.large of replica-2 is for bursts: it sustains 3,000 IOPS and 87 MB/s on a volume of 3,000 and "
                "125 MiB/s, and a larger volume does not help; with all vCPUs busy a full balance of CPU credits lasts "
                "10.3 hours, and more is charged. Take a larger class where the load is steady.",
            ],
        ),
        (
            {"database": {"instanceClass": "db.m7g.large", "deletionPolicy": "disposable"}, "replicas": None},
            [
                "db.m7g.large of primary is for bursts: it sustains 3,000 IOPS and 79 MB/s on a volume of 3,000 and "
                "125 MiB/s, and a larger volume does not help. Take a larger class where the load is steady."
            ],
        ),
        ({"database": {"instanceClass": "db.m7g.xlarge"}, "replicas": None}, []),
    ],
)
def test_a_class_that_bears_a_load_only_in_bursts_is_named(changes: Mapping[str, Any], sentences: list[str]) -> None:
    assert [each for each in platform(changes).warnings if " is for bursts: " in each] == sentences


QUIET = {"database": {"maxAllocatedStorageGib": 399}}
AT_ONCE = {"applyImmediately": True}


@pytest.mark.parametrize(
    ("changes", "sentences"),
    [
        (QUIET, []),
        (
            {"database": QUIET["database"] | {"engineVersion": "16.99"}},
            [
                "database.engineVersion 16.99 is newer than 16.15, the newest minor this program knows. "
                "Check that RDS offers it in the region."
            ],
        ),
        (
            {"database": {"maxAllocatedStorageGib": 120}},
            [
                "database.maxAllocatedStorageGib 120 is less than 126 % of the 100 GiB allocated, so RDS soon reports "
                "that storage comes near its ceiling (RDS-EVENT-0225). Give at least 126."
            ],
        ),
        (
            QUIET | {"replicas": None, "application": {"hosts": 8}},
            [
                "primary: shared_buffers, 266 backends x work_mem and autovacuum can take 5.8 GiB, db.t3.medium has "
                "about 3.6 GiB for them. Lower work_mem, the pools or the number of hosts, or take the next class."
            ],
        ),
        (
            QUIET | {"replicas": [replica(1, parameters={"max_connections": 200})]},
            [
                "replica-1: max_connections 200 is below the primary's 300; a standby cannot run so, and RDS raises it "
                "without a word. Ask for the primary's value."
            ],
        ),
        (
            {
                "database": QUIET["database"]
                | {"parameters": {"log_statement": "all", "log_min_duration_statement": "0ms"}},
                "replicas": None,
            },
            [
                "primary: log_statement all writes statements with users' values to the log, which goes to CloudWatch "
                "and costs by the GB. Take ddl.",
                "primary: log_min_duration_statement 0ms writes every statement to the log, which goes to CloudWatch "
                "and costs by the GB. Take 1s or more.",
            ],
        ),
        (
            QUIET | {"replicas": [replica(1, parameters={"idle_in_transaction_session_timeout": 0})]},
            [
                "replica-1: idle_in_transaction_session_timeout 0 lets a forgotten transaction hold its locks and "
                "vacuum back for ever. Take 5min."
            ],
        ),
        (
            QUIET | {"replicas": [replica(1, parameters={"max_wal_senders": 5})]},
            [
                "replica-1: max_wal_senders 5 is below the primary's 35; a standby cannot run so, and RDS raises it "
                "without a word. Ask for the primary's value."
            ],
        ),
        (
            {
                "database": QUIET["database"]
                | {
                    "trustedParameters": ["max_prepared_transactions"],
                    "parameters": {"max_prepared_transactions": 100},
                },
                "replicas": [replica(1, parameters={"max_prepared_transactions": 10})],
            },
            [
                "replica-1: max_prepared_transactions 10 is below the primary's 100; a standby cannot run so, and RDS "
                "raises it without a word. Ask for the primary's value."
            ],
        ),
        (
            QUIET | {"monitoring": {"alertEmails": [], "critical": None, "warning": None}},
            [
                "Nobody hears of critical alarms: monitoring.alertEmails, monitoring.critical and webhooks.critical "
                "are empty. Name somebody who gets up.",
                "Nobody hears of warning alarms: monitoring.alertEmails, monitoring.warning and webhooks.warning are "
                "empty. Name somebody who looks in the morning.",
            ],
        ),
        (
            QUIET | {"backups": {"replicateToRegion": "eu-west-1"}},
            [
                "backups.replicateToRegion eu-west-1 is not among the regions that AWS listed in 2023 for backups of "
                "ap-northeast-1. Look whether it is now: aws rds describe-source-regions --region eu-west-1."
            ],
        ),
        (
            QUIET | {"monitoring": {"databaseInsights": "advanced"}},
            [
                "monitoring.databaseInsights advanced is charged by the vCPU and hour of the primary, which has 2; "
                "standard keeps 7 days and is free."
            ],
        ),
        (
            {
                "database": QUIET["database"]
                | {"parameters": {"max_slot_wal_keep_size": "51GB"}, "maxAllocatedStorageGib": 200}
            },
            [
                "max_slot_wal_keep_size 51GB is more than half of the 100 GiB allocated: a dead replica fills it "
                "sooner than autoscaling, which grows by a tenth in six hours, unless the volume has grown already."
            ],
        ),
        (
            {"database": QUIET["database"] | {"multiAz": False}},
            ["database.multiAz is off in a protected stack: losing the zone loses the service until it returns."],
        ),
        ({"database": QUIET["database"] | {"multiAz": False, "deletionPolicy": "disposable"}}, []),
    ],
)
def test_what_is_allowed_and_somebody_should_know_is_said(changes: Mapping[str, Any], sentences: list[str]) -> None:
    """E23, E45: memory that does not fit and a ceiling that is near are told before they hurt."""
    assert beside_classes(platform(changes)) == sentences


def test_thresholds_follow_the_settings() -> None:
    """E42."""

    def thresholds(changes: Mapping[str, Any]) -> dict[str, float]:
        return {alarm.key: alarm.threshold for alarm in platform(changes).alarms if alarm.instance == "primary"}

    larger = thresholds({
        "database": {
            "instanceClass": "db.m7g.xlarge", "allocatedStorageGib": 500,
            "parameters": {"max_connections": 500, "max_slot_wal_keep_size": "20GB"},
        },
        "application": {"hosts": 4},
    })  # fmt: skip
    assert {key: larger[key] for key in ("connections-high", "connections-over-budget", "load-high")} == {
        "connections-high": 400, "connections-over-budget": 110, "load-high": 6,
    }  # fmt: skip
    assert larger["memory-low"] == 16 * GIB // 10
    assert larger["storage-low"] == 25 * GIB
    assert larger["disk-queue-high"] == 120  # db.m7g.xlarge sustains 6,000 IOPS of the volume's 12,000
    assert (larger["slot-lag-high"], larger["wal-disk-high"]) == (10 * GIB, 20 * GIB)
    assert larger["cpu-credits-low"] == 0


def test_thresholds_are_those_of_the_class_and_size_that_run() -> None:
    """Until the maintenance window, after RDS has enlarged a volume, and of a generation that is kept."""
    asked = {"database": {"instanceClass": "db.m7g.xlarge"}}
    before, after = platform({}), platform(asked)
    of_file = {alarm.key: alarm.threshold for alarm in before.alarms if alarm.instance == "primary"}
    running = after.thresholds("primary", "db.t3.medium", 400)
    assert {key: (of_file[key], runs) for key, runs in running.items() if of_file[key] != runs} == {
        "storage-low": (10 * GIB, 20 * GIB)
    }
    assert after.thresholds("primary", "db.x9.large", 100) == after.thresholds("primary", "db.m7g.xlarge", 100)


def test_each_generation_that_stands_has_its_own_alarms() -> None:
    one = [alarm.name for alarm in platform({}).alarms]
    two = platform({"database": {"generation": 2, "restoreFrom": {"time": "2026-11-20T03:04:05Z"}}})
    names = [alarm.name for alarm in two.alarms]
    assert len(names) == len({*names})
    added = {re.sub(r"-g2(?=-)", "", name) for name in {*names} - {*one}}
    assert added == {name for name in one if not name.startswith(("functions-", "pooler-"))}
    # The metrics function asks the instances of the generation that applications use.
    kept = {alarm.name for alarm in platform({}).alarms if alarm.namespace != metrics.NAMESPACE}
    assert kept <= {*names}
    assert {*one} - {*names} == {name for name in {*one} - kept if not name.startswith("functions-")}
    [lag] = [alarm for alarm in two.alarms if alarm.name == "replica-1-g2-replica-lag-high"]
    assert [term.instance for term in lag.terms] == ["replica-1-g2", "primary-g2"]


def test_a_generation_that_is_kept_is_named_with_what_no_longer_follows_the_file() -> None:
    second = {"database": {"generation": 2, "restoreFrom": {"time": "2026-11-20T03:04:05Z"}}}
    assert [each for each in platform(second).warnings if "keepPrevious" in each] == [
        "database.keepPrevious: generation 1 stays as it was left. Its deletion protection, its backup retention and "
        "its log groups follow this file; class, size, parameters, windows and port do not, and another port cuts it "
        "off."
    ]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"generation": 2, "restoreFrom": {"time": "2026-11-20T03:04:05Z"}}, ["2"]),
        ({"restoreFrom": {"snapshot": "theirs"}}, ["1"]),
        ({"restoreFrom": {"snapshot": "theirs"}, "engineVersion": "16"}, []),
        ({"restoreFrom": {"snapshot": "theirs"}, "engineVersion": "17.6", "allowMajorUpgrade": 17, **AT_ONCE}, []),
        ({}, []),
    ],
)
def test_an_exact_version_that_a_restored_instance_does_not_get_is_named(
    values: Mapping[str, Any], said: list[str]
) -> None:
    warnings = platform({"database": {"engineVersion": "16.14", **values}}).warnings
    assert [each for each in warnings if each.startswith("database.engineVersion")] == [
        f"database.engineVersion 16.14 has no effect on generation {generation}: a restored instance keeps its "
        "backup's version. Upgrade it with the AWS CLI, or leave it at 16."
        for generation in said
    ]


def test_without_a_cap_on_slots_their_alarms_are_measured_by_the_storage() -> None:
    without = platform({"database": {"parameters": {"max_slot_wal_keep_size": -1}}})
    found = {alarm.key: alarm.threshold for alarm in without.alarms if alarm.instance == "primary"}
    assert (found["slot-lag-high"], found["wal-disk-high"]) == (10 * GIB, 20 * GIB)


def test_the_subnets_are_those_of_a_network_of_our_own() -> None:
    plan = platform().subnets
    assert plan is not None
    assert str(plan.free) == "10.20.192.0/18"
    subnet = "subnet-0123456789abcdef"
    existing = {
        "vpcId": "vpc-0123456789abcdef0",
        "applicationSubnets": {"ap-northeast-1a": f"{subnet}0"},
        "databaseSubnets": {f"ap-northeast-1{zone}": f"{subnet}{zone}" for zone in "acd"},
    }
    theirs = platform({"network": {"vpc": None, "existingVpc": existing}})
    assert theirs.subnets is None
    assert theirs.settings.zones == ("ap-northeast-1a", "ap-northeast-1c", "ap-northeast-1d")
