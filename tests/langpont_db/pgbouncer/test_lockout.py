"""A PgBouncer that locks a role out after a wrong password is told by a second one, before any client meets it."""

from __future__ import annotations

import pytest

from langpont_db.pgbouncer import lockout, trial
from local.servers.pgbouncer import find_binary
from tests.langpont_db.pgbouncer import locking_out
from tests.langpont_db.pgbouncer.conftest import APP, READONLY, STARTED, UNCHANGED, Answer, Machine, alter_role

LOST = (
    f"pgbouncer: This PgBouncer loses logins, as 1.25.1 and 1.25.2 do: after one wrong password {APP} cannot log in "
    f"with the right one ({locking_out.SAID}). Nothing was changed. Install 1.26.1, which is recommended; 1.18 and "
    f"1.24.1 work too."
)


@pytest.fixture
def locking_out_now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "running", locking_out.running)


@pytest.mark.usefixtures("locking_out_now")
def test_a_version_that_locks_out_starts_nothing(machine: Machine) -> None:
    assert machine.sync() == Answer(1, [], [LOST])
    assert (machine.calls, machine.host.ini.exists(), machine.host.user_list.exists()) == ([], False, False)


def test_the_next_version_is_tried_and_clients_of_the_running_one_notice_nothing(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The package has been upgraded to one that nobody has looked at, and PgBouncer was not restarted yet."""
    machine.up()
    before, refused = machine.state(), machine.log.count("authentication failed")
    upgraded = machine.systemd / "bin" / "pgbouncer"
    upgraded.write_text(f'#!/bin/sh\n[ "$1" = --version ] && exec echo PgBouncer 1.99.0\nexec {find_binary()} "$@"\n')
    upgraded.chmod(0o755)
    monkeypatch.setattr(trial, "running", locking_out.running)
    with machine.traffic("langpont"):
        assert machine.sync() == Answer(1, [], [LOST])
    assert (machine.state(), machine.log.count("authentication failed")) == (before, refused)


def test_one_that_keeps_logins_is_tried_once(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []

    def counted(run: object, entry: str, role: str, password: str) -> lockout.Finding:
        tried.append(f"{role} in {entry}")
        return lockout.logins_after_a_wrong_one(run, entry, role, password)  # type: ignore[arg-type]

    monkeypatch.setattr("langpont_db.pgbouncer.sync.logins_after_a_wrong_one", counted)
    assert machine.sync() == Answer(0, [STARTED], [])
    assert machine.sync() == Answer(0, [UNCHANGED], [])
    assert tried == [f"{APP} in langpont"]


def test_a_database_that_refuses_the_right_password_too_is_no_fault_of_pgbouncer(machine: Machine) -> None:
    """As between the new user list and the roles function: the files are installed all the same."""
    listed = machine.verifiers[APP]
    alter_role(machine.platform, APP, machine.verifiers[READONLY])
    try:
        answer = machine.sync()
    finally:
        alter_role(machine.platform, APP, listed)
    assert (answer.code, answer.out) == (1, [STARTED])
    assert answer.err[0].startswith(f"pgbouncer: {APP} cannot log in through langpont: ")
    assert machine.sync() == Answer(0, [UNCHANGED], [])
