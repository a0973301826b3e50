"""What the commands of the local platform print."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.text import Text

from blueprint.postgres.roles import APPLICATION, READER
from local.down import Stopped
from local.processes import Process
from local.up import Result
from local.verify.check import Check
from preview.page import Page
from preview.units import count

SHOWN_CHANGES = 12
NAME_COLUMNS = 56  # most names fit; a longer one moves its detail to the right


def result(up: Result, seconds: float) -> None:
    """The end of an `up`: what changed, how to get at everything, and where differences from AWS are listed.

    The files that it names are there: see `environment.write_files`.
    """
    page = Page()
    stack = up.state.stack
    did = f"up in {seconds:.1f} s" if up.changed else f"nothing to change; looked for {seconds:.1f} s"
    page.title(f"{up.recording.project} / {stack}", f"on this machine, {did}")
    for note in up.notes:
        page.heading("Note", note)
    _changes(page, up)
    _restored(page, up)
    _endpoints(page, up)
    page.heading(
        "Not as on AWS", f"{count(len(up.differences), 'thing')}: make status STACK={stack} ARGS=--differences"
    )
    environment = shlex.quote(os.path.relpath(up.folders.state / "app.env"))
    page.heading("Next")
    page.table(
        [
            ("for an application", f"set -a; . {environment}; set +a"),
            ("to prove it", f"make verify STACK={stack}"),
            ("to stop it", f"make down STACK={stack}"),
        ]
    )


def document(up: Result, seconds: float) -> dict[str, Any]:
    """The end of an `up` for machines: stack, seconds, did (to the servers), registrations that differ, and notes."""
    registrations = {mark: list(getattr(up.changes, mark)) for mark in ("added", "changed", "removed")}
    return {
        "stack": up.state.stack, "seconds": round(seconds, 2), "did": _did(up), "registrations": registrations,
        "notes": list(up.notes),
    }  # fmt: skip


def _changes(page: Page, up: Result) -> None:
    rows = [(mark, name) for mark, names in (
        ("+", up.changes.added), ("~", up.changes.changed), ("-", up.changes.removed)
    ) for name in names]  # fmt: skip
    if rows and len(rows) < len(up.state.registrations):
        page.heading("Registrations", f"{count(len(rows), 'differs', 'differ')} from those that were up")
        page.table([(mark, name) for mark, name in rows[:SHOWN_CHANGES]])
        if len(rows) > SHOWN_CHANGES:
            page.note(f"and {len(rows) - SHOWN_CHANGES} more")
    actions = _did(up)
    if up.rebuilt:
        page.heading(
            "Control plane", f"{count(len(up.state.registrations), 'registration')} applied to moto at {up.endpoint}"
        )
    if actions:
        page.heading("Data plane")
        page.table([(action,) for action in actions])


def _did(up: Result) -> list[str]:
    """What was done to the servers."""
    actions = [str(action) for action in up.done.actions]
    actions += ["roles and grants made"] if up.done.roles_changed else []
    return actions + ([f"PgBouncer {up.done.pooler}"] if up.done.pooler else [])


def _restored(page: Page, up: Result) -> None:
    primary = up.data.plan.primary
    if any(action.kind == "restored" and action.role == primary.name for action in up.done.actions):
        page.heading(
            "Restored",
            f"{primary.identifier} from {primary.origin}: clients were served {up.seconds:.1f} s after this command "
            f"began, on this machine; RDS takes tens of minutes to hours, by size",
        )


def _endpoints(page: Page, up: Result) -> None:
    data = up.data
    passwords = up.folders.state / "pgpass"
    rows = []
    roles = [*(instance.role for instance in data.plan.instances), *data.previous]
    for role in roles:
        endpoint = data.endpoint(role)
        user = data.plan.master if role.startswith("primary") else READER
        rows.append((role, f'PGPASSFILE={shlex.quote(str(passwords))} psql "{endpoint.conninfo(user)}"'))
    for entry, role in data.pooler.entries.items():
        endpoint = data.pooler.endpoint(entry)
        user = APPLICATION if role == "primary" else READER
        rows.append((f"pooler, {role}", f'PGPASSFILE={shlex.quote(str(passwords))} psql "{endpoint.conninfo(user)}"'))
    page.heading("Endpoints", "as the master or a role; passwords come from the file, not from the command line")
    page.table(rows, whole=True)
    page.heading("Control plane for the AWS CLI", "any credentials will do")
    identifier = data.plan.primary.identifier
    page.table(
        [
            ("export", f"AWS_ENDPOINT_URL={up.endpoint} AWS_DEFAULT_REGION={up.state.outputs['region']}"),
            ("export", "AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local"),
            ("then", f"aws rds describe-db-instances --db-instance-identifier {identifier}"),
            ("or", "aws cloudwatch describe-alarms --query 'MetricAlarms[].AlarmName'"),
        ]
    )


def checks(found: Iterable[Check]) -> int:
    """One line a check as it is made, and the count at the end. Returns how many failed."""
    page = Page()
    passed = failed = 0
    for check in found:
        passed, failed = passed + check.ok, failed + (not check.ok)
        mark = Text("ok    ", "green") if check.ok else Text("FAILED", "bold red")
        name = check.name.ljust(NAME_COLUMNS)
        # How a thing was seen to be right is worth one line; what is wrong is told in full.
        room = page.columns - len(name) - len("  ok      ") - 2
        detail = check.detail if not check.ok or len(check.detail) <= room else f"{check.detail[: room - 4]} ..."
        page.table([(mark, name, Text(detail, "dim" if check.ok else ""))])
        sys.stdout.flush()
    page.heading(f"{passed} passed, {failed} failed")
    return failed


def status(stack: str, found: Mapping[str, Process | None]) -> bool:
    """One line a process. Returns whether all run."""
    page = Page()
    missing = [role for role, process in found.items() if process is None]
    of = f"of {len(found)}"
    lacking = count(len(missing), f"{of} does not run", f"{of} do not run")
    page.title(stack, lacking if missing else "on this machine")
    page.table(
        [
            (role, Text("runs", "green") if process else Text("DOES NOT RUN", "bold red"),
             f"pid {process.pid}" if process else f"make up STACK={stack} starts it")
            for role, process in found.items()
        ]
    )  # fmt: skip
    return not missing


def differences(found: Sequence[tuple[str, str]]) -> None:
    """What is not here as it is on AWS, a line each."""
    page = Page()
    page.heading("Not as on AWS")
    page.table(found)


def stopped(stack: str, did: Stopped) -> None:
    """What a `down` did, and whether there is data."""
    names = f"stopped {', '.join(did.names)}" if did.names else "nothing of it ran"
    if did.data:
        print(f"{stack}: {names}; its data stays in {did.data}.")
    elif did.purged:
        print(f"{stack}: {names}; its data and state are gone.")
    else:
        print(f"{stack}: {names}, and it has no data.")
