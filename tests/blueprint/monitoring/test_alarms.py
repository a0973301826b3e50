"""The alarm table: which rows an instance gets, and what every row must be."""

from __future__ import annotations

from dataclasses import replace

import pytest

from blueprint.monitoring.alarm import Alarm, Compare, Missing, Severity
from blueprint.monitoring.alarms import Watched, alarms_for
from blueprint.postgres.defaults import LAG_SECONDS

GIB = 2**30
PRIMARY = Watched(
    instance="primary",
    memory=4 * GIB,
    vcpus=2,
    credits_per_day=576,
    storage=100 * GIB,
    autoscaling=True,
    iops=3000,
    max_connections=300,
    connection_alarm=56,
    wal_kept=3 * GIB,
    slot_wal_cap=10 * GIB,
    has_replicas=True,
)
REPLICA = replace(PRIMARY, instance="replica-1", has_replicas=False, lag_seconds=30)
FIXED = replace(PRIMARY, credits_per_day=None)


def keys(watched: Watched) -> list[str]:
    return [alarm.key for alarm in alarms_for(watched)]


def one(watched: Watched, key: str) -> Alarm:
    return next(alarm for alarm in alarms_for(watched) if alarm.key == key)


def test_a_replica_has_lag_and_nothing_that_only_a_primary_does() -> None:
    assert set(keys(REPLICA)) - set(keys(PRIMARY)) == {"replica-lag-high"}
    assert set(keys(PRIMARY)) - set(keys(REPLICA)) == {
        "write-latency-high", "transaction-ids-high", "slot-lag-high", "wal-disk-high", "deadlocks-high",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("watched", "gone"),
    [
        (replace(PRIMARY, has_replicas=False), {"slot-lag-high"}),
    ],
)
def test_what_an_instance_does_not_have_is_not_watched(watched: Watched, gone: set[str]) -> None:
    """An alarm on a metric that never comes is always silent or always loud."""
    assert set(keys(PRIMARY)) - set(keys(watched)) == gone
    assert set(keys(watched)) <= set(keys(PRIMARY))


def test_a_class_without_credits_or_bursts_is_watched_for_the_one_that_runs_until_its_window_and_stays_silent() -> None:
    assert keys(FIXED) == keys(PRIMARY)
    for key in ("cpu-credits-low", "cpu-credits-surplus", "ebs-io-balance-low", "ebs-byte-balance-low"):
        assert one(FIXED, key).missing is Missing.NOT_BREACHING


@pytest.mark.parametrize(
    ("watched", "key", "threshold"),
    [
        (PRIMARY, "connections-high", 240),  # E42: 80 % of 300, not 250
        (replace(PRIMARY, max_connections=60), "connections-high", 48),
        (PRIMARY, "connections-over-budget", 56),
        (PRIMARY, "memory-low", 429_496_729),
        (PRIMARY, "storage-low", 10 * GIB),  # the document's
        (replace(PRIMARY, storage=20 * GIB), "storage-low", 2 * GIB),
        (replace(PRIMARY, storage=1000 * GIB), "storage-low", 50 * GIB),  # E45: below 5 % RDS did not let it grow
        (replace(PRIMARY, storage=1000 * GIB, autoscaling=False), "storage-low", 100 * GIB),
        (PRIMARY, "storage-hours-low", 4 * 3600),
        (PRIMARY, "storage-minutes-low", 1800),
        (PRIMARY, "cpu-credits-low", 115),  # E44
        (FIXED, "cpu-credits-low", 0),
        (PRIMARY, "cpu-credits-surplus", 0),
        (PRIMARY, "disk-queue-high", 60),  # 3000 IOPS at 20 ms each
        (replace(PRIMARY, iops=12000), "disk-queue-high", 240),
        (PRIMARY, "load-high", 4),  # two vCPUs, and the two workers of a parallel report
        (PRIMARY, "slot-lag-high", 5 * GIB),
        (PRIMARY, "wal-disk-high", 10 * GIB),
        (replace(PRIMARY, slot_wal_cap=2 * GIB), "wal-disk-high", 3 * GIB),  # an idle server has as much
        (replace(PRIMARY, slot_wal_cap=None), "slot-lag-high", 10 * GIB),  # of 100 GiB of storage
        (replace(PRIMARY, slot_wal_cap=None), "wal-disk-high", 20 * GIB),
        (REPLICA, "replica-lag-high", 30),
    ],
)
def test_a_threshold_is_computed_from_the_instance(watched: Watched, key: str, threshold: float) -> None:
    assert one(watched, key).threshold == threshold


def fires(alarm: Alarm, *, lag: float, writes: float) -> bool:
    """What CloudWatch would make of one period of the lag alarm."""
    assert alarm.expression is not None
    condition, then, otherwise = alarm.expression.removeprefix("IF(").removesuffix(")").split(", ")
    names = {"lag": lag, "writes": writes}
    holds = any(names[term.split(" > ")[0]] > float(term.split(" > ")[1]) for term in condition.split(" OR "))
    value = names[then] if holds else float(otherwise)
    return value > alarm.threshold


def test_an_idle_primary_does_not_set_off_the_lag_of_its_replicas() -> None:
    """E43: its WAL is switched every 5 minutes, and ReplicaLag climbs until then."""
    alarm = one(replace(REPLICA, lag_seconds=LAG_SECONDS["reads"]), "replica-lag-high")
    allowed = LAG_SECONDS["reads"]
    assert alarm.watches == f"More than {allowed} s behind a primary that writes, or 600 s behind any."
    assert not fires(alarm, lag=300, writes=0)
    assert not fires(alarm, lag=600, writes=0)
    assert fires(alarm, lag=601, writes=0)
    assert not fires(alarm, lag=allowed, writes=10**7)
    assert fires(alarm, lag=allowed + 1, writes=10**7)


def test_a_replica_that_may_be_an_hour_behind_needs_no_look_at_its_primary() -> None:
    alarm = one(replace(REPLICA, lag_seconds=LAG_SECONDS["analytics"]), "replica-lag-high")
    assert (alarm.metric, alarm.statistic, alarm.threshold) == ("ReplicaLag", "Maximum", LAG_SECONDS["analytics"])
    assert (alarm.expression, alarm.terms) == (None, ())
    assert alarm.watches == "More than 3630 s behind its primary."


@pytest.mark.parametrize("alarm", [*alarms_for(PRIMARY), *alarms_for(REPLICA)], ids=lambda alarm: alarm.name)
def test_every_row_is_whole(alarm: Alarm) -> None:
    """E46: severity, missing data and the next step are decided for each."""
    assert alarm.name == f"{alarm.instance}-{alarm.key}"
    assert alarm.description == (
        f"[{alarm.severity.value}] {alarm.watches} Next: {alarm.next_step} Runbook: docs/runbook.md#{alarm.key}"
    )
    assert alarm.watches[0].isupper()
    assert alarm.watches.endswith(".")
    assert alarm.next_step.endswith(".")
    assert alarm.period_seconds in (60, 300)
    assert 1 <= alarm.periods <= 15
    assert alarm.unit
    assert (alarm.expression is None) == (alarm.terms == ())


@pytest.mark.parametrize("watched", [PRIMARY, REPLICA, FIXED], ids=["primary", "replica", "fixed"])
def test_no_name_is_taken_twice(watched: Watched) -> None:
    names = [alarm.name for alarm in alarms_for(watched)]
    assert len(names) == len(set(names))


def test_credits_are_watched_in_the_five_minutes_in_which_they_come() -> None:
    for key in ("cpu-credits-low", "cpu-credits-surplus"):
        assert one(PRIMARY, key).period_seconds == 300


@pytest.mark.parametrize(
    ("key", "statistic"),
    [
        ("connections-high", "Maximum"),
        ("connections-over-budget", "Maximum"),
        ("storage-low", "Minimum"),
        ("cpu-credits-low", "Minimum"),
        ("cpu-credits-surplus", "Maximum"),
        ("transaction-ids-high", "Maximum"),
        ("slot-lag-high", "Maximum"),
        ("wal-disk-high", "Maximum"),
    ],
)
def test_what_hides_in_an_average_is_watched_by_its_extreme(key: str, statistic: str) -> None:
    assert one(PRIMARY, key).statistic == statistic


def test_what_gets_someone_up_is_what_stops_the_service() -> None:
    critical = {alarm.key for alarm in alarms_for(PRIMARY) if alarm.severity is Severity.CRITICAL}
    assert critical == {
        "instance-silent", "connections-high", "storage-low", "storage-hours-low", "storage-minutes-low",
        "transaction-ids-high", "slot-lag-high",
    }  # fmt: skip


@pytest.mark.parametrize("watched", [PRIMARY, REPLICA, FIXED], ids=["primary", "replica", "fixed"])
def test_silence_is_said_once(watched: Watched) -> None:
    """A lost instance fires one alarm; what the others last knew stays, since an end of theirs would be untrue."""
    by_missing = {missing: {a.key for a in alarms_for(watched) if a.missing is missing} for missing in Missing}
    assert by_missing[Missing.BREACHING] == {"instance-silent"}
    assert by_missing[Missing.MISSING] == set()
    assert by_missing[Missing.NOT_BREACHING] >= {"cpu-credits-low", "ebs-io-balance-low", "log-errors-high"}
    assert "cpu-high" in by_missing[Missing.IGNORE]


def test_a_lost_primary_is_told_once_and_not_by_each_replica() -> None:
    assert one(PRIMARY, "instance-silent").causes == ()
    assert one(REPLICA, "instance-silent").causes == ("primary-instance-silent",)


@pytest.mark.parametrize("alarm", [*alarms_for(PRIMARY), *alarms_for(REPLICA)], ids=lambda alarm: alarm.name)
def test_an_alarm_fires_below_its_threshold_exactly_if_it_is_called_low(alarm: Alarm) -> None:
    assert (alarm.compare is Compare.BELOW) == alarm.key.endswith(("-low", "-silent"))
