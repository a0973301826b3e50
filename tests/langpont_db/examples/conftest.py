"""Runs the examples as they stand, on the real servers."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import text

from langpont_db import Database, migration_engine
from tests.langpont_db.conftest import Platform, caught_up
from tests.recordings import ROOT

Run = Callable[[str], dict[str, Any]]


@pytest.fixture(scope="session")
def notes(platform: Platform) -> Iterator[None]:
    """The examples' table, made by the command that its file names."""
    subprocess.run(
        [sys.executable, "-m", "examples.notes"], cwd=ROOT, env={**os.environ, **platform.migration}, check=True
    )
    caught_up(platform)
    yield
    with migration_engine(platform.migration).begin() as connection:
        connection.execute(text("DROP TABLE translations.notes"))


@pytest.fixture
def run(platform: Platform, notes: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Runs an example's file, each time as another process would, and gives what it defines; closes its database."""
    for name, value in {**platform.environment, **platform.migration}.items():
        monkeypatch.setenv(name, value)
    ran: list[dict[str, Any]] = []

    def run_file(name: str) -> dict[str, Any]:
        ran.append(runpy.run_path(str(ROOT / "examples" / f"{name}.py")))
        return ran[-1]

    yield run_file
    for names in ran:
        if isinstance(names["database"], Database):  # an AsyncDatabase is closed in its loop
            names["database"].dispose()
