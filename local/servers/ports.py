"""TCP ports on loopback: kept from the run before, as asked, or free."""

from __future__ import annotations

import socket
from collections.abc import Mapping

from local.servers.errors import DataPlaneError
from local.servers.layout import Ports
from local.servers.plan import DataPlan

POOLER = "pooler"


def choose(plan: DataPlan, *, asked: Mapping[str, int], kept: Ports | None = None, ours: frozenset[int]) -> Ports:
    """One port for each instance and one for the pooler.

    `asked` and `kept` are by role, the pooler's as "pooler"; what is asked wins, then what was, then a free one. `ours`
    are ports that our own running servers hold. Raises `DataPlaneError` for one that is asked for and taken; one that
    was kept and is taken by now is replaced.
    """
    before = {**kept.servers, POOLER: kept.pooler} if kept else {}
    chosen: dict[str, int] = {}
    for role in (*(instance.role for instance in plan.instances), POOLER):
        if role in asked:
            if asked[role] in chosen.values():
                raise DataPlaneError(f"Port {asked[role]} is asked for twice. Give {role} another.")
            if asked[role] not in ours and not is_free(asked[role]):
                raise DataPlaneError(f"Port {asked[role]} for {role} is taken. Choose another, or none for a free one.")
            chosen[role] = asked[role]
        elif role in before and before[role] not in chosen.values() and (before[role] in ours or is_free(before[role])):
            chosen[role] = before[role]
    taken = {*chosen.values(), *asked.values()}
    for role in (*(instance.role for instance in plan.instances), POOLER):
        if role not in chosen:
            chosen[role] = _free(taken)
            taken.add(chosen[role])
    pooler = chosen.pop(POOLER)
    return Ports(servers=chosen, pooler=pooler)


def is_free(port: int) -> bool:
    """Whether a server could listen on it now."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: a closing client is no obstacle
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _free(taken: set[int]) -> int:
    while True:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            port: int = listener.getsockname()[1]
        if port not in taken:
            return port
