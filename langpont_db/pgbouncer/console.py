"""PgBouncer's admin console, over its Unix socket: its own user needs no password there."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import DictRow, dict_row

from langpont_db.pgbouncer.errors import HostError
from langpont_db.pgbouncer.host import Owner
from langpont_db.pgbouncer.stack import Waiting

NAME = "pgbouncer"  # of the console's database and of its user
CONNECT_SECONDS = 5
_SOCKET = ".s.PGSQL."


@dataclass(frozen=True)
class Setting:
    """A setting as PgBouncer runs with it. `fixed`: it is taken at the start only."""

    value: str
    default: str
    fixed: bool


class Console:
    """One session of the console. Use it with `with`."""

    def __init__(self, socket: Path, owner: Owner) -> None:
        """Raises `HostError` if PgBouncer does not let us in."""
        try:
            with owner.acting():
                self._session: psycopg.Connection[DictRow] = psycopg.connect(
                    host=str(socket.parent), port=int(socket.name.removeprefix(_SOCKET)), dbname=NAME, user=NAME,
                    autocommit=True, connect_timeout=CONNECT_SECONDS, sslmode="disable", gssencmode="disable",
                    row_factory=dict_row, prepare_threshold=None,
                )  # fmt: skip
        except psycopg.Error as error:
            raise HostError(f"PgBouncer's console at {socket} does not answer: {first_line(error)}") from None

    @classmethod
    def of(cls, pid: int) -> Console:
        """Of a running PgBouncer, wherever it listens: its file may say something else by now.

        Raises `HostError`.
        """
        try:
            entry = os.stat(f"/proc/{pid}")
            owner = Owner(entry.st_uid, entry.st_gid)
            with owner.acting():
                socket = _socket_of(pid)
        except FileNotFoundError:
            raise HostError(f"PgBouncer (process {pid}) has just ended. Look at: journalctl -u pgbouncer") from None
        if socket is None:
            raise HostError(
                f"PgBouncer (process {pid}) has no Unix socket, so its console cannot be reached. When its clients may "
                f"be dropped: systemctl restart pgbouncer"
            )
        return cls(socket, owner)

    def __enter__(self) -> Console:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def rows(self, command: str) -> list[dict[str, Any]]:
        """What a command of the console answers. Raises `HostError`."""
        try:
            cursor = self._session.execute(command.encode())
            return cursor.fetchall() if cursor.description else []
        except psycopg.Error as error:
            raise HostError(f"PgBouncer's console refused {command}: {first_line(error)}") from None

    def version(self) -> tuple[int, ...]:
        """Such as (1, 18, 0)."""
        found = re.search(r"(\d+)\.(\d+)\.(\d+)", self.rows("SHOW VERSION")[0]["version"])
        return tuple(map(int, found.groups())) if found else ()

    def settings(self) -> dict[str, Setting]:
        """All that this version knows, by name."""
        return {
            row["key"]: Setting(row["value"] or "", row["default"] or "", row["changeable"] != "yes")
            for row in self.rows("SHOW CONFIG")
        }

    def entries(self) -> dict[str, tuple[Any, Any, Any]]:
        """Host, port and database by name."""
        rows = self.rows("SHOW DATABASES")
        return {row["name"]: (row["host"], row["port"], row["database"]) for row in rows if row["name"] != NAME}

    def users(self) -> set[str]:
        """Who may log in, the console's own user among them."""
        return {row["name"] for row in self.rows("SHOW USERS")}

    def clients(self) -> int:
        """Connected clients, without those of the console."""
        return sum(1 for row in self.rows("SHOW CLIENTS") if row["database"] != NAME)

    def pools(self) -> list[dict[str, Any]]:
        """One row for each role and entry that were used together since the start, and the console's own."""
        return self.rows("SHOW POOLS")

    def waiting(self) -> Waiting:
        """Over all pools, at this moment."""
        pools = self.pools()
        return Waiting(
            clients=sum(pool["cl_waiting"] for pool in pools),
            longest_seconds=max((pool["maxwait"] + pool["maxwait_us"] / 1e6 for pool in pools), default=0.0),
        )


def first_line(error: Exception) -> str:
    """What libpq and servers say goes on over several lines."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _socket_of(pid: int) -> Path | None:
    """The socket it listens on: among the system's (proc(5), /proc/net/unix), one that the process holds."""
    held = set()
    for descriptor in os.scandir(f"/proc/{pid}/fd"):
        try:
            held.add(os.readlink(descriptor))
        except FileNotFoundError:  # a client's, closed meanwhile
            continue
    for line in Path("/proc/net/unix").read_text(encoding="utf-8", errors="replace").splitlines():
        fields = line.split(maxsplit=7)
        if len(fields) == 8 and f"socket:[{fields[6]}]" in held and Path(fields[7]).name.startswith(_SOCKET):
            return Path(fields[7])
    return None
