"""Rules of the stack file about connections: the budget, and each host's PgBouncer."""

from __future__ import annotations

from collections.abc import Iterator

from blueprint.platform import Platform
from blueprint.postgres.catalogue import catalogue
from blueprint.postgres.connections import INTERNAL_CONNECTIONS, RESERVED_CONNECTIONS, Pool, clients_per_process
from blueprint.problems import Problem
from blueprint.settings import Settings
from blueprint.stack_file import parameter_rules


def max_connections(s: Settings) -> Iterator[Problem]:
    """max_connections is enough for all hosts."""
    d = s.database
    if parameter_rules.compiled_of_primary(s)[1]:
        return
    budget = Platform(s).budget
    most = catalogue(d.engine_version.major)["max_connections"].maximum
    if budget.free < 0:
        yield Problem(
            field="database.parameters.max_connections", value=str(budget.max_connections),
            rule=f"is less than the {budget.needed} connections that the budget needs: {budget.hosts} hosts x "
            f"{budget.server_cap} pooled, {budget.direct} direct, {RESERVED_CONNECTIONS} reserved, "
            f"{INTERNAL_CONNECTIONS} of RDS",
            way_out=f"Raise it to {budget.needed} or more, or have fewer hosts or smaller pools"
            if most is not None and budget.needed <= most
            else "Have fewer hosts or smaller pools",
        )  # fmt: skip


def max_client_conn(s: Settings) -> Iterator[Problem]:
    """A host's PgBouncer takes all its processes."""
    a = s.application
    primary, replica = (Pool(size=p.size, max_overflow=p.max_overflow) for p in (a.primary_pool, a.replica_pool))
    clients = a.processes_per_host * clients_per_process(primary, replica, len(s.replicas))
    if clients > s.pooler.max_client_conn:
        yield Problem(
            field="pooler.maxClientConn", value=str(s.pooler.max_client_conn),
            rule=f"is less than the {clients} connections that one host's {a.processes_per_host} processes may open",
            way_out=f"Raise it to {clients}, or have fewer processes or smaller pools",
        )  # fmt: skip


def pool_sizes(s: Settings) -> Iterator[Problem]:
    """PgBouncer keeps no more open than a pool has."""
    if s.pooler.min_pool_size > s.pooler.default_pool_size:
        yield Problem(
            field="pooler.minPoolSize", value=str(s.pooler.min_pool_size), way_out="Lower it",
            rule=f"is more than pooler.defaultPoolSize {s.pooler.default_pool_size}",
        )  # fmt: skip
