"""Secrets Manager: secrets and what they hold."""

from __future__ import annotations

from resource_types.model import TAGS, Bill, Call, PhysicalName, Reply, ResourceType

TYPES = (
    ResourceType(
        "aws:secretsmanager/secret:Secret",
        tagged=True,
        bill=Bill.STANDING,
        create=Call("secretsmanager.create_secret", takes={"tags": TAGS}),
        id=Reply("ARN", "arn:aws:secretsmanager:{region}:{account}:secret:{name}-{hex:.6}"),
        outputs={"arn": "{id}"},
        named=PhysicalName("Name"),
        own={"recoveryWindowInDays": "how long deletion waits; a parameter of DeleteSecret"},
    ),
    ResourceType(
        "aws:secretsmanager/secretVersion:SecretVersion",
        bill=Bill.FREE,
        create=Call("secretsmanager.put_secret_value", gives={"ClientRequestToken": "{token}"}),
        id="{secretId}|{versionId}",
        outputs={"versionId": Reply("VersionId", "{content:.32}")},
    ),
    ResourceType(
        "aws:secretsmanager/secretRotation:SecretRotation",
        bill=Bill.VOLUME,
        create=Call("secretsmanager.rotate_secret", takes={"rotationLambdaArn": "RotationLambdaARN"}),
        id="{secretId}",
    ),
)
