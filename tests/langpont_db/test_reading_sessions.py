"""The read-only session: what it refuses itself, and what the server refuses."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import delete, func, insert, select, text, update
from sqlalchemy.exc import DBAPIError

from langpont_db import Database, ReadSession, WriteRefused
from tests.langpont_db.conftest import Platform, place, rows
from tests.langpont_db.writing import Written

REFUSAL = r"^This session only reads\. Write in get_write_session\(\) or session\(\)\.$"


@pytest.fixture(params=["on a replica", "on the primary"])
def session(
    databases: Callable[..., Database], platform: Platform, writable: None, request: pytest.FixtureRequest
) -> Iterator[ReadSession]:
    """The primary stands in for replicas, and nothing is written there either."""
    database = databases({} if request.param == "on a replica" else {"DATABASE_REPLICA_URLS": ""})
    before = rows(platform)
    with database.get_read_session() as made:
        assert (place(made, platform) == "primary") == (request.param == "on the primary")
        yield made
    assert rows(platform) == before


@pytest.mark.parametrize(
    "statement", [insert(Written).values(body="x"), update(Written).values(body="x"), delete(Written)]
)
def test_a_statement_that_writes_is_refused_before_it_is_sent(session: ReadSession, statement: object) -> None:
    with pytest.raises(WriteRefused, match=REFUSAL):
        session.execute(statement)  # type: ignore[call-overload]


def test_objects_are_not_written(session: ReadSession) -> None:
    session.add(Written(body="x"))
    acts: list[Callable[[], object]] = [session.flush, session.commit, session.query(Written).count]
    for act in acts:
        with pytest.raises(WriteRefused, match=REFUSAL):
            act()
        assert list(session.new) != []
    session.expunge_all()
    session.get_one(Written, 1).body = "changed"
    with pytest.raises(WriteRefused, match=REFUSAL):
        session.commit()
    session.rollback()
    session.delete(session.get_one(Written, 1))
    with pytest.raises(WriteRefused, match=REFUSAL):
        session.commit()


@pytest.mark.parametrize(
    "act",
    [
        lambda s: s.execute(text("INSERT INTO analytics.written (body) VALUES ('x')")),
        lambda s: s.execute(text("WITH x AS (DELETE FROM analytics.written RETURNING 1) SELECT * FROM x")),
        lambda s: s.scalar(select(func.analytics.written_note("x"))),
        lambda s: s.bulk_insert_mappings(Written, [{"body": "x"}]),
        lambda s: s.connection().exec_driver_sql("UPDATE analytics.written SET body = 'x'"),
        lambda s: s.execute(select(Written).with_for_update()),
        lambda s: s.execute(text("SELECT nextval('analytics.written_id_seq')")),
    ],
)
def test_what_only_the_server_can_know_is_refused_there(
    session: ReadSession, act: Callable[[ReadSession], object]
) -> None:
    with pytest.raises(DBAPIError) as refused:
        act(session)
    assert getattr(refused.value.orig, "sqlstate", None) in ("25006", "42501")
    assert not refused.value.connection_invalidated
    session.rollback()
    assert session.scalar(text("SELECT 1")) == 1


def test_a_report_may_take_as_long_as_its_replica_is_tuned_for(
    platform: Platform, databases: Callable[..., Database]
) -> None:
    urls = platform.environment["DATABASE_REPLICA_URLS"].split(",")
    database = databases({"DATABASE_REPLICA_URLS": urls[0], "DATABASE_ANALYTICS_REPLICA_URLS": urls[1]})
    limit = text("SHOW statement_timeout")
    with database.get_read_session("analytics") as report, database.get_read_session() as page:
        assert (report.scalar(limit), page.scalar(limit)) == ("1h", "1min")
        assert place(report, platform) == "replica-2"
    with database.connect("analytics") as connection:
        assert connection.scalar(limit) == "1h"
    with database.get_write_session() as session:  # nothing of it is left anywhere
        assert session.scalar(limit) == "30s"
    with database.get_read_session() as page:
        assert page.scalar(limit) == "1min"


@pytest.mark.parametrize("urls", ["both", ""])
def test_a_report_sees_one_snapshot_if_asked(
    platform: Platform, databases: Callable[..., Database], writable: None, urls: str
) -> None:
    database = databases({} if urls else {"DATABASE_REPLICA_URLS": ""})
    level = text("SHOW transaction_isolation")
    with database.get_read_session(isolation_level="REPEATABLE READ") as report:
        assert report.scalar(level) == "repeatable read"
        assert report.scalar(text("SHOW transaction_read_only")) == "on"
        assert (place(report, platform) == "primary") == (urls == "")
    with database.get_read_session() as other:
        assert other.scalar(level) == "read committed"
    with pytest.raises(ValueError) as refused:
        database.get_read_session(isolation_level="SERIALIZABLE")
    assert str(refused.value) == (
        "'SERIALIZABLE' is no isolation level of a replica. They are READ COMMITTED, REPEATABLE READ."
    )


@pytest.mark.parametrize("level", ["REPEATABLE READ", "AUTOCOMMIT", "READ COMMITTED"])
def test_an_engine_of_a_replica_takes_an_isolation_level(database: Database, writable: None, level: str) -> None:
    for engine in database.read_engines():
        with engine.connect().execution_options(isolation_level=level) as connection:
            for _ in range(2):
                assert connection.scalar(select(func.count()).select_from(Written)) is not None
            expected = "read committed" if level == "AUTOCOMMIT" else level.lower()
            assert connection.scalar(text("SHOW transaction_isolation")) == expected
            assert connection.scalar(text("SHOW transaction_read_only")) == "on"
        with engine.connect() as connection:
            assert connection.scalar(text("SHOW transaction_isolation")) == "read committed"


def test_options_of_a_session_are_sqlalchemys(database: Database, writable: None) -> None:
    with database.session(expire_on_commit=False, autoflush=False) as session:
        row = session.get_one(Written, 1)
        session.commit()
        assert (row.body, session.autoflush) == (row.body, False)
