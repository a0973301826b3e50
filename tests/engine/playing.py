"""The functions' own code on the simulated cloud: Secrets Manager as they call it, and servers as they log in to them.

A database has a verifier by login. Of the SQL that the functions run, ALTER ROLE ... PASSWORD counts.
"""

from __future__ import annotations

import json
import os
import re
import uuid
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn
from unittest.mock import patch

from botocore.exceptions import ClientError

from blueprint.postgres import roles
from functions import connection
from functions.connection import Credentials, Failed, Login, Unreachable
from functions.roles import logins
from functions.roles.definition import Definition
from functions.rotation import handler, hosts
from functions.verifiers import is_of, salt_of
from tests.engine.providers import secrets
from tests.engine.providers.cloud import Cloud, Fault, Resource
from tests.engine.providers.rds import INSTANCE, Refused
from tests.engine.providers.secrets import CURRENT, ROTATION, VERSION, labels
from tests.engine.workplace import Workplace

FUNCTION = "aws:lambda/function:Function"
PENDING = "AWSPENDING"
_PASSWORD = re.compile(r"""ALTER ROLE "([^"]+)" PASSWORD '([^']+)'""")


def _refused(code: str, message: str, call: str) -> NoReturn:
    raise ClientError({"Error": {"Code": code, "Message": message}}, call)


@dataclass
class SecretsManager:
    """The part of boto3's client that the functions call. `begun`: by ARN, the version that a rotation is to make."""

    cloud: Cloud
    begun: dict[str, str] = field(default_factory=dict)

    def describe_secret(self, *, SecretId: str) -> dict[str, Any]:  # noqa: N803 - the API's names
        found = {it.properties["versionId"]: labels(it) for it in secrets.versions(self.cloud, SecretId)}
        if (token := self.begun.get(SecretId)) is not None:
            found.setdefault(token, [PENDING])
        on = any(it.properties["secretId"] == SecretId for it in self.cloud.all(ROTATION))
        return {"VersionIdsToStages": found, "RotationEnabled": on}

    def get_secret_value(
        self, *, SecretId: str, VersionStage: str, VersionId: str | None = None  # noqa: N803
    ) -> dict[str, Any]:  # fmt: skip
        for it in secrets.versions(self.cloud, SecretId):
            if VersionStage in labels(it) and VersionId in (None, it.properties["versionId"]):
                return {"SecretString": it.properties["secretString"], "CreatedDate": datetime.now(UTC)}
        _refused("ResourceNotFoundException", "Secrets Manager can't find the specified secret value", "GetSecretValue")

    def put_secret_value(
        self, *, SecretId: str, SecretString: str, VersionStages: list[str],  # noqa: N803
        ClientRequestToken: str | None = None,  # noqa: N803
    ) -> None:  # fmt: skip
        token = ClientRequestToken or str(uuid.uuid4())
        region = SecretId.split(":")[3]
        properties = {
            "secretId": SecretId, "secretString": SecretString, "versionId": token, secrets.STAGES: VersionStages,
        }  # fmt: skip
        made = Resource(
            type=VERSION, id=f"{SecretId}|{token}", urn=f"by a function::{token}", region=region, properties=properties
        )
        secrets.put(self.cloud, made)

    def update_secret_version_stage(
        self, *, SecretId: str, VersionStage: str, MoveToVersionId: str | None = None,  # noqa: N803
        RemoveFromVersionId: str | None = None,  # noqa: N803
    ) -> None:  # fmt: skip
        found = {str(it.properties["versionId"]): it for it in secrets.versions(self.cloud, SecretId)}
        holder = next((version for version, it in found.items() if VersionStage in labels(it)), None)
        if RemoveFromVersionId != holder and not (RemoveFromVersionId is None and holder == MoveToVersionId):
            _refused(
                "InvalidParameterException", "the label is attached to another version", "UpdateSecretVersionStage"
            )
        if MoveToVersionId is not None:
            target = found[MoveToVersionId]
            secrets.put(self.cloud, secrets.with_labels(target, {*labels(target), VersionStage}))
        elif holder is not None and (left := set(labels(found[holder])) - {VersionStage}):
            self.cloud.put(secrets.with_labels(found[holder], left))
        elif holder is not None:
            self.cloud.drop(found[holder])


Verifiers = dict[str, str | None]


@dataclass
class Session:
    """A login to one of the servers."""

    login: Login
    verifiers: Verifiers = field(repr=False)

    def query(self, sql: str, **_: Any) -> list[list[Any]]:
        if match := _PASSWORD.fullmatch(sql):
            if match[1] not in self.verifiers:
                text = f'role "{match[1]}" does not exist'
                raise connection.Refused(text, sqlstate="42704", message=text)
            self.verifiers[match[1]] = match[2]
        return [[0]] if sql.startswith("SELECT count") else []

    def close(self) -> None:
        pass


@dataclass
class Servers:
    """Verifiers by login, by the address of a primary; one that is made from another begins with `backup`."""

    cloud: Cloud
    backup: Verifiers = field(default_factory=dict)
    verifiers: dict[str, Verifiers] = field(init=False)

    def __post_init__(self) -> None:
        self.verifiers = defaultdict(lambda: dict(self.backup))

    def connect(self, who: Credentials, **_: Any) -> Session:
        """As `functions.connection.connect`."""
        instances = [it.properties for it in self.cloud.all(INSTANCE)]
        found = next((it for it in instances if (it["address"], it["port"]) == (who.host, who.port)), None)
        if found is None:
            raise Unreachable(f"{who.address} cannot be reached as {who.username}: no such server.")
        source = next((it for it in instances if it["identifier"] == found.get("replicateSourceDb")), found)
        verifiers = self.verifiers[source["address"]]
        if who.username == source.get("username"):
            if who.password == source.get("password"):
                return Session(Login(proven=True), verifiers)
        elif (verifier := verifiers.get(who.username)) is not None and is_of(verifier, who.password):
            iterations, salt = salt_of(verifier)
            return Session(Login(salt=salt, iterations=iterations, proven=True), verifiers)
        text = f'password authentication failed for user "{who.username}"'
        raise connection.Refused(text, sqlstate="28P01", message=text)


@dataclass(kw_only=True)
class Playing:
    """A stack whose roles function and rotations are played; a run of `pulumi up` invokes the former."""

    workplace: Workplace
    folder: Path
    client: SecretsManager = field(init=False)
    servers: Servers = field(init=False, repr=False)

    def __post_init__(self) -> None:
        cloud = self.workplace.cloud
        self.client, self.servers = SecretsManager(cloud), Servers(cloud)
        invoked = f"langpont-{self.workplace.stack}-functions-make-roles"
        cloud.faults.append(Fault("create", invoked, message="", times=1000, meanwhile=self._invoked))

    def patches(self) -> Iterator[Any]:
        """What leads the functions here."""
        yield patch.object(connection, "secrets_manager", lambda: self.client)
        yield patch.object(connection, "connect", self.servers.connect)
        yield patch.object(hosts, "lagging", lambda *_: [])
        yield patch.object(handler, "DEFINITION", self.folder / "rotation.json")

    def variables(self, function: str) -> dict[str, str]:
        """The environment of a function as it is deployed."""
        name = f"langpont-{self.workplace.stack}-functions-{function}"
        [found] = [it for it in self.workplace.cloud.all(FUNCTION) if it.logical_name == name]
        given: dict[str, str] = found.properties["environment"]["variables"]
        return given

    def arn(self, role: str) -> str:
        """Of a role's secret."""
        arns: dict[str, str] = json.loads(self.variables("roles")["SECRET_ARNS"])
        return arns[role]

    def value(self, role: str) -> dict[str, Any]:
        """What a role's secret says now."""
        text = self.client.get_secret_value(SecretId=self.arn(role), VersionStage=CURRENT)["SecretString"]
        found: dict[str, Any] = json.loads(text)
        return found

    def labels(self, role: str) -> dict[str, list[str]]:
        """Labels by version of a role's secret."""
        found: dict[str, list[str]] = self.client.describe_secret(SecretId=self.arn(role))["VersionIdsToStages"]
        return found

    def make_roles(self) -> None:
        """What the roles function does about passwords. Raises `functions.connection.Failed`."""
        variables = self.variables("roles")
        master = json.loads(self.variables("roles")["SECRET_ARNS"])
        [name] = [role for role in master if role not in roles.PASSWORD_ROLES]
        database = self.value(name)["dbname"]
        path = self.folder / "roles.json"
        path.write_text(
            json.dumps(roles.definition(database=database, master=name, rotated="FIRST_VERSIONS" in variables))
        )
        definition = Definition.load(path)
        with patch.dict(os.environ, variables):
            who, passwords = logins.read(definition, json.loads(variables["SECRET_ARNS"]), follow_master=True)
        self.servers.connect(who)
        there = self.servers.verifiers[who.host]
        for role in definition.roles:
            if role.login == "password":
                there.setdefault(role.name, None)
        for login, password in passwords.items():
            if logins.prove(password).needs_password:
                there[login] = password.new_verifier()

    def _invoked(self) -> None:
        try:
            self.make_roles()
        except Failed as failure:
            raise Refused(f"invoking Lambda Function: {failure}") from None

    def rotate(self, role: str, token: str | None = None) -> None:
        """The four calls of Secrets Manager, for another version or once more. Raises `functions.connection.Failed`."""
        definition = roles.rotation_definition(stack=self.workplace.stack)
        (self.folder / "rotation.json").write_text(json.dumps(definition))
        arn = self.arn(role)
        token = self.client.begun[arn] = token or str(uuid.uuid4())
        with patch.dict(os.environ, self.variables("rotation")):
            for step in handler.STEPS:
                handler.handler({"Step": step, "SecretId": arn, "ClientRequestToken": token}, None)
        del self.client.begun[arn]

    def logs_in(self, document: Mapping[str, Any]) -> bool:
        """Whether the server that a secret names lets its login in."""
        try:
            self.servers.connect(connection.credentials_of("a secret", document))
        except Failed:
            return False
        return True
