"""Objects that a replica gave, changed or deleted after somebody else has changed them on the primary."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm.exc import StaleDataError

from langpont_db import Database, migration_engine
from tests.langpont_db.conftest import Platform, every_statement_logged, place, replay_paused
from tests.langpont_db.counted import Base, Counted, CountedChild, Versioned

SENTENCE = (
    r"^Counted 1 was changed since a replica gave it: nothing was written\. Roll back, read it with "
    r"with_for_update\(\), which the primary answers, and do it once more\.$"
)


@pytest.fixture(scope="module", autouse=True)
def tables(platform: Platform) -> Iterator[None]:
    engine = migration_engine(platform.migration)
    Base.metadata.create_all(engine)
    yield
    Base.metadata.drop_all(engine)


@pytest.fixture
def elsewhere(databases: Callable[..., Database]) -> Database:
    """Another process."""
    return databases()


@pytest.fixture(autouse=True)
def behind(platform: Platform, elsewhere: Database) -> Iterator[None]:
    """Two rows of 100, on all servers, and then replicas that receive and do not replay."""
    with elsewhere.begin() as connection:
        for table in (CountedChild, Counted, Versioned):
            connection.execute(delete(table))
        connection.execute(insert(Counted), [{"id": n, "v": 100, "document": {"n": 100}} for n in (1, 2)])
        connection.execute(insert(CountedChild).values(id=1, parent=1))
        connection.execute(insert(Versioned).values(id=1, v=100, version=1))
    with replay_paused(platform, "replica-1", "replica-2"):
        yield


def value(elsewhere: Database, n: int = 1) -> int | None:
    """What the primary has."""
    with elsewhere.get_write_session() as session:
        return session.scalar(select(Counted.v).where(Counted.id == n))


def add_50(elsewhere: Database) -> None:
    with elsewhere.begin() as connection:
        connection.execute(update(Counted).where(Counted.id == 1).values(v=Counted.v + 50, document={"n": 150}))
        connection.execute(update(Versioned).values(v=150, version=2))


def test_an_update_is_not_lost(platform: Platform, database: Database, elsewhere: Database) -> None:
    """What was 101, without an error."""
    add_50(elsewhere)
    with database.session() as session:
        row = session.get_one(Counted, 1)
        assert (row.v, place(session, platform) != "primary") == (100, True)
        row.v += 1
        with pytest.raises(StaleDataError, match=SENTENCE):
            session.commit()
        session.rollback()
        row = session.get_one(Counted, 1, with_for_update=True)
        row.v += 1
        session.commit()
    assert value(elsewhere) == 151


def test_nothing_of_the_transaction_is_written(database: Database, elsewhere: Database) -> None:
    add_50(elsewhere)
    with database.session() as session:
        first, second = session.scalars(select(Counted).order_by(Counted.id)).all()
        second.v += 1
        session.flush()
        first.v += 1
        with pytest.raises(StaleDataError):
            session.flush()
    assert (value(elsewhere), value(elsewhere, 2)) == (150, 100)


def test_a_column_that_was_only_looked_at_counts(database: Database, elsewhere: Database) -> None:
    """A change may depend on it."""
    add_50(elsewhere)
    with database.session() as session:
        row = session.get_one(Counted, 1)
        row.document = {"spent": row.v}
        with pytest.raises(StaleDataError):
            session.commit()


def test_a_document_that_changes_in_place_counts(database: Database, elsewhere: Database) -> None:
    with elsewhere.begin() as connection:
        connection.execute(update(Counted).values(document={"n": 150}))
    with database.session() as session:
        row = session.get_one(Counted, 1)
        assert row.document is not None
        row.document["n"] += 1
        with pytest.raises(StaleDataError):
            session.commit()
        session.rollback()
        row = session.get_one(Counted, 1, with_for_update=True)
        assert row.document is not None
        row.document["n"] += 1
        session.commit()
    with elsewhere.get_write_session() as session:
        assert session.scalar(select(Counted.document).where(Counted.id == 1)) == {"n": 151}


def test_a_row_that_nobody_changed_is_written(database: Database, elsewhere: Database) -> None:
    with database.session() as session:
        for row in session.scalars(select(Counted)):
            row.v += 1
            assert row.document is not None
            row.document["n"] += 1
        session.commit()
        session.get_one(Counted, 1).v += 1
        session.commit()
    assert (value(elsewhere), value(elsewhere, 2)) == (102, 101)


def test_a_deleted_row_is_compared_too(database: Database, elsewhere: Database) -> None:
    add_50(elsewhere)
    with elsewhere.begin() as connection:
        connection.execute(delete(CountedChild))
    with database.session() as session:
        session.delete(session.get_one(Counted, 1))
        with pytest.raises(StaleDataError, match=SENTENCE):
            session.commit()
    assert value(elsewhere) == 150


def test_a_row_that_is_gone_is_named(database: Database, elsewhere: Database) -> None:
    with database.session() as session:
        row = session.get_one(Counted, 2)
        with elsewhere.begin() as connection:
            connection.execute(delete(Counted).where(Counted.id == 2))
        row.v += 1
        with pytest.raises(StaleDataError, match="^Counted 2 was deleted since a replica gave it"):
            session.commit()


def test_a_row_that_only_a_relationship_changes_is_compared(database: Database, elsewhere: Database) -> None:
    """Its foreign key is set to NULL, though nobody touched the object."""
    with elsewhere.begin() as connection:
        connection.execute(update(CountedChild).values(parent=2))
    with database.session() as session:
        parent = session.get_one(Counted, 1)
        (child,) = parent.children
        parent.children.remove(child)
        with pytest.raises(StaleDataError, match="^CountedChild 1 was changed"):
            session.commit()


@pytest.mark.parametrize("way", ["added", "pickled", "merged", "merged without a look"])
def test_an_object_carries_its_origin_to_another_session(database: Database, elsewhere: Database, way: str) -> None:
    add_50(elsewhere)
    with database.get_read_session(expire_on_commit=False) as reading:
        row = reading.get_one(Counted, 1)
    if way == "pickled":
        row = pickle.loads(pickle.dumps(row))
    with database.get_write_session() as session:
        if way == "merged":
            row.v += 1
            with pytest.raises(StaleDataError, match=SENTENCE):
                session.merge(row)
            return
        if way == "merged without a look":
            row = session.merge(row, load=False)
        else:
            session.add(row)
        row.v += 1
        with pytest.raises(StaleDataError, match=SENTENCE):
            session.commit()
    assert value(elsewhere) == 150


def test_a_version_column_does_it_alone(platform: Platform, database: Database, elsewhere: Database) -> None:
    add_50(elsewhere)
    with every_statement_logged(platform, "primary") as (log,), database.session() as session:
        row = session.get_one(Versioned, 1)
        row.v += 1
        with pytest.raises(StaleDataError, match=r"expected to update 1 row\(s\); 0 were matched"):
            session.commit()
        assert [one for one in log.statements() if "FOR NO KEY UPDATE" in one] == []


def test_many_rows_are_compared_in_one_statement(platform: Platform, database: Database) -> None:
    with every_statement_logged(platform, "primary") as (log,), database.session() as session:
        for row in session.scalars(select(Counted)):
            row.v += 1
        session.commit()
        assert len([one for one in log.statements() if "FOR NO KEY UPDATE" in one]) == 1


def test_what_the_primary_gave_is_written_without_a_look(platform: Platform, database: Database) -> None:
    with every_statement_logged(platform, "primary") as (log,), database.get_write_session() as session:
        session.get_one(Counted, 1).v += 1
        session.commit()
        assert [one for one in log.statements() if "FOR NO KEY UPDATE" in one] == []
