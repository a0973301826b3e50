"""PgBouncer's configuration, as text that Debian's 1.18 and newer load."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from blueprint.product.file import PRODUCT

CONFIGURATION_FOLDER = "/etc/pgbouncer"
# What each host's `langpont_db.pgbouncer` publishes of its PgBouncer, with the dimension `Stack`.
NAMESPACE = f"{PRODUCT.project}/PgBouncer"
MAX_WAIT_METRIC = "ClientMaxWaitSeconds"
# By host and role: when the version of the role's secret was written that the host's PgBouncer lets log in.
LOGIN_METRIC = "LoginWritten"
USER_LIST_FILE = f"{CONFIGURATION_FOLDER}/userlist.txt"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One server behind the pooler: the name clients connect to, and where it leads."""

    name: str
    host: str
    port: int
    database: str


@dataclass(frozen=True, kw_only=True)
class PoolerSettings:
    """Numbers of one PgBouncer. Times are seconds; `server_cap` is the most connections to one server."""

    region: str
    listen_port: int
    max_client_conn: int
    default_pool_size: int
    min_pool_size: int
    reserve_pool_size: int
    server_cap: int


def ca_file(region: str) -> str:
    """Where a host keeps the RDS root certificates of its region, under the name that AWS publishes them by."""
    return f"{CONFIGURATION_FOLDER}/{region}-bundle.pem"


def entry_name(database: str, replica: int | None) -> str:
    """`langpont` leads to the primary, `langpont_replica_1` to that replica: what an application puts in its URL."""
    return database if replica is None else f"{database}_replica_{replica}"


def render_ini(settings: PoolerSettings, entries: Sequence[Entry]) -> str:
    """The whole `pgbouncer.ini`.

    No `user=` on an entry: a forced user would be logged in with a key that PgBouncer does not have (E62). Settings
    that exist only in newer versions (max_prepared_statements, 1.21) are left out, since older ones refuse them.
    """
    # Order and spelling as in PgBouncer's documentation, https://www.pgbouncer.org/config.html
    options: dict[str, str | int] = {
        # The application's host only: no client TLS is needed where no packet leaves the machine.
        "listen_addr": "127.0.0.1",
        "listen_port": settings.listen_port,
        "unix_socket_dir": "/var/run/postgresql",
        "logfile": "/var/log/postgresql/pgbouncer.log",
        "pidfile": "/var/run/postgresql/pgbouncer.pid",
        "auth_type": "scram-sha-256",
        "auth_file": USER_LIST_FILE,
        "server_tls_sslmode": "verify-full",
        "server_tls_ca_file": ca_file(settings.region),
        "server_tls_protocols": "secure",
        "pool_mode": "transaction",
        "max_client_conn": settings.max_client_conn,
        "default_pool_size": settings.default_pool_size,
        "min_pool_size": settings.min_pool_size,
        "reserve_pool_size": settings.reserve_pool_size,
        # Before an application gives up: langpont_db waits 2 s for a replica to begin.
        "reserve_pool_timeout": 1,
        # A pool is per user and entry: without this cap each further user brings another 25 connections (E54).
        "max_db_connections": settings.server_cap,
        "server_check_delay": 30,
        "query_wait_timeout": 120,
        "client_idle_timeout": 0,
        "server_idle_timeout": 600,
        "server_lifetime": 3600,
        # After a password change the first login repairs the pool; the default of 15 s would hold everyone that long.
        "server_login_retry": 1,
        "server_connect_timeout": 5,
        # A failover moves the endpoint's address; half-open connections would otherwise live 15 minutes on Linux.
        "dns_max_ttl": 5,
        "tcp_keepalive": 1,
        "tcp_keepidle": 10,
        "tcp_keepintvl": 5,
        "tcp_keepcnt": 3,
        "tcp_user_timeout": 15000,
        # Drivers send these at startup; in transaction mode they cannot be kept per client.
        "ignore_startup_parameters": "extra_float_digits,options",
        "log_connections": 1,
        "log_disconnections": 1,
        "log_pooler_errors": 1,
    }
    lines = ["[databases]"]
    lines += [f"{e.name} = host={e.host} port={e.port} dbname={e.database}" for e in entries]
    lines += ["", "[pgbouncer]", *(f"{key} = {value}" for key, value in options.items()), ""]
    return "\n".join(lines)


def render_user_list(verifiers: Mapping[str, str]) -> str:
    """`userlist.txt`: each role with the SCRAM-SHA-256 verifier that the database holds for it too, sorted by role."""
    return "".join(f'"{role}" "{verifiers[role]}"\n' for role in sorted(verifiers))
