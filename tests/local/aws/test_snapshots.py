"""Manual snapshots of the control plane, with a program that copies a folder in the place of a server's."""

from __future__ import annotations

import json
from pathlib import Path

from local.aws.clients import Clients
from local.aws.server import start_server
from tests.recordings import REGION


def test_a_snapshot_is_known_in_small_letters_and_nothing_of_it_is_left_when_it_is_deleted(tmp_path: Path) -> None:
    folder, file = tmp_path / "snapshots", tmp_path / "functions.json"
    folder.mkdir()
    copies = {"folder": str(folder), "identifier": {"db": ["sh", "-c", 'mkdir -p "$2"', "copy"]}, "user": None}
    file.write_text(json.dumps({"snapshots": copies}))
    server = start_server(tmp_path / "moto.log", functions=file)
    try:
        rds = Clients(server.endpoint, REGION).get("rds")
        rds.create_db_instance(DBInstanceIdentifier="db", DBInstanceClass="db.t3.medium", Engine="postgres")
        rds.create_db_snapshot(DBSnapshotIdentifier="Before-Upgrade", DBInstanceIdentifier="db")
        manual = rds.describe_db_snapshots(SnapshotType="manual")["DBSnapshots"]
        known = [each["DBSnapshotIdentifier"] for each in manual]
        assert (known, [each.name for each in folder.iterdir()]) == (["before-upgrade"], ["before-upgrade"])
        rds.delete_db_snapshot(DBSnapshotIdentifier="Before-Upgrade")
        manual = rds.describe_db_snapshots(SnapshotType="manual")["DBSnapshots"]
        assert (manual, list(folder.iterdir())) == ([], [])
    finally:
        server.stop()
