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
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from langpont_db.pgbouncer.console import Console
from langpont_db.pgbouncer.errors import HostError
from langpont_db.pgbouncer.host import Host, ManagedFile, Owner, current_owner
from langpont_db.pgbouncer.published import Published, refused

START_SECONDS = 10
OLDEST = (1, 18, 0)  # what the published configuration is written for
# A verifier passed through does not log in again when a server connection is replaced.
BROKEN = frozenset({"1.25.1"})


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """Settings and entries that a PgBouncer has loaded, as its console shows them."""

    settings: dict[str, str]
    entries: dict[str, tuple[Any, Any, Any]]


@dataclass(frozen=True)
class Program:
    """The host's PgBouncer executable."""

    path: Path

    @classmethod
    def find(cls) -> Program:
        """Find the executable. Raises `HostError` if there is none, or one that must not be used."""
        places = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
        found = shutil.which("pgbouncer", path=places)
        if found is None:
            raise HostError("PgBouncer is missing. apt-get install pgbouncer, and run this again.")
        output = subprocess.run([found, "--version"], capture_output=True, text=True, check=False).stdout
        version = re.search(r"PgBouncer (\d+)\.(\d+)\.(\d+)", output)
        if version is None:
            raise HostError(f"{found} --version does not say that it is PgBouncer. Reinstall it.")
        number = ".".join(version.groups())
        if number in BROKEN:
            raise HostError(
                f"PgBouncer {number} cannot log in again with a SCRAM verifier passed through. Install another version."
            )
        if tuple(map(int, version.groups())) < OLDEST:
            raise HostError(f"PgBouncer {number} is too old: the published configuration is for 1.18 and newer.")
        return cls(Path(found))

    def load(self, published: Published, host: Host, owner: Owner) -> Loaded:
        """Start it with the files in a folder of its own, without a port, and ask it what it has read.

        Raises `HostError` with PgBouncer's own words for what it does not take.
        """
        folder = Path(tempfile.mkdtemp(prefix="langpont-pgbouncer-"))
        try:
            os.chown(folder, owner.uid, owner.gid)
            return self._load(published, host, owner, folder)
        finally:
            shutil.rmtree(folder)

    def _load(self, published: Published, host: Host, owner: Owner, folder: Path) -> Loaded:
        own = {
            "listen_addr": "",
            "unix_socket_dir": str(folder),
            "logfile": "",
            "pidfile": "",
            "auth_file": str(folder / host.user_list.name),
            "server_tls_ca_file": str(folder / host.certificates_file.name),
        }
        ini = "\n".join(_replaced(line, own) for line in published.ini.splitlines()) + "\n"
        for name, content in (
            (host.ini.name, ini.encode()),
            (host.user_list.name, published.user_list.encode()),
            (host.certificates_file.name, published.certificates),
        ):
            ManagedFile(folder / name, content, mode=0o600, owner=owner).write()
        other = owner != current_owner()
        process = subprocess.Popen(
            [str(self.path), str(folder / host.ini.name)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={},
            cwd=folder,
            user=owner.uid if other else None,
            group=owner.gid if other else None,
            extra_groups=[] if other else None,
        )
        loaded: Loaded | None = None
        users: set[str] = set()
        try:
            console = _console(process, folder / f".s.PGSQL.{published.port}", owner)
            if console:
                with console:
                    values = {name: setting.value for name, setting in console.settings().items()}
                    loaded, users = Loaded(settings=values, entries=console.entries()), console.users()
        finally:
            process.kill()  # nobody is connected, and how long TERM takes depends on the version
            output, _ = process.communicate()
        errors = [line.replace(str(folder), str(host.folder)) for line in _log_errors(output)]
        if loaded is None or errors:
            raise refused([f"PgBouncer does not take it: {'; '.join(errors) or 'it did not start.'}."])
        if strangers := sorted({*published.users} - users):
            raise refused([f"PgBouncer does not read {', '.join(strangers)} from userlist.txt."])
        # What was replaced for the trial is as published.
        replaced = {name: published.settings.get(name, "") for name in own}
        return Loaded(settings=loaded.settings | replaced, entries=loaded.entries)


def _console(process: subprocess.Popen[str], socket: Path, owner: Owner) -> Console | None:
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
