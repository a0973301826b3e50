"""PgBouncer's two files as text: what the document's file gets wrong is right here."""

from __future__ import annotations

import configparser
from dataclasses import replace

import pytest

from blueprint.postgres.pgbouncer import Entry, PoolerSettings, ca_file, entry_name, render_ini, render_user_list

SETTINGS = PoolerSettings(
    region="ap-northeast-1",
    listen_port=6432,
    max_client_conn=300,
    default_pool_size=25,
    min_pool_size=5,
    reserve_pool_size=5,
    server_cap=30,
)
ENTRIES = [
    Entry(name="langpont", host="db.example", port=5432, database="langpont"),
    Entry(name="langpont_replica_1", host="replica.example", port=5432, database="langpont"),
]


def parsed(settings: PoolerSettings = SETTINGS) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(render_ini(settings, ENTRIES))
    return parser


@pytest.mark.parametrize(
    ("replica", "name"), [(None, "langpont"), (1, "langpont_replica_1"), (12, "langpont_replica_12")]
)
def test_an_entry_is_named_after_where_it_leads(replica: int | None, name: str) -> None:
    assert entry_name("langpont", replica) == name


def test_every_entry_is_one_line_without_a_user() -> None:
    """E59: PgBouncer has no continuation lines. E60: no Aurora host. E62: a forced user breaks SCRAM."""
    assert dict(parsed()["databases"]) == {
        "langpont": "host=db.example port=5432 dbname=langpont",
        "langpont_replica_1": "host=replica.example port=5432 dbname=langpont",
    }
    assert "user=" not in render_ini(SETTINGS, ENTRIES)


def test_every_line_is_a_section_an_assignment_or_empty() -> None:
    for line in render_ini(SETTINGS, ENTRIES).splitlines():
        assert line == line.strip()
        assert line in ("", "[databases]", "[pgbouncer]") or " = " in line, line
    assert render_ini(SETTINGS, ENTRIES).endswith("\n")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        # The document's numbers where they hold
        ("pool_mode", "transaction"),
        ("max_client_conn", "300"),
        ("default_pool_size", "25"),
        ("min_pool_size", "5"),
        ("reserve_pool_size", "5"),
        ("server_check_delay", "30"),
        ("query_wait_timeout", "120"),
        ("client_idle_timeout", "0"),
        ("server_idle_timeout", "600"),
        ("server_lifetime", "3600"),
        # What it lacks (E61, E63): authentication, TLS that verifies, an address, a cap
        ("auth_type", "scram-sha-256"),
        ("auth_file", "/etc/pgbouncer/userlist.txt"),
        ("server_tls_sslmode", "verify-full"),
        ("server_tls_ca_file", "/etc/pgbouncer/ap-northeast-1-bundle.pem"),
        ("listen_addr", "127.0.0.1"),
        ("listen_port", "6432"),
        ("max_db_connections", "30"),
        # A failover: short names, keepalives 10/5/3, 15 s for what nobody answers
        ("dns_max_ttl", "5"),
        ("tcp_keepidle", "10"),
        ("tcp_keepintvl", "5"),
        ("tcp_keepcnt", "3"),
        ("tcp_user_timeout", "15000"),
        ("server_connect_timeout", "5"),
        ("server_login_retry", "1"),
    ],
)
def test_an_option_has_this_value(key: str, value: str) -> None:
    assert parsed()["pgbouncer"][key] == value


@pytest.mark.parametrize("key", ["server_reset_query", "query_timeout", "max_prepared_statements", "admin_users"])
def test_an_option_that_does_harm_or_that_1_18_does_not_know_is_left_out(key: str) -> None:
    """E64: a reset query does nothing in transaction mode. E65: query_timeout kills an hour's report."""
    assert key not in parsed()["pgbouncer"]


def test_the_numbers_are_the_settings() -> None:
    other = replace(
        SETTINGS, region="eu-west-1", listen_port=7000, max_client_conn=10, default_pool_size=3, min_pool_size=2,
        reserve_pool_size=1, server_cap=4,
    )  # fmt: skip
    changed = {key: value for key, value in parsed(other)["pgbouncer"].items() if parsed()["pgbouncer"][key] != value}
    assert changed == {
        "listen_port": "7000",
        "server_tls_ca_file": "/etc/pgbouncer/eu-west-1-bundle.pem",
        "max_client_conn": "10",
        "default_pool_size": "3",
        "min_pool_size": "2",
        "reserve_pool_size": "1",
        "max_db_connections": "4",
    }


def test_the_certificates_have_the_name_that_aws_publishes_them_by() -> None:
    assert ca_file("ap-northeast-3") == "/etc/pgbouncer/ap-northeast-3-bundle.pem"


def test_the_user_list_is_quoted_and_sorted_by_role() -> None:
    assert render_user_list({"b": "SCRAM-SHA-256$2", "a": "SCRAM-SHA-256$1"}) == (
        '"a" "SCRAM-SHA-256$1"\n"b" "SCRAM-SHA-256$2"\n'
    )
    assert render_user_list({}) == ""
