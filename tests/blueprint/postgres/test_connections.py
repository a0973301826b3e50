"""The connection budget and the memory check, with the document's numbers."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blueprint.postgres.connections import (
    INTERNAL_CONNECTIONS,
    RESERVED_CONNECTIONS,
    ConnectionBudget,
    MemoryCheck,
    Pool,
)

MIB, GIB = 2**20, 2**30
# Two hosts of three processes, with the document's pools (20 + 30, 15 + 25) and PgBouncer (25 + 5, and 2 to watch).
PROD = ConnectionBudget(
    hosts=2,
    processes_per_host=3,
    primary_pool=Pool(size=20, max_overflow=30),
    replica_pool=Pool(size=15, max_overflow=25),
    replicas=2,
    max_client_conn=600,
    server_cap=32,
    direct=10,
    max_connections=300,
)


def test_the_documents_200_to_300_connections_are_clients_of_the_pooler() -> None:
    """E54, E63: six processes open 300 connections to PgBouncer's primary, and PgBouncer 64 to the server."""
    assert PROD.primary_clients == 300
    assert PROD.clients_per_host == 3 * (50 + 40 + 40 + 3) == 399 <= PROD.max_client_conn
    assert PROD.pooled == 64


def test_the_budget_runs_from_the_processes_to_max_connections() -> None:
    """E28: reserved and internal sessions take slots of max_connections too."""
    assert (RESERVED_CONNECTIONS, INTERNAL_CONNECTIONS) == (7, 3)
    assert (PROD.backends, PROD.needed, PROD.free) == (74, 84, 216)


def test_80_percent_of_the_budget_is_far_below_80_percent_of_max_connections() -> None:
    """E42: 80 % of 300 is 240, not the document's 250; behind a pooler neither is ever reached."""
    assert PROD.max_connections * 80 // 100 == 240
    assert PROD.alarm_threshold == 59


def test_without_a_pooler_the_documents_pools_do_not_fit_its_max_connections() -> None:
    """E54: 300 clients and 10 direct sessions are more than 300 less what is reserved."""
    unpooled = replace(PROD, hosts=6, server_cap=PROD.primary_pool.most, processes_per_host=1)
    assert unpooled.pooled == unpooled.primary_clients == 300
    assert (unpooled.needed, unpooled.free) == (320, -20)


def test_a_stack_without_replicas_opens_no_replica_pool() -> None:
    assert replace(PROD, replicas=0).clients_per_host == 150
    assert replace(PROD, replicas=1).clients_per_host == 3 * (50 + 40 + 2)


def test_each_replica_has_a_pool_and_a_watch_of_its_own() -> None:
    assert replace(PROD, replicas=15).clients_per_host == 3 * (50 + 15 * 40 + 16)


def test_a_pool_opens_its_size_and_its_overflow() -> None:
    assert Pool(size=20, max_overflow=30).most == 50
    assert Pool(size=1, max_overflow=0).most == 1


budgets = st.builds(
    ConnectionBudget,
    hosts=st.integers(1, 100),
    processes_per_host=st.integers(1, 100),
    primary_pool=st.builds(Pool, size=st.integers(1, 100), max_overflow=st.integers(0, 100)),
    replica_pool=st.builds(Pool, size=st.integers(1, 100), max_overflow=st.integers(0, 100)),
    replicas=st.integers(0, 15),
    max_client_conn=st.integers(1, 10_000),
    server_cap=st.integers(1, 100),
    direct=st.integers(0, 100),
    max_connections=st.integers(1, 10_000),
)


@given(budgets)
def test_every_slot_is_spoken_for_once(budget: ConnectionBudget) -> None:
    parts = budget.hosts * budget.server_cap + budget.direct + RESERVED_CONNECTIONS + INTERNAL_CONNECTIONS
    assert budget.needed == parts
    assert budget.free + budget.needed == budget.max_connections
    assert budget.alarm_threshold <= budget.backends


@given(budgets)
def test_another_host_never_needs_less(budget: ConnectionBudget) -> None:
    more = replace(budget, hosts=budget.hosts + 1)
    assert more.needed == budget.needed + budget.server_cap
    assert more.clients_per_host == budget.clients_per_host


# Memory

MEDIUM = MemoryCheck(
    shared_buffers=GIB,
    work_mem=16 * MIB,
    backends=70,
    maintenance_work_mem=256 * MIB,
    autovacuum_workers=3,
    available=3645 * MIB,  # 89 % of 4 GiB
)


def test_300_backends_with_16_mb_each_do_not_fit_four_gib() -> None:
    """E23: 1 GiB + 300 x 16 MiB + 3 x 256 MiB is 6.4 GiB."""
    document = replace(MEDIUM, backends=300)
    assert document.total == 1024 * MIB + 4800 * MIB + 768 * MIB == 6592 * MIB
    assert not document.fits


def test_the_70_backends_behind_the_pooler_fit_four_gib() -> None:
    """E23: 60 pooled and 10 direct."""
    assert (MEDIUM.working, MEDIUM.maintenance, MEDIUM.total) == (1120 * MIB, 768 * MIB, 2912 * MIB)
    assert MEDIUM.fits


def test_the_document_s_shared_buffers_of_8_gib_never_fit() -> None:
    """E7: 1048576 pages of 8 kB."""
    assert not replace(MEDIUM, shared_buffers=1_048_576 * 8192, backends=1).fits


@pytest.mark.parametrize(("spare", "fits"), [(0, True), (-1, False)])
def test_it_fits_to_the_byte(spare: int, fits: bool) -> None:
    assert replace(MEDIUM, available=MEDIUM.total + spare).fits is fits
