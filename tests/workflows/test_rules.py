"""Rules for every workflow: triggers, permissions, pins, limits, and that what it calls exists."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from recording import stack_files
from tests.recordings import DEPLOYABLE, ROOT, deployable
from tests.workflows import ACTION, FILES, JOBS, TEXTS, WORKFLOWS, Step, load, shell, steps

READ = {"contents": "read"}
ROLE = {"contents": "read", "id-token": "write"}

EVENTS: dict[str, dict[str, Any]] = {
    "check": {"pull_request": "", "workflow_call": ""},
    "preview": {"pull_request": {"branches": ["main"]}},
    "cloud-preview": {
        "workflow_dispatch": {
            "inputs": {
                "stack": {
                    "description": "Stack to preview",
                    "type": "choice",
                    "required": "true",
                    "options": ["staging", "prod"],
                }
            }
        }
    },
    "nightly": {"schedule": [{"cron": "23 16 * * *"}], "workflow_dispatch": ""},
    "deploy": {"push": {"branches": ["main"], "tags": ["v*"]}},
    "drift": {"schedule": [{"cron": "37 19 * * *"}], "workflow_dispatch": ""},
}
PERMISSIONS = {
    ("check", "static"): READ,
    ("check", "test"): READ,
    ("preview", "preview"): READ,
    ("cloud-preview", "preview"): ROLE,
    ("nightly", "long"): READ,
    ("deploy", "check"): READ,
    ("deploy", "released"): READ,
    **{("deploy", stack): ROLE for stack in DEPLOYABLE},
    ("drift", "drift"): ROLE,
}
# Where credentials are, and after which environment's rules.
ENVIRONMENTS = {
    ("cloud-preview", "preview"): "${{ inputs.stack }}-preview",
    **{("deploy", stack): stack for stack in DEPLOYABLE},
    ("drift", "drift"): "${{ matrix.stack }}-drift",
}
STACK_OF = {
    ("cloud-preview", "preview"): "${{ inputs.stack }}",
    **{("deploy", stack): stack for stack in DEPLOYABLE},
    ("drift", "drift"): "${{ matrix.stack }}",
}
GATES = {
    ("cloud-preview", "preview"): "github.ref == 'refs/heads/main' || startsWith(github.ref, 'refs/tags/v')",
    ("deploy", "released"): "startsWith(github.ref, 'refs/tags/v')",
    ("deploy", "dev"): "github.ref == 'refs/heads/main'",
    ("drift", "drift"): "github.ref == 'refs/heads/main'",
}
USES = re.compile(r"^ *(?:- )?uses: (\S+)(?: # (.+))?$", re.MULTILINE)
PIN = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}")


def uses(step: Step) -> str:
    told: str = step.body.get("uses", "")
    return told.partition("@")[0]


# Who starts them, and what they may


def test_every_workflow_starts_on_exactly_these_events() -> None:
    assert {name: workflow["on"] for name, workflow in WORKFLOWS.items()} == EVENTS


def test_nothing_is_permitted_by_default_and_each_job_has_exactly_these_permissions() -> None:
    assert {name: workflow["permissions"] for name, workflow in WORKFLOWS.items()} == {name: {} for name in WORKFLOWS}
    assert {where: body["permissions"] for where, body in JOBS.items()} == PERMISSIONS


def test_jobs_run_only_where_they_are_meant_to() -> None:
    gates = {where: body["if"] for where, body in JOBS.items() if "if" in body}
    assert GATES.items() <= gates.items()
    assert set(gates.values()) == set(GATES.values())


def test_a_stack_is_deployed_from_main_alone_after_the_checks() -> None:
    """Directly, or after the job that refuses a tag beside main: every way to a stack passes one of the two."""
    needs = {job: body.get("needs") or [] for (name, job), body in JOBS.items() if name == "deploy"}
    assert {"dev": "check", "staging": ["check", "released"], "prod": "staging"}.items() <= needs.items()
    for stack in DEPLOYABLE:
        before, job = set[str](), [stack]
        while job:
            earlier = needs[job.pop()]
            job += [earlier] if isinstance(earlier, str) else earlier
            before |= set(job)
        assert "check" in before, stack
        assert "released" in before or JOBS["deploy", stack].get("if") == "github.ref == 'refs/heads/main'", stack


def test_there_is_no_secret_and_no_token_anywhere() -> None:
    for name, text in TEXTS.items():
        assert not re.search(r"\bsecrets\b(?!-provider|provider)", text), name
        assert "github.token" not in text, name


def test_no_workflow_may_write() -> None:
    granted = {grant for permissions in PERMISSIONS.values() for grant in permissions.items()}
    assert granted == {("contents", "read"), ("id-token", "write")}


def test_variables_are_read_only_where_an_environment_guards_them() -> None:
    assert {where: body["environment"] for where, body in JOBS.items() if "environment" in body} == ENVIRONMENTS
    for where, body in JOBS.items():
        assert ("vars." in str(body)) == (where in ENVIRONMENTS), where
        assert (body["permissions"] == ROLE) == (where in ENVIRONMENTS), where


# What they use and how


def test_every_action_is_pinned_by_commit_with_its_version_beside_it_and_to_one_commit_everywhere() -> None:
    pins: dict[str, set[tuple[str, str]]] = {}
    for name, text in TEXTS.items():
        for used, version in USES.findall(text):
            if used.startswith("$/"):
                assert version == ""
                target = ROOT / used.removeprefix("$/")
                assert target.is_file() or (target / "action.yml").is_file(), used
                continue
            assert PIN.fullmatch(used), f"{name}: {used}"
            assert re.fullmatch(r"v\d+\.\d+\.\d+", version), f"{name}: {used} {version}"
            action, _, commit = used.partition("@")
            pins.setdefault(action, set()).add((commit, version))
    assert {action: len(found) for action, found in pins.items()} == dict.fromkeys(pins, 1)
    assert sorted(pins) == [
        "actions/checkout", "actions/setup-python", "aws-actions/configure-aws-credentials", "pulumi/actions",
    ]  # fmt: skip


def test_no_checkout_leaves_a_token_behind() -> None:
    found = [step for step in steps() if uses(step) == "actions/checkout"]
    assert {step.body["with"]["persist-credentials"] for step in found} == {"false"}


def test_no_expression_stands_in_a_shell_step() -> None:
    assert [step.body.get("name") for step in steps() if "${{" in step.run] == []


def test_every_shell_step_has_a_name_and_stops_at_the_first_error() -> None:
    for step in steps():
        if step.run:
            assert step.body["name"]
            assert shell(step) == ["bash", "-euo", "pipefail", "{0}"], step.body["name"]


@pytest.mark.parametrize("step", [step for step in steps() if step.run], ids=lambda step: step.body["name"])
def test_shellcheck_finds_nothing_in(step: Step) -> None:
    places = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    checker = shutil.which("shellcheck", path=places)
    assert checker, "shellcheck is missing. Install it: apt-get install shellcheck, or brew install shellcheck"
    checked = subprocess.run(
        [checker, "--shell=bash", "--norc", "-"],
        input=step.run,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def test_only_the_checks_restore_a_cache() -> None:
    cached = {step.where for step in steps() if "cache" in step.body.get("with", {}) or "cache" in uses(step)}
    assert cached == {"check"}
    assert EVENTS["check"].keys() == {"pull_request", "workflow_call"}


def test_no_finding_of_zizmor_is_answered_by_a_comment_or_a_configuration() -> None:
    assert [(name, line) for name, text in TEXTS.items() for line in text.splitlines() if "zizmor:" in line] == []
    assert [*ROOT.glob("zizmor.y*ml"), *(ROOT / ".github").glob("zizmor.y*ml")] == []


def test_dependabot_looks_at_every_folder_that_pins_an_action() -> None:
    told = load(ROOT / ".github" / "dependabot.yml")["updates"]
    assert [(update["package-ecosystem"], update["directories"]) for update in told] == [
        ("github-actions", ["/", f"/{ACTION.parent.relative_to(ROOT).as_posix()}"])
    ]


# Limits and turns


def test_every_job_has_a_time_limit_and_an_update_ends_before_its_credentials_do() -> None:
    limits = {where: int(body["timeout-minutes"]) for where, body in JOBS.items() if "uses" not in body}
    assert max(limits.values()) <= 170
    for where in ENVIRONMENTS:
        (used,) = [s for s in JOBS[where]["steps"] if s.get("uses") == "$/.github/actions/stack"]
        assert limits[where] * 60 < int(used["with"]["session-seconds"]), where


def test_every_test_that_is_left_out_of_a_pull_request_runs_at_night() -> None:
    job = JOBS["nightly", "long"]
    assert [step["run"] for step in job["steps"] if step.get("name") == "Test"] == [
        'make test ARGS="--long -m long $TESTS"'
    ]
    # One folder, and all but that folder.
    assert job["strategy"]["matrix"]["tests"] == ["tests/engine", "--ignore=tests/engine"]


def test_all_that_touches_a_stack_waits_in_that_stacks_turn_and_is_never_cancelled() -> None:
    for where, stack in STACK_OF.items():
        turn = {"group": f"stack-{stack}", "cancel-in-progress": "false", "queue": "max"}
        assert JOBS[where]["concurrency"] == turn, where
        assert JOBS[where]["env"] == {
            "STACK": stack,
            "PULUMI_BACKEND_URL": "${{ vars.PULUMI_BACKEND_URL }}",
            "PULUMI_SECRETS_PROVIDER": "${{ vars.PULUMI_SECRETS_PROVIDER }}",
        }
    assert STACK_OF.keys() == ENVIRONMENTS.keys()


def test_only_runs_of_a_pull_request_are_cancelled_by_newer_ones() -> None:
    cancelled = {
        where: body["concurrency"]["cancel-in-progress"]
        for where, body in [*WORKFLOWS.items(), *JOBS.items()]
        if body.get("concurrency", {}).get("cancel-in-progress", "false") != "false"
    }
    assert cancelled == {"check": "${{ github.event_name == 'pull_request' }}", "preview": "true"}


def test_a_refused_setup_stops_before_anything_is_installed_and_credentials_come_last() -> None:
    order = [step.body.get("name") or uses(step) for step in steps() if step.where == "stack"]
    assert order == [
        "Refuse what was not set up", "actions/setup-python", "Install the program's packages", "pulumi/actions",
        "aws-actions/configure-aws-credentials",
    ]  # fmt: skip


# What they name exists


def test_tests_run_on_every_python_from_the_oldest_that_is_promised() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    oldest = re.sub(r"py3(\d+)", r"3.\1", project["tool"]["ruff"]["target-version"])
    matrix = JOBS["check", "test"]["strategy"]["matrix"]["python"]
    assert matrix == ["3.11", "3.12", "3.13", "3.14"]
    assert matrix[0] == oldest
    assert f"Python {oldest} or newer" in (ROOT / "README.md").read_text(encoding="utf-8")
    used = {step.body["with"]["python-version"] for step in steps() if uses(step) == "actions/setup-python"}
    assert used - set(matrix) == {"${{ matrix.python }}"}


def test_every_make_target_module_and_script_that_is_called_exists() -> None:
    targets = set(re.findall(r"^([\w./-]+)(?: [\w./-]+)*:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    called: dict[str, set[str]] = {"make": set(), "module": set()}
    for step in steps():
        called["make"] |= set(re.findall(r"^\s*make (\S+)", step.run, re.M))
        called["module"] |= set(re.findall(r"python3? -m (\S+)", step.run))
    assert called == {
        "make": {"check", "sqlalchemy20", "test", "venv/.ready-requirements.txt"},
        "module": {"preview", "venv"},
    }
    assert called["make"] <= targets
    assert all(importlib.util.find_spec(module) for module in called["module"])


def test_the_cli_is_the_version_of_the_sdk_and_the_region_that_of_the_stacks() -> None:
    requirements = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    (cli,) = {step.body["with"]["pulumi-version"] for step in steps() if uses(step) == "pulumi/actions"}
    assert f"pulumi=={cli}\n" in requirements
    assert f'requiredPulumiVersion: ">={cli}"\n' in (ROOT / "Pulumi.yaml").read_text(encoding="utf-8")
    regions = set(re.findall(r"aws:region: (\S+)", "".join(p.read_text() for p in ROOT.glob("Pulumi.*.yaml"))))
    told = {w["env"]["AWS_REGION"] for w in WORKFLOWS.values() if "env" in w}
    assert told == regions


def test_the_policy_pack_that_updates_are_judged_by_exists_and_is_installed_with_the_program() -> None:
    packs = {pack for step in steps() for pack in re.findall(r"--policy-pack (\S+)", step.run)}
    assert packs == {"policy"}
    assert (ROOT / "policy" / "PulumiPolicy.yaml").is_file()
    assert re.search(r"^pulumi-policy==", (ROOT / "requirements.txt").read_text(encoding="utf-8"), re.M)


def test_no_command_of_pulumi_leaves_out_reading_aws_or_the_preview() -> None:
    """`refresh: always` stands in Pulumi.yaml, or an update after a failed one would send nothing."""
    project = yaml.safe_load((ROOT / "Pulumi.yaml").read_text(encoding="utf-8"))
    assert project["options"] == {"refresh": "always"}
    left_out = ("--refresh", "--skip-preview", "--exclude-protected", "--target")
    assert [(name, word) for name, text in TEXTS.items() for word in left_out if word in text] == []


def test_every_stack_is_deployed_and_watched() -> None:
    assert sorted(JOBS["drift", "drift"]["strategy"]["matrix"]["stack"]) == list(DEPLOYABLE)
    assert {job for name, job in JOBS if name == "deploy"} - {"check", "released"} == set(DEPLOYABLE)


def test_drift_is_looked_for_outside_the_windows_in_which_aws_changes_things() -> None:
    minute, hour = map(int, WORKFLOWS["drift"]["on"]["schedule"][0]["cron"].split()[:2])
    start, latest = hour * 60 + minute, hour * 60 + minute + int(JOBS["drift", "drift"]["timeout-minutes"])
    for stack in DEPLOYABLE:
        told = stack_files.load(ROOT, stack).sections()
        instances = [each.inputs for each in deployable(stack).of_type("aws:rds/instance:Instance")]
        windows = [told.get("backups", {}).get("window", "03:00-04:00"), *(i["maintenanceWindow"] for i in instances)]
        for window in (re.sub("[a-z]{3}:", "", window) for window in windows):
            begin, end = (int(t[:2]) * 60 + int(t[3:]) for t in window.split("-"))
            assert latest <= begin or start >= end, (stack, window)


def test_every_file_is_a_workflow_that_the_tables_here_know() -> None:
    assert {path.stem for path in FILES} == set(EVENTS)


def test_nothing_that_is_run_or_written_down_to_be_run_leaves_out_pulumis_preview() -> None:
    """Pulumi refuses to delete what is protected before anything happens in a preview alone.

    Prose may name the flag; commands are blocks, and spans that begin with a command.
    """
    run = [
        path
        for folder in (".github", "examples", "ops")
        for path in sorted((ROOT / folder).rglob("*"))
        if path.is_file() and not {"__pycache__", "node_modules"} & set(path.parts)
    ]
    texts = {path: path.read_text(encoding="utf-8") for path in [*run, ROOT / "Makefile"]}
    for path in [*sorted((ROOT / "docs").rglob("*.md")), *ROOT.glob("*.md")]:
        commands = re.findall(r"(?ms)^ *```.*?^ *```|`pulumi [^`]+`", path.read_text(encoding="utf-8"))
        texts[path] = "\n".join(commands)
    assert [str(path.relative_to(ROOT)) for path, text in texts.items() if "--skip-preview" in text] == []
