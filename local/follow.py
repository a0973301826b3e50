"""`python -m local.follow USERLIST INI SOCKET UID GID`: has PgBouncer let a rotated role's logins through.

What a host does during a rotation (`langpont_db.pgbouncer`), for the one of this machine. Standard input is JSON:
`verifiers` by login are let through, and of logins that were `left` the server connections are closed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from langpont_db.pgbouncer.console import Console
from langpont_db.pgbouncer.host import ManagedFile, Owner
from langpont_db.pgbouncer.reload import reload
from langpont_db.pgbouncer.rotated import close_left
from local.servers.pgbouncer import READ


def follow(user_list: Path, ini: Path, socket: Path, owner: Owner, verifiers: dict[str, str]) -> None:
    """Put the verifiers into the user list, and have it read. Raises `HostError`."""
    lines = dict(line.split(" ", 1) for line in user_list.read_text().splitlines())
    lines |= {f'"{login}"': f'"{verifier}"' for login, verifier in verifiers.items()}
    text = "".join(f"{login} {verifier}\n" for login, verifier in sorted(lines.items()))
    ManagedFile(user_list, text.encode(), mode=0o600, owner=owner).write()
    with Console(socket, owner) as console:
        reload(console, ini, owner)
    user_list.with_name(READ).touch()


def main(user_list: Path, ini: Path, socket: Path, owner: Owner, what: Mapping[str, Any]) -> None:
    """Raises `HostError`."""
    if left := what.get("left"):
        with Console(socket, owner) as console:
            close_left(console, left)
    if verifiers := what.get("verifiers"):
        follow(user_list, ini, socket, owner, verifiers)


if __name__ == "__main__":
    files = [Path(each) for each in sys.argv[1:4]]
    main(files[0], files[1], files[2], Owner(int(sys.argv[4]), int(sys.argv[5])), json.load(sys.stdin))
