"""Stacks on the real engine: each fixture stack is deployed once a session, and tests work on copies of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.engine import cli
from tests.engine.workplace import Workplace

MISSING = "There is no Pulumi CLI: make pulumi"
Open = Callable[[str], Workplace]


@pytest.fixture(scope="session")
def pulumi() -> cli.Cli:
    """The CLI. Without one these tests are left out, but in CI they fail."""
    found = cli.find()
    if found is None:
        pytest.fail(MISSING)
    return found


@pytest.fixture(scope="session")
def deployed_once(pulumi: cli.Cli, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Open]:
    """A fixture stack after its first `up`, to be copied and never changed."""
    made: dict[str, Workplace] = {}

    def open_(stack: str) -> Workplace:
        if stack not in made:
            made[stack] = Workplace(tmp_path_factory.mktemp(f"engine-{stack}") / "workplace", pulumi, stack)
            made[stack].first = made[stack].up("--event-log", str(made[stack].events))
        return made[stack]

    yield open_
    for workplace in made.values():
        workplace.close()


@pytest.fixture
def deployed(deployed_once: Open, tmp_path: Path) -> Iterator[Open]:
    """A deployed fixture stack of the test's own, in the state after its first `up`."""
    made: list[Workplace] = []

    def open_(stack: str) -> Workplace:
        made.append(deployed_once(stack).copy(tmp_path / f"{stack}-{len(made)}"))
        return made[-1]

    yield open_
    for workplace in made:
        workplace.close()


@pytest.fixture
def empty(pulumi: cli.Cli, tmp_path: Path) -> Iterator[Open]:
    """A fixture stack of the test's own before its first `up`."""
    made: list[Workplace] = []

    def open_(stack: str) -> Workplace:
        made.append(Workplace(tmp_path / f"{stack}-{len(made)}", pulumi, stack))
        return made[-1]

    yield open_
    for workplace in made:
        workplace.close()


def in_ci() -> bool:
    """As CI services and `.ci/run` say."""
    return bool(os.environ.get("CI"))
