"""The preview workflow, run for real on a small repository: a pull request's merge, its base, and one refused."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from preview.comment import comment, read
from tests.recordings import ROOT
from tests.workflows import execute, named
from tests.workflows.archives import archive

CHANGE = ("flowLogRetentionDays: 7", "flowLogRetentionDays: 14")
LEFT_OUT = (
    "venv",
    ".*",
    "tests",
    "docs",
    "examples",
    "benchmarks",
    "Pulumi.staging.yaml",
    "Pulumi.prod.yaml",
)


def git(folder: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=test", "-c", "user.email=test@langpont.example")
    subprocess.run(["git", *identity, *arguments], cwd=folder, capture_output=True, check=True)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The program with one stack, checked out as GitHub does it: the merge of a branch that changes one value."""
    folder = tmp_path_factory.mktemp("repository") / "database"
    shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(*LEFT_OUT))
    (folder / ".gitignore").write_text("venv\n__pycache__/\n")
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message=base")
    git(folder, "checkout", "--quiet", "-b", "change")
    edit(folder, *CHANGE)
    git(folder, "commit", "--quiet", "--all", "--message=change")
    git(folder, "checkout", "--quiet", "--detach", "main")
    git(folder, "merge", "--quiet", "--no-ff", "--message=merge", "change")
    (folder / "venv").symlink_to(sys.prefix)
    yield folder


def edit(folder: Path, old: str, new: str) -> None:
    file = folder / "Pulumi.dev.yaml"
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1
    file.write_text(text.replace(old, new), encoding="utf-8")


def previewed(repository: Path, scratch: Path) -> dict[str, str | bytes]:
    """What the workflow uploads, by file name."""
    scratch.mkdir(exist_ok=True)
    folder = scratch / "previews"
    done = execute(named("preview", "Preview every stack"), repository, scratch, {"PREVIEWS": str(folder)})
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}


def refusal(repository: Path, scratch: Path) -> tuple[int, str]:
    """Exit code and standard error of the last step."""
    told = {"PREVIEWS": str(scratch / "previews")}
    done = execute(named("preview", "Fail if a stack is refused"), repository, scratch, told)
    return done.returncode, done.stderr


def test_a_pull_request_is_compared_with_the_base_that_it_is_merged_into(repository: Path, tmp_path: Path) -> None:
    head = previewed(repository, tmp_path / "head")
    assert refusal(repository, tmp_path / "head") == (0, "")
    git(repository, "tag", "merge")
    assert execute(named("preview", "Go to the base"), repository, tmp_path, {}).returncode == 0
    base = previewed(repository, tmp_path / "base")
    git(repository, "checkout", "--quiet", "merge")

    assert list(head) == list(base) == ["dev.json", "dev.txt"]
    summary = (tmp_path / "head" / "summary").read_text(encoding="utf-8")
    assert summary.startswith("## dev\n\n~~~~text\nlangpont-database / dev  ap-northeast-1")
    archives = [archive(tmp_path / f"{side}.zip", files) for side, files in (("base", base), ("head", head))]
    written = comment(*map(read, archives), commit="f" * 40, run="https://github.com")
    assert written.partition("```diff\n")[2] == (
        "@@ resources: 0 added, 0 removed, 1 changed @@\n"
        "  aws:cloudwatch/logGroup:LogGroup langpont-dev-network-flow-logs\n"
        "-   inputs.retentionInDays: 7\n"
        "+   inputs.retentionInDays: 14\n"
        "```\n"
    )


def test_a_refused_stack_file_is_uploaded_as_its_report_and_fails_the_job(repository: Path, tmp_path: Path) -> None:
    edit(repository, "multiAz: false", "multiAz: perhaps")
    try:
        uploaded = previewed(repository, tmp_path)
    finally:
        git(repository, "checkout", "--quiet", "--", "Pulumi.dev.yaml")
    assert list(uploaded) == ["dev.refused"]
    code, told = refusal(repository, tmp_path)
    assert (code, told.encode()) == (1, uploaded["dev.refused"])
    assert told.startswith("Pulumi.dev.yaml: 1 problem\n  1. database.multiAz ")
