"""Bring the whole platform up on one machine, verify it, show its status, take it down."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from blueprint.postgres.roles import left_as_it_was
from local import functions, snapshots, state
from local.aws.clients import Clients
from local.aws.provider import UNPROVEN, Created, KeptAnswers, MotoProvider
from local.aws.server import MotoServer, ServerError, start_server
from local.down import (
    CONTROL,
    control,
    functions_file,
    layout_of,
    rotated_file,
    stop_control,
    stopped_unless_it_ends,
)
from local.loopback import is_free
from local.processes import Process
from local.randoms import KeptRandoms
from local.rotated import as_rotated, forget, lost
from local.servers import backups, plane
from local.servers.account import Account, server_account
from local.servers.binaries import Binaries
from local.servers.binaries import find as find_binaries
from local.servers.errors import DataPlaneError
from local.servers.layout import Layout, Ports, explained
from local.servers.plan import DataPlan, data_plan
from local.servers.plane import DataPlane, Done
from local.servers.ports import POOLER, choose
from local.servers.upgrade import RUNBOOK
from local.state import Changes, Folders, State, StateError
from local.verify import checks as data_check
from local.verify import functions as check_functions
from local.verify import instances as check_instances
from local.verify.check import Check
from preview.units import count
from recording import stack_files
from recording.answers import Answers
from recording.engine import record
from recording.recording import Recording, reveal
from recording.stack_files import StackFile

PORT_SECONDS = 20  # a server that was killed holds its port until its last thread has ended
Progress = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Result:
    """What an `up` found and did. `rebuilt`: the control plane was made anew. `notes`: sentences for the user.

    `seconds`: until clients were served.
    """

    folders: Folders
    state: State
    recording: Recording
    changes: Changes
    rebuilt: bool
    endpoint: str
    data: DataPlane
    done: Done
    notes: tuple[str, ...]
    seconds: float

    @property
    def changed(self) -> bool:
        """Whether there was anything to do."""
        return bool(self.rebuilt or self.done.changed)

    @property
    def differences(self) -> list[tuple[str, str]]:
        """What is not here as it is on AWS: where, and what."""
        return _differences(self.state, self.data)


def up(project: Path, stack: str, ports: Mapping[str, int], say: Progress) -> Result:
    """Bring the stack up, from nothing, from an interruption or from an older stack file.

    `ports` asks for some by role ("moto", "primary", "replica-1", "pooler"); the others are kept or free. Raises the
    refusals of the program, `EngineRefusal`, `StateError`, `ServerError` and `DataPlaneError`; a run that does not get
    to its end stops what it has started, and adds to the exception what state things are in.
    """
    began = time.monotonic()
    stack_file = stack_files.load(project, stack)
    folders = _folders_for_up(project, stack)
    notes: list[str] = []
    with state.locked(folders, stack), stopped_unless_it_ends(folders, stack, say):
        kept = state.load_or_set_aside(folders, stack, notes.append)
        say("Running the program")
        recording = _answered_again(stack_file, kept)
        plan = data_plan(recording)
        _check_roles(ports, plan)
        backups.check(plan, layout_of(folders), datetime.now(UTC))
        folders.record_place()
        plane.end_strays(layout_of(folders))
        _check_upgrade(folders, kept, recording, ports, say)
        wanted = state.digests(recording)
        changes = state.changes(kept.registrations, wanted)
        server = control(folders)
        port = ports.get(CONTROL)
        # One of before the project or its servers were elsewhere reads a file that is no longer written.
        misled = server is not None and str(functions_file(folders)) not in server.process.command
        moves = misled or (server is not None and port not in (None, server.port))
        rebuilt = server is None or not server.alive() or moves or bool(changes)
        if rebuilt or server is None:
            before = server
            notes += lost(rotated_file(folders))
            server, recording = _rebuild(stack_file, folders, kept, server, port, say, moves=moves)
            if before is not None and port is None and server.port != before.port:
                notes.append(
                    f"Another program has taken port {before.port}, so the control plane moved to {server.port}: start "
                    f"applications again with the new environment."
                )
        _write_control(folders, server)  # it may have been damaged, and found by its process
        say("Bringing up PostgreSQL and PgBouncer")
        clients = Clients(server.endpoint, _region(stack_file))
        make_roles = partial(_make_roles, folders, recording, clients, notes.append)
        plan = as_rotated(data_plan(recording), recording, clients)
        data = _data_plane(folders, kept, plan, ports, say, make_roles)
        state.save(folders, kept)  # with ports and folders, so that an interrupted start can be taken down
        done = data.up()
        notes += [_upgraded(action.names[0]) for action in done.actions if action.kind == "upgraded"]
        snapshots.register(clients, data.layout)  # a final one, perhaps of a run that was interrupted
        if data.began_empty and any(action.kind == "created" for action in done.actions):
            notes.append(str(data.substitutions[-1]))
        return Result(
            folders=folders, state=kept, recording=recording, changes=changes, rebuilt=rebuilt,
            endpoint=server.endpoint, data=data, done=done, notes=tuple(notes),
            seconds=done.served - began,
        )  # fmt: skip


def _folders_for_up(project: Path, stack: str) -> Folders:
    """Raises `StateError` where LANGPONT_LOCAL_DIR asks for another folder than the one that holds the data."""
    folders, asked = Folders.of(project, stack), state.asked_folder(stack)
    if asked in (None, folders.run):
        return folders
    if folders.run.exists() or plane.strays(layout_of(folders)):
        raise StateError(
            f"{state.PLACE_VARIABLE} asks for {asked}, and the servers and the data of {stack} are in {folders.run}. "
            f"Set it to {folders.run.parent} or unset it; to begin anew there, first make down STACK={stack} PURGE=1"
        )
    return replace(folders, run=asked)


def _check_upgrade(
    folders: Folders, kept: State, recording: Recording, ports: Mapping[str, int], say: Progress
) -> None:
    """Raises `DataPlaneError` where the data is of another major and RDS would not upgrade it, before any change."""
    plan = data_plan(recording)
    layout = layout_of(folders)
    if plane.major(layout, plan.primary.name) not in (None, plan.primary.major):
        _data_plane(folders, replace(kept), plan, ports, say, lambda _: False).check_upgrade()


def _upgraded(way: str) -> str:
    return (
        f"PostgreSQL {way.replace(' to ', ' became ')}. RDS makes no statistics and updates no extension, which was "
        f"done here: ANALYZE and ALTER EXTENSION ... UPDATE ({RUNBOOK})."
    )


def _check_roles(ports: Mapping[str, int], plan: DataPlan) -> None:
    roles = (CONTROL, *(instance.name for instance in plan.standing), POOLER)
    unknown = [f"{role}={port}" for role, port in ports.items() if role not in roles]
    if unknown:
        raise DataPlaneError(f"--port {unknown[0]}: {plan.stack} has no such server. It has {', '.join(roles)}.")


def verify(project: Path, stack: str) -> Iterator[Check]:
    """Prove the running platform, a check at a time. Raises `StateError` where nothing was brought up."""
    folders, kept = _known(project, stack)
    stack_file = stack_files.load(project, stack)
    recording = _answered_again(stack_file, kept)
    drift = state.changes(kept.registrations, state.digests(recording))
    yield Check(
        "the stack file is what is up",
        not drift,
        f"make up STACK={stack} brings {count(len(drift.added + drift.changed + drift.removed), 'change')}"
        if drift
        else "",
    )
    server = control(folders)
    if server is None:
        raise StateError(f"{stack} has no control plane. make up STACK={stack}")
    clients = Clients(server.endpoint, _region(stack_file))
    data = _plane_of(kept, lambda plan: as_rotated(plan, recording, clients))
    promised = int(data.pooler.option["max_client_conn"])
    yield from check_functions.checks(recording, clients, data)
    yield from check_instances.checks(clients, data)
    yield from data_check.checks(data, clients=promised, also_secret=[_control_log(folders)])


def status(project: Path, stack: str) -> dict[str, Process | None]:
    """What should run, by role; None for what does not. Raises `StateError` where nothing was brought up."""
    folders, kept = _known(project, stack)
    server = control(folders)
    found: dict[str, Process | None] = {CONTROL: server.process if server and server.alive() else None}
    return found | _plane_of(kept).processes()


def differences(project: Path, stack: str) -> list[tuple[str, str]]:
    """What is not on this machine as it is on AWS: where, and what. Raises as `status` does."""
    _, kept = _known(project, stack)
    return _differences(kept, _plane_of(kept))


def _differences(kept: State, data: DataPlane) -> list[tuple[str, str]]:
    return [
        *(("control plane", note) for note in (UNPROVEN, *kept.exceptions)),
        *(("data plane", str(substitution)) for substitution in data.substitutions),
        *(("binaries", lack) for lack in data.binaries.lacks),
    ]


def _known(project: Path, stack: str) -> tuple[Folders, State]:
    folders = Folders.of(project, stack_files.checked_name(stack))
    kept = state.load(folders, stack)
    if kept is None or kept.data is None:
        stack_files.load(project, stack)  # perhaps there is no such stack at all
        raise StateError(f"{stack} is not up. make up STACK={stack}")
    return folders, kept


def _region(stack_file: StackFile) -> str:
    return stack_file.config.get("aws:region", "ap-northeast-1")  # the program refuses a file without it


def _answered_again(stack_file: StackFile, kept: State) -> Recording:
    """The program's registrations, answered as the control plane answered when it was made."""
    created = {urn: Created.from_json(value) for urn, value in kept.made.items()}
    return record(stack_file, KeptAnswers(created, Answers(_region(stack_file))), preview=False)


def _control_log(folders: Folders) -> Path:
    return folders.state / "moto.log"


def _rebuild(
    stack_file: StackFile,
    folders: Folders,
    kept: State,
    server: MotoServer | None,
    port: int | None,
    say: Progress,
    *,
    moves: bool,
) -> tuple[MotoServer, Recording]:
    say("Building the control plane on moto")
    kept.registrations = {}  # an interruption from here on is one after which everything is made anew
    state.save(folders, kept)
    if server is None or moves or not _emptied(server):
        stop_control(folders)
        before = server.port if server is not None and _is_free_soon(server.port) else None
        server = start_server(
            _control_log(folders),
            port or before,
            partial(_write_control, folders),
            functions=functions_file(folders),
        )
    provider = MotoProvider(server.endpoint, _region(stack_file), KeptRandoms(kept.randoms))
    recording = record(stack_file, provider, preview=False)
    snapshots.register(Clients(server.endpoint, _region(stack_file)), layout_of(folders))
    forget(rotated_file(folders), recording)
    kept.made = {urn: created.to_json() for urn, created in provider.created.items()}
    kept.registrations = state.digests(recording)
    kept.exceptions = list(_exceptions(provider))
    kept.outputs = reveal(recording.outputs)
    state.save(folders, kept)
    return server, recording


def _is_free_soon(port: int) -> bool:
    deadline = time.monotonic() + PORT_SECONDS
    while not is_free(port):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _emptied(server: MotoServer) -> bool:
    """Whether it runs and is empty now; one that was interrupted while it started may not answer."""
    if not server.alive():  # whoever has its port now must not be asked: it may take half a minute not to answer
        return False
    try:
        server.reset()
    except ServerError:
        return False
    return True


def _write_control(folders: Folders, server: MotoServer) -> None:
    state.write_private(folders.control, json.dumps(server.to_json()))


def _exceptions(provider: MotoProvider) -> Iterator[str]:
    """What the control plane does not do, a line for each type and reason."""
    together: dict[tuple[str, str], list[str]] = {}
    for one in provider.shortfalls:
        together.setdefault((one.type, one.reason), []).append(one.about)
    for (type_, reason), about in together.items():
        package, _, name = type_.removeprefix("aws:").partition(":")
        what = f"{package.partition('/')[0]}.{name} {', '.join(filter(None, about))}".rstrip()
        yield f"{what}: {reason}"


def _data_plane(
    folders: Folders,
    kept: State,
    plan: DataPlan,
    ports: Mapping[str, int],
    say: Progress,
    make_roles: Callable[[DataPlane], bool],
) -> DataPlane:
    account = server_account()
    with explained():
        folders.make_run()
    layout = layout_of(folders)
    cache = folders.run.parent / "postgresql"
    binaries = find_binaries(cache, account, major=plan.primary.major, say=say)
    before = _kept_ports(kept, layout)
    asked = {role: port for role, port in ports.items() if role != CONTROL}
    chosen = choose(plan, asked=asked, kept=before, ours=plane.held_ports(layout))
    kept.data = {
        "plan": plan.to_json(),
        "ports": chosen.to_json(),
        "layout": layout.to_json(),
        "account": account.to_json(),
        "binaries": binaries.to_json(),
    }
    # LANGPONT_PG_BIN names those of one major.
    return DataPlane(
        plan, binaries=binaries, account=account, layout=layout, ports=chosen, say=say, make_roles=make_roles,
        older=lambda major: find_binaries(cache, account, major=major, environ={}, say=say),
        backed_up=True,
    )  # fmt: skip


def _kept_ports(kept: State, layout: Layout) -> Ports | None:
    """Those of the run before, where the state says them as this version does, and of what it left without a plan."""
    try:
        ports = Ports.from_json((kept.data or {})["ports"])
    except (KeyError, TypeError, ValueError):
        return None
    return replace(ports, servers=plane.configured_ports(layout) | dict(ports.servers))


def _make_roles(
    folders: Folders, recording: Recording, clients: Clients, note: Callable[[str], None], data: DataPlane
) -> bool:
    """As a deployment does, by the function that the program invokes; whether it had to do anything.

    `note`: is told what it leaves as it is.
    """
    functions.write_stand_ins(functions_file(folders), data)
    answers = list(functions.invoke_registered(recording, clients))
    for answer in answers:
        for sentence in left_as_it_was(answer, recording.stack):
            note(sentence)
    return any(answer["changed"] for answer in answers)


def _plane_of(kept: State, as_now: Callable[[DataPlan], DataPlan] = lambda plan: plan) -> DataPlane:
    """The servers as the state has them, with the plan `as_now`.

    Raises `StateError` for one of another version, or with parts missing.
    """
    data = kept.data or {}
    try:
        return DataPlane(
            as_now(DataPlan.from_json(data["plan"])),
            binaries=Binaries.from_json(data["binaries"]),
            account=Account(**data["account"]),
            layout=Layout.from_json(data["layout"]),
            ports=Ports.from_json(data["ports"]),
        )
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise StateError(
            f"The state of {kept.stack} is of another version of this project ({type(error).__name__}: {error}). "
            f"`make up STACK={kept.stack}` brings it to this one; the data stays."
        ) from None
