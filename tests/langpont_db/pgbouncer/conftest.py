"""An application host on this machine: the real servers, moto as AWS, and a systemd that keeps PgBouncer only."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import boto3
import psycopg
import pytest
from moto import mock_aws

from blueprint.postgres import scram
from blueprint.postgres.pgbouncer import render_user_list
from langpont_db.pgbouncer.__main__ import main
from langpont_db.pgbouncer.console import Console
from langpont_db.pgbouncer.host import Host
from local.servers import pgbouncer as local_pgbouncer
from local.servers.account import Account
from local.servers.layout import Layout
from local.servers.pgbouncer import find_binary
from local.servers.plan import data_plan
from local.servers.plane import DataPlane
from local.servers.ports import choose
from tests.local.servers.conftest import account, binaries, make, runtime
from tests.recordings import recording
from tests.waiting import until

__all__ = ["account", "binaries", "runtime"]  # fixtures

REGION = "ap-northeast-1"
STACK = "prod"
APP, READONLY = "langpont_app", "langpont_readonly"
OTHER_REPLICA = "langpont_replica_2"
FAKE = Path(__file__).with_name("fake_systemctl.sh")

if sys.platform != "linux":
    collect_ignore_glob = ["test_*"]  # hosts have Linux


@dataclass
class Answer:
    """What the command said. `waiting`: who waits, as it happens to be. `version`: said of the one that runs."""

    code: int
    out: list[str]
    err: list[str]
    waiting: str | None = field(default=None, compare=False)
    version: str | None = field(default=None, compare=False)


@dataclass(kw_only=True)
class Machine:
    """The host: run the command on it, publish for it, be its clients. `passwords` are the current ones by role."""

    platform: DataPlane
    layout: Layout
    host: Host
    systemd: Path
    capsys: pytest.CaptureFixture[str]
    ini: str
    verifiers: dict[str, str]
    passwords: dict[str, str]
    port: int
    stack: str
    arns: dict[str, str] = field(default_factory=dict)
    _clients: dict[str, Any] = field(default_factory=dict)

    # Run it

    def run(self, *argv: str) -> Answer:
        """In this process, so that moto answers."""
        self.capsys.readouterr()
        code = main(argv, self.host)
        said = self.capsys.readouterr()
        lines = said.out.splitlines()
        waiting = lines.pop() if lines and "clients wait" in lines[-1] else None
        version = lines.pop() if lines and lines[-1].startswith("pgbouncer: PgBouncer ") else None
        return Answer(code, lines, said.err.splitlines(), waiting, version)

    def sync(self) -> Answer:
        return self.run("sync")

    def up(self) -> None:
        """As after a first run."""
        assert self.sync() == Answer(0, [STARTED], [])

    # Publish for it

    def aws(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = boto3.client(service, region_name=REGION)
        return self._clients[service]

    def publish(self, ini: str | None = None, user_list: str | None = None) -> None:
        """What `pulumi up` would put into the pooler's secret: the files as registered, or these."""
        document = {
            "pgbouncer.ini": self.ini if ini is None else ini,
            "userlist.txt": render_user_list(self.verifiers) if user_list is None else user_list,
        }
        self.publish_text(json.dumps(document))

    def publish_text(self, text: str) -> None:
        self.aws("secretsmanager").put_secret_value(SecretId=self.arns["pooler"], SecretString=text)

    def publish_password(self, role: str, password: str) -> None:
        text = json.dumps({"username": role, "password": password})
        self.aws("secretsmanager").put_secret_value(SecretId=self.arns[role], SecretString=text)

    def ini_with(self, **settings: object) -> str:
        """The configuration with these lines changed."""
        ini = self.ini
        for name, value in settings.items():
            ini, number = re.subn(rf"(?m)^{name} = .*$", f"{name} = {value}", ini)
            assert number == 1, name
        return ini

    def ini_without(self, entry: str) -> str:
        ini, number = re.subn(rf"(?m)^{entry} = .*\n", "", self.ini)
        assert number == 1
        return ini

    def new_password(self, role: str) -> None:
        """Database, role's secret and pooler's secret, as the platform changes them. The host knows nothing yet."""
        self.passwords[role] = secrets.token_urlsafe(16)
        self.verifiers[role] = scram.verifier(self.passwords[role], secrets.token_bytes(16))
        alter_role(self.platform, role, self.verifiers[role])
        self.publish_password(role, self.passwords[role])
        self.publish()

    # What it is

    @property
    def pid(self) -> int:
        return int((self.systemd / "pid").read_text())

    @property
    def log(self) -> str:
        return (self.systemd / "log").read_text()

    @property
    def calls(self) -> list[str]:
        """Of systemctl, but for the looks at a state."""
        return [line for line in (self.systemd / "calls").read_text().splitlines() if not line.startswith("show ")]

    def console(self) -> Console:
        return Console.of(self.pid)

    def systemctl(self, *arguments: str) -> None:
        subprocess.run([self.systemd / "bin" / "systemctl", *arguments], check=True)

    def state(self) -> dict[str, Any]:
        """Everything that must stay when nothing is to change."""
        names = ("pgbouncer.ini", "userlist.txt", "ap-northeast-1-bundle.pem")
        entries = {path.name: path.stat() for path in self.host.folder.iterdir() if path.name in names}
        files = {name: (entry.st_ino, entry.st_mtime_ns, entry.st_mode) for name, entry in entries.items()}
        return {"files": files, "pid": self.pid, "reloads": self.log.count("RELOAD command issued")}

    # Its clients

    def connect(
        self, entry: str = "langpont", role: str = APP, *, password: str | None = None, autocommit: bool = False
    ) -> psycopg.Connection[Any]:
        """A session through PgBouncer."""
        return psycopg.connect(
            host="127.0.0.1", port=self.port, dbname=entry, user=role, password=password or self.passwords[role],
            autocommit=autocommit, connect_timeout=5, prepare_threshold=None,
        )  # fmt: skip

    @contextmanager
    def traffic(self, *entries: str) -> Iterator[Traffic]:
        """A client for each entry that runs one transaction after the other. At the end not one has failed."""
        running = Traffic([self.connect(entry) for entry in entries])
        try:
            running.goes_on()
            yield running
            running.goes_on()
        finally:
            running.stop()
        assert running.errors == []


class Traffic:
    """Threads that count their transactions."""

    def __init__(self, sessions: list[psycopg.Connection[Any]]) -> None:
        self.errors: list[str] = []
        self.done = [0] * len(sessions)
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=one) for one in enumerate(sessions)]
        for thread in self._threads:
            thread.start()

    def _run(self, number: int, session: psycopg.Connection[Any]) -> None:
        with session:
            while not self._stopped.is_set():
                try:
                    with session.transaction():
                        session.execute("SELECT pg_backend_pid(), pg_sleep(0.002)")
                except psycopg.Error as error:
                    self.errors.append(str(error))
                    return
                self.done[number] += 1

    def goes_on(self) -> None:
        """Every client ends another transaction after this moment, or has failed."""
        begun = list(self.done)
        until(lambda: bool(self.errors) or all(now > then + 1 for now, then in zip(self.done, begun, strict=True)))

    def stop(self) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join()


def alter_role(platform: DataPlane, role: str, verifier: str) -> None:
    """On the primary, and wait until every replica has it."""
    primary, *replicas = platform.cluster.servers.values()
    with primary.admin() as session:
        session.execute(f"ALTER ROLE {role} PASSWORD '{verifier}'".encode())
    for server in replicas:
        with server.admin() as session:
            look = partial(session.execute, "SELECT rolpassword FROM pg_authid WHERE rolname = %s", [role])
            until(lambda look=look: look().fetchone() == (verifier,))  # type: ignore[misc]


STARTED = "pgbouncer: started: entries langpont, langpont_replica_1, langpont_replica_2"
UNCHANGED = "pgbouncer: unchanged"
NOBODY_WAITS = "pgbouncer: 0 clients wait, the longest for 0.0 s"


@pytest.fixture(scope="session")
def platform(binaries: Any, account: Account, runtime: Path) -> DataPlane:
    """The primary and two replicas of prod, with TLS, and roles that can log in, which is all that matters here."""
    made = make(data_plan(recording(STACK)), Layout(runtime / "servers"), binaries, account)
    made.cluster.up()
    with made.cluster.primary.admin() as session:
        for role in made.plan.pooled:
            session.execute(f"CREATE ROLE {role} LOGIN".encode())
    for role in made.plan.pooled:
        alter_role(made, role, made.plan.verifiers[role])
    return made


@pytest.fixture(scope="module")
def aws() -> Iterator[Iterator[str]]:
    """moto, once for many tests: starting it takes longer than most of them. Gives names for their stacks."""
    with pytest.MonkeyPatch.context() as patched:
        for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_DEFAULT_REGION", "AWS_REGION"):
            patched.delenv(name, raising=False)
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patched.setenv(name, "testing")
        with mock_aws():
            yield (f"{STACK}-{number}" for number in count(1))


@pytest.fixture
def machine(
    platform: DataPlane,
    account: Account,
    runtime: Path,
    aws: Iterator[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Machine]:
    """A host as Debian's package leaves it, without its PgBouncer running; everything is published."""
    layout = Layout(runtime / "host")
    made = _machine(platform, account, layout, next(aws), capsys)
    _as_systemd(made, account, monkeypatch)
    _in_aws(made)
    yield made
    local_pgbouncer.stop(layout)
    for role, verifier in made.verifiers.items():
        if verifier != platform.plan.verifiers[role]:
            alter_role(platform, role, platform.plan.verifiers[role])
    for folder in (layout.root, layout.sockets):
        shutil.rmtree(folder, ignore_errors=True)


def _machine(
    platform: DataPlane, account: Account, layout: Layout, stack: str, capsys: pytest.CaptureFixture[str]
) -> Machine:
    layout.make(account)
    authority = platform.cluster.authority
    assert authority
    host = Host(folder=layout.pooler, units=layout.root / "units", state=layout.root / "state", certificates=authority)
    host.units.mkdir()
    ports = choose(platform.plan, asked={}, ours=frozenset())
    own = type(ports)(servers=platform.ports.servers, pooler=ports.pooler)
    files = local_pgbouncer.render(platform.plan, layout, own, host.certificates_file)
    return Machine(
        platform=platform, layout=layout, host=host, systemd=layout.root / "systemd", capsys=capsys, ini=files.ini,
        verifiers={role: platform.plan.verifiers[role] for role in platform.plan.pooled},
        passwords={role: platform.plan.passwords[role] for role in platform.plan.pooled}, port=own.pooler, stack=stack,
    )  # fmt: skip


def _as_systemd(machine: Machine, account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = machine.systemd
    (folder / "bin").mkdir(parents=True)
    shutil.copy(FAKE, folder / "bin" / "systemctl")
    for name, text in {
        "user": account.name,
        "ini": str(machine.host.ini),
        "binary": str(find_binary()),
        "nofile": "4096",
    }.items():
        (folder / name).write_text(f"{text}\n")
    (folder / "calls").touch()
    monkeypatch.setenv("FAKE_SYSTEMD", str(folder))
    monkeypatch.setenv("PATH", f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}")


def _in_aws(machine: Machine) -> None:
    manager = machine.aws("secretsmanager")
    for name in ("pooler", *machine.passwords):
        machine.arns[name] = manager.create_secret(Name=f"langpont-{machine.stack}/{name}")["ARN"]
    for role, password in machine.passwords.items():
        machine.publish_password(role, password)
    machine.publish()
    outputs = {
        "environment": machine.stack,
        "region": REGION,
        "poolerSecretArn": machine.arns["pooler"],
        "secretArns": {role: machine.arns[role] for role in machine.passwords},
    }
    machine.host.outputs.write_text(json.dumps(outputs))
