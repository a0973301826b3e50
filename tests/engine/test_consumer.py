"""Another Pulumi program, and a deploy, read the outputs of a deployed stack."""

from __future__ import annotations

import json
import shutil
import sys

from langpont_db.outputs import environment, migration_environment
from tests.engine.conftest import Open
from tests.recordings import ROOT

CONSUMER = ROOT / "examples" / "consumer"


def test_an_applications_program_deploys_from_a_stack_reference_and_a_host_from_the_outputs(deployed: Open) -> None:
    workplace = deployed("prod")
    shutil.copytree(CONSUMER, workplace.folder / "consumer")
    (workplace.folder / "consumer" / "venv").symlink_to(ROOT / "venv")
    done = workplace.shell(
        """
        pulumi stack output --json > ../outputs.json
        cd ../consumer
        pulumi stack init prod >/dev/null
        pulumi up --yes --skip-preview --non-interactive >&2
        pulumi stack output --json
        """
    )
    outputs = json.loads((workplace.folder / "outputs.json").read_text(encoding="utf-8"))
    read = json.loads(done.stdout)
    [role] = [each for each in workplace.cloud.all("aws:iam/role:Role") if each.logical_name == "host"]
    assert read == {
        "address": f"{outputs['primaryEndpoint']}:5432",
        "environment": environment(outputs),
        "hostRole": role.properties["name"],
        "hostSecurityGroup": outputs["applicationSecurityGroupId"],
        "migrationEnvironment": migration_environment(outputs),
    }
    [attached] = [
        each.properties
        for each in workplace.cloud.all("aws:iam/rolePolicyAttachment:RolePolicyAttachment")
        if each.logical_name == "host"
    ]
    assert (attached["role"], attached["policyArn"]) == (role.properties["name"], outputs["applicationPolicyArn"])

    file = workplace.shell(f'"{sys.executable}" -m ops outputs env --stack prod --file - < ../outputs.json').stdout
    names = [line.partition("=")[0] for line in file.splitlines()]
    assert names == list(environment(outputs))
    assert "DATABASE_PRIMARY_URL=postgresql://langpont_app@127.0.0.1:6432/langpont?sslmode=disable\n" in file
