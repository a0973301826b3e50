"""Functions: both Lambdas with every input, what each may do, when it runs, and where a failure is kept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pulumi
import pytest

from blueprint.names import LONGEST_ENVIRONMENT
from blueprint.postgres import roles
from recording import engine
from recording.answers import Answers
from recording.recording import Recording, Registration
from tests.components import MIXED, replicas
from tests.components.test_generations import SECOND
from tests.components.test_networking import EXISTING
from tests.contracts.test_secrecy import generated
from tests.recordings import (
    ACCOUNT,
    REGION,
    ROLES,
    STACKS,
    answer,
    arn,
    frozen,
    inputs,
    name_of,
    names,
    record_with,
    recording,
    strings,
)

FUNCTION = "aws:lambda/function:Function"
INVOCATION = "aws:lambda/invocation:Invocation"
FAILURES = "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig"
SCHEDULE = "aws:scheduler/schedule:Schedule"
QUEUE = "aws:sqs/queue:Queue"
LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
ROLE = "aws:iam/role:Role"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
SECRET = "aws:secretsmanager/secret:Secret"
VERSION = "aws:secretsmanager/secretVersion:SecretVersion"
INSTANCE = "aws:rds/instance:Instance"
SUBNET = "aws:ec2/subnet:Subnet"
GROUP = "aws:ec2/securityGroup:SecurityGroup"
DEFAULT_GROUP = "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"

ZONES = {"prod": "acd", "dev": "ac"}
# In the order of the settings: the master, then the roles of product.yaml that have a password.
DOES = {"roles": "makes and checks the database's roles", "metrics": "publishes the database's custom metrics"}
SECONDS = {"roles": 300, "metrics": 120}


def tags(stack: str, name: str) -> dict[str, str]:
    return {"Name": name, "Environment": stack, "Project": "LangPont", "ManagedBy": "Pulumi"}


def secret(recorded: Recording, role: str) -> str:
    return arn(recorded, SECRET, f"langpont-{recorded.stack}-secrets-{role}")


def address(recorded: Recording, role: str) -> str:
    text: str = answer(recorded, INSTANCE, f"langpont-{recorded.stack}-db-{role}")[1]["address"]
    return text


def variables(recorded: Recording, role: str) -> Any:
    """A function's environment, what is JSON decoded."""
    found = inputs(recorded, FUNCTION, f"langpont-{recorded.stack}-functions-{role}")["environment"]["variables"]
    return {name: json.loads(text) if text[0] in "[{" else text for name, text in found.items()}


# The functions


@pytest.mark.parametrize("stack", ZONES)
@pytest.mark.parametrize("role", DOES)
def test_a_function_has_exactly_these_inputs(role: str, stack: str) -> None:
    """No concurrency is reserved: a new account's 10 would not allow it."""
    recorded = recording(stack)
    network = f"langpont-{stack}-network"
    function = inputs(recorded, FUNCTION, f"langpont-{stack}-functions-{role}")
    del function["code"], function["environment"]
    assert function == {
        "name": f"langpont-{stack}-{role}",
        "description": f"langpont-{stack}: {DOES[role]}",
        "runtime": "python3.13",
        "architectures": ["arm64"],
        "handler": f"functions.{role}.handler.handler",
        "role": arn(recorded, ROLE, f"langpont-{stack}-functions-{role}-role"),
        "timeout": SECONDS[role],
        "memorySize": 256,
        "vpcConfig": {
            "subnetIds": [
                answer(recorded, SUBNET, f"{network}-application-ap-northeast-1{zone}")[0] for zone in ZONES[stack]
            ],
            "securityGroupIds": [answer(recorded, GROUP, f"langpont-{stack}-security-groups-functions")[0]],
        },
        "loggingConfig": {"logFormat": "Text", "logGroup": f"/aws/lambda/langpont-{stack}-{role}"},
        "replaceSecurityGroupsOnDestroy": True,
        "replacementSecurityGroupIds": [answer(recorded, DEFAULT_GROUP, f"{network}-default-group")[0]],
        "tags": tags(stack, f"langpont-{stack}-{role}"),
    }


def test_in_somebody_elses_vpc_no_group_is_known_to_release_the_interfaces_to() -> None:
    """Its default group has rules of which nobody here knows."""
    ours, theirs = recording("prod"), record_with("prod", EXISTING)
    for role in DOES:
        name = f"langpont-prod-functions-{role}"
        before, after = inputs(ours, FUNCTION, name), inputs(theirs, FUNCTION, name)
        assert set(before) - set(after) == {"replaceSecurityGroupsOnDestroy", "replacementSecurityGroupIds"}
        assert after["vpcConfig"] == {
            "subnetIds": ["subnet-0aaaaaaaaaaaaaaa1"],
            "securityGroupIds": [answer(theirs, GROUP, "langpont-prod-security-groups-functions")[0]],
        }
        assert {key: after[key] for key in set(after) - {"vpcConfig"}} == {
            key: before[key] for key in set(after) - {"vpcConfig"}
        }


@pytest.mark.parametrize("stack", STACKS)
def test_the_roles_function_is_told_where_every_password_and_the_user_list_are(stack: str) -> None:
    recorded = recording(stack)
    assert variables(recorded, "roles") == {
        "SECRET_ARNS": {role: secret(recorded, role) for role in ROLES},
        "POOLER_SECRET_ARN": secret(recorded, "pooler"),
    }


@pytest.mark.parametrize(
    ("stack", "changes", "tried"),
    [
        ("prod", {}, ["replica-1", "replica-2"]),
        ("staging", {}, ["replica-1"]),
        ("dev", {}, []),
        ("prod", MIXED, ["replica-2", "replica-3", "replica-1"]),
    ],
    ids=["prod", "staging", "none", "out-of-order"],
)  # fmt: skip
def test_the_metrics_function_tries_replicas_for_reads_before_one_that_may_be_an_hour_behind(
    stack: str, changes: Mapping[str, Any], tried: list[str]
) -> None:
    recorded = record_with(stack, changes)
    assert variables(recorded, "metrics") == {
        "SECRET_ARN": secret(recorded, "langpont_metrics"),
        "HOSTS": {role: address(recorded, role) for role in (*tried, "primary")},
    }
    assert list(variables(recorded, "metrics")["HOSTS"]) == [*tried, "primary"]


def test_no_secret_stands_in_the_environment_or_the_code_of_a_function() -> None:
    for stack in STACKS:
        recorded = recording(stack)
        looked_for = generated(recorded)
        for function in recorded.of_type(FUNCTION):
            held = [text for _, text in strings(function.inputs["environment"])]
            held += [content.decode() for content in function.inputs["code"].files.values()]
            assert len(held) > 50
            assert not [text for text in held if any(value in text for value in looked_for)], function.name


def test_the_environment_fits_with_all_replicas_and_the_longest_stack_name() -> None:
    """Lambda takes 4 KB of names and values together."""
    recorded = record_with("prod", {**replicas(15), "pooler": {"maxClientConn": 2000}})
    for function in recorded.of_type(FUNCTION):
        text = json.dumps(function.inputs["environment"]["variables"])
        assert len(text.replace("langpont-prod", f"langpont-{'e' * LONGEST_ENVIRONMENT}")) < 3000 < 4096


# What they may do


def statement(sid: str, action: str | list[str], resource: Any, **more: Any) -> dict[str, Any]:
    return {"Sid": sid, "Effect": "Allow", "Action": action, "Resource": resource} | more


INTERFACES = [
    "ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:UnassignPrivateIpAddresses",
]  # fmt: skip
READS = {
    "roles": [*ROLES, "pooler"],
    "metrics": ["langpont_metrics"],
}


@pytest.mark.parametrize("stack", ZONES)
@pytest.mark.parametrize("role", READS)
def test_a_function_may_do_this_and_nothing_else(role: str, stack: str) -> None:
    """E18. Under AWS's own key there is none to decrypt with by name."""
    recorded = recording(stack)
    policy = inputs(recorded, ROLE_POLICY, f"langpont-{stack}-functions-{role}-policy")
    assert policy["role"] == answer(recorded, ROLE, f"langpont-{stack}-functions-{role}-role")[1]["name"]
    decrypts = []
    if stack == "prod":
        key = arn(recorded, "aws:kms/key:Key", "langpont-prod-keys-secrets")
        through = {"StringEquals": {"kms:ViaService": f"secretsmanager.{REGION}.amazonaws.com"}}
        decrypts.append(statement("DecryptOwnSecrets", "kms:Decrypt", key, Condition=through))
    prefix = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function"
    logs = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/lambda"
    assert json.loads(policy["policy"]) == {
        "Version": "2012-10-17",
        "Statement": [
            statement("ReadOwnSecrets", "secretsmanager:GetSecretValue", [secret(recorded, r) for r in READS[role]]),
            *decrypts,
            statement(
                "WriteOwnLog", ["logs:CreateLogStream", "logs:PutLogEvents"], f"{logs}/langpont-{stack}-{role}:*"
            ),
            statement("KeepFailures", "sqs:SendMessage", arn(recorded, QUEUE, f"langpont-{stack}-functions-failures")),
            statement("AttachToVpc", INTERFACES, "*"),
            statement(
                "ButNotTheCodeItself", INTERFACES, "*", Effect="Deny",
                Condition={"ArnEquals": {"lambda:SourceFunctionArn": f"{prefix}:langpont-{stack}-{role}"}},
            ),
        ],
    }  # fmt: skip


@pytest.mark.parametrize("stack", ZONES)
def test_the_schedule_may_invoke_its_function_and_nothing_else(stack: str) -> None:
    recorded = recording(stack)
    label = f"langpont-{stack}-functions-schedule"
    policy = inputs(recorded, ROLE_POLICY, f"{label}-policy")
    assert policy["role"] == answer(recorded, ROLE, f"{label}-role")[1]["name"]
    function = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:langpont-{stack}-metrics"
    assert json.loads(policy["policy"]) == {
        "Version": "2012-10-17",
        "Statement": [statement("Invoke", "lambda:InvokeFunction", function)],
    }


@pytest.mark.parametrize(
    ("label", "service"),
    [("roles", "lambda"), ("metrics", "lambda"), ("schedule", "scheduler")],
)
def test_a_role_is_assumed_by_its_service_for_this_account(label: str, service: str) -> None:
    name = f"langpont-prod-functions-{label}-role"
    role = inputs(recording("prod"), ROLE, name)
    assert json.loads(role.pop("assumeRolePolicy")) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": f"{service}.amazonaws.com"},
                "Action": "sts:AssumeRole",
                "Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}},
            }
        ],
    }
    assert role == {"tags": tags("prod", name)}


# Logs and failures


@pytest.mark.parametrize(("stack", "days"), [("prod", 90), ("dev", 7)])
@pytest.mark.parametrize("role", DOES)
def test_a_functions_log_group_is_there_first_with_a_retention_and_our_key(role: str, stack: str, days: int) -> None:
    """Lambda would make it itself, kept for ever."""
    recorded = recording(stack)
    name = f"/aws/lambda/langpont-{stack}-{role}"
    key = {"kmsKeyId": arn(recorded, "aws:kms/key:Key", "langpont-prod-keys-logs")} if stack == "prod" else {}
    assert inputs(recorded, LOG_GROUP, f"langpont-{stack}-functions-{role}-log") == {
        "name": name,
        "retentionInDays": days,
        "tags": tags(stack, name),
        **key,
    }
    needed = recorded.one(FUNCTION, f"langpont-{stack}-functions-{role}").dependencies
    assert {f"langpont-{stack}-functions-{role}-{what}" for what in ("log", "policy", "role")} <= {
        name_of(urn) for urn in needed
    }


@pytest.mark.parametrize("stack", ZONES)
def test_what_a_function_fails_at_is_kept_a_fortnight_in_one_encrypted_queue(stack: str) -> None:
    """It is not tried again: the next run is five minutes away, and a run that waited longer would only be late."""
    recorded = recording(stack)
    label = f"langpont-{stack}-functions-failures"
    assert names(recorded, QUEUE) == [label]
    assert inputs(recorded, QUEUE, label) == {
        "sqsManagedSseEnabled": True,
        "messageRetentionSeconds": 14 * 24 * 60 * 60,
        "tags": tags(stack, label),
    }
    assert {name: inputs(recorded, FAILURES, name) for name in names(recorded, FAILURES)} == {
        f"langpont-{stack}-functions-{role}-failures": {
            "functionName": f"langpont-{stack}-{role}",
            "maximumEventAgeInSeconds": 60,
            "maximumRetryAttempts": 0,
            "destinationConfig": {"onFailure": {"destination": arn(recorded, QUEUE, label)}},
        }
        for role in DOES
    }


# When they run


@pytest.mark.parametrize("stack", ZONES)
def test_the_metrics_function_runs_every_five_minutes(stack: str) -> None:
    recorded = recording(stack)
    label = f"langpont-{stack}-functions-schedule"
    assert names(recorded, SCHEDULE) == [label]
    assert inputs(recorded, SCHEDULE, label) == {
        "description": f"langpont-{stack}: publishes the database's custom metrics",
        "scheduleExpression": "rate(5 minutes)",
        "flexibleTimeWindow": {"mode": "OFF"},
        "target": {
            "arn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:langpont-{stack}-metrics",
            "roleArn": arn(recorded, ROLE, f"{label}-role"),
            "retryPolicy": {"maximumEventAgeInSeconds": 60, "maximumRetryAttempts": 0},
        },
    }
    assert f"{label}-policy" in {name_of(urn) for urn in recorded.one(SCHEDULE, label).dependencies}


def invocation(recorded: Recording) -> dict[str, Any]:
    return inputs(recorded, INVOCATION, f"langpont-{recorded.stack}-functions-make-roles")


def version(recorded: Recording, label: str) -> str:
    text: str = answer(recorded, VERSION, f"langpont-{recorded.stack}-{label}")[1]["versionId"]
    return text


@pytest.mark.parametrize("stack", STACKS)
def test_a_deployment_runs_the_roles_function_once(stack: str) -> None:
    recorded = recording(stack)
    assert names(recorded, INVOCATION) == [f"langpont-{stack}-functions-make-roles"]
    made = invocation(recorded)
    package = made["triggers"].pop("package")
    assert made == {
        "functionName": f"langpont-{stack}-roles",
        "input": '{"action": "apply"}',
        "lifecycleScope": "CREATE_ONLY",
        "triggers": {
            "instance": answer(recorded, INSTANCE, f"langpont-{stack}-db-primary")[1]["resourceId"],
            **{f"secret-{role}": version(recorded, f"secret-values-{role}") for role in ROLES},
        },
    }
    assert len(package) == 64
    assert package == invocation(recording("prod"))["triggers"]["package"]  # of what is made, not of who has it


def triggered(before: Recording, after: Recording) -> set[str]:
    """Names of the triggers that changed; nothing else of the invocation ever does."""
    old, new = invocation(before), invocation(after)
    assert old | {"triggers": {}} == new | {"triggers": {}}
    assert set(old["triggers"]) == set(new["triggers"])
    return {name for name, value in new["triggers"].items() if value != old["triggers"][name]}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"credentials": {"passwordVersions": {"langpont_app": 2}}}, {"secret-langpont_app"}),
        ({"credentials": {"passwordVersions": {"langpont_migrator": 2}}}, {"secret-langpont_migrator"}),
        ({"credentials": {"passwordVersions": {"langpont_admin": 2}}}, {"secret-langpont_admin"}),
        # Restored passwords are those of the restored time.
        (SECOND, {"instance", *(f"secret-{role}" for role in ROLES)}),
        (replicas(0), set()),
        (
            {
                "monitoring": {"alertEmails": ["a@langpont.example"]},
                "database": {"instanceClass": "db.t3.large", "parameters": {"work_mem": "8MB"}},
            },
            set(),
        ),
    ],
    ids=["pooled", "not-pooled", "master", "generation", "replicas", "unrelated"],
)  # fmt: skip
def test_roles_are_made_again_when_and_only_when_they_may_be_others(
    changes: Mapping[str, Any], expected: set[str]
) -> None:
    assert triggered(recording("prod"), record_with("prod", changes)) == expected


def test_roles_are_made_again_when_what_they_are_has_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    definition = roles.definition(database="langpont", master="langpont_admin")
    monkeypatch.setattr(roles, "definition", lambda **_: definition | {"comment": "another"})
    changed = engine.record(frozen("prod"), Answers(REGION), preview=False)
    assert triggered(recording("prod"), changed) == {"package"}


class Answering(Answers):
    """AWS whose roles function answers so."""

    def __init__(self, **answer: list[str]) -> None:
        super().__init__(REGION)
        self.answer = answer

    def create(self, registration: Registration) -> tuple[str, Mapping[str, Any]]:
        id_, outputs = super().create(registration)
        return id_, {**outputs, "result": json.dumps(self.answer)} if registration.type == INVOCATION else outputs


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ({"others": [], "drift": [], "changed": ["role a is missing"]}, []),
        (
            {"others": ["role shop logs in here", "role pay logs in here"], "drift": ["schema x is of shop"]},
            ["Of somebody else when the database's roles were made last, and left alone (docs/adopting.md): role shop "
             "logs in here; role pay logs in here.",
             "Not as product.yaml has it when the database's roles were made last, and left to a person: schema x is "
             "of shop. How it is now: python -m ops roles check -s dev"],
        ),
    ],
)  # fmt: skip
def test_what_the_roles_function_leaves_as_it_was_is_told_by_the_update(
    answer: dict[str, list[str]], told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(pulumi.log, "info", lambda sentence, _: said.append(sentence))
    engine.record(frozen("dev"), Answering(**answer), preview=False)
    assert said == told
