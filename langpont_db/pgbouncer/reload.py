"""RELOAD of a running PgBouncer without closing its server connections, and without crashing it.

Before 1.24 a RELOAD closes every TLS connection to a server. While one is being made, or right after a change of a
password, when none can be made until a client has logged in with the new one, clients are told then that "server login
has been failing". A PgBouncer that cannot set TLS up anew keeps what it has, the connections too, and has read the rest
by then. So an older one is given protocols that do not exist, in a copy of the file that it reads just once. Its log
has two errors about it. What is new in its TLS settings waits for a restart.

A RELOAD that takes an entry away frees it, and looks for who still uses it in its pools; who is just logging in is in
none. Under eight clients 1.18.0 ended by SIGSEGV after 1 to 57 such reloads, 1.26.1 after 97, with all clients of all
entries. So an entry that goes is emptied first: then 260 and 180 of them ended neither.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from langpont_db.pgbouncer.console import Console, Setting
from langpont_db.pgbouncer.errors import HostError
from langpont_db.pgbouncer.host import ManagedFile, Owner
from langpont_db.pgbouncer.published import SETTINGS, Published, digest, entry_names

# "Don't recycle connections on RELOAD if TLS config is unchanged", https://github.com/pgbouncer/pgbouncer/pull/1157
KEEPS_CONNECTIONS = (1, 24, 0)
PROTOCOLS = "server_tls_protocols"
# The protocols that do not exist: PgBouncer itself remembers in them the TLS settings that it runs with.
KEPT = "as-before-"
LOGIN_SECONDS = 1.0  # for logins that have begun before an entry is disabled; one takes some milliseconds


def reload(console: Console, ini: Path, owner: Owner) -> None:
    """Reload from the files as they are. `owner`: whom PgBouncer runs as. Raises `HostError`."""
    with _emptied(console, entry_names(ini.read_text("utf-8"))):
        _reload(console, ini, owner)


@contextmanager
def _emptied(console: Console, wanted: set[str]) -> Iterator[None]:
    """Close the connections of entries that the block takes away, and let nobody in there meanwhile."""
    gone = [] if "*" in wanted else sorted(console.entries().keys() - wanted)  # under * every name is an entry
    for entry in gone:
        console.rows(f'DISABLE "{entry}"')
        console.rows(f'KILL "{entry}"')
    deadline = time.monotonic() + LOGIN_SECONDS
    while gone and console.logins() and time.monotonic() < deadline:
        time.sleep(0.01)
    try:
        yield
    finally:
        for entry in sorted(console.entries().keys() & set(gone)):  # the reload was refused
            console.rows(f'RESUME "{entry}"')
            console.rows(f'ENABLE "{entry}"')


def _reload(console: Console, ini: Path, owner: Owner) -> None:
    if console.version() >= KEEPS_CONNECTIONS:
        console.rows("RELOAD")
        return
    copy = ini.with_name(".reload.ini")
    kept = f"{PROTOCOLS} = {KEPT}{_tls_digest(console.settings())}"
    lines = [line for line in ini.read_text("utf-8").splitlines() if line.partition("=")[0].strip() != PROTOCOLS]
    lines.insert([line.strip() for line in lines].index(f"[{SETTINGS}]") + 1, kept)
    ManagedFile(copy, "\n".join([*lines, ""]).encode(), mode=0o640, owner=owner).write()
    try:
        console.rows(f"SET conffile = '{copy}'")
        with suppress(HostError):  # some versions answer that TLS could not be set up
            console.rows("RELOAD")
    finally:
        console.rows(f"SET conffile = '{ini}'")
        copy.unlink()


def tls_needs_restart(published: Published, console: Console) -> bool:
    """Whether PgBouncer runs with other TLS settings than the published ones, and a reload does not change that."""
    running = console.settings()
    wanted = {
        name: Setting(published.settings.get(name, setting.default), setting.default, setting.fixed)
        for name, setting in running.items()
    }
    return console.version() < KEEPS_CONNECTIONS and _tls_digest(running) != _tls_digest(wanted)


def _tls_digest(settings: dict[str, Setting]) -> str:
    """A digest of the TLS settings that server connections are made with."""
    protocols = settings[PROTOCOLS].value
    if protocols.startswith(KEPT):
        return protocols.removeprefix(KEPT)
    values = (f"{name} = {setting.value}" for name, setting in settings.items() if name.startswith("server_tls_"))
    return digest(*(value.encode() for value in sorted(values)))
