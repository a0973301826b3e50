"""Temporary servers for benchmarks, with folders of their own and free ports, and how much is measured on them."""

from __future__ import annotations

import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from psycopg import sql

from blueprint.postgres.roles import DATABASE_SETTINGS, ROLES
from local.servers import binaries, plane, ports
from local.servers.account import Account, server_account
from local.servers.binaries import Binaries
from local.servers.layout import Layout, Ports
from local.servers.plan import DataPlan, data_plan, read_ini
from local.servers.plane import DataPlane
from local.state import Folders
from recording import engine
from recording.answers import Answers
from recording.stack_files import StackFile

PROJECT = Path(__file__).resolve().parents[1]
APPLICATION, READER = "langpont_app", "langpont_readonly"


@dataclass(frozen=True, kw_only=True)
class Effort:
    """Sizes and durations; the defaults are those of the record.

    runs: of each measurement. clients: of pgbench. rate: transactions offered a second. scale, recovery_scale: of
    pgbench, 100,000 accounts each. seconds: of one pgbench run in a closed loop, logging in included. offered_seconds:
    of one at a rate; of these the first settle_seconds are left out: what was due while clients logged in waits for
    longer than a pool that has been there would let it. pairs: turns of the library. stacks: to preview. load_seconds:
    of writing before something is done to a server.
    """

    runs: int = 3
    clients: int = 300
    rate: int = 1000
    scale: int = 50
    recovery_scale: int = 10
    seconds: int = 6
    offered_seconds: int = 12
    settle_seconds: int = 4
    pairs: int = 15
    stacks: tuple[str, ...] = ("dev", "staging", "prod")
    load_seconds: float = 1.5

    @property
    def direct_clients(self) -> int:
        """Without the pooler: a server with max_connections of 300 keeps three of them for its superuser."""
        return min(self.clients, 297)


QUICK = Effort(
    runs=1, clients=20, rate=200, scale=1, recovery_scale=1, seconds=1, offered_seconds=2, settle_seconds=1, pairs=3,
    stacks=("dev",), load_seconds=0.5,
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Workshop:
    """What a benchmark needs: a temporary folder with binaries, account and plan, how much to measure, and progress.

    `plan` is prod's, as the program registers it; `say` hears each step before it begins.
    """

    effort: Effort
    say: Callable[[str], None]
    folder: Path
    binaries: Binaries
    account: Account
    plan: DataPlan

    def layout(self, name: str) -> Layout:
        """The layout of a platform's folder in it."""
        return Layout(self.folder / name)

    def free_ports(self, plan: DataPlan) -> Ports:
        """Free ports for a plan."""
        return ports.choose(plan, asked={}, ours=frozenset())

    def plane(self, plan: DataPlan, layout: Layout, at: Ports, *, backed_up: bool = False) -> DataPlane:
        """The servers and pooler of a plan, not started yet. `backed_up`: they archive, which costs disk and time."""
        return DataPlane(
            plan, binaries=self.binaries, account=self.account, layout=layout, ports=at, make_roles=make_roles,
            backed_up=backed_up,
        )  # fmt: skip


@contextmanager
def workshop(
    stack_file: StackFile, effort: Effort, say: Callable[[str], None], cache: Path | None = None
) -> Iterator[Workshop]:
    """Create the workshop; at the end, or when interrupted, stop every server in it and remove it.

    `cache`: where PostgreSQL's programs stay; by default where `make up` has them. Raises `DataPlaneError`.
    """
    recording = engine.record(stack_file, Answers(stack_file.config["aws:region"]), preview=False)
    account = server_account()
    if cache is None:
        folders = Folders.of(PROJECT, "prod")
        replace(folders, run=folders.run.parent).make_run()
        cache = folders.run.parent / "postgresql"
    found = binaries.find(cache, account)
    folder = Path(tempfile.mkdtemp(prefix="lp-bench-", dir="/var/tmp"))
    try:
        folder.chmod(0o711)
        plan = data_plan(recording)
        yield Workshop(effort=effort, say=say, folder=folder, binaries=found, account=account, plan=plan)
    finally:
        with _uninterrupted():
            for root in folder.iterdir():
                plane.purge(Layout(root))
            shutil.rmtree(folder)


def with_replicas(plan: DataPlan, number: int) -> DataPlan:
    """The plan with its first replicas only, the pooler's entries too."""
    kept = plan.instances[: number + 1]
    roles = {instance.role for instance in kept}
    entries = read_ini(plan.ini)["databases"]
    hosts = {host: role for host, role in plan.hosts.items() if role in roles}
    removed = [name for name, text in entries.items() if not any(f"host={host} " in text for host in hosts)]
    lines = [line for line in plan.ini.splitlines() if line.split(" = ")[0] not in removed]
    return replace(plan, instances=kept, hosts=hosts, ini="\n".join(lines) + "\n")


def make_roles(data: DataPlane) -> bool:
    """Create the pooled roles with passwords, timeouts and rights on every table of the superuser.

    `make up` lets the roles function make them, with moto as AWS; nothing of that is measured here.
    """
    with data.cluster.primary.admin(data.plan.database) as session:
        session.execute("SET log_statement = 'none'; SET log_min_duration_statement = -1")  # no verifier in a log
        existing = {row[0] for row in session.execute("SELECT rolname FROM pg_roles").fetchall()}
        missing = [role for role in ROLES if role.pooled and role.name not in existing]
        for role in missing:
            name = sql.Identifier(role.name)
            rights = sql.SQL("SELECT, INSERT, UPDATE, DELETE" if role.name == APPLICATION else "SELECT")
            verifier = sql.Literal(data.plan.verifiers[role.name])
            session.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(name, verifier))
            session.execute(
                sql.SQL("ALTER ROLE {} SET statement_timeout = {}").format(
                    name, sql.Literal(f"{role.statement_timeout_seconds}s")
                )
            )
            session.execute(sql.SQL("ALTER DEFAULT PRIVILEGES GRANT {} ON TABLES TO {}").format(rights, name))
        for setting, value in DATABASE_SETTINGS.items():
            session.execute(
                sql.SQL("ALTER DATABASE {} SET {} = {}").format(
                    sql.Identifier(data.plan.database), sql.Identifier(setting), sql.Literal(value)
                )
            )
    return bool(missing)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Ignore SIGINT, SIGTERM and alarms in the block: a second Ctrl-C would leave servers behind."""
    kept = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    alarm = signal.alarm(0)
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)
        if alarm:
            signal.alarm(alarm)
