"""The pack as the Pulumi engine runs it: a process in its folder, asked over gRPC, with the recorded registrations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from policy import RULES, Level, evaluate_stack
from policy.rules.types import INSTANCE, QUEUE, SECRET, TOPIC
from recording.recording import UNKNOWN, Recording
from tests.policy.engine import Pack, started
from tests.recordings import ROOT, record_with, recording


@pytest.fixture(scope="module")
def prod() -> Iterator[Pack]:
    """The pack, started for prod and configured by itself."""
    with started("prod") as pack:
        pack.configure()
        yield pack


def expected(recorded: Recording) -> list[tuple[str, str, str]]:
    """What `evaluate_stack` finds, as the SDK words it: the policy's description above the message."""
    descriptions = {rule.name: rule.description for rule in RULES}
    return sorted((v.level.value, v.rule, f"{descriptions[v.rule]}\n{v.message}") for v in evaluate_stack(recorded))


def changed(recorded: Recording, type_: str, name: str, **inputs: Any) -> Recording:
    """The recording with other inputs of one resource; None leaves one out."""
    each = recorded.one(type_, name)
    merged = {key: value for key, value in {**each.inputs, **inputs}.items() if value is not None}
    return replace(recorded, registrations={**recorded.registrations, each.urn: replace(each, inputs=merged)})


def alone(recorded: Recording, type_: str) -> Recording:
    """The resources of one type, without the rest of the stack."""
    return replace(recorded, registrations={each.urn: each for each in recorded.of_type(type_)})


def test_the_pack_offers_every_rule_with_its_level_and_a_place_for_exceptions(prod: Pack) -> None:
    info = prod.info()
    assert (info.name, info.supportsConfig) == ("langpont-database", True)
    assert {(each.name, each.description) for each in info.policies} == {
        (rule.name, rule.description) for rule in RULES
    }
    assert all("exceptions" in each.configSchema.properties for each in info.policies)


@pytest.mark.parametrize("preview", [True, False], ids=["preview", "update"])
def test_the_engine_hears_of_prod_what_the_tests_and_the_preview_hear(prod: Pack, preview: bool) -> None:
    recorded = recording("prod", preview=preview)
    assert sorted(prod.analyze(recorded)) == expected(recorded)


def test_the_engine_hears_of_a_kept_generation_what_the_preview_hears(prod: Pack) -> None:
    """Which was restored itself: what it was made from is told by what it ignores."""
    third = {"generation": 3, "restoreFrom": {"snapshot": "langpont-manual-1"}}
    recorded = record_with("prod", {"database": third}, preview=True)
    assert sorted(prod.analyze(recorded)) == expected(recorded)


def test_dev_is_advised_and_an_unknown_stack_or_none_is_held_to_every_rule() -> None:
    with started("dev", preview=True) as pack:
        assert set(pack.configure().values()) == {"advisory"}
        recorded = recording("dev", preview=True)
        assert sorted(pack.analyze(recorded)) == expected(recorded)
    for stack in ("eu-staging", None):  # a stack without a file, and an engine that tells no stack
        with started(stack) as pack:
            levels = pack.configure()
            assert {name: level for name, level in levels.items() if level != "mandatory"} == {
                rule.name: "advisory" for rule in RULES if rule.level is Level.ADVISORY
            }
            assert not any(len(entry.properties["exceptions"]) for entry in pack.info().initialConfig.values())


def test_a_violation_of_one_resource_and_one_of_the_stack_reach_the_engine(prod: Pack) -> None:
    broken = changed(recording("prod"), INSTANCE, "langpont-prod-db-primary", storageEncrypted=False)
    subscription = broken.one(
        "aws:rds/eventSubscription:EventSubscription", "langpont-prod-monitoring-instances-events"
    )
    broken = replace(broken, registrations={k: v for k, v in broken.registrations.items() if k != subscription.urn})
    found = {(level, policy) for level, policy, _ in prod.analyze(broken)}
    assert found == {
        ("mandatory", "rds-03-storage-encrypted"),
        ("mandatory", "rds-20-instance-events"),
        ("advisory", "rds-23-port"),
    }


def test_a_value_that_nobody_stated_and_one_that_is_not_known_are_refused_over_the_wire(prod: Pack) -> None:
    for value, said in ((None, "is not stated"), (UNKNOWN, "is known only after the deployment")):
        broken = changed(recording("prod", preview=True), QUEUE, "langpont-prod-functions-failures",
                         sqsManagedSseEnabled=value)  # fmt: skip
        [message] = [text for _, policy, text in prod.analyze(alone(broken, QUEUE)) if policy == "queue-encrypted"]
        assert message.split("\n")[1].startswith(
            f"sqs.Queue langpont-prod-functions-failures: sqsManagedSseEnabled {said}."
        )


def test_nothing_that_the_engine_is_told_holds_a_secret(prod: Pack) -> None:
    """The SDK hands secrets to rules in plain text."""
    recorded = recording("prod")
    for registration in recorded.registrations.values():
        if registration.type == INSTANCE and "password" in registration.inputs:
            broken = changed(recorded, INSTANCE, registration.name, **dict.fromkeys(("storageEncrypted", "tags")))
            password = registration.inputs["password"].value
            assert not any(password in text for _, _, text in prod.analyze(alone(broken, INSTANCE)))


def test_a_file_of_the_command_line_is_laid_over_the_stacks_own() -> None:
    """--policy-pack-config: levels and exceptions of a file go before those that the pack brings along."""
    broken = alone(changed(recording("prod"), SECRET, "langpont-prod-secrets-pooler", kmsKeyId=None), SECRET)
    with started("prod") as pack:
        levels = pack.configure({"all": "disabled", "secret-own-key": "mandatory", "topic-encrypted": "advisory"})
        assert {level: list(levels.values()).count(level) for level in set(levels.values())} == {
            "disabled": len(RULES) - 2, "mandatory": 1, "advisory": 1,
        }  # fmt: skip
        assert [(level, policy) for level, policy, _ in pack.analyze(broken)] == [("mandatory", "secret-own-key")]
        pack.configure({"all": "disabled", "secret-own-key": {"enforcementLevel": "mandatory",
                                                              "exceptions": {"langpont-*-pooler": "why"}}})  # fmt: skip
        assert pack.analyze(broken) == []
        pack.configure({"all": "disabled", "topic-encrypted": {"enforcementLevel": "mandatory", "exceptions": {}}})
        open_ = alone(changed(recording("prod"), TOPIC, "langpont-prod-monitoring-alerts", kmsMasterKeyId=None), TOPIC)
        topics = sorted(text.split("\n")[1].split(":")[0] for _, _, text in pack.analyze(open_))
        # The events' topic too: alone, as here, nothing says that RDS's events go to it.
        assert topics == [
            f"sns.Topic langpont-prod-monitoring-{role}" for role in ("alerts", "critical-events", "events")
        ]


def test_the_pack_runs_in_the_projects_environment() -> None:
    """Relative to the pack's folder: there `pulumi install` and make put the project's packages, the SDK among them."""
    pack = yaml.safe_load((ROOT / "policy" / "PulumiPolicy.yaml").read_text())
    project = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())
    assert pack["runtime"]["name"] == project["runtime"]["name"] == "python"
    options = pack["runtime"]["options"]
    assert (
        Path(ROOT, "policy", options.pop("virtualenv")).resolve() == ROOT / project["runtime"]["options"]["virtualenv"]
    )
    assert options == {"toolchain": "pip"}
