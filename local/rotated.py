"""The logins of a platform whose passwords are rotated: what the roles' secrets say, and not what was registered."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from blueprint.postgres.pgbouncer import render_user_list
from local.aws.clients import Clients
from local.servers.errors import DataPlaneError
from local.servers.plan import DataPlan, user_list_verifiers
from recording.recording import Recording, reveal

ROTATION = "aws:secretsmanager/secretRotation:SecretRotation"
LABELS = ("AWSPREVIOUS", "AWSCURRENT")  # the login of before stays valid until the next rotation


def lost(kept: Path) -> Iterator[str]:
    """What became of the versions that an earlier control plane has kept (`aws/moto_secrets.py`): a sentence, or none.

    What cannot be read is taken away, since a control plane would stop at it.
    """
    try:
        if not isinstance(json.loads(kept.read_text(encoding="utf-8")), dict):
            raise ValueError
    except FileNotFoundError:
        return
    except ValueError:
        kept.unlink()
        yield (
            f"{kept.name} could not be read, so passwords that were rotated are lost: each role has its first one "
            f"again, and applications get it from Secrets Manager."
        )


def forget(kept: Path, recording: Recording) -> None:
    """Take the versions away where nothing is rotated any more: passwords come from the stack file again."""
    if not recording.of_type(ROTATION):
        kept.unlink(missing_ok=True)


def as_rotated(plan: DataPlan, recording: Recording, clients: Clients) -> DataPlan:
    """The plan with the passwords and the user list of now. Raises `DataPlaneError` if a secret cannot be read."""
    passwords, listed = dict(plan.passwords), user_list_verifiers(plan.user_list)
    for registration in recording.of_type(ROTATION):
        for document in _documents(clients, reveal(registration.inputs)["secretId"]):
            passwords[document["username"]] = document["password"]
            listed |= document.get("verifiers", {})
    return replace(
        plan, passwords=passwords, verifiers={**plan.verifiers, **listed}, user_list=render_user_list(listed)
    )


def _documents(clients: Clients, secret: str) -> Iterator[dict[str, Any]]:
    for label in LABELS:
        try:
            found = clients.get("secretsmanager").get_secret_value(SecretId=secret, VersionStage=label)
        except (BotoCoreError, ClientError) as error:
            response = getattr(error, "response", {})
            if response.get("Error", {}).get("Code") == "ResourceNotFoundException" and label == "AWSPREVIOUS":
                continue  # it was never rotated
            raise DataPlaneError(f"The secret {secret} cannot be read: {error}.") from None
        yield json.loads(found["SecretString"])
