"""Which statements may be sent to a replica, without a server: only those that are certain to read."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import (
    ClauseElement,
    Integer,
    String,
    any_,
    case,
    cast,
    column,
    distinct,
    exists,
    extract,
    func,
    intersect,
    lateral,
    literal,
    literal_column,
    make_url,
    null,
    select,
    text,
    true,
    tuple_,
    type_coerce,
    union_all,
    values,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, array
from sqlalchemy.orm import aliased, joinedload

from langpont_db import routing
from langpont_db.routing import HARMLESS, declare_harmless, may_read_from_replica, only_reads
from tests.langpont_db.writing import Written, WrittenChild

DIALECT = make_url("postgresql+psycopg://").get_dialect()()
W, C = Written, WrittenChild
anchor = select(literal(1).label("n")).cte("numbers", recursive=True)
numbers = anchor.union_all(select(anchor.c.n + 1).where(anchor.c.n < 5))
recent = select(W.id).where(W.id > 5).cte("recent")
document = column("document", JSONB)

READS: dict[str, ClauseElement] = {
    "entities": select(W),
    "a join with its conditions": select(W, C).join(C, C.parent == W.id).where(W.body.ilike("%x%"), W.id.in_([1, 2])),
    "eager loading": select(W).options(joinedload(W.children)),
    "an alias": select(aliased(W, name="other")),
    "count(*)": select(func.count()).select_from(W),
    "aggregates": select(W.body, func.max(W.id), func.count(distinct(W.body)))
    .group_by(W.body)
    .having(func.count() > 1),
    "a filtered aggregate": select(func.count(W.id).filter(W.id > 1)),
    "an ordered aggregate": select(func.percentile_cont(0.5).within_group(W.id)),
    "a window": select(func.row_number().over(partition_by=W.body, order_by=W.id.desc(), rows=(None, 0))),
    "a CTE": select(recent.c.id),
    "a recursive CTE": select(numbers.c.n),
    "a union with limits": union_all(select(W.id).limit(1), select(C.id).limit(2)).order_by("id"),
    "an intersection": intersect(select(W.id), select(C.parent)),
    "a subquery": select(select(W.id).subquery().c.id),
    "a scalar subquery": select(W.id, select(func.max(C.id)).where(C.parent == W.id).scalar_subquery()),
    "a lateral": select(lateral(select(C.id).where(C.parent == W.id)).c.id),
    "EXISTS": select(W).where(exists(select(C.id).where(C.parent == W.id))),
    "IN a subquery": select(W).where(W.id.in_(select(C.parent)), ~W.id.in_(select(C.id))),
    "ANY": select(W).where(W.id == any_(select(C.parent).scalar_subquery())),
    "CASE, CAST, EXTRACT": select(
        case((W.id > 1, "a"), else_="b"), cast(W.id, String(20)), extract("year", func.now())
    ),
    "times": select(func.current_date(), func.date_trunc("day", func.now()), func.current_timestamp()),
    "literals": select(literal("it's; -- /* \\ $$"), null(), true(), literal_column("1"), literal_column("'x'")),
    "a tuple": select(W).where(tuple_(W.id, W.body).in_([(1, "a")])),
    "arrays": select(array([1, 2]), func.unnest(type_coerce(column("a"), ARRAY(Integer))).column_valued("e")),
    "JSON": select(document["a"]["b"].astext, document.contains({"a": 1}), document.has_key("a"), document[("a", "b")]),
    "a set of rows": select(func.generate_series(1, 3).table_valued("n", name="s").render_derived()),
    "values": select(values(column("n", Integer), name="v").data([(1,), (2,)])),
    "text search": select(W).where(func.to_tsvector("english", W.body).op("@@")(func.to_tsquery("x"))),
    "concatenation, collation, nulls": select((W.body + "x").collate("C")).order_by(W.body.asc().nulls_last()),
    "arithmetic": select(W.id % 2, W.id / 2, -W.id, W.id.bitwise_and(1)),
    "a text": text("SELECT count(*) FROM analytics.written WHERE id = :id AND body LIKE '%x%' LIMIT 5"),
    "a text with WITH": text(
        "with recent as (select id from t where at > now() - interval '1 day') select * from recent"
    ),
    "a text with casts": text('select \'2026-01-01\'::date, x::numeric(10, 2), a[1:2], "Body" from "T" as t (a, b)'),
    "a text with its columns": text("SELECT id FROM analytics.written").columns(W.id),
    "a text with a semicolon": text("SELECT 1 ; "),
    "a text with sqlcommenter's comment": text("SELECT 1 /*traceparent='00-5bd6',app='web'*/;"),
    "a text behind a comment": text("/* page: 1 */ SELECT 1"),
    "a text in a select": select(text("id")).select_from(text("analytics.written")).where(text("lower(body) = 'x'")),
}


@pytest.mark.parametrize("name", READS)
def test_a_plain_read_may(name: str) -> None:
    """As it is built, and as it is sent."""
    assert may_read_from_replica(READS[name])
    assert only_reads(sent(READS[name]))


def sent(statement: ClauseElement) -> str:
    compiled = statement.compile(dialect=DIALECT, compile_kwargs={"render_postcompile": True})
    return str(compiled)


# What is built, in writing.py, is tried on servers. This is about text.
UNCERTAIN = [
    "",
    "(",
    "()",
    "INSERT INTO t VALUES (1)",
    "(DELETE FROM t)",
    "VALUES (1)",
    "TABLE t",
    "SHOW transaction_read_only",
    "EXPLAIN SELECT 1",
    "BEGIN",
    "COPY t TO STDOUT",
    "CALL p()",
    "SELECT 1; SELECT 2",
    "SELECT 1 -- one",
    "SELECT 1 /* one */ + nextval('s')",
    "SELECT 1 /* one /* two */",
    "SELECT 1 -- /* one */",
    "SELECT nextval('s') /* one */;",
    "/* one */ INSERT INTO t VALUES (1)",
    "SELECT 1; SELECT 2;",
    "SELECT U&\"!006eextval\" UESCAPE '!' ('s')",
    "SELECT * INTO u FROM t",
    "SELECT * FROM t FOR UPDATE",
    "SELECT * FROM t FOR NO KEY UPDATE SKIP LOCKED",
    "SELECT * FROM t FOR SHARE OF t NOWAIT",
    "WITH d AS (DELETE FROM t RETURNING *) SELECT * FROM d",
    "WITH u AS (UPDATE t SET a = 1 RETURNING *) SELECT * FROM u",
    "WITH m AS (MERGE INTO t USING u ON true WHEN MATCHED THEN DO NOTHING) SELECT 1",
    "WITH s AS (SELECT 1) INSERT INTO t SELECT * FROM s",
    "SELECT nextval('s')",
    "SELECT nextval ('s')",
    "SELECT NEXTVAL\n(\t's')",
    "SELECT \"nextval\"('s')",
    'SELECT "count"(1)',
    "SELECT pg_catalog.count(1)",
    "SELECT app.count(1)",
    "SELECT app . lower('x')",
    "SELECT my_function(1)",
    "SELECT 注文(1)",
    "SELECT pg_advisory_lock(1)",
    "SELECT pg_notify('a', 'b')",
    "SELECT pg_sleep(1)",
    "SELECT set_config('a', 'b', true)",
    "SELECT txid_current()",
    "SELECT lo_import('x')",
    "SELECT dblink('a', 'b')",
    "SELECT query_to_xml('DELETE FROM t', true, true, '')",
    "SELECT 'it\\'s', nextval('s') --'",
    "SELECT $$'$$, nextval('s'), $$'$$",
    "SELECT E'\\'', nextval('s'), '\\''",
    "SELECT 'open",
    'SELECT "open',
    "SELECT {fn now()}",
    "SELECT `x`",
    "SELECT 1\\g",
    "SELECT * FROM t TABLESAMPLE mine(1)",
    "SELECT substring('x' FROM 1 FOR 2)",
]


@pytest.mark.parametrize("sql", UNCERTAIN)
def test_a_text_that_is_not_certain_may_not(sql: str) -> None:
    assert not only_reads(sql)
    assert not may_read_from_replica(text(sql.replace(":", "\\:")))


@pytest.mark.parametrize(
    "fragment", ["nextval('s')", "1; DELETE FROM t", "1 FOR UPDATE", "'", "--", "", "(DELETE FROM t)"]
)
def test_a_fragment_of_text_is_judged_too(fragment: str) -> None:
    assert not may_read_from_replica(select(text(fragment)))
    assert not may_read_from_replica(select(literal_column(fragment)))
    assert not may_read_from_replica(select(W.id).where(text(fragment)))
    assert not may_read_from_replica(select(W.id).select_from(text(fragment)))
    assert not may_read_from_replica(select(select(text(fragment)).subquery()))


def test_what_a_select_does_not_show_is_in_what_is_sent() -> None:
    for statement in (
        select(W.id).suffix_with("FOR UPDATE"),
        select(W.id).prefix_with("nextval('s'),"),
        select(W.id).with_statement_hint("FOR SHARE"),
        select(W.body.op("|| nextval('s') ||")("")),
    ):
        assert not only_reads(sent(statement))


def test_no_function_that_is_called_harmless_is_known_to_do_something() -> None:
    doing = r"pg_|lo_|set|nextval|currval|lastval|txid|advisory|notify|sleep|dblink|query_to|cursor|reload|rotate|file"
    assert [name for name in HARMLESS if re.search(rf"^(?:{doing})", name)] == []
    assert len(HARMLESS) == 195


word = st.sampled_from(
    ["select", "from", "t", "(", ")", ",", "'a'", "''", '"b"', "nextval", "count", "*", "1", "=", "for", "update", "--",
     "/*", "*/", ";", "$$", "\\", "'", '"', "E'", ".", "as", "with", "insert", "\n", " "]
)  # fmt: skip


def spoken(sql: str) -> str:
    """Without strings, comments, and semicolons at the end, read from left to right as PostgreSQL's scanner does."""
    found, at = "", 0
    while at < len(sql):
        if sql[at] == "'":
            at = sql.index("'", at + 1) + 1  # without backslashes a quote ends where the next one is
            found += " '' "
        elif sql[at] == '"':
            end = sql.index('"', at + 1) + 1
            found, at = found + sql[at:end], end
        elif sql.startswith("/*", at):
            depth = 1
            at += 2
            while depth:
                step = 2 if sql[at : at + 2] in ("/*", "*/") else 1
                depth += {"/*": 1, "*/": -1}.get(sql[at : at + 2], 0)
                assert at < len(sql), "a comment without an end"
                at += step
            found += " "
        else:
            found += sql[at]
            at += 1
    return found.rstrip(" \n;")


@example(words=["1", "/*", "*/", ";"])
@example(words=["/*", "/*", "*/"])
@example(words=["'", "/*", "'", "*/"])
@given(words=st.lists(word, max_size=12))
def test_no_arrangement_of_words_hides_a_call_or_a_second_statement(words: list[str]) -> None:
    """Checked against PostgreSQL's rules for strings and comments, read once more in another way."""
    sql = "select " + " ".join(words)
    if not only_reads(sql):
        return
    bare = spoken(sql)
    assert not re.search(r"nextval\"?\s*\((?<!as nextval \()", re.sub(r"\b(?:as|with)\s+nextval\s*\(", "(", bare))
    assert not re.search(r";|--|/\*|\$|\\|\b(?:for|insert|update)\b", re.sub(r'"[^"]*"', "x", bare))


def test_a_function_of_ones_own_is_declared_harmless() -> None:
    statements = [select(func.own_reading(1)), text("SELECT own_reading(1)")]
    assert not any(may_read_from_replica(one) for one in statements)
    declare_harmless("Own_Reading")
    try:
        assert all(may_read_from_replica(one) for one in statements)
        assert not may_read_from_replica(text("SELECT other.own_reading(1)"))
    finally:
        routing._declared.clear()
        routing.forget()


def calls(act: Callable[[], object]) -> int:
    """How many functions it calls, Python's own included."""
    found = 0

    def count(_frame: object, what: str, _argument: object) -> None:
        nonlocal found
        found += what in ("call", "c_call")

    sys.setprofile(count)
    try:
        act()
    finally:
        sys.setprofile(None)
    return found


def with_binds(number: int) -> str:
    return f"SELECT id FROM t WHERE id IN ({', '.join(f':p{n}' for n in range(number))})"


def test_ten_times_the_binds_are_ten_times_the_work_and_the_second_time_none() -> None:
    routing.forget()
    short, long = (calls(lambda number=number: only_reads(with_binds(number))) for number in (1_000, 10_000))  # type: ignore[misc]
    assert long < 11 * short
    assert long < 15 * 10_000
    again = with_binds(10_000)
    assert calls(lambda: only_reads(again)) < 5
    assert routing.only_reads.cache_info().hits == 1


def test_space_and_comments_take_no_longer_the_more_there_are() -> None:
    """By the clock of the processor, since it is within one call; it took minutes."""
    for filling in (" " * 100_000, "/**/" * 25_000, "/*/" * 25_000, ";" * 100_000):
        begun = time.process_time()
        for sql in (f"SELECT 1{filling}", f"{filling}SELECT 1", f"SELECT 1{filling}x"):
            only_reads(sql)
        assert time.process_time() - begun < 5


def test_a_statement_that_was_built_is_judged_once_whatever_its_values(monkeypatch: pytest.MonkeyPatch) -> None:
    judged: list[ClauseElement] = []
    certain = routing._is_certain

    def judge(statement: ClauseElement) -> bool:
        judged.append(statement)
        return certain(statement)

    monkeypatch.setattr(routing, "_is_certain", judge)
    routing.forget()
    try:
        verdicts = [may_read_from_replica(select(W.id).where(W.id == n, W.body == str(n))) for n in range(5)]
        verdicts += [may_read_from_replica(select(W.id).where(W.id == n).with_for_update()) for n in range(5)]
        assert verdicts == [True] * 5 + [False] * 5
        assert len(judged) == 2
    finally:
        routing.forget()
