"""`sync` against real servers: what a client notices of it, which is nothing."""

from __future__ import annotations

import stat
from typing import Any

import psycopg
import pytest

from langpont_db.pgbouncer.console import Console
from langpont_db.pgbouncer.reload import KEEPS_CONNECTIONS
from tests.langpont_db.pgbouncer.conftest import (
    APP,
    OTHER_REPLICA,
    READONLY,
    STARTED,
    UNCHANGED,
    Answer,
    Machine,
)
from tests.waiting import until


def one(session: psycopg.Connection[Any], query: str) -> Any:
    row = session.execute(query.encode()).fetchone()
    assert row is not None
    return row[0] if len(row) == 1 else row


def servers(console: Console) -> set[tuple[str, int]]:
    """PgBouncer's connections that have logged in, by entry and backend."""
    return {(row["database"], row["remote_pid"]) for row in console.rows("SHOW SERVERS") if row["remote_pid"]}


# First run


def test_the_first_run_starts_it_and_clients_reach_every_server_over_tls(machine: Machine) -> None:
    assert machine.sync() == Answer(0, [STARTED], [])
    assert machine.calls == ["start pgbouncer.service"]
    found = {}
    for entry in ("langpont", "langpont_replica_1", OTHER_REPLICA):
        with machine.connect(entry) as session:
            found[entry] = one(
                session,
                "SELECT pg_is_in_recovery(), (SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), current_user",
            )
    assert found == {
        "langpont": (False, True, APP),
        "langpont_replica_1": (True, True, APP),
        OTHER_REPLICA: (True, True, APP),
    }


def test_each_file_is_for_those_who_need_it(machine: Machine) -> None:
    machine.up()
    pooler, root = machine.platform.cluster.account.uid, machine.host.state.stat().st_uid
    files = (*(machine.host.folder / n for n in ("pgbouncer.ini", "userlist.txt")), machine.host.certificates_file)
    assert {f.name: (oct(stat.S_IMODE(f.stat().st_mode)), f.stat().st_uid) for f in files} == {
        "pgbouncer.ini": ("0o640", pooler),
        "userlist.txt": ("0o600", pooler),
        "ap-northeast-1-bundle.pem": ("0o644", root),
    }
    assert machine.host.certificates_file.read_bytes() == machine.host.authority.read_bytes()
    assert [path.name for path in machine.host.folder.iterdir() if path.name.endswith(".new")] == []


def test_nobody_else_reads_what_it_remembers(machine: Machine) -> None:
    machine.up()
    assert oct(stat.S_IMODE(machine.host.state.stat().st_mode)) == "0o700"


def test_the_distribution_s_own_pgbouncer_that_nobody_uses_is_replaced(machine: Machine) -> None:
    """On Debian it runs as soon as the package is installed, with other addresses than ours."""
    machine.host.ini.write_text(
        f"[databases]\n[pgbouncer]\nlisten_addr = localhost\nlisten_port = {machine.port}\nauth_type = md5\n"
        f"unix_socket_dir = {machine.layout.sockets}\npidfile = {machine.host.folder / 'pgbouncer.pid'}\n"
        f"auth_file = {machine.host.user_list}\n"
    )
    machine.host.user_list.write_text("")
    machine.host.ini.chmod(0o644)
    machine.host.user_list.chmod(0o644)
    machine.systemctl("start", "pgbouncer.service")
    said = STARTED.replace("started", "restarted")
    assert machine.sync() == Answer(0, [said], [])
    assert machine.calls == ["start pgbouncer.service", "restart pgbouncer.service"]
    machine.connect().close()


# Later runs


def test_a_second_run_changes_nothing(machine: Machine) -> None:
    machine.up()
    before = machine.state()
    assert machine.sync() == Answer(0, [UNCHANGED], [])
    assert machine.state() == before
    assert machine.calls == ["start pgbouncer.service"]


def test_a_new_replica_appears_while_clients_work(machine: Machine) -> None:
    machine.publish(machine.ini_without(OTHER_REPLICA))
    assert machine.sync().out[0] == "pgbouncer: started: entries langpont, langpont_replica_1"
    with machine.connect() as open_transaction, machine.traffic("langpont", "langpont_replica_1") as traffic:
        backend = one(open_transaction, "SELECT pg_backend_pid()")
        machine.publish()
        assert machine.sync() == Answer(0, [f"pgbouncer: reloaded: {OTHER_REPLICA} added"], [])
        traffic.goes_on()
        with machine.connect(OTHER_REPLICA, READONLY) as session:
            assert one(session, "SELECT pg_is_in_recovery()")
        assert one(open_transaction, "SELECT pg_backend_pid()") == backend
    assert machine.calls == ["start pgbouncer.service"]


def test_a_changed_password_is_picked_up_while_clients_work(machine: Machine) -> None:
    machine.up()
    old = machine.passwords[APP]
    with machine.connect() as open_transaction, machine.traffic("langpont", "langpont_replica_1") as traffic:
        backend = one(open_transaction, "SELECT pg_backend_pid()")
        machine.new_password(APP)
        with machine.console() as console:
            before = servers(console)
        said = f"pgbouncer: reloaded: {APP}'s password changed"
        assert machine.sync() == Answer(0, [said], [])
        assert one(open_transaction, "SELECT pg_backend_pid()") == backend
        open_transaction.commit()
        # No client has logged in anew, and yet PgBouncer logs in to servers: at first to have its least number of
        # connections, then in the place of all that it had, as it happens to one after the other by their age.
        with machine.console() as console:
            until(lambda: {entry for entry, _ in servers(console) - before} >= {"langpont", "langpont_replica_1"})
            console.rows("RECONNECT")
            until(lambda: not before & servers(console))
        traffic.goes_on()
    for entry in ("langpont", "langpont_replica_1", OTHER_REPLICA):
        machine.connect(entry).close()
        with pytest.raises(psycopg.OperationalError, match="SASL authentication failed"):
            machine.connect(entry, password=old)
    assert machine.calls == ["start pgbouncer.service"]


def test_connections_to_servers_survive_a_reload(machine: Machine) -> None:
    """PgBouncer before 1.24 would close them all, since they have TLS."""
    machine.up()
    with machine.console() as console:
        before = servers(console)
        assert len(before) == 6  # both roles on each server: the run's own logins
        machine.publish(machine.ini_with(default_pool_size=26))
        machine.sync()
        with machine.connect() as session:
            session.execute("SELECT 1")
        assert servers(console) >= before


def test_new_tls_settings_wait_until_no_client_is_left(machine: Machine) -> None:
    """With PgBouncer before 1.24, which could not take them without dropping somebody. A newer one reloads them."""
    machine.up()
    with machine.console() as console:
        takes_them = console.version() >= KEEPS_CONNECTIONS
    if takes_them:
        machine.publish(machine.ini_with(server_tls_protocols="tlsv1.3"))
        said = "pgbouncer: reloaded: server_tls_protocols secure -> tlsv1.3"
        assert machine.sync() == Answer(0, [said], [])
        with machine.console() as console:
            assert console.settings()["server_tls_protocols"].value == "tlsv1.3"
        assert machine.calls == ["start pgbouncer.service"]
        return
    with machine.traffic("langpont", "langpont_replica_1") as traffic:
        machine.publish(machine.ini_with(server_tls_protocols="tlsv1.3", default_pool_size=26))
        said = "pgbouncer: reloaded: default_pool_size 25 -> 26, server_tls_protocols secure -> tlsv1.3"
        needed = (
            "pgbouncer: PgBouncer needs a restart, which drops its clients (2 now): the settings server_tls_... "
            "changed. All else is in effect. When it may be: systemctl restart pgbouncer"
        )
        assert machine.sync() == Answer(1, [said], [needed])
        machine.new_password(APP)
        said = f"pgbouncer: reloaded: {APP}'s password changed"
        machine.publish(machine.ini_with(server_tls_protocols="tlsv1.3", default_pool_size=26))
        assert machine.sync() == Answer(1, [said], [needed])
        traffic.goes_on()
    with machine.console() as console:
        until(lambda: console.clients() == 0)
    said = "pgbouncer: restarted: the settings server_tls_... changed"
    assert machine.sync() == Answer(0, [said], [])
    with machine.console() as console:
        assert console.settings()["server_tls_protocols"].value == "tlsv1.3"


def test_all_changes_are_told_in_one_line(machine: Machine) -> None:
    machine.publish(machine.ini_without(OTHER_REPLICA))
    machine.sync()
    machine.ini = machine.ini_with(default_pool_size=26)
    machine.new_password(APP)
    said = f"pgbouncer: reloaded: {OTHER_REPLICA} added, {APP}'s password changed, default_pool_size 25 -> 26"
    assert machine.sync() == Answer(0, [said], [])
    with machine.console() as console:
        assert console.settings()["default_pool_size"].value == "26"


def test_a_setting_that_takes_a_restart_waits_until_no_client_is_left(machine: Machine) -> None:
    machine.up()
    with machine.connect() as client, machine.traffic("langpont") as traffic:
        pid = machine.pid
        machine.publish(machine.ini_with(listen_port=machine.port + 1, default_pool_size=26))
        needed = (
            f"pgbouncer: PgBouncer needs a restart, which drops its clients (2 now): listen_port {machine.port} -> "
            f"{machine.port + 1}. All else is in effect. When it may be: systemctl restart pgbouncer"
        )
        changed = f"default_pool_size 25 -> 26, listen_port {machine.port} -> {machine.port + 1}"
        assert machine.sync() == Answer(1, [f"pgbouncer: reloaded: {changed}"], [needed])
        assert machine.sync() == Answer(1, [UNCHANGED], [needed])
        traffic.goes_on()
        assert one(client, "SELECT 1") == 1
        with machine.console() as console:
            assert (console.settings()["default_pool_size"].value, machine.pid) == ("26", pid)
    with machine.console() as console:
        until(lambda: console.clients() == 0)
    said = f"pgbouncer: restarted: listen_port {machine.port} -> {machine.port + 1}"
    assert machine.sync() == Answer(0, [said], [])
    machine.port += 1
    machine.connect().close()


def test_too_few_open_files_are_named_and_one_restart_must_do(machine: Machine) -> None:
    """Where the unit's own limit is too low, another restart would not help either."""
    (machine.systemd / "nofile").write_text("400")
    needed = (
        "pgbouncer: PgBouncer needs a restart, which drops its clients (0 now): it may open 400 files and may need "
        "880. All else is in effect. When it may be: systemctl restart pgbouncer"
    )
    assert machine.sync() == Answer(1, [STARTED.replace("started", "restarted")], [needed])
    assert machine.sync() == Answer(1, [UNCHANGED], [needed])
    assert machine.calls == ["start pgbouncer.service", "restart pgbouncer.service"]
    (machine.systemd / "nofile").write_text("4096")
    machine.systemctl("restart", "pgbouncer.service")
    assert machine.sync() == Answer(0, [UNCHANGED], [])


def test_a_pgbouncer_that_died_is_started(machine: Machine) -> None:
    machine.up()
    machine.systemctl("stop", "pgbouncer.service")
    assert machine.sync() == Answer(0, ["pgbouncer: started"], [])


# Interruptions


class Killed(BaseException):
    """As a signal would: nothing catches it."""


def killed(*_: object, **__: object) -> None:
    raise Killed


@pytest.mark.parametrize(("step", "action"), [("reload", "reloaded"), ("failed_logins", "unchanged")])
def test_a_run_that_was_interrupted_is_made_up_for(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, step: str, action: str
) -> None:
    """Killed between the files and the reload, or between that and the login with the new password."""
    machine.up()
    with machine.traffic("langpont"):
        machine.new_password(APP)
        with monkeypatch.context() as patched, pytest.raises(Killed):
            patched.setattr(f"langpont_db.pgbouncer.sync.{step}", killed)
            machine.sync()
        logins = machine.log.count(f"login attempt: db=langpont user={APP}")
        assert machine.sync() == Answer(0, [f"pgbouncer: {action}"], [])
        assert machine.log.count(f"login attempt: db=langpont user={APP}") == logins + 1
    machine.connect().close()
    assert machine.sync() == Answer(0, [UNCHANGED], [])


def test_a_reload_that_was_killed_in_the_middle_leaves_nothing_behind(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.up()
    machine.new_password(APP)
    rows = Console.rows
    dead: list[str] = []

    def dies(self: Console, command: str) -> list[dict[str, Any]]:
        if dead or command == "RELOAD":
            dead.append(command)
            raise Killed
        return rows(self, command)

    monkeypatch.setattr(Console, "rows", dies)
    with pytest.raises(Killed):
        machine.sync()
    monkeypatch.setattr(Console, "rows", rows)
    with machine.console() as console:
        copied = console.version() < KEEPS_CONNECTIONS
        read = machine.host.folder / ".reload.ini" if copied else machine.host.ini
        assert console.settings()["conffile"].value == str(read)
    assert machine.sync() == Answer(0, ["pgbouncer: reloaded"], [])
    with machine.console() as console:
        assert console.settings()["conffile"].value == str(machine.host.ini)
    assert not (machine.host.folder / ".reload.ini").exists()


@pytest.mark.parametrize("left", ["", "{}", '{"loaded": "x", "of_another_release": 1}'])
def test_what_another_release_remembered_is_no_obstacle(machine: Machine, left: str) -> None:
    machine.up()
    (machine.host.state / "done.json").write_text(left)
    assert machine.sync() == Answer(0, ["pgbouncer: reloaded"], [])
    assert machine.sync() == Answer(0, [UNCHANGED], [])


def test_a_mode_that_somebody_changed_is_put_right(machine: Machine) -> None:
    machine.up()
    machine.host.user_list.chmod(0o644)
    assert machine.sync() == Answer(0, ["pgbouncer: reloaded: userlist.txt put right"], [])
    assert stat.S_IMODE(machine.host.user_list.stat().st_mode) == 0o600


# After an edit by hand


def test_an_entry_that_somebody_points_elsewhere_is_reloaded_while_clients_work(machine: Machine) -> None:
    """As when a replica is promoted: the timer is stopped, and the file is edited."""
    machine.up()
    ports = machine.platform.ports.servers
    ini = machine.host.ini.read_text()
    edited = ini.replace(f"port={ports['replica-1']} ", f"port={ports['replica-2']} ")
    assert edited != ini
    with machine.console() as console:
        before = {pid for entry, pid in servers(console) if entry == "langpont"}
    with machine.traffic("langpont", "langpont_replica_1"):
        machine.host.ini.write_text(edited)
        assert machine.run("reload") == Answer(
            0,
            [
                f"pgbouncer: reloaded: langpont leads to 127.0.0.1:{ports['primary']}, langpont_replica_1 to "
                f"127.0.0.1:{ports['replica-2']}, langpont_replica_2 to 127.0.0.1:{ports['replica-2']}"
            ],
            [],
        )
    with machine.console() as console:
        assert {pid for entry, pid in servers(console) if entry == "langpont"} >= before
        assert console.entries()["langpont_replica_1"][1] == ports["replica-2"]


def test_an_edit_that_pgbouncer_does_not_take_is_not_reloaded(machine: Machine) -> None:
    machine.up()
    machine.host.ini.write_text(f"{machine.host.ini.read_text()}nonsense = 1\n")
    with machine.traffic("langpont"):
        assert machine.run("reload") == Answer(
            1,
            [],
            [
                "pgbouncer: The files on this host: PgBouncer does not take it: unknown parameter: pgbouncer/nonsense; "
                f'invalid value "1" for parameter nonsense in configuration ({machine.host.ini}:41); cannot load '
                "config file. PgBouncer goes on with what it has read. Correct them, and run this again."
            ],
        )
    assert machine.log.count("RELOAD command issued") == 0


def test_a_pgbouncer_that_does_not_run_is_not_reloaded(machine: Machine) -> None:
    said = "pgbouncer: PgBouncer does not run. Start it: systemctl start pgbouncer"
    assert machine.run("reload") == Answer(1, [], [said])
