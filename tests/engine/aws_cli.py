"""A stand-in for the command `aws` over the simulated cloud: what the documents call, in their words.

Names of services, operations, options and waiters are botocore's, so that a word that AWS does not know is refused as
the real command does it. What the documents do not call is refused too.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session
import jmespath  # type: ignore[import-untyped]
from botocore import xform_name
from botocore.exceptions import UnknownServiceError
from botocore.model import OperationModel, ServiceModel
from botocore.validate import ParamValidator
from botocore.waiter import WaiterModel

from tests.engine.providers.cloud import Cloud, Resource
from tests.engine.providers.rds import INSTANCE, PARAMETER_GROUP, PENDING, WAITING
from tests.engine.providers.rules import KEY
from tests.engine.providers.secrets import SECRET

SNAPSHOT = "aws:rds/snapshot:Snapshot"
EVERYWHERE = {"--query", "--output", "--region"}
# What the command has beside the API: AWS CLI Command Reference, `logs tail` and `rds generate-db-auth-token`.
OF_THE_COMMAND = {
    ("logs", "tail"): {"--since", "--filter-pattern", "--follow", "--format"},
    ("rds", "generate-db-auth-token"): {"--hostname", "--port", "--username"},
}
# A standby must not have less of these than its primary has in force (PostgreSQL, "Administrator's Overview").
FOLLOWED = (
    "max_connections", "max_locks_per_transaction", "max_prepared_transactions", "max_wal_senders",
    "max_worker_processes",
)  # fmt: skip
RUNNING = "runningParameters"
EXIT_USAGE, EXIT_REFUSED = 252, 254


class Usage(Exception):
    """A word that the command does not know."""


class Refused(Exception):
    """AWS's answer: its code and its sentence."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A command line, understood. `operation` is the API's name; `waiter` is empty unless it waits."""

    service: str
    operation: str
    parameters: Mapping[str, Any]
    waiter: str = ""
    query: str = ""
    output: str = "json"
    region: str = "ap-northeast-1"


@cache
def _service(name: str) -> ServiceModel:
    try:
        return botocore.session.get_session().get_service_model(name)
    except UnknownServiceError as unknown:
        raise Usage(f"there is no service {name}") from unknown


def parse(words: Sequence[str], *, whole: bool = True) -> Asked:
    """Understand the words after `aws`. Raises `Usage` for one that neither the command nor the API knows.

    Without `whole` something that the API requires may be missing, as where a command is only spoken of.
    """
    service, operation, *rest = words
    if (service, operation) in OF_THE_COMMAND:
        strangers = {it for it in rest if it.startswith("--")} - OF_THE_COMMAND[service, operation] - EVERYWHERE
        if strangers:
            raise Usage(f"aws {service} {operation}: {', '.join(sorted(strangers))}: no such option")
        return Asked(service=service, operation=operation, parameters={})
    waiter = ""
    if operation == "wait":
        model = botocore.session.get_session().get_waiter_model(service)
        waiter, *rest = rest
        operation = _waited_for(model, waiter)
    found = _operation(service, operation)
    members = found.input_shape.members if found.input_shape else {}
    told: dict[str, str] = {}
    given: dict[str, Any] = {}
    while rest:
        word = rest.pop(0)
        key = {xform_name(name, "-"): name for name in members}.get(word.removeprefix("--"))
        positive = {xform_name(name, "-"): name for name in members}.get(word.removeprefix("--no-"))
        if word in EVERYWHERE:
            told[word.removeprefix("--")] = rest.pop(0)
        elif key and members[key].type_name == "boolean":
            given[key] = True
        elif positive and word.startswith("--no-") and members[positive].type_name == "boolean":
            given[positive] = False
        elif key and word.startswith("--"):
            values = [rest.pop(0)]
            while members[key].type_name == "list" and rest and not rest[0].startswith("--"):
                values.append(rest.pop(0))
            given[key] = _value(members[key], values)
        elif word == "--cli-input-json":
            rest.pop(0)
            whole = False  # the file has the rest
        elif (service, found.name) == ("lambda", "Invoke") and not word.startswith("--"):
            continue  # where the answer is written
        else:
            raise Usage(f"aws {service} {operation}: {word}: no such option")
    if whole and found.input_shape and (report := ParamValidator().validate(given, found.input_shape)).has_errors():
        raise Usage(f"aws {service} {operation}: {report.generate_report()}")
    if told.get("output", "json") not in ("json", "text", "yaml"):
        raise Usage(f"--output {told['output']}")
    if "query" in told:
        jmespath.compile(told["query"])
    return Asked(service=service, operation=found.name, parameters=given, waiter=waiter, **told)


def _operation(service: str, name: str) -> OperationModel:
    model = _service(service)
    for operation in model.operation_names:
        if xform_name(operation, "-") == name:
            return model.operation_model(operation)
    raise Usage(f"aws {service} has no {name}")


def _waited_for(model: WaiterModel, name: str) -> str:
    for waiter in model.waiter_names:
        if xform_name(waiter, "-") == name:
            return str(xform_name(model.get_waiter(waiter).operation, "-"))
    raise Usage(f"aws wait has no {name}")


def _value(shape: Any, words: Sequence[str]) -> Any:
    if shape.type_name in ("integer", "long"):
        if not words[0].isdigit():
            raise Usage(f"{words[0]} is no number")
        return int(words[0])
    if shape.type_name == "list":
        texts = shape.member.type_name == "string"
        return list(words) if texts else [_fields(shape.member, word) for word in words]
    if shape.type_name in ("structure", "map"):
        return json.loads(words[0]) if words[0].startswith("{") else _fields(shape, words[0])
    return words[0]


def _fields(shape: Any, word: str) -> dict[str, Any]:
    """The shorthand `Name=x,Values=y`, with a list of one where the API takes a list."""
    found = dict(part.split("=", 1) for part in word.split(","))
    kinds = {key: shape.value if shape.type_name == "map" else shape.members.get(key) for key in found}
    return {key: [it] if kinds[key] is not None and kinds[key].type_name == "list" else it for key, it in found.items()}


# What the cloud does


def _named(cloud: Cloud, type_: str, key: str, name: str, error: str) -> Resource:
    for it in cloud.all(type_):
        if it.properties.get(key) == name:
            return it
    raise Refused(f"{error}: {name} not found.")


def _instance(cloud: Cloud, asked: Asked) -> Resource:
    name = asked.parameters["DBInstanceIdentifier"]
    return _named(cloud, INSTANCE, "identifier", name, "DBInstanceNotFound: DBInstance")


def _sent(asked: Asked, **known: str) -> dict[str, Any]:
    """Parameters by the provider's names. Raises `Usage` for those that no document sends."""
    if strangers := asked.parameters.keys() - known.keys():
        raise Usage(f"no document sends {', '.join(sorted(strangers))} to {asked.operation}")
    return {known[key]: value for key, value in asked.parameters.items()}


def _describe_instances(cloud: Cloud, asked: Asked) -> dict[str, Any]:
    _sent(asked, DBInstanceIdentifier="identifier")
    found = [_instance(cloud, asked)] if asked.parameters else cloud.all(INSTANCE)
    return {"DBInstances": [_described(cloud, it) for it in found]}


def _described(cloud: Cloud, it: Resource) -> dict[str, Any]:
    has = it.properties
    waits = {f"{key[0].upper()}{key[1:]}": value for key, value in (has.get(PENDING) or {}).items()}
    status = "in-sync" if has.get(RUNNING, wanted := static(cloud, it)) == wanted else "pending-reboot"
    return {
        "DBInstanceIdentifier": has["identifier"],
        "DBInstanceStatus": "available",
        "DBInstanceClass": has.get("instanceClass"),
        "AllocatedStorage": has.get("allocatedStorage"),
        "Endpoint": {"Address": has["address"]},
        "DeletionProtection": has.get("deletionProtection", False),
        "LatestRestorableTime": "2026-11-21T03:55:00+00:00",
        "EngineVersion": has.get("engineVersion"),
        "PreferredMaintenanceWindow": has.get("maintenanceWindow"),
        "PendingModifiedValues": {key.replace("Instance", "DBInstance"): value for key, value in waits.items()},
        "DBParameterGroups": [{"DBParameterGroupName": has["parameterGroupName"], "ParameterApplyStatus": status}],
    }


def _modify(cloud: Cloud, asked: Asked) -> dict[str, Any]:
    found = _instance(cloud, asked)
    sent = _sent(
        asked, DBInstanceIdentifier="identifier", DeletionProtection="deletionProtection", ApplyImmediately="now",
        AllocatedStorage="allocatedStorage", DBInstanceClass="instanceClass",
    )  # fmt: skip
    if not sent.pop("now", False) and WAITING & sent.keys():
        raise Usage("no document lets a change by hand wait for the maintenance window")
    if sent.get("allocatedStorage", 1e9) < found.properties.get("allocatedStorage", 0):
        raise Refused("InvalidParameterCombination: Invalid storage size for engine name postgres")
    properties = dict(found.properties)
    waits = properties.pop(PENDING, None) or {} if WAITING & sent.keys() else {}  # all of it happens now
    cloud.put(replace(found, properties=properties | waits | sent))
    return {}


def _promote(cloud: Cloud, asked: Asked) -> dict[str, Any]:
    found = _instance(cloud, asked)
    sent = _sent(asked, DBInstanceIdentifier="identifier", BackupRetentionPeriod="backupRetentionPeriod")
    if not found.properties.get("replicateSourceDb"):
        raise Refused("InvalidDBInstanceState: DB Instance is not a read replica.")
    properties = {key: value for key, value in found.properties.items() if key != "replicateSourceDb"}
    cloud.put(replace(found, properties=properties | sent))
    return {}


def _reboot(cloud: Cloud, asked: Asked) -> dict[str, Any]:
    found = _instance(cloud, asked)
    sent = _sent(asked, DBInstanceIdentifier="identifier", ForceFailover="failover")
    if sent.get("failover") and not found.properties.get("multiAz"):
        raise Refused("InvalidParameterCombination: Cannot force failover of a Single-AZ DB instance.")
    booted(cloud, found)
    return {}


def static(cloud: Cloud, it: Resource) -> dict[str, str]:
    """What its parameter group says of the parameters that take effect at a start."""
    name = it.properties["parameterGroupName"]
    group = _named(cloud, PARAMETER_GROUP, "name", name, "DBParameterGroupNotFound: DBParameterGroup")
    given = group.properties["parameters"]
    return {each["name"]: each["value"] for each in given if each.get("applyMethod") == "pending-reboot"}


def booted(cloud: Cloud, it: Resource) -> None:
    """It starts with what its parameter group says. Raises `Refused` where a standby could not go on then."""
    running = static(cloud, it)
    for other in cloud.all(INSTANCE):
        known = other.properties.get(RUNNING)
        if known is not None and _follows(it, other):
            _standby_can_go_on(running, known)
        if known is not None and _follows(other, it):
            _standby_can_go_on(known, running)
    cloud.put(replace(it, properties={**it.properties, RUNNING: running}))


def start(cloud: Cloud, identifier: str) -> None:
    """Take note of what an instance runs with, as of its start."""
    with cloud.locked():
        booted(cloud, _named(cloud, INSTANCE, "identifier", identifier, "DBInstanceNotFound: DBInstance"))


def _follows(standby: Resource, primary: Resource) -> bool:
    return bool(standby.properties.get("replicateSourceDb") == primary.properties["identifier"])


def _standby_can_go_on(standby: Mapping[str, str], primary: Mapping[str, str]) -> None:
    for key in FOLLOWED:
        has, needs = int(standby.get(key, 0)), int(primary.get(key, 0))
        if has < needs:
            raise Refused(
                f"hot standby is not possible because of insufficient parameter settings: {key} = {has} is a lower "
                f"setting than on the primary server, where its value was {needs}."
            )


def _snapshot(cloud: Cloud, asked: Asked) -> dict[str, Any]:
    found = _instance(cloud, asked)
    sent = _sent(asked, DBInstanceIdentifier="dbInstanceIdentifier", DBSnapshotIdentifier="dbSnapshotIdentifier")
    name = sent["dbSnapshotIdentifier"]
    if any(it.id == name for it in cloud.all(SNAPSHOT)):
        raise Refused(f"DBSnapshotAlreadyExists: Cannot create the snapshot {name}")
    cloud.put(Resource(type=SNAPSHOT, id=name, urn=f"::{name}", region=found.region, properties=sent))
    return {}


def _describe_snapshots(cloud: Cloud, asked: Asked) -> dict[str, Any]:
    name = _sent(asked, DBSnapshotIdentifier="name")["name"]
    _named(cloud, SNAPSHOT, "dbSnapshotIdentifier", name, "DBSnapshotNotFound: DBSnapshot")
    return {}


def _deleted_secret(cloud: Cloud, asked: Asked) -> Resource:
    for it in cloud.waiting(SECRET):
        if asked.parameters["SecretId"] in (it.properties["name"], it.id):
            return it
    raise Refused("InvalidRequestException: You can't do that to a secret that is not deleted.")


def _list_secrets(cloud: Cloud, asked: Asked) -> dict[str, Any]:
    sent = _sent(asked, IncludePlannedDeletion="ending", Filters="filters")
    [prefix] = [value for each in sent["filters"] if each["Key"] == "name" for value in each["Values"]]
    found = [*cloud.all(SECRET), *(cloud.waiting(SECRET) if sent.get("ending") else [])]
    return {"SecretList": [{"Name": it.properties["name"]} for it in found if it.properties["name"].startswith(prefix)]}


def _describe_secret(cloud: Cloud, asked: Asked) -> dict[str, Any]:
    name = _sent(asked, SecretId="name")["name"]
    for it in (*cloud.all(SECRET), *cloud.waiting(SECRET)):
        if it.properties["name"] == name:
            return {"KmsKeyId": it.properties.get("kmsKeyId")}
    raise Refused("ResourceNotFoundException: Secrets Manager can't find the specified secret.")


def _cancel_key_deletion(cloud: Cloud, asked: Asked) -> dict[str, Any]:
    key = _sent(asked, KeyId="key")["key"]
    for it in cloud.waiting(KEY):
        if key in (it.id, it.properties["arn"]):
            cloud.put(replace(it, deleted=False, properties={**it.properties, "isEnabled": False}))
            return {}
    raise Refused(f"KMSInvalidStateException: {key} is not pending deletion.")


def _enable_key(cloud: Cloud, asked: Asked) -> dict[str, Any]:
    key = _sent(asked, KeyId="key")["key"]
    for it in cloud.all(KEY):
        if key in (it.id, it.properties["arn"]):
            cloud.put(replace(it, properties={**it.properties, "isEnabled": True}))
            return {}
    raise Refused(f"KMSInvalidStateException: {key} is pending deletion.")


def _restore_secret(cloud: Cloud, asked: Asked) -> dict[str, Any]:
    _sent(asked, SecretId="name")
    found = _deleted_secret(cloud, asked)
    cloud.put(replace(found, deleted=False))
    return {"ARN": found.properties["arn"], "Name": found.properties["name"]}


def _delete_secret(cloud: Cloud, asked: Asked) -> dict[str, Any]:
    sent = _sent(asked, SecretId="name", ForceDeleteWithoutRecovery="for good")
    if not sent.get("for good"):
        raise Usage("no document deletes a secret with a recovery window")
    cloud.drop(_deleted_secret(cloud, asked))
    return {}


HANDLERS: Mapping[tuple[str, str], Callable[[Cloud, Asked], dict[str, Any]]] = {
    ("rds", "DescribeDBInstances"): _describe_instances,
    ("rds", "DescribeDBSnapshots"): _describe_snapshots,
    ("rds", "ModifyDBInstance"): _modify,
    ("rds", "PromoteReadReplica"): _promote,
    ("rds", "RebootDBInstance"): _reboot,
    ("rds", "CreateDBSnapshot"): _snapshot,
    ("kms", "CancelKeyDeletion"): _cancel_key_deletion,
    ("kms", "EnableKey"): _enable_key,
    ("secretsmanager", "DescribeSecret"): _describe_secret,
    ("secretsmanager", "ListSecrets"): _list_secrets,
    ("secretsmanager", "RestoreSecret"): _restore_secret,
    ("secretsmanager", "DeleteSecret"): _delete_secret,
}


def carry_out(cloud: Cloud, asked: Asked) -> str:
    """Do it, and say what the command prints. Raises `Refused`, and `Usage` for what no document calls."""
    handler = HANDLERS.get((asked.service, asked.operation))
    if handler is None:
        raise Usage(f"no procedure calls {asked.service} {asked.operation}")
    with cloud.locked():
        answer = handler(cloud, asked)
    found = jmespath.search(asked.query, answer) if asked.query else answer
    if asked.waiter or not answer:
        return ""
    return _text(found) if asked.output == "text" else json.dumps(found, indent=2)


def _text(found: Any) -> str:
    if isinstance(found, list):
        return "\t".join(_text(item) for item in found)
    return "None" if found is None else str(found)


def main(path: str, words: Sequence[str]) -> int:
    """The command. Returns its exit code."""
    try:
        if printed := carry_out(Cloud(Path(path)), parse(words)):
            print(printed)
    except Usage as usage:
        print(f"aws: {usage}", file=sys.stderr)
        return EXIT_USAGE
    except Refused as refused:
        print(f"An error occurred: {refused}", file=sys.stderr)
        return EXIT_REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
