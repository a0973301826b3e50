"""What docs/policy.md tells people to do about Security Hub: findings of a stack's two secrets, and of no other one."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import botocore.session
from botocore.validate import ParamValidator

from blueprint.postgres.roles import PASSWORD_ROLES
from recording.recording import reveal
from tests.docs import blocks, read
from tests.recordings import recording

PULUMI = """#!/bin/sh
test "$*" = "stack output --json -s prod" && cat outputs.json
"""
AWS = """#!/bin/sh
test "$*" = "securityhub create-automation-rule --cli-input-json file://suppressed.json"
"""


def told(folder: Path) -> dict[str, Any]:
    """The rule that the document's commands make."""
    (command,) = [block for block in blocks(read("docs/policy.md"), "bash") if "automation-rule" in block]
    for name, text in (("pulumi", PULUMI), ("aws", AWS)):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    (folder / "outputs.json").write_text(json.dumps(reveal(recording("prod").outputs)))
    subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command], cwd=folder, check=True,
        env=os.environ | {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"},
    )  # fmt: skip
    found: dict[str, Any] = json.loads((folder / "suppressed.json").read_text())
    return found


def test_the_findings_that_stay_are_suppressed_by_name_as_security_hub_takes_it(tmp_path: Path) -> None:
    rule = told(tmp_path)
    model = botocore.session.get_session().get_service_model("securityhub").operation_model("CreateAutomationRule")
    assert model.input_shape is not None
    assert ParamValidator().validate(rule, model.input_shape).generate_report() == ""
    outputs = reveal(recording("prod").outputs)
    assert {(each["Value"], each["Comparison"]) for each in rule["Criteria"]["ResourceId"]} == {
        (outputs["secretArns"]["langpont_admin"], "EQUALS"), (outputs["poolerSecretArn"], "EQUALS"),
    }  # fmt: skip
    # All others are rotated where rotation is on: tests/components/test_rotation.py.
    assert {*outputs["secretArns"]} - {"langpont_admin"} == {*PASSWORD_ROLES}
    assert [each["Value"] for each in rule["Criteria"]["ComplianceSecurityControlId"]] == [
        "SecretsManager.1", "SecretsManager.4",
    ]  # fmt: skip
    assert rule["Actions"][0]["FindingFieldsUpdate"]["Workflow"] == {"Status": "SUPPRESSED"}
