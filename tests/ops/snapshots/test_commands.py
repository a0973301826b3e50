"""`snapshots create|list` as people and scripts meet them: whole texts in a pipe, exit codes, waiting."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import boto3
import botocore.client
import pytest

from tests.ops import NOW, Account, FakeClock, Outcome, add_snapshot, made_by_ops, refusing

Ops = Callable[..., Outcome]
MADE = "langpont-prod-manual-20261121-030000"
NEW = "langpont-prod-manual-20261120-030000"


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch, prod: Account) -> Account:
    """Snapshots that RDS begins by creating, at 0 %."""
    call = botocore.client.BaseClient._make_api_call

    def begin(self: Any, operation: str, parameters: Any) -> Any:
        answer = call(self, operation, parameters)
        if operation == "CreateDBSnapshot":
            set_(prod, "creating", 0)
        return answer

    monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", begin)
    return prod


def set_(account: Account, status: str, percent: int) -> None:
    account.snapshot(MADE).status, account.snapshot(MADE).percent_progress = status, percent


def test_a_snapshot_is_named_after_the_moment_and_carries_the_stacks_tags(prod: Account, ops: Ops) -> None:
    assert ops("snapshots", "create", "-s", "prod") == Outcome(
        0, f"{MADE} of langpont-prod-db: available after 0 s, 100 GiB\n", ""
    )
    (made,) = prod.rds.describe_db_snapshots(DBSnapshotIdentifier=MADE)["DBSnapshots"]
    assert {tag["Key"]: tag["Value"] for tag in made["TagList"]} == made_by_ops("prod", MADE)


def test_in_a_pipe_progress_is_a_line_every_half_minute(slow: Account, ops: Ops, clock: FakeClock) -> None:
    clock.at_sleep = [partial(set_, slow, "creating", done) for done in (10, 20, 30, 40, 50, 60)]
    clock.at_sleep.append(partial(set_, slow, "available", 100))
    assert ops("snapshots", "create", "-s", "prod") == Outcome(
        0,
        f"{MADE} of langpont-prod-db: available after 1 min 10 s, 100 GiB\n",
        f"{MADE} of langpont-prod-db: creating, 0 %, 0 s\n"
        f"{MADE} of langpont-prod-db: creating, 30 %, 30 s\n"
        f"{MADE} of langpont-prod-db: creating, 60 %, 1 min\n",
    )


def test_on_a_terminal_progress_is_a_bar_that_goes_away(
    slow: Account, ops: Ops, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "140")
    clock.at_sleep = [lambda: set_(slow, "creating", 40), lambda: set_(slow, "available", 100)]
    outcome = ops("snapshots", "create", "-s", "prod")
    assert (outcome.code, outcome.out) == (0, f"{MADE} of langpont-prod-db: available after 20 s, 100 GiB\n")
    assert "creating" in outcome.err
    assert "%" in outcome.err
    assert outcome.err.endswith("\x1b[2K")  # the last thing it does is to erase its line


def test_without_waiting_it_says_that_it_began(slow: Account, ops: Ops) -> None:
    assert ops("snapshots", "create", "-s", "prod", "--no-wait") == Outcome(
        0, f"{MADE} of langpont-prod-db: creating\n", ""
    )


def test_a_failed_snapshot_exits_with_1(slow: Account, ops: Ops, clock: FakeClock) -> None:
    clock.at_sleep = [lambda: set_(slow, "failed", 0)]
    code, out, err = ops("snapshots", "create", "-s", "prod")
    assert (code, out) == (1, "")
    assert err.splitlines()[-1] == (
        f"ops: {MADE} is failed: it cannot be restored from. See why: aws rds describe-events "
        f"--source-type db-snapshot --source-identifier {MADE}"
    )


def test_a_snapshot_that_vanishes_while_it_is_made_exits_with_1(slow: Account, ops: Ops, clock: FakeClock) -> None:
    clock.at_sleep = [slow.clear_snapshots]
    code, _, err = ops("snapshots", "create", "-s", "prod")
    assert code == 1
    assert err.splitlines()[-1] == f"ops: {MADE} is gone: somebody deleted it while it was made. Make another."


def test_ctrl_c_ends_the_waiting_and_says_what_goes_on(slow: Account, ops: Ops, clock: FakeClock) -> None:
    def press() -> None:
        raise KeyboardInterrupt

    clock.at_sleep = [press]
    code, out, err = ops("snapshots", "create", "-s", "prod")
    assert (code, out) == (130, "")
    assert err.splitlines()[-1] == (
        f"ops: No longer waiting; {MADE} goes on being made. See it: python -m ops snapshots list -s prod"
    )


def test_an_error_while_waiting_says_what_goes_on(slow: Account, ops: Ops, monkeypatch: pytest.MonkeyPatch) -> None:
    refusing(monkeypatch, "DescribeDBSnapshots", "ExpiredToken", lambda _: True)
    code, _, err = ops("snapshots", "create", "-s", "prod")
    assert code == 1
    assert err.splitlines()[-1] == (
        "ops: The AWS session has expired. Log in: aws sso login, AWS_PROFILE, or AWS_ACCESS_KEY_ID and "
        f"AWS_SECRET_ACCESS_KEY. {MADE} goes on being made. See it: python -m ops snapshots list -s prod"
    )


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        (
            "InvalidDBInstanceState",
            "langpont-prod-db cannot be snapshotted in its present state (available). Wait until it is available: "
            "python -m ops doctor -s prod",
        ),
        (
            "SnapshotQuotaExceeded",
            "The account has as many manual snapshots as it may in ap-northeast-1. Delete old ones: "
            "python -m ops snapshots prune -s prod",
        ),
        (
            "DBSnapshotAlreadyExists",
            f"{MADE} exists already: another command made it within this second, or an answer of AWS was lost. "
            "See it: python -m ops snapshots list -s prod",
        ),
        ("KMSKeyNotAccessibleFault", "CreateDBSnapshot: KMSKeyNotAccessibleFault: Not now."),
    ],
)
def test_what_rds_refuses_is_a_sentence(
    prod: Account, ops: Ops, monkeypatch: pytest.MonkeyPatch, code: str, sentence: str
) -> None:
    refusing(monkeypatch, "CreateDBSnapshot", code, lambda _: True)
    assert ops("snapshots", "create", "-s", "prod") == Outcome(1, "", f"ops: {sentence}\n")


def test_the_newest_generation_is_snapshotted_and_the_other_named(prod: Account, ops: Ops) -> None:
    for generation in (2, 10):
        prod.add_instance(f"langpont-prod-db-g{generation}", "prod")
    assert ops("snapshots", "create", "-s", "prod", "--no-wait") == Outcome(
        0,
        f"{MADE} of langpont-prod-db-g10: creating\n",
        "It is of generation 10; langpont-prod-db-g2, langpont-prod-db stands too and is not in it.\n",
    )


def test_a_database_with_another_projects_tags_is_left_alone(account: Account, ops: Ops) -> None:
    account.add_instance("langpont-prod-db", "prod", project="Other")
    account.clear_snapshots()
    assert ops("snapshots", "create", "-s", "prod") == Outcome(
        1,
        "",
        "ops: langpont-prod-db in ap-northeast-1 is not of stack prod by its tags (Environment=prod, Project=Other), "
        "so nothing is done to it. Correct the tags, or the stack's name.\n",
    )
    assert account.snapshots() == set()


def test_a_stack_without_a_database_is_a_sentence(prod: Account, ops: Ops) -> None:
    assert ops("snapshots", "create", "-s", "staging") == Outcome(
        1,
        "",
        "ops: There is no primary of stack staging in ap-northeast-1: no instance langpont-staging-db with the tags of "
        "the stack. Check --stack, AWS_DEFAULT_REGION and the account.\n",
    )


def test_the_list_shows_all_that_can_be_restored_from(prod: Account, ops: Ops) -> None:
    add_snapshot(prod, MADE, created=None, status="creating")
    add_snapshot(prod, NEW, created=NOW - timedelta(days=1))
    copied = {"Environment": "prod", "Project": "LangPont", "ManagedBy": "Pulumi"}
    add_snapshot(prod, "langpont-prod-db-final-0a1b2c3d", created=NOW - timedelta(days=3, hours=5), carried=copied)
    add_snapshot(prod, "before-migration", created=NOW - timedelta(hours=30), carried=copied)
    add_snapshot(
        prod, "rds:langpont-prod-db-2026-11-21", created=NOW - timedelta(minutes=3), kind="automated", carried=copied
    )
    add_snapshot(prod, "awsbackup:job-1", created=NOW - timedelta(hours=6), kind="awsbackup", carried=copied)
    add_snapshot(
        prod, "langpont-prod-eu-manual-20261120-030000", environment="prod-eu", created=NOW - timedelta(days=1)
    )
    prod.snapshot("before-migration").encrypted = False
    for name in prod.snapshots() - {"before-migration"}:
        prod.snapshot(name).encrypted = True
    assert ops("snapshots", "list", "-s", "prod") == Outcome(
        0,
        "snapshot                              age         size     status         made by           storage\n"
        "langpont-prod-manual-20261121-030000  ?           100 GiB  creating 40 %  ops               encrypted\n"
        "rds:langpont-prod-db-2026-11-21       3 min       100 GiB  available      RDS               encrypted\n"
        "awsbackup:job-1                       6 h         100 GiB  available      AWS Backup        encrypted\n"
        "langpont-prod-manual-20261120-030000  1 day       100 GiB  available      ops               encrypted\n"
        "before-migration                      1 day 6 h   100 GiB  available      somebody          NOT encrypted\n"
        "langpont-prod-db-final-0a1b2c3d       3 days 5 h  100 GiB  available      RDS, at deletion  encrypted\n",
        "",
    )


def test_an_empty_list_is_a_sentence(prod: Account, ops: Ops) -> None:
    assert ops("snapshots", "list", "-s", "prod") == Outcome(0, "Stack prod has no snapshot in ap-northeast-1.\n", "")


def test_of_an_instance_that_sleeps_none_is_made_and_the_way_out_is_told(prod: Account, ops: Ops) -> None:
    scheduler = boto3.client("scheduler", region_name=prod.rds.meta.region_name)
    for action, expression in (("stop", "cron(0 22 * * ? *)"), ("start", "cron(0 7 ? * MON *)")):
        scheduler.create_schedule(
            Name=f"langpont-prod-db-{action}", ScheduleExpression=expression, FlexibleTimeWindow={"Mode": "OFF"},
            Target={"Arn": f"arn:aws:scheduler:::aws-sdk:rds:{action}DBInstance", "RoleArn": "arn:aws:iam::1:role/r"},
        )  # fmt: skip
    prod.rds.stop_db_instance(DBInstanceIdentifier="langpont-prod-db")
    assert ops("snapshots", "create", "-s", "prod") == Outcome(
        1, "",
        "ops: langpont-prod-db is stopped, and RDS makes no snapshot of it then: asleep until 2026-11-23 07:00 UTC "
        "(schedule); start it now: aws rds start-db-instance --db-instance-identifier langpont-prod-db\n",
    )  # fmt: skip
    assert prod.rds.describe_db_snapshots(SnapshotType="manual")["DBSnapshots"] == []
