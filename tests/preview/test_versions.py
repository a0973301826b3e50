"""`--against`: a stack compared with another version, whose own program is run; what is refused, and what is left."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from preview import __main__ as command
from preview.versions import Version, VersionError, opened, previewing
from recording.plan import source
from tests.contracts.test_secrecy import generated
from tests.processes import started
from tests.recordings import FIXTURES, ROOT, recording, secrets, strings
from tests.waiting import until

ROOMS = (
    "blueprint", "certs", "command_line", "components", "functions", "policy", "preview", "recording", "resource_types",
)  # fmt: skip
DEFAULT = ('log_min_duration_statement", "1s"', 'log_min_duration_statement", "2s"')
LINE = "-" * 80
SETTING = ("flowLogRetentionDays: 7", "flowLogRetentionDays: 14")


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=test", "-c", "user.email=test@langpont.example")
    done = subprocess.run(["git", *identity, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def commit(folder: Path, branch: str) -> str:
    """All that is in the folder as a commit on a new branch; its id."""
    if not (folder / ".git").exists():
        git(folder, "init", "--quiet", "--initial-branch=nothing")
    git(folder, "checkout", "--quiet", "-b", branch)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", f"--message={branch}")
    return git(folder, "rev-parse", "HEAD")


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1, old
    file.write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program and dev: on `main` as it was; in the working tree another default of the blueprint, and a setting."""
    folder = tmp_path_factory.mktemp("repository")
    for path in (ROOT / "__main__.py", ROOT / "product.yaml", FIXTURES / "Pulumi.yaml", FIXTURES / "Pulumi.dev.yaml"):
        shutil.copy(path, folder)
    for room in ROOMS:
        if (ROOT / room).exists():
            shutil.copytree(ROOT / room, folder / room, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / ".gitignore").write_text("__pycache__/\n")
    commit(folder, "main")
    edit(folder / "Pulumi.dev.yaml", *SETTING)
    for file in (folder / "blueprint").rglob("defaults.py"):
        edit(file, *DEFAULT)
    return folder


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files go, with nothing in it."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr("tempfile.tempdir", None)  # chosen anew
    return folder


def run(repository: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, in the repository."""
    return subprocess.run(
        [sys.executable, "-m", "preview", *arguments],
        cwd=repository, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


def changes_of(page: str) -> str:
    """What differs, which stands above the line."""
    return page.partition(f"\n{LINE}\n")[0]


# What is compared


@pytest.mark.parametrize(("options", "new"), [((), False), (("--all",), True)], ids=["changed", "new, and all of it"])
def test_below_what_differs_stands_the_page_of_the_stack_whether_it_is_new_or_not(
    repository: Path, tmp_path: Path, options: tuple[str, ...], new: bool
) -> None:
    base = "main"
    if new:
        base = str(tmp_path / "other")
        shutil.copytree(repository, base, ignore=shutil.ignore_patterns(".git", "__pycache__"))
        (tmp_path / "other" / "Pulumi.dev.yaml").unlink()
    alone = run(repository, "dev", *options).stdout.split("\n", 1)[1]
    page = run(repository, "dev", "--against", base, *options).stdout
    assert page.split(f"\n{LINE}\n")[1:] == [f"langpont-database / dev  all of it, as these files make it\n{alone}"]


def test_each_side_is_made_by_its_own_program_and_nothing_is_left_behind(repository: Path, scratch: Path) -> None:
    before = (git(repository, "status", "--short"), (repository / ".git" / "index").read_bytes())
    done = run(repository, "dev", "--against", "main")
    assert (done.returncode, done.stderr) == (0, "")
    name = git(repository, "rev-parse", "main")[:12]
    assert changes_of(done.stdout) == (
        f"langpont-database / dev  ap-northeast-1  compared offline with main ({name})\n"
        "  effect     reloaded\n"
        "  window     not needed\n"
        "  cost       the same\n"
        "  settings   1 change\n"
        "  resources  0 added, 0 removed, 2 changed\n"
        "  policy     5 advisory\n"
        "\n"
        "Without a changed setting\n"
        "  reloaded  db-primary hands out log_min_duration_statement to sessions as they go on\n"
        "\n"
        "network.vpc.flowLogRetentionDays  7 -> 14\n"
        "  nothing visible  network-flow-logs\n"
        "\n"
        "Resources  by component, without the component's name; alike ones together\n"
        "\n"
        "  langpont-dev-db  0 added, 0 removed, 1 changed\n"
        "    ~  rds.ParameterGroup   1  primary\n"
        "        ~  see Parameters\n"
        "\n"
        "  langpont-dev-network  0 added, 0 removed, 1 changed\n"
        "    ~  cloudwatch.LogGroup   1  flow-logs\n"
        "        ~  retentionInDays  7 -> 14\n"
        "\n"
        "Parameters\n"
        "     parameter                   what RDS gets                   on\n"
        "  ~  log_min_duration_statement  1000 ms = 1 s -> 2000 ms = 2 s  langpont-dev-db\n"
        "\n"
        f"Offline  updated or replaced: as measured of {source()}; what AWS has may\n  differ\n"
    )
    assert list(scratch.iterdir()) == []
    assert (git(repository, "status", "--short"), (repository / ".git" / "index").read_bytes()) == before
    assert len(git(repository, "worktree", "list").splitlines()) == 1


def test_as_json_the_version_and_what_differs_are_told_and_no_secret(repository: Path, scratch: Path) -> None:
    done = run(repository, "dev", "--against", "main", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    assert [told.pop(key) for key in ("project", "stack", "region", "against")] == [
        "langpont-database",
        "dev",
        "ap-northeast-1",
        {"asked": "main", "commit": git(repository, "rev-parse", "main"), "hasStack": True},
    ]
    assert {kind: [each["name"] for each in found] for kind, found in told.pop("resources").items()} == {
        "added": [],
        "removed": [],
        "changed": ["langpont-dev-db-primary", "langpont-dev-network-flow-logs"],
    }
    changes = {section: [".".join(change["path"]) for change in found] for section, found in told["sections"].items()}
    parameter = "langpont-dev-db.log_min_duration_statement"
    assert {section: paths for section, paths in changes.items() if paths} == {
        "parameters": [f"{parameter}.asked", f"{parameter}.value", f"{parameter}.meaning"],
        "settings": ["network.vpc.flowLogRetentionDays"],
    }


def test_another_stack_file_is_compared_for_the_program_as_it_is(
    repository: Path, scratch: Path, tmp_path: Path
) -> None:
    """Under whatever name; the program's own change shows nothing then."""
    other = tmp_path / "before.yaml"
    shutil.copy(repository / "Pulumi.dev.yaml", other)
    edit(other, *reversed(SETTING))
    done = run(repository, "dev", "--against", str(other), "--json")
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    assert told["against"] == {"asked": str(other), "commit": None, "hasStack": True}
    assert [each["name"] for each in told["resources"]["changed"]] == ["langpont-dev-network-flow-logs"]
    assert told["sections"]["settings"] == [
        {"path": ["network", "vpc", "flowLogRetentionDays"], "before": 7, "after": 14}
    ]
    assert told["rehearsed"] is None
    assert list(scratch.iterdir()) == []


def test_a_folder_is_compared_as_it_is_and_all_of_a_stack_that_it_lacks_is_new(
    repository: Path, scratch: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    shutil.copytree(repository, other, ignore=shutil.ignore_patterns(".git", "__pycache__"))
    same = run(repository, "dev", "--against", str(other))
    assert (same.returncode, changes_of(same.stdout).split("\n\n")[1:]) == (0, ["Nothing differs\n"])
    assert list(other.rglob("__pycache__")) == []

    (other / "Pulumi.dev.yaml").unlink()
    new = run(repository, "dev", "--against", str(other))
    assert (new.returncode, new.stdout.split("\n")[1:4]) == (
        0,
        [f"  {other} has no Pulumi.dev.yaml: everything is new", "  settings   all",
         f"  resources  {len(recording('dev').resources)} added, 0 removed, 0 changed"],
    )  # fmt: skip


def test_storage_that_grows_by_less_than_rds_grows_a_volume_is_refused_with_the_least_that_it_takes(
    repository: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    shutil.copytree(repository, other, ignore=shutil.ignore_patterns(".git", "__pycache__"))
    edit(other / "Pulumi.dev.yaml", "allocatedStorageGib: 20", "allocatedStorageGib: 100")
    here = tmp_path / "here"
    shutil.copytree(repository, here, ignore=shutil.ignore_patterns(".git", "__pycache__"))
    before = 20
    for wanted, code in ((110, 0), (109, 3)):
        edit(here / "Pulumi.dev.yaml", f"allocatedStorageGib: {before}", f"allocatedStorageGib: {wanted}")
        before = wanted
        told = run(here, "dev", "--against", str(other), "--json")
        assert (told.returncode, told.stderr) == (code, "")
        assert json.loads(told.stdout)["refused"] == [
            {
                "field": "database.allocatedStorageGib",
                "value": str(wanted),
                "rule": "is less than 10 % more than the 100 GiB that stand, and RDS grows a volume by no less",
                "wayOut": "Write 110 or more, or leave it at 100",
            }
        ] * (code == 3)
    edit(here / "Pulumi.dev.yaml", "allocatedStorageGib: 109", "allocatedStorageGib: 101")
    page = run(here, "dev", "--against", str(other))
    assert page.returncode == 3
    assert " ".join(page.stdout.split("\n\n")[1].split()) == (
        "Refused Pulumi or RDS would not do it, or not so database.allocatedStorageGib 101 is less than 10 % more than "
        "the 100 GiB that stand, and RDS grows a volume by no less. Write 110 or more, or leave it at 100."
    )


def test_no_secret_is_told_of_either_side(repository: Path, scratch: Path) -> None:
    held = generated(recording("dev")) | {
        inner
        for registration in recording("dev").registrations.values()
        for _, value in secrets(registration.inputs)
        for _, inner in strings(value)
    }
    other = repository.parent / "renamed"
    shutil.copytree(repository, other, ignore=shutil.ignore_patterns(".git", "__pycache__"))
    (other / "Pulumi.dev.yaml").unlink()
    for options in ((), ("--json",)):
        printed = run(repository, "dev", "--against", str(other), *options).stdout
        assert len(printed) > 1000
        assert [secret for secret in held if secret in printed] == []


# What is refused


VERSIONS = {
    "refuses": "print('Pulumi.dev.yaml: 1 problem\\n  1. no', file=sys.stderr); sys.exit(1)",
    "crashes": "raise ModuleNotFoundError('No module named x')",
    "babbles": "print('hello')",
    "differs": "print(json.dumps({'alarms': [{'name': 'a'}]}))",
    "waits": "pathlib.Path(os.environ['TMPDIR'], 'pid').symlink_to(str(os.getpid())); time.sleep(60)",
}


def version(folder: Path, script: str, *, command: str = "preview/__main__.py") -> Path:
    """A version of the program that consists of what its preview does."""
    file = folder / command
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"import json, os, pathlib, sys, time\n{script}\n")
    (folder / "Pulumi.yaml").write_text("name: langpont-database\n")
    (folder / "Pulumi.dev.yaml").write_text("config:\n  langpont-database:replicas: []\n")
    return folder


@pytest.mark.parametrize(
    "script, sentence",
    [
        ("refuses",
         "main (0123456789ab) refuses its own Pulumi.dev.yaml, so there is nothing to compare with. "
         "Name another version. It says:\n  Pulumi.dev.yaml: 1 problem\n    1. no"),
        ("crashes",
         "The program of main (0123456789ab) does not run here (ModuleNotFoundError: No module named x). "
         "Name another version, or install what its requirements.txt names."),
        ("babbles",
         "The preview of main (0123456789ab) has another form than this version's, so the two cannot be compared. "
         "Name a version nearer to this one."),
        ("differs",
         "The preview of main (0123456789ab) has another form than this version's, so the two cannot be compared. "
         "Name a version nearer to this one."),
    ],
)  # fmt: skip
def test_a_version_without_a_preview_of_this_form_is_one_sentence(tmp_path: Path, script: str, sentence: str) -> None:
    other = Version(asked="main", folder=version(tmp_path, VERSIONS[script]), commit="0123456789abcdef")
    with previewing(other, "dev") as running, pytest.raises(VersionError) as refused:
        running.document()
    assert str(refused.value) == sentence


def test_a_version_from_before_there_was_a_preview_is_refused_and_one_with_the_former_command_is_not(
    tmp_path: Path,
) -> None:
    former = version(tmp_path, "print(json.dumps({'warnings': ['former']}))", command="local/preview.py")
    other = Version(asked="v1", folder=former, commit=None)
    with previewing(other, "dev") as running:
        assert running.document() == {"warnings": ["former"], "settings": {"replicas": []}}
    (former / "local" / "preview.py").unlink()
    with pytest.raises(VersionError) as refused, previewing(other, "dev"):
        pass
    assert str(refused.value) == (
        "v1 has no preview to compare with: preview/__main__.py is not there. "
        "Name a later version, or a folder with this program."
    )


def refusal(project: Path, asked: str) -> str:
    with pytest.raises(VersionError) as refused, opened(project, asked):
        pass
    return str(refused.value)


@pytest.mark.parametrize("asked", ["nope", "", "--help", "main..nope", "main:Pulumi.dev.yaml", "n" * 5_000])
def test_what_is_neither_a_version_nor_a_folder_is_one_sentence(repository: Path, scratch: Path, asked: str) -> None:
    assert refusal(repository, asked) == (
        f"{asked!r} is neither a version in this repository nor a folder. Name a branch, tag or commit (git fetch "
        f"brings those of the server), or a folder with the program."
    )
    assert list(scratch.iterdir()) == []


def test_outside_a_repository_and_without_git_only_a_folder_will_do(
    tmp_path: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = refusal(tmp_path, "main")
    assert told.startswith("'main' is no folder, and no version either: git says 'fatal: not a git repository ")
    assert told.endswith(" Name a folder with the program.")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert refusal(tmp_path, "main") == (
        "'main' is no folder, and no version either: git is not installed. Name a folder with the program."
    )
    with opened(tmp_path, str(tmp_path)) as found:
        assert (found.folder, found.commit, found.name) == (tmp_path, None, str(tmp_path))


def test_the_command_ends_with_the_sentence_and_one(repository: Path, scratch: Path) -> None:
    done = CliRunner().invoke(command.app, ["dev", "--project", str(repository), "--against", "nope"])
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith("'nope' is neither a version in this repository nor a folder. ")


def test_a_folder_of_something_else_is_not_taken_for_a_version_without_the_stack(
    repository: Path, tmp_path: Path, scratch: Path
) -> None:
    (elsewhere := tmp_path / "elsewhere").mkdir()
    done = CliRunner().invoke(command.app, ["dev", "--project", str(repository), "--against", str(elsewhere)])
    assert (done.exit_code, done.stdout, done.stderr) == (
        1, "", f"{elsewhere} is a folder without Pulumi.yaml, and so without the program. Name the one that has it.\n"
    )  # fmt: skip


# Which files, and what is left of them


def test_a_project_below_the_top_of_its_repository_has_its_own_folder_of_the_version(
    tmp_path: Path, scratch: Path
) -> None:
    project = version(tmp_path / "top" / "database", "print('{}')")
    head = commit(tmp_path / "top", "main")
    (project / "Pulumi.dev.yaml").unlink()
    with opened(project, "main") as found:
        assert (found.commit, found.name) == (head, f"main ({head[:12]})")
        assert sorted(path.name for path in found.folder.iterdir()) == ["Pulumi.dev.yaml", "Pulumi.yaml", "preview"]
        assert [found.has(stack) for stack in ("dev", "prod")] == [True, False]
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_ends_the_other_program_and_leaves_nothing(
    repository: Path, scratch: Path, number: signal.Signals
) -> None:
    git(repository, "stash", "--quiet")
    git(repository, "checkout", "--quiet", "-B", "waits", "main")
    version(repository, VERSIONS["waits"])
    git(repository, "commit", "--quiet", "--all", "--message=waits")
    git(repository, "checkout", "--quiet", "main")
    git(repository, "stash", "pop", "--quiet")
    with started(
        [sys.executable, "-m", "preview", "dev", "--against", "waits"],
        cwd=repository, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        until((scratch / "pid").is_symlink, 60)
        other = int((scratch / "pid").readlink().name)
        process.send_signal(number)
        printed, told = process.communicate(timeout=60)
    assert (process.returncode, printed) == (130, "")
    assert told == "Interrupted. Nothing was changed, and nothing is left behind.\n"
    assert [path.name for path in scratch.iterdir()] == ["pid"]
    assert not Path(f"/proc/{other}").exists()


def test_progress_is_a_line_on_a_terminal_that_goes_away_and_nothing_in_a_pipe(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with command._progress("Running"):
        pass
    assert capsys.readouterr() == ("", "")
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    with command._progress("Running"):
        pass
    assert capsys.readouterr() == ("", "Running ...\r\033[K")
