"""CONTRIBUTING.md: the files of each kind of change are there, and the rooms are those of the import contracts."""

from __future__ import annotations

import re
import tomllib

import pytest

from tests.docs import read, table
from tests.recordings import ROOT

TEXT = read("CONTRIBUTING.md")
CHANGES = table(TEXT, "change", "by hand", "rendered by")
ROOMS = {
    room.split("/")[0]: {name.split("/")[0] for name in re.findall(r"[\w/]+", imports)}
    for room, _, imports in table(TEXT.replace("`", ""), "room", "what is in it", "may import of ours")
}
LINTER = tomllib.loads(read("pyproject.toml"))["tool"]["importlinter"]
OURS = set(LINTER["root_packages"])


@pytest.mark.parametrize(("change", "by_hand", "_"), CHANGES, ids=[row[0] for row in CHANGES])
def test_every_file_of_a_change_exists(change: str, by_hand: str, _: str) -> None:
    files = re.findall(r"[\w./<>-]+\.(?:py|md|yml|yaml|json|toml)", by_hand)
    assert files
    for path in files:
        assert list(ROOT.glob(re.sub(r"<\w+>", "*", path))), path


def test_every_room_has_a_row() -> None:
    assert set(ROOMS) == OURS | {"tests"}


@pytest.mark.parametrize("room", sorted(OURS))
def test_a_room_may_import_what_its_contract_does_not_forbid(room: str) -> None:
    contracts = [set(each["forbidden_modules"]) for each in LINTER["contracts"]
                 if each["type"] == "forbidden" and each["source_modules"] == [room]]  # fmt: skip
    forbidden = max(contracts, key=lambda modules: len(modules & OURS))  # others are about single modules
    assert ROOMS[room] & OURS - {room} == OURS - forbidden - {room}
