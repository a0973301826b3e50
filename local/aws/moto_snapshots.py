"""Manual snapshots of moto's RDS that hold what the servers of this machine have; moto itself keeps a record alone.

A snapshot of a primary copies its server into a folder, with a document that says when. The record of one whose folder
is there already has that time, so that a control plane that is built anew has those of the one before. The functions
file says `snapshots`: `folder`, the program that copies by the instance's `identifier`, `user` and group of it.
"""

import copy
import json
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from moto.rds.exceptions import InvalidDBInstanceStateFault
from moto.rds.models import DBSnapshot, RDSBackend

COPY_SECONDS = 600


def install(functions_file: Path) -> None:
    """Put `create` and `delete` in the place of moto's own, for the rest of this process."""
    create_record, delete_record = RDSBackend.create_db_snapshot, RDSBackend.delete_db_snapshot

    def create(
        self: Any,
        db_instance_identifier: str,
        db_snapshot_identifier: str,
        snapshot_type: str = "manual",
        **options: Any,
    ) -> Any:
        db_snapshot_identifier = db_snapshot_identifier.lower()  # as RDS stores it
        stand_in = _stand_in(functions_file)
        if snapshot_type != "manual" or not stand_in:
            return create_record(self, db_instance_identifier, db_snapshot_identifier, snapshot_type, **options)
        folder = Path(stand_in["folder"], db_snapshot_identifier)
        if (folder / "snapshot.json").exists():
            return _record_again(self, folder, db_instance_identifier, db_snapshot_identifier, options.get("tags"))
        snapshot = create_record(self, db_instance_identifier, db_snapshot_identifier, snapshot_type, **options)
        try:
            _copy_server(stand_in, db_instance_identifier, folder, snapshot)
        except BaseException:
            del self.database_snapshots[db_snapshot_identifier]
            raise
        return snapshot

    def delete(self: Any, db_snapshot_identifier: str) -> Any:
        snapshot = delete_record(self, db_snapshot_identifier.lower())
        stand_in = _stand_in(functions_file)
        if stand_in and snapshot.snapshot_type == "manual":
            shutil.rmtree(Path(stand_in["folder"], snapshot.db_snapshot_identifier), ignore_errors=True)
        return snapshot

    setattr(RDSBackend, "create_db_snapshot", create)  # noqa: B010 - a type checker refuses a plain assignment
    setattr(RDSBackend, "delete_db_snapshot", delete)  # noqa: B010


def _stand_in(functions_file: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(functions_file.read_text())
    except FileNotFoundError:
        return {}
    return found.get("snapshots") or {}


def _record_again(backend: Any, folder: Path, instance: str, identifier: str, tags: Any) -> Any:
    kept = json.loads((folder / "snapshot.json").read_text())
    # The instance may be gone: any other stands for it, as what is told of a snapshot is mostly the stack's.
    database = copy.copy(backend.databases.get(instance) or next(iter(backend.databases.values())))
    database.db_instance_identifier = instance
    snapshot = DBSnapshot(backend, database, identifier, "manual", tags)
    snapshot.created = datetime.fromisoformat(kept["created"]).replace(tzinfo=None)
    backend.database_snapshots[identifier] = snapshot
    return snapshot


def _copy_server(stand_in: dict[str, Any], instance: str, folder: Path, snapshot: Any) -> None:
    program = stand_in["identifier"].get(instance)
    if program is None:
        raise InvalidDBInstanceStateFault(f"{instance} is no primary here, and only primaries have snapshots here.")
    arriving = folder.with_name(f".{folder.name}")
    shutil.rmtree(arriving, ignore_errors=True)
    user, group = stand_in["user"] or (None, None)
    ran = subprocess.run(
        [*program, "-D", str(arriving / "data")], capture_output=True, text=True, check=False, cwd="/", umask=0o077,
        user=user, group=group, extra_groups=None if user is None else [], timeout=COPY_SECONDS,
    )  # fmt: skip
    if ran.returncode:
        shutil.rmtree(arriving, ignore_errors=True)
        said = (ran.stderr.strip().splitlines() or ["it gave no reason"])[-1]
        raise InvalidDBInstanceStateFault(f"{instance} could not be copied: {said}")
    created = datetime.now(UTC)  # what was committed until now is in it
    snapshot.created = created.replace(tzinfo=None)
    document = {"instance": instance, "created": created.isoformat(), "tags": snapshot.tags}
    (arriving / "snapshot.json").write_text(json.dumps(document))
    arriving.rename(folder)
