"""Servers and logins to bring up, read from a recording of the program. Nothing is read from settings."""

from __future__ import annotations

import configparser
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, Literal

from blueprint.aws.instance_classes import instance_class
from blueprint.names import ProductNaming, generation_suffix
from blueprint.postgres import scram
from blueprint.postgres.version import MAJOR
from local.servers.errors import DataPlaneError
from recording.recording import Recording, Registration, reveal

INSTANCE = "aws:rds/instance:Instance"
PARAMETER_GROUP = "aws:rds/parameterGroup:ParameterGroup"
SECRET_VERSION = "aws:secretsmanager/secretVersion:SecretVersion"

INI, USER_LIST = "pgbouncer.ini", "userlist.txt"
PRIMARY = "primary"


@dataclass(frozen=True, kw_only=True)
class GroupParameter:
    """One parameter as its group has it: a raw RDS value, a formula included."""

    name: str
    value: str
    apply_method: str


@dataclass(frozen=True)
class Origin:
    """What a primary is restored from: a snapshot, by identifier or ARN, or a second of the generation before, UTC."""

    kind: Literal["time", "snapshot"]
    text: str

    def __str__(self) -> str:
        return f"{self.kind} {self.text}"


@dataclass(frozen=True, kw_only=True)
class InstancePlan:
    """One instance. `role` is "primary" or "replica-<n>", the same in every generation.

    major: of the family of its parameter group. allow_major_upgrade: whether RDS would take a primary to another.
    origin: what the current primary was restored from, None for one that was not. protected: deletion protection.
    """

    role: str
    identifier: str
    source: str | None
    instance_class: str
    memory_bytes: int
    parameters: tuple[GroupParameter, ...]
    engine_version: str | None = None
    major: int = MAJOR
    allow_major_upgrade: bool = False
    generation: int = 1
    origin: Origin | None = None
    protected: bool = False

    @property
    def name(self) -> str:
        """Its role, from the second generation on with it: of folder, slot and port, so that two stand side by side."""
        return f"{self.role}{generation_suffix(self.generation)}"

    @property
    def label(self) -> str:
        """What it is called beside a later generation, whose instances are called by role: "primary-g1"."""
        return f"{self.role}-g{self.generation}"

    @cached_property
    def raw(self) -> Mapping[str, str]:
        """Value by name."""
        return {parameter.name: parameter.value for parameter in self.parameters}

    @cached_property
    def apply_methods(self) -> Mapping[str, str]:
        """Apply method by name."""
        return {parameter.name: parameter.apply_method for parameter in self.parameters}


@dataclass(frozen=True, kw_only=True)
class DataPlan:
    """Servers and logins of one stack. Its representation shows no password; its JSON holds them.

    instances: of the current generation, the primary first. previous: those of the one before, where it is kept, which
    stay as they were left. master_password: what RDS is told. passwords: what each role's secret says, the
    master's too. verifiers: of each password role, those of the user list where it has them. hosts: role of the
    instance behind each host name of the pooler's configuration.
    """

    stack: str
    database: str
    master: str
    master_password: str = field(repr=False)
    passwords: Mapping[str, str] = field(repr=False)
    verifiers: Mapping[str, str] = field(repr=False)
    instances: tuple[InstancePlan, ...]
    hosts: Mapping[str, str]
    ini: str
    user_list: str = field(repr=False)
    previous: tuple[InstancePlan, ...] = ()

    @property
    def primary(self) -> InstancePlan:
        """The one without a source."""
        return self.instances[0]

    @property
    def replicas(self) -> tuple[InstancePlan, ...]:
        """The rest, by role."""
        return self.instances[1:]

    @property
    def standing(self) -> tuple[InstancePlan, ...]:
        """All that run: the current generation, then the one before."""
        return (*self.instances, *self.previous)

    @cached_property
    def master_verifier(self) -> str:
        """What RDS would store for the master, but for its salt."""
        return scram.verifier(self.master_password, _salt(self.stack, self.master))

    @property
    def pooled(self) -> tuple[str, ...]:
        """Roles of the user list."""
        return tuple(user_list_verifiers(self.user_list))

    def to_json(self) -> dict[str, Any]:
        """For a state file of mode 600: it holds the passwords."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> DataPlan:
        """What `to_json` made."""
        instances, previous = (
            tuple(_from_json(instance) for instance in value.get(part, ())) for part in ("instances", "previous")
        )
        return cls(**dict(value) | {"instances": instances, "previous": previous})


def data_plan(recording: Recording) -> DataPlan:
    """The plan of a recording. With two generations, the one that the credentials name is taken.

    Raises `DataPlaneError` where registrations contradict each other, which a real deployment would show as a host that
    nobody finds.
    """
    secrets = list(_documents(recording))
    credentials = [document for document in secrets if "password" in document]
    files = [document for document in secrets if INI in document]
    if len(files) != 1 or not credentials:
        raise DataPlaneError(
            f"{recording.stack}: there are {len(files)} pooler secrets and {len(credentials)} credentials, where one "
            f"and several are due. Look at components/pooler.py and components/secret_values.py."
        )
    masters = [document["username"] for document in credentials if "masterarn" not in document]
    identifiers = {document["dbInstanceIdentifier"] for document in credentials}
    databases = {document["dbname"] for document in credentials}
    if len(masters) != 1 or len(identifiers) != 1 or len(databases) != 1:
        raise DataPlaneError(
            f"{recording.stack}: the credentials name masters {masters}, instances {sorted(identifiers)} and databases "
            f"{sorted(databases)}, where one of each is due. Look at components/secret_values.py."
        )
    primary = identifiers.pop()
    instances = _instances(recording, primary)
    passwords = {document["username"]: document["password"] for document in credentials}
    ini, user_list = files[0][INI], files[0][USER_LIST]
    return DataPlan(
        stack=recording.stack,
        database=databases.pop(),
        master=masters[0],
        master_password=_master_password(recording, instances[0]),
        passwords=passwords,
        verifiers=_verifiers(recording.stack, masters[0], passwords, user_list),
        instances=instances,
        hosts=_hosts(ini, instances),
        ini=ini,
        user_list=user_list,
        previous=_previous(recording, instances),
    )


def _from_json(value: Mapping[str, Any]) -> InstancePlan:
    origin = value.get("origin")
    parameters = tuple(GroupParameter(**parameter) for parameter in value["parameters"])
    return InstancePlan(**dict(value) | {"parameters": parameters, "origin": Origin(**origin) if origin else None})


def user_list_verifiers(user_list: str) -> dict[str, str]:
    """Role and verifier of each line of PgBouncer's user list."""
    return dict(re.findall(r'^"([^"]+)" "([^"]*)"$', user_list, flags=re.MULTILINE))


def read_ini(text: str) -> configparser.ConfigParser:
    """PgBouncer's configuration, names in their own case and nothing interpolated."""
    parser = configparser.ConfigParser(delimiters=("=",), comment_prefixes=(";", "#"), interpolation=None)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_string(text)
    return parser


def connection_string(text: str) -> dict[str, str]:
    """`host=a port=5432` as a mapping; our entries have no quoted values."""
    return dict(part.split("=", 1) for part in text.split())


def _documents(recording: Recording) -> Iterator[dict[str, Any]]:
    for version in recording.of_type(SECRET_VERSION):
        try:
            document = json.loads(reveal(version.inputs["secretString"]))
        except (KeyError, ValueError):
            continue
        if isinstance(document, dict):
            yield document


def _instances(recording: Recording, primary: str) -> tuple[InstancePlan, ...]:
    by_identifier = {r.inputs["identifier"]: r for r in recording.of_type(INSTANCE)}
    if primary not in by_identifier or by_identifier[primary].inputs.get("replicateSourceDb"):
        raise DataPlaneError(
            f"{recording.stack}: the credentials lead to {primary}, which is no primary of {sorted(by_identifier)}. "
            f"Look at components/secret_values.py."
        )
    replicas = sorted(
        (r for r in by_identifier.values() if r.inputs.get("replicateSourceDb") == primary),
        key=lambda r: (len(r.inputs["identifier"]), r.inputs["identifier"]),  # replica-2 before replica-10
    )
    return tuple(_instance(recording, registration) for registration in (by_identifier[primary], *replicas))


def _previous(recording: Recording, current: tuple[InstancePlan, ...]) -> tuple[InstancePlan, ...]:
    """The instances of the generation before, its primary first; none where it is not kept."""
    identifiers = {instance.identifier for instance in current}
    others = [r for r in recording.of_type(INSTANCE) if r.inputs["identifier"] not in identifiers]
    primaries = [r.inputs["identifier"] for r in others if not r.inputs.get("replicateSourceDb")]
    return tuple(instance for primary in primaries for instance in _instances(recording, primary))


def _instance(recording: Recording, registration: Registration) -> InstancePlan:
    inputs = reveal(registration.inputs)
    identifier, source = inputs["identifier"], inputs.get("replicateSourceDb")
    row = instance_class(inputs["instanceClass"])
    group = reveal(_parameter_group(recording, registration).inputs)
    name, _, generation = identifier.removeprefix(f"{ProductNaming(recording.stack).prefix}-").partition("-g")
    return InstancePlan(
        role=name if source else PRIMARY,
        identifier=identifier,
        source=source,
        instance_class=row.name,
        memory_bytes=row.database_memory_bytes,
        parameters=_parameters(group),
        engine_version=inputs.get("engineVersion"),
        major=int(group["family"].removeprefix("postgres")),
        allow_major_upgrade=inputs.get("allowMajorVersionUpgrade") is True,
        generation=int(generation or 1),
        origin=_origin(inputs),
        protected=bool(inputs.get("deletionProtection")),
    )


def _origin(inputs: Mapping[str, Any]) -> Origin | None:
    if "snapshotIdentifier" in inputs:
        return Origin("snapshot", inputs["snapshotIdentifier"])
    if "restoreToPointInTime" in inputs:
        return Origin("time", inputs["restoreToPointInTime"]["restoreTime"])
    return None


def _parameter_group(recording: Recording, instance: Registration) -> Registration:
    """The group that the instance's input depends on: its physical name is the provider's business."""
    urns = instance.property_dependencies.get("parameterGroupName", frozenset())
    groups = [recording.registrations[urn] for urn in urns if recording.registrations[urn].type == PARAMETER_GROUP]
    if len(groups) != 1:
        raise DataPlaneError(f"{instance.identity} has no parameter group of its own. Look at components/database.py.")
    return groups[0]


def _parameters(group: Mapping[str, Any]) -> tuple[GroupParameter, ...]:
    return tuple(
        GroupParameter(name=row["name"], value=str(row["value"]), apply_method=row.get("applyMethod", "immediate"))
        for row in group["parameters"]
    )


def _master_password(recording: Recording, primary: InstancePlan) -> str:
    registration = next(r for r in recording.of_type(INSTANCE) if r.inputs["identifier"] == primary.identifier)
    password: str = reveal(registration.inputs["password"])
    return password


def _verifiers(stack: str, master: str, passwords: Mapping[str, str], user_list: str) -> dict[str, str]:
    listed = user_list_verifiers(user_list)
    own = {
        role: scram.verifier(password, _salt(stack, role))
        for role, password in passwords.items()
        if role != master and role not in listed
    }
    return listed | own


def _salt(stack: str, role: str) -> bytes:
    """A salt must differ from role to role, and the same plan must give the same verifiers."""
    return hashlib.sha256(f"{stack} {role}".encode()).digest()[:16]


def _hosts(ini: str, instances: tuple[InstancePlan, ...]) -> dict[str, str]:
    """The first label of an RDS host name is the instance's identifier."""
    roles = {instance.identifier: instance.role for instance in instances}
    hosts = {}
    for entry, text in read_ini(ini)["databases"].items():
        host = connection_string(text).get("host", "")
        identifier = host.split(".")[0]
        if identifier not in roles:
            raise DataPlaneError(
                f"The pooler's entry {entry} leads to {host or 'no host'}, which is none of {', '.join(roles)}. "
                f"Look at components/pooler.py."
            )
        hosts[host] = roles[identifier]
    return hosts
