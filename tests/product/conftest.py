"""A copy of the project that is the shop's, made by the steps of docs/product.md."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.blueprint.product import SHOP
from tests.changes import Copy
from tests.docs import blocks, read
from tests.local.up.conftest import base as base
from tests.programs import CACHE

# What the document's make does, without an environment of the copy's own.
MAKE = {
    "schema": "blueprint.product.schema",
    "preview": "preview dev",
    "up": "local.commands up dev",
    "verify": "local.commands verify dev",
}


class Shop(Copy):
    """The copy, and where its servers are."""

    environment: dict[str, str]

    def module(self, command: str) -> subprocess.CompletedProcess[str]:
        """`python -m ...` in the copy."""
        return subprocess.run(
            [sys.executable, "-m", *command.split()],
            cwd=self.root, env=self.environment, capture_output=True, text=True, check=False, timeout=600,
        )  # fmt: skip

    def told(self, number: int) -> Iterator[tuple[str, subprocess.CompletedProcess[str]]]:
        """Run the lines of one of the document's shell blocks."""
        for line in blocks(read("docs/product.md"), "bash")[number].splitlines():
            if line.startswith("make "):
                yield line, self.module(MAKE[line.split()[1]])
            else:
                yield (
                    line,
                    subprocess.run(["bash", "-c", line], cwd=self.root, capture_output=True, text=True, check=False),
                )


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, base: Path) -> Iterator[Shop]:
    """The shop's project, with nothing up before and nothing left after."""
    copy = Shop(tmp_path_factory.mktemp("shop") / "project")
    copy.root.mkdir(exist_ok=True)
    servers = base / f"of-{copy.root.parent.name}"
    servers.mkdir()
    servers.chmod(0o711)
    (servers / CACHE.name).symlink_to(CACHE)
    copy.environment = os.environ | {"LANGPONT_LOCAL_DIR": str(servers)}
    copy.write("product.yaml", SHOP)
    for file in copy.root.glob("Pulumi.*.yaml"):  # they may name roles of LangPont's in this section alone
        section = r"^  langpont-database:credentials:\n(?:    .*\n)+"
        copy.write(file.name, re.sub(section, "", file.read_text(), flags=re.MULTILINE))
    assert [done.returncode for _, done in copy.told(0)] == [0, 0, 0]
    yield copy
    copy.module("local.commands down dev --purge")
