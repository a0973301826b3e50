"""Checks out another version of the program, or takes it from a folder, and runs that version's own preview.

A version may also be this program with another stack file.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from preview.difference import EMPTY, Document, compare
from recording import stack_files

# The module that a version's previews are made by, newest first, by the file that shows it is there.
_COMMANDS = (("preview/__main__.py", "preview"), ("local/preview.py", "local.preview"))


class VersionError(Exception):
    """A version cannot be had or be previewed; the message says which, why and what to do."""


@dataclass(frozen=True, kw_only=True)
class Version:
    """The program in `folder`. `asked` is what the user wrote, `commit` what that names; None for a folder.

    `file`: the stack file in the place of the folder's own.
    """

    asked: str
    folder: Path
    commit: str | None
    file: Path | None = None

    @property
    def name(self) -> str:
        """For a sentence: `main (0123456789ab)`, or the folder as it was asked for."""
        return f"{self.asked} ({self.commit[:12]})" if self.commit else self.asked

    def has(self, stack: str) -> bool:
        """Whether this version has a file for the stack."""
        return self.file is not None or stack in stack_files.names(self.folder)


@contextmanager
def opened(project: Path, asked: str) -> Iterator[Version]:
    """The version, its files in a temporary folder that is removed at the end; a folder is taken as it is.

    `asked` is a branch, tag or commit of the repository that `project` is in, a folder, or a stack file for the program
    as it is. Raises `VersionError`.
    """
    with _scratch() as scratch:
        if is_stack_file(asked):
            yield Version(asked=asked, folder=project, commit=None, file=Path(asked).resolve())
            return
        commit, lack = _commit(project, asked)
        if commit:
            version = Version(asked=asked, folder=_checked_out(project, commit, asked, scratch), commit=commit)
        elif asked and is_folder(asked):
            version = Version(asked=asked, folder=Path(asked).resolve(), commit=None)
        else:
            raise VersionError(lack)
        yield version


def is_stack_file(asked: str) -> bool:
    """Whether it names a file such as a stack has, and not an export of a state."""
    return Path(asked).suffix in (".yaml", ".yml") and is_file(asked)


def is_file(asked: str) -> bool:
    """Whether it is the path of a file; what no file can be called is none, nor is what may not be looked at."""
    try:
        return Path(asked).is_file()
    except OSError:
        return False


def is_folder(asked: str) -> bool:
    """Whether it is the path of a folder, as for `is_file`."""
    try:
        return Path(asked).is_dir()
    except OSError:
        return False


@contextmanager
def previewing(version: Version, stack: str) -> Iterator[Running]:
    """The preview of a stack by the version's own program, begun in a process of its own, and ended with this."""
    if not version.has(stack):
        if version.commit is None and not (version.folder / "Pulumi.yaml").is_file():
            raise VersionError(
                f"{version.name} is a folder without Pulumi.yaml, and so without the program. Name the one that has it."
            )
        yield Running(version, stack, None, version.folder)
        return
    module = next((module for file, module in _COMMANDS if (version.folder / file).is_file()), None)
    if module is None:
        raise VersionError(
            f"{version.name} has no preview to compare with: {_COMMANDS[0][0]} is not there. "
            f"Name a later version, or a folder with this program."
        )
    with _stack_folder(version, stack) as folder:
        process = subprocess.Popen(
            [sys.executable, "-m", module, stack, "--json", *(() if version.file is None else ("--project", folder))],
            cwd=version.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        )  # fmt: skip
        try:
            yield Running(version, stack, process, folder)
        finally:
            process.kill()
            process.communicate()


@contextmanager
def _stack_folder(version: Version, stack: str) -> Iterator[Path]:
    """The version's folder, or one that leads to all that is in it but for the stack file."""
    if version.file is None:
        yield version.folder
        return
    with _scratch() as folder:
        for path in version.folder.iterdir():
            (folder / path.name).symlink_to(path)
        own = folder / f"Pulumi.{stack}.yaml"
        own.unlink(missing_ok=True)
        own.symlink_to(version.file)
        yield folder


@dataclass(frozen=True)
class Running:
    """A preview that is being made; without a process where the version has no such stack."""

    version: Version
    stack: str
    process: subprocess.Popen[str] | None
    folder: Path

    def document(self) -> Document:
        """What it says, with the stack file's values under "settings"; `EMPTY` without such a stack.

        Waits for it. Raises `VersionError` where the version refuses its own stack file or says what is no preview.
        """
        if self.process is None:
            return EMPTY
        printed, refusal = self.process.communicate()
        if not printed:
            raise VersionError(self._refused(refusal))
        try:
            document: dict[str, Any] = json.loads(printed)
            document["settings"] = stack_files.load(self.folder, self.stack).shown()
            compare(document, document)
        except (ValueError, KeyError, TypeError, AttributeError, stack_files.StackFileError):
            raise VersionError(
                f"The preview of {self.version.name} has another form than this version's, so the two cannot be "
                f"compared. Name a version nearer to this one."
            ) from None
        return document

    def _refused(self, refusal: str) -> str:
        lines = refusal.strip().splitlines() or ["it said nothing"]
        if lines[0].startswith("Traceback "):
            return (
                f"The program of {self.version.name} does not run here ({lines[-1]}). "
                f"Name another version, or install what its requirements.txt names."
            )
        return "\n".join(
            [
                f"{self.version.name} refuses its own Pulumi.{self.stack}.yaml, so there is nothing to compare with. "
                f"Name another version. It says:",
                *(f"  {line}" for line in lines),
            ]
        )


def _commit(project: Path, asked: str) -> tuple[str, str]:
    """The commit that a revision names, or "" and the sentence that says why there is none."""
    try:
        _git(project, "rev-parse", "--git-dir")
    except VersionError as error:
        return "", f"{asked!r} is no folder, and no version either: {error} Name a folder with the program."
    try:
        return _git(project, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{asked}^{{commit}}"), ""
    except VersionError:
        return "", (
            f"{asked!r} is neither a version in this repository nor a folder. "
            f"Name a branch, tag or commit (git fetch brings those of the server), or a folder with the program."
        )


def _checked_out(project: Path, commit: str, asked: str, scratch: Path) -> Path:
    """The project's files at a commit. Nothing of the repository changes: index and files are in `scratch`."""
    folder, index = scratch / "version", scratch / "index"
    folder.mkdir()
    inside = _git(project, "rev-parse", "--show-prefix").rstrip("/")
    repository = _git(project, "rev-parse", "--absolute-git-dir")
    try:
        _git(folder, "read-tree", f"{commit}:{inside}", repository=repository, index=index)
        _git(folder, "checkout-index", "--all", repository=repository, index=index)
    except VersionError as error:
        raise VersionError(f"The files of {asked} ({commit[:12]}) cannot be read: {error} Name another.") from None
    return folder


def _git(folder: Path, *arguments: str, repository: str = "", index: Path | None = None) -> str:
    """What a git command prints. Raises `VersionError` with git's last line, or that there is no git."""
    places = {"GIT_DIR": repository, "GIT_WORK_TREE": str(folder), "GIT_INDEX_FILE": str(index)} if repository else {}
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=folder, env={**os.environ, **places},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        )  # fmt: skip
    except FileNotFoundError:
        raise VersionError("git is not installed.") from None
    if done.returncode:
        raise VersionError(f"git says {(done.stderr.strip().splitlines() or ['nothing'])[-1]!r}.")
    return done.stdout.strip()


@contextmanager
def _scratch() -> Iterator[Path]:
    """A folder that is gone afterwards, also after Ctrl-C and SIGTERM, which is then one."""
    before = signal.signal(signal.SIGTERM, _ended)
    folder = Path(tempfile.mkdtemp(prefix="langpont-preview-"))
    try:
        yield folder
    finally:
        interrupt = signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C would leave a part of it behind
        shutil.rmtree(folder, ignore_errors=True)
        signal.signal(signal.SIGINT, interrupt)
        signal.signal(signal.SIGTERM, before)


def _ended(*_: object) -> NoReturn:
    raise KeyboardInterrupt
