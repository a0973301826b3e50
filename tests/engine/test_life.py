"""The life of each stack: preview, up, again, refresh, destroy, up again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.cli import Cli
from tests.engine.conftest import Open
from tests.engine.providers.rds import INSTANCE
from tests.engine.providers.secrets import SECRET, VERSION
from tests.engine.workplace import Workplace
from tests.recordings import DEPLOYABLE, ROOT, deployable, recording


def changes(workplace: Workplace, *arguments: str) -> dict[str, int]:
    """`changeSummary` of a preview, without what stays."""
    found = json.loads(workplace.run("preview", "--json", *arguments).stdout)
    return {op: number for op, number in found["changeSummary"].items() if op != "same"}


def test_a_first_preview_makes_all_of_it(empty: Open) -> None:
    workplace = empty("dev")
    everything = len(recording("dev").registrations) + 1  # the CLI counts components, and the stack itself
    assert changes(workplace) == {"create": everything}
    assert workplace.cloud.all() == []


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_an_update_leaves_nothing_to_do_and_nothing_to_refresh(deployed: Open, stack: str) -> None:
    workplace = deployed(stack)
    before = workplace.cloud.snapshot()
    assert len(before) == len([each for each in recording(stack).registrations.values() if each.type[:4] == "aws:"])
    workplace.run("preview", "--expect-no-changes")
    assert workplace.cloud.snapshot() == before


def test_dev_leaves_nothing_behind(deployed: Open) -> None:
    workplace = deployed("dev")
    workplace.run("destroy", "--yes", "--skip-preview")
    assert workplace.cloud.all() == []
    assert workplace.cloud.waiting(SECRET) == []


# The stack files that are deployed


@pytest.fixture(params=DEPLOYABLE)
def on_disk(request: pytest.FixtureRequest, pulumi: Cli, tmp_path: Path) -> Iterator[Workplace]:
    """Each stack file of the repository, before its first `up`."""
    workplace = Workplace(tmp_path / "workplace", pulumi, request.param, files=ROOT)
    yield workplace
    workplace.close()


@pytest.mark.long
def test_a_stack_is_made_stays_as_it_is_and_leaves_behind_what_its_deletion_policy_says(on_disk: Workplace) -> None:
    stack, cloud = on_disk.stack, on_disk.cloud
    registered = deployable(stack).registrations
    protected = any(each.protect for each in registered.values())
    assert changes(on_disk) == {"create": len(registered) + 1}
    on_disk.up()
    assert on_disk.preview() == []
    before = cloud.snapshot()
    on_disk.run("refresh", "--yes", "--skip-preview", "--expect-no-changes")
    assert cloud.snapshot() == before

    if protected:
        assert on_disk.run("destroy", "--yes", code=None).code != 0
        assert cloud.snapshot() == before
        for each in cloud.all(INSTANCE):
            cloud.change(INSTANCE, each.logical_name, deletionProtection=False)
        on_disk.run("state", "unprotect", "--all", "--yes")
    on_disk.run("destroy", "--yes", "--skip-preview")
    # What secrets hold waits with them.
    retained = {each.name for each in registered.values() if each.retain_on_delete and each.type != VERSION}
    assert {each.logical_name for each in cloud.all()} == retained
    secrets = {each.name for each in registered.values() if each.type == SECRET}
    assert {each.logical_name for each in cloud.waiting(SECRET)} == (secrets if protected else set())

    again = on_disk.up("--continue-on-error", code=None)
    if not protected:
        assert again.code == 0
        assert on_disk.preview() == []
        return
    assert again.code != 0
    refused = {each.name for each in cloud.journal if "already scheduled for deletion" in each.refused}
    assert {each.name for each in cloud.journal if each.refused} == refused == secrets
