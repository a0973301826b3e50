"""Bring the primary and its standbys to the plan, in an order that loses nothing: create, restore, upgrade, remove."""

from __future__ import annotations

import os
import pwd
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from blueprint.postgres.effective import STANDBY_SETTINGS
from local.loopback import free_port, is_free
from local.servers import backups, master, replication, tls, upgrade
from local.servers.account import Account
from local.servers.binaries import Binaries
from local.servers.configuration import Machine, own_settings, standby_floor
from local.servers.connections import Endpoint
from local.servers.errors import DataPlaneError
from local.servers.layout import Layout, Ports, discard, remove, remove_scratch
from local.servers.plan import PRIMARY, DataPlan, InstancePlan, Origin
from local.servers.rollout import Action, Actions, Rollout
from local.servers.server import Server, stop
from local.servers.upgrade import Upgrade


class Cluster:
    """The servers of one plan. `say` hears each long step before it begins; `older` finds programs of other majors.

    `servers`: those of the current generation, by role; `previous`: those of the one before, by label. `backed_up`: the
    primary archives its log, so that base backups can be taken.
    """

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
        backed_up: bool = False,
    ) -> None:
        self.plan = plan
        self._older = older
        self._backed_up = backed_up
        self.binaries = binaries
        self.account = account
        self.layout = layout
        self.ports = ports
        self._say = say
        self._actions = Actions()
        # Root administers over the socket, and the servers' account replicates over it.
        self._system_users = (account.name, pwd.getpwuid(os.geteuid()).pw_name)
        self.servers = {instance.role: self._server(instance.name) for instance in plan.instances}
        self.previous = {instance.label: self._server(instance.name) for instance in plan.previous}
        self.rollout = Rollout(
            servers=self.servers, machine=self._machine, system_users=self._system_users, say=say,
            actions=self._actions,
        )  # fmt: skip

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
        """Where clients reach one instance, by role; one of the generation before by label."""
        names = {one.label: one.name for one in self.plan.previous}
        names |= {one.role: one.name for one in self.plan.instances}
        port = self.ports.servers[names[role]]
        return Endpoint(host="localhost", port=port, database=self.plan.database, authority=self.authority)

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

    def _machine(self, instance: InstancePlan) -> Machine:
        return Machine(
            port=self.ports.servers[instance.name],
            primary_port=self.primary.port,
            sockets=self.layout.sockets,
            logs=self.servers[instance.role].logs,
            certificates=self._certificates,
            libraries=self.binaries.libraries,
            prefetch=self.prefetch,
            archive=backups.archive_command(backups.folder(self.layout, instance.name)) if self._backed_up else None,
        )

    def _server(self, name: str) -> Server:
        return Server(
            role=name, folder=self.layout.server(name), sockets=self.layout.sockets,
            port=self.ports.servers.get(name, 0), binaries=self.binaries, account=self.account,
        )  # fmt: skip

    # Up

    def up(self) -> tuple[Action, ...]:
        """Bring the servers to the plan, from whatever is there; what was done, nothing the second time.

        Idempotent at every step: a cluster arrives under a temporary name, the master is made by what is missing, and
        what a server has is read from its own files. What the plan has no longer stays until `remove_others`. Raises
        `DataPlaneError`.
        """
        self._actions.clear()
        self.layout.make(self.account)
        self._tidy_up()
        upgrade.settle(self.primary)
        self.primary.settled()  # a run that was interrupted may have left it starting, or ending
        if self._backed_up:
            backups.make_folders(self.primary, self.layout)
        self._start_previous()
        self._upgrade()
        self._remove_replicas()
        self._create_primary()

        # A standby does not start with less than its primary has. While that changes, those that are here bear both.
        after = own_settings(self.plan.primary)
        before = _standby_settings(self.primary.configured()) or after
        both, least = standby_floor(before, after), standby_floor(after)
        standing = [replica for replica in self.plan.replicas if self.servers[replica.role].exists]

        self.rollout.check(self.plan.instances, both)
        if both != standby_floor(before) and self.primary.process():
            self.rollout.bring(standing, both)
        self.rollout.bring([self.plan.primary], both)
        if upgrade.unfinished(self.primary):
            self._say("Making statistics")
            upgrade.finish(self.primary)
        if both != least:
            self.rollout.bring(standing, both)
            replication.wait_replayed(self.primary, [self.servers[replica.role] for replica in standing])
        master.make_master(self.primary, self.plan)
        self.rollout.bring(self.plan.replicas, least)
        replication.wait_streaming(self.primary, self.standbys)
        return tuple(self._actions)

    def remove_others(self) -> tuple[Action, ...]:
        """Remove what is left of generations that the plan has no longer, once nobody needs them; what was done.

        Of a protected primary a final snapshot stays.
        """
        self._actions.clear()
        for name in sorted(self._extra(), reverse=True):  # "replica-..." before "primary"
            self._remove(name, final=role_of(name) == PRIMARY and self.plan.primary.protected and self._backed_up)
        backups.remove_others(self.layout, {instance.name for instance in self.plan.standing})
        return tuple(self._actions)

    def _tidy_up(self) -> None:
        """Remove what an interrupted run began to restore, to remove or to try."""
        stop(self.layout.restoring / "data")
        remove(self.layout.restoring)
        remove(self.layout.discarded)
        for name in self.layout.roles():
            remove_scratch(self.layout.server(name))

    # A later major

    def check_upgrade(self) -> None:
        """RDS's pre-check of a major upgrade, where one is due. Raises `DataPlaneError` for what is in the way."""
        self.layout.make(self.account)
        upgrade.settle(self.primary)
        due = self._due()
        if due:
            self._say(f"Checking the upgrade of PostgreSQL {due.old.version} to {self.binaries.version}")
            floor = standby_floor(own_settings(self.plan.primary))
            due.check(lambda new: self.rollout.check(self.plan.instances, floor, new))

    def _due(self) -> Upgrade | None:
        """The upgrade that the data needs. Raises `DataPlaneError` where RDS would take no such version."""
        has, asked = self.primary.major, self.binaries.major
        if has is None or has == asked:
            return None
        start = f"database.engineVersion {asked}: the data of {self.plan.stack} here is PostgreSQL {has}, and"
        if has > asked or self._older is None:
            raise DataPlaneError(
                f'{start} no server goes back to an earlier major. Set it to "{has}", restore a snapshot of before as '
                f"the next generation ({upgrade.RUNBOOK}), or begin anew without the data: make down "
                f"STACK={self.plan.stack} PURGE=1"
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
            due.run(self.rollout.configuration(self.plan.primary, {}))
            self.primary.start()
        except DataPlaneError:
            due.undo()
            for server in reversed(stopped):
                replace(server, binaries=due.old).start()
            raise
        self._actions.did(self.primary.role, "upgraded", [f"{old} to {new}"])

    # Backups, and the generation before

    def back_up(self, *, anyway: bool = False) -> None:
        """Take a base backup of a primary that archives, if one is due, or `anyway`."""
        own = backups.folder(self.layout, self.primary.role)
        if self._backed_up and (anyway or backups.is_due(self.primary, own, datetime.now(UTC))):
            self._say("Taking a base backup")
            backups.take(self.primary, own)

    def _start_previous(self) -> None:
        """Start what does not run of the generation before, as it was left."""
        for instance in self.plan.previous:
            server = self.previous[instance.label]
            if server.exists and not server.settled():
                server.move(server.port, self.ports.servers[self.plan.previous[0].name])
                self._start_as_left(server)
                self._actions.did(instance.label, "started")

    def _start_as_left(self, server: Server) -> None:
        older = self._older and server.major != self.binaries.major and server.major
        (replace(server, binaries=self._older(older)) if self._older and older else server).start()

    # Steps

    def _remove_replicas(self) -> None:
        """Those that the current generation has no longer, with their slots."""
        for name in self._extra():
            if generation_of(name) == self.plan.primary.generation:
                self._remove(name)
        if self.primary.process():
            replication.drop_other_slots(self.primary, [replica.name for replica in self.plan.replicas])

    def _extra(self) -> list[str]:
        wanted = {instance.name for instance in self.plan.standing}
        return [name for name in self.layout.roles() if name not in wanted]

    def _remove(self, name: str, *, final: bool = False) -> None:
        """Stop a server and remove it; with `final` it leaves a snapshot."""
        self._say(f"Removing {name}")
        server = self._server(name)
        server.stop()
        if final and server.exists:
            identifier = backups.identifier(self.plan.primary, generation_of(name))
            self._actions.did(name, "kept", [backups.keep_as_final_snapshot(server, identifier, self.layout)])
        discard(self.layout.server(name), self.layout)
        self._actions.did(name, "removed")

    def _create_primary(self) -> None:
        origin = self.plan.primary.origin
        if self.primary.exists and (origin is None or backups.origin(self.primary.folder) in (None, origin)):
            return
        empty = backups.is_new_machine(self.layout)
        if origin and not empty:
            self._restore(origin)
            return
        self._say("Creating the primary")
        self._forget_backups()
        self.primary.make_folder()
        if origin:
            backups.mark(self.primary, origin, empty=empty)
        self.primary.initialise()
        self._actions.did(self.primary.role, "created")

    def _restore(self, origin: Origin) -> None:
        """Make the primary from a snapshot, or from the backups of the generation before. Only a whole one arrives."""
        self._say(f"Restoring {self.plan.primary.identifier} from {origin}")
        # A port of its own, which names its socket: one of another beginning serves until this one is whole.
        scratch = replace(self.primary, folder=self.layout.restoring, port=self._free_port())
        scratch.make_folder()
        if origin.kind == "snapshot":
            backups.copy_snapshot(scratch, self.layout, origin)
        else:
            name = backups.source_of(self.plan.primary)
            source, own = self._server(name), backups.folder(self.layout, name)
            if not source.settled():  # it is not kept, and goes when this one stands
                before = int(source.configured()["port"])
                source = replace(source, port=before if is_free(before) else self._free_port())
                source.move(source.port, source.port)
                self._start_as_left(source)
            wanted = self.rollout.configuration(self.plan.primary, {})
            backups.recover(scratch, source, own, backups.moment(origin), wanted, self._system_users)
        self.primary.stop()
        discard(self.primary.folder, self.layout)
        self._forget_backups()
        self.primary.make_folder()
        backups.mark(self.primary, origin, empty=False)
        self.primary.adopt(scratch.data)
        remove(scratch.folder)
        self._actions.did(self.primary.role, "restored", [str(origin)])

    def _forget_backups(self) -> None:
        """Those of a primary that had the name of one which is made now."""
        remove(backups.folder(self.layout, self.primary.role))
        if self._backed_up:
            backups.make_folders(self.primary, self.layout)

    def _free_port(self) -> int:
        return free_port({*self.ports.servers.values(), self.ports.pooler})


def role_of(name: str) -> str:
    """The role in an instance's name."""
    return name.partition("-g")[0]


def generation_of(name: str) -> int:
    """The generation in an instance's name."""
    return int(name.partition("-g")[2] or 1)


def _standby_settings(configured: Mapping[str, str]) -> dict[str, str]:
    """What a server's file says of them, if the file is ours; nothing otherwise."""
    if not configured.get("cluster_name"):
        return {}
    return {name: configured[name] for name in STANDBY_SETTINGS if name in configured}
