"""Limits of transaction pooling: a client meets another server connection with each transaction."""

from __future__ import annotations

from sqlalchemy import Integer, bindparam, cast, func, select, text

from langpont_db import Database

DOUBLE = select(cast(bindparam("n"), Integer) * 2, func.now())


def test_twenty_repetitions_of_a_statement_over_two_server_connections(database: Database) -> None:
    """A driver prepares a statement that it has sent five times, and the other connection does not know it."""
    pids = set()
    with database.get_write_session() as session, database.get_write_session() as other:
        for n in range(20):
            if n % 2:
                other.scalar(text("SELECT 1"))  # holds the connection that the session had
            assert session.scalar(DOUBLE, {"n": n}) == 2 * n
            pids.add(session.scalar(text("SELECT pg_backend_pid()")))
            session.commit()
            other.commit()
    assert len(pids) == 2


def test_a_reading_unit_of_work_leaves_nothing_to_a_writing_one(database: Database) -> None:
    for _ in range(4):
        with database.get_read_session() as session:
            assert session.scalar(text("SHOW transaction_read_only")) == "on"
        with database.get_write_session() as session:
            assert session.scalar(text("SHOW transaction_read_only")) == "off"
