"""The whole platform on this machine: up, proven, changed, broken, mended, down."""

from __future__ import annotations

import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import botocore.client
import pytest
from typer.testing import CliRunner

from local import commands, show, state, up
from local.down import Stopped, down
from local.environment import write_files
from local.servers.errors import DataPlaneError
from local.state import Folders, StateError
from local.verify.check import Check
from recording.stack_files import StackFileError
from tests.docs import blocks, read

ROOT = Path(__file__).parents[3]


def bring_up(project: Path, stack: str = "prod", **ports: int) -> up.Result:
    return up.up(project, stack, ports, lambda _: None)


@pytest.fixture(scope="module")
def verified(project: Path) -> list[Check]:
    """What `verify` finds of prod, which takes seconds, for all that ask what it says."""
    bring_up(project)
    return list(up.verify(project, "prod"))


def failed(project: Path, stack: str = "prod") -> list[str]:
    return [f"{check.name}: {check.detail}" for check in up.verify(project, stack) if not check.ok]


def did(result: up.Result) -> list[str]:
    return [str(action) for action in result.done.actions]


def passwords(project: Path) -> set[str]:
    kept = state.load(Folders.of(project, "prod"), "prod")
    assert kept is not None
    assert kept.data is not None
    return set(kept.data["plan"]["passwords"].values())


@pytest.fixture
def prod(project: Path) -> up.Result:
    """Prod, up: from the test before, or brought up again."""
    return bring_up(project)


def answers(result: up.Result, query: str) -> dict[str, object]:
    """What each server says, to its master."""
    plan = result.data.plan
    told = {}
    for instance in plan.instances:
        with result.data.endpoint(instance.role).connect(plan.master, plan.passwords[plan.master]) as session:
            [[told[instance.role]]] = session.execute(query.encode()).fetchall()
    return told


@pytest.fixture
def stack_file(project: Path) -> Iterator[Path]:
    """Prod's file, put back and brought back afterwards."""
    path = project / "Pulumi.prod.yaml"
    text = path.read_text()
    yield path
    path.write_text(text)
    bring_up(project)


def test_it_comes_up_from_nothing(project: Path) -> None:
    down(project, "prod", purge=True)
    prod = bring_up(project)
    assert prod.rebuilt
    assert did(prod) == ["primary created", "replica-1 created", "replica-2 created"]
    assert (prod.done.roles_changed, prod.done.pooler) == (True, "started")
    assert prod.state.outputs["primaryIdentifier"] == "langpont-prod-db"


def test_everything_behaves_as_configured(verified: list[Check]) -> None:
    assert [check for check in verified if not check.ok] == []
    names = {re.sub(r"\d+ parameters", "its parameters", check.name) for check in verified}
    assert {
        "the stack file is what is up",
        "the roles function finds no drift, and each login works",
        "the metrics function publishes what the database holds",
        "primary: its parameters as registered",
        "replica-2 has a write within a second",
        "langpont_app logs in through PgBouncer",
        "langpont_readonly reads and does not write",
        "600 clients through PgBouncer",
        "no password in a log or a configuration file",
    } <= names


def test_the_readme_shows_lines_of_verify(verified: list[Check]) -> None:
    *shown, count = blocks(read("README.md"), "text")[0].splitlines()
    names = [check.name for check in verified]
    assert [name for line in shown for name in re.findall(r"^ok {6}(.+?) {3}", line) if name not in names] == []
    assert (len(shown), count) == (7, f"{len(names)} passed, 0 failed")


def test_a_role_of_somebody_else_is_told_and_left_alone(project: Path, prod: up.Result) -> None:
    with prod.data.cluster.primary.admin(prod.data.plan.database) as session:
        session.execute("CREATE ROLE shop_web LOGIN")
        try:
            assert bring_up(project).notes == (
                "Of somebody else when the database's roles were made last, and left alone (docs/adopting.md): role "
                "shop_web logs in here, with no right of its own on the database.",
            )
        finally:
            session.execute("DROP ROLE shop_web")


def test_a_second_time_there_is_nothing_to_do(project: Path, prod: up.Result, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[str] = []
    calls: list[str] = []
    send = botocore.client.BaseClient._make_api_call

    def counted(client: object, operation: str, given: object) -> object:
        calls.append(operation)
        return send(client, operation, given)

    monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", counted)
    again = up.up(project, "prod", {}, steps.append)
    assert (again.changed, again.endpoint, again.data.ports) == (False, prod.endpoint, prod.data.ports)
    assert steps == ["Running the program", "Bringing up PostgreSQL and PgBouncer", "Making roles and grants"]
    assert calls == ["Invoke"], "nothing is applied to moto again; the roles function looks"


def test_what_is_printed_can_be_used_and_holds_no_password(
    project: Path, prod: up.Result, capsys: pytest.CaptureFixture[str]
) -> None:
    write_files(prod)
    show.result(prod, 1.0)
    printed = capsys.readouterr().out
    assert [word for word in passwords(project) if word in printed] == []
    commands = re.findall(r"^  (?:primary|replica-\d|pooler, \S+) +(PGPASSFILE=.*)$", printed, re.MULTILINE)
    psql = str(prod.data.binaries.tools / "psql")
    told = [
        subprocess.run(
            f"{command} -XAtc 'SELECT current_user, pg_is_in_recovery()'".replace(" psql ", f" {psql} "),
            shell=True, capture_output=True, text=True, check=True, env=os.environ | {"PGGSSENCMODE": "disable"},
        ).stdout.strip()
        for command in commands
    ]  # fmt: skip
    assert told == [
        "langpont_admin|f", "langpont_readonly|t", "langpont_readonly|t",
        "langpont_app|f", "langpont_readonly|t", "langpont_readonly|t",
    ]  # fmt: skip


def test_what_is_not_as_on_aws_is_one_line_of_up_and_listed_by_status(
    project: Path, prod: up.Result, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    show.result(prod, 1.0)
    total = len(prod.differences)
    line = f"Not as on AWS  {total} things: make status STACK=prod ARGS=--differences"
    assert [told for told in capsys.readouterr().out.split("\n") if "AWS  " in told] == [line]
    assert up.differences(project, "prod") == prod.differences
    assert {where for where, _ in prod.differences} >= {"control plane", "data plane"}

    monkeypatch.setattr(commands, "PROJECT", project)
    short, whole = (
        CliRunner().invoke(commands.app, ["status", "prod", *options]).stdout for options in ([], ["--differences"])
    )
    assert short.count("\n") == 6
    listed = whole.removeprefix(f"{short}\nNot as on AWS\n")
    assert listed.split() == [word for difference in prod.differences for word in " ".join(difference).split()]


def test_what_holds_secrets_is_the_owner_s_alone(project: Path, prod: up.Result) -> None:
    write_files(prod)
    folder = Folders.of(project, "prod").state
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert set(modes) == {
        "state.json", "place.json", "control.json", "app.env", "outputs.json", "pgpass", "moto.log", "lock",
    }  # fmt: skip
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


# As an application and an operator use it

PROXY = dict.fromkeys(("HTTP_PROXY", "http_proxy"), "http://127.0.0.1:9")  # nothing answers there


@pytest.fixture
def environment(prod: up.Result, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What `set -a; . .local/prod/app.env; set +a` makes of an empty environment, of an `up` behind a proxy."""
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("NO_PROXY", "10.0.0.0/8")
    path = write_files(prod)
    said = subprocess.run(
        ["env", "-i", "sh", "-c", 'set -a; . "$0"; set +a; env', str(path)], capture_output=True, text=True, check=True
    )
    found = dict(line.split("=", 1) for line in said.stdout.splitlines())
    return {name: value for name, value in found.items() if name not in ("PWD", "OLDPWD", "SHLVL", "_")}


def run(environment: dict[str, str], *arguments: str) -> str:
    """A program of the repository in that environment alone."""
    said = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
        env=environment | PROXY | {"PATH": os.environ["PATH"], "COLUMNS": "200"},
    )  # fmt: skip
    assert said.returncode == 0, said.stdout + said.stderr
    return said.stdout


def test_the_environment_leads_through_the_pooler_and_holds_no_password(
    project: Path, prod: up.Result, environment: dict[str, str]
) -> None:
    data, arns = prod.data, prod.state.outputs["secretArns"]
    pooler = f"127.0.0.1:{data.ports.pooler}"
    primary = f"localhost:{data.ports.servers['primary']}"
    assert environment == {
        "DATABASE_PRIMARY_URL": f"postgresql://langpont_app@{pooler}/langpont?sslmode=disable",
        "DATABASE_PRIMARY_SECRET_ARN": arns["langpont_app"],
        "DATABASE_REPLICA_URLS": f"postgresql://langpont_readonly@{pooler}/langpont_replica_1?sslmode=disable",
        "DATABASE_ANALYTICS_REPLICA_URLS": f"postgresql://langpont_readonly@{pooler}/langpont_replica_2?sslmode=disable",
        "DATABASE_REPLICA_SECRET_ARN": arns["langpont_readonly"],
        "DATABASE_PRIMARY_POOL_SIZE": "20",
        "DATABASE_PRIMARY_MAX_OVERFLOW": "30",
        "DATABASE_REPLICA_POOL_SIZE": "15",
        "DATABASE_REPLICA_MAX_OVERFLOW": "25",
        "DATABASE_POOL_TIMEOUT_SECONDS": "30",
        "DATABASE_POOL_RECYCLE_SECONDS": "3600",
        "DATABASE_MIGRATION_URL": f"postgresql://langpont_migrator@{primary}/langpont",
        "DATABASE_MIGRATION_SECRET_ARN": arns["langpont_migrator"],
        "DATABASE_MIGRATION_ROLE": "langpont_owner",
        "DATABASE_CA_FILE": str(data.cluster.authority),
        "AWS_REGION": "ap-northeast-1",
        "AWS_DEFAULT_REGION": "ap-northeast-1",
        "AWS_ENDPOINT_URL": prod.endpoint,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "NO_PROXY": "10.0.0.0/8,127.0.0.1,localhost",
        "no_proxy": "10.0.0.0/8,127.0.0.1,localhost",
    }
    written = (Folders.of(project, "prod").state / "outputs.json").read_text()
    assert not [word for word in passwords(project) if word in written]


def test_the_example_application_writes_and_reads(environment: dict[str, str]) -> None:
    first, second = run(environment, "-m", "examples.application").splitlines()
    wrote = re.fullmatch(r"Wrote row (\d+); the same session sees (\d+) on the primary\.", first)
    assert wrote
    assert second == f"Read row {wrote[1]}, こんにちは, from a replica."


def test_the_commands_of_operators_work_against_it(project: Path, environment: dict[str, str]) -> None:
    assert "0 act" in run(environment, "-m", "ops", "doctor", "-s", "prod").splitlines()[-1]
    assert "Dry run: nothing was deleted." in run(
        environment, "-m", "ops", "snapshots", "prune", "-s", "prod", "--dry-run"
    )
    assert "0 drifted, 0 cannot log in" in run(environment, "-m", "ops", "roles", "check", "-s", "prod")
    outputs = str(Folders.of(project, "prod").state / "outputs.json")
    told = run(environment, "-m", "ops", "outputs", "env", "-s", "prod", "--file", outputs)
    assert f"DATABASE_PRIMARY_URL={environment['DATABASE_PRIMARY_URL']}" in told.splitlines()


def test_a_role_changed_by_hand_is_found_by_the_operators_command_and_mended(
    prod: up.Result, environment: dict[str, str]
) -> None:
    data = prod.data
    with data.endpoint("primary").connect(data.plan.master, data.plan.passwords[data.plan.master]) as session:
        session.execute("ALTER ROLE langpont_readonly CREATEDB")
    run(environment, "-m", "ops", "roles", "apply", "-s", "prod")
    assert "0 drifted, 0 cannot log in" in run(environment, "-m", "ops", "roles", "check", "-s", "prod")


def test_a_changed_parameter_is_applied_as_its_method_says(project: Path, prod: up.Result, stack_file: Path) -> None:
    stack_file.write_text(stack_file.read_text().replace("work_mem: 16MB", "work_mem: 8MB"))
    drift = next(up.verify(project, "prod"))
    assert (drift.name, drift.ok, drift.detail) == (
        "the stack file is what is up", False, "make up STACK=prod brings 3 changes",
    )  # fmt: skip
    result = bring_up(project)
    assert result.changes.changed == (
        "aws:rds/parameterGroup:ParameterGroup langpont-prod-db-primary",
        "aws:rds/parameterGroup:ParameterGroup langpont-prod-db-replica-1",
        "aws:rds/parameterGroup:ParameterGroup langpont-prod-db-replica-2",
    )
    assert sorted(did(result)) == [f"{role} reloaded: work_mem" for role in ("primary", "replica-1", "replica-2")]
    assert answers(result, "SHOW work_mem") == dict.fromkeys(("primary", "replica-1", "replica-2"), "8MB")


def test_replicas_come_and_go_and_the_data_stays(project: Path, prod: up.Result, stack_file: Path) -> None:
    data = prod.data
    with data.endpoint("primary").connect(data.plan.master, data.plan.passwords[data.plan.master]) as session:
        session.execute("CREATE TABLE IF NOT EXISTS kept AS SELECT 42 AS answer")
    stack_file.write_text(stack_file.read_text().replace("number: 2\n", "number: 3\n"))
    result = bring_up(project)
    assert did(result) == ["replica-2 removed", "replica-3 created"]
    assert result.done.pooler == "reloaded"
    assert answers(result, "SELECT answer FROM kept") == dict.fromkeys(("primary", "replica-1", "replica-3"), 42)


def test_what_was_killed_is_noticed_and_mended(project: Path, prod: up.Result) -> None:
    before = up.status(project, "prod")
    for role in ("primary", "replica-1", "pgbouncer", "moto"):
        process = before[role]
        assert process is not None
        os.kill(process.pid, signal.SIGKILL)
        while process.alive():
            time.sleep(0.01)
    assert [role for role, process in up.status(project, "prod").items() if process is None] == [
        "moto", "primary", "replica-1", "pgbouncer",
    ]  # fmt: skip
    result = bring_up(project)
    assert (result.rebuilt, did(result), result.done.pooler) == (
        True,
        ["primary started", "replica-1 started"],
        "started",
    )
    assert (result.endpoint, result.data.ports) == (prod.endpoint, prod.data.ports), "applications find them again"
    assert failed(project) == []


def test_dev_runs_beside_prod(project: Path, prod: up.Result) -> None:
    dev = bring_up(project, "dev")
    assert did(dev) == ["primary created"]
    assert failed(project, "dev") == []
    assert down(project, "dev", purge=True) == Stopped(names=("pgbouncer", "primary", "moto"), data=None, purged=True)
    assert None not in up.status(project, "prod").values()


def test_a_taken_port_is_told_and_a_free_one_is_taken(project: Path, prod: up.Result) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(DataPlaneError, match=f"Port {port} for primary is taken."):
            bring_up(project, primary=port)
    result = bring_up(project, moto=port)
    assert result.endpoint == f"http://127.0.0.1:{port}"
    assert bring_up(project).endpoint == result.endpoint


def test_one_command_at_a_time(project: Path, prod: up.Result) -> None:
    with (
        state.locked(Folders.of(project, "prod"), "prod"),
        pytest.raises(StateError, match=r"^Another command works on prod right now. Wait for it to end.$"),
    ):
        bring_up(project)


def test_what_is_not_up_or_no_stack_is_told(project: Path, prod: up.Result) -> None:
    with pytest.raises(StateError, match=r"^dev is not up. make up STACK=dev$"):
        up.status(project, "dev")
    with pytest.raises(StackFileError, match=r"^There is no stack 'nope'"):
        up.status(project, "nope")
    assert down(project, "dev", purge=False) == Stopped(names=(), data=None, purged=False)
    with pytest.raises(StackFileError, match=r"^There is no stack 'nope'"):
        down(project, "nope", purge=True)
