"""RELOAD by version of PgBouncer; that it works is shown on the one that is installed here."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from langpont_db.pgbouncer.console import Console, Setting
from langpont_db.pgbouncer.errors import HostError
from langpont_db.pgbouncer.host import current_owner
from langpont_db.pgbouncer.published import Published
from langpont_db.pgbouncer.reload import reload, tls_needs_restart


@dataclass
class Recorder:
    """A console that only notes what it is told, and runs with these protocols."""

    number: tuple[int, ...]
    protocols: str = "secure"
    told: list[str] = field(default_factory=list)
    copy: str = ""
    running: list[str] = field(default_factory=lambda: ["langpont"])
    logging_in: list[int] = field(default_factory=list)
    refuses: bool = False

    def entries(self) -> dict[str, tuple[str, int, str]]:
        return dict.fromkeys(self.running, ("a", 5432, "langpont"))

    def logins(self) -> int:
        return self.logging_in.pop(0) if self.logging_in else 0

    def version(self) -> tuple[int, ...]:
        return self.number

    def settings(self) -> dict[str, Setting]:
        return {"server_tls_protocols": Setting(self.protocols, "secure", False)}

    def rows(self, command: str) -> list[dict[str, Any]]:
        if self.told and self.told[-1].startswith("SET conffile"):
            self.copy = Path(self.told[-1].split("'")[1]).read_text()
        self.told.append(command)
        if command == "RELOAD":
            if self.refuses:
                raise HostError("no")
            self.running = ["langpont"]
        return []


def published(protocols: str | None) -> Published:
    settings = {"server_tls_protocols": protocols} if protocols else {}
    lines = ["[databases]", "langpont = host=a", "[pgbouncer]", *(f"{k} = {v}" for k, v in settings.items()), ""]
    return Published(ini="\n".join(lines), user_list="", certificates=b"", entries={}, settings=settings, users={})


def write_ini(folder: Path, protocols: str | None) -> Path:
    ini = folder / "pgbouncer.ini"
    ini.write_text(published(protocols).ini)
    return ini


@pytest.mark.parametrize("version", [(1, 18, 0), (1, 23, 1)])
@pytest.mark.parametrize("protocols", ["secure", None])
def test_an_older_pgbouncer_is_kept_from_closing_its_connections(
    tmp_path: Path, version: tuple[int, ...], protocols: str | None
) -> None:
    console = Recorder(version)
    reload(cast(Console, console), write_ini(tmp_path, protocols), current_owner())
    copy = tmp_path / ".reload.ini"
    assert console.told == [f"SET conffile = '{copy}'", "RELOAD", f"SET conffile = '{tmp_path / 'pgbouncer.ini'}'"]
    assert re.fullmatch(
        r"\[databases]\nlangpont = host=a\n\[pgbouncer]\nserver_tls_protocols = as-before-[0-9a-f]{64}\n", console.copy
    )
    assert not copy.exists()


@pytest.mark.parametrize("version", [(1, 24, 0), (1, 26, 1)])
def test_a_newer_one_keeps_them_by_itself(tmp_path: Path, version: tuple[int, ...]) -> None:
    console = Recorder(version)
    reload(cast(Console, console), write_ini(tmp_path, "secure"), current_owner())
    assert console.told == ["RELOAD"]


def test_an_entry_that_goes_is_emptied_before(tmp_path: Path) -> None:
    """PgBouncer may crash over a client that is logging in to what a reload takes away."""
    console = Recorder((1, 26, 1), running=["replica_2", "langpont", "replica_1"], logging_in=[2, 1])
    reload(cast(Console, console), write_ini(tmp_path, "secure"), current_owner())
    emptied = ['DISABLE "replica_1"', 'KILL "replica_1"', 'DISABLE "replica_2"', 'KILL "replica_2"']
    assert (console.told, console.logging_in) == ([*emptied, "RELOAD"], [])


def test_an_entry_that_stays_after_all_is_let_in_again(tmp_path: Path) -> None:
    console = Recorder((1, 26, 1), running=["langpont", "replica_1"], refuses=True)
    with pytest.raises(HostError, match="no"):
        reload(cast(Console, console), write_ini(tmp_path, "secure"), current_owner())
    assert console.told == [
        'DISABLE "replica_1"', 'KILL "replica_1"', "RELOAD", 'RESUME "replica_1"', 'ENABLE "replica_1"',
    ]  # fmt: skip


def test_what_it_runs_with_is_known_after_any_number_of_reloads(tmp_path: Path) -> None:
    console = Recorder((1, 18, 0))
    for _ in range(3):
        reload(cast(Console, console), write_ini(tmp_path, "tlsv1.3"), current_owner())
        console.protocols = console.copy.split()[-1]
        console.told.clear()
    assert tls_needs_restart(published("tlsv1.3"), cast(Console, console))
    assert not tls_needs_restart(published("secure"), cast(Console, console))
    assert not tls_needs_restart(published(None), cast(Console, console))  # the default


def test_a_newer_one_has_taken_tls_settings_with_the_reload() -> None:
    assert not tls_needs_restart(published("tlsv1.3"), cast(Console, Recorder((1, 24, 0))))
