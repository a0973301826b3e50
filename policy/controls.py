"""Security Hub's RDS controls (RDS.1 to RDS.51, as of November 2026), and the rules that stand for each.

A rule evaluates what the program registers. Where a control looks at something else, the nearest rules are named, with
what they leave open; where there is none, why.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, kw_only=True)
class Control:
    """One control that applies to a PostgreSQL instance. `note`: what its rules leave open, or why it has none."""

    id: str
    requirement: str
    rules: tuple[str, ...] = ()
    note: str = ""


CONTROLS: Final = (
    Control(
        id="RDS.1", requirement="Snapshots are private.", rules=("rds-01-snapshot-private",),
        note="Judges snapshots that the program registers, of which there are none. RDS's own and those of operators "
             "are private until somebody shares them, which only Security Hub sees.",
    ),
    Control(id="RDS.2", requirement="No public access.", rules=("rds-02-not-public",)),
    Control(id="RDS.3", requirement="Storage is encrypted.", rules=("rds-03-storage-encrypted",)),
    Control(
        id="RDS.4", requirement="Snapshots are encrypted.",
        rules=("rds-03-storage-encrypted", "rds-04-copy-encrypted"),
        note="A snapshot is encrypted as its instance is. Copies name their key.",
    ),
    Control(
        id="RDS.5", requirement="Multi-AZ.", rules=("rds-05-multi-az",),
        note="Advisory without a configuration: what a standby costs is the stack file's to decide. Replicas are "
             "excepted: each is made again from its primary.",
    ),
    Control(id="RDS.6", requirement="Enhanced Monitoring.", rules=("rds-06-enhanced-monitoring",)),
    Control(id="RDS.8", requirement="Deletion protection.", rules=("rds-08-deletion-protection",)),
    Control(id="RDS.9", requirement="Logs go to CloudWatch.", rules=("rds-09-logs-exported",)),
    Control(id="RDS.10", requirement="IAM authentication.", rules=("rds-10-iam-authentication",)),
    Control(
        id="RDS.11", requirement="Automated backups for 7 days or more.", rules=("rds-11-automatic-backups",),
        note="Replicas are excepted: their data is the primary's.",
    ),
    Control(
        id="RDS.13", requirement="Automatic minor upgrades.", rules=("rds-13-minor-upgrades",),
        note="Advisory without a configuration: a stack file may fix the minor version.",
    ),
    Control(id="RDS.17", requirement="Tags are copied to snapshots.", rules=("rds-17-tags-copied",)),
    Control(id="RDS.18", requirement="Instances are in a VPC.", rules=("rds-18-in-vpc",)),
    Control(
        id="RDS.20", requirement="Somebody hears of critical events of instances.", rules=("rds-20-instance-events",)
    ),
    Control(
        id="RDS.21", requirement="Somebody hears of critical events of parameter groups.",
        rules=("rds-21-parameter-group-events",),
    ),
    Control(
        id="RDS.22", requirement="Somebody hears of critical events of DB security groups.",
        note="Not judged: DB security groups exist only outside a VPC, where RDS.18 lets no instance be. Security Hub "
             "asks each account for one such subscription all the same; a stack is not the account.",
    ),
    Control(
        id="RDS.23", requirement="Another port than the default.", rules=("rds-23-port",),
        note="Advisory in every stack: 5432 was asked for, and nobody outside the VPC reaches it.",
    ),
    Control(id="RDS.25", requirement="Another master user than the default.", rules=("rds-25-username",)),
    Control(
        id="RDS.26", requirement="Instances are in a backup plan.", rules=("rds-26-backup-plan",),
        note="Replicas are excepted: their data is the primary's.",
    ),
    Control(id="RDS.30", requirement="Instances are tagged.", rules=("rds-30-instance-tagged",)),
    Control(
        id="RDS.31", requirement="DB security groups are tagged.", rules=("tagged",),
        note="DB security groups exist only outside a VPC. The VPC's groups are judged.",
    ),
    Control(
        id="RDS.32", requirement="Snapshots are tagged.", rules=("rds-32-snapshot-tagged", "rds-17-tags-copied"),
        note="Snapshots that RDS makes take their instance's tags.",
    ),
    Control(id="RDS.33", requirement="Subnet groups are tagged.", rules=("rds-33-subnet-group-tagged",)),
    Control(
        id="RDS.36", requirement="PostgreSQL's log goes to CloudWatch.", rules=("rds-36-postgresql-log",)
    ),
    Control(id="RDS.38", requirement="Connections are encrypted.", rules=("rds-38-tls-forced",)),
    Control(
        id="RDS.43", requirement="Proxies ask for TLS.", rules=("rds-43-proxy-tls",),
        note="The program registers no proxy; PgBouncer takes its place.",
    ),
    Control(
        id="RDS.46", requirement="Instances are in no public subnet.", rules=("rds-46-isolated-subnets",),
        note="Subnets of an existing VPC cannot be judged here, and are excepted: whoever gives them answers for their "
             "routes.",
    ),
)  # fmt: skip

# Controls that do not apply to a PostgreSQL instance, by number. There is no RDS.49.
NOT_APPLICABLE: Final = {
    "Aurora or Multi-AZ clusters": (7, 12, 14, 15, 16, 19, 24, 27, 28, 29, 34, 35, 37, 45, 47, 48, 50, 51),
    "other engines": (39, 40, 41, 42, 44),
}
