"""The stack's outputs: name, type and meaning. What a deploy may rely on; no password is among them."""

from __future__ import annotations

from typing import NamedTuple


class Output(NamedTuple):
    """One stack output. `type` is JSON Schema's word: string, integer, object or array."""

    name: str
    type: str
    description: str


OUTPUTS = (
    Output("environment", "string", "The stack: dev, staging, prod."),
    Output("region", "string", "AWS region."),
    Output("project", "string", "The product: tag Project, and what namespaces of metrics begin with."),
    Output("databaseName", "string", "Name of the database on every instance."),
    Output("port", "integer", "Port of every instance."),
    Output("primaryEndpoint", "string", "Host name of the primary; reads and writes."),
    Output("primaryIdentifier", "string", "RDS identifier of the primary."),
    Output("primaryArn", "string", "ARN of the primary."),
    Output("primaryResourceId", "string", "DbiResourceId of the primary, which IAM authentication policies name."),
    Output("replicas", "array", "Each replica: number, purpose, zone, identifier, endpoint, pooler entry."),
    Output("generation", "integer", "Which generation of the database this is; it counts restores."),
    Output(
        "restoredFrom", "string", "Time in UTC or snapshot that this generation was made from; nothing: it began empty."
    ),
    Output(
        "secretArns", "object", "Secrets Manager ARN by role, the master included. Values are read there, not here."
    ),
    Output(
        "roles",
        "object",
        "Which role does what: application writes, reader reads, migrator changes schemas as owner.",
    ),
    Output("poolerSecretArn", "string", "Secret with pgbouncer.ini and userlist.txt for application hosts."),
    Output("poolerEntry", "string", "PgBouncer database name that leads to the primary."),
    Output("poolerPort", "integer", "Port on which each host's PgBouncer listens."),
    Output("pools", "object", "SQLAlchemy pool settings of the primary and of replicas: size, maxOverflow, seconds."),
    Output(
        "applicationPolicyArn",
        "string",
        "IAM policy for application hosts: reads their secrets, publishes PgBouncer's metrics.",
    ),
    Output("migrationPolicyArn", "string", "IAM policy for deploys that migrate: reads the migrator's secret."),
    Output("operatorPolicyArn", "string", "IAM policy for people on call: port forwarding by SSM, login by IAM token."),
    Output("vpcId", "string", "VPC of the database."),
    Output("publicSubnetIds", "array", "Subnets with a public address, for load balancers."),
    Output("applicationSubnetIds", "array", "Subnets for application hosts and functions."),
    Output("databaseSubnetIds", "array", "Isolated subnets of the database."),
    Output("applicationSecurityGroupId", "string", "Security group that application hosts join."),
    Output("databaseSecurityGroupId", "string", "Security group of the instances."),
    Output("alertsTopicArn", "string", "SNS topic of alarms that wait for the morning, and of the budget."),
    Output("criticalTopicArn", "string", "SNS topic of alarms that get somebody up."),
    Output("eventsTopicArn", "string", "SNS topic of RDS events that wait for the morning."),
    Output("dashboardName", "string", "CloudWatch dashboard."),
    Output("rolesFunctionName", "string", "Lambda function that makes and checks the database's roles."),
    Output("metricsFunctionName", "string", "Lambda function that publishes the custom metrics."),
    Output("backupVaultName", "string", "AWS Backup vault."),
)
