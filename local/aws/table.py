"""The one table of the control plane: for each Pulumi type, how boto3 creates it and what moto makes of it.

A row says what the mechanical rule (`vpcId` is `VpcId`) cannot know. Every input of a registration is passed on, or
named in its row with the reason why it is the provider's own: there is no third way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from local.aws.convert import Into, Target


@dataclass(frozen=True, kw_only=True)
class Call:
    """One operation, by boto3's method name.

    `takes`: where inputs go, as in `convert.parameters`. `gives`: what is passed besides, by path; texts in it are
    templates (see `Row`). `switch`: the input that asks for this call, and is spent by it.
    """

    operation: str
    takes: Mapping[str, Target] = field(default_factory=dict)
    gives: Mapping[str, Any] = field(default_factory=dict)
    switch: str = ""


@dataclass(frozen=True, kw_only=True)
class Shortfall:
    """What moto does not do: to an input, to an output, or to the whole type when `about` is empty."""

    about: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Row:
    """One type.

    `create` gets the inputs that nobody else takes. `after`: further calls in order; one with `takes` is made only if
    such an input is there, and gets these inputs only. `named`: the parameter for the physical name, which is the
    input `name` or made up as Pulumi does.

    `id` and `outputs` are templates when they hold a brace, over `{name}`, `{region}`, `{account}`, `{id}` and the
    inputs that are text; paths in the reply of `create` otherwise.

    `own`: inputs that no parameter of the API stands for, each with the reason. `unable`: why moto cannot do this type;
    its parameters are checked and nothing is sent. `later`: who sends them, when they cannot be sent at once.
    """

    service: str
    create: Call
    id: str
    outputs: Mapping[str, str] = field(default_factory=dict)
    after: tuple[Call, ...] = ()
    named: str = ""
    own: Mapping[str, str] = field(default_factory=dict)
    shortfalls: tuple[Shortfall, ...] = ()
    unable: str = ""
    later: str = ""


# Tags, of which AWS has many forms


def key_value(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """As most services take tags."""
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]


def _specification(kind: str) -> Into:
    return Into("TagSpecifications", lambda tags: [{"ResourceType": kind, "Tags": key_value(tags)}])


TAGS = Into("Tags", key_value)


# What is not a list of the API's kind


def _kms_tags(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"TagKey": key, "TagValue": value} for key, value in sorted(tags.items())]


def _dimensions(dimensions: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Name": name, "Value": value} for name, value in sorted(dimensions.items())]


def _flag(value: bool) -> str:
    return "true" if value else "false"


def _cost_filters(filters: list[dict[str, Any]]) -> dict[str, Any]:
    return {each["name"]: each["values"] for each in filters}


def _subscribers(arns: list[str]) -> list[dict[str, str]]:
    return [{"SubscriptionType": "SNS", "Address": arn} for arn in arns]


def _default_group_of(vpc_id: str) -> list[dict[str, Any]]:
    return [{"Name": "vpc-id", "Values": [vpc_id]}, {"Name": "group-name", "Values": ["default"]}]


# Rows that are made alike


def _ec2(
    kind: str,
    create: Call,
    id_: str,
    *after: Call,
    arn: bool = True,
    shortfalls: tuple[Shortfall, ...] = (),
    **outputs: str,
) -> Row:
    """A resource of EC2 with tags: `kind` as in its ARN and its tag specification."""
    tagged = Call(operation=create.operation, takes={"tags": _specification(kind), **create.takes}, gives=create.gives)
    arns = {"arn": f"arn:aws:ec2:{{region}}:{{account}}:{kind}/{{id}}"} if arn else {}
    return Row(service="ec2", create=tagged, id=id_, outputs=arns | outputs, after=after, shortfalls=shortfalls)


def _rule(direction: str) -> Row:
    def described(inputs: Mapping[str, Any]) -> str:
        peer = "IpRanges" if "cidrIpv4" in inputs else "UserIdGroupPairs"
        return f"IpPermissions.0.{peer}.0.Description"

    takes: dict[str, Target] = {
        "securityGroupId": "GroupId",
        "ipProtocol": "IpPermissions.0.IpProtocol",
        "fromPort": "IpPermissions.0.FromPort",  # FromPort itself is a parameter too, of the days before VPCs
        "toPort": "IpPermissions.0.ToPort",
        "cidrIpv4": "IpPermissions.0.IpRanges.0.CidrIp",
        "referencedSecurityGroupId": "IpPermissions.0.UserIdGroupPairs.0.GroupId",
        "description": described,
    }
    return _ec2(
        "security-group-rule",
        Call(operation=f"authorize_security_group_{direction}", takes=takes),
        "SecurityGroupRules.0.SecurityGroupRuleId",
        shortfalls=(
            Shortfall(
                about="referencedSecurityGroupId",
                reason="DescribeSecurityGroupRules leaves such a rule's description out, DescribeSecurityGroups has it",
            ),
        ),
    )


ALL_TRAFFIC_OUT = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]

# Instances

_INSTANCE_TAKES: Mapping[str, Target] = {
    "identifier": "DBInstanceIdentifier",
    "instanceClass": "DBInstanceClass",
    "iamDatabaseAuthenticationEnabled": "EnableIAMDatabaseAuthentication",
    "enabledCloudwatchLogsExports": "EnableCloudwatchLogsExports",
    "performanceInsightsEnabled": "EnablePerformanceInsights",
    "caCertIdentifier": "CACertificateIdentifier",
    "tags": TAGS,
}
_INSTANCE_OWN: Mapping[str, str] = {
    "applyImmediately": "how a later change is applied; a parameter of ModifyDBInstance",
    "allowMajorVersionUpgrade": "whether a later change of version is meant; a parameter of ModifyDBInstance",
    "skipFinalSnapshot": "what deletion does; a parameter of DeleteDBInstance",
    "finalSnapshotIdentifier": "what deletion does; a parameter of DeleteDBInstance",
    "deleteAutomatedBackups": "what deletion does; a parameter of DeleteDBInstance",
}
_INSTANCE_OUTPUTS: Mapping[str, str] = {
    "identifier": "DBInstance.DBInstanceIdentifier",
    "address": "DBInstance.Endpoint.Address",
    "arn": "DBInstance.DBInstanceArn",
    "resourceId": "DBInstance.DbiResourceId",
}
_SAME_ID = Shortfall(
    about="resourceId", reason="moto gives every instance the same one, so a policy names all of them at once"
)
_NO_INSIGHTS = Shortfall(about="performanceInsightsEnabled", reason="moto drops it")

ROWS: Mapping[str, Row] = {
    # Network
    "aws:ec2/vpc:Vpc": _ec2(
        "vpc",
        Call(operation="create_vpc"),
        "Vpc.VpcId",
        # The API takes one attribute a call.
        Call(
            operation="modify_vpc_attribute",
            takes={"enableDnsSupport": "EnableDnsSupport.Value"},
            gives={"VpcId": "{id}"},
        ),
        Call(
            operation="modify_vpc_attribute",
            takes={"enableDnsHostnames": "EnableDnsHostnames.Value"},
            gives={"VpcId": "{id}"},
        ),
    ),
    # Adopted, not made: found by its VPC, emptied of AWS's own rules, tagged.
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": Row(
        service="ec2",
        create=Call(operation="describe_security_groups", takes={"vpcId": Into("Filters", _default_group_of)}),
        id="SecurityGroups.0.GroupId",
        outputs={"arn": "arn:aws:ec2:{region}:{account}:security-group/{id}"},
        after=(
            Call(
                operation="revoke_security_group_egress",
                gives={"GroupId": "{id}", "IpPermissions": ALL_TRAFFIC_OUT},
            ),
            Call(operation="create_tags", takes={"tags": TAGS}, gives={"Resources": ["{id}"]}),
        ),
        shortfalls=(
            Shortfall(about="", reason="moto's has no rule for its own members, so there is none to take away"),
        ),
    ),
    "aws:ec2/subnet:Subnet": _ec2(
        "subnet",
        Call(operation="create_subnet"),
        "Subnet.SubnetId",
        Call(
            operation="modify_subnet_attribute",
            takes={"mapPublicIpOnLaunch": "MapPublicIpOnLaunch.Value"},
            gives={"SubnetId": "{id}"},
        ),
    ),
    "aws:ec2/internetGateway:InternetGateway": _ec2(
        "internet-gateway",
        Call(operation="create_internet_gateway"),
        "InternetGateway.InternetGatewayId",
        Call(operation="attach_internet_gateway", takes={"vpcId": "VpcId"}, gives={"InternetGatewayId": "{id}"}),
    ),
    "aws:ec2/routeTable:RouteTable": _ec2(
        "route-table", Call(operation="create_route_table"), "RouteTable.RouteTableId"
    ),
    "aws:ec2/route:Route": Row(
        service="ec2", create=Call(operation="create_route"), id="r-{routeTableId}-{destinationCidrBlock}"
    ),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": Row(
        service="ec2", create=Call(operation="associate_route_table"), id="AssociationId"
    ),
    "aws:ec2/eip:Eip": _ec2(
        "elastic-ip", Call(operation="allocate_address"), "AllocationId", allocationId="AllocationId"
    ),
    "aws:ec2/natGateway:NatGateway": _ec2(
        "natgateway", Call(operation="create_nat_gateway"), "NatGateway.NatGatewayId", arn=False
    ),
    "aws:ec2/vpcEndpoint:VpcEndpoint": _ec2(
        "vpc-endpoint", Call(operation="create_vpc_endpoint"), "VpcEndpoint.VpcEndpointId"
    ),
    "aws:ec2/flowLog:FlowLog": _ec2(
        "vpc-flow-log",
        Call(
            operation="create_flow_logs",
            takes={"vpcId": "ResourceIds.0", "iamRoleArn": "DeliverLogsPermissionArn"},
            gives={"ResourceType": "VPC"},
        ),
        "FlowLogIds.0",
        arn=False,
        shortfalls=(
            Shortfall(
                about="logDestination",
                reason="moto keeps it, yet looks for the log group by its name alone and says that delivery failed",
            ),
        ),
    ),
    "aws:ec2/securityGroup:SecurityGroup": Row(
        service="ec2",
        create=Call(operation="create_security_group", takes={"tags": _specification("security-group")}),
        id="GroupId",
        named="GroupName",
        outputs={"arn": "arn:aws:ec2:{region}:{account}:security-group/{id}"},
        # As the provider does: rules are resources of their own, and AWS's open way out is none of them.
        after=(
            Call(operation="revoke_security_group_egress", gives={"GroupId": "{id}", "IpPermissions": ALL_TRAFFIC_OUT}),
        ),
    ),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": _rule("ingress"),
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": _rule("egress"),
    # Identity
    "aws:iam/policy:Policy": Row(
        service="iam",
        create=Call(operation="create_policy", takes={"policy": "PolicyDocument", "tags": TAGS}),
        id="{arn}",
        outputs={"arn": "Policy.Arn", "name": "Policy.PolicyName"},
        named="PolicyName",
    ),
    "aws:iam/role:Role": Row(
        service="iam",
        create=Call(operation="create_role", takes={"assumeRolePolicy": "AssumeRolePolicyDocument", "tags": TAGS}),
        id="{name}",
        outputs={"arn": "Role.Arn", "name": "Role.RoleName"},
        named="RoleName",
    ),
    "aws:iam/rolePolicy:RolePolicy": Row(
        service="iam",
        create=Call(operation="put_role_policy", takes={"role": "RoleName", "policy": "PolicyDocument"}),
        id="{role}:{name}",
        named="PolicyName",
    ),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": Row(
        service="iam",
        create=Call(operation="attach_role_policy", takes={"role": "RoleName"}),
        id="{role}/{policyArn}",
    ),
    # Keys and secrets
    "aws:kms/key:Key": Row(
        service="kms",
        create=Call(operation="create_key", takes={"tags": Into("Tags", _kms_tags)}),
        id="KeyMetadata.KeyId",
        outputs={"keyId": "KeyMetadata.KeyId", "arn": "KeyMetadata.Arn"},
        after=(Call(operation="enable_key_rotation", switch="enableKeyRotation", gives={"KeyId": "{id}"}),),
        own={"deletionWindowInDays": "how long deletion waits; a parameter of ScheduleKeyDeletion"},
    ),
    "aws:kms/alias:Alias": Row(service="kms", create=Call(operation="create_alias"), id="{name}", named="AliasName"),
    "aws:secretsmanager/secret:Secret": Row(
        service="secretsmanager",
        create=Call(operation="create_secret", takes={"tags": TAGS}),
        id="ARN",
        outputs={"arn": "ARN"},
        named="Name",
        own={"recoveryWindowInDays": "how long deletion waits; a parameter of DeleteSecret"},
    ),
    "aws:secretsmanager/secretVersion:SecretVersion": Row(
        service="secretsmanager",
        create=Call(operation="put_secret_value", gives={"ClientRequestToken": "{token}"}),
        id="{secretId}|{versionId}",
        outputs={"versionId": "VersionId"},
    ),
    # Monitoring
    "aws:sns/topic:Topic": Row(
        service="sns",
        create=Call(operation="create_topic", takes={"kmsMasterKeyId": "Attributes.KmsMasterKeyId", "tags": TAGS}),
        id="{arn}",
        outputs={"arn": "TopicArn", "name": "{name}"},
        named="Name",
    ),
    "aws:sns/topicPolicy:TopicPolicy": Row(
        service="sns",
        create=Call(
            operation="set_topic_attributes",
            takes={"arn": "TopicArn", "policy": "AttributeValue"},
            gives={"AttributeName": "Policy"},
        ),
        id="{arn}",
    ),
    "aws:sns/topicSubscription:TopicSubscription": Row(
        service="sns",
        create=Call(
            operation="subscribe",
            takes={"topic": "TopicArn", "filterPolicy": "Attributes.FilterPolicy"},
            # An address that has not been confirmed has no ARN yet, unless it is asked for.
            gives={"ReturnSubscriptionArn": True},
        ),
        id="SubscriptionArn",
        shortfalls=(
            Shortfall(about="protocol", reason="moto counts an address as confirmed at once, without asking by mail"),
        ),
    ),
    "aws:cloudwatch/logGroup:LogGroup": Row(
        service="logs",
        create=Call(operation="create_log_group"),
        id="{name}",
        outputs={"name": "{name}", "arn": "arn:aws:logs:{region}:{account}:log-group:{name}"},
        named="logGroupName",
        after=(
            Call(
                operation="put_retention_policy",
                takes={"retentionInDays": "retentionInDays"},
                gives={"logGroupName": "{name}"},
            ),
        ),
    ),
    "aws:cloudwatch/logMetricFilter:LogMetricFilter": Row(
        service="logs",
        create=Call(
            operation="put_metric_filter",
            takes={
                "pattern": "filterPattern",
                "metricTransformation": "metricTransformations.0",
                "metricTransformation.namespace": "metricNamespace",
                "metricTransformation.name": "metricName",
                "metricTransformation.value": "metricValue",
                # A text for the provider, which knows "" from 0; a number for the API.
                "metricTransformation.defaultValue": Into("defaultValue", float),
            },
        ),
        id="{name}",
        named="filterName",
    ),
    "aws:cloudwatch/metricAlarm:MetricAlarm": Row(
        service="cloudwatch",
        create=Call(
            operation="put_metric_alarm",
            takes={
                "dimensions": Into("Dimensions", _dimensions),
                "metricQueries": "Metrics",
                "metricQueries.metric": "MetricStat",
                "metricQueries.metric.namespace": "Metric.Namespace",
                "metricQueries.metric.metricName": "Metric.MetricName",
                "metricQueries.metric.dimensions": Into("Metric.Dimensions", _dimensions),
                "tags": TAGS,
            },
        ),
        id="{name}",
        outputs={"name": "{name}", "arn": "arn:aws:cloudwatch:{region}:{account}:alarm:{name}"},
        named="AlarmName",
        shortfalls=(
            Shortfall(
                about="", reason="moto never evaluates one; each says OK where AWS begins with INSUFFICIENT_DATA"
            ),
        ),
    ),
    "aws:cloudwatch/dashboard:Dashboard": Row(
        service="cloudwatch", create=Call(operation="put_dashboard"), id="{dashboardName}"
    ),
    "aws:budgets/budget:Budget": Row(
        service="budgets",
        create=Call(
            operation="create_budget",
            takes={
                "budgetType": "Budget.BudgetType",
                "timeUnit": "Budget.TimeUnit",
                "limitAmount": "Budget.BudgetLimit.Amount",
                "limitUnit": "Budget.BudgetLimit.Unit",
                "costFilters": Into("Budget.CostFilters", _cost_filters),
                "notifications": "NotificationsWithSubscribers",
                "notifications.notificationType": "Notification.NotificationType",
                "notifications.comparisonOperator": "Notification.ComparisonOperator",
                "notifications.threshold": "Notification.Threshold",
                "notifications.thresholdType": "Notification.ThresholdType",
                "notifications.subscriberSnsTopicArns": Into("Subscribers", _subscribers),
                "tags": Into("ResourceTags", key_value),
            },
            gives={"AccountId": "{account}"},
        ),
        id="{account}:{name}",
        outputs={"arn": "arn:aws:budgets::{account}:budget/{name}", "name": "{name}"},
        named="Budget.BudgetName",
        shortfalls=(
            Shortfall(
                about="notifications.subscriberSnsTopicArns",
                reason="moto takes them and tells nobody, since it cannot list a notification's subscribers",
            ),
            Shortfall(about="tags", reason="moto drops them"),
        ),
    ),
    # Database
    "aws:rds/subnetGroup:SubnetGroup": Row(
        service="rds",
        create=Call(
            operation="create_db_subnet_group",
            takes={"description": "DBSubnetGroupDescription", "tags": TAGS},
        ),
        id="{name}",
        outputs={"name": "{name}", "arn": "DBSubnetGroup.DBSubnetGroupArn"},
        named="DBSubnetGroupName",
    ),
    "aws:rds/parameterGroup:ParameterGroup": Row(
        service="rds",
        create=Call(
            operation="create_db_parameter_group",
            takes={"family": "DBParameterGroupFamily", "tags": TAGS},
        ),
        id="{name}",
        outputs={"name": "{name}", "arn": "DBParameterGroup.DBParameterGroupArn"},
        named="DBParameterGroupName",
        after=(
            Call(
                operation="modify_db_parameter_group",
                takes={
                    "parameters": "Parameters",
                    "parameters.name": "ParameterName",
                    "parameters.value": "ParameterValue",
                },
                gives={"DBParameterGroupName": "{name}"},
            ),
        ),
    ),
    "aws:rds/instance:Instance": Row(
        service="rds",
        create=Call(
            operation="create_db_instance",
            takes={
                **_INSTANCE_TAKES,
                "username": "MasterUsername",
                "password": "MasterUserPassword",
                "parameterGroupName": "DBParameterGroupName",
                "backupWindow": "PreferredBackupWindow",
                "maintenanceWindow": "PreferredMaintenanceWindow",
            },
        ),
        id="DBInstance.DbiResourceId",
        outputs=_INSTANCE_OUTPUTS,
        own=_INSTANCE_OWN,
        shortfalls=(
            _SAME_ID,
            _NO_INSIGHTS,
            Shortfall(about="performanceInsightsKmsKeyId", reason="moto drops it"),
            Shortfall(about="performanceInsightsRetentionPeriod", reason="moto drops it"),
            Shortfall(about="databaseInsightsMode", reason="moto drops it"),
            Shortfall(about="engineLifecycleSupport", reason="moto drops it"),
        ),
    ),
    "aws:rds/instance:Instance (replica)": Row(
        service="rds",
        create=Call(
            operation="create_db_instance_read_replica",
            takes={**_INSTANCE_TAKES, "replicateSourceDb": "SourceDBInstanceIdentifier"},
        ),
        id="DBInstance.DbiResourceId",
        outputs=_INSTANCE_OUTPUTS,
        # As the provider does: a replica begins with its primary's values, and these are changed once it stands.
        after=(
            Call(
                operation="modify_db_instance",
                takes={
                    "parameterGroupName": "DBParameterGroupName",
                    "maintenanceWindow": "PreferredMaintenanceWindow",
                    "backupRetentionPeriod": "BackupRetentionPeriod",
                    "backupWindow": "PreferredBackupWindow",
                    "maxAllocatedStorage": "MaxAllocatedStorage",
                    "caCertIdentifier": "CACertificateIdentifier",
                },
                gives={"DBInstanceIdentifier": "{identifier}", "ApplyImmediately": True},
            ),
        ),
        own={
            **_INSTANCE_OWN,
            "storageEncrypted": "a replica's storage is encrypted as its primary's is; the API has no parameter for it",
        },
        shortfalls=(_SAME_ID, _NO_INSIGHTS),
    ),
    "aws:rds/eventSubscription:EventSubscription": Row(
        service="rds",
        create=Call(
            operation="create_event_subscription",
            takes={"snsTopic": "SnsTopicArn", "tags": TAGS},
            gives={"Enabled": True},  # the provider's default
        ),
        id="{name}",
        outputs={"name": "{name}", "arn": "EventSubscription.EventSubscriptionArn"},
        named="SubscriptionName",
    ),
    "aws:rds/instanceAutomatedBackupsReplication:InstanceAutomatedBackupsReplication": Row(
        service="rds",
        create=Call(
            operation="start_db_instance_automated_backups_replication",
            takes={"retentionPeriod": "BackupRetentionPeriod"},
        ),
        id="{sourceDbInstanceArn}",
        unable="moto has no replication of automated backups",
    ),
    # Functions
    "aws:sqs/queue:Queue": Row(
        service="sqs",
        create=Call(
            operation="create_queue",
            takes={
                "sqsManagedSseEnabled": Into("Attributes.SqsManagedSseEnabled", _flag),
                "messageRetentionSeconds": Into("Attributes.MessageRetentionPeriod", str),
                "tags": "tags",
            },
        ),
        id="https://sqs.{region}.amazonaws.com/{account}/{name}",  # moto's has the port of the day in it
        outputs={"arn": "arn:aws:sqs:{region}:{account}:{name}", "name": "{name}"},
        named="QueueName",
    ),
    "aws:lambda/function:Function": Row(
        service="lambda",
        create=Call(
            operation="create_function",
            takes={"code": "Code.ZipFile"},
        ),
        id="{name}",
        outputs={"arn": "FunctionArn", "name": "{name}"},
        named="FunctionName",
        own={
            "replaceSecurityGroupsOnDestroy": "what deletion does first, by UpdateFunctionConfiguration",
            "replacementSecurityGroupIds": "what deletion does first, by UpdateFunctionConfiguration",
        },
        shortfalls=(Shortfall(about="loggingConfig", reason="moto drops it"),),
    ),
    "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": Row(
        service="lambda",
        create=Call(operation="put_function_event_invoke_config"),
        id="{functionName}",
    ),
    "aws:lambda/invocation:Invocation": Row(
        service="lambda",
        create=Call(operation="invoke", takes={"input": Into("Payload", str.encode)}),
        id="{functionName}",
        own={
            "lifecycleScope": "when the provider invokes it again",
            "triggers": "when the provider invokes it again",
        },
        later="make up, when the servers run that the function asks",
    ),
    "aws:scheduler/schedule:Schedule": Row(
        service="scheduler",
        create=Call(operation="create_schedule", gives={"ClientToken": "{token}"}),
        id="default/{name}",
        outputs={"arn": "ScheduleArn", "name": "{name}"},
        named="Name",
        shortfalls=(Shortfall(about="", reason="moto keeps a schedule and runs nothing by it"),),
    ),
    # Backup
    "aws:backup/vault:Vault": Row(
        service="backup",
        create=Call(
            operation="create_backup_vault",
            takes={"kmsKeyArn": "EncryptionKeyArn", "tags": "BackupVaultTags"},
        ),
        id="{name}",
        outputs={"name": "BackupVaultName", "arn": "BackupVaultArn"},
        named="BackupVaultName",
        own={"forceDestroy": "whether deletion empties the vault first, which the provider does itself"},
    ),
    "aws:backup/plan:Plan": Row(
        service="backup",
        create=Call(
            operation="create_backup_plan",
            takes={
                "rules": "BackupPlan.Rules",
                "rules.targetVaultName": "TargetBackupVaultName",
                "rules.schedule": "ScheduleExpression",
                "rules.startWindow": "StartWindowMinutes",
                "rules.completionWindow": "CompletionWindowMinutes",
                "rules.lifecycle.deleteAfter": "DeleteAfterDays",
                "tags": "BackupPlanTags",
            },
        ),
        id="BackupPlanId",
        outputs={"arn": "BackupPlanArn", "name": "{name}"},
        named="BackupPlan.BackupPlanName",
    ),
    "aws:backup/selection:Selection": Row(
        service="backup",
        create=Call(
            operation="create_backup_selection",
            takes={
                "planId": "BackupPlanId",
                "iamRoleArn": "BackupSelection.IamRoleArn",
                "resources": "BackupSelection.Resources",
            },
        ),
        id="{planId}|{name}",
        named="BackupSelection.SelectionName",
        unable="moto has no backup selections",
    ),
    "aws:backup/vaultNotifications:VaultNotifications": Row(
        service="backup",
        create=Call(operation="put_backup_vault_notifications"),
        id="{backupVaultName}",
        unable="moto has no notifications of backup vaults",
    ),
}

# What no row can say: moto keeps what it is told, and judges little of it.
UNPROVEN = (
    "moto takes any parameter name, value and apply method, any engine version, instance class and storage size, and "
    "asks no policy for permission: it proves that the calls fit together, not that AWS would take them. Nor does it "
    "ask who somebody is, so every user of this machine can read the secrets of this platform"
)

# Types whose row depends on the inputs.
VARIANTS: Mapping[str, Mapping[str, str]] = {
    "aws:rds/instance:Instance": {"replicateSourceDb": "aws:rds/instance:Instance (replica)"}
}

# Inputs with which nothing can be made here, and the way out.
_NO_BACKUP = (
    "there is no backup on this machine to restore from. Bring generation 1 up, and look at this one with make preview"
)
IMPOSSIBLE: Mapping[str, Mapping[str, str]] = {
    "aws:rds/instance:Instance": {"snapshotIdentifier": _NO_BACKUP, "restoreToPointInTime": _NO_BACKUP}
}

# Not AWS: another provider answers them.
ELSEWHERE = ("random:",)
