"""Where things are on the host, and files that others read while they are replaced."""

from __future__ import annotations

import fcntl
import json
import os
import pwd
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from langpont_db.pgbouncer.errors import HostError

# Of the package: the RDS root certificates, under the name that AWS publishes them by.
CERTIFICATES = Path(__file__).parent.parent / "ap-northeast-1-bundle.pem"


@dataclass(frozen=True, kw_only=True)
class Done:
    """What earlier runs have achieved, as digests of what was published, so that a later one does the rest.

    loaded: PgBouncer runs with these files. proven: logins worked. restarted: it was restarted for them, since nobody
    was connected; once is enough, whatever comes of it.
    """

    loaded: str = ""
    proven: str = ""
    restarted: str = ""


@dataclass(frozen=True, kw_only=True)
class Host:
    """Paths as Debian's package has them; other values are for tests.

    folder: PgBouncer's files. units: the administrator's systemd units. state: what must not outlive a boot.
    certificates: the authority that the servers are verified against.
    """

    folder: Path = Path("/etc/pgbouncer")
    units: Path = Path("/etc/systemd/system")
    state: Path = Path("/run/langpont-pgbouncer")
    certificates: Path = CERTIFICATES

    @property
    def ini(self) -> Path:
        """What PgBouncer's unit starts it with."""
        return self.folder / "pgbouncer.ini"

    @property
    def user_list(self) -> Path:
        """Roles and their verifiers."""
        return self.folder / "userlist.txt"

    @property
    def certificates_file(self) -> Path:
        """The certificates' copy, where the published configuration looks for it."""
        return self.folder / CERTIFICATES.name

    @property
    def outputs(self) -> Path:
        """The stack's outputs that `install` was given; `sync` reads them."""
        return self.folder / "stack-outputs.json"

    def done(self) -> Done:
        """What is remembered; nothing after a boot, and of another release only what it understands in full."""
        try:
            return Done(**json.loads((self.state / "done.json").read_bytes()))
        except (FileNotFoundError, TypeError, ValueError):
            return Done()

    def remember(self, done: Done) -> None:
        """For later runs."""
        content = json.dumps(asdict(done)).encode()
        Installed(self.state / "done.json", content, mode=0o600, owner=ourselves()).write()

    @contextmanager
    def lock(self) -> Iterator[None]:
        """One run at a time: a deploy may meet the timer."""
        self.state.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self.state / "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


@dataclass(frozen=True)
class Owner:
    """A user of this system, by number."""

    uid: int
    gid: int

    @classmethod
    def named(cls, name: str) -> Owner:
        """Raises `HostError` for a name that the system does not have."""
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            raise HostError(f'pgbouncer.service runs as "{name}", who is no user here. Reinstall pgbouncer.') from None
        return cls(entry.pw_uid, entry.pw_gid)

    @contextmanager
    def acting(self) -> Iterator[None]:
        """Do what is inside with this user's rights: PgBouncer's console lets in its own user by the socket alone.

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


def ourselves() -> Owner:
    """Root, on a host."""
    return Owner(os.geteuid(), os.getegid())


@dataclass(frozen=True)
class Installed:
    """A file as it should be. Its representation does not show the content, which may be secret."""

    path: Path
    content: bytes = field(repr=False)
    mode: int
    owner: Owner

    def in_place(self) -> bool:
        """Whether exactly this file is there, readable for those it is meant for and nobody else."""
        try:
            entry = self.path.lstat()
        except FileNotFoundError:
            return False
        found = (stat.S_IFMT(entry.st_mode), stat.S_IMODE(entry.st_mode), entry.st_uid, entry.st_gid)
        wanted = (stat.S_IFREG, self.mode, self.owner.uid, self.owner.gid)
        return found == wanted and self.path.read_bytes() == self.content

    def write(self) -> None:
        """Put it there in one step: readers find the old file or the new one, whole, whatever interrupts this.

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
