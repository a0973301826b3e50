"""Installs systemd units and the stack's outputs on a host, at every deploy."""

from __future__ import annotations

import sys
from pathlib import Path

from langpont_db.pgbouncer import systemd
from langpont_db.pgbouncer.errors import HostError
from langpont_db.pgbouncer.host import Host, ManagedFile, current_owner
from langpont_db.pgbouncer.stack import Stack
from langpont_db.pgbouncer.systemd import systemctl

SERVICE, TIMER = "langpont-pgbouncer-sync.service", "langpont-pgbouncer-sync.timer"
# Beside the package's own unit, which stays as the distribution has it.
DROP_IN = Path(f"{systemd.POOLER}.d", "langpont.conf")
_UNITS = Path(__file__).parent


def install(outputs: Path, host: Host) -> Stack:
    """Install the outputs and the units, and start the timer. Raises `HostError`, before anything is changed if the
    outputs are not usable or PgBouncer is missing."""
    text = outputs.read_bytes()
    stack = Stack.parse(text, outputs)
    systemd.pooler()
    ManagedFile(host.outputs, text, mode=0o600, owner=current_owner()).write()
    units = [file for file in _wanted(host) if not file.is_installed()]
    for file in units:
        file.path.parent.mkdir(exist_ok=True)
        file.write()
    if units:
        systemctl("daemon-reload")
    systemctl("enable", systemd.POOLER, TIMER)
    systemctl("restart", TIMER)
    return stack


def try_service() -> None:
    """Start the timer's service once: the unit has another folder and fewer rights than the deploy.

    Raises `HostError` if it fails.
    """
    try:
        systemctl("start", SERVICE)
    except HostError as error:
        raise HostError(f"{error} Look at: journalctl -u {SERVICE} -n 20") from None


def _wanted(host: Host) -> tuple[ManagedFile, ...]:
    # The deploy's own Python, which has this package; a deploy with another one installs the unit anew.
    service = (_UNITS / SERVICE).read_text(encoding="utf-8").replace("@PYTHON@", sys.executable)
    contents = {
        DROP_IN: (_UNITS / DROP_IN.name).read_bytes(),
        Path(SERVICE): service.encode(),
        Path(TIMER): (_UNITS / TIMER).read_bytes(),
    }
    return tuple(
        ManagedFile(host.units / path, content, mode=0o644, owner=current_owner()) for path, content in contents.items()
    )
