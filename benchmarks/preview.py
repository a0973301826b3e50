"""Time of an offline preview in a new process, by stack, and the share of imports."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

from benchmarks.statistics import Spread, spread
from benchmarks.workshop import PROJECT, Workshop

TIMEOUT_SECONDS = 120


def measure(workshop: Workshop) -> dict[str, Any]:
    """Measure previews: seconds by stack; import shares in percent of prod's whole time."""
    effort = workshop.effort
    stacks: dict[str, Spread] = {}
    for stack in effort.stacks:
        workshop.say(f"Preview: {stack}")
        _run(stack)  # the first one compiles
        stacks[stack] = spread([_run(stack)[0] for _ in range(effort.runs)])
    workshop.say("Preview: imports")
    shares = [_import_shares() for _ in range(effort.runs)]
    return {
        "stacks": stacks,
        "import_pulumi_share_percent": spread([share["pulumi"] for share in shares], 1),
        "import_pulumi_aws_share_percent": spread([share["pulumi_aws"] for share in shares], 1),
    }


def _run(stack: str, *options: str) -> tuple[float, str]:
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, *options, "-m", "preview", stack],
        capture_output=True, text=True, check=False, cwd=PROJECT, timeout=TIMEOUT_SECONDS,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"The preview of {stack} was refused:\n{done.stderr}")
    return time.monotonic() - begun, done.stderr


def _import_shares() -> dict[str, float]:
    seconds, output = _run("prod", "-X", "importtime")
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
