"""Metrics through OpenTelemetry's API, if it is installed: where reads went and why, waits, errors, pools, replicas.

Without an SDK that the application sets up they go nowhere, and cost a call. Names that begin with db. are those of
https://opentelemetry.io/docs/specs/semconv/database/database-metrics/ (development status); a pool's name is its
address, as that page says.
"""

from __future__ import annotations

import weakref
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from langpont_db.database import Database

POOL: Final = "db.client.connection.pool.name"
STATE: Final = "db.client.connection.state"

_databases: weakref.WeakSet[Database] = weakref.WeakSet()


class _Nowhere:
    """Without the API."""

    def add(self, amount: float, attributes: Mapping[str, Any]) -> None:
        """Count nothing."""

    record = add


_reads: Any = _Nowhere()
_waits: Any = _reads
_errors: Any = _reads
_pool_waits: Any = _reads
_pool_timeouts: Any = _reads


def observe(database: Database) -> None:
    """Have the pools and replicas of a database observed while it lives."""
    _databases.add(database)


def read(where: str) -> None:
    """Count a unit of work: "replica", or "primary: " and why."""
    _reads.add(1, _target(where))


@lru_cache(maxsize=256)
def _target(where: str) -> Mapping[str, str]:
    target, _, reason = where.partition(": ")
    return {"langpont_db.target": target, **({"langpont_db.reason": reason} if reason else {})}


def waited(what: str, seconds: float) -> None:
    """Record a wait that is not one for a pool or a statement."""
    _waits.record(seconds, {"langpont_db.wait": what})


def failed(kind: str, address: str | None = None) -> None:
    """Count an error by its class or SQLSTATE, and by the server that it is of."""
    _errors.add(1, {"error.type": kind, "db.system.name": "postgresql", **({POOL: address} if address else {})})


def connected(pool: str, seconds: float, *, timed_out: bool = False) -> None:
    """Record how long a pool took to give a connection, or not to."""
    _pool_waits.record(seconds, {POOL: pool})
    if timed_out:
        _pool_timeouts.add(1, {POOL: pool})


def _sums() -> tuple[Counter[tuple[str, str]], Counter[str]]:
    """Connections by pool and state, and each pool's most. Databases of one process may have pools of one name."""
    connections: Counter[tuple[str, str]] = Counter()
    most: Counter[str] = Counter()
    for database in list(_databases):
        for pool in database.pools():
            connections[pool.name, "idle"] += pool.checkedin()
            connections[pool.name, "used"] += pool.checkedout()
            most[pool.name] += pool.most()
    return connections, most


def _replicas() -> Iterator[tuple[dict[str, str], Mapping[str, Any]]]:
    for database in list(_databases):
        for replica in database.status()["replicas"]:
            yield {POOL: replica["address"], "langpont_db.purpose": replica["purpose"]}, replica


with suppress(ImportError):
    from opentelemetry import metrics as api
    from opentelemetry.metrics import CallbackOptions, Observation

    def _count(_: CallbackOptions) -> Iterable[Observation]:
        return [Observation(n, {POOL: pool, STATE: state}) for (pool, state), n in _sums()[0].items()]

    def _max(_: CallbackOptions) -> Iterable[Observation]:
        return [Observation(n, {POOL: pool}) for pool, n in _sums()[1].items()]

    def _in_rotation(_: CallbackOptions) -> Iterable[Observation]:
        return [Observation(int(one["fault"] is None), attributes) for attributes, one in _replicas()]

    def _lag(_: CallbackOptions) -> Iterable[Observation]:
        known = [(attributes, one["lagBytes"]) for attributes, one in _replicas()]
        return [Observation(lag, attributes) for attributes, lag in known if lag is not None]

    _meter = api.get_meter("langpont_db")
    _reads = _meter.create_counter(
        "langpont_db.reads", "{unit_of_work}", "Units of work by where their reads went, and why."
    )
    _waits = _meter.create_histogram("langpont_db.wait.duration", "s", "Waits beside those for pools and statements.")
    _errors = _meter.create_counter("langpont_db.errors", "{error}", "Errors by class or SQLSTATE.")
    _pool_waits = _meter.create_histogram(
        "db.client.connection.wait_time", "s", "The time it took to obtain an open connection from the pool."
    )
    _pool_timeouts = _meter.create_counter(
        "db.client.connection.timeouts", "{timeout}",
        "The number of connection timeouts that have occurred trying to obtain a connection from the pool.",
    )  # fmt: skip
    _meter.create_observable_up_down_counter(
        "db.client.connection.count", [_count], "{connection}",
        "The number of connections that are currently in state described by the state attribute.",
    )  # fmt: skip
    _meter.create_observable_up_down_counter(
        "db.client.connection.max", [_max], "{connection}", "The maximum number of open connections allowed."
    )
    _meter.create_observable_gauge("langpont_db.replica.in_rotation", [_in_rotation], "1", "1 if it serves, else 0.")
    _meter.create_observable_gauge("langpont_db.replica.lag", [_lag], "By", "Write-ahead log that it has to replay.")
