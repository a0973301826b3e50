"""Rules on encryption at rest: KMS keys, what is encrypted with them, and log retention."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from policy.model import (
    Finding,
    Level,
    Resource,
    ResourceRule,
    Rule,
    Stack,
    StackRule,
    excepted,
    expect,
    expect_reference,
    of,
)
from policy.rules import types
from policy.rules.instances import is_replica

ROTATION_DAYS: Final = 90  # SecretsManager.4's default, maxDaysSinceRotation
KEY_WAY_OUT: Final = "Set encryption.keys to customerManaged"
# CloudWatch may not use this one, and nobody can let it: alarms would be lost without a word.
AWS_SNS_KEY: Final = "alias/aws/sns"


def _rotates(key: Resource) -> Iterator[Finding]:
    yield from expect(key, "enableKeyRotation", lambda value: value is True, "Write enable_key_rotation=True")


def _rotated(rotation: Resource) -> Iterator[Finding]:
    yield from expect_reference(rotation, "rotationLambdaArn", "Name the function that rotates it")


def _rotation_days(rotation: Resource) -> Iterator[Finding]:
    yield from expect(
        rotation,
        "rotationRules.automaticallyAfterDays",
        lambda days: isinstance(days, int | float) and 1 <= days <= ROTATION_DAYS,
        f"Set credentials.rotateEveryDays to {ROTATION_DAYS} or fewer",
    )


def _retention(group: Resource) -> Iterator[Finding]:
    # 0 is for ever.
    yield from expect(
        group,
        "retentionInDays",
        lambda days: isinstance(days, int) and days > 0,
        "Set monitoring.logRetentionDays, or flowLogRetentionDays of the VPC",
    )


def _key(path: str) -> Callable[[Resource], Iterator[Finding]]:
    return lambda resource: expect_reference(resource, path, KEY_WAY_OUT)


def _storage_key(instance: Resource) -> Iterator[Finding]:
    if not is_replica(instance):  # which has its source's within a region
        yield from expect_reference(instance, "kmsKeyId", KEY_WAY_OUT)


def _insights_key(instance: Resource) -> Iterator[Finding]:
    if instance.value("performanceInsightsEnabled") is not False:
        yield from expect_reference(instance, "performanceInsightsKmsKeyId", KEY_WAY_OUT)


def _topic(topic: Resource, stack: Stack) -> Iterator[Finding]:
    if topic.value("kmsMasterKeyId") == AWS_SNS_KEY:
        yield Finding(f"kmsMasterKeyId is {AWS_SNS_KEY}, which CloudWatch and Backup may not use", KEY_WAY_OUT)
    found = expect_reference(topic, "kmsMasterKeyId", KEY_WAY_OUT)
    why = (
        "Nobody has seen RDS deliver an event to an encrypted topic. "
        "With encryption.keys customerManaged, set monitoring.encryptEventsTopic to try."
    )
    yield from excepted(found, why) if _takes_events(topic, stack) else found


def _takes_events(topic: Resource, stack: Stack) -> bool:
    """Whether RDS sends events to it; a subscription names it, or the policy that lets RDS do so."""
    policies = [each for each in stack.of_type(types.TOPIC_POLICY) if topic in stack.sources(each, "arn", types.TOPIC)]
    return any(
        topic in stack.sources(subscription, "snsTopic", types.TOPIC)
        or any(policy in policies for policy in stack.sources(subscription, "snsTopic", types.TOPIC_POLICY))
        for subscription in stack.of_type(types.EVENT_SUBSCRIPTION)
    )


def _queue(queue: Resource) -> Iterator[Finding]:
    """Encrypted with SQS's own key or a KMS key."""
    own_key = list(expect_reference(queue, "kmsMasterKeyId", ""))
    if own_key:
        yield from expect(
            queue, "sqsManagedSseEnabled", lambda value: value is True, "Write sqs_managed_sse_enabled=True"
        )


RULES: Final[tuple[Rule, ...]] = (
    ResourceRule(
        name="key-rotates", control="KMS.4", wants="a key that rotates every year", applies=of(types.KEY),
        check=_rotates,
    ),
    ResourceRule(
        name="storage-own-key", wants="volumes under a key of ours", applies=of(types.INSTANCE), check=_storage_key
    ),
    ResourceRule(
        name="insights-own-key", wants="statements in Performance Insights under a key of ours",
        applies=of(types.INSTANCE), check=_insights_key,
    ),
    ResourceRule(
        name="vault-own-key", wants="a vault under a key of ours", applies=of(types.VAULT), check=_key("kmsKeyArn")
    ),
    ResourceRule(
        name="secret-rotated", control="SecretsManager.1", wants="rotation by a function",
        applies=of(types.SECRET_ROTATION), check=_rotated,
    ),
    ResourceRule(
        name="secret-rotation-days", control="SecretsManager.4", wants=f"a password no older than {ROTATION_DAYS} days",
        applies=of(types.SECRET_ROTATION), check=_rotation_days, level=Level.ADVISORY,
    ),
    ResourceRule(
        name="secret-own-key", wants="secrets under a key of ours", applies=of(types.SECRET), check=_key("kmsKeyId")
    ),
    StackRule(
        name="topic-encrypted", control="SNS.1", wants="topics under a key of ours", applies=of(types.TOPIC),
        check=_topic,
    ),
    ResourceRule(
        name="queue-encrypted", control="SQS.1", wants="encrypted queues", applies=of(types.QUEUE), check=_queue
    ),
    ResourceRule(
        name="log-group-own-key", wants="logs under a key of ours", applies=of(types.LOG_GROUP), check=_key("kmsKeyId")
    ),
    ResourceRule(
        name="log-group-retention", wants="logs that are deleted one day", applies=of(types.LOG_GROUP),
        check=_retention,
    ),
)  # fmt: skip
