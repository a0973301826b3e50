"""KMS: keys and their aliases."""

from __future__ import annotations

from collections.abc import Mapping

from resource_types.model import Bill, Call, Into, PhysicalName, Reply, ResourceType


def _tags(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"TagKey": key, "TagValue": value} for key, value in sorted(tags.items())]


TYPES = (
    ResourceType(
        "aws:kms/key:Key",
        tagged=True,
        bill=Bill.STANDING,
        create=Call("kms.create_key", takes={"tags": Into("Tags", _tags)}),
        id=Reply("KeyMetadata.KeyId", "{uuid}"),
        outputs={"keyId": "{id}", "arn": "arn:aws:kms:{region}:{account}:key/{id}"},
        after=(Call("kms.enable_key_rotation", switch="enableKeyRotation", gives={"KeyId": "{id}"}),),
        own={"deletionWindowInDays": "how long deletion waits; a parameter of ScheduleKeyDeletion"},
    ),
    ResourceType(
        "aws:kms/alias:Alias",
        bill=Bill.FREE,
        create=Call("kms.create_alias"),
        id="{name}",
        named=PhysicalName("AliasName"),
    ),
)
