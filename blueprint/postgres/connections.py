"""One connection budget, from application processes to max_connections, and whether it fits the memory."""

from __future__ import annotations

from dataclasses import dataclass

# PostgreSQL keeps superuser_reserved_connections = 3 for superusers, and RDS for PostgreSQL 16 sets
# reserved_connections = 2 and rds.rds_superuser_reserved_connections = 2. RDS's own agent (rdsadmin) holds two or
# three sessions more (judgement, from pg_stat_activity listings people publish); three are planned for.
RESERVED_CONNECTIONS = 3 + 2 + 2
INTERNAL_CONNECTIONS = 3

# langpont_db asks each server how it is on a connection of its own, and logs in for that as another role than reads or
# writes there. PgBouncer keeps a pool for each role, so it needs room for a second one, or a replica that is busy would
# look like one that is gone. The processes of a host share it: a question takes milliseconds.
WATCH_CONNECTIONS = 2


@dataclass(frozen=True, kw_only=True)
class Pool:
    """A SQLAlchemy pool in one application process: `size` kept open, `max_overflow` more under load."""

    size: int
    max_overflow: int

    @property
    def most(self) -> int:
        """The most connections that the pool opens."""
        return self.size + self.max_overflow


def clients_per_process(primary: Pool, replica: Pool, replicas: int) -> int:
    """The most connections that one process opens: `langpont_db` has a pool for each server, and watches them all.

    Without replicas it watches nobody. An application with both a Database and an AsyncDatabase counts as two.
    """
    return primary.most + replicas * replica.most + (1 + replicas if replicas else 0)


@dataclass(frozen=True, kw_only=True)
class ConnectionBudget:
    """Connections, counted from the application to the primary. Numbers are connections unless named otherwise.

    hosts: application hosts, each with a PgBouncer of its own. processes_per_host: application processes on each.
    server_cap: what one PgBouncer opens at most to one server. direct: sessions that do not go through PgBouncer
    (functions, migrations, people). max_connections: the primary's, as its parameter group sets it.
    """

    hosts: int
    processes_per_host: int
    primary_pool: Pool
    replica_pool: Pool
    replicas: int
    max_client_conn: int
    server_cap: int
    direct: int
    max_connections: int

    @property
    def clients_per_host(self) -> int:
        """Client connections that one PgBouncer may see: every process, all its pools full."""
        return self.processes_per_host * clients_per_process(self.primary_pool, self.replica_pool, self.replicas)

    @property
    def primary_clients(self) -> int:
        """Client connections to the primary's entry over all hosts: the document's 200 to 300 in prod."""
        return self.hosts * self.processes_per_host * self.primary_pool.most

    @property
    def pooled(self) -> int:
        """Server connections that all PgBouncers together open to one server at most."""
        return self.hosts * self.server_cap

    @property
    def backends(self) -> int:
        """Sessions that one server must bear: pooled and direct."""
        return self.pooled + self.direct

    @property
    def needed(self) -> int:
        """Slots of max_connections that are spoken for, with reserved ones and RDS's own sessions."""
        return self.backends + RESERVED_CONNECTIONS + INTERNAL_CONNECTIONS

    @property
    def free(self) -> int:
        """Slots nobody claims; negative when the budget does not fit."""
        return self.max_connections - self.needed

    @property
    def alarm_threshold(self) -> int:
        """80 % of the budget: above it a pool leaks or a host was forgotten, long before max_connections is near."""
        return self.backends * 80 // 100


@dataclass(frozen=True, kw_only=True)
class MemoryCheck:
    """Worst-case memory of one instance, in bytes, as the sum that PostgreSQL's documentation warns of.

    `available`: what the class has for PostgreSQL, without the system's and RDS's part.
    """

    shared_buffers: int
    work_mem: int
    backends: int
    maintenance_work_mem: int
    autovacuum_workers: int
    available: int

    @property
    def working(self) -> int:
        """One sort or hash at full work_mem in every backend. A query can take several; most take none."""
        return self.backends * self.work_mem

    @property
    def maintenance(self) -> int:
        """Every autovacuum worker at full maintenance_work_mem."""
        return self.autovacuum_workers * self.maintenance_work_mem

    @property
    def total(self) -> int:
        """All of it together."""
        return self.shared_buffers + self.working + self.maintenance

    @property
    def fits(self) -> bool:
        """Whether the worst case fits."""
        return self.total <= self.available
