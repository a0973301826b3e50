"""PgBouncer's admin console over its Unix socket, where its own user needs no password."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import DictRow, dict_row

from langpont_db.pgbouncer import versions
from langpont_db.pgbouncer.errors import HostError
from langpont_db.pgbouncer.host import Owner
from langpont_db.pgbouncer.stack import Waiting
from langpont_db.pgbouncer.versions import Version

NAME = "pgbouncer"  # of the console's database and of its user
CONNECT_SECONDS = 5
_SOCKET = ".s.PGSQL."


@dataclass(frozen=True)
class Setting:
    """A running PgBouncer's setting, of SHOW CONFIG. `fixed`: a reload does not change it."""

    value: str
    default: str
    fixed: bool


class Console:
    """One connection to the admin console, a context manager."""

    def __init__(self, socket: Path, owner: Owner) -> None:
        """Raises `HostError` if PgBouncer does not let us in."""
        try:
            with owner.impersonate():
                self._session: psycopg.Connection[DictRow] = psycopg.connect(
                    host=str(socket.parent), port=int(socket.name.removeprefix(_SOCKET)), dbname=NAME, user=NAME,
                    autocommit=True, connect_timeout=CONNECT_SECONDS, sslmode="disable", gssencmode="disable",
                    row_factory=dict_row, prepare_threshold=None,
                )  # fmt: skip
        except psycopg.Error as error:
            raise HostError(f"PgBouncer's console at {socket} does not answer: {first_line(error)}") from None

    @classmethod
    def of(cls, pid: int) -> Console:
        """Connect to a running PgBouncer by process id: its file may name another socket by now.

        Raises `HostError`.
        """
        try:
            entry = os.stat(f"/proc/{pid}")
            owner = Owner(entry.st_uid, entry.st_gid)
            with owner.impersonate():
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
        self.close()

    def close(self) -> None:
        """End the connection."""
        self._session.close()

    def rows(self, command: str) -> list[dict[str, Any]]:
        """Run a command of the console and return its rows. Raises `HostError`."""
        try:
            cursor = self._session.execute(command.encode())
            return cursor.fetchall() if cursor.description else []
        except psycopg.Error as error:
            raise HostError(f"PgBouncer's console refused {command}: {first_line(error)}") from None

    def version(self) -> Version:
        """The version, such as (1, 18, 0)."""
        return versions.parse(self.rows("SHOW VERSION")[0]["version"]) or ()

    def settings(self) -> dict[str, Setting]:
        """SHOW CONFIG: settings by name."""
        return {
            row["key"]: Setting(row["value"] or "", row["default"] or "", row["changeable"] != "yes")
            for row in self.rows("SHOW CONFIG")
        }

    def entries(self) -> dict[str, tuple[Any, Any, Any]]:
        """SHOW DATABASES: host, port and database by entry."""
        rows = self.rows("SHOW DATABASES")
        return {row["name"]: (row["host"], row["port"], row["database"]) for row in rows if row["name"] != NAME}

    def users(self) -> set[str]:
        """SHOW USERS: who may log in, the console's own user among them."""
        return {row["name"] for row in self.rows("SHOW USERS")}

    def clients(self) -> int:
        """SHOW CLIENTS: the number of clients, without those of the console."""
        return sum(1 for row in self.rows("SHOW CLIENTS") if row["database"] != NAME)

    def logins(self) -> int:
        """SHOW LISTS: the number of clients that are logging in."""
        return sum(int(row["items"]) for row in self.rows("SHOW LISTS") if row["list"] == "login_clients")

    def pools(self) -> list[dict[str, Any]]:
        """SHOW POOLS: a row for each role and entry that were used together since the start, and the console's own."""
        return self.rows("SHOW POOLS")

    def waiting(self) -> Waiting:
        """Clients that wait in all pools now."""
        pools = self.pools()
        return Waiting(
            clients=sum(pool["cl_waiting"] for pool in pools),
            longest_seconds=max((pool["maxwait"] + pool["maxwait_us"] / 1e6 for pool in pools), default=0.0),
        )


def first_line(error: Exception) -> str:
    """The first line of an error of libpq or a server, which have several."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _socket_of(pid: int) -> Path | None:
    """The Unix socket that a process listens on: one of /proc/net/unix (proc(5)) that is among its descriptors."""
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
