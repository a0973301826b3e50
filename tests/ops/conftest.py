"""An AWS of its own for each test: moto within the process, or canned answers; nothing of the operator's own login."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import botocore.client
import pytest
from botocore.exceptions import ClientError
from botocore.loaders import Loader
from moto import mock_aws

from tests.ops import REGION, Account, FakeClock, Outcome, run_ops


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials that AWS would refuse, no file and no variable of whoever runs the tests, and no terminal."""
    for name in list(os.environ):
        if name.startswith("AWS_") or name in ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
            monkeypatch.delenv(name)
    for name, value in {
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "127.0.0.1",
        "MOTO_EC2_LOAD_DEFAULT_AMIS": "false",  # a quarter of a second for each empty account
    }.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(scope="session")
def loader() -> Any:
    """The models of AWS's services, read once: their reading is most of what a command takes."""
    return Loader()


@pytest.fixture(autouse=True)
def models(loader: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each session has them from there."""
    monkeypatch.setattr("botocore.session.create_loader", lambda _: loader)


@pytest.fixture
def account() -> Iterator[Account]:
    """An empty account in moto."""
    with mock_aws():
        yield Account()


@pytest.fixture
def prod(account: Account) -> Account:
    """Stack prod, beside a stack whose name begins alike."""
    account.add_instance("langpont-prod-db", "prod")
    account.add_instance("langpont-prod-eu-db", "prod-eu")
    account.clear_snapshots()
    return account


@pytest.fixture
def ops(capsys: pytest.CaptureFixture[str], clock: FakeClock) -> Callable[..., Outcome]:
    """Run a command in this process: its exit code and what it printed."""
    return lambda *arguments: run_ops(capsys, clock, *arguments)


Answer = Mapping[str, Any] | Callable[[Mapping[str, Any]], Any] | Exception


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> dict[str, Answer]:
    """What AWS answers, by operation; one that is not in it is denied. To be filled by the test."""
    canned: dict[str, Answer] = {}

    def call(self: Any, operation: str, parameters: Mapping[str, Any]) -> Any:
        if operation not in canned:
            raise denied(operation)
        answer = canned[operation]
        if isinstance(answer, Exception):
            raise answer
        return answer(parameters) if callable(answer) else answer

    monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", call)
    return canned


def denied(operation: str) -> ClientError:
    """As AWS says it."""
    return ClientError({"Error": {"Code": "AccessDenied", "Message": "User: me is not authorized"}}, operation)
