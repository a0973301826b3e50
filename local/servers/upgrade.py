"""The way of the primary's data to a later major: RDS's pre-check, and `pg_upgrade` beside the data that is there.

The new data is made in a folder of its own. Once pg_upgrade has ended well the old is set aside and the new put in its
place; it is removed when the new server has started and has statistics. Whatever interrupts that, `settle` leaves the
data as before or as after.
"""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from local.servers import configuration
from local.servers import server as servers
from local.servers.binaries import Binaries
from local.servers.configuration import SUPERUSER, ServerConfiguration
from local.servers.errors import DataPlaneError
from local.servers.layout import remove, write
from local.servers.obstacles import databases, obstacles
from local.servers.server import Server

UPGRADE_SECONDS = 3600  # it copies all data
_WORK, _BEFORE = "upgrade", "data.before"
_ASIDE = ("-c", "listen_addresses=")  # on the socket alone: nobody but us comes in
RUNBOOK = "docs/runbook.md, Upgrading to the next major"


def settle(primary: Server) -> None:
    """Bring what an interrupted upgrade left to before or after, and end the server that pg_upgrade had started."""
    running = primary.process()
    if running and {"-b", _ASIDE[1]} & {*shlex.split(running.command)}:  # pg_upgrade's, or ours of a check
        primary.stop()
    servers.stop(primary.folder / _WORK / "data")
    before = primary.folder / _BEFORE
    if before.exists() and not primary.data.exists():
        before.rename(primary.data)
    remove(primary.folder / _WORK)


def major(folder: Path) -> int | None:
    """The major of the data in a primary's folder, also where an interrupted upgrade had just set it aside."""
    return servers.major(folder / "data") or servers.major(folder / _BEFORE)


def unfinished(primary: Server) -> bool:
    """Whether the data is new, and what it was made of is still there: its server has yet to prove itself."""
    return (primary.folder / _BEFORE).exists()


@dataclass(frozen=True, kw_only=True)
class Upgrade:
    """From the major of the data to that of the programs.

    primary: with the new programs. old: programs of the data's major. system_users: who administers by the socket.
    """

    primary: Server
    old: Binaries
    system_users: Sequence[str]

    @cached_property
    def before(self) -> Server:
        """The primary with the programs of its data."""
        return replace(self.primary, binaries=self.old)

    @cached_property
    def new(self) -> Server:
        """The server of the new data, while that is made."""
        return replace(self.primary, folder=self.primary.folder / _WORK)

    def prepare(self) -> None:
        """Make a new, empty cluster like the old one. Raises `DataPlaneError`."""
        remove(self.new.folder)
        self.new.make_folder()
        said = self.before.ran(self.old.tools / "pg_controldata", self.before.data).stdout
        summed = re.search(r"^Data page checksum version: +([0-9]+)", said, re.MULTILINE)
        asked = ["--data-checksums"] if summed and summed[1] != "0" else []
        if not asked and self.primary.binaries.major >= 18:  # which makes them unless told otherwise
            asked = ["--no-data-checksums"]
        self.new.initialise(*asked)
        account = self.primary.account
        write(self.new.data / "pg_ident.conf", configuration.ident(self.system_users), account=account)
        write(self.new.data / "pg_hba.conf", f"local all {SUPERUSER} peer map=langpont\n", account=account)

    def check(self, look: Callable[[Server], None]) -> None:
        """RDS's pre-check, while the old server runs on; `look` may look at configurations with the new programs.

        Raises `DataPlaneError` naming everything in the way.
        """
        asleep = self.before.settled() is None
        if asleep:
            self.before.start(*_ASIDE)
        try:
            if unfinished(self.primary):  # it is of an upgrade before, and may have been written to since
                finish(self.before)
            with self.before.admin() as session:
                names = databases(session)
            found = obstacles((name, self.before.admin(name)) for name in names)
            if found:
                raise self._refused("RDS's check refuses", [str(one) for one in found])
            self.prepare()
            look(self.new)
            self._pg_upgrade("--check")
        finally:
            if asleep:
                self.before.stop()
            servers.stop(self.new.data)
            remove(self.new.folder)

    def run(self, wanted: ServerConfiguration) -> None:
        """Upgrade the data of servers that are stopped, and put it in the old one's place. Raises `DataPlaneError`."""
        try:
            self.prepare()
            self._pg_upgrade()
            self.new.configure(wanted, self.system_users, standby=False)
        finally:
            for data in (self.new.data, self.before.data):  # pg_upgrade that is ended leaves them running
                servers.stop(data)
        self.primary.data.rename(self.primary.folder / _BEFORE)
        self.primary.adopt(self.new.data)
        remove(self.new.folder)

    def undo(self) -> None:
        """Put the old data back, where the new server does not start and so nobody has written to it."""
        if unfinished(self.primary):
            self.primary.stop()
            self.new.make_folder()
            self.primary.data.rename(self.new.data)
            (self.primary.folder / _BEFORE).rename(self.primary.data)
            remove(self.new.folder)

    def _pg_upgrade(self, *options: str) -> None:
        folders = []
        for which, binaries in (("old", self.old), ("new", self.primary.binaries)):
            folder = self.new.folder / f"bin-{which}"
            folder.mkdir(exist_ok=True)
            folder.chmod(0o755)
            for program in (*binaries.tools.iterdir(), *binaries.server.iterdir()):  # the server's own come last
                (folder / program.name).unlink(missing_ok=True)
                (folder / program.name).symlink_to(program)
            folders.append(folder)
        old, new = folders
        done = self.new.ran(
            new / "pg_upgrade", "-b", old, "-B", new, "-d", self.before.data, "-D", self.new.data,
            "-U", SUPERUSER, "-s", self.primary.sockets, *options, seconds=UPGRADE_SECONDS, cwd=self.new.folder,
        )  # fmt: skip
        if done.returncode:
            raise self._refused("pg_upgrade refuses", [*_said(done), *self._lists()])

    def _lists(self) -> list[str]:
        """Lines of the files that pg_upgrade names, such as the columns that it cannot take along."""
        found = sorted((self.new.data / "pg_upgrade_output.d").rglob("*.txt"))
        return [line.strip() for path in found for line in path.read_text().splitlines() if line.strip()]

    def _refused(self, who: str, reasons: Sequence[str]) -> DataPlaneError:
        listed = "".join(f"\n- {reason}" for reason in reasons)
        return DataPlaneError(
            f"database.engineVersion {self.primary.binaries.major}: {who} the upgrade of PostgreSQL "
            f"{self.old.version}, which stays as it was:{listed}\nPut that right and run it again ({RUNBOOK})."
        )


def finish(primary: Server) -> None:
    """What RDS leaves to people, in each database: statistics, and versions of extensions. Then the old data goes."""
    with primary.admin() as session:
        names = databases(session)
    for name in names:
        with primary.admin(name) as session:
            rows = session.execute(
                "SELECT name FROM pg_available_extensions WHERE installed_version <> default_version"
            ).fetchall()
            for (extension,) in rows:
                session.execute(f'ALTER EXTENSION "{extension}" UPDATE'.encode())
            session.execute("ANALYZE")
    remove(primary.folder / _BEFORE)


def _said(done: subprocess.CompletedProcess[str]) -> list[str]:
    """The sentence of the check that failed, in one line."""
    _, fatal, after = done.stdout.partition("fatal\n")
    text = after.partition("Failure, exiting")[0] if fatal else done.stdout + done.stderr
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return [" ".join(lines if fatal else lines[-5:])]
