"""A rotated password, on real servers, from a Secrets Manager in this process."""

from __future__ import annotations

import json
import secrets
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import boto3
import pytest
from moto import mock_aws
from psycopg import sql
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from blueprint.postgres import scram
from langpont_db import Database
from local.servers.layout import write
from tests.langpont_db.conftest import APPLICATION, READER, Platform
from tests.recordings import REGION
from tests.waiting import until


class Secret:
    """A role's secret, as components/secret_values.py makes it."""

    def __init__(self, role: str, password: str) -> None:
        self.client = boto3.client("secretsmanager", region_name=REGION)
        self.role = role
        self.arn = self.client.create_secret(Name=role, SecretString=self._document(password))["ARN"]

    def _document(self, password: str) -> str:
        return json.dumps({"engine": "postgres", "username": self.role, "password": password})

    def put(self, password: str) -> None:
        """As a rotation does."""
        self.client.put_secret_value(SecretId=self.arn, SecretString=self._document(password))


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """ARN of each read of a secret."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    found: list[str] = []
    with mock_aws():
        boto3.setup_default_session()
        session = boto3._get_default_session()
        session.events.register(
            "before-parameter-build.secretsmanager.GetSecretValue",
            lambda params, **_: found.append(params["SecretId"]),
        )
        yield found
    boto3.DEFAULT_SESSION = None


@contextmanager
def changed(platform: Platform, role: str) -> Iterator[str]:
    """A new password of a role, on the servers and in PgBouncer's list; the old one again afterwards."""
    new = secrets.token_urlsafe(24)
    user_list = platform.plane.layout.pooler / "userlist.txt"
    before = user_list.read_text()
    old = platform.plane.plan.verifiers[role]

    def become(verifier: str) -> None:
        with platform.server("primary").admin() as session:
            session.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role), sql.Literal(verifier)))
        write(user_list, before.replace(old, verifier), account=platform.plane.cluster.account)
        platform.plane.pooler.reload()

    become(scram.verifier(new, secrets.token_bytes(16)))
    try:
        yield new
    finally:
        become(old)


def succeeds(act: Callable[[], None]) -> bool:
    try:
        act()
    except OperationalError:
        return False
    return True


def seen(error: BaseException) -> str:
    """Messages and the variables of every frame, as error reporters show them, but for those of this file."""
    chain, told = [traceback.TracebackException.from_exception(error, capture_locals=True)], ""
    while chain:
        one = chain.pop()
        chain += filter(None, (one.__cause__, one.__context__))
        told += "".join(one.format_exception_only())
        told += "".join(f"{frame.name} {frame.locals}" for frame in one.stack if frame.filename != __file__)
    return told


def without_password(url: str) -> str:
    scheme, rest = url.split("://")
    return f"{scheme}://{rest.split(':')[0]}@{rest.split('@')[1]}"


@pytest.mark.parametrize("way", ["pooled", "direct"])
def test_a_rotated_password_needs_no_restart(
    platform: Platform, databases: Callable[..., Database], reads: list[str], way: str
) -> None:
    secret = Secret(APPLICATION, platform.password(APPLICATION))
    url = platform.pooled(APPLICATION, "langpont") if way == "pooled" else platform.direct(APPLICATION, "primary")
    database = databases(
        {
            "DATABASE_PRIMARY_URL": without_password(url),
            "DATABASE_PRIMARY_SECRET_ARN": secret.arn,
            "DATABASE_REPLICA_URLS": "",
        }
    )
    assert reads == []  # nothing is read before somebody logs in

    def logs_in() -> None:
        database.write_engine.dispose()
        with database.get_write_session() as session:
            assert session.scalar(text("SELECT current_user")) == APPLICATION

    logs_in()
    logs_in()
    assert reads == [secret.arn]
    with changed(platform, APPLICATION) as new:
        with pytest.raises(OperationalError, match="authentication failed"):
            logs_in()  # the secret has yet to be told
        secret.put(new)
        until(lambda: succeeds(logs_in))  # within the second in which many failing logins ask once
        logs_in()
    assert reads == [secret.arn] * 3


def test_no_password_is_in_what_an_error_reporter_sees(
    platform: Platform, databases: Callable[..., Database], reads: list[str]
) -> None:
    """Messages, representations, and the variables of every frame."""
    wrong = "Wrong-" + secrets.token_urlsafe(12)
    for environment in (
        {"DATABASE_PRIMARY_URL": platform.direct(APPLICATION, "primary", password=wrong)},
        {
            "DATABASE_PRIMARY_URL": without_password(platform.direct(APPLICATION, "primary")),
            "DATABASE_PRIMARY_SECRET_ARN": Secret(f"{READER}{secrets.token_hex(4)}", wrong).arn,
        },
    ):
        database = databases(environment)
        with pytest.raises(OperationalError) as refused, database.get_write_session() as session:
            session.connection()
        told = seen(refused.value) + repr(database) + repr(database._settings) + repr(database.write_engine)
        assert told.count("authentication failed") > 1 and "_login" in told
        assert wrong not in told
        assert database._settings.primary.password.read().reveal() == wrong


def test_a_secret_that_cannot_be_read_is_named(
    platform: Platform, databases: Callable[..., Database], reads: list[str]
) -> None:
    arn = f"arn:aws:secretsmanager:{REGION}:123456789012:secret:absent"
    database = databases(
        {
            "DATABASE_PRIMARY_URL": without_password(platform.pooled(APPLICATION, "langpont")),
            "DATABASE_PRIMARY_SECRET_ARN": arn,
        }
    )
    with pytest.raises(Exception) as refused, database.get_write_session() as session:
        session.connection()
    assert str(refused.value) == (
        f"{arn}: Secrets Manager did not give it: An error occurred (ResourceNotFoundException) when calling the "
        "GetSecretValue operation: Secrets Manager can't find the specified secret.. The role here needs the stack's "
        "applicationPolicyArn, or migrationPolicyArn to migrate."
    )
