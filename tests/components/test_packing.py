"""Lambda deployment packages: which files, from where, and a digest of every byte of them."""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pulumi
import pytest

from blueprint.monitoring import metrics
from blueprint.postgres import roles
from components import packing
from recording import archives, engine
from recording.answers import Answers
from recording.archives import Archive
from tests.recordings import REGION, ROOT, STACKS, frozen, recording, strings

FUNCTION = "aws:lambda/function:Function"
DEFINITIONS: Mapping[str, Mapping[str, Any]] = {
    "roles": roles.definition(database="langpont", master="langpont_admin"),
    "metrics": metrics.definition(stack="prod", database="langpont"),
}
PACKAGES = ("asn1crypto", "pg8000", "dateutil", "scramp", "six")


def deployed(stack: str, function: str) -> Archive:
    archive: Archive = recording(stack).one(FUNCTION, f"langpont-{stack}-functions-{function}").inputs["code"]
    return archive


def own(function: str) -> set[str]:
    """Files of the repository that a function consists of, as they stand there."""
    folder = ROOT / "functions"
    sources = {*folder.glob("*.py"), *(folder / function).rglob("*.py")}
    return {path.relative_to(ROOT).as_posix() for path in sources} | {"certs/ap-northeast-1-bundle.pem"}


def site(name: str) -> Path:
    """The folder that an installed package's files are relative to."""
    return Path(str(importlib.metadata.distribution(name).locate_file("")))


def installed() -> dict[str, Path]:
    """Sources and METADATA of the packages, found by looking into the folder where pip put them."""
    folder = site("pg8000")
    found = [folder / "six.py", *(path for name in PACKAGES for path in (folder / name).rglob("*.py"))]
    names = ("asn1crypto-1.5.1", "pg8000-1.31.6", "python_dateutil-2.9.0.post0", "scramp-1.5.0", "six-1.17.0")
    found += [folder / f"{name}.dist-info" / "METADATA" for name in names]
    return {path.relative_to(folder).as_posix(): path for path in found}


@pytest.mark.parametrize("function", DEFINITIONS)
def test_an_archive_holds_exactly_its_function_and_what_that_imports(function: str) -> None:
    """No byte code, no RECORD, no tests, and nothing of the other function."""
    files = deployed("prod", function).files
    assert set(files) == own(function) | set(installed()) | {"definition.json"}
    assert {Path(name).suffix or Path(name).name for name in files} == {".py", ".pem", ".json", "METADATA"}
    assert {name.split("/")[1] for name in files if name.startswith("functions/") and name.count("/") > 1} == {function}
    assert {name for name in own(function) if (ROOT / name).read_bytes() != files[name]} == set()
    assert {name for name, path in installed().items() if path.read_bytes() != files[name]} == set()


@pytest.mark.parametrize("stack", STACKS)
@pytest.mark.parametrize("function", DEFINITIONS)
def test_the_definition_is_what_the_blueprint_says(function: str, stack: str) -> None:
    expected = {
        "roles": roles.definition(database="langpont", master="langpont_admin"),
        "metrics": metrics.definition(stack=stack, database="langpont"),
    }[function]
    assert json.loads(deployed(stack, function).files["definition.json"]) == json.loads(json.dumps(expected))


def test_no_path_of_this_machine_is_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be in the state, and another machine's `pulumi preview` would show a change."""
    registered: list[str] = []

    def spy(value: Any, root: Path) -> Any:
        registered.extend(text for _, text in strings(value, keys=True))
        return archives.loaded(value, root)

    monkeypatch.setattr(engine, "loaded", spy)
    engine.record(frozen("prod"), Answers(REGION), preview=True)
    sources = [text for text in registered if text.endswith("functions/roles/__init__.py")]
    assert sources == ["functions/roles/__init__.py"] * 2  # its name in the archive, and where it is
    machine = (str(ROOT), sys.prefix, str(site("pg8000")), str(Path.home()) + "/")
    assert [text for text in registered if text.startswith(machine)] == []


def test_the_same_files_make_the_same_package() -> None:
    for function, definition in DEFINITIONS.items():
        first, second = (packing.pack(function, definition, REGION) for _ in range(2))
        assert first.digest == second.digest
        assert [*first.archive.assets] == [*second.archive.assets]
    metrics, roles = (packing.pack(name, DEFINITIONS["roles"], REGION).digest for name in ("metrics", "roles"))
    assert metrics != roles


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a function of three files, and one installed package, to be changed."""
    files = {
        "functions/__init__.py": "# shared\n",
        "functions/roles/__init__.py": "# its own\n",
        "functions/roles/handler.py": "handler = print\n",
        "functions/metrics/__init__.py": "# another's\n",
        "functions/roles/__pycache__/handler.cpython-313.pyc": "byte code",
        packing.certificates(REGION): "certificates\n",
        "site/pure/__init__.py": "# a package\n",
        "site/pure/__pycache__/__init__.cpython-313.pyc": "byte code",
        "site/pure-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: pure\nVersion: 1.0\n",
        "site/pure-1.0.dist-info/RECORD": "pure/__init__.py,,\npure/__pycache__/__init__.cpython-313.pyc,,\n"
        "pure-1.0.dist-info/METADATA,,\npure-1.0.dist-info/RECORD,,\n../bin/pure,,\n",
        "bin/pure": "#!/usr/bin/env python\n",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.setattr(packing, "ROOT", tmp_path)
    monkeypatch.setattr(packing, "PACKAGES", ("pure",))
    at = tmp_path / "site" / "pure-1.0.dist-info"
    monkeypatch.setattr(importlib.metadata, "distribution", lambda _: importlib.metadata.Distribution.at(at))
    return tmp_path


PACKED = {
    "functions/__init__.py": "functions/__init__.py",
    "functions/roles/__init__.py": "functions/roles/__init__.py",
    "functions/roles/handler.py": "functions/roles/handler.py",
    "certs/ap-northeast-1-bundle.pem": "certs/ap-northeast-1-bundle.pem",
    "pure/__init__.py": "site/pure/__init__.py",
    "pure-1.0.dist-info/METADATA": "site/pure-1.0.dist-info/METADATA",
}


def test_what_pip_records_beside_sources_stays_here(small: Path) -> None:
    """Byte code differs by interpreter, RECORD by installation."""
    assets = dict(packing.pack("roles", {"a": 1}, REGION).archive.assets)
    definition = assets.pop("definition.json")
    assert isinstance(definition, pulumi.StringAsset)
    assert json.loads(definition.text) == {"a": 1}
    files = {name: asset.path for name, asset in assets.items() if isinstance(asset, pulumi.FileAsset)}
    assert files == PACKED


@pytest.mark.parametrize("name", PACKED.values())
def test_any_byte_of_any_file_makes_another_digest(name: str, small: Path) -> None:
    before = packing.pack("roles", {"a": 1}, REGION).digest
    content = (small / name).read_bytes()
    (small / name).write_bytes(content[:-1] + b"\t")
    assert packing.pack("roles", {"a": 1}, REGION).digest != before
    (small / name).write_bytes(content)
    assert packing.pack("roles", {"a": 1}, REGION).digest == before


def test_a_file_more_or_renamed_and_another_definition_make_another_digest(small: Path) -> None:
    digests = [packing.pack("roles", {"a": 1}, REGION).digest, packing.pack("roles", {"a": 2}, REGION).digest]
    (small / "functions/roles/more.py").write_text("")
    digests.append(packing.pack("roles", {"a": 1}, REGION).digest)
    os.rename(small / "functions/roles/more.py", small / "functions/roles/other.py")
    digests.append(packing.pack("roles", {"a": 1}, REGION).digest)
    assert len(set(digests)) == 4


def test_what_is_not_packed_changes_nothing(small: Path) -> None:
    before = packing.pack("roles", {"a": 1}, REGION).digest
    (small / "functions/metrics/__init__.py").write_text("# changed\n")
    (small / "bin/pure").write_text("changed")
    shutil.rmtree(small / "functions/roles/__pycache__")
    assert packing.pack("roles", {"a": 1}, REGION).digest == before


def test_a_package_that_is_not_installed_is_refused_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(packing, "PACKAGES", ("pg8000", "langpont-nowhere"))
    with pytest.raises(pulumi.RunError) as refused:
        packing.pack("roles", {}, REGION)
    assert str(refused.value) == (
        "langpont-nowhere is not installed, and the functions are packed with it: pip install -r requirements.txt"
    )


def test_what_is_packed_is_pinned() -> None:
    """Another version would be another archive on another machine."""
    pinned = dict(line.split("==") for line in (ROOT / "requirements.txt").read_text().splitlines() if "==" in line)
    versions = {name: importlib.metadata.version(name) for name in packing.PACKAGES}
    assert {name: pinned.get(name) for name in packing.PACKAGES} == versions


def test_everything_that_the_driver_asks_for_is_packed() -> None:
    """Requirements of requirements, except those for other interpreters than Lambda's."""
    waiting, seen = ["pg8000"], set()
    while waiting:
        name = waiting.pop()
        seen.add(name)
        for needed in importlib.metadata.requires(name) or []:
            assert ";" not in needed or "extra" in needed, f"{name} needs {needed}: decide about it"
            if ";" not in needed:
                waiting.append(needed.split(">")[0].split("=")[0].split("<")[0].split(" ")[0])
    assert seen == set(packing.PACKAGES)
