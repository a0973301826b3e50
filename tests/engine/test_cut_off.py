"""A destroy of a protected stack that no preview stops: applications go on, and `up` brings back what is gone."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

import pytest

from tests.engine.conftest import Open
from tests.engine.providers.rds import INSTANCE, PARAMETER_GROUP
from tests.engine.providers.rules import KEY
from tests.engine.providers.secrets import SECRET
from tests.engine.workplace import Done, Workplace

# What applications reach the database by, and nobody could give them in a minute.
LIVE = {
    "aws:ec2/eip:Eip", "aws:ec2/internetGateway:InternetGateway", "aws:ec2/natGateway:NatGateway",
    "aws:ec2/route:Route", "aws:ec2/securityGroup:SecurityGroup", "aws:ec2/subnet:Subnet",
    "aws:ec2/vpc:Vpc", "aws:kms/key:Key", "aws:rds/instance:Instance", "aws:rds/parameterGroup:ParameterGroup",
    "aws:rds/subnetGroup:SubnetGroup", "aws:secretsmanager/secret:Secret",
    "aws:secretsmanager/secretVersion:SecretVersion", "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule",
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
}  # fmt: skip
MADE_BY_CHANCE = ("random:index/randomPassword:RandomPassword", "random:index/randomBytes:RandomBytes")


def without_a_preview(workplace: Workplace) -> Done:
    return workplace.run("destroy", "--yes", "--skip-preview", code=None)


def what_is_not_protected(workplace: Workplace) -> Done:
    return workplace.run("destroy", "--yes", "--skip-preview", "--exclude-protected", code=None)


def before_deletion_protection_is_off(workplace: Workplace) -> Done:
    """Destroying as the runbook has it, without its first step."""
    workplace.run("state", "unprotect", "--all", "--yes")
    return workplace.run("destroy", "--yes", code=None)


Way = Callable[[Workplace], Done]
WAYS: Mapping[Way, str] = {
    without_a_preview: "cannot be deleted",
    what_is_not_protected: "",
    before_deletion_protection_is_off: "Cannot delete protected DB Instance",
}


def live(workplace: Workplace) -> set[str]:
    with workplace.cloud.locked():
        return {
            f"{it.type} {it.logical_name}"
            for it in workplace.cloud.all()
            if it.type in LIVE or it.logical_name.endswith(("-application-policy", "-migration-policy", "s3-endpoint"))
        }


def chance(workplace: Workplace) -> dict[str, object]:
    """Passwords and salts of the state."""
    state = json.loads(workplace.run("stack", "export", "--show-secrets").stdout)["deployment"]["resources"]
    return {it["urn"]: it["outputs"] for it in state if it["type"] in MADE_BY_CHANCE}


@pytest.mark.long
@pytest.mark.parametrize("stack", ["staging", "prod"])
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_a_destroy_that_is_cut_off_takes_nothing_that_applications_live_on(
    deployed: Open, stack: str, way: Way
) -> None:
    workplace = deployed(stack)
    before, passwords, reached = workplace.cloud.snapshot(), chance(workplace), live(workplace)
    done = way(workplace)
    assert (done.code != 0) == bool(WAYS[way])
    assert WAYS[way] in done.text
    assert live(workplace) == reached
    assert chance(workplace) == passwords
    assert workplace.cloud.waiting(SECRET) == workplace.cloud.waiting(KEY) == []
    assert {it.properties["deletionProtection"] for it in workplace.cloud.all(INSTANCE)} == {True}

    workplace.up()
    assert workplace.preview() == []
    assert workplace.cloud.snapshot().keys() == before.keys()


@pytest.mark.long
def test_a_protected_stack_gets_another_password_port_and_parameter_group_without_unprotect(deployed: Open) -> None:
    """As another family does, `--replace` makes another group beside the one in use."""
    workplace = deployed("staging")
    workplace.edit({"credentials": {"passwordVersions": {"langpont_app": 2, "langpont_admin": 2}}})
    workplace.up()
    workplace.edit({"database": {"port": 6000}})
    workplace.up()
    assert {it.properties["port"] for it in workplace.cloud.all(INSTANCE)} == {6000}
    before = {it.id for it in workplace.cloud.all(PARAMETER_GROUP)}
    groups = [it["urn"] for it in workplace.state()["deployment"]["resources"] if it["type"] == PARAMETER_GROUP]
    workplace.up(*(word for urn in groups for word in ("--replace", urn)))
    after = {it.properties["name"]: it.id for it in workplace.cloud.all(PARAMETER_GROUP)}
    assert len(after) == len(before)
    assert before.isdisjoint(after.values())
    assert {it.properties["parameterGroupName"] for it in workplace.cloud.all(INSTANCE)} == after.keys()
    assert workplace.preview() == []


@pytest.mark.long
def test_the_rules_of_the_old_port_stay_when_the_port_does_not_change(deployed: Open) -> None:
    workplace = deployed("staging")
    workplace.edit({"database": {"port": 6000}})
    workplace.cloud.fail("update", "langpont-staging-db-primary")
    assert workplace.up(code=None).code != 0
    assert ports(workplace) == {5432, 6000}
    assert {it.properties["port"] for it in workplace.cloud.all(INSTANCE)} == {5432}
    workplace.up()
    assert {it.properties["port"] for it in workplace.cloud.all(INSTANCE)} == {6000}
    assert ports(workplace) == {6000}
    assert workplace.preview() == []


def ports(workplace: Workplace) -> set[int]:
    """Of the rules to the database."""
    found = workplace.cloud.all("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule")
    return {it.properties["fromPort"] for it in found if "database-from" in it.logical_name}


@pytest.mark.long
def test_a_replica_goes_before_the_primary_that_is_replaced_and_comes_after_it(deployed: Open) -> None:
    workplace = deployed("staging")
    workplace.edit({"database": {"deletionPolicy": "disposable"}})
    workplace.up()
    since = len(workplace.cloud.journal)
    workplace.edit({"database": {"name": "translations"}})
    workplace.up()
    instances = [f"{it.call} {it.name}" for it in workplace.cloud.journal[since:] if it.type == INSTANCE]
    assert instances == [
        "delete langpont-staging-db-replica-1",
        "delete langpont-staging-db-primary",
        "create langpont-staging-db-primary",
        "create langpont-staging-db-replica-1",
    ]


@pytest.mark.long
def test_keys_in_use_are_kept_where_data_is_even_if_their_protection_is_taken_off(deployed: Open) -> None:
    workplace = deployed("staging")
    workplace.edit({"encryption": {"keys": "awsManaged"}})
    assert workplace.run("up", "--yes", code=None).code != 0
    assert workplace.cloud.told() == []
    for purpose in ("alerts", "backup", "insights", "logs", "secrets", "storage"):
        workplace.run("state", "unprotect", workplace.urn(f"langpont-staging-keys-{purpose}"), "--yes")
    workplace.up()
    assert sorted(it.logical_name for it in workplace.cloud.waiting(KEY)) == [
        "langpont-staging-keys-alerts",
        "langpont-staging-keys-secrets",
    ]
    in_use = {it.properties["kmsKeyId"] for it in workplace.cloud.all(INSTANCE) if "kmsKeyId" in it.properties}
    in_use |= {it.properties["performanceInsightsKmsKeyId"] for it in workplace.cloud.all(INSTANCE)}
    assert in_use <= {it.properties["arn"] for it in workplace.cloud.all(KEY)}
    assert workplace.preview() == []
