"""How much is measured: all of it for the record, or a little to see that it works."""

from __future__ import annotations

from dataclasses import dataclass

DEADLINE_SECONDS = 600  # the whole of `make bench`


@dataclass(frozen=True, kw_only=True)
class Effort:
    """Sizes and durations.

    runs: of each measurement. clients: of pgbench; `direct_clients` without the pooler, since a server with
    max_connections of 300 keeps three of them for its superuser. rate: transactions offered a second. scale: of
    pgbench, 100,000 accounts each. seconds: of one pgbench run in a closed loop, logging in included. offered_seconds:
    of one at a rate, and of these settle_seconds at its beginning are left out: what was due while clients logged in
    waits for longer than a pool that has been there would let it. reads: of the library in one turn,
    of which there are `pairs`. replicas: numbers to preview with. load_seconds: of writing before something is done to
    a server. recovery_scale: of what is backed up.
    """

    runs: int
    clients: int
    direct_clients: int
    rate: int
    scale: int
    seconds: int
    offered_seconds: int
    settle_seconds: int
    warm_up_seconds: int
    reads: int
    pairs: int
    stacks: tuple[str, ...]
    replicas: tuple[int, ...]
    load_seconds: float
    recovery_scale: int


FULL = Effort(
    runs=3, clients=300, direct_clients=297, rate=1000, scale=50, seconds=6, offered_seconds=12, settle_seconds=4,
    warm_up_seconds=2, reads=300, pairs=15,
    stacks=("dev", "staging", "prod"), replicas=(0, 3, 6, 9, 12, 15), load_seconds=1.5, recovery_scale=10,
)  # fmt: skip
QUICK = Effort(
    runs=1, clients=20, direct_clients=20, rate=200, scale=1, seconds=1, offered_seconds=2, settle_seconds=1,
    warm_up_seconds=1, reads=30, pairs=3,
    stacks=("dev",), replicas=(0, 15), load_seconds=0.5, recovery_scale=1,
)  # fmt: skip
