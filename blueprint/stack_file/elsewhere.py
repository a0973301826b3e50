"""Names of settings in other tools (Terraform, CloudFormation, CDK, Pulumi): what they are called here, or why refused.

Asked before a guess by likeness, which would answer `dnsName` with `name`, and that replaces a database.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

_OUT = "Take it out"

# By the name elsewhere, without case, hyphens and underscores: the setting that says the same, or takes its place.
RENAMED: Final[Mapping[str, str]] = {
    "allocatedstorage": "database.allocatedStorageGib",
    "maxallocatedstorage": "database.maxAllocatedStorageGib",
    "storagethroughput": "database.storageThroughputMibps",
    "dbname": "database.name",
    "databasename": "database.name",
    "initialdatabase": "database.name",
    "username": "database.masterUsername",
    "masteruser": "database.masterUsername",
    "dbinstanceclass": "database.instanceClass",
    "instancetype": "database.instanceClass",
    "nodetype": "database.instanceClass",
    "size": "database.instanceClass",
    "version": "database.engineVersion",
    "majorversion": "database.engineVersion",
    "backupretentionperiod": "backups.retentionDays",
    "backupretention": "backups.retentionDays",
    "backupwindow": "backups.window",
    "preferredbackupwindow": "backups.window",
    "preferredmaintenancewindow": "database.maintenanceWindow",
    "monitoringinterval": "monitoring.enhancedMonitoringSeconds",
    "cloudwatchlogsretention": "monitoring.logRetentionDays",
    "snapshotidentifier": "database.restoreFrom.snapshot",
    "restoretopointintime": "database.restoreFrom.time",
    "readreplicas": "replicas",
    "replicacount": "replicas",
    "vpcid": "network.existingVpc.vpcId",
    "subnetids": "network.existingVpc.databaseSubnets",
    "dbsubnetgroupname": "network.existingVpc.databaseSubnets",
    "subnetgroup": "network.existingVpc.databaseSubnets",
    "allowedcidrblocks": "access.databaseNetworks",
    "ingresscidrs": "access.databaseNetworks",
    "vpcsecuritygroupids": "access.databaseSecurityGroups",
    "securitygroupids": "access.databaseSecurityGroups",
    "securitygroups": "access.databaseSecurityGroups",
    "deletionprotection": "database.deletionPolicy",
    "skipfinalsnapshot": "database.deletionPolicy",
    "finalsnapshot": "database.deletionPolicy",
    "finalsnapshotidentifier": "database.deletionPolicy",
    "removalpolicy": "database.deletionPolicy",
    "kmskeyid": "encryption.keys",
    "kmskeyarn": "encryption.keys",
    "kmskey": "encryption.keys",
    "parametergroup": "database.parameters",
    "parametergroupname": "database.parameters",
    "dbparametergroupname": "database.parameters",
    "performanceinsights": "monitoring.databaseInsights",
    "performanceinsightsenabled": "monitoring.databaseInsights",
    "performanceinsightsretentionperiod": "monitoring.databaseInsights",
    "databaseinsightsmode": "monitoring.databaseInsights",
    "autominorversionupgrade": "database.engineVersion",
    "cacertidentifier": "database.caCertificate",
    "cacertificateidentifier": "database.caCertificate",
}
# What follows from it where that is not the same under another name.
NOTES: Final[Mapping[str, str]] = {
    "database.deletionPolicy": "protected guards and snapshots at the end, disposable does neither",
    "encryption.keys": "the stack makes its keys, or AWS's own are used",
    "database.parameters": "the stack makes its parameter groups from names and values",
    "monitoring.databaseInsights": "standard is always on",
    "database.engineVersion": "a major follows its minors by itself, an exact minor stays",
    "replicas": "each is an item with a number of its own",
    "access.databaseSecurityGroups": "those that may reach the database; its own group is the stack's",
    "network.existingVpc.databaseSubnets": "the stack makes its subnet group from them, by zone",
}

# By the name elsewhere, as above: the rule ("is ...") and the way out.
REFUSED: Final[Mapping[str, tuple[str, str]]] = {
    **dict.fromkeys(
        ("publiclyaccessible", "publicaccess"),
        ("is always false: nobody reaches the database from the internet", f"{_OUT}; ways in are in docs/access.md"),
    ),
    **dict.fromkeys(
        ("storagetype", "volumetype"),
        (
            "is always gp3: gp2 is slower at its price, and io1 and io2 are dearer for what gp3 gives as well",
            f"{_OUT}; allocatedStorageGib, iops and storageThroughputMibps say the rest",
        ),
    ),
    **dict.fromkeys(
        ("dnsname", "cname", "customdns", "hostname", "domain", "route53zoneid", "hostedzoneid"),
        (
            "is no setting: RDS's certificate holds only the endpoint's own name, so that verify-full refuses a CNAME",
            f"{_OUT}; clients take the endpoints from the stack's outputs",
        ),
    ),
    **dict.fromkeys(
        ("identifier", "dbinstanceidentifier", "instanceidentifier", "identifierprefix", "instancename"),
        (
            "is computed from the product's prefix and the stack's name, by which alarms, IAM policies and the runbook "
            "find the instance",
            f"{_OUT}; product.yaml has the prefix, and another stack name gives another identifier",
        ),
    ),
    **dict.fromkeys(
        ("extensions", "postgresextensions"),
        (
            "is no setting: extensions are made inside the database",
            f"{_OUT}; a migration runs CREATE EXTENSION, and shared_preload_libraries in parameters loads what must be "
            "loaded",
        ),
    ),
    **dict.fromkeys(
        (
            "managemasteruserpassword", "masteruserpassword", "masterpassword", "password", "passwordsecretarn",
            "masterusersecret", "secretarn", "generatepassword",
        ),
        (
            "is no setting: passwords are generated into secrets of the stack, and PgBouncer's list is made from them, "
            "which RDS's own secret does not allow",
            f"{_OUT}; a higher number in credentials.passwordVersions makes a new password",
        ),
    ),
    **dict.fromkeys(
        ("bluegreenupdate", "bluegreen", "bluegreendeployment"),
        (
            "is no setting: RDS's blue/green switch leaves read replicas behind at the old instance",
            f"{_OUT}; major versions are upgraded in place, as docs/runbook.md says",
        ),
    ),
    **dict.fromkeys(
        ("proxy", "rdsproxy", "dbproxy"),
        ("is no setting: PgBouncer on each application host takes its place", f"{_OUT}; pooler sizes it"),
    ),
    **dict.fromkeys(
        ("databases", "additionaldatabases"),
        (
            "is no setting: a stack is one database, whose connections, roles and alarms are counted together",
            f"{_OUT}; give each database a stack of its own",
        ),
    ),
    **dict.fromkeys(
        ("users", "roles", "grants"),
        (
            "is no setting: roles and their rights are the same in each stack",
            f"{_OUT}; they are in product.yaml",
        ),
    ),
    **dict.fromkeys(
        ("iamdatabaseauthentication", "iamdatabaseauthenticationenabled", "iamauthentication"),
        ("is always on, beside passwords", _OUT),
    ),
    **dict.fromkeys(
        ("storageencrypted", "encrypted", "encryption"), ("is always on", f"{_OUT}; encryption.keys chooses whose keys")
    ),
    "availabilityzone": ("is RDS's choice for a primary in one zone", f"{_OUT}; each replica names its zone"),
    "copytagstosnapshot": ("is always on", _OUT),
    **dict.fromkeys(
        ("enabledcloudwatchlogsexports", "cloudwatchlogsexports", "logexports"),
        ("is always postgresql and upgrade", f"{_OUT}; monitoring.logRetentionDays says how long they are kept"),
    ),
    **dict.fromkeys(("engine", "family"), ("is always PostgreSQL", f"{_OUT}; engineVersion says which")),
    **dict.fromkeys(("optiongroup", "optiongroupname"), ("is for other engines than PostgreSQL", _OUT)),
    "licensemodel": ("is for other engines than PostgreSQL", _OUT),
    **dict.fromkeys(
        ("clusterinstances", "serverlessv2scaling", "mincapacity", "maxcapacity", "aurora"),
        ("is Aurora's, and this is RDS for PostgreSQL", f"{_OUT}; instanceClass sizes the instance"),
    ),
    **dict.fromkeys(
        ("networktype", "ipv6", "dualstack"), ("is always IPv4, as the stack's networks are", _OUT)
    ),
    "dedicatedlogvolume": ("is for io1 and io2 storage, and this is gp3", _OUT),
    "timezone": ("is a parameter in PostgreSQL", f"{_OUT}, or write it in database.parameters"),
    "charactersetname": ("is for other engines than PostgreSQL", _OUT),
}  # fmt: skip


def answer(key: str, known: Collection[str]) -> tuple[str, str] | None:
    """The rule and the way out for a key that is no setting; None where no other tool has it either.

    `known` are the settings where it stands: what has its place there is named without a section.
    """
    name = "".join(c for c in key.lower() if c.isalnum())
    if name in REFUSED:
        return REFUSED[name]
    if name not in RENAMED:
        return None
    setting = RENAMED[name]
    own = setting.rpartition(".")[2]
    here = own if own in known else setting
    note = f" ({NOTES[setting]})" if setting in NOTES else ""
    return f"is {here} in this program{note}", f"Write {here} instead"
