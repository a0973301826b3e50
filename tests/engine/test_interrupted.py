"""An update that was interrupted or killed: what it leaves, and what does not mend it. What does: test_procedures."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.engine import language_host, passwords
from tests.engine.cli import Cli
from tests.engine.conftest import Open
from tests.engine.providers.cloud import Fault, Resource
from tests.engine.workplace import Done, Workplace
from tests.recordings import name_of
from tests.waiting import until
from tests.workflows import execute, named

SECRET = "langpont-dev-secrets-langpont_app"
Killed = Callable[[], Workplace]


def send(process: subprocess.Popen[str], number: signal.Signals) -> None:
    """To the process and all that it started in its group, as a terminal and a runner do."""
    os.killpg(process.pid, number)


def cut_off(workplace: Workplace, number: signal.Signals, call: str, name: str) -> Done:
    """`up`, one operation at a time, with a signal while AWS carries out a `call`, which then succeeds."""
    begun = workplace.start("up", "--yes", "--skip-preview", "--parallel", "1")
    fault = Fault(call, name, message="", meanwhile=lambda: send(begun, number))
    workplace.cloud.faults.append(fault)
    printed, _ = begun.communicate()
    until(lambda: any(line.startswith(call) and name in line for line in workplace.cloud.told()))
    return Done(begun.returncode, printed, "")


def language_hosts() -> list[str]:
    """Command lines of the language hosts that run."""
    listed = subprocess.run(["ps", "-ww", "-axo", "args="], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if language_host.__file__ in line]


def pending(workplace: Workplace) -> list[tuple[str, str]]:
    """What the state has as begun and not ended."""
    found = workplace.state()["deployment"].get("pending_operations") or []
    return [(each["type"], name_of(each["resource"]["urn"])) for each in found]


def unknown(workplace: Workplace) -> list[Resource]:
    """What AWS has and the state does not."""
    known = {each["urn"] for each in workplace.state()["deployment"]["resources"]}
    return [each for each in workplace.cloud.all() if each.urn not in known]


@pytest.fixture(scope="module")
def killed_once(pulumi: Cli, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workplace]:
    """dev, whose first `up` was killed while AWS made a secret."""
    workplace = Workplace(tmp_path_factory.mktemp("engine-killed") / "workplace", pulumi, "dev")
    cut_off(workplace, signal.SIGKILL, "create", SECRET)
    yield workplace
    workplace.close()


@pytest.fixture
def killed(killed_once: Workplace, tmp_path: Path) -> Iterator[Workplace]:
    """A copy of it for the test."""
    workplace = killed_once.copy(tmp_path / "workplace")
    yield workplace
    workplace.close()


def test_the_language_host_of_a_killed_cli_ends(killed: Workplace) -> None:
    until(lambda: not language_hosts())


def test_what_a_killed_update_was_making_is_pending_in_the_state_and_the_deploy_job_stops_at_it(
    killed: Workplace, tmp_path: Path
) -> None:
    assert pending(killed) == [("creating", SECRET)]
    [made] = unknown(killed)
    assert made.logical_name == SECRET
    step = named("deploy", "Refuse a state with pending operations")
    done = execute(step, killed.project, tmp_path, killed.environment | {"STACK": "dev"})
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout == (
        f"creating {made.urn}\n::error::The last update of dev was cut off, and nobody knows what it made: docs/ci.md, "
        "Operating them.\n"
    )


@pytest.mark.long
def test_neither_a_preview_nor_the_stack_nor_a_refresh_shows_or_mends_what_is_pending(killed: Workplace) -> None:
    locked = killed.up(code=None)
    assert locked.code != 0
    assert "the stack is currently locked by 1 lock(s)" in locked.text
    killed.run("cancel", "--yes")
    killed.run("refresh", "--yes")
    assert pending(killed) == [("creating", SECRET)]
    assert "pending" not in killed.run("preview").text
    assert "pending" not in killed.run("stack").text
    again = killed.up(code=None)
    assert again.code != 0
    assert "Attempting to deploy or update resources with 1 pending operations from previous deployment." in again.text
    assert "AlreadyExists: aws:secretsmanager/secret:Secret langpont-dev/database/langpont_app" in again.text


@pytest.mark.long
def test_an_interrupted_update_ends_what_it_began_and_the_next_one_goes_on(empty: Open) -> None:
    workplace = empty("dev")
    ended = cut_off(workplace, signal.SIGINT, "create", SECRET)
    assert ended.code != 0
    assert "update canceled" in ended.text or "update cancelled" in ended.text
    assert (pending(workplace), unknown(workplace)) == ([], [])
    assert list((workplace.folder / "state").rglob("locks/**/*.json")) == []
    workplace.up()
    assert workplace.preview() == []
    assert passwords.differing(workplace.cloud) == []


@pytest.mark.long
def test_an_update_killed_while_an_instance_changes_is_pending_and_a_refresh_mends_it(deployed: Open) -> None:
    workplace = deployed("dev")
    workplace.edit({"database": {"instanceClass": "db.t4g.small"}})
    cut_off(workplace, signal.SIGKILL, "update", "langpont-dev-db-primary")
    assert pending(workplace) == [("updating", "langpont-dev-db-primary")]
    workplace.run("cancel", "--yes")
    workplace.run("refresh", "--yes", "--skip-preview")
    assert pending(workplace) == []
    workplace.up()
    assert workplace.preview() == []
