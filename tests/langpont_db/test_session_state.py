"""What is of the server's session is refused: in transaction pooling another client has it next."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select, text

from langpont_db import Database, SessionStateRefused, migration_engine
from langpont_db.session_state import refuse_session_state
from tests.langpont_db.conftest import Platform

REFUSED = [
    "SET statement_timeout = '1h'",
    "set session statement_timeout to 1",
    "SET default_transaction_read_only = on",
    "SET search_path TO analytics",
    "SET TIME ZONE 'Asia/Tokyo'",
    "SET ROLE langpont_owner",
    "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
    "-- a comment\nSET statement_timeout = 0",
    "/* a comment */ RESET ALL",
    "RESET statement_timeout",
    "SELECT 1; SET statement_timeout = 0",
    "LISTEN written",
    "UNLISTEN *",
    "PREPARE p AS SELECT 1",
    "EXECUTE p",
    "DEALLOCATE ALL",
    "LOAD 'auto_explain'",
    "DISCARD ALL",
    "DECLARE c CURSOR WITH HOLD FOR SELECT 1",
    "SELECT pg_advisory_lock(1)",
    "SELECT pg_try_advisory_lock (1)",
    "SELECT pg_advisory_lock_shared(1)",
    "SELECT set_config('statement_timeout', '0', false)",
]
TAKEN = [
    "SET LOCAL statement_timeout = '1h'",
    "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ",
    "SET CONSTRAINTS ALL DEFERRED",
    "UPDATE t SET a = 1",
    "SELECT 'SET x = 1; RESET ALL', 'pg_advisory_lock('",
    'SELECT "set" FROM "listen"',
    "SELECT 1 -- SET x = 1",
    "PREPARE TRANSACTION 'x'",
    "SELECT pg_advisory_xact_lock(1), pg_try_advisory_xact_lock(2)",
    "SELECT set_config('statement_timeout', '0, false', true)",
    "NOTIFY written",
    "DECLARE c CURSOR FOR SELECT 1",
    "DO $$ BEGIN EXECUTE 'SELECT 1'; END $$",
]


def refuse(sql: str, parameters: Any = ()) -> None:
    refuse_session_state(sql, parameters)


@pytest.mark.parametrize("sql", REFUSED)
def test_what_changes_the_session_is_refused(sql: str) -> None:
    with pytest.raises(SessionStateRefused):
        refuse(sql)


@pytest.mark.parametrize("sql", TAKEN)
def test_what_ends_with_the_transaction_is_taken(sql: str) -> None:
    refuse(sql)


@pytest.mark.parametrize(("local", "refused"), [(True, False), (False, True), (None, True)])
def test_a_bound_argument_of_set_config_counts(local: bool | None, refused: bool) -> None:
    sql, parameters = "SELECT set_config(%(n)s::VARCHAR, %(v)s, %(is_local)s::BOOLEAN)", {"is_local": local}
    if refused:
        with pytest.raises(SessionStateRefused):
            refuse(sql, parameters)
    else:
        refuse(sql, parameters)


def test_the_error_names_the_way_out_and_the_way_out_works(database: Database) -> None:
    with database.session() as session:
        with pytest.raises(SessionStateRefused) as refused:
            session.execute(text("SET statement_timeout = '1h'"))
        assert str(refused.value) == (
            "SET changes the server's session, and behind PgBouncer the next transaction of any client may get that "
            "session. Use SET LOCAL, which ends with the transaction."
        )
        session.rollback()
        session.execute(text("SET LOCAL statement_timeout = '1h'"))
        assert session.scalar(text("SHOW statement_timeout")) == "1h"
        session.commit()
        session.execute(select(func.set_config("app.x", "1", True), func.pg_advisory_xact_lock(1)))
        assert session.scalar(text("SHOW statement_timeout")) == "30s"


def test_nothing_of_one_process_meets_another(database: Database, databases: Callable[..., Database]) -> None:
    sessions = [database.get_write_session() for _ in range(4)]
    for session in sessions:
        for statement in ("SET statement_timeout = '1h'", "SET default_transaction_read_only = on"):
            with pytest.raises(SessionStateRefused):
                session.execute(text(statement))
        session.commit()
        session.close()
    others = [databases().get_write_session() for _ in range(4)]
    assert {other.scalar(text("SHOW statement_timeout")) for other in others} == {"30s"}
    assert {other.scalar(text("SHOW transaction_read_only")) for other in others} == {"off"}
    for other in others:
        other.close()


def test_a_migration_has_its_session_for_itself(platform: Platform) -> None:
    with migration_engine(platform.migration).begin() as connection:
        connection.execute(text("SET statement_timeout = '1h'"))
        assert connection.scalar(text("SHOW statement_timeout")) == "1h"
