"""The primary and its standbys: made where missing, brought to what the plan says, and taken down."""

from __future__ import annotations

import os
import pwd
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import psycopg
from psycopg import sql

from local.processes import Process
from local.servers import tls
from local.servers.account import Account
from local.servers.binaries import Binaries
from local.servers.configuration import (
    STANDBY_SETTINGS,
    SUPERUSER,
    Machine,
    ServerConfiguration,
    configuration,
    difference,
    own_settings,
    slot,
    standby_floor,
)
from local.servers.connections import Connection, Endpoint
from local.servers.errors import DataPlaneError
from local.servers.layout import Layout, Ports
from local.servers.plan import PRIMARY, DataPlan, InstancePlan
from local.servers.server import Server

CATCH_UP_SECONDS = 30
RECONNECT_SECONDS = 10
RELOAD_SECONDS = 2
EXTENSION = "pg_stat_statements"
RDS_IAM = "rds_iam"


@dataclass(frozen=True, kw_only=True)
class Action:
    """What was done to one server. `names`: parameters that a reload or restart put in force."""

    role: str
    kind: Literal["created", "started", "reloaded", "restarted", "removed", "rebuilt"]
    names: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.role} {self.kind}{': ' + ', '.join(self.names) if self.names else ''}"


class Cluster:
    """The servers of one plan. `say` hears each long step before it begins."""

    def __init__(
        self,
        plan: DataPlan,
        *,
        binaries: Binaries,
        account: Account,
        layout: Layout,
        ports: Ports,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.plan = plan
        self.binaries = binaries
        self.account = account
        self.layout = layout
        self.ports = ports
        self._say = say
        self._actions: list[Action] = []
        # Root administers over the socket, and the servers' account replicates over it.
        self._system_users = (account.name, pwd.getpwuid(os.geteuid()).pw_name)
        self.servers = {instance.role: self._server(instance.role) for instance in plan.instances}

    @property
    def primary(self) -> Server:
        """The primary's server."""
        return self.servers[PRIMARY]

    @property
    def prefetch(self) -> bool:
        """Whether this system has posix_fadvise, without which effective_io_concurrency must be 0."""
        return sys.platform == "linux"

    def endpoint(self, role: str) -> Endpoint:
        """Where clients reach one instance."""
        return Endpoint(
            host="localhost", port=self.ports.servers[role], database=self.plan.database, authority=self.authority
        )

    @property
    def authority(self) -> Path | None:
        """The authority's file that clients verify with; None without TLS."""
        return self.layout.tls / "ca.pem" if self.binaries.openssl else None

    @cached_property
    def _certificates(self) -> tls.Certificates | None:
        if not self.binaries.openssl:
            return None
        # One name for all in a domain, so that a new replica asks for no new certificate.
        domains = {f"*.{host.partition('.')[2]}" for host in self.plan.hosts}
        return tls.certificates(self.layout.tls, self.account, names=domains)

    def _server(self, role: str) -> Server:
        return Server(
            role=role, folder=self.layout.server(role), sockets=self.layout.sockets,
            port=self.ports.servers.get(role, 0), binaries=self.binaries, account=self.account,
        )  # fmt: skip

    # Up

    def up(self) -> tuple[Action, ...]:
        """Bring the servers to the plan, from whatever is there; what was done, nothing the second time.

        Idempotent at every step: a cluster arrives under a temporary name, the master is made by what is missing, and
        what a server has is read from its own files. Raises `DataPlaneError`.
        """
        self._actions = []
        self.layout.make(self.account)
        self._wait_if_starting(self.primary)
        self._remove_extra()
        if not self.primary.exists:
            self._say("Creating the primary")
            self.primary.make_folder()
            self.primary.initialise()
            self._did(PRIMARY, "created")
        old, new = _standby_settings(self.primary.configured()), own_settings(self.plan.primary)
        floor = standby_floor(new)
        # While the primary goes from one to the other, its standbys must bear both.
        both = standby_floor(*filter(None, [old]), new)
        for instance in self.plan.instances:
            self._check(instance, {} if instance.role == PRIMARY else both)
        existing = [replica for replica in self.plan.replicas if self.servers[replica.role].exists]
        if old and both != standby_floor(old) and self.primary.process():
            for replica in existing:
                self._bring(replica, both)
        self._bring(self.plan.primary, {})
        if both != floor:
            for replica in existing:
                self._bring(replica, both)
            self._replay(existing)
        self._make_master()
        self._bring_all(self.plan.replicas, floor)
        self._wait_streaming()
        return tuple(self._actions)

    def _did(self, role: str, kind: Any, names: Iterable[str] = ()) -> None:
        self._actions.append(Action(role=role, kind=kind, names=tuple(names)))

    def _configuration(self, instance: InstancePlan, floor: Mapping[str, int]) -> ServerConfiguration:
        machine = Machine(
            port=self.ports.servers[instance.role],
            primary_port=self.ports.servers[PRIMARY],
            sockets=self.layout.sockets,
            logs=self.servers[instance.role].logs,
            certificates=self._certificates,
            libraries=self.binaries.libraries,
            prefetch=self.prefetch,
        )
        return configuration(instance, floor, machine)

    def _check(self, instance: InstancePlan, floor: Mapping[str, int]) -> None:
        """Let PostgreSQL itself look at a new configuration before a running server is touched."""
        wanted = self._configuration(instance, floor)
        if self.servers[instance.role].configured() == wanted.settings:
            return
        needed, has = self.primary.shared_memory_mib(wanted, instance.role), instance.memory_bytes // 2**20
        if needed >= has:  # this machine may have it; RDS would end up in "incompatible-parameters"
            raise DataPlaneError(
                f"{instance.role}: the parameter group needs {needed} MiB of shared memory, and "
                f"{instance.instance_class} has {has} MiB. Lower shared_buffers, or take a larger class."
            )

    def _bring(self, instance: InstancePlan, floor: Mapping[str, int]) -> None:
        process = self._begin(instance, floor)
        if process:
            self.servers[instance.role].wait_ready(process)

    def _bring_all(self, instances: Iterable[InstancePlan], floor: Mapping[str, int]) -> None:
        """Start together, wait together."""
        begun = [(self.servers[i.role], self._begin(i, floor)) for i in instances]
        for server, process in begun:
            if process:
                server.wait_ready(process)

    def _begin(self, instance: InstancePlan, floor: Mapping[str, int]) -> Process | None:
        """Bring one server to its configuration; a process to wait for, if it had to be started."""
        server, standby = self.servers[instance.role], instance.role != PRIMARY
        if standby:
            self._base_backup(server)
        self._wait_if_starting(server)
        wanted = self._configuration(instance, floor)
        old, running = server.configured(), server.process()
        ours = bool(old.get("cluster_name"))
        change = difference(old, wanted) if ours else None
        if running and change and change.restart:
            server.stop()
            server.configure(wanted, self._system_users, standby=standby)
            self._did(instance.role, "restarted", change.restart)
            return server.launch()
        written = server.configure(wanted, self._system_users, standby=standby)
        if running is None:
            if not any(a.role == instance.role and a.kind in ("created", "rebuilt") for a in self._actions):
                self._did(instance.role, "started")
            return server.launch()
        if written or server.read_late():
            server.reload()
            names = change.reload if change else ()
            self._did(instance.role, "reloaded", names)
            return self._after_reload(server)
        return None

    def _wait_if_starting(self, server: Server) -> None:
        """A run that was interrupted may have left it so."""
        process = server.process()
        if process:
            server.wait_ready(process)

    def _after_reload(self, server: Server) -> Process | None:
        """A server that says it needs a restart for what it just read gets one, whatever the group's method was."""
        deadline = time.monotonic() + RELOAD_SECONDS
        while server.read_late() and time.monotonic() < deadline:
            time.sleep(0.01)
        waiting = server.waits_for_restart()
        if not waiting:
            return None
        server.stop()
        self._did(server.role, "restarted", waiting)
        return server.launch()

    # The master

    def _make_master(self) -> None:
        """What RDS gives: a master without SUPERUSER, who owns the database. The superuser does nothing else."""
        plan = self.plan
        password = plan.master_verifier
        with self.primary.admin() as session:
            # Neither line belongs in a log that is kept.
            session.execute("SET log_statement = 'none'; SET log_min_duration_statement = -1")
            name = sql.Identifier(plan.master)
            found = session.execute("SELECT rolpassword FROM pg_authid WHERE rolname = %s", [plan.master]).fetchone()
            if found is None:
                session.execute(sql.SQL("CREATE ROLE {}").format(name))
            if found is None or found[0] != password:
                attributes = sql.SQL("ALTER ROLE {} LOGIN NOSUPERUSER CREATEDB CREATEROLE NOREPLICATION PASSWORD {}")
                session.execute(attributes.format(name, sql.Literal(password)))
            session.execute(sql.SQL("GRANT pg_monitor TO {} WITH ADMIN OPTION").format(name))
            if not session.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [RDS_IAM]).fetchone():
                session.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(RDS_IAM)))
            # It gives the role away and has nothing of it, as on RDS, where a member comes in by a token alone.
            give = sql.SQL("GRANT {} TO {} WITH ADMIN TRUE, INHERIT FALSE, SET FALSE")
            session.execute(give.format(sql.Identifier(RDS_IAM), name))
            if not session.execute("SELECT 1 FROM pg_database WHERE datname = %s", [plan.database]).fetchone():
                make = sql.SQL("CREATE DATABASE {} OWNER {}")
                session.execute(make.format(sql.Identifier(plan.database), name))
        if EXTENSION in self.binaries.libraries:
            with self.primary.admin(plan.database) as session:
                session.execute(f"CREATE EXTENSION IF NOT EXISTS {EXTENSION}")

    # Replicas

    def _base_backup(self, server: Server) -> None:
        """Copy the primary into a replica that has no data of it."""
        with self.primary.admin() as session:
            rebuilt = server.exists and not self._follows(server, session)
            if server.exists and not rebuilt:
                return
            self._say(f"Copying the primary to {server.role}")
            if rebuilt:
                server.stop()
                shutil.rmtree(server.data)
            _drop_slot(session, slot(server.role))  # of an interrupted copy, or of one that fell too far behind
        server.make_folder()
        new = server.folder / "data.new"
        # Without "-c fast" a busy primary would take a checkpoint's time; "--no-sync": it can be copied again.
        server.run(
            self.binaries.tools / "pg_basebackup",
            "-D", new, "-h", self.layout.sockets, "-p", str(self.primary.port), "-U", SUPERUSER, "-w",
            "-X", "stream", "-c", "fast", "--no-sync", "-C", "-S", slot(server.role),
        )  # fmt: skip
        for name in ("postgresql.conf", "postmaster.pid"):
            (new / name).unlink(missing_ok=True)
        server.adopt(new)
        self._did(server.role, "rebuilt" if rebuilt else "created")

    def _follows(self, server: Server, primary: Connection) -> bool:
        """Whether it can go on from where it is: same cluster, and its slot still has what it needs."""
        if server.system_identifier() != self.primary.system_identifier():
            return False
        found = primary.execute(
            "SELECT wal_status FROM pg_replication_slots WHERE slot_name = %s", [slot(server.role)]
        ).fetchone()
        return found is not None and found[0] != "lost"

    def _replay(self, replicas: Iterable[InstancePlan]) -> None:
        """Wait until replicas have replayed all that the primary wrote until now."""
        self._wait_streaming()
        with self.primary.admin() as session:
            row = session.execute("SELECT pg_current_wal_lsn()::text").fetchone()
        assert row is not None
        for replica in replicas:
            self._replayed(self.servers[replica.role], row[0])

    def _replayed(self, server: Server, position: str) -> None:
        deadline = time.monotonic() + CATCH_UP_SECONDS
        while server.process() and time.monotonic() < deadline:
            with server.admin() as session:
                row = session.execute("SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn", [position]).fetchone()
            if row and row[0]:
                return
            time.sleep(0.05)
        if server.process():
            raise DataPlaneError(
                f"{server.role} has not replayed what the primary wrote within {CATCH_UP_SECONDS} s. Look at its log "
                f"in {server.logs}."
            )

    def _wait_streaming(self) -> None:
        """Until every replica that runs receives from the primary. Raises `DataPlaneError` naming those that do not."""
        waited = {slot(role): role for role, server in self.servers.items() if role != PRIMARY and server.process()}
        deadline = time.monotonic() + RECONNECT_SECONDS
        with self.primary.admin() as session:
            while True:
                rows = session.execute("SELECT slot_name FROM pg_replication_slots WHERE active").fetchall()
                missing = [role for name, role in waited.items() if (name,) not in rows]
                if not missing:
                    return
                if time.monotonic() > deadline:
                    raise DataPlaneError(
                        f"{', '.join(missing)} does not stream from the primary. Look at its log in "
                        f"{self.servers[missing[0]].logs}."
                    )
                for role in missing:
                    self.servers[role].reload()  # a signal wakes a standby that waits 5 s to try again
                time.sleep(0.05)

    def _remove_extra(self) -> None:
        """Replicas that the plan has no longer, with their slots; a slot that nobody reads keeps the log for ever."""
        extra = [role for role in self.layout.roles() if role not in self.servers]
        for role in extra:
            self._say(f"Removing {role}")
            self._server(role).stop()
            shutil.rmtree(self.layout.server(role))
            self._did(role, "removed")
        if not self.primary.process():
            return
        wanted = {slot(replica.role) for replica in self.plan.replicas}
        with self.primary.admin() as session:
            rows = session.execute("SELECT slot_name FROM pg_replication_slots WHERE NOT temporary").fetchall()
            for (name,) in rows:
                if name not in wanted:
                    _drop_slot(session, name)


def _drop_slot(session: Connection, name: str) -> None:
    """Drop it if it is there; a sender that still holds it is ended first."""
    deadline = time.monotonic() + RECONNECT_SECONDS
    while True:
        held = session.execute("SELECT active_pid FROM pg_replication_slots WHERE slot_name = %s", [name]).fetchone()
        if held is None:
            return
        try:
            if held[0] is not None:
                session.execute("SELECT pg_terminate_backend(%s)", [held[0]])
            session.execute("SELECT pg_drop_replication_slot(%s)", [name])
        except psycopg.errors.ObjectInUse:
            if time.monotonic() > deadline:
                raise DataPlaneError(f"slot {name} is still in use after {RECONNECT_SECONDS} s. Try again.") from None
            time.sleep(0.05)
        except psycopg.errors.UndefinedObject:
            return


def _standby_settings(configured: Mapping[str, str]) -> dict[str, str]:
    """What a server's file says of them, if the file is ours; nothing otherwise."""
    if not configured.get("cluster_name"):
        return {}
    return {name: configured[name] for name in STANDBY_SETTINGS if name in configured}
