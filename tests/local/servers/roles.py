"""The roles function's own code against servers of a test, with moto in this process for its secrets."""

from __future__ import annotations

import json
import socket
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from blueprint.postgres import roles
from functions import connection
from functions.roles import handler
from local.servers.plane import DataPlane


def make_roles(plane: DataPlane) -> bool:
    """As `make up` does through the control plane; whether anything had to be done."""
    plan = plane.plan
    host = next(host for host, role in plan.hosts.items() if role == "primary")
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder, mock_aws():
        patch.setattr(connection, "CERTIFICATES", plane.cluster.authority)
        if plane.cluster.authority is None:
            patch.setattr(connection, "tls_context", lambda: None)
        patch.setattr(socket, "create_connection", here({host: plane.ports.servers["primary"]}))
        definition = Path(folder, "definition.json")
        definition.write_text(json.dumps(roles.definition(database=plan.database, master=plan.master)))
        patch.setattr(handler, "DEFINITION", definition)
        connection.secrets_manager.cache_clear()
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "testing")
        patch.setenv("AWS_DEFAULT_REGION", "ap-northeast-1")
        secrets = boto3.client("secretsmanager")

        def kept(name: str, document: object) -> str:
            arn: str = secrets.create_secret(Name=name, SecretString=json.dumps(document))["ARN"]
            return arn

        address = {"host": host, "port": 5432, "dbname": plan.database}
        arns = {}
        for role, password in plan.passwords.items():
            verifier = {"verifier": plan.verifiers[role]} if role in plan.pooled else {}
            arns[role] = kept(role, address | {"username": role, "password": password} | verifier)
        patch.setenv("SECRET_ARNS", json.dumps(arns))
        patch.setenv("POOLER_SECRET_ARN", kept("pooler", {"userlist.txt": plan.user_list}))
        try:
            answer = handler.handler({"action": "apply"}, None)
        finally:
            connection.secrets_manager.cache_clear()
    return bool(answer["changed"])


def here(ports: Mapping[str, int]) -> Callable[..., socket.socket]:
    """Name resolution of the VPC: these hosts are on this machine, at these ports."""
    real = socket.create_connection

    def create_connection(address: tuple[str, int], *args: Any, **options: Any) -> socket.socket:
        host, port = address
        return real(("127.0.0.1", ports[host]) if host in ports else (host, port), *args, **options)

    return create_connection
