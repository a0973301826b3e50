"""Point-in-time recovery: a base backup and archived WAL, restored to just before a bad write."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import time
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from psycopg import sql

from benchmarks import pgbench
from benchmarks.failover import connect
from benchmarks.statistics import spread
from benchmarks.workshop import APPLICATION, Workshop, make_roles, with_replicas
from local.loopback import is_free
from local.rehearsal.load import TABLE, Load, inserting, lost, numbers
from local.servers import plane as planes
from local.servers.configuration import SUPERUSER, Machine, configuration
from local.servers.connections import Connection
from local.servers.layout import private_folder, write
from local.servers.plan import PRIMARY
from local.servers.plane import DataPlane
from local.servers.server import Server

WRITERS = 4
WAIT_SECONDS = 60.0


def measure(workshop: Workshop) -> dict[str, Any]:
    """Measure point-in-time recovery, in the schema of results.json.

    restore_s: from the decision until the restored server takes writes. lost_s: from the last commit that it has to the
    bad write. lost_commits: acknowledged before the bad write, and not there. size_mib: of the base backup that was
    copied back.
    """
    effort = workshop.effort
    workshop.say("Recovery: building a primary that archives")
    plan = with_replicas(workshop.plan, 0)
    layout = workshop.layout("recovery")
    servers = workshop.plane(plan, layout, workshop.free_ports(workshop.plan))
    servers.cluster.up()
    make_roles(servers)
    archive, backups = layout.root / "archive", layout.root / "backups"
    for folder in (archive, backups):
        private_folder(folder, workshop.account)
    _archive(servers, archive)
    pgbench.build(servers.cluster.primary, plan.database, effort.recovery_scale)
    restores, gaps, missing, sizes = [], [], [], []
    for number in range(effort.runs):
        workshop.say(f"Recovery, run {number + 1}: back up, write, spoil, restore")
        backup = backups / str(number)
        primary = servers.cluster.primary
        with primary.admin(plan.database) as session:
            session.execute("DROP TABLE IF EXISTS ledger")
            session.execute(TABLE)
        primary.run(
            primary.binaries.tools / "pg_basebackup",
            "-D", backup, "-h", primary.sockets, "-p", str(primary.port), "-U", SUPERUSER, "-w", "-X", "none",
            "-c", "fast", "--no-sync",
        )  # fmt: skip
        sizes.append(_mib(backup))
        ledger, bad = _write_and_spoil(servers, effort.load_seconds, -1 - number)
        restored = _restored_server(servers)
        begun = time.monotonic()
        _wait_archived(servers)
        _restore(servers, restored, backup, archive, bad)
        restores.append(time.monotonic() - begun)
        with restored.admin(plan.database) as session:
            last = session.execute("SELECT max(written) FROM ledger").fetchone()
            assert last is not None
            gaps.append((bad - last[0]).total_seconds())
            missing.append(len(lost(ledger, numbers(session))))
            if session.execute("SELECT 1 FROM pgbench_branches WHERE bbalance = %s", [-1 - number]).fetchone():
                raise RuntimeError("The bad write is in what was restored. Look at the restored server's log.")
        restored.stop()
        shutil.rmtree(restored.folder)
        shutil.rmtree(backup)
    planes.purge(layout)
    return {
        "restore_s": spread(restores),
        "lost_s": spread(gaps, 3),
        "lost_commits": spread(missing, 0),
        "size_mib": spread(sizes, 0),
    }


def _archive(servers: DataPlane, archive: Path) -> None:
    primary = servers.cluster.primary
    command = f"cp %p {shlex.quote(str(archive))}/%f"
    with primary.admin() as session:
        session.execute("ALTER SYSTEM SET archive_mode = 'on'")
        session.execute(sql.SQL("ALTER SYSTEM SET archive_command = {}").format(sql.Literal(command)))
    primary.restart()


def _write_and_spoil(servers: DataPlane, seconds: float, spoilt: int) -> tuple[list[int], datetime]:
    """Write until a bad UPDATE sets a number everywhere; numbers acknowledged before it, and its time by the server."""
    plan = servers.plan
    primary, password = servers.endpoint(PRIMARY), plan.passwords[APPLICATION]
    ledger = Load(inserting(lambda: connect(primary, password)), WRITERS)
    with ledger, servers.cluster.primary.admin(plan.database) as session:
        ledger.wait_for(1, WAIT_SECONDS)
        time.sleep(seconds)
        before = [number for number, _ in list(ledger.acknowledged)]
        row = session.execute("SELECT clock_timestamp()").fetchone()
        session.execute("UPDATE pgbench_branches SET bbalance = %s", [spoilt])  # the WHERE was forgotten
        assert row is not None
        ledger.wait_for(1, WAIT_SECONDS)  # life goes on until somebody notices
    moment: datetime = row[0]
    return before, moment


def _wait_archived(servers: DataPlane) -> None:
    """Close the WAL segment and wait until it is archived, which on RDS happens every five minutes by itself."""
    with servers.cluster.primary.admin() as session:
        row = session.execute("SELECT pg_walfile_name(pg_switch_wal())").fetchone()
        assert row is not None
        deadline = time.monotonic() + WAIT_SECONDS
        while not _archived(session, row[0]):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{row[0]} was not archived within {WAIT_SECONDS} s. Look at the primary's log.")
            time.sleep(0.02)


def _archived(session: Connection, segment: str) -> bool:
    row = session.execute("SELECT last_archived_wal >= %s FROM pg_stat_archiver", [segment]).fetchone()
    return row == (True,)


def _restored_server(servers: DataPlane) -> Server:
    """The server to restore to, beside the primary; nothing of it exists yet."""
    port = next(port for port in servers.ports.servers.values() if is_free(port))
    return replace(
        servers.cluster.primary, role="restored", folder=servers.layout.server("restored"), port=port
    )  # fmt: skip


def _restore(servers: DataPlane, restored: Server, backup: Path, archive: Path, until: datetime) -> None:
    """Copy the base backup and replay WAL up to recovery_target_time; the server takes writes afterwards."""
    restored.make_folder()
    new = restored.folder / "data.new"
    subprocess.run(["cp", "-a", str(backup), str(new)], check=True)
    machine = Machine(
        port=restored.port, primary_port=restored.port, sockets=restored.sockets, logs=restored.logs,
        certificates=None, libraries=restored.binaries.libraries, prefetch=servers.cluster.prefetch,
    )  # fmt: skip
    wanted = configuration(servers.plan.primary, {}, machine)
    write(new / "postgresql.conf", wanted.text, account=restored.account)
    settings = {
        "restore_command": f"cp {shlex.quote(str(archive))}/%f %p",
        "recovery_target_time": until.isoformat(),
        "recovery_target_inclusive": "off",
        "recovery_target_action": "promote",
        "archive_mode": "off",
    }
    lines = [f"{name} = '{value}'\n" for name, value in settings.items()]
    write(new / "postgresql.auto.conf", "".join(lines), account=restored.account)
    write(new / "recovery.signal", "", account=restored.account)
    restored.adopt(new)
    restored.start()
    deadline = time.monotonic() + WAIT_SECONDS
    with restored.admin(servers.plan.database) as session:
        while session.execute("SELECT pg_is_in_recovery()").fetchone() != (False,):
            if time.monotonic() > deadline:
                raise TimeoutError(f"The restored server is not up within {WAIT_SECONDS} s. Look at its log.")
            time.sleep(0.02)


def _mib(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 2**20
