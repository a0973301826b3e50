"""Installs the published configuration and reloads PgBouncer, without dropping a client."""

from __future__ import annotations

import ssl
from collections.abc import Collection
from dataclasses import dataclass, replace

from langpont_db.pgbouncer import published as files
from langpont_db.pgbouncer import rotated as rotation
from langpont_db.pgbouncer import systemd
from langpont_db.pgbouncer.console import Console
from langpont_db.pgbouncer.errors import HostError
from langpont_db.pgbouncer.host import Host, ManagedFile, Owner, current_owner
from langpont_db.pgbouncer.lockout import Finding, logins_after_a_wrong_one
from langpont_db.pgbouncer.proof import Logins, failed_logins, needs_restart, not_loaded
from langpont_db.pgbouncer.published import Published
from langpont_db.pgbouncer.reload import reload
from langpont_db.pgbouncer.rotated import close_left
from langpont_db.pgbouncer.stack import Stack, Waiting
from langpont_db.pgbouncer.systemd import systemctl
from langpont_db.pgbouncer.trial import Loaded, Program
from langpont_db.pgbouncer.versions import Version, number

UNCHANGED = "unchanged"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A run's result. `done`: one line. `changed`: PgBouncer was started, restarted or reloaded.

    `problems`: what needs an operator; the files are in place all the same.
    """

    done: str
    problems: tuple[str, ...]
    changed: bool


def sync(stack: Stack, host: Host) -> Outcome:
    """Bring PgBouncer to what is published. Raises `HostError` if nothing was changed, or PgBouncer does not run."""
    host = replace(host, region=stack.region)
    with host.lock():  # around the reading too, or a run that waited would put an older version back
        document = stack.secret(stack.pooler_secret_arn)
        rotated = rotation.read(stack, document)
        before = host.sync_state().written
        host.save(replace(host.sync_state(), written={role: before.get(role, 0.0) for role in rotated.written}))
        published = files.parse(rotation.with_list(document, rotated), _certificates(host), host)
        logins = Logins(stack, rotated)
        unit = systemd.pooler()
        program, owner = Program.find(), Owner.named(unit.user)
        if host.sync_state().version != number(program.version):
            _try_logins(program, published, logins, host, owner)
        stale = [file for file in _wanted(published, host, owner) if not file.is_installed()]
        due = bool(stale) or not unit.pid or host.sync_state().loaded != published.digest
        loaded = program.load(published, host, owner) if due else None
        changes = files.changes(files.installed(host), published)
        for file in stale:
            file.write()
        if stale and not changes:
            changes = [f"{file.path.name} put right" for file in stale]
        # Before the logins are tried: one that is to be proven would be let through by what its former password left.
        left = _close_left(unit.pid, rotated.left(host.sync_state().written))
        outcome = _apply(published, logins, host, owner, unit.pid, loaded, changes, left)
        state = host.sync_state()
        if state.loaded == state.proven == published.digest:
            host.save(replace(state, written=rotated.written))
        return outcome


def reload_installed(host: Host) -> str:
    """Reload PgBouncer from the files that are on the host, edited or not; what was done, in one line.

    Raises `HostError` if PgBouncer would not take them, before they are in effect, and if it does not run.
    """
    with host.lock():
        unit = systemd.pooler()
        if not unit.pid:
            raise HostError("PgBouncer does not run. Start it: systemctl start pgbouncer")
        program, owner = Program.find(), Owner.named(unit.user)
        try:
            edited = files.on_host(host)
        except UnicodeDecodeError:
            raise HostError(f"{host.folder}: a file is no UTF-8 text. Correct it, and run this again.") from None
        loaded = program.load(edited, host, owner)
        with Console.of(unit.pid) as console:
            reload(console, host.ini, owner)
            if problems := not_loaded(edited, loaded, console):
                raise HostError(" ".join(problems))
    (name, (host_name, port, _)), *others = loaded.entries.items()
    leads = [f"{name} leads to {host_name}:{port}", *(f"{other} to {at}:{port}" for other, (at, port, _) in others)]
    return f"reloaded: {', '.join(leads)}"


def running() -> tuple[Version, Waiting] | None:
    """The version that runs, which may be older than the installed one, and who waits; None while none runs.

    Raises `HostError`.
    """
    pid = systemd.pooler().pid
    if not pid:
        return None
    with Console.of(pid) as console:
        return console.version(), console.waiting()


def _try_logins(program: Program, published: Published, logins: Logins, host: Host, owner: Owner) -> None:
    """Raises `HostError` for an executable that loses logins. Without a password to try it with nothing is known."""
    entry = next(iter(published.entries))
    for role in published.users:
        try:
            password = logins.password(role)
        except HostError:  # it is told with the logins of the running one
            continue
        if password is None:
            continue
        found = logins_after_a_wrong_one(lambda: program.trial(published, owner), entry, role, password)
        if found is Finding.KEPT:
            host.save(replace(host.sync_state(), version=number(program.version)))
        return


def _close_left(pid: int, logins: Collection[str]) -> list[str]:
    if not pid or not logins:
        return []
    with Console.of(pid) as console:
        return close_left(console, logins)


def _certificates(host: Host) -> bytes:
    """Read the root certificates. PgBouncer reads them when it connects, so a trial does not show whether it can."""
    try:
        ssl.create_default_context(cafile=str(host.authority))
    except ssl.SSLError:
        raise HostError(f"{host.authority} holds no certificates. Install langpont_db anew.") from None
    return host.authority.read_bytes()


def _wanted(published: Published, host: Host, owner: Owner) -> tuple[ManagedFile, ...]:
    """The files to install, in this order: what the configuration names comes before it."""
    return (
        ManagedFile(host.certificates_file, published.certificates, mode=0o644, owner=current_owner()),
        ManagedFile(host.user_list, published.user_list.encode(), mode=0o600, owner=owner),
        ManagedFile(host.ini, published.ini.encode(), mode=0o640, owner=owner),
    )


def _apply(
    published: Published, logins: Logins, host: Host, owner: Owner, pid: int, loaded: Loaded | None,
    changes: list[str], left: list[str],
) -> Outcome:  # fmt: skip
    """Start or reload PgBouncer with the installed files. `loaded`: what the trial made of them, if any is new.

    `left`: what was closed before.
    """
    action = UNCHANGED
    if not pid:
        action, pid = "started", _start("start")
    elif loaded:
        action = "reloaded"
        with Console.of(pid) as console:
            reload(console, host.ini, owner)
    with Console.of(pid) as console:
        fixed, clients = list(needs_restart(published, console, pid)), console.clients()
    if fixed and not clients and host.sync_state().restarted != published.digest:
        # It drops nobody.
        host.save(replace(host.sync_state(), restarted=published.digest))
        action, pid, changes = "restarted", _start("restart"), changes or fixed
    with Console.of(pid) as console:
        fixed, clients = list(needs_restart(published, console, pid)), console.clients()
        problems = not_loaded(published, loaded, console) if loaded else []
        if loaded and not problems:
            host.save(replace(host.sync_state(), loaded=published.digest))
        if host.sync_state().proven != published.digest:
            unproven = failed_logins(published, logins, console)
            problems += unproven
            if not unproven:
                host.save(replace(host.sync_state(), proven=published.digest))
    if fixed:
        problems.append(
            f"PgBouncer needs a restart, which drops its clients ({clients} now): {'; '.join(fixed)}. All else is in "
            f"effect. When it may be: systemctl restart pgbouncer"
        )
    done = [": ".join([action, *([", ".join(changes)] if changes else [])])]
    if left:
        done = [*(done if action != UNCHANGED else []), f"reconnected: {', '.join(left)}"]
    return Outcome(done="; ".join(done), problems=tuple(problems), changed=action != UNCHANGED)


def _start(how: str) -> int:
    """Start or restart PgBouncer; its process id."""
    try:
        systemctl(how, systemd.POOLER)
    except HostError as error:
        raise HostError(f"PgBouncer does not start: {error} Look at: journalctl -u pgbouncer") from None
    pid = systemd.pooler().pid
    if not pid:
        raise HostError("PgBouncer has ended right after its start. Look at: journalctl -u pgbouncer")
    return pid
