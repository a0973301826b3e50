"""Procedures of docs/stacks.md and docs/scaling.md, carried out as they are written."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from typing import Any

import pytest
import yaml

from tests.docs import read, table
from tests.engine import passwords
from tests.engine.conftest import Open
from tests.engine.procedures import Reader, follows
from tests.engine.providers import rds
from tests.engine.providers.rds import INSTANCE
from tests.engine.rehearsal import cloud_of, differences
from tests.engine.workplace import Workplace
from tests.recordings import FIXTURES, PROJECT, REGION, ROOT

STACKS, SCALING = "docs/stacks.md", "docs/scaling.md"


def keys(workplace: Workplace) -> set[str]:
    """What the CLI has written into the stack file about secrets."""
    return set(yaml.safe_load(workplace.file.read_text(encoding="utf-8"))) - {"config"}


@pytest.mark.long
@follows(STACKS, "The key of a stack's secrets")
def test_a_state_that_went_to_a_passphrase_comes_back_to_its_key(empty: Open, state_key: dict[str, str]) -> None:
    workplace = empty("dev")
    workplace.environment = {**workplace.environment, **state_key}
    key = f"awskms://alias/state?region={REGION}"
    workplace.run("stack", "change-secrets-provider", key)
    workplace.up()
    committed = workplace.file.read_text(encoding="utf-8")
    assert keys(workplace) == {"secretsprovider", "encryptedkey"}
    provider = workplace.state()["deployment"]["secrets_providers"]["type"]
    assert provider == "cloud"

    document = yaml.safe_load(committed)
    workplace.file.write_text(yaml.safe_dump({"config": document["config"]}), encoding="utf-8")
    workplace.up()
    assert workplace.state()["deployment"]["secrets_providers"]["type"] == "passphrase"

    with Reader(workplace, STACKS, "The key of a stack's secrets") as reader:
        reader.follow("text 1", {"<key>": "state"})
    assert workplace.state()["deployment"]["secrets_providers"]["type"] == "cloud"
    assert keys(workplace) == {"secretsprovider", "encryptedkey"}
    del workplace.environment["PULUMI_CONFIG_PASSPHRASE"]
    assert workplace.preview() == []


@pytest.mark.long
@follows(STACKS, "A new stack")
def test_a_new_stack_is_made_in_the_shape_of_another(empty: Open, state_key: dict[str, str]) -> None:
    workplace = empty("staging")
    workplace.environment = {**workplace.environment, **state_key, "PULUMI_STACK": "qa"}
    (workplace.project / "policy").unlink()
    shutil.copytree(ROOT / "policy", workplace.project / "policy")
    shutil.copy(ROOT / "Makefile", workplace.project)
    with Reader(workplace, STACKS, "A new stack") as reader:
        reader.follow("1")
        workplace.file = workplace.project / "Pulumi.qa.yaml"
        workplace.edit({"network": {"vpc": {"cidr": "10.23.0.0/16"}}})
        reader.follow("2")
        reader.follow("4")
        reader.follow("5", {"<key>": "state"})
    workplace.stack = "qa"
    assert {it.properties["identifier"] for it in workplace.cloud.all(INSTANCE)} == {
        "langpont-qa-db", "langpont-qa-replica-1",
    }  # fmt: skip
    assert workplace.run("preview", "-s", "qa", "--expect-no-changes").code == 0
    assert passwords.differing(workplace.cloud) == []


@pytest.mark.long
@follows(STACKS, "Resizing")
@follows(STACKS, "Taking back an update")
def test_prod_is_resized_in_its_window_and_the_change_can_be_taken_back_until_then(deployed: Open) -> None:
    workplace = deployed("prod")
    shutil.copy(ROOT / "Makefile", workplace.project)
    git(workplace, "init", "--quiet")
    committed(workplace)
    before, primary = (
        workplace.cloud.snapshot(),
        "update rds/instance:Instance langpont-prod-db-primary (instanceClass)",
    )
    workplace.edit({"database": {"instanceClass": "db.m7g.large"}})
    commit = committed(workplace)
    with Reader(workplace, STACKS, "Resizing") as reader:
        reader.rest()
    assert workplace.preview() == [primary]
    workplace.up()
    assert workplace.preview() == [primary]

    with Reader(workplace, STACKS, "Taking back an update") as reader:
        reader.follow("2", {"<commit>": commit})
        reader.follow("3")
    assert rds.open_window(workplace.cloud) == []
    assert workplace.preview() == []
    assert workplace.cloud.snapshot() == before


@pytest.mark.long
@follows(STACKS, "Taking back an update")
def test_an_update_that_failed_half_way_is_taken_back(deployed: Open) -> None:
    workplace = deployed("prod")
    shutil.copy(ROOT / "Makefile", workplace.project)
    git(workplace, "init", "--quiet")
    committed(workplace)
    before = workplace.cloud.snapshot()
    workplace.edit({"database": {"parameters": {"work_mem": "8MB"}}, "monitoring": {"monthlyBudgetUsd": 900}})
    commit = committed(workplace)
    workplace.cloud.fail("update", "langpont-prod-db-primary", "langpont-prod-monitoring-budget")
    assert workplace.up("--continue-on-error", code=None).code != 0
    assert workplace.cloud.snapshot() != before
    with Reader(workplace, STACKS, "Taking back an update", elsewhere=["3"]) as reader:
        reader.follow("2", {"<commit>": commit})
    assert workplace.preview() == []
    assert workplace.cloud.snapshot() == before


def git(workplace: Workplace, *arguments: str) -> str:
    identity = ("-c", "user.name=test", "-c", "user.email=test@langpont.example")
    command = ["git", *identity, *arguments]
    return subprocess.run(command, cwd=workplace.project, capture_output=True, text=True, check=True).stdout.strip()


def committed(workplace: Workplace) -> str:
    """The stack file as it is, in a commit; its name."""
    git(workplace, "add", workplace.file.name)
    git(workplace, "commit", "--quiet", "--message=a change")
    return git(workplace, "rev-parse", "HEAD")


# The steps of scaling

Row = tuple[Mapping[str, Any], Mapping[str, Any] | None]
PARAMETERS = {"max_connections": 300, "work_mem": "16MB"}


def parameter(name: str, value: Any) -> Row:
    return {"database": {"parameters": {name: value}}}, {"database": {"parameters": {name: PARAMETERS[name]}}}


def setting(section: str, name: str, value: Any, back: Any) -> Row:
    return {section: {name: value}}, {section: {name: back}}


REPLICAS = yaml.safe_load((FIXTURES / "Pulumi.prod.yaml").read_text(encoding="utf-8"))["config"][f"{PROJECT}:replicas"]
# What each row of the table stands for, and its way back; None where the table says that there is none.
EDITS: Mapping[str, Row] = {
    "a parameter that is dynamic": parameter("work_mem", "8MB"),
    "a parameter that is static": parameter("max_connections", 400),
    "more pool for each host": setting("pooler", "defaultPoolSize", 30, None),
    "another application host": setting("application", "hosts", 3, None),
    "another replica": ({"replicas": [*REPLICAS, {**REPLICAS[0], "number": 3}]}, None),
    "a larger replica": (
        {"replicas": [{**REPLICAS[0], "instanceClass": "db.t3.large"}, REPLICAS[1]]},
        {"replicas": REPLICAS},
    ),
    "a larger primary": setting("database", "instanceClass", "db.m7g.large", "db.t3.medium"),
    "a higher ceiling of storage": setting("database", "maxAllocatedStorageGib", 1500, 1000),
    "more storage": ({"database": {"allocatedStorageGib": 120}}, None),
    "400 GiB and more": ({"database": {"allocatedStorageGib": 400}}, None),
    "IOPS beyond the baseline": ({"database": {"allocatedStorageGib": 400, "iops": 14000}}, None),
}
# In prod; a replica grows after its primary.
WINDOWS = {
    "a larger replica": 1,
    "a larger primary": 1,
    "more storage": 2,
    "400 GiB and more": 2,
    "IOPS beyond the baseline": 2,
}


def rows() -> list[str]:
    return [row[0] for row in table(read(SCALING), "step", "setting", "downtime", "way back")]


def test_every_step_of_scaling_has_an_edit() -> None:
    assert list(EDITS) == rows()


@pytest.mark.long
@pytest.mark.parametrize("step", EDITS)
def test_a_step_of_scaling_goes_through_and_back(deployed: Open, step: str) -> None:
    workplace = deployed("prod")
    before, (edit, back) = cloud_of(workplace.cloud), EDITS[step]
    for changes in (edit, back) if back else (edit,):
        workplace.edit(changes)
        workplace.up()
        windows = 0
        while rds.open_window(workplace.cloud):
            workplace.up()
            windows += 1
        assert windows == WINDOWS.get(step, 0)
        assert workplace.preview() == []
    if back:
        assert differences(cloud_of(workplace.cloud), before, "before") == []


@pytest.mark.long
@pytest.mark.parametrize("heading", ["Up: the primary", "Out: replicas", "Wider: hosts and pools"])
@follows(SCALING, "Up: the primary")
@follows(SCALING, "Out: replicas")
@follows(SCALING, "Wider: hosts and pools")
def test_the_examples_of_scaling_go_through(deployed: Open, heading: str) -> None:
    workplace = deployed("prod")
    with Reader(workplace, SCALING, heading) as reader:
        reader.rest()
    assert workplace.preview() != []
    workplace.up()
    if rds.open_window(workplace.cloud):
        workplace.up()
    assert workplace.preview() == []
