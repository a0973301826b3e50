"""Rules on Lambda functions: private, in the VPC, on a supported runtime, without secrets in environment variables."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from policy.model import MISSING, UNKNOWN, Finding, Resource, ResourceRule, Rule, expect, expect_reference, is_list, of
from policy.rules import types

# Lambda developer guide, "Lambda runtimes": Python with an end of support after 2027 (3.12: October 2028, 3.13: June
# 2029, 3.14: 2029 or later). Nobody here writes in another language.
RUNTIMES: Final = ("python3.12", "python3.13", "python3.14")
SECRET_NAME: Final = re.compile(r"PASSW|SECRET|TOKEN|CREDENTIAL|PRIVATE|API_?KEY|ACCESS_?KEY|SALT|VERIFIER", re.I)
SECRET_VALUE: Final = re.compile(
    r"://[^/@\s]*:[^/@\s]+@"  # a password in a URL
    r"|-----BEGIN [A-Z ]*PRIVATE KEY"
    r"|\b(AKIA|ASIA)[0-9A-Z]{16}\b"  # an access key of AWS
    r"|SCRAM-SHA-256\$"
)
ARN: Final = re.compile(r"arn:aws:[a-z0-9-]+:[a-z0-9-]*:[0-9]{12}:[^\s]+")


def _private(resource: Resource) -> Iterator[Finding]:
    if resource.type == types.FUNCTION_URL:
        yield from expect(
            resource,
            "authorizationType",
            lambda value: value == "AWS_IAM",
            'Write authorization_type="AWS_IAM", or leave the URL out',
        )
        return
    way_out = "Name one service, and source_account or source_arn"
    yield from expect(resource, "principal", lambda who: isinstance(who, str) and "*" not in who, way_out)
    if resource.value("sourceArn") is MISSING and resource.value("sourceAccount") is MISSING:
        yield Finding("neither sourceArn nor sourceAccount is stated", way_out)


def _runtime(function: Resource) -> Iterator[Finding]:
    yield from expect(function, "runtime", RUNTIMES.__contains__, f"Write {RUNTIMES[-2]}")


def _in_vpc(function: Resource) -> Iterator[Finding]:
    for path in ("vpcConfig.subnetIds", "vpcConfig.securityGroupIds"):
        yield from expect_reference(function, path, "Give it the application's subnets and the functions' group")


def _environment(function: Resource) -> Iterator[Finding]:
    """No secret in environment variables: one that is named like it may hold an ARN alone. No message shows a value."""
    variables = function.value("environment.variables")
    if not isinstance(variables, Mapping):
        return  # none, or none that is known yet
    way_out = "Put it into Secrets Manager, and its ARN here"
    for name, value in sorted(variables.items()):
        if value is UNKNOWN:
            continue
        if SECRET_NAME.search(name) and not _are_arns(value):
            yield Finding(f"environment variable {name} holds something else than ARNs", way_out)
        elif isinstance(value, str) and SECRET_VALUE.search(value):
            yield Finding(f"environment variable {name} looks like a secret", way_out)


def _are_arns(value: Any) -> bool:
    """An ARN, or JSON that holds nothing else."""
    try:
        found = json.loads(value) if isinstance(value, str) and value[:1] in ("{", "[") else value
    except ValueError:
        return False
    if isinstance(found, Mapping):
        found = list(found.values())
    return all(isinstance(each, str) and ARN.fullmatch(each) for each in (found if is_list(found) else [found]))


RULES: Final[tuple[Rule, ...]] = (
    ResourceRule(
        name="function-private", control="Lambda.1", wants="functions that no stranger can call",
        applies=of(types.FUNCTION_URL, types.PERMISSION), check=_private,
    ),
    ResourceRule(
        name="function-runtime", control="Lambda.2", wants="a runtime that AWS mends", applies=of(types.FUNCTION),
        check=_runtime,
    ),
    ResourceRule(
        name="function-in-vpc", control="Lambda.3", wants="functions in the VPC", applies=of(types.FUNCTION),
        check=_in_vpc,
    ),
    ResourceRule(
        name="function-environment", wants="no secret in an environment, which everybody who reads the function sees",
        applies=of(types.FUNCTION), check=_environment,
    ),
)  # fmt: skip
