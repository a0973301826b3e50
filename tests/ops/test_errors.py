"""What goes wrong around every command: one sentence on standard error, exit code 1, no traceback."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from botocore import exceptions as boto
from botocore.exceptions import ClientError

from ops.errors import explain
from tests.ops import Outcome
from tests.processes import started

Ops = Callable[..., Outcome]
ROOT = Path(__file__).parents[2]
LOG_IN = "Log in: aws sso login, AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
COMMANDS = (("snapshots", "create"), ("snapshots", "list"), ("snapshots", "prune"), ("roles", "check"), ("doctor",))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(autouse=True)
def no_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a loaded machine an answer takes longer than the doctor keeps quiet for."""
    monkeypatch.setattr("ops.doctor.facts.NOTE_AFTER_SECONDS", 3_600)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_without_credentials(ops: Ops, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    code, out, err = ops(*command, "-s", "prod")
    assert (code, out) == (1, "")
    assert err == f"ops: There are no usable AWS credentials (Unable to locate credentials). {LOG_IN}\n"


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_without_a_region(ops: Ops, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    code, out, err = ops(*command, "-s", "prod")
    assert (code, out) == (1, "")
    assert err == "ops: There is no AWS region. Set AWS_DEFAULT_REGION, or the region of the profile.\n"


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_without_an_endpoint_that_answers(ops: Ops, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]) -> None:
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0.0)
    endpoint = f"http://127.0.0.1:{free_port()}"
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    code, out, err = ops(*command, "-s", "prod")
    assert (code, out) == (1, "")
    assert err.startswith(f'ops: AWS does not answer: Could not connect to the endpoint URL: "{endpoint}/')
    assert err.endswith(". Check the network, and AWS_ENDPOINT_URL if it is set.\n")
    assert err.count("\n") == 1


def test_with_an_endpoint_that_is_none(ops: Ops, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "moto")
    assert ops("doctor", "-s", "prod") == Outcome(
        1, "", "ops: Invalid endpoint: moto. Write AWS_ENDPOINT_URL like http://127.0.0.1:5000.\n"
    )


def test_with_a_profile_that_does_not_exist(ops: Ops, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    assert ops("doctor", "-s", "prod") == Outcome(
        1, "", "ops: The config profile (nobody) could not be found. Name one that exists in AWS_PROFILE.\n"
    )


def refusal(code: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "DescribeDBInstances")


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (refusal("ExpiredToken", "The security token is expired"), f"The AWS session has expired. {LOG_IN}"),
        (
            refusal("InvalidClientTokenId", "The token is invalid."),
            f"AWS does not accept the credentials (InvalidClientTokenId). {LOG_IN}",
        ),
        (
            refusal("AccessDenied", "User: arn:aws:sts::1:assumed-role/x is not authorized to perform: rds:Describe."),
            "AccessDenied: User: arn:aws:sts::1:assumed-role/x is not authorized to perform: rds:Describe. Use a role "
            "that may call DescribeDBInstances.",
        ),
        (
            refusal("Throttling", "Rate exceeded"),
            "AWS is asked too often (Throttling in DescribeDBInstances). Try again in a minute.",
        ),
        (
            refusal("DBInstanceNotFound", "DBInstance\n  x not found."),
            "DescribeDBInstances: DBInstanceNotFound: DBInstance x not found.",
        ),
        (
            ClientError(
                {"Error": {"Code": "404", "Message": "<!doctype html>"}, "ResponseMetadata": {"HTTPStatusCode": 404}},
                "ListRecoveryPointsByResource",
            ),
            "The endpoint does not know ListRecoveryPointsByResource (HTTP 404).",
        ),
        (
            boto.ReadTimeoutError(endpoint_url="https://rds"),
            'AWS does not answer: Read timeout on endpoint URL: "https://rds". Check the network, and '
            "AWS_ENDPOINT_URL if it is set.",
        ),
        (
            boto.UnauthorizedSSOTokenError(),
            "There are no usable AWS credentials (The SSO session associated with this profile has expired or is "
            "otherwise invalid. To refresh this SSO session run aws sso login with the corresponding profile). "
            f"{LOG_IN}",
        ),
        (boto.UnknownServiceError(service_name="x", known_service_names="y"), "AWS cannot be asked: Unknown service"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_what_botocore_raises_is_a_sentence(error: Exception, sentence: str) -> None:
    assert explain(error).startswith(sentence)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("snapshots", "list"), "Missing option '--stack' / '-s'. See python -m ops snapshots list --help"),
        (("snapshots", "drop"), "No such command 'drop'. See python -m ops snapshots --help"),
        (("doctor", "-s", "prod", "--fix"), "No such option: --fix. See python -m ops doctor --help"),
        (
            ("doctor", "-s", "Prod"),
            "--stack Prod cannot be part of an RDS identifier, which is lower-case letters, digits and single hyphens, "
            "from a letter to a letter or digit. Name the stack like prod or eu-staging.",
        ),
    ],
)
def test_a_command_written_wrongly_is_a_sentence(ops: Ops, arguments: tuple[str, ...], sentence: str) -> None:
    assert ops(*arguments) == Outcome(1, "", f"ops: {sentence}\n")


@pytest.mark.parametrize("group", [(), ("snapshots",), ("roles",), ("outputs",), ("certificates",)], ids=" ".join)
def test_a_group_without_a_command_shows_its_help(ops: Ops, group: tuple[str, ...]) -> None:
    code, out, err = ops(*group)
    assert (code, err) == (1, "")
    assert out.startswith(" ".join(("Usage: python -m ops", *group)))
    assert ops(*group, "--help").out.split() == out.split()


@pytest.mark.parametrize(
    "command",
    [*COMMANDS, ("roles", "apply"), ("outputs", "env"), ("certificates", "compare")],
    ids=" ".join,
)
def test_the_help_of_each_command_has_an_example_that_parses(ops: Ops, command: tuple[str, ...]) -> None:
    code, out, err = ops(*command, "--help")
    assert (code, err) == (0, "")
    (example, *_) = [
        line.strip()
        for line in out.splitlines()
        if " ".join(("python -m ops", *command)) in line and "Usage" not in line
    ]
    arguments = example.split("python -m ops ")[1].split()
    assert ops(*arguments, "--help").code == 0


def test_it_runs_as_a_module_and_without_colour_in_a_pipe() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ops", "certificates", "compare", "certs/ap-northeast-1-bundle.pem"],
        cwd=ROOT, env=os.environ, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    assert done.stdout.splitlines()[-1] == "They hold the same certificates."


def test_a_reader_that_has_read_enough_gets_no_traceback() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "ops", "certificates", "compare", "certs/ap-northeast-1-bundle.pem"],
        cwd=ROOT,
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("command", [("doctor",), ("roles", "check"), ("snapshots", "list")], ids=" ".join)
def test_ctrl_c_does_not_wait_for_a_host_that_hangs(command: tuple[str, ...]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as host:
        host.settimeout(60)
        with started(
            [sys.executable, "-m", "ops", *command, "-s", "prod"],
            cwd=ROOT,
            env=os.environ | {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{host.getsockname()[1]}"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as running:
            connection, _ = host.accept()  # it has asked, and waits for the answer
            with connection:
                running.send_signal(signal.SIGINT)
                out, err = running.communicate(timeout=60)
    assert (running.returncode, out) == (130, "")
    assert "Traceback" not in err
