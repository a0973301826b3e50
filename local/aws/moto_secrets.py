"""Where moto's Secrets Manager is kinder or other than AWS's in what a rotation rests on, it is put right here.

moto takes labels from versions that keep them on AWS, answers a read without a label from a version that was current
once, forgets the function at a second RotateSecret, and calls a rotation done whose function has failed.
"""

import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from moto.awslambda.utils import get_backend
from moto.secretsmanager.exceptions import InvalidRequestException
from moto.secretsmanager.models import FakeSecret, SecretsManagerBackend

CURRENT, PREVIOUS, PENDING = "AWSCURRENT", "AWSPREVIOUS", "AWSPENDING"
STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")

_update_stage = SecretsManagerBackend.update_secret_version_stage


@contextmanager
def installed() -> Iterator[None]:
    """Put them in moto's place, for the block."""
    parts: tuple[tuple[Any, str, Any], ...] = (
        (FakeSecret, "reset_default_version", _reset_default_version),
        (SecretsManagerBackend, "update_secret_version_stage", _update_secret_version_stage),
        (SecretsManagerBackend, "rotate_secret", _rotate_secret),
    )
    before = [getattr(owner, name) for owner, name, _ in parts]
    for owner, name, value in parts:
        setattr(owner, name, value)
    try:
        yield
    finally:
        for (owner, name, _), value in zip(parts, before, strict=True):
            setattr(owner, name, value)


def _reset_default_version(self: Any, secret_version: dict[str, Any], version_id: str) -> None:
    """A value that is written is current, and the one before it previous; other labels stay where they are."""
    for version in self.versions.values():
        stages = version["version_stages"]
        if PREVIOUS in stages:
            stages.remove(PREVIOUS)
        if CURRENT in stages:
            stages[stages.index(CURRENT)] = PREVIOUS
    self.versions[version_id] = secret_version
    self.default_version_id = version_id


def _update_secret_version_stage(
    self: Any, secret_id: str, version_stage: str, remove_from_version_id: str, move_to_version_id: str
) -> Any:
    answer = _update_stage(self, secret_id, version_stage, remove_from_version_id, move_to_version_id)
    if version_stage == CURRENT and move_to_version_id:
        self.secrets[secret_id].default_version_id = move_to_version_id
    return answer


def _rotate_secret(
    self: Any,
    secret_id: str,
    client_request_token: str | None = None,
    rotation_lambda_arn: str | None = None,
    rotation_rules: dict[str, Any] | None = None,
    rotate_immediately: bool = True,
) -> str:
    """RotateSecret: the answer comes before the function's four steps, the first of which that fails is the last."""
    secret = self.secrets[secret_id]
    secret.rotation_requested = secret.rotation_enabled = True
    secret.rotation_lambda_arn = rotation_lambda_arn or secret.rotation_lambda_arn
    secret.auto_rotate_after_days = (rotation_rules or {}).get("AutomaticallyAfterDays", secret.auto_rotate_after_days)
    if not rotate_immediately:
        return str(secret.to_short_dict())
    function = get_backend(self.account_id, self.region_name).get_function(secret.rotation_lambda_arn)
    for token, version in secret.versions.items():
        if PENDING in version["version_stages"] and CURRENT not in version["version_stages"]:
            _begin(secret, function, token)
            raise InvalidRequestException("A previous rotation isn't complete. That rotation will be reattempted.")
    token = client_request_token or str(uuid.uuid4())
    secret.versions[token] = {"createdate": int(time.time()), "version_id": token, "version_stages": [PENDING]}
    _begin(secret, function, token)
    return str(secret.to_short_dict(version_id=token))


# Called with a secret's pending document once the database has it: what hosts do that follow a rotation. It raises
# where they cannot.
followed: Callable[[dict[str, Any]], None] = lambda document: None  # noqa: E731


def _begin(secret: Any, function: Any, token: str) -> None:
    """Run the four steps, unless they are being run."""
    if token not in _running:
        _running.add(token)
        threading.Thread(target=_run, args=[secret, function, token], daemon=True).start()


_running: set[str] = set()


def _run(secret: Any, function: Any, token: str) -> None:
    try:
        _steps(secret, function, token)
    finally:
        _running.discard(token)


def _steps(secret: Any, function: Any, token: str) -> None:
    for step in STEPS:
        if step == "testSecret":
            try:
                followed(json.loads(secret.versions[token]["secret_string"]))
            except Exception as error:  # whoever waits for the rotation reads it, as of a host that has not followed
                function.save_logs(f"{secret.arn}: {step}: failed: PgBouncer of this machine does not follow: {error}")
                return
        event = {"Step": step, "SecretId": secret.arn, "ClientRequestToken": token}
        answer, failed, _ = function._invoke_lambda(event)
        if failed:
            print(f"rotation of {secret.name}: {step}: {json.loads(answer).get('errorMessage')}", flush=True)
            return
    secret.last_rotation_date = int(time.time())
