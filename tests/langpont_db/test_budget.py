"""The connections that the library opens are those that the stack's budget counts, and PgBouncer takes them all."""

from __future__ import annotations

from contextlib import ExitStack

import psycopg
from sqlalchemy import Engine

from blueprint.postgres.connections import Pool, clients_per_process
from langpont_db import AsyncDatabase, Database
from tests.blueprint.test_platform import platform as blueprint
from tests.langpont_db.conftest import APPLICATION, READER, Platform


def most(engine: Engine) -> int:
    return int(engine.pool.size() + engine.pool._max_overflow)  # type: ignore[attr-defined]


def test_the_library_opens_what_the_budget_counts(platform: Platform, database: Database) -> None:
    replicas = database.read_engines()
    pools = [database.write_engine, *replicas]
    watches = 1 + len(replicas)
    primary, replica = Pool(size=20, max_overflow=30), Pool(size=15, max_overflow=25)
    assert sum(map(most, pools)) + watches == clients_per_process(primary, replica, len(replicas)) == 133


def test_a_process_with_both_databases_opens_what_two_open(platform: Platform, database: Database) -> None:
    beside = AsyncDatabase.from_env(platform.environment)
    engines = [beside.write_engine.sync_engine, *(engine.sync_engine for engine in beside.read_engines())]
    assert list(map(most, engines)) == list(map(most, [database.write_engine, *database.read_engines()]))


def test_all_connections_of_the_defaults_are_accepted(platform: Platform) -> None:
    budget = blueprint().budget
    logins = {"langpont": (APPLICATION, READER), "langpont_replica_1": (READER, APPLICATION),
              "langpont_replica_2": (READER, APPLICATION)}  # fmt: skip
    opened = 0
    with ExitStack() as stack:
        for _ in range(budget.processes_per_host):
            for entry, (user, watch) in logins.items():
                pool = budget.primary_pool if entry == "langpont" else budget.replica_pool
                for name in [user] * pool.most + [watch]:
                    url = platform.pooled(name, entry)
                    stack.enter_context(psycopg.connect(url, gssencmode="disable", autocommit=True))
                    opened += 1
    assert opened == budget.clients_per_host == 399
