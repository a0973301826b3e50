"""Where a platform is: it is found again, whatever the environment, the project's path and damaged files say."""

from __future__ import annotations

import json
import shutil
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from local import up
from local.down import Stopped, control, down, running
from local.loopback import HOST
from local.servers.errors import DataPlaneError
from local.state import Folders, StateError
from tests.local.up.interruptions import left
from tests.local.up.test_interrupted import ROWS, rows
from tests.waiting import until


def bring_up(project: Path, **ports: int) -> up.Result:
    return up.up(project, "dev", ports, lambda _: None)


@pytest.fixture
def elsewhere(base: Path) -> Iterator[Path]:
    """Another folder for servers."""
    folder = base / "elsewhere"
    folder.mkdir()
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.parametrize("asked", ["", "servers", "./servers", "~/servers"])
def test_a_folder_that_is_no_absolute_path_is_refused_and_not_made(
    project: Path, monkeypatch: pytest.MonkeyPatch, asked: str
) -> None:
    monkeypatch.setenv("LANGPONT_LOCAL_DIR", asked)
    before = {path.name for path in project.iterdir()}
    with pytest.raises(StateError) as refused:
        bring_up(project)
    assert str(refused.value) == (
        f"LANGPONT_LOCAL_DIR is {asked!r}, which is no absolute path. Set it to one such as /var/tmp/langpont, or "
        f"unset it."
    )
    assert {path.name for path in project.iterdir()} == before


def test_servers_are_found_and_taken_down_whatever_the_environment_says(
    project: Path, monkeypatch: pytest.MonkeyPatch, elsewhere: Path
) -> None:
    assert rows(bring_up(project)) == ROWS
    where = Folders.of(project, "dev").run
    monkeypatch.setenv("LANGPONT_LOCAL_DIR", str(elsewhere))
    with pytest.raises(StateError) as refused:
        bring_up(project)
    assert str(refused.value) == (
        f"LANGPONT_LOCAL_DIR asks for {elsewhere}/dev, and the servers and the data of dev are in {where}. Set it to "
        f"{where.parent} or unset it; to begin anew there, first make down STACK=dev PURGE=1"
    )
    assert list(elsewhere.iterdir()) == []
    assert None not in up.status(project, "dev").values()
    monkeypatch.delenv("LANGPONT_LOCAL_DIR")
    assert rows(bring_up(project)) == ROWS
    assert down(project, "dev", purge=False) == Stopped(
        names=("pgbouncer", "primary", "moto"), data=where, purged=False
    )  # fmt: skip
    assert down(project, "dev", purge=True) == Stopped(names=(), data=None, purged=True)
    assert not where.exists()


def test_a_project_that_was_renamed_has_its_servers(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the folder of before, which is made of the project's path."""
    assert rows(bring_up(project)) == ROWS
    where = Folders.of(project, "dev").run
    monkeypatch.delenv("LANGPONT_LOCAL_DIR")
    renamed = project.with_name("renamed")
    project.rename(renamed)
    try:
        assert Folders.of(renamed, "dev").run == where
        assert rows(bring_up(renamed)) == ROWS
        assert down(renamed, "dev", purge=True).names == ("pgbouncer", "primary", "moto")
        assert not where.exists()
    finally:
        renamed.rename(project)


@pytest.mark.parametrize("text", ["{", "[]", "null", "5", "{}", '{"port": 1}', '{"process": 7, "port": 7}'])
def test_a_damaged_note_of_the_control_plane_loses_nothing(project: Path, text: str) -> None:
    folders = Folders.of(project, "dev")
    server = control(folders)
    if server is None or not server.alive():
        bring_up(project)
        server = control(folders)
    folders.control.write_text(text)
    assert control(folders) == server


def test_without_its_state_a_platform_keeps_its_data_and_is_taken_down(project: Path) -> None:
    assert rows(bring_up(project)) == ROWS
    folders = Folders.of(project, "dev")
    shutil.rmtree(folders.state)  # as git clean does, with servers running
    assert rows(bring_up(project)) == ROWS
    shutil.rmtree(folders.state)
    down(project, "dev", purge=True)
    assert left(project, "dev") == []
    assert not folders.run.exists()


def delete(folder: Path) -> None:
    """As `rm -rf`, again where a server has made a file meanwhile."""

    def gone() -> bool:
        shutil.rmtree(folder, ignore_errors=True)
        return not folder.exists()

    until(gone)


def test_servers_whose_folder_was_deleted_are_ended(project: Path) -> None:
    bring_up(project)
    folders = Folders.of(project, "dev")
    delete(folders.run)
    assert sorted(down(project, "dev", purge=False).names) == ["moto", "pgbouncer", "postgres"]
    assert left(project, "dev") == []
    before = bring_up(project).data.ports
    delete(folders.run)
    again = bring_up(project)
    assert again.data.ports == before, "the servers without a folder do not hold them any more"
    assert len(left(project, "dev")) == len(running(folders)) == 3


def test_nothing_is_removed_while_something_runs(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bring_up(project)
    monkeypatch.setattr("local.down.plane.down", lambda _: ())  # it cannot be stopped
    with pytest.raises(
        StateError, match=r"^dev still runs, and nothing was removed: end \d+ \(.*, and run it again\.$"
    ):
        down(project, "dev", purge=True)
    assert Folders.of(project, "dev").run.is_dir()
    assert Folders.of(project, "dev").file.is_file()


def test_a_port_for_a_server_that_is_not_there_is_refused_before_anything_is_done(project: Path) -> None:
    ran = running(Folders.of(project, "dev"))
    with pytest.raises(DataPlaneError) as refused:
        bring_up(project, primry=5432)
    assert str(refused.value) == "--port primry=5432: dev has no such server. It has moto, primary, pooler."
    assert running(Folders.of(project, "dev")) == ran


# Ports


def test_the_control_plane_keeps_its_port_once_the_one_before_is_gone(project: Path) -> None:
    folders = Folders.of(project, "dev")
    before = bring_up(project).endpoint
    server = control(folders)
    assert server is not None
    server.stop()
    with socket.socket() as last_thread:
        last_thread.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        last_thread.bind((HOST, server.port))
        last_thread.listen()
        threading.Timer(1.5, last_thread.shutdown, [socket.SHUT_RDWR]).start()
        result = bring_up(project)
    assert (result.rebuilt, result.endpoint, result.notes) == (True, before, ())


def test_a_control_plane_whose_port_another_program_took_moves_and_says_so(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("local.up.PORT_SECONDS", 0.1)
    bring_up(project)
    server = control(Folders.of(project, "dev"))
    assert server is not None
    server.stop()
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind((HOST, server.port))
        other.listen()
        result = bring_up(project)
    moved = control(Folders.of(project, "dev"))
    assert moved is not None
    assert result.notes == (
        f"Another program has taken port {server.port}, so the control plane moved to {moved.port}: start applications "
        f"again with the new environment.",
    )


# The state file


def test_a_state_of_a_newer_version_is_set_aside_and_no_row_is_lost(project: Path) -> None:
    assert rows(bring_up(project)) == ROWS
    folders = Folders.of(project, "dev")
    folders.file.write_text(json.dumps(json.loads(folders.file.read_text()) | {"format": 7}))
    result = bring_up(project)
    assert result.notes == (
        "state.json could not be read (another version of this project wrote it, with format), and is kept as "
        "state.json.unreadable. The data stays; the roles' passwords are new, and applications get them from Secrets "
        "Manager.",
    )
    assert rows(result) == ROWS


def test_a_state_without_its_ports_is_mended(project: Path) -> None:
    before = bring_up(project)
    folders = Folders.of(project, "dev")
    document = json.loads(folders.file.read_text())
    del document["data"]["ports"]
    folders.file.write_text(json.dumps(document))
    again = bring_up(project)
    assert again.data.plan.passwords == before.data.plan.passwords
    assert rows(again) == ROWS
    assert None not in up.status(project, "dev").values()
