"""What of a stack runs, and how it is stopped: by `down`, and by an `up` that does not get to its end."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from local import state
from local.aws.server import MotoServer, found_servers
from local.processes import Process
from local.servers import plane
from local.servers.layout import Layout, remove
from local.state import Folders, StateError
from recording import stack_files

CONTROL = "moto"


@dataclass(frozen=True, kw_only=True)
class Stopped:
    """What a `down` did. `names` of what was stopped; `data`: the folder that stays; `purged`: there was something."""

    names: tuple[str, ...]
    data: Path | None
    purged: bool


def down(project: Path, stack: str, *, purge: bool) -> Stopped:
    """Stop what `up` started, and nothing else; with `purge` remove its data and state too.

    Raises `StateError` for a stack that is not there, and while something of it still runs: then all stays.
    """
    folders = Folders.of(project, stack_files.checked_name(stack))
    layout = layout_of(folders)
    if not folders.state.exists() and not folders.run.exists() and not plane.strays(layout):
        if stack not in stack_files.names(project):
            stack_files.load(project, stack)  # says which there are
        return Stopped(names=(), data=None, purged=False)
    with state.locked(folders, stack):
        stopped = list(plane.down(layout))
        if stop_control(folders):
            stopped.append(CONTROL)
        left = [*running(folders).values(), *plane.strays(layout)]
        if left:
            numbers = ", ".join(f"{process.pid} ({process.command})" for process in left)
            raise StateError(f"{stack} still runs, and nothing was removed: end {numbers}, and run it again.")
        if purge:
            plane.purge(layout)
            remove(folders.run)
            remove(folders.state)
    return Stopped(names=tuple(stopped), data=folders.run if folders.run.exists() else None, purged=purge)


@contextmanager
def stopped_unless_it_ends(folders: Folders, stack: str, say: Callable[[str], None]) -> Iterator[None]:
    """Stop what was started inside if it raises, and note on the exception what state things are in.

    `say` hears what it waits for.
    """
    before = running(folders)
    try:
        yield
    except BaseException as error:
        with uninterrupted():
            layout = layout_of(folders)
            started = [role for role in running(folders) if role not in before]
            if started:
                say(f"Stopping {', '.join(started)}")
            plane.end_strays(layout)
            plane.stop_quickly(layout, started)
            if CONTROL not in before:
                stop_control(folders)
            missing = [role for role in before if role not in running(folders)]
        half_built = CONTROL in before and _is_half_built(folders)
        for line in _aftermath(stack, before, started, missing, half_built=half_built):
            error.add_note(line)
        raise


def _aftermath(
    stack: str, before: Mapping[str, Process], started: list[str], missing: list[str], *, half_built: bool
) -> Iterator[str]:
    if started:
        yield f"What this run had started is stopped again: {', '.join(started)}."
    if missing:
        yield f"Stopped for a restart, and not started again: {', '.join(missing)}."
    if half_built:
        yield "The control plane is half built: applications find no secrets there until the next `make up`."
    if started or missing or half_built:
        runs_on = [role for role in before if role not in missing]
        rest = (
            f"{', '.join(runs_on)} {'runs' if len(runs_on) == 1 else 'run'} on as before, and all data stays."
            if runs_on
            else "All data stays."
        )
        yield f"{rest} `make up STACK={stack}` goes on from here."


def _is_half_built(folders: Folders) -> bool:
    try:
        kept = state.load(folders, "")
    except StateError:
        return False
    return kept is not None and not kept.registrations


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Ignore Ctrl-C and its like inside: a second one would leave a part of it running."""
    numbers: tuple[signal.Signals, ...] = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    if threading.current_thread() is not threading.main_thread():  # no signal comes here
        numbers = ()
    before = {number: signal.signal(number, signal.SIG_IGN) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def running(folders: Folders) -> dict[str, Process]:
    """What runs, by role."""
    server = control(folders)
    found = {CONTROL: server.process} if server is not None and server.alive() else {}
    return found | plane.running(layout_of(folders))


def layout_of(folders: Folders) -> Layout:
    """Where the stack's servers are."""
    return Layout(folders.run / "data")


def control(folders: Folders) -> MotoServer | None:
    """The control plane that was last started, whether it lives or not."""
    try:
        return MotoServer.from_json(json.loads(folders.control.read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError):
        # Whoever starts it may be interrupted before the file is written, or damage it: its command line says as much.
        return next(iter(found_servers(functions_file(folders))), None)


def functions_file(folders: Folders) -> Path:
    """What tells the control plane where functions find their servers; it is among the arguments of its process.

    Beside the servers, so that a project that is moved finds its control plane.
    """
    return folders.run / "functions.json"


def rotated_file(folders: Folders) -> Path:
    """What the control plane keeps of rotated secrets, its owner's alone."""
    return folders.run / "rotated.json"


def stop_control(folders: Folders) -> bool:
    """Stop every control plane of the stack; whether one ran."""
    server = control(folders)
    servers = {*([server] if server is not None and server.alive() else []), *found_servers(functions_file(folders))}
    for one in servers:
        one.stop()
    return bool(servers)
