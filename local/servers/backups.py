"""Base backups and archived log of a primary, and what is restored from them: RDS's automated backups and snapshots.

`up` takes a base backup where one is due. The archive never grows beyond `KEPT_SEGMENTS`: older log goes, and with it
what was restorable from older base backups alone. A snapshot is a copy of its own and depends on neither.
"""

from __future__ import annotations

import json
import re
import secrets
import shlex
import shutil
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from blueprint.names import generation_suffix
from local.servers import upgrade
from local.servers.configuration import SUPERUSER, ServerConfiguration
from local.servers.errors import DataPlaneError
from local.servers.layout import Layout, private_folder, remove, write
from local.servers.plan import PRIMARY, DataPlan, InstancePlan, Origin
from local.servers.server import Server, major, system_identifier

KEPT_SEGMENTS = 64  # of 16 MiB: 1 GiB of log
DUE_SEGMENTS = 16  # archived since the last base backup; a quarter, so that the archive reaches back to one
KEPT_BACKUPS = 2
DUE_AFTER = timedelta(days=1)  # as often as RDS takes one
ARCHIVE_SECONDS = 60
RECOVERY_SECONDS = 900
_LOG, _BASE = "pg_wal", "base-backups"
_STAMP = "%Y%m%dT%H%M%S.%fZ"
_ORIGIN = "origin.json"


@dataclass(frozen=True)
class BaseBackup:
    """A base backup: its PGDATA, and when it was whole, from which second on it can be restored to."""

    data: Path
    taken: datetime

    @property
    def segment(self) -> str:
        """The segment of log that it ends in."""
        return max(_segments(self.data / "pg_wal"))


def folder(layout: Layout, name: str) -> Path:
    """Where the backups of a primary are, by its name."""
    return layout.backups / name


def archive_command(backups: Path) -> str:
    """PostgreSQL's archive_command: keep a segment, whole or not at all, and of all the newest `KEPT_SEGMENTS`."""
    log = shlex.quote(str(backups / _LOG)).replace("%", "%%")
    older = f"ls -1r {log} | grep -E '^[0-9A-F]{{24}}$' | sed '1,{KEPT_SEGMENTS}d'"
    return f"cp %p {log}/.%f && mv {log}/.%f {log}/%f && {older} | (cd {log} && xargs rm -f)"


def make_folders(primary: Server, layout: Layout) -> None:
    """What archive and base backups need to be there before the primary starts."""
    own = folder(layout, primary.role)
    for path in (layout.backups, own, own / _LOG, own / _BASE, layout.snapshots):
        private_folder(path, primary.account)


# Taking


def is_due(primary: Server, backups: Path, now: datetime) -> bool:
    """Whether another base backup should be taken: there is none, the newest is old, or much was written since."""
    kept = _usable(backups, primary.data)
    if not kept:
        return True
    since = [segment for segment in _segments(backups / _LOG) if segment > kept[-1].segment]
    return now - kept[-1].taken > DUE_AFTER or len(since) >= DUE_SEGMENTS


def take(primary: Server, backups: Path) -> None:
    """Take a base backup, and let go of all but the newest `KEPT_BACKUPS`, with the log from before them."""
    new = backups / _BASE / "new"
    remove(new)
    primary.run(primary.binaries.tools / "pg_basebackup", *copy_arguments(primary), "-D", new)
    new.rename(backups / _BASE / datetime.now(UTC).strftime(_STAMP))
    kept = _usable(backups, primary.data)[-KEPT_BACKUPS:]
    for backup in _base_backups(backups):
        if backup not in kept:
            remove(backup.data)
    for path in (backups / _LOG).iterdir():
        if path.name[:24] < kept[0].segment and re.fullmatch(r"[0-9A-F]{24}(\..*)?", path.name):
            path.unlink()


def copy_arguments(primary: Server) -> list[str]:
    """pg_basebackup's, but for where to: a copy that needs no log but its own."""
    return [
        "-h", str(primary.sockets), "-p", str(primary.port), "-U", SUPERUSER, "-w", "-X", "stream", "-c", "fast",
        "--no-sync",
    ]  # fmt: skip


def remove_others(layout: Layout, names: Collection[str]) -> None:
    """Remove the backups of primaries that are none of these."""
    for path in layout.backups.iterdir() if layout.backups.is_dir() else ():
        if path.name not in names:
            remove(path)


# What there is


def _segments(log: Path) -> list[str]:
    return sorted(path.name for path in log.iterdir() if re.fullmatch("[0-9A-F]{24}", path.name))


def _base_backups(backups: Path) -> list[BaseBackup]:
    found = sorted((backups / _BASE).glob("*Z"))
    return [BaseBackup(path, datetime.strptime(path.name, _STAMP).replace(tzinfo=UTC)) for path in found]


def _usable(backups: Path, data: Path) -> list[BaseBackup]:
    """Those of the cluster that is in `data`, from which the archived log goes on without a gap; the oldest first."""
    identifier, found = system_identifier(data), _base_backups(backups)
    archived = _segments(backups / _LOG) if found else []
    return [
        backup
        for backup in found
        if system_identifier(backup.data) == identifier and (not archived or archived[0] <= backup.segment)
    ]


def snapshots(layout: Layout) -> list[str]:
    """Identifiers of the snapshots that are here, sorted."""
    return sorted(path.parent.name for path in layout.snapshots.glob("[!.]*/snapshot.json"))


def origin(server: Path) -> Origin | None:
    """What the primary in that folder was made from, if only in name; None for one of no origin, and without PGDATA."""
    kept = _mark(server) if upgrade.major(server) else {}  # the mark comes first
    return Origin(kept["kind"], kept["text"]) if kept else None


def began_empty(server: Path) -> bool:
    """Whether it was to be restored, and nothing to restore from was on this machine."""
    return bool(_mark(server).get("empty"))


def _mark(server: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads((server / _ORIGIN).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return found


def mark(server: Server, origin: Origin, *, empty: bool) -> None:
    """Keep beside PGDATA what it was made from, so that it is made once."""
    document = {"kind": origin.kind, "text": origin.text, "empty": empty}
    write(server.folder / _ORIGIN, json.dumps(document), account=server.account)


# Restoring


def is_new_machine(layout: Layout) -> bool:
    """Whether no data of any generation is here, so that there is nothing to restore from, and nothing to lose."""
    return not snapshots(layout) and not any(upgrade.major(layout.server(name)) for name in layout.roles())


def check(plan: DataPlan, layout: Layout, now: datetime) -> None:
    """Raises `DataPlaneError` where the primary has yet to be restored from what is not here; changes nothing."""
    primary = plan.primary
    if primary.origin is None or is_new_machine(layout):
        return
    before = origin(layout.server(primary.name))
    if before == primary.origin or (before is None and upgrade.major(layout.server(primary.name))):
        return
    if before and primary.protected:
        raise DataPlaneError(
            f"{primary.identifier} was restored from {before}, and database.restoreFrom says {primary.origin}: another "
            f"beginning replaces it, and it is protected from deletion. Give it up first: take generation and "
            f"restoreFrom out of the stack file, run make up STACK={plan.stack}, and put them in again."
        )
    if primary.origin.kind == "snapshot":
        _check_snapshot(plan, layout)
    else:
        _check_time(plan, layout, now)


def _check_snapshot(plan: DataPlan, layout: Layout) -> None:
    assert plan.primary.origin is not None
    text, there = plan.primary.origin.text, snapshots(layout)
    if _snapshot_identifier(text) not in there:
        others = f"which has {', '.join(there)}. Name one of them" if there else "which has none"
        raise DataPlaneError(
            f"database.restoreFrom.snapshot: {text} is not on this machine, {others}, or restore to a time. Bring the "
            f"generation before up to make one: venv/bin/python -m ops snapshots create -s {plan.stack}"
        )
    _check_major(plan, layout.snapshots / _snapshot_identifier(text) / "data")


def _check_major(plan: DataPlan, data: Path) -> None:
    primary, has = plan.primary, major(data)
    if has != primary.major:
        raise DataPlaneError(
            f"database.restoreFrom.{primary.origin} is of PostgreSQL {has}, and database.engineVersion is "
            f'{primary.major}. A restore has its backup\'s major: set engineVersion to "{has}", and upgrade afterwards.'
        )


def _check_time(plan: DataPlan, layout: Layout, now: datetime) -> None:
    assert plan.primary.origin is not None
    name = source_of(plan.primary)
    before = identifier(plan.primary, plan.primary.generation - 1)
    until, field = moment(plan.primary.origin), f"database.restoreFrom.time: {plan.primary.origin.text}"
    backups = _usable(folder(layout, name), layout.server(name) / "data")
    if not backups:
        there = ", ".join(snapshots(layout))
        raise DataPlaneError(
            f"{field}: there is no backup of {before} on this machine. make up STACK={plan.stack} with generation "
            f"{plan.primary.generation - 1} takes one{f'; or restore one of the snapshots {there}' if there else ''}."
        )
    earliest = _next_second(backups[0].taken)
    if earliest <= until <= now:
        _check_major(plan, layout.server(name) / "data")
        return
    when = "in the future" if until > now else "before the first backup on this machine"
    raise DataPlaneError(
        f"{field} is {when}. {before} can be restored to a second from {earliest:%Y-%m-%dT%H:%M:%SZ} to "
        f"{now:%Y-%m-%dT%H:%M:%SZ}, which is now: take one of those."
    )


def source_of(primary: InstancePlan) -> str:
    """The name of the primary whose backups a restore to a time reads: the generation before."""
    return f"{PRIMARY}{generation_suffix(primary.generation - 1)}"


def identifier(primary: InstancePlan, generation: int) -> str:
    """What the primary of another generation is called on RDS."""
    return re.sub(r"-g[0-9]+$", "", primary.identifier) + generation_suffix(generation)


def moment(origin: Origin) -> datetime:
    """The second of a restore to a time."""
    return datetime.fromisoformat(origin.text)


def _snapshot_identifier(snapshot: str) -> str:
    """Of an identifier or an ARN; RDS keeps it in small letters."""
    return snapshot.rpartition(":snapshot:")[2].lower()


def _next_second(when: datetime) -> datetime:
    return when.replace(microsecond=0) + timedelta(seconds=bool(when.microsecond))


def copy_snapshot(scratch: Server, layout: Layout, origin: Origin) -> None:
    """PGDATA of a snapshot, into a server that has none."""
    _copy(layout.snapshots / _snapshot_identifier(origin.text) / "data", scratch)


def recover(
    scratch: Server,
    source: Server,
    backups: Path,
    until: datetime,
    wanted: ServerConfiguration,
    system_users: Sequence[str],
) -> None:
    """Make PGDATA as the source's was at that second: the base backup before it, and the log up to it. It is stopped.

    The source runs: what it has not archived yet is wanted too, and replay stops only at a commit past the second.
    """
    _close_log(source, backups)
    bases = [backup for backup in _usable(backups, source.data) if _next_second(backup.taken) <= until]
    if not bases:  # the segment that was closed may have been one too many
        raise DataPlaneError(
            f"database.restoreFrom.time: {until:%Y-%m-%dT%H:%M:%SZ}: {source.role} has written more than the "
            f"{KEPT_SEGMENTS} segments of log that are kept since its last base backup. Restore a snapshot instead."
        )
    _copy(bases[-1].data, scratch)
    settings = {
        "listen_addresses": "",
        "port": str(scratch.port),
        "log_directory": str(scratch.logs),
        "hot_standby": "off",  # so that fewer connections than the source had are no reason to stop
        "archive_mode": "off",
        "restore_command": f"cp {shlex.quote(str(backups / _LOG)).replace('%', '%%')}/%f %p",
        "recovery_target_time": until.isoformat(),
        "recovery_target_action": "promote",
    }
    own = replace(wanted, settings=dict(wanted.settings) | settings)
    scratch.configure(own, system_users, standby=False)
    write(scratch.data / "recovery.signal", "", account=scratch.account)
    scratch.wait_recovered(scratch.launch(), RECOVERY_SECONDS)
    scratch.stop()


def _copy(data: Path, scratch: Server) -> None:
    shutil.copytree(data, scratch.data, symlinks=True)
    for path in (scratch.data, *scratch.data.rglob("*")):
        scratch.account.give(path)


def _close_log(source: Server, backups: Path) -> None:
    """Commit something, close the segment, and wait until that is archived."""
    with source.admin() as session:
        session.execute("SELECT pg_current_xact_id()")
        row = session.execute("SELECT pg_walfile_name(pg_switch_wal())").fetchone()
    assert row is not None
    segment, deadline = backups / _LOG / row[0], time.monotonic() + ARCHIVE_SECONDS
    while not segment.exists():
        if time.monotonic() > deadline:
            raise DataPlaneError(
                f"{source.role} has not archived {row[0]} within {ARCHIVE_SECONDS} s. Look at its log in {source.logs}."
            )
        time.sleep(0.02)


def keep_as_final_snapshot(primary: Server, instance: str, layout: Layout) -> str:
    """Make a snapshot of a stopped primary, whose folder it becomes at once, as RDS does at a deletion; its name.

    instance: what the primary is called on RDS.
    """
    name = f"{instance}-final-{secrets.token_hex(4)}"
    document = {"instance": instance, "created": datetime.now(UTC).isoformat(), "tags": []}
    write(primary.folder / "snapshot.json", json.dumps(document), account=primary.account)
    primary.folder.rename(layout.snapshots / name)
    remove(layout.snapshots / name / primary.logs.name)
    return name
