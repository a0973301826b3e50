"""The runbook's restore, rehearsed: a bad write, the second before it, a snapshot, and the way back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from local import show, up
from local.aws.clients import Clients
from local.down import down, running
from local.environment import write_files
from local.servers.errors import DataPlaneError
from local.servers.server import Server
from tests.local.up.generations import (
    ROWS,
    bring_up,
    count,
    did,
    failed,
    generation_1,
    next_second,
    operator,
    pooled_count,
    restored_from,
    session,
)


@pytest.fixture
def staging(project: Path) -> Iterator[up.Result]:
    """Protected, with a replica."""
    path = project / "Pulumi.staging.yaml"
    with generation_1(path, path.read_text()) as result:
        yield result


@pytest.fixture
def dev(project: Path) -> Iterator[up.Result]:
    """Neither."""
    path = project / "Pulumi.dev.yaml"
    with generation_1(path, path.read_text()) as result:
        yield result


@pytest.fixture
def protected_dev(project: Path) -> Iterator[up.Result]:
    """Protected, without a replica. Its final snapshots go with it."""
    path = project / "Pulumi.dev.yaml"
    with generation_1(path, path.read_text().replace("deletionPolicy: disposable", "deletionPolicy: protected")) as it:
        yield it
    down(project, "dev", purge=True)


def test_a_bad_write_is_undone_beside_the_old_primary_and_clients_go_on(
    project: Path, staging: up.Result, capsys: pytest.CaptureFixture[str]
) -> None:
    before = next_second()
    with session(staging) as asked:
        asked.execute("DELETE FROM kept")  # the WHERE was forgotten
    path = project / "Pulumi.staging.yaml"
    path.write_text(restored_from(path.read_text(), f'time: "{before}"'))
    two = bring_up(path)
    assert did(two) == [
        f"primary-g2 restored: time {before}",
        "replica-1-g2 created",
    ]
    assert (two.done.pooler, two.data.previous) == ("reloaded", ["primary-g1", "replica-1-g1"])
    assert [count(two, role) for role in ("primary", "replica-1")] == [ROWS] * 2
    assert pooled_count(two) == ROWS
    assert [count(two, label) for label in two.data.previous] == [0, 0], "generation 1 stays as it was left"
    assert failed(path) == []
    shown = up.status(project, "staging")
    assert list(shown) == [
        "moto", "primary", "replica-1", "primary-g1", "replica-1-g1", "pgbouncer",
    ]  # fmt: skip
    assert None not in shown.values()

    write_files(two)
    show.result(two, 1.0)
    printed = capsys.readouterr().out
    assert re.search(
        rf"Restored langpont-staging-db-g2 from time {before}: clients were served \d+\.\d s after this command began",
        " ".join(printed.split()),
    )
    again = bring_up(path)
    assert (again.changed, did(again)) == (False, [])


def test_a_snapshot_is_restored_in_place_and_the_old_primary_leaves_a_final_one(
    project: Path, staging: up.Result
) -> None:
    there = {path.name for path in staging.data.layout.snapshots.iterdir()}
    run = operator(staging)
    made = re.search(r"langpont-staging-manual-\d{8}-\d{6}", run("snapshots", "create", "-s", "staging"))
    assert made
    with session(staging) as asked:
        asked.execute("DROP TABLE kept")
    path = project / "Pulumi.staging.yaml"
    path.write_text(restored_from(path.read_text(), f"snapshot: {made[0]}", kept=False))
    two = bring_up(path)
    final = re.fullmatch(r"primary kept: (langpont-staging-db-final-[0-9a-f]{8})", did(two)[3])
    assert final
    assert did(two) == [
        f"primary-g2 restored: snapshot {made[0]}", "replica-1-g2 created", "replica-1 removed",
        f"primary kept: {final[1]}", "primary removed",
    ]  # fmt: skip
    assert (count(two), count(two, "replica-1"), pooled_count(two), two.data.previous) == (ROWS, ROWS, ROWS, [])
    assert failed(path) == []
    # The control plane was built anew, twice by now, and both are there with their times.
    listed = run("snapshots", "list", "-s", "staging")
    assert [name for name in (made[0], final[1]) if name not in listed] == []
    rds = Clients(two.endpoint, "ap-northeast-1").get("rds")
    rds.delete_db_snapshot(DBSnapshotIdentifier=final[1])
    assert {path.name for path in two.data.layout.snapshots.iterdir()} - there == {made[0]}


def test_what_cannot_be_restored_is_refused_with_what_there_is_and_nothing_changes(
    project: Path, dev: up.Result
) -> None:
    path = project / "Pulumi.dev.yaml"
    original = path.read_text()
    ran = running(dev.folders)
    state = dev.folders.file.read_text()
    offer = (
        r"langpont-dev-db can be restored to a second from \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ to "
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ, which is now: take one of those\."
    )
    for origin, sentence in (
        (
            'time: "2026-01-01T00:00:00Z"',
            "time: 2026-01-01T00:00:00Z is before the first backup on this machine. " + offer,
        ),
        ('time: "2099-01-01T00:00:00Z"', "time: 2099-01-01T00:00:00Z is in the future. " + offer),
        (
            "snapshot: langpont-dev-manual-20260101-000000",
            "snapshot: langpont-dev-manual-20260101-000000 is not on this machine, which has none, or restore to a "
            "time. Bring the generation before up to make one: venv/bin/python -m ops snapshots create -s dev",
        ),
    ):
        path.write_text(restored_from(original, origin))
        with pytest.raises(DataPlaneError) as refusal:
            bring_up(path)
        assert re.fullmatch(r"database\.restoreFrom\." + sentence, str(refusal.value)), refusal.value
        assert running(dev.folders) == ran
        assert dev.folders.file.read_text() == state
    path.write_text(original)
    assert count(bring_up(path)) == ROWS


def test_another_beginning_of_a_protected_primary_is_refused_and_the_way_back_leads_to_generation_1(
    project: Path, protected_dev: up.Result
) -> None:
    first = next_second()
    with session(protected_dev) as asked:
        asked.execute("DELETE FROM kept WHERE number > 900")
    second = next_second()
    path = project / "Pulumi.dev.yaml"
    original = path.read_text()
    path.write_text(restored_from(original, f'time: "{first}"'))
    assert count(bring_up(path)) == ROWS
    path.write_text(restored_from(original, f'time: "{second}"'))
    with pytest.raises(DataPlaneError) as refusal:
        bring_up(path)
    assert str(refusal.value) == (
        f"langpont-dev-db-g2 was restored from time {first}, and database.restoreFrom says time {second}: another "
        f"beginning replaces it, and it is protected from deletion. Give it up first: take generation and restoreFrom "
        f"out of the stack file, run make up STACK=dev, and put them in again."
    )
    path.write_text(original)
    back = bring_up(path)
    assert did(back)[0].startswith("primary-g2 kept: langpont-dev-db-g2-final-")
    assert did(back)[1:] == ["primary-g2 removed"]
    assert (back.data.plan.primary.identifier, count(back), pooled_count(back)) == ("langpont-dev-db", 900, 900)
    assert failed(path) == []
    path.write_text(restored_from(original, f'time: "{second}"'))
    assert count(bring_up(path)) == 900


def test_a_restored_stack_comes_up_empty_on_a_machine_that_never_had_it(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where Ctrl-C came into initdb the first time."""
    path = project / "Pulumi.dev.yaml"
    original = path.read_text()
    down(project, "dev", purge=True)
    path.write_text(restored_from(original, 'time: "2026-01-01T00:00:00Z"'))

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Server, "initialise", interrupted)
    with pytest.raises(KeyboardInterrupt):
        bring_up(path)
    monkeypatch.undo()
    result = bring_up(path)
    note = (
        "restoreFrom time 2026-01-01T00:00:00Z: nothing to restore from was on this machine, so "
        "langpont-dev-db-g2 began empty"
    )
    assert result.notes == (note,)
    assert ("data plane", note) in result.differences
    assert failed(path) == []
    assert bring_up(path).notes == ()
    path.write_text(original)
