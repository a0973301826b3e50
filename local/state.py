"""State file of `up`: one a stack, readable by its owner alone."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from recording.recording import Recording, reveal


class StateError(Exception):
    """The state cannot be read, written or locked; the message says why and what to do."""


@dataclass(kw_only=True)
class State:
    """Contents of the state file. Secrets are in it: the file and its folder are the owner's alone.

    registrations: a digest of each registration's inputs by URN, to tell what a change of the stack file changes.
    randoms: what pulumi-random's state would keep, by URN. made: what each registration became, by URN. exceptions:
    what the control plane does not do. outputs: the stack's. data: the data plane's plan, ports and folders, None until
    it is first started.
    """

    stack: str
    registrations: dict[str, str] = field(default_factory=dict)
    randoms: dict[str, dict[str, Any]] = field(default_factory=dict)
    made: dict[str, dict[str, Any]] = field(default_factory=dict)
    exceptions: list[str] = field(default_factory=list)
    outputs: dict[str, Any] = field(default_factory=dict)
    data: dict[str, Any] | None = None


@dataclass(frozen=True)
class Folders:
    """Where a stack's platform lives: `state` in the project, `run` where the servers' user may enter."""

    state: Path
    run: Path

    @classmethod
    def of(cls, project: Path, stack: str) -> Folders:
        """The folders of a stack of the project at this path; they may not exist yet."""
        # Data is not below the project: a project in root's home is closed to the servers' unprivileged user.
        mark = hashlib.sha256(str(project.resolve()).encode()).hexdigest()[:8]
        base = Path(os.environ.get("LANGPONT_LOCAL_DIR", f"/var/tmp/langpont-{os.getuid()}-{mark}"))
        return cls(project / ".local" / stack, base / stack)

    def make_run(self) -> None:
        """Make `run`, so that the servers' account may enter it whatever the umask; what is private lies further in.

        Folders that were there keep their mode: they may be somebody else's. Raises `OSError`.
        """
        missing = [folder for folder in (self.run, *self.run.parents) if not folder.exists()]
        for folder in reversed(missing):
            folder.mkdir(exist_ok=True)
            folder.chmod(0o711)

    @property
    def file(self) -> Path:
        """The state file."""
        return self.state / "state.json"

    @property
    def control(self) -> Path:
        """Which process is the control plane: a file of its own, so that a damaged state does not lose it."""
        return self.state / "control.json"


def load(folders: Folders, stack: str) -> State | None:
    """The state, or None where `up` never ran. Raises `StateError` for a file that is not ours."""
    try:
        return State(**json.loads(folders.file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise StateError(
            f"{folders.file} cannot be read ({type(error).__name__}). "
            f"`make down STACK={stack} PURGE=1` stops what runs and begins anew."
        ) from None


def save(folders: Folders, state: State) -> None:
    """Write the state as a whole or not at all. Raises `StateError` for a full or read-only folder."""
    text = json.dumps(asdict(state), indent=1, sort_keys=True)
    write_private(folders.file, text)


def write_private(path: Path, text: str) -> None:
    """A file of the owner's alone, replaced at once; its folder too. Raises `StateError` if it cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")  # mode 600
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
            os.replace(name, path)
        except BaseException:
            os.unlink(name)
            raise
    except OSError as error:
        raise StateError(f"{path} cannot be written: {error.strerror}. Make room there, or make it writable.") from None


@contextmanager
def locked(folders: Folders, stack: str) -> Iterator[None]:
    """One command at a time works on a stack. Raises `StateError` while another one does."""
    try:
        folders.state.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(folders.state / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise StateError(f"{folders.state} cannot be written: {error.strerror}. Make it writable.") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise StateError(f"Another command works on {stack} right now. Wait for it to end.") from None
    try:
        yield
    finally:
        os.close(descriptor)


def digests(recording: Recording) -> dict[str, str]:
    """A digest of each registration: identity, inputs and options, without the values themselves."""
    return {
        urn: hashlib.sha256(
            json.dumps(
                [reveal(r.inputs), r.protect, r.parent, sorted(r.ignore_changes)],
                sort_keys=True,
                default=lambda archive: archive.digest,
            ).encode()
        ).hexdigest()
        for urn, r in recording.registrations.items()
    }


@dataclass(frozen=True)
class Changes:
    """Registrations that differ from those that are up: logical names with their types, sorted."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.removed)


def changes(before: Mapping[str, str], after: Mapping[str, str]) -> Changes:
    """Compare two sets of digests."""

    def names(urns: set[str]) -> tuple[str, ...]:
        return tuple(sorted(f"{urn.split('::')[2].split('$')[-1]} {urn.split('::')[-1]}" for urn in urns))

    return Changes(
        added=names(set(after) - set(before)),
        changed=names({urn for urn in set(after) & set(before) if after[urn] != before[urn]}),
        removed=names(set(before) - set(after)),
    )
