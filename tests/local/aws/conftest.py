"""One moto server for all of these tests, and each stack applied to it once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.aws.server import MotoServer, start_server
from tests.local.aws import Applied, apply
from tests.recordings import STACKS


@pytest.fixture(scope="session")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the server writes."""
    return tmp_path_factory.mktemp("control") / "moto.log"


@pytest.fixture(scope="session")
def server(log: Path) -> Iterator[MotoServer]:
    """A server that ends with the tests. It holds one stack after the other: only read it."""
    yield from _server(log)


@pytest.fixture(scope="session")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MotoServer]:
    """Another one, to be changed at will."""
    yield from _server(tmp_path_factory.mktemp("scratch") / "moto.log")


@pytest.fixture(scope="session", params=STACKS)
def applied(server: MotoServer, request: pytest.FixtureRequest) -> Applied:
    """Each of the three stacks in turn; pytest runs all tests of one before it makes the next."""
    return apply(server, request.param)


def _server(log: Path) -> Iterator[MotoServer]:
    started = start_server(log)
    yield started
    started.stop()
