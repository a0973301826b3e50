"""Stack outputs and environment variables for an application that runs on this platform."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from local.servers.plan import PRIMARY
from local.servers.plane import DataPlane
from local.state import write_private
from local.up import Result


def write_files(up: Result) -> Path:
    """Write `outputs.json`, `pgpass` and `app.env` (mode 600) into the stack's state folder; the path of the last.

    The outputs are the stack's, but for where primary and pooler listen here. In the environment is no password: as on
    AWS it is read from Secrets Manager when it is needed, which is moto's.
    """
    from langpont_db.outputs import environment, migration_environment  # SQLAlchemy comes with it

    data = up.data
    primary = data.endpoint(PRIMARY)
    outputs: Mapping[str, Any] = dict(up.state.outputs) | {
        "primaryEndpoint": primary.host,
        "port": primary.port,
        "poolerPort": data.ports.pooler,
    }
    migration = migration_environment(outputs)
    if primary.authority is None:  # the servers here have no TLS
        migration["DATABASE_MIGRATION_URL"] += "?sslmode=disable"
    values = environment(outputs) | migration
    values |= {"DATABASE_CA_FILE": str(primary.authority)} if primary.authority else {}
    values |= {
        "AWS_ENDPOINT_URL": up.endpoint,
        "AWS_DEFAULT_REGION": outputs["region"],
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
    }
    # A proxy is for the world; botocore and others read one of the two names, and some of them only that.
    kept = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    values |= dict.fromkeys(("NO_PROXY", "no_proxy"), ",".join([*filter(None, [kept]), "127.0.0.1", "localhost"]))
    write_private(up.folders.state / "pgpass", "".join(f"{line}\n" for line in dict.fromkeys(_passwords(data))))
    write_private(up.folders.state / "outputs.json", json.dumps(outputs, indent=2) + "\n")
    path = up.folders.state / "app.env"
    write_private(path, "".join(f"{name}={shlex.quote(value)}\n" for name, value in values.items()))
    return path


def _passwords(data: DataPlane) -> Iterator[str]:
    """Lines of a file for libpq: every role at every server, and those that PgBouncer takes there."""
    for role in (*(instance.role for instance in data.plan.instances), *data.previous):
        endpoint = data.endpoint(role)
        for name, password in data.plan.passwords.items():
            yield f"{endpoint.host}:{endpoint.port}:*:{name}:{password}"
    for entry in data.pooler.entries:
        endpoint = data.pooler.endpoint(entry)
        for name in data.plan.pooled:
            yield f"{endpoint.host}:{endpoint.port}:*:{name}:{data.plan.passwords[name]}"
