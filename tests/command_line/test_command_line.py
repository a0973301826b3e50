"""How the commands begin and end, each in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest

from tests.processes import started
from tests.recordings import ROOT

COMMANDS = {
    "preview": ["-m", "preview", "dev"],
    "local": ["-m", "local.commands", "status", "dev"],
    "ops": ["-m", "ops", "--help"],
    "benchmarks": ["-m", "benchmarks", "--help"],
    "documents": ["-m", "documents"],
}
# In short sleeps: a signal just before one begins is dealt with after it, however long it is.
WAITING = "import time; print('ready', flush=True)\nwhile True: time.sleep(0.05)"


def body(text: str) -> list[str]:
    """A process that runs a command with this body."""
    lines = "".join(f"    {line}\n" for line in text.splitlines())
    return [sys.executable, "-c", f"import command_line\ndef command():\n{lines}command_line.run(command)\n"]


def done(argv: list[str], stdout: int | IO[str] = subprocess.PIPE) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        argv, cwd=ROOT, stdout=stdout, stderr=subprocess.PIPE, text=True, timeout=120, check=False
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "code", "told"),
    [
        ("pass", 0, ""),
        ("return 3", 3, ""),
        ("raise SystemExit(4)", 4, ""),
        ("raise SystemExit('why')", 1, "why\n"),
        ("raise KeyboardInterrupt", 130, "Interrupted.\n"),
        # As each dataclass does at import: Python would end by SIGINT, although it was handled.
        ("try: exec('raise KeyboardInterrupt')\nexcept KeyboardInterrupt: return 5", 5, ""),
    ],
)
def test_a_command_ends_as_it_says(text: str, code: int, told: str) -> None:
    ended = done(body(text))
    assert (ended.returncode, ended.stdout, ended.stderr) == (code, "", told)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_that_end_a_command_are_an_interruption(number: signal.Signals) -> None:
    with started(body(WAITING), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        process.send_signal(number)
        _, told = process.communicate(timeout=60)
    assert (process.returncode, told) == (130, "Interrupted.\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_where_python_can_raise_nothing_is_not_lost(number: signal.Signals) -> None:
    """As in the callback by which each import ends."""
    gone = f"class Gone:\n  def __del__(self): signal.raise_signal({int(number)})\nGone()"
    ended = done(body(f"import signal, time\n{gone}\ntime.sleep(60)\nreturn 5"))
    assert (ended.returncode, ended.stderr) == (130, "Interrupted.\n")


def test_an_interruption_after_all_is_done_changes_nothing() -> None:
    late = "import atexit, signal\natexit.register(signal.raise_signal, signal.SIGINT)\nprint('done')\nreturn 3"
    ended = done(body(late))
    assert (ended.returncode, ended.stdout, ended.stderr) == (3, "done\n", "")


def test_what_a_shell_ignores_in_the_background_stays_ignored() -> None:
    command = body("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nprint('went on')")
    ended = done(["/bin/sh", "-c", 'trap "" INT; "$@"', "sh", *command])
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "went on\n", "")


@pytest.mark.parametrize("arguments", COMMANDS.values(), ids=list(COMMANDS))
def test_an_interruption_while_modules_are_imported_ends_a_command_without_a_traceback(
    tmp_path: Path, arguments: list[str]
) -> None:
    for name in ("typer", "pydantic"):  # what takes long
        (tmp_path / f"{name}.py").write_text("import signal; signal.raise_signal(signal.SIGINT)\n")
    ended = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
    )  # fmt: skip
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "Interrupted. Nothing was begun.\n")


@pytest.mark.parametrize("arguments", [COMMANDS["preview"], COMMANDS["ops"]], ids=["preview", "ops"])
def test_a_full_disk_is_one_sentence(arguments: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        ended = done([sys.executable, *arguments], stdout=full)
    assert (ended.returncode, ended.stderr) == (
        1, "The output cannot be written: No space left on device. Make room, or write it elsewhere.\n",
    )  # fmt: skip


def unread(argv: list[str], *, both: bool = False) -> subprocess.CompletedProcess[str]:
    """Run with an output, and errors where `both`, whose reader has gone before anything is written."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as pipe:
        return subprocess.run(
            argv, cwd=ROOT, stdout=pipe, stderr=pipe if both else subprocess.PIPE, text=True, timeout=120, check=False
        )


@pytest.mark.parametrize("both", [False, True], ids=["output", "output and errors"])
@pytest.mark.parametrize(
    "arguments",
    [COMMANDS["preview"], COMMANDS["ops"], ["-u", *COMMANDS["ops"]], ["-m", "local.commands", "--help"]],
    ids=["preview", "ops", "ops without a buffer", "local"],
)
def test_a_reader_that_went_away_is_no_failure_and_no_complaint(arguments: list[str], both: bool) -> None:
    ended = unread([sys.executable, *arguments], both=both)
    assert (ended.returncode, ended.stderr or "") == (0, "")


def test_a_command_that_nobody_reads_any_more_goes_on_to_its_own_exit_code(tmp_path: Path) -> None:
    text = "import pathlib, sys\nprint('x' * 99_999, flush=True)\nprint('y' * 99_999)\nprint('z', file=sys.stderr)"
    ended = unread(body(f"{text}\npathlib.Path({str(tmp_path / 'done')!r}).touch()\nreturn 3"), both=True)
    assert ended.returncode == 3
    assert (tmp_path / "done").exists()


def test_a_pipe_that_closes_for_somebody_else_is_an_error_of_the_program() -> None:
    ended = done(body("raise BrokenPipeError('a server went away')"))
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1] == "BrokenPipeError: a server went away"


def test_what_the_terminal_has_no_letter_for_is_no_end() -> None:
    ended = subprocess.run(
        body("print('tag \u7ffb\u8a33')"), cwd=ROOT, capture_output=True, text=True, check=False, timeout=120,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )  # fmt: skip
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "tag \\u7ffb\\u8a33\n", "")


def test_a_closed_output_is_none() -> None:
    ended = done(["/bin/sh", "-c", '"$@" >&-', "sh", *body("print('x')\nreturn 6")])
    assert (ended.returncode, ended.stderr) == (6, "")


def test_an_error_of_the_program_keeps_its_traceback() -> None:
    ended = done(body("open('/nowhere/x')"))
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1] == "FileNotFoundError: [Errno 2] No such file or directory: '/nowhere/x'"
