"""Real servers for tests: prod's platform once for all that only look, a smaller one for those that change it."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local.servers import binaries as programs
from local.servers import plane, ports
from local.servers.account import Account, server_account
from local.servers.binaries import Binaries
from local.servers.layout import Layout, Ports
from local.servers.plan import DataPlan, data_plan
from local.servers.plane import DataPlane
from tests.local.servers.roles import make_roles
from tests.programs import CACHE
from tests.recordings import recording

Bring = Callable[[DataPlan, Layout], DataPlane]


@pytest.fixture(scope="session")
def account() -> Account:
    return server_account()


@pytest.fixture(scope="session")
def binaries(account: Account) -> Binaries:
    """The server with OpenSSL. Without npm this fails with the command that installs it."""
    return programs.find(CACHE, account, source="npm", environ={})


@pytest.fixture(scope="session")
def runtime() -> Iterator[Path]:
    """A folder that the servers' account may enter, unlike pytest's own; nothing of ours runs in it afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="lp-", dir="/var/tmp"))
    folder.chmod(0o711)
    yield folder
    for root in folder.iterdir():
        plane.purge(Layout(root))
    shutil.rmtree(folder)
    left = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert [line for line in left.splitlines() if str(folder) in line] == []


def make(plan: DataPlan, layout: Layout, binaries: Binaries, account: Account) -> DataPlane:
    """A data plane on ports that it had before, or free ones. Not brought up."""
    before = plane.running(layout)
    kept = KEPT.get(layout)
    ours = frozenset([*kept.servers.values(), kept.pooler]) if kept and before else frozenset()
    KEPT[layout] = ports.choose(plan, asked={}, kept=kept, ours=ours)
    return DataPlane(plan, binaries=binaries, account=account, layout=layout, ports=KEPT[layout], make_roles=make_roles)


KEPT: dict[Layout, Ports] = {}


@pytest.fixture(scope="session")
def prod(binaries: Binaries, account: Account, runtime: Path) -> DataPlane:
    """The whole of prod, up. Look at it, and leave it as it is."""
    platform = make(data_plan(recording("prod")), Layout(runtime / "prod"), binaries, account)
    platform.up()
    return platform


@pytest.fixture(scope="module")
def staging_layout(runtime: Path, request: pytest.FixtureRequest) -> Iterator[Layout]:
    """A folder of the module's own."""
    layout = Layout(runtime / request.module.__name__.split(".")[-1])
    yield layout
    plane.purge(layout)


@pytest.fixture
def bring(binaries: Binaries, account: Account) -> Bring:
    """Make a plan's data plane in a layout; not brought up yet."""
    return lambda plan, layout: make(plan, layout, binaries, account)
