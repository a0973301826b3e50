"""Ctrl-C and SIGKILL in the middle of `up`: it ends, only what ran before runs afterwards, and no row is lost."""

from __future__ import annotations

import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from local import up
from local.aws.provider import MotoProvider
from local.down import down, running
from local.servers.errors import DataPlaneError
from local.state import Folders
from local.verify.check import Check
from recording.recording import Registration
from tests.local.up.interruptions import left, up_until

ROWS = 1_000
STEPS = ("Running the program", "Building the control plane", "Creating the primary", "Making roles")


def bring_up(project: Path) -> up.Result:
    return up.up(project, "dev", {}, lambda _: None)


def rows(result: up.Result) -> int:
    data = result.data
    with data.endpoint("primary").connect(data.plan.master, data.plan.passwords[data.plan.master]) as session:
        session.execute("CREATE TABLE IF NOT EXISTS kept (number int)")
        [[count]] = session.execute("SELECT count(*) FROM kept").fetchall()
        if count == 0:
            session.execute("INSERT INTO kept SELECT generate_series(1, 1000)")
            return ROWS
        assert isinstance(count, int)
        return count


@pytest.fixture
def nothing_up(project: Path) -> None:
    down(project, "dev", purge=True)


@pytest.mark.usefixtures("nothing_up")
@pytest.mark.parametrize("step", STEPS)
def test_ctrl_c_from_nothing_leaves_nothing_running(project: Path, step: str) -> None:
    ended = up_until(project, "dev", step, signal.SIGINT)
    assert ended.code == 130, ended.said
    last = ended.said.splitlines()[-1]
    assert last.startswith("Interrupted. "), ended.said
    assert last.endswith(("`make up STACK=dev` goes on from here.", "Nothing was changed."))
    assert left(project, "dev") == []


def test_ctrl_c_leaves_what_ran_before_as_it_was(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert rows(bring_up(project)) == ROWS
    ran = running(Folders.of(project, "dev"))
    path = project / "Pulumi.dev.yaml"
    text = path.read_text()
    path.write_text(text.replace("logRetentionDays: 7", "logRetentionDays: 14"))
    create = MotoProvider.create

    def interrupted(provider: MotoProvider, registration: Registration) -> tuple[str, Mapping[str, Any]]:
        if len(provider.created) == 20:
            signal.raise_signal(signal.SIGINT)
        return create(provider, registration)

    monkeypatch.setattr(MotoProvider, "create", interrupted)
    with pytest.raises(KeyboardInterrupt) as came:
        bring_up(project)
    assert came.value.__notes__ == [
        "The control plane is half built: applications find no secrets there until the next `make up`.",
        "moto, primary, pgbouncer run on as before, and all data stays. `make up STACK=dev` goes on from here.",
    ]
    assert running(Folders.of(project, "dev")) == ran
    monkeypatch.undo()
    path.write_text(text)
    assert rows(bring_up(project)) == ROWS


@pytest.mark.usefixtures("nothing_up")
def test_an_up_that_is_refused_late_says_what_it_stopped(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> bool:
        raise DataPlaneError("No roles today.")

    monkeypatch.setattr("local.up._make_roles", refuse)
    with pytest.raises(DataPlaneError, match=r"^No roles today\.") as refused:
        bring_up(project)
    assert refused.value.__notes__ == [
        "What this run had started is stopped again: moto, primary.",
        "All data stays. `make up STACK=dev` goes on from here.",
    ]
    assert left(project, "dev") == []


@pytest.mark.usefixtures("nothing_up")
def test_what_was_killed_is_picked_up(project: Path) -> None:
    assert up_until(project, "dev", "Creating the primary", signal.SIGKILL).code == -signal.SIGKILL
    assert [check for check in _verified(project) if not check.ok] == []


@pytest.mark.usefixtures("nothing_up")
def test_what_was_killed_is_taken_down(project: Path) -> None:
    up_until(project, "dev", "Making roles", signal.SIGKILL)
    down(project, "dev", purge=True)
    assert left(project, "dev") == []
    assert not Folders.of(project, "dev").run.exists()


def _verified(project: Path) -> list[Check]:
    bring_up(project)
    return list(up.verify(project, "dev"))


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_no_moment_of_twenty_hangs_leaves_a_process_or_loses_a_row(project: Path, number: signal.Signals) -> None:
    """Half of them begin with servers that are down, half with an empty stack beside them, which has replicas."""
    assert rows(bring_up(project)) == ROWS
    down(project, "dev", purge=False)
    begun = time.monotonic()
    assert up_until(project, "dev", 600.0, signal.SIGTERM).code == 0
    whole = time.monotonic() - begun
    slowest = 0.0
    for moment in range(20):
        stack = "dev" if moment % 2 else "prod"
        down(project, stack, purge=stack == "prod")
        ended = up_until(project, stack, (moment + 1) * whole / 20, number)
        slowest = max(slowest, ended.seconds)
        print(f"{moment}: {stack} ended with {ended.code} after {ended.seconds:.2f} s; {ended.said.splitlines()[-1:]}")
        assert "Traceback" not in ended.said, ended.said
        if number == signal.SIGKILL:
            assert ended.code in (0, -signal.SIGKILL)
            down(project, stack, purge=False)
        if ended.code:
            assert left(project, stack) == [], (moment, ended)
        assert rows(bring_up(project)) == ROWS, moment
    print(f"of a start of {whole:.1f} s, the slowest end was {slowest:.2f} s after its signal")
