"""Replication lag limits, without a server."""

from __future__ import annotations

import pytest

from langpont_db import settings
from langpont_db.database import Database
from langpont_db.lag import Mark, ReplicaState, unhealthy_reason
from langpont_db.settings import LIMITS, Limit

LIMIT = Limit(lag_bytes=1000, lag_seconds=30)


@pytest.mark.parametrize(
    ("state", "primary", "expected"),
    [
        ((True, 5000, 5000, 1.0), 5000, None),
        ((True, 5000, 5000, 86400.0), 5000, None),  # nothing is written: time says nothing
        ((True, 5000, 5000, None), 5000, None),  # nothing was ever committed
        ((True, 6000, 6000, 99.0), 5000, None),  # asked a moment later than the primary
        ((True, 4000, 5000, 30.0), 5000, None),  # both limits are reached, not passed
        ((True, 3999, 5000, 1.0), 5000, "is 1001 bytes behind, more than 1000"),
        ((True, 3999, 3999, 1.0), 5000, "is 1001 bytes behind, more than 1000"),  # its receiver has lost the primary
        ((True, 4999, 5000, 31.0), 5000, "is behind and has replayed no commit for 31 s, more than 30 s"),
        ((True, 4999, 5000, None), 5000, "is behind and has replayed no commit ever, more than 30 s"),
        ((False, None, None, None), 5000, "is no replica any more"),
        ((False, None, None, None), None, "is no replica any more"),
        # The primary does not answer: what it has received counts.
        ((True, 5000, 5000, 86400.0), None, None),
        ((True, 3999, 5000, 1.0), None, "is 1001 bytes behind, more than 1000"),
        ((True, 4999, 5000, 31.0), None, "is behind and has replayed no commit for 31 s, more than 30 s"),
        # It receives nothing: nobody knows how far it is behind, but for the time.
        ((True, 5000, None, 1.0), None, None),
        ((True, 5000, None, 31.0), None, "is behind and has replayed no commit for 31 s, more than 30 s"),
        ((True, None, None, None), None, "is behind and has replayed no commit ever, more than 30 s"),
    ],
)
def test_the_fault_of_a_replica(
    state: tuple[bool, int | None, int | None, float | None], primary: int | None, expected: str | None
) -> None:
    in_recovery, replayed, received, quiet = state
    seen = ReplicaState(in_recovery=in_recovery, replayed=replayed, received=received, quiet_seconds=quiet)
    assert unhealthy_reason(seen, primary, LIMIT) == expected


@pytest.mark.parametrize(
    ("quiet", "current", "expected"),
    [
        (86400.0, 1.0, None),  # the first write after a quiet day
        (None, 30.0, None),  # a checkpoint after a start
        (None, 31.0, "is behind and has replayed no commit for 31 s, more than 30 s"),
        (1.0, 3600.0, None),
    ],
)
def test_what_was_current_a_moment_ago_is_not_late(quiet: float | None, current: float, expected: str | None) -> None:
    seen = ReplicaState(
        in_recovery=True, replayed=4999, received=4999, quiet_seconds=quiet, current_seconds=current
    )  # fmt: skip
    assert unhealthy_reason(seen, 5000, LIMIT) == expected


def test_a_replica_is_as_new_as_the_last_end_of_the_log_that_it_has_replayed() -> None:
    mark = Mark()

    def look(now: float, replayed: int | None, end: int | None) -> float | None:
        return mark.current_seconds(replayed, end, now - 0.5, now)

    assert look(10, 90, 100) is None  # nobody knows since when
    assert look(11, 95, 110) is None
    assert look(12, 100, 120) == 2.5  # as it was at 9.5
    assert look(13, 110, 120) == 3.5
    assert look(14, 120, 130) == 2.5  # as it was at 11.5
    assert look(15, 140, 130) == 0.5  # asked a moment after the primary
    assert look(16, 140, None) == 1.5  # a primary that does not answer makes nothing newer
    assert look(17, None, 150) == 2.5
    assert look(18, 140, 150) == 3.5
    assert look(19, 140, 145) == 4.5  # the primary was restored
    assert look(20, 145, 145) == 0.5


def test_at_first_a_replica_that_is_behind_is_looked_at_again_before_it_is_left_out(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """What it misses may be on its way. Whoever waits for the first look waits for the last of these."""
    database = Database(
        settings.read(
            {
                "DATABASE_PRIMARY_URL": "postgresql://app:x@127.0.0.1:1/langpont",
                "DATABASE_REPLICA_URLS": "postgresql://app:x@127.0.0.1:1/langpont_replica_1",
            }
        )
    )
    (replica,) = database._rotation.replicas["reads"]
    late = ("t", "4999", "4999", None, "today")
    database._positions.tell(5000, 0.0)
    assert [replica._told(late, 0.0) for _ in range(4)] == [0.05] * 4
    assert (replica._known, replica.fault, caplog.messages) == (False, None, [])
    assert replica._told(late, 0.0) is None
    assert (replica._known, replica.fault) == (True, "is behind and has replayed no commit ever, more than 30 s")
    assert replica._told(("t", "5000", "5000", None, "today"), 0.0) is None
    assert (replica._known, replica.fault) == (True, None)
    database.dispose()


def test_limits_are_the_alarms() -> None:
    from blueprint.postgres.defaults import LAG_SECONDS

    assert {purpose: limit.lag_seconds for purpose, limit in LIMITS.items()} == LAG_SECONDS
