"""The preview workflow, run for real on a small repository: a pull request's merge, its base, and one refused."""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.recordings import FIXTURES, ROOT
from tests.workflows import execute, named

LEFT_OUT = ("venv", ".*", "tests", "docs", "examples", "benchmarks", "Pulumi.*.yaml")


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=test", "-c", "user.email=test@langpont.example")
    done = subprocess.run(["git", *identity, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def edit(folder: Path, old: str, new: str) -> None:
    file = folder / "Pulumi.dev.yaml"
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1
    file.write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program, checked out as GitHub does it: the merge of a branch that changes a stack and removes another."""
    folder = tmp_path_factory.mktemp("repository") / "database"
    shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(*LEFT_OUT))
    for name in ("Pulumi.dev.yaml", "Pulumi.prod.yaml"):
        shutil.copy(FIXTURES / name, folder)
    (folder / ".gitignore").write_text("venv\n__pycache__/\n")
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message=base")
    git(folder, "checkout", "--quiet", "-b", "change")
    edit(folder, "flowLogRetentionDays: 7", "flowLogRetentionDays: 14")
    (folder / "Pulumi.prod.yaml").unlink()
    git(folder, "commit", "--quiet", "--all", "--message=change")
    git(folder, "checkout", "--quiet", "--detach", "main")
    git(folder, "merge", "--quiet", "--no-ff", "--message=merge", "change")
    (folder / "venv").symlink_to(sys.prefix)
    return folder


def previewed(repository: Path, scratch: Path) -> tuple[int, str, str]:
    """Exit code of the step, its standard error, and the run's summary."""
    done = execute(named("preview", "Preview every stack"), repository, scratch, {})
    return done.returncode, done.stderr, (scratch / "summary").read_text(encoding="utf-8")


GONE = "Pulumi.prod.yaml is gone; what its stack has in AWS stays until somebody destroys it.\n\n"


def test_the_summary_has_what_changes_the_whole_page_and_the_stack_that_is_gone(
    repository: Path, tmp_path: Path
) -> None:
    code, told, summary = previewed(repository, tmp_path)
    assert (code, told) == (0, "")
    changes, _, page = summary.partition("<details><summary>The whole preview</summary>\n")
    base = git(repository, "rev-parse", "HEAD^1")[:12]
    assert changes == (
        "## dev\n"
        "\n"
        "~~~~text\n"
        f"langpont-database / dev  ap-northeast-1  compared offline with HEAD^1 ({base})\n"
        "  effect     nothing visible\n"
        "  window     not needed\n"
        "  cost       the same\n"
        "  settings   1 change\n"
        "  resources  0 added, 0 removed, 1 changed\n"
        "  policy     5 advisory\n"
        "\n"
        "network.vpc.flowLogRetentionDays  7 -> 14\n"
        "  nothing visible  network-flow-logs\n"
        "\n"
        "Resources  by component, without the component's name; alike ones together\n"
        "\n"
        "  langpont-dev-network  0 added, 0 removed, 1 changed\n"
        "    ~  cloudwatch.LogGroup   1  flow-logs\n"
        "        ~  retentionInDays  7 -> 14\n"
        "\n"
        "Offline  updated or replaced: as measured of terraform-provider-aws 5.100.0, with what is known of pulumi-aws "
        f"{version('pulumi-aws')}; what AWS has may\n  differ\n"
        "~~~~\n"
        "\n"
    )
    assert page.startswith("\n~~~~text\nlangpont-database / dev  ap-northeast-1  offline preview: ")
    assert page.endswith(f"\n~~~~\n\n</details>\n\n{GONE}")


def test_a_refused_stack_file_is_in_the_summary_and_fails_the_job(repository: Path, tmp_path: Path) -> None:
    edit(repository, "multiAz: false", "multiAz: perhaps")
    try:
        code, told, summary = previewed(repository, tmp_path)
    finally:
        git(repository, "checkout", "--quiet", "--", "Pulumi.dev.yaml")
    assert told.startswith("Pulumi.dev.yaml: 1 problem\n  1. database.multiAz ")
    assert (code, summary.startswith(f"## dev\n\n~~~~text\n{told}~~~~\n")) == (1, True)
    assert summary.endswith(GONE)


def test_a_base_that_is_refused_is_told_and_stops_nothing(repository: Path, tmp_path: Path) -> None:
    merge = git(repository, "rev-parse", "HEAD")
    edit(repository, "multiAz: false", "multiAz: perhaps")
    git(repository, "commit", "--quiet", "--all", "--message=broken base")
    edit(repository, "multiAz: perhaps", "multiAz: false")
    git(repository, "commit", "--quiet", "--all", "--message=mended")
    base = git(repository, "rev-parse", "HEAD^1")[:12]
    try:
        code, told, summary = previewed(repository, tmp_path)
    finally:
        git(repository, "checkout", "--quiet", "--detach", merge)
    assert (code, told) == (0, "")
    assert summary.startswith(
        f"## dev\n\n~~~~text\nHEAD^1 ({base}) refuses its own Pulumi.dev.yaml, so there is nothing to compare with. "
        "Name another version. It says:\n  Pulumi.dev.yaml: 1 problem\n"
    )
