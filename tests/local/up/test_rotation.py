"""Passwords are rotated on one machine, every role's three times under load, and no login fails."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from blueprint.postgres.roles import PASSWORD_ROLES, POOLED_ROLES, second_login
from local import up
from local.aws.clients import Clients
from local.down import control, rotated_file
from local.environment import write_files
from local.state import Folders
from tests.local.up.conftest import ROOT
from tests.local.up.test_up import bring_up, did, failed
from tests.waiting import until

CLIENTS = Path(__file__).with_name("clients.py")


@pytest.fixture
def rotating(project: Path) -> up.Result:
    """Prod, with rotation on."""
    file = project / "Pulumi.prod.yaml"
    on = "\n  langpont-database:credentials:\n    rotateEveryDays: 30\n"
    if on not in file.read_text():
        file.write_text(file.read_text() + on)
    return bring_up(project)


@pytest.fixture
def environment(rotating: up.Result) -> dict[str, str]:
    """An application's, and an operator's, who is let in here by any credentials."""
    lines = write_files(rotating).read_text().splitlines()
    values = dict(line.split("=", 1) for line in lines)
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    return os.environ | {name: shlex.split(value)[0] for name, value in values.items()} | {"PYTHONPATH": path}


def client(what: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(CLIENTS), what]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)


class NewProcesses:
    """Processes that begin one after the other, as long as the block lasts. `seen`: as whom they logged in."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment
        self.seen: list[str] = []
        self.failed: list[str] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._go_on)

    def _go_on(self) -> None:
        while not self._ended.is_set():
            for what in ("once", "migrate"):
                done = client(what, self.environment)
                self.seen += done.stdout.split()
                if done.returncode:
                    self.failed.append(done.stderr)

    def __enter__(self) -> NewProcesses:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()


@contextmanager
def ended(process: subprocess.Popen[str]) -> Iterator[None]:
    """End it after the block, whatever comes."""
    try:
        yield
    finally:
        process.kill()
        process.communicate()


def rotate(role: str, environment: dict[str, str]) -> None:
    """As an operator does."""
    told = subprocess.run(
        [sys.executable, "-m", "ops", "credentials", "rotate", role, "-s", "prod"],
        env=environment, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
    assert re.fullmatch(rf"{role}: rotated in .+; the login of before works until the next rotation\n", told.stdout)


def test_what_was_rotated_is_as_it_should_be(project: Path, rotating: up.Result, environment: dict[str, str]) -> None:
    """Another `up` finds nothing to do, and verify logs in as the secrets say, after one rotation and after two."""
    for _ in range(2):
        for role in ("langpont_app", "langpont_migrator"):
            rotate(role, environment)
        again = bring_up(project)
        assert (again.changed, did(again)) == (False, [])
        assert failed(project) == []


def secret(project: Path, role: str) -> dict[str, dict[str, Any]]:
    """The values of a role's secret by label."""
    folders = Folders.of(project, "prod")
    server = control(folders)
    assert server is not None
    manager = Clients(server.endpoint, "ap-northeast-1").get("secretsmanager")
    arn = f"langpont-prod/database/{role}"
    labels = manager.describe_secret(SecretId=arn)["VersionIdsToStages"]
    return {
        label: json.loads(manager.get_secret_value(SecretId=arn, VersionId=version)["SecretString"])
        for version, found in labels.items()
        for label in found
    }


def test_a_control_plane_that_is_made_anew_has_what_was_rotated(
    project: Path, rotating: up.Result, environment: dict[str, str]
) -> None:
    """Whether its process has died, or the stack file changed, or both."""
    roles = ("langpont_app", "langpont_metrics")
    for role in roles:
        rotate(role, environment)
        until(lambda role=role: "AWSPENDING" not in secret(project, role))  # type: ignore[misc]
    before = {role: secret(project, role) for role in roles}
    assert {label for values in before.values() for label in values} == {"AWSCURRENT", "AWSPREVIOUS", "PULUMI"}
    kept = rotated_file(Folders.of(project, "prod"))
    assert kept.stat().st_mode & 0o777 == 0o600
    server = control(Folders.of(project, "prod"))
    assert server is not None
    server.stop()
    again = bring_up(project)
    assert (again.rebuilt, did(again), again.notes) == (True, [], ())
    assert {role: secret(project, role) for role in roles} == before
    file = project / "Pulumi.prod.yaml"
    written = file.read_text()
    file.write_text(written.replace("rotateEveryDays: 30", "rotateEveryDays: 31"))
    again = bring_up(project)
    assert (again.rebuilt, did(again)) == (True, [])
    assert {role: secret(project, role) for role in roles} == before
    assert client("once", environment).returncode == 0
    assert failed(project) == []
    rotate("langpont_app", environment)
    assert secret(project, "langpont_app")["AWSPREVIOUS"] == before["langpont_app"]["AWSCURRENT"]
    file.write_text(written)


def test_what_was_rotated_is_over_with_another_first_password_and_where_its_file_is_damaged(
    project: Path, rotating: up.Result, environment: dict[str, str]
) -> None:
    rotate("langpont_metrics", environment)
    folders = Folders.of(project, "prod")
    kept = rotated_file(folders)
    kept.write_text("{")
    server = control(folders)
    assert server is not None
    server.stop()
    again = bring_up(project)
    assert again.notes == (
        "rotated.json could not be read, so passwords that were rotated are lost: each role has its first one again, "
        "and applications get it from Secrets Manager.",
    )
    assert list(secret(project, "langpont_metrics")) == ["AWSCURRENT"]
    assert failed(project) == []
    rotate("langpont_metrics", environment)
    leaked = secret(project, "langpont_metrics")["AWSCURRENT"]["password"]
    file = project / "Pulumi.prod.yaml"
    on = file.read_text()
    file.write_text(re.sub(r"rotateEveryDays: \d+", "passwordVersions: {langpont_metrics: 2}", on))
    bring_up(project)
    assert not kept.exists()
    file.write_text(on)
    bring_up(project)
    now = secret(project, "langpont_metrics")
    assert list(now) == ["AWSCURRENT"]
    assert now["AWSCURRENT"]["password"] != leaked
    assert failed(project) == []


@pytest.mark.long
def test_every_role_is_rotated_three_times_and_nobody_is_refused(
    rotating: up.Result, environment: dict[str, str]
) -> None:
    running = subprocess.Popen(
        [sys.executable, str(CLIENTS), "run"], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert running.stdout is not None
    with ended(running), NewProcesses(environment) as new:
        assert running.stdout.readline() == "running\n"
        for role in (*PASSWORD_ROLES, *PASSWORD_ROLES, *PASSWORD_ROLES):
            rotate(role, environment)
            begun = len(new.seen)
            until(lambda begun=begun: len(new.seen) > begun + 2 or bool(new.failed), 120)  # type: ignore[misc]
            assert new.failed == []
        told_by_running, errors = running.communicate(timeout=120)
    assert (running.returncode, errors) == (0, "")
    pooled = POOLED_ROLES
    assert told_by_running.split() == sorted([*pooled, *map(second_login, pooled)])
    direct = [role for role in PASSWORD_ROLES if role == "langpont_migrator"]
    assert set(new.seen) == {*pooled, *map(second_login, pooled), *direct, *map(second_login, direct)}
