"""Whether an instance sleeps by the stack's schedule, as EventBridge Scheduler has it."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from botocore.exceptions import ClientError

from blueprint.aws.sleep import Sleep
from blueprint.names import Naming
from blueprint.problems import Refused
from ops.aws import Aws
from ops.durations import format_time
from ops.errors import code_of

STOPPED: Final = {"stopped", "stopping"}
LIST: Final = "aws scheduler list-schedules --name-prefix"


def sleep_of(aws: Aws, identifier: str) -> Sleep | None:
    """When an instance is stopped by its two schedules (GetSchedule); None: it has none, or somebody changed them."""
    try:
        stop, start = (
            aws.client("scheduler").get_schedule(Name=Naming.schedule(identifier, action))["ScheduleExpression"]
            for action in ("stop", "start")
        )
        return Sleep.of_expressions(stop, start)
    except ClientError as error:
        if code_of(error) == "ResourceNotFoundException":
            return None
        raise
    except Refused:
        return None


def is_asleep(status: str, sleep: Sleep | None, now: datetime) -> bool:
    """Whether an instance with this status is stopped as its schedule has it."""
    return status in STOPPED and sleep is not None and sleep.asleep_until(now) is not None


def told(identifier: str, status: str, sleep: Sleep | None, now: datetime) -> str:
    """What an instance that is stopped waits for, and the way out; "" for one that is not."""
    if status not in STOPPED:
        return ""
    start = f"start it now: aws rds start-db-instance --db-instance-identifier {identifier}"
    until = None if sleep is None else sleep.asleep_until(now)
    if until is not None:
        return f"asleep until {format_time(until)} (schedule); {start}"
    if sleep is not None:
        return f"its schedule should have started it: {LIST} {identifier}; {start}"
    return f"somebody stopped it; {start}"
