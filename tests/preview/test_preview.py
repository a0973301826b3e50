"""The preview: what it says of the three stacks, what it refuses and how, and that no secret is in it."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

import policy
from blueprint.outputs import OUTPUTS
from blueprint.platform import Platform
from blueprint.postgres.defaults import DEFAULTS
from preview.__main__ import app
from preview.cost import Estimate
from preview.document import document, plain
from preview.report import Report, in_the_future, settings, unseen
from preview.text import show
from preview.units import amount, count, size, span
from recording.archives import Archive
from recording.recording import UNKNOWN, Secret
from tests.contracts.test_secrecy import generated
from tests.recordings import FIXTURES, ROOT, STACKS, changed, frozen, record_with, recording, secrets, strings

ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
PARAMETER_GROUP = "aws:rds/parameterGroup:ParameterGroup"
HEADLINE = "langpont-database / dev  ap-northeast-1  offline preview: no account was asked, nothing was changed"


@cache
def report(stack: str) -> Report:
    platform = Platform(settings(frozen(stack)))
    return Report(platform=platform, first=recording(stack, preview=True), update=recording(stack))


@cache
def machine(stack: str) -> Any:
    return document(report(stack))


def text(shown: Report, capsys: pytest.CaptureFixture[str], *, everything: bool = True) -> str:
    show(shown, everything=everything)
    return capsys.readouterr().out


def section(page: str, heading: str) -> list[str]:
    """The lines under a heading, to the next one."""
    lines = page.split("\n")
    start = next(index for index, line in enumerate(lines) if line.split("  ")[0] == heading)
    rest = lines[start + 1 :]
    end = next((index for index, line in enumerate(rest) if line[:1] not in ("", " ")), len(rest))
    return [line for line in rest[:end] if line]


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The program and the stack files, to be broken."""
    for path in (ROOT / "__main__.py", *FIXTURES.glob("Pulumi*.yaml")):
        shutil.copy(path, tmp_path)
    for name in ("components", "functions", "certs"):  # paths of what is packed are relative to the components
        (tmp_path / name).symlink_to(ROOT / name)
    for name in [name for name in sys.modules if name.split(".")[0] == "components"]:
        del sys.modules[name]
    return tmp_path


def append(path: Path, text: str) -> None:
    path.write_text(path.read_text() + text)


def replace(path: Path, old: str, new: str) -> None:
    before = path.read_text()
    assert before.count(old) == 1, old
    path.write_text(before.replace(old, new))


# What the machine gets

KEYS = {
    "": "alarms backups components connections cost instances network outputs policy project region stack storage "
    "summary totals warnings windows",
    "cost": "budgetUsdAMonth databaseUsdAMonth unknown usdAMonth",
    "policy": "exceptions rules violations",
    "summary": "components deletionPolicy engineVersion instanceClass protected resources retainedOnDelete",
    "connections": "alarmAbove clientsPerHost direct free hosts internal maxClientConn maxConnections needed pooled "
    "primaryClients primaryPool processesPerHost replicaPool replicas reserved serverCapPerHost sessions",
    "windows": "backup maintenance vault",
    "storage": "allocatedGib iops keys maxAllocatedGib throughputMibps type",
    "backups": "dailyRetentionDays monthlyRetentionDays replicateToRegion retentionDays",
    "network": "cidr existingVpcId free natGateways subnets",
    "components[]": "name resources type",
    "components[].resources[]": "deleteBeforeReplace ignoreChanges inputs name protect retainOnDelete "
    "settled trigger type",
    "instances[]": "identifier instanceClass maintenanceWindow memory memoryGib multiAz parameters performance purpose "
    "role vcpus zone",
    "instances[].maintenanceWindow": "japan utc",
    "instances[].performance": "classBurstIops classBurstMbPerSecond cpuFullSpeedHours limitedBy sustainedIops "
    "sustainedMbPerSecond",
    "instances[].memory": "autovacuumWorkers availableBytes backends fits maintenanceWorkMemBytes sharedBuffersBytes "
    "systemBytes totalBytes workMemBytes",
    "instances[].parameters[]": "applyMethod asked meaning name origin rdsDefault static value",
    "alarms[]": "comparison expression instance metric name namespace nextStep periodSeconds periods reasoned "
    "severity statistic threshold treatMissingData unit watches",
    "outputs[]": "description madeUp name standIn type value",
}


def reached(value: Any, path: str) -> list[Any]:
    """All objects at a path such as `components[].resources[]`."""
    found = [value]
    for step in path.split(".") if path else []:
        found = [item[step.removesuffix("[]")] for item in found]
        if step.endswith("[]"):
            found = [part for item in found for part in item]
    return found


@pytest.mark.parametrize("stack", STACKS)
def test_every_object_has_exactly_the_documented_keys(stack: str) -> None:
    found = {path: {" ".join(sorted(value)) for value in reached(machine(stack), path)} for path in KEYS}
    assert found == {path: {keys} for path, keys in KEYS.items()}


@pytest.mark.parametrize("stack", STACKS)
def test_totals_are_those_of_the_recording(stack: str) -> None:
    made = [r for r in recording(stack).registrations.values() if r.custom]
    told = machine(stack)
    assert told["totals"] == Counter(r.type for r in made)
    assert list(told["totals"]) == sorted(told["totals"])
    assert told["summary"] == {
        "instanceClass": {"dev": "db.t4g.micro"}.get(stack, "db.t3.medium"),
        "engineVersion": "16",
        "deletionPolicy": {"dev": "disposable"}.get(stack, "protected"),
        "components": len(recording(stack).registrations) - len(made),
        "resources": len(made),
        "protected": sum(r.protect for r in made),
        "retainedOnDelete": sum(r.retain_on_delete for r in made),
    }


@pytest.mark.parametrize("stack", STACKS)
def test_components_and_their_resources_are_every_registration_once(stack: str) -> None:
    listed = [(c["type"], c["name"]) for c in machine(stack)["components"]]
    listed += [(r["type"], r["name"]) for c in machine(stack)["components"] for r in c["resources"]]
    assert sorted(f"{type_} {name}" for type_, name in listed) == recording(stack).identities()


@pytest.mark.parametrize("stack", STACKS)
def test_alarms_are_told_as_they_are_registered(stack: str) -> None:
    told = {
        f"langpont-{stack}-{a['name']}": (a["threshold"], a["comparison"], a["periods"], a["treatMissingData"])
        for a in machine(stack)["alarms"]
    }
    registered = {
        r.inputs["name"]: (
            r.inputs["threshold"],
            r.inputs["comparisonOperator"],
            r.inputs["evaluationPeriods"],
            r.inputs["treatMissingData"],
        )
        for r in recording(stack).of_type(ALARM)
    }
    assert told == registered


@pytest.mark.parametrize("stack", STACKS)
def test_parameters_are_told_as_they_are_registered(stack: str) -> None:
    told = {
        f"langpont-{stack}-db-{instance['role']}": [
            {key: parameter[key] for key in ("applyMethod", "name", "value")} for parameter in instance["parameters"]
        ]
        for instance in machine(stack)["instances"]
    }
    assert told == {r.name: r.inputs["parameters"] for r in recording(stack).of_type(PARAMETER_GROUP)}


def test_connections_are_counted_from_the_application_to_max_connections() -> None:
    assert machine("prod")["connections"] == {
        "hosts": 2,
        "processesPerHost": 3,
        "primaryPool": {"size": 20, "maxOverflow": 30},
        "replicaPool": {"size": 15, "maxOverflow": 25},
        "replicas": 2,
        "clientsPerHost": 399,
        "maxClientConn": 600,
        "primaryClients": 300,
        "serverCapPerHost": 32,
        "pooled": 64,
        "direct": 10,
        "sessions": 74,
        "reserved": 7,
        "internal": 3,
        "needed": 84,
        "maxConnections": 300,
        "free": 216,
        "alarmAbove": 59,
    }


def test_a_parameter_is_told_from_the_stack_file_to_rds() -> None:
    parameters = {p["name"]: p for p in machine("prod")["instances"][2]["parameters"]}
    assert parameters["work_mem"] == {
        "name": "work_mem",
        "asked": "16MB",
        "value": "16384",
        "meaning": "16384 kB = 16 MiB",
        "applyMethod": "immediate",
        "static": False,
        "rdsDefault": False,
        "origin": "stack file",
    }
    assert parameters["shared_buffers"] == {
        "name": "shared_buffers",
        "asked": "25%",
        "value": "{DBInstanceClassMemory/32768}",
        "meaning": "{DBInstanceClassMemory/32768}, about 1.8 GiB",
        "applyMethod": "pending-reboot",
        "static": True,
        "rdsDefault": True,
        "origin": "default",
    }
    assert parameters["hot_standby_feedback"]["origin"] == "purpose"


def test_an_output_says_what_is_known_before_the_deployment_and_what_is_made_up() -> None:
    outputs = {output["name"]: output for output in machine("prod")["outputs"]}
    assert outputs["databaseName"] == {
        "name": "databaseName",
        "type": "string",
        "description": "Name of the database on every instance.",
        "value": "langpont",
        "madeUp": False,
        "standIn": None,
    }
    assert outputs["vpcId"]["value"] == {"unknown": True}
    assert outputs["vpcId"]["madeUp"] is True
    assert outputs["vpcId"]["standIn"] == recording("prod").outputs["vpcId"]
    assert outputs["replicas"]["value"][1] == {
        "endpoint": {"unknown": True},
        "identifier": "langpont-prod-replica-2",
        "number": 2,
        "poolerEntry": "langpont_replica_2",
        "purpose": "analytics",
        "zone": "ap-northeast-1d",
    }


def test_secrets_and_unknowns_are_named_and_not_shown() -> None:
    value = {"b": [Secret("s3cret"), UNKNOWN], "a": {"z": Secret({"x": "s3cret"}), "y": None}}
    assert json.dumps(plain(value)) == (
        '{"a": {"y": null, "z": {"secret": true}}, "b": [{"secret": true}, {"unknown": true}]}'
    )


def test_the_files_of_a_function_are_told_by_their_digest() -> None:
    archive = Archive({"functions/roles/handler.py": b"handler = print\n"})
    assert plain({"code": archive}) == {"code": {"archive": archive.digest}}


def test_the_command_prints_the_document_and_nothing_else(project: Path) -> None:
    result = invoke("dev", "--json", "--project", str(project))
    assert (result.exit_code, result.stderr) == (0, "")
    assert json.loads(result.stdout) == machine("dev")
    assert result.stdout == json.dumps(machine("dev"), indent=2) + "\n"


@pytest.mark.parametrize("stack", STACKS)
def test_no_secret_is_told_to_anybody(stack: str, capsys: pytest.CaptureFixture[str]) -> None:
    held = generated(recording(stack)) | {
        inner
        for registration in recording(stack).registrations.values()
        for _, value in secrets(registration.inputs)
        for _, inner in strings(value)
    }
    assert len(held) > 10
    told = [inner for _, inner in strings(machine(stack))] + [text(report(stack), capsys)]
    assert [secret for secret in held if any(secret in one for one in told)] == []


# What a person gets


def headings(page: str) -> list[str]:
    return [line.split("  ")[0] for line in page.split("\n")[1:] if line[:1] not in ("", " ")]


DECIDED = [
    "Warnings", "Policy", "Instances", "Performance", "Connections", "Memory", "Windows", "Network",
    "Parameters of primary",
    "Parameters of replica-1", "Parameters of replica-2", "Alarms",
]  # fmt: skip


def test_a_page_begins_with_what_to_decide_on_and_names_what_it_leaves_out(capsys: pytest.CaptureFixture[str]) -> None:
    page = text(report("prod"), capsys, everything=False)
    assert headings(page) == [*DECIDED, "Not shown"]
    resources = sum(registration.custom for registration in recording("prod").registrations.values())
    assert page.split("\n")[-2] == (
        f"Not shown  {resources} resources, parameters left at defaults, {len(OUTPUTS)} outputs: "
        "make preview STACK=prod ARGS=--all"
    )
    assert page.count("\n") < 165
    assert section(page, "Parameters of primary") == [
        "  asked for by the stack file  3",
        "  parameter             asked  what RDS gets        applied",
        "  maintenance_work_mem  256MB  262144 kB = 256 MiB  at once",
        "  max_connections       300    300                  reboot",
        "  work_mem              16MB   16384 kB = 16 MiB    at once",
    ]
    defaults = len(DEFAULTS)
    assert f"\nParameters of primary  {defaults + 3}; {defaults} are this project's defaults\n" in page


@pytest.mark.parametrize("stack", STACKS)
def test_all_of_a_page_has_every_line_of_the_short_one_and_every_parameter_and_output(
    stack: str, capsys: pytest.CaptureFixture[str]
) -> None:
    short, page = (text(report(stack), capsys, everything=everything) for everything in (False, True))
    left_out = [line for line in short.split("\n") if line not in page.split("\n")]
    assert [line.split("  ")[0] for line in left_out] in (["Not shown"], ["Parameters of primary", "Not shown"])
    assert headings(page)[-3:] == ["Resources", "Totals by type", "Outputs"]
    words = set(page.split())
    assert {p["name"] for p in machine(stack)["instances"][0]["parameters"]} <= words
    assert {output["name"] for output in machine(stack)["outputs"]} <= words


def test_all_is_an_option_of_the_command(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke("dev", "--all", "--project", str(project)).stdout == text(report("dev"), capsys)
    assert invoke("dev", "--project", str(project)).stdout == text(report("dev"), capsys, everything=False)


@pytest.mark.parametrize(("hour", "warned"), [(11, True), (12, False), (13, False)])
def test_a_restore_to_a_time_that_is_yet_to_come_is_told_by_the_preview_which_has_a_clock(
    hour: int, warned: bool
) -> None:
    restored = {"database": {"generation": 2, "restoreFrom": {"time": "2026-11-20T12:00:00Z"}}}
    found = list(in_the_future(settings(changed(frozen("prod"), restored)), datetime(2026, 11, 20, hour, tzinfo=UTC)))
    sentence = (
        "database.restoreFrom.time 2026-11-20T12:00:00Z lies in the future: RDS refuses it until it has passed. "
        "Name a time of the past, in UTC."
    )
    assert found == [sentence] * warned
    later = {"database": {"generation": 2, "restoreFrom": {"time": "2999-01-01T00:00:00Z"}}}
    report_ = Report(
        platform=Platform(settings(changed(frozen("prod"), later))),
        first=record_with("prod", later, preview=True),
        update=record_with("prod", later),
    )
    assert any(each.startswith("database.restoreFrom.time 2999-01-01T00:00:00Z lies in") for each in report_.warnings)


def test_a_refused_policy_configuration_is_one_sentence_and_no_half_page(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise policy.ConfigurationRefused("policy/config/dev.json is not JSON: line 2.")

    for module in (policy, policy.evaluate):
        monkeypatch.setattr(module, "for_stack", refused)
    done = invoke("dev", "--project", str(project))
    assert (done.exit_code, done.stdout, done.stderr) == (1, "", "policy/config/dev.json is not JSON: line 2.\n")


def test_where_no_price_is_known_the_month_is_not_said_to_cost_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Report, "cost", Estimate(Decimal(0), Decimal(0), {"secret": 6, "dashboard": 1}))
    page = " ".join(text(report("dev"), capsys, everything=False).split())
    assert (
        "cost unknown: no price of ap-northeast-1 is known here. prices.yaml beside the stack files may state them "
        "(docs/cost.md): 6 x secret, 1 x dashboard budget"
    ) in page


def test_what_a_snapshot_decides_is_told_by_the_preview_which_does_not_see_it() -> None:
    restored = {"database": {"restoreFrom": {"snapshot": "shop-moves-in"}}}
    assert list(unseen(settings(changed(frozen("prod"), restored)))) == [
        "database.restoreFrom.snapshot shop-moves-in decides the master user, the databases, the major, the least size "
        "and whether the storage is encrypted. Look whether the file says the same: aws rds describe-db-snapshots "
        "--db-snapshot-identifier shop-moves-in"
    ]
    assert list(unseen(settings(frozen("prod")))) == []


def test_a_value_that_goes_back_to_rds_own_is_not_said_to_come_without_a_reboot(
    capsys: pytest.CaptureFixture[str],
) -> None:
    page = text(report("prod"), capsys)
    forced = next(line for line in page.splitlines() if line.split()[:1] == ["rds.force_ssl"])
    assert forced.split() == ["rds.force_ssl", "on", "1", "=", "on", "reboot*"]
    assert (
        "  * RDS's own default, in effect from the start on; a value that is set back to it waits for a reboot.\n"
        in page
    )


def test_the_storage_says_that_alarms_know_what_runs(capsys: pytest.CaptureFixture[str]) -> None:
    page = " ".join(text(report("prod"), capsys).split())
    assert "; alarms measure by what RDS has, which may be more backups any point" in page


def test_connections_memory_windows_and_subnets_are_laid_out_for_a_person(capsys: pytest.CaptureFixture[str]) -> None:
    page = text(report("prod"), capsys)
    assert section(page, "Connections") == [
        "  clients per host   3 processes x (20 + 30 + 2 x (15 + 25) + 3)  =   399  of max_client_conn 600",
        "  primary's clients  2 hosts x 3 processes x (20 + 30)            =   300",
        "  through PgBouncer  2 hosts x (25 + 5 in reserve + 2 to watch)   =    64  to each instance",
        "  sessions           64 + 10 beside PgBouncer                     =    74  alarm above 59",
        "  slots              74 + 7 reserved + 3 of RDS itself            =    84  of max_connections 300, 216 free",
    ]
    assert section(page, "Memory") == [
        "             shared_buffers  + sessions x work_mem  + autovacuum  = total",
        "  primary    911.4 MiB       74 x 16 MiB            3 x 256 MiB   2.8 GiB  of 3.6 GiB, 78 %",
        "  replica-1  911.4 MiB       74 x 16 MiB            -             2 GiB    of 3.6 GiB, 57 %",
        "  replica-2  1.8 GiB         74 x 16 MiB            -             3 GiB    of 7.4 GiB, 40 %",
        "  About what each class has for PostgreSQL: the system's and RDS's own part is not counted.",
    ]
    assert section(page, "Windows") == [
        "                          UTC                  Japan",
        "  backup                  03:00-04:00          12:00-13:00          daily",
        "  AWS Backup              20:30                05:30                daily, monthly",
        "  maintenance, primary    sat:18:00-sat:19:00  sun:03:00-sun:04:00  weekly",
        "  maintenance, replica-1  sat:17:00-sat:17:30  sun:02:00-sun:02:30  weekly",
        "  maintenance, replica-2  sat:16:00-sat:16:30  sun:01:00-sun:01:30  weekly",
    ]
    assert section(page, "Network") == [
        "  zone             public         application    database",
        "  ap-northeast-1a  10.20.0.0/21   10.20.64.0/21  10.20.128.0/21",
        "  ap-northeast-1c  10.20.16.0/21  10.20.80.0/21  10.20.144.0/21",
        "  ap-northeast-1d  10.20.24.0/21  10.20.88.0/21  10.20.152.0/21",
    ]


def test_a_stack_that_sleeps_has_its_sleep_among_the_windows(capsys: pytest.CaptureFixture[str]) -> None:
    night = {"schedule": {"stop": "13:00", "start": "00:00", "days": ["mon", "tue"]}}
    asleep = Report(
        platform=Platform(settings(changed(frozen("dev"), night))),
        first=record_with("dev", night, preview=True),
        update=record_with("dev", night),
    )
    assert section(text(asleep, capsys), "Windows")[-1].split() == [
        "asleep", "13:00-00:00", "22:00-09:00", "daily;", "started", "on", "mon,", "tue",
    ]  # fmt: skip


def test_a_replica_shows_only_the_parameters_that_are_not_the_primarys(capsys: pytest.CaptureFixture[str]) -> None:
    page = text(report("prod"), capsys)
    assert section(page, "Parameters of replica-1") == [
        "  because of its purpose  2",
        "  parameter                    asked  what RDS gets    applied",
        "  hot_standby_feedback         on     1 = on           at once",
        "  max_standby_streaming_delay  30s    30000 ms = 30 s  at once",
    ]


def test_alarms_alike_on_several_instances_are_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    lines = [" ".join(line.split()) for line in section(text(report("prod"), capsys), "Alarms")]
    assert [line for line in lines if line.startswith(("connections-high", "memory-low", "replica-lag-high"))] == [
        "connections-high max DatabaseConnections > 240 for 10 min as before all",
        "memory-low average FreeableMemory < 409.6 MiB for 15 min as before primary, replica-1",
        "memory-low average FreeableMemory < 819.2 MiB for 15 min as before replica-2",
        "replica-lag-high max ReplicaLag > 30 s for 5 min as before replica-1",
        "replica-lag-high max ReplicaLag > 1 h 30 s for 5 min as before replica-2",
    ]


def test_alarms_on_what_the_platform_publishes_stand_beside_those_on_instances(
    capsys: pytest.CaptureFixture[str],
) -> None:
    page = text(report("prod"), capsys)
    on_instances = len(recording("prod").of_type(ALARM)) - 4
    assert f"\nAlarms  {on_instances} on 3 instances, 4 on what the platform publishes itself\n" in page
    lines = [" ".join(line.split()) for line in section(page, "Alarms")]
    assert [line for line in lines if line.endswith((" functions", " pooler"))] == [
        "metrics-silent number of failed_statements < 1 for 15 min alarm functions",
        "metrics-failing min failed_statements > 0 for 30 min OK functions",
        "size-near-ceiling max database_size_mb > 800 GiB for 1 h as before functions",
        "clients-waiting max ClientMaxWaitSeconds > 1 s for 5 min OK pooler",
    ]


def test_copies_of_a_resource_are_one_name_and_marks_are_said(capsys: pytest.CaptureFixture[str]) -> None:
    lines = [" ".join(line.split()) for line in section(text(report("prod"), capsys), "Resources")]
    assert [line for line in lines if line.startswith(("ec2.NatGateway ", "rds.Instance ", "backup.Vault "))] == [
        "backup.Vault 1 vault [kept when deleted]",
        "rds.Instance 3 primary, replica-1, replica-2 [protected]",
        "ec2.NatGateway 3 nat-ap-northeast-1{a,c,d}",
    ]
    assert "cloudwatch.LogGroup 6 {primary,replica-1,replica-2}-{postgresql-log, upgrade-log}" in lines


def test_warnings_are_whole_sentences(capsys: pytest.CaptureFixture[str]) -> None:
    joined = " ".join(line.strip() for line in section(text(report("prod"), capsys), "Warnings"))
    assert joined == " ".join(f"!  {warning}" for warning in recording("prod").warnings)
    assert recording("prod").warnings == list(machine("prod")["warnings"])


def test_the_policy_is_told_with_what_is_excepted(capsys: pytest.CaptureFixture[str]) -> None:
    page = text(report("prod"), capsys)
    assert "  policy     1 advisory, below\n" in page
    joined = " ".join(line.strip() for line in section(page, "Policy"))
    assert joined.startswith(
        "advisory  rds.Instance langpont-prod-db-primary: port is 5432. RDS.23 wants another port than 5432, which "
        "everybody tries. Set database.port to another. excepted  langpont-prod-db-replica-1, "
        "langpont-prod-db-replica-2 from rds-05-multi-az: "
    )
    assert joined.count("excepted  ") == 4
    assert [each["rule"] for each in machine("prod")["policy"]["violations"]] == ["rds-23-port"]


def test_a_stack_that_the_policy_stops_is_shown_and_ends_with_one(project: Path) -> None:
    replace(project / "Pulumi.prod.yaml", "    maxAllocatedStorageGib: 1000\n", "    multiAz: false\n")
    result = invoke("prod", "--project", str(project))
    assert result.exit_code == 1
    assert "  policy     stops this stack: 1 mandatory violation, below\n" in result.stdout
    assert (
        "  mandatory  rds.Instance langpont-prod-db-primary: multiAz is false. RDS.5 wants a standby in a second zone."
        in result.stdout
    )


def test_somebody_elses_network_is_shown_by_its_ids(capsys: pytest.CaptureFixture[str]) -> None:
    a, c = "ap-northeast-1a", "ap-northeast-1c"
    existing = {
        "vpcId": "vpc-0123456789abcdef0",
        "applicationSubnets": {a: "subnet-0a000000000000001", c: "subnet-0a000000000000002"},
        "databaseSubnets": {a: "subnet-0d000000000000001", c: "subnet-0d000000000000002"},
        "publicSubnets": {a: "subnet-0c000000000000001"},
    }
    file = frozen("dev")
    network = {"langpont-database:network": json.dumps({"existingVpc": existing})}
    file = dataclasses.replace(file, config={**file.config, **network})
    shown = Report(platform=Platform(settings(file)), first=recording("dev", preview=True), update=recording("dev"))
    assert section(text(shown, capsys), "Network") == [
        "  zone             public                    application               database",
        "  ap-northeast-1a  subnet-0c000000000000001  subnet-0a000000000000001  subnet-0d000000000000001",
        "  ap-northeast-1c  -                         subnet-0a000000000000002  subnet-0d000000000000002",
    ]
    assert document(shown)["network"]["existingVpcId"] == "vpc-0123456789abcdef0"


def test_a_terminal_gets_colour_unless_no_color_forbids_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich then takes the capture for a terminal
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[31mcritical\x1b[0m" in text(report("prod"), capsys)
    monkeypatch.setenv("NO_COLOR", "1")
    assert set(re.findall(r"\x1b\[[0-9;]*m", text(report("prod"), capsys))) <= {"\x1b[0m", "\x1b[1m", "\x1b[2m"}


def test_in_a_pipe_there_is_no_colour_no_trailing_space_and_no_complaint_when_it_closes() -> None:
    command = [sys.executable, "-m", "preview", "dev"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stderr
        head = [process.stdout.readline() for _ in range(40)]
        process.stdout.close()
        complaints = process.stderr.read()
    assert (process.returncode, complaints) == (0, "")
    assert head[0] == HEADLINE + "\n"
    assert "\x1b" not in "".join(head)
    assert [line for line in head if line.rstrip() != line.removesuffix("\n")] == []
    assert max(map(len, head)) <= 141


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (size(0), "0 B"),
        (size(2**20 - 1), "1,024 KiB"),
        (size(10 * 2**30), "10 GiB"),
        (size(2**32 // 10), "409.6 MiB"),
        (span(0.02), "20 ms"),
        (span(0), "0 s"),
        (span(3630), "1 h 30 s"),
        (span(86_400), "1 d"),
        (amount(80, "%"), "80 %"),
        (amount(819_200, "MiB"), "800 GiB"),
        (amount(1_000_000_000, "ids"), "1,000,000,000"),
        (count(1, "process", "processes"), "1 process"),
        (count(0, "replica"), "0 replicas"),
    ],
)
def test_amounts_are_written_as_people_write_them(shown: str, expected: str) -> None:
    assert shown == expected


# What is refused


def refused(*arguments: str) -> str:
    """What stands on standard error of a refused preview, which prints nothing else."""
    result = invoke(*arguments)
    assert isinstance(result.exception, SystemExit), result.exception
    assert (result.exit_code, result.stdout) == (1, "")
    return str(result.stderr)


def test_a_stack_that_does_not_exist_is_refused_with_those_that_do(project: Path) -> None:
    there = ", ".join(sorted(path.stem.removeprefix("Pulumi.") for path in project.glob("Pulumi.*.yaml")))
    assert refused("nope", "--project", str(project)) == (
        f"There is no stack 'nope': Pulumi.nope.yaml does not exist. Stacks here: {there}. "
        "Name one of them, or copy one of their files.\n"
    )


@pytest.mark.parametrize("name", ["", "../prod", ".", "a b", "/etc/passwd"])
def test_what_is_no_name_of_a_stack_is_refused_before_any_file_is_read(name: str) -> None:
    assert refused(name) == f"{name!r} is not the name of a stack. Write it as in Pulumi.prod.yaml: prod.\n"


def test_broken_yaml_is_refused_with_its_place(project: Path) -> None:
    (project / "Pulumi.dev.yaml").write_text("config:\n  aws:region: [ap-northeast-1\n")
    assert refused("dev", "--project", str(project)) == (
        "Pulumi.dev.yaml line 3, column 1: not valid YAML: expected ',' or ']', but got '<stream end>'. "
        "Mend the file there.\n"
    )


def test_a_missing_region_is_refused_with_its_file(project: Path) -> None:
    replace(project / "Pulumi.dev.yaml", "aws:region: ap-northeast-1\n", "aws:profile: langpont\n")
    assert refused("dev", "--project", str(project)) == (
        "Pulumi.dev.yaml: 1 problem\n  1. aws:region is missing. Write it under `config:`, at the top.\n"
    )


def test_five_mistakes_in_one_file_are_five_problems_in_one_report(project: Path) -> None:
    file = project / "Pulumi.dev.yaml"
    replace(file, "natGateways: none", "natGateways: some")
    replace(file, "multiAz: false", "multiAZ: false")
    replace(file, "work_mem: 4MB\n      maintenance", "work_mem: 4mb\n      maintenance")
    replace(file, "hosts: 1", "hosts: 0")
    replace(file, "retentionDays: 1\n    dailyRetentionDays: 1", "retentionDays: 36\n    dailyRetentionDays: 1")
    assert refused("dev", "--project", str(project), "--json") == (
        "Pulumi.dev.yaml: 5 problems\n"
        "  1. network.vpc.natGateways some is not one of its values. Choose from none, single or perZone.\n"
        "  2. database.multiAZ is not a setting. Write multiAz if that is meant.\n"
        "  3. application.hosts 0 is less than 1. Give 1 or more.\n"
        "  4. backups.retentionDays 36 is more than 35. Give 35 or less.\n"
        '  5. database.parameters.work_mem 4mb has the unit "mb", and the case of a unit matters to PostgreSQL. '
        "Write 4MB.\n"
    )


def test_a_resource_made_inside_apply_is_refused_by_name(project: Path) -> None:
    append(
        project / "__main__.py",
        'import pulumi_aws\nnetwork.vpc_id.apply(lambda _: pulumi_aws.sns.Topic("inside"))\n',
    )
    assert refused("dev", "--project", str(project)) == (
        "The first preview and the update register different resources:\n"
        "  aws:sns/topic:Topic inside only in the update: it is made inside apply, where a first preview does not see "
        "it.\n"
        "Decide what exists from the stack file alone, and create it outside apply.\n"
    )


def test_what_an_engine_would_not_bear_is_refused_by_name(project: Path) -> None:
    append(project / "__main__.py", 'import pulumi_aws\nfor _ in "ab":\n    pulumi_aws.sns.Topic("twice")\n')
    assert refused("dev", "--project", str(project)) == (
        "aws:sns/topic:Topic twice is registered twice. Give each its own logical name.\n"
    )


def test_a_bug_of_the_program_is_not_called_the_users_mistake(project: Path) -> None:
    append(project / "__main__.py", 'raise ValueError("a bug")\n')
    result = invoke("dev", "--project", str(project))
    assert isinstance(result.exception, ValueError)
    assert (str(result.exception), result.stdout, result.stderr) == ("a bug", "", "")
