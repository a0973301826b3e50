"""The doctor on rotated passwords: when each was changed, and which hosts let the current login through."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from botocore.exceptions import ClientError

from blueprint.names import ProductNaming
from blueprint.postgres.pgbouncer import NAMESPACE
from blueprint.postgres.roles import PASSWORD_ROLES, POOLED_ROLES
from langpont_db.pgbouncer.stack import HOST_DIMENSION, LOGIN_METRIC, ROLE_DIMENSION
from ops.aws import Aws
from ops.credentials import CURRENT, STUCK, command, pending_version, written
from ops.doctor.verdict import Line, Verdict
from ops.durations import format_duration, format_time
from ops.errors import code_of

WINDOW: Final = timedelta(minutes=15)
LATE: Final = timedelta(days=2)  # beside the days that were asked for: Secrets Manager tries again


@dataclass(frozen=True, kw_only=True)
class Rotation:
    """A role whose password is rotated. `pending_since`: of a rotation that has not ended.

    hosts: by name, whether its PgBouncer was proven with the current login; only those that publish.
    """

    role: str
    days: int
    last: datetime | None
    pending_since: datetime | None
    hosts: Mapping[str, bool]


def collect(aws: Aws, names: ProductNaming, now: datetime) -> list[Rotation]:
    """Ask Secrets Manager about each role, and CloudWatch about the hosts; roles that are not rotated are left out."""
    found = []
    for role in PASSWORD_ROLES:
        try:
            secret = aws.client("secretsmanager").describe_secret(SecretId=names.secret(role))
        except ClientError as error:
            if code_of(error) == "ResourceNotFoundException":
                continue
            raise
        if not secret.get("RotationEnabled"):
            continue
        labels, pending = secret.get("VersionIdsToStages") or {}, pending_version(secret)
        current = next((each for each, stages in labels.items() if CURRENT in stages), None)
        at = None if current is None else written(aws, secret["ARN"], current)
        found.append(
            Rotation(
                role=role,
                days=(secret.get("RotationRules") or {}).get("AutomaticallyAfterDays", 0),
                last=secret.get("LastRotatedDate"),
                pending_since=None if pending is None else written(aws, secret["ARN"], pending),
                hosts=_hosts(aws, names, role, at, now) if role in POOLED_ROLES and at else {},
            )
        )
    return found


def _hosts(aws: Aws, names: ProductNaming, role: str, at: datetime, now: datetime) -> dict[str, bool]:
    dimensions = [{"Name": "Stack", "Value": names.environment}, {"Name": ROLE_DIMENSION, "Value": role}]
    listed = aws.all(
        "cloudwatch", "list_metrics", "Metrics", Namespace=NAMESPACE, MetricName=LOGIN_METRIC, Dimensions=dimensions,
        RecentlyActive="PT3H",
    )  # fmt: skip
    hosts = sorted({each["Value"] for one in listed for each in one["Dimensions"] if each["Name"] == HOST_DIMENSION})
    if not hosts:
        return {}
    answer = aws.client("cloudwatch").get_metric_data(
        MetricDataQueries=[
            {
                "Id": f"host{index}",
                "MetricStat": {
                    "Metric": {
                        "Namespace": NAMESPACE,
                        "MetricName": LOGIN_METRIC,
                        "Dimensions": [*dimensions, {"Name": HOST_DIMENSION, "Value": host}],
                    },
                    "Period": 60,
                    "Stat": "Maximum",
                },
            }
            for index, host in enumerate(hosts)
        ],
        StartTime=now - WINDOW,
        EndTime=now,
        ScanBy="TimestampAscending",
    )
    values = {result["Id"]: result["Values"] for result in answer["MetricDataResults"]}
    published = {host: values.get(f"host{index}") for index, host in enumerate(hosts)}
    return {host: found[-1] >= math.floor(at.timestamp()) for host, found in published.items() if found}


def rotations(found: list[Rotation], names: ProductNaming, now: datetime) -> Iterator[Line]:
    """When each password was changed last, and by which hosts. No line where none is rotated."""
    for each in found:
        words, verdict = [], Verdict.OK
        every = "every day" if each.days == 1 else f"every {each.days} days"
        if each.last is None:
            words.append(f"not rotated yet, {every}")
        else:
            words.append(f"rotated {format_time(each.last)}, {format_duration(now - each.last)} ago")
            if each.days and now - each.last > timedelta(days=each.days) + LATE:
                verdict = Verdict.LOOK
                words.append(f"which is to be {every}")
        if each.pending_since is not None and now - each.pending_since >= STUCK:
            verdict = Verdict.LOOK
            words.append(
                f"a rotation that began {format_time(each.pending_since)} has not ended: {command(names, each.role)} "
                f"says why"
            )
        behind = [host for host, follows in each.hosts.items() if not follows]
        if behind:
            verdict = Verdict.ACT if each.pending_since is None else Verdict.LOOK
            words.append(f"not let through by PgBouncer on {', '.join(behind)}")
        elif each.hosts:
            words.append(f"let through by PgBouncer on {', '.join(each.hosts)}")
        yield Line(verdict, "rotation", f"{each.role}: {'; '.join(words)}")
