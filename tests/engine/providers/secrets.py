"""Versions of secrets and their labels, as Secrets Manager moves them, and what the provider makes of them.

A version that loses its last label is deleted at once, which AWS may do. What an update of the program replaces is not
kept as AWSPREVIOUS, since nobody asks for it; what a rotation replaces is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from tests.engine.providers.cloud import Cloud, Resource
from tests.engine.providers.rds import Refused

SECRET = "aws:secretsmanager/secret:Secret"
VERSION = "aws:secretsmanager/secretVersion:SecretVersion"
ROTATION = "aws:secretsmanager/secretRotation:SecretRotation"
PERMISSION = "aws:lambda/permission:Permission"
FUNCTION = "aws:lambda/function:Function"
CURRENT, PREVIOUS = "AWSCURRENT", "AWSPREVIOUS"
STAGES = "versionStages"


def versions(cloud: Cloud, secret_id: Any) -> list[Resource]:
    """What a secret holds."""
    return [it for it in cloud.all(VERSION) if it.properties.get("secretId") == secret_id]


def labels(version: Resource) -> list[str]:
    """Of a version, sorted."""
    return sorted(version.properties.get(STAGES, ()))


def with_labels(version: Resource, found: Iterable[str]) -> Resource:
    """The version with other labels."""
    return replace(version, properties={**version.properties, STAGES: sorted(found)})


def put(cloud: Cloud, made: Resource) -> None:
    """Keep a version with its labels, which others lose; the one that was current becomes the previous one."""
    others = {it.id: it for it in versions(cloud, made.properties["secretId"]) if it.id != made.id}
    moved, has = set(labels(made)), {id_: set(labels(it)) for id_, it in others.items()}
    former = next((id_ for id_, found in has.items() if CURRENT in found & moved), None)
    cloud.put(made if former is None else with_labels(made, moved - {PREVIOUS}))
    for id_, other in others.items():
        after = has[id_] - moved
        if former is not None:
            after = after - {PREVIOUS} | ({PREVIOUS} if id_ == former else set())
        if not after:
            cloud.drop(other)
        elif after != has[id_]:
            cloud.put(with_labels(other, after))


def put_by_program(cloud: Cloud, made: Resource) -> None:
    """The provider's PutSecretValue."""
    put(cloud, made)
    for other in versions(cloud, made.properties["secretId"]):
        if other.id != made.id and labels(other) == [PREVIOUS]:
            cloud.drop(other)


def delete_version(cloud: Cloud, found: Resource, state: Mapping[str, Any]) -> None:
    """The provider's deletion of a version: it takes off the labels that the state knows, and waits for no others.

    Raises `Refused`.
    """
    left = set(labels(found))
    for label in sorted(set(state.get(STAGES) or ()) - {CURRENT}):
        if label not in left:
            raise Refused(
                f"InvalidParameterException: Version stage {label} not found in version {found.properties['versionId']}"
            )
        left.remove(label)
    if left - {CURRENT, PREVIOUS} or len(left) > 1:
        raise Refused(f"waiting for Secrets Manager Secret Version ({found.id}) delete: found resource")
    cloud.drop(found)


def refuse_rotation(cloud: Cloud, made: Resource) -> None:
    """RotateSecret: the function must let Secrets Manager in, and is tried with the current value. Raises `Refused`."""
    arn = made.properties["rotationLambdaArn"]
    names = [it.properties["name"] for it in cloud.all(FUNCTION) if it.properties["arn"] == arn]
    allowed = [it.properties for it in cloud.all(PERMISSION) if it.properties["function"] in (arn, *names)]
    if not any(it["principal"] == "secretsmanager.amazonaws.com" for it in allowed):
        raise Refused(
            "AccessDeniedException: Secrets Manager cannot invoke the specified Lambda function. Ensure that the "
            "function policy grants access to the principal secretsmanager.amazonaws.com"
        )
    if not any(CURRENT in labels(it) for it in versions(cloud, made.properties["secretId"])):
        raise Refused(
            "ResourceNotFoundException: Secrets Manager can't find the specified secret value for staging label: "
            "AWSCURRENT"
        )
