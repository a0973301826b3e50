"""Replication lag limits, without a server."""

from __future__ import annotations

import pytest

from langpont_db.replicas import ReplicaState, unhealthy_reason
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


def test_limits_are_the_alarms() -> None:
    from blueprint.postgres.defaults import LAG_SECONDS

    assert {purpose: limit.lag_seconds for purpose, limit in LIMITS.items()} == LAG_SECONDS
