"""Lambda handler of the metrics function: runs the definition's SQL and prints the values as CloudWatch metrics (EMF).

It returns `host`, where statements ran; `published`, value by metric; `instances`, the same of each instance that was
asked about itself; `failed`, reason by metric, those of an instance as in `replica-1 blocked_sessions`. If no host lets
it in, it publishes nothing and raises: silence has an alarm. While the stack's schedule has the instances stopped it
does not raise, and says in `asleepUntil` when they start.
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
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from functions import connection
from functions.asleep import asleep_until
from functions.connection import Credentials, Failed, Refused, Session, Unreachable

DEFINITION = Path(__file__).parents[2] / "definition.json"

STACK, DATABASE, INSTANCE = "Stack", "Database", "Instance"  # the dimensions
CERTIFICATE_DAYS: Final = "certificate_days"
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
    rows, own_rows = definition["metrics"], definition["instanceMetrics"]
    primary = connection.credentials(os.environ["SECRET_ARN"])
    longest = max((row["timeoutSeconds"] for row in (*rows, *own_rows)), default=0)
    of_instances: dict[str, dict[str, float]] = {}
    values: dict[str, float] = {}
    units = {FAILED_STATEMENTS: "Count"}
    failed: dict[str, str] = {}
    named: dict[str, str] = json.loads(os.environ["HOSTS"])  # by instance, in the order in which they are tried
    replicas = [each for each in named.values() if each != primary.host]
    with Hosts(primary, replicas, longest + LOGIN_SECONDS) as hosts:
        try:
            host = hosts.first()
        except Failed as failure:
            until = asleep_until(definition, datetime.now(UTC))
            if until is None:
                raise
            logger.info("asleep until %s by its schedule: %s", until.isoformat(), failure)
            return {"host": "", "published": {}, "instances": {}, "failed": {}, "asleepUntil": until.isoformat()}
        for row in rows:
            try:
                value = measure(hosts.session(row["runsOn"]), row)
            except Failed as failure:
                failed[row["name"]] = str(failure)
                logger.warning("%s failed: %s", row["name"], failure)
                continue
            if value is not None:
                values[row["name"]], units[row["name"]] = value, row["unit"]
        for instance, address in named.items():
            of_instances[instance], reasons = _about_itself(hosts, address, own_rows, primary.host)
            failed |= {f"{instance} {name}": reason for name, reason in reasons.items()}
    values[FAILED_STATEMENTS] = len(failed)
    now = int(time.time() * 1000)
    print(document(definition, values, units, now), flush=True)
    units |= {row["name"]: row["unit"] for row in own_rows} | {CERTIFICATE_DAYS: "Count"}
    for instance, own in of_instances.items():
        if own:
            print(document(definition, own, units, now, {INSTANCE: instance}), flush=True)
    return {"host": host, "published": values, "instances": of_instances, "failed": failed}


def _about_itself(
    hosts: Hosts, host: str, rows: list[dict[str, Any]], primary: str
) -> tuple[dict[str, float], dict[str, str]]:
    """What one instance says of itself: values, and reasons of what failed, by metric."""
    values: dict[str, float] = {}
    failed: dict[str, str] = {}
    for row in rows:
        if host != primary and not row["onReplicas"]:
            continue
        try:
            value = measure(hosts.session_of(host), row)
        except Failed as failure:
            failed[row["name"]] = str(failure)
            logger.warning("%s on %s failed: %s", row["name"], host, failure)
            if isinstance(failure, Unreachable):
                break  # nothing more can be asked there
            continue
        if value is not None:
            values[row["name"]] = value
    if values and (days := hosts.session_of(host).certificate_days()) is not None:
        values[CERTIFICATE_DAYS] = days
    return values, failed


class Hosts:
    """Connections to the replicas in order and the primary last: the first that lets us in serves until it breaks."""

    def __init__(self, primary: Credentials, replicas: list[str], answer_seconds: float) -> None:
        self._primary = primary
        self._left = [*replicas, primary.host]
        self._answer_seconds = answer_seconds
        self._open: dict[str, Session] = {}
        self._reasons: list[str] = []
        self._closed: dict[str, Failed] = {}
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
                self._closed[self._left[0]] = failure
                del self._left[0]
            else:
                return self._left[0]
        raise Failed(f"No host lets {self._primary.username} in. {' '.join(self._reasons)}")

    def session(self, runs_on: str) -> Session:
        """The connection for a statement's `runsOn`. Raises `Failed`."""
        return self._session(self._primary.host if runs_on == "primary" else self.first())

    def session_of(self, host: str) -> Session:
        """The connection to one host, for what it says of itself; one that let nobody in is not tried again.

        Raises `Failed`.
        """
        if host in self._closed:
            raise self._closed[host]
        return self._session(host)

    def _session(self, host: str) -> Session:
        found = self._open.get(host)
        if found is None:
            self._open[host] = found = connection.connect(
                replace(self._primary, host=host),
                application_name="metrics-function",
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
    definition: Mapping[str, Any],
    values: Mapping[str, float],
    units: Mapping[str, str],
    milliseconds: int,
    more: Mapping[str, str] | None = None,
) -> str:
    """A log line in CloudWatch's embedded metric format (EMF), of which CloudWatch makes metrics. `more`: dimensions.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
    """
    directive = {
        "Namespace": definition["namespace"],
        "Dimensions": [[STACK, DATABASE, *(more or {})]],
        "Metrics": [{"Name": name, "Unit": units[name]} for name in values],
    }
    dimensions = {STACK: definition["stack"], DATABASE: definition["database"], **(more or {})}
    return json.dumps(
        {"_aws": {"Timestamp": milliseconds, "CloudWatchMetrics": [directive]}, **dimensions, **values}, allow_nan=False
    )
