"""Start, recognise and stop background processes, which outlive the command that started them."""

from __future__ import annotations

import os
import pwd
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

_POLL_SECONDS = 0.02
_KILL_SECONDS = 5.0  # after SIGKILL only the kernel's own work is left


@dataclass(frozen=True)
class Process:
    """One process for good: a number alone may be another process's tomorrow, so its start is part of it.

    `started` is opaque. `command` is for people; a server may rewrite its own command line.
    """

    pid: int
    started: str
    command: str

    @classmethod
    def of(cls, pid: int) -> Process | None:
        """The process that has this number now, such as the one in a server's pid file; None if none lives."""
        state = _state(pid)
        return None if state is None or state.dead else cls(pid, state.started, _command(pid))

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Process:
        """What `to_json` made. Raises `ValueError` for anything else."""
        try:
            pid, started, command = (value[key] for key in ("pid", "started", "command"))
        except (KeyError, TypeError):
            raise ValueError(f"not a process: {value!r}") from None
        if type(pid) is not int or pid <= 0 or not isinstance(started, str) or not isinstance(command, str):
            raise ValueError(f"not a process: {value!r}")
        return cls(pid, started, command)

    def to_json(self) -> dict[str, Any]:
        """For a state file."""
        return asdict(self)

    def alive(self) -> bool:
        """Whether this very process runs. A zombie, and another process with its number, do not count."""
        _reap(self.pid)
        state = _state(self.pid)
        return state is not None and not state.dead and state.started == self.started

    def stop(self, timeout_seconds: float = 10, signal_number: int = signal.SIGTERM) -> bool:
        """End it and return when it is gone; whether it went by itself, without being killed.

        Sends `signal_number`, and after `timeout_seconds` kills it; SIGKILL goes to its children of the same group too.
        Raises `PermissionError` for another user's process and `TimeoutError` if the kernel does not let it go.
        """
        group = signal_number == signal.SIGKILL
        if self.send(signal_number, group=group) and not self._gone_within(timeout_seconds):
            self.send(signal.SIGKILL, group=True)
            if not self._gone_within(_KILL_SECONDS):
                raise TimeoutError(f"process {self.pid} ({self.command}) is still there after SIGKILL.")
            return False
        return True

    def send(self, number: int, *, group: bool = False) -> bool:
        """Send a signal if the process lives, with `group` to its children of the same group too; whether it did."""
        if not self.alive():
            return False
        with suppress(ProcessLookupError):  # it went in between
            if group and os.getpgid(self.pid) == self.pid:
                os.killpg(self.pid, number)
            else:
                os.kill(self.pid, number)
        return True

    def _gone_within(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while self.alive():
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL_SECONDS)
        return True


def working_in(folder: Path, programs: Collection[str]) -> list[Process]:
    """Processes of these programs, such as `postgres`, with an argument that is the folder or a path in it.

    A program that is a script, such as `moto_server.py`, is itself an argument. Without those that another of them has
    started: a server's children look like it for a moment, and end with it.
    """
    parents = {}
    for pid, parent, argv in _command_lines():
        names = {os.path.basename(argument) for argument in argv}
        if names.intersection(programs) and any(f"{argument}/".startswith(f"{folder}/") for argument in argv[1:]):
            parents[pid] = parent
    found = [Process.of(pid) for pid, parent in parents.items() if parent not in parents]
    return [process for process in found if process]


def start(
    argv: Sequence[str],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    user: str | None = None,
    cwd: Path | None = None,
) -> Process:
    """Start a program in a session of its own, so that it stays when this command and its terminal are gone.

    Its output is appended to `log` (mode 600, the caller's even with another `user`). `env` is its whole environment,
    None for ours. `user` needs root and drops its groups too; None and our own name change nothing. That it stays
    alive is for the caller to see. Raises `OSError` if the program or a folder is missing, `KeyError` for a user that
    the system does not have.
    """
    account = pwd.getpwnam(user) if user is not None else None
    identity: dict[str, Any] = {}
    if account is not None and account.pw_uid != os.geteuid():
        identity = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.fchmod(descriptor, 0o600)  # it may be there from before, or from a wider umask
        child = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=descriptor,
            env=env,
            cwd=cwd,
            start_new_session=True,
            umask=0o077,
            **identity,
        )
    finally:
        os.close(descriptor)
    # It is our child, so even if it has ended already it has a state until `alive` reaps it.
    state = _state(child.pid)
    assert state is not None
    child.returncode = 0  # Popen would complain of a process that outlives it, which is what is wanted
    return Process(child.pid, state.started, shlex.join(argv))


@dataclass(frozen=True)
class _State:
    started: str
    dead: bool


def _state(pid: int) -> _State | None:
    """What the system says of a number; None if no process has it."""
    return _state_of_linux(pid) if sys.platform == "linux" else _state_of_ps(pid)


def _state_of_linux(pid: int) -> _State | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    # proc(5): the name in brackets may itself hold blanks and brackets; state is field 3, the number of threads field
    # 20, the start field 22. While other threads end, a zombie still holds its files and ports.
    fields = text.rpartition(")")[2].split()
    return _State(f"{_boot()}:{fields[19]}", fields[0] in "Xx" or (fields[0] == "Z" and int(fields[17]) <= 1))


@cache
def _boot() -> str:
    """The start is counted from the machine's, so it says nothing without which boot that was."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def _state_of_ps(pid: int) -> _State | None:
    found = _ps(pid, "stat=,lstart=").split(maxsplit=1)
    return _State(found[1].strip(), found[0].startswith("Z")) if len(found) == 2 else None


def _command(pid: int) -> str:
    if sys.platform != "linux":
        return _ps(pid, "command=").strip()
    try:
        raw = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return shlex.join(raw.decode("utf-8", errors="replace").rstrip("\0").split("\0"))


def _command_lines() -> Iterator[tuple[int, int, list[str]]]:
    """Number, parent's number and arguments of every process that we may look at."""
    if sys.platform != "linux":
        environment = dict(os.environ, LC_ALL="C")
        asked = ["ps", "-axo", "pid=,ppid=,command="]
        told = subprocess.run(asked, capture_output=True, text=True, check=False, env=environment).stdout
        for line in told.splitlines():
            number, parent, *argv = line.split()  # ps does not say where an argument with a blank ends
            yield int(number), int(parent), argv
        return
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with suppress(OSError):  # it has ended, or is somebody else's on a system that hides those
                raw = os.fsdecode((entry / "cmdline").read_bytes())
                stat = (entry / "stat").read_text(encoding="utf-8", errors="replace")
                yield int(entry.name), int(stat.rpartition(")")[2].split()[1]), raw.rstrip("\0").split("\0")


def _ps(pid: int, columns: str) -> str:
    environment = dict(os.environ, LC_ALL="C")
    asked = ["ps", "-o", columns, "-p", str(pid)]
    return subprocess.run(asked, capture_output=True, text=True, check=False, env=environment).stdout


def _reap(pid: int) -> None:
    """Let go of it if it is an ended child of ours."""
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
