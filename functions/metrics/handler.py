"""Lambda handler of the metrics function: runs the definition's SQL and prints the values as CloudWatch metrics (EMF).

It returns `host`, where statements ran; `published`, value by metric; `failed`, reason by metric. If no host lets it
in, it publishes nothing and raises: silence has an alarm.
"""

from __future__ import annotations

import json
import logging
import math
import os
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from functions import connection
from functions.connection import Credentials, Failed, Refused, Session, Unreachable

DEFINITION = Path(__file__).parents[2] / "definition.json"

STACK, DATABASE = "Stack", "Database"  # the dimensions
FAILED_STATEMENTS: Final = "failed_statements"

LOGIN_SECONDS: Final = 10  # beside the longest statement, how long a host may take for one answer
# Whatever a statement is: it reads, and what it could hold up is over soon.
OPTIONS: Final = {
    "default_transaction_read_only": "on",
    "lock_timeout": "1s",
    "idle_in_transaction_session_timeout": "60s",
}

logger = logging.getLogger(__name__)
logger.setLevel(logging.INFO)


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:
    """Lambda handler; the event does not matter. Raises `Failed` if the secret cannot be read or no host answers."""
    definition: dict[str, Any] = json.loads(DEFINITION.read_text(encoding="utf-8"))
    rows = definition["metrics"]
    primary = connection.credentials(os.environ["SECRET_ARN"])
    longest = max((row["timeoutSeconds"] for row in rows), default=0)
    values: dict[str, float] = {}
    units = {FAILED_STATEMENTS: "Count"}
    failed: dict[str, str] = {}
    with Hosts(primary, json.loads(os.environ["HOSTS"]), longest + LOGIN_SECONDS) as hosts:
        host = hosts.first()
        for row in rows:
            try:
                value = measure(hosts.session(row["runsOn"]), row)
            except Failed as failure:
                failed[row["name"]] = str(failure)
                logger.warning("%s failed: %s", row["name"], failure)
                continue
            if value is not None:
                values[row["name"]], units[row["name"]] = value, row["unit"]
    values[FAILED_STATEMENTS] = len(failed)
    print(document(definition, values, units, int(time.time() * 1000)), flush=True)
    return {"host": host, "published": values, "failed": failed}


class Hosts:
    """Connections to the replicas in order and the primary last: the first that lets us in serves until it breaks."""

    def __init__(self, primary: Credentials, replicas: list[str], answer_seconds: float) -> None:
        self._primary = primary
        self._left = [*replicas, primary.host]
        self._answer_seconds = answer_seconds
        self._open: dict[str, Session] = {}
        self._reasons: list[str] = []
        self._stack = ExitStack()

    def __enter__(self) -> Hosts:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def first(self) -> str:
        """The host that statements which may run anywhere are sent to now. Raises `Failed` if there is none."""
        while self._left:
            try:
                self._session(self._left[0])
            except (Unreachable, Refused) as failure:
                logger.warning("%s", failure)
                self._reasons.append(str(failure))
                del self._left[0]
            else:
                return self._left[0]
        raise Failed(f"No host lets {self._primary.username} in. {' '.join(self._reasons)}")

    def session(self, runs_on: str) -> Session:
        """The connection for a statement's `runsOn`. Raises `Failed`."""
        return self._session(self._primary.host if runs_on == "primary" else self.first())

    def _session(self, host: str) -> Session:
        found = self._open.get(host)
        if found is None:
            self._open[host] = found = connection.connect(
                replace(self._primary, host=host),
                application_name="langpont-metrics",
                answer_seconds=self._answer_seconds,
                options=OPTIONS,
            )
            self._stack.callback(found.close)
        if found.broken:
            raise Unreachable(f"{host} has stopped answering.")
        return found


def measure(session: Session, row: Mapping[str, Any]) -> float | None:
    """Run one statement read-only; its number, None for nothing to publish. Raises `Failed` with PostgreSQL's words."""
    try:
        session.query("BEGIN READ ONLY")
        session.query(f"SET LOCAL statement_timeout = '{row['timeoutSeconds']}s'")
        answer = session.query(row["sql"])
    finally:
        if not session.broken:
            session.query("ROLLBACK")
    if len(answer) != 1 or len(answer[0]) != 1:
        values = f" of {len(answer[0])} values" if answer else ""
        raise Failed(f"It answered {len(answer)} rows{values}, where one number is due.")
    (value,) = answer[0]
    if value is None:
        return 0 if row["empty"] == "zero" else None
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal) or not math.isfinite(value):
        raise Failed(f"It answered {type(value).__name__} {value}, where a number is due.")
    return value if isinstance(value, int) else float(value)


def document(
    definition: Mapping[str, Any], values: Mapping[str, float], units: Mapping[str, str], milliseconds: int
) -> str:
    """A log line in CloudWatch's embedded metric format (EMF), of which CloudWatch makes the metrics.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
    """
    directive = {
        "Namespace": definition["namespace"],
        "Dimensions": [[STACK, DATABASE]],
        "Metrics": [{"Name": name, "Unit": units[name]} for name in values],
    }
    dimensions = {STACK: definition["stack"], DATABASE: definition["database"]}
    return json.dumps(
        {"_aws": {"Timestamp": milliseconds, "CloudWatchMetrics": [directive]}, **dimensions, **values}, allow_nan=False
    )
