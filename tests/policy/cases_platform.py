"""Cases of the rules on keys, logs, networks, functions, tags and types."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, Final

from policy.model import UNKNOWN, Resource
from policy.rules import types
from tests.policy.cases import Case, absent, excepted, missing, passing, resource, violating

KEY_WAY_OUT: Final = "Set encryption.keys to customerManaged."

EVENTS: Final = resource(types.TOPIC, {}, "events")
EVENTS_POLICY: Final = resource(types.TOPIC_POLICY, {}, "events-policy", {"arn": [EVENTS]})
SUBSCRIPTION: Final = resource(types.EVENT_SUBSCRIPTION, {"snsTopic": UNKNOWN}, "s", {"snsTopic": [EVENTS_POLICY]})
STRAIGHT: Final = {"snsTopic": frozenset({EVENTS.urn})}
EVENTS_EXCEPTED: Final = (
    "Nobody has seen RDS deliver an event to an encrypted topic. With encryption.keys customerManaged, set "
    "monitoring.encryptEventsTopic to try."
)


def own_key(rule: str, type_: str, path: str, says: str, **inputs: Any) -> list[Case]:
    """The cases of a rule on a key's ARN: named, named by another resource, empty, left out."""
    label = f"{type_.split('/')[0].split(':')[1]}.{type_.split(':')[-1]} it"
    message = f"{label}: {path} is not stated. {says} {KEY_WAY_OUT}"
    return [
        *passing(rule, resource(type_, {path: "arn", **inputs}), resource(type_, {path: UNKNOWN, **inputs})),
        violating(rule, resource(type_, {path: "", **inputs}), message),
        missing(rule, resource(type_, inputs), message),
    ]


ROTATES: Final = "KMS.4 wants a key that rotates every year. Write enable_key_rotation=True."
KEPT: Final = (
    "log-group-retention wants logs that are deleted one day. Set monitoring.logRetentionDays, or flowLogRetentionDays "
    "of the VPC."
)
QUEUED: Final = "SQS.1 wants encrypted queues. Write sqs_managed_sse_enabled=True."

NO_FUNCTION: Final = (
    "secretsmanager.SecretRotation it: rotationLambdaArn is not stated. SecretsManager.1 wants rotation by a function. "
    "Name the function that rotates it."
)
TOO_OLD: Final = (
    "SecretsManager.4 wants a password no older than 90 days. Set credentials.rotateEveryDays to 90 or fewer."
)

ENCRYPTION: Final = [
    *passing("secret-rotated", resource(types.SECRET_ROTATION, {"rotationLambdaArn": UNKNOWN})),
    violating("secret-rotated", resource(types.SECRET_ROTATION, {"rotationLambdaArn": ""}), NO_FUNCTION),
    missing("secret-rotated", resource(types.SECRET_ROTATION, {}), NO_FUNCTION),
    *passing(
        "secret-rotation-days",
        *(resource(types.SECRET_ROTATION, {"rotationRules": {"automaticallyAfterDays": days}}) for days in (1, 90)),
    ),
    violating(
        "secret-rotation-days", resource(types.SECRET_ROTATION, {"rotationRules": {"automaticallyAfterDays": 91}}),
        f"secretsmanager.SecretRotation it: rotationRules.automaticallyAfterDays is 91. {TOO_OLD}",
    ),
    missing(
        "secret-rotation-days", resource(types.SECRET_ROTATION, {}),
        f"secretsmanager.SecretRotation it: rotationRules.automaticallyAfterDays is not stated. {TOO_OLD}",
    ),
    *passing("key-rotates", resource(types.KEY, {"enableKeyRotation": True})),
    violating(
        "key-rotates", resource(types.KEY, {"enableKeyRotation": False}),
        f"kms.Key it: enableKeyRotation is false. {ROTATES}",
    ),
    missing("key-rotates", resource(types.KEY, {}), f"kms.Key it: enableKeyRotation is not stated. {ROTATES}"),
    *own_key("storage-own-key", types.INSTANCE, "kmsKeyId", "storage-own-key wants volumes under a key of ours."),
    *passing("storage-own-key", resource(types.INSTANCE, {"replicateSourceDb": "db"})),
    *own_key(
        "insights-own-key", types.INSTANCE, "performanceInsightsKmsKeyId",
        "insights-own-key wants statements in Performance Insights under a key of ours.",
        performanceInsightsEnabled=True,
    ),
    *passing("insights-own-key", resource(types.INSTANCE, {"performanceInsightsEnabled": False})),
    *own_key("vault-own-key", types.VAULT, "kmsKeyArn", "vault-own-key wants a vault under a key of ours."),
    *own_key("secret-own-key", types.SECRET, "kmsKeyId", "secret-own-key wants secrets under a key of ours."),
    *own_key("topic-encrypted", types.TOPIC, "kmsMasterKeyId", "SNS.1 wants topics under a key of ours."),
    excepted("topic-encrypted", EVENTS, EVENTS_EXCEPTED, others=(EVENTS_POLICY, SUBSCRIPTION)),
    excepted("topic-encrypted", EVENTS, EVENTS_EXCEPTED, others=(replace(SUBSCRIPTION, depends=STRAIGHT),)),
    violating(
        "topic-encrypted", resource(types.TOPIC, {"kmsMasterKeyId": "alias/aws/sns"}),
        "sns.Topic it: kmsMasterKeyId is alias/aws/sns, which CloudWatch and Backup may not use. SNS.1 wants topics "
        f"under a key of ours. {KEY_WAY_OUT}",
    ),
    *passing(
        "queue-encrypted",
        resource(types.QUEUE, {"sqsManagedSseEnabled": True}),
        resource(types.QUEUE, {"kmsMasterKeyId": UNKNOWN}),
    ),
    violating(
        "queue-encrypted", resource(types.QUEUE, {"sqsManagedSseEnabled": False}),
        f"sqs.Queue it: sqsManagedSseEnabled is false. {QUEUED}",
    ),
    missing(
        "queue-encrypted", resource(types.QUEUE, {}), f"sqs.Queue it: sqsManagedSseEnabled is not stated. {QUEUED}"
    ),
    *own_key("log-group-own-key", types.LOG_GROUP, "kmsKeyId", "log-group-own-key wants logs under a key of ours."),
    *passing("log-group-retention", resource(types.LOG_GROUP, {"retentionInDays": 1})),
    violating(
        "log-group-retention", resource(types.LOG_GROUP, {"retentionInDays": 0}),
        f"cloudwatch.LogGroup it: retentionInDays is 0. {KEPT}",
    ),
    missing(
        "log-group-retention", resource(types.LOG_GROUP, {}),
        f"cloudwatch.LogGroup it: retentionInDays is not stated. {KEPT}",
    ),
]  # fmt: skip

# Functions

STRANGERS: Final = "Lambda.1 wants functions that no stranger can call."
SERVICE: Final = "Name one service, and source_account or source_arn."
RUNTIME: Final = "Lambda.2 wants a runtime that AWS mends. Write python3.13."
IN_VPC: Final = "Lambda.3 wants functions in the VPC. Give it the application's subnets and the functions' group."
EXPOSED: Final = (
    "function-environment wants no secret in an environment, which everybody who reads the function sees. Put it into "
    "Secrets Manager, and its ARN here."
)
ARN: Final = "arn:aws:secretsmanager:ap-northeast-1:123456789012:secret:langpont-prod/database/langpont_app-a1b2c3"


def function(**variables: Any) -> Resource:
    """A function with these environment variables."""
    return resource(types.FUNCTION, {"environment": {"variables": variables}})


def exposed(name: str, value: Any, what: str) -> Case:
    """An environment variable that is refused."""
    return violating(
        "function-environment", function(**{name: value}),
        f"lambda.Function it: environment variable {name} {what}. {EXPOSED}",
    )  # fmt: skip


FUNCTIONS: Final = [
    *passing(
        "function-private",
        resource(types.FUNCTION_URL, {"authorizationType": "AWS_IAM"}),
        resource(types.PERMISSION, {"principal": "events.amazonaws.com", "sourceArn": UNKNOWN}),
    ),
    violating(
        "function-private", resource(types.FUNCTION_URL, {"authorizationType": "NONE"}),
        f'lambda.FunctionUrl it: authorizationType is "NONE". {STRANGERS} Write authorization_type="AWS_IAM", or leave '
        "the URL out.",
    ),
    violating(
        "function-private", resource(types.PERMISSION, {"principal": "*", "sourceAccount": "123456789012"}),
        f'lambda.Permission it: principal is "*". {STRANGERS} {SERVICE}',
    ),
    missing(
        "function-private", resource(types.FUNCTION_URL, {}),
        f"lambda.FunctionUrl it: authorizationType is not stated. {STRANGERS} Write "
        'authorization_type="AWS_IAM", or leave the URL out.',
    ),
    missing(
        "function-private", resource(types.PERMISSION, {}),
        f"lambda.Permission it: principal is not stated. {STRANGERS} {SERVICE}",
        f"lambda.Permission it: neither sourceArn nor sourceAccount is stated. {STRANGERS} {SERVICE}",
    ),
    *passing("function-runtime", resource(types.FUNCTION, {"runtime": "python3.13"})),
    violating(
        "function-runtime", resource(types.FUNCTION, {"runtime": "python3.9"}),
        f'lambda.Function it: runtime is "python3.9". {RUNTIME}',
    ),
    missing("function-runtime", resource(types.FUNCTION, {}), f"lambda.Function it: runtime is not stated. {RUNTIME}"),
    *passing(
        "function-in-vpc",
        resource(types.FUNCTION, {"vpcConfig": {"subnetIds": [UNKNOWN], "securityGroupIds": [UNKNOWN]}}),
        resource(types.FUNCTION, {"vpcConfig": UNKNOWN}),
    ),
    violating(
        "function-in-vpc",
        resource(types.FUNCTION, {"vpcConfig": {"subnetIds": ["subnet-1"], "securityGroupIds": []}}),
        f"lambda.Function it: vpcConfig.securityGroupIds is not stated. {IN_VPC}",
    ),
    missing(
        "function-in-vpc", resource(types.FUNCTION, {}),
        f"lambda.Function it: vpcConfig.subnetIds is not stated. {IN_VPC}",
        f"lambda.Function it: vpcConfig.securityGroupIds is not stated. {IN_VPC}",
    ),
    *passing(
        "function-environment",
        function(HOSTS='["db.example"]', SECRET_ARN=ARN, SECRET_ARNS=json.dumps({"langpont_app": ARN})),
        function(SECRET_ARN=UNKNOWN, TOKENS=json.dumps([ARN, ARN])),
        resource(types.FUNCTION, {"environment": UNKNOWN}),
    ),
    absent("function-environment", resource(types.FUNCTION, {})),
    exposed("DATABASE_PASSWORD", "hunter2", "holds something else than ARNs"),
    exposed("SECRET_ARNS", json.dumps({"langpont_app": "hunter2"}), "holds something else than ARNs"),
    exposed("SECRETS", json.dumps({"a": ARN, "b": "hunter2"}), "holds something else than ARNs"),
    exposed("API_TOKEN", "{broken", "holds something else than ARNs"),
    exposed("DATABASE_URL", "postgresql://langpont_app:hunter2@db.example/langpont", "looks like a secret"),
    exposed("CERTIFICATE", "-----BEGIN RSA PRIVATE KEY-----\n...", "looks like a secret"),
    exposed("USER", "AKIAIOSFODNN7EXAMPLE", "looks like a secret"),
    exposed("LOGIN", "SCRAM-SHA-256$4096:c2FsdA==$a:b", "looks like a secret"),
]  # fmt: skip

# Tags and types

TAG_NAMES: Final = "the tags Name, Environment, Project and ManagedBy. Take the tags from child_tags of the component."
GOOD_TAGS: Final = {
    "Name": "it",
    "Environment": "prod",
    "Project": "LangPont",
    "ManagedBy": "Pulumi",
    "Severity": "low",
}


def tags(rule: str, control: str, type_: str, label: str) -> list[Case]:
    """The cases of a rule on the tags of a type."""
    says = f"{control} wants {TAG_NAMES}"
    return [
        *passing(rule, resource(type_, {"tags": GOOD_TAGS})),
        violating(
            rule, resource(type_, {"tags": GOOD_TAGS | {"Environment": "dev", "Name": ""}}),
            f"{label} it: the tag Name is not stated. {says}",
            f'{label} it: the tag Environment is "dev" and not "prod". {says}',
        ),
        violating(
            rule, resource(type_, {"tags": UNKNOWN}), f"{label} it: tags are known only after the deployment. {says}"
        ),
        missing(rule, resource(type_, {}), f"{label} it: tags are not stated. {says}"),
        missing(
            rule, resource(type_, {"tags": {key: GOOD_TAGS[key] for key in ("Name", "Environment", "ManagedBy")}}),
            f"{label} it: the tag Project is not stated. {says}",
        ),
    ]  # fmt: skip


TAGS: Final = [
    *tags("rds-30-instance-tagged", "RDS.30", types.INSTANCE, "rds.Instance"),
    *tags("rds-32-snapshot-tagged", "RDS.32", types.SNAPSHOT, "rds.Snapshot"),
    *tags("rds-33-subnet-group-tagged", "RDS.33", types.SUBNET_GROUP, "rds.SubnetGroup"),
    *tags("tagged", "tagged", types.SECURITY_GROUP, "ec2.SecurityGroup"),
    *passing(
        "known-type",
        resource(types.INSTANCE, {}),
        resource("random:index/randomPassword:RandomPassword", {}),
    ),
    violating(
        "known-type", resource("aws:s3/bucket:Bucket", {}),
        "s3.Bucket it: aws:s3/bucket:Bucket is new here. known-type wants no type of resource that no rule was "
        "considered for. Decide what it must fulfil, write the rule, and add its row to resource_types/s3.py.",
    ),
]  # fmt: skip

CASES: Final = [*ENCRYPTION, *FUNCTIONS, *TAGS]
