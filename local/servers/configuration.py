"""The configuration of each server, as text: pure functions of the plan.

In this order, later lines winning: what RDS sets where a group says nothing, the group as registered with formulas
resolved, the five values that a standby takes from its primary, and what belongs to this machine.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from blueprint.postgres.catalogue import catalogue
from blueprint.postgres.effective import STANDBY_SETTINGS
from blueprint.postgres.formulas import resolve
from blueprint.postgres.roles import IAM_ROLES
from blueprint.postgres.version import MAJORS
from local.servers.errors import Substitution
from local.servers.plan import PRIMARY, DataPlan, InstancePlan
from local.servers.tls import Certificates

SUPERUSER = "rdsadmin"  # what RDS calls its own, and what no master can be called
LIBRARIES = "shared_preload_libraries"

# rds.* names that mean something here; the others only answer SHOW.
_STANDS_FOR: Mapping[str, str] = {
    "rds.force_ssl": "pg_hba.conf says hostssl, or host where it is off",
    "rds.accepted_password_auth_method": "pg_hba.conf says scram-sha-256, or md5 which takes both",
    "rds.logical_replication": "wal_level is logical where it is on",
}


@dataclass(frozen=True, kw_only=True)
class Machine:
    """Values of this machine: of one server its port, of all the folder of sockets, the primary's port, TLS.

    `archive`: the command that keeps a primary's log; None where it is not kept.
    """

    port: int
    primary_port: int
    sockets: Path
    logs: Path
    certificates: Certificates | None
    libraries: frozenset[str]
    prefetch: bool = True
    archive: str | None = None


@dataclass(frozen=True, kw_only=True)
class ServerConfiguration:
    """Of one server. settings: name and value as the server gets them. raised: standby values above the group's own.

    methods: RDS's apply method by name, for what the group states. major: whose settings they are.
    """

    settings: Mapping[str, str]
    raised: Mapping[str, str]
    methods: Mapping[str, str]
    hba: str
    major: int

    @property
    def text(self) -> str:
        """postgresql.conf."""
        return "".join(f"{name} = {_quoted(value)}\n" for name, value in self.settings.items())


@dataclass(frozen=True)
class Difference:
    """Names whose value changed: those that a reload puts in force, and those that wait for a restart."""

    reload: tuple[str, ...]
    restart: tuple[str, ...]


def own_settings(instance: InstancePlan) -> dict[str, str]:
    """What the instance has on RDS: the family's defaults and over them the group, formulas resolved for its class."""
    defaults = {
        row.name: row.rds_default
        for row in catalogue(instance.major).values()
        # An unsettable one is RDS's own business, such as archive_mode, which would keep every segment here.
        if row.rds_default is not None and row.unsettable is None
    }
    merged = defaults | dict(instance.raw)
    return {name: resolve(value, class_memory_bytes=instance.memory_bytes) for name, value in merged.items()}


def standby_floor(*of_primaries: Mapping[str, str]) -> dict[str, int]:
    """The least that a standby of these primaries' settings must have; two of them while one follows the other."""
    return {
        name: max([default if name not in s else int(s[name]) for s in of_primaries], default=0)
        for name, default in STANDBY_SETTINGS.items()
    }


def configuration(instance: InstancePlan, floor: Mapping[str, int], machine: Machine) -> ServerConfiguration:
    """The configuration of one server. `floor` is for a standby; a primary's is empty."""
    asked = own_settings(instance)
    settings = dict(asked)
    settings[LIBRARIES] = ",".join(name for name in _preloaded(asked) if name in machine.libraries)
    if asked.get("rds.logical_replication") == "1":
        settings["wal_level"] = "logical"
    if not machine.prefetch and "effective_io_concurrency" in settings:
        settings["effective_io_concurrency"] = "0"
    raised = {}
    for name, least in floor.items():
        if int(settings.get(name, STANDBY_SETTINGS[name])) < least:
            settings[name] = raised[name] = str(least)
    settings.update(_of_machine(instance, machine))
    return ServerConfiguration(
        settings=settings, raised=raised, methods=instance.apply_methods, hba=_hba(asked, machine.certificates),
        major=instance.major,
    )  # fmt: skip


def _of_machine(instance: InstancePlan, machine: Machine) -> Iterator[tuple[str, str]]:
    yield "cluster_name", instance.identifier
    # Not "localhost": with that a server whose port is taken on one of its two addresses starts on the other.
    yield "listen_addresses", "127.0.0.1"
    yield "port", str(machine.port)
    yield "unix_socket_directories", str(machine.sockets)
    yield "unix_socket_permissions", "0700"
    yield "timezone", "UTC"
    yield "log_timezone", "UTC"
    # As on RDS, so that its names and rotation of log files are in force.
    yield "logging_collector", "on"
    yield "log_directory", str(machine.logs)
    yield "log_file_mode", "0600"
    if machine.certificates:
        yield "ssl", "on"
        yield "ssl_cert_file", str(machine.certificates.certificate)
        yield "ssl_key_file", str(machine.certificates.key)
        yield "ssl_ca_file", str(machine.certificates.authority)
    if instance.role == PRIMARY and machine.archive:
        yield "archive_mode", "on"
        yield "archive_command", machine.archive
    if instance.role != PRIMARY:
        yield (
            "primary_conninfo",
            (
                f"host={machine.sockets} port={machine.primary_port} user={SUPERUSER} "
                f"application_name={instance.identifier}"
            ),
        )
        yield "primary_slot_name", slot(instance.name)


def slot(name: str) -> str:
    """The replication slot of a replica, in the letters that a slot's name can have."""
    return re.sub(r"[^a-z0-9_]", "_", name.lower())


def _preloaded(settings: Mapping[str, str]) -> list[str]:
    return [name.strip() for name in settings.get(LIBRARIES, "").split(",") if name.strip()]


def _hba(settings: Mapping[str, str], certificates: Certificates | None) -> str:
    """pg_hba.conf. The superuser comes by the socket alone, others by TCP alone."""
    kind = "hostssl" if certificates and settings["rds.force_ssl"] == "1" else "host"
    method = "scram-sha-256" if settings["rds.accepted_password_auth_method"] == "scram" else "md5"
    lines = [
        f"local all {SUPERUSER} peer map=langpont",
        f"local replication {SUPERUSER} peer map=langpont",
        f"host all {SUPERUSER} samehost reject",
        *(f"{kind} all all {address} {method}" for address in ("127.0.0.1/32", "::1/128")),
    ]
    return "\n".join(lines) + "\n"


def ident(system_users: Iterable[str]) -> str:
    """pg_ident.conf: the users of this system that are the superuser when they come by the socket."""
    return "".join(f"langpont {name} {SUPERUSER}\n" for name in dict.fromkeys(system_users))


# What differs, and what stands in for RDS


def parse(text: str) -> dict[str, str]:
    """The settings of a postgresql.conf that `ServerConfiguration.text` wrote."""
    found = re.findall(r"^([A-Za-z0-9_.]+) = '(.*)'$", text, flags=re.MULTILINE)
    return {name: re.sub(r"\\(.)|''", lambda m: m[1] or "'", value) for name, value in found}


def _quoted(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"


def difference(old: Mapping[str, str], new: ServerConfiguration) -> Difference:
    """Which changed settings need a reload, and which a restart.

    A name that the catalogue calls static, or the group pending-reboot, restarts.

    Names of neither (a port, a socket) restart too: they belong to the machine.
    """
    changed = [name for name in sorted({*old, *new.settings}) if old.get(name) != new.settings.get(name)]
    reloaded = tuple(name for name in changed if not _restarts(name, new))
    return Difference(reload=reloaded, restart=tuple(name for name in changed if name not in reloaded))


def _restarts(name: str, new: ServerConfiguration) -> bool:
    row = catalogue(new.major).get(name)
    if name.startswith("rds.") and not (row and row.static):
        return False  # a placeholder, or pg_hba.conf, which is reread
    if name in new.methods:
        return new.methods[name] == "pending-reboot"
    return row is None or row.static


def substitutions(
    plan: DataPlan, version: str, libraries: frozenset[str], *, openssl: bool, prefetch: bool
) -> tuple[Substitution, ...]:
    """Differences from RDS, each once, in the words of a report. version: of the servers here, such as "16.14"."""
    return tuple(dict.fromkeys(_substitutions(plan, version, libraries, openssl, prefetch)))


def _substitutions(
    plan: DataPlan, version: str, libraries: frozenset[str], openssl: bool, prefetch: bool
) -> Iterator[Substitution]:
    asked = plan.primary.engine_version or version
    newest = MAJORS[plan.primary.major].newest
    if "." not in asked and newest != version:
        yield Substitution(f"PostgreSQL {asked}", f"{version} runs here, and RDS takes {newest} or what is newest then")
    elif "." in asked and asked != version:
        yield Substitution(f"PostgreSQL {asked}", f"{version} runs here, which is what packages have")
    if not openssl:
        yield Substitution("TLS", "this PostgreSQL has no OpenSSL, so connections are plain, PgBouncer's too")
    for instance in plan.instances:
        settings = own_settings(instance)
        for name in _preloaded(settings):
            if name not in libraries:
                yield Substitution(
                    f"{LIBRARIES}: {name}", "this PostgreSQL lacks it; its settings answer SHOW and have no effect"
                )
        for name in instance.raw:
            if name.startswith("rds."):
                stands_for = _STANDS_FOR.get(name, "it answers SHOW and has no effect")
                yield Substitution(name, stands_for)
        if not prefetch and settings.get("effective_io_concurrency", "0") != "0":
            yield Substitution("effective_io_concurrency", "this system cannot prefetch, so it is 0")
    yield Substitution(
        "rds_superuser", f"{plan.master} may grant pg_monitor and rds_iam, and {SUPERUSER} made pg_stat_statements"
    )
    if IAM_ROLES:
        yield Substitution(
            "rds_iam", f"a role that {', '.join(IAM_ROLES)} is a member of; nobody takes a token, so it cannot log in"
        )
    yield Substitution("storage, backups, Multi-AZ", "folders of this machine; there is no second zone")


def is_placeholder(name: str, libraries: frozenset[str]) -> bool:
    """Whether a setting is only remembered: RDS's own, and those of a library that this PostgreSQL lacks."""
    prefix, dot, _ = name.partition(".")
    return bool(dot) and prefix not in libraries
