"""What a health endpoint and a log show of where reads go."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable

import pytest
from sqlalchemy import text

from langpont_db import Database
from tests.langpont_db.conftest import Platform, place, stopped
from tests.waiting import until


def test_the_status_of_a_healthy_database(platform: Platform, database: Database) -> None:
    assert database.status()["reads"] == {}
    for _ in range(3):
        with database.session() as session:
            assert place(session, platform) != "primary"
    with database.session() as session:
        session.execute(text("SELECT pg_backend_pid()"))
    until(lambda: database.status()["primary"]["position"] is not None)
    status = database.status()
    assert status["reads"] == {"replica": 3, "primary: it may write": 1}
    assert [(one["purpose"], one["fault"], one["busy"]) for one in status["replicas"]] == [("reads", None, False)] * 2
    assert {one["address"] for one in status["replicas"]} == {
        f"127.0.0.1:{platform.plane.ports.pooler}/langpont_replica_{n}" for n in (1, 2)
    }
    assert "Connections in pool" in status["primary"]["pool"]
    assert platform.password("langpont_app") not in json.dumps(status)


def test_the_status_says_why_reads_are_on_the_primary(platform: Platform, databases: Callable[..., Database]) -> None:
    database = databases(check=0.2, answer=0.5)
    with stopped(platform, "replica-1", "replica-2"):

        def out() -> bool:
            with database.session() as session:
                return place(session, platform) == "primary"

        until(out)
        until(lambda: all(one["fault"] for one in database.status()["replicas"]))
    assert database.status()["reads"]["primary: no replica in the rotation"] >= 1


def test_a_kind_of_statement_that_stays_on_the_primary_is_logged_once(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "langpont_db"):
        for n in range(3):
            with database.session() as session:
                session.execute(text("SELECT pg_backend_pid(), :n"), {"n": str(n)})
    assert [one.getMessage() for one in caplog.records if one.name == "langpont_db"] == [
        "not certain to read, so it goes to the primary (said once): SELECT pg_backend_pid(), :n"
    ]
