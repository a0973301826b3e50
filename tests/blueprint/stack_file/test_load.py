"""The stack file: every kind of mistake in one field, by its whole sentence, and all mistakes in one report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from blueprint.postgres.roles import PASSWORD_ROLES
from blueprint.postgres.version import EngineVersion
from blueprint.settings import SECTIONS, Settings
from blueprint.stack_file.load import StackFileRefused, load
from tests.recordings import STACKS, merged, sections


def settings(changes: Mapping[str, Any] | None = None, stack: str = "prod") -> Settings:
    """The stack's settings with changes to its file; None removes a key."""
    return load(merged(sections(stack), changes or {}), environment=stack, region="ap-northeast-1")


def problems(changes: Mapping[str, Any]) -> list[str]:
    with pytest.raises(StackFileRefused) as refused:
        settings(changes)
    return [str(problem) for problem in refused.value.problems]


@pytest.mark.parametrize("stack", STACKS)
def test_the_real_stack_files_are_accepted(stack: str) -> None:
    """E17: each environment says what it wants, and nothing in the program asks for its name."""
    loaded = settings(stack=stack)
    assert (loaded.environment, loaded.region) == (stack, "ap-northeast-1")
    assert (loaded.protected, loaded.customer_keys) == ((False, False) if stack == "dev" else (True, True))


def test_what_a_file_leaves_out_has_the_safe_default() -> None:
    """E6, E39: maintenance is at three in the night of Sunday in Japan, and does not overlap the backup window."""
    loaded = settings()
    assert loaded.access.ssh_networks == loaded.access.database_networks == ()
    assert loaded.encryption.keys == "customerManaged"
    assert loaded.database.engine_version == EngineVersion.parse("16")
    assert str(loaded.database.maintenance_window) == "sat:18:00-sat:19:00"
    assert loaded.database.maintenance_window.local() == "sat:18:00-sat:19:00 UTC = sun:03:00-sun:04:00 in Japan"
    assert (str(loaded.backups.window), str(loaded.backups.vault_time)) == ("03:00-04:00", "20:30")
    assert (loaded.database.deletion_policy, loaded.database.multi_az) == ("protected", True)
    assert (loaded.database.apply_immediately, loaded.database.generation) == (False, 1)
    assert loaded.backups.retention_days == 7


def test_the_sections_of_a_stack_file_are_these() -> None:
    assert sorted(SECTIONS) == [
        "access", "application", "backups", "credentials", "database", "encryption", "monitoring", "network", "pooler",
        "replicas", "schedule", "tags", "webhooks",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        # Keys that nobody knows
        ({"databse": {}}, "databse is not a section. Write database if that is meant."),
        (
            {"xyz": {}},
            "xyz is not a section. Choose from network, access, encryption, tags, database, replicas, credentials, "
            "application, pooler, backups, schedule, monitoring, webhooks.",
        ),
        (
            {"database": {"instanceClas": "db.t3.medium"}},
            "database.instanceClas is not a setting. Write instanceClass if that is meant.",
        ),
        (
            {"database": {"instance_class": "db.t3.medium"}},
            "database.instance_class is not a setting. Write instanceClass if that is meant.",
        ),
        (
            {"network": {"vpc": {"natGateway": "none"}}},
            "network.vpc.natGateway is not a setting. Write natGateways if that is meant.",
        ),
        (
            {"encryption": {"xyz": 1}},
            "encryption.xyz is not a setting. Choose from keys, deletionWindowDays, stateSecrets.",
        ),
        # What is missing
        ({"database": {"instanceClass": None}}, "database.instanceClass is missing. Write it; it has no default."),
        ({"monitoring": None}, "monitoring.monthlyBudgetUsd is missing. Write it; it has no default."),
        (
            {"replicas": [{"number": 1, "zone": "ap-northeast-1c"}]},
            "replicas[0].instanceClass is missing. Write it; it has no default.",
        ),
        # The wrong kind of value
        (
            {"database": {"multiAz": "ja"}},
            'database.multiAz "ja" is not a switch. Write true or false, without quotes.',
        ),
        (
            {"database": {"generation": "2"}},
            'database.generation "2" is not a whole number. Write digits without quotes, a fraction or a unit.',
        ),
        (
            {"backups": {"retentionDays": 7.5}},
            "backups.retentionDays 7.5 is not a whole number. Write digits without quotes, a fraction or a unit.",
        ),
        (
            {"application": {"hosts": True}},
            "application.hosts true is not a whole number. Write digits without quotes, a fraction or a unit.",
        ),
        ({"database": {"masterUsername": 5}}, "database.masterUsername 5 is not text. Put it in quotes."),
        ({"backups": {"vaultTime": 20}}, "backups.vaultTime 20 is not text. Put it in quotes."),
        (
            {"database": {"masterUsername": ["orders", "stock"]}},
            "database.masterUsername (a list) is not text. Write one value, without a list or a mapping.",
        ),
        ({"access": {"sshNetworks": [10]}}, "access.sshNetworks[0] 10 is not text. Put it in quotes."),
        (
            {"database": "db.t3.medium"},
            "database db.t3.medium is not a mapping. Write key: value, one a line, further to the right.",
        ),
        (
            {"database": {"parameters": ["work_mem"]}},
            "database.parameters (a list) is not a mapping. Write key: value, one a line, further to the right.",
        ),
        ({"replicas": {"number": 1}}, "replicas (a mapping) is not a list. Write one item a line, each after a dash."),
        ({"replicas": [3]}, "replicas[0] 3 is not a mapping. Write key: value, one a line, further to the right."),
        (
            {"monitoring": {"alertEmails": "a@langpont.example"}},
            "monitoring.alertEmails a@langpont.example is not a list. Write one item a line, each after a dash.",
        ),
        # Values out of their range, choice or form
        ({"encryption": {"deletionWindowDays": 6}}, "encryption.deletionWindowDays 6 is less than 7. Give 7 or more."),
        (
            {"encryption": {"deletionWindowDays": 31}},
            "encryption.deletionWindowDays 31 is more than 30. Give 30 or less.",
        ),
        ({"backups": {"retentionDays": 36}}, "backups.retentionDays 36 is more than 35. Give 35 or less."),
        (
            {"backups": {"monthlyRetentionDays": 30}},
            "backups.monthlyRetentionDays 30 is less than 31. Give 31 or more.",
        ),
        ({"database": {"generation": 100}}, "database.generation 100 is more than 99. Give 99 or less."),
        ({"pooler": {"listenPort": 80}}, "pooler.listenPort 80 is less than 1024. Give 1024 or more."),
        (
            {"credentials": {"passwordVersions": {"langpont_app": 0}}},
            "credentials.passwordVersions.langpont_app 0 is less than 1. Give 1 or more.",
        ),
        (
            {"database": {"deletionPolicy": "keep"}},
            "database.deletionPolicy keep is not one of its values. Choose from protected or disposable.",
        ),
        (
            {"monitoring": {"enhancedMonitoringSeconds": 7}},
            "monitoring.enhancedMonitoringSeconds 7 is not one of its values. Choose from 0, 1, 5, 10, 15, 30 or 60.",
        ),
        (
            {"monitoring": {"alertEmails": ["nobody"]}},
            "monitoring.alertEmails[0] nobody does not have the right form. Write it like someone@langpont.example.",
        ),
        (
            {"backups": {"replicateToRegion": "Osaka"}},
            "backups.replicateToRegion Osaka is not a region with RDS for PostgreSQL that this program knows. Write it "
            "like ap-northeast-3.",
        ),
        # Refusals of the pure functions, with the field's name before them
        (
            {"database": {"engineVersion": 16.1}},
            "database.engineVersion 16.1 is retired: RDS has removed it and creates no instance with it. "
            'Write "16" to follow the newest minor, or a minor from "16.9" on, in quotes.',
        ),
        (
            {"database": {"name": "postgres"}},
            "database.name postgres is a database that PostgreSQL or RDS has already. "
            "Choose another name, like langpont.",
        ),
        (
            {"database": {"masterUsername": "admin"}},
            "database.masterUsername admin is a name that RDS or PostgreSQL keeps for itself. "
            "Choose another name, like langpont_admin.",
        ),
        (
            {"database": {"port": 80}},
            "database.port 80 is not 1150 to 65535, the ports that RDS offers. Choose one of them, like 5432.",
        ),
        (
            {"backups": {"window": "3-4"}},
            "backups.window 3-4 is not a daily window in the format hh24:mi-hh24:mi. "
            "Write it like 03:00-04:00, in UTC.",
        ),
        (
            {"access": {"databaseNetworks": ["8.8.8.0/24"]}},
            "access.databaseNetworks[0] 8.8.8.0/24 is not a private network, and the database has a private address "
            "only. Name a network inside 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 or 100.64.0.0/10.",
        ),
        (
            {"access": {"sshNetworks": ["0.0.0.0/0"]}},
            "access.sshNetworks[0] 0.0.0.0/0 is the whole Internet. Name the administrators' own network.",
        ),
        (
            {"access": {"sshNetworks": ["203.0.113.0/24"]}},
            "access.sshNetworks[0] 203.0.113.0/24 overlaps 203.0.113.0/24, which RFC 5737 reserves for examples in "
            "documentation: nobody has an address there. Name the network that you really use.",
        ),
        (
            {"network": {"vpc": {"cidr": "10.20.0.0/15"}}},
            "network.vpc.cidr 10.20.0.0/15 is wider than /16, the widest that AWS gives a VPC. Choose /16 to /23.",
        ),
    ],
)
def test_a_mistake_in_one_field_is_one_sentence(changes: Mapping[str, Any], sentence: str) -> None:
    """E5, E29, E32: retired minors, documentation networks and SSH from anywhere are refused by name."""
    assert problems(changes) == [sentence]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"database": {"allocatedStorageGib": "100"}},
            'database.allocatedStorageGib "100" is not a whole number. '
            "Write digits without quotes, a fraction or a unit.",
        ),
        (
            {"database": {"instanceClass": "db.t3.medim"}},
            "database.instanceClass db.t3.medim is not an RDS instance class that this program knows. "
            "Use a class like db.t3.medium or db.t4g.medium or db.t3.micro.",
        ),
        (
            {"monitoring": {"monthlyBudgetUsd": 0}},
            "monitoring.monthlyBudgetUsd 0 is less than 1. Give 1 or more.",
        ),
    ],
)
def test_a_required_field_with_a_mistake_is_wrong_and_not_missing_too(
    changes: Mapping[str, Any], sentence: str
) -> None:
    assert problems(changes) == [sentence]


@pytest.mark.parametrize("stack", STACKS)
def test_a_file_without_a_network_is_told_so(stack: str) -> None:
    with pytest.raises(StackFileRefused) as refused:
        settings({"network": None}, stack)
    assert [str(problem) for problem in refused.value.problems] == [
        "network needs either vpc (a network of our own) or existingVpc (somebody else's, by ids). Write one of them."
    ]


def test_a_parameter_that_is_a_list_is_one_problem_under_its_own_name() -> None:
    assert problems({"database": {"parameters": {"work_mem": ["16MB"]}}}) == [
        "database.parameters.work_mem (a list) is not a single value. Write text, a number, or on and off."
    ]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"monitoring": {"alertEmails": ["a@langpont.example"] * 2}},
            "monitoring.alertEmails (a list) names a@langpont.example more than once. Name it once.",
        ),
        (
            {"access": {"sshNetworks": ["198.18.0.0/16"] * 2}},
            "access.sshNetworks (a list) names 198.18.0.0/16 more than once. Name it once.",
        ),
        (
            {"access": {"databaseNetworks": ["10.8.0.0/24"] * 2}},
            "access.databaseNetworks (a list) names 10.8.0.0/24 more than once. Name it once.",
        ),
        (
            {"network": {"vpc": {"interfaceEndpoints": {"services": ["ssm"] * 2, "zones": ["ap-northeast-1a"]}}}},
            "network.vpc.interfaceEndpoints.services (a list) names ssm more than once. Name it once.",
        ),
    ],
)
def test_what_is_named_twice_is_refused_before_it_becomes_two_resources_of_one_name(
    changes: Mapping[str, Any], sentence: str
) -> None:
    assert problems(changes) == [sentence]


@pytest.mark.parametrize("part", ["services", "zones"])
def test_interface_endpoints_for_nothing_or_nowhere_are_refused(part: str) -> None:
    endpoints = {"services": ["ssm"], "zones": ["ap-northeast-1a"], part: []}
    assert problems({"network": {"vpc": {"interfaceEndpoints": endpoints}}}) == [
        f"network.vpc.interfaceEndpoints.{part} (a list) is empty. Name at least one."
    ]


def test_a_moment_that_no_calendar_has_is_refused() -> None:
    assert problems({"database": {"generation": 2, "restoreFrom": {"time": "2026-13-45T99:00:00Z"}}}) == [
        "database.restoreFrom.time 2026-13-45T99:00:00Z is not a moment of the calendar. "
        "Write it like 2026-11-20T12:00:00Z."
    ]


def test_a_bare_number_is_a_version_where_it_can_be_one() -> None:
    assert settings({"database": {"engineVersion": 16}}).database.engine_version == EngineVersion(16, None)
    assert settings({"database": {"engineVersion": "16.10"}}).database.engine_version == EngineVersion(16, 10)


def test_five_mistakes_are_five_problems_of_one_report() -> None:
    changes = {
        "databse": {},
        "network": {"vpc": {"natGateways": "two"}},
        "database": {"port": 80, "engineVersion": "16.1"},
        "backups": {"window": "17:30-18:30"},
    }
    with pytest.raises(StackFileRefused) as refused:
        settings(changes)
    assert str(refused.value) == (
        "Pulumi.prod.yaml: 5 problems\n"
        "  1. databse is not a section. Write database if that is meant.\n"
        "  2. network.vpc.natGateways two is not one of its values. Choose from none, single or perZone.\n"
        "  3. database.engineVersion 16.1 is retired: RDS has removed it and creates no instance with it. "
        'Write "16" to follow the newest minor, or a minor from "16.9" on, in quotes.\n'
        "  4. database.port 80 is not 1150 to 65535, the ports that RDS offers. Choose one of them, like 5432.\n"
        "  5. backups.window 17:30-18:30 overlaps database.maintenanceWindow sat:18:00-sat:19:00; "
        "RDS refuses overlapping windows. Move one of them."
    )


def test_one_mistake_is_one_problem() -> None:
    with pytest.raises(StackFileRefused) as refused:
        settings({"database": {"port": 80}})
    assert str(refused.value).startswith("Pulumi.prod.yaml: 1 problem\n  1. database.port 80 ")


@pytest.mark.parametrize("nothing", [None, ""])
def test_a_section_without_a_value_has_its_defaults(nothing: str | None) -> None:
    document = sections("prod") | {"access": nothing, "pooler": nothing, "replicas": nothing}
    without = {key: value for key, value in sections("prod").items() if key not in ("access", "pooler", "replicas")}
    expected = load(without, environment="prod", region="ap-northeast-1")
    assert load(document, environment="prod", region="ap-northeast-1") == expected


def test_a_section_that_cannot_be_all_defaults_is_told_what_it_lacks() -> None:
    assert problems({"monitoring": ""}) == ["monitoring.monthlyBudgetUsd is missing. Write it; it has no default."]


@pytest.mark.parametrize("text", ["{sshNetworks: [198.18.0.0/16]}", "[198.18.0.0/16", "{"])
def test_text_that_only_begins_like_json_is_a_problem_of_its_section(text: str) -> None:
    assert problems({"access": text, "backups": {"retentionDays": 36}}) == [
        f"access {text} is text that begins like JSON and is none. Write the section as YAML, or set one value at a "
        "time: pulumi config set --path access.<key> <value>.",
        "backups.retentionDays 36 is more than 35. Give 35 or less.",
    ]


@pytest.mark.parametrize("region", [None, ""])
def test_a_missing_region_is_a_problem_beside_the_others(region: str | None) -> None:
    with pytest.raises(StackFileRefused) as refused:
        load(sections("prod") | {"backups": {"retentionDays": 36}}, environment="prod", region=region)
    assert [str(problem) for problem in refused.value.problems] == [
        "aws:region is missing. Write it under `config:`, at the top.",
        "backups.retentionDays 36 is more than 35. Give 35 or less.",
    ]


BROKEN_WINDOW = "backups.window 3-4 is not a daily window in the format hh24:mi-hh24:mi. "


@pytest.mark.parametrize(
    ("broken", "sentences"),
    [
        # The window is broken: nothing is said of overlaps with its default, or of the vault's distance from it.
        (
            {"backups": {"window": "3-4", "vaultTime": "18:30"}},
            [BROKEN_WINDOW + "Write it like 03:00-04:00, in UTC."],
        ),
        # A pool is broken: the budget, which would not fit with the default either, waits for it.
        (
            {"pooler": {"defaultPoolSize": 0}, "database": {"parameters": {"max_connections": 50}}},
            ["pooler.defaultPoolSize 0 is less than 1. Give 1 or more."],
        ),
        # A zone is misspelled: replicas are not measured against no zones at all.
        (
            {"network": {"vpc": {"zones": "ap-northeast-1a"}}},
            ["network.vpc.zones ap-northeast-1a is not a list. Write one item a line, each after a dash."],
        ),
        # The pools are broken: clients are not counted with the defaults.
        (
            {"application": {"primaryPool": {"size": 0, "maxOverflow": 0}, "processesPerHost": 100}},
            ["application.primaryPool.size 0 is less than 1. Give 1 or more."],
        ),
    ],
)
def test_a_broken_field_does_not_set_off_a_rule_that_reads_it(broken: Mapping[str, Any], sentences: list[str]) -> None:
    assert problems(broken) == sentences


def test_a_broken_field_does_not_hide_a_rule_that_does_not_read_it() -> None:
    changes = {
        "database": {"port": 80, "maxAllocatedStorageGib": 105},
        "backups": {"retentionDays": 0, "window": "3-4"},
        "replicas": [{"number": 1, "instanceClass": "db.t3.medium", "zone": "ap-northeast-1a"}],
    }
    assert [problem.split(" ")[0] for problem in problems(changes)] == [
        "database.port",
        "backups.window",
        "database.maxAllocatedStorageGib",
        "backups.retentionDays",
        "backups.retentionDays",
        "backups.replicateToRegion",
    ]


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        (
            "Prod",
            "stack Prod cannot be part of an RDS identifier, which is lower-case letters, digits and single hyphens, "
            "from a letter to a letter or digit. Name the stack like prod or eu-staging.",
        ),
        (
            "e" * 20,
            f"stack {'e' * 20} has 20 characters, and the 50 of a backup vault's name leave 19. "
            "Name the stack with at most 19 characters.",
        ),
    ],
)
def test_a_stack_whose_name_cannot_be_part_of_names_is_refused(environment: str, sentence: str) -> None:
    with pytest.raises(StackFileRefused) as refused:
        load(sections("prod"), environment=environment, region="ap-northeast-1")
    assert [str(problem) for problem in refused.value.problems] == [sentence]


@pytest.mark.parametrize("account_ids", [None, [], ["123456789012"], ["012345670123", "123456789012"]])
def test_account_ids_in_quotes_are_accepted(account_ids: Any) -> None:
    load(sections("prod"), environment="prod", region="ap-northeast-1", account_ids=account_ids)


NO_ACCOUNT = 'is not the text of 12 digits that an account has. Write all 12, in quotes, like "123456789012".'


@pytest.mark.parametrize(
    ("account_ids", "sentence"),
    [
        ([123456789012], f"aws:allowedAccountIds[0] 123456789012 {NO_ACCOUNT}"),
        # What the Pulumi CLI makes of 012345670123, which YAML 1.1 reads as octal.
        (["123456789012", 1402433619], f"aws:allowedAccountIds[1] 1402433619 {NO_ACCOUNT}"),
        (["1234-5678-9012"], f"aws:allowedAccountIds[0] 1234-5678-9012 {NO_ACCOUNT}"),
        (["１２３４５６７８９０１２"], f"aws:allowedAccountIds[0] １２３４５６７８９０１２ {NO_ACCOUNT}"),
        ([None], f"aws:allowedAccountIds[0] null {NO_ACCOUNT}"),
        ("123456789012", 'aws:allowedAccountIds 123456789012 is not a list. Write ["123456789012"].'),
    ],
)
def test_an_account_id_that_is_no_text_of_12_digits_is_refused(account_ids: Any, sentence: str) -> None:
    with pytest.raises(StackFileRefused) as refused:
        load(sections("prod"), environment="prod", region="ap-northeast-1", account_ids=account_ids)
    assert [str(problem) for problem in refused.value.problems] == [sentence]


NO_SWITCH = "is not a switch. Write true or false, without quotes."
NO_NUMBER = "is not a whole number. Write digits without quotes, a fraction or a unit."
NO_SNAPSHOT = (
    "cannot be a snapshot, whose name is letters, digits and single hyphens, perhaps after rds: or awsbackup:. "
    "Write one of those that this lists: aws rds describe-db-snapshots."
)


def restored(**source: str) -> dict[str, Any]:
    return {"database": {"generation": 2, "restoreFrom": source}}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"database": {"multiAz": "y"}}, f'database.multiAz "y" {NO_SWITCH}'),
        ({"database": {"keepPrevious": 1}}, f"database.keepPrevious 1 {NO_SWITCH}"),
        ({"monitoring": {"logRetentionDays": True}}, f"monitoring.logRetentionDays true {NO_NUMBER}"),
        (
            {"monitoring": {"enhancedMonitoringSeconds": False}},
            f"monitoring.enhancedMonitoringSeconds false {NO_NUMBER}",
        ),
        (
            {"database": {"name": "pgbouncer"}},
            "database.name pgbouncer is PgBouncer's own console: with an entry of that name it does not start. "
            "Choose another name, like langpont.",
        ),
        (restored(snapshot="my snapshot!!"), f"database.restoreFrom.snapshot my snapshot!! {NO_SNAPSHOT}"),
        (restored(snapshot="a--b"), f"database.restoreFrom.snapshot a--b {NO_SNAPSHOT}"),
        (
            restored(time="0001-01-01T00:00:00Z"),
            "database.restoreFrom.time 0001-01-01T00:00:00Z is before RDS began, in 2009. "
            "Write it like 2026-11-20T12:00:00Z.",
        ),
        # What the CLI has made of dates without quotes
        (
            restored(time="2026-11-20 12:00:00 +0000 UTC"),
            "database.restoreFrom.time 2026-11-20 12:00:00 +0000 UTC is what the Pulumi CLI makes of a date without "
            'quotes. Write it in quotes: "2026-11-20T12:00:00Z".',
        ),
        (
            restored(snapshot="2026-11-20 00:00:00 +0000 UTC"),
            "database.restoreFrom.snapshot 2026-11-20 00:00:00 +0000 UTC cannot be a snapshot, whose name is letters, "
            "digits and single hyphens, perhaps after rds: or awsbackup:, and is what the Pulumi CLI makes of a date "
            "without quotes. Write one of those that this lists: aws rds describe-db-snapshots.",
        ),
        (
            {"credentials": {"passwordVersions": {"2026-11-20 00:00:00 +0000 UTC": 1}}},
            "credentials.passwordVersions 2026-11-20 00:00:00 +0000 UTC is not a role with a password, and is what the "
            f"Pulumi CLI makes of a date without quotes. Choose from langpont_admin, {', '.join(PASSWORD_ROLES)}.",
        ),
        # Set without --path
        (
            {"database.multiAz": "false"},
            "database.multiAz is a key by itself, which nothing reads: it was set without --path. Run pulumi config rm "
            "'database.multiAz', then pulumi config set --path 'database.multiAz' 'false'.",
        ),
        # What a terminal would obey, and what nobody would read
        ({"backups": {"vaultTime": "\x1b[31m20:30"}}, "backups.vaultTime \\u001b[31m20:30 is not a time of day. "
         "Write it like 20:30, in UTC."),
        ({"backups": {"vaultTime": "2" * 200_000}}, f"backups.vaultTime {'2' * 80}... is not a time of day. "
         "Write it like 20:30, in UTC."),
    ],
)  # fmt: skip
def test_what_a_further_part_would_refuse_or_misread_is_refused_here(changes: Mapping[str, Any], sentence: str) -> None:
    assert problems(changes) == [sentence]


@pytest.mark.parametrize(
    "name", ["langpont-manual-1", "rds:langpont-prod-db-2026-11-20-03-10", "awsbackup:job-1f2e3d4c-0000",
             "arn:aws:rds:ap-northeast-1:123456789012:snapshot:theirs-copied"]
)  # fmt: skip
def test_a_snapshots_identifier_or_arn_is_accepted(name: str) -> None:
    settings(restored(snapshot=name))


@pytest.mark.parametrize("region", ["moon", "null"])
def test_a_region_that_is_none_is_told_by_itself(region: str) -> None:
    with pytest.raises(StackFileRefused) as refused:
        load(sections("prod"), environment="prod", region=region)
    assert [str(problem) for problem in refused.value.problems] == [
        f"aws:region {region} is not a region with RDS for PostgreSQL that this program knows. Write it like "
        "ap-northeast-3."
    ]


def test_a_setting_that_was_encrypted_is_refused_whatever_stands_for_it() -> None:
    document = merged(sections("prod"), {"monitoring": {"alertEmails": ["(encrypted: monitoring.alertEmails[0])"]}})
    with pytest.raises(StackFileRefused) as refused:
        load(document, environment="prod", region="ap-northeast-1", secret=["monitoring"])
    assert [str(problem) for problem in refused.value.problems] == [
        "monitoring has an encrypted value, and of the settings only webhooks are kept secret by this program. "
        "Set it anew with --plaintext instead of --secret."
    ]


HOOK = "https://events.example/KEY"


def test_webhooks_may_be_encrypted_and_no_other_section() -> None:
    offline = {"webhooks": {"critical": {"pagerduty": "(encrypted: langpont-database:webhooks.critical.pagerduty)"}}}
    for document in ({"webhooks": {"critical": {"pagerduty": HOOK}}}, offline):
        found = load(
            merged(sections("prod"), document), environment="prod", region="ap-northeast-1", secret=["webhooks"]
        )
        assert found.webhooks_encrypted
        assert list(found.webhooks.critical) == ["pagerduty"]
        assert "KEY" not in repr(found)


@pytest.mark.parametrize(
    ("document", "secret", "sentence"),
    [
        (
            {"webhooks": {"critical": {"pagerduty": "http://events.example/KEY"}}},
            ["webhooks"],
            "webhooks.critical.pagerduty is not an https address. Write it like "
            "https://events.example/integration/key.",
        ),
        (
            {"webhooks": {"critical": {"PagerDuty": HOOK}}},
            [],
            "webhooks.critical.PagerDuty is not lower-case letters, digits and single hyphens. Name it like pagerduty.",
        ),
        (
            {"webhooks": {"critical": [HOOK]}},
            [],
            "webhooks.critical is not a mapping. Write key: value, one a line, further to the right.",
        ),
        (
            {"webhooks": {"pagerduty": HOOK}},
            [],
            "webhooks.pagerduty is not a setting. Choose from critical, warning.",
        ),
        (
            {"webhooks": HOOK},
            ["webhooks"],
            "webhooks is not a mapping. Write key: value, one a line, further to the right.",
        ),
        (
            {"webhooks.critical.pagerduty": HOOK},
            ["webhooks.critical.pagerduty"],
            "webhooks.critical.pagerduty is a key by itself, which nothing reads: it was set without --path. Run "
            "pulumi config rm 'webhooks.critical.pagerduty', then pulumi config set --secret --path "
            "'webhooks.critical.pagerduty'.",
        ),
        (
            {"monitoring": {"critical": {"emails": ["database-alerts@langpont.example"]}}},
            [],
            "monitoring.critical.emails database-alerts@langpont.example stands in monitoring.alertEmails too, which "
            "hears of both severities. Take it out of one of them.",
        ),
        (
            {"monitoring": {"critical": {"phones": ["090-1111-2222"]}}},
            [],
            "monitoring.critical.phones[0] 090-1111-2222 does not have the right form. Write it like +819012345678.",
        ),
    ],
)
def test_what_is_wrong_with_a_listener_is_said_without_the_address_of_a_webhook(
    document: dict[str, Any], secret: list[str], sentence: str
) -> None:
    with pytest.raises(StackFileRefused) as refused:
        load(merged(sections("prod"), document), environment="prod", region="ap-northeast-1", secret=secret)
    assert [str(problem) for problem in refused.value.problems] == [sentence]
