"""The functions' handlers on staging's servers, brought up without any role, with moto in this process for secrets."""

from __future__ import annotations

import json
import socket
import ssl
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3
import pytest
from moto import mock_aws

from blueprint.monitoring import metrics
from blueprint.postgres import roles
from functions import connection
from functions.metrics import handler as metrics_handler
from functions.roles import handler as roles_handler
from local.aws import moto_secrets
from local.servers.connections import Connection
from local.servers.layout import Layout
from local.servers.plan import USER_LIST, data_plan
from local.servers.plane import DataPlane
from tests.local.servers.conftest import account as account  # fixtures
from tests.local.servers.conftest import binaries as binaries
from tests.local.servers.conftest import make
from tests.local.servers.conftest import runtime as runtime
from tests.local.servers.roles import here
from tests.recordings import recording

POOLER = "pooler"


@dataclass(kw_only=True)
class Stage:
    """Servers, and what AWS would know of them.

    hosts: port by host name, where the handlers' connections lead. written: what each secret holds, by ARN, from test
    to test.
    """

    plane: DataPlane
    hosts: dict[str, int]
    arns: dict[str, str]
    written: dict[str, str] = field(repr=False)
    capture: pytest.CaptureFixture[str] = field(repr=False)

    @property
    def passwords(self) -> dict[str, str]:
        """By role, of the recording."""
        return dict(self.plane.plan.passwords)

    @property
    def host(self) -> str:
        """The primary's name."""
        return next(host for host, role in self.plane.plan.hosts.items() if role == "primary")

    @property
    def replica(self) -> str:
        """The replica's name."""
        return next(host for host, role in self.plane.plan.hosts.items() if role != "primary")

    def admin(self) -> Connection:
        """The superuser in the database, by the socket."""
        return self.plane.cluster.primary.admin(self.plane.plan.database)

    def login(self, role: str) -> Connection:
        """A session on the primary with the recorded password."""
        return self.plane.endpoint("primary").connect(role, self.passwords[role])

    def write(self, role: str, **changes: object) -> None:
        """Another version of a role's secret."""
        self.put(role, self.document(role, **changes))

    def document(self, role: str, **changes: object) -> str:
        """A role's secret as `pulumi up` writes it, but for `changes`."""
        document = {
            "engine": "postgres", "host": self.host, "port": 5432, "username": role,
            "password": self.passwords[role], "dbname": self.plane.plan.database,
        }  # fmt: skip
        if role in self.plane.plan.pooled:
            document["verifier"] = self.plane.plan.verifiers[role]
        return json.dumps(document | changes)

    def put(self, name: str, document: object) -> None:
        """Another version of any secret."""
        text = document if isinstance(document, str) else json.dumps(document)
        arn = self.arns[name]
        if self.written.get(arn) != text:
            connection.secrets_manager().put_secret_value(SecretId=arn, SecretString=text)
            self.written[arn] = text

    @staticmethod
    def define(patch: pytest.MonkeyPatch, handler: ModuleType, definition: object, folder: Path) -> None:
        """Deploy a handler with this definition."""
        path = folder / f"{handler.__name__}.json"
        path.write_text(json.dumps(definition))
        patch.setattr(handler, "DEFINITION", path)

    def roles(self, action: str) -> dict[str, Any]:
        """The roles function's answer, through JSON as Lambda would send it."""
        answer: dict[str, Any] = json.loads(json.dumps(roles_handler.handler({"action": action}, None)))
        return answer

    def roles_without_tls(self, action: str) -> dict[str, Any]:
        """The same where a server has another name than its certificate's."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(connection, "tls_context", _unverified)
            return self.roles(action)

    def new_secret(self, role: str) -> str:
        """Another secret of a role, with what `pulumi up` writes first."""
        client = connection.secrets_manager()
        arn: str = client.create_secret(Name=f"{role}-{uuid.uuid4().hex}", SecretString=self.document(role))["ARN"]
        return arn

    def metrics(self) -> tuple[dict[str, Any], list[str]]:
        """The metrics function's answer, and the lines that it printed."""
        self.capture.readouterr()
        answer = json.loads(json.dumps(metrics_handler.handler({}, None)))
        return answer, self.capture.readouterr().out.splitlines()

    def wipe(self) -> None:
        """No role, no schema, as RDS delivers it."""
        plan = self.plane.plan
        with self.admin() as session:
            for schema in roles.SCHEMAS:
                session.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
            session.execute(f"ALTER DATABASE {plan.database} RESET ALL")
            session.execute(f"GRANT CONNECT, TEMPORARY ON DATABASE {plan.database} TO PUBLIC")
            names = [role.name for role in reversed(roles.ROLES)]
            for name in (*map(roles.second_login, names), *names):
                if session.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name]).fetchone():
                    session.execute(f"DROP OWNED BY {name}")
                    session.execute(f"DROP ROLE {name}")


def _unverified() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


@pytest.fixture(scope="session")
def servers(runtime: Path, request: pytest.FixtureRequest) -> DataPlane:
    """Primary and replica of staging, with a master and nothing else."""
    plan = data_plan(recording("staging"))
    made = make(
        plan, Layout(runtime / "functions"), request.getfixturevalue("binaries"), request.getfixturevalue("account")
    )
    made.cluster.up()
    return made


@pytest.fixture(scope="module")
def aws(servers: DataPlane) -> Iterator[tuple[dict[str, str], dict[str, str]]]:
    """Secrets in a moto of the module's own: other tests speak to a server. ARN by name, and what is written there."""
    with pytest.MonkeyPatch.context() as patch, mock_aws(), moto_secrets.installed():
        patch.setenv("AWS_DEFAULT_REGION", "ap-northeast-1")
        patch.delenv("AWS_ENDPOINT_URL", raising=False)
        connection.secrets_manager.cache_clear()
        client = boto3.client("secretsmanager")
        yield {name: client.create_secret(Name=name)["ARN"] for name in (*servers.plan.passwords, POOLER)}, {}
    connection.secrets_manager.cache_clear()


@pytest.fixture
def stage(
    servers: DataPlane,
    aws: tuple[dict[str, str], dict[str, str]],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> Stage:
    """As deployed, whatever the tests before made of the database."""
    plan, (arns, written) = servers.plan, aws
    made = Stage(plane=servers, hosts={}, arns=arns, written=written, capture=capsys)
    made.hosts.update({host: servers.ports.servers[role] for host, role in plan.hosts.items()})
    monkeypatch.setattr(connection, "CERTIFICATES", servers.cluster.authority)
    monkeypatch.setattr(socket, "create_connection", here(made.hosts))
    made.define(monkeypatch, roles_handler, roles.definition(database=plan.database, master=plan.master), tmp_path)
    made.define(monkeypatch, metrics_handler, metrics.definition(stack="staging", database=plan.database), tmp_path)
    for role in plan.passwords:
        made.write(role)
    made.put(POOLER, {"pgbouncer.ini": plan.ini, USER_LIST: plan.user_list})
    monkeypatch.setenv("SECRET_ARNS", json.dumps({role: arns[role] for role in plan.passwords}))
    monkeypatch.setenv("POOLER_SECRET_ARN", arns[POOLER])
    monkeypatch.setenv("SECRET_ARN", arns[metrics.ROLE])
    monkeypatch.setenv("HOSTS", json.dumps({"replica-1": made.replica, "primary": made.host}))
    return made


@pytest.fixture
def applied(stage: Stage) -> Stage:
    """The same, with everything as the definition says."""
    answer = stage.roles("apply")
    assert (answer["ok"], answer["drift"]) == (True, [])
    return stage
