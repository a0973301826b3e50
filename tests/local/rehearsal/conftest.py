"""A project of its own with the frozen stack files, the code of all rooms, and nothing up before or after."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from local import commands
from local.down import down
from tests.local.up.conftest import base as base
from tests.programs import CACHE
from tests.recordings import FIXTURES, ROOT


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, base: Path) -> Iterator[Path]:
    """What is rehearsed; its stacks are taken down at the end."""
    copy = tmp_path_factory.mktemp("project") / "rooms"
    left_out = shutil.ignore_patterns(".*", "venv", "node_modules", "docs", "tests")
    shutil.copytree(ROOT, copy, ignore=left_out)
    shutil.copytree(FIXTURES, copy, dirs_exist_ok=True)
    own = base / f"of-{copy.parent.name}"
    own.mkdir()
    own.chmod(0o711)
    (own / CACHE.name).symlink_to(CACHE)
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("LANGPONT_LOCAL_DIR", str(own))
        patched.setattr(commands, "PROJECT", copy)
        yield copy
        down(copy, "dev", purge=True)


@pytest.fixture
def servers(project: Path, base: Path) -> Path:
    """The folder beside which rehearsals have their own."""
    return base / f"of-{project.parent.name}"


@pytest.fixture
def other(project: Path, tmp_path: Path) -> Path:
    """A stack file to begin with: dev's, to be edited."""
    return Path(shutil.copy(project / "Pulumi.dev.yaml", tmp_path / "before.yaml"))
