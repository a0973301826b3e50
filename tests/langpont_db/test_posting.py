"""BEGIN and ROLLBACK of a read, whose answers nobody waits for, and what happens when they do not come."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import func, select, text

from langpont_db import Database, connections
from tests.langpont_db.conftest import READER, WHERE_AM_I, Platform, every_statement_logged, place
from tests.langpont_db.freezing import frozen
from tests.langpont_db.writing import Written
from tests.waiting import until

Answered = list[str]


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> Answered:
    """What `Database`s of this thread wait for from now on."""
    found: Answered = []
    wait, finish = connections.Connection.wait, connections.Connection.finish

    def counted_wait(self: connections.Connection, *arguments: object, **options: object) -> object:
        found.append("a statement")
        return wait(self, *arguments, **options)  # type: ignore[arg-type]

    def counted_finish(self: connections.Connection, *arguments: object) -> object:
        if self.posted:
            found.append(self.posted.decode())
        return finish(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(connections.Connection, "wait", counted_wait)
    monkeypatch.setattr(connections.Connection, "finish", counted_finish)
    return found


@pytest.fixture
def alone(platform: Platform, databases: Callable[..., Database]) -> Iterator[Database]:
    """It has one replica, and PgBouncer is not in between."""
    database = databases({"DATABASE_REPLICA_URLS": platform.direct(READER, "replica-1")})
    with database.session() as session:
        assert place(session, platform) == "replica-1"
    yield database


def end_all(platform: Platform) -> int:
    with platform.server("replica-1").admin() as superuser:
        return len(
            superuser.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = %s AND backend_type = %s",
                [READER, "client backend"],
            ).fetchall()
        )


def test_a_unit_of_work_waits_for_its_statements_and_for_nothing_else(
    platform: Platform, alone: Database, waits: Answered
) -> None:
    with every_statement_logged(platform, "replica-1") as (log,):
        for _ in range(2):
            waits.clear()
            with alone.session() as session:
                session.execute(WHERE_AM_I).all()
        said = [one for one in log.statements() if "pg_settings" in one or one in ("BEGIN READ ONLY", "ROLLBACK")]
    # The ROLLBACK is of the one before; whether its answer was still on its way is the network's.
    assert waits in (["ROLLBACK", "a statement"], ["a statement"])
    sent = "SELECT setting FROM pg_settings WHERE name = $1::VARCHAR"
    assert said == ["BEGIN READ ONLY", sent, "ROLLBACK"] * 2


@pytest.mark.parametrize("kind", ["session", "get_read_session", "connect", "an engine"])
def test_connections_that_ended_in_the_pool_are_replaced_whoever_reads(
    platform: Platform, alone: Database, kind: str
) -> None:
    assert end_all(platform) >= 1
    if kind == "connect":
        with alone.connect() as connection:
            assert connection.scalar(WHERE_AM_I) == "langpont-prod-replica-1"
    elif kind == "an engine":
        with alone.read_engines()[0].connect() as connection:
            assert connection.scalar(WHERE_AM_I) == "langpont-prod-replica-1"
    else:
        with getattr(alone, kind)() as session:
            assert place(session, platform) == "replica-1"
            assert place(session, platform) == "replica-1"
            session.commit()
            assert place(session, platform) == "replica-1"
    assert not any(where.startswith("primary") for where in alone.status()["reads"])


def test_a_replica_that_does_not_begin_is_left_for_another(
    platform: Platform, databases: Callable[..., Database], writable: None
) -> None:
    """In the unit of work that met it, whatever was in its session before."""
    database = databases(answer=0.4, check=0.2)
    sessions = [database.session() for _ in range(2)]
    assert sorted(place(session, platform) for session in sessions) == ["replica-1", "replica-2"]
    for session in sessions:
        session.rollback()
    with frozen(platform, "replica-1"):
        for session in sessions:
            session.add(Written(body="not yet"))
            with session.no_autoflush:
                assert session.scalar(select(func.count()).select_from(Written)) is not None
            assert len(session.new) == 1
            session.close()
    until(lambda: {replica.fault for replica in database._rotation.replicas["reads"]} == {None})


def test_an_isolation_level_can_be_set_behind_what_was_posted(alone: Database) -> None:
    engine = alone.read_engines()[0]
    for level in ("REPEATABLE READ", "AUTOCOMMIT", "READ COMMITTED"):
        with engine.connect().execution_options(isolation_level=level) as connection:
            assert connection.scalar(text("SELECT 1")) == 1
            assert connection.get_isolation_level() in (level, "READ COMMITTED")
        with engine.connect() as connection:
            assert connection.scalar(text("SHOW transaction_read_only")) == "on"
