"""The example deploy, with `pulumi`, `ssh` and `scp` that only write down what they were asked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.recordings import ROOT, recording

OUTPUTS = json.dumps(recording("prod").outputs, indent=2)


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """A folder that stands for the host: what is copied there, and `asked`, what was run."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "outputs.json").write_text(OUTPUTS)
    for name, body in {
        "pulumi": f'[ "$*" = "stack output --json --stack prod" ] && cat {programs}/outputs.json',
        "ssh": f'echo "$@" >> {tmp_path}/asked',
        "scp": f'echo "$@" | sed "s/[^ ]*\\/tmp[^ ]*\\///g" >> {tmp_path}/asked; cp $4 $5 {tmp_path}',
    }.items():
        program = programs / name
        program.write_text(f"#!/bin/sh\n{body}\n")
        program.chmod(0o755)
    return tmp_path


def deploy(host: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run it with these programs first on the path."""
    environment = os.environ | {
        "PATH": f"{host}/bin:{os.environ['PATH']}",
        "PYTHON": sys.executable,
        "TMPDIR": str(host),
    }
    return subprocess.run(
        ["examples/deploy.sh", *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


def test_the_host_gets_its_environment_and_its_pooler_and_nothing_is_left_behind(host: Path) -> None:
    done = deploy(host, "prod", "app-1")
    assert (done.returncode, done.stdout) == (0, "")
    assert [line.split(" ", 1)[1] for line in (host / "asked").read_text().splitlines() if "install" in line] == [
        '/opt/langpont/venv/bin/pip install --quiet "/etc/langpont/langpont_db[aws]"',
        "/opt/langpont/venv/bin/python -m langpont_db.pgbouncer install --outputs /etc/langpont/outputs.json",
    ]
    assert (host / "outputs.json").read_text() == OUTPUTS
    names = [line.split("=")[0] for line in (host / "app.env").read_text().splitlines()]
    assert names == [
        "DATABASE_PRIMARY_URL", "DATABASE_PRIMARY_SECRET_ARN", "DATABASE_REPLICA_URLS",
        "DATABASE_ANALYTICS_REPLICA_URLS", "DATABASE_REPLICA_SECRET_ARN", "DATABASE_PRIMARY_POOL_SIZE",
        "DATABASE_PRIMARY_MAX_OVERFLOW", "DATABASE_REPLICA_POOL_SIZE", "DATABASE_REPLICA_MAX_OVERFLOW",
        "DATABASE_POOL_TIMEOUT_SECONDS", "DATABASE_POOL_RECYCLE_SECONDS", "AWS_REGION",
    ]  # fmt: skip
    assert sorted(path.name for path in host.iterdir()) == ["app.env", "asked", "bin", "outputs.json"]


def test_outputs_that_cannot_be_had_end_it_before_the_host_is_touched(host: Path) -> None:
    done = deploy(host, "staging", "app-1")
    assert done.returncode == 1
    assert not (host / "asked").exists()


def test_without_a_host_it_says_how_it_is_called(host: Path) -> None:
    done = deploy(host, "prod")
    assert done.returncode == 1
    assert done.stderr.strip().endswith("usage: examples/deploy.sh STACK HOST")
