"""What operations on everything beside the instances do, by type: a row for each that somebody notices."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from preview.effects import instances, schedules
from preview.effects.model import Consequence, Effect
from recording.plan import Step

WAY_OUT: Final = "to the internet, or to AWS without an endpoint"


class Row(NamedTuple):
    """What one operation on a type does."""

    effect: Effect
    what: str = ""
    cut_off: str = ""


_NOTHING = Row(Effect.NOTHING)
# Where a type or an operation has no row of its own. What is only watched, allowed or named is noticed by nobody.
DEFAULT: Final[Mapping[str, Row]] = {
    "create": _NOTHING, "update": _NOTHING, "replace": Row(Effect.REPLACED, "is made anew"),
    "delete": Row(Effect.REMOVED, "is deleted"),
}  # fmt: skip
_UNNOTICED: Final[Mapping[str, Row]] = {"replace": Row(Effect.NOTHING, "is made anew, which nobody notices"),
                                        "delete": Row(Effect.NOTHING, "is deleted")}  # fmt: skip
_WATCH: Final[Mapping[str, Row]] = {**_UNNOTICED, "delete": Row(Effect.NOTHING, "watches no more")}
_RULE: Final[Mapping[str, Row]] = {
    "create": Row(Effect.RELOADED, "lets somebody in from now on"),
    "update": Row(Effect.RELOADED, "lets in others from now on"),
    "replace": Row(Effect.RELOADED, "is made anew, and the old one goes at the end", "whoever came by the old rule"),
    "delete": Row(Effect.RELOADED, "lets nobody in any more", "whoever came by it"),
}
_NAT: Final[Mapping[str, Row]] = {
    "replace": Row(Effect.REPLACED, "is made anew, for minutes without a way out", f"what is on its way {WAY_OUT}"),
    "delete": Row(Effect.REMOVED, "is deleted", f"what goes {WAY_OUT}"),
}
ROWS: Final[Mapping[str, Mapping[str, Row]]] = {
    "aws:backup/selection:Selection": _UNNOTICED,
    "aws:backup/vault:Vault": {
        "replace": Row(Effect.DATA_LOST, "is made anew, and what AWS Backup kept in it is deleted"),
        "delete": Row(Effect.DATA_LOST, "is deleted with what AWS Backup kept in it"),
    },
    "aws:backup/restoreTestingPlan:RestoreTestingPlan": _UNNOTICED,
    "aws:backup/restoreTestingSelection:RestoreTestingSelection": _UNNOTICED,
    "aws:backup/vaultLockConfiguration:VaultLockConfiguration": {
        **_UNNOTICED, "delete": Row(Effect.NOTHING, "is taken off: recovery points can be deleted early again"),
    },
    "aws:backup/vaultNotifications:VaultNotifications": _UNNOTICED,
    "aws:cloudwatch/logGroup:LogGroup": {"delete": Row(Effect.REMOVED, "is deleted with its logs")},
    "aws:cloudwatch/compositeAlarm:CompositeAlarm": _WATCH,
    "aws:cloudwatch/logMetricFilter:LogMetricFilter": _UNNOTICED,
    "aws:cloudwatch/metricAlarm:MetricAlarm": _WATCH,
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": _UNNOTICED,
    "aws:ec2/eip:Eip": {
        "replace": Row(Effect.REPLACED, "is another public address", "whom others know by the old address"),
        "delete": Row(Effect.REMOVED, "is given back", "whom others know by the old address"),
    },
    "aws:ec2/flowLog:FlowLog": _UNNOTICED,
    "aws:ec2/natGateway:NatGateway": _NAT,
    "aws:ec2/route:Route": {
        "update": Row(Effect.RELOADED, "leads elsewhere", f"what is on its way {WAY_OUT}"),
        "replace": Row(Effect.RELOADED, "leads elsewhere", f"what is on its way {WAY_OUT}"),
        "delete": Row(Effect.REMOVED, "leads nowhere", f"what goes {WAY_OUT}"),
    },
    "aws:ec2/vpcEndpoint:VpcEndpoint": {
        "replace": Row(Effect.REPLACED, "is made anew", "calls to its service meanwhile"),
        "delete": Row(Effect.REMOVED, "is deleted", "calls to its service that have no other way"),
    },
    "aws:iam/policy:Policy": _UNNOTICED,
    "aws:iam/role:Role": _UNNOTICED,
    "aws:iam/rolePolicy:RolePolicy": _UNNOTICED,
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": _UNNOTICED,
    "aws:kms/key:Key": {
        "delete": Row(Effect.IRREVERSIBLE, "is deleted after its waiting time, and what it encrypts is unreadable then")
    },
    "aws:kms/alias:Alias": _UNNOTICED,
    "aws:lambda/invocation:Invocation": {
        "create": Row(Effect.NOTHING, "makes the roles"),
        "replace": Row(Effect.RELOADED, "makes the roles again, with the passwords and grants of now"),
    },
    "aws:lambda/permission:Permission": _UNNOTICED,
    "aws:rds/instanceAutomatedBackupsReplication:InstanceAutomatedBackupsReplication": {
        "replace": Row(Effect.REPLACED, "begins anew: until then the second region gets no backup"),
        "delete": Row(Effect.REMOVED, "ends: the second region gets no backup any more"),
    },
    "aws:secretsmanager/secretRotation:SecretRotation": {
        "create": Row(Effect.NOTHING, "changes the password on its days, without a failed login"),
        "delete": Row(Effect.REMOVED, "changes the password no more"),
    },
    "aws:secretsmanager/secretVersion:SecretVersion": {
        "replace": Row(Effect.RELOADED, "holds what is right now; hosts and applications take it up as they reload"),
    },
    "aws:sns/topicSubscription:TopicSubscription": {
        "create": Row(Effect.NOTHING, "is silent until its address has confirmed"),
        "delete": Row(Effect.REMOVED, "tells this address nothing any more"),
    },
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": _RULE,
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": _RULE,
    "random:index/randomId:RandomId": _UNNOTICED,
    "random:index/randomPassword:RandomPassword": {
        "replace": Row(Effect.RELOADED, "is another password", "logins with the old one, until hosts have the new one"),
        "delete": Row(Effect.REMOVED, "is forgotten"),
    },
    "random:index/randomBytes:RandomBytes": _UNNOTICED,
}  # fmt: skip

# What one setting in a document does, which no input of a resource tells apart: by path and by the resource's type.
BY_SETTING: Final[Mapping[tuple[str, str], Row]] = {
    ("pooler.listenPort", "aws:secretsmanager/secretVersion:SecretVersion"): Row(
        Effect.RESTART,
        "has another port: each host restarts its PgBouncer once no client is connected, or somebody does, and "
        "applications find it after a deploy with the new outputs",
        "whoever connects to the port of before",
    ),
}  # fmt: skip

Found = Callable[[Step, Mapping[str, Any]], Iterator[Consequence]]
_BY_INPUT: Final[Mapping[str, Found]] = {
    instances.INSTANCE: instances.instance,
    instances.PARAMETER_GROUP: instances.parameter_group,
    schedules.SCHEDULE: schedules.schedule,
}


def consequences(step: Step, before: Mapping[str, Any], settings: Iterable[str] = ()) -> tuple[Consequence, ...]:
    """Everything that an operation does.

    `before`: the inputs as they stand, as far as they are known. `settings`: paths of those that are behind it.
    """
    refused = (Consequence(effect=Effect.REFUSED, what=_refusal(step)),) if step.refused else ()
    unsure = tuple(
        Consequence(effect=Effect.UNKNOWN, what=f"may be updated or replaced by {key}: no measured data has it")
        for key in step.unsure
        if step.call == "update"
    )
    found = _BY_INPUT.get(step.type)
    if found is not None:
        return (*refused, *unsure, *found(step, before))
    rows = [ROWS.get(step.type, {}).get(step.call, DEFAULT[step.call])]
    rows += [BY_SETTING[path, step.type] for path in settings if (path, step.type) in BY_SETTING]
    own = (Consequence(effect=row.effect, what=row.what, cut_off=row.cut_off) for row in rows)
    return (*refused, *unsure, *own)


def _refusal(step: Step) -> str:
    return f"is protected, and would be {'deleted' if step.call == 'delete' else 'replaced'}: Pulumi refuses the update"
