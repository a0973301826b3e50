"""The runbook's restore, rehearsed: a bad write, the second before it, a snapshot, and the way back."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from local import show, up
from local.aws.clients import Clients
from local.down import down, running
from local.environment import write_files
from local.servers.connections import Connection
from local.servers.errors import DataPlaneError
from local.state import Folders

ROOT = Path(__file__).parents[3]
ROWS = 1_000
SECOND = "%Y-%m-%dT%H:%M:%SZ"


def bring_up(stack_file: Path) -> up.Result:
    return up.up(stack_file.parent, stack_of(stack_file), {}, lambda _: None)


def stack_of(stack_file: Path) -> str:
    return stack_file.name.split(".")[1]


def did(result: up.Result) -> list[str]:
    return [str(action) for action in result.done.actions]


def failed(stack_file: Path) -> list[str]:
    checks = up.verify(stack_file.parent, stack_of(stack_file))
    return [f"{check.name}: {check.detail}" for check in checks if not check.ok]


def session(result: up.Result, role: str = "primary") -> Connection:
    plan = result.data.plan
    return result.data.endpoint(role).connect(plan.master, plan.passwords[plan.master])


def count(result: up.Result, role: str = "primary") -> int:
    with session(result, role) as asked:
        [[rows]] = asked.execute("SELECT count(*) FROM kept").fetchall()
    assert isinstance(rows, int)
    return rows


def pooled_count(result: up.Result) -> int:
    """As an application asks, through PgBouncer's entry for the primary."""
    data = result.data
    entry = next(name for name, role in data.pooler.entries.items() if role == "primary")
    with data.pooler.endpoint(entry).connect("langpont_app", data.plan.passwords["langpont_app"]) as asked:
        [[rows]] = asked.execute("SELECT count(*) FROM kept").fetchall()
    assert isinstance(rows, int)
    return rows


def next_second() -> str:
    """A second that has just begun: what is done from now on is done after it."""
    time.sleep(1 - datetime.now(UTC).microsecond / 1e6)
    return datetime.now(UTC).strftime(SECOND)


def restored_from(text: str, origin: str, *, kept: bool = True) -> str:
    lines = f"  langpont-database:database:\n    generation: 2\n    restoreFrom:\n      {origin}\n"
    return text.replace("  langpont-database:database:\n", lines + ("" if kept else "    keepPrevious: false\n"))


def generation_1(project: Path, stack: str) -> Iterator[Path]:
    """A stack's file, with generation 1 and 1,000 rows up; it is put back, and all is removed afterwards."""
    path = project / f"Pulumi.{stack}.yaml"
    text = path.read_text()
    down(project, stack, purge=True)
    with session(bring_up(path)) as asked:
        asked.execute("CREATE TABLE kept AS SELECT generate_series(1, 1000) AS number")
        asked.execute("GRANT SELECT ON kept TO langpont_app")
    yield path
    path.write_text(text)
    down(project, stack, purge=True)


@pytest.fixture
def staging(project: Path) -> Iterator[Path]:
    """Protected, with a replica."""
    yield from generation_1(project, "staging")


@pytest.fixture
def dev(project: Path) -> Iterator[Path]:
    """Neither."""
    yield from generation_1(project, "dev")


def test_a_bad_write_is_undone_beside_the_old_primary_and_clients_go_on(
    staging: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = bring_up(staging)
    before = next_second()
    with session(one) as asked:
        asked.execute("DELETE FROM kept")  # the WHERE was forgotten
    original = staging.read_text()
    staging.write_text(restored_from(original, f'time: "{before}"'))
    two = bring_up(staging)
    assert did(two) == [
        f"primary-g2 restored: time {before}",
        "replica-1-g2 created",
    ]
    assert (two.done.pooler, two.data.previous) == ("reloaded", ["primary-g1", "replica-1-g1"])
    assert [count(two, role) for role in ("primary", "replica-1")] == [ROWS] * 2
    assert pooled_count(two) == ROWS
    assert [count(two, label) for label in two.data.previous] == [0, 0], "generation 1 stays as it was left"
    assert failed(staging) == []
    shown = up.status(staging.parent, "staging")
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
    again = bring_up(staging)
    assert (again.changed, did(again)) == (False, [])


def test_a_snapshot_is_restored_in_place_and_the_old_primary_leaves_a_final_one(staging: Path) -> None:
    one = bring_up(staging)
    run = operator(one)
    made = re.search(r"langpont-staging-manual-\d{8}-\d{6}", run("snapshots", "create", "-s", "staging"))
    assert made
    with session(one) as asked:
        asked.execute("DROP TABLE kept")
    original = staging.read_text()
    staging.write_text(restored_from(original, f"snapshot: {made[0]}", kept=False))
    two = bring_up(staging)
    final = re.fullmatch(r"primary kept: (langpont-staging-db-final-[0-9a-f]{8})", did(two)[3])
    assert final
    assert did(two) == [
        f"primary-g2 restored: snapshot {made[0]}", "replica-1-g2 created", "replica-1 removed",
        f"primary kept: {final[1]}", "primary removed",
    ]  # fmt: skip
    assert (count(two), count(two, "replica-1"), pooled_count(two), two.data.previous) == (ROWS, ROWS, ROWS, [])
    assert failed(staging) == []
    # The control plane was built anew, twice by now, and both are there with their times.
    listed = run("snapshots", "list", "-s", "staging")
    assert [name for name in (made[0], final[1]) if name not in listed] == []
    rds = Clients(two.endpoint, "ap-northeast-1").get("rds")
    rds.delete_db_snapshot(DBSnapshotIdentifier=final[1])
    assert [path.name for path in two.data.layout.snapshots.iterdir()] == [made[0]]


def operator(result: up.Result) -> Callable[..., str]:
    """Run a command of operators against the platform, as a shell with `app.env` does."""
    path = write_files(result)
    values = {
        name: value.strip("'") for name, _, value in (line.partition("=") for line in path.read_text().splitlines())
    }

    def run(*arguments: str) -> str:
        said = subprocess.run(
            [sys.executable, "-m", "ops", *arguments], cwd=ROOT, capture_output=True, text=True, check=False,
            env=values | {"PATH": os.environ["PATH"], "COLUMNS": "200"},
        )  # fmt: skip
        assert said.returncode == 0, said.stdout + said.stderr
        return said.stdout

    return run


def test_what_cannot_be_restored_is_refused_with_what_there_is_and_nothing_changes(dev: Path) -> None:
    original = dev.read_text()
    ran = running(Folders.of(dev.parent, "dev"))
    state = Folders.of(dev.parent, "dev").file.read_text()
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
        dev.write_text(restored_from(original, origin))
        with pytest.raises(DataPlaneError) as refusal:
            bring_up(dev)
        assert re.fullmatch(r"database\.restoreFrom\." + sentence, str(refusal.value)), refusal.value
        assert running(Folders.of(dev.parent, "dev")) == ran
        assert Folders.of(dev.parent, "dev").file.read_text() == state
    dev.write_text(original)
    assert count(bring_up(dev)) == ROWS


def test_another_beginning_of_a_protected_primary_is_refused_and_the_way_back_leads_to_generation_1(
    staging: Path,
) -> None:
    one = bring_up(staging)
    first = next_second()
    with session(one) as asked:
        asked.execute("DELETE FROM kept WHERE number > 900")
    second = next_second()
    original = staging.read_text()
    staging.write_text(restored_from(original, f'time: "{first}"'))
    assert count(bring_up(staging)) == ROWS
    staging.write_text(restored_from(original, f'time: "{second}"'))
    with pytest.raises(DataPlaneError) as refusal:
        bring_up(staging)
    assert str(refusal.value) == (
        f"langpont-staging-db-g2 was restored from time {first}, and database.restoreFrom says time {second}: another "
        f"beginning replaces it, and it is protected from deletion. Give it up first: take generation and restoreFrom "
        f"out of the stack file, run make up STACK=staging, and put them in again."
    )
    staging.write_text(original)
    back = bring_up(staging)
    assert did(back)[0] == "replica-1-g2 removed"
    assert (back.data.plan.primary.identifier, count(back), pooled_count(back)) == ("langpont-staging-db", 900, 900)
    assert failed(staging) == []
    staging.write_text(restored_from(original, f'time: "{second}"'))
    assert count(bring_up(staging)) == 900


def test_a_restored_stack_comes_up_empty_on_a_machine_that_never_had_it(dev: Path) -> None:
    original = dev.read_text()
    down(dev.parent, "dev", purge=True)
    dev.write_text(restored_from(original, 'time: "2026-01-01T00:00:00Z"'))
    result = bring_up(dev)
    note = (
        "restoreFrom time 2026-01-01T00:00:00Z: nothing to restore from was on this machine, so "
        "langpont-dev-db-g2 began empty"
    )
    assert result.notes == (note,)
    assert ("data plane", note) in result.differences
    assert failed(dev) == []
    assert bring_up(dev).notes == ()
