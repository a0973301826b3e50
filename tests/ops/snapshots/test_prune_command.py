"""`snapshots prune` as people and scripts meet it: whole texts, questions, failures. What is deleted: test_prune."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import botocore.client
import pytest
import typer

from ops.snapshots import commands
from tests.ops import NOW, Account, FakeClock, Outcome, add_snapshot, refusing

Ops = Callable[..., Outcome]
OLD, YOUNGER = "langpont-prod-manual-20260901-030000", "langpont-prod-manual-20261015-030000"
NEW = "langpont-prod-manual-20261120-030000"


def mixed(account: Account) -> None:
    add_snapshot(account, OLD)
    add_snapshot(account, YOUNGER, created=NOW - timedelta(days=37))
    add_snapshot(account, NEW, created=NOW - timedelta(days=1))
    add_snapshot(account, "langpont-prod-db-final-0a1b2c3d", carried={"Environment": "prod", "Project": "LangPont"})
    add_snapshot(account, "langpont-prod-eu-manual-20260901-030000", environment="prod-eu")


PLANNED = (
    "snapshot                              age              because\n"
    "langpont-prod-manual-20261120-030000  1 day    keep    the newest\n"
    "langpont-prod-manual-20261015-030000  37 days  delete  not younger than 30 days\n"
    "langpont-prod-manual-20260901-030000  81 days  delete  not younger than 30 days\n"
    "langpont-prod-db-final-0a1b2c3d       81 days  keep    not made by ops: no tag langpont:made-by=ops\n"
    "4 manual snapshots of stack prod: 2 to delete, 2 to keep. 1 snapshot of others left out.\n"
)


def test_a_dry_run_says_what_would_happen_and_does_nothing(prod: Account, ops: Ops) -> None:
    mixed(prod)
    before = prod.snapshots()
    outcome = ops("snapshots", "prune", "-s", "prod", "--dry-run", "--yes")
    assert outcome == Outcome(0, f"{PLANNED}Dry run: nothing was deleted.\n", "")
    assert prod.snapshots() == before


def test_a_prune_deletes_and_says_so(prod: Account, ops: Ops) -> None:
    mixed(prod)
    assert ops("snapshots", "prune", "-s", "prod", "--yes") == Outcome(
        0, f"{PLANNED}{OLD}: deleted\n{YOUNGER}: deleted\n", ""
    )
    assert prod.snapshots() == {
        NEW, "langpont-prod-db-final-0a1b2c3d", "langpont-prod-eu-manual-20260901-030000",
    }  # fmt: skip


def test_one_that_cannot_be_deleted_does_not_stop_the_others(
    prod: Account, ops: Ops, monkeypatch: pytest.MonkeyPatch
) -> None:
    mixed(prod)
    doomed = OLD
    refusing(
        monkeypatch, "DeleteDBSnapshot", "InvalidDBSnapshotState", lambda asked: asked["DBSnapshotIdentifier"] == doomed
    )
    code, out, err = ops("snapshots", "prune", "-s", "prod", "--yes")
    assert (code, out) == (1, f"{PLANNED}{YOUNGER}: deleted\n")
    assert err == (
        f"ops: 1 of 2 snapshots not deleted:\n  {doomed}: DeleteDBSnapshot: InvalidDBSnapshotState: Not now.\n"
    )
    assert prod.snapshots() >= {doomed, NEW}


def test_one_that_takes_long_to_go_is_still_deleting(
    prod: Account, ops: Ops, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_snapshot(prod, OLD)
    add_snapshot(prod, NEW, created=NOW - timedelta(days=1))
    call = botocore.client.BaseClient._make_api_call

    def linger(self: Any, operation: str, parameters: Any) -> Any:
        return {} if operation == "DeleteDBSnapshot" else call(self, operation, parameters)

    monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", linger)
    code, out, _ = ops("snapshots", "prune", "-s", "prod", "--yes")
    assert (code, out.splitlines()[-1]) == (0, f"{OLD}: deleting")
    assert clock.slept == commands.DELETION_WAIT.total_seconds()


def test_one_that_somebody_else_deleted_meanwhile_is_no_failure(
    prod: Account, ops: Ops, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_snapshot(prod, OLD)
    add_snapshot(prod, NEW, created=NOW - timedelta(days=1))
    refusing(monkeypatch, "DeleteDBSnapshot", "DBSnapshotNotFound", lambda _: True)
    code, out, err = ops("snapshots", "prune", "-s", "prod", "--yes")
    assert (code, out.splitlines()[-1], err) == (0, f"{OLD}: gone already", "")


def test_ctrl_c_while_deleting_says_what_is_left(prod: Account, ops: Ops, monkeypatch: pytest.MonkeyPatch) -> None:
    mixed(prod)
    call = botocore.client.BaseClient._make_api_call

    def press(self: Any, operation: str, parameters: Any) -> Any:
        if operation == "DeleteDBSnapshot" and parameters["DBSnapshotIdentifier"] == YOUNGER:
            raise KeyboardInterrupt
        return call(self, operation, parameters)

    monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", press)
    code, _, err = ops("snapshots", "prune", "-s", "prod", "--yes")
    assert code == 130
    assert err == f"ops: Stopped. Deleted or being deleted: {OLD}. Left: {YOUNGER}.\n"


def test_without_a_person_to_ask_nothing_is_deleted(prod: Account, ops: Ops, monkeypatch: pytest.MonkeyPatch) -> None:
    mixed(prod)
    before = prod.snapshots()
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False)
    assert ops("snapshots", "prune", "-s", "prod") == Outcome(
        1,
        PLANNED,
        "ops: Nobody can be asked here, so nothing was deleted. Say --yes to delete, --dry-run to look.\n",
    )
    assert prod.snapshots() == before


@pytest.mark.parametrize("agrees", [True, False])
def test_a_person_is_asked(prod: Account, ops: Ops, monkeypatch: pytest.MonkeyPatch, agrees: bool) -> None:
    mixed(prod)
    asked = []

    def answer(question: str, err: bool) -> bool:
        asked.append((question, err))
        return agrees

    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr(typer, "confirm", answer)
    code, out, _ = ops("snapshots", "prune", "-s", "prod")
    assert asked == [("Delete 2 snapshots for good?", True)]
    assert (code, out.splitlines()[-1]) == (0, f"{YOUNGER}: deleted" if agrees else "Nothing was deleted.")
    assert (OLD in prod.snapshots()) is not agrees


def test_what_changed_while_a_person_was_asked_is_seen(
    prod: Account, ops: Ops, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody deletes the newest meanwhile: then the one after it is the newest, and stays."""
    add_snapshot(prod, OLD)
    add_snapshot(prod, NEW, created=NOW - timedelta(days=1))
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr(typer, "confirm", lambda *_, **__: bool(prod.rds.delete_db_snapshot(DBSnapshotIdentifier=NEW)))
    assert ops("snapshots", "prune", "-s", "prod").code == 0
    assert prod.snapshots() == {OLD}


def test_ctrl_c_at_the_question_exits_with_130(prod: Account, ops: Ops, monkeypatch: pytest.MonkeyPatch) -> None:
    def press(*_: object, **__: object) -> bool:
        raise typer.Abort

    mixed(prod)
    before = prod.snapshots()
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr(typer, "confirm", press)
    code, _, err = ops("snapshots", "prune", "-s", "prod")
    assert (code, err) == (130, "ops: Stopped; nothing was changed.\n")
    assert prod.snapshots() == before


@pytest.mark.parametrize(
    ("age", "sentence"),
    [
        ("23h", "--older-than 23h is less than 1 day. Write 1 day or more, like 30d."),
        ("0d", "--older-than 0d is less than 1 day. Write 1 day or more, like 30d."),
        ("30", "--older-than 30 is not a number of hours, days or weeks. Write it like 36h, 30d or 8w."),
        ("1 month", "--older-than 1 month is not a number of hours, days or weeks. Write it like 36h, 30d or 8w."),
        ("-30d", "--older-than -30d is not a number of hours, days or weeks. Write it like 36h, 30d or 8w."),
        ("٣٠d", "--older-than ٣٠d is not a number of hours, days or weeks. Write it like 36h, 30d or 8w."),
        ("999999d", "--older-than 999999d is not a number of hours, days or weeks. Write it like 36h, 30d or 8w."),
    ],
)
def test_an_age_that_is_none_or_too_small_is_refused(prod: Account, ops: Ops, age: str, sentence: str) -> None:
    add_snapshot(prod, OLD)
    assert ops("snapshots", "prune", "-s", "prod", f"--older-than={age}", "--yes") == Outcome(
        1, "", f"ops: {sentence}\n"
    )
    assert prod.snapshots() == {OLD}


@pytest.mark.parametrize("age", ["24h", "1d", "8w", " 30d "])
def test_ages_are_hours_days_or_weeks(prod: Account, ops: Ops, age: str) -> None:
    add_snapshot(prod, OLD)
    add_snapshot(prod, NEW, created=NOW)
    assert ops("snapshots", "prune", "-s", "prod", "--older-than", age, "--yes").code == 0
    assert prod.snapshots() == {NEW}
