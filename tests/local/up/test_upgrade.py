"""A major upgrade on one machine: real `pg_upgrade`, refused as RDS's pre-check would, interrupted, and picked up."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from local import up
from local.down import down, layout_of, running
from local.servers import plane, upgrade
from local.servers.connections import Connection
from local.servers.errors import DataPlaneError
from local.servers.server import Server
from local.servers.upgrade import Upgrade
from local.state import Folders
from tests.local.up.generations import operator, restored_from
from tests.local.up.interruptions import left, up_until

ROWS = 1_000


def write_version(project: Path, stack: str, version: str, *, leave: bool) -> None:
    """The stack file with another version, with or without leave for a major upgrade."""
    path = project / f"Pulumi.{stack}.yaml"
    lines = [line for line in path.read_text().splitlines() if not re.search("ngineVersion|ajorUpgrade|applyImm", line)]
    at = lines.index("  langpont-database:database:") + 1
    lines[at:at] = [f'    engineVersion: "{version}"']
    if leave:
        lines[at:at] = [f"    allowMajorUpgrade: {version}", "    applyImmediately: true"]
    path.write_text("\n".join(lines) + "\n")


def bring_up(project: Path, stack: str) -> up.Result:
    return up.up(project, stack, {}, lambda _: None)


def upgraded(project: Path, stack: str, version: str, *, leave: bool = True) -> up.Result:
    write_version(project, stack, version, leave=leave)
    return bring_up(project, stack)


def master(result: up.Result) -> Connection:
    data = result.data
    return data.endpoint("primary").connect(data.plan.master, data.plan.passwords[data.plan.master])


def make_rows(result: up.Result) -> None:
    with master(result) as session:
        session.execute("DROP TABLE IF EXISTS kept")
        session.execute("CREATE TABLE kept AS SELECT generate_series(1, 1000) AS number")


def kept(result: up.Result, role: str = "primary") -> tuple[str, int]:
    """The major that serves, and how many rows."""
    data = result.data
    with data.endpoint(role).connect(data.plan.master, data.plan.passwords[data.plan.master]) as session:
        [row] = session.execute("SELECT current_setting('server_version'), count(*) FROM kept").fetchall()
    return row[0].split(".")[0], row[1]


def failed(project: Path, stack: str) -> list[str]:
    return [f"{check.name}: {check.detail}" for check in up.verify(project, stack) if not check.ok]


def in_the_folder(result: up.Result) -> set[str]:
    return {path.name for path in result.data.layout.server("primary").iterdir()}


@pytest.fixture
def dev(project: Path) -> Iterator[up.Result]:
    """Dev on 16 with its rows: from the test before, or anew. Its file is put back afterwards."""
    path = project / "Pulumi.dev.yaml"
    text = path.read_text()
    layout = layout_of(Folders.of(project, "dev"))
    if layout.roles() != ["primary"] or plane.major(layout) != 16:
        down(project, "dev", purge=True)
    result = upgraded(project, "dev", "16", leave=False)
    make_rows(result)
    yield result
    path.write_text(text)


def upgraded_twice(project: Path, stack: str, replicas: list[str]) -> Iterator[up.Result]:
    """A stack from 16 to 17 and 18: each with its rows on all servers, statistics, and nothing else left to do."""
    down(project, stack, purge=True)
    make_rows(upgraded(project, stack, "16", leave=False))
    for major, way in (("17", "16.14 to 17.10"), ("18", "17.10 to 18.4")):
        result = upgraded(project, stack, major)
        assert [str(action) for action in result.done.actions] == [
            f"primary upgraded: {way}",
            *(f"{role} rebuilt" for role in replicas),
        ]
        assert [kept(result, role) for role in ("primary", *replicas)] == [(major, ROWS)] * (len(replicas) + 1)
        with master(result) as session:
            assert session.execute("SELECT reltuples FROM pg_class WHERE relname = 'kept'").fetchall() == [(ROWS,)]
        assert [note for note in result.notes if "ANALYZE" in note] == [
            f"PostgreSQL {way.replace('to', 'became')}. RDS makes no statistics and updates no extension, which was "
            f"done here: ANALYZE and ALTER EXTENSION ... UPDATE (docs/runbook.md, Upgrading to the next major)."
        ]
        yield result
    assert in_the_folder(result) == {"data", "log", "start.log"}


def test_from_16_to_17_to_18_no_row_is_lost_and_everything_behaves(project: Path) -> None:
    *_, result = upgraded_twice(project, "staging", ["replica-1"])
    assert failed(project, "staging") == []
    assert not upgraded(project, "staging", "18").done.changed
    ran = running(result.folders)
    with pytest.raises(DataPlaneError) as refusal:
        upgraded(project, "staging", "17")
    assert str(refusal.value) == (
        "database.engineVersion 17: the data of staging here is PostgreSQL 18, and no server goes back to an earlier "
        'major. Set it to "18", restore a snapshot of before as the next generation (docs/runbook.md, Upgrading to the '
        "next major), or begin anew without the data: make down STACK=staging PURGE=1"
    )
    assert running(result.folders) == ran
    down(project, "staging", purge=True)


@pytest.mark.long
def test_prod_behaves_on_each_major_and_begins_anew_on_an_earlier_one(project: Path) -> None:
    for _ in upgraded_twice(project, "prod", ["replica-1", "replica-2"]):
        assert failed(project, "prod") == []
    down(project, "prod", purge=True)
    upgraded(project, "prod", "17", leave=False)
    assert failed(project, "prod") == []
    down(project, "prod", purge=True)


def test_18_comes_up_from_nothing(project: Path) -> None:
    down(project, "dev", purge=True)
    write_version(project, "dev", "18", leave=False)
    make_rows(bring_up(project, "dev"))
    assert kept(bring_up(project, "dev")) == ("18", ROWS)


def test_without_leave_it_is_refused_as_rds_does(project: Path, dev: up.Result) -> None:
    ran = running(dev.folders)
    with pytest.raises(DataPlaneError) as refusal:
        upgraded(project, "dev", "17", leave=False)
    assert str(refusal.value) == (
        "database.engineVersion 17: the data of dev here is PostgreSQL 16, and RDS upgrades to another major only if "
        "it is let. Set database.allowMajorUpgrade to 17 and database.applyImmediately to true (docs/runbook.md, "
        'Upgrading to the next major), or database.engineVersion to "16".'
    )
    assert running(dev.folders) == ran
    assert kept(dev) == ("16", ROWS)


def test_what_pg_upgrade_alone_knows_is_said_in_its_words(project: Path, dev: up.Result) -> None:
    with dev.data.cluster.primary.admin() as session:
        session.execute("CREATE DATABASE closed ALLOW_CONNECTIONS false")
    ran = running(dev.folders)
    with pytest.raises(DataPlaneError) as refusal:
        upgraded(project, "dev", "18")
    told = str(refusal.value)
    assert told.startswith(
        "database.engineVersion 18: pg_upgrade refuses the upgrade of PostgreSQL 16.14, which stays as it was:\n"
        "- All non-template0 databases must allow connections, "
    ), told
    assert "\n- closed\n" in told
    assert running(dev.folders) == ran
    with dev.data.cluster.primary.admin() as session:
        session.execute("DROP DATABASE closed")
    assert kept(dev) == ("16", ROWS)


def test_what_the_check_refuses_is_listed_and_the_old_version_runs_on_until_the_new_one_does(
    project: Path, dev: up.Result, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Put right, it passes; and a new server that does not start gives way to the old one."""
    path = project / "Pulumi.dev.yaml"
    text = path.read_text()
    more = "    parameters:\n      max_prepared_transactions: 5\n      rds.logical_replication: true\n"
    path.write_text(text.replace("    parameters:\n", more))
    result = bring_up(project, "dev")
    database = result.data.plan.database
    with result.data.cluster.primary.admin(database) as session:
        session.execute("CREATE EXTENSION old_snapshot")
        session.execute("SELECT pg_create_logical_replication_slot('events', 'pgoutput')")
    with master(result) as session:
        session.execute("CREATE TABLE called (what regproc)")
        session.execute("BEGIN; INSERT INTO kept VALUES (0); PREPARE TRANSACTION 'half'")
    ran = running(dev.folders)
    for asleep in (False, True):
        if asleep:
            down(project, "dev", purge=False)
        with pytest.raises(DataPlaneError) as refusal:
            upgraded(project, "dev", "17")
        assert str(refusal.value) == (
            "database.engineVersion 17: RDS's check refuses the upgrade of PostgreSQL 16.14, which stays as it was:\n"
            "- prepared transaction half (in langpont): COMMIT PREPARED 'half' or ROLLBACK PREPARED 'half', as who "
            "prepared it\n"
            "- logical slot events (in langpont): SELECT pg_drop_replication_slot('events'), and make it anew "
            "afterwards\n"
            "- column of a reg type called.what (in langpont): ALTER TABLE ... ALTER COLUMN ... TYPE text\n"
            "- extension that the next major lacks old_snapshot (in langpont): DROP EXTENSION old_snapshot\n"
            "Put that right and run it again (docs/runbook.md, Upgrading to the next major)."
        )
        assert running(dev.folders) == ({} if asleep else ran)
    result = upgraded(project, "dev", "16", leave=False)
    with master(result) as session:
        session.execute("ROLLBACK PREPARED 'half'")
        session.execute("DROP TABLE called")
    with result.data.cluster.primary.admin(database) as session:
        session.execute("SELECT pg_drop_replication_slot('events')")
        session.execute("DROP EXTENSION old_snapshot")

    start = Server.start

    def refuse(server: Server, *options: str) -> object:
        if server.binaries.major == 17:
            raise DataPlaneError("Not today.")
        return start(server, *options)

    monkeypatch.setattr(Server, "start", refuse)
    with pytest.raises(DataPlaneError, match=r"^Not today\.$"):
        upgraded(project, "dev", "17")
    assert {"primary", "pgbouncer"} <= running(dev.folders).keys()
    monkeypatch.undo()
    assert kept(upgraded(project, "dev", "16", leave=False)) == ("16", ROWS)
    assert in_the_folder(dev) == {"data", "log", "start.log"}


def test_a_check_that_was_killed_leaves_no_server_that_clients_do_not_reach(project: Path, dev: up.Result) -> None:
    down(project, "dev", purge=False)
    dev.data.cluster.primary.start("-c", "listen_addresses=")  # as the check starts one that is down
    assert kept(upgraded(project, "dev", "16", leave=False)) == ("16", ROWS)


def test_an_interrupted_upgrade_is_picked_up(project: Path, dev: up.Result) -> None:
    """First after Ctrl-C, while pg_upgrade begins, then after SIGKILL, wherever that comes."""
    write_version(project, "dev", "17", leave=True)
    ended = up_until(project, "dev", "Upgrading PostgreSQL", signal.SIGINT, later=0.3)
    assert ended.code == 130, ended.said
    assert [command for command in left(project, "dev") if "moto" not in command and "pgbouncer" not in command] == []
    assert plane.major(layout_of(dev.folders)) == 16
    ended = up_until(project, "dev", "Upgrading PostgreSQL", signal.SIGKILL, later=1.5)
    assert ended.code == -signal.SIGKILL, ended.said
    assert plane.major(layout_of(dev.folders)) in (16, 17)
    assert kept(bring_up(project, "dev")) == ("17", ROWS)
    assert failed(project, "dev") == []


def test_the_way_back_is_a_snapshot_of_before(project: Path, dev: up.Result) -> None:
    path = project / "Pulumi.dev.yaml"
    made = re.search(r"langpont-dev-manual-\d{8}-\d{6}", operator(dev)("snapshots", "create", "-s", "dev"))
    assert made
    newer = upgraded(project, "dev", "17")
    with master(newer) as session:
        session.execute("INSERT INTO kept VALUES (1001)")
    write_version(project, "dev", "16", leave=False)
    path.write_text(restored_from(path.read_text(), f"snapshot: {made[0]}", kept=False))
    assert kept(bring_up(project, "dev")) == ("16", ROWS)


@pytest.mark.long
def test_what_is_written_after_an_interrupted_upgrade_outlives_the_failure_of_the_next(
    project: Path, dev: up.Result, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: Server) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(upgrade, "finish", interrupted)
    with pytest.raises(KeyboardInterrupt):
        upgraded(project, "dev", "17")
    monkeypatch.undo()
    with master(dev) as session:
        session.execute("INSERT INTO kept VALUES (1001)")

    def refuse(*_: object) -> None:
        raise DataPlaneError("Not today.")

    monkeypatch.setattr(Upgrade, "run", refuse)
    with pytest.raises(DataPlaneError, match=r"^Not today\.$"):
        upgraded(project, "dev", "18")
    monkeypatch.undo()
    assert kept(upgraded(project, "dev", "17", leave=False)) == ("17", ROWS + 1)


@pytest.mark.long
@pytest.mark.parametrize("moment", range(8))
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_no_moment_of_an_upgrade_loses_a_row(
    project: Path, dev: up.Result, number: signal.Signals, moment: int
) -> None:
    write_version(project, "dev", "17", leave=True)
    ended = up_until(project, "dev", "Upgrading PostgreSQL", number, later=moment * 0.7)
    assert "Traceback" not in ended.said, ended.said
    before = plane.major(layout_of(dev.folders))
    print(f"{moment}: ended with {ended.code} after {ended.seconds:.2f} s, the data is {before}")
    assert before in (16, 17)
    if before == 16 and moment % 2:  # who goes back has all of it, too
        assert kept(upgraded(project, "dev", "16", leave=False)) == ("16", ROWS)
    assert kept(upgraded(project, "dev", "17")) == ("17", ROWS)
    assert in_the_folder(dev) == {"data", "log", "start.log"}
