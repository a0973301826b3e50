"""A platform that changes, breaks and is interrupted: the next `up` brings it to the plan."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from local.loopback import free_port
from local.processes import Process
from local.servers import master, plane, replication
from local.servers import ports as choosing
from local.servers.errors import DataPlaneError
from local.servers.layout import Layout
from local.servers.plan import DataPlan, GroupParameter, InstancePlan, data_plan
from local.servers.plane import DataPlane
from local.servers.server import Server, postmaster
from local.verify import logins, servers
from tests.local.servers.conftest import Bring
from tests.local.servers.roles import make_roles
from tests.recordings import record_with, recording
from tests.waiting import until


def staging() -> DataPlan:
    return data_plan(recording("staging"))


def with_value(plan: DataPlan, roles: Iterable[str], name: str, value: str, method: str = "immediate") -> DataPlan:
    """The plan as if those instances' groups had that value."""
    row = GroupParameter(name=name, value=value, apply_method=method)

    def changed(instance: InstancePlan) -> InstancePlan:
        if instance.role not in roles:
            return instance
        return replace(instance, parameters=(*(p for p in instance.parameters if p.name != name), row))

    return replace(plan, instances=tuple(map(changed, plan.instances)))


def with_replicas(plan: DataPlan, number: int) -> DataPlan:
    """The plan with that many replicas like its first, and a pooler that knows of no more than it did."""
    first = plan.replicas[0]
    made = tuple(
        replace(first, role=f"replica-{n}", identifier=f"langpont-staging-replica-{n}") for n in range(1, number + 1)
    )
    return replace(plan, instances=(plan.primary, *made))


def up(platform: DataPlane) -> list[str]:
    return [str(action) for action in platform.cluster.up()]


def shown(server: Server, name: str) -> str:
    with server.admin() as session:
        row = session.execute("SELECT current_setting(%s)", [name]).fetchone()
    assert row is not None
    return str(row[0])


def wrong(platform: DataPlane) -> list[tuple[str, str]]:
    """The checks that a change could break."""
    looks = (
        servers.running,
        servers.parameters,
        servers.transport,
        servers.replication,
        logins.rights,
    )
    made = [one for look in looks for one in look(platform)]
    return [(one.name, one.detail) for one in made if not one.ok]


@pytest.fixture
def layout(staging_layout: Layout, bring: Bring) -> Layout:
    """Staging's platform, up as registered, whatever the test before made of it."""
    bring(staging(), staging_layout).up()
    return staging_layout


def pid(server: Server) -> int:
    process = server.process()
    assert process is not None
    return process.pid


# Parameters


def test_a_dynamic_parameter_is_reloaded(layout: Layout, bring: Bring) -> None:
    platform = bring(with_value(staging(), ["primary"], "work_mem", "8192"), layout)
    before = pid(platform.cluster.primary)
    assert up(platform) == ["primary reloaded: work_mem"]
    assert (shown(platform.cluster.primary, "work_mem"), pid(platform.cluster.primary)) == ("8MB", before)
    assert up(platform) == []


def test_a_static_parameter_is_restarted(layout: Layout, bring: Bring) -> None:
    platform = bring(with_value(staging(), ["replica-1"], "wal_buffers", "1024", "pending-reboot"), layout)
    before = pid(platform.cluster.primary)
    assert up(platform) == ["replica-1 restarted: wal_buffers"]
    assert (shown(platform.cluster.servers["replica-1"], "wal_buffers"), pid(platform.cluster.primary)) == (
        "8MB",
        before,
    )


def test_tls_is_forced_or_not_by_a_reload(layout: Layout, bring: Bring) -> None:
    platform = bring(with_value(staging(), ["primary"], "rds.force_ssl", "0", "pending-reboot"), layout)
    assert up(platform) == ["primary reloaded: rds.force_ssl"]
    assert wrong(platform) == []


def test_a_primary_that_gets_more_connections_takes_its_replica_first(layout: Layout, bring: Bring) -> None:
    platform = bring(with_value(staging(), ["primary"], "max_connections", "400", "pending-reboot"), layout)
    assert up(platform) == ["replica-1 restarted: max_connections", "primary restarted: max_connections"]
    assert shown(platform.cluster.servers["replica-1"], "max_connections") == "400"
    details = {one.name: one.detail for one in servers.parameters(platform)}
    assert "taken from the primary: max_connections 300 -> 400" in details["replica-1: 33 parameters as registered"]
    assert wrong(platform) == []


def test_a_primary_that_gets_fewer_connections_comes_first(layout: Layout, bring: Bring) -> None:
    less = with_value(staging(), ["primary", "replica-1"], "max_connections", "200", "pending-reboot")
    platform = bring(less, layout)
    assert up(platform) == ["primary restarted: max_connections", "replica-1 restarted: max_connections"]
    assert shown(platform.cluster.servers["replica-1"], "max_connections") == "200"
    assert wrong(platform) == []


def test_fewer_connections_while_everything_is_down(layout: Layout, bring: Bring) -> None:
    plane.down(layout)
    less = with_value(staging(), ["primary", "replica-1"], "max_connections", "200", "pending-reboot")
    platform = bring(less, layout)
    platform.up()
    assert shown(platform.cluster.servers["replica-1"], "max_connections") == "200"
    assert wrong(platform) == []


def test_a_value_that_postgresql_refuses_changes_nothing(layout: Layout, bring: Bring) -> None:
    platform = bring(with_value(staging(), ["primary"], "no_such_parameter", "1"), layout)
    before = pid(platform.cluster.primary)
    with pytest.raises(DataPlaneError) as refusal:
        platform.cluster.up()
    assert str(refusal.value).startswith("primary: PostgreSQL does not take the parameter group: ")
    assert 'unrecognized configuration parameter "no_such_parameter"' in str(refusal.value)
    assert (pid(platform.cluster.primary), wrong(bring(staging(), layout))) == (before, [])


def test_a_reload_that_was_interrupted_is_made_up_for(layout: Layout, bring: Bring) -> None:
    """Killed between the file and the signal."""
    platform = bring(with_value(staging(), ["primary"], "work_mem", "32768"), layout)
    cluster, rollout = platform.cluster, platform.cluster.rollout
    cluster.primary.configure(rollout.configuration(platform.plan.primary, {}), rollout.system_users, standby=False)
    assert shown(cluster.primary, "work_mem") == "16MB"
    assert up(platform) == ["primary reloaded"]
    assert shown(cluster.primary, "work_mem") == "32MB"


def test_new_passwords_reach_the_roles_the_master_and_the_pooler(layout: Layout, bring: Bring) -> None:
    versions = {"credentials": {"passwordVersions": {"langpont_admin": 2, "langpont_app": 2, "langpont_metrics": 2}}}
    platform = bring(data_plan(record_with("staging", versions)), layout)
    done = platform.up()
    assert (done.actions, done.roles_changed, done.pooler) == ((), True, "reloaded")
    assert [one for one in (*logins.master(platform), *logins.logins(platform)) if not one.ok] == []
    before = bring(staging(), layout)
    assert [one.name for one in logins.logins(before) if not one.ok] == [
        "langpont_app logs in directly",
        "langpont_app logs in through PgBouncer",
        "langpont_metrics logs in directly",
    ]


# Replicas


def test_a_replica_is_added_and_removed_with_its_slot(layout: Layout, bring: Bring) -> None:
    platform = bring(with_replicas(staging(), 2), layout)
    assert up(platform) == ["replica-2 created"]
    assert wrong(platform) == []
    platform = bring(staging(), layout)
    assert up(platform) == ["replica-2 removed"]
    assert not layout.server("replica-2").exists()
    with platform.cluster.primary.admin() as session:
        assert session.execute("SELECT slot_name FROM pg_replication_slots").fetchall() == [("replica_1",)]


def test_a_replica_whose_slot_is_gone_is_made_again(layout: Layout, bring: Bring) -> None:
    platform = bring(staging(), layout)
    platform.cluster.servers["replica-1"].stop()
    with platform.cluster.primary.admin() as session:
        session.execute("SELECT pg_drop_replication_slot('replica_1')")
    assert up(platform) == ["replica-1 rebuilt"]
    assert wrong(platform) == []


def test_data_stays_when_it_goes_down_and_comes_up(layout: Layout, bring: Bring) -> None:
    platform = bring(staging(), layout)
    plan = platform.plan
    with platform.endpoint("primary").connect(plan.master, plan.passwords[plan.master]) as session:
        session.execute("CREATE TABLE public.kept AS SELECT 42 AS n")
    assert plane.down(layout) == ("pgbouncer", "replica-1", "primary")
    assert plane.running(layout) == {}
    done = bring(staging(), layout).up()
    assert ([str(a) for a in done.actions], done.pooler) == (["primary started", "replica-1 started"], "started")
    with platform.endpoint("replica-1").connect(plan.master, plan.passwords[plan.master]) as session:
        assert session.execute("SELECT n FROM public.kept").fetchall() == [(42,)]
    with platform.endpoint("primary").connect(plan.master, plan.passwords[plan.master]) as session:
        session.execute("DROP TABLE public.kept")


def test_another_port_moves_a_server_and_its_followers(layout: Layout, bring: Bring) -> None:
    platform = bring(staging(), layout)
    port = platform.ports.servers["replica-1"]
    asked = choosing.choose(
        platform.plan, asked={"primary": free_port({port})}, kept=platform.ports, ours=frozenset({port})
    )
    moved = DataPlane(
        platform.plan, binaries=platform.binaries, account=platform.cluster.account, layout=layout,
        ports=replace(asked, pooler=platform.ports.pooler), make_roles=make_roles,
    )  # fmt: skip
    done = moved.up()
    assert [str(action) for action in done.actions] == [
        "primary restarted: port",
        "replica-1 reloaded: primary_conninfo",
    ]
    assert (done.pooler, wrong(moved)) == ("reloaded", [])


# Faults


def test_a_killed_primary_is_noticed_and_started(layout: Layout, bring: Bring) -> None:
    platform = bring(staging(), layout)
    process = platform.cluster.primary.process()
    assert process is not None
    process.stop(0, signal_number=9)
    assert "primary" not in plane.running(layout)
    assert up(platform) == ["primary started"]
    assert wrong(platform) == []


def test_a_server_that_is_ending_is_waited_for_and_started(layout: Layout, bring: Bring) -> None:
    platform = bring(staging(), layout)
    primary = platform.cluster.primary
    session = primary.admin()
    os.kill(pid(primary), signal.SIGTERM)  # it waits for the session to end
    until(lambda: "stopping" in (primary.data / "postmaster.pid").read_text())
    leaving = threading.Timer(0.5, session.close)
    leaving.start()
    assert up(platform) == ["primary started"]
    leaving.join()
    assert wrong(platform) == []


def test_a_start_that_ends_without_a_word_is_not_told_in_those_of_the_run_before(
    layout: Layout, bring: Bring, tmp_path: Path
) -> None:
    platform = bring(staging(), layout)
    primary = platform.cluster.primary
    with primary.admin() as session, pytest.raises(psycopg.errors.UndefinedTable):
        session.execute("SELECT 'which stands in the log' FROM nowhere")
    primary.stop()
    (tmp_path / "postgres").symlink_to("/bin/false")
    silent = replace(
        primary, binaries=replace(primary.binaries, server=tmp_path), account=replace(primary.account, changed=False)
    )
    with pytest.raises(DataPlaneError) as refused:
        silent.start()
    assert str(refused.value) == (
        f"primary: PostgreSQL ended while starting: it said nothing in {primary.folder}/start.log."
    )


def test_a_stale_pid_file_with_another_process_s_number_is_no_obstacle(layout: Layout, bring: Bring) -> None:
    platform = bring(staging(), layout)
    primary = platform.cluster.primary
    pid_file = primary.data / "postmaster.pid"
    text = pid_file.read_text()
    primary.stop()
    # A process of the servers' own account, as PostgreSQL would take for itself.
    other = subprocess.Popen(["sleep", "60"], **platform.cluster.account.popen())
    try:
        pid_file.write_text("\n".join([str(other.pid), *text.split("\n")[1:]]))
        assert primary.process() is None
        assert up(platform) == ["primary started"]
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


@pytest.mark.parametrize("role", ["primary", "pooler"])
def test_a_port_that_another_program_took_meanwhile_is_one_sentence(layout: Layout, bring: Bring, role: str) -> None:
    platform = bring(staging(), layout)
    assert plane.held_ports(layout) == {*platform.ports.servers.values(), platform.ports.pooler}
    plane.down(layout)
    assert plane.held_ports(layout) == frozenset()
    port = platform.ports.pooler if role == "pooler" else platform.ports.servers[role]
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", port))
        other.listen()
        with pytest.raises(DataPlaneError) as refusal:
            platform.up()
        assert str(refusal.value) == f"{role}: port {port} is taken. Choose another, or none for a free one."
    platform.up()


def test_a_folder_without_room_is_one_sentence(bring: Bring) -> None:
    platform = bring(staging(), Layout(Path("/proc/langpont")))
    with pytest.raises(DataPlaneError, match=r"Make room or choose another folder, and run it again\.$"):
        platform.cluster.up()


# Interruptions


class Killed(BaseException):
    """As a signal would: nothing catches it."""


# In the order in which a bootstrap comes to them: what is called, and whether it dies before or after.
INTERRUPTIONS = (
    (Server, "initialise", "before"),
    (Server, "adopt", "after"),
    (Server, "configure", "before"),
    (Server, "launch", "before"),
    (Server, "launch", "after"),  # it runs, and nobody has waited for it
    (master, "make_master", "before"),
    (master, "make_master", "after"),
    (Server, "run", "after"),  # pg_basebackup is done; its slot is there and the folder has its temporary name
    (Server, "adopt", "after"),
    (Server, "launch", "after"),
    (replication, "wait_streaming", "before"),
)


def test_a_bootstrap_interrupted_at_each_step_is_picked_up(
    runtime: Path, bring: Bring, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each attempt goes on from where the one before was killed, and is killed a step later."""
    layout = Layout(runtime / "interrupted")
    platform = bring(staging(), layout)
    for owner, step, when in INTERRUPTIONS:
        with monkeypatch.context() as patched:
            patched.setattr(owner, step, _killing(getattr(owner, step), when))
            with pytest.raises(Killed):
                platform.cluster.up()
        if step == "initialise":  # as a killed initdb leaves it
            (layout.server("primary") / "data.new").mkdir()
            (layout.server("primary") / "data.new" / "PG_VERSION").write_text("16\n")
    assert platform.up().pooler == "started"
    assert list(layout.servers.glob("*/data.new*")) == []
    assert up(platform) == []
    assert wrong(platform) == []
    plane.purge(layout)


def _killing(real: Callable[..., object], when: str) -> Callable[..., object]:
    def killed(*args: object, **kwargs: object) -> object:
        if when == "after":
            real(*args, **kwargs)
        raise Killed

    return killed


def test_a_down_cleans_what_an_interrupted_up_left(
    runtime: Path, bring: Bring, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = Layout(runtime / "abandoned")
    platform = bring(staging(), layout)
    with monkeypatch.context() as patched:
        patched.setattr(master, "make_master", _killing(master.make_master, "before"))
        with pytest.raises(Killed):
            platform.up()
    assert set(plane.running(layout)) == {"primary"}
    assert plane.down(layout) == ("primary",)
    assert plane.running(layout) == {}
    plane.purge(layout)


def test_two_stacks_run_side_by_side(prod: DataPlane, layout: Layout) -> None:
    assert len(plane.running(layout)) == 3
    assert len(plane.running(prod.layout)) == 4
    ports = [p for running in (layout, prod.layout) for p in plane.running(running).values()]
    assert len({process.pid for process in ports}) == 7


def test_a_running_server_is_known_by_its_folder_alone(layout: Layout) -> None:
    process = plane.running(layout)["primary"]
    assert process == Process.of(process.pid)
    copy = layout.root / "copy"
    shutil.copytree(layout.server("primary") / "data" / "global", copy / "data" / "global")
    shutil.copyfile(layout.server("primary") / "data" / "postmaster.pid", copy / "data" / "postmaster.pid")
    assert postmaster(copy / "data") is None
    shutil.rmtree(copy)


def test_a_primary_restart_does_not_leave_its_replica_waiting(layout: Layout, bring: Bring) -> None:
    platform = bring(with_value(staging(), ["primary"], "wal_buffers", "1024", "pending-reboot"), layout)
    begun = time.monotonic()
    assert up(platform) == ["primary restarted: wal_buffers"]
    assert time.monotonic() - begun < 4  # by itself a standby waits 5 s before it tries again
    with platform.cluster.primary.admin() as session:
        assert session.execute("SELECT count(*) FROM pg_stat_replication").fetchone() == (1,)
