"""All servers of a stack (the data plane): up, status, down and purge."""

from __future__ import annotations

import shlex
import signal
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from local.processes import Process, working_in
from local.servers import backups, pgbouncer, server, upgrade
from local.servers.account import Account
from local.servers.binaries import Binaries
from local.servers.cluster import Cluster
from local.servers.configuration import substitutions
from local.servers.connections import Endpoint
from local.servers.errors import DataPlaneError, Substitution
from local.servers.layout import Layout, Ports, explained, remove
from local.servers.pgbouncer import Pooler
from local.servers.plan import PRIMARY, DataPlan
from local.servers.rollout import Action

POOLER = "pgbouncer"
QUICK_SECONDS = 2
_PROGRAMS = ("postgres", "pgbouncer", "initdb", "pg_basebackup", "pg_upgrade")


@dataclass(frozen=True, kw_only=True)
class Done:
    """What an `up` did. `changed`: whether there was anything to do. `served`: when clients were, by time.monotonic."""

    actions: tuple[Action, ...]
    roles_changed: bool
    pooler: str | None
    served: float

    @property
    def changed(self) -> bool:
        """Whether anything was made, started, reloaded or removed."""
        return bool(self.actions or self.roles_changed or self.pooler)


class DataPlane:
    """All servers of one plan on this machine.

    `make_roles`, which only `up` needs, makes the database's roles and tells whether it had to. `older`: programs of an
    earlier major, for data that is to be upgraded.
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
        older: Callable[[int], Binaries] | None = None,
        backed_up: bool = False,
    ) -> None:
        self.plan = plan
        self._make_roles = make_roles
        self.layout = layout
        self.ports = ports
        self.binaries = binaries
        self._say = say
        self.cluster = Cluster(
            plan, binaries=binaries, account=account, layout=layout, ports=ports, say=say, older=older,
            backed_up=backed_up,
        )  # fmt: skip
        self.pooler = Pooler(plan, account=account, layout=layout, ports=ports, authority=self.cluster.authority)

    def check_upgrade(self) -> None:
        """RDS's pre-check, where the data is of an earlier major; servers run on as they did.

        Raises `DataPlaneError` for what is in the way of it, and for data of a later major.
        """
        with self._answering():
            self.cluster.check_upgrade()

    def up(self) -> Done:
        """Bring everything to the plan, from whatever is there. Raises `DataPlaneError`."""
        pgbouncer.find_binary()  # before anything is made
        with self._answering():
            return self._up()

    @contextmanager
    def _answering(self) -> Iterator[None]:
        try:
            with explained():
                yield
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
        pooler = self.pooler.up()
        served = time.monotonic()  # nobody waits for what follows
        actions += self.cluster.remove_others()
        self.cluster.back_up()
        return Done(actions=actions, roles_changed=roles_changed, pooler=pooler, served=served)

    @property
    def substitutions(self) -> tuple[Substitution, ...]:
        """What stands in for RDS, each once."""
        found = substitutions(
            self.plan,
            self.binaries.version,
            self.binaries.libraries,
            openssl=self.binaries.openssl,
            prefetch=self.cluster.prefetch,
        )
        if not self.began_empty:
            return found
        primary = self.plan.primary
        began = f"nothing to restore from was on this machine, so {primary.identifier} began empty"
        return (*found, Substitution(f"restoreFrom {primary.origin}", began))

    @property
    def began_empty(self) -> bool:
        """Whether the primary was to be restored, on a machine that had nothing to restore it from."""
        return backups.began_empty(self.layout.server(self.plan.primary.name))

    @property
    def previous(self) -> list[str]:
        """Labels of the instances of the generation before that are on this machine."""
        return [label for label, server in self.cluster.previous.items() if server.exists]

    def endpoint(self, role: str) -> Endpoint:
        """Where clients reach an instance."""
        return self.cluster.endpoint(role)

    def processes(self) -> dict[str, Process | None]:
        """What should run, by role, PgBouncer among it; None for what does not."""
        found: dict[str, Process | None] = {role: one.process() for role, one in self.cluster.servers.items()}
        found |= {label: self.cluster.previous[label].process() for label in self.previous}
        return found | {POOLER: self.pooler.process()}


def running(layout: Layout) -> dict[str, Process]:
    """What runs in a layout, by role, whatever the plan says: all that `down` has to stop."""
    found = {role: server.postmaster(layout.server(role) / "data") for role in layout.roles()}
    found[POOLER] = pgbouncer.running(layout)
    return {role: process for role, process in found.items() if process}


def major(layout: Layout, name: str = PRIMARY) -> int | None:
    """The major of a primary's data, by its name; None without any."""
    return upgrade.major(layout.server(name))


def strays(layout: Layout) -> list[Process]:
    """Programs that work in a layout and that no pid file there names.

    An initdb or pg_basebackup whose command was killed; servers whose folder was deleted under them.
    """
    known = running(layout).values()
    return [process for process in working_in(layout.root, _PROGRAMS) if process not in known]


def end_strays(layout: Layout) -> tuple[str, ...]:
    """End them; the names of the programs."""
    ended = []
    while found := strays(layout):  # a child shows when its parent is gone
        for process in found:
            program, *arguments = shlex.split(process.command)
            name = Path(program).name
            paths = [Path(argument) for argument in arguments if argument.startswith("/")]
            # A server ends its sessions, at once where its files are gone or go; others have only begun what they did.
            whole = all(path.exists() and not path.is_relative_to(layout.restoring) for path in paths)
            ending = signal.SIGINT if name == "postgres" and whole else signal.SIGQUIT
            process.stop(server.STOP_SECONDS, ending if name in ("postgres", POOLER) else signal.SIGKILL)
            ended.append(name)
    return tuple(ended)


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


def configured_ports(layout: Layout) -> dict[str, int]:
    """The port of each server that is here, by name, as its own file has it, whether it runs or not."""
    files = {name: server.configured(layout.server(name) / "data") for name in layout.roles()}
    return {name: int(settings["port"]) for name, settings in files.items() if "port" in settings}


def down(layout: Layout) -> tuple[str, ...]:
    """Stop what runs: the pooler, then replicas, then the primary, so that they have all of its log. What was stopped.

    Data and configuration stay.
    """
    stopped = [POOLER] if pgbouncer.stop(layout) else []
    for role in sorted(layout.roles(), reverse=True):  # "replica-..." before "primary"
        if server.stop(layout.server(role) / "data"):
            stopped.append(role)
    return (*stopped, *end_strays(layout))


def stop_quickly(layout: Layout, roles: Collection[str]) -> None:
    """Stop these servers together: in order if that is done at once, else as after a power cut, which loses nothing."""
    found = {role: process for role, process in running(layout).items() if role in roles}
    for role, process in found.items():
        process.send(signal.SIGQUIT if role == POOLER else signal.SIGINT)
    deadline = time.monotonic() + QUICK_SECONDS
    while any(process.alive() for process in found.values()) and time.monotonic() < deadline:
        time.sleep(0.01)
    for process in found.values():
        process.stop(server.STOP_SECONDS, signal.SIGQUIT)


def purge(layout: Layout) -> None:
    """Stop what runs and remove all of it, the data too. Raises `DataPlaneError` for what cannot be removed."""
    down(layout)
    for folder in (layout.root, layout.sockets):
        remove(folder)
