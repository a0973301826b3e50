"""A rotation on the control plane: what becomes of it where this machine's PgBouncer does not follow."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from local.aws import moto_secrets
from tests.waiting import until


def test_a_pgbouncer_that_does_not_follow_is_told_to_whoever_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(document: dict[str, Any]) -> None:
        raise RuntimeError("it does not run. make up starts it.")

    steps: list[str] = []
    logged: list[str] = []

    def invoke(event: dict[str, str]) -> tuple[str, bool, str]:
        steps.append(event["Step"])
        return "null", False, ""

    monkeypatch.setattr(moto_secrets, "hosts", fail)
    values = {
        "now": {"username": "app", "verifiers": {"app": "1", "app_b": "2"}},
        "new": {"username": "app_b", "verifiers": {"app": "1", "app_b": "3"}},
    }
    versions = {name: {"secret_string": json.dumps(value)} for name, value in values.items()}
    secret = SimpleNamespace(arn="arn", name="name", versions=versions, default_version_id="now")
    function = SimpleNamespace(_invoke_lambda=invoke, save_logs=logged.append)
    moto_secrets._run(secret, function, "new")
    assert steps == ["createSecret", "setSecret"]
    assert logged == [
        "arn: testSecret: failed: PgBouncer of this machine does not follow: it does not run. make up starts it."
    ]
    told: list[dict[str, Any]] = []
    monkeypatch.setattr(moto_secrets, "hosts", told.append)
    moto_secrets._begin(secret, function, "new")  # what RotateSecret does with one that is not complete
    until(lambda: steps[2:] == ["createSecret", "setSecret", "testSecret", "finishSecret"])
    assert told == [{"left": ["app_b"]}, {"verifiers": {"app": "1", "app_b": "3"}}]
