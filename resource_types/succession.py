"""What comes first when a resource is replaced, for each type that a changed property replaces.

Pulumi makes the new one first and deletes the old one at the end of the update. That goes wrong where the new one needs
what the old one holds, and where the deletion acts on something that both have.
"""

from __future__ import annotations

from collections.abc import Mapping

DELETED_FIRST: Mapping[str, str] = {
    "aws:backup/vaultNotifications:VaultNotifications": "a vault has one: deleting the old one last ends the new one",
    "aws:backup/vaultLockConfiguration:VaultLockConfiguration": "a vault has one: deleting the old one last unlocks it",
    "aws:ec2/flowLog:FlowLog": "AWS refuses a second one of a network to the same destination",
    "aws:ec2/natGateway:NatGateway": "an address belongs to one gateway at a time, and is to be kept",
    "aws:rds/instanceAutomatedBackupsReplication:InstanceAutomatedBackupsReplication": (
        "an instance has one copy in a region: a second one is refused, and deleting the old one last would end it"
    ),
    "aws:rds/instance:Instance": "its name is fixed, and cannot exist twice; a protected one is not replaced",
}

_NAMED_BY_PULUMI = "Pulumi names it, so that two can stand; who uses the old one changes over"
_NAME_REPLACES = "nothing but its name replaces it, and two names are two things"
_PART_OF_ANOTHER = "what replaces it is another thing that it is part of, where nothing of its kind is yet"
_NO_NAME = "AWS gives it an id, so that two can stand"

BESIDE: Mapping[str, str] = {
    "aws:backup/plan:Plan": _NAME_REPLACES,
    "aws:backup/restoreTestingPlan:RestoreTestingPlan": _NAME_REPLACES,
    "aws:backup/restoreTestingSelection:RestoreTestingSelection": _PART_OF_ANOTHER,
    "aws:backup/selection:Selection": "a plan has any number of selections, also of one name",
    "aws:backup/vault:Vault": _NAMED_BY_PULUMI,
    "aws:budgets/budget:Budget": _NAMED_BY_PULUMI,
    "aws:cloudwatch/compositeAlarm:CompositeAlarm": "its name replaces it, and two names are two things; "
    "actionsEnabled, which replaces it too, is not set",
    "aws:cloudwatch/dashboard:Dashboard": _NAME_REPLACES,
    "aws:cloudwatch/logGroup:LogGroup": _NAME_REPLACES,
    "aws:cloudwatch/logMetricFilter:LogMetricFilter": _PART_OF_ANOTHER,
    "aws:cloudwatch/metricAlarm:MetricAlarm": _NAME_REPLACES,
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": _PART_OF_ANOTHER,
    "aws:ec2/eip:Eip": _NO_NAME,
    "aws:ec2/route:Route": _PART_OF_ANOTHER,
    "aws:ec2/routeTable:RouteTable": _NO_NAME,
    "aws:ec2/routeTableAssociation:RouteTableAssociation": _PART_OF_ANOTHER,
    "aws:ec2/securityGroup:SecurityGroup": _NAMED_BY_PULUMI,
    "aws:ec2/subnet:Subnet": "a zone's part of a network never changes, so that another subnet is in another network",
    "aws:ec2/vpc:Vpc": _NO_NAME,
    "aws:ec2/vpcEndpoint:VpcEndpoint": _PART_OF_ANOTHER,
    "aws:iam/policy:Policy": _NAMED_BY_PULUMI,
    "aws:iam/role:Role": _NAMED_BY_PULUMI,
    "aws:iam/rolePolicy:RolePolicy": _PART_OF_ANOTHER,
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": "pulumi-aws deletes the old one first by itself",
    "aws:kms/alias:Alias": _NAME_REPLACES,
    "aws:kms/key:Key": _NO_NAME,
    "aws:lambda/function:Function": _NAME_REPLACES,
    "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": _PART_OF_ANOTHER,
    "aws:lambda/invocation:Invocation": "it is a call and leaves nothing to delete",
    "aws:lambda/permission:Permission": "AWS gives it an id, and two that say the same both hold",
    "aws:rds/eventSubscription:EventSubscription": _NAMED_BY_PULUMI,
    "aws:rds/parameterGroup:ParameterGroup": _NAMED_BY_PULUMI,
    "aws:rds/subnetGroup:SubnetGroup": _NAMED_BY_PULUMI,
    "aws:scheduler/schedule:Schedule": _NAMED_BY_PULUMI,
    "aws:secretsmanager/secret:Secret": _NAME_REPLACES,
    "aws:secretsmanager/secretRotation:SecretRotation": _PART_OF_ANOTHER,
    "aws:secretsmanager/secretVersion:SecretVersion": "the new version becomes the current one, and takes nothing away",
    "aws:sns/topic:Topic": _NAMED_BY_PULUMI,
    "aws:sns/topicPolicy:TopicPolicy": _PART_OF_ANOTHER,
    "aws:sns/topicSubscription:TopicSubscription": _PART_OF_ANOTHER,
    "aws:sqs/queue:Queue": _NAMED_BY_PULUMI,
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": "two rules with two ports both hold, while one is left",
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": "as the egress rule",
}
