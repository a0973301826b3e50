"""Access: the policy of people on call names this stack's hosts and instances, by what RDS calls them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from recording.recording import Recording
from tests.recordings import ACCOUNT, STACKS, answered, inputs, name_of, recording

POLICY = "aws:iam/policy:Policy"
INSTANCE = "aws:rds/instance:Instance"


def statements(recorded: Recording) -> dict[str, Any]:
    policy = inputs(recorded, POLICY, f"langpont-{recorded.stack}-access-operator-policy")
    return {statement["Sid"]: statement for statement in json.loads(policy["policy"])["Statement"]}


@pytest.mark.parametrize("stack", STACKS)
def test_the_operator_logs_in_to_every_instance_of_the_stack_by_its_resource_id(stack: str) -> None:
    recorded = recording(stack)
    ids = [answered(instance)[1]["resourceId"] for instance in recorded.of_type(INSTANCE)]
    assert statements(recorded)["LogInAsOperator"]["Resource"] == [
        f"arn:aws:rds-db:ap-northeast-1:{ACCOUNT}:dbuser:{id_}/langpont_operator" for id_ in ids
    ]


@pytest.mark.parametrize("stack", STACKS)
def test_sessions_start_on_hosts_that_carry_the_stacks_tags_alone(stack: str) -> None:
    statement = statements(recording(stack))["ForwardAPortThroughAnApplicationHost"]
    assert statement["Condition"] == {
        "StringEquals": {"ssm:resourceTag/Project": "LangPont", "ssm:resourceTag/Environment": stack},
        "BoolIfExists": {"ssm:SessionDocumentAccessCheck": "true"},
    }


def test_the_policy_waits_for_the_instances_whose_ids_it_names() -> None:
    policy = recording("prod").one(POLICY, "langpont-prod-access-operator-policy")
    assert {name_of(urn) for urn in policy.property_dependencies["policy"]} == {
        "langpont-prod-db-primary",
        "langpont-prod-db-replica-1",
        "langpont-prod-db-replica-2",
    }
