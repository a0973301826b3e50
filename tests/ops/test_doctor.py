"""`doctor`: the whole screen over canned answers, and over moto."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ops import threads
from ops.clock import Clock
from ops.doctor import facts
from tests.ops import ACCOUNT, REGION, Account, Outcome, pairs, run_ops
from tests.ops.healthy import BUDGET, POINT, SNAPSHOT, SUPPORT, TAGS, ago, ahead, instance, replica

Ops = Callable[..., Outcome]


def alarm(name: str, state: str = "OK", severity: str = "warning", environment: str = "prod") -> dict[str, Any]:
    return {
        "AlarmName": name,
        "AlarmArn": f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{name}",
        "StateValue": state,
        "StateTransitionedTimestamp": ago(hours=1),
        "AlarmDescription": f"[{severity}] What. Next: do. Runbook: docs/runbook.md#key",
        "tags": {"Environment": environment, "Project": "LangPont", "Severity": severity},
    }


NO_SCHEDULE = ClientError({"Error": {"Code": "ResourceNotFoundException", "Message": "none"}}, "GetSchedule")
SHOWN = {"archive_mode": "on", "max_wal_senders": "35", "wal_level": "replica"}
SUBSCRIPTION = {"SubscriptionArn": "arn:aws:sns:1", "Protocol": "email", "Endpoint": "a@langpont.example"}


def pairs_of(dimensions: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Name": name, "Value": value} for name, value in dimensions.items()]


def canned(
    answers: dict[str, Any],
    instances: list[dict[str, Any]],
    *,
    alarms: list[dict[str, Any]] | None = None,
    maintenance: list[dict[str, Any]] | None = None,
    lags: Mapping[str, float] | None = None,
) -> None:
    """All of AWS's answers."""
    known = [alarm("langpont-prod-primary-cpu-high")] if alarms is None else alarms
    seconds = {"langpont-prod-replica-1": 12.0, "langpont-prod-replica-2": 12.0} if lags is None else lags

    def metrics(asked: Mapping[str, Any]) -> dict[str, Any]:
        results = []
        for query in asked["MetricDataQueries"]:
            (dimension,) = query["MetricStat"]["Metric"]["Dimensions"]
            values = [seconds[dimension["Value"]], 999.0] if dimension["Value"] in seconds else []
            times = [ago(minutes=1), ago(minutes=2)][: len(values)]
            results.append({"Id": query["Id"], "Timestamps": times, "Values": values})
        return {"MetricDataResults": results}

    tagged = {
        "cloudwatch:alarm": [{"ResourceARN": each["AlarmArn"], "Tags": pairs(each["tags"])} for each in known],
        "sns": [
            {"ResourceARN": f"arn:aws:sns:{REGION}:{ACCOUNT}:langpont-prod-alerts", "Tags": pairs(TAGS)},
            {"ResourceARN": f"arn:aws:sns:{REGION}:{ACCOUNT}:of-somebody", "Tags": pairs({"Environment": "prod"})},
        ],
    }
    answers |= {
        "DescribeDBInstances": {"DBInstances": instances},
        "DescribePendingMaintenanceActions": {"PendingMaintenanceActions": maintenance or []},
        "GetMetricData": metrics,
        "ListRecoveryPointsByResource": {"RecoveryPoints": [POINT]},
        "DescribeDBSnapshots": {"DBSnapshots": [SNAPSHOT]},
        "DescribeAlarms": {"MetricAlarms": [{k: v for k, v in each.items() if k != "tags"} for each in known]},
        "GetResources": lambda asked: {"ResourceTagMappingList": tagged[asked["ResourceTypeFilters"][0]]},
        "ListSubscriptionsByTopic": {"Subscriptions": [SUBSCRIPTION]},
        "GetTopicAttributes": {"Attributes": {"SubscriptionsDeleted": "0"}},
        "DescribeAccountAttributes": {
            "AccountQuotas": [{"AccountQuotaName": "ManualSnapshots", "Used": 3, "Max": 100}]
        },
        "GetFunction": {"Tags": TAGS},
        "GetSchedule": NO_SCHEDULE,
        "Invoke": lambda _: {
            "Payload": BytesIO(json.dumps({"action": "show", "ok": True, "settings": SHOWN, "obstacles": []}).encode())
        },
        "ListMetrics": {"Metrics": [{"Dimensions": pairs_of({"Stack": "prod", "Version": "1.26.1"})}]},
        "GetCallerIdentity": {"Account": ACCOUNT},
        "DescribeBudgets": {"Budgets": [BUDGET]},
        "DescribeSecret": {"ARN": "arn", "Name": "secret"},
        "DescribeDBMajorEngineVersions": {"DBMajorEngineVersions": [{"SupportedEngineLifecycles": [SUPPORT]}]},
    }


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine takes long, which is no matter here: the note about it has a test of its own."""
    monkeypatch.setattr(facts, "NOTE_AFTER_SECONDS", 600.0)


def test_a_healthy_stack_is_all_ok_and_exits_with_0(ops: Ops, answers: dict[str, Any]) -> None:
    canned(answers, [instance(), replica(1), replica(2, DBInstanceClass="db.t3.large")])
    assert ops("doctor", "-s", "prod") == Outcome(
        0,
        "stack prod in ap-northeast-1, 2026-11-21 03:00 UTC\n"
        "ok  instances    langpont-prod-db: primary, available, db.t3.medium, ap-northeast-1a, Multi-AZ, PostgreSQL "
        "16.14\n"
        "ok  instances    langpont-prod-replica-1: replica 1, available, db.t3.medium, ap-northeast-1c, PostgreSQL "
        "16.14\n"
        "ok  instances    langpont-prod-replica-2: replica 2, available, db.t3.large, ap-northeast-1c, PostgreSQL "
        "16.14\n"
        "ok  changes      all 3 instances: nothing waits\n"
        "ok  parameters   all 3 instances: in-sync\n"
        "ok  maintenance  nothing pending\n"
        "ok  server       the primary shows archive_mode on, max_wal_senders 35, wal_level replica\n"
        "ok  zones        all 2 replicas: in another zone than its primary\n"
        "ok  replica lag  all 2 replicas: 12 s at 2026-11-21 02:59 UTC\n"
        "ok  backups      langpont-prod-db: restorable to 2026-11-21 02:56 UTC, 4 min ago, and to any time of the last "
        "7 days\n"
        "ok  AWS Backup   langpont-prod-db: 2026-11-20 20:30 UTC, 6 h 30 min ago\n"
        "ok  snapshots    langpont-prod-manual-20261118-030000: 3 days ago, 100 GiB\n"
        "ok  quota        3 of 100 manual snapshots of the region\n"
        "ok  alarms       0 of 1 firing, 0 without data\n"
        "ok  topics       langpont-prod-alerts: 1 confirmed\n"
        "ok  PgBouncer    PgBouncer 1.26.1 has no open security report that reaches this set-up\n"
        "ok  certificate  all 3 instances: of rds-ca-rsa2048-g1, until 2027-06-09\n"
        "ok  engine       PostgreSQL 16: RDS's standard support ends 2029-02-28\n"
        "ok  engine       next major: it upgrades in place to 17.10, 17.11, 18.4, 18.6; in the way: nothing that AWS "
        "and the database show. Other databases of the server were not asked: docs/runbook.md, Upgrading to the next "
        "major\n"
        "ok  storage      all 3 instances: 100 GiB, grows to 1000 GiB\n"
        "ok  budget       310.50 of 600.00 USD spent this month, 480.00 forecast; RDS in the whole account\n"
        "0 act, 0 unknown, 0 look, 21 ok\n",
        "",
    )


def test_a_sick_stack_says_the_worst_first_and_exits_with_1(ops: Ops, answers: dict[str, Any]) -> None:
    canned(
        answers,
        [
            instance(
                DBInstanceStatus="storage-full",
                PendingModifiedValues={"DBInstanceClass": "db.m7g.large", "MasterUserPassword": "hunter2"},
                AllocatedStorage=1000,
            ),
            replica(1, DBParameterGroups=[{"ParameterApplyStatus": "pending-reboot"}]),
        ],
        alarms=[
            alarm("langpont-prod-primary-cpu-high", "ALARM"),
            alarm("langpont-prod-primary-storage-low", "ALARM", "critical"),
            alarm("langpont-prod-primary-load-high", "INSUFFICIENT_DATA"),
            alarm("langpont-prod-eu-primary-storage-low", "ALARM", "critical", environment="prod-eu"),
        ],
        maintenance=[
            {
                "ResourceIdentifier": f"arn:aws:rds:{REGION}:{ACCOUNT}:db:langpont-prod-db",
                "PendingMaintenanceActionDetails": [
                    {"Action": "system-update", "Description": "New Operating System update",
                     "CurrentApplyDate": ahead(days=7), "ForcedApplyDate": ahead(days=30)}
                ],
            },
            {
                "ResourceIdentifier": f"arn:aws:rds:{REGION}:{ACCOUNT}:db:langpont-prod-eu-db",
                "PendingMaintenanceActionDetails": [{"Action": "system-update"}],
            },
        ],
        lags={},
    )  # fmt: skip
    del answers["ListRecoveryPointsByResource"], answers["DescribeBudgets"]
    code, out, err = ops("doctor", "-s", "prod")
    assert (code, err) == (1, "")
    assert out == (
        "stack prod in ap-northeast-1, 2026-11-21 03:00 UTC\n"
        "act      instances    langpont-prod-db: primary, storage-full, db.t3.medium, ap-northeast-1a, Multi-AZ, "
        "PostgreSQL 16.14\n"
        "act      alarms       langpont-prod-primary-storage-low since 2026-11-21 02:00 UTC: [critical] What. Next: "
        "do. Runbook: docs/runbook.md#key\n"
        "act      storage      langpont-prod-db: 1000 GiB, grows to 1000 GiB\n"
        "unknown  AWS Backup   AccessDenied: User: me is not authorized. Use a role that may call "
        "ListRecoveryPointsByResource.\n"
        "unknown  budget       AccessDenied: User: me is not authorized. Use a role that may call "
        "DescribeBudgets.\n"
        "look     changes      langpont-prod-db: DBInstanceClass db.m7g.large, MasterUserPassword (not shown) waits "
        "for sat:18:00-sat:19:00 UTC\n"
        "look     parameters   langpont-prod-replica-1: pending-reboot; static parameters wait for a restart\n"
        "look     maintenance  langpont-prod-db: system-update (New Operating System update), on 2026-11-28 03:00 UTC, "
        "forced on 2026-12-21 03:00 UTC\n"
        "look     replica lag  langpont-prod-replica-1: no data in the last 15 min\n"
        "look     alarms       langpont-prod-primary-cpu-high since 2026-11-21 02:00 UTC: [warning] What. Next: "
        "do. Runbook: docs/runbook.md#key\n"
        "ok       instances    langpont-prod-replica-1: replica 1, available, db.t3.medium, ap-northeast-1c, "
        "PostgreSQL 16.14\n"
        "ok       changes      langpont-prod-replica-1: nothing waits\n"
        "ok       parameters   langpont-prod-db: in-sync\n"
        "ok       server       the primary shows archive_mode on, max_wal_senders 35, wal_level replica\n"
        "ok       zones        langpont-prod-replica-1: in another zone than its primary\n"
        "ok       backups      langpont-prod-db: restorable to 2026-11-21 02:56 UTC, 4 min ago, and to any time of the "
        "last 7 days\n"
        "ok       snapshots    langpont-prod-manual-20261118-030000: 3 days ago, 100 GiB\n"
        "ok       quota        3 of 100 manual snapshots of the region\n"
        "ok       alarms       2 of 3 firing, 1 without data\n"
        "ok       topics       langpont-prod-alerts: 1 confirmed\n"
        "ok       PgBouncer    PgBouncer 1.26.1 has no open security report that reaches this set-up\n"
        "ok       certificate  all 2 instances: of rds-ca-rsa2048-g1, until 2027-06-09\n"
        "ok       engine       PostgreSQL 16: RDS's standard support ends 2029-02-28\n"
        "ok       engine       next major: it upgrades in place to 17.10, 17.11, 18.4, 18.6; in the way: "
        "langpont-prod-db is storage-full, langpont-prod-db has pending changes. Other databases of the "
        "server were not asked: docs/runbook.md, Upgrading to the next major\n"
        "ok       storage      langpont-prod-replica-1: 100 GiB, grows to 1000 GiB\n"
        "3 act, 2 unknown, 5 look, 15 ok\n"
    )


def test_json_says_the_same(ops: Ops, answers: dict[str, Any]) -> None:
    canned(answers, [instance(BackupRetentionPeriod=0)])
    code, out, _ = ops("doctor", "-s", "prod", "--json")
    document = json.loads(out)
    assert (code, {key: document[key] for key in ("stack", "region", "at", "verdict")}) == (
        1, {"stack": "prod", "region": REGION, "at": "2026-11-21T03:00:00+00:00", "verdict": "act"},
    )  # fmt: skip
    assert document["checks"][0] == {
        "verdict": "act", "check": "backups", "text": "langpont-prod-db: automated backups are off",
    }  # fmt: skip
    assert [(each["verdict"], each["check"]) for each in document["checks"][1:]] == [
        ("ok", check)
        for check in ("instances", "changes", "parameters", "maintenance", "server", "replica lag", "AWS Backup",
                      "snapshots", "quota", "alarms", "topics", "PgBouncer", "certificate", "engine", "engine",
                      "storage", "budget")
    ]  # fmt: skip


@pytest.mark.parametrize("operation", [
    "DescribePendingMaintenanceActions", "GetMetricData", "ListRecoveryPointsByResource", "DescribeDBSnapshots",
    "DescribeAlarms", "ListSubscriptionsByTopic", "GetTopicAttributes", "DescribeAccountAttributes", "ListMetrics",
    "GetFunction", "Invoke",
    "GetCallerIdentity", "DescribeBudgets", "DescribeDBMajorEngineVersions",
])  # fmt: skip
def test_a_call_that_is_denied_hides_no_other_line(ops: Ops, answers: dict[str, Any], operation: str) -> None:
    canned(answers, [instance(), replica()])
    before = {line for _, line in lines_of(ops("doctor", "-s", "prod").out)}
    del answers[operation]
    code, out, err = ops("doctor", "-s", "prod")
    new = [line for line in lines_of(out) if line[1] not in before]
    ((verdict, denied),) = [line for line in new if "The database was not asked" not in line[1]]
    assert (code, err, len(lines_of(out))) == (0, "", len(before))
    assert verdict == ("ok" if operation == "DescribeDBMajorEngineVersions" else "unknown")
    assert "AccessDenied: User: me is not authorized." in denied
    assert operation in denied


def test_tags_that_may_not_be_asked_for_hide_alarms_and_topics_alone(ops: Ops, answers: dict[str, Any]) -> None:
    canned(answers, [instance()])
    del answers["GetResources"]
    reason = "AccessDenied: User: me is not authorized. Use a role that may call GetResources."
    lines = lines_of(ops("doctor", "-s", "prod").out)
    assert [line for line in lines if line[0] != "ok"] == [
        ("unknown", f"alarms {reason}"),
        ("unknown", f"topics {reason}"),
    ]


def lines_of(out: str) -> list[tuple[str, str]]:
    """Verdict, and check with text."""
    return [(line.split()[0], " ".join(line.split()[1:])) for line in out.splitlines()[1:-1]]


def test_without_sight_of_the_instances_nothing_is_well(ops: Ops, answers: dict[str, Any]) -> None:
    canned(answers, [])
    del answers["DescribeDBInstances"]
    code, out, _ = ops("doctor", "-s", "prod")
    assert (code, lines_of(out)) == (
        1,
        [
            (
                "act",
                "instances not to be seen: AccessDenied: User: me is not authorized. Use a role that may call "
                "DescribeDBInstances.",
            ),
            ("ok", "snapshots langpont-prod-manual-20261118-030000: 3 days ago, 100 GiB"),
            ("ok", "quota 3 of 100 manual snapshots of the region"),
            ("ok", "alarms 0 of 1 firing, 0 without data"),
            ("ok", "topics langpont-prod-alerts: 1 confirmed"),
            ("ok", "PgBouncer PgBouncer 1.26.1 has no open security report that reaches this set-up"),
            ("ok", "budget 310.50 of 600.00 USD spent this month, 480.00 forecast; RDS in the whole account"),
        ],
    )


def test_a_note_says_that_it_takes_long(ops: Ops, answers: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    told = threading.Event()
    canned(answers, [instance()])
    budgets = answers["DescribeBudgets"]
    answers["DescribeBudgets"] = lambda _: told.wait(20) and budgets
    monkeypatch.setattr(facts, "NOTE_AFTER_SECONDS", 0.05)
    plain = threads.gather

    def gather(tasks: Any, *, every_seconds: float, waiting: Callable[[float], None]) -> Any:
        def tell(seconds: float) -> None:
            waiting(seconds)
            told.set()

        return plain(tasks, every_seconds=every_seconds, waiting=tell)

    monkeypatch.setattr(threads, "gather", gather)
    code, out, err = ops("doctor", "-s", "prod")
    assert (code, err.splitlines()[0]) == (0, "Asking AWS ... 0 s")
    assert out.splitlines()[-1] == "0 act, 0 unknown, 0 look, 18 ok"


def test_a_stack_that_is_not_there_is_a_sentence(ops: Ops, answers: dict[str, Any]) -> None:
    canned(answers, [instance("langpont-prod-eu-db", TagList=pairs(TAGS | {"Environment": "prod-eu"}))])
    assert ops("doctor", "-s", "prod") == Outcome(
        1,
        "",
        "ops: There is no primary of stack prod in ap-northeast-1: no instance langpont-prod-db with the tags of the "
        "stack. Check --stack, AWS_DEFAULT_REGION and the account.\n",
    )


def test_over_moto_what_it_lacks_is_unknown_and_the_rest_is_there(
    capsys: pytest.CaptureFixture[str], account: Account
) -> None:
    account.add_instance("langpont-prod-db", "prod")
    account.add_instance("langpont-prod-eu-db", "prod-eu")
    account.clear_snapshots()
    code, out, err = run_ops(capsys, Clock(), "doctor", "-s", "prod")  # moto's times are of the day
    assert (code, err) == (0, "")
    assert [line for line in lines_of(out) if not line[1].startswith(("backups", "engine"))] == [
        (
            "unknown",
            "maintenance AWS cannot be asked: The describe_pending_maintenance_actions action has not been "
            "implemented.",
        ),
        (
            "unknown",
            "server There is no function langpont-prod-roles in ap-northeast-1. pulumi up -s prod makes it; or check "
            "--stack, AWS_DEFAULT_REGION and the account.",
        ),
        ("unknown", "AWS Backup The endpoint does not know ListRecoveryPointsByResource (HTTP 404)."),
        (
            "unknown",
            "quota AWS cannot be asked: The describe_account_attributes action has not been implemented.",
        ),
        ("unknown", "certificate langpont-prod-db: of rds-ca-default; RDS tells no expiry"),
        ("look", "alarms 0 of 0 firing, 0 without data"),
        ("look", "topics no topic with the stack's tags"),
        ("look", "PgBouncer no host has published its version in the last 3 hours"),
        ("look", "budget no budget langpont-prod-monitoring-budget-*"),
        (
            "ok",
            "instances langpont-prod-db: primary, available, db.t3.medium, ap-northeast-1a, PostgreSQL 16.14",
        ),
        ("ok", "changes langpont-prod-db: nothing waits"),
        ("ok", "parameters langpont-prod-db: in-sync"),
        ("ok", "replica lag no replicas"),
        ("ok", "snapshots no manual one"),
        ("ok", "storage langpont-prod-db: 100 GiB, grows to 1000 GiB"),
    ]
    assert "restorable to " in out


def test_verdicts_are_coloured_for_people(ops: Ops, answers: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "100")
    canned(answers, [instance(DBInstanceStatus="failed")])
    printed = ops("doctor", "-s", "prod").out.splitlines()
    assert printed[1].startswith("\x1b[1;31mact\x1b[0m  instances    langpont-prod-db: primary, failed, ")
    assert printed[2].startswith(" " * 18)  # the text goes on under itself
    assert "\x1b[32mok \x1b[0m" in printed[3]
