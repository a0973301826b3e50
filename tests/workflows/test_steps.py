"""Runs the workflows' shell steps, with stand-ins for GitHub, AWS and Pulumi, and a real git."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jmespath  # type: ignore[import-untyped]
import pytest

from tests.recordings import ROOT
from tests.workflows import JOBS, StandIn, execute, named

KEY = "awskms://alias/state?region=ap-northeast-1"
SETTINGS = {
    "STACK": "prod",
    "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/deploy",
    "PULUMI_BACKEND_URL": "s3://state?region=ap-northeast-1",
    "PULUMI_SECRETS_PROVIDER": KEY,
}


# What is not set up


@pytest.fixture
def stack_files(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "Pulumi.prod.yaml").write_text(f"config: {{}}\nencryptedkey: abc\nsecretsprovider: {KEY}\n")
    return folder


def test_a_stack_that_is_set_up_goes_on(stack_files: Path, tmp_path: Path) -> None:
    done = execute(named("stack", "Refuse what was not set up"), stack_files, tmp_path, SETTINGS)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    "changed, message",
    [
        ({"AWS_ROLE_ARN": ""}, "The environment of this job has no variable AWS_ROLE_ARN: docs/ci.md, Settings."),
        (
            {"PULUMI_BACKEND_URL": ""},
            "The environment of this job has no variable PULUMI_BACKEND_URL: docs/ci.md, Settings.",
        ),
        (
            {"PULUMI_SECRETS_PROVIDER": ""},
            "The environment of this job has no variable PULUMI_SECRETS_PROVIDER: docs/ci.md, Settings.",
        ),
        (
            {"PULUMI_BACKEND_URL": "file:///tmp"},
            "PULUMI_BACKEND_URL is not an s3:// URL: the state belongs into the bucket of README.md, Deploy.",
        ),
        (
            {"PULUMI_SECRETS_PROVIDER": "awskms://alias/other"},
            "Pulumi.prod.yaml does not name this environment's PULUMI_SECRETS_PROVIDER: README.md, Deploy.",
        ),
    ],
)
def test_a_job_stops_where_a_setting_is_missing_or_another_key_holds_the_secrets(
    stack_files: Path, tmp_path: Path, changed: dict[str, str], message: str
) -> None:
    done = execute(named("stack", "Refuse what was not set up"), stack_files, tmp_path, SETTINGS | changed)
    assert (done.returncode, done.stdout, done.stderr) == (1, f"::error::{message}\n", "")


# A release


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=test", "-c", "user.email=test@langpont.example")
    done = subprocess.run(["git", *identity, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_a_tag_on_main_is_released_and_one_beside_it_is_refused(tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    repository.mkdir()
    git(repository, "init", "--quiet", "--initial-branch=main")
    git(repository, "commit", "--quiet", "--allow-empty", "--message=one")
    released = git(repository, "rev-parse", "HEAD")
    git(repository, "commit", "--quiet", "--allow-empty", "--message=two")
    git(repository, "update-ref", "refs/remotes/origin/main", "HEAD")
    git(repository, "checkout", "--quiet", "--detach", released)
    git(repository, "commit", "--quiet", "--allow-empty", "--message=beside")
    beside = git(repository, "rev-parse", "HEAD")

    step = named("deploy", "Refuse a tag beside main")
    told = {"GITHUB_REF_NAME": "v1.2.0"}
    assert execute(step, repository, tmp_path, told | {"GITHUB_SHA": released}).returncode == 0
    refused = execute(step, repository, tmp_path, told | {"GITHUB_SHA": beside})
    assert (refused.returncode, refused.stdout) == (
        1,
        "::error::v1.2.0 is not on main: merge it first, then tag the commit that main has.\n",
    )


SECRET = "urn:pulumi:prod::langpont-database::aws:secretsmanager/secret:Secret::langpont-prod-secrets-langpont_app"


@pytest.mark.parametrize("deployment", [{}, {"pending_operations": None}, {"pending_operations": []}])
def test_a_state_in_which_nothing_is_pending_is_updated(tmp_path: Path, deployment: dict[str, Any]) -> None:
    pulumi = StandIn(tmp_path, "pulumi")
    pulumi.answer(("export", 0, json.dumps({"version": 3, "deployment": deployment})))
    done = execute(named("deploy", "Refuse a state with pending operations"), tmp_path, tmp_path, {"STACK": "prod"})
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert pulumi.calls == [["stack", "export", "--non-interactive", "--stack", "prod"]]


def test_a_job_stops_before_the_update_while_operations_are_pending(tmp_path: Path) -> None:
    pulumi = StandIn(tmp_path, "pulumi")
    pending = [{"type": "creating", "resource": {"urn": SECRET, "inputs": {"name": "langpont-prod/x"}}}]
    pulumi.answer(("export", 0, json.dumps({"deployment": {"pending_operations": pending}})))
    step = named("deploy", "Refuse a state with pending operations")
    done = execute(step, tmp_path, tmp_path, {"STACK": "prod"})
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout == (
        f"creating {SECRET}\n::error::The last update of prod was cut off, and nobody knows what it made: docs/ci.md, "
        "Operating them.\n"
    )
    pulumi.answer(("export", 255, ""))  # a state that cannot be read
    assert execute(step, tmp_path, tmp_path, {"STACK": "prod"}).returncode == 255
    jobs = [
        body["steps"] for (name, job), body in JOBS.items() if name == "deploy" and job in ("dev", "staging", "prod")
    ]
    names = [[each.get("name") for each in body] for body in jobs]
    assert [body[-2:] for body in names] == 3 * [["Refuse a state with pending operations", "Update"]]


def test_an_update_is_judged_by_the_policy_pack_and_says_which_commit_it_is(tmp_path: Path) -> None:
    pulumi = StandIn(tmp_path, "pulumi")
    told = {"STACK": "prod", "GITHUB_REF_NAME": "v1.2.0", "GITHUB_SHA": "abc"}
    assert execute(named("deploy", "Update"), tmp_path, tmp_path, told).returncode == 0
    pulumi.answer(("up", 255, ""))
    assert execute(named("deploy", "Update"), tmp_path, tmp_path, told).returncode == 255
    assert pulumi.calls == 2 * [
        ["up", "--non-interactive", "--yes", "--stack", "prod", "--policy-pack", "policy", "--message", "v1.2.0 abc"]
    ]


def test_a_cloud_preview_is_in_the_runs_summary_and_fails_where_pulumi_does(tmp_path: Path) -> None:
    pulumi = StandIn(tmp_path, "pulumi")
    pulumi.answer(("preview", 0, "  ~ aws:rds/instance:Instance: (update)\n"))
    told = {"STACK": "staging", "GITHUB_SHA": "abc"}
    step = named("cloud-preview", "Preview")
    assert execute(step, tmp_path, tmp_path, told).returncode == 0
    assert (tmp_path / "summary").read_text() == (
        "## staging at abc\n\n~~~~text\n  ~ aws:rds/instance:Instance: (update)\n~~~~\n"
    )
    pulumi.answer(("preview", 255, ""))
    assert execute(step, tmp_path, tmp_path, told).returncode == 255
    assert pulumi.calls[0] == [
        "preview", "--non-interactive", "--stack", "staging", "--policy-pack", "policy", "--diff", "--color", "never",
    ]  # fmt: skip


# Drift


INSTANCES = {
    "DBInstances": [
        {
            "DBInstanceIdentifier": "langpont-prod-db",
            "PreferredMaintenanceWindow": "sat:18:00-sat:19:00",
            "PendingModifiedValues": {"DBInstanceClass": "db.t3.large"},
            "DBParameterGroups": [{"DBParameterGroupName": "p", "ParameterApplyStatus": "pending-reboot"}],
        },
        {
            "DBInstanceIdentifier": "langpont-staging-db",
            "PreferredMaintenanceWindow": "sat:18:00-sat:19:00",
            "PendingModifiedValues": {},
            "DBParameterGroups": [],
        },
    ]
}
ACTIONS = {
    "PendingMaintenanceActions": [
        {
            "ResourceIdentifier": f"arn:aws:rds:ap-northeast-1:123456789012:db:langpont-{stack}-db",
            "PendingMaintenanceActionDetails": [{"Action": "system-update"}],
        }
        for stack in ("prod", "staging")
    ]
}


def test_what_aws_holds_for_the_window_is_listed_for_the_stacks_own_instances(tmp_path: Path) -> None:
    aws = StandIn(tmp_path, "aws")
    listed = named("drift", "List what AWS still holds for the maintenance window")
    shutil.copy(ROOT / "product.yaml", tmp_path)
    assert execute(listed, tmp_path, tmp_path, {"STACK": "prod"}).returncode == 0
    instances, actions = aws.calls
    assert instances[:-1] == ["rds", "describe-db-instances", "--output", "yaml", "--query"]
    assert actions[:-1] == ["rds", "describe-pending-maintenance-actions", "--output", "yaml", "--query"]
    assert jmespath.search(instances[-1], INSTANCES) == [
        {
            "instance": "langpont-prod-db",
            "window": "sat:18:00-sat:19:00",
            "settings": {"DBInstanceClass": "db.t3.large"},
            "parameters": ["pending-reboot"],
        }
    ]
    assert jmespath.search(actions[-1], ACTIONS) == [
        {
            "instance": "arn:aws:rds:ap-northeast-1:123456789012:db:langpont-prod-db",
            "actions": [{"Action": "system-update"}],
        }
    ]
    aws.answer(("describe-db-instances", 254, ""))
    assert execute(listed, tmp_path, tmp_path, {"STACK": "prod"}).returncode == 254


def test_a_job_fails_on_drift(tmp_path: Path) -> None:
    pulumi = StandIn(tmp_path, "pulumi")
    pulumi.answer(("refresh", 255, "error: changes occurred during refresh\n"))
    done = execute(named("drift", "Compare the account with the state"), tmp_path, tmp_path, {"STACK": "prod"})
    assert done.returncode == 255
    assert pulumi.calls == [
        [
            "refresh", "--non-interactive", "--stack", "prod", "--preview-only", "--expect-no-changes", "--diff",
            "--color", "never",
        ]
    ]  # fmt: skip
