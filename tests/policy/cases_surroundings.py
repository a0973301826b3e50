"""Cases of the rules on parameter groups, subnets, snapshots, events and backups."""

from __future__ import annotations

from typing import Any, Final

from policy.model import UNKNOWN, Resource
from policy.rules import types
from tests.policy.cases import Case, excepted, missing, passing, resource, violating

# RDS.1 and RDS.4
PRIVATE: Final = (
    "RDS.1 wants snapshots that not everybody may restore. Name the accounts that may restore it, or none: "
    "shared_accounts=[]."
)
COPY: Final = "RDS.4 wants copies of backups under a key. Name a key of the region that it is in."

# RDS.38 and RDS.43
TLS: Final = "RDS.38 wants connections without TLS refused. Leave rds.force_ssl on in database.parameters."
PROXY: Final = "RDS.43 wants connections without TLS refused. Write require_tls=True."

# RDS.20, RDS.21, RDS.26
ALL: Final = ["configuration change", "failure", "maintenance"]
EVENTS: Final = (
    "RDS.20 wants somebody who hears of an instance's events. Subscribe a topic to db-instance events of it."
)
UNHEARD: Final = (
    "rds.Instance db: no event subscription of the stack reports its configuration change, failure, maintenance. "
    + EVENTS
)
GROUP_UNHEARD: Final = (
    "rds.ParameterGroup group: no event subscription of the stack reports its configuration change. RDS.21 wants "
    "somebody who hears of a parameter group's changes. Subscribe a topic to db-parameter-group events of it."
)
LET_IT: Final = "Let the backup plan select it by its ARN"
UNPLANNED: Final = (
    "rds.Instance db: no backup selection of the stack names it. RDS.26 wants every instance in a backup plan. Let the "
    "backup plan select it by its ARN."
)
DB: Final = resource(types.INSTANCE, {"identifier": "langpont-prod-db"}, "db")
GROUP: Final = resource(types.PARAMETER_GROUP, {}, "group")
BACKUP_PLAN: Final = resource(types.PLAN, {}, "plan")


def subscription(source: str | None = "db-instance", *watched: Resource, **inputs: Any) -> Resource:
    """An event subscription, about `watched` by their outputs."""
    stated = {"sourceType": source, "eventCategories": ALL} | inputs
    name = "-".join([str(source), *(each.name for each in watched), *(f"{key}-{inputs[key]}" for key in inputs)])
    return resource(types.EVENT_SUBSCRIPTION, stated, name, {"sourceIds": watched})


def selection(*selected: Resource, planned: bool = True) -> Resource:
    """A backup selection of these."""
    plans = (BACKUP_PLAN,) if planned else ()
    return resource(types.SELECTION, {"resources": [UNKNOWN]}, "selection", {"resources": selected, "planId": plans})


EVENT_CASES: Final = [
    *passing("rds-20-instance-events", DB, others=(subscription("db-instance", DB, sourceIds=[UNKNOWN]),)),
    *passing("rds-20-instance-events", DB, others=(subscription("db-instance", sourceIds=["langpont-prod-db"]),)),
    *passing("rds-20-instance-events", DB, others=(subscription(),)),
    *passing("rds-20-instance-events", DB, others=(subscription(sourceIds=[]),)),
    violating(
        "rds-20-instance-events", DB, UNHEARD,
        others=(
            subscription("db-parameter-group", DB),
            subscription("db-instance", sourceIds=["langpont-prod-replica-1"]),
            subscription("db-instance", DB, eventCategories=["configuration change", "maintenance"]),
            subscription("db-instance", DB, enabled=False),
            subscription("db-instance", DB, eventCategories=UNKNOWN),
        ),
    ),
    missing("rds-20-instance-events", DB, UNHEARD),
    missing("rds-20-instance-events", DB, UNHEARD, others=(subscription("db-instance", DB, eventCategories=None),)),
    missing("rds-20-instance-events", DB, UNHEARD, others=(subscription(None, DB),)),
    *passing(
        "rds-21-parameter-group-events", GROUP,
        others=(subscription("db-parameter-group", GROUP, sourceIds=[UNKNOWN], eventCategories=ALL[:1]),),
    ),
    violating("rds-21-parameter-group-events", GROUP, GROUP_UNHEARD, others=(subscription("db-instance", GROUP),)),
    missing("rds-21-parameter-group-events", GROUP, GROUP_UNHEARD),
    *passing("rds-26-backup-plan", DB, others=(selection(DB), BACKUP_PLAN)),
    violating("rds-26-backup-plan", DB, UNPLANNED, others=(selection(GROUP), BACKUP_PLAN)),
    violating("rds-26-backup-plan", DB, UNPLANNED, others=(selection(DB, planned=False), BACKUP_PLAN)),
    missing("rds-26-backup-plan", DB, UNPLANNED),
    excepted(
        "rds-26-backup-plan", resource(types.INSTANCE, {"replicateSourceDb": "db"}, "db"),
        "A replica holds the primary's data, which is in the plan.",
    ),
]  # fmt: skip

# RDS.46
GATEWAY: Final = resource(types.INTERNET_GATEWAY, {}, "gateway")
NAT: Final = resource("aws:ec2/natGateway:NatGateway", {}, "nat")
TABLE: Final = resource(types.ROUTE_TABLE, {}, "routes")
SUBNET: Final = resource(types.SUBNET, {}, "zone-a")
SUBNETS: Final = resource(types.SUBNET_GROUP, {"subnetIds": [UNKNOWN]}, "subnets", {"subnetIds": [SUBNET]})
PLACED: Final = resource(types.INSTANCE, {"dbSubnetGroupName": UNKNOWN}, "db", {"dbSubnetGroupName": [SUBNETS]})
ASSOCIATED: Final = resource(
    types.ASSOCIATION, {"subnetId": UNKNOWN}, "association", {"subnetId": [SUBNET], "routeTableId": [TABLE]}
)
IN_A_SUBNET: Final = (SUBNETS, SUBNET, TABLE, ASSOCIATED, GATEWAY, NAT)
FOREIGN: Final = resource(types.SUBNET_GROUP, {"subnetIds": ["subnet-1"]}, "subnets")
ISOLATED: Final = "RDS.46 wants instances in subnets that no route leads to."
NO_ROUTE: Final = "Give it a route table without a route to an internet gateway."
OPEN: Final = f"rds.Instance db: its subnet zone-a has a route to an internet gateway in routes. {ISOLATED} {NO_ROUTE}"


def route(gateway: Resource | None = None, **inputs: Any) -> Resource:
    """A route in the table."""
    sources = {"routeTableId": [TABLE], "gatewayId": [gateway] if gateway else []}
    return resource(types.ROUTE, {"destinationCidrBlock": "0.0.0.0/0", **inputs}, "default", sources)


SUBNET_CASES: Final = [
    *passing("rds-46-isolated-subnets", PLACED, others=IN_A_SUBNET),
    *passing("rds-46-isolated-subnets", PLACED, others=(*IN_A_SUBNET, route(natGatewayId=UNKNOWN, gatewayId=""))),
    *passing("rds-46-isolated-subnets", PLACED, others=(*IN_A_SUBNET, route(gatewayId="vgw-1"))),
    *passing("rds-46-isolated-subnets", resource(types.INSTANCE, {"replicateSourceDb": "db"}, "replica")),
    violating("rds-46-isolated-subnets", PLACED, OPEN, others=(*IN_A_SUBNET, route(GATEWAY, gatewayId=UNKNOWN))),
    violating("rds-46-isolated-subnets", PLACED, OPEN, others=(*IN_A_SUBNET, route(gatewayId="igw-1"))),
    violating(
        "rds-46-isolated-subnets", PLACED, OPEN,
        others=(
            SUBNETS, SUBNET, ASSOCIATED, GATEWAY,
            resource(types.ROUTE_TABLE, {"routes": [{"natGatewayId": "nat-1"}, {"gatewayId": "igw-1"}]}, "routes"),
        ),
    ),
    excepted(
        "rds-46-isolated-subnets", resource(types.INSTANCE, {}, "db", {"dbSubnetGroupName": [FOREIGN]}),
        "The network is somebody else's, and whoever gives its subnets answers for their routes.",
        others=(FOREIGN,),
    ),
    missing(
        "rds-46-isolated-subnets", PLACED,
        f"rds.Instance db: its subnet zone-a has no route table of its own. {ISOLATED} {NO_ROUTE}",
        others=(SUBNETS, SUBNET, TABLE),
    ),
    missing(
        "rds-46-isolated-subnets", DB,
        f"rds.Instance db: its subnet group is not made by the stack. {ISOLATED} Make it here, or say why it is "
        "excepted.",
    ),
]  # fmt: skip


def parameters(*rows: tuple[str, Any]) -> Resource:
    """A parameter group with these parameters."""
    stated = [{"name": name, "value": value, "applyMethod": "immediate"} for name, value in rows]
    return resource(types.PARAMETER_GROUP, {"parameters": stated})


CASES: Final[list[Case]] = [
    *passing(
        "rds-01-snapshot-private",
        resource(types.SNAPSHOT, {"sharedAccounts": []}),
        resource(types.SNAPSHOT_COPY, {"sharedAccounts": ["123456789012"]}),
    ),
    violating(
        "rds-01-snapshot-private", resource(types.SNAPSHOT, {"sharedAccounts": ["123456789012", "all"]}),
        f'rds.Snapshot it: sharedAccounts is ["123456789012", "all"]. {PRIVATE}',
    ),
    violating(
        "rds-01-snapshot-private", resource(types.SNAPSHOT, {"sharedAccounts": [UNKNOWN]}),
        f'rds.Snapshot it: sharedAccounts is ["UNKNOWN"]. {PRIVATE}',
    ),
    missing(
        "rds-01-snapshot-private", resource(types.SNAPSHOT, {}),
        f"rds.Snapshot it: sharedAccounts is not stated. {PRIVATE}",
    ),
    *passing(
        "rds-04-copy-encrypted",
        resource(types.SNAPSHOT_COPY, {"kmsKeyId": UNKNOWN}),
        resource(types.REPLICATED_BACKUPS, {"kmsKeyId": "arn"}),
    ),
    violating(
        "rds-04-copy-encrypted", resource(types.SNAPSHOT_COPY, {"kmsKeyId": ""}),
        f"rds.SnapshotCopy it: kmsKeyId is not stated. {COPY}",
    ),
    missing(
        "rds-04-copy-encrypted", resource(types.REPLICATED_BACKUPS, {}),
        f"rds.InstanceAutomatedBackupsReplication it: kmsKeyId is not stated. {COPY}",
    ),
    *EVENT_CASES,
    *passing(
        "rds-38-tls-forced",
        parameters(("work_mem", "16384"), ("rds.force_ssl", "1")),
        resource(types.INSTANCE, {"parameterGroupName": UNKNOWN}),
    ),
    violating(
        "rds-38-tls-forced", parameters(("rds.force_ssl", "0")),
        f'rds.ParameterGroup it: rds.force_ssl is "0". {TLS}',
    ),
    violating(
        "rds-38-tls-forced", parameters(("rds.force_ssl", "0"), ("rds.force_ssl", "1")),
        f'rds.ParameterGroup it: rds.force_ssl is "0". {TLS}',
    ),
    missing(
        "rds-38-tls-forced", parameters(("work_mem", "16384")),
        f"rds.ParameterGroup it: rds.force_ssl is not stated. {TLS}",
    ),
    missing(
        "rds-38-tls-forced", resource(types.PARAMETER_GROUP, {}),
        f"rds.ParameterGroup it: rds.force_ssl is not stated. {TLS}",
    ),
    missing(
        "rds-38-tls-forced", resource(types.INSTANCE, {}),
        "rds.Instance it: parameterGroupName is not stated. RDS.38 wants connections without TLS refused. Give it a "
        "parameter group of the stack.",
    ),
    *passing("rds-43-proxy-tls", resource(types.PROXY, {"requireTls": True})),
    violating(
        "rds-43-proxy-tls", resource(types.PROXY, {"requireTls": False}), f"rds.Proxy it: requireTls is false. {PROXY}"
    ),
    missing("rds-43-proxy-tls", resource(types.PROXY, {}), f"rds.Proxy it: requireTls is not stated. {PROXY}"),
    *SUBNET_CASES,
]  # fmt: skip
