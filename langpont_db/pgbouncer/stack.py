"""The AWS calls of a host: reading secrets, and PutMetricData."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from langpont_db.pgbouncer.errors import HostError

PROJECT = "LangPont"  # of outputs from before they named it
VERSION_METRIC, VERSION_DIMENSION = "Running", "Version"
# By role and host: when the version of the role's secret was written with whose login this PgBouncer was proven.
LOGIN_METRIC, ROLE_DIMENSION, HOST_DIMENSION = "LoginWritten", "Role", "Host"
POLICY = "The host's role needs the policy of the output applicationPolicyArn"
# A run must end before the timer's next one, so AWS's defaults of 60 s and five attempts are too patient.
_CONFIG = Config(connect_timeout=5, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 2})


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """Clients that wait in PgBouncer for a server connection, and how long the longest has waited, in seconds."""

    clients: int
    longest_seconds: float


@dataclass(frozen=True, kw_only=True)
class Stack:
    """The stack's outputs that a host needs. `secret_arns` by role; the namespace of metrics begins with `project`."""

    name: str
    region: str
    pooler_secret_arn: str
    secret_arns: Mapping[str, str]
    project: str = PROJECT
    _clients: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def namespace(self) -> str:
        """The CloudWatch namespace of what it publishes."""
        return f"{self.project}/PgBouncer"

    @classmethod
    def parse(cls, text: bytes, path: Path) -> Stack:
        """Parse what `pulumi stack output --json` printed, read from `path`. Raises `HostError`."""
        way_out = "Write it anew: pulumi stack output --json"
        try:
            outputs = json.loads(text)
        except ValueError:
            raise HostError(f"{path} is not JSON. {way_out}") from None
        found = outputs if isinstance(outputs, dict) else {}
        kinds = {"environment": str, "region": str, "poolerSecretArn": str, "secretArns": dict}
        missing = [name for name, kind in kinds.items() if not isinstance(found.get(name), kind)]
        if missing:
            raise HostError(f"{path} has no {', no '.join(missing)}. {way_out}")
        return cls(
            name=found["environment"],
            region=found["region"],
            pooler_secret_arn=found["poolerSecretArn"],
            secret_arns=found["secretArns"],
            project=str(found.get("project") or PROJECT),
        )

    def secret(self, arn: str) -> dict[str, Any]:
        """Read the JSON object of a secret. Raises `HostError`, without anything of the secret in it."""
        found = self.version(arn, "AWSCURRENT")
        if found is None:
            raise HostError(f"{arn} holds no value. Publish it anew: pulumi up.")
        return found[0]

    def version(self, arn: str, label: str) -> tuple[dict[str, Any], float] | None:
        """Read the version of a secret with a label, and when it was written; None if there is none, or no value yet.

        Raises `HostError`, without anything of the secret in it.
        """
        try:
            answer = self._client("secretsmanager").get_secret_value(SecretId=arn, VersionStage=label)
        except (BotoCoreError, ClientError) as error:
            code = getattr(error, "response", {}).get("Error", {}).get("Code", "")
            if code == "ResourceNotFoundException" and label != "AWSCURRENT":
                return None
            raise HostError(f"{arn} cannot be read: {_words(error)} {POLICY}, and a way to Secrets Manager.") from None
        text, written = answer.get("SecretString", ""), answer["CreatedDate"].timestamp()
        try:
            document = json.loads(text)
        except ValueError:
            document = None
        if not isinstance(document, dict):
            raise HostError(f"{arn} holds no JSON object. Publish it anew: pulumi up.")
        return document, written

    def password(self, role: str) -> str:
        """Read the password of a role whose secret this host may read. Raises `HostError`."""
        if role not in self.secret_arns:
            raise HostError(f"{role} is in the user list, and the output secretArns has it not. Install newer outputs.")
        return str(self.secret(self.secret_arns[role]).get("password", ""))

    def publish(self, waiting: Waiting, version: str, written: Mapping[str, float]) -> None:
        """Put metrics to CloudWatch, with the stack as the only dimension: their maximum is the worst of all hosts.

        One has the version of PgBouncer for a second dimension: by it the doctor knows which versions run. `written`:
        of `Rotated`, what this host's PgBouncer lets through; a rotation waits for it. Raises `HostError`.
        """
        dimensions = [{"Name": "Stack", "Value": self.name}]
        rows = (
            ("ClientsWaiting", "Count", float(waiting.clients)),
            ("ClientMaxWaitSeconds", "Seconds", waiting.longest_seconds),
        )
        data = [{"MetricName": n, "Dimensions": dimensions, "Unit": unit, "Value": value} for n, unit, value in rows]
        of_version = [*dimensions, {"Name": VERSION_DIMENSION, "Value": version}]
        data.append({"MetricName": VERSION_METRIC, "Dimensions": of_version, "Unit": "Count", "Value": 1.0})
        host = {"Name": HOST_DIMENSION, "Value": socket.gethostname()}
        for role, value in written.items():
            of_role = [*dimensions, {"Name": ROLE_DIMENSION, "Value": role}, host]
            data.append({"MetricName": LOGIN_METRIC, "Dimensions": of_role, "Unit": "Seconds", "Value": value})
        try:
            self._client("cloudwatch").put_metric_data(Namespace=self.namespace, MetricData=data)
        except (BotoCoreError, ClientError) as error:
            raise HostError(f"CloudWatch did not take the metrics: {_words(error)} {POLICY}.") from None

    def _client(self, service: str) -> Any:
        """The boto3 client of a service, one for the run: creating it takes longer than most calls."""
        if service not in self._clients:
            self._clients[service] = boto3.client(service, region_name=self.region, config=_CONFIG)
        return self._clients[service]


def _words(error: Exception) -> str:
    return " ".join(str(error).split()).removesuffix(".") + "."
