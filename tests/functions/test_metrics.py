"""The metrics function against a primary and its streaming replica."""

from __future__ import annotations

import json
import logging
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from blueprint.monitoring.metrics import DATABASE_SIZE, METRICS, NAMESPACE, definition
from functions.connection import Failed
from functions.metrics import handler
from local.servers.connections import Connection
from tests.functions.conftest import Stage
from tests.functions.emf import broken_rules
from tests.waiting import until

TABLES = """
CREATE TABLE analytics.analytics_events (user_id bigint, "timestamp" timestamptz);
CREATE TABLE translations.translation_history (processing_time double precision, created_at timestamptz);
CREATE TABLE monitoring.analysis_activity_log (error_occurred boolean, created_at timestamptz);
"""

SIZE = "SELECT pg_database_size(current_database())"

ROWS = """
INSERT INTO analytics.analytics_events SELECT n % 7, now() - n * INTERVAL '1 hour' FROM generate_series(1, 40) n;
INSERT INTO analytics.analytics_events VALUES (NULL, now());
INSERT INTO translations.translation_history VALUES (1.5, now()), (2.25, now()), (99, now() - INTERVAL '2 hours');
INSERT INTO monitoring.analysis_activity_log
  SELECT n <= 3, now() - CASE WHEN n > 8 THEN INTERVAL '2 hours' ELSE INTERVAL '0' END FROM generate_series(1, 10) n;
"""


@pytest.fixture
def tables(applied: Stage) -> Iterator[Stage]:
    """The application's tables, empty, as the owner makes them."""
    as_owner(applied, TABLES)
    yield applied
    as_owner(applied, "DROP TABLE IF EXISTS analytics.analytics_events, translations.translation_history, "
             "monitoring.analysis_activity_log")  # fmt: skip


def as_owner(stage: Stage, statements: str) -> None:
    with stage.login("langpont_migrator") as session:
        session.execute("SET ROLE langpont_owner")
        session.execute(statements.encode())
    replayed(stage)


def replayed(stage: Stage) -> None:
    """Wait until the replica has what the primary has."""
    with stage.admin() as primary, stage.plane.cluster.servers["replica-1"].admin() as replica:
        row = primary.execute("SELECT pg_current_wal_lsn()::text").fetchone()
        assert row is not None
        replayed = "SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn"
        until(lambda: replica.execute(replayed, [row[0]]).fetchone() == (True,))


def direct(session: Connection, sql: str) -> float:
    row = session.execute(sql.encode()).fetchone()
    assert row is not None
    return float(row[0])


def own(stage: Stage, monkeypatch: pytest.MonkeyPatch, folder: Path, *rows: dict[str, Any]) -> None:
    """Deploy with a catalogue of the test's own."""
    defaults = {"unit": "Count", "timeoutSeconds": 5, "empty": "omit", "runsOn": "any"}
    document = definition(stack="staging", database="langpont") | {
        "metrics": [defaults | row for row in rows],
        "instanceMetrics": [],
    }
    stage.define(monkeypatch, handler, document, folder)


# Values


def test_values_are_what_the_statements_say(tables: Stage) -> None:
    as_owner(tables, ROWS)
    with tables.plane.cluster.servers["replica-1"].admin("langpont") as session:
        sizes = [direct(session, SIZE)]
        answer, _ = tables.metrics()
        sizes.append(direct(session, SIZE))
        queried = {metric.name: direct(session, metric.sql) for metric in METRICS if metric.name != DATABASE_SIZE}
    size = answer["published"].pop(DATABASE_SIZE)
    del answer["instances"]
    assert min(sizes) <= size * 2**20 <= max(sizes)  # to the byte: no integer megabytes
    assert answer == {
        "host": tables.replica,
        "published": {
            "active_users_24h": 7,
            "avg_translation_time": 1.875,
            "error_rate_1h": 37.5,
            "failed_statements": 0,
        },
        "failed": {},
    }
    assert answer["published"] == queried | {"failed_statements": 0}


# About each instance


def test_each_instance_is_asked_about_itself(tables: Stage) -> None:
    as_owner(tables, "CREATE TABLE analytics.t (id int)")
    with tables.login("langpont_app") as idle, tables.login("langpont_migrator") as holder:
        idle.execute("BEGIN")
        idle.execute("SELECT count(*) FROM analytics.analytics_events")
        holder.execute("BEGIN")
        answer, lines = tables.metrics()
    assert set(answer["instances"]) == {"primary", "replica-1"}
    assert set(answer["instances"]["replica-1"]) == {
        "longest_transaction_seconds", "idle_in_transaction_seconds", "blocked_sessions", "certificate_days",
    }  # fmt: skip
    primary, replica = answer["instances"]["primary"], answer["instances"]["replica-1"]
    assert set(primary) == set(replica) | {"invalid_indexes", "unused_slots"}
    assert 0 < primary["idle_in_transaction_seconds"] < 60
    assert 0 < primary["longest_transaction_seconds"] < 60
    assert replica["longest_transaction_seconds"] == 0
    assert (primary["blocked_sessions"], primary["invalid_indexes"], primary["unused_slots"]) == (0, 0, 0)
    assert primary["certificate_days"] > 0
    by_instance = {json.loads(line).get("Instance"): json.loads(line) for line in lines}
    assert set(by_instance) == {None, "primary", "replica-1"}
    assert by_instance["primary"]["blocked_sessions"] == 0
    assert all(broken_rules(line, time.time()) == [] for line in lines)
    as_owner(tables, "DROP TABLE analytics.t")


def test_an_invalid_index_and_a_slot_that_nobody_reads_are_counted(tables: Stage) -> None:
    as_owner(tables, "CREATE INDEX i ON analytics.analytics_events (user_id)")
    with tables.admin() as session:
        session.execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'analytics.i'::regclass")
        session.execute("SELECT pg_create_physical_replication_slot('nobody')")
    try:
        primary = tables.metrics()[0]["instances"]["primary"]
        assert (primary["invalid_indexes"], primary["unused_slots"]) == (1, 1)
    finally:
        with tables.admin() as session:
            session.execute("SELECT pg_drop_replication_slot('nobody')")


def test_an_instance_that_does_not_answer_fails_alone(applied: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOSTS", json.dumps({"primary": applied.host, "replica-2": "dead.example"}))
    answer, _ = applied.metrics()
    assert set(answer["instances"]["primary"]) >= {"blocked_sessions"}
    assert answer["instances"]["replica-2"] == {}
    assert "replica-2 longest_transaction_seconds" in answer["failed"]


def test_empty_tables_are_no_error_and_no_false_zero(tables: Stage) -> None:
    answer, lines = tables.metrics()
    assert (set(answer["published"]), answer["failed"]) == (
        {"active_users_24h", DATABASE_SIZE, "failed_statements"}, {},
    )  # fmt: skip
    assert (answer["published"]["active_users_24h"], answer["published"]["failed_statements"]) == (0, 0)
    assert "error_rate_1h" not in lines[0]


def test_a_missing_table_fails_alone(tables: Stage, caplog: pytest.LogCaptureFixture) -> None:
    as_owner(tables, ROWS + "DROP TABLE monitoring.analysis_activity_log")
    answer, _ = tables.metrics()
    said = 'PostgreSQL says: relation "monitoring.analysis_activity_log" does not exist (42P01).'
    assert answer["failed"] == {"error_rate_1h": said}
    assert set(answer["published"]) == {"active_users_24h", "avg_translation_time", DATABASE_SIZE, "failed_statements"}
    assert answer["published"]["failed_statements"] == 1
    assert ("functions.metrics.handler", logging.WARNING, f"error_rate_1h failed: {said}") in caplog.record_tuples


def test_a_slow_statement_fails_alone_and_in_its_time(
    applied: Stage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    own(
        applied, monkeypatch, tmp_path,
        {"name": "slow", "sql": "SELECT 1 FROM pg_sleep(30)", "timeoutSeconds": 1},
        {"name": "next", "sql": "SELECT 2"},
    )  # fmt: skip
    begun = time.monotonic()
    answer, _ = applied.metrics()
    assert 1 <= time.monotonic() - begun < 3
    assert answer["failed"] == {"slow": "PostgreSQL says: canceling statement due to statement timeout (57014)."}
    assert answer["published"] == {"next": 2, "failed_statements": 1}


def test_each_statement_has_its_own_time_and_cannot_write(
    applied: Stage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    own(
        applied, monkeypatch, tmp_path,
        {"name": "mine", "sql": "SELECT setting::int FROM pg_settings WHERE name = 'statement_timeout'",
         "timeoutSeconds": 45, "runsOn": "primary"},
        {"name": "writes", "sql": "CREATE TEMPORARY TABLE t AS SELECT 1 AS n", "runsOn": "primary"},
    )  # fmt: skip
    answer, _ = applied.metrics()
    assert answer["published"] == {"mine": 45_000, "failed_statements": 1}
    assert answer["failed"] == {
        "writes": "PostgreSQL says: cannot execute CREATE TABLE AS in a read-only transaction (25006)."
    }


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELECT 'ten'", "It answered str ten, where a number is due."),
        ("SELECT true", "It answered bool True, where a number is due."),
        ("SELECT 'NaN'::float8", "It answered float nan, where a number is due."),
        ("SELECT 1, 2", "It answered 1 rows of 2 values, where one number is due."),
        ("SELECT 1 WHERE false", "It answered 0 rows, where one number is due."),
        ("SELECT n FROM generate_series(1, 3) n", "It answered 3 rows of 1 values, where one number is due."),
    ],
)
def test_an_answer_that_is_no_number_fails(
    applied: Stage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, sql: str, said: str
) -> None:
    own(applied, monkeypatch, tmp_path, {"name": "odd", "sql": sql})
    answer, _ = applied.metrics()
    assert (answer["failed"], answer["published"]) == ({"odd": said}, {"failed_statements": 1})


def test_what_null_means_is_said_by_the_row(applied: Stage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    own(
        applied, monkeypatch, tmp_path,
        {"name": "a", "sql": "SELECT NULL::int", "empty": "zero"},
        {"name": "b", "sql": "SELECT NULL::int", "empty": "omit"},
    )  # fmt: skip
    assert applied.metrics()[0]["published"] == {"a": 0, "failed_statements": 0}


# Hosts

WHERE = {"name": "standby", "sql": "SELECT pg_is_in_recovery()::int"}
ALWAYS_PRIMARY = {"name": "primary", "sql": "SELECT pg_is_in_recovery()::int", "runsOn": "primary"}


def test_a_replica_is_preferred_and_the_primary_asked_where_a_row_says_so(
    applied: Stage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    own(applied, monkeypatch, tmp_path, WHERE, ALWAYS_PRIMARY)
    answer, _ = applied.metrics()
    assert (answer["host"], answer["published"]) == (
        applied.replica, {"standby": 1, "primary": 0, "failed_statements": 0},
    )  # fmt: skip


def test_without_a_replica_the_primary_serves(applied: Stage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    own(applied, monkeypatch, tmp_path, WHERE)
    monkeypatch.setenv("HOSTS", json.dumps({"primary": applied.host}))
    answer, _ = applied.metrics()
    assert (answer["host"], answer["published"]["standby"]) == (applied.host, 0)


def test_a_dead_replica_is_passed_over_and_told(
    applied: Stage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    own(applied, monkeypatch, tmp_path, WHERE, ALWAYS_PRIMARY)
    applied.hosts["dead.example"] = closed_port()
    monkeypatch.setenv("HOSTS", json.dumps({"replica-2": "dead.example", "replica-1": applied.replica}))
    assert applied.metrics()[0]["host"] == applied.replica
    applied.hosts[applied.replica] = closed_port()
    answer, _ = applied.metrics()
    assert (answer["host"], answer["published"]["standby"]) == (applied.host, 0)
    told = [record.getMessage().split(":")[0] for record in caplog.records if record.levelno == logging.WARNING]
    assert told == ["dead.example", "dead.example", applied.replica]


def test_a_replica_that_breaks_in_the_middle_costs_one_statement(
    applied: Stage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    own(
        applied, monkeypatch, tmp_path,
        WHERE, {"name": "breaks", "sql": "SELECT 1 FROM pg_sleep(20)", "timeoutSeconds": 20}, WHERE | {"name": "after"},
    )  # fmt: skip
    replica = applied.plane.cluster.servers["replica-1"]

    def kill() -> None:
        with replica.admin() as session:
            query = (
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'metrics-function' "
                "AND query LIKE '%pg_sleep(20)%'"
            )
            while session.execute(query).fetchone() is None:
                time.sleep(0.01)

    thread = threading.Thread(target=kill)
    thread.start()
    answer, _ = applied.metrics()
    thread.join()
    assert (answer["host"], answer["published"]) == (
        applied.replica, {"standby": 1, "after": 0, "failed_statements": 1},
    )  # fmt: skip
    assert answer["failed"]["breaks"].startswith("The connection broke: ")


def test_if_no_host_answers_nothing_is_published(applied: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    for host in (applied.replica, applied.host):
        applied.hosts[host] = closed_port()
    capsys.readouterr()
    with pytest.raises(Failed) as refusal:
        applied.metrics()
    reached = "cannot be reached as langpont_metrics: Connection refused."
    parts = str(refusal.value).split(" Look at the instance's state")
    assert parts[0] == f"No host lets langpont_metrics in. {applied.replica}:5432/langpont {reached}"
    assert parts[1].endswith(f"{applied.host}:5432/langpont {reached}")
    assert capsys.readouterr().out == ""


def test_a_wrong_password_publishes_nothing_and_is_not_shown(
    applied: Stage, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    applied.write("langpont_metrics", password="a wrong password")
    with pytest.raises(Failed) as refusal:
        applied.metrics()
    printed = capsys.readouterr()
    assert 'password authentication failed for user "langpont_metrics" (28P01)' in str(refusal.value)
    assert "a wrong password" not in str(refusal.value) + printed.out + printed.err + caplog.text


def test_no_session_is_left_open(applied: Stage) -> None:
    applied.metrics()
    query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'metrics-function'"
    for server in applied.plane.cluster.servers.values():
        with server.admin() as session:
            until(lambda session=session: session.execute(query).fetchone() == (0,))  # type: ignore[misc]


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


# What is published


def test_a_line_in_cloudwatch_s_format_is_printed_and_one_of_each_instance(tables: Stage) -> None:
    as_owner(tables, ROWS)
    answer, lines = tables.metrics()
    assert len(lines) == 1 + 2
    assert [broken_rules(line, time.time()) for line in lines] == [[], [], []]
    document = json.loads(lines[0])
    (directive,) = document["_aws"]["CloudWatchMetrics"]
    assert (directive["Namespace"], directive["Dimensions"]) == (NAMESPACE, [["Stack", "Database"]])
    assert directive["Metrics"] == [
        {"Name": "active_users_24h", "Unit": "Count"},
        {"Name": "avg_translation_time", "Unit": "Seconds"},
        {"Name": "error_rate_1h", "Unit": "Percent"},
        {"Name": "database_size_mb", "Unit": "Megabytes"},
        {"Name": "failed_statements", "Unit": "Count"},
    ]
    assert document == {"_aws": document["_aws"], "Stack": "staging", "Database": "langpont"} | answer["published"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"Count"', '"Counts"'),
        ('"m": 1.5', '"m": "1.5"'),
        ('"m": 1.5', '"n": 1.5'),
        ('"Stack": "s"', '"Stack": ""'),
        ('"Namespace": "N"', '"Namespace": ""'),
        ('["Stack", "Database"]', '["Stack", "Else"]'),
        ('["Stack", "Database"]', "[]"),
        ('"Timestamp": 1', '"Timestamp": '),
        ('"_aws": {', '"_aws": {"More": 1, '),
    ],
)
def test_the_rules_of_the_format_notice_what_breaks_them(old: str, new: str) -> None:
    now = time.time()
    good = handler.document(
        {"namespace": "N", "stack": "s", "database": "d"}, {"m": 1.5}, {"m": "Count"}, int(now * 1000)
    )
    assert broken_rules(good, now) == []
    assert old in good
    assert len(broken_rules(good.replace(old, new), now)) == 1
