"""A change from one version of a stack to another, applied on servers of this machine while clients are at work."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from local.rehearsal import application
from local.rehearsal.errors import RehearsalError
from local.rehearsal.load import Load, longest_wait, lost
from local.rehearsal.place import Applied, Place, did, place
from local.state import write_private
from preview.against import Against
from preview.rehearsed import Rehearsed, Work, digest, kept_in

WRITERS = READERS = 4
PAUSE_SECONDS = 0.01  # of each client after each unit of work: some hundred a second are no burden
BEFORE_SECONDS = 2.0  # of load before the change
AFTER_SECONDS = 3.0  # at least, after it
MORE = 50  # so many units of work show that clients are at work
BEGIN_SECONDS, RECOVER_SECONDS = 60, 90

Progress = Callable[[str], None]


def rehearse(project: Path, against: Against, say: Progress) -> Rehearsed:
    """Bring the other version up, put rows in, apply this one under load, look for the rows, and take all down.

    Raises `RehearsalError` where one of the two does not come up, with what clients saw meanwhile.
    """
    version, stack = against.version, against.report.first.stack
    with place(project, stack) as here:
        say("Copying both versions")
        here.copy(version.folder, here.base, version.file)
        here.copy(project, here.changed)
        _base_up(here, version.name, say)
        here.hand_over()
        values = application.environment(here.app_env(here.changed))
        with application.of_an_application(values), application.database(values) as database:
            with application.explained(f"An application does not get in before the change, of {version.name}"):
                application.fill(database, values, application.ROWS)
            reads = Load(application.reading(database, application.ROWS), READERS, pause_seconds=PAUSE_SECONDS)
            first = application.ROWS + 1
            writes = Load(application.writing(database), WRITERS, first=first, pause_seconds=PAUSE_SECONDS)
            with reads, writes:
                with application.explained("Clients do not get to work before the change"):
                    _begin(writes, reads)
                say("Applying the change while clients write and read")
                found = _under_load(here, writes, reads, say)
        rows = [*range(1, first), *(number for number, _ in list(writes.acknowledged))]
        # With the environment of now: what an application finds that starts after the change.
        now = application.environment(here.app_env(here.changed))
        late = application.explained("An application that starts after the change does not get in")
        with application.of_an_application(now), late:
            missing = lost(rows, application.present(now))
    if found.applied is None:
        raise RehearsalError(
            f"The platform on this machine does not take the change: {found.refusal}\n"
            f"Clients meanwhile: {_sentence(found.writes)}; {len(missing)} of {len(rows)} commits lost."
        )
    return Rehearsed(
        change=digest(against.comparison),
        measured=datetime.now(UTC).strftime("%Y-%m-%d %H:%M"),
        apply_seconds=round(found.applied.seconds, 2),
        did=tuple(did(found.applied)),
        writes=found.writes,
        reads=found.reads,
        rows=len(rows),
        lost=len(missing),
    )


def keep(project: Path, stack: str, found: Rehearsed) -> None:
    """Let the next report of the same change have it."""
    write_private(kept_in(project, stack), json.dumps(found.to_json(), indent=2) + "\n")


@dataclass(frozen=True, kw_only=True)
class _Found:
    applied: Applied | None
    refusal: str
    writes: Work
    reads: Work


def _base_up(here: Place, name: str, say: Progress) -> None:
    say(f"Bringing up {name}")
    try:
        here.up(here.base, say=lambda step: say(f"{name}: {step}"))
    except RehearsalError as refused:
        raise RehearsalError(f"{name} does not come up on this machine, so nothing was rehearsed. {refused}") from None


def _begin(*loads: Load) -> None:
    for load in loads:
        load.wait_for(MORE, BEGIN_SECONDS)
    time.sleep(BEFORE_SECONDS)
    failures = [kind for load in loads for _, kind in load.failures]
    if failures:
        raise RehearsalError(f"Clients failed before anything was changed: {failures[0]}. Run it again.")


def _under_load(here: Place, writes: Load, reads: Load, say: Progress) -> _Found:
    applied, refusal = None, ""
    begun = time.monotonic()
    try:
        applied = here.up(here.changed, "--json", say=lambda step: say(f"Applying: {step}"))
    except RehearsalError as refused:
        refusal = str(refused)
    say("Waiting until clients are at work again")
    went_on = _go_on(writes, reads)
    time.sleep(AFTER_SECONDS)
    ended = time.monotonic()
    works = [_work(load, begun, ended, went_on=on) for load, on in zip((writes, reads), went_on, strict=True)]
    return _Found(applied=applied, refusal=refusal, writes=works[0], reads=works[1])


def _go_on(*loads: Load) -> list[bool]:
    """Which of them do so many more units of work; waits for all, within one time."""
    wanted = [len(load.acknowledged) + MORE for load in loads]
    deadline = time.monotonic() + RECOVER_SECONDS
    while True:
        done = [len(load.acknowledged) >= number for load, number in zip(loads, wanted, strict=True)]
        if all(done) or time.monotonic() > deadline:
            return done
        time.sleep(0.01)


def _work(load: Load, begun: float, ended: float, *, went_on: bool) -> Work:
    acknowledged = list(load.acknowledged)
    return Work(
        done=sum(begun < moment < ended for _, moment in acknowledged),
        longest_seconds=round(longest_wait(acknowledged, begun, ended), 2),
        failed=load.failed_between(begun, ended),
        went_on=went_on,
    )


def _sentence(work: Work) -> str:
    return f"at most {work.longest_seconds:.1f} s without a commit, {sum(work.failed.values())} writes failed"
