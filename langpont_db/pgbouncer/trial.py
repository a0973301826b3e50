"""A dry run of new files: a second PgBouncer of the host's own version loads them, away from all clients.

It matters: a reload takes the lines before a mistake and leaves out those after it, and a restart would not come up.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from langpont_db.pgbouncer import versions
from langpont_db.pgbouncer.console import Console
from langpont_db.pgbouncer.errors import HostError
from langpont_db.pgbouncer.host import Host, ManagedFile, Owner, current_owner
from langpont_db.pgbouncer.published import Published, refused
from langpont_db.pgbouncer.versions import Version

START_SECONDS = 10


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """Settings and entries that a PgBouncer has loaded, as its console shows them."""

    settings: dict[str, str]
    entries: dict[str, tuple[Any, Any, Any]]


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A second PgBouncer, with no port and in a folder of its own. `console` is None if it did not start."""

    folder: Path
    port: int
    console: Console | None

    def log(self) -> str:
        """What it has said until now."""
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")


@contextmanager
def running(
    program: Path, *, ini: str, user_list: str, certificates: bytes | None, port: int, owner: Owner
) -> Iterator[Trial]:
    """Start it with these files for the block. `port`: listen_port of the ini, which names its socket.

    `certificates` take the place of the file that the ini names; None leaves that as it is.
    """
    folder = Path(tempfile.mkdtemp(prefix="langpont-pgbouncer-"))
    try:
        os.chown(folder, owner.uid, owner.gid)
        own = _own(folder) if certificates else {n: v for n, v in _own(folder).items() if n != _AUTHORITY}
        for name, content in (
            (_INI, "\n".join([*(_replaced(line, own) for line in ini.splitlines()), ""]).encode()),
            (_USER_LIST, user_list.encode()),
            *([(_CERTIFICATES, certificates)] if certificates else []),
        ):
            ManagedFile(folder / name, content, mode=0o600, owner=owner).write()
        process = _start(program, folder, owner)
        try:
            console = _console(process, folder / f".s.PGSQL.{port}", owner)
            try:
                yield Trial(folder=folder, port=port, console=console)
            finally:
                if console:
                    console.close()
        finally:
            process.kill()  # nobody is connected, and how long TERM takes depends on the version
            process.wait()
    finally:
        shutil.rmtree(folder)


_INI, _USER_LIST, _CERTIFICATES = "pgbouncer.ini", "userlist.txt", "certificates.pem"
_AUTHORITY = "server_tls_ca_file"


def _own(folder: Path) -> dict[str, str]:
    """Settings of a trial in place of the published ones."""
    return {
        "listen_addr": "",
        "unix_socket_dir": str(folder),
        "logfile": "",
        "pidfile": "",
        "auth_file": str(folder / _USER_LIST),
        _AUTHORITY: str(folder / _CERTIFICATES),
    }


def _start(program: Path, folder: Path, owner: Owner) -> subprocess.Popen[bytes]:
    other = owner != current_owner()
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            [str(program), str(folder / _INI)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={},
            cwd=folder,
            user=owner.uid if other else None,
            group=owner.gid if other else None,
            extra_groups=[] if other else None,
        )


@dataclass(frozen=True, kw_only=True)
class Program:
    """The host's PgBouncer executable."""

    path: Path
    version: Version

    @classmethod
    def find(cls) -> Program:
        """Find the executable. Raises `HostError` if there is none, or one that must not be used."""
        places = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
        found = shutil.which("pgbouncer", path=places)
        if found is None:
            raise HostError("PgBouncer is missing. apt-get install pgbouncer, and run this again.")
        output = subprocess.run([found, "--version"], capture_output=True, text=True, check=False).stdout
        version = versions.parse(output)
        if version is None:
            raise HostError(f"{found} --version does not say that it is PgBouncer. Reinstall it.")
        if sentence := versions.refusal(version):
            raise HostError(sentence)
        return cls(path=Path(found), version=version)

    def trial(self, published: Published, owner: Owner) -> AbstractContextManager[Trial]:
        """Start it with published files, away from all clients."""
        return running(
            self.path,
            ini=published.ini,
            user_list=published.user_list,
            certificates=published.certificates,
            port=published.port,
            owner=owner,
        )

    def load(self, published: Published, host: Host, owner: Owner) -> Loaded:
        """Start it with the files and ask it what it has read.

        Raises `HostError` with PgBouncer's own words for what it does not take.
        """
        with self.trial(published, owner) as trial:
            loaded: Loaded | None = None
            users: set[str] = set()
            if trial.console:
                values = {name: setting.value for name, setting in trial.console.settings().items()}
                loaded, users = Loaded(settings=values, entries=trial.console.entries()), trial.console.users()
            errors = [line.replace(str(trial.folder), str(host.folder)) for line in _log_errors(trial.log())]
            replaced = {name: published.settings.get(name, "") for name in _own(trial.folder)}
        if loaded is None or errors:
            raise refused(
                [f"PgBouncer does not take it: {'; '.join(errors) or 'it did not start.'}."], published.source
            )
        if strangers := sorted({*published.users} - users):
            raise refused([f"PgBouncer does not read {', '.join(strangers)} from userlist.txt."], published.source)
        # What was replaced for the trial is as published.
        return Loaded(settings=loaded.settings | replaced, entries=loaded.entries)


def _console(process: subprocess.Popen[bytes], socket: Path, owner: Owner) -> Console | None:
    """Its console as soon as it is there; None if it ends before, or takes too long."""
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        if socket.exists():
            try:
                return Console(socket, owner)
            except HostError:  # it has its name already, and does not listen yet
                pass
        time.sleep(0.005)
    return None


def _replaced(line: str, own: Mapping[str, str]) -> str:
    """Replace a setting in its line: line numbers in messages stay right. Names of entries are none of these."""
    name = line.partition("=")[0].strip()
    return f"{name} = {own[name]}" if name in own else line


def _log_errors(output: str) -> list[str]:
    """Sentences of level ERROR and FATAL, which follow `2026-11-21 23:40:28.719 UTC [12451]` in the log."""
    return re.findall(r"^.*?\] (?:ERROR|FATAL) (.*?)\.?$", output, flags=re.MULTILINE)
