"""OS account of the servers: PostgreSQL and PgBouncer refuse root."""

from __future__ import annotations

import os
import pwd
import stat
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from local.servers.errors import DataPlaneError

PREFERRED = ("postgres", "nobody")


@dataclass(frozen=True, kw_only=True)
class Account:
    """An OS account. `changed`: it is not ours, so that files must be given to it."""

    name: str
    uid: int
    gid: int
    changed: bool

    def to_json(self) -> dict[str, Any]:
        """For a state file."""
        return asdict(self)

    def popen(self) -> dict[str, Any]:
        """Arguments for `subprocess` that run something as this account."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []} if self.changed else {}

    def give(self, path: Path) -> None:
        """Make it the owner of a file or folder that we made."""
        if self.changed:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)


def server_account() -> Account:
    """The account to run servers as: for root `postgres` if there is one, else `nobody`; otherwise ourselves.

    The account needs an entry in the user database, since initdb and the peer login look its name up. Raises
    `DataPlaneError` if there is none.
    """
    if os.geteuid() != 0:
        return _ours()
    for name in PREFERRED:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid:
            return Account(name=entry.pw_name, uid=entry.pw_uid, gid=entry.pw_gid, changed=True)
    raise DataPlaneError(
        "PostgreSQL refuses to run as root, and neither postgres nor nobody is a user here. useradd --system postgres"
    )


def _ours() -> Account:
    try:
        entry = pwd.getpwuid(os.geteuid())
    except KeyError:
        raise DataPlaneError(
            f"PostgreSQL looks up the name of user {os.geteuid()}, who has none. Run as a user of /etc/passwd, or as "
            f"root."
        ) from None
    return Account(name=entry.pw_name, uid=entry.pw_uid, gid=entry.pw_gid, changed=False)


def check_enterable(folder: Path, account: Account) -> None:
    """Raises `DataPlaneError` naming the first folder on the way that shuts the account out, as root's home does."""
    if not account.changed:
        return
    for place in (*reversed(folder.resolve().parents), folder.resolve()):
        entry = place.stat()
        needed = stat.S_IXUSR if entry.st_uid == account.uid else stat.S_IXOTH
        if entry.st_gid == account.gid and entry.st_uid != account.uid:
            needed = stat.S_IXGRP
        if not entry.st_mode & needed:
            raise DataPlaneError(
                f"{folder} lies inside {place}, which {account.name} may not enter. Choose a folder such as "
                f"/var/tmp/langpont."
            )


def check_own(folder: Path) -> None:
    """Raises `DataPlaneError` if somebody else could put files there, which in a shared place such as /var/tmp means
    that they were there before us."""
    for place in (folder.resolve(), *folder.resolve().parents):
        entry = place.stat()
        shared = entry.st_mode & stat.S_IWOTH and not entry.st_mode & stat.S_ISVTX
        if entry.st_uid not in (0, os.geteuid()) or shared:
            raise DataPlaneError(f"{place} belongs to somebody else, or all may write there. Choose another folder.")
