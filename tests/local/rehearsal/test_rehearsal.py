"""A change rehearsed on real servers: what clients saw, what is refused, and that nothing is left."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from local import commands, up
from local.down import running
from local.processes import working_in
from local.rehearsal.place import place
from local.state import Folders
from preview.rehearsed import QUIET_SECONDS
from tests.local.up.interruptions import PROGRAMS
from tests.processes import started
from tests.waiting import until

REPLICA = """
  langpont-database:replicas:
    - {number: 1, purpose: reads, instanceClass: db.t4g.micro, zone: ap-northeast-1c}
"""


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1, old
    file.write_text(text.replace(old, new), encoding="utf-8")


def run(*arguments: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(commands.app, ["rehearse", *arguments], catch_exceptions=False)
    return done.exit_code, done.stdout, done.stderr


def rehearsed(base: Path) -> tuple[int, dict[str, Any]]:
    code, printed, _ = run("dev", "--against", str(base), "--json")
    return code, json.loads(printed)


def left(servers: Path) -> list[str]:
    """Of rehearsals: folders, and processes in them."""
    folders = list(servers.glob("rehearsal-*"))
    return [
        *map(str, folders),
        *(it.command for it in working_in(servers, PROGRAMS) if f"{servers}/rehearsal-" in it.command),
    ]


def swept(project: Path, servers: Path) -> bool:
    """Whether a further rehearsal has removed what others left."""
    with place(project, "dev"):
        pass
    return left(servers) == []


def preview(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "preview", *arguments], cwd=project, capture_output=True, text=True, check=False
    )


def test_a_reloaded_parameter_is_noticed_by_nobody_and_what_is_up_is_left_alone(
    project: Path, servers: Path, other: Path
) -> None:
    up.up(project, "dev", {}, lambda _: None)
    ran = running(Folders.of(project, "dev"))
    edit(other, "work_mem: 4MB", "work_mem: 8MB")
    code, told = rehearsed(other)
    seen = told["rehearsed"]
    assert (code, seen["verdicts"], seen["did"]) == (0, ["as foretold"], ["primary reloaded: work_mem"])
    assert [seen[works]["failed"] for works in ("writes", "reads")] == [{}, {}]
    assert [seen[works]["went_on"] for works in ("writes", "reads")] == [True, True]
    assert max(seen[works]["longest_seconds"] for works in ("writes", "reads")) <= QUIET_SECONDS
    assert (seen["lost"], seen["rows"] > 1_000 + seen["writes"]["done"] > 1_050) == (0, True)
    assert running(Folders.of(project, "dev")) == ran
    assert left(servers) == []
    # A report of the same change has it, and one of another change has not.
    again = preview(project, "dev", "--against", str(other))
    assert again.returncode == 0, again.stderr
    assert (
        f"  local     as foretold; at most {seen['writes']['longest_seconds']:.1f} s without a commit\n" in again.stdout
    )
    assert f"Rehearsed  on one machine, {seen['measured']} UTC; " in again.stdout
    edit(other, "work_mem: 8MB", "work_mem: 16MB")
    assert "Rehearsed" not in preview(project, "dev", "--against", str(other)).stdout


def test_a_restart_is_seen_as_it_is_foretold_and_no_commit_is_lost(
    project: Path, servers: Path, tmp_path: Path
) -> None:
    """From another folder with the program, whose stack has a replica; the change restarts both and drops none."""
    before = tmp_path / "before"
    place_of_it = project / "Pulumi.dev.yaml"
    text = place_of_it.read_text(encoding="utf-8")
    try:
        place_of_it.write_text(text + REPLICA, encoding="utf-8")
        subprocess.run(["cp", "-a", str(project), str(before)], check=True)
        edit(place_of_it, "max_connections: 60", "max_connections: 80")
        code, told = rehearsed(before)
    finally:
        place_of_it.write_text(text, encoding="utf-8")
    seen = told["rehearsed"]
    assert told["changes"][0]["effect"] == "waits for a reboot"
    assert (code, seen["verdicts"], seen["lost"]) == (0, ["as foretold"], 0)
    assert [line for line in seen["did"] if "max_connections" in line] == [
        "replica-1 restarted: max_connections", "primary restarted: max_connections",
    ]  # fmt: skip
    assert sum(seen["writes"]["failed"].values()) > 0
    assert (seen["writes"]["went_on"], seen["reads"]["went_on"]) == (True, True)
    assert left(servers) == []


def test_a_refused_change_is_told_as_in_a_preview_and_nothing_is_started(
    project: Path, servers: Path, other: Path
) -> None:
    edit(other, "allocatedStorageGib: 20", "allocatedStorageGib: 40")
    code, printed, _ = run("dev", "--against", str(other))
    assert (code, preview(project, "dev", "--against", str(other)).stdout.startswith(printed)) == (3, True)
    assert "storage never shrinks: RDS refuses it" in printed
    assert left(servers) == []


def test_what_the_program_refuses_is_told_as_in_a_preview(project: Path, servers: Path, other: Path) -> None:
    edit(other, "multiAz: false", "multiAz: perhaps")
    code, printed, said = run("dev", "--against", str(other))
    refusal = preview(project, "dev", "--against", str(other)).stderr
    assert (code, printed, said) == (1, "", f"Running the program of {other} too ...\n{refusal}")
    assert left(servers) == []


def test_without_a_difference_nothing_is_started(project: Path, servers: Path, other: Path) -> None:
    code, printed, _ = run("dev", "--against", str(other))
    assert (code, printed.splitlines()[-1]) == (0, "Nothing differs")
    assert left(servers) == []


def test_without_another_version_one_is_asked_for() -> None:
    assert run("dev") == (
        1, "", 'Say which version stands first, as in make rehearse STACK=dev ARGS="--against main".\n'
    )  # fmt: skip


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGKILL, marks=pytest.mark.long)])
def test_an_interruption_under_load_leaves_nothing(
    project: Path, servers: Path, other: Path, number: signal.Signals
) -> None:
    """Ctrl-C tidies up at once; after a SIGKILL the next rehearsal does."""
    edit(other, "work_mem: 4MB", "work_mem: 8MB")
    argv = [sys.executable, "-m", "local.commands", "rehearse", "dev", "--against", str(other)]
    with started(
        argv, cwd=project, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("Applying: Building"):
                break
        process.send_signal(number)
        said = process.stderr.read()
        code = process.wait(120)
    if number == signal.SIGINT:
        assert (code, said.splitlines()[-1]) == (130, "Interrupted. What the rehearsal had started is stopped again.")
    else:
        assert left(servers) != []
        until(lambda: swept(project, servers), 120)  # its `up` goes on to its end
    assert left(servers) == []
