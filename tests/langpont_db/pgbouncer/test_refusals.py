"""Refused configurations and failures: nothing changes, clients work on, and one sentence says what to do."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from langpont_db.pgbouncer import proof
from tests.langpont_db.pgbouncer.conftest import APP, READONLY, UNCHANGED, Answer, Machine

END = "Nothing was changed on this host. Publish it anew: pulumi up."
Publish = Callable[[Machine], None]

BROKEN: dict[str, tuple[Publish, str]] = {
    "not JSON": (
        lambda m: m.publish_text("no"),
        "{pooler} holds no JSON object. Publish it anew: pulumi up.",
    ),
    "a password in plain text": (
        lambda m: m.publish(user_list=f'"{APP}" "{m.passwords[APP]}"\n'),
        f"The pooler's secret: userlist.txt line 1 ({APP}) is no SCRAM-SHA-256 verifier; a password is never "
        f"installed. {END}",
    ),
    # The rest is what PgBouncer itself does not take.
    "a setting that it does not know": (
        lambda m: m.publish(f"{m.ini}nonsense = 1\n"),
        'The pooler\'s secret: PgBouncer does not take it: unknown parameter: pgbouncer/nonsense; invalid value "1" '
        f"for parameter nonsense in configuration ({{folder}}/pgbouncer.ini:41); cannot load config file. {END}",
    ),
    "the design document's own configuration": (  # E59: an entry goes on in a second line
        lambda m: m.publish(m.ini.replace(" port=", "\n                  port=", 1)),
        "The pooler's secret: PgBouncer does not take it: syntax error in connection string; invalid value "
        '"{port} dbname=langpont" for parameter port in configuration ({folder}/pgbouncer.ini:3); cannot load config '
        f"file. {END}",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_secret_changes_nothing(machine: Machine, name: str) -> None:
    publish, sentence = BROKEN[name]
    machine.up()
    before = machine.state()
    publish(machine)
    expected = sentence.format(
        pooler=machine.arns["pooler"], folder=machine.host.folder, port=machine.platform.ports.servers["primary"]
    )
    with machine.traffic("langpont"):
        answer = machine.sync()
    assert (answer.code, answer.out, "\n".join(answer.err)) == (1, [], f"pgbouncer: {expected}")
    assert machine.state() == before
    machine.publish()
    assert machine.sync() == Answer(0, [UNCHANGED], [])


def test_a_broken_secret_starts_nothing(machine: Machine) -> None:
    machine.publish(f"{machine.ini}nonsense = 1\n")
    assert machine.sync().code == 1
    assert (machine.calls, machine.host.ini.exists(), machine.host.user_list.exists()) == ([], False, False)


def test_a_secret_that_the_host_may_not_read_is_named_with_the_policy(machine: Machine) -> None:
    machine.up()
    machine.aws("secretsmanager").delete_secret(SecretId=machine.arns["pooler"], ForceDeleteWithoutRecovery=True)
    assert machine.sync() == Answer(
        1,
        [],
        [
            f"pgbouncer: {machine.arns['pooler']} cannot be read: An error occurred (ResourceNotFoundException) when "
            "calling the GetSecretValue operation: Secrets Manager can't find the specified secret. The host's role "
            "needs the policy of the output applicationPolicyArn, and a way to Secrets Manager."
        ],
    )


# While files are written


def test_nobody_ever_sees_half_a_file(machine: Machine) -> None:
    machine.up()
    texts = [machine.ini, machine.ini_with(default_pool_size=26)]
    seen, stop = set(), threading.Event()

    def read() -> None:
        while not stop.is_set():
            seen.add(machine.host.ini.read_text())

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(4):
        machine.publish(texts[number % 2])
        assert machine.sync().code == 0
    stop.set()
    reader.join()
    assert seen == {*texts}


def test_a_full_disk_leaves_the_old_file(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.up()
    before, old = machine.state(), machine.host.user_list.read_text()
    machine.new_password(APP)
    real = os.fsync

    def full(descriptor: int) -> None:
        if Path(os.readlink(f"/proc/self/fd/{descriptor}")).parent == machine.host.folder:
            raise OSError(28, "No space left on device", str(machine.host.user_list))
        real(descriptor)

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        said = f"pgbouncer: {machine.host.user_list}: No space left on device. What was there before is in effect."
        assert machine.sync() == Answer(1, [], [said])
    assert (machine.state(), machine.host.user_list.read_text()) == (before, old)
    assert [path for path in machine.host.folder.iterdir() if path.name.endswith(".new")] == []
    assert machine.sync().out[0] == f"pgbouncer: reloaded: {APP}'s password changed"


# Logins that do not work


def test_a_role_s_secret_with_another_password_is_named_until_it_is_right(machine: Machine) -> None:
    right = machine.passwords[READONLY]
    machine.publish_password(READONLY, "of yesterday")
    reason = (
        f'connection failed: connection to server at "127.0.0.1", port {machine.port} failed: FATAL:  SASL '
        "authentication failed"
    )
    expected = [
        f"pgbouncer: {READONLY} cannot log in through {entry}: {reason}. It is tried again every minute. PgBouncer's "
        f"log says more: {machine.host.folder / 'pgbouncer.log'}"
        for entry in ("langpont", "langpont_replica_1", "langpont_replica_2")
    ]
    first = machine.sync()
    assert (first.code, first.err) == (1, expected)
    assert machine.sync() == Answer(1, [UNCHANGED], expected)
    machine.publish_password(READONLY, right)
    assert machine.sync() == Answer(0, [UNCHANGED], [])


def test_servers_that_cannot_be_believed_are_named(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Certificates of somebody else."""
    monkeypatch.setattr(proof, "CONNECT_SECONDS", 2)
    stranger = Path(__file__).parents[3] / "certs" / "ap-northeast-1-bundle.pem"
    machine.publish("\n".join(line for line in machine.ini.splitlines() if "_replica_" not in line))
    machine.publish_password(READONLY, "")
    machine.host = replace(machine.host, certificates=stranger)
    answer = machine.sync()
    assert answer.code == 1
    assert answer.err[0].startswith(f"pgbouncer: {APP} cannot log in through langpont: connection timeout expired")
    assert "certificate verify failed" in machine.log


def test_certificates_that_are_none_change_nothing(machine: Machine) -> None:
    machine.up()
    before, broken = machine.state(), machine.layout.root / "broken.pem"
    broken.write_text("-----BEGIN CERTIFICATE-----\n")
    machine.host = replace(machine.host, certificates=broken)
    said = f"pgbouncer: {broken} holds no certificates. Install langpont_db anew."
    assert machine.sync() == Answer(1, [], [said])
    assert machine.state() == before


def test_a_pooled_role_without_a_secret_is_named(machine: Machine) -> None:
    machine.up()
    outputs: dict[str, Any] = json.loads(machine.host.outputs.read_text())
    del outputs["secretArns"][READONLY]
    machine.host.outputs.write_text(json.dumps(outputs))
    machine.new_password(APP)
    assert machine.sync().err == [
        f"pgbouncer: {READONLY} is in the user list, and the output secretArns has it not. Install newer outputs."
    ]


# Programs


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (
            "PgBouncer 1.25.2",
            "PgBouncer 1.25.2 is refused: one wrong password as a role's first after a start or a changed list locks "
            "that role out. Install 1.26.1, which is recommended; 1.18 and 1.24.1 work too.",
        ),
        (
            "PgBouncer 1.17.0",
            "PgBouncer 1.17.0 is too old: the published configuration is for 1.18 and newer. Install 1.26.1, which is "
            "recommended; 1.18 and 1.24.1 work too.",
        ),
        ("nothing", "{path} --version does not say that it is PgBouncer. Reinstall it."),
    ],
)
def test_a_version_that_must_not_be_used_is_refused(machine: Machine, said: str, sentence: str) -> None:
    path = machine.systemd / "bin" / "pgbouncer"
    path.write_text(f"#!/bin/sh\necho {said}\n")
    path.chmod(0o755)
    assert machine.sync() == Answer(1, [], [f"pgbouncer: {sentence.format(path=path)}"])
    assert machine.calls == []


def test_a_host_without_the_package_is_told_how_to_get_it(machine: Machine) -> None:
    (machine.systemd / "user").unlink()
    said = "pgbouncer: pgbouncer.service is not installed. apt-get install pgbouncer, and run this again."
    assert machine.sync() == Answer(1, [], [said, said])


def test_a_pgbouncer_that_does_not_start_is_named(machine: Machine) -> None:
    (machine.systemd / "fail").write_text("start pgbouncer.service")
    assert machine.sync() == Answer(
        1,
        [],
        [
            "pgbouncer: PgBouncer does not start: systemctl start pgbouncer.service: Job for pgbouncer.service failed. "
            "Look at: journalctl -u pgbouncer"
        ],
    )


def test_a_host_without_systemd_is_told_so(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    said = "pgbouncer: systemctl is missing: this command is for hosts with systemd."
    assert machine.sync() == Answer(1, [], [said, said])


def test_nothing_secret_is_ever_said(machine: Machine) -> None:
    machine.up()
    secret = {*machine.passwords.values(), *machine.verifiers.values()}
    machine.publish(user_list=f'"{APP}" "{machine.passwords[APP]}"\n"{APP} {machine.verifiers[APP]}\n')
    answers = [machine.sync()]
    machine.publish(f"{machine.passwords[APP]}\n{machine.ini}")
    answers.append(machine.sync())
    machine.publish_text(machine.verifiers[APP])
    answers.append(machine.sync())
    assert [answer.code for answer in answers] == [1, 1, 1]
    assert [one for one in secret if one in str(answers)] == []
