"""`snapshots create|list|prune`: manual snapshots of a stack's primary."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any, Final

from botocore.exceptions import ClientError

from blueprint.names import ProductNaming
from ops import console
from ops.aws import Aws
from ops.clock import Clock
from ops.durations import format_duration
from ops.errors import AWS_ERRORS, Interrupted, OpsError, code_of, explain
from ops.progress import progress
from ops.sleep import STOPPED, sleep_of, told
from ops.snapshots.model import AVAILABLE, Snapshot, concerns, manual_name, manual_tags, snapshots
from ops.snapshots.prune import Decision, plan
from ops.stack import Instance, Stack, find

POLL_SECONDS: Final = 10
DELETION_POLL_SECONDS: Final = 5
DELETION_WAIT: Final = timedelta(minutes=2)  # it usually takes seconds; what takes longer is AWS's to finish
LIST: Final = "python -m ops snapshots list"
# Statuses in which a snapshot is still on its way (RDS user guide, "Viewing DB snapshot status" has no full list).
_IN_PROGRESS: Final = {"creating", "pending", "copying", ""}
_REFUSALS: Final = {
    "InvalidDBInstanceState": "{primary} cannot be snapshotted in its present state ({status}). Wait until it is "
    "available: python -m ops doctor -s {stack}",
    "SnapshotQuotaExceeded": "The account has as many manual snapshots as it may in {region}. Delete old ones: "
    "python -m ops snapshots prune -s {stack}",
    "DBSnapshotAlreadyExists": "{identifier} exists already: another command made it within this second, or an answer "
    "of AWS was lost. See it: python -m ops snapshots list -s {stack}",
}


def create(aws: Aws, clock: Clock, names: ProductNaming, *, wait: bool) -> None:
    """Create a snapshot of the primary and, with `wait`, wait until it is available. Raises OpsError if it fails."""
    stack = find(aws, names)
    primary, began = stack.primary, clock.monotonic()
    if primary.status in STOPPED:
        waits = told(primary.identifier, primary.status, sleep_of(aws, primary.identifier), clock.now())
        raise OpsError(f"{primary.identifier} is {primary.status}, and RDS makes no snapshot of it then: {waits}")
    identifier = manual_name(names, clock.now())
    try:
        aws.client("rds").create_db_snapshot(
            DBInstanceIdentifier=primary.identifier,
            DBSnapshotIdentifier=identifier,
            Tags=[{"Key": key, "Value": value} for key, value in manual_tags(names, identifier).items()],
        )
    except AWS_ERRORS as error:
        raise OpsError(_creation_error(error, stack, primary, identifier)) from None
    except KeyboardInterrupt:
        raise Interrupted(
            f"Stopped while {identifier} was asked for; it may be on its way. See it: {LIST} -s {names.environment}"
        ) from None
    if len(stack.primaries) > 1:
        others = ", ".join(each.identifier for each in stack.primaries[1:])
        console.note(f"It is of generation {primary.generation}; {others} stands too and is not in it.")
    if not wait:
        console.say(f"{identifier} of {primary.identifier}: creating")
        return
    snapshot = _wait_for(aws, clock, names, identifier, primary.identifier)
    took = format_duration(timedelta(seconds=clock.monotonic() - began))
    console.say(f"{identifier} of {primary.identifier}: available after {took}, {snapshot.size_gib} GiB")


def _creation_error(error: BaseException, stack: Stack, primary: Instance, identifier: str) -> str:
    template = _REFUSALS.get(code_of(error).removesuffix("Fault")) if isinstance(error, ClientError) else None
    if template is None:
        return explain(error)
    return template.format(
        primary=primary.identifier, status=primary.status, region=stack.region, identifier=identifier,
        stack=stack.names.environment,
    )  # fmt: skip


def _wait_for(aws: Aws, clock: Clock, names: ProductNaming, identifier: str, primary: str) -> Snapshot:
    still_creating = f"{identifier} goes on being made. See it: {LIST} -s {names.environment}"
    try:
        with progress(clock, f"{identifier} of {primary}") as show:
            while True:
                snapshot = _describe(aws, identifier)
                if snapshot.status == AVAILABLE:
                    return snapshot
                if snapshot.status not in _IN_PROGRESS:
                    raise OpsError(
                        f"{identifier} is {snapshot.status}: it cannot be restored from. See why: aws rds "
                        f"describe-events --source-type db-snapshot --source-identifier {identifier}"
                    )
                show(snapshot.status or "creating", snapshot.percent)
                clock.sleep(POLL_SECONDS)
    except KeyboardInterrupt:
        raise Interrupted(f"No longer waiting; {still_creating}") from None
    except AWS_ERRORS as error:
        if isinstance(error, ClientError) and code_of(error).startswith("DBSnapshotNotFound"):
            raise OpsError(f"{identifier} is gone: somebody deleted it while it was made. Make another.") from None
        raise OpsError(f"{explain(error)} {still_creating}") from None


def _describe(aws: Aws, identifier: str) -> Snapshot:
    answer: dict[str, Any] = aws.client("rds").describe_db_snapshots(DBSnapshotIdentifier=identifier)
    return Snapshot.read(answer["DBSnapshots"][0])


def show_list(aws: Aws, clock: Clock, names: ProductNaming) -> None:
    """Print all snapshots that the stack could be restored from, the newest first."""
    everything = [each for kind in ("manual", "automated", "awsbackup") for each in snapshots(aws, kind)]
    now = clock.now()
    found = {each.identifier: each for each in everything if concerns(names, each)}.values()
    if not found:
        console.say(f"Stack {names.environment} has no snapshot in {aws.region}.")
        return
    rows = [
        (
            each.identifier,
            _age(each, now),
            f"{each.size_gib} GiB",
            each.status if each.status == AVAILABLE else f"{each.status} {each.percent} %",
            each.made_by(names),
            "encrypted" if each.encrypted else "NOT encrypted",
        )
        for each in _newest_first(found)
    ]
    console.table(rows, ("snapshot", "age", "size", "status", "made by", "storage"))


def prune(
    aws: Aws,
    clock: Clock,
    names: ProductNaming,
    *,
    older_than: timedelta,
    dry_run: bool,
    confirmed: bool,
    confirm: Callable[[str], bool],
) -> None:
    """Delete the snapshots that `plan` selects, if `confirmed` or `confirm` says yes. Raises OpsError if one stays."""
    decisions = _plan(aws, clock, names, older_than)
    to_delete = [each.snapshot.identifier for each in reversed(decisions) if each.delete]  # the oldest first
    _show_plan(names, decisions, clock.now())
    if dry_run:
        console.say("Dry run: nothing was deleted.")
        return
    if not to_delete:
        return
    if not confirmed:
        if not sys.stdin.isatty():
            raise OpsError("Nobody can be asked here, so nothing was deleted. Say --yes to delete, --dry-run to look.")
        if not confirm(f"Delete {console.count(len(to_delete), 'snapshot')} for good?"):
            console.say("Nothing was deleted.")
            return
        # Somebody may have deleted the one that was to stay, while this one was asked.
        again = {each.snapshot.identifier for each in _plan(aws, clock, names, older_than) if each.delete}
        to_delete = [identifier for identifier in to_delete if identifier in again]
    _delete(aws, clock, to_delete)


def _plan(aws: Aws, clock: Clock, names: ProductNaming, older_than: timedelta) -> list[Decision]:
    """The decision about each manual snapshot of the account, the newest first."""
    return plan(_newest_first(snapshots(aws, "manual")), names=names, now=clock.now(), older_than=older_than)


def _show_plan(names: ProductNaming, decisions: list[Decision], now: datetime) -> None:
    shown = [each for each in decisions if each.delete or concerns(names, each.snapshot)]
    rows = [
        (each.snapshot.identifier, _age(each.snapshot, now), "delete" if each.delete else "keep", each.reason)
        for each in shown
    ]
    if rows:
        console.table(rows, ("snapshot", "age", "", "because"))
    deleted, others = sum(each.delete for each in decisions), len(decisions) - len(shown)
    elsewhere = f" {console.count(others, 'snapshot')} of others left out." if others else ""
    manual = console.count(len(shown), "manual snapshot")
    console.say(
        f"{manual} of stack {names.environment}: {deleted} to delete, {len(shown) - deleted} to keep.{elsewhere}"
    )


def _delete(aws: Aws, clock: Clock, identifiers: list[str]) -> None:
    left, begun, errors = list(identifiers), [], []
    try:
        for identifier in identifiers:
            try:
                aws.client("rds").delete_db_snapshot(DBSnapshotIdentifier=identifier)
                begun.append(identifier)
            except AWS_ERRORS as error:
                if isinstance(error, ClientError) and code_of(error).startswith("DBSnapshotNotFound"):
                    console.say(f"{identifier}: gone already")
                else:
                    errors.append(f"{identifier}: {explain(error)}")
            left.remove(identifier)
        deleting = _wait_until_deleted(aws, clock, begun)
    except KeyboardInterrupt:
        asked = ", ".join(begun) or "none"
        raise Interrupted(f"Stopped. Deleted or being deleted: {asked}. Left: {', '.join(left) or 'none'}.") from None
    for identifier in begun:
        console.say(f"{identifier}: {'deleting' if identifier in deleting else 'deleted'}")
    if errors:
        failed = "\n  ".join(errors)
        raise OpsError(f"{len(errors)} of {console.count(len(identifiers), 'snapshot')} not deleted:\n  {failed}")


def _wait_until_deleted(aws: Aws, clock: Clock, identifiers: list[str]) -> set[str]:
    """Identifiers of snapshots that are still there after `DELETION_WAIT`."""
    remaining, until = set(identifiers), clock.monotonic() + DELETION_WAIT.total_seconds()
    while remaining:
        try:
            remaining &= {each.identifier for each in snapshots(aws, "manual")}
        except AWS_ERRORS:
            return remaining  # the deletions were accepted; that nobody can be asked about them is no failure of theirs
        if not remaining or clock.monotonic() >= until:
            break
        clock.sleep(DELETION_POLL_SECONDS)
    return remaining


def _age(snapshot: Snapshot, now: datetime) -> str:
    return format_duration(now - snapshot.created) if snapshot.created else "?"


def _newest_first(these: Iterable[Snapshot]) -> list[Snapshot]:
    """Sort by creation time; snapshots without one, which are being created, come first."""
    return sorted(these, key=lambda each: (each.created is not None, -each.created.timestamp() if each.created else 0))
