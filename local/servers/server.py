"""One PostgreSQL server of this machine: its folder, its process, and how it starts, stops and reloads."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import struct
import subprocess
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg

from local import processes
from local.processes import Process
from local.servers import configuration
from local.servers.account import Account
from local.servers.binaries import Binaries
from local.servers.configuration import SUPERUSER, ServerConfiguration
from local.servers.connections import Connection, administer
from local.servers.errors import DataPlaneError
from local.servers.layout import private_folder, scratch_folder, write

START_SECONDS = 60  # crash recovery after a hard end takes a while
STOP_SECONDS = 30
COMMAND_SECONDS = 120
LOGGED_SECONDS = 2  # the logging collector outlives its postmaster by what it has yet to write
_POLL_SECONDS = 0.02
_PORT_TAKEN = "could not create any TCP/IP sockets"
_ORPHANS = "pre-existing shared memory block"
_REDIRECTED = "redirecting log output"
_FIRST_LINE = "starting PostgreSQL"
_LAST_LINE = "database system is shut down"


@dataclass(frozen=True, kw_only=True)
class Server:
    """One server: folder, port, programs, account. `folder` holds data/, log/ and what it said before its log began."""

    role: str
    folder: Path
    sockets: Path
    port: int
    binaries: Binaries
    account: Account

    @property
    def data(self) -> Path:
        """PGDATA. It is there only when it is whole."""
        return self.folder / "data"

    @property
    def logs(self) -> Path:
        """Where its log files are."""
        return self.folder / "log"

    @property
    def exists(self) -> bool:
        """Whether PGDATA was made."""
        return (self.data / "PG_VERSION").is_file()

    @property
    def major(self) -> int | None:
        """The major whose data lies there."""
        return major(self.data)

    def make_folder(self) -> None:
        """The folders around PGDATA, and nothing left of an interrupted attempt."""
        private_folder(self.folder, self.account)
        private_folder(self.logs, self.account)
        for leftover in self.folder.glob("data.new*"):
            shutil.rmtree(leftover)

    def adopt(self, arrived: Path) -> None:
        """Let a finished folder be PGDATA: from here on it is whole."""
        arrived.rename(self.data)

    def system_identifier(self) -> int | None:
        """What PostgreSQL calls the cluster; the same on a primary and its standbys."""
        return system_identifier(self.data)

    # Programs

    def ran(
        self, program: Path, *arguments: str | Path, seconds: int = COMMAND_SECONDS, cwd: str | Path = "/"
    ) -> subprocess.CompletedProcess[str]:
        """Run a program as the servers' account. Raises `DataPlaneError` if it takes longer than that."""
        try:
            return subprocess.run(
                [program, *arguments], capture_output=True, text=True, check=False, cwd=cwd,
                env=environment(), timeout=seconds, umask=0o077, **self.account.popen(),
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise DataPlaneError(f"{self.role}: {program.name} took more than {seconds} s. Try again.") from None

    def run(self, program: Path, *arguments: str | Path) -> None:
        """Run a program to its end as the servers' account. Raises `DataPlaneError` with what it said."""
        done = self.ran(program, *arguments)
        if done.returncode:
            raise DataPlaneError(f"{self.role}: {program.name} failed: {_reason(done.stderr)}")

    def initialise(self, *options: str) -> None:
        """Run initdb: a new cluster, whose superuser is RDS's."""
        new = self.folder / "data.new"
        self.run(
            self.binaries.server / "initdb", "-D", new, "-U", SUPERUSER, "-E", "UTF8",
            f"--locale={self.binaries.locale}", "--auth=reject", "--no-sync", "--no-instructions", *options,
        )  # fmt: skip
        self.adopt(new)

    # Configuration

    def configured(self) -> dict[str, str]:
        """Settings of the configuration that lies there; empty where none of ours does."""
        return configured(self.data)

    def configure(self, wanted: ServerConfiguration, system_users: Sequence[str], *, standby: bool) -> bool:
        """Write the three files where they differ, the settings last; whether one did."""
        files = {
            "pg_ident.conf": configuration.ident(system_users),
            "pg_hba.conf": wanted.hba,
            "postgresql.conf": wanted.text,
        }
        changed = False
        for name, text in files.items():
            path = self.data / name
            if not path.is_file() or path.read_text(encoding="utf-8") != text:
                write(path, text, account=self.account)
                changed = True
        if standby and not (self.data / "standby.signal").exists():
            write(self.data / "standby.signal", "", account=self.account)
        return changed

    def move(self, port: int, primary_port: int) -> None:
        """Let it and what it follows have these ports, and all else as it is. It does not run."""
        path = self.data / "postgresql.conf"
        text = path.read_text(encoding="utf-8")
        new = re.sub(r"^port = '[0-9]+'$", f"port = '{port}'", text, flags=re.MULTILINE)
        new = re.sub(r"(?<= port=)[0-9]+(?= user=)", str(primary_port), new)
        if new != text:
            write(path, new, account=self.account)

    def shared_memory_mib(self, wanted: ServerConfiguration, role: str) -> int:
        """MiB of shared memory that a configuration needs, by PostgreSQL's own account, before it is in force.

        Raises `DataPlaneError` with PostgreSQL's words for a name or value that it does not take. `role` is whose it
        is: that of a replica that does not exist yet is tried here too.
        """
        with scratch_folder(self.account, self.folder) as folder:
            (folder / "global").mkdir()
            shutil.copyfile(self.data / "global" / "pg_control", folder / "global" / "pg_control")
            (folder / "PG_VERSION").write_text((self.data / "PG_VERSION").read_text())
            (folder / "postgresql.conf").write_text(wanted.text)
            for path in folder.rglob("*"):
                self.account.give(path)
            done = subprocess.run(
                [self.binaries.server / "postgres", "-D", folder, "-C", "shared_memory_size"],
                capture_output=True, text=True, check=False, cwd="/", env=environment(), **self.account.popen(),
            )  # fmt: skip
        if done.returncode or not done.stdout.strip().isdecimal():
            raise DataPlaneError(
                f"{role}: PostgreSQL does not take the parameter group: {_reason(done.stderr)}. Correct it in the "
                f"stack file."
            )
        return int(done.stdout)

    # Process

    def process(self) -> Process | None:
        """Its postmaster, if it runs: the process of the pid file, if that is a postgres of this very folder."""
        return postmaster(self.data)

    def settled(self) -> Process | None:
        """Wait until it takes connections if it runs; None if it does not, or was ending. Raises `DataPlaneError`."""
        running, deadline = self.process(), time.monotonic() + START_SECONDS
        while running and running.alive():
            if self._says_ready(running.pid):
                return running
            if time.monotonic() > deadline:
                raise DataPlaneError(
                    f"{self.role}: PostgreSQL neither starts nor ends within {START_SECONDS} s: {self._last_words()}"
                )
            time.sleep(_POLL_SECONDS)
        return None

    def launch(self, *options: str) -> Process:
        """Start it and return at once; `wait_ready` says how it went. A server that runs is left alone.

        One that is ending, or not yet ready, is waited for: what it leaves behind is in the way of the next.
        """
        running = self.settled()
        if running:
            return running
        # A number in a stale file may be another process's by now, and PostgreSQL would then refuse to start.
        for stale in (self.data / "postmaster.pid", *self.sockets.glob(f".s.PGSQL.{self.port}*")):
            stale.unlink(missing_ok=True)
        (self.folder / "start.log").unlink(missing_ok=True)
        return processes.start(
            [str(self.binaries.server / "postgres"), "-D", str(self.data), *options],
            log=self.folder / "start.log",
            env=environment(),
            user=self.account.name if self.account.changed else None,
            cwd=self.data,
        )

    def wait_recovered(self, process: Process, seconds: float) -> None:
        """Until it is a primary. Raises `DataPlaneError` with the last words of its log if it ends or takes longer."""
        deadline = time.monotonic() + seconds
        while not self._says_ready(process.pid, ("ready",)):
            if not process.alive():
                self._wait_logged()
                raise DataPlaneError(f"{self.role}: PostgreSQL ended while recovering: {self._last_words()}")
            if time.monotonic() > deadline:
                raise DataPlaneError(f"{self.role}: not recovered after {seconds:.0f} s: {self._last_words()}")
            time.sleep(_POLL_SECONDS)

    def wait_ready(self, process: Process) -> Process:
        """Until it takes connections. Raises `DataPlaneError` with the last words of its log if it ends or hangs."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._says_ready(process.pid):
                return process
            if not process.alive():
                self._wait_logged()
                said = self._last_words()
                if _PORT_TAKEN in said:
                    raise DataPlaneError(
                        f"{self.role}: port {self.port} is taken. Choose another, or none for a free one."
                    )
                if _ORPHANS not in said:
                    raise DataPlaneError(f"{self.role}: PostgreSQL ended while starting: {said}")
                # Sessions of a killed postmaster end by themselves, soon.
                time.sleep(0.2)
                process = self.launch()
            time.sleep(_POLL_SECONDS)
        raise DataPlaneError(f"{self.role}: PostgreSQL is not ready after {START_SECONDS} s: {self._last_words()}")

    def start(self, *options: str) -> Process:
        """Start it and wait until it takes connections."""
        return self.wait_ready(self.launch(*options))

    def stop(self) -> bool:
        """Stop it: sessions are ended, nothing is lost. Whether it ran."""
        return stop(self.data)

    def restart(self) -> Process:
        """Stop it if it runs, and start it."""
        self.stop()
        return self.start()

    def reload(self) -> None:
        """Reload its configuration (SIGHUP)."""
        running = self.process()
        if running:
            with suppress(ProcessLookupError):
                os.kill(running.pid, signal.SIGHUP)

    @property
    def live_port(self) -> int:
        """The port that it runs with, which a changed plan may want to be another."""
        return listening_port(self.data) or self.port

    def admin(self, database: str = "postgres") -> Connection:
        """A session of its superuser."""
        return administer(self.sockets, self.live_port, database)

    def waits_for_restart(self) -> tuple[str, ...]:
        """Settings that are in its file and not in force, by its own account."""
        with self.admin() as session:
            rows = session.execute("SELECT name FROM pg_settings WHERE pending_restart ORDER BY name").fetchall()
        return tuple(row[0] for row in rows)

    def read_late(self) -> bool:
        """Whether a configuration file is newer than the last reload, as an interrupted run leaves it."""
        try:
            with self.admin() as session:
                row = session.execute("SELECT extract(epoch FROM pg_conf_load_time())").fetchone()
        except psycopg.OperationalError:
            return False
        assert row is not None
        files = [self.data / name for name in ("postgresql.conf", "pg_hba.conf", "pg_ident.conf")]
        certificate = self.configured().get("ssl_cert_file")
        files += [Path(certificate)] if certificate else []
        return max(path.stat().st_mtime for path in files) > float(row[0])

    def _says_ready(self, pid: int, words: Collection[str] = ("ready", "standby")) -> bool:
        """As pg_ctl does: the eighth line of the pid file."""
        try:
            lines = (self.data / "postmaster.pid").read_text().split("\n")
        except OSError:
            return False
        return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() in words

    def _wait_logged(self) -> None:
        """Until the log of a start that ended is whole; one that was killed never says its last line."""
        begun, deadline = self.folder / "start.log", time.monotonic() + LOGGED_SECONDS
        while begun.exists() and "FATAL" not in _text(begun) and time.monotonic() < deadline:
            log = self._newest_log()
            if log and log.stat().st_mtime >= begun.stat().st_mtime and _LAST_LINE in _text(log)[-500:]:
                return
            time.sleep(_POLL_SECONDS)

    def _newest_log(self) -> Path | None:
        return max(self.logs.glob("*"), key=lambda path: path.stat().st_mtime, default=None)

    def _last_words(self) -> str:
        """Why the server ended: what it said before its log began, if that is fatal, else the last of its log."""
        begun = self.folder / "start.log"
        texts, newest = [_text(begun)], self._newest_log()
        # Of a start that ended before its log began, the log has only what the one before said, and perhaps late.
        if newest and _REDIRECTED in texts[0] and "FATAL" not in texts[0]:
            texts.insert(0, _text(newest).rpartition(_FIRST_LINE)[2])
        said = next((reason for text in texts if (reason := _reason(text, last=True))), "")
        return said or f"it said nothing in {begun}."


def major(data: Path) -> int | None:
    """The major of a PGDATA; None without one."""
    try:
        return int((data / "PG_VERSION").read_text())
    except (OSError, ValueError):
        return None


def configured(data: Path) -> dict[str, str]:
    """Settings of the configuration of a PGDATA; empty where none of ours lies there."""
    try:
        return configuration.parse((data / "postgresql.conf").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}


def system_identifier(data: Path) -> int | None:
    """What PostgreSQL calls the cluster of a PGDATA or a backup of one; None where there is none."""
    try:
        with (data / "global" / "pg_control").open("rb") as file:
            (identifier,) = struct.unpack("=Q", file.read(8))
    except (OSError, struct.error):
        return None
    return int(identifier)


def postmaster(data: Path) -> Process | None:
    """The postmaster of a PGDATA: the process of its pid file, if that lives and is a postgres of this very folder."""
    try:
        pid = int((data / "postmaster.pid").read_text().split("\n")[0])
    except (OSError, ValueError):
        return None
    found = Process.of(pid)
    return found if found and f"-D {shlex.quote(str(data))}" in found.command else None


def listening_port(data: Path) -> int | None:
    """The port of the server of a PGDATA, if it runs: the fourth line of its pid file."""
    if not postmaster(data):
        return None
    try:
        return int((data / "postmaster.pid").read_text().split("\n")[3])
    except (OSError, ValueError, IndexError):
        return None


def stop(data: Path) -> bool:
    """Stop the server of a PGDATA: sessions are ended, nothing is lost. Whether it ran."""
    running = postmaster(data)
    if running:
        running.stop(STOP_SECONDS, signal.SIGINT)
    return running is not None


def environment() -> Mapping[str, str]:
    """Environment of PostgreSQL's programs: variables such as PGPORT of whoever calls would change what they do."""
    return {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C", "TZ": "UTC"}


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _reason(text: str, *, last: bool = False) -> str:
    """Errors of a log, without time and process: error and fatal lines, else the last."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    told = [re.sub(r"^.*?(?=(?:FATAL|PANIC|ERROR|LOG|DETAIL|HINT|error):)", "", line) for line in lines]
    # "configuration file contains errors" follows the lines that say which.
    fatal = [line for line in told if re.match("FATAL|PANIC|ERROR|error", line) and "contains errors" not in line]
    chosen = fatal or [line for line in told if line.startswith("LOG")] or told
    hints = [line for line in told if re.match("DETAIL|HINT", line)]
    return " ".join([*(chosen[-1:] if last else chosen[:3]), *hints[-2:]])
