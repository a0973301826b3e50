"""Connects to PostgreSQL with a Secrets Manager secret, over verified TLS. No error shows a password."""

from __future__ import annotations

import json
import os
import socket
import ssl
import struct
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

import pg8000.native
import scramp

REGION = os.environ.get("AWS_REGION", "ap-northeast-1")  # Lambda says it
CERTIFICATES = Path(__file__).parents[1] / "certs" / f"{REGION}-bundle.pem"

CONNECT_SECONDS: Final = 5  # one packet and its answer inside a VPC; a dead host does not answer at all
SECRET_CONNECT_SECONDS: Final = 3
SECRET_READ_SECONDS: Final = 5
SECRET_ATTEMPTS: Final = 3

# A peer that vanished is noticed after 10 + 3 x 5 s instead of the two hours of Linux; the names are Linux's.
_KEEPALIVE: Final = {"TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 15_000}

_SASL = frozenset({0, 10, 11, 12})  # AuthenticationOk, and the three messages of a SCRAM login
_SALT, _PROVEN = 11, 12


class Failed(Exception):
    """An error of a function, in sentences: the step, PostgreSQL's or AWS's own words, the way out. Never a secret."""


class Unreachable(Failed):
    """No connection: nobody answered in time, or TLS or SCRAM did not prove the server."""


@dataclass(kw_only=True)
class Login:
    """A SCRAM login: salt and iterations of the server's verifier, and whether both sides have one password (`proven`).

    `plain`: the server asked for the password in plain text, which it does not get.
    """

    salt: bytes = b""
    iterations: int = 0
    proven: bool = False
    plain: bool = False


class Refused(Failed):
    """PostgreSQL refused a login or a statement: SQLSTATE and message are the server's own."""

    def __init__(self, sentence: str, *, sqlstate: str, message: str, login: Login | None = None) -> None:
        super().__init__(sentence)
        self.sqlstate = sqlstate
        self.message = message
        self.login = login or Login()


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """Host, port, user, password and database of a role's secret."""

    host: str
    port: int
    username: str
    password: str = field(repr=False)
    dbname: str

    @property
    def address(self) -> str:
        """`host:port/dbname`, for messages."""
        return f"{self.host}:{self.port}/{self.dbname}"


# Secrets


@cache
def secrets_manager() -> Any:
    """The boto3 client, created at the first call: an import must not cost a second, nor need a region."""
    return client("secretsmanager")


def client(service: str) -> Any:
    """A boto3 client that gives up in time for a function to say so."""
    import boto3
    from botocore.config import Config

    return boto3.client(
        service,
        config=Config(
            connect_timeout=SECRET_CONNECT_SECONDS,
            read_timeout=SECRET_READ_SECONDS,
            retries={"mode": "standard", "total_max_attempts": SECRET_ATTEMPTS},
        ),
    )


def read_secret(arn: str) -> dict[str, Any]:
    """Read the JSON object of a secret (GetSecretValue). Raises `Failed` naming the secret, not what it holds."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        text = secrets_manager().get_secret_value(SecretId=arn, VersionStage="AWSCURRENT")["SecretString"]
    except (BotoCoreError, ClientError) as error:
        raise Failed(
            f"The secret {arn} could not be read: {str(error).rstrip('.')}. Look at the function's role, and at its "
            f"way to Secrets Manager: NAT or the interface endpoint, and their security groups."
        ) from None
    except KeyError:
        raise Failed(f"The secret {arn} holds no text. pulumi up writes it.") from None
    try:
        document = json.loads(text)
    except ValueError:  # its `doc` would be the secret
        document = None
    if not isinstance(document, dict):
        raise Failed(f"The secret {arn} is no JSON object. pulumi up writes it.")
    return document


def credentials(arn: str) -> Credentials:
    """Read the credentials of a role's secret. Raises `Failed` naming the key that is missing or of another type."""
    return credentials_of(arn, read_secret(arn))


def credentials_of(arn: str, document: Mapping[str, Any]) -> Credentials:
    """The credentials in a role's secret, which was read already. Raises `Failed`."""
    wanted = {"host": str, "port": int, "username": str, "password": str, "dbname": str}
    for key, kind in wanted.items():
        value = document.get(key)
        if not isinstance(value, kind) or isinstance(value, bool) or value == "":
            raise Failed(f"The secret {arn} has no {key} as {kind.__name__}. pulumi up writes it.")
    return Credentials(**{key: document[key] for key in wanted})


# Connections


def tls_context() -> ssl.SSLContext | None:
    """An SSLContext that verifies chain and host name against the RDS root certificates alone.

    None would speak without TLS. Nothing here returns it; where servers have no TLS, this function is replaced.
    """
    return ssl.create_default_context(cafile=str(CERTIFICATES))


class Session(pg8000.native.Connection):  # type: ignore[misc]
    """A pg8000 connection that logs in by SCRAM or not at all, and keeps what the login showed."""

    def __init__(self, login: Login, **arguments: Any) -> None:
        self.login = login
        self.broken = False  # no answer came where one was due: nothing more can be asked
        super().__init__(**arguments)

    def handle_AUTHENTICATION_REQUEST(self, data: bytes, context: Any) -> None:  # noqa: N802
        """pg8000's hook. RDS asks a member of rds_iam for the password in plain text: it does not get it."""
        (code,) = struct.unpack_from("!i", data)
        if code not in _SASL:
            self.login.plain = True
            raise pg8000.native.InterfaceError("the server asks for the password itself")
        super().handle_AUTHENTICATION_REQUEST(data, context)
        if code == _SALT:
            self.login.salt, self.login.iterations = bytes(self.auth.salt), int(self.auth.iterations)
        self.login.proven = self.login.proven or code == _PROVEN

    def query(self, sql: str, **parameters: Any) -> list[list[Any]]:
        """Run one statement; its rows. Raises `Refused` with the server's words, `Unreachable` if none came in time."""
        try:
            return self.run(sql, **parameters) or []
        except pg8000.native.DatabaseError as error:
            sqlstate, message = sqlstate_and_message(error)
            raise Refused(f"PostgreSQL says: {message} ({sqlstate}).", sqlstate=sqlstate, message=message) from None
        except (pg8000.native.Error, OSError, struct.error) as error:
            self.broken = True
            raise Unreachable(f"The connection broke: {_reason(error)}.") from None

    def certificate_days(self) -> float | None:
        """Days until the server's certificate expires; None without TLS."""
        certificate = self._usock.getpeercert() if isinstance(self._usock, ssl.SSLSocket) else None
        if not certificate:
            return None
        return (ssl.cert_time_to_seconds(str(certificate["notAfter"])) - time.time()) / 86400

    def close(self) -> None:
        """Close without raising, also a broken connection: an error here would hide the one before."""
        with suppress(Exception):
            super().close()


def connect(
    who: Credentials, *, application_name: str, answer_seconds: float, options: Mapping[str, str] | None = None
) -> Session:
    """Log in as a role. `answer_seconds`: timeout of one answer; `options`: settings of the session.

    Raises `Unreachable`, or `Refused` with what the login had shown by then.
    """
    login = Login()
    opened = None
    try:
        opened = socket.create_connection((who.host, who.port), timeout=CONNECT_SECONDS)
        _set_socket_options(opened)
        opened.settimeout(answer_seconds)
        return Session(
            login,
            user=who.username,
            password=who.password,
            database=who.dbname,
            host=who.host,  # the name that the certificate must have
            sock=opened,
            ssl_context=tls_context() or False,  # pg8000 would take None as "TLS, but verify nothing"
            application_name=application_name,
            startup_params={"options": " ".join(f"-c {k}={v}" for k, v in options.items())} if options else None,
        )
    except pg8000.native.DatabaseError as error:
        sqlstate, message = sqlstate_and_message(error)
        raise Refused(
            f"{who.address} does not let {who.username} in: {message} ({sqlstate}).",
            sqlstate=sqlstate, message=message, login=login,
        ) from None  # fmt: skip
    except (pg8000.native.Error, scramp.ScramException, OSError, struct.error) as error:
        if opened is not None:
            opened.close()
        if login.plain or isinstance(error, scramp.ScramException):
            raise Refused(
                f"{who.address} and {who.username} could not agree on SCRAM: {error}.",
                sqlstate="", message=str(error), login=login,
            ) from None  # fmt: skip
        raise Unreachable(
            f"{who.address} cannot be reached as {who.username}: {_reason(error)}. Look at the instance's state and at "
            f"the security groups of both sides; where a certificate is named, at the server's name and authority."
        ) from None


def sqlstate_and_message(error: BaseException) -> tuple[str, str]:
    """SQLSTATE, and message with detail, of a pg8000 error; no other field, since one holds statements."""
    fields = error.args[0] if error.args and isinstance(error.args[0], dict) else {}
    message = ". ".join(filter(None, (fields.get("M"), fields.get("D")))) or str(error)
    return fields.get("C", ""), message.rstrip(".").replace("\n", " ")


def _reason(error: BaseException) -> str:
    if isinstance(error.__cause__, OSError):  # pg8000 wraps most of them in "network error"
        error = error.__cause__
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, struct.error):
        return "it does not speak PostgreSQL's protocol"
    if isinstance(error, ssl.SSLError):
        return (getattr(error, "verify_message", "") or error.reason or str(error)).rstrip(".")
    return (getattr(error, "strerror", None) or str(error)).rstrip(".")


def _set_socket_options(opened: socket.socket) -> None:
    # Else what follows the end of a TLS handshake waits for its acknowledgement: 40 ms a login.
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEPALIVE.items():
        if hasattr(socket, name):
            opened.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
