"""Pooler: the files that application hosts read, to the letter."""

from __future__ import annotations

import base64
import json

import pytest

from blueprint.postgres import scram
from blueprint.postgres.roles import POOLED_ROLES
from recording.recording import Recording
from tests.components import OTHER, replicas
from tests.recordings import answer, inputs, name_of, record_with, recording

VERSION = "aws:secretsmanager/secretVersion:SecretVersion"
INSTANCE = "aws:rds/instance:Instance"


def files(recorded: Recording) -> dict[str, str]:
    version = inputs(recorded, VERSION, f"langpont-{recorded.stack}-pooler-files")
    decoded: dict[str, str] = json.loads(version["secretString"])
    return decoded


def address(recorded: Recording, role: str) -> str:
    text: str = answer(recorded, INSTANCE, f"langpont-{recorded.stack}-db-{role}")[1]["address"]
    return text


PROD = """\
[databases]
langpont = host={primary} port=5432 dbname=langpont
langpont_replica_1 = host={replica_1} port=5432 dbname=langpont
langpont_replica_2 = host={replica_2} port=5432 dbname=langpont

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = 6432
unix_socket_dir = /var/run/postgresql
logfile = /var/log/postgresql/pgbouncer.log
pidfile = /var/run/postgresql/pgbouncer.pid
auth_type = scram-sha-256
auth_file = /etc/pgbouncer/userlist.txt
server_tls_sslmode = verify-full
server_tls_ca_file = /etc/pgbouncer/ap-northeast-1-bundle.pem
server_tls_protocols = secure
pool_mode = transaction
max_client_conn = 600
default_pool_size = 25
min_pool_size = 5
reserve_pool_size = 5
reserve_pool_timeout = 1
max_db_connections = 32
server_check_delay = 30
query_wait_timeout = 120
client_idle_timeout = 0
server_idle_timeout = 600
server_lifetime = 3600
server_login_retry = 1
server_connect_timeout = 5
dns_max_ttl = 5
tcp_keepalive = 1
tcp_keepidle = 10
tcp_keepintvl = 5
tcp_keepcnt = 3
tcp_user_timeout = 15000
ignore_startup_parameters = extra_float_digits,options
log_connections = 1
log_disconnections = 1
log_pooler_errors = 1
"""


def test_prods_ini_is_this_to_the_letter() -> None:
    """E59-E64: the document's file does not load, forces users, names an Aurora host, and lacks auth, TLS and caps."""
    recorded = recording("prod")
    hosts = {role.replace("-", "_"): address(recorded, role) for role in ("primary", "replica-1", "replica-2")}
    assert files(recorded)["pgbouncer.ini"] == PROD.format(**hosts)


def test_the_secret_holds_both_files_and_nothing_else() -> None:
    for stack in ("dev", "staging", "prod"):
        assert list(files(recording(stack))) == ["pgbouncer.ini", "userlist.txt"]


@pytest.mark.parametrize("stack", ["dev", "staging", "prod"])
def test_the_user_list_has_the_verifier_of_each_pooled_roles_password_and_salt(stack: str) -> None:
    recorded = recording(stack)
    lines = []
    for role in sorted(POOLED_ROLES):
        prefix = f"langpont-{stack}-secrets-{role}"
        password = answer(recorded, "random:index/randomPassword:RandomPassword", f"{prefix}-password")[1]["result"]
        salt = answer(recorded, "random:index/randomBytes:RandomBytes", f"{prefix}-salt")[1]["base64"]
        lines.append(f'"{role}" "{scram.verifier(password, base64.b64decode(salt))}"\n')
    assert files(recorded)["userlist.txt"] == "".join(lines)


def test_no_password_and_no_master_is_in_the_files() -> None:
    recorded = recording("prod")
    text = "".join(files(recorded).values())
    assert "langpont_admin" not in text
    for registration in recorded.of_type("random:index/randomPassword:RandomPassword"):
        assert answer(recorded, registration.type, registration.name)[1]["result"] not in text


@pytest.mark.parametrize("count", [0, 15])
def test_every_replica_has_an_entry(count: int) -> None:
    recorded = record_with("prod", {**replicas(count), "pooler": {"maxClientConn": 2000}})
    databases = files(recorded)["pgbouncer.ini"].split("\n\n")[0].splitlines()[1:]
    roles = ["primary", *(f"replica-{number}" for number in range(1, count + 1))]
    entries = ["langpont", *(f"langpont_replica_{number}" for number in range(1, count + 1))]
    assert databases == [
        f"{entry} = host={address(recorded, role)} port=5432 dbname=langpont"
        for entry, role in zip(entries, roles, strict=True)
    ]
    assert [replica["poolerEntry"] for replica in recorded.outputs["replicas"]] == entries[1:]


def test_the_numbers_are_those_of_the_settings() -> None:
    recorded = record_with("prod", OTHER)
    options = dict(line.split(" = ") for line in files(recorded)["pgbouncer.ini"].split("\n\n")[1].splitlines()[1:])
    shown = ("listen_port", "max_client_conn", "default_pool_size", "min_pool_size", "reserve_pool_size")
    assert [options[key] for key in (*shown, "max_db_connections")] == ["6500", "400", "20", "2", "4", "26"]
    assert recorded.outputs["poolerPort"] == 6500


def test_the_files_wait_for_every_instance_they_name() -> None:
    version = recording("prod").one(VERSION, "langpont-prod-pooler-files")
    hosts = {name_of(urn) for urn in version.property_dependencies["secretString"] if "rds/instance" in urn}
    assert hosts == {"langpont-prod-db-primary", "langpont-prod-db-replica-1", "langpont-prod-db-replica-2"}
