"""State file of `up`: one a stack, readable by its owner alone."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from recording.recording import Recording, reveal

PLACE_VARIABLE = "LANGPONT_LOCAL_DIR"


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
        """The folders of a stack of the project at this path; they may not exist yet.

        Servers are where they were brought up, whatever the environment says by now and wherever the project was moved
        to. Raises `StateError` for a LANGPONT_LOCAL_DIR that is no absolute path.
        """
        # Data is not below the project: a project in root's home is closed to the servers' unprivileged user.
        mark = hashlib.sha256(str(project.resolve()).encode()).hexdigest()[:8]
        own = cls(project / ".local" / stack, Path(f"/var/tmp/langpont-{os.getuid()}-{mark}", stack))
        return cls(own.state, _recorded(own) or asked_folder(stack) or own.run)

    def record_place(self) -> None:
        """Keep where `run` is, in a file of its own, so that a damaged state does not lose it. Raises `StateError`."""
        write_private(self.place, json.dumps({"run": str(self.run)}) + "\n")

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
    def place(self) -> Path:
        """Where `run` is."""
        return self.state / "place.json"

    @property
    def control(self) -> Path:
        """Which process is the control plane: a file of its own, so that a damaged state does not lose it."""
        return self.state / "control.json"


def asked_folder(stack: str) -> Path | None:
    """The folder of the stack's servers that LANGPONT_LOCAL_DIR asks for, None where it is not set.

    Raises `StateError` for a relative or empty one.
    """
    asked = os.environ.get(PLACE_VARIABLE)
    if asked is None:
        return None
    if not Path(asked).is_absolute():
        raise StateError(
            f"{PLACE_VARIABLE} is {asked!r}, which is no absolute path. Set it to one such as /var/tmp/langpont, or "
            f"unset it."
        )
    return Path(os.path.normpath(asked), stack)


def _recorded(folders: Folders) -> Path | None:
    """Where the servers were brought up: by the file for it, or by the state, which once said it alone."""
    for path, place in (
        (folders.place, lambda document: document["run"]),
        (folders.file, lambda document: Path(document["data"]["layout"]["root"]).parent),
    ):
        try:
            return Path(place(json.loads(path.read_text(encoding="utf-8"))))
        except (FileNotFoundError, NotADirectoryError, ValueError, LookupError, TypeError):
            continue
    return None


def load(folders: Folders, stack: str) -> State | None:
    """The state, or None where `up` never ran. Raises `StateError` for a file that is none, or of another version."""
    try:
        return _read(folders.file)
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise StateError(
            f"{folders.file} cannot be read: {error}. `make up STACK={stack}` makes it anew; the data stays."
        ) from None


def load_or_set_aside(folders: Folders, stack: str, say: Callable[[str], None]) -> State:
    """The state, or a new one. A file that cannot be read is kept under another name, and `say` told in a sentence.

    Nothing that cannot be made again is in it: the data is the servers', and a password that is lost is set anew.
    """
    try:
        return _read(folders.file)
    except FileNotFoundError:
        return State(stack=stack)
    except ValueError as error:
        aside = _unused(folders.file.with_name("state.json.unreadable"))
        folders.file.rename(aside)
        say(
            f"state.json could not be read ({error}), and is kept as {aside.name}. The data stays; the roles' "
            f"passwords are new, and applications get them from Secrets Manager."
        )
        return State(stack=stack)


def _read(path: Path) -> State:
    """Raises `ValueError` for what no version that we know has written, and `FileNotFoundError`."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"it is no JSON ({type(error).__name__})") from None
    if not isinstance(document, dict) or not isinstance(document.get("stack"), str):
        raise ValueError("it is not the state of a stack")
    unknown = document.keys() - {part.name for part in fields(State)}
    if unknown:
        raise ValueError(f"another version of this project wrote it, with {', '.join(sorted(unknown))}")
    for name, is_right in _SHAPES.items():
        if name in document and not is_right(document[name]):
            raise ValueError(f"{name} has another form than this version's")
    return State(**document)


def _all(is_right: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, dict) and all(map(is_right, value.values()))


def _has(**parts: type) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, dict) and all(isinstance(value.get(k), kind) for k, kind in parts.items())


_SHAPES: Mapping[str, Callable[[Any], bool]] = {
    "registrations": _all(lambda it: isinstance(it, str)),
    "randoms": _all(_has(keepers=dict, value=str)),
    "made": _all(_has(id=str, outputs=dict, secrets=dict)),
    "exceptions": lambda value: isinstance(value, list) and all(isinstance(it, str) for it in value),
    "outputs": lambda value: isinstance(value, dict),
    "data": lambda value: value is None or isinstance(value, dict),
}


def _unused(path: Path) -> Path:
    numbered = (path.with_name(f"{path.name}-{number}") for number in range(2, 1_000))
    return next(it for it in (path, *numbered) if not it.exists())


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
