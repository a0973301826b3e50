"""pulumi-random: values that its state keeps. Who answers has `{random}`."""

from __future__ import annotations

from resource_types.model import Bill, ResourceType

TYPES = (
    ResourceType(
        "random:index/randomPassword:RandomPassword",
        bill=Bill.FREE,
        id="none",
        outputs={"result": "{random}"},
        secret_outputs=frozenset({"result"}),
    ),
    ResourceType(
        "random:index/randomBytes:RandomBytes",
        bill=Bill.FREE,
        id="none",
        outputs={"base64": "{random}"},
        secret_outputs=frozenset({"base64"}),
    ),
    ResourceType("random:index/randomId:RandomId", bill=Bill.FREE, id="none", outputs={"hex": "{random}"}),
)
