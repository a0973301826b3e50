"""SNS and SQS: topics, who listens to them, and queues."""

from __future__ import annotations

from resource_types.model import TAGS, Bill, Call, Into, MotoLimit, PhysicalName, Reply, ResourceType


def _flag(value: bool) -> str:
    return "true" if value else "false"


TYPES = (
    ResourceType(
        "aws:sns/topic:Topic",
        tagged=True,
        bill=Bill.VOLUME,
        create=Call("sns.create_topic", takes={"kmsMasterKeyId": "Attributes.KmsMasterKeyId", "tags": TAGS}),
        id="arn:aws:sns:{region}:{account}:{name}",
        outputs={"arn": "{id}", "name": "{name}"},
        named=PhysicalName("Name"),
    ),
    ResourceType(
        "aws:sns/topicPolicy:TopicPolicy",
        bill=Bill.FREE,
        create=Call(
            "sns.set_topic_attributes",
            takes={"arn": "TopicArn", "policy": "AttributeValue"},
            gives={"AttributeName": "Policy"},
        ),
        id="{arn}",
        outputs={"arn": "{arn}"},
    ),
    ResourceType(
        "aws:sns/topicSubscription:TopicSubscription",
        bill=Bill.FREE,
        create=Call(
            "sns.subscribe",
            takes={"topic": "TopicArn", "filterPolicy": "Attributes.FilterPolicy"},
            # An address that has not been confirmed has no ARN yet, unless it is asked for.
            gives={"ReturnSubscriptionArn": True},
        ),
        id=Reply("SubscriptionArn", "{topic}:{uuid}"),
        own={"endpointAutoConfirms": "how long the provider waits, and whether it may delete one"},
        moto_limits=(MotoLimit("protocol", "moto counts an address as confirmed at once, without asking by mail"),),
    ),
    ResourceType(
        "aws:sqs/queue:Queue",
        tagged=True,
        bill=Bill.VOLUME,
        create=Call(
            "sqs.create_queue",
            takes={
                "sqsManagedSseEnabled": Into("Attributes.SqsManagedSseEnabled", _flag),
                "messageRetentionSeconds": Into("Attributes.MessageRetentionPeriod", str),
                "tags": "tags",
            },
        ),
        id="https://sqs.{region}.amazonaws.com/{account}/{name}",  # moto's has the port of the day in it
        outputs={"arn": "arn:aws:sqs:{region}:{account}:{name}", "name": "{name}"},
        named=PhysicalName("QueueName"),
    ),
)
