"""Runs pgbench and parses its output and its transaction log."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.statistics import percentile
from local.servers.binaries import Binaries
from local.servers.configuration import SUPERUSER
from local.servers.connections import Endpoint
from local.servers.errors import DataPlaneError
from local.servers.server import Server, environment

GRACE_SECONDS = 60  # for logging in, and for what is under way at the end


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The figures of one run. Times are milliseconds, with a rate from when a transaction was due.

    failed: transactions that a server refused, and one for each client that had to give up.
    """

    tps: float
    average_ms: float
    p99_ms: float
    failed: int


def build(server: Server, database: str, scale: int) -> None:
    """Create pgbench's tables (-i), as the superuser, by the socket. Raises `DataPlaneError`."""
    server.run(
        server.binaries.tools / "pgbench",
        "-i", "-q", "-s", str(scale), "-h", server.sockets, "-p", str(server.live_port), "-U", SUPERUSER, database,
    )  # fmt: skip


def run(
    binaries: Binaries, endpoint: Endpoint, user: str, password: str, *, clients: int, seconds: int, rate: int | None,
    settle: int = 0,
) -> Outcome:  # fmt: skip
    """Run TPC-B-like transactions for some seconds: `rate` of them a second (-R), or in a closed loop.

    What is due within the first `settle` seconds is made and its time not counted.

    Simple protocol: in transaction pooling a prepared statement may meet a server that does not know it. Raises
    `DataPlaneError` with pgbench's words if no transaction was made at all.
    """
    with tempfile.TemporaryDirectory(prefix="lp-pgbench-") as folder:
        argv = [
            str(binaries.tools / "pgbench"), "-n", "-M", "simple", "-c", str(clients), "-j", str(min(clients, 2)),
            "-T", str(seconds), "-l", "--log-prefix", str(Path(folder, "log")),
            *(["-R", str(rate)] if rate else []), endpoint.conninfo(user),
        ]  # fmt: skip
        try:
            done = subprocess.run(
                argv, capture_output=True, text=True, check=False, timeout=seconds + GRACE_SECONDS, cwd=folder,
                env={**environment(), "PGPASSWORD": password},
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise DataPlaneError(f"pgbench did not end within {seconds + GRACE_SECONDS} s. Try it again.") from None
        lines = [line for path in Path(folder).glob("log.*") for line in path.read_text().splitlines()]
        times = list(log_times(lines, settle))
    return outcome(done.stdout, done.stderr, times)


def outcome(output: str, errors: str, times_ms: list[float]) -> Outcome:
    """Parse pgbench's output, with the times of its log. Raises `DataPlaneError` if there is no transaction."""
    tps = re.search(r"^tps = ([0-9.]+) ", output, flags=re.MULTILINE)
    failed = re.search(r"^number of failed transactions: ([0-9]+) ", output, flags=re.MULTILINE)
    if tps is None or failed is None or not times_ms:
        messages = errors.strip().splitlines()
        raise DataPlaneError(f"pgbench made no transaction: {messages[-1] if messages else 'it said nothing'}")
    aborted = len(re.findall(r"client [0-9]+ (?:script [0-9]+ )?aborted", errors))
    return Outcome(
        tps=float(tps[1]),
        average_ms=sum(times_ms) / len(times_ms),
        p99_ms=percentile(times_ms, 99),
        failed=int(failed[1]) + aborted,
    )


def log_times(lines: Iterable[str], settle: int = 0) -> Iterator[float]:
    """Latency in milliseconds of each completed transaction that was due `settle` seconds after the first, or later.

    A line's third field is microseconds, or why it was not made; the fifth and sixth are when it ended (pgbench,
    "Per-Transaction Logging").
    """
    completed = [(int(f[2]), int(f[4]) * 1_000_000 + int(f[5])) for f in map(str.split, lines) if f[2].isdecimal()]
    begin = min((end - time for time, end in completed), default=0) + settle * 1_000_000
    yield from (time / 1000 for time, end in completed if end - time >= begin)
