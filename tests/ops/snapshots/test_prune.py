"""Property tests of `prune`: the plan, the command on moto, and the document's script as the control."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, Phase, example, find, given, settings

from blueprint.names import ProductNaming
from ops.aws import Aws
from ops.snapshots.commands import prune
from ops.snapshots.model import Snapshot
from ops.snapshots.prune import plan
from tests.ops import NOW, Account, FakeClock, made_by_ops
from tests.ops.snapshots.mixtures import (
    AGE,
    Drawn,
    drawn,
    manual_backup_sh,
    rendered,
    rendered_for_the_script,
    violations,
)  # fmt: skip

PROD = ProductNaming("prod")


def planned(mixture: list[Drawn]) -> set[str]:
    decisions = plan(map(rendered, mixture), names=PROD, now=NOW, older_than=AGE)
    return {decision.snapshot.identifier for decision in decisions if decision.delete}


@given(drawn())
@settings(max_examples=500, deadline=None)
def test_whatever_there_is_only_old_ones_of_the_tool_go_and_never_the_newest(mixture: list[Drawn]) -> None:
    assert violations(mixture, [rendered(one).identifier for one in mixture], planned(mixture)) == set()


@pytest.mark.parametrize("broken", ["young", "the newest", "left behind", "not the tool's", "not available"])
def test_the_documents_script_breaks_each_of_these_rules(broken: str) -> None:
    def breaks(mixture: list[Drawn]) -> bool:
        world = [rendered_for_the_script(one) for one in mixture]
        return broken in violations(mixture, [one.identifier for one in world], manual_backup_sh(world, NOW))

    # Not shrunk: that there is one says all.
    search = settings(max_examples=5000, database=None, phases=[Phase.generate])
    assert breaks(find(drawn(meddling=False), breaks, settings=search))


def test_the_control_deletes_yesterdays_snapshot_because_it_compares_text() -> None:
    yesterday = Drawn(
        serial=1, maker="tool", environment="prod", generation=1, status="available",
        created=NOW - timedelta(days=1), meddled=None,
    )  # fmt: skip
    world = [rendered_for_the_script(yesterday)]
    assert manual_backup_sh(world, NOW) == {"langpont-manual-20260101-000001"}


@given(drawn())
@example([])
@settings(max_examples=75, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_on_moto_the_command_deletes_what_the_rules_say(account: Account, mixture: list[Drawn]) -> None:
    if account.aws is None:  # the account is one for all examples, as a client takes longer to make than a run
        account.aws = Aws()
        account.add_instance("langpont-prod-db", "prod")
    account.clear_snapshots()
    for one in map(rendered, mixture):
        account.add_snapshot(
            one.identifier,
            "langpont-prod-db",
            carried=one.tags,
            created=one.created,
            kind=one.kind,
            status=one.status,
            source=one.source,
            described_instance=one.instance,
        )
    before = account.snapshots()
    prune(account.aws, FakeClock(), PROD, older_than=AGE, dry_run=False, confirmed=True, confirm=lambda _: False)
    deleted = before - account.snapshots()
    assert violations(mixture, [rendered(one).identifier for one in mixture], deleted) == set()


def snapshot(name: str, **other: object) -> Snapshot:
    fields: dict[str, object] = {
        "identifier": name,
        "instance": "langpont-prod-db",
        "kind": "manual",
        "status": "available",
        "created": NOW - timedelta(days=40),
        "tags": made_by_ops("prod", name),
    }
    return Snapshot(**fields | other)  # type: ignore[arg-type]


NAME = "langpont-prod-manual-20261012-030000"


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ({"kind": "automated"}, "not manual but automated"),
        ({"tags": {}}, "not made by ops: no tag langpont:made-by=ops"),
        (
            {"tags": made_by_ops("prod-eu", NAME)},
            "tags say Environment=prod-eu, Project=LangPont, not prod, LangPont",
        ),
        ({"tags": {"langpont:made-by": "ops"}}, "tags say no Environment, no Project, not prod, LangPont"),
        ({"instance": "langpont-prod-eu-db"}, "of langpont-prod-eu-db, no primary of prod"),
        ({"identifier": "langpont-prod-old"}, "its name is not langpont-prod-manual-YYYYMMDD-HHMMSS"),
        ({"source": "arn:aws:rds:ap-northeast-3:1:snapshot:x"}, "a copy, which ops does not make"),
        ({"status": "creating"}, "not available but creating"),
        ({"status": ""}, "not available but without a status"),
        ({"created": None}, "without a creation time"),
        ({"created": NOW - AGE + timedelta(seconds=1)}, "younger than 30 days"),
    ],
)
def test_a_snapshot_that_stays_says_why(other: dict[str, object], reason: str) -> None:
    newest = snapshot("langpont-prod-manual-20261120-030000", created=NOW - timedelta(hours=1))
    first, second = plan([snapshot(NAME, **other), newest], names=PROD, now=NOW, older_than=AGE)
    assert (first.delete, first.reason) == (False, reason)
    assert (second.delete, second.reason) == (False, "the newest")


def test_a_snapshot_of_exactly_the_age_goes() -> None:
    newest = snapshot("langpont-prod-manual-20261120-030000", created=NOW - timedelta(days=31) + timedelta(days=30))
    old, _ = plan([snapshot(NAME, created=NOW - AGE), newest], names=PROD, now=NOW, older_than=AGE)
    assert (old.delete, old.reason) == (True, "not younger than 30 days")


def test_two_newest_of_the_same_moment_both_stay() -> None:
    twins = [snapshot(NAME), snapshot("langpont-prod-manual-20261012-030001")]
    assert [each.reason for each in plan(twins, names=PROD, now=NOW, older_than=AGE)] == ["the newest", "the newest"]


def test_one_in_creation_does_not_let_the_newest_available_one_go() -> None:
    creating = snapshot("langpont-prod-manual-20261121-025900", status="creating", created=NOW - timedelta(minutes=1))
    kept, _ = plan([snapshot(NAME), creating], names=PROD, now=NOW, older_than=AGE)
    assert (kept.delete, kept.reason) == (False, "the newest")


def test_a_newer_snapshot_of_somebody_else_does_not_let_the_newest_of_ours_go() -> None:
    others = snapshot("langpont-prod-db-final-0a1b2c3d", tags={}, created=NOW - timedelta(days=1))
    kept, _ = plan([snapshot(NAME), others], names=PROD, now=NOW, older_than=AGE)
    assert (kept.delete, kept.reason) == (False, "the newest")
