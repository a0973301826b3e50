"""Steps of files that an interruption falls into: what was there is there whole, or not at all."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from local.servers import backups
from local.servers.account import Account
from local.servers.binaries import Binaries
from local.servers.layout import Layout, discard, private_folder
from local.servers.plan import Origin
from local.servers.server import Server

ORIGIN = Origin("time", "2026-11-01T03:00:00Z")


@pytest.fixture
def layout(runtime: Path, account: Account) -> Layout:
    layout = Layout(runtime / "files")
    layout.make(account)
    private_folder(layout.snapshots, account)
    return layout


@pytest.fixture
def server(layout: Layout, binaries: Binaries, account: Account) -> Server:
    """A primary's folder, as far as these steps look at it."""
    server = Server(
        role="primary", folder=layout.server("primary"), sockets=layout.sockets, port=1, binaries=binaries,
        account=account,
    )  # fmt: skip
    server.make_folder()
    shutil.rmtree(server.data, ignore_errors=True)
    server.data.mkdir()
    (server.data / "PG_VERSION").write_text("16\n")
    return server


def interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def test_half_of_a_server_is_never_taken_for_one(
    server: Server, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "rmtree", interrupt)
    with pytest.raises(KeyboardInterrupt):
        discard(server.folder, layout)
    monkeypatch.undo()
    assert (server.folder.exists(), layout.discarded.exists()) == (False, True)
    discard(server.folder, layout)
    assert not layout.discarded.exists()


def test_a_final_snapshot_takes_the_data_at_once(
    server: Server, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "rename", interrupt)
    with pytest.raises(KeyboardInterrupt):
        backups.keep_as_final_snapshot(server, "langpont-dev-db", layout)
    monkeypatch.undo()
    assert (server.major, backups.snapshots(layout)) == (16, [])
    name = backups.keep_as_final_snapshot(server, "langpont-dev-db", layout)
    assert (server.folder.exists(), backups.snapshots(layout)) == (False, [name])
    assert sorted(path.name for path in (layout.snapshots / name).iterdir()) == ["data", "snapshot.json"]
    shutil.rmtree(layout.snapshots / name)


def test_what_a_primary_was_to_be_made_from_says_nothing_before_it_is_made(server: Server, layout: Layout) -> None:
    backups.mark(server, ORIGIN, empty=True)
    assert (backups.origin(server.folder), backups.is_new_machine(layout)) == (ORIGIN, False)
    shutil.rmtree(server.data)
    assert (backups.origin(server.folder), backups.is_new_machine(layout)) == (None, True)
    shutil.rmtree(server.folder)
