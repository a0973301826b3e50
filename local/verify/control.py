"""`make verify`, the control plane's part: what moto holds, compared input by input with what was registered."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from local.aws import readback as r
from local.aws import readback_services as s
from local.aws.clients import Clients
from local.aws.provider import physical_name, row_of
from local.aws.table import ELSEWHERE, Row
from local.verify.check import Check
from recording.engine import EngineRefusal
from recording.recording import Recording, Registration, Secret, reveal

SHOWN = 3  # differences in a detail
_TEXT = 60  # characters of a value in a detail

Keyed = Callable[[Registration, Mapping[str, Any]], tuple[Any, ...]]


def _by(*inputs: str) -> Keyed:
    return lambda _, values: tuple(values.get(name) for name in inputs)


def _physical(*inputs: str) -> Keyed:
    return lambda registration, values: (*(values[name] for name in inputs), physical_name(registration))


def _tag(_: Registration, values: Mapping[str, Any]) -> tuple[Any, ...]:
    return (values["tags"]["Name"],)


def _rule_key(_: Registration, values: Mapping[str, Any]) -> tuple[Any, ...]:
    peer = values.get("cidrIpv4") or values.get("referencedSecurityGroupId")
    return (*(values.get(name) for name in ("securityGroupId", "ipProtocol", "fromPort", "toPort")), peer)


@dataclass(frozen=True)
class Reading:
    """How one type is read back.

    `noun` in the plural; `key` of a registration, as the reader's. `implied`: what a registration means without
    saying it. `unread`: inputs that no API tells, each with the reason.
    """

    noun: str
    reader: r.Reader
    key: Keyed
    implied: Mapping[str, Any] = field(default_factory=dict)
    unread: Mapping[str, str] = field(default_factory=dict)


READINGS: Mapping[str, Reading] = {
    "aws:ec2/vpc:Vpc": Reading("VPCs", r.vpcs, _tag),
    "aws:ec2/subnet:Subnet": Reading("subnets", r.subnets, _by("vpcId", "cidrBlock")),
    "aws:ec2/internetGateway:InternetGateway": Reading("internet gateways", r.internet_gateways, _by("vpcId")),
    "aws:ec2/routeTable:RouteTable": Reading("route tables", r.route_tables, _tag),
    "aws:ec2/route:Route": Reading("routes", r.routes, _by("routeTableId", "destinationCidrBlock")),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": Reading(
        "route table associations", r.associations, _by("routeTableId", "subnetId")
    ),
    "aws:ec2/eip:Eip": Reading("elastic IPs", r.addresses, _tag),
    "aws:ec2/natGateway:NatGateway": Reading("NAT gateways", r.nat_gateways, _by("subnetId")),
    "aws:ec2/vpcEndpoint:VpcEndpoint": Reading("VPC endpoints", r.endpoints, _by("vpcId", "serviceName")),
    "aws:ec2/flowLog:FlowLog": Reading("flow logs", r.flow_logs, _by("vpcId")),
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": Reading(
        "default security groups without a rule", r.default_groups, _by("vpcId"), {"ingress": [], "egress": []}
    ),
    "aws:ec2/securityGroup:SecurityGroup": Reading("security groups", r.groups, _physical("vpcId")),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": Reading(
        "ingress rules", partial(r.rules, member="IpPermissions"), _rule_key
    ),
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": Reading(
        "egress rules", partial(r.rules, member="IpPermissionsEgress"), _rule_key
    ),
    "aws:iam/policy:Policy": Reading("IAM policies", r.policies, _physical()),
    "aws:iam/role:Role": Reading("IAM roles", r.roles, _physical()),
    "aws:iam/rolePolicy:RolePolicy": Reading("inline policies of roles", r.role_policies, _physical("role")),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": Reading(
        "policies attached to roles", r.attachments, _by("role", "policyArn")
    ),
    "aws:kms/key:Key": Reading("KMS keys", r.keys, _tag),
    "aws:kms/alias:Alias": Reading("key aliases", r.aliases, _by("name")),
    "aws:secretsmanager/secret:Secret": Reading("secrets", r.secrets, _by("name")),
    "aws:secretsmanager/secretVersion:SecretVersion": Reading("secrets' contents", r.secret_versions, _by("secretId")),
    "aws:sns/topic:Topic": Reading("topics", s.topics, _physical()),
    "aws:sns/topicPolicy:TopicPolicy": Reading("topics' policies", s.topic_policies, _by("arn")),
    "aws:sns/topicSubscription:TopicSubscription": Reading(
        "subscriptions", s.subscriptions, _by("topic", "protocol", "endpoint")
    ),
    "aws:cloudwatch/logGroup:LogGroup": Reading("log groups", s.log_groups, _by("name")),
    "aws:cloudwatch/logMetricFilter:LogMetricFilter": Reading(
        "log metric filters", s.log_filters, _physical("logGroupName")
    ),
    "aws:cloudwatch/metricAlarm:MetricAlarm": Reading("alarms", s.alarms, _by("name")),
    "aws:cloudwatch/dashboard:Dashboard": Reading("dashboards", s.dashboards, _by("dashboardName")),
    "aws:budgets/budget:Budget": Reading("budgets", s.budgets, _physical()),
    "aws:rds/subnetGroup:SubnetGroup": Reading("database subnet groups", s.subnet_groups, _physical()),
    "aws:rds/parameterGroup:ParameterGroup": Reading("parameter groups", s.parameter_groups, _physical()),
    "aws:rds/instance:Instance": Reading(
        "database instances",
        s.instances,
        _by("identifier"),
        unread={"password": "no API tells it"},
    ),
    "aws:rds/eventSubscription:EventSubscription": Reading(
        "event subscriptions", s.event_subscriptions, _physical(), {"enabled": True}
    ),
    "aws:sqs/queue:Queue": Reading("queues", s.queues, _physical()),
    "aws:lambda/function:Function": Reading(
        "functions",
        s.functions,
        _by("name"),
        unread={"code": "what it is shows when it runs"},
    ),
    "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": Reading(
        "destinations of functions' failures", s.invoke_configs, _by("functionName")
    ),
    "aws:scheduler/schedule:Schedule": Reading("schedules", s.schedules, _physical()),
    "aws:backup/vault:Vault": Reading("backup vaults", s.vaults, _physical()),
    "aws:backup/plan:Plan": Reading("backup plans", s.plans, _by("name")),
}


@dataclass(frozen=True)
class Difference:
    """One input that is not held as registered; `input` is empty for a resource that is missing or too many.

    `lost`: the table says that moto keeps nothing of it.
    """

    kind: str
    name: str
    input: str
    text: str
    lost: bool = False

    def __str__(self) -> str:
        return f"{self.name}: {self.text}"


def checks(recording: Recording, endpoint: str, region: str) -> Iterator[Check]:
    """One check a type: everything registered is held with every input, and nothing else of its kind is.

    `recording` must have been answered with the control plane's own ids. A control plane that does not answer fails
    each check. What the table says that moto cannot do or loses is left out.
    """
    clients = Clients(endpoint, region)
    for type_, registrations in _types(recording):
        reading = READINGS.get(type_)
        if reading is None:
            yield Check(f"{type_}: {len(registrations)}", False, "nobody reads this type back; add it to check.py")
            continue
        name = f"{reading.noun}: {len(registrations)} as registered"
        try:
            compared = list(differences(clients, type_, registrations))
        except (BotoCoreError, ClientError, ResponseParserError, LookupError) as error:
            yield Check(name, False, f"cannot be read: {type(error).__name__}")
            continue
        # What is missing or too many comes before what is different.
        found = [str(it) for it in sorted(compared, key=lambda it: bool(it.input)) if not it.lost]
        inputs = sorted({key for it in registrations for key in _asked(it, reading)})
        detail = "; ".join(found[:SHOWN]) + (f"; and {len(found) - SHOWN} more" if len(found) > SHOWN else "")
        yield Check(name, not found, detail or f"read back: {', '.join(inputs)}")


def differences(clients: Clients, type_: str, registrations: list[Registration]) -> Iterator[Difference]:
    """All differences of one type, those that the table calls lost among them."""
    reading = READINGS[type_]
    for region in sorted({_region(it, clients) for it in registrations}):
        held = reading.reader(clients, region)
        for registration in registrations:
            if _region(registration, clients) != region:
                continue
            row, kind = row_of(registration)
            found = held.pop(reading.key(registration, reveal(registration.inputs)), None)
            if found is None:
                yield Difference(kind, registration.name, "", "is not there")
                continue
            for name, secret in _asked(registration, reading).items():
                asked, has = reveal(secret), found.get(name)
                if not _same(asked, has):
                    about = next((it for it in _lost(row, name) if _same(_without(asked, it.split(".")[1:]), has)), "")
                    shown = "another one" if _secret(secret) else f"{_shown(has)}, not {_shown(asked)}"
                    yield Difference(kind, registration.name, about or name, f"{name} is {shown}", bool(about))
        for key in held:
            yield Difference(type_, " ".join(map(str, key)), "", "is there, and nobody registered it")


def _lost(row: Row, name: str) -> list[str]:
    """Paths of what moto loses of an input."""
    return [it.about for it in row.shortfalls if it.lost and it.about.split(".")[0] == name]


def _without(value: Any, path: list[str]) -> Any:
    """The value without what is at a path, in every item of a list; None without the value itself."""
    if not path:
        return None
    if isinstance(value, list):
        return [_without(item, path) for item in value]
    if len(path) > 1:
        return {**value, path[0]: _without(value[path[0]], path[1:])}
    return {key: item for key, item in value.items() if key != path[0]}


def _types(recording: Recording) -> Iterator[tuple[str, list[Registration]]]:
    types = {it.type for it in recording.registrations.values() if it.custom and not it.type.startswith(ELSEWHERE)}
    order = list(READINGS)
    for type_ in sorted(types, key=lambda it: (order.index(it) if it in order else len(order), it)):
        registrations = recording.of_type(type_)
        try:
            row = row_of(registrations[0])[0]
            skipped = bool(row.unable or row.later)
        except EngineRefusal:
            skipped = False
        if not skipped:
            yield type_, registrations


def _asked(registration: Registration, reading: Reading) -> dict[str, Any]:
    """The inputs that a resource should be held with: not those of the provider, nor what no API tells."""
    skipped = {"region", *row_of(registration)[0].own, *reading.unread}
    asked = {key: value for key, value in registration.inputs.items() if key not in skipped and value is not None}
    return dict(sorted({**reading.implied, **asked}.items()))


def _region(registration: Registration, clients: Clients) -> str:
    return str(registration.inputs.get("region", clients.region))


def _same(asked: Any, held: Any) -> bool:
    return bool(_plain(asked) == _plain(held))


def _plain(value: Any) -> Any:
    """Comparable: documents parsed, lists as sets, which is what they are to AWS."""
    if isinstance(value, str) and value[:1] == "{":
        try:
            return _plain(json.loads(value))
        except ValueError:
            return value
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return sorted((_plain(item) for item in value), key=lambda item: json.dumps(item, sort_keys=True, default=str))
    return value


def _secret(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(_secret(item) for item in value.values())
    return isinstance(value, Secret) or (isinstance(value, list) and any(_secret(item) for item in value))


def _shown(value: Any) -> str:
    if value is None:
        return "absent"
    text = json.dumps(value, sort_keys=True, default=str)
    return text if len(text) <= _TEXT else f"{text[:_TEXT]}..."
