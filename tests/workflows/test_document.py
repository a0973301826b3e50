"""docs/ci.md against the workflows and the program: every workflow, environment, variable and service is in it."""

from __future__ import annotations

import json
import re

from tests.docs import blocks, read, table
from tests.recordings import STACKS, recording
from tests.workflows import JOBS, TEXTS, WORKFLOWS
from tests.workflows.test_rules import ENVIRONMENTS, STACK_OF

DOCUMENT = read("docs/ci.md")
# What IAM calls a service where the provider calls its module otherwise.
SERVICES = {"cloudwatch/logGroup": "logs", "cloudwatch/logMetricFilter": "logs", "vpc": "ec2"}


def test_every_workflow_is_told() -> None:
    rows = table(DOCUMENT, "workflow", "starts", "does", "credentials")
    assert sorted(row[0] for row in rows) == sorted(workflow["name"] for workflow in WORKFLOWS.values())


def test_every_environment_is_told_with_the_role_that_its_jobs_need() -> None:
    matrix = {
        "${{ inputs.stack }}": WORKFLOWS["cloud-preview"]["on"]["workflow_dispatch"]["inputs"]["stack"].get("options"),
        "${{ matrix.stack }}": JOBS["drift", "drift"]["strategy"]["matrix"]["stack"],
    }
    needed = {
        environment.replace(STACK_OF[where], stack): f"{'deploy' if where[0] == 'deploy' else 'read'} role of {stack}"
        for where, environment in ENVIRONMENTS.items()
        for stack in matrix.get(STACK_OF[where], [STACK_OF[where]])
    }
    rows = table(_unindented(), "environment", "branches and tags", "reviewers", "role")
    told = {row[0]: row[3] for row in rows}
    assert told.items() <= needed.items()
    assert {name for name in needed if any(stack in name for stack in ("dev", "staging", "prod"))} == set(told)
    assert {row[0] for row in rows if row[2] == "required"} == {
        "staging", "prod", "staging-preview", "prod-preview",
    }  # fmt: skip


def test_every_variable_is_told() -> None:
    used = {name for text in TEXTS.values() for name in re.findall(r"vars\.(\w+)", text)}
    assert {row[0] for row in table(_unindented(), "variable", "value")} == used


def service(type_: str) -> str:
    """IAM's prefix for a resource type such as `aws:rds/instance:Instance`."""
    kind = type_.split(":")[1]
    module = kind.partition("/")[0]
    return SERVICES.get(kind) or SERVICES.get(module, module)


def test_the_deploy_role_has_a_row_for_every_service_that_the_program_registers() -> None:
    types = {r.type for stack in STACKS for r in recording(stack).registrations.values() if r.custom}
    rows = table(DOCUMENT, "service", "what the program makes with it", "bound to")
    assert [row[0] for row in rows] == sorted({service(type_) for type_ in types if type_.startswith("aws:")})


def test_the_trust_policy_names_one_audience_and_one_subject_whole() -> None:
    (policy,) = (json.loads(block) for block in blocks(DOCUMENT, "json"))
    (statement,) = policy["Statement"]
    assert statement["Action"] == "sts:AssumeRoleWithWebIdentity"
    assert statement["Condition"] == {
        "StringEquals": {
            "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
            "token.actions.githubusercontent.com:sub": "repo:<owner>@<owner id>/<repository>@<repository id>"
            ":environment:prod",
        }
    }


def test_the_sessions_that_the_roles_allow_are_those_that_jobs_ask_for() -> None:
    asked = {
        name: {step["with"]["session-seconds"] for step in job["steps"] if "session-seconds" in step.get("with", {})}
        for (name, _), job in JOBS.items()
        if "steps" in job
    }
    assert {name: seconds for name, seconds in asked.items() if seconds} == {
        "cloud-preview": {"3600"}, "deploy": {"10800"}, "drift": {"3600"},
    }  # fmt: skip
    prose = DOCUMENT.replace("\n", " ")
    assert "maximum session is 3 hours for a deploy role and 1 hour for a read role" in prose


def _unindented() -> str:
    return re.sub(r"^ +\|", "|", DOCUMENT, flags=re.MULTILINE)
