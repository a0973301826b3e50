"""Reading secrets, and connections that PostgreSQL, TLS or the network refuses."""

from __future__ import annotations

import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from functions import connection
from functions.connection import Credentials, Failed, Refused, Session, Unreachable
from tests.functions.conftest import POOLER, Stage

ROOT = Path(__file__).parents[2]
LOOK = (
    ". Look at the instance's state and at the security groups of both sides; where a certificate is named, at the "
    "server's name and authority."
)


def connect(host: str, port: int = 5432, *, user: str = "langpont_app", password: str = "wrong") -> Session:
    who = Credentials(host=host, port=port, username=user, password=password, dbname="langpont")
    return connection.connect(who, application_name="tests", answer_seconds=1, options={"lock_timeout": "7s"})


def unreachable(host: str, port: int = 5432) -> str:
    with pytest.raises(Unreachable) as refusal:
        connect(host, port)
    assert "wrong" not in str(refusal.value)
    return str(refusal.value).removeprefix(f"{host}:{port}/langpont cannot be reached as langpont_app: ")


@contextmanager
def server(answer: Callable[[socket.socket], object]) -> Iterator[int]:
    """Something that listens on this port and does with one client what `answer` does."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            client, _ = listening.accept()
            with client:
                answer(client)

        thread = threading.Thread(target=serve)
        thread.start()
        yield listening.getsockname()[1]
        thread.join()


# Secrets


def test_a_secret_s_five_values_are_read(stage: Stage) -> None:
    read = connection.credentials(stage.arns["langpont_app"])
    assert read == Credentials(
        host=stage.host, port=5432, username="langpont_app", password=stage.passwords["langpont_app"], dbname="langpont"
    )
    assert read.password not in repr(read)


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ("not JSON, but a password", "is no JSON object. pulumi up writes it."),
        (["a password"], "is no JSON object. pulumi up writes it."),
        ({}, "has no host as str. pulumi up writes it."),
        ({"host": "h", "port": "5432"}, "has no port as int. pulumi up writes it."),
        ({"host": "h", "port": True}, "has no port as int. pulumi up writes it."),
        ({"host": "h", "port": 1, "username": "u", "password": ""}, "has no password as str. pulumi up writes it."),
    ],
)
def test_a_secret_of_another_shape_is_named_and_not_shown(stage: Stage, document: object, said: str) -> None:
    stage.put(POOLER, document)
    with pytest.raises(Failed) as refusal:
        connection.credentials(stage.arns[POOLER])
    assert str(refusal.value) == f"The secret {stage.arns[POOLER]} {said}"
    assert refusal.value.__suppress_context__ or refusal.value.__context__ is None


def test_a_secret_that_cannot_be_read_is_named_with_aws_s_words(stage: Stage) -> None:
    with pytest.raises(Failed) as refusal:
        connection.read_secret("langpont/none")
    assert str(refusal.value) == (
        "The secret langpont/none could not be read: An error occurred (ResourceNotFoundException) when calling the "
        "GetSecretValue operation: Secrets Manager can't find the specified secret. Look at the function's role, and "
        "at its way to Secrets Manager: NAT or the interface endpoint, and their security groups."
    )


def test_a_secret_without_text_is_named(stage: Stage) -> None:
    client = connection.secrets_manager()
    arn = client.create_secret(Name="binary", SecretBinary=b"\0")["ARN"]
    try:
        with pytest.raises(Failed, match=rf"^The secret {re.escape(arn)} holds no text\. pulumi up writes it\.$"):
            connection.read_secret(arn)
    finally:
        client.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)


def test_the_client_gives_up_before_a_function_does() -> None:
    total = connection.SECRET_ATTEMPTS * (connection.SECRET_CONNECT_SECONDS + connection.SECRET_READ_SECONDS)
    assert total <= 24


# Connections


def test_a_session_is_verified_and_has_its_settings(applied: Stage) -> None:
    session = connect(applied.host, password=applied.passwords["langpont_app"])
    try:
        assert session.query("SELECT ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()") == [[True, "TLSv1.3"]]
        assert session.query("SELECT system_user, current_setting('lock_timeout'), :x", x="y'") == [
            ["scram-sha-256:langpont_app", "7s", "y'"]
        ]
        assert session.query("SELECT application_name FROM pg_stat_activity WHERE pid = pg_backend_pid()") == [
            ["tests"]
        ]
        assert (session.login.proven, session.login.iterations, len(session.login.salt)) == (True, 4096, 16)
        with pytest.raises(Refused) as refusal:
            session.query("SELECT 1 / 0")
        assert str(refusal.value) == "PostgreSQL says: division by zero (22012)."
        assert session.query("SELECT 1") == [[1]]
    finally:
        session.close()
        session.close()


def test_a_wrong_password_is_refused_and_not_repeated(applied: Stage) -> None:
    with pytest.raises(Refused) as refusal:
        connect(applied.host, password="a wrong one")
    assert str(refusal.value) == (
        f"{applied.host}:5432/langpont does not let langpont_app in: password authentication failed for user "
        f'"langpont_app" (28P01).'
    )
    assert (refusal.value.login.proven, refusal.value.login.iterations) == (False, 4096)


def test_a_server_under_another_name_is_not_it(applied: Stage) -> None:
    applied.hosts["another.example"] = applied.hosts[applied.host]
    said = "Hostname mismatch, certificate is not valid for 'another.example'"
    assert unreachable("another.example") == said + LOOK


def test_a_server_of_another_authority_is_not_it(applied: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """As this machine's is not Amazon's; and Amazon's file can be loaded."""
    monkeypatch.setattr(connection, "CERTIFICATES", ROOT / "certs" / "ap-northeast-1-bundle.pem")
    assert unreachable(applied.host) == "self-signed certificate in certificate chain" + LOOK


def test_certificates_are_those_of_the_package() -> None:
    assert connection.CERTIFICATES == ROOT / "certs" / "ap-northeast-1-bundle.pem"
    context = connection.tls_context()
    assert context is not None
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert len(context.get_ca_certs()) == 3


def test_a_server_without_tls_is_refused_and_gets_no_login() -> None:
    got = []

    def refuse(client: socket.socket) -> None:
        client.recv(8)
        client.sendall(b"N")
        got.append(client.recv(100))

    with server(refuse) as port:
        assert unreachable("127.0.0.1", port) == "Server refuses SSL" + LOOK
    assert got == [b""]


def test_where_servers_have_no_tls_it_is_left_out_by_replacing_one_function(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "tls_context", lambda: None)
    got = []
    with server(lambda client: got.append(client.recv(8))) as port:
        unreachable("127.0.0.1", port)
    assert got[0][4:] == b"\x00\x03\x00\x00"  # protocol 3.0, not a request for TLS


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda client: (client.recv(8), client.recv(1)), "no answer in time"),
        (lambda client: (client.recv(8), client.sendall(b"S"), client.recv(2000), client.recv(1)), "no answer in time"),
        (lambda client: client.recv(8), "Server refuses SSL"),
    ],
    ids=["silent", "silent about TLS", "hangs up"],
)
def test_a_server_that_does_not_answer_is_given_up(answer: Callable[[socket.socket], object], said: str) -> None:
    with server(answer) as port:
        assert unreachable("127.0.0.1", port) == said + LOOK


def test_a_port_that_nobody_has_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    assert unreachable("127.0.0.1", port) == "Connection refused" + LOOK


def test_a_name_that_nobody_knows_is_told() -> None:
    assert unreachable("langpont.invalid").endswith(LOOK)


def test_a_connection_that_breaks_is_told_and_known(applied: Stage) -> None:
    session = connect(applied.host, password=applied.passwords["langpont_app"])
    with applied.admin() as admin:
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tests'")
    with pytest.raises(Unreachable) as refusal:
        session.query("SELECT 1")
    assert str(refusal.value).startswith("The connection broke: ")
    assert session.broken
    session.close()
