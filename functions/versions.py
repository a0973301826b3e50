"""Versions of a secret that is rotated: read by label, written, labels moved. No error shows a secret."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from typing import Any, Final

from functions import connection
from functions.connection import Failed

CURRENT: Final = "AWSCURRENT"
PENDING: Final = "AWSPENDING"
# Of the version that `pulumi up` wrote. One without a label may be deleted by Secrets Manager, and Pulumi, which would
# find it gone at a refresh, would write the first password anew.
FIRST: Final = "PULUMI"

Labels = Mapping[str, list[str]]


def labels(arn: str) -> tuple[bool, Labels]:
    """Whether rotation is on, and the labels by version (DescribeSecret). Raises `Failed`."""
    found = _call(arn, lambda client: client.describe_secret(SecretId=arn), "be described")
    # Null as long as it was never on, and AWS does not say whether that is over when it first tries the function.
    return found.get("RotationEnabled") is not False, found.get("VersionIdsToStages") or {}


def with_label(found: Labels, label: str) -> str | None:
    """The version with a label, which is one or none."""
    return next((version for version, stages in found.items() if label in stages), None)


def read(arn: str, version: str, label: str) -> dict[str, Any] | None:
    """The JSON object of a version, None if it has no value yet. Raises `Failed`."""
    text = _value(arn, version, label).get("SecretString")
    try:
        document = None if text is None else json.loads(text)
    except ValueError:  # its `doc` would be the secret
        document = text
    if document is not None and not isinstance(document, dict):
        raise Failed(f"The version {version} of the secret {arn} is no JSON object. Remove its label {label}.")
    return document


def created(arn: str, version: str, label: str) -> float:
    """When a version was written, in seconds since 1970, as whoever reads it sees it. Raises `Failed`."""
    moment: float = _value(arn, version, label)["CreatedDate"].timestamp()
    return moment


def _value(arn: str, version: str, label: str) -> Any:
    from botocore.exceptions import ClientError

    def value(client: Any) -> Any:
        try:
            return client.get_secret_value(SecretId=arn, VersionId=version, VersionStage=label)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                return {}
            raise

    return _call(arn, value, "be read")


def write(arn: str, document: Mapping[str, Any], *, version: str | None = None, label: str = CURRENT) -> None:
    """Write a version with a label (PutSecretValue); the same one again changes nothing. Raises `Failed`."""
    keep_first(arn, labels(arn)[1])
    token = {} if version is None else {"ClientRequestToken": version}
    text = json.dumps(document)
    _call(
        arn,
        lambda client: client.put_secret_value(SecretId=arn, SecretString=text, VersionStages=[label], **token),
        "be written",
    )


def keep_first(arn: str, found: Labels) -> None:
    """Label the version that the program wrote, before another one is written; the label may be on one of before."""
    written = json.loads(os.environ["FIRST_VERSIONS"])
    first = next((version for version in found if version in written), None)
    if first is not None and FIRST not in found[first]:
        move(arn, FIRST, to=first, away_from=with_label(found, FIRST))


def move(arn: str, label: str, *, to: str | None = None, away_from: str | None = None) -> None:
    """Move a label (UpdateSecretVersionStage); without `to` it is removed. Raises `Failed`."""
    given = {"MoveToVersionId": to, "RemoveFromVersionId": away_from}
    stages = {name: value for name, value in given.items() if value is not None}
    _call(
        arn,
        lambda client: client.update_secret_version_stage(SecretId=arn, VersionStage=label, **stages),
        f"get its label {label} moved",
    )


def _call(arn: str, call: Callable[[Any], Any], what: str) -> Any:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return call(connection.secrets_manager())
    except (BotoCoreError, ClientError) as error:
        raise Failed(
            f"The secret {arn} could not {what}: {str(error).rstrip('.')}. Look at the function's role, and at its "
            f"way to Secrets Manager: NAT or the interface endpoint, and their security groups."
        ) from None
