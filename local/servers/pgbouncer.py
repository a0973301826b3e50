"""PgBouncer on this machine, with the configuration as registered but for what is the machine's own."""

from __future__ import annotations

import os
import re
import resource
import shlex
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from blueprint.names import generation_suffix
from langpont_db.pgbouncer import versions
from langpont_db.pgbouncer.console import Console
from langpont_db.pgbouncer.errors import HostError
from langpont_db.pgbouncer.host import Owner
from langpont_db.pgbouncer.reload import KEEPS_CONNECTIONS, reload
from langpont_db.pgbouncer.trial import Trial
from langpont_db.pgbouncer.trial import running as running_trial
from local import processes
from local.processes import Process
from local.servers.account import Account
from local.servers.connections import Endpoint
from local.servers.errors import DataPlaneError
from local.servers.layout import Layout, Ports, write
from local.servers.plan import DataPlan, connection_string, read_ini
from local.servers.server import environment

INSTALL = "apt-get install pgbouncer, or brew install pgbouncer"
START_SECONDS = 30  # it takes a moment; a loaded machine may take long
ALOUD_SECONDS = 5
READ = "read"  # its time is that of the last files that it was told to read
HOST = "127.0.0.1"

# What PgBouncer takes at its start only (its documentation says "cannot be changed online"), and what decides how many
# file descriptors it must have been given.
_RESTART = {
    "listen_addr", "listen_port", "unix_socket_dir", "logfile", "pidfile", "auth_file", "max_client_conn",
    "max_db_connections", "max_user_connections", "default_pool_size", "min_pool_size", "reserve_pool_size",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Files:
    """Both files as this machine's PgBouncer reads them. `substituted`: what differs from the registered ones."""

    ini: str
    user_list: str
    substituted: tuple[str, ...]


def render(plan: DataPlan, layout: Layout, ports: Ports, authority: Path | None) -> Files:
    """The registered files with host, port and paths of this machine; without an authority the TLS mode too.

    The user list is as registered. Every other line of the configuration stays as it is, in its place.
    """
    own: dict[str, str] = {
        "listen_addr": HOST,
        "listen_port": str(ports.pooler),
        "unix_socket_dir": str(layout.sockets),
        "logfile": str(layout.pooler / "pgbouncer.log"),
        "pidfile": str(layout.pooler / "pgbouncer.pid"),
        "auth_file": str(layout.pooler / "userlist.txt"),
    }
    if authority:
        own["server_tls_ca_file"] = str(authority)
    else:
        own["server_tls_sslmode"] = "disable"
    registered = read_ini(plan.ini)
    entries = set(registered["databases"])
    lines, substituted = [], []
    section = ""
    for line in plan.ini.splitlines():
        heading = re.fullmatch(r"\[(\w+)\]", line.strip())
        section = heading[1] if heading else section
        name = line.split("=", 1)[0].strip()
        new = line
        if section == "databases" and name in entries:
            new = f"{name} = {_entry(registered['databases'][name], plan, ports)}"
        elif section == "pgbouncer" and name in own:
            new = f"{name} = {own[name]}"
        if new != line:
            substituted.append(name)
        lines.append(new)
    return Files(ini="\n".join(lines) + "\n", user_list=plan.user_list, substituted=tuple(substituted))


def _entry(text: str, plan: DataPlan, ports: Ports) -> str:
    values = connection_string(text)
    name = f"{plan.hosts[values['host']]}{generation_suffix(plan.primary.generation)}"  # as InstancePlan.name
    values |= {"port": str(ports.servers[name]), "host": HOST}
    return " ".join(f"{key}={value}" for key, value in values.items())


def find_binary() -> Path:
    """The system's PgBouncer. Raises `DataPlaneError` with the command that installs it, or for a refused version."""
    places = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin"])
    found = shutil.which("pgbouncer", path=places)
    if found is None:
        raise DataPlaneError(f"PgBouncer is missing. Install it: {INSTALL}")
    said = subprocess.run([found, "--version"], capture_output=True, text=True, check=False).stdout
    version = versions.parse(said)
    if version and (sentence := versions.refusal(version)):
        raise DataPlaneError(sentence)
    return Path(found)


class Pooler:
    """PgBouncer of one plan: render its files, start, reload, restart."""

    def __init__(
        self,
        plan: DataPlan,
        *,
        account: Account,
        layout: Layout,
        ports: Ports,
        authority: Path | None,
    ) -> None:
        self.plan = plan
        self.account = account
        self.layout = layout
        self.ports = ports
        self.files = render(plan, layout, ports, authority)

    def endpoint(self, entry: str) -> Endpoint:
        """Where clients reach a database through it: its name is the entry's."""
        return Endpoint(host=HOST, port=self.ports.pooler, database=entry, authority=None)

    @property
    def entries(self) -> Mapping[str, str]:
        """Role of the instance behind each entry."""
        databases = read_ini(self.plan.ini)["databases"]
        return {name: self.plan.hosts[connection_string(text)["host"]] for name, text in databases.items()}

    @property
    def option(self) -> Mapping[str, str]:
        """The registered options."""
        return dict(read_ini(self.plan.ini)["pgbouncer"])

    def up(self) -> Literal["started", "restarted", "reloaded"] | None:
        """Bring it to the registered files; what had to be done. Raises `DataPlaneError`."""
        binary = find_binary()
        ini, user_list = self.layout.pooler / "pgbouncer.ini", self.layout.pooler / "userlist.txt"
        before = ini.read_text(encoding="utf-8") if ini.is_file() else ""
        changed = [
            path for path, text in ((user_list, self.files.user_list), (ini, self.files.ini))
            if not path.is_file() or path.read_text(encoding="utf-8") != text
        ]  # fmt: skip
        process = self.process()
        # A run that was interrupted between a file and the signal has left the file newer than the mark.
        late = process is not None and self._read_late((ini, user_list))
        for path in changed:
            # Another file in its place: a rewrite of the same size within a second would be overlooked.
            write(path, self.files.user_list if path == user_list else self.files.ini, account=self.account)
        if process is None:
            self._start(binary)
            return "started"
        if changed and self._needs_restart(before):
            stop(self.layout)
            self._start(binary)
            return "restarted"
        if changed or late:
            self.reload()
            return "reloaded"
        return None

    def process(self) -> Process | None:
        """The one of the pid file, if it runs with our configuration."""
        return running(self.layout)

    def _needs_restart(self, before: str) -> bool:
        old, new = (dict(read_ini(text or "[pgbouncer]")["pgbouncer"]) for text in (before, self.files.ini))
        other = {name for name in {*old, *new} if old.get(name) != new.get(name)}
        if other & _RESTART:
            return True
        with self.console() as console:
            return console.version() < KEEPS_CONNECTIONS and any(name.startswith("server_tls_") for name in other)

    def console(self) -> Console:
        """Its admin console. Raises `DataPlaneError`."""
        owner = Owner(self.account.uid, self.account.gid)
        try:
            return Console(self.layout.sockets / f".s.PGSQL.{self.ports.pooler}", owner)
        except HostError as error:
            raise DataPlaneError(str(error)) from None

    def reload(self) -> None:
        """Read the files anew as they are, by which no client notices anything. Raises `DataPlaneError`."""
        try:
            with self.console() as console:
                reload(console, self.layout.pooler / "pgbouncer.ini", Owner(self.account.uid, self.account.gid))
        except HostError as error:
            raise DataPlaneError(str(error)) from None
        self._mark()

    @contextmanager
    def trial(self) -> Iterator[Trial]:
        """A second one with the same files, that nobody has logged in to yet and nobody else reaches."""
        with running_trial(
            find_binary(),
            ini=self.files.ini,
            user_list=self.files.user_list,
            certificates=None,
            port=self.ports.pooler,
            owner=Owner(self.account.uid, self.account.gid),
        ) as trial:
            yield trial

    def _mark(self) -> None:
        write(self.layout.pooler / READ, "", account=self.account)

    def _read_late(self, files: tuple[Path, Path]) -> bool:
        try:
            mark = (self.layout.pooler / READ).stat().st_mtime_ns
        except FileNotFoundError:
            return True
        return any(path.stat().st_mtime_ns > mark for path in files if path.exists())

    def _start(self, binary: Path) -> None:
        folder = self.layout.pooler
        log = folder / "pgbouncer.log"
        for stale in (folder / "pgbouncer.pid", log, *self.layout.sockets.glob(f".s.PGSQL.{self.ports.pooler}*")):
            stale.unlink(missing_ok=True)
        with _descriptors(self._expected_descriptors()):
            process = processes.start(
                # Its own log has all of it; what it says before that opens is in the other one.
                [str(binary), "-q", str(folder / "pgbouncer.ini")],
                log=folder / "start.log",
                env=environment(),
                user=self.account.name if self.account.changed else None,
                cwd=folder,
            )
        self._wait(binary, process, log)
        self._mark()

    def _asked_aloud(self, binary: Path) -> str:
        """Why it does not start: with `-q` it keeps to itself what it finds in its configuration."""
        with suppress(subprocess.TimeoutExpired):  # this time it did start; it is ended again
            done = subprocess.run(
                [binary, self.layout.pooler / "pgbouncer.ini"], capture_output=True, text=True, check=False,
                cwd=self.layout.pooler, env=environment(), timeout=ALOUD_SECONDS, **self.account.popen(),
            )  # fmt: skip
            return _last_words(done.stderr)
        return ""

    def _expected_descriptors(self) -> int:
        """Every client, every server connection of every user and entry, and its own files, with room to spare."""
        option = self.option
        per_pool = int(option.get("default_pool_size", 20)) + int(option.get("reserve_pool_size", 0))
        return int(option.get("max_client_conn", 100)) + per_pool * len(self.entries) * len(self.plan.pooled) + 200

    def _wait(self, binary: Path, process: Process, log: Path) -> None:
        deadline = time.monotonic() + START_SECONDS
        # Its log, not the port alone: that may be another program's, and then PgBouncer goes on with its socket.
        while "process up" not in (text := _text(log)) or not _listens(self.ports.pooler):
            if not process.alive():
                words = _last_words(_text(log.with_name("start.log")), _text(log)) or self._asked_aloud(binary)
                raise DataPlaneError(f"PgBouncer ended while starting: {words or 'it said nothing.'}")
            if time.monotonic() > deadline:
                process.stop()
                raise DataPlaneError(f"PgBouncer does not listen after {START_SECONDS} s: {_last_words(_text(log))}")
            time.sleep(0.02)
        if f"listening on {HOST}:{self.ports.pooler}" not in text:
            process.stop()
            raise DataPlaneError(f"pooler: port {self.ports.pooler} is taken. Choose another, or none for a free one.")
        said = re.search(r"descriptor limit: (\d+).*max expected fd use: (\d+)", text)
        if said and int(said[1]) < int(said[2]):
            process.stop()
            raise DataPlaneError(
                f"PgBouncer may open {said[1]} files and expects to need {said[2]}, so clients would hang. Raise the "
                f"limit: ulimit -n {said[2]}"
            )


def running(layout: Layout) -> Process | None:
    """The PgBouncer of a layout, if it runs."""
    try:
        pid = int((layout.pooler / "pgbouncer.pid").read_text().strip())
    except (OSError, ValueError):
        return None
    found = Process.of(pid)
    return found if found and shlex.quote(str(layout.pooler / "pgbouncer.ini")) in found.command else None


def listening_port(layout: Layout) -> int | None:
    """The port of a layout's PgBouncer, if it runs."""
    if not running(layout):
        return None
    found = re.search(r"^listen_port = (\d+)$", _text(layout.pooler / "pgbouncer.ini"), flags=re.MULTILINE)
    return int(found[1]) if found else None


def stop(layout: Layout) -> bool:
    """Stop it at once, clients or not. Whether it ran."""
    found = running(layout)
    if found is None:
        return False
    # TERM is at once up to 1.22 and waits for clients from 1.23, where QUIT is at once.
    os.kill(found.pid, signal.SIGTERM)
    deadline = time.monotonic() + 1
    while found.alive() and time.monotonic() < deadline:
        time.sleep(0.02)
    found.stop(5, signal.SIGQUIT)
    return True


@contextmanager
def _descriptors(needed: int) -> Iterator[None]:
    """Raise the limit of open files for what is started inside, as far as the system lets us."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    endless = resource.RLIM_INFINITY
    if soft == endless or soft >= needed:
        yield
        return
    if hard != endless and hard < needed and os.geteuid() == 0:
        hard = needed
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed if hard == endless else min(needed, hard), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def _listens(port: int) -> bool:
    with socket.socket() as client:
        client.settimeout(1)
        return client.connect_ex((HOST, port)) == 0


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _last_words(*texts: str) -> str:
    """The last lines that tell something, of the first text that has any."""
    for text in texts:
        lines = [line for line in text.splitlines() if line.strip()]
        telling = [line for line in lines if re.search(r"\b(FATAL|ERROR)\b", line)] or lines
        if telling:
            return " ".join(telling[-2:])
    return ""
