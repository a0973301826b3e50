"""`credentials rotate`: starts a rotation of one role's password in Secrets Manager, and follows it to its end."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from botocore.exceptions import ClientError

from blueprint.names import ProductNaming
from blueprint.postgres.roles import PASSWORD_ROLES
from ops import console
from ops.aws import Aws, tags_of
from ops.clock import Clock
from ops.durations import format_duration
from ops.errors import AWS_ERRORS, Interrupted, OpsError, code_of
from ops.progress import progress
from ops.stack import check_owner, not_made

CURRENT, PENDING = "AWSCURRENT", "AWSPENDING"
STEPS: Final = ("createSecret", "setSecret", "testSecret", "finishSecret")
POLL_SECONDS: Final = 3
# Lambda's longest timeout is 15 minutes; what has been pending for longer than that, nobody is at.
STUCK: Final = timedelta(minutes=20)
LONGEST: Final = timedelta(minutes=40)  # a step each way of a retry, the longest of which waits for hosts
_FAILED: Final = re.compile(r"(?P<step>\w+Secret): failed: (?P<sentence>.+)")
_DONE: Final = re.compile(r"(?P<step>\w+Secret): done")


def rotate(aws: Aws, clock: Clock, names: ProductNaming, role: str) -> None:
    """Rotate a role's password now. Raises OpsError if it cannot begin, or has failed; what is in use goes on then."""
    if role not in PASSWORD_ROLES:
        raise OpsError(f"{role} is no role whose password is rotated. Choose from {', '.join(PASSWORD_ROLES)}.")
    secret = _described(aws, names, role)
    see = f"See what became of it: python -m ops doctor -s {names.environment}"
    since = clock.now() - timedelta(seconds=10)  # the clocks of this machine and of AWS may differ by as much
    of_before = {event["eventId"] for event in _events(aws, names, since)}
    try:
        token = _begin(aws, clock, secret, names, role)
    except KeyboardInterrupt:
        raise Interrupted(f"A rotation of {role} may have begun. {see}") from None
    began = clock.monotonic()
    try:
        with progress(clock, f"{role}: rotation") as tell:
            while not _is_current(aws, secret["ARN"], token):
                waited = timedelta(seconds=clock.monotonic() - began)
                steps, failure = _log(
                    [event for event in _events(aws, names, since) if event["eventId"] not in of_before], secret["ARN"]
                )
                if failure is not None:
                    raise OpsError(f"{role}: {failure} Then: {command(names, role)}")
                if waited > LONGEST:
                    raise OpsError(
                        f"{role}: the rotation has not ended after {format_duration(waited)}. Its log: aws logs tail "
                        f"/aws/lambda/{names.function('rotation')} --since 1h"
                    )
                done = STEPS.index(steps[-1]) + 1 if steps and steps[-1] in STEPS else 0
                tell(f"{STEPS[min(done, len(STEPS) - 1)]}", 100 * done // len(STEPS))
                clock.sleep(POLL_SECONDS)
    except KeyboardInterrupt:
        raise Interrupted(f"No longer waiting; the rotation goes on. {see}") from None
    took = format_duration(timedelta(seconds=clock.monotonic() - began))
    console.say(f"{role}: rotated in {took}; the login of before works until the next rotation")


def command(names: ProductNaming, role: str) -> str:
    """The command that rotates a role's password."""
    return f"python -m ops credentials rotate {role} -s {names.environment}"


def _described(aws: Aws, names: ProductNaming, role: str) -> Mapping[str, Any]:
    name = names.secret(role)
    try:
        found: Mapping[str, Any] = aws.client("secretsmanager").describe_secret(SecretId=name)
    except ClientError as error:
        if code_of(error) == "ResourceNotFoundException":
            raise not_made(names, f"secret {name}", aws.region) from None
        raise
    check_owner(names, name, tags_of(found.get("Tags")), "it is left alone")
    if not found.get("RotationEnabled"):
        raise OpsError(
            f"{name} is not rotated. Set credentials.rotateEveryDays in Pulumi.{names.environment}.yaml, or raise "
            f"{role} in credentials.passwordVersions, and run pulumi up."
        )
    return found


def _begin(aws: Aws, clock: Clock, secret: Mapping[str, Any], names: ProductNaming, role: str) -> str:
    """The version that becomes current: that of a rotation under way, or a new one's."""
    arn = secret["ARN"]
    pending = pending_version(secret)
    if pending is not None:
        since = written(aws, arn, pending)
        if since is not None and clock.now() - since < STUCK:
            console.note(f"{role}: a rotation is under way since {since:%H:%M} UTC")
            return _again(aws, arn) or pending
        # Secrets Manager refuses another while one is pending, and of this one nobody is left.
        console.note(f"{role}: an earlier rotation did not end; it is given up, and another begins")
        aws.client("secretsmanager").update_secret_version_stage(
            SecretId=arn, VersionStage=PENDING, RemoveFromVersionId=pending
        )
    return str(aws.client("secretsmanager").rotate_secret(SecretId=arn)["VersionId"])


def _again(aws: Aws, arn: str) -> str | None:
    """Have a rotation under way go on where a step has failed; a version's id if it has ended and another begins.

    RotateSecret's refusal says so: "A previous rotation isn't complete. That rotation will be reattempted."
    """
    try:
        return str(aws.client("secretsmanager").rotate_secret(SecretId=arn)["VersionId"])
    except ClientError as error:
        if code_of(error) == "InvalidRequestException":
            return None
        raise


def pending_version(secret: Mapping[str, Any]) -> str | None:
    """The version of a rotation that has begun and not ended, of what DescribeSecret says."""
    labels: Mapping[str, list[str]] = secret.get("VersionIdsToStages") or {}
    return next((each for each, stages in labels.items() if PENDING in stages and CURRENT not in stages), None)


def written(aws: Aws, arn: str, version: str) -> datetime | None:
    """When a version was written; None for one that Secrets Manager no longer lists."""
    # Versions with labels, which are few: one page.
    found = aws.client("secretsmanager").list_secret_version_ids(SecretId=arn, MaxResults=100)["Versions"]
    dates: Iterator[datetime] = (each["CreatedDate"] for each in found if each["VersionId"] == version)
    moment = next(dates, None)
    return None if moment is None else moment.astimezone(UTC)


def _is_current(aws: Aws, arn: str, version: str) -> bool:
    labels = aws.client("secretsmanager").describe_secret(SecretId=arn).get("VersionIdsToStages") or {}
    return CURRENT in labels.get(version, ())


def _events(aws: Aws, names: ProductNaming, since: datetime) -> list[Any]:
    """The function's log since then; nothing where that may not be read."""
    try:
        # In pages, of which CloudWatch gives empty ones too.
        return list(aws.all(
            "logs", "filter_log_events", "events",
            logGroupName=names.function_log_group("rotation"), startTime=int(since.timestamp() * 1000),
        ))  # fmt: skip
    except AWS_ERRORS:
        return []


def _log(events: Iterable[Mapping[str, Any]], arn: str) -> tuple[list[str], str | None]:
    """Steps of a secret's rotation that the function has ended, and why one has failed."""
    lines = [line for event in events for line in event["message"].splitlines() if arn in line]
    steps = [found["step"] for line in lines if (found := _DONE.search(line))]
    failures = [found["sentence"] for line in lines if (found := _FAILED.search(line))]
    return steps, failures[-1] if failures else None
