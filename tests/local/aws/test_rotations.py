"""A rotation on the control plane: what becomes of it where this machine's PgBouncer does not follow."""

from __future__ import annotations

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

    monkeypatch.setattr(moto_secrets, "followed", fail)
    secret = SimpleNamespace(arn="arn", name="name", versions={"new": {"secret_string": "{}"}}, last_rotation_date=None)
    function = SimpleNamespace(_invoke_lambda=invoke, save_logs=logged.append)
    moto_secrets._run(secret, function, "new")
    assert steps == ["createSecret", "setSecret"]
    assert logged == [
        "arn: testSecret: failed: PgBouncer of this machine does not follow: it does not run. make up starts it."
    ]
    assert secret.last_rotation_date is None
    monkeypatch.setattr(moto_secrets, "followed", lambda document: None)
    moto_secrets._begin(secret, function, "new")  # what RotateSecret does with one that is not complete
    until(lambda: secret.last_rotation_date is not None)
    assert steps[2:] == ["createSecret", "setSecret", "testSecret", "finishSecret"]
