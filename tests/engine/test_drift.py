"""What was changed outside Pulumi: what a refresh, a preview and an update say and do about it.

Pulumi.yaml asks for a refresh with each command; `--refresh=false` shows what it would be without.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.engine import passwords
from tests.engine.conftest import Open
from tests.engine.providers.cloud import Cloud
from tests.engine.providers.rds import INSTANCE
from tests.engine.workplace import Workplace, operations
from tests.workflows import execute, named

GROUP = "aws:rds/parameterGroup:ParameterGroup"
RULE = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"


def set_parameter(cloud: Cloud, stack: str, name: str, value: str) -> None:
    """Of the primary's group."""
    label = f"langpont-{stack}-db-primary"
    [group] = [each for each in cloud.all(GROUP) if each.logical_name == label]
    given = [each | ({"value": value} if each["name"] == name else {}) for each in group.properties["parameters"]]
    assert given != group.properties["parameters"]
    cloud.change(GROUP, label, parameters=given)


def delete(cloud: Cloud, type_: str, name: str) -> None:
    """As somebody does in the console."""
    with cloud.locked():
        [found] = [each for each in cloud.all(type_) if each.logical_name == name]
        cloud.drop(found)


def refreshed(workplace: Workplace) -> list[str]:
    """What a refresh would take over into the state."""
    done = workplace.run("refresh", "--preview-only", "--json")
    return operations(json.loads(done.stdout))


def drift(cloud: Cloud, stack: str) -> None:
    """A parameter, a rule, a tag; and what a refresh passes over: a newer minor version and a password."""
    set_parameter(cloud, stack, "work_mem", "65536")
    delete(cloud, RULE, f"langpont-{stack}-security-groups-database-from-functions")
    cloud.change(
        INSTANCE, f"langpont-{stack}-db-primary", tags={"Owner": "somebody"}, engineVersion="16.99", password="by hand"
    )


def test_a_refresh_shows_drift_and_so_does_a_preview(deployed: Open) -> None:
    workplace = deployed("dev")
    drift(workplace.cloud, "dev")
    rule = f"{RULE.removeprefix('aws:')} langpont-dev-security-groups-database-from-functions"
    updates = [
        "update rds/instance:Instance langpont-dev-db-primary (tags)",
        "update rds/parameterGroup:ParameterGroup langpont-dev-db-primary (parameters)",
    ]
    assert sorted(refreshed(workplace)) == [f"delete {rule}", *updates]
    # A function waits for the rules of its group, so that its own is not known before: nothing is sent to it.
    functions = [
        f"update lambda/function:Function langpont-dev-functions-{each} (vpcConfig)" for each in ("metrics", "roles")
    ]
    assert sorted(workplace.preview()) == [f"create {rule}", *functions, *updates]


@pytest.mark.long
@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_an_update_puts_drift_back_since_it_refreshes_first(deployed: Open, stack: str, tmp_path: Any) -> None:
    workplace = deployed(stack)
    before = workplace.cloud.snapshot()
    drift(workplace.cloud, stack)
    step = named("drift", "Compare the account with the state")
    told = execute(step, workplace.project, tmp_path, workplace.environment | {"STACK": stack})
    assert told.returncode != 0
    assert "error: no changes were expected for refresh but changes were proposed" in told.stderr

    # docs/ci.md, "Drift failed": "let `pulumi up` put it back". Without a refresh it would send nothing, however often.
    assert workplace.preview("--refresh=false") == []
    workplace.up("--refresh=false")
    assert workplace.cloud.told() == []

    workplace.up()
    assert sorted(workplace.cloud.told()) == [
        f"create SecurityGroupIngressRule langpont-{stack}-security-groups-database-from-functions",
        f"update Instance langpont-{stack}-db-primary (tags)",
        f"update ParameterGroup langpont-{stack}-db-primary (parameters)",
    ]
    assert workplace.preview() == []
    # The minor version is RDS's own. A password that somebody gave to the master by hand is seen by nobody here.
    assert passwords.differing(workplace.cloud) == [f"langpont-{stack}-db-primary: langpont_admin"]
    key = f"{INSTANCE} langpont-{stack}-db-primary"
    after = workplace.cloud.snapshot()
    ids = {"arn"}
    changed = {
        name: {each for each in {*before[name], *after[name]} - ids if before[name].get(each) != after[name].get(each)}
        for name in before
    }
    assert {name: keys for name, keys in changed.items() if keys} == {key: {"engineVersion", "password"}}


@pytest.mark.long
def test_a_password_changed_by_hand_is_put_back_by_a_higher_version(deployed: Open) -> None:
    workplace = deployed("dev")
    workplace.cloud.change(INSTANCE, "langpont-dev-db-primary", password="by hand")
    assert refreshed(workplace) == []
    # docs/runbook.md: "A master that cannot log in: raise its version in `credentials.passwordVersions`."
    workplace.edit({"credentials": {"passwordVersions": {"langpont_admin": 2}}})
    workplace.up()
    assert passwords.differing(workplace.cloud) == []
    assert workplace.preview() == []


@pytest.mark.long
def test_a_volume_that_rds_enlarged_is_no_drift_and_is_not_made_smaller(deployed: Open) -> None:
    workplace = deployed("prod")
    workplace.cloud.change(INSTANCE, "langpont-prod-db-primary", allocatedStorage=150)
    assert refreshed(workplace) == []
    assert workplace.preview() == []
    workplace.up()
    assert workplace.cloud.told() == []


@pytest.mark.long
def test_without_autoscaling_a_volume_that_somebody_enlarged_stops_every_update(deployed: Open) -> None:
    workplace = deployed("dev")
    workplace.cloud.change(INSTANCE, "langpont-dev-db-primary", allocatedStorage=30)
    planned = ["update rds/instance:Instance langpont-dev-db-primary (allocatedStorage)"]
    assert refreshed(workplace) == planned
    assert workplace.preview() == planned
    # docs/runbook.md, storage-low: "enlarge it now ... then write the figure into the stack file".
    failed = workplace.up(code=None)
    assert failed.code != 0
    assert "Invalid storage size for engine name postgres: 20" in failed.text
    workplace.edit({"database": {"allocatedStorageGib": 30}})
    assert workplace.preview() == [
        "update cloudwatch/metricAlarm:MetricAlarm langpont-dev-monitoring-primary-storage-low (threshold)"
    ]


@pytest.mark.long
def test_a_promoted_replica_stops_every_update(deployed: Open) -> None:
    workplace = deployed("prod")
    workplace.cloud.change(INSTANCE, "langpont-prod-db-replica-1", replicateSourceDb=None)
    assert workplace.preview("--refresh=false") == []
    planned = ["update rds/instance:Instance langpont-prod-db-replica-1 (replicateSourceDb)"]
    assert refreshed(workplace) == planned
    assert workplace.preview() == planned  # green, although RDS does not do it
    # docs/runbook.md, "Promoting a replica": "run neither `pulumi refresh` nor `pulumi up`".
    workplace.up("--refresh=false")
    assert workplace.cloud.told() == []
    for _ in range(2):
        failed = workplace.up(code=None)
        assert failed.code != 0
        assert "cannot elect new source database for replication" in failed.text
