"""A platform that the version before brought up: its state is read, and nothing of it is lost.

The files in `older` are those that it wrote for the dev stack of that time, before modules had today's places; servers
and binaries lie where this run has them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from local import up
from local.down import Stopped, down, running
from local.loopback import free_port
from local.state import Folders
from tests.local.up.test_interrupted import ROWS, bring_up, rows

OLDER = Path(__file__).parent / "older"
ROOT = "/var/tmp/langpont"  # which both files name


def put_back(project: Path, ports: dict[str, Any]) -> Path:
    """Make the state folder what the version before left, with these ports; the servers' folder."""
    folders = Folders.of(project, "dev")
    for file in folders.state.iterdir():
        file.unlink()
    for name in ("state.json", "control.json"):
        text = (OLDER / name).read_text(encoding="utf-8").replace(ROOT, str(folders.run.parent))
        (folders.state / name).write_text(text, encoding="utf-8")
    document = json.loads(folders.file.read_text(encoding="utf-8"))
    document["data"]["ports"] = ports
    folders.file.write_text(json.dumps(document), encoding="utf-8")
    return folders.run


def test_a_platform_of_the_version_before_is_shown_taken_down_and_brought_up(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert rows(bring_up(project)) == ROWS
    moto = running(Folders.of(project, "dev"))["moto"]
    ports = {"servers": {"primary": free_port()}, "pooler": free_port()}
    run = put_back(project, ports)
    monkeypatch.delenv("LANGPONT_LOCAL_DIR")  # that version wrote down where the servers are in its state alone

    assert Folders.of(project, "dev").run == run
    shown = up.status(project, "dev")
    assert (shown["moto"], shown["primary"] is None, shown["pgbouncer"] is None) == (None, False, False)
    assert ("control plane", "backup.Selection: moto has no backup selections") in up.differences(project, "dev")

    assert down(project, "dev", purge=False) == Stopped(names=("pgbouncer", "primary", "moto"), data=run, purged=False)
    assert not moto.alive()
    assert up.status(project, "dev") == {"moto": None, "primary": None, "pgbouncer": None}

    result = bring_up(project)
    assert (rows(result), result.notes) == (ROWS, ())
    assert result.data.ports.to_json() == ports
    assert [check for check in up.verify(project, "dev") if not check.ok] == []
