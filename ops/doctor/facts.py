"""The doctor's AWS calls, made concurrently. A call that fails gives `Unknown`, with the reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from blueprint.aws.sleep import Sleep
from blueprint.names import ProductNaming
from blueprint.postgres.pgbouncer import NAMESPACE
from blueprint.postgres.version import MAJOR
from langpont_db.pgbouncer.stack import VERSION_DIMENSION, VERSION_METRIC
from ops import roles, threads
from ops import stack as stacks
from ops.aws import Aws, tags_of
from ops.doctor import rotation
from ops.doctor.rotation import Rotation
from ops.errors import AWS_ERRORS, OpsError, explain, fails_every_call
from ops.sleep import sleep_of
from ops.snapshots.model import Snapshot, concerns, snapshots
from ops.stack import Instance, Stack

LAG_WINDOW: Final = timedelta(minutes=15)
POOLER_HOURS: Final = 3  # the only window that ListMetrics knows
NOTE_AFTER_SECONDS: Final = 2.0


@dataclass(frozen=True)
class Unknown:
    """The answer of a call that failed; the reason is a sentence."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """A CloudWatch alarm. `state`: OK, ALARM, INSUFFICIENT_DATA. `severity`: critical or warning, "" if untagged."""

    name: str
    state: str
    since: datetime | None
    description: str
    severity: str


@dataclass(frozen=True, kw_only=True)
class Lag:
    """The newest ReplicaLag of a replica in `LAG_WINDOW`."""

    seconds: float
    at: datetime


@dataclass(frozen=True, kw_only=True)
class Topic:
    """An SNS topic's subscriptions. `waiting`: who has not confirmed, by address, or protocol where that is secret.

    `gone`: the number of those that were ended and are not forgotten by SNS yet.
    """

    name: str
    confirmed: int
    waiting: tuple[str, ...]
    gone: int


@dataclass(frozen=True, kw_only=True)
class Quota:
    """A quota of the account in the region."""

    used: int
    most: int


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What AWS says about a stack. Lists are as AWS returns them, but for the types above and in `ops.stack`.

    `lags` by replica; a replica without data is not in it. `lifecycles`: SupportedEngineLifecycles of the major
    version. `snapshot_quota`: ManualSnapshots, None if RDS does not name it. `poolers`: versions on hosts. `settings`:
    what the primary itself shows. `obstacles`: what of its database is in the way of a major upgrade. `sleep`: when the
    newest primary is stopped, None for never.
    """

    stack: Stack | Unknown
    maintenance: list[Mapping[str, Any]] | Unknown
    lags: Mapping[str, Lag] | Unknown
    recovery_points: list[Mapping[str, Any]] | Unknown
    snapshots: list[Snapshot] | Unknown
    snapshot_quota: Quota | Unknown | None
    topics: list[Topic] | Unknown
    poolers: list[str] | Unknown
    settings: Mapping[str, str] | Unknown
    obstacles: list[str] | Unknown
    alarms: list[Alarm] | Unknown
    budgets: list[Mapping[str, Any]] | Unknown
    lifecycles: list[Mapping[str, Any]] | Unknown
    sleep: Sleep | Unknown | None = None
    rotations: list[Rotation] | Unknown = field(default_factory=list)


def collect(aws: Aws, names: ProductNaming, now: datetime, waiting: Callable[[float], None]) -> Facts:
    """Make all calls. Raises OpsError if the account has no such stack, or if nothing can be asked."""
    stack = _gather({"stack": lambda: _stack(aws, names)}, waiting)["stack"]
    answers = _gather(
        {
            "maintenance": lambda: aws.all("rds", "describe_pending_maintenance_actions", "PendingMaintenanceActions"),
            "lags": lambda: _lags(aws, stack, now),
            "recovery_points": lambda: _recovery_points(aws, stack),
            "snapshots": lambda: [each for each in snapshots(aws, "manual") if concerns(names, each)],
            "snapshot_quota": lambda: _snapshot_quota(aws),
            "topics": lambda: _topics(aws, names),
            "poolers": lambda: _poolers(aws, names),
            "shown": lambda: _shown(aws, names),
            "alarms": lambda: _alarms(aws, names),
            "budgets": lambda: _budgets(aws),
            "lifecycles": lambda: _lifecycles(aws, stack),
            "rotations": lambda: rotation.collect(aws, names, now),
            "sleep": lambda: _sleep(aws, stack),
        },
        waiting,
    )
    shown = answers.pop("shown")
    return Facts(stack=stack, settings=_part(shown, "settings"), obstacles=_part(shown, "obstacles"), **answers)


def _gather(tasks: Mapping[str, Callable[[], Any]], waiting: Callable[[float], None]) -> dict[str, Any]:
    answers = threads.gather(tasks, every_seconds=NOTE_AFTER_SECONDS, waiting=waiting)
    for name, answer in answers.items():
        if isinstance(answer, AWS_ERRORS):
            answers[name] = Unknown(explain(answer))
        elif isinstance(answer, BaseException):
            raise answer
    return answers


def _stack(aws: Aws, names: ProductNaming) -> Stack | Unknown:
    try:
        stack = stacks.find(aws, names)
    except AWS_ERRORS as error:
        if fails_every_call(error):
            raise OpsError(explain(error)) from None
        return Unknown(explain(error))
    if not stack.instances:
        raise OpsError(stacks.no_primary(stack))
    return stack


def _lags(aws: Aws, stack: Stack | Unknown, now: datetime) -> dict[str, Lag] | Unknown:
    if isinstance(stack, Unknown):
        return stack
    replicas = [each.identifier for each in stack.replicas if each.source]
    if not replicas:
        return {}
    queries = [
        {
            "Id": f"lag{index}",
            "MetricStat": {
                "Metric": {
                    "Namespace": "AWS/RDS",
                    "MetricName": "ReplicaLag",
                    "Dimensions": [{"Name": "DBInstanceIdentifier", "Value": identifier}],
                },
                "Period": 60,
                "Stat": "Maximum",
            },
        }
        for index, identifier in enumerate(replicas)
    ]
    answer = aws.client("cloudwatch").get_metric_data(
        MetricDataQueries=queries, StartTime=now - LAG_WINDOW, EndTime=now, ScanBy="TimestampDescending"
    )
    found = {}
    for result in answer["MetricDataResults"]:
        points = sorted(zip(result["Timestamps"], result["Values"], strict=True))
        if points:
            found[replicas[int(result["Id"].removeprefix("lag"))]] = Lag(at=points[-1][0], seconds=points[-1][1])
    return found


def _recovery_points(aws: Aws, stack: Stack | Unknown) -> list[Mapping[str, Any]] | Unknown:
    if isinstance(stack, Unknown):
        return stack
    primary = _newest_primary(stack)
    if primary is None:
        return []
    return aws.all("backup", "list_recovery_points_by_resource", "RecoveryPoints", ResourceArn=primary.arn)


def _sleep(aws: Aws, stack: Stack | Unknown) -> Sleep | Unknown | None:
    if isinstance(stack, Unknown):
        return stack
    primary = _newest_primary(stack)
    return sleep_of(aws, primary.identifier) if primary else None


def _newest_primary(stack: Stack) -> Instance | None:
    return next(iter(stack.primaries), None)


def _alarms(aws: Aws, names: ProductNaming) -> list[Alarm]:
    # langpont-prod- also begins the names of stack prod-eu: the tags say whose an alarm is. One call, not one an alarm.
    ours = _tagged(aws, names, "cloudwatch:alarm")
    return [
        Alarm(
            name=each["AlarmName"],
            state=each["StateValue"],
            since=each.get("StateTransitionedTimestamp") or each.get("StateUpdatedTimestamp"),
            description=each.get("AlarmDescription", ""),
            severity=ours[each["AlarmArn"]].get("Severity", ""),
        )
        for each in aws.all("cloudwatch", "describe_alarms", "MetricAlarms", AlarmNamePrefix=f"{names.prefix}-")
        if stacks.belongs_to(names, ours.get(each["AlarmArn"], {}))
    ]


def _tagged(aws: Aws, names: ProductNaming, kind: str) -> dict[str, dict[str, str]]:
    """Tags by ARN of all resources of a kind that have the environment's tag."""
    return {
        each["ResourceARN"]: tags_of(each["Tags"])
        for each in aws.all(
            "resourcegroupstaggingapi", "get_resources", "ResourceTagMappingList",
            ResourceTypeFilters=[kind],
            TagFilters=[{"Key": "Environment", "Values": [names.environment]}],
        )
    }  # fmt: skip


def _topics(aws: Aws, names: ProductNaming) -> list[Topic]:
    ours = [arn for arn, tags in _tagged(aws, names, "sns").items() if stacks.belongs_to(names, tags)]
    return [_topic(aws, arn) for arn in sorted(ours)]


def _topic(aws: Aws, arn: str) -> Topic:
    found = aws.all("sns", "list_subscriptions_by_topic", "Subscriptions", TopicArn=arn)
    counts = aws.client("sns").get_topic_attributes(TopicArn=arn)["Attributes"]
    waiting = [each for each in found if each["SubscriptionArn"] == "PendingConfirmation"]
    return Topic(
        name=arn.rpartition(":")[2],
        confirmed=sum(each["SubscriptionArn"].startswith("arn:") for each in found),
        # An https address may have a key in it.
        waiting=tuple(each["Endpoint"] if each["Protocol"] == "email" else each["Protocol"] for each in waiting),
        gone=int(counts.get("SubscriptionsDeleted", 0)),
    )


def _snapshot_quota(aws: Aws) -> Quota | None:
    quotas = aws.client("rds").describe_account_attributes()["AccountQuotas"]
    return next(
        (
            Quota(used=each["Used"], most=each["Max"])
            for each in quotas
            if each["AccountQuotaName"] == "ManualSnapshots"
        ),
        None,
    )


def _poolers(aws: Aws, names: ProductNaming) -> list[str]:
    metrics = aws.all(
        "cloudwatch", "list_metrics", "Metrics", Namespace=NAMESPACE, MetricName=VERSION_METRIC,
        Dimensions=[{"Name": "Stack", "Value": names.environment}], RecentlyActive=f"PT{POOLER_HOURS}H",
    )  # fmt: skip
    dimensions = [{each["Name"]: each["Value"] for each in metric["Dimensions"]} for metric in metrics]
    return sorted({each[VERSION_DIMENSION] for each in dimensions if VERSION_DIMENSION in each})


def _shown(aws: Aws, names: ProductNaming) -> Mapping[str, Any] | Unknown:
    try:
        answer = roles.ask(aws, names, "show")
    except OpsError as error:
        return Unknown(str(error))
    return answer


def _part(shown: Mapping[str, Any] | Unknown, part: str) -> Any:
    if isinstance(shown, Unknown):
        return shown
    return shown.get(part, Unknown("the deployed function does not tell it yet: pulumi up"))


def _budgets(aws: Aws) -> list[Mapping[str, Any]]:
    account = aws.client("sts").get_caller_identity()["Account"]
    return aws.all("budgets", "describe_budgets", "Budgets", AccountId=account)


def _lifecycles(aws: Aws, stack: Stack | Unknown) -> list[Mapping[str, Any]]:
    instances = () if isinstance(stack, Unknown) else stack.instances
    major = next((each.version.split(".")[0] for each in instances), str(MAJOR))
    versions = aws.all(
        "rds", "describe_db_major_engine_versions", "DBMajorEngineVersions", Engine="postgres",
        MajorEngineVersion=major,
    )  # fmt: skip
    return [lifecycle for version in versions for lifecycle in version.get("SupportedEngineLifecycles") or ()]
