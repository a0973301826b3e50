"""Every way of writing that there is, and the tables for it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

from sqlalchemy import (
    Engine,
    ForeignKey,
    Sequence,
    String,
    TypeDecorator,
    column,
    delete,
    func,
    insert,
    literal_column,
    select,
    table,
    text,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    column_property,
    joinedload,
    mapped_column,
    relationship,
)

from langpont_db.waiting import awaited

SCHEMA = {"schema": "analytics"}


class Base(DeclarativeBase):
    """Tables of these tests."""


class Stamped(TypeDecorator[str]):
    """A type whose every read calls a function, which no statement shows."""

    impl = String
    cache_ok = True

    def column_expression(self, column: Any) -> Any:
        """What SQLAlchemy selects instead of the column."""
        return func.analytics.written_note(column, type_=self.impl_instance)


class Written(Base):
    """A row that is written."""

    __tablename__ = "written"
    __table_args__ = (SCHEMA,)
    id: Mapped[int] = mapped_column(primary_key=True)
    body: Mapped[str | None]
    children: Mapped[list[WrittenChild]] = relationship(cascade="all, delete-orphan")


class WrittenChild(Base):
    """A row that goes when its parent does."""

    __tablename__ = "written_child"
    __table_args__ = (SCHEMA,)
    id: Mapped[int] = mapped_column(primary_key=True)
    parent: Mapped[int] = mapped_column(ForeignKey("analytics.written.id"))


class OtherBase(DeclarativeBase):
    """The same table, seen by a class with a column that is a call."""


class WritesWhenRead(OtherBase):
    """Its SELECT shows the call only when it is compiled."""

    __tablename__ = "written"
    __table_args__ = (SCHEMA,)
    id: Mapped[int] = mapped_column(primary_key=True)
    noted: Mapped[str] = column_property(func.analytics.written_note("column property"))


class ThirdBase(DeclarativeBase):
    """The same table, seen by a class with a type that is a call."""


class WritesByItsType(ThirdBase):
    """No part of its SELECT shows the call."""

    __tablename__ = "written"
    __table_args__ = (SCHEMA,)
    id: Mapped[int] = mapped_column(primary_key=True)
    body: Mapped[str] = mapped_column(Stamped)


class Way(NamedTuple):
    """One way of writing. `rows`: how many it adds; None where it changes none or may not be done."""

    name: str
    do: Callable[[Session], object]
    rows: int | None = None


ROW = table("written", column("body"), schema="analytics")
one = select(Written.id).where(Written.id == 1)


def add(session: Session) -> None:
    session.add(Written(body="add"))


def change(session: Session) -> None:
    session.get_one(Written, 1).body = "changed"


def remove(session: Session) -> None:
    parent = Written(body="parent", children=[WrittenChild(), WrittenChild()])
    session.add(parent)
    session.commit()
    session.delete(parent)


def autoflush(session: Session) -> None:
    session.add(Written(body="autoflush"))
    session.scalars(select(Written).limit(1)).all()


def savepoint(session: Session) -> None:
    with session.begin_nested():
        session.scalar(one)
        session.execute(insert(Written).values(body="savepoint"))


def raw(session: Session) -> None:
    session.connection().exec_driver_sql("INSERT INTO analytics.written (body) VALUES ('raw')")


def driver(session: Session) -> None:
    connection = session.connection().connection.driver_connection
    assert connection is not None
    done = connection.execute("INSERT INTO analytics.written (body) VALUES ('driver')")
    if inspect.isawaitable(done):  # of an event loop's connection
        awaited(done)


def lower(word: str) -> Callable[[Session], object]:
    return lambda session: session.execute(text(word))


def run(statement: Any, *arguments: Any) -> Callable[[Session], object]:
    return lambda session: session.execute(statement, *arguments).all()


def execute(statement: Any, *arguments: Any) -> Callable[[Session], object]:
    return lambda session: session.execute(statement, *arguments)


note = func.analytics.written_note
inserted = insert(Written).values(body="cte").returning(Written.id).cte("new")

WAYS = (
    Way("add and commit", add, 1),
    Way("autoflush before a read", autoflush, 1),
    Way("a changed attribute", change, 0),
    Way("delete with its cascade", remove, 0),
    Way("merge", lambda s: s.merge(Written(id=1, body="merged")), 0),
    Way("merge_all", lambda s: s.merge_all([Written(id=1, body="merged")]), 0),
    Way("bulk_save_objects", lambda s: s.bulk_save_objects([Written(body="bulk"), Written(body="bulk")]), 2),
    Way("bulk_insert_mappings", lambda s: s.bulk_insert_mappings(Written, [{"body": "bulk"}]), 1),
    Way("bulk_update_mappings", lambda s: s.bulk_update_mappings(Written, [{"id": 1, "body": "bulk"}]), 0),
    Way("insert()", execute(insert(Written).values(body="insert")), 1),
    Way("insert() of many", execute(insert(Written), [{"body": "a"}, {"body": "b"}]), 2),
    Way("insert() returning", run(insert(Written).values(body="x").returning(Written)), 1),
    Way("insert() into a table", execute(insert(ROW).values(body="core")), 1),
    Way("insert() from a select", execute(insert(ROW).from_select(["body"], select(func.lower("FROM")))), 1),
    Way(
        "an upsert",
        execute(
            upsert(Written).values(id=1, body="up").on_conflict_do_update(index_elements=["id"], set_={"body": "up"})
        ),
        0,
    ),
    Way("update()", execute(update(Written).where(Written.id == 1).values(body="update")), 0),
    Way(
        "update() fetching",
        execute(update(Written).where(Written.id == 1).values(body="f").execution_options(synchronize_session="fetch")),
        0,
    ),
    Way("update() of many", execute(update(Written), [{"id": 1, "body": "many"}]), 0),
    Way("update() returning", run(update(Written).where(Written.id == 1).values(body="r").returning(Written)), 0),
    Way("delete()", execute(delete(Written).where(Written.id == -1)), 0),
    Way("Query.update", lambda s: s.query(Written).filter_by(id=1).update({"body": "query"}), 0),
    Way("Query.delete", lambda s: s.query(Written).filter_by(id=-1).delete(), 0),
    Way("a savepoint", savepoint, 1),
    Way("exec_driver_sql", raw, 1),
    Way("the driver's connection", driver, 1),
    Way("a text that inserts", lower("INSERT INTO analytics.written (body) VALUES ('text')"), 1),
    Way("a text in lower case", lower("  insert into analytics.written (body) values ('text')"), 1),
    Way("a text behind a comment", lower("/* select */ INSERT INTO analytics.written (body) VALUES ('c')"), 1),
    Way(
        "a text that merges",
        lower(
            "MERGE INTO analytics.written w USING (SELECT 1) s (n) ON w.id = n WHEN MATCHED THEN UPDATE SET body = 'm'"
        ),
        0,
    ),
    Way(
        "a text with WITH that inserts",
        lower("WITH new AS (INSERT INTO analytics.written (body) VALUES ('w') RETURNING id) SELECT id FROM new"),
        1,
    ),
    Way("a text of two statements", lower("SELECT 1; INSERT INTO analytics.written (body) VALUES ('two')"), 1),
    Way("a text that hides it in a string", lower("SELECT 'it''s', analytics.written_note('text')"), 1),
    Way("a text that hides it in a comment", lower("SELECT 1 -- it's\n, analytics.written_note('text') -- '"), 1),
    Way("a text with a dollar quote", lower("SELECT $$'$$, analytics.written_note('d'), $$'$$"), 1),
    Way("a text with escapes", lower(r"SELECT E'\\:\'', analytics.written_note('e'), E'\\:\''"), 1),
    Way("a text that calls", lower("SELECT analytics.written_note('call')"), 1),
    Way("a text that calls by a quoted name", lower('SELECT "analytics"."written_note" (\'quoted\')'), 1),
    Way("a text that calls in FROM", lower("SELECT * FROM analytics.written_note('from')"), 1),
    Way("a CTE that inserts", run(select(inserted.c.id)), 1),
    Way("a CTE beside", run(one.add_cte(insert(Written).values(body="beside").cte("beside"))), 1),
    Way("a CTE in a union", run(union_all(select(inserted.c.id), one)), 1),
    Way("a function", lambda s: s.scalar(select(note("function"))), 1),
    Way("a function alone", lambda s: s.scalar(note("alone")), 1),
    Way("a function in WHERE", run(one.where(note("where").is_not(None))), None),
    Way("a function in a subquery", run(select(select(note("sub").label("n")).subquery())), 1),
    Way("a function in FROM", run(select(note("from").column_valued("n"))), 1),
    Way("a text in a select", run(select(text("analytics.written_note('text')"))), 1),
    Way("a literal column", run(select(literal_column("analytics.written_note('literal')"))), 1),
    Way("a prefix", run(one.prefix_with("analytics.written_note('prefix'),")), 1),
    Way("a suffix", run(one.suffix_with("FOR UPDATE"))),
    Way("a hint", run(one.with_statement_hint("FOR NO KEY UPDATE"))),
    Way("an operator", run(select(Written.body.op("|| analytics.written_note('op') ||")("")).limit(1)), None),
    Way("a column property", run(select(WritesWhenRead).limit(1)), 1),
    Way("a type's expression", run(select(WritesByItsType).limit(1)), 1),
    Way("a sequence", lambda s: s.scalar(Sequence("written_id_seq", schema="analytics"))),
    Way("a sequence's next value", run(select(Sequence("written_id_seq", schema="analytics").next_value()))),
    Way("nextval", run(select(func.nextval("analytics.written_id_seq")))),
    Way("setval", run(select(func.setval("analytics.written_id_seq", func.nextval("analytics.written_id_seq"))))),
    Way("FOR UPDATE", run(one.with_for_update())),
    Way("FOR UPDATE in a subquery", run(select(one.with_for_update().subquery()))),
    Way("FOR SHARE", run(one.with_for_update(read=True, of=Written))),
    Way("FOR KEY SHARE in a text", lower("SELECT id FROM analytics.written WHERE id = 1 FOR KEY SHARE")),
    Way("Query.with_for_update", lambda s: s.query(Written).filter_by(id=1).with_for_update().all()),
    Way("get with a lock", lambda s: s.get(Written, 1, with_for_update=True)),
    Way(
        "get with a lock and a join",
        lambda s: s.get(Written, 1, with_for_update={"of": Written}, options=[joinedload(Written.children)]),
    ),
    Way("refresh with a lock", lambda s: s.refresh(s.get_one(Written, 1), with_for_update=True)),
    Way("LOCK TABLE", lower("LOCK TABLE analytics.written IN ROW SHARE MODE")),
    Way("an advisory lock", run(select(func.pg_advisory_xact_lock(func.hashtext("written"))))),
    Way("an advisory lock in a text", lower("SELECT pg_advisory_xact_lock(hashtext('written'))")),
    Way("SELECT INTO", lower("SELECT id INTO TEMP written_copy FROM analytics.written")),
    Way("CREATE TEMP TABLE", lower("CREATE TEMP TABLE written_copy (n int)")),
    Way("CREATE TABLE", lower("CREATE TABLE analytics.written_more (n int)")),
    Way("DROP TABLE", lower("DROP TABLE analytics.written")),
    Way("TRUNCATE", lower("TRUNCATE analytics.written")),
    Way("NOTIFY", lower("NOTIFY written")),
    Way("set_config", run(select(func.set_config("written.x", "1", True)))),
    Way("SET LOCAL", lower("SET LOCAL written.x = 1")),
    Way("DO", lower("DO $$ BEGIN PERFORM analytics.written_note('do'); END $$"), 1),
    Way("EXPLAIN ANALYZE", lower("EXPLAIN ANALYZE INSERT INTO analytics.written (body) VALUES ('e')"), 1),
    Way(
        "a place that was chosen",
        lambda s: s.execute(select(note("chosen")), bind_arguments={"mapper": Written.__mapper__}).all(),
        1,
    ),
)


def make_tables(engine: Engine) -> None:
    """The tables, a function that writes and looks like one that reads, and a view that calls it."""
    with engine.begin() as connection:
        Base.metadata.create_all(connection)
        for statement in (
            "CREATE FUNCTION analytics.written_note(body text) RETURNS text LANGUAGE sql VOLATILE "
            "AS 'INSERT INTO analytics.written (body) VALUES ($1) RETURNING body'",
            "CREATE VIEW analytics.written_view AS SELECT analytics.written_note('view') AS n",
            "INSERT INTO analytics.written (id, body) VALUES (1, 'first'), (2, 'second')",
            "SELECT setval('analytics.written_id_seq', 10)",
        ):
            connection.execute(text(statement))


def drop_tables(engine: Engine) -> None:
    """All that `make_tables` made."""
    with engine.begin() as connection:
        connection.execute(text("DROP VIEW analytics.written_view"))
        connection.execute(text("DROP FUNCTION analytics.written_note"))
        Base.metadata.drop_all(connection)
