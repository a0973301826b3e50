"""Selects the snapshots that `prune` deletes: a pure function of the snapshots, the time and the age."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from blueprint.names import PROJECT, ProductNaming
from ops.durations import format_duration
from ops.snapshots.model import AVAILABLE, MADE_BY, OPS, Snapshot, has_manual_name
from ops.stack import belongs_to, owner_from_tags, primary_generation


@dataclass(frozen=True, kw_only=True)
class Decision:
    """Whether one snapshot is deleted, and why."""

    snapshot: Snapshot
    delete: bool
    reason: str


def plan(
    snapshots: Iterable[Snapshot], *, names: ProductNaming, now: datetime, older_than: timedelta
) -> list[Decision]:
    """Decide about each snapshot, in the order given.

    Deleted is what ops made of a primary of the stack, is available, is not younger than `older_than` and is not the
    newest of these. `now` and the snapshots' times are aware: times are compared, not their texts (E34).
    """
    everything = list(snapshots)
    available = [
        each.created
        for each in everything
        if each.created is not None and each.status == AVAILABLE and not_ours(names, each) is None
    ]
    newest = max(available, default=None)
    return [_decide(each, names, now, older_than, newest) for each in everything]


def not_ours(names: ProductNaming, snapshot: Snapshot) -> str | None:
    """Why the snapshot is not one that ops made of this stack; None: it is."""
    if snapshot.kind != "manual":
        return f"not manual but {snapshot.kind or 'of no kind'}"
    if snapshot.tags.get(MADE_BY) != OPS:
        return f"not made by ops: no tag {MADE_BY}={OPS}"
    if not belongs_to(names, snapshot.tags):
        return f"tags say {owner_from_tags(snapshot.tags)}, not {names.environment}, {PROJECT}"
    if primary_generation(names, snapshot.instance) is None:
        return f"of {snapshot.instance or 'no instance'}, no primary of {names.environment}"
    if not has_manual_name(names, snapshot.identifier):
        return f"its name is not {names.prefix}-manual-YYYYMMDD-HHMMSS"
    if snapshot.source is not None:
        return "a copy, which ops does not make"
    return None


def _decide(
    snapshot: Snapshot, names: ProductNaming, now: datetime, older_than: timedelta, newest: datetime | None
) -> Decision:
    def keep(reason: str) -> Decision:
        return Decision(snapshot=snapshot, delete=False, reason=reason)

    reason = not_ours(names, snapshot)
    if reason is not None:
        return keep(reason)
    if snapshot.status != AVAILABLE:
        return keep(f"not available but {snapshot.status or 'without a status'}")
    if snapshot.created is None:
        return keep("without a creation time")
    if snapshot.created == newest:
        return keep("the newest")
    if now - snapshot.created < older_than:
        return keep(f"younger than {format_duration(older_than)}")
    return Decision(snapshot=snapshot, delete=True, reason=f"not younger than {format_duration(older_than)}")
