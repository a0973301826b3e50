"""All servers of a stack (the data plane): up, status, down and purge."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass

import psycopg

from local.processes import Process
from local.servers import pgbouncer, server
from local.servers.account import Account
from local.servers.binaries import Binaries
from local.servers.cluster import Action, Cluster
from local.servers.configuration import substitutions
from local.servers.connections import Endpoint
from local.servers.errors import DataPlaneError, Substitution
from local.servers.layout import Layout, Ports, explained
from local.servers.pgbouncer import Pooler
from local.servers.plan import DataPlan

POOLER = "pgbouncer"


@dataclass(frozen=True, kw_only=True)
class Done:
    """What an `up` did. `changed`: whether there was anything to do."""

    actions: tuple[Action, ...]
    roles_changed: bool
    pooler: str | None

    @property
    def changed(self) -> bool:
        """Whether anything was made, started, reloaded or removed."""
        return bool(self.actions or self.roles_changed or self.pooler)


class DataPlane:
    """All servers of one plan on this machine.

    `make_roles`, which only `up` needs, makes the database's roles and tells whether it had to.
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
        make_roles: Callable[[DataPlane], bool] | None = None,
    ) -> None:
        self.plan = plan
        self._make_roles = make_roles
        self.layout = layout
        self.ports = ports
        self.binaries = binaries
        self._say = say
        self.cluster = Cluster(plan, binaries=binaries, account=account, layout=layout, ports=ports, say=say)
        self.pooler = Pooler(plan, account=account, layout=layout, ports=ports, authority=self.cluster.authority)

    def up(self) -> Done:
        """Bring everything to the plan, from whatever is there. Raises `DataPlaneError`."""
        pgbouncer.find_binary()  # before anything is made
        try:
            with explained():
                return self._up()
        except psycopg.Error as error:
            said = str(error).strip().splitlines()[0]
            raise DataPlaneError(
                f"A server did not answer: {said}. Look at its log in {self.layout.servers}."
            ) from error

    def _up(self) -> Done:
        actions = self.cluster.up()
        self._say("Making roles and grants")
        assert self._make_roles is not None
        roles_changed = self._make_roles(self)
        return Done(actions=actions, roles_changed=roles_changed, pooler=self.pooler.up())

    @property
    def substitutions(self) -> tuple[Substitution, ...]:
        """What stands in for RDS, each once."""
        return substitutions(
            self.plan, self.binaries.libraries, openssl=self.binaries.openssl, prefetch=self.cluster.prefetch
        )

    def endpoint(self, role: str) -> Endpoint:
        """Where clients reach an instance."""
        return self.cluster.endpoint(role)

    def processes(self) -> dict[str, Process | None]:
        """What should run, by role, PgBouncer among it; None for what does not."""
        found: dict[str, Process | None] = {role: one.process() for role, one in self.cluster.servers.items()}
        return found | {POOLER: self.pooler.process()}


def running(layout: Layout) -> dict[str, Process]:
    """What runs in a layout, by role, whatever the plan says: all that `down` has to stop."""
    found = {role: server.postmaster(layout.server(role) / "data") for role in layout.roles()}
    found[POOLER] = pgbouncer.running(layout)
    return {role: process for role, process in found.items() if process}


def held_ports(layout: Layout) -> frozenset[int]:
    """The ports that our running servers have, so that `ports.choose` does not take them for another program's."""
    return frozenset(
        port
        for port in (
            *(server.listening_port(layout.server(role) / "data") for role in layout.roles()),
            pgbouncer.listening_port(layout),
        )
        if port
    )


def down(layout: Layout) -> tuple[str, ...]:
    """Stop what runs: the pooler, then replicas, then the primary, so that they have all of its log. What was stopped.

    Data and configuration stay.
    """
    stopped = [POOLER] if pgbouncer.stop(layout) else []
    for role in sorted(layout.roles(), reverse=True):  # "replica-..." before "primary"
        if server.stop(layout.server(role) / "data"):
            stopped.append(role)
    return tuple(stopped)


def purge(layout: Layout) -> None:
    """Stop what runs and remove all of it, the data too."""
    down(layout)
    for folder in (layout.root, layout.sockets):
        shutil.rmtree(folder, ignore_errors=True)
