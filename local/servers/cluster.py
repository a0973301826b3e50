"""Bring the primary and its standbys to the plan: create, configure, start, restart or remove them."""

from __future__ import annotations

import os
import pwd
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from blueprint.postgres.effective import STANDBY_SETTINGS
from local.processes import Process
from local.servers import master, replication, tls, upgrade
from local.servers.account import Account
from local.servers.binaries import Binaries
from local.servers.configuration import (
    Machine,
    ServerConfiguration,
    configuration,
    difference,
    own_settings,
    standby_floor,
)
from local.servers.connections import Endpoint
from local.servers.errors import DataPlaneError
from local.servers.layout import Layout, Ports
from local.servers.plan import PRIMARY, DataPlan, InstancePlan
from local.servers.server import Server
from local.servers.upgrade import Upgrade

RELOAD_SECONDS = 2
_MADE = ("created", "rebuilt", "upgraded")


@dataclass(frozen=True, kw_only=True)
class Action:
    """What was done to one server. `names`: parameters that a reload or restart put in force, or the new version."""

    role: str
    kind: Literal["created", "started", "reloaded", "restarted", "removed", "rebuilt", "upgraded"]
    names: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.role} {self.kind}{': ' + ', '.join(self.names) if self.names else ''}"


class Cluster:
    """The servers of one plan. `say` hears each long step before it begins; `older` finds programs of other majors."""

    def __init__(
        self,
        plan: DataPlan,
        *,
        binaries: Binaries,
        account: Account,
        layout: Layout,
        ports: Ports,
        say: Callable[[str], None] = lambda _: None,
        older: Callable[[int], Binaries] | None = None,
    ) -> None:
        self.plan = plan
        self._older = older
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
    def standbys(self) -> list[Server]:
        """The servers of the replicas."""
        return [server for role, server in self.servers.items() if role != PRIMARY]

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
        upgrade.settle(self.primary)
        self.primary.settled()  # a run that was interrupted may have left it starting, or ending
        self._upgrade()
        self._remove_extra()
        self._create_primary()

        # A standby does not start with less than its primary has. While that changes, those that are here bear both.
        after = own_settings(self.plan.primary)
        before = _standby_settings(self.primary.configured()) or after
        both, least = standby_floor(before, after), standby_floor(after)
        standing = [replica for replica in self.plan.replicas if self.servers[replica.role].exists]

        self._check_all(both)
        if both != standby_floor(before) and self.primary.process():
            self._bring(standing, both)
        self._bring([self.plan.primary], both)
        if upgrade.unfinished(self.primary):
            self._say("Making statistics")
            upgrade.finish(self.primary)
        if both != least:
            self._bring(standing, both)
            replication.wait_replayed(self.primary, [self.servers[replica.role] for replica in standing])
        master.make_master(self.primary, self.plan)
        self._bring(self.plan.replicas, least)
        replication.wait_streaming(self.primary, self.standbys)
        return tuple(self._actions)

    # A later major

    def check_upgrade(self) -> None:
        """RDS's pre-check of a major upgrade, where one is due. Raises `DataPlaneError` for what is in the way."""
        self.layout.make(self.account)
        upgrade.settle(self.primary)
        due = self._due()
        if due:
            self._say(f"Checking the upgrade of PostgreSQL {due.old.version} to {self.binaries.version}")
            floor = standby_floor(own_settings(self.plan.primary))
            due.check(lambda new: self._check_all(floor, new))

    def _due(self) -> Upgrade | None:
        """The upgrade that the data needs. Raises `DataPlaneError` where RDS would take no such version."""
        has, asked = self.primary.major, self.binaries.major
        if has is None or has == asked:
            return None
        start = f"database.engineVersion {asked}: the data of {self.plan.stack} here is PostgreSQL {has}, and"
        if has > asked or self._older is None:
            raise DataPlaneError(
                f'{start} no server goes back to an earlier major. Set it to "{has}", or begin anew without the data: '
                f"make down STACK={self.plan.stack} PURGE=1"
            )
        if not self.plan.primary.allow_major_upgrade:
            raise DataPlaneError(
                f"{start} RDS upgrades to another major only if it is let. Set database.allowMajorUpgrade to {asked} "
                f'and database.applyImmediately to true ({upgrade.RUNBOOK}), or database.engineVersion to "{has}".'
            )
        return Upgrade(primary=self.primary, old=self._older(has), system_users=self._system_users)

    def _upgrade(self) -> None:
        """pg_upgrade of the primary, with everything stopped as on RDS; where it fails all run on as before.

        Replicas are copied anew afterwards. `check_upgrade` comes first.
        """
        due = self._due()
        if due is None:
            return
        old, new = due.old.version, self.binaries.version
        self._say(f"Upgrading PostgreSQL {old} to {new}")
        stopped = [server for server in reversed(self.servers.values()) if server.stop()]
        try:
            due.run(self._configuration(self.plan.primary, {}))
            self.primary.start()
        except DataPlaneError:
            due.undo()
            for server in reversed(stopped):
                replace(server, binaries=due.old).start()
            raise
        self._did(PRIMARY, "upgraded", [f"{old} to {new}"])

    # Steps

    def _remove_extra(self) -> None:
        """Replicas that the plan has no longer, with their slots."""
        for role in self.layout.roles():
            if role not in self.servers:
                self._say(f"Removing {role}")
                self._server(role).stop()
                shutil.rmtree(self.layout.server(role))
                self._did(role, "removed")
        if self.primary.process():
            replication.drop_other_slots(self.primary, [replica.role for replica in self.plan.replicas])

    def _create_primary(self) -> None:
        if self.primary.exists:
            return
        self._say("Creating the primary")
        self.primary.make_folder()
        self.primary.initialise()
        self._did(PRIMARY, "created")

    def _check_all(self, floor: Mapping[str, int], server: Server | None = None) -> None:
        """Let PostgreSQL itself look at every new configuration before a running server is touched.

        server: another than the primary, with data of the major of these programs.
        """
        for instance in self.plan.instances:
            wanted = self._configuration(instance, floor)
            if self.servers[instance.role].configured() == wanted.settings:
                continue
            needed = (server or self.primary).shared_memory_mib(wanted, instance.role)
            has = instance.memory_bytes // 2**20
            if needed >= has:  # this machine may have it; RDS would end up in "incompatible-parameters"
                raise DataPlaneError(
                    f"{instance.role}: the parameter group needs {needed} MiB of shared memory, and "
                    f"{instance.instance_class} has {has} MiB. Lower shared_buffers, or take a larger class."
                )

    def _bring(self, instances: Iterable[InstancePlan], floor: Mapping[str, int]) -> None:
        """Bring servers to their configuration: start together, wait together. `floor`: the least that standbys get."""
        begun = [(self.servers[instance.role], self._begin(instance, floor)) for instance in instances]
        for server, process in begun:
            if process:
                server.wait_ready(process)

    def _begin(self, instance: InstancePlan, floor: Mapping[str, int]) -> Process | None:
        """Bring one server to its configuration; a process to wait for, if it had to be started."""
        server, standby = self.servers[instance.role], instance.role != PRIMARY
        if standby and not replication.follows(server, self.primary):
            self._say(f"Copying the primary to {server.role}")
            self._did(server.role, replication.base_backup(server, self.primary))
        server.settled()
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
            if not any(a.role == instance.role and a.kind in _MADE for a in self._actions):
                self._did(instance.role, "started")
            return server.launch()
        if written or server.read_late():
            server.reload()
            names = change.reload if change else ()
            self._did(instance.role, "reloaded", names)
            return self._after_reload(server)
        return None

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
        return configuration(instance, {} if instance.role == PRIMARY else floor, machine)

    def _did(self, role: str, kind: Any, names: Iterable[str] = ()) -> None:
        self._actions.append(Action(role=role, kind=kind, names=tuple(names)))


def _standby_settings(configured: Mapping[str, str]) -> dict[str, str]:
    """What a server's file says of them, if the file is ours; nothing otherwise."""
    if not configured.get("cluster_name"):
        return {}
    return {name: configured[name] for name in STANDBY_SETTINGS if name in configured}
