"""Hardware, versions and commit of a benchmark."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from pathlib import Path
from typing import Any

from benchmarks.workshop import PROJECT
from local.servers.binaries import Binaries
from local.servers.pgbouncer import find_binary


def machine(binaries: Binaries) -> dict[str, Any]:
    """The machine in the schema of results.json. `memory_gib` is the kernel's physical memory."""
    pages, page = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    version = _output(str(find_binary()), "--version")
    pooler = re.search(r"PgBouncer ([0-9.]+)", version)
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "memory_gib": round(pages * page / 2**30, 1),
        "kernel": f"{platform.system()} {platform.release()}",
        "postgresql": binaries.version,
        "pgbouncer": pooler[1] if pooler else "unknown",
        "python": platform.python_version(),
    }


def commit() -> str:
    """The commit that is checked out, with "and changes" where code differs from it; "unknown" outside of git."""
    head = _output("git", "-C", str(PROJECT), "rev-parse", "--short", "HEAD").strip()
    if not head:
        return "unknown"
    drawn = (":(exclude)benchmarks/*.json", ":(exclude)docs", ":(exclude)README.md")
    changed = _output("git", "-C", str(PROJECT), "status", "--porcelain", "--", ".", *drawn).strip()
    return f"{head} and changes" if changed else head


def _cpu() -> str:
    try:
        found = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), flags=re.MULTILINE)
    except OSError:
        found = None
    return found[1].strip() if found else platform.processor() or platform.machine()


def _output(*argv: str) -> str:
    try:
        return subprocess.run(argv, capture_output=True, text=True, check=False).stdout
    except OSError:
        return ""
