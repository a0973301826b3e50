"""The components in another Pulumi project: its own names, its own tags, and nothing of LangPont's."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

import components
from recording import engine, stack_files
from recording.answers import Answers
from recording.recording import Recording, reveal
from tests.contracts.test_contracts import provider_inputs
from tests.contracts.test_legal import NAMED, refused_names
from tests.docs import blocks, read, table
from tests.recordings import name_of, recording, strings

SHOP = Path(__file__).parent
INSTANCE = "aws:rds/instance:Instance"
ALARMS = {"aws:cloudwatch/metricAlarm:MetricAlarm", "aws:cloudwatch/compositeAlarm:CompositeAlarm"}


@cache
def shop(stack: str = "orders", *, preview: bool = False) -> Recording:
    """The shop's project in one of its stacks, which differ in their names alone."""
    return run(replace(stack_files.load(SHOP, "orders"), stack=stack), preview=preview)


def run(file: stack_files.StackFile, *, preview: bool = False) -> Recording:
    return engine.record(file, Answers(file.config["aws:region"]), preview=preview)


def test_instances_are_named_after_the_callers_prefix() -> None:
    instances = {r.name: r.inputs for r in shop().of_type(INSTANCE)}
    assert {name: inputs["identifier"] for name, inputs in instances.items()} == {
        "shop-orders-db-primary": "shop-orders-db",
        "shop-orders-db-replica-1": "shop-orders-replica-1",
    }
    assert instances["shop-orders-db-primary"]["dbName"] == "shop"
    assert instances["shop-orders-db-primary"]["username"] == "shop_admin"
    [endpoint] = shop().outputs.values()
    assert re.fullmatch(r"shop-orders-db\.c[0-9a-f]+\.eu-central-1\.rds\.amazonaws\.com", endpoint)


def test_whatever_takes_tags_carries_the_callers_three_and_its_name() -> None:
    tagged = [r for r in shop().registrations.values() if r.custom and "tags" in provider_inputs(r.type)]
    for registration in tagged:
        tags = dict(registration.inputs["tags"])
        assert ("Severity" in tags) == (registration.type in ALARMS)
        tags.pop("Severity", None)
        assert "shop-orders" in tags.pop("Name"), registration.identity
        assert tags == {"Team": "shop", "Stage": "orders", "CostCenter": "4711"}, registration.identity
    assert len([r for r in tagged if r.type not in ALARMS]) == 55


def test_these_resources_are_made_and_no_others() -> None:
    made = Counter(
        (name_of(r.parent).removeprefix("shop-orders-") or "stack", r.type.split(":")[-1])
        for r in shop().registrations.values()
        if r.custom
    )
    by_component: dict[str, dict[str, int]] = {}
    for (component, type_), count in sorted(made.items()):
        by_component.setdefault(component, {})[type_] = count
    for alarms in ("MetricAlarm", "CompositeAlarm"):
        assert by_component["monitoring"].pop(alarms) > 10  # how many there are is the alarms' own business
    assert by_component == {
        "db": {
            "Instance": 2, "LogGroup": 4, "ParameterGroup": 2, "RandomId": 1, "Role": 1, "RolePolicyAttachment": 1,
            "SubnetGroup": 1,
        },
        "keys": {"Alias": 4, "Key": 4},
        "monitoring": {
            "Budget": 1, "EventSubscription": 3, "LogMetricFilter": 5, "Topic": 5, "TopicPolicy": 5,
            "TopicSubscription": 5,
        },
        "network": {
            "DefaultSecurityGroup": 1, "Eip": 1, "FlowLog": 1, "InternetGateway": 1, "LogGroup": 1, "NatGateway": 1,
            "Role": 1, "RolePolicy": 1, "Route": 3, "RouteTable": 4, "RouteTableAssociation": 6, "Subnet": 6, "Vpc": 1,
            "VpcEndpoint": 1,
        },
        "security-groups": {"SecurityGroup": 3, "SecurityGroupEgressRule": 5, "SecurityGroupIngressRule": 5},
        "shop-orders": {"RandomPassword": 1},
    }  # fmt: skip


def test_nothing_says_langpont_but_component_types_and_the_namespace_of_log_metrics() -> None:
    recorded = shop()
    said = {text for r in recorded.registrations.values() for _, text in strings(reveal(r.inputs))}
    said |= {r.name for r in recorded.registrations.values()} | {text for _, text in strings(recorded.outputs)}
    assert {text for text in said if "langpont" in text.lower()} == {"LangPont/DatabaseLog"}
    types = {r.type for r in recorded.registrations.values() if "langpont" in r.type}
    assert types == {
        f"langpont:database:{component}"
        for component in ("DatabaseCluster", "Keys", "Monitoring", "Networking", "SecurityGroups")
    }


def test_a_preview_shows_what_an_update_makes() -> None:
    assert shop(preview=True).identities() == shop().identities()


def test_names_fit_what_aws_takes() -> None:
    assert refused_names(shop()) == []


def given_names(recorded: Recording) -> list[tuple[str, str]]:
    """Type and physical name of all that the program names; names of Pulumi's making end in seven random digits."""
    named = [(r.type, r.inputs.get(NAMED[r.type][0])) for r in recorded.registrations.values() if r.type in NAMED]
    metrics = [
        (r.type, r.inputs["metricTransformation"]["name"])
        for r in recorded.of_type("aws:cloudwatch/logMetricFilter:LogMetricFilter")
    ]
    selections = "aws:backup/selection:Selection"  # named within a plan
    return [*((type_, name) for type_, name in named if name and type_ != selections), *metrics]


def test_databases_of_two_projects_and_two_stacks_live_in_one_account() -> None:
    names = [*given_names(shop()), *given_names(shop("billing")), *given_names(recording("prod"))]
    assert len(names) > 150
    assert [name for name, times in Counter(names).items() if times > 1] == []


TWO = """
import pulumi_random as random

import components as c
from blueprint.aws.subnets import Tier
from blueprint.instances import plan_instances
from blueprint.names import Naming
from blueprint.settings import Database, Monitoring

network = c.NetworkIds(vpc_id="vpc-1", subnets={Tier.DATABASE: {"a": "subnet-1", "c": "subnet-2"}})
database = Database(instanceClass="db.t4g.medium", allocatedStorageGib=20, name="shop", masterUsername="shop_admin")
for prefix in PREFIXES:
    naming = Naming(prefix, {"Team": "shop"})
    groups = c.SecurityGroups(
        f"{prefix}-security-groups",
        c.SecurityGroupsArgs(naming=naming, region="eu-central-1", network=network, port=database.port),
    )
    c.DatabaseCluster(
        f"{prefix}-db",
        c.DatabaseClusterArgs(
            naming=naming,
            instances=plan_instances(database),
            database=database,
            monitoring=Monitoring(monthlyBudgetUsd=100),
            subnet_ids=network.subnet_ids(Tier.DATABASE),
            security_group_id=groups.database_group_id,
            master_password=random.RandomPassword(f"{prefix}-password", length=32).result,
            account_id=c.account_id(),
        ),
    )
"""


def program(folder: Path, text: str) -> stack_files.StackFile:
    (folder / "__main__.py").write_text(text, encoding="utf-8")
    return replace(stack_files.load(SHOP, "orders"), root=folder)


def test_two_databases_live_in_one_program_and_one_network(tmp_path: Path) -> None:
    recorded = run(program(tmp_path, TWO.replace("PREFIXES", '("shop-orders", "shop-billing")')))
    assert [r.inputs["identifier"] for r in recorded.of_type(INSTANCE)] == ["shop-billing-db", "shop-orders-db"]
    assert [name for name, times in Counter(given_names(recorded)).items() if times > 1] == []


def test_two_databases_of_one_prefix_are_refused_as_pulumi_would(tmp_path: Path) -> None:
    with pytest.raises(engine.EngineRefusal, match="is registered twice"):
        run(program(tmp_path, TWO.replace("PREFIXES", '("shop", "shop")')))


def test_a_network_that_is_neither_new_nor_existing_is_refused(tmp_path: Path) -> None:
    text = """
import components as c
from blueprint.names import Naming
from blueprint.settings import Network

naming = Naming("shop", {})
c.Networking("shop-network", c.NetworkingArgs(naming=naming, region="eu-central-1", network=Network(), account_id="1"))
"""
    with pytest.raises(ValueError) as refused:
        run(program(tmp_path, text))
    assert str(refused.value) == "NetworkingArgs.network has neither vpc nor existingVpc. Write one of them."


def test_the_page_shows_the_program_and_the_project_that_are_tested() -> None:
    page = read("docs/components.md")
    assert blocks(page, "python") == [(SHOP / "__main__.py").read_text(encoding="utf-8")]
    assert blocks(page, "yaml") == [
        (SHOP / name).read_text(encoding="utf-8") for name in ("Pulumi.yaml", "Pulumi.orders.yaml")
    ]


def test_the_page_names_every_component_with_the_sections_that_it_takes() -> None:
    rows = {row[0]: row[1] for row in table(read("docs/components.md"), "component", "sections", "makes")}
    assert sorted(rows) == sorted(name for name in components.__all__ if f"{name}Args" in components.__all__)
