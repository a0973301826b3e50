"""The program: the stack file becomes settings, settings become components, components' outputs are exported."""

import gc
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any, NoReturn

import pulumi
from pulumi.runtime.config import CONFIG, is_config_secret

import components as c
from blueprint.aws.subnets import Tier
from blueprint.monitoring.dashboard import DashboardPlan
from blueprint.names import PROJECT
from blueprint.outputs import OUTPUTS
from blueprint.platform import Platform
from blueprint.postgres.pgbouncer import entry_name
from blueprint.postgres.roles import APPLICATION, MIGRATOR, OWNER, POOLED_ROLES, READER, Audience
from blueprint.problems import FileRefused
from blueprint.stack_file.load import decoded, load
from blueprint.stack_file.secrets_provider import under_passphrase

gc.disable()  # a run makes 100,000s of objects and drops next to none: looking for garbage is a fifth of its time


def configuration() -> dict[str, str]:
    """The project's part of the stack file. All keys are listed, which `pulumi.Config` cannot: a typo must show."""
    namespace = f"{pulumi.get_project()}:"
    return {key.removeprefix(namespace): value for key, value in CONFIG.get().items() if key.startswith(namespace)}


def stack_file() -> Path:
    """Where the CLI has the stack's file unless it is told another by --config-file; `recording` says it."""
    path: Path = globals().get("STACK_FILE") or Path(__file__).with_name(f"Pulumi.{pulumi.get_stack()}.yaml")
    return path


def refuse(report: str) -> NoReturn:
    """End with a report and nothing after it: 32 tells the CLI's language host that the user was told all.

    A `pulumi.RunError` is reported twice: "an unhandled error occurred: program exited with non-zero exit code: 1".
    """
    pulumi.log.error(report)
    sys.exit(32)


try:
    # A CLI that does not know `requiredPulumiVersion` of Pulumi.yaml passes it by; that it cannot answer this tells it.
    pulumi.require_pulumi_version(f">={version('pulumi')}")
except Exception as error:
    told = str(error).rstrip(".")
    refuse(f"The Pulumi CLI is older than the SDK, {version('pulumi')}: {told}. Install one of that version or newer.")

aws = pulumi.Config("aws")
# The configuration that the CLI hands over has nothing of what stands beside it in the file.
file = stack_file()
text = file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""
account_ids = decoded(aws.get("allowedAccountIds") or "")
try:
    settings = load(
        configuration(),
        environment=pulumi.get_stack(),
        region=aws.get("region"),
        account_ids=account_ids,
        under_passphrase=under_passphrase(text),
        secret=[key for key in configuration() if is_config_secret(f"{pulumi.get_project()}:{key}")],
    )
except FileRefused as refusal:
    refuse(str(refusal))

region = settings.region
platform = Platform(settings)
naming, database = platform.naming, settings.database
prefix = naming.prefix
for warning in platform.warnings:
    pulumi.warn(warning)
if not account_ids:
    pulumi.warn("aws:allowedAccountIds is not set: the stack goes to whatever account is logged in. Name its account.")
if settings.protected and not text:
    pulumi.warn(
        f"{file.name} is not beside the program, so nobody has looked whether a passphrase encrypts the state of this "
        f"protected stack. Look for secretsprovider in the file that --config-file names."
    )
account_id = c.account_id()

keys = c.Keys(
    f"{prefix}-keys",
    c.KeysArgs(
        naming=naming,
        region=region,
        account_id=account_id,
        encryption=settings.encryption,
        protected=database.protected,
        copied_to_account=settings.backups.copied_to_account,
    ),
)
secrets = c.Secrets(
    f"{prefix}-secrets",
    c.SecretsArgs(
        naming=naming,
        region=region,
        database=database,
        credentials=settings.credentials,
        key_arn=keys.arn("secrets"),
    ),
)
network = c.Networking(
    f"{prefix}-network",
    c.NetworkingArgs(
        naming=naming,
        region=region,
        network=settings.network,
        account_id=account_id,
        logs_key_arn=keys.arn("logs"),
        protected=database.protected,
    ),
).ids
groups = c.SecurityGroups(
    f"{prefix}-security-groups",
    c.SecurityGroupsArgs(
        naming=naming,
        region=region,
        network=network,
        port=database.port,
        access=settings.access,
        endpoints=settings.network.vpc.interface_endpoints if settings.network.vpc else None,
        protected=database.protected,
    ),
)
cluster = c.DatabaseCluster(
    f"{prefix}-db",
    c.DatabaseClusterArgs(
        naming=naming,
        instances=platform.instances,
        database=database,
        backups=settings.backups,
        monitoring=settings.monitoring,
        subnet_ids=network.subnet_ids(Tier.DATABASE),
        security_group_id=groups.database_group_id,
        master_password=secrets.passwords[database.master_username],
        keys=c.InstanceKeys(
            storage=keys.arn("storage"),
            insights=keys.arn("insights"),
            logs=keys.arn("logs"),
            owner=settings.encryption.keys,
        ),
        account_id=account_id,
        needed=[*groups.openings, *network.prerequisites, *secrets.resources],
        replaced_with=[groups.database_group],
    ),
)
replicas = [instance for instance in cluster.instances.values() if instance.plan.number]
rotated = settings.credentials.rotate_every_days is not None
verifiers = {role: secrets.verifiers[role] for role in POOLED_ROLES}
values = c.SecretValues(
    f"{prefix}-secret-values",
    c.SecretValuesArgs(
        naming=naming,
        database=database,
        secret_ids=secrets.secret_ids,
        secret_arns=secrets.secret_arns,
        passwords=secrets.passwords,
        verifiers=verifiers,
        host=cluster.primary.address,
        instance_identifier=cluster.primary.identifier,
        rotated=rotated,
    ),
)
access = c.Access(
    f"{prefix}-access",
    c.AccessArgs(
        naming=naming,
        region=region,
        host_tags=naming.owner_tags,
        resource_ids=[instance.resource_id for instance in cluster.instances.values()],
        account_id=account_id,
        protected=database.protected,
    ),
)
monitoring = c.Monitoring(
    f"{prefix}-monitoring",
    c.MonitoringArgs(
        naming=naming,
        alarms=platform.alarms,
        thresholds=platform.thresholds,
        monitoring=settings.monitoring,
        webhooks=settings.webhooks,
        dashboard=DashboardPlan(region=region, stack=settings.environment, database=database.name),
        instances=cluster.standing,
        alerts_key_arn=keys.arn("alerts"),
        sleeps=settings.sleep is not None,
        account_id=account_id,
    ),
)
functions = c.Functions(
    f"{prefix}-functions",
    c.FunctionsArgs(
        naming=naming,
        region=region,
        stack=settings.environment,
        database=database,
        log_retention_days=settings.monitoring.log_retention_days,
        sleep=settings.sleep,
        account_id=account_id,
        subnet_ids=network.subnet_ids(Tier.APPLICATION),
        security_group_id=groups.functions_group_id,
        released_group_id=network.default_group_id,
        secret_arns=secrets.secret_arns,
        pooler_secret_arn=secrets.pooler_secret_arn,
        secret_versions=values.version_ids,
        secrets_key_arn=keys.arn("secrets"),
        logs_key_arn=keys.arn("logs"),
        primary_resource_id=cluster.primary.resource_id,
        # An analytics replica may be an hour behind: it comes after those for reads.
        hosts={
            instance.plan.named(database.generation): instance.address
            for instance in (*sorted(replicas, key=lambda it: it.plan.purpose == "analytics"), cluster.primary)
        },
        rotate_every_days=settings.credentials.rotate_every_days,
    ),
)
c.Pooler(
    f"{prefix}-pooler",
    c.PoolerArgs(
        naming=naming,
        database=database,
        pooler=platform.pooler,
        secret_id=secrets.pooler_secret_id,
        primary_host=cluster.primary.address,
        replica_hosts={replica.plan.number: replica.address for replica in replicas if replica.plan.number},
        verifiers=verifiers,
        after=functions.roles_made,
        rotated=rotated,
    ),
)
backups = c.Backups(
    f"{prefix}-backups",
    c.BackupsArgs(
        naming=naming,
        backups=settings.backups,
        encryption=settings.encryption,
        protected=database.protected,
        primary_arns=cluster.primary_arns,
        sleep=settings.sleep,
        vault_key_arn=keys.arn("backup"),
        notifications_topic_arn=monitoring.backups_topic_arn,
        account_id=account_id,
        subnet_group_name=cluster.subnet_group_name,
        security_group_id=groups.database_group_id,
    ),
)
if settings.sleep is not None:
    c.Sleep(
        f"{prefix}-sleep",
        c.SleepArgs(naming=naming, hours=settings.sleep, primary_arns=cluster.primary_arns, account_id=account_id),
    )

application = settings.application
outputs: dict[str, Any] = {
    "environment": settings.environment,
    "region": region,
    "project": PROJECT,
    "databaseName": database.name,
    "port": database.port,
    "primaryEndpoint": cluster.primary.address,
    "primaryIdentifier": cluster.primary.identifier,
    "primaryArn": cluster.primary.arn,
    "primaryResourceId": cluster.primary.resource_id,
    "replicas": [
        {
            "number": replica.plan.number,
            "purpose": replica.plan.purpose,
            "zone": replica.plan.zone,
            "identifier": replica.identifier,
            "endpoint": replica.address,
            "poolerEntry": entry_name(database.name, replica.plan.number),
        }
        for replica in replicas
    ],
    "generation": database.generation,
    "restoredFrom": database.restore_from.text if database.restore_from else "nothing",
    "secretArns": dict(secrets.secret_arns),
    "roles": {"application": APPLICATION, "reader": READER, "migrator": MIGRATOR, "owner": OWNER},
    "poolerSecretArn": secrets.pooler_secret_arn,
    "poolerEntry": entry_name(database.name, None),
    "poolerPort": platform.pooler.listen_port,
    "pools": {
        "primary": application.primary_pool.model_dump(by_alias=True),
        "replica": application.replica_pool.model_dump(by_alias=True),
        "timeoutSeconds": application.pool_timeout_seconds,
        "recycleSeconds": application.pool_recycle_seconds,
    },
    "applicationPolicyArn": secrets.policy_arns[Audience.APPLICATION],
    "migrationPolicyArn": secrets.policy_arns[Audience.MIGRATION],
    "operatorPolicyArn": access.operator_policy_arn,
    "vpcId": network.vpc_id,
    "publicSubnetIds": network.subnet_ids(Tier.PUBLIC),
    "applicationSubnetIds": network.subnet_ids(Tier.APPLICATION),
    "databaseSubnetIds": network.subnet_ids(Tier.DATABASE),
    "applicationSecurityGroupId": groups.application_group_id,
    "databaseSecurityGroupId": groups.database_group_id,
    "alertsTopicArn": monitoring.alerts_topic_arn,
    "criticalTopicArn": monitoring.critical_topic_arn,
    "eventsTopicArn": monitoring.events_topic_arn,
    "dashboardName": monitoring.dashboard_name,
    "rolesFunctionName": functions.function_names["roles"],
    "metricsFunctionName": functions.function_names["metrics"],
    "backupVaultName": backups.vault_name,
}
for output in OUTPUTS:
    pulumi.export(output.name, outputs.pop(output.name))
assert not outputs, f"not in blueprint/outputs.py: {sorted(outputs)}"

pulumi.run(c.settled)
