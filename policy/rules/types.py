"""Known resource types, which of them AWS tags, and the names of those that rules are about."""

from __future__ import annotations

from typing import Final

from resource_types import TYPES

INSTANCE: Final = "aws:rds/instance:Instance"
PARAMETER_GROUP: Final = "aws:rds/parameterGroup:ParameterGroup"
SUBNET_GROUP: Final = "aws:rds/subnetGroup:SubnetGroup"
EVENT_SUBSCRIPTION: Final = "aws:rds/eventSubscription:EventSubscription"
SNAPSHOT: Final = "aws:rds/snapshot:Snapshot"
SNAPSHOT_COPY: Final = "aws:rds/snapshotCopy:SnapshotCopy"
REPLICATED_BACKUPS: Final = "aws:rds/instanceAutomatedBackupsReplication:InstanceAutomatedBackupsReplication"
PROXY: Final = "aws:rds/proxy:Proxy"
VAULT: Final = "aws:backup/vault:Vault"
PLAN: Final = "aws:backup/plan:Plan"
SELECTION: Final = "aws:backup/selection:Selection"
KEY: Final = "aws:kms/key:Key"
SECRET: Final = "aws:secretsmanager/secret:Secret"
SECRET_ROTATION: Final = "aws:secretsmanager/secretRotation:SecretRotation"
TOPIC: Final = "aws:sns/topic:Topic"
QUEUE: Final = "aws:sqs/queue:Queue"
LOG_GROUP: Final = "aws:cloudwatch/logGroup:LogGroup"
FUNCTION: Final = "aws:lambda/function:Function"
FUNCTION_URL: Final = "aws:lambda/functionUrl:FunctionUrl"
PERMISSION: Final = "aws:lambda/permission:Permission"
ROLE: Final = "aws:iam/role:Role"
POLICY: Final = "aws:iam/policy:Policy"
ROLE_POLICY: Final = "aws:iam/rolePolicy:RolePolicy"
ATTACHMENT: Final = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
TOPIC_POLICY: Final = "aws:sns/topicPolicy:TopicPolicy"
QUEUE_POLICY: Final = "aws:sqs/queuePolicy:QueuePolicy"
SECRET_POLICY: Final = "aws:secretsmanager/secretPolicy:SecretPolicy"
VAULT_POLICY: Final = "aws:backup/vaultPolicy:VaultPolicy"
SECURITY_GROUP: Final = "aws:ec2/securityGroup:SecurityGroup"
DEFAULT_SECURITY_GROUP: Final = "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"
SECURITY_GROUP_RULE: Final = "aws:ec2/securityGroupRule:SecurityGroupRule"
INGRESS: Final = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
EGRESS: Final = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
SUBNET: Final = "aws:ec2/subnet:Subnet"
ROUTE_TABLE: Final = "aws:ec2/routeTable:RouteTable"
ROUTE: Final = "aws:ec2/route:Route"
ASSOCIATION: Final = "aws:ec2/routeTableAssociation:RouteTableAssociation"
INTERNET_GATEWAY: Final = "aws:ec2/internetGateway:InternetGateway"
VPC_ENDPOINT: Final = "aws:ec2/vpcEndpoint:VpcEndpoint"

# Types that rules were considered for: those with a row, and some that nobody registers yet.
TAGGED: Final = frozenset(token for token, row in TYPES.items() if row.tagged) | {PROXY, SNAPSHOT, SNAPSHOT_COPY}
UNTAGGED: Final = frozenset(token for token, row in TYPES.items() if not row.tagged) | {
    FUNCTION_URL, QUEUE_POLICY, SECRET_POLICY, SECURITY_GROUP_RULE, VAULT_POLICY,
}  # fmt: skip

# The engine's own, and the components, which hold nothing themselves.
OURS: Final = ("pulumi:", "langpont:database:")


def is_cloud(type_: str) -> bool:
    """Whether a provider makes it."""
    return not type_.startswith(OURS)
