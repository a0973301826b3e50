"""docs/adopting.md's short cut-over, as it is written, between two real servers under a write load; and the way back.

The old one is RDS's as local/servers makes it: a master that is no superuser. What RDS gives a master beside that
(subscriptions, and REPLICATION by membership) is given to it here by the superuser.
"""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest

from blueprint.postgres.roles import OWNER, SCHEMAS
from local.loopback import free_port, is_free
from local.servers.account import Account
from local.servers.binaries import Binaries
from local.servers.layout import Layout
from local.servers.plan import data_plan
from local.servers.plane import DataPlane
from tests.docs import read
from tests.engine.procedures import Act, section, steps
from tests.local.servers.conftest import make
from tests.local.servers.roles import make_roles
from tests.recordings import record_with
from tests.waiting import until

DOCUMENT = "docs/adopting.md"
LOGICAL = {"parameters": {"rds.logical_replication": "on"}}
PASSWORDS = {"shop_app": "the application's own", "shop_reports": "reports"}
ROWS = 5000

# By the old master: roles of its own, an owner that nobody logs in as, tables of three owners, a setting for all, and a
# schema whose name begins as one of the product's.
THEIRS = f"""
CREATE ROLE shop_owner; CREATE ROLE shop_app LOGIN; CREATE ROLE shop_reports LOGIN CONNECTION LIMIT 5;
GRANT shop_owner TO CURRENT_USER; GRANT shop_app TO CURRENT_USER;
ALTER DATABASE shop SET search_path = shop, public; ALTER ROLE shop_reports SET statement_timeout = '5min';
CREATE SCHEMA shop AUTHORIZATION shop_owner;
GRANT CREATE ON SCHEMA public TO shop_app;
SET ROLE shop_owner;
CREATE TABLE shop.orders (id bigserial PRIMARY KEY, note text NOT NULL);
CREATE TABLE shop.lines (line text);
GRANT USAGE ON SCHEMA shop TO shop_app, shop_reports;
GRANT SELECT, INSERT ON shop.orders, shop.lines TO shop_app; GRANT SELECT ON shop.orders TO shop_reports;
GRANT USAGE ON SEQUENCE shop.orders_id_seq TO shop_app;
INSERT INTO shop.orders (note) SELECT 'before' FROM generate_series(1, {ROWS});
SET ROLE shop_app;
CREATE TABLE public.carts (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, content text);
INSERT INTO public.carts (content) SELECT 'a cart' FROM generate_series(1, 10);
RESET ROLE;
CREATE TABLE public.rates (currency text PRIMARY KEY, rate numeric); INSERT INTO public.rates VALUES ('JPY', 150);
GRANT SELECT ON public.rates TO shop_app;
CREATE SCHEMA {SCHEMAS[0]}_raw; CREATE TABLE {SCHEMAS[0]}_raw.samples (number int PRIMARY KEY);
INSERT INTO {SCHEMAS[0]}_raw.samples VALUES (1);
"""
OF_RDS = (
    "CREATE ROLE rds_replication; GRANT rds_replication TO {0} WITH ADMIN OPTION; GRANT pg_create_subscription TO {0}"
)


@dataclass
class Load:
    """An application that writes an order and a cart at a time, and goes on whatever happens."""

    connect: Callable[[], psycopg.Connection]
    acknowledged: list[int] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    @contextmanager
    def running(self) -> Iterator[None]:
        """For the time of a block."""
        end = threading.Event()
        thread = threading.Thread(target=self._work, args=[end])
        thread.start()
        try:
            until(lambda: len(self.acknowledged) > 20)
            yield
            until(lambda: self.times[-1] > time.monotonic() - 0.5)
        finally:
            end.set()
            thread.join()

    def _work(self, end: threading.Event) -> None:
        with self.connect() as session:
            while not end.is_set():
                try:
                    with session.transaction():
                        row = session.execute("INSERT INTO orders (note) VALUES ('live') RETURNING id").fetchone()
                        session.execute("INSERT INTO lines VALUES ('sold')")
                        session.execute("INSERT INTO carts (content) VALUES ('another')")
                    assert row is not None
                    self.acknowledged.append(row[0])
                    self.times.append(time.monotonic())
                except psycopg.Error as error:
                    self.failed.append(str(error))
                    return
                time.sleep(0.005)

    def longest(self, since: float) -> float:
        """Seconds between two commits, at most."""
        times = [at for at in self.times if at >= since]
        return max(after - before for before, after in itertools.pairwise(times))


@dataclass(frozen=True, kw_only=True)
class Move:
    """Both sides, the application's PgBouncer, and a shell in which the document's values are set."""

    old: DataPlane
    new: DataPlane
    folder: Path
    environment: dict[str, str]
    pooler_port: int

    def do(self, heading: str, *labels: str) -> str:
        """The commands of these steps, or of all, as they are written; what they print."""
        every = {step.label: step.acts for step in steps(DOCUMENT, heading)}
        return "".join(self.run(act) for label in labels or every for act in every[label] if act.kind == "shell")

    def run(self, act: Act) -> str:
        """One block. Raises AssertionError with what it said."""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", act.text], cwd=self.folder, env=self.environment, capture_output=True,
            text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{act.text}\n{done.stderr}"
        return done.stdout

    def application(self) -> psycopg.Connection:
        """The application's own connection, which knows no server but its PgBouncer."""
        return psycopg.connect(
            f"host=127.0.0.1 port={self.pooler_port} user=shop_app dbname=shop", autocommit=True, prepare_threshold=None
        )


def rows(plane: DataPlane, query: str) -> list[tuple[object, ...]]:
    """What the superuser sees in the database."""
    with plane.cluster.primary.admin(plane.plan.database) as session:
        return session.execute(query.encode()).fetchall()


def as_superuser(plane: DataPlane, statements: str) -> None:
    """What RDS itself does."""
    with plane.cluster.primary.admin(plane.plan.database) as session:
        session.execute(statements.encode())


def set_passwords(plane: DataPlane) -> None:
    r"""As \password of psql does it: a verifier, made here."""
    with plane.endpoint("primary").connect(plane.plan.master, plane.plan.passwords[plane.plan.master]) as session:
        for role, password in PASSWORDS.items():
            verifier = session.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
            session.execute(f"ALTER ROLE {role} PASSWORD '{verifier}'".encode())


@pytest.fixture
def move(binaries: Binaries, account: Account, runtime: Path, tmp_path: Path) -> Iterator[Move]:
    """An old server with an application's database, a new stack without anything, and the application's PgBouncer."""
    theirs = record_with("dev", {"database": {"name": "shop", "masterUsername": "shopmaster", **LOGICAL}})
    ours = record_with("dev", {"database": LOGICAL})
    old = make(data_plan(theirs), Layout(runtime / "cut-over-old"), binaries, account)
    new = make(data_plan(ours), Layout(runtime / "cut-over-new"), binaries, account)
    old.cluster.up()
    new.up()
    for plane in (old, new):
        as_superuser(plane, OF_RDS.format(plane.plan.master))
    master = old.endpoint("primary").connect("shopmaster", old.plan.passwords["shopmaster"])
    with master as session:
        session.execute(THEIRS.encode())
    set_passwords(old)
    folder = runtime / "cut-over"
    folder.mkdir()
    account.give(folder)
    port = free_port()
    with pooler(folder, account, old, port):
        yield Move(
            old=old, new=new, folder=tmp_path, environment=environment(old, new, binaries, folder, tmp_path, port),
            pooler_port=port,
        )  # fmt: skip


def address(plane: DataPlane) -> str:
    """As the document's OLD_ADDRESS and NEW_ADDRESS are."""
    return f"host=localhost port={plane.ports.servers['primary']} dbname={plane.plan.database}"


def environment(
    old: DataPlane, new: DataPlane, binaries: Binaries, pooler: Path, folder: Path, port: int
) -> dict[str, str]:
    """The values that the document begins with, by the names that it gives them."""
    names = {line.split("=")[0].removeprefix("export ") for line in section(DOCUMENT, "Short cut-over").splitlines()
             if line.startswith("export ")}  # fmt: skip
    assert names == {"OLD_ADDRESS", "NEW_ADDRESS", "OLD", "NEW", "OURS", "POOLER", "POOLER_INI"}
    kept = folder / "pgpass"
    lines = [f"localhost:*:*:{plane.plan.master}:{plane.plan.passwords[plane.plan.master]}\n" for plane in (old, new)]
    kept.write_text("".join(lines), encoding="utf-8")
    kept.chmod(0o600)
    stand_in = folder / "venv" / "bin" / "python"
    stand_in.parent.mkdir(parents=True)
    stand_in.write_text('#!/bin/sh\n[ "$*" = "-m ops roles apply -s prod" ]\n', encoding="utf-8")
    stand_in.chmod(0o755)
    found = {
        side: f"{address(plane)} user={plane.plan.master} sslmode=verify-full sslrootcert={plane.cluster.authority}"
        for side, plane in (("OLD", old), ("NEW", new))
    }
    return os.environ | found | {
        "OLD_ADDRESS": address(old), "NEW_ADDRESS": address(new), "PGPASSFILE": str(kept),
        "POOLER": f"host=127.0.0.1 port={port} user=pgbouncer dbname=pgbouncer",
        "OURS": f"^({'|'.join((*SCHEMAS, OWNER))})$", "POOLER_INI": str(pooler / "pgbouncer.ini"),
        "PATH": f"{binaries.tools}{os.pathsep}{os.environ['PATH']}",
    }  # fmt: skip


@contextmanager
def pooler(folder: Path, account: Account, old: DataPlane, port: int) -> Iterator[None]:
    """A PgBouncer as a team may have one. Where it leads is the line that the document edits."""
    users = "".join(f'"{role}" "{password}"\n' for role, password in PASSWORDS.items()) + '"pgbouncer" ""\n'
    (folder / "users.txt").write_text(users, encoding="utf-8")
    (folder / "pgbouncer.ini").write_text(
        f"[databases]\nshop = {address(old)}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n"
        f"unix_socket_dir =\nauth_type = trust\nauth_file = {folder}/users.txt\nadmin_users = pgbouncer\n"
        f"pool_mode = transaction\nserver_tls_sslmode = require\nlogfile = {folder}/log\n",
        encoding="utf-8",
    )
    for path in folder.iterdir():
        account.give(path)
    program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    assert program, "apt install pgbouncer"
    process = subprocess.Popen([program, "-q", str(folder / "pgbouncer.ini")], cwd="/", **account.popen())
    try:
        until(lambda: not is_free(port))
        yield
    finally:
        process.terminate()
        process.wait()


def proven(load: Load, plane: DataPlane) -> None:
    """Every row that the application was told of is there, once, and nothing else is."""
    ids = [row[0] for row in rows(plane, "SELECT id FROM shop.orders ORDER BY id")]
    assert ids == sorted({*range(1, ROWS + 1), *load.acknowledged})
    assert rows(plane, "SELECT count(*) FROM shop.lines") == [(len(load.acknowledged),)]
    assert rows(plane, "SELECT count(*) FROM public.carts") == [(len(load.acknowledged) + 10,)]
    assert rows(plane, "SELECT * FROM public.rates")[0][0] == "JPY"
    assert rows(plane, f"SELECT number FROM {SCHEMAS[0]}_raw.samples") == [(1,)]


def test_a_running_database_moves_in_and_back_and_no_write_is_lost(
    move: Move, record_testsuite_property: Callable[[str, object], None]
) -> None:
    load = Load(move.application)
    with load.running():
        move.do("Prepare", "2")
        assert move.do("Prepare", "3") == "no key: lines\n"
        with move.old.endpoint("primary").connect("shopmaster", move.old.plan.passwords["shopmaster"]) as session:
            session.execute("ALTER TABLE shop.lines REPLICA IDENTITY FULL")
        assert move.do("Prepare", "3") == ""
        move.do("Prepare", "4")
        set_passwords(move.new)
        move.do("Prepare", "5")
        move.do("Prepare", "6")
        for plane in (move.old, move.new):
            as_superuser(plane, "ALTER ROLE moves REPLICATION")
        move.do("Prepare", "7")
        move.do("Prepare", "8")
        make_roles(move.new)
        begun = time.monotonic()
        move.do("Switch")
        until(lambda: load.times[-1] > begun + 1)
        there = load.longest(begun - 0.5)
        for role in PASSWORDS:
            move.new.endpoint("primary").connect(role, PASSWORDS[role]).close()
    assert load.failed == []
    proven(load, move.new)
    owners = "SELECT tablename, tableowner FROM pg_tables WHERE schemaname IN ('shop', 'public') ORDER BY 1"
    assert rows(move.new, owners) == rows(move.old, owners)
    assert make_roles(move.new) is False
    again = Load(move.application, acknowledged=list(load.acknowledged))
    with again.running():
        begun = time.monotonic()
        move.do("Going back")
        until(lambda: again.times[-1] > begun + 1)
        back = again.longest(begun - 0.5)
    assert again.failed == []
    proven(again, move.old)
    record_testsuite_property("cut-over without writes, s", f"{there:.1f} there, {back:.1f} back")
    assert max(there, back) < 15  # a busy machine's


def test_what_the_document_does_is_all_that_it_says() -> None:
    """Every step of the cut-over with a command is one that the test above goes through."""
    labels = {
        heading: [step.label for step in steps(DOCUMENT, heading)] for heading in ("Prepare", "Switch", "Going back")
    }
    assert labels["Prepare"] == ["2", "3", "4", "5", "6", "7", "8"]
    assert "PAUSE" in read(DOCUMENT)
