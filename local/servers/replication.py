"""Streaming replication: base backups, replication slots, and waiting for standbys."""

from __future__ import annotations

import shutil
import time
from collections.abc import Collection, Iterable
from typing import Literal

import psycopg

from local.servers.configuration import SUPERUSER, slot
from local.servers.connections import Connection
from local.servers.errors import DataPlaneError
from local.servers.server import Server

# Generous: both end as soon as it is so, and a loaded machine takes long.
CATCH_UP_SECONDS = 120
RECONNECT_SECONDS = 60


def follows(standby: Server, primary: Server) -> bool:
    """Whether it can go on from where it is: same cluster, and its slot still has what it needs."""
    if not standby.exists or standby.system_identifier() != primary.system_identifier():
        return False
    with primary.admin() as session:
        found = session.execute(
            "SELECT wal_status FROM pg_replication_slots WHERE slot_name = %s", [slot(standby.role)]
        ).fetchone()
    return found is not None and found[0] != "lost"


def base_backup(standby: Server, primary: Server) -> Literal["created", "rebuilt"]:
    """Copy the primary into a standby, over what it may have had before."""
    rebuilt = standby.exists
    if rebuilt:
        standby.stop()
        shutil.rmtree(standby.data)
    with primary.admin() as session:
        _drop_slot(session, slot(standby.role))  # of an interrupted copy, or of one that fell too far behind
    standby.make_folder()
    new = standby.folder / "data.new"
    # Without "-c fast" a busy primary would take a checkpoint's time; "--no-sync": it can be copied again.
    standby.run(
        standby.binaries.tools / "pg_basebackup",
        "-D", new, "-h", primary.sockets, "-p", str(primary.port), "-U", SUPERUSER, "-w",
        "-X", "stream", "-c", "fast", "--no-sync", "-C", "-S", slot(standby.role),
    )  # fmt: skip
    for name in ("postgresql.conf", "postmaster.pid"):
        (new / name).unlink(missing_ok=True)
    standby.adopt(new)
    return "rebuilt" if rebuilt else "created"


def wait_streaming(primary: Server, standbys: Iterable[Server]) -> None:
    """Until every standby that runs receives from the primary. Raises `DataPlaneError` naming those that do not."""
    waited = {slot(standby.role): standby for standby in standbys if standby.process()}
    deadline = time.monotonic() + RECONNECT_SECONDS
    with primary.admin() as session:
        while True:
            rows = session.execute("SELECT slot_name FROM pg_replication_slots WHERE active").fetchall()
            missing = [standby for name, standby in waited.items() if (name,) not in rows]
            if not missing:
                return
            if time.monotonic() > deadline:
                raise DataPlaneError(
                    f"{', '.join(standby.role for standby in missing)} does not stream from the primary. Look at its "
                    f"log in {missing[0].logs}."
                )
            for standby in missing:
                standby.reload()  # a signal wakes a standby that waits 5 s to try again
            time.sleep(0.05)


def wait_replayed(primary: Server, standbys: Collection[Server]) -> None:
    """Until standbys have replayed all that the primary wrote until now. Raises `DataPlaneError` naming one that has
    not within `CATCH_UP_SECONDS`."""
    wait_streaming(primary, standbys)
    with primary.admin() as session:
        row = session.execute("SELECT pg_current_wal_lsn()::text").fetchone()
    assert row is not None
    for standby in standbys:
        _wait_replayed(standby, row[0])


def _wait_replayed(standby: Server, position: str) -> None:
    deadline = time.monotonic() + CATCH_UP_SECONDS
    while standby.process() and time.monotonic() < deadline:
        with standby.admin() as session:
            row = session.execute("SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn", [position]).fetchone()
        if row and row[0]:
            return
        time.sleep(0.05)
    if standby.process():
        raise DataPlaneError(
            f"{standby.role} has not replayed what the primary wrote within {CATCH_UP_SECONDS} s. Look at its log "
            f"in {standby.logs}."
        )


def drop_other_slots(primary: Server, roles: Iterable[str]) -> None:
    """Drop the slots of replicas that are none of these; a slot that nobody reads keeps the log for ever."""
    wanted = {slot(role) for role in roles}
    with primary.admin() as session:
        rows = session.execute("SELECT slot_name FROM pg_replication_slots WHERE NOT temporary").fetchall()
        for (name,) in rows:
            if name not in wanted:
                _drop_slot(session, name)


def _drop_slot(session: Connection, name: str) -> None:
    """Drop it if it is there; a sender that still holds it is ended first."""
    deadline = time.monotonic() + RECONNECT_SECONDS
    while True:
        held = session.execute("SELECT active_pid FROM pg_replication_slots WHERE slot_name = %s", [name]).fetchone()
        if held is None:
            return
        try:
            if held[0] is not None:
                session.execute("SELECT pg_terminate_backend(%s)", [held[0]])
            session.execute("SELECT pg_drop_replication_slot(%s)", [name])
        except psycopg.errors.ObjectInUse:
            if time.monotonic() > deadline:
                raise DataPlaneError(f"slot {name} is still in use after {RECONNECT_SECONDS} s. Try again.") from None
            time.sleep(0.05)
        except psycopg.errors.UndefinedObject:
            return
