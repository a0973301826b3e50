"""Compares the running PgBouncer with what was published, and logs in as every role."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg

from langpont_db.pgbouncer.console import CONNECT_SECONDS, Console, first_line
from langpont_db.pgbouncer.errors import HostError
from langpont_db.pgbouncer.published import Published
from langpont_db.pgbouncer.reload import KEPT, tls_needs_restart
from langpont_db.pgbouncer.rotated import Rotated
from langpont_db.pgbouncer.stack import Stack
from langpont_db.pgbouncer.trial import Loaded

ADDRESS = "127.0.0.1"


def needs_restart(published: Published, console: Console, pid: int) -> Iterator[str]:
    """Differences that a reload does not bring into effect."""
    running = console.settings()
    for name, value in published.settings.items():
        if name in running and running[name].fixed and running[name].value != value:
            yield f"{name} {running[name].value or 'unset'} -> {value}"
    if tls_needs_restart(published, console):
        yield "the settings server_tls_... changed"
    # With too few, clients hang without a word in the log.
    limit = re.search(r"^Max open files +(\d+)", Path(f"/proc/{pid}/limits").read_text(), flags=re.MULTILINE)
    if limit and int(limit[1]) < published.open_files:
        yield f"it may open {limit[1]} files and may need {published.open_files}"


def not_loaded(published: Published, loaded: Loaded, console: Console) -> list[str]:
    """Where the running PgBouncer differs from the one of the trial, but for what takes a restart. One sentence or
    none."""
    names = [
        name
        for name, running in console.settings().items()
        if name in published.settings
        and running.value != loaded.settings.get(name)
        and not (running.fixed or running.value.startswith(KEPT))
    ]
    entries = console.entries()
    names += [name for name in published.entries if entries.get(name) != loaded.entries.get(name)]
    names += sorted({*published.users} - console.users())
    if not names:
        return []
    return [f"PgBouncer did not take from the new files: {', '.join(names)}. Its log says why: {_log(published)}"]


@dataclass(frozen=True)
class Logins:
    """Whose a login of the user list is, and its password."""

    stack: Stack
    rotated: Rotated

    def role(self, login: str) -> str:
        """The role: another login's is the one that it alternates with."""
        return self.rotated.role.get(login, login)

    def password(self, login: str) -> str | None:
        """The password; None of a login that a rotation has left, whose own nobody keeps. Raises `HostError`."""
        if login in self.rotated.role:
            return self.rotated.passwords.get(login)
        return self.stack.password(login)


def failed_logins(published: Published, logins: Logins, console: Console) -> list[str]:
    """Log in as every role, through the entries that it uses or nobody uses yet. A sentence for each that fails.

    It shows that servers are reached and believed. And after a change of a password it is needed: PgBouncer logs in to
    servers with the keys of the role's last login, so without one the old keys would fail as soon as a server
    connection is replaced.
    """
    port = int(console.settings()["listen_port"].value)
    users: dict[str, set[str]] = {}
    for pool in console.pools():
        users.setdefault(pool["database"], set()).add(logins.role(pool["user"]))
    problems = []
    for role in published.users:
        try:
            password = logins.password(role)
        except HostError as error:
            problems.append(str(error))
            continue
        if password is None:
            continue
        of_role = logins.role(role)
        mine = [name for name in published.entries if of_role in users.get(name, {of_role})]
        for name in mine or [*published.entries][:1]:
            if refusal := _login_error(port, name, role, password):
                problems.append(
                    f"{role} cannot log in through {name}: {refusal}. It is tried again every minute. PgBouncer's log "
                    f"says more: {_log(published)}"
                )
    return problems


def _login_error(port: int, entry: str, role: str, password: str) -> str | None:
    """Log in as an application does; the error's first line if that fails."""
    try:
        with psycopg.connect(
            host=ADDRESS, port=port, dbname=entry, user=role, password=password, sslmode="disable",
            gssencmode="disable", connect_timeout=CONNECT_SECONDS, prepare_threshold=None, autocommit=True,
        ) as session:  # fmt: skip
            session.execute("SELECT 1")  # a pool that was there before logs in to nothing for a client alone
    except psycopg.Error as error:
        return first_line(error).rstrip(".")
    return None


def _log(published: Published) -> str:
    return published.settings.get("logfile") or "journalctl -u pgbouncer"
