"""A copy of the project, so that no test touches a platform that somebody has up, and its servers taken down again."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from local import up
from local.servers import plane
from local.servers.layout import Layout
from local.state import Folders

ROOT = Path(__file__).parents[3]
# One folder for all runs: it keeps PostgreSQL's programs, which take longer to install than everything else here.
BASE = Path(f"/var/tmp/langpont-tests-{os.getuid()}/up")
STACKS = ("prod", "dev")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project of its own, with nothing up before and nothing left after."""
    copy = tmp_path_factory.mktemp("project")
    for file in (*(ROOT / "tests" / "stacks").iterdir(), ROOT / "__main__.py"):
        shutil.copy(file, copy)
    for folder in ("certs", "components", "functions"):
        shutil.copytree(ROOT / folder, copy / folder)
    before = os.environ.get("LANGPONT_LOCAL_DIR")
    os.environ["LANGPONT_LOCAL_DIR"] = str(BASE)
    for stack in STACKS:  # what a run that was killed has left
        plane.purge(Layout(Folders.of(copy, stack).run / "data"))
    try:
        yield copy
    finally:
        for stack in STACKS:
            up.down(copy, stack, purge=True)
        os.environ.pop("LANGPONT_LOCAL_DIR")
        if before is not None:
            os.environ["LANGPONT_LOCAL_DIR"] = before
