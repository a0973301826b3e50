"""Replication lag: how far a replica is behind the primary, and whether that is too far to serve reads."""

from __future__ import annotations

from dataclasses import dataclass

from langpont_db.settings import Limit


@dataclass(frozen=True, kw_only=True)
class ReplicaState:
    """A replica's recovery state. Positions are bytes of WAL.

    `quiet_seconds`: since the last commit it replayed, None after a start that has seen no commit yet.
    `current_seconds`: since the primary's log ended where the replica is now at least, None if that was never seen.
    """

    in_recovery: bool
    replayed: int | None
    received: int | None
    quiet_seconds: float | None
    current_seconds: float | None = None

    def end(self, primary: int | None) -> int | None:
        """Where the log ends, as far as is known: what it has received stands for a primary that does not answer."""
        return self.received if primary is None else primary

    def late_seconds(self) -> float | None:
        """The age of what it shows, at most; None if nothing is known of it."""
        return min((each for each in (self.quiet_seconds, self.current_seconds) if each is not None), default=None)


def unhealthy_reason(state: ReplicaState, primary: int | None, limit: Limit) -> str | None:
    """Replication lag check: why the replica must not serve reads, or None.

    `primary`: where the primary's log ends, asked before the state; None if it did not answer. Time counts only while
    bytes are missing: on an idle primary it grows by itself.
    """
    if not state.in_recovery:
        return "is no replica any more"
    end = state.end(primary)
    behind = None if end is None or state.replayed is None else end - state.replayed
    if behind is not None and behind <= 0:
        return None
    if behind is not None and behind > limit.lag_bytes:
        return f"is {behind} bytes behind, more than {limit.lag_bytes}"
    late = state.late_seconds()
    if late is None or late > limit.lag_seconds:
        since = "ever" if late is None else f"for {late:.0f} s"
        return f"is behind and has replayed no commit {since}, more than {limit.lag_seconds:g} s"
    return None


class Mark:
    """A position of the primary's log and when it ended there: a replica that has replayed it is as new as that.

    The age of the last commit alone makes a replica late at the first write after a quiet hour, and at any record, a
    checkpoint's too, between a start of the replica and the next commit.
    """

    def __init__(self) -> None:
        self._position: int | None = None
        self._ended_at = 0.0
        self._current_at: float | None = None

    def current_seconds(self, replayed: int | None, end: int | None, ended_at: float, now: float) -> float | None:
        """Take what a look has found, and return how old what the replica shows is at most; None if unknown.

        end: where the primary said that its log ended at `ended_at`. Times are of time.monotonic(). The mark stays
        until it is replayed, so a replica that is always some seconds behind is told no more than twice as old.
        """
        if replayed is not None and self._position is not None and replayed >= self._position:
            self._current_at, self._position = self._ended_at, None
        if replayed is not None and end is not None:
            if replayed >= end:
                self._current_at, self._position = ended_at, None
            elif self._position is None or end < self._position:  # lower: the primary has been restored
                self._position, self._ended_at = end, ended_at
        return None if self._current_at is None else now - self._current_at
