"""Checks of PgBouncer under all its clients, and that no password is in a log."""

from __future__ import annotations

import asyncio
import os
import resource
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psycopg

from langpont_db.pgbouncer.errors import HostError
from langpont_db.pgbouncer.lockout import Finding, logins_after_a_wrong_one
from local.servers.configuration import SUPERUSER
from local.servers.plan import PRIMARY
from local.servers.plane import DataPlane
from local.verify.check import Check, Wrong, proven, require

TRANSACTION = "SELECT pg_backend_pid(), pg_sleep(0.1)"  # long enough that the pools fill
AT_ONCE = 64  # logins under way; PgBouncer's queue of unanswered ones holds 128
HELD_FILES = 100
READ_BYTES = 1 << 20


def clients(plane: DataPlane, number: int) -> Check:
    """So many clients hold a connection through PgBouncer at once, and each runs a transaction."""
    name = f"{number} clients through PgBouncer"
    return proven(name, lambda: asyncio.run(_clients(plane, number)))


async def _clients(plane: DataPlane, number: int) -> str:
    _allow_files(number + HELD_FILES)
    cap = int(plane.pooler.option.get("max_db_connections", 0))
    require(cap, "the pooler's configuration has no max_db_connections")
    readers = [entry for entry, role in plane.pooler.entries.items() if role != PRIMARY]
    writer = next((entry for entry, role in plane.pooler.entries.items() if role == PRIMARY), None)
    if writer is None:
        raise Wrong("no entry of the pooler leads to the primary")
    # Half of them go to the primary, as every pooled role: a cap for each server must hold whoever comes.
    entries = [readers[i // 2 % len(readers)] if readers and i % 2 else writer for i in range(number)]
    names = [plane.plan.pooled[i // 2 % len(plane.plan.pooled)] for i in range(number)]
    gate, begun = asyncio.Semaphore(AT_ONCE), time.monotonic()
    most: Counter[str] = Counter()
    watch = asyncio.create_task(_watch(plane, most))
    sessions: list[Any] = []
    try:
        sessions += await asyncio.gather(*map(partial(_connect, plane, gate), entries, names), return_exceptions=True)
        _refuse_errors(sessions, number)
        done = await asyncio.gather(*(_transact(session) for session in sessions), return_exceptions=True)
        _refuse_errors(done, number)
    finally:
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)
        for session in sessions:
            if isinstance(session, psycopg.AsyncConnection):
                await session.close()
    above = {role: count for role, count in most.items() if count > cap}
    require(not above, f"more server connections than the {cap} of max_db_connections: {above}")
    require(most[PRIMARY], "no server connection was seen")
    seen = ", ".join(f"{role} {count}" for role, count in sorted(most.items()))
    return f"each ran a transaction in {time.monotonic() - begun:.1f} s; most server connections {seen}, cap {cap}"


async def _connect(plane: DataPlane, gate: asyncio.Semaphore, entry: str, name: str) -> psycopg.AsyncConnection[Any]:
    endpoint = plane.pooler.endpoint(entry)
    async with gate:
        return await psycopg.AsyncConnection.connect(
            host=endpoint.host, port=endpoint.port, dbname=entry, user=name, password=plane.plan.passwords[name],
            sslmode="disable", gssencmode="disable", connect_timeout=30, prepare_threshold=None,
        )  # fmt: skip


async def _transact(session: psycopg.AsyncConnection[Any]) -> None:
    async with session.transaction():
        await session.execute(TRANSACTION)


async def _watch(plane: DataPlane, most: Counter[str]) -> None:
    """Count the pooled roles' sessions on each server, until cancelled."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE usename = ANY (%s) AND backend_type = 'client backend'"
    opened = {}
    try:
        for role, server in plane.cluster.servers.items():
            opened[role] = await psycopg.AsyncConnection.connect(
                host=str(server.sockets), port=server.port, dbname="postgres", user=SUPERUSER, autocommit=True
            )
        while True:
            for role, session in opened.items():
                row = await (await session.execute(query, [list(plane.plan.pooled)])).fetchone()
                most[role] = max(most[role], row[0] if row else 0)
            await asyncio.sleep(0.01)
    finally:
        for session in opened.values():
            await session.close()


def _refuse_errors(results: Iterable[object], number: int) -> None:
    errors = Counter(str(one).strip().splitlines()[0] for one in results if isinstance(one, BaseException))
    if errors:
        text, _ = errors.most_common(1)[0]
        raise Wrong(f"{sum(errors.values())} of {number} failed, such as: {text}")


def _allow_files(needed: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < needed:
        top = needed if hard == resource.RLIM_INFINITY else min(hard, needed)
        require(top >= needed, f"this process may open {hard} files and needs {needed}. Raise it: ulimit -n {needed}")
        resource.setrlimit(resource.RLIMIT_NOFILE, (top, hard))


# A wrong password


def wrong_password(plane: DataPlane) -> Check:
    """This PgBouncer keeps a role's logins after somebody's wrong password, with server connections made anew."""
    return proven("a wrong password takes no role its logins", partial(_wrong_password, plane))


def _wrong_password(plane: DataPlane) -> str:
    entry, role = next(iter(plane.pooler.entries)), plane.plan.pooled[0]
    try:
        found = logins_after_a_wrong_one(plane.pooler.trial, entry, role, plane.plan.passwords[role])
    except HostError as error:
        raise Wrong(str(error)) from None
    require(found is Finding.KEPT, f"{role} does not log in through {entry} of a second PgBouncer at all")
    return f"{role}: wrongly, rightly, RECONNECT, rightly, on a second PgBouncer"


# Secrecy


def secrecy(plane: DataPlane, also: Iterable[Path]) -> Check:
    """No password in plain text in any log, configuration or mark."""
    return proven("no password in a log or a configuration file", partial(_secrecy, plane, list(also)))


def _secrecy(plane: DataPlane, also: list[Path]) -> str:
    passwords = {**plane.plan.passwords, f"{plane.plan.master} (as RDS has it)": plane.plan.master_password}
    wanted = {name: password.encode() for name, password in passwords.items()}
    files = sorted({*_texts(plane.layout.root), *(file for path in also for file in _texts(path))})
    found = [f"{name}'s in {path}" for path in files for name in _holds(path, wanted)]
    require(not found, "; ".join(found[:3]))
    return f"{len(wanted)} passwords, {len(files)} files"


def _texts(folder: Path) -> Iterator[Path]:
    """Files of a folder but for tables and the write-ahead log, which are no text; of a file, itself."""
    if folder.is_file():
        yield folder
    for path, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in ("base", "pg_wal", "global", "pg_xact", "pg_multixact")]
        yield from (Path(path) / name for name in names if (Path(path) / name).is_file())


def _holds(path: Path, wanted: dict[str, bytes]) -> list[str]:
    try:
        with path.open("rb") as file:
            found, tail = set(), b""
            longest = max(map(len, wanted.values()))
            while block := file.read(READ_BYTES):
                found |= {name for name, password in wanted.items() if password in tail + block}
                tail = block[-longest:]
    except FileNotFoundError:  # rotated away in between
        return []
    return sorted(found)
