"""Runs the tests in pytest processes side by side: `python -m tests.shards`, or `make test`.

Tests wait for servers half of their time, and leave a core idle in one process. pytest-xdist would bring up the servers
that a session shares in each of its workers, and hand out files by their number of tests, which the longest have fewest
of.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

Shard = tuple[str, ...]

# What shares set-ups stays together; those that take longest begin first, so that no core idles at the end. The one of
# the whole folder has what no other names.
SHARDS: Sequence[Shard] = (
    ("tests/local/up",),
    ("tests/local/up/test_upgrade.py",),
    ("tests",),
    ("tests/local",),
    ("tests/langpont_db",),
    ("tests/documents", "tests/preview", "tests/recording"),
    ("tests/functions", "tests/benchmarks", "tests/product"),
    ("tests/engine",),
)
MOST = 4  # at a time: each may have three servers and a simulated AWS in memory
_PASSED, _NO_TESTS = 0, 5
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True, kw_only=True)
class _Running:
    shard: Shard
    process: subprocess.Popen[bytes]
    output: IO[str]
    begun: float


def run(shards: Sequence[Shard], options: Sequence[str], *, root: Path, at_a_time: int) -> int:
    """Run each shard in a process of its own, print what each said when it has ended, and return pytest's exit code.

    A shard leaves to others what they name below its paths. An interruption is passed on, and what the shards say of it
    printed before `KeyboardInterrupt` is raised.
    """
    waiting, running, ended = list(shards), list[_Running](), list[tuple[int, str]]()
    begun = time.monotonic()
    try:
        while waiting or running:
            while waiting and len(running) < at_a_time:
                running.append(_start(waiting.pop(0), shards, options, root))
            for each in [each for each in running if each.process.poll() is not None]:
                running.remove(each)
                ended.append(_told(each))
            time.sleep(0.05)
    except KeyboardInterrupt:
        for each in running:
            each.process.send_signal(signal.SIGINT)
        for each in running:
            each.process.wait()
            _told(each)
        raise
    return _summed(ended, time.monotonic() - begun)


def _start(shard: Shard, shards: Sequence[Shard], options: Sequence[str], root: Path) -> _Running:
    others = [path for other in shards if other != shard for path in other]
    elsewhere = [f"--ignore={path}" for path in others if any(Path(own) in Path(path).parents for own in shard)]
    output = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115 - until it has ended
    color = ["--color=yes"] if sys.stdout.isatty() else []
    print(f"Begun: {' '.join(shard)}", flush=True)
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", *color, *options, *elsewhere, *shard],
        cwd=root, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
        process_group=0,  # Ctrl-C comes to it once, from here: a second one would end its tidying up
    )  # fmt: skip
    return _Running(shard=shard, process=process, output=output, begun=time.monotonic())


def _told(ended: _Running) -> tuple[int, str]:
    """Print what a shard said. Its exit code and that."""
    with ended.output as output:
        output.seek(0)
        said = output.read()
    print(f"\n{' '.join(ended.shard)}, {time.monotonic() - ended.begun:.0f} s:\n{said}", flush=True)
    return ended.process.returncode, _ANSI.sub("", said)


def _summed(ended: Sequence[tuple[int, str]], seconds: float) -> int:
    """Print what failed anywhere and how many tests there were. The exit code of all: a failure's, if there is one."""
    codes = {code for code, _ in ended}
    failed = [line for _, said in ended for line in said.splitlines() if line.startswith(("FAILED ", "ERROR "))]
    numbers: Counter[str] = Counter()
    for _, said in ended:
        numbers.update(dict(_numbers(said)))
    counted = ", ".join(f"{number} {what}" for what, number in sorted(numbers.items()))
    print("\n".join([*failed, f"All shards: {counted or 'no tests'} in {seconds / 60:.1f} min"]), flush=True)
    if wrong := codes - {_PASSED, _NO_TESTS}:
        return next((code for code in sorted(wrong) if code > 0), 1)
    return min(codes)


def _numbers(said: str) -> Iterator[tuple[str, int]]:
    """`12 passed, 3 deselected in 4.56s`, the last such line of a run."""
    lines = re.findall(r"^=*\s*(\d+ [a-z]+(?:, \d+ [a-z]+)*) in [\d.]+s", said, re.MULTILINE)
    for number, what in re.findall(r"(\d+) ([a-z]+)", lines[-1]) if lines else ():
        yield what.removesuffix("s") if what in ("errors", "warnings") else what, int(number)


def cores() -> int:
    """How many shards run at a time on this machine."""
    return min(os.cpu_count() or 1, MOST)
