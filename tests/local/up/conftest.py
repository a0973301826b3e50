"""A copy of the project, so that no test touches a platform that somebody has up, and its servers taken down again."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.down import down
from local.processes import Process
from local.servers import plane
from local.servers.layout import Layout, remove
from tests.programs import CACHE, FOLDER

ROOT = Path(__file__).parents[3]
STACKS = ("prod", "staging", "dev")


@pytest.fixture(scope="session")
def base() -> Iterator[Path]:
    """A folder for the servers of this run; those of runs that were killed are ended."""
    for folder in FOLDER.glob("up-*"):
        if not Process.of(int(folder.name.removeprefix("up-"))):
            for data in folder.glob("*/*/data"):
                plane.down(Layout(data))
            remove(folder)
    own = FOLDER / f"up-{os.getpid()}"
    for made in (FOLDER, CACHE, own):
        made.mkdir(exist_ok=True)
        made.chmod(0o711)  # the servers' account enters, whatever the umask
    yield own
    remove(own)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, base: Path) -> Iterator[Path]:
    """A project of its own, with nothing up before and nothing left after."""
    copy = tmp_path_factory.mktemp("project")
    for file in (*(ROOT / "tests" / "stacks").iterdir(), ROOT / "__main__.py"):
        shutil.copy(file, copy)
    for folder in ("certs", "components", "functions"):
        shutil.copytree(ROOT / folder, copy / folder)
    with pytest.MonkeyPatch.context() as patched:
        own = base / copy.name
        own.mkdir()
        own.chmod(0o711)
        (own / CACHE.name).symlink_to(CACHE)
        patched.setenv("LANGPONT_LOCAL_DIR", str(own))
        try:
            yield copy
        finally:
            for stack in STACKS:
                down(copy, stack, purge=True)
