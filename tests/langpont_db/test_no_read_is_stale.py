"""A session that wrote reads what it wrote, while the replicas are behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import event, func, select, text
from sqlalchemy.exc import DBAPIError

from langpont_db import Database
from langpont_db.settings import Limit
from tests.langpont_db.conftest import Platform, place, replay_paused, rows
from tests.langpont_db.writing import WAYS, Written, WrittenChild

FAR = Limit(lag_bytes=2**40, lag_seconds=3600)
COUNT = select(func.count()).select_from(Written)


@pytest.fixture(scope="module", autouse=True)
def behind(platform: Platform, writable: None) -> Iterator[None]:
    """Both replicas receive and do not replay, and nobody has noticed yet: the limit is half a minute."""
    with replay_paused(platform, "replica-1", "replica-2"):
        yield


def test_no_read_after_a_write_in_one_session_is_stale(platform: Platform, databases: Callable[..., Database]) -> None:
    wrong = []
    writing = [way for way in WAYS if way.rows]
    for way in writing:
        before = rows(platform)
        database = databases(limit=FAR, position=0.02)  # another would know what the way before has written
        with database.session() as session:
            assert place(session, platform) != "primary"
            try:
                way.do(session)
            except DBAPIError:
                pytest.fail(way.name)
            inside = session.scalar(COUNT)
            session.commit()
            after = session.scalar(COUNT)
            session.rollback()
            later = session.scalar(text("SELECT count(*) FROM analytics.written"))
        database.dispose()
        if not (rows(platform) == inside == after == later == before + (way.rows or 0)):
            wrong.append((way.name, before, inside, after, later))
    assert wrong == []
    assert len(writing) > 30


def test_the_replicas_were_behind(platform: Platform, databases: Callable[..., Database]) -> None:
    """A process that knows nothing of the write reads what they have."""
    with databases().session() as session:
        session.add(Written(body="new"))
        session.commit()
    with databases().session() as other:
        stale = other.scalar(COUNT)
        assert place(other, platform) != "primary"
    assert stale is not None and stale < rows(platform)


def test_an_object_is_refreshed_from_where_it_was_written(database: Database) -> None:
    with database.session() as session:
        written = Written(body="one")
        session.add(written)
        session.commit()
        assert session.get(Written, written.id, populate_existing=True) is written
        session.close()
        assert session.get_one(Written, written.id).body == "one"  # closed and used again, it is the same session


def test_a_cascade_deletes_children_that_the_replicas_do_not_have(
    platform: Platform, database: Database, databases: Callable[..., Database]
) -> None:
    """Read from a replica they would be overlooked, and their foreign key would refuse the delete."""
    with databases().get_write_session() as session:
        session.add(WrittenChild(parent=2))
        session.commit()
    with database.session() as session:
        parent = session.get_one(Written, 2)
        assert place(session, platform) != "primary"
        session.delete(parent)
        session.commit()
    with database.get_write_session() as session:
        assert session.get(Written, 2) is None


def test_a_row_is_merged_into_what_the_primary_has(
    platform: Platform, database: Database, databases: Callable[..., Database]
) -> None:
    """Read from a replica it would be missing, and would be inserted a second time."""
    with databases().get_write_session() as session:
        session.add(Written(id=100_000, body="new"))
        session.commit()
    before = rows(platform)
    with database.session() as session:
        session.merge(Written(id=100_000, body="merged"))
        session.commit()
    with database.session() as session:
        session.merge_all([Written(id=100_000, body="merged again")])
        session.commit()
    assert rows(platform) == before


def test_what_is_read_while_something_is_written_is_read_from_the_primary(
    platform: Platform, database: Database
) -> None:
    met = []
    with database.session() as session:
        event.listen(session, "before_flush", lambda *_: met.append(place(session, platform)))
        session.add(Written(body="flushed"))
        session.commit()
    with database.session() as session, session.begin_nested():
        met.append(place(session, platform))  # a savepoint is there to write
        assert [engine.pool.checkedout() for engine in database.read_engines()] == [0, 0]  # type: ignore[attr-defined]
    with database.session() as session:
        session.delete_all([session.get_one(Written, 1)])
        met.append(place(session, platform))
        session.expunge_all()
    assert met == ["primary"] * 3
