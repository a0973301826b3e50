"""Time of an offline preview in a new process, by stack and by replicas, and the share of imports."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.effort import Effort
from benchmarks.progress import Progress
from benchmarks.statistics import Spread, spread
from benchmarks.workshop import PROJECT

STACK_SECONDS, REPLICA_SECONDS = 1.7, 2.3  # expected of one preview
TIMEOUT_SECONDS = 120
# What a copy of the project needs not; compiled modules come along, since a second start is what people meet.
LEFT_OUT = ("venv", "node_modules", "tests", "docs", "benchmarks", ".*")
ZONES = ("ap-northeast-1c", "ap-northeast-1d")


def expected_seconds(effort: Effort) -> float:
    """How long `measure` takes."""
    stacks = len(effort.stacks) * (effort.runs + 1) + effort.runs
    return stacks * STACK_SECONDS + len(effort.replicas) * effort.runs * REPLICA_SECONDS + REPLICA_SECONDS


def measure(effort: Effort, progress: Progress) -> dict[str, Any]:
    """Measure previews: seconds by stack, and of prod by replicas; import shares in percent of prod's whole time."""
    stacks: dict[str, Spread] = {}
    for stack in effort.stacks:
        progress.begin(f"Preview: {stack}", (effort.runs + 1) * STACK_SECONDS)
        _seconds(PROJECT, stack)  # the first one compiles
        stacks[stack] = spread([_seconds(PROJECT, stack) for _ in range(effort.runs)])
    replicas = _by_replicas(effort, progress)
    progress.begin("Preview: imports", effort.runs * STACK_SECONDS)
    shares = [_import_shares() for _ in range(effort.runs)]
    return {
        "stacks": stacks,
        "replicas": replicas,
        "import_pulumi_share_percent": spread([share["pulumi"] for share in shares], 1),
        "import_pulumi_aws_share_percent": spread([share["pulumi_aws"] for share in shares], 1),
    }


def _by_replicas(effort: Effort, progress: Progress) -> dict[str, Spread]:
    times: dict[int, list[float]] = {number: [] for number in effort.replicas}
    with tempfile.TemporaryDirectory(prefix="lp-bench-") as folder:
        project = Path(folder, "project")
        shutil.copytree(PROJECT, project, ignore=shutil.ignore_patterns(*LEFT_OUT))
        stack_file = project / "Pulumi.prod.yaml"
        original = stack_file.read_text(encoding="utf-8")
        progress.begin("Preview: prod in a copy", REPLICA_SECONDS)
        _seconds(project, "prod")
        for run in range(effort.runs):
            for number in effort.replicas:
                progress.begin(f"Preview, run {run + 1}: prod with {number} replicas", REPLICA_SECONDS)
                stack_file.write_text(with_replicas(original, number), encoding="utf-8")
                times[number].append(_seconds(project, "prod"))
    return {str(number): spread(found) for number, found in times.items()}


def with_replicas(stack_file: str, number: int) -> str:
    """The text of a stack file with that many read replicas in place of its own. Raises `ValueError` if it has none."""
    lines = [
        f"    - {{number: {n}, purpose: reads, instanceClass: db.t3.medium, zone: {ZONES[n % len(ZONES)]}}}\n"
        for n in range(1, number + 1)
    ]
    section = "  langpont-database:replicas:" + (f"\n{''.join(lines)}" if lines else " []\n")
    changed, found = re.subn(r"  langpont-database:replicas:\n(?: {4,}.*\n)+", section, stack_file)
    if not found:
        raise ValueError("The stack file has no section langpont-database:replicas. Measure another one.")
    return changed


def _run(project: Path, stack: str, *options: str) -> tuple[float, str]:
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, *options, "-m", "preview", stack],
        capture_output=True, text=True, check=False, cwd=project, timeout=TIMEOUT_SECONDS,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"The preview of {stack} was refused:\n{done.stderr}")
    return time.monotonic() - begun, done.stderr


def _seconds(project: Path, stack: str) -> float:
    return _run(project, stack)[0]


def _import_shares() -> dict[str, float]:
    seconds, output = _run(PROJECT, "prod", "-X", "importtime")
    return {name: 100 * import_seconds(output, name) / seconds for name in ("pulumi", "pulumi_aws")}


def import_seconds(output: str, package: str) -> float:
    """Parse `python -X importtime`: seconds of a package's modules with all that they import themselves.

    A line follows those of what it imports, which are indented further; times are microseconds.
    """
    total, outer = 0, None
    for depth, cumulative, name in reversed(list(_import_lines(output))):
        if outer is not None and depth > outer:
            continue  # within one that was counted
        outer = None
        if name == package or name.startswith(f"{package}."):
            total, outer = total + cumulative, depth
    return total / 1e6


def _import_lines(output: str) -> Iterator[tuple[int, int, str]]:
    for found in re.finditer(r"^import time: +\d+ \| +(\d+) \| ( *)(\S+)$", output, flags=re.MULTILINE):
        yield len(found[2]) // 2, int(found[1]), found[3]
