"""What the blueprint deploys the functions with: in JSON, whole, and what the handlers read."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from blueprint.monitoring import metrics
from blueprint.postgres import roles
from functions.metrics import handler
from functions.roles.definition import Definition
from tests.functions.emf import UNITS

ROOT = Path(__file__).parents[2]


def test_the_roles_definition_is_the_roles_in_json() -> None:
    document = roles.definition(database="langpont", master="langpont_admin")
    assert json.loads(json.dumps(document)) == document
    assert {key: value for key, value in document.items() if key != "roles"} == {
        "database": "langpont",
        "master": "langpont_admin",
        "owner": "langpont_owner",
        "schemas": ["analytics", "translations", "monitoring", "langpont_owner"],
        "settings": {"default_text_search_config": "pg_catalog.english"},
    }
    assert [role["name"] for role in document["roles"]] == [role.name for role in roles.ROLES]
    assert document["roles"][2] == {
        "name": "langpont_app", "login": "password", "pooled": True,
        "access": {"analytics": "write", "translations": "write", "monitoring": "write"},
        "becomes": [], "memberOf": [], "statementTimeoutSeconds": 30,
    }  # fmt: skip
    assert {role["login"] for role in document["roles"]} == {"none", "password", "iam"}


def test_the_roles_function_reads_all_of_its_definition(tmp_path: Path) -> None:
    document = roles.definition(database="langpont", master="langpont_admin")
    file = tmp_path / "definition.json"
    file.write_text(json.dumps(document))
    read = Definition.load(file)
    assert (read.database, read.master, read.owner) == ("langpont", "langpont_admin", "langpont_owner")
    assert (read.schemas, read.settings) == ((*roles.SCHEMAS, roles.OWNER), dict(roles.DATABASE_SETTINGS))
    assert [
        (r.name, r.login, r.pooled, set(r.access), r.becomes, r.member_of, r.statement_timeout_seconds)
        for r in read.roles
    ] == [
        (r.name, r.login.name.lower(), r.pooled, set(r.access), r.becomes, r.member_of, r.statement_timeout_seconds)
        for r in roles.ROLES
    ]


def test_the_metrics_definition_is_the_table_in_json() -> None:
    document = metrics.definition(stack="prod", database="langpont")
    assert json.loads(json.dumps(document)) == document
    assert {key: value for key, value in document.items() if not isinstance(value, list)} == {
        "stack": "prod",
        "database": "langpont",
        "namespace": "LangPont/Database",
    }
    assert [(row["name"], row["unit"], row["timeoutSeconds"], row["empty"], row["runsOn"])
            for row in document["metrics"]] == [
        ("active_users_24h", "Count", 10, "zero", "any"),
        ("avg_translation_time", "Seconds", 5, "omit", "any"),
        ("error_rate_1h", "Percent", 5, "omit", "any"),
        ("database_size_mb", "Megabytes", 10, "omit", "any"),
    ]  # fmt: skip
    assert [(row["name"], row["unit"], row["timeoutSeconds"], row["empty"], row["onReplicas"])
            for row in document["instanceMetrics"]] == [
        ("longest_transaction_seconds", "Seconds", 5, "omit", True),
        ("idle_in_transaction_seconds", "Seconds", 5, "omit", True),
        ("blocked_sessions", "Count", 5, "omit", True),
        ("invalid_indexes", "Count", 5, "omit", False),
        ("unused_slots", "Count", 5, "omit", False),
    ]  # fmt: skip


@pytest.mark.parametrize("metric", metrics.METRICS, ids=lambda metric: metric.name)
def test_a_metric_s_statement_names_schemas_and_no_database(metric: metrics.Metric) -> None:
    tables = re.findall(r"FROM ([\w.]+) ", metric.sql)
    assert [table.split(".")[0] in roles.SCHEMAS for table in tables] == [True] * len(tables)
    assert "langpont" not in metric.sql
    assert metric.unit in UNITS
    assert metric.timeout_seconds * len(metrics.METRICS) < metrics.INTERVAL_SECONDS
    assert (metric.watches[-1], metric.empty_reason[-1] != ".") == (".", True)


def test_names_of_the_handler_are_those_of_the_blueprint() -> None:
    assert handler.FAILED_STATEMENTS == metrics.FAILED_STATEMENTS
    assert (handler.STACK, handler.DATABASE) == metrics.DIMENSIONS
    assert metrics.DATABASE_SIZE in [metric.name for metric in metrics.METRICS]
    assert metrics.FAILED_STATEMENTS not in [metric.name for metric in metrics.METRICS]
    assert metrics.ROLE in roles.PASSWORD_ROLES


def test_definitions_lie_where_the_archive_puts_them() -> None:
    from functions.roles import handler as roles_handler

    assert (handler.DEFINITION, roles_handler.DEFINITION) == (ROOT / "definition.json", ROOT / "definition.json")
