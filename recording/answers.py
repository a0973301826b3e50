"""What AWS would have computed: for each resource type, the id and the outputs that the program uses.

Answers are functions of the registration, so that the same program gives the same recording. Everything is made up,
but for its form: identifiers, ARNs and host names look as AWS's do.
"""

from __future__ import annotations

import base64
import hashlib
import string
from collections.abc import Callable, Mapping
from typing import Any

from blueprint.postgres.secret_document import PASSWORD_SPECIAL
from recording.engine import EngineRefusal
from recording.recording import Registration, Secret, reveal

ACCOUNT = "123456789012"  # AWS's own placeholder in its documentation

Outputs = Mapping[str, Any]
Answer = Callable[[Registration, "Answers"], tuple[str, Outputs]]


class Answers:
    """The provider of previews and tests."""

    def __init__(self, region: str) -> None:
        self.region = region

    def create(self, registration: Registration) -> tuple[str, Outputs]:
        """Id and outputs of a new resource. Raises `EngineRefusal` for a type without an answer."""
        answer = ANSWERS.get(registration.type)
        if answer is None:
            raise EngineRefusal(f"{registration.identity}: nobody answers this type. Add it to recording/answers.py.")
        return answer(registration, self)

    def invoke(self, token: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """The result of a lookup. Raises `EngineRefusal` for one without an answer."""
        if token == "aws:index/getCallerIdentity:getCallerIdentity":
            return {
                "accountId": ACCOUNT,
                "arn": f"arn:aws:iam::{ACCOUNT}:user/preview",
                "id": ACCOUNT,
                "userId": "AIDA",
            }
        raise EngineRefusal(f"{token} is looked up. Nothing may depend on a lookup; state it in the stack file.")

    def arn(self, service: str, resource: str, registration: Registration | None = None) -> str:
        """An ARN in this account, in the resource's own region if it states one."""
        region = registration.inputs.get("region", self.region) if registration else self.region
        return f"arn:aws:{service}:{region}:{ACCOUNT}:{resource}"


def _hex(registration: Registration, length: int) -> str:
    return hashlib.sha256(registration.urn.encode()).hexdigest()[:length]


def _name(registration: Registration) -> str:
    """The physical name: the one asked for, or Pulumi's, which is the logical one and seven hexadecimal digits."""
    return registration.inputs.get("name") or f"{registration.name}-{_hex(registration, 7)}"


def _ec2(prefix: str, resource: str | None = None, **outputs: str) -> Answer:
    """Resources of EC2: an id with a prefix and 17 digits. Extra outputs are templates over the id."""

    def answer(r: Registration, answers: Answers) -> tuple[str, Outputs]:
        id_ = f"{prefix}-{_hex(r, 17)}"
        made = {key: template.format(hex=_hex(r, 17), id=id_) for key, template in outputs.items()}
        return id_, made | ({"arn": answers.arn("ec2", f"{resource}/{id_}")} if resource else {})

    return answer


def _named(service: str, resource: str, *, id_: str = "{name}", **outputs: str) -> Answer:
    """Resources with a name: templates over name, hex and arn; `resource` is the ARN's last part."""

    def answer(r: Registration, answers: Answers) -> tuple[str, Outputs]:
        values = {"name": _name(r), "hex": _hex(r, 6)}
        arn = answers.arn(service, resource.format(**values), r)
        values["arn"] = arn.replace(f":{answers.region}:", "::") if service in ("iam", "cloudwatch-dashboard") else arn
        made = {key: template.format(**values) for key, template in outputs.items()}
        return id_.format(**values), {"name": values["name"], "arn": values["arn"]} | made

    return answer


def _plain(_: Registration, __: Answers) -> tuple[str, Outputs]:
    return f"made-{_hex(_, 12)}", {}


def _key(r: Registration, answers: Answers) -> tuple[str, Outputs]:
    digits = _hex(r, 32)
    uuid = "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
    return uuid, {"keyId": uuid, "arn": answers.arn("kms", f"key/{uuid}", r)}


def _instance(r: Registration, answers: Answers) -> tuple[str, Outputs]:
    identifier = r.inputs["identifier"]
    resource_id = f"db-{_hex(r, 26).upper()}"
    return resource_id, {
        "identifier": identifier,
        "address": f"{identifier}.c{_hex(r, 11)}.{answers.region}.rds.amazonaws.com",
        "arn": answers.arn("rds", f"db:{identifier}"),
        "resourceId": resource_id,
    }


def _secret(r: Registration, answers: Answers) -> tuple[str, Outputs]:
    arn = answers.arn("secretsmanager", f"secret:{r.inputs['name']}-{_hex(r, 6)}")
    return arn, {"arn": arn}


def _secret_version(r: Registration, _: Answers) -> tuple[str, Outputs]:
    # Another content is another version.
    version = hashlib.sha256(f"{r.urn} {reveal(r.inputs)}".encode()).hexdigest()[:32]
    return f"{r.inputs['secretId']}|{version}", {"versionId": version}


def _topic_policy(r: Registration, _: Answers) -> tuple[str, Outputs]:
    return r.inputs["arn"], {}


def _password(r: Registration, _: Answers) -> tuple[str, Outputs]:
    # Stable for the same name and keepers, as the real one is within a stack's state; and a new one for new keepers.
    seed = f"{r.urn} {sorted(reveal(r.inputs.get('keepers', {})).items())}".encode()
    alphabet = string.ascii_letters + string.digits + PASSWORD_SPECIAL
    digest = b"".join(hashlib.sha512(seed + bytes([block])).digest() for block in range(4))
    body = "".join(alphabet[byte % len(alphabet)] for byte in digest[: r.inputs["length"] - 4])
    return "none", {"result": Secret(f"aA1-{body}")}


def _bytes(r: Registration, _: Answers) -> tuple[str, Outputs]:
    seed = f"{r.urn} {sorted(reveal(r.inputs.get('keepers', {})).items())}".encode()
    return "none", {"base64": Secret(base64.b64encode(hashlib.sha512(seed).digest()[: r.inputs["length"]]).decode())}


def _random_id(r: Registration, _: Answers) -> tuple[str, Outputs]:
    return "none", {"hex": _hex(r, 2 * r.inputs["byteLength"])}


ANSWERS: Mapping[str, Answer] = {
    "aws:backup/plan:Plan": _named("backup", "backup-plan:{hex}", id_="{hex}"),
    "aws:backup/selection:Selection": _plain,
    "aws:backup/vault:Vault": _named("backup", "backup-vault:{name}"),
    "aws:backup/vaultNotifications:VaultNotifications": _plain,
    "aws:budgets/budget:Budget": _named("budgets", "budget/{name}"),
    "aws:cloudwatch/dashboard:Dashboard": _plain,
    "aws:cloudwatch/logGroup:LogGroup": _named("logs", "log-group:{name}"),
    "aws:cloudwatch/logMetricFilter:LogMetricFilter": _plain,
    "aws:cloudwatch/metricAlarm:MetricAlarm": _named("cloudwatch", "alarm:{name}"),
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": _ec2("sg", "security-group"),
    "aws:ec2/eip:Eip": _ec2("eipalloc", allocationId="{id}"),
    "aws:ec2/flowLog:FlowLog": _ec2("fl"),
    "aws:ec2/internetGateway:InternetGateway": _ec2("igw", "internet-gateway"),
    "aws:ec2/natGateway:NatGateway": _ec2("nat"),
    "aws:ec2/route:Route": _ec2("r-rtb"),
    "aws:ec2/routeTable:RouteTable": _ec2("rtb", "route-table"),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": _ec2("rtbassoc"),
    "aws:ec2/securityGroup:SecurityGroup": _ec2("sg", "security-group"),
    "aws:ec2/subnet:Subnet": _ec2("subnet", "subnet"),
    "aws:ec2/vpc:Vpc": _ec2("vpc", "vpc"),
    "aws:ec2/vpcEndpoint:VpcEndpoint": _ec2("vpce", "vpc-endpoint"),
    "aws:iam/policy:Policy": _named("iam", "policy/{name}", id_="{arn}"),
    "aws:iam/role:Role": _named("iam", "role/{name}"),
    "aws:iam/rolePolicy:RolePolicy": _plain,
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": _plain,
    "aws:kms/alias:Alias": _plain,
    "aws:kms/key:Key": _key,
    "aws:lambda/function:Function": _named("lambda", "function:{name}"),
    "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": _plain,
    "aws:lambda/invocation:Invocation": _plain,
    "aws:rds/eventSubscription:EventSubscription": _named("rds", "es:{name}"),
    "aws:rds/instance:Instance": _instance,
    "aws:rds/instanceAutomatedBackupsReplication:InstanceAutomatedBackupsReplication": _plain,
    "aws:rds/parameterGroup:ParameterGroup": _named("rds", "pg:{name}"),
    "aws:rds/subnetGroup:SubnetGroup": _named("rds", "subgrp:{name}"),
    "aws:scheduler/schedule:Schedule": _named("scheduler", "schedule/default/{name}"),
    "aws:secretsmanager/secret:Secret": _secret,
    "aws:secretsmanager/secretVersion:SecretVersion": _secret_version,
    "aws:sns/topic:Topic": _named("sns", "{name}", id_="{arn}"),
    "aws:sns/topicPolicy:TopicPolicy": _topic_policy,
    "aws:sqs/queue:Queue": _named("sqs", "{name}"),
    "aws:sns/topicSubscription:TopicSubscription": _plain,
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": _ec2("sgr", "security-group-rule"),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": _ec2("sgr", "security-group-rule"),
    "random:index/randomBytes:RandomBytes": _bytes,
    "random:index/randomId:RandomId": _random_id,
    "random:index/randomPassword:RandomPassword": _password,
}
