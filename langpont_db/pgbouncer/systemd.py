"""Calls systemctl: the one place that does."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass

from langpont_db.pgbouncer.errors import HostError

POOLER = "pgbouncer.service"
# A stopping PgBouncer lets transactions end; systemd itself gives up after 90 s and kills it.
TIMEOUT_SECONDS = 120


@dataclass(frozen=True, kw_only=True)
class Unit:
    """PgBouncer's systemd unit. `pid` is 0 unless it runs."""

    pid: int
    user: str


def systemctl(*arguments: str) -> str:
    """Run it and return what it printed. Raises `HostError` with its own words if it fails."""
    command = ["systemctl", *arguments]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=TIMEOUT_SECONDS, stdin=subprocess.DEVNULL
        )
    except FileNotFoundError:
        raise HostError("systemctl is missing: this command is for hosts with systemd.") from None
    except subprocess.TimeoutExpired:
        raise HostError(f"{' '.join(command)} did not end within {TIMEOUT_SECONDS} s.") from None
    if done.returncode:
        stderr = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
        raise HostError(f"{' '.join(command)}: {stderr}")
    return done.stdout


def pooler() -> Unit:
    """PgBouncer's unit as it is now. Raises `HostError` if the package is not installed."""
    lines = systemctl("show", POOLER, "--property=LoadState,MainPID,User").splitlines()
    properties = dict(line.split("=", 1) for line in lines if "=" in line)
    if properties.get("LoadState") != "loaded":
        raise HostError(f"{POOLER} is not installed. apt-get install pgbouncer, and run this again.")
    return Unit(pid=int(properties.get("MainPID") or 0), user=properties.get("User") or "root")
