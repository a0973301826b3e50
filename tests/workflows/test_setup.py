"""What `make` sets up before it does anything: it prints its own lines, and what failed prints all of it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.recordings import ROOT

SETTING_UP = "Setting up the virtual environment in venv/ (once, about a minute) ...\n"
INSTALLING = "Installing npm ...\n"
TALK = "echo Looking in indexes: https://mirror.example; echo 'WARNING: The directory /cache is not yours' >&2; "


def program(path: Path, script: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The Makefile, the requirements, and a Python whose pip does what `pip.sh` says."""
    for file in (ROOT / "Makefile", ROOT / "constraints.txt", *ROOT.glob("requirements*.txt")):
        shutil.copy(file, tmp_path)
    pip = tmp_path / "pip.sh"
    venv = f'[ "$2" = venv ] || exit 0\n{TALK}\nmkdir -p venv/bin && ln -sf {pip} venv/bin/pip'
    program(tmp_path / "bin" / "python3", venv)
    program(pip, TALK)
    return tmp_path


def make(project: Path, target: str) -> tuple[int, str, list[str]]:
    """Exit code, standard output, and the lines of standard error but for make's own about what failed."""
    command = [shutil.which("make") or "make", target]
    done = subprocess.run(
        command, cwd=project, env={"PATH": f"{project}/bin:/bin:/usr/bin", "LC_ALL": "C"}, capture_output=True,
        text=True, check=False, timeout=30,
    )  # fmt: skip
    return done.returncode, done.stdout, [line for line in done.stderr.splitlines(True) if not line.startswith("make")]


def test_a_set_up_that_works_prints_its_own_line_and_nothing_of_pip_s(project: Path) -> None:
    assert make(project, "venv/.ready-requirements-dev.txt") == (0, "", [SETTING_UP])
    assert (project / "venv" / ".ready-requirements-dev.txt").exists()


def test_a_set_up_that_fails_shows_everything_and_is_not_taken_for_one_that_worked(project: Path) -> None:
    program(project / "pip.sh", f"{TALK}echo 'ERROR: No matching distribution' >&2; exit 1")
    assert make(project, "venv/.ready-requirements-dev.txt") == (
        2, "",
        [SETTING_UP, "Looking in indexes: https://mirror.example\n", "WARNING: The directory /cache is not yours\n",
         "ERROR: No matching distribution\n"],
    )  # fmt: skip
    assert not (project / "venv" / ".ready-requirements-dev.txt").exists()


def test_a_python_that_can_make_no_environment_shows_why(project: Path) -> None:
    program(project / "bin" / "python3", '[ "$2" = venv ] || exit 0; echo apt install python3-venv; exit 1')
    assert make(project, "venv/.ready-requirements-dev.txt") == (2, "", [SETTING_UP, "apt install python3-venv\n"])


@pytest.mark.parametrize(
    ("target", "file"),
    [("up", "requirements-local.txt"), ("preview", "requirements.txt"), ("golden", "requirements-test.txt")],
)
def test_a_target_waits_for_what_it_needs_and_no_more(project: Path, target: str, file: str) -> None:
    program(project / "pip.sh", 'echo "$@" >> installed')
    program(project / "venv" / "bin" / "python", "exit 0")
    program(project / "bin" / "pgbouncer", "exit 0")
    assert make(project, target) == (0, "", [SETTING_UP])
    assert make(project, "preview") == (0, "", [])  # which each of them brings
    assert (project / "installed").read_text() == f"install --disable-pip-version-check -r {file}\n"


@pytest.mark.parametrize(
    "ending, code, shown",
    [("exit 0", 0, []), ("exit 100", 2, ["debconf: delaying\n", "E: Unable to locate package npm\n"])],
)
def test_a_package_of_the_system_is_installed_without_a_word_of_apt_s_unless_it_fails(
    tmp_path: Path, ending: str, code: int, shown: list[str]
) -> None:
    shutil.copy(ROOT / "Makefile", tmp_path)
    program(tmp_path / "bin" / "id", "echo 0")
    talk = "echo debconf: delaying >&2; echo E: Unable to locate package npm"
    program(
        tmp_path / "bin" / "apt-get",
        f'[ "$1 $2" = "-o DPkg::Lock::Timeout=300" ] || exit 7; [ "$3" = update ] || {{ {talk}; {ending}; }}',
    )
    command = [shutil.which("make") or "make", "npm"]
    done = subprocess.run(
        command, cwd=tmp_path, env={"PATH": f"{tmp_path}/bin"}, capture_output=True, text=True, check=False, timeout=30
    )
    told = [line for line in done.stderr.splitlines(True) if not line.startswith("make")]
    assert (done.returncode, told) == (code, [INSTALLING, *shown])
