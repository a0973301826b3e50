"""What `make verify` proves on the running servers, one line a check."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from local.servers.plane import DataPlane
from local.verify import logins, pool, servers
from local.verify.check import Check


def checks(plane: DataPlane, *, clients: int, also_secret: Iterable[Path] = ()) -> Iterator[Check]:
    """All checks, as they are made; none raises for what it finds wrong.

    `clients`: how many the budget promises one PgBouncer. `also_secret`: further files and folders in which no
    password may stand in plain text, such as the control plane's logs.
    """
    yield from servers.running(plane)
    yield from servers.parameters(plane)
    yield from servers.memory(plane)
    yield servers.shown(plane)
    yield from servers.transport(plane)
    yield from logins.master(plane)
    yield from logins.logins(plane)
    yield from logins.rights(plane)
    yield from logins.timeouts(plane)
    yield from servers.replication(plane)
    yield pool.wrong_password(plane)
    yield pool.clients(plane, clients)
    yield pool.secrecy(plane, also_secret)
