"""Folders and ports of one stack's servers: everything under one folder, readable by their account."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from local.servers.account import Account, check_enterable, check_own
from local.servers.errors import DataPlaneError

SOCKET_NAME_BYTES = len("/.s.PGSQL.65535.lock")
SOCKET_PATH_BYTES = 103  # sun_path of macOS, with its closing zero; Linux has four more
_SCRATCH = ".try-"


@dataclass(frozen=True)
class Layout:
    """Paths of one stack under `root`, which the caller chose and the servers' account can enter."""

    root: Path

    @property
    def sockets(self) -> Path:
        """A folder short enough for a socket's path, that nobody else enters."""
        inside = self.root / "s"
        if len(os.fsencode(inside)) + SOCKET_NAME_BYTES <= SOCKET_PATH_BYTES:
            return inside
        digest = hashlib.sha256(os.fsencode(self.root)).hexdigest()[:10]
        return Path("/tmp") / f"langpont-{os.geteuid()}-{digest}"

    @property
    def tls(self) -> Path:
        """The authority and the servers' certificate."""
        return self.root / "tls"

    @property
    def pooler(self) -> Path:
        """PgBouncer's files."""
        return self.root / "pgbouncer"

    @property
    def servers(self) -> Path:
        """One folder for each instance, by role."""
        return self.root / "servers"

    def server(self, name: str) -> Path:
        """The folder of one instance."""
        return self.servers / name

    @property
    def backups(self) -> Path:
        """A folder for each primary, by name, with its base backups and archived log."""
        return self.root / "backups"

    @property
    def snapshots(self) -> Path:
        """A folder for each snapshot, by identifier; the control plane makes and removes them."""
        return self.root / "snapshots"

    @property
    def restoring(self) -> Path:
        """Where a server recovers, until it is whole."""
        return self.root / "restoring"

    @property
    def discarded(self) -> Path:
        """What is being removed, and nobody's any more."""
        return self.root / "discarded"

    def roles(self) -> list[str]:
        """Names of the instances that have a folder: the role, from the second generation on with it."""
        return sorted(path.name for path in self.servers.iterdir()) if self.servers.is_dir() else []

    def make(self, account: Account) -> None:
        """Make the folders that are not there yet. Raises `DataPlaneError` for one that cannot be made or entered."""
        with explained():
            self.root.mkdir(parents=True, exist_ok=True)
            if account.changed:
                self.root.chmod(0o711)
            check_own(self.root)
            check_enterable(self.root, account)
            for folder in (self.servers, self.tls):
                folder.mkdir(exist_ok=True)
                folder.chmod(0o711)
            private_folder(self.sockets, account)
            private_folder(self.pooler, account)

    def to_json(self) -> dict[str, Any]:
        """For a state file."""
        return {"root": str(self.root)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Layout:
        """What `to_json` made."""
        return cls(Path(value["root"]))


@dataclass(frozen=True, kw_only=True)
class Ports:
    """TCP ports on loopback: of each instance by name, and PgBouncer's."""

    servers: Mapping[str, int]
    pooler: int

    def to_json(self) -> dict[str, Any]:
        """For a state file."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Ports:
        """What `to_json` made. Raises `TypeError` or `ValueError` for anything else."""
        ports = cls(**value)
        if not isinstance(ports.servers, Mapping) or {type(it) for it in (*ports.servers.values(), ports.pooler)} != {
            int
        }:
            raise ValueError(f"not ports: {value!r}")
        return ports


@contextmanager
def explained() -> Iterator[None]:
    """Turn an OSError of a write into a sentence with the way out."""
    try:
        yield
    except OSError as error:
        path, reason = error.filename or "the runtime folder", error.strerror
        if isinstance(error, shutil.Error):  # of a whole folder: source, target and reason of each file
            _, path, reason = error.args[0][0]
            reason = re.sub(r"^\[Errno \d+\] |: '[^']*'.*$", "", str(reason))
        raise DataPlaneError(f"{path}: {reason}. Make room or choose another folder, and run it again.") from error


def remove(folder: Path) -> None:
    """Remove a folder with all that is in it, if it is there. Raises `DataPlaneError` for what stays."""
    while folder.exists():
        try:
            shutil.rmtree(folder)
        except FileNotFoundError:  # a part of it went by itself, as a server's files do while that ends
            continue
        except OSError as error:
            raise DataPlaneError(
                f"{error.filename or folder} cannot be removed: {error.strerror}. Remove it by hand, and run it again."
            ) from None


def discard(folder: Path, layout: Layout) -> None:
    """Remove a server's folder, which an interruption leaves whole or not at all: half a PGDATA looks like one.

    Raises `DataPlaneError` for what cannot be removed.
    """
    remove(layout.discarded)
    if folder.exists():
        folder.rename(layout.discarded)
        remove(layout.discarded)


def private_folder(path: Path, account: Account) -> None:
    """A folder of mode 0700 of the account. In a shared place somebody else's, or a link, is refused."""
    path.mkdir(mode=0o700, exist_ok=True)
    entry = path.lstat()
    if not stat.S_ISDIR(entry.st_mode) or entry.st_uid not in (account.uid, os.geteuid()):
        raise DataPlaneError(f"{path} is not a folder of ours. Remove it and run it again.")
    path.chmod(0o700)
    account.give(path)


def write(path: Path, text: str, *, account: Account | None = None, mode: int = 0o600) -> None:
    """Put a file in its place whole, never half; with an account it becomes that one's."""
    # In the same folder, under a name that nobody can have put a link at.
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            os.fchmod(file.fileno(), mode)
        if account:
            account.give(temporary)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def remove_scratch(inside: Path) -> None:
    """Remove those that an interruption left there."""
    for path in inside.glob(f"{_SCRATCH}*"):
        remove(path)


@contextmanager
def scratch_folder(account: Account, inside: Path) -> Iterator[Path]:
    """A folder of the account's for a moment."""
    path = Path(tempfile.mkdtemp(prefix=_SCRATCH, dir=inside))
    account.give(path)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
