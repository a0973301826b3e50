"""Sleep: two schedules for each primary, what their role may, and what the other components make of a schedule."""

from __future__ import annotations

import json
from typing import Any

import pytest

from recording.recording import Recording
from tests.components.test_generations import SECOND
from tests.recordings import ACCOUNT, answer, arn, inputs, names, record_with, recording

SCHEDULE = "aws:scheduler/schedule:Schedule"
ROLE, ROLE_POLICY = "aws:iam/role:Role", "aws:iam/rolePolicy:RolePolicy"
FUNCTION, PLAN = "aws:lambda/function:Function", "aws:backup/plan:Plan"
SUBSCRIPTION = "aws:sns/topicSubscription:TopicSubscription"
NIGHT = {"stop": "13:00", "start": "00:00", "days": ["mon", "tue", "wed", "thu", "fri"]}


def asleep(changes: dict[str, Any] | None = None) -> Recording:
    return record_with("dev", {"schedule": NIGHT, **(changes or {})})


def test_it_is_stopped_every_day_and_started_on_its_days_by_rdss_own_calls() -> None:
    recorded = asleep()
    role = arn(recorded, ROLE, "langpont-dev-sleep-role")
    for action, expression in (("stop", "cron(0 13 * * ? *)"), ("start", "cron(0 0 ? * MON,TUE,WED,THU,FRI *)")):
        assert inputs(recorded, SCHEDULE, f"langpont-dev-sleep-primary-{action}") == {
            "name": f"langpont-dev-db-{action}",
            "description": f"langpont-dev: {action}s langpont-dev-db",
            "scheduleExpression": expression,
            "scheduleExpressionTimezone": "UTC",
            "flexibleTimeWindow": {"mode": "OFF"},
            "target": {
                "arn": f"arn:aws:scheduler:::aws-sdk:rds:{action}DBInstance",
                "roleArn": role,
                "input": '{"DbInstanceIdentifier": "langpont-dev-db"}',
                "retryPolicy": {"maximumEventAgeInSeconds": 3600, "maximumRetryAttempts": 20},
            },
        }


def test_its_role_may_stop_and_start_these_instances_and_nothing_else() -> None:
    recorded = asleep()
    assert json.loads(inputs(recorded, ROLE_POLICY, "langpont-dev-sleep-policy")["policy"]) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "StopAndStart",
                "Effect": "Allow",
                "Action": ["rds:StartDBInstance", "rds:StopDBInstance"],
                "Resource": [f"arn:aws:rds:ap-northeast-1:{ACCOUNT}:db:langpont-dev-db"],
            }
        ],
    }
    (trusted,) = json.loads(inputs(recorded, ROLE, "langpont-dev-sleep-role")["assumeRolePolicy"])["Statement"]
    assert (trusted["Principal"], trusted["Condition"]) == (
        {"Service": "scheduler.amazonaws.com"}, {"StringEquals": {"aws:SourceAccount": ACCOUNT}},
    )  # fmt: skip
    for action in ("stop", "start"):  # the role does not say that its permission stands
        schedule = recorded.one(SCHEDULE, f"langpont-dev-sleep-primary-{action}")
        assert recorded.one(ROLE_POLICY, "langpont-dev-sleep-policy").urn in schedule.dependencies


def test_a_generation_that_is_kept_sleeps_too() -> None:
    recorded = asleep(SECOND)
    assert {
        json.loads(inputs(recorded, SCHEDULE, name)["target"]["input"])["DbInstanceIdentifier"]
        for name in names(recorded, SCHEDULE)
        if "sleep" in name
    } == {"langpont-dev-db", "langpont-dev-db-g2"}
    (statement,) = json.loads(inputs(recorded, ROLE_POLICY, "langpont-dev-sleep-policy")["policy"])["Statement"]
    assert [each.rpartition(":")[2] for each in statement["Resource"]] == ["langpont-dev-db", "langpont-dev-db-g2"]


def test_both_functions_know_when_it_is_awake() -> None:
    for function in ("roles", "metrics"):
        with_, without = (
            json.loads(inputs(each, FUNCTION, f"langpont-dev-functions-{function}")["code"].files["definition.json"])
            for each in (asleep(), recording("dev"))
        )
        assert with_ == without | {
            "sleep": {
                "awake": [[0, 780], [1440, 2220], [2880, 3660], [4320, 5100], [5760, 6540]],
                "startingMinutes": 30,
            }
        }


def test_aws_backup_leaves_out_the_days_on_which_its_jobs_would_fail() -> None:
    recorded = asleep({"backups": {"vaultTime": "05:30"}})
    assert {
        rule["ruleName"]: rule["schedule"]
        for rule in inputs(recorded, PLAN, "langpont-dev-backups-plan")["rules"]
    } == {"daily": "cron(30 5 ? * MON,TUE,WED,THU,FRI *)", "monthly": "cron(30 5 ? * MON#1 *)"}  # fmt: skip


@pytest.mark.parametrize(
    ("schedule", "told"),
    [
        (None, None),
        (
            NIGHT,
            {"EventID": [{"anything-but": ["RDS-EVENT-0004", "RDS-EVENT-0006", "RDS-EVENT-0087", "RDS-EVENT-0088"]}]},
        ),
    ],
)
def test_rdss_events_of_each_stop_and_start_are_not_mailed(schedule: Any, told: Any) -> None:
    recorded = record_with("dev", {"schedule": schedule, "monitoring": {"alertEmails": ["a@langpont.example"]}})
    policies = {
        name.removeprefix("langpont-dev-monitoring-"): inputs(recorded, SUBSCRIPTION, name).get("filterPolicy")
        for name in names(recorded, SUBSCRIPTION)
    }
    events = policies["events-a@langpont.example"]
    assert (events and json.loads(events)) == told
    assert policies["critical-events-a@langpont.example"] is None


def test_a_stack_without_a_schedule_has_none_of_it() -> None:
    assert [name for name in names(recording("dev"), SCHEDULE) if "sleep" in name] == []
    assert answer(recording("dev"), ROLE, "langpont-dev-functions-schedule-role")
