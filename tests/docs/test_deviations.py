"""docs/deviations.md against prod: what the program registers is what the document says that it registers."""

from __future__ import annotations

import configparser
import json
import re
from typing import Any

import pytest

from blueprint.monitoring import metrics
from blueprint.platform import Platform
from blueprint.postgres.compile import compile_parameter
from blueprint.problems import Refused
from blueprint.stack_file.load import load
from tests.docs import errors_named, read, settings_blocks, table
from tests.recordings import PROJECT, ROOT, changed, frozen, inputs, recording, sections

TEXT = read("docs/deviations.md")
LEFT_OUT, NOT_REGISTERED, NOTHING = "(left out)", "(not registered)", "(nothing)"

# Transcribed from the design document: its three parameter listings, and rds.force_ssl from the section on encryption.
DOCUMENT = {
    "shared_buffers": "1GB",
    "work_mem": "16MB",
    "maintenance_work_mem": "256MB",
    "effective_cache_size": "3GB",
    "max_connections": "300",
    "superuser_reserved_connections": "3",
    "checkpoint_timeout": "10min",
    "checkpoint_completion_target": "0.9",
    "wal_buffers": "16MB",
    "log_destination": "csvlog",
    "log_min_duration_statement": "1000",
    "log_line_prefix": "%t [%p]: [%l-1] user=%u,db=%d,app=%a,client=%h ",
    "log_checkpoints": "on",
    "log_connections": "on",
    "log_disconnections": "on",
    "log_lock_waits": "on",
    "autovacuum": "on",
    "autovacuum_max_workers": "3",
    "autovacuum_vacuum_threshold": "50",
    "autovacuum_vacuum_scale_factor": "0.2",
    "autovacuum_analyze_threshold": "50",
    "autovacuum_analyze_scale_factor": "0.1",
    "random_page_cost": "1.1",
    "effective_io_concurrency": "200",
    "default_text_search_config": "pg_catalog.english",
    "ssl": "on",
    "ssl_prefer_server_ciphers": "on",
    "password_encryption": "scram-sha-256",
    "log_statement": "ddl",
    "log_min_messages": "WARNING",
    "wal_level": "replica",
    "archive_mode": "on",
    "max_wal_senders": "10",
    "rds.force_ssl": "1",
}
DOCUMENT_UNITS = {"log_min_duration_statement": "ms"}  # PostgreSQL's base unit, which the document leaves unsaid

# Transcribed from the document's pgbouncer.ini, section [pgbouncer].
DOCUMENT_POOLER = {
    "pool_mode": "transaction",
    "max_client_conn": "300",
    "default_pool_size": "25",
    "min_pool_size": "5",
    "reserve_pool_size": "5",
    "server_reset_query": "DISCARD ALL",
    "server_check_delay": "30",
    "query_timeout": "3600",
    "query_wait_timeout": "120",
    "client_idle_timeout": "0",
    "server_idle_timeout": "600",
    "server_lifetime": "3600",
    "log_connections": "1",
    "log_disconnections": "1",
    "log_pooler_errors": "1",
}

PARAMETERS = table(TEXT, "parameter", "document", "prod", "why")
ADDED = table(TEXT, "parameter", "prod", "why")
VALUES = table(TEXT, "E", "where", "document", "built")
POOLER = table(TEXT, "E", "option", "document", "built")


def prod() -> Platform:
    return Platform(load(sections("prod"), environment="prod", region="ap-northeast-1"))


def registered() -> dict[str, str]:
    """Value by parameter name, of the primary's parameter group in prod."""
    group = inputs(recording("prod"), "aws:rds/parameterGroup:ParameterGroup", "langpont-prod-db-primary")
    return {parameter["name"]: parameter["value"] for parameter in group["parameters"]}


def test_every_parameter_of_the_document_has_one_row_with_its_literal_value() -> None:
    assert [(name, literal) for name, literal, _, _ in PARAMETERS] == list(DOCUMENT.items())


def test_every_parameter_row_says_what_prod_asks_for_and_registers() -> None:
    asked = {parameter.name: parameter.asked for parameter in prod().primary.parameters}
    assert {name: value for name, _, value, _ in PARAMETERS} == {name: asked.get(name, LEFT_OUT) for name in DOCUMENT}
    compiled = {parameter.name: parameter.value for parameter in prod().primary.parameters}
    assert compiled == registered()


def test_the_other_parameters_of_prod_are_the_added_ones() -> None:
    asked = {parameter.name: parameter.asked for parameter in prod().primary.parameters}
    assert {name: value for name, value, _ in ADDED} == {
        name: value for name, value in asked.items() if name not in DOCUMENT
    }


@pytest.mark.parametrize(("name", "literal", "built", "why"), PARAMETERS, ids=[row[0] for row in PARAMETERS])
def test_a_row_is_called_kept_exactly_where_the_literal_value_is_registered(
    name: str, literal: str, built: str, why: str
) -> None:
    try:
        as_written = compile_parameter(name, literal + DOCUMENT_UNITS.get(name, "")).value
    except Refused:
        assert built == LEFT_OUT, f"{name} is registered although the compiler refuses the document's value"
        as_written = None
    kept = as_written is not None and registered().get(name) == as_written
    assert why.startswith("kept") is kept, f"{name}: {registered().get(name, LEFT_OUT)} is registered"
    assert kept or errors_named(why), f"{name} deviates without an E-number"


@pytest.mark.parametrize(("errors", "where", "document", "built"), VALUES, ids=[row[1] for row in VALUES])
def test_every_value_is_registered_as_its_row_says(errors: str, where: str, document: str, built: str) -> None:
    assert errors_named(errors), where
    assert built == at(where)
    assert document != built, "no deviation"


def test_every_value_has_one_row() -> None:
    assert len({where for _, where, _, _ in VALUES}) == len(VALUES)


def at(where: str) -> str:
    """The registered value at `type name property`, as the table writes it."""
    type_, name, *path = where.split(" ")
    if not any(resource.name == name for resource in recording("prod").of_type(type_)):
        return NOT_REGISTERED
    value: Any = inputs(recording("prod"), type_, name)
    for step in re.findall(r"\w+", " ".join(path)):
        value = value[int(step)] if isinstance(value, list) else value.get(step)
        if value is None:
            return LEFT_OUT
    return value if isinstance(value, str) else json.dumps(value)


def test_every_option_of_the_pooler_that_differs_has_a_true_row() -> None:
    version = inputs(recording("prod"), "aws:secretsmanager/secretVersion:SecretVersion", "langpont-prod-pooler-files")
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(json.loads(version["secretString"])["pgbouncer.ini"])
    built = dict(parser["pgbouncer"])
    differing = {
        option: (DOCUMENT_POOLER.get(option, NOTHING), built.get(option, LEFT_OUT))
        for option in {**built, **DOCUMENT_POOLER}
        if DOCUMENT_POOLER.get(option) != built.get(option)
    }
    assert {option: (document, value) for _, option, document, value in POOLER} == differing
    assert all(errors_named(errors) for errors, *_ in POOLER)


def test_every_custom_metric_has_one_row_with_its_unit_and_what_it_is_without_data() -> None:
    rows = table(TEXT, "E", "metric", "unit", "without data", "changed")
    assert [row[1:4] for row in rows] == [(m.name, m.unit, m.empty.value) for m in metrics.METRICS]
    assert all(errors_named(row[0]) for row in rows)


def test_every_e_number_in_the_repository_is_explained() -> None:
    """Comments and docstrings name errors by number alone; here is where a reader finds what the number means."""
    sources = [
        path
        for folder in ("blueprint", "components", "functions", "langpont_db", "local", "ops", "tests")
        for path in (ROOT / folder).rglob("*.py")
    ]
    named = {error: path for path in [*sources, ROOT / "__main__.py"] for error in errors_named(path.read_text())}
    explained = errors_named(" ".join(re.findall(r"\*\*(E[^*]+)\*\*", TEXT)))
    assert {error: path for error, path in named.items() if error not in explained} == {}


def test_no_table_names_an_error_that_the_list_does_not_explain() -> None:
    explained = errors_named(" ".join(re.findall(r"\*\*(E[^*]+)\*\*", TEXT)))
    assert errors_named(TEXT) == explained


@pytest.mark.parametrize("block", settings_blocks(TEXT), ids=lambda block: ",".join(block))
def test_every_way_back_loads_in_prod(block: dict[str, Any]) -> None:
    stack_file = changed(frozen("prod"), block)
    document = {
        key.removeprefix(f"{PROJECT}:"): json.loads(value)
        for key, value in stack_file.config.items()
        if key.startswith(f"{PROJECT}:")
    }
    settings = load(document, environment="prod", region="ap-northeast-1")
    database = block.get("database", {}).get("parameters", {})
    for name, value in database.items():
        assert str(value) == DOCUMENT[name]
        assert compile_parameter(name, value).value == next(
            parameter.value for parameter in Platform(settings).primary.parameters if parameter.name == name
        )
