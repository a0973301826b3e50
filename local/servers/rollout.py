"""Bring the servers of one generation to their configuration: write it, start, reload or restart what needs it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from local.processes import Process
from local.servers import replication
from local.servers.configuration import Machine, ServerConfiguration, configuration, difference
from local.servers.errors import DataPlaneError
from local.servers.plan import PRIMARY, InstancePlan
from local.servers.server import Server

RELOAD_SECONDS = 2
_MADE = ("created", "restored", "rebuilt", "upgraded")


@dataclass(frozen=True, kw_only=True)
class Action:
    """What was done to one server. `names`: parameters that a reload or restart put in force, or what it came from."""

    role: str
    kind: Literal["created", "restored", "started", "reloaded", "restarted", "removed", "rebuilt", "kept", "upgraded"]
    names: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.role} {self.kind}{': ' + ', '.join(self.names) if self.names else ''}"


class Actions(list[Action]):
    """What was done so far, in order."""

    def did(self, role: str, kind: Any, names: Iterable[str] = ()) -> None:
        """Something more was."""
        self.append(Action(role=role, kind=kind, names=tuple(names)))

    def made(self, role: str) -> bool:
        """Whether that server's data is of now."""
        return any(action.role == role and action.kind in _MADE for action in self)


@dataclass(frozen=True, kw_only=True)
class Rollout:
    """Servers by role, and what becomes their configuration.

    machine: this machine's part of it. system_users: who administers by the socket. `say` hears of long steps, and
    `actions` has what was done.
    """

    servers: Mapping[str, Server]
    machine: Callable[[InstancePlan], Machine]
    system_users: Sequence[str]
    say: Callable[[str], None]
    actions: Actions

    def configuration(self, instance: InstancePlan, floor: Mapping[str, int]) -> ServerConfiguration:
        """What an instance is to have. `floor`: the least that a standby gets."""
        return configuration(instance, {} if instance.role == PRIMARY else floor, self.machine(instance))

    def check(self, instances: Iterable[InstancePlan], floor: Mapping[str, int], server: Server | None = None) -> None:
        """Let PostgreSQL itself look at every new configuration before a running server is touched.

        server: another than the primary, with data of the major of these programs. Raises `DataPlaneError`.
        """
        for instance in instances:
            wanted = self.configuration(instance, floor)
            if self.servers[instance.role].configured() == wanted.settings:
                continue
            needed = (server or self.servers[PRIMARY]).shared_memory_mib(wanted, instance.name)
            has = instance.memory_bytes // 2**20
            if needed >= has:  # this machine may have it; RDS would end up in "incompatible-parameters"
                raise DataPlaneError(
                    f"{instance.name}: the parameter group needs {needed} MiB of shared memory, and "
                    f"{instance.instance_class} has {has} MiB. Lower shared_buffers, or take a larger class."
                )

    def bring(self, instances: Iterable[InstancePlan], floor: Mapping[str, int]) -> None:
        """Start together, wait together. `floor`: the least that standbys get. Raises `DataPlaneError`."""
        begun = [(self.servers[instance.role], self._begin(instance, floor)) for instance in instances]
        for server, process in begun:
            if process:
                server.wait_ready(process)

    def _begin(self, instance: InstancePlan, floor: Mapping[str, int]) -> Process | None:
        """Bring one server to its configuration; a process to wait for, if it had to be started."""
        server, standby = self.servers[instance.role], instance.role != PRIMARY
        if standby and not replication.follows(server, self.servers[PRIMARY]):
            self.say(f"Copying the primary to {server.role}")
            self.actions.did(server.role, replication.base_backup(server, self.servers[PRIMARY]))
        server.settled()
        wanted = self.configuration(instance, floor)
        old, running = server.configured(), server.process()
        ours = bool(old.get("cluster_name"))
        change = difference(old, wanted) if ours else None
        if running and change and change.restart:
            server.stop()
            server.configure(wanted, self.system_users, standby=standby)
            self.actions.did(instance.name, "restarted", change.restart)
            return server.launch()
        written = server.configure(wanted, self.system_users, standby=standby)
        if running is None:
            if not self.actions.made(instance.name):
                self.actions.did(instance.name, "started")
            return server.launch()
        if written or server.read_late():
            server.reload()
            names = change.reload if change else ()
            self.actions.did(instance.name, "reloaded", names)
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
        self.actions.did(server.role, "restarted", waiting)
        return server.launch()
