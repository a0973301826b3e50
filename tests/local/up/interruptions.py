"""`up` in a process of its own that a signal comes into, and what is left of it."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from local.down import running
from local.processes import working_in
from local.state import Folders

ROOT = Path(__file__).parents[3]
PROGRAMS = ("postgres", "pgbouncer", "initdb", "pg_basebackup", "pg_upgrade", "moto_server.py", "lambda_runtime.py")
# As the command does it, on another project than the one that it lies in.
_COMMAND = """
import faulthandler, sys
faulthandler.enable()
from pathlib import Path
import command_line
from local import commands
commands.PROJECT = Path(sys.argv.pop(1))
command_line.run(lambda: commands.app(prog_name="python -m local.commands"))
"""


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How an `up` ended: exit code, standard error, and how long it took after the signal."""

    code: int
    said: str
    seconds: float


def up_until(project: Path, stack: str, moment: str | float, number: signal.Signals, *, later: float = 0) -> Ended:
    """Bring a stack up, and send the signal once it says a step that begins so, or after so many seconds.

    `later`: seconds after the moment.
    """
    process = subprocess.Popen(
        [sys.executable, "-c", _COMMAND, str(project), "up", stack],
        cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    assert process.stderr is not None
    said: list[str] = []
    reached = threading.Event()

    def read() -> None:
        assert process.stderr is not None
        for line in process.stderr:
            said.append(line)
            if isinstance(moment, str) and line.startswith(moment):
                reached.set()
        reached.set()

    reader = threading.Thread(target=read)
    reader.start()
    try:
        reached.wait(moment if isinstance(moment, float) else 120)
        time.sleep(later)
        begun = time.monotonic()
        process.send_signal(number)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGABRT)  # it says where it hangs
            process.wait()
            reader.join()
            raise AssertionError("".join(said)) from None
        seconds = time.monotonic() - begun
    finally:
        process.kill()
        process.wait()
        reader.join()
        process.stderr.close()
    return Ended(code=process.returncode, said="".join(said), seconds=seconds)


def left(project: Path, stack: str) -> list[str]:
    """What runs of the stack, by command line, whatever any file says."""
    folders = Folders.of(project, stack)
    found = working_in(folders.run, PROGRAMS)
    found += [process for process in running(folders).values() if process not in found]
    return [process.command for process in found]
