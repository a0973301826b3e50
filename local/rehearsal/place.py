"""A platform for one rehearsal: copies of both versions, and servers apart from those that `up` has for the stack."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from local import state
from local.down import stop_control, uninterrupted
from local.processes import Process
from local.rehearsal.errors import RehearsalError
from local.servers import plane
from local.servers.layout import Layout, remove
from local.state import Folders, StateError

NAME = "rehearsal-"
BINARIES = "postgresql"  # as `local.up` has them beside the servers
END_SECONDS = 60
# What no program needs, and what is another platform's.
_LEFT_OUT = shutil.ignore_patterns(".*", "venv", "node_modules")


@dataclass(frozen=True, kw_only=True)
class Applied:
    """An `up` that came to its end. `printed` is its standard output."""

    seconds: float
    printed: str


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where one rehearsal is. `environ`: the variables that its commands get."""

    folder: Path
    stack: str
    environ: Mapping[str, str] = field(repr=False)

    @property
    def base(self) -> Path:
        """The copy of the version that stands first."""
        return self.folder / ".base"

    @property
    def changed(self) -> Path:
        """The copy of the version that is applied over it."""
        return self.folder / ".changed"

    def copy(self, source: Path, to: Path, stack_file: Path | None = None) -> None:
        """Copy a version's folder, with another stack file in the place of its own."""
        shutil.copytree(source, to, ignore=_LEFT_OUT, symlinks=True)
        to.chmod(0o700)
        if stack_file is not None:
            shutil.copyfile(stack_file, to / f"Pulumi.{self.stack}.yaml")

    def hand_over(self) -> None:
        """Let the changed version go on with what the base has brought up."""
        (self.base / ".local").rename(self.changed / ".local")

    def app_env(self, project: Path) -> Path:
        """The environment that an application of a copy's platform gets."""
        return project / ".local" / self.stack / "app.env"

    def up(self, project: Path, *options: str, say: Callable[[str], None]) -> Applied:
        """Run the copy's own `up`, as `make up` does. Raises `RehearsalError` with what it said."""
        begun = time.monotonic()
        with tempfile.TemporaryFile("w+", encoding="utf-8") as printed:
            process = subprocess.Popen(
                [sys.executable, "-m", "local.commands", "up", self.stack, *options],
                cwd=project, env=dict(self.environ), stdin=subprocess.DEVNULL, stdout=printed, stderr=subprocess.PIPE,
                text=True, start_new_session=True,  # Ctrl-C is for us, who pass it on
            )  # fmt: skip
            try:
                said = list(_lines(process, say))
                code = process.wait()
            finally:
                _end(process)
            seconds = time.monotonic() - begun
            printed.seek(0)
            text = printed.read()
        if code:
            refusal = [line for line in said if not line.endswith(" ...")] or [
                f"it ended with {code} and said nothing."
            ]
            crashed = refusal[0].startswith("Traceback ")
            raise RehearsalError(f"Its `up` does not run here: {refusal[-1]}" if crashed else "\n".join(refusal))
        return Applied(seconds=seconds, printed=text)


@contextmanager
def place(project: Path, stack: str) -> Iterator[Place]:
    """A place of its own beside the servers of the project; at the end, or when interrupted, nothing of it is left."""
    beside = Folders.of(project, stack).run.parent
    _remove_killed(beside)
    folder = beside / f"{NAME}{os.getpid()}"
    replace(Folders.of(project, stack), run=folder).make_run()
    try:
        (beside / BINARIES).mkdir(exist_ok=True)
        (folder / BINARIES).symlink_to(beside / BINARIES)
        environ = {**os.environ, state.PLACE_VARIABLE: str(folder)}
        yield Place(folder=folder, stack=stack, environ=environ)
    finally:
        with uninterrupted():
            _take_down(folder)


def _lines(process: subprocess.Popen[str], say: Callable[[str], None]) -> Iterator[str]:
    assert process.stderr is not None
    for line in process.stderr:
        text = line.rstrip("\n")
        if text.endswith(" ..."):
            say(text.removesuffix(" ..."))
        yield text


def _end(process: subprocess.Popen[str]) -> None:
    """End an `up` that still runs as Ctrl-C does, so that it stops what it has begun."""
    if process.poll() is None:
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGINT)
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if process.stderr is not None:
        process.stderr.close()


def _take_down(folder: Path) -> None:
    """Stop whatever runs in a rehearsal's folder, and remove it."""
    for run in folder.iterdir():
        if run.is_dir() and not run.is_symlink() and not run.name.startswith("."):
            plane.purge(Layout(run / "data"))
            stop_control(Folders(run / "state", run))
    remove(folder)


def _remove_killed(beside: Path) -> None:
    """Rehearsals whose process was killed before it could tidy up."""
    for folder in beside.glob(f"{NAME}*"):
        number = folder.name.removeprefix(NAME)
        if number.isdecimal() and not Process.of(int(number)) and not _works(folder):
            _take_down(folder)


def _works(folder: Path) -> bool:
    """Whether an `up` of a killed rehearsal is still at work."""
    for found in folder.glob(".*/.local/*"):
        try:
            with state.locked(Folders(found, folder), found.name):
                pass
        except StateError:
            return True
    return False


def did(applied: Applied) -> list[str]:
    """What an `up --json` did to the servers."""
    document: dict[str, Any] = json.loads(applied.printed)
    return [str(each) for each in document["did"]]
