"""Secrets Manager's part of a rotation, on moto in this process: the version that it makes, and the order of calls."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from moto.secretsmanager.models import secretsmanager_backends

from functions import connection

STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")
ACCOUNT, REGION = "123456789012", "ap-northeast-1"


def _secret(arn: str) -> Any:
    return secretsmanager_backends[ACCOUNT][REGION].secrets[arn]


def switch_on(arn: str) -> None:
    """As RotateSecret with rules does."""
    secret = _secret(arn)
    secret.rotation_requested = secret.rotation_enabled = True


def begin(arn: str) -> str:
    """A version without a value, labelled AWSPENDING; its id, the token of the four calls.

    Raises ValueError while another is pending, as RotateSecret refuses.
    """
    secret = _secret(arn)
    if any("AWSPENDING" in version["version_stages"] for version in secret.versions.values()):
        raise ValueError("A previous rotation isn't complete.")
    token = str(uuid.uuid4())
    secret.versions[token] = {"createdate": int(time.time()), "version_id": token, "version_stages": ["AWSPENDING"]}
    return token


def rotate(arn: str, handler: Callable[[Mapping[str, Any], object], object], token: str | None = None) -> str:
    """The four calls, each with the event that Secrets Manager sends; the first that fails is the last."""
    token = token or begin(arn)
    for step in STEPS:
        handler({"Step": step, "SecretId": arn, "ClientRequestToken": token}, None)
    return token


def labels(arn: str) -> dict[str, list[str]]:
    """Labels by version, of those that have any."""
    found = connection.secrets_manager().describe_secret(SecretId=arn)["VersionIdsToStages"]
    return {version: sorted(stages) for version, stages in found.items() if stages}


def value(arn: str, label: str = "AWSCURRENT") -> dict[str, Any]:
    """The JSON of a version."""
    text = connection.secrets_manager().get_secret_value(SecretId=arn, VersionStage=label)["SecretString"]
    found: dict[str, Any] = json.loads(text)
    return found
