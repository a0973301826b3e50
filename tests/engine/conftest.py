"""Stacks on the real engine: each fixture stack is deployed once a session, and tests work on copies of it."""

from __future__ import annotations

import os
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from tests.engine import cli
from tests.engine.workplace import Workplace
from tests.recordings import REGION

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


@pytest.fixture
def state_key() -> Iterator[dict[str, str]]:
    """The environment in which the CLI finds a KMS key `alias/state`: moto's."""
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    address = "http://{}:{}".format(*server.get_host_and_port())
    urllib.request.urlopen(urllib.request.Request(f"{address}/moto-api/reset", method="POST")).close()
    credentials = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}
    kms = boto3.client(
        "kms", region_name=REGION, endpoint_url=address, aws_access_key_id="x", aws_secret_access_key="x"
    )
    kms.create_alias(AliasName="alias/state", TargetKeyId=kms.create_key()["KeyMetadata"]["KeyId"])
    yield credentials | {"AWS_ENDPOINT_URL": address, "AWS_REGION": REGION}
    server.stop()


def in_ci() -> bool:
    """As CI services and `.ci/run` say."""
    return bool(os.environ.get("CI"))
