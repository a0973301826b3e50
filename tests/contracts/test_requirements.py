"""Each file of requirements brings what it says: no module of ours imports a package that its reader does not get."""

from __future__ import annotations

import ast
import importlib.metadata
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.recordings import ROOT

FILES = ("requirements.txt", "requirements-local.txt", "requirements-test.txt", "requirements-dev.txt")

# Imports the modules that are named after the packages, in an interpreter that finds no package but those.
PROGRAM = """
import importlib, importlib.metadata, sys
root, packages, modules = sys.argv[1], set(sys.argv[2].split()), sys.argv[3].split()
sys.path.insert(0, root)
found = importlib.metadata.packages_distributions()
normal = lambda name: name.lower().replace("_", "-").replace(".", "-")
class OnlyThose:
    def find_spec(self, name, path=None, target=None):
        owners = found.get(name.partition(".")[0])
        if owners and not packages & {normal(owner) for owner in owners}:
            raise ModuleNotFoundError(f"No module named {name!r}: of {', '.join(sorted(owners))}", name=name)
sys.meta_path.insert(0, OnlyThose())
def hook(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "urllib.Request"):
        raise RuntimeError(f"{event} {arguments[1:]}")
sys.addaudithook(hook)
for module in modules:
    importlib.import_module(module)
"""


def pinned(file: str) -> Iterator[Requirement]:
    """What a file names, and what the files name that it begins with."""
    for line in (ROOT / file).read_text(encoding="utf-8").splitlines():
        told = line.partition("#")[0].strip()
        if told.startswith("-r "):
            yield from pinned(told.removeprefix("-r "))
        elif told and not told.startswith("-c "):
            yield Requirement(told)


def closure(file: str) -> set[str]:
    """Names of all packages that pip installs for a file, from what is installed here."""
    waiting, seen = list(pinned(file)), set[tuple[str, frozenset[str]]]()
    while waiting:
        asked = waiting.pop()
        key = (canonicalize_name(asked.name), frozenset(asked.extras))
        if key in seen:
            continue
        seen.add(key)
        for text in importlib.metadata.requires(asked.name) or []:
            needed = Requirement(text)
            if needed.marker is None or any(needed.marker.evaluate({"extra": e}) for e in asked.extras or {""}):
                waiting.append(needed)
    return {name for name, _ in seen}


def modules(*rooms: str) -> Iterator[str]:
    """All modules of the rooms but those that run when they are imported, and what is for those who ask for asyncio."""
    for room in rooms:
        yield room
        for module in pkgutil.walk_packages([str(ROOT / room)], f"{room}."):
            if not module.name.endswith((".__main__", ".lambda_runtime", ".moto_server", ".async_database")):
                yield module.name


def imported(file: str, names: Iterable[str]) -> subprocess.CompletedProcess[str]:
    """Imports modules with what a file brings. -I: the environment and its user's packages do not help."""
    argv = [sys.executable, "-I", "-c", PROGRAM, str(ROOT), " ".join(closure(file)), " ".join(names)]
    return subprocess.run(argv, capture_output=True, text=True, check=False)


def asked_for(room: str) -> set[str]:
    """Packages that a room imports anywhere, in a function too."""
    names: set[str] = set()
    for path in (ROOT / room).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.add(node.module.partition(".")[0])
    found = importlib.metadata.packages_distributions()
    return {canonicalize_name(owner) for name in names for owner in found.get(name, ())}


PROGRAM_ROOMS = (
    "blueprint", "command_line", "components", "resource_types", "functions", "ops", "policy", "recording", "preview",
    "langpont_db",
)  # fmt: skip
ROOMS = [("requirements.txt", PROGRAM_ROOMS), ("requirements-local.txt", ("local", "documents", "benchmarks"))]


@pytest.mark.parametrize(("file", "rooms"), ROOMS)
def test_no_import_anywhere_is_of_a_package_that_its_reader_does_not_get(file: str, rooms: tuple[str, ...]) -> None:
    brought = closure(file)
    assert {room: asked_for(room) - brought for room in rooms} == {room: set() for room in rooms}


@pytest.mark.parametrize(("file", "rooms"), ROOMS)
def test_what_a_file_brings_is_enough_for_those_who_install_it(file: str, rooms: tuple[str, ...]) -> None:
    done = imported(file, modules(*rooms))
    assert (done.returncode, done.stderr) == (0, "")


def test_the_tests_bring_what_an_extra_of_the_library_brings() -> None:
    done = imported("requirements-test.txt", ["langpont_db.async_database"])
    assert (done.returncode, done.stderr) == (0, "")


def test_a_package_that_is_not_brought_is_not_found() -> None:
    done = imported("requirements.txt", ["moto"])
    assert done.stderr.splitlines()[-1] == "ModuleNotFoundError: No module named 'moto': of moto"


@pytest.mark.parametrize("file", FILES)
def test_every_requirement_is_pinned_to_what_is_tested(file: str) -> None:
    told = {each.name: str(each.specifier) for each in pinned(file) if not each.marker or each.marker.evaluate()}
    assert told == {name: f"=={importlib.metadata.version(name)}" for name in told}


def test_each_file_is_more_than_the_one_before() -> None:
    program, local, tests, checks = ({each.name for each in pinned(file)} for file in FILES)
    assert program < local < tests < checks
    assert {Path(path).name for path in ROOT.glob("requirements*.txt")} == set(FILES)
    named = re.findall(r"^venv/\.ready-(requirements[\w-]*\.txt): .*?(\S+)$", (ROOT / "Makefile").read_text(), re.M)
    assert named == [(file, file) for file in FILES]


def test_every_package_that_is_brought_is_locked_to_what_is_tested() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    locked = dict(line.split("==") for line in lines if not line.startswith("#"))
    # The environment's own, another one with each Python.
    names = closure("requirements-dev.txt") - {"setuptools"}
    brought = {name: importlib.metadata.version(name) for name in names}
    assert brought.items() <= {canonicalize_name(name): version for name, version in locked.items()}.items()
    assert [file for file in FILES if "-c constraints.txt" in (ROOT / file).read_text()] == ["requirements.txt"]
