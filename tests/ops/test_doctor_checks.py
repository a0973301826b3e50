"""Each check of the doctor, at its thresholds."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from blueprint.aws.sleep import Sleep
from blueprint.names import ProductNaming
from ops.doctor.checks import lines
from ops.doctor.facts import Alarm, Facts, Lag, Quota, Topic, Unknown
from ops.doctor.rotation import Rotation
from ops.doctor.verdict import Line
from ops.snapshots.model import Snapshot
from ops.stack import read
from tests.ops import NOW, REGION, made_by_ops, pairs
from tests.ops.healthy import BUDGET, POINT, SUPPORT, ago, ahead, instance, replica

PROD = ProductNaming("prod")
SHOWN = {"archive_mode": "on", "max_wal_senders": "35", "wal_level": "replica"}
TOPIC = Topic(name="alerts", confirmed=1, waiting=(), gone=0)


def found(check: str, *instances: dict[str, Any], **other: Any) -> list[tuple[str, str]]:
    """Verdicts and texts of one check of a stack that is healthy but for what is given."""
    defaults: dict[str, Any] = {
        "stack": read(list(instances) or [instance()], PROD, REGION), "maintenance": [], "lags": {},
        "recovery_points": [POINT], "snapshots": [], "alarms": [],
        "snapshot_quota": Quota(used=3, most=100), "topics": [TOPIC], "poolers": ["1.26.1"], "settings": SHOWN,
        "obstacles": [], "budgets": [BUDGET], "lifecycles": [SUPPORT],
    }  # fmt: skip
    everything: list[Line] = lines(Facts(**defaults | other), PROD, NOW)
    return [(line.verdict.value, line.text) for line in everything if line.check == check]


DAYS = "rotated 2026-11-18 03:00 UTC, 3 days ago"


def rotated(**other: Any) -> Rotation:
    given: dict[str, Any] = {
        "role": "langpont_app",
        "days": 30,
        "last": ago(days=3),
        "pending_since": None,
        "hosts": {},
    }
    return Rotation(**{"role": "langpont_app"} | given | other)


@pytest.mark.parametrize(
    ("one", "verdict", "text"),
    [
        (rotated(), "ok", "rotated 2026-11-18 03:00 UTC, 3 days ago"),
        (rotated(last=None), "ok", "not rotated yet, every 30 days"),
        (rotated(last=None, days=1), "ok", "not rotated yet, every day"),
        (rotated(last=ago(days=33)), "look", "rotated 2026-10-19 03:00 UTC, 33 days ago; which is to be every 30 days"),
        (rotated(pending_since=ago(minutes=5)), "ok", "rotated 2026-11-18 03:00 UTC, 3 days ago"),
        (rotated(pending_since=ago(hours=2)), "look", f"{DAYS}; a rotation that began 2026-11-21 01:00 UTC has not "
         "ended: python -m ops credentials rotate langpont_app -s prod says why"),
        (rotated(hosts={"a": True, "b": True}), "ok", f"{DAYS}; let through by PgBouncer on a, b"),
        (rotated(hosts={"a": True, "b": False}), "act", f"{DAYS}; not let through by PgBouncer on b"),
    ],
)  # fmt: skip
def test_a_rotated_password_says_when_and_which_hosts_follow(one: Rotation, verdict: str, text: str) -> None:
    assert found("rotation", rotations=[one]) == [(verdict, f"langpont_app: {text}")]


def test_without_rotation_there_is_no_line_of_it() -> None:
    assert found("rotation") == []


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        ("available", "ok"), ("backing-up", "ok"), ("modifying", "look"), ("upgrading", "look"),
        ("a-status-of-tomorrow", "look"), ("failed", "act"), ("incompatible-parameters", "act"),
        ("inaccessible-encryption-credentials", "act"),
    ],
)  # fmt: skip
def test_an_instances_status_decides(status: str, verdict: str) -> None:
    (line,) = found("instances", instance(DBInstanceStatus=status))
    assert line == (
        verdict, f"langpont-prod-db: primary, {status}, db.t3.medium, ap-northeast-1a, Multi-AZ, PostgreSQL 16.14"
    )  # fmt: skip


def test_a_lost_primary_is_said_beside_its_replicas() -> None:
    assert [verdict for verdict, _ in found("instances", replica())] == ["act", "ok"]
    assert found("instances", replica())[0][1].startswith("There is no primary of stack prod in ap-northeast-1")
    assert found("backups", replica()) == found("AWS Backup", replica()) == []


def test_generations_and_promoted_replicas_are_named() -> None:
    promoted = replica(ReadReplicaSourceDBInstanceIdentifier=None)
    assert [(verdict, text.split(", ")[0]) for verdict, text in
            found("instances", instance(), instance("langpont-prod-db-g2"), promoted)] == [
        ("look", "langpont-prod-replica-1: replica 1"),
        ("ok", "langpont-prod-db-g2: primary"),
        ("ok", "langpont-prod-db: primary of generation 1"),
    ]  # fmt: skip
    assert found("backups", instance(), instance("langpont-prod-db-g2"))[0][1].startswith("langpont-prod-db-g2: ")


def test_what_an_instance_was_restored_from_is_named() -> None:
    tags = pairs({**PROD.tags, "RestoredFrom": "2026-11-20T03:04:05Z"})
    assert found("instances", instance("langpont-prod-db-g2", TagList=tags))[0][1].startswith(
        "langpont-prod-db-g2: primary, restored from 2026-11-20T03:04:05Z, available, "
    )


@pytest.mark.parametrize(
    ("origin", "verdict"),
    [("2026-11-21T03:00:00Z", "ok"), ("2026-11-21T03:00:01Z", "look"), ("9999-99-99", "ok")],
)
def test_an_instance_that_says_it_was_restored_from_the_future_is_looked_at(origin: str, verdict: str) -> None:
    """RDS makes none of a time to come: the stack file was changed afterwards, and misleads whoever restores next."""
    ((said, text),) = found("instances", instance(TagList=pairs({**PROD.tags, "RestoredFrom": origin})))
    wrong = ", which lies in the future (write in database.restoreFrom what it was made from)"
    told = f"langpont-prod-db: primary, restored from {origin}{wrong if verdict == 'look' else ''}, available, "
    assert (said, text.startswith(told)) == (verdict, True)


def test_an_instance_with_the_stacks_name_and_other_tags_is_not_looked_at() -> None:
    foreign = replica(TagList=pairs({"Environment": "prod"}))
    assert found("instances", instance(), foreign)[0] == (
        "act",
        "langpont-prod-replica-1 has the stack's name but other tags (Environment=prod, no Project): not looked at",
    )
    assert found("storage", instance(), foreign) == [("ok", "langpont-prod-db: 100 GiB, grows to 1000 GiB")]


def test_a_database_that_was_restored_without_encryption_is_acted_on() -> None:
    assert found("storage", instance(StorageEncrypted=False)) == [
        ("act", "langpont-prod-db is not encrypted: restore a copy of its snapshot that was made with a key "
         "(docs/adopting.md)"),
        ("ok", "langpont-prod-db: 100 GiB, grows to 1000 GiB"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("status", "verdict"),
    [("in-sync", "ok"), ("applying", "look"), ("pending-reboot", "look"), ("failed-to-apply", "act")],
)
def test_a_parameter_groups_status_decides(status: str, verdict: str) -> None:
    ((said, text),) = found("parameters", instance(DBParameterGroups=[{"ParameterApplyStatus": status}]))
    assert (said, text.startswith(f"langpont-prod-db: {status}")) == (verdict, True)


@pytest.mark.parametrize(("days", "verdict"), [(6, "act"), (7, "look")])
def test_maintenance_that_is_forced_within_a_week_is_to_act_on(days: int, verdict: str) -> None:
    action = {"Action": "db-upgrade", "ForcedApplyDate": ahead(days=days)}
    pending = [{"ResourceIdentifier": instance()["DBInstanceArn"], "PendingMaintenanceActionDetails": [action]}]
    ((said, text),) = found("maintenance", maintenance=pending)
    assert (said, text) == (
        verdict,
        f"langpont-prod-db: db-upgrade (no description), not scheduled, forced on 2026-11-{21 + days} 03:00 UTC",
    )


def test_broken_replication_is_to_act_on() -> None:
    broken = {"StatusType": "read replication", "Normal": False, "Status": "error", "Message": "slot is gone"}
    assert found("replication", instance(), replica(StatusInfos=[broken])) == [
        ("act", "langpont-prod-replica-1: error: slot is gone")
    ]
    assert found("replication", instance(), replica()) == []


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, ("ok", "0 s at 2026-11-21 02:59 UTC")),
        (300, ("ok", "300 s at 2026-11-21 02:59 UTC")),
        (300.5, ("look", "300.5 s at 2026-11-21 02:59 UTC")),
        (-1, ("look", "ReplicaLag -1: it does not replicate")),
    ],
)
def test_lag_is_judged_by_what_an_idle_primary_makes(seconds: float, expected: tuple[str, str]) -> None:
    lags = {"langpont-prod-replica-1": Lag(seconds=seconds, at=ago(minutes=1))}
    assert found("replica lag", instance(), replica(), lags=lags) == [
        (expected[0], f"langpont-prod-replica-1: {expected[1]}")
    ]


def test_a_stack_without_replicas_has_no_lag() -> None:
    assert found("replica lag") == [("ok", "no replicas")]


@pytest.mark.parametrize(
    ("other", "verdict", "text"),
    [
        ({"LatestRestorableTime": ago(minutes=15)}, "ok", "restorable to 2026-11-21 02:45 UTC, 15 min ago"),
        ({"LatestRestorableTime": ago(minutes=16)}, "look", "restorable to 2026-11-21 02:44 UTC, 16 min ago"),
        ({"LatestRestorableTime": ago(minutes=61)}, "act", "restorable to 2026-11-21 01:59 UTC, 1 h 1 min ago"),
        ({"LatestRestorableTime": ahead(seconds=2)}, "ok", "restorable to 2026-11-21 03:00 UTC, 0 s ago"),
        ({"LatestRestorableTime": None}, "act", "cannot be restored to any time"),
        (
            {"LatestRestorableTime": None, "InstanceCreateTime": ago(minutes=30)},
            "look",
            "cannot be restored to any time",
        ),
        ({"BackupRetentionPeriod": 0}, "act", "automated backups are off"),
    ],
)
def test_the_automated_backups_age_decides(other: dict[str, Any], verdict: str, text: str) -> None:
    ((said, line),) = found("backups", instance(**other))
    assert (said, line.startswith(f"langpont-prod-db: {text}")) == (verdict, True)


@pytest.mark.parametrize(("days", "kept"), [(1, "1 day"), (35, "35 days")])
def test_how_long_backups_are_kept_is_said_in_days(days: int, kept: str) -> None:
    ((_, line),) = found("backups", instance(BackupRetentionPeriod=days))
    assert line.endswith(f", and to any time of the last {kept}")


@pytest.mark.parametrize(
    ("points", "created", "expected"),
    [
        ([{"Status": "COMPLETED", "CreationDate": ago(hours=28)}], 100, ("ok", "2026-11-19 23:00 UTC, 1 day 4 h ago")),
        (
            [{"Status": "COMPLETED", "CreationDate": ago(hours=29)}],
            100,
            ("look", "2026-11-19 22:00 UTC, 1 day 5 h ago"),
        ),
        (
            [{"Status": "COMPLETED", "CreationDate": ago(hours=53)}],
            100,
            ("act", "2026-11-18 22:00 UTC, 2 days 5 h ago"),
        ),
        ([{"Status": "PARTIAL", "CreationDate": ago(hours=1)}], 100, ("act", "no recovery point")),
        ([], 100, ("act", "no recovery point")),
        ([], 1, ("look", "no recovery point")),
    ],
)
def test_the_recovery_points_age_decides(points: list[Any], created: int, expected: tuple[str, str]) -> None:
    line = found("AWS Backup", instance(InstanceCreateTime=ago(days=created)), recovery_points=points)
    assert line == [(expected[0], f"langpont-prod-db: {expected[1]}")]


def test_the_newest_manual_snapshot_and_failed_ones_are_named() -> None:
    def made(name: str, created: datetime | None, status: str = "available") -> Snapshot:
        return Snapshot(identifier=name, instance="langpont-prod-db", kind="manual", status=status, created=created,
                        tags=made_by_ops("prod", name), size_gib=100)  # fmt: skip

    snapshots = [made("b", ago(days=9)), made("c", ago(days=2)), made("d", None, "creating"), made("e", None, "failed")]
    assert found("snapshots", snapshots=snapshots) == [
        ("look", "e: failed; delete it"), ("ok", "c: 2 days ago, 100 GiB"),
    ]  # fmt: skip
    assert found("snapshots") == [("ok", "no manual one")]


def test_no_alarm_at_all_and_an_alarm_without_severity_are_noticed() -> None:
    assert found("alarms") == [("look", "0 of 0 firing, 0 without data")]
    bare = Alarm(name="langpont-prod-x", state="ALARM", since=None, description="", severity="")
    assert found("alarms", alarms=[bare]) == [("act", "langpont-prod-x"), ("ok", "1 of 1 firing, 0 without data")]


@pytest.mark.parametrize(("days", "verdict"), [(-1, "act"), (29, "act"), (31, "look"), (89, "look"), (91, "ok")])
def test_a_certificates_expiry_decides(days: int, verdict: str) -> None:
    details = {"CAIdentifier": "rds-ca-ecc384-g1", "ValidTill": ahead(days=days)}
    assert found("certificate", instance(CertificateDetails=details)) == [
        (verdict, f"langpont-prod-db: of rds-ca-ecc384-g1, until {ahead(days=days):%Y-%m-%d}")
    ]


def test_a_certificate_without_an_expiry_is_unknown() -> None:
    assert found("certificate", instance(CertificateDetails=None)) == [
        ("unknown", "langpont-prod-db: of rds-ca-rsa2048-g1; RDS tells no expiry")
    ]


@pytest.mark.parametrize(
    ("version", "retired"),
    [("16.8", True), ("16.1", True), ("16.9", False), ("16.15", False), ("16", False), ("17.5", False)],
)
def test_a_retired_minor_is_to_act_on(version: str, retired: bool) -> None:
    acts = [text for verdict, text in found("engine", instance(EngineVersion=version)) if verdict == "act"]
    assert acts == ([f"langpont-prod-db: PostgreSQL {version} is retired; take 16.9 or newer"] if retired else [])


@pytest.mark.parametrize(("days", "verdict"), [(89, "act"), (91, "look"), (364, "look"), (366, "ok")])
def test_the_end_of_support_decides(days: int, verdict: str) -> None:
    ends = [SUPPORT | {"LifecycleSupportEndDate": ahead(days=days)}]
    assert found("engine", lifecycles=ends)[:1] == [
        (verdict, f"PostgreSQL 16: RDS's standard support ends {ahead(days=days):%Y-%m-%d}")
    ]


@pytest.mark.parametrize(("lifecycles", "why"), [(Unknown("AccessDenied: no."), " (AccessDenied: no)"), ([], "")])
def test_where_rds_tells_no_date_the_expectation_is_called_unsure(lifecycles: Any, why: str) -> None:
    assert found("engine", lifecycles=lifecycles)[0] == (
        "ok",
        f"PostgreSQL 16: RDS's standard support ends 2029-02-28 by its calendar of 2026: it does not tell itself{why}",
    )


def test_the_way_to_the_next_major_is_told_with_what_stands_in_it() -> None:
    databases = ". Other databases of the server were not asked: docs/runbook.md, Upgrading to the next major"
    assert found("engine")[1] == (
        "ok",
        f"next major: it upgrades in place to 17.10, 17.11, 18.4, 18.6; in the way: nothing that AWS and the "
        f"database show{databases}",
    )
    waiting = instance(EngineVersion="16.15", PendingModifiedValues={"DBInstanceClass": "db.t3.large"})
    slot = "logical slot events"
    assert found("engine", waiting, replica(DBInstanceStatus="modifying"), obstacles=[slot])[1] == (
        "ok",
        "next major: it upgrades in place to 17.11, 18.6; in the way: langpont-prod-replica-1 is modifying, "
        f"langpont-prod-db has pending changes, logical slot events{databases}",
    )
    assert found("engine", obstacles=Unknown("It did not answer."))[1] == (
        "ok",
        "next major: it upgrades in place to 17.10, 17.11, 18.4, 18.6; in the way: nothing that AWS shows. The "
        "database was not asked (It did not answer): docs/runbook.md, Upgrading to the next major",
    )
    assert [text for _, text in found("engine", instance(EngineVersion="18.6"))] == [
        "PostgreSQL 18: RDS's standard support ends 2029-02-28"
    ]


@pytest.mark.parametrize(
    ("size", "ceiling", "expected"),
    [
        (100, None, ("ok", "100 GiB, does not grow by itself")),
        (899, 1000, ("ok", "899 GiB, grows to 1000 GiB")),
        (900, 1000, ("look", "900 GiB, grows to 1000 GiB")),
        (1000, 1000, ("act", "1000 GiB, grows to 1000 GiB")),
    ],
)
def test_the_room_to_grow_decides(size: int, ceiling: int | None, expected: tuple[str, str]) -> None:
    assert found("storage", instance(AllocatedStorage=size, MaxAllocatedStorage=ceiling)) == [
        (expected[0], f"langpont-prod-db: {expected[1]}")
    ]


def spent(actual: str | None, forecast: str | None) -> dict[str, Any]:
    spend = {
        key: {"Amount": amount, "Unit": "USD"}
        for key, amount in (("ActualSpend", actual), ("ForecastedSpend", forecast))
        if amount is not None
    }
    return BUDGET | {"CalculatedSpend": spend}


@pytest.mark.parametrize(
    ("actual", "forecast", "expected"),
    [
        ("479.99", "600", ("ok", "479.99 of 600.00 USD spent this month, 600.00 forecast; RDS in the whole account")),
        ("480", None, ("look", "480.00 of 600.00 USD spent this month, no forecast yet; RDS in the whole account")),
        ("10", "600.01", ("look", "10.00 of 600.00 USD spent this month, 600.01 forecast; RDS in the whole account")),
        ("600.01", "1", ("act", "600.01 of 600.00 USD spent this month, 1.00 forecast; RDS in the whole account")),
        (None, None, ("unknown", "AWS Budgets has not computed it yet")),
    ],
)
def test_the_months_cost_decides(actual: str | None, forecast: str | None, expected: tuple[str, str]) -> None:
    others = BUDGET | {"BudgetName": "langpont-prod-eu-monitoring-budget-0a1b2c3", "BudgetLimit": {"Amount": "1"}}
    assert found("budget", budgets=[others, spent(actual, forecast)]) == [expected]


def test_a_missing_budget_is_noticed() -> None:
    others = [BUDGET | {"BudgetName": name} for name in ("langpont-prod-eu-monitoring-budget-0a1b2c3", "total")]
    assert found("budget", budgets=others) == [("look", "no budget langpont-prod-monitoring-budget-*")]


@pytest.mark.parametrize(
    ("topic", "expected"),
    [
        (TOPIC, ("ok", "alerts: 1 confirmed")),
        (Topic(name="alerts", confirmed=2, waiting=("a@b.example",), gone=0), (
            "look", "alerts: 2 confirmed; a@b.example not confirmed: the mail of SNS has the link, for three days",
        )),
        (Topic(name="alerts", confirmed=1, waiting=(), gone=2), (
            "look", "alerts: 1 confirmed; 2 gone: pulumi up subscribes them anew",
        )),
        (Topic(name="alerts", confirmed=0, waiting=("a@b.example", "https"), gone=1), (
            "act", "alerts: nobody gets its messages; a@b.example, https not confirmed: the mail of SNS has the link, "
            "for three days; 1 gone: pulumi up subscribes them anew",
        )),
        (Topic(name="alerts", confirmed=0, waiting=(), gone=0), ("look", "alerts: nobody gets its messages")),
    ],
)  # fmt: skip
def test_who_gets_the_messages_of_a_topic_decides(topic: Topic, expected: tuple[str, str]) -> None:
    assert found("topics", topics=[topic]) == [expected]


def test_a_stack_without_topics_is_noticed() -> None:
    assert found("topics", topics=[]) == [("look", "no topic with the stack's tags")]


@pytest.mark.parametrize(
    ("used", "expected"),
    [
        (79, ("ok", "79 of 100 manual snapshots of the region")),
        (80, ("look", "80 of 100 manual snapshots of the region")),
        (98, ("look", "98 of 100 manual snapshots of the region")),
        (99, ("act", "99 of 100 manual snapshots of the region, no room for a final one: delete old ones")),
    ],
)
def test_room_for_a_final_snapshot_of_each_primary_decides(used: int, expected: tuple[str, str]) -> None:
    both = [instance(), instance("langpont-prod-db-g2")]
    assert found("quota", *both, snapshot_quota=Quota(used=used, most=100)) == [expected]


def test_a_quota_that_rds_does_not_name_is_unknown() -> None:
    assert found("quota", snapshot_quota=None) == [("unknown", "RDS tells none of ManualSnapshots")]


def test_a_replica_in_the_zone_of_its_primary_is_noticed() -> None:
    moved = instance(AvailabilityZone="ap-northeast-1c")
    assert found("zones", moved, replica(1), replica(2, AvailabilityZone="ap-northeast-1d")) == [
        ("look", "langpont-prod-replica-1: in ap-northeast-1c as its primary, so one zone can take both; after a "
         "failover the next one moves it back"),
        ("ok", "langpont-prod-replica-2: in another zone than its primary"),
    ]  # fmt: skip
    assert found("zones") == []


def test_each_version_of_pgbouncer_on_the_hosts_is_named_with_what_it_lacks() -> None:
    lines = found("PgBouncer", poolers=["1.18.0", "1.25.2", "1.26.1", "unknown"])
    assert [(verdict, text.split(" (")[0]) for verdict, text in lines] == [
        ("act", "PgBouncer 1.25.2 is refused: one wrong password as a role's first after a start or a changed list "
         "locks that role out. Install 1.26.1, which is recommended; 1.18 and 1.24.1 work too."),
        ("unknown", "a host runs version unknown"),
        ("look", "PgBouncer 1.18.0 lacks the repairs of CVE-2026-107350"),
        ("ok", "PgBouncer 1.26.1 has no open security report that reaches this set-up"),
    ]  # fmt: skip
    assert found("PgBouncer", poolers=[]) == [("look", "no host has published its version in the last 3 hours")]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ("ok", "the primary shows archive_mode on, max_wal_senders 35, wal_level replica")),
        ({"wal_level": "logical", "max_wal_senders": "3"}, (
            "ok", "the primary shows archive_mode on, max_wal_senders 3, wal_level logical",
        )),
        ({"wal_level": "minimal", "archive_mode": "off", "max_wal_senders": "2"}, (
            "act", "the primary shows archive_mode off, max_wal_senders 2, wal_level minimal; wal_level is to be "
            "replica or logical; max_wal_senders is to be 3 or more; archive_mode is to be on",
        )),
        ({"archive_mode": "off"}, (
            "look", "the primary shows archive_mode off, max_wal_senders 35, wal_level replica; archive_mode is to be "
            "on",
        )),
    ],
)  # fmt: skip
def test_what_the_primary_shows_decides(changes: dict[str, str], expected: tuple[str, str]) -> None:
    assert found("server", settings=SHOWN | changes) == [expected]


def test_each_replica_needs_a_sender_and_one_is_kept_for_the_next() -> None:
    three = [instance(), *(replica(number) for number in (1, 2, 3))]
    assert found("server", *three, settings=SHOWN | {"max_wal_senders": "3"}) == [
        ("act", "the primary shows archive_mode on, max_wal_senders 3, wal_level replica; max_wal_senders is to be 4 "
         "or more")
    ]  # fmt: skip


# The doctor looks on a Saturday at 03:00 UTC.
NIGHT = Sleep.of_expressions("cron(0 22 * * ? *)", "cron(0 7 ? * MON,TUE,WED,THU,FRI *)")
DAY = Sleep.of_expressions("cron(0 22 * * ? *)", "cron(0 2 ? * * *)")
START = "start it now: aws rds start-db-instance --db-instance-identifier langpont-prod-db"


@pytest.mark.parametrize(
    ("sleep", "verdict", "waits"),
    [
        (NIGHT, "ok", f"asleep until 2026-11-23 07:00 UTC (schedule); {START}"),
        (DAY, "act", "its schedule should have started it: aws scheduler list-schedules --name-prefix "
         f"langpont-prod-db; {START}"),
        (None, "act", f"somebody stopped it; {START}"),
    ],
)  # fmt: skip
def test_an_instance_that_is_stopped_says_until_when(sleep: Sleep | None, verdict: str, waits: str) -> None:
    (line,) = found("instances", instance(DBInstanceStatus="stopped"), sleep=sleep)
    assert line == (
        verdict,
        f"langpont-prod-db: primary, stopped, db.t3.medium, ap-northeast-1a, Multi-AZ, PostgreSQL 16.14; {waits}",
    )


def test_asleep_nothing_is_asked_of_the_server_and_no_backup_is_missed() -> None:
    of = instance(DBInstanceStatus="stopped", LatestRestorableTime=ago(hours=29))
    since = {"sleep": NIGHT, "recovery_points": [POINT | {"CreationDate": ago(hours=80)}]}
    assert found("server", of, settings=Unknown("no answer"), **since) == []
    assert [verdict for check in ("backups", "AWS Backup") for verdict, _ in found(check, of, **since)] == ["ok", "ok"]
    assert [verdict for check in ("backups", "AWS Backup") for verdict, _ in found(check, of, **since | {"sleep": None})
            ] == ["act", "act"]  # fmt: skip


def test_the_schedule_has_a_line_of_its_own() -> None:
    assert found("schedule", sleep=None) == []
    assert found("schedule", sleep=NIGHT) == [
        (
            "ok",
            "sleeps from 22:00 until 07:00 of mon, tue, wed, thu, fri UTC (07:00 and 16:00 in Japan); now it is to be "
            "asleep until 2026-11-23 07:00 UTC",
        )
    ]
    assert found("schedule", sleep=Unknown("AccessDenied: no.")) == [("unknown", "AccessDenied: no.")]
