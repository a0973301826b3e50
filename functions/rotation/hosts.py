"""Whether every application host's PgBouncer lets a new login through, by what the hosts publish to CloudWatch.

Each minute a host publishes, by role, when the version of the secret was written with which its PgBouncer was proven by
a login (`langpont_db.pgbouncer`). A host that goes on publishing an older time has not followed.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Final

from functions import connection
from functions.connection import Failed

ALIVE: Final = timedelta(minutes=5)  # a host that has published nothing for that long is gone, or gone wrong
WAIT_SECONDS = 480  # the timer of a host runs each minute, and CloudWatch takes some more
POLL_SECONDS = 10.0


@cache
def cloudwatch() -> Any:
    """The boto3 client, created at the first call."""
    return connection.client("cloudwatch")


def wait(definition: Mapping[str, Any], role: str, written: float) -> None:
    """Wait until all hosts that publish have followed to a version. `written`: when it was, in seconds since 1970.

    Raises `Failed` naming the hosts that have not after `WAIT_SECONDS`. Without hosts there is nobody to wait for.
    """
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        behind = lagging(definition, role, written)
        if not behind:
            return
        if time.monotonic() >= deadline:
            raise Failed(
                f"Not every host lets the new login of {role} through after {WAIT_SECONDS} s: {', '.join(behind)}. "
                f"There: journalctl -u langpont-pgbouncer-sync -n 20. What is in use stays so; the rotation is tried "
                f"again."
            )
        time.sleep(POLL_SECONDS)


def lagging(definition: Mapping[str, Any], role: str, written: float) -> list[str]:
    """Hosts that publish and have not followed, by name. Raises `Failed` if CloudWatch does not answer."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        newest, counted, all_ = _published(definition, role)
    except (BotoCoreError, ClientError) as error:
        raise Failed(
            f"CloudWatch does not tell what hosts let through: {str(error).rstrip('.')}. Look at the function's role, "
            f"and at its way to CloudWatch: NAT or the interface endpoint monitoring. What is in use stays so."
        ) from None
    behind = sorted(host for host, value in newest.items() if value < math.floor(written))
    older = all_ - counted
    if older > 0:  # both come in one call, so a host that says the one and not the other has an older release
        behind.append("a host whose langpont_db does not know of rotation")
    return behind


def _published(definition: Mapping[str, Any], role: str) -> tuple[dict[str, float], int, int]:
    """Newest value by host, and how often hosts have published it, and anything at all, meanwhile."""
    stack = {"Name": "Stack", "Value": definition["stack"]}
    by_role = [stack, {"Name": "Role", "Value": role}]
    found = cloudwatch().get_paginator("list_metrics").paginate(
        Namespace=definition["namespace"], MetricName=definition["metric"], Dimensions=by_role, RecentlyActive="PT3H"
    )  # fmt: skip
    names = sorted(
        {
            one["Value"]
            for page in found
            for metric in page["Metrics"]
            for one in metric["Dimensions"]
            if one["Name"] == "Host"
        }
    )
    queries = {
        f"host{index}": (definition["metric"], [*by_role, {"Name": "Host", "Value": name}], "Maximum")
        for index, name in enumerate(names)
    } | {
        f"times{index}": (definition["metric"], [*by_role, {"Name": "Host", "Value": name}], "SampleCount")
        for index, name in enumerate(names)
    }
    queries["all"] = (definition["heartbeat"], [stack], "SampleCount")
    points = _points(definition["namespace"], queries)
    newest = {name: points[f"host{index}"][-1] for index, name in enumerate(names) if points[f"host{index}"]}
    counted = sum(sum(points[f"times{index}"]) for index in range(len(names)))
    return newest, round(counted), round(sum(points["all"]))


def _points(namespace: str, queries: Mapping[str, tuple[str, list[dict[str, str]], str]]) -> dict[str, list[float]]:
    """Values by query within `ALIVE`, the oldest first, by the minute."""
    now = datetime.now(UTC)
    pages = cloudwatch().get_paginator("get_metric_data").paginate(
        MetricDataQueries=[
            {
                "Id": name,
                "MetricStat": {
                    "Metric": {"Namespace": namespace, "MetricName": metric, "Dimensions": dimensions},
                    "Period": 60,
                    "Stat": statistic,
                },
            }
            for name, (metric, dimensions, statistic) in queries.items()
        ],
        StartTime=now - ALIVE, EndTime=now + timedelta(minutes=1), ScanBy="TimestampAscending",
    )  # fmt: skip
    found: dict[str, list[float]] = {name: [] for name in queries}
    for page in pages:
        for result in page["MetricDataResults"]:
            found[result["Id"]] += result["Values"]
    return found
