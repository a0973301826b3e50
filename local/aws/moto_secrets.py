"""Where moto's Secrets Manager is kinder or other than AWS's in what a rotation rests on, it is put right here.

moto takes labels from versions that keep them on AWS, answers a read without a label from a version that was current
once, forgets the function at a second RotateSecret, and calls a rotation done whose function has failed.

What was rotated outlives a control plane that is made anew: it is in a file of its owner's alone, `kept`, and comes
back when rotation is switched on for a secret that begins with the same first password.
"""

import json
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from moto.awslambda.utils import get_backend
from moto.secretsmanager.exceptions import InvalidRequestException
from moto.secretsmanager.models import FakeSecret, SecretsManagerBackend

CURRENT, PREVIOUS, PENDING = "AWSCURRENT", "AWSPREVIOUS", "AWSPENDING"
FIRST = "PULUMI"  # of the version that the program wrote
STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")

kept: Path | None = None  # where versions of rotated secrets are written

_update_stage = SecretsManagerBackend.update_secret_version_stage
_keeping = threading.Lock()


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
    _keep(self)


def _update_secret_version_stage(
    self: Any, secret_id: str, version_stage: str, remove_from_version_id: str, move_to_version_id: str
) -> Any:
    answer = _update_stage(self, secret_id, version_stage, remove_from_version_id, move_to_version_id)
    secret = self.secrets[secret_id]
    if version_stage == CURRENT and move_to_version_id:
        secret.default_version_id = move_to_version_id
        secret.last_rotation_date = int(time.time())
    _keep(secret)
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
        _come_back(secret)
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


# What hosts do that follow a rotation: `left` are logins that they leave before it begins, `verifiers` by login what
# they let through once the database has it. It raises where they cannot.
hosts: Callable[[dict[str, Any]], None] = lambda what: None  # noqa: E731


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
    now = json.loads(secret.versions[secret.default_version_id]["secret_string"])
    with suppress(Exception):  # what is left then, a step finds in use
        hosts({"left": sorted({*now.get("verifiers", {})} - {now["username"]})})
    for step in STEPS:
        if step == "testSecret":
            try:
                hosts({"verifiers": json.loads(secret.versions[token]["secret_string"]).get("verifiers", {})})
            except Exception as error:  # whoever waits for the rotation reads it, as of a host that has not followed
                function.save_logs(f"{secret.arn}: {step}: failed: PgBouncer of this machine does not follow: {error}")
                return
        event = {"Step": step, "SecretId": secret.arn, "ClientRequestToken": token}
        answer, failed, _ = function._invoke_lambda(event)
        if failed:
            print(f"rotation of {secret.name}: {step}: {json.loads(answer).get('errorMessage')}", flush=True)
            return


# What outlives this process


def _keep(secret: Any) -> None:
    """Write the versions of a secret that is rotated, to a file that nobody else may read."""
    if kept is None or not secret.rotation_enabled:
        return
    with _keeping:
        document = _kept() | {secret.name: {"rotated": secret.last_rotation_date, "versions": secret.versions}}
        new = kept.with_name(f".{kept.name}.new")
        new.unlink(missing_ok=True)
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(document, file)
        os.replace(new, kept)


def _kept() -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(kept.read_text(encoding="utf-8")) if kept is not None else {}
    except FileNotFoundError:
        return {}
    return found


def _come_back(secret: Any) -> None:
    """Give a secret its versions of before, if the one that the program wrote then has the password that it has now.

    One that has not was rotated before its password was changed by the stack file: it is over.
    """
    before = _kept().get(secret.name)
    (fresh,) = secret.versions.values() if len(secret.versions) == 1 else (None,)
    if before is None or fresh is None:
        return
    first = next((each for each in before["versions"].values() if FIRST in each["version_stages"]), None)
    if first is None or _password(first) != _password(fresh):
        return
    others = {name: each for name, each in before["versions"].items() if each is not first and "secret_string" in each}
    fresh["version_stages"] = first["version_stages"]
    secret.versions.update(others)
    secret.default_version_id = next(
        name for name, each in secret.versions.items() if CURRENT in each["version_stages"]
    )
    secret.last_rotation_date = before["rotated"]


def _password(version: dict[str, Any]) -> Any:
    return json.loads(version["secret_string"])["password"]
