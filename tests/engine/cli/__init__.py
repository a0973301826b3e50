"""The Pulumi CLI that tests use: the one on PATH if it is new enough, or one built from its Go module."""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

MODULE = Path(__file__).parent
PACKAGE = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
VERSION_VARIABLE = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version"


@dataclass(frozen=True)
class Cli:
    """A CLI's program, its version, and whether it was built here."""

    path: Path
    version: str
    built: bool


def find() -> Cli | None:
    """The CLI on PATH, at least of the SDK's version; otherwise one that was built before. None without either."""
    found = shutil.which("pulumi")
    if found is not None:
        version = version_of(Path(found))
        if version is not None and _numbers(version) >= _numbers(importlib.metadata.version("pulumi")):
            return Cli(Path(found), version, built=False)
    path = cached()
    return Cli(path, pinned(), built=True) if path.exists() else None


def cached() -> Path:
    """Where the built CLI is kept for this user, shared by all clones."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "langpont-database" / f"pulumi-{pinned()}" / "pulumi"


def pinned() -> str:
    """The version in `go.mod`."""
    found = re.search(r"github\.com/pulumi/pulumi/pkg/v3 v([\d.]+)", (MODULE / "go.mod").read_text(encoding="utf-8"))
    assert found is not None
    return found[1]


def version_of(program: Path) -> str | None:
    """What `pulumi version` says; None if it does not run."""
    try:
        done = subprocess.run([program, "version"], capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip().removeprefix("v")


def build() -> Cli:
    """Build it from its module, about six minutes of CPU time. Raises `CalledProcessError`, `FileNotFoundError`."""
    path = cached()
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"pulumi.{os.getpid()}")
    flags = f"-s -w -X {VERSION_VARIABLE}={pinned()}"
    try:
        subprocess.run(
            ["go", "build", "-trimpath", "-ldflags", flags, "-o", str(partial), PACKAGE],
            cwd=MODULE, env=os.environ | {"GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly"}, check=True,
        )  # fmt: skip
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return Cli(path, pinned(), built=True)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])
