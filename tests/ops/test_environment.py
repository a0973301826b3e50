"""`outputs env`: what it writes, that a shell and systemd read it alike, and that no secret gets into it."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ops import environment
from ops.environment import render
from ops.errors import OpsError
from tests.ops import Outcome

Ops = Callable[..., Outcome]
SECRETS = "arn:aws:secretsmanager:ap-northeast-1:123456789012:secret:langpont-prod/database"
OUTPUTS: Mapping[str, Any] = {
    "environment": "prod",
    "region": "ap-northeast-1",
    "databaseName": "langpont",
    "port": 5432,
    "primaryEndpoint": "langpont-prod-db.c1.ap-northeast-1.rds.amazonaws.com",
    "replicas": [
        {"number": 1, "purpose": "reads", "poolerEntry": "langpont_replica_1"},
        {"number": 2, "purpose": "analytics", "poolerEntry": "langpont_replica_2"},
    ],
    "secretArns": {
        role: f"{SECRETS}/{role}-abcdef"
        for role in ("langpont_admin", "langpont_app", "langpont_readonly", "langpont_migrator")
    },
    "poolerEntry": "langpont",
    "poolerPort": 6432,
    "pools": {
        "primary": {"size": 20, "maxOverflow": 30},
        "replica": {"size": 15, "maxOverflow": 25},
        "timeoutSeconds": 30,
        "recycleSeconds": 3600,
    },
}
APPLICATION = f"""\
DATABASE_PRIMARY_URL=postgresql://langpont_app@127.0.0.1:6432/langpont?sslmode=disable
DATABASE_PRIMARY_SECRET_ARN={SECRETS}/langpont_app-abcdef
DATABASE_REPLICA_URLS=postgresql://langpont_readonly@127.0.0.1:6432/langpont_replica_1?sslmode=disable
DATABASE_ANALYTICS_REPLICA_URLS=postgresql://langpont_readonly@127.0.0.1:6432/langpont_replica_2?sslmode=disable
DATABASE_REPLICA_SECRET_ARN={SECRETS}/langpont_readonly-abcdef
DATABASE_PRIMARY_POOL_SIZE=20
DATABASE_PRIMARY_MAX_OVERFLOW=30
DATABASE_REPLICA_POOL_SIZE=15
DATABASE_REPLICA_MAX_OVERFLOW=25
DATABASE_POOL_TIMEOUT_SECONDS=30
DATABASE_POOL_RECYCLE_SECONDS=3600
AWS_REGION=ap-northeast-1
"""
MIGRATION = f"""\
DATABASE_MIGRATION_URL=postgresql://langpont_migrator@langpont-prod-db.c1.ap-northeast-1.rds.amazonaws.com:5432/langpont
DATABASE_MIGRATION_SECRET_ARN={SECRETS}/langpont_migrator-abcdef
DATABASE_MIGRATION_ROLE=langpont_owner
AWS_REGION=ap-northeast-1
"""
GET = "Get them by: pulumi stack output --json -s prod"


@pytest.fixture
def piped(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Give a text to standard input."""
    return lambda text: monkeypatch.setattr(sys, "stdin", io.StringIO(text))


def test_outputs_from_a_pipe_become_an_applications_environment(ops: Ops, piped: Callable[[str], None]) -> None:
    piped(json.dumps(OUTPUTS))
    assert ops("outputs", "env", "-s", "prod") == Outcome(0, APPLICATION, "")


def test_a_migration_has_an_environment_of_its_own(ops: Ops, tmp_path: Path) -> None:
    (tmp_path / "outputs.json").write_text(json.dumps(OUTPUTS))
    file = str(tmp_path / "outputs.json")
    assert ops("outputs", "env", "-s", "prod", "--file", file, "--migration") == Outcome(0, MIGRATION, "")


def test_a_file_is_its_owners_alone_and_replaces_the_one_before(
    ops: Ops, piped: Callable[[str], None], tmp_path: Path
) -> None:
    target = tmp_path / "app.env"
    target.write_text("before\n")
    target.chmod(0o644)
    piped(json.dumps(OUTPUTS))
    assert ops("outputs", "env", "-s", "prod", "--to", str(target)) == Outcome(
        0, "", f"{target}: 12 settings of stack prod, mode 600\n"
    )
    assert target.read_text() == APPLICATION
    assert target.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [target]


def test_a_failed_write_leaves_the_file_before_and_nothing_else(
    ops: Ops, piped: Callable[[str], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    target = tmp_path / "app.env"
    target.write_text("before\n")
    monkeypatch.setattr(os, "fsync", full)
    piped(json.dumps(OUTPUTS))
    assert ops("outputs", "env", "-s", "prod", "--to", str(target)) == Outcome(
        1, "", f"ops: {target} cannot be written: No space left on device. Name a file where you may write.\n"
    )
    assert list(tmp_path.iterdir()) == [target]
    assert target.read_text() == "before\n"


@pytest.mark.parametrize("target", ["missing/app.env", "."])
def test_a_place_that_cannot_be_written_is_a_sentence(
    ops: Ops, piped: Callable[[str], None], tmp_path: Path, target: str
) -> None:
    piped(json.dumps(OUTPUTS))
    code, out, err = ops("outputs", "env", "-s", "prod", "--to", str(tmp_path / target))
    assert (code, out) == (1, "")
    assert err.startswith(f"ops: {tmp_path / target} cannot be written: ")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", f"Standard input is not JSON (Expecting value: line 1 column 1 (char 0)). {GET}"),
        ("nope", f"Standard input is not JSON (Expecting value: line 1 column 1 (char 0)). {GET}"),
        ("[1]", f"Standard input is JSON, but not the outputs of a stack. {GET}"),
        ("{}", f"Standard input has no output `environment`. {GET}"),
        (json.dumps({**OUTPUTS, "environment": "dev"}),
         f"Standard input has the outputs of stack dev, not prod. {GET}"),
        (json.dumps({**OUTPUTS, "poolerPort": "6432", "poolerEntry": None}),
         'Stack outputs: 2 problems\n  1. poolerPort is "6432", not an integer.\n'
         "  2. poolerEntry is null, not a string.\nRun pulumi up -s prod, then get them again."),
    ],
)  # fmt: skip
def test_what_are_no_outputs_of_the_stack_is_told(
    ops: Ops, piped: Callable[[str], None], text: str, sentence: str
) -> None:
    piped(text)
    assert ops("outputs", "env", "-s", "prod") == Outcome(1, "", f"ops: {sentence}\n")


def test_a_file_that_cannot_be_read_is_a_sentence(ops: Ops, tmp_path: Path) -> None:
    file = tmp_path / "outputs.json"
    assert ops("outputs", "env", "-s", "prod", "--file", str(file)) == Outcome(
        1, "", f"ops: {file} cannot be read: No such file or directory. {GET}\n"
    )
    file.write_bytes(b"\xff\xfe{}")
    assert ops("outputs", "env", "-s", "prod", "--file", str(file)) == Outcome(
        1, "", f"ops: {file} is no text in UTF-8. {GET}\n"
    )


def test_a_terminal_instead_of_a_pipe_is_not_waited_for(ops: Ops, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    assert ops("outputs", "env", "-s", "prod") == Outcome(
        1, "", f"ops: Nothing is piped in. Pipe the outputs in, or name a --file. {GET}\n"
    )


POISON = "hunter2hunter2"


def test_a_secret_among_the_outputs_does_not_get_into_the_environment() -> None:
    poisoned = {
        **OUTPUTS,
        "masterPassword": POISON,
        "primaryResourceId": POISON,
        "replicas": [dict(each, password=POISON, endpoint=POISON) for each in OUTPUTS["replicas"]],
        "secretArns": {**OUTPUTS["secretArns"], "langpont_admin": POISON, "langpont_metrics": POISON},
    }
    assert render("prod", poisoned, migration=False) == APPLICATION
    assert render("prod", poisoned, migration=True) == MIGRATION


@pytest.mark.parametrize("migration", [False, True])
@pytest.mark.parametrize("secret", [POISON, json.dumps({"username": "x", "password": POISON}), "[secret]"])
def test_a_secret_in_the_place_of_its_arn_is_refused(migration: bool, secret: str) -> None:
    poisoned = {**OUTPUTS, "secretArns": dict.fromkeys(OUTPUTS["secretArns"], secret)}
    with pytest.raises(OpsError) as refused:
        render("prod", poisoned, migration=migration)
    which = "DATABASE_MIGRATION" if migration else "DATABASE_PRIMARY"
    assert str(refused.value) == f"{which}_SECRET_ARN is not the ARN of a secret. Look at the stack's outputs."


def test_a_password_in_an_address_is_refused() -> None:
    poisoned = {**OUTPUTS, "primaryEndpoint": f"langpont_admin:{POISON}@{OUTPUTS['primaryEndpoint']}"}
    with pytest.raises(OpsError) as refused:
        render("prod", poisoned, migration=True)
    assert str(refused.value) == (
        "DATABASE_MIGRATION_URL holds a password, and this file is for names of secrets. Look at the stack's outputs."
    )


@pytest.mark.parametrize(
    "bad",
    [
        "two\nlines",
        "tab\t",
        "back\\slash",
        "日本",
        "\x00",
        "a b",
        "a&b",
        "a'b",
        'a"b',
        "$HOME",
        "`x`",
        "a;b",
        "~",
        "a#b",
    ],
)
def test_what_the_readers_would_read_differently_is_refused(bad: str) -> None:
    with pytest.raises(OpsError) as refused:
        render("prod", {**OUTPUTS, "region": bad}, migration=True)
    assert str(refused.value) == (
        "AWS_REGION holds a character that an environment file cannot carry. Look at the stack's outputs."
    )


ANY = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=5)
PLAIN = st.text(st.sampled_from("aZ09_@%+=:,./?-"), min_size=1)


@given(st.lists(PLAIN | ANY, min_size=1, max_size=5))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_shell_systemd_and_docker_read_back_what_was_written(tmp_path: Path, given: list[str]) -> None:
    values = [value for value in given if accepted(value)]
    file = tmp_path / "app.env"
    file.write_text("".join(f"A{index}={value}\n" for index, value in enumerate(values)))
    names = " ".join(f'"$A{index}"' for index in range(len(values)))
    done = subprocess.run(
        ["sh", "-c", f"set -a; . {shlex.quote(str(file))}; set +a; printf '%s\\n' {names}"],
        capture_output=True, text=True, check=True, cwd=tmp_path,
    )  # fmt: skip
    assert done.stdout == ("".join(f"{value}\n" for value in values) or "\n")
    expected = {f"A{index}": value for index, value in enumerate(values)}
    assert (systemd(file.read_text()), docker(file.read_text())) == (expected, expected)


def accepted(value: str) -> bool:
    try:
        return environment._checked("A", value) == value
    except OpsError:
        return False


def systemd(text: str) -> dict[str, str]:
    """How systemd reads an EnvironmentFile (systemd.exec(5)), as far as values without quotes and backslashes go."""
    assert not re.search(r"[\\\'\"#;]", text)
    return dict(line.split("=", 1) for line in text.splitlines())


def docker(text: str) -> dict[str, str]:
    """How `docker run --env-file` reads it: up to the first =, and behind it all as it stands, quotes too.

    https://docs.docker.com/reference/cli/docker/container/run/#env
    """
    return dict(line.split("=", 1) for line in text.splitlines() if not line.startswith("#"))
