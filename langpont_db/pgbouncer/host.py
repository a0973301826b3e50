"""Paths on an application host, the state of earlier runs, and atomic replacement of files."""

from __future__ import annotations

import fcntl
import json
import os
import pwd
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from langpont_db.addresses import REGION, bundle
from langpont_db.pgbouncer.errors import HostError


@dataclass(frozen=True, kw_only=True)
class SyncState:
    """What earlier runs have achieved, as digests of the published configuration, so that a later one does the rest.

    loaded: PgBouncer runs with these files. proven: logins worked. restarted: it was restarted for them, since nobody
    was connected; once is enough, whatever comes of it. version: not of files but of the executable that keeps logins.
    written: by rotated role, of what version of its secret the proven logins were (`rotated.Rotated`); 0 of none yet.
    """

    loaded: str = ""
    version: str = ""
    proven: str = ""
    restarted: str = ""
    written: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Host:
    """Paths as Debian's package has them; other values are for tests.

    folder: PgBouncer's files. units: the administrator's systemd units. state: what must not outlive a boot.
    region: the servers', and so the name of their certificates' file. certificates: other ones than the package's.
    """

    folder: Path = Path("/etc/pgbouncer")
    units: Path = Path("/etc/systemd/system")
    state: Path = Path("/run/langpont-pgbouncer")
    region: str = REGION
    certificates: Path | None = None

    @property
    def ini(self) -> Path:
        """The configuration file that PgBouncer's unit starts it with."""
        return self.folder / "pgbouncer.ini"

    @property
    def user_list(self) -> Path:
        """auth_file: roles and their verifiers."""
        return self.folder / "userlist.txt"

    @property
    def certificates_file(self) -> Path:
        """server_tls_ca_file: the copy of the root certificates that the published configuration names."""
        return self.folder / bundle(self.region).name

    @property
    def authority(self) -> Path:
        """The root certificates that the servers are verified against."""
        return self.certificates or bundle(self.region)

    @property
    def outputs(self) -> Path:
        """The stack's outputs that `install` was given; `sync` reads them."""
        return self.folder / "stack-outputs.json"

    def sync_state(self) -> SyncState:
        """Read the state of earlier runs; empty after a boot, and where another release wrote other fields."""
        try:
            return SyncState(**json.loads((self.state / "done.json").read_bytes()))
        except (FileNotFoundError, TypeError, ValueError):
            return SyncState()

    def save(self, state: SyncState) -> None:
        """Write the state for later runs."""
        content = json.dumps(asdict(state)).encode()
        ManagedFile(self.state / "done.json", content, mode=0o600, owner=current_owner()).write()

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold a file lock, so that one run goes at a time: a deploy may meet the timer."""
        self.state.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self.state / "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


@dataclass(frozen=True)
class Owner:
    """uid and gid of a user of this system."""

    uid: int
    gid: int

    @classmethod
    def named(cls, name: str) -> Owner:
        """Look up a user by name (getpwnam). Raises `HostError` for one that the system does not have."""
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            raise HostError(f'pgbouncer.service runs as "{name}", who is no user here. Reinstall pgbouncer.') from None
        return cls(entry.pw_uid, entry.pw_gid)

    @contextmanager
    def impersonate(self) -> Iterator[None]:
        """Switch the effective uid and gid in the block: PgBouncer's console lets in its own user by the socket alone.

        It is the whole process that changes, so nothing else may run in it meanwhile.
        """
        before = Owner(os.geteuid(), os.getegid())
        os.setegid(self.gid)
        os.seteuid(self.uid)
        try:
            yield
        finally:
            os.seteuid(before.uid)
            os.setegid(before.gid)


def current_owner() -> Owner:
    """The user that this process runs as: root, on a host."""
    return Owner(os.geteuid(), os.getegid())


@dataclass(frozen=True)
class ManagedFile:
    """The desired content, mode and owner of a file. Its repr does not show the content, which may be secret."""

    path: Path
    content: bytes = field(repr=False)
    mode: int
    owner: Owner

    def is_installed(self) -> bool:
        """Whether exactly this file is there, with this mode and owner."""
        try:
            entry = self.path.lstat()
        except FileNotFoundError:
            return False
        found = (stat.S_IFMT(entry.st_mode), stat.S_IMODE(entry.st_mode), entry.st_uid, entry.st_gid)
        wanted = (stat.S_IFREG, self.mode, self.owner.uid, self.owner.gid)
        return found == wanted and self.path.read_bytes() == self.content

    def write(self) -> None:
        """Replace the file atomically: readers find the old one or the new one, whole, whatever interrupts this.

        PgBouncer would overlook a rewrite in place of the same size within a second. Raises `OSError`.
        """
        new = self.path.with_name(f".{self.path.name}.new")
        new.unlink(missing_ok=True)
        # Nobody else may read it even while it is written, and what lies there already is not followed.
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with open(descriptor, "wb") as file:
                os.fchown(descriptor, self.owner.uid, self.owner.gid)
                os.fchmod(descriptor, self.mode)
                file.write(self.content)
                file.flush()
                os.fsync(descriptor)
            os.replace(new, self.path)
        except BaseException:
            new.unlink(missing_ok=True)
            raise
