"""Real servers behind a real PgBouncer for the library's tests, whose replicas tests stop and delay."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Select, column, select, table
from sqlalchemy.orm import Session

from langpont_db import Database, migration_engine, settings
from local.servers import replication
from local.servers.account import Account
from local.servers.binaries import Binaries
from local.servers.layout import Layout
from local.servers.plan import data_plan
from local.servers.plane import DataPlane
from local.servers.server import Server
from tests.langpont_db import writing
from tests.langpont_db.loop import loop as loop
from tests.langpont_db.loop import pytest_fixture_setup as pytest_fixture_setup
from tests.langpont_db.loop import pytest_generate_tests as pytest_generate_tests
from tests.langpont_db.loop import pytest_pyfunc_call as pytest_pyfunc_call
from tests.local.servers.conftest import account as account
from tests.local.servers.conftest import binaries as binaries
from tests.local.servers.conftest import bring as bring
from tests.local.servers.conftest import make
from tests.local.servers.conftest import runtime as runtime
from tests.recordings import recording
from tests.waiting import until

APPLICATION, READER, MIGRATOR = "langpont_app", "langpont_readonly", "langpont_migrator"

# Cheap for SQLAlchemy to route and for a server to answer: which of them it is.
WHERE_AM_I: Select[str] = (
    select(column("setting")).select_from(table("pg_settings")).where(column("name") == "cluster_name")
)


@dataclass(frozen=True)
class Platform:
    """The servers and how an application finds them."""

    plane: DataPlane

    def pooled(self, user: str, entry: str) -> str:
        """The URL of an entry of PgBouncer, password included."""
        return f"postgresql://{user}:{self.password(user)}@127.0.0.1:{self.plane.ports.pooler}/{entry}?sslmode=disable"

    def direct(self, user: str, role: str, *, password: str | None = None) -> str:
        """The URL of a server itself, to be verified in full."""
        return (
            f"postgresql://{user}:{password or self.password(user)}@localhost:{self.plane.ports.servers[role]}"
            f"/{self.plane.plan.database}"
        )

    def password(self, user: str) -> str:
        """Of a role. Generated ones need no quoting."""
        return self.plane.plan.passwords[user]

    def server(self, role: str) -> Server:
        """One of the servers."""
        return self.plane.cluster.servers[role]

    @property
    def environment(self) -> dict[str, str]:
        """As an application on this machine has it. Both replicas serve "reads"."""
        return {
            "DATABASE_PRIMARY_URL": self.pooled(APPLICATION, "langpont"),
            "DATABASE_REPLICA_URLS": ",".join(
                self.pooled(READER, entry) for entry, role in self.plane.pooler.entries.items() if role != "primary"
            ),
            "DATABASE_CA_FILE": str(self.plane.cluster.authority),
        }

    @property
    def migration(self) -> dict[str, str]:
        """As a migration has it."""
        return {
            "DATABASE_MIGRATION_URL": self.direct(MIGRATOR, "primary"),
            "DATABASE_CA_FILE": str(self.plane.cluster.authority),
        }

    def names(self) -> dict[str, str]:
        """Role of each server by the name that it answers with."""
        return {instance.identifier: instance.role for instance in self.plane.plan.instances}


def place(session: Session, platform: Platform) -> str:
    """The role of the server that a plain read of this session meets."""
    return platform.names()[session.execute(WHERE_AM_I).scalar_one()]


@pytest.fixture(scope="session")
def platform(binaries: Binaries, account: Account, runtime: Path) -> Platform:
    """Prod's platform Whoever changes something puts it right again."""
    made = Platform(make(data_plan(recording("prod")), Layout(runtime / "library"), binaries, account))
    made.plane.up()
    return made


@pytest.fixture(scope="session")
def writable(platform: Platform) -> Iterator[None]:
    """The tables of `writing.py`, on all servers."""
    engine = migration_engine(platform.migration)
    writing.make_tables(engine)
    caught_up(platform)
    yield
    writing.drop_tables(engine)


def rows(platform: Platform) -> int:
    """How many the primary has."""
    with platform.server("primary").admin("langpont") as session:
        row = session.execute("SELECT count(*) FROM analytics.written").fetchone()
    assert row is not None
    return int(row[0])


@pytest.fixture
def databases(platform: Platform, loop: asyncio.Runner | None) -> Iterator[Callable[..., Database]]:
    """Makes databases of the platform's environment with other variables and timeouts, and closes them at the end."""
    made = []

    def make(
        environment: dict[str, str] | None = None, limit: settings.Limit | None = None, **timeouts: float
    ) -> Database:
        read = settings.read(platform.environment | (environment or {}))
        read = replace(read, timeouts=replace(read.timeouts, **timeouts))  # type: ignore[arg-type]
        if limit is not None:
            read = replace(read, limits=dict.fromkeys(settings.PURPOSES, limit))
        made.append(_on_a_loop(read) if loop else Database(read))
        return made[-1]

    yield make
    for database in made:
        database.dispose()


def _on_a_loop(read: settings.Settings) -> Database:
    from langpont_db.async_database import AsyncServers

    return AsyncServers(read)


@pytest.fixture
def database(databases: Callable[..., Database]) -> Database:
    """As an application has it."""
    return databases()


def caught_up(platform: Platform, *roles: str) -> None:
    """Wait until replicas have what the primary has."""
    with platform.server("primary").admin() as session:
        row = session.execute("SELECT pg_current_wal_lsn()::text").fetchone()
    assert row is not None
    for role in roles or ("replica-1", "replica-2"):
        with platform.server(role).admin() as session:
            until(lambda session=session: session.execute(  # type: ignore[misc]
                "SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn", row).fetchone() == (True,))  # fmt: skip


@contextmanager
def replay_paused(platform: Platform, *roles: str) -> Iterator[None]:
    """Replicas that receive and do not replay."""
    caught_up(platform)
    for role in roles:
        with platform.server(role).admin() as session:
            session.execute("SELECT pg_wal_replay_pause()")
            until(lambda session=session: session.execute(  # type: ignore[misc]
                "SELECT pg_get_wal_replay_pause_state()").fetchone() == ("paused",))  # fmt: skip
    try:
        yield
    finally:
        for role in roles:
            with platform.server(role).admin() as session:
                session.execute("SELECT pg_wal_replay_resume()")
        caught_up(platform)


@contextmanager
def stopped(platform: Platform, *roles: str) -> Iterator[None]:
    """Servers that do not run; back, and known to PgBouncer to be back, afterwards."""
    for role in roles:
        platform.server(role).stop()
    try:
        yield
    finally:
        for role in roles:
            platform.server(role).start()
        replication.wait_streaming(platform.plane.cluster.primary, platform.plane.cluster.standbys)
        for entry, role in platform.plane.pooler.entries.items():
            if role in roles:
                until(lambda entry=entry: answers(platform, entry))  # type: ignore[misc]


def answers(platform: Platform, entry: str) -> bool:
    """Whether a server does through PgBouncer, which waits a second after each login that failed."""
    try:
        for user in (APPLICATION, READER):  # each has a pool of its own: one reads or writes, the other watches
            with platform.plane.pooler.endpoint(entry).connect(user, platform.password(user)) as session:
                session.execute("SELECT 1")
    except psycopg.OperationalError:
        return False
    return True


class Log:
    """What a server writes to its log from now on."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._before = {path: path.stat().st_size for path in server.logs.iterdir()}

    def read(self) -> str:
        """All of it until now: a marker that is sent now has arrived."""
        marker = secrets.token_hex(8)
        with self._server.admin() as session:
            session.execute(f"DO $$ BEGIN RAISE LOG '{marker}'; END $$".encode())
        found = ""

        def arrived() -> bool:
            nonlocal found
            found = "".join(
                path.read_bytes()[self._before.get(path, 0) :].decode() for path in sorted(self._server.logs.iterdir())
            )
            return marker in found

        until(arrived)
        return found

    def statements(self) -> list[str]:
        """What clients sent, each in one line. Needs a server that logs it."""
        told = re.findall(
            r"LOG:  (?:statement|execute [^:]*): (.*?)(?=\n\d{4}-\d\d-\d\d |\Z)", self.read(), flags=re.DOTALL
        )
        return [" ".join(one.split()) for one in told]


@contextmanager
def every_statement_logged(platform: Platform, *roles: str) -> Iterator[list[Log]]:
    """Servers that log whatever reaches them."""
    for role in roles:
        with platform.server(role).admin() as session:
            session.execute("ALTER SYSTEM SET log_statement = 'all'")
            session.execute("SELECT pg_reload_conf()")
        with platform.server(role).admin() as session:
            until(lambda session=session: session.execute("SHOW log_statement").fetchone() == ("all",))  # type: ignore[misc]
    try:
        yield [Log(platform.server(role)) for role in roles]
    finally:
        for role in roles:
            with platform.server(role).admin() as session:
                session.execute("ALTER SYSTEM RESET log_statement")
                session.execute("SELECT pg_reload_conf()")
