"""Every way of writing, through a session that routes by itself, watched on the servers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import column, select, table, text
from sqlalchemy.exc import DBAPIError

from langpont_db import Database
from tests.langpont_db.conftest import Log, Platform, every_statement_logged, place, rows
from tests.langpont_db.writing import WAYS, Written

PLAIN_READS = (  # what some of the ways begin with, by SQLAlchemy 2.1 and 2.0
    "SELECT analytics.written.id, analytics.written.body FROM analytics.written "
    "WHERE analytics.written.id = $1::INTEGER",
    "SELECT analytics.written.id AS analytics_written_id, analytics.written.body AS analytics_written_body "
    "FROM analytics.written WHERE analytics.written.id = $1::INTEGER",
)
WORD = "written"  # in the name of everything here, so that a log that lacks it is a log without a write


@pytest.fixture(scope="module")
def logs(platform: Platform, writable: None) -> Iterator[list[Log]]:
    """Of both replicas, every statement in them."""
    with every_statement_logged(platform, "replica-1", "replica-2") as found:
        yield found


def test_every_way_of_writing_is_kept_from_the_replicas(
    platform: Platform, database: Database, logs: list[Log]
) -> None:
    wrong: list[tuple[object, ...]] = []
    for way in WAYS:
        before, logs_of_way = rows(platform), [Log(log._server) for log in logs]
        with database.session() as session:
            assert place(session, platform) != "primary"  # it does read from a replica
            session.commit()
            try:
                way.do(session)
                session.commit()
            except DBAPIError as error:
                session.rollback()
                if (getattr(error.orig, "sqlstate", None), way.rows) != ("42501", None):  # a right that it lacks
                    wrong.append((way.name, str(error)))
        added = rows(platform) - before
        reached = [one for log in logs_of_way for one in log.statements() if WORD in one and one not in PLAIN_READS]
        if reached or (way.rows is not None and added != way.rows):
            wrong.append((way.name, reached, added))
    assert wrong == []
    assert len({way.name for way in WAYS}) == len(WAYS)


def test_what_only_the_server_can_know_is_refused_there_and_done_on_the_primary(
    platform: Platform, database: Database, logs: list[Log]
) -> None:
    """A view that writes looks like any table."""
    watched = [Log(log._server) for log in logs]
    for statement in (
        text("SELECT * FROM analytics.written_view"),
        select(table("written_view", column("n"), schema="analytics")),
    ):
        before = rows(platform)
        with database.session() as session:
            assert session.execute(statement).all() == [("view",)]
            assert place(session, platform) == "primary"
            session.commit()
        assert rows(platform) == before + 1
    refusal = "ERROR:  cannot execute INSERT in a read-only transaction"
    assert "".join(log.read() for log in watched).count(refusal) == 2


def test_the_logs_would_show_it(platform: Platform, database: Database, logs: list[Log]) -> None:
    watched = [Log(log._server) for log in logs]
    with database.session() as session:
        assert session.scalars(select(Written.id).where(Written.id == 1)).all() == [1]
        assert session.scalar(text("SELECT count(*) FROM analytics.written WHERE id = :id"), {"id": 1}) == 1
        assert place(session, platform) != "primary"
    said = [one for log in watched for one in log.statements() if WORD in one]
    assert said == [
        "SELECT analytics.written.id FROM analytics.written WHERE analytics.written.id = $1::INTEGER",
        "SELECT count(*) FROM analytics.written WHERE id = $1",
    ]
