"""TCP ports on loopback: kept from the run before, as asked, or free."""

from __future__ import annotations

from collections.abc import Mapping

from local.loopback import free_port, is_free
from local.servers.errors import DataPlaneError
from local.servers.layout import Ports
from local.servers.plan import DataPlan

POOLER = "pooler"


def choose(plan: DataPlan, *, asked: Mapping[str, int], kept: Ports | None = None, ours: frozenset[int]) -> Ports:
    """One port for each instance and one for the pooler.

    `asked` and `kept` are by an instance's name, the pooler's as "pooler"; what is asked wins, then what was, then a
    free one. `ours` are ports that our own running servers hold. Raises `DataPlaneError` for one that is asked for and
    taken; one that was kept and is taken by now is replaced.
    """
    before = {**kept.servers, POOLER: kept.pooler} if kept else {}
    chosen: dict[str, int] = {}
    roles = (*(instance.name for instance in plan.standing), POOLER)
    for role in roles:
        if role in asked:
            if asked[role] in chosen.values():
                raise DataPlaneError(f"Port {asked[role]} is asked for twice. Give {role} another.")
            if asked[role] not in ours and not is_free(asked[role]):
                raise DataPlaneError(f"Port {asked[role]} for {role} is taken. Choose another, or none for a free one.")
            chosen[role] = asked[role]
        elif role in before and before[role] not in chosen.values() and (before[role] in ours or is_free(before[role])):
            chosen[role] = before[role]
    taken = {*chosen.values(), *asked.values(), *before.values()}  # of what does not stand any more, or again, too
    for role in roles:
        if role not in chosen:
            chosen[role] = free_port(taken)
            taken.add(chosen[role])
    pooler = chosen.pop(POOLER)
    return Ports(servers=chosen, pooler=pooler)
