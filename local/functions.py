"""The stack's functions on this machine: invoked through the control plane, which runs the package it was given."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local import snapshots
from local.aws.clients import Clients
from local.servers.errors import DataPlaneError
from local.servers.plan import INI, USER_LIST
from local.servers.plane import DataPlane
from local.state import write_private
from recording.recording import Recording, reveal

INVOCATION = "aws:lambda/invocation:Invocation"
FUNCTION = "aws:lambda/function:Function"


def write_stand_ins(path: Path, data: DataPlane) -> None:
    """Tell the control plane where names lead here, whom to trust, how snapshots are taken and PgBouncer follows.

    See `aws/moto_server.py` and `aws/moto_snapshots.py`.
    """
    hosts = {host: data.endpoint(role) for host, role in data.plan.hosts.items()}
    authority = data.cluster.authority
    write_private(
        path,
        json.dumps(
            {
                "hosts": {host: ["127.0.0.1", endpoint.port] for host, endpoint in hosts.items()},
                "authority": str(authority) if authority else None,
                "snapshots": snapshots.stand_in(data),
                "follow": _follow(data),
            }
        ),
    )


def _follow(data: DataPlane) -> list[str]:
    """The command by which this machine's PgBouncer follows a rotation; the control plane imports nothing of ours."""
    layout, account = data.layout, data.cluster.account
    files = (layout.pooler / USER_LIST, layout.pooler / INI, layout.sockets / f".s.PGSQL.{data.ports.pooler}")
    return [sys.executable, "-m", "local.follow", *map(str, files), str(account.uid), str(account.gid)]


def invoke_registered(recording: Recording, clients: Clients) -> Iterator[dict[str, Any]]:
    """Run what the program invokes during a deployment; the answers. Raises `DataPlaneError` as `invoke` does."""
    for registration in recording.of_type(INVOCATION):
        inputs = reveal(registration.inputs)
        yield invoke(clients, inputs["functionName"], json.loads(inputs["input"]))


def invoke(clients: Clients, name: str, event: Mapping[str, Any]) -> dict[str, Any]:
    """Run one function and wait for its answer. Raises `DataPlaneError` with the function's own words if it fails."""
    try:
        reply = clients.get("lambda").invoke(FunctionName=name, Payload=json.dumps(event).encode())
        answer: dict[str, Any] = json.loads(reply["Payload"].read())
    except (BotoCoreError, ClientError, ValueError) as error:
        raise DataPlaneError(f"{name} could not be invoked: {error}. The control plane's log may say why.") from None
    if "FunctionError" in reply:
        raise DataPlaneError(f"{name} failed: {answer['errorMessage']}")
    return answer
