"""What must not be lost or built is refused by the preview that `pulumi up` and `destroy` begin with."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.engine.conftest import Open
from tests.recordings import name_of, recording

PROTECTED = re.compile(r'error: Preview failed: resource "([^"]+)" cannot be deleted')
NOT_REPLACED = re.compile(r'error: unable to replace resource "([^"]+)"')


def test_a_protected_stack_is_not_destroyed_and_nothing_is_changed(deployed: Open) -> None:
    workplace = deployed("prod")
    before, state = workplace.cloud.snapshot(), workplace.state()["deployment"]["resources"]
    refused = workplace.run("destroy", "--yes", code=None)
    assert refused.code != 0
    protected = {name_of(urn) for urn in PROTECTED.findall(refused.text)}  # the preview stops at some of them
    assert protected
    assert protected <= {each.name for each in recording("prod").registrations.values() if each.protect}
    assert workplace.cloud.told() == []
    assert workplace.cloud.snapshot() == before
    assert workplace.state()["deployment"]["resources"] == state


@pytest.mark.long
@pytest.mark.parametrize(
    ("edit", "names"),
    [
        ({"database": {"name": "other"}}, {"langpont-prod-db-primary"}),
        ({"database": {"masterUsername": "langpont_root"}}, {"langpont-prod-db-primary"}),
        ({"replicas": []}, {"langpont-prod-db-replica-1", "langpont-prod-db-replica-2"}),
    ],
)
def test_nor_is_a_protected_instance_replaced_or_deleted_by_an_edit(
    deployed: Open, edit: dict[str, Any], names: set[str]
) -> None:
    workplace = deployed("prod")
    before, state = workplace.cloud.snapshot(), workplace.state()["deployment"]["resources"]
    workplace.edit(edit)
    refused = workplace.run("up", "--yes", code=None)
    assert refused.code != 0
    found = {*PROTECTED.findall(refused.text), *NOT_REPLACED.findall(refused.text)}
    assert {name_of(urn) for urn in found if "rds/instance" in urn} == names
    assert workplace.cloud.told() == []
    assert workplace.cloud.snapshot() == before
    assert workplace.state()["deployment"]["resources"] == state


def test_a_mandatory_violation_of_the_policy_stops_an_update_before_anything_is_created(empty: Open) -> None:
    workplace = empty("staging")
    workplace.edit({"database": {"multiAz": False}})
    refused = workplace.run("up", "--yes", "--policy-pack", "policy", code=None)
    assert refused.code != 0
    assert re.findall(r"\[mandatory\] +(\S+) +\((.*)\)", refused.text) == [
        ("rds-05-multi-az", "aws:rds:Instance: langpont-staging-db-primary"),
    ]
    assert workplace.cloud.all() == []
    assert workplace.state()["deployment"].get("resources", []) == []
