"""Connect to the servers: over TCP as a client of the platform would, and over the socket to administer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import psycopg
from psycopg.conninfo import make_conninfo

from local.servers.configuration import SUPERUSER

CONNECT_SECONDS = 5

Connection: TypeAlias = psycopg.Connection[tuple[Any, ...]]


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """One address of a database. With an authority the server is verified in full, without TLS is not used."""

    host: str
    port: int
    database: str
    authority: Path | None

    def tls(self) -> dict[str, str]:
        """libpq's options."""
        if self.authority is None:
            return {"sslmode": "disable"}
        return {"sslmode": "verify-full", "sslrootcert": str(self.authority)}

    def connect(self, user: str, password: str, **options: Any) -> Connection:
        """A session of that user, never prepared: PgBouncer below 1.21 could not follow."""
        arguments: dict[str, Any] = self.tls() | {"connect_timeout": CONNECT_SECONDS, "gssencmode": "disable"} | options
        return psycopg.connect(
            host=self.host, port=self.port, dbname=self.database, user=user, password=password,
            autocommit=arguments.pop("autocommit", True), prepare_threshold=None, **arguments,
        )  # fmt: skip

    def conninfo(self, user: str) -> str:
        """For psql, without a password."""
        return make_conninfo(host=self.host, port=self.port, dbname=self.database, user=user, **self.tls())


def administer(sockets: Path, port: int, database: str = "postgres") -> Connection:
    """A session of the cluster's superuser, who is known by the system's user and needs no password."""
    return psycopg.connect(
        host=str(sockets), port=port, dbname=database, user=SUPERUSER, application_name="langpont-local",
        autocommit=True, connect_timeout=CONNECT_SECONDS, prepare_threshold=None, sslmode="disable",
    )  # fmt: skip
