"""What holds for every registration of every stack: parents, tags, encryption, retention, ingress from the internet."""

from __future__ import annotations

import importlib
import inspect
import re
from collections import Counter
from functools import cache
from keyword import iskeyword
from typing import Any

import pytest

from blueprint.outputs import OUTPUTS
from recording.recording import UNKNOWN, Recording, Registration
from tests.contracts.conftest import EVERY, of
from tests.recordings import ROLES, name_of, record_with, recording

COMPONENTS = (
    "Access", "Backups", "DatabaseCluster", "Functions", "Keys", "Monitoring", "Networking", "Pooler", "SecretValues",
    "Secrets", "SecurityGroups",
)  # fmt: skip
WORLD = {"0.0.0.0/0", "::/0"}
INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
ROTATION = "aws:secretsmanager/secretRotation:SecretRotation"
EGRESS = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"


@cache
def provider_inputs(type_: str) -> frozenset[str]:
    """Inputs of a resource type, in the provider's own Python names."""
    package, module, class_name = type_.split(":")
    folder = module.split("/")[0]
    folder += "_" if iskeyword(folder) else ""
    name = f"pulumi_{package}" if folder == "index" else f"pulumi_{package}.{folder}"
    resource: Any = getattr(importlib.import_module(name), class_name)
    own = {"__self__", "__props__", "resource_name", "opts"}
    return frozenset(inspect.signature(resource._internal_init).parameters) - own


def customs(recorded: Recording) -> list[Registration]:
    return [registration for registration in recorded.registrations.values() if registration.custom]


def test_the_provider_is_asked_what_is_taggable() -> None:
    assert "tags" in provider_inputs("aws:rds/instance:Instance")
    assert "tags" not in provider_inputs("aws:kms/alias:Alias")
    assert "tags" not in provider_inputs("random:index/randomPassword:RandomPassword")


def test_components_stand_under_the_stack_and_everything_else_under_a_component(recorded: Recording) -> None:
    components = {r.urn: r for r in recorded.registrations.values() if not r.custom}
    for registration in recorded.registrations.values():
        if registration.urn in components:
            assert registration.type.startswith("langpont:database:"), registration.identity
            assert registration.parent.split("::")[2] == "pulumi:pulumi:Stack", registration.identity
        else:
            assert registration.parent in components, registration.identity
            parent = components[registration.parent].name
            assert registration.name.startswith(f"{parent}-"), f"{registration.identity} is not named after {parent}"


def test_every_component_was_completed(recorded: Recording) -> None:
    made = sorted(r.type.split(":")[-1] for r in recorded.registrations.values() if not r.custom)
    assert set(COMPONENTS) <= set(made)
    assert len(made) == len(set(made))
    assert set(recorded.component_outputs) == {r.urn for r in recorded.registrations.values() if not r.custom}


def test_everything_taggable_carries_the_four_tags(recorded: Recording) -> None:
    tagged = 0
    for registration in customs(recorded):
        if "tags" not in provider_inputs(registration.type):
            continue
        tags = dict(registration.inputs.get("tags", {}))
        severity = tags.pop("Severity", None)
        assert (severity is not None) == (
            registration.type.startswith("aws:cloudwatch/") and "Alarm" in registration.type
        )
        name = tags.pop("Name", None)
        assert isinstance(name, str), registration.identity
        assert f"langpont-{recorded.stack}" in name, registration.identity
        ours = {"Environment": recorded.stack, "Project": "LangPont", "ManagedBy": "Pulumi"}
        assert tags.items() >= ours.items(), registration.identity
        tagged += 1
    assert tagged > 50


def test_everything_taggable_carries_the_stack_files_own_tags_too() -> None:
    own = {"CostCenter": "4711", "Team": "データ reports"}
    before, after = recording("prod"), record_with("prod", {"tags": own})
    tagged = [each for each in customs(after) if "tags" in provider_inputs(each.type)]
    for each in tagged:
        assert each.inputs["tags"] == {**before.registrations[each.urn].inputs["tags"], **own}, each.identity
    assert len(tagged) > 50


def test_no_two_resources_of_a_kind_carry_the_same_name_tag(recorded: Recording) -> None:
    names = Counter((r.type, r.inputs["tags"]["Name"]) for r in customs(recorded) if "tags" in r.inputs)
    assert [name for name, times in names.items() if times > 1] == []


# What carries a key, by the input that names it.
KEY_INPUTS = (
    ("aws:backup/vault:Vault", "kmsKeyArn"),
    ("aws:cloudwatch/logGroup:LogGroup", "kmsKeyId"),
    ("aws:rds/instance:Instance", "kmsKeyId"),
    ("aws:rds/instance:Instance", "performanceInsightsKmsKeyId"),
    ("aws:rds/instanceAutomatedBackupsReplication:InstanceAutomatedBackupsReplication", "kmsKeyId"),
    ("aws:secretsmanager/secret:Secret", "kmsKeyId"),
    ("aws:sns/topic:Topic", "kmsMasterKeyId"),
)


def test_each_key_is_used_for_its_purpose_only(recorded: Recording) -> None:
    """E18: the document claims least privilege and has one key here, another there, and none in its template."""
    purposes = {
        "aws:backup/vault:Vault kmsKeyArn": "keys-backup",
        "aws:cloudwatch/logGroup:LogGroup kmsKeyId": "keys-logs",
        "aws:rds/instance:Instance kmsKeyId": "keys-storage",
        "aws:rds/instance:Instance performanceInsightsKmsKeyId": "keys-insights",
        "aws:rds/instanceAutomatedBackupsReplication:InstanceAutomatedBackupsReplication kmsKeyId": (
            "backups-ap-northeast-3-key"
        ),
        "aws:secretsmanager/secret:Secret kmsKeyId": "keys-secrets",
        "aws:sns/topic:Topic kmsMasterKeyId": "keys-alerts",
    }
    for type_, key_input in KEY_INPUTS:
        for registration in recorded.of_type(type_):
            for urn in registration.property_dependencies.get(key_input, ()):
                expected = f"langpont-{recorded.stack}-{purposes[f'{type_} {key_input}']}"
                assert name_of(urn) == expected, registration.identity


def test_every_log_group_has_a_retention_that_cloudwatch_takes(recorded: Recording) -> None:
    days = {1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}
    groups = recorded.of_type("aws:cloudwatch/logGroup:LogGroup")
    assert len(groups) >= 3
    for group in groups:
        assert group.inputs["retentionInDays"] in days, group.name


def test_only_http_and_https_of_the_application_are_open_to_the_world(recorded: Recording) -> None:
    """E29, E32: the document's SSH from 203.0.113.0/24 is a documentation network; nothing replaces it unasked."""
    prefix = f"langpont-{recorded.stack}-security-groups"
    open_ = {
        (name_of(urn), rule.inputs["fromPort"], rule.inputs["toPort"])
        for rule in recorded.of_type(INGRESS)
        if WORLD & {rule.inputs.get("cidrIpv4"), rule.inputs.get("cidrIpv6")}
        for urn in rule.property_dependencies["securityGroupId"]
    }
    assert open_ == {(f"{prefix}-application", 80, 80), (f"{prefix}-application", 443, 443)}
    for rule in (*recorded.of_type(INGRESS), *recorded.of_type(EGRESS)):
        assert rule.inputs["ipProtocol"] == "tcp", rule.name
        assert "prefixListId" not in rule.inputs, rule.name
        assert rule.inputs["fromPort"] == rule.inputs["toPort"], rule.name


@pytest.mark.parametrize("stack", EVERY)
def test_preview_shows_exactly_what_an_update_makes(stack: str) -> None:
    preview, update = of(stack, preview=True), of(stack)
    assert preview.identities() == update.identities()
    for urn, registration in update.registrations.items():
        shown = preview.registrations[urn]
        assert set(shown.inputs) == set(registration.inputs), registration.identity
        assert shown.dependencies == registration.dependencies, registration.identity
        assert shown.property_dependencies == registration.property_dependencies, registration.identity
        options = ("parent", "protect", "retain_on_delete", "delete_before_replace", "ignore_changes")
        for option in options:
            assert getattr(shown, option) == getattr(registration, option), registration.identity
    assert preview.warnings == update.warnings


def test_only_these_things_take_more_than_a_parent_as_an_option(recorded: Recording) -> None:
    """Whoever ignores changes or retains something must say so here as well."""
    ignoring = {r.type for r in customs(recorded) if r.ignore_changes}
    rotated = {"aws:secretsmanager/secretVersion:SecretVersion"} if recorded.of_type(ROTATION) else set()
    assert ignoring == {"random:index/randomBytes:RandomBytes", "random:index/randomPassword:RandomPassword"} | rotated
    # A single NAT gateway and its address stay the same ones when their zone is another.
    aliased = {r.type for r in recorded.registrations.values() if r.aliases}
    assert aliased in (set(), {"aws:ec2/eip:Eip", "aws:ec2/natGateway:NatGateway"})
    kept = {r.name.removeprefix(f"langpont-{recorded.stack}-") for r in customs(recorded) if r.retain_on_delete}
    named_by_the_file = {
        name for name in kept if re.fullmatch(r"backups-[a-z]+-[a-z]+-\d-key|secret-values-\w+|pooler-files", name)
    }
    keys = {f"keys-{purpose}" for purpose in ("storage", "backup", "insights", "logs")}
    assert kept - named_by_the_file in (set(), {"backups-vault", *keys})
    roles = {f"secret-values-{role}" for role in ROLES[1:]}
    assert roles <= kept
    assert bool(kept - roles) == any(r.protect for r in customs(recorded))


def test_a_stack_has_exactly_the_outputs_that_are_described_each_of_its_type(recorded: Recording) -> None:
    assert set(recorded.outputs) == {output.name for output in OUTPUTS}
    types: dict[str, type] = {"string": str, "integer": int, "array": list, "object": dict}
    for output in OUTPUTS:
        value = recorded.outputs[output.name]
        assert isinstance(value, types[output.type]) or (recorded.preview and value is UNKNOWN), output.name
