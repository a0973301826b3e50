"""Runs the workflows' shell steps, with stand-ins for GitHub, AWS and Pulumi, and a real git."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import jmespath  # type: ignore[import-untyped]
import pytest

from tests.recordings import ROOT
from tests.workflows import StandIn, execute, named
from tests.workflows.archives import archive, preview

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


# The comment

HEAD = {"HEAD_OWNER": "somebody", "HEAD_BRANCH": "a$(b)`c`", "HEAD_SHA": "f" * 40}


def outputs(scratch: Path) -> str:
    file = scratch / "output"
    return file.read_text() if file.exists() else ""


@pytest.mark.parametrize(
    "answer, output, said",
    [
        ("7\n", "number=7\n", ""),
        ("", "", f"No open pull request is at {'f' * 40}: nothing to comment on.\n"),
        ("7\nother=1", "", f"No open pull request is at {'f' * 40}: nothing to comment on.\n"),
    ],
)
def test_the_pull_request_is_the_open_one_of_the_branch_that_github_names(
    tmp_path: Path, answer: str, output: str, said: str
) -> None:
    gh = StandIn(tmp_path, "gh")
    gh.answer(("pulls", 0, answer))
    done = execute(named("preview-comment", "Find the pull request"), tmp_path, tmp_path, HEAD)
    assert (done.returncode, done.stdout, outputs(tmp_path)) == (0, said, output)
    assert gh.calls[0][:-2] == [
        "api", "--method", "GET", "repos/langpont/database/pulls",
        "-f", "state=open", "-f", "base=main", "-f", "head=somebody:a$(b)`c`",
    ]  # fmt: skip


def test_the_previews_are_those_of_the_run_and_none_is_fetched_that_is_too_large_or_gone(tmp_path: Path) -> None:
    gh = StandIn(tmp_path, "gh")
    fetch = named("preview-comment", "Fetch the previews")
    gh.answer(("preview-base", 0, "11\n"), ("preview-head", 0, "12\n"), ("11/zip", 0, "base"), ("12/zip", 0, "head"))
    assert execute(fetch, tmp_path, tmp_path, {"RUN_ID": "5"}).returncode == 0
    assert outputs(tmp_path) == "fetched=true\n"
    assert [(tmp_path / f"{side}.zip").read_text() for side in ("base", "head")] == ["base", "head"]
    assert [call[-5:-2] for call in gh.calls if "--jq" in call] == [
        ["repos/langpont/database/actions/runs/5/artifacts", "-f", f"name=preview-{side}"] for side in ("base", "head")
    ]

    (tmp_path / "output").unlink()
    gh.answer(("preview-base", 0, "11\n"), ("preview-head", 0, ""))
    done = execute(fetch, tmp_path, tmp_path, {"RUN_ID": "5"})
    assert (done.returncode, done.stdout) == (0, "The run made no preview of the head: its own page says why.\n")
    assert outputs(tmp_path) == ""


@pytest.mark.parametrize(
    "existing, written",
    [("", ["POST", "repos/langpont/database/issues/7/comments"]),
     ("3\n9\n", ["PATCH", "repos/langpont/database/issues/comments/3"])],
)  # fmt: skip
def test_one_comment_is_written_and_then_updated(tmp_path: Path, existing: str, written: list[str]) -> None:
    gh = StandIn(tmp_path, "gh")
    gh.answer(("issues/7/comments", 0, existing))
    for side in ("base", "head"):
        archive(tmp_path / f"{side}.zip", {"dev.json": preview("dev"), "dev.txt": "the page\n\nthe rest"})
    told = {"NUMBER": "7", "HEAD_SHA": "f" * 40, "RUN_URL": "https://github.com/langpont/database/actions/runs/5"}
    done = execute(named("preview-comment", "Comment"), ROOT, tmp_path, told)
    assert (done.returncode, done.stderr) == (0, "")
    body = tmp_path / "comment.md"
    assert gh.calls[-1] == ["api", "--silent", "--method", *written, "-F", f"body=@{body}"]
    assert "#### dev: no difference from the base\n\n```text\nthe page\n```\n" in body.read_text()


def test_nothing_is_written_from_an_archive_that_is_none(tmp_path: Path) -> None:
    gh = StandIn(tmp_path, "gh")
    for side in ("base", "head"):
        (tmp_path / f"{side}.zip").write_text("no zip")
    told: dict[str, Any] = {"NUMBER": "7", "HEAD_SHA": "f" * 40, "RUN_URL": "https://github.com"}
    done = execute(named("preview-comment", "Comment"), ROOT, tmp_path, told)
    assert (done.returncode, gh.calls) == (1, [])
    assert done.stderr == "base.zip is no archive of previews: File is not a zip file\n"
