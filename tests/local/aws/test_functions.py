"""A function on the control plane: its own package runs, and sees nothing of this machine but what Lambda has."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from local import functions
from local.aws.clients import Clients
from local.aws.server import MotoServer, start_server
from local.servers.errors import DataPlaneError
from recording.archives import Archive
from tests.recordings import REGION

HANDLER = """
import json, os, socket, sys, time

def handler(event, context):
    print(json.dumps({"_aws": "a line of its log"}))
    return globals()[event["do"]](event, context)

def look(event, context):
    import boto3
    found = {"event": event, "name": context.function_name, "memory": context.memory_limit_in_mb}
    found["environment"] = sorted(name for name in os.environ if not name.startswith(("LC_", "LANG", "PATH", "TMPDIR")))
    found["certificate"] = open("certs/ap-northeast-1-bundle.pem").read()
    found["secret"] = boto3.client("secretsmanager").get_secret_value(SecretId="told")["SecretString"]
    return found

def import_something(event, context):
    __import__(event["name"])

def connect(event, context):
    with socket.create_connection((event["host"], 5432), timeout=5) as connected:
        return connected.recv(5).decode()

def fail(event, context):
    raise LookupError("there is no such thing")

def sleep(event, context):
    time.sleep(30)
"""
NAME = "langpont-test"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("functions")


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[MotoServer]:
    started = start_server(folder / "moto.log", functions=folder / "functions.json")
    yield started
    started.stop()


@pytest.fixture(scope="module")
def clients(server: MotoServer) -> Clients:
    """Of a server that holds one function."""
    made = Clients(server.endpoint, REGION)
    made.get("secretsmanager").create_secret(Name="told", SecretString="by moto")
    trust = {"Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:*"}]}
    role = made.get("iam").create_role(RoleName=NAME, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    code = Archive({"code.py": HANDLER.encode(), "certs/ap-northeast-1-bundle.pem": b"as packed"})
    made.get("lambda").create_function(
        FunctionName=NAME, Role=role, Runtime="python3.13", Handler="code.handler", Timeout=5, MemorySize=256,
        Code={"ZipFile": code.zipped}, Environment={"Variables": {"OWN": "value"}},
    )  # fmt: skip
    return made


def stand_ins(folder: Path, hosts: Mapping[str, Any]) -> None:
    (folder / "ca.pem").write_text("of this machine")
    document = {"hosts": hosts, "authority": str(folder / "ca.pem")}
    (folder / "functions.json").write_text(json.dumps(document))


def test_before_there_are_servers_it_says_so(folder: Path, clients: Clients) -> None:
    (folder / "functions.json").unlink(missing_ok=True)
    with pytest.raises(DataPlaneError) as failure:
        functions.invoke(clients, NAME, {"do": "look"})
    assert str(failure.value) == "langpont-test failed: The database is not up here yet."


def test_it_gets_its_event_its_environment_and_the_authority_of_this_machine(folder: Path, clients: Clients) -> None:
    stand_ins(folder, {})
    assert functions.invoke(clients, NAME, {"do": "look"}) == {
        "event": {"do": "look"},
        "name": NAME,
        "memory": 256,
        "environment": [
            "AWS_ACCESS_KEY_ID", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_LAMBDA_FUNCTION_NAME", "AWS_REGION",
            "AWS_SECRET_ACCESS_KEY", "OWN", "PYTHONDONTWRITEBYTECODE",
        ],
        "certificate": "of this machine",
        "secret": "by moto",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["psycopg", "sqlalchemy", "pg8000", "blueprint", "local", "pulumi"])
def test_nothing_is_importable_that_was_not_packed(folder: Path, clients: Clients, name: str) -> None:
    stand_ins(folder, {})
    with pytest.raises(DataPlaneError) as failure:
        functions.invoke(clients, NAME, {"do": "import_something", "name": name})
    assert str(failure.value) == f"langpont-test failed: No module named '{name}'"


def test_the_name_of_an_instance_leads_to_its_server_here(folder: Path, clients: Clients) -> None:
    def greet() -> None:
        with listener.accept()[0] as accepted:
            accepted.sendall(b"hello")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=greet, daemon=True).start()
        stand_ins(folder, {"db.example": ["127.0.0.1", listener.getsockname()[1]]})
        said: object = functions.invoke(clients, NAME, {"do": "connect", "host": "db.example"})
    assert said == "hello"


def test_its_failure_is_told_in_its_own_words(folder: Path, clients: Clients) -> None:
    stand_ins(folder, {})
    with pytest.raises(DataPlaneError) as failure:
        functions.invoke(clients, NAME, {"do": "fail"})
    assert str(failure.value) == "langpont-test failed: there is no such thing"
    events = clients.get("logs").filter_log_events(logGroupName=f"/aws/lambda/{NAME}")["events"]
    assert '{"_aws": "a line of its log"}' in [event["message"] for event in events]
    assert "LookupError: there is no such thing" in [event["message"] for event in events]


def test_it_ends_when_its_time_is_over(folder: Path, clients: Clients) -> None:
    clients.get("lambda").update_function_configuration(FunctionName=NAME, Timeout=1)
    with pytest.raises(DataPlaneError) as failure:
        functions.invoke(clients, NAME, {"do": "sleep"})
    assert str(failure.value) == "langpont-test failed: Task timed out after 1 seconds"


def test_a_function_that_nobody_made_is_one_sentence(clients: Clients) -> None:
    with pytest.raises(DataPlaneError) as failure:
        functions.invoke(clients, "nobody", {})
    assert str(failure.value).startswith("nobody could not be invoked: An error occurred (ResourceNotFoundException)")
