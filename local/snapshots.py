"""Snapshots on this machine: copies of a primary's server that outlive the control plane, which has their records."""

from __future__ import annotations

import json
from typing import Any

from local.aws.clients import Clients
from local.servers import backups
from local.servers.layout import Layout
from local.servers.plan import PRIMARY
from local.servers.plane import DataPlane


def stand_in(data: DataPlane) -> dict[str, Any]:
    """How the control plane takes a snapshot; see `aws/moto_snapshots.py`."""
    plan, cluster = data.plan, data.cluster
    servers = {plan.primary.identifier: cluster.primary}
    servers |= {one.identifier: cluster.previous[one.label] for one in plan.previous if one.role == PRIMARY}
    account = cluster.account
    return {
        "folder": str(data.layout.snapshots),
        "identifier": {
            identifier: [str(server.binaries.tools / "pg_basebackup"), *backups.copy_arguments(server)]
            for identifier, server in servers.items()
        },
        "user": [account.uid, account.gid] if account.changed else None,
    }


def register(clients: Clients, layout: Layout) -> None:
    """Let the control plane have the record of each snapshot that is here, and that it lacks."""
    here = backups.snapshots(layout)
    if not here:
        return
    rds = clients.get("rds")
    known = {each["DBSnapshotIdentifier"] for each in rds.describe_db_snapshots(SnapshotType="manual")["DBSnapshots"]}
    for identifier in here:
        if identifier not in known:
            kept = json.loads((layout.snapshots / identifier / "snapshot.json").read_text(encoding="utf-8"))
            rds.create_db_snapshot(
                DBSnapshotIdentifier=identifier, DBInstanceIdentifier=kept["instance"], Tags=kept["tags"]
            )
