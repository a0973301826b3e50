"""The typical edits of the fixture stacks, and `python -m tests.engine.edits [names]`, which renders their goldens."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tests.engine import cli
from tests.engine.rehearsal import Edit, rehearse
from tests.engine.workplace import Workplace

GOLDENS = Path(__file__).parent.parent / "golden" / "edits"

_ENDPOINTS = {"services": ["secretsmanager"], "zones": ["ap-northeast-1a"]}
_READS = {"number": 1, "purpose": "reads", "instanceClass": "db.t3.medium", "zone": "ap-northeast-1c"}
_SMALL = {"number": 1, "purpose": "reads", "instanceClass": "db.t4g.micro", "zone": "ap-northeast-1c"}
_SMALL_2 = _SMALL | {"number": 2}
_ONE_REPLICA = {"replicas": [_SMALL]}
_ANALYTICS = {"number": 2, "purpose": "analytics", "instanceClass": "db.t3.large", "zone": "ap-northeast-1d"}
_STRIPED = {"database": {"allocatedStorageGib": 400}}
_DISPOSABLE = {"database": {"deletionPolicy": "disposable"}}
_NO_WAY_BACK = "Storage never shrinks: the provider asks for less, and RDS refuses. The file has to say what there is."

EDITS: Mapping[str, Edit] = {
    # Instances
    "class": Edit(
        stack="dev",
        changes={"database": {"instanceClass": "db.t4g.small"}},
        why="more memory; max_connections stays, and the alarms follow the class",
    ),
    "class-in-window": Edit(
        stack="prod",
        changes={"database": {"instanceClass": "db.m6i.large"}},
        why="a larger primary, at the next window",
        because="the class waits for the window; until then each preview shows it again, and alarms follow what runs",
    ),
    "class-taken-back": Edit(
        stack="prod",
        changes={"database": {"instanceClass": "db.m6i.large"}},
        why="a larger primary, thought better of before the window",
        window=False,
        because="nothing is sent for what the state has; what waits in RDS is cancelled as docs/stacks.md says",
    ),
    "minor": Edit(
        stack="dev", changes={"database": {"engineVersion": "16.14"}}, why="stay on a minor that was tested"
    ),
    "major": Edit(
        stack="dev",
        before=_ONE_REPLICA,
        changes={"database": {"engineVersion": "17", "allowMajorUpgrade": 17}},
        why="PostgreSQL 17, in place; RDS takes the replica along, and no major back",
        back=False,
    ),
    "major-without-leave": Edit(
        stack="dev", changes={"database": {"engineVersion": "17"}}, why="the same, by a slip of the pen",
        because="the update fails before anything happens to the database, and the file is put right",
    ),
    "apply-immediately": Edit(
        stack="prod", changes={"database": {"applyImmediately": True}}, why="changes of this week do not wait"
    ),
    "database-name": Edit(
        stack="dev", changes={"database": {"name": "translations"}}, why="another name while nothing is in it"
    ),
    "database-name-with-a-replica": Edit(
        stack="dev",
        before=_ONE_REPLICA,
        changes={"database": {"name": "translations"}},
        why="the same with a replica",
    ),
    "database-name-protected": Edit(
        stack="staging", changes={"database": {"name": "translations"}}, why="the same where data is"
    ),
    "port": Edit(stack="staging", changes={"database": {"port": 6000}}, why="a company's rule about well-known ports"),
    # Storage
    "storage": Edit(
        stack="dev", changes={"database": {"allocatedStorageGib": 60}}, why="the volume fills", because=_NO_WAY_BACK
    ),
    "storage-with-a-replica": Edit(
        stack="staging", changes={"database": {"allocatedStorageGib": 80}}, why="the same, with replicas",
        because="storage never shrinks: with autoscaling a lower number in the file changes nothing",
    ),
    "storage-past-400": Edit(
        stack="dev",
        changes={"database": {"allocatedStorageGib": 400}},
        why="four times the throughput",
        because=_NO_WAY_BACK,
    ),
    "storage-past-400-with-iops": Edit(
        stack="dev",
        before=_ONE_REPLICA,
        changes={"database": {"allocatedStorageGib": 400, "iops": 13000}},
        why="the same, with IOPS stated and a replica",
        because=_NO_WAY_BACK,
    ),
    "iops": Edit(
        stack="dev",
        before={**_STRIPED, **_ONE_REPLICA},
        changes={"database": {"iops": 13000}},
        why="more IOPS than the baseline",
    ),
    "iops-taken-out": Edit(
        stack="dev",
        before={"database": {"allocatedStorageGib": 400, "iops": 13000}},
        changes={"database": {"iops": None}},
        why="back to the baseline, which costs nothing",
    ),
    "throughput": Edit(
        stack="dev",
        before=_STRIPED,
        changes={"database": {"storageThroughputMibps": 1000}},
        why="more throughput than the baseline",
    ),
    # Parameters
    "parameter-dynamic": Edit(
        stack="dev", changes={"database": {"parameters": {"work_mem": "8MB"}}}, why="sorts that fit into memory"
    ),
    "parameter-static": Edit(
        stack="staging",
        changes={"database": {"parameters": {"max_connections": 350}}},
        why="more connections; standbys must have as many",
    ),
    "parameter-written-differently": Edit(
        stack="dev", changes={"database": {"parameters": {"work_mem": "4096kB"}}}, why="tidying the file"
    ),
    "parameter-to-default": Edit(
        stack="dev",
        changes={"database": {"parameters": {"maintenance_work_mem": None}}},
        why="RDS's default will do",
    ),
    "parameter-of-a-replica": Edit(
        stack="staging",
        changes={"replicas": [_READS | {"parameters": {"work_mem": "32MB"}}]},
        why="reports on the replica",
    ),
    # Replicas
    "replica-added": Edit(stack="dev", changes=_ONE_REPLICA, why="reads that the primary should not bear"),
    "replica-removed": Edit(stack="dev", before=_ONE_REPLICA, changes={"replicas": []}, why="no longer needed"),
    "replica-moved": Edit(
        stack="dev",
        before=_ONE_REPLICA,
        changes={"replicas": [_SMALL | {"zone": "ap-northeast-1a"}]},
        why="nearer to its readers",
    ),
    "replica-renumbered": Edit(
        stack="dev", before=_ONE_REPLICA, changes={"replicas": [_SMALL_2]}, why="another identity: a fresh copy"
    ),
    "replica-class": Edit(
        stack="staging", changes={"replicas": [_READS | {"instanceClass": "db.t3.large"}]}, why="more readers"
    ),
    # Windows and backups
    "backup-window": Edit(stack="prod", changes={"backups": {"window": "05:00-06:00"}}, why="a job runs at 03:00"),
    "maintenance-window": Edit(
        stack="staging", changes={"database": {"maintenanceWindow": "sun:12:00-sun:13:00"}}, why="somebody is at work"
    ),
    "retention": Edit(stack="dev", changes={"backups": {"retentionDays": 7}}, why="a week to notice a mistake"),
    "retention-with-a-second-region": Edit(
        stack="prod", changes={"backups": {"retentionDays": 14}}, why="the same, with a copy elsewhere",
    ),
    "second-region-added": Edit(
        stack="staging", changes={"backups": {"replicateToRegion": "ap-northeast-3"}}, why="as prod has it",
        because="no way back but the runbook's: the key of the other region is protected",
    ),
    "second-region-removed": Edit(
        stack="prod", changes={"backups": {"replicateToRegion": None}}, why="the copy costs more than it is worth"
    ),
    # Keys
    "keys-to-aws": Edit(
        stack="dev",
        before={"encryption": {"keys": "customerManaged"}},
        changes={"encryption": {"keys": "awsManaged"}},
        why="keys of our own cost a dollar each",
    ),
    "keys-to-aws-protected": Edit(
        stack="staging", changes={"encryption": {"keys": "awsManaged"}}, why="the same where data is"
    ),
    "keys-to-customer": Edit(
        stack="dev", changes={"encryption": {"keys": "customerManaged"}}, why="keys of our own, as prod has them",
    ),
    # Network
    "nat-per-zone": Edit(
        stack="staging", changes={"network": {"vpc": {"natGateways": "perZone"}}}, why="a zone may go"
    ),
    "nat-none": Edit(
        stack="staging",
        changes={
            "network": {
                "vpc": {"natGateways": "none", "interfaceEndpoints": _ENDPOINTS}
            }
        },
        why="nothing needs the internet",
    ),
    "nat-single": Edit(
        stack="dev",
        changes={"network": {"vpc": {"natGateways": "single", "interfaceEndpoints": None}}},
        why="hosts have to reach an API",
    ),
    "endpoints": Edit(
        stack="dev",
        changes={"network": {"vpc": {"interfaceEndpoints": {"services": ["secretsmanager", "logs"]}}}},
        why="logs of hosts without a way out",
    ),
    "zone-added": Edit(
        stack="dev",
        changes={"network": {"vpc": {"zones": ["ap-northeast-1a", "ap-northeast-1c", "ap-northeast-1d"]}}},
        why="a third place for hosts",
    ),
    "zone-removed": Edit(
        stack="staging",
        changes={"network": {"vpc": {"zones": ["ap-northeast-1a", "ap-northeast-1c"]}}},
        why="nothing runs in the third",
    ),
    "zones-reordered": Edit(
        stack="staging",
        changes={"network": {"vpc": {"zones": ["ap-northeast-1c", "ap-northeast-1a", "ap-northeast-1d"]}}},
        why="tidying the file",
    ),
    "zone-added-before-the-first": Edit(
        stack="staging",
        before={"network": {"vpc": {"zones": ["ap-northeast-1c", "ap-northeast-1d"]}}},
        changes={"network": {"vpc": {"zones": ["ap-northeast-1a", "ap-northeast-1c", "ap-northeast-1d"]}}},
        why="a third place for hosts: the NAT gateway moves, and keeps its public address",
        because="an instance stays in its zone",
    ),
    "existing-vpc-protected": Edit(
        stack="staging",
        changes={
            "network": {
                "vpc": None,
                "existingVpc": {
                    "vpcId": "vpc-0123456789abcdef0",
                    "applicationSubnets": {"ap-northeast-1a": "subnet-0123456789abcde01"},
                    "databaseSubnets": {
                        "ap-northeast-1a": "subnet-0123456789abcde02", "ap-northeast-1c": "subnet-0123456789abcde03"
                    },
                },
            }
        },
        why="the company's network takes it in",
    ),
    "vpc-cidr": Edit(
        stack="dev", changes={"network": {"vpc": {"cidr": "10.32.0.0/16"}}}, why="the network meets another one",
    ),
    "vpc-cidr-with-a-way-out": Edit(
        stack="staging",
        before=_DISPOSABLE,
        changes={"network": {"vpc": {"cidr": "10.31.0.0/16"}}},
        why="the same with a NAT gateway and a replica: the public address stays",
    ),
    "vpc-cidr-protected": Edit(
        stack="staging", changes={"network": {"vpc": {"cidr": "10.31.0.0/16"}}}, why="the same where data is",
    ),
    "ssh-network": Edit(stack="dev", changes={"access": {"sshNetworks": ["133.11.0.0/28"]}}, why="an office"),
    "database-network": Edit(
        stack="dev", changes={"access": {"databaseNetworks": ["10.99.0.0/24"]}}, why="a VPN of administrators"
    ),
    # Monitoring
    "alert-addresses": Edit(
        stack="staging",
        changes={"monitoring": {"alertEmails": ["database-alerts@langpont.example", "on-call@langpont.example"]}},
        why="one more who hears",
    ),
    "schedule": Edit(
        stack="dev",
        changes={"schedule": {"stop": "13:00", "start": "00:00", "days": ["mon", "tue", "wed", "thu", "fri"]}},
        why="nobody works at night and on weekends",
    ),
    "budget": Edit(stack="dev", changes={"monitoring": {"monthlyBudgetUsd": 80}}, why="prices have risen"),
    "log-retention": Edit(stack="dev", changes={"monitoring": {"logRetentionDays": 30}}, why="a month of logs"),
    "enhanced-monitoring": Edit(
        stack="dev", changes={"monitoring": {"enhancedMonitoringSeconds": 60}}, why="which process takes the CPU"
    ),
    "enhanced-monitoring-off": Edit(
        stack="staging", changes={"monitoring": {"enhancedMonitoringSeconds": 0}}, why="its logs cost"
    ),
    "insights": Edit(
        stack="staging", changes={"monitoring": {"databaseInsights": "advanced"}}, why="statements of last quarter"
    ),
    # Passwords
    "password-application": Edit(
        stack="dev", changes={"credentials": {"passwordVersions": {"langpont_app": 2}}}, why="somebody left"
    ),
    "password-master": Edit(
        stack="dev", changes={"credentials": {"passwordVersions": {"langpont_admin": 2}}}, why="it was seen"
    ),
    "password-metrics": Edit(
        stack="dev", changes={"credentials": {"passwordVersions": {"langpont_metrics": 2}}}, why="once a year"
    ),
    "rotation": Edit(
        stack="staging", changes={"credentials": {"rotateEveryDays": 30}},
        why="a password that is seen is worth a month; until the first rotation it can be taken back as it is",
    ),
    # Restores and protection
    "restore-beside": Edit(
        stack="dev",
        changes={"database": {"generation": 2, "restoreFrom": {"time": "2026-09-01T03:00:00Z"}}},
        why="rows were deleted; the old one stays until they are back",
    ),
    "restore-instead": Edit(
        stack="dev",
        changes={
            "database": {
                "generation": 2, "restoreFrom": {"time": "2026-09-01T03:00:00Z"}, "keepPrevious": False
            }
        },
        why="rows were deleted; the old one has nothing of worth",
    ),
    "restore-protected": Edit(
        stack="staging",
        changes={"database": {"generation": 2, "restoreFrom": {"time": "2026-09-01T03:00:00Z"}}},
        why="the same where data is",
        because="no way back but the runbook's: what was restored is protected too",
    ),
    "restore-corrected": Edit(
        stack="dev",
        before={"database": {"generation": 2, "restoreFrom": {"time": "2026-09-01T03:00:00Z"}}},
        changes={"database": {"restoreFrom": {"time": "2026-09-01T02:00:00Z"}}},
        why="it was the wrong second",
    ),
    "restore-corrected-protected": Edit(
        stack="staging",
        before={"database": {"generation": 2, "restoreFrom": {"time": "2026-09-01T03:00:00Z"}}},
        changes={"database": {"restoreFrom": {"time": "2026-09-01T02:00:00Z"}}},
        why="the same where data is",
    ),
    "class-beside-a-kept-generation": Edit(
        stack="dev",
        before={"database": {"generation": 2, "restoreFrom": {"time": "2026-09-01T03:00:00Z"}}},
        changes={"database": {"instanceClass": "db.t4g.small", "parameters": {"work_mem": "8MB"}}},
        why="the restored one needs more",
        because="the one before it stays as it was left, and so do its alarms",
    ),
    "protect": Edit(stack="dev", changes={"database": {"deletionPolicy": "protected"}}, why="it has become useful"),
    "unprotect": Edit(
        stack="staging", changes={"database": {"deletionPolicy": "disposable"}}, why="it is to be destroyed"
    ),
    # Application
    "pooler": Edit(
        stack="staging", changes={"pooler": {"defaultPoolSize": 20, "listenPort": 6433}}, why="a port that is free"
    ),
    "hosts": Edit(stack="staging", changes={"application": {"hosts": 3}}, why="one more host"),
}  # fmt: skip


def golden(name: str) -> Path:
    """The file of an edit."""
    return GOLDENS / f"{EDITS[name].stack}-{name}.txt"


def deploy(folder: Path, program: cli.Cli, edit: Edit) -> Workplace:
    """A new stack as it is before an edit."""
    workplace = Workplace(folder, program, edit.stack)
    if edit.before:
        workplace.edit(edit.before)
    workplace.up()
    return workplace


def main(names: list[str]) -> None:
    """Render the goldens of these edits, or of all."""
    program = cli.find()
    if program is None:
        raise SystemExit("There is no Pulumi CLI: make pulumi")
    GOLDENS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        deployed: dict[str, Workplace] = {}
        for name in names or EDITS:
            edit, folder = EDITS[name], Path(temporary) / name
            if edit.before:
                workplace = deploy(folder, program, edit)
            else:
                if edit.stack not in deployed:
                    deployed[edit.stack] = deploy(Path(temporary) / edit.stack, program, edit)
                workplace = deployed[edit.stack].copy(folder)
            done = rehearse(edit, workplace)
            workplace.close()
            golden(name).write_text(done.text, encoding="utf-8")
            print(f"{golden(name).name}: {len(done.faults)} faults", flush=True)
        for workplace in deployed.values():
            workplace.close()
    from tests.engine import foretold  # which needs the table above

    document, text = foretold.rendered()
    document.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
