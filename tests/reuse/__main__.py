"""A shop's database: a VPC, PostgreSQL 16 with one read replica, and alarms by e-mail."""

import pulumi
import pulumi_random as random

import components as c
from blueprint.aws.subnets import Tier
from blueprint.instances import instance_alarms, plan_instances
from blueprint.names import Naming
from blueprint.settings import Database, Monitoring, Network, Replica, Vpc

stack, region, account_id = pulumi.get_stack(), pulumi.Config("aws").require("region"), c.account_id()
naming = Naming(f"shop-{stack}", {"Team": "shop", "Stage": stack, "CostCenter": "4711"})
vpc = Vpc(cidr="10.60.0.0/16", zones=("eu-central-1a", "eu-central-1b"), natGateways="single")
database = Database(instanceClass="db.m6g.large", allocatedStorageGib=100, name="shop", masterUsername="shop_admin")
instances = plan_instances(database, [Replica(number=1, instanceClass="db.m6g.large", zone="eu-central-1b")])
monitoring = Monitoring(alertEmails=("database@shop.example",), monthlyBudgetUsd=600)

keys = c.Keys(
    f"{naming.prefix}-keys",
    c.KeysArgs(naming=naming, region=region, account_id=account_id, purposes=("storage", "insights", "logs", "alerts")),
)
network = c.Networking(
    f"{naming.prefix}-network",
    c.NetworkingArgs(
        naming=naming,
        region=region,
        network=Network(vpc=vpc),
        account_id=account_id,
        logs_key_arn=keys.arn("logs"),
    ),
).ids
groups = c.SecurityGroups(
    f"{naming.prefix}-security-groups",
    c.SecurityGroupsArgs(naming=naming, region=region, network=network, port=database.port),
)
password = random.RandomPassword(f"{naming.prefix}-master-password", length=32, special=False)
cluster = c.DatabaseCluster(
    f"{naming.prefix}-db",
    c.DatabaseClusterArgs(
        naming=naming,
        instances=instances,
        database=database,
        monitoring=monitoring,
        subnet_ids=network.subnet_ids(Tier.DATABASE),
        security_group_id=groups.database_group_id,
        master_password=password.result,
        keys=c.InstanceKeys(storage=keys.arn("storage"), insights=keys.arn("insights"), logs=keys.arn("logs")),
        account_id=account_id,
    ),
)
c.Monitoring(
    f"{naming.prefix}-monitoring",
    c.MonitoringArgs(
        naming=naming,
        alarms=instance_alarms(instances, database, connection_alarm=200),
        monitoring=monitoring,
        instances=cluster.standing,
        alerts_key_arn=keys.arn("alerts"),
        account_id=account_id,
    ),
)
pulumi.export("endpoint", cluster.primary.address)
