"""What `make verify` proves on the running servers, one line a check."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from local.checks import Check
from local.data import check_logins, check_pool, check_servers
from local.data.plane import DataPlane


def checks(plane: DataPlane, *, clients: int, also_secret: Iterable[Path] = ()) -> Iterator[Check]:
    """All checks, as they are made; none raises for what it finds wrong.

    `clients`: how many the budget promises one PgBouncer. `also_secret`: further files and folders in which no
    password may stand in plain text, such as the control plane's logs.
    """
    yield from check_servers.running(plane)
    yield from check_servers.parameters(plane)
    yield from check_servers.memory(plane)
    yield from check_servers.transport(plane)
    yield from check_logins.master(plane)
    yield from check_logins.logins(plane)
    yield from check_logins.rights(plane)
    yield from check_logins.timeouts(plane)
    yield from check_servers.replication(plane)
    yield check_pool.clients(plane, clients)
    yield check_pool.secrecy(plane, also_secret)
