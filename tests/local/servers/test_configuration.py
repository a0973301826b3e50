"""The text of a server's configuration, and what a change of it needs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.servers.configuration import (
    Difference,
    Machine,
    ServerConfiguration,
    configuration,
    difference,
    ident,
    is_placeholder,
    own_settings,
    parse,
    standby_floor,
    substitutions,
)
from local.servers.plan import GroupParameter, InstancePlan, data_plan
from local.servers.tls import Certificates
from tests.recordings import recording

CERTIFICATES = Certificates(Path("/t/ca.pem"), Path("/t/server.pem"), Path("/t/server.key"))
MACHINE = Machine(
    port=5555,
    primary_port=5554,
    sockets=Path("/s"),
    logs=Path("/l"),
    certificates=CERTIFICATES,
    libraries=frozenset({"pg_stat_statements", "plpgsql"}),
)


def instance(role: str = "primary", **values: str) -> InstancePlan:
    """A medium instance whose group has these values, all of them dynamic."""
    return InstancePlan(
        role=role,
        identifier=f"langpont-test-{role}",
        source=None if role == "primary" else "langpont-test-primary",
        instance_class="db.t3.medium",
        memory_bytes=4 * 2**30,
        parameters=tuple(
            GroupParameter(name=name.replace("__", "."), value=value, apply_method="immediate")
            for name, value in values.items()
        ),
    )


def test_formulas_come_to_what_the_class_has() -> None:
    plan = data_plan(recording("prod"))
    assert [own_settings(i)["shared_buffers"] for i in plan.instances] == ["116654", "116654", "241172"]


def test_what_rds_sets_stands_where_the_group_says_nothing() -> None:
    settings = own_settings(instance())
    assert (settings["max_wal_senders"], settings["rds.force_ssl"]) == ("35", "1")
    assert settings["max_connections"] == str(4 * 2**30 // 9531392)
    assert "archive_mode" not in settings  # RDS's own archive; here it would keep every segment for ever


def test_a_group_wins_over_rds_and_the_machine_over_the_group() -> None:
    settings = configuration(instance(log_line_prefix="x", port="1"), {}, MACHINE).settings
    assert (settings["log_line_prefix"], settings["port"]) == ("x", "5555")


def test_a_standby_takes_five_values_from_its_primary_where_they_are_higher() -> None:
    floor = standby_floor(own_settings(instance(max_connections="300", max_wal_senders="5")))
    made = configuration(instance("replica-1", max_connections="200", max_wal_senders="30"), floor, MACHINE)
    assert made.raised == {"max_connections": "300"}
    assert (made.settings["max_connections"], made.settings["max_wal_senders"]) == ("300", "30")


def test_a_standby_follows_its_primary_by_its_slot() -> None:
    settings = configuration(instance("replica-1"), {}, MACHINE).settings
    assert settings["primary_slot_name"] == "replica_1"
    assert settings["primary_conninfo"] == ("host=/s port=5554 user=rdsadmin application_name=langpont-test-replica-1")
    assert "primary_slot_name" not in configuration(instance(), {}, MACHINE).settings


@pytest.mark.parametrize(
    ("values", "certificates", "line"),
    [
        ({}, CERTIFICATES, "hostssl all all 127.0.0.1/32 md5"),
        ({"rds__accepted_password_auth_method": "scram"}, CERTIFICATES, "hostssl all all 127.0.0.1/32 scram-sha-256"),
        ({"rds__force_ssl": "0"}, CERTIFICATES, "host all all 127.0.0.1/32 md5"),
        ({"rds__force_ssl": "1"}, None, "host all all 127.0.0.1/32 md5"),
    ],
)
def test_forced_tls_and_accepted_passwords_are_in_the_hba_file(
    values: dict[str, str], certificates: Certificates | None, line: str
) -> None:
    made = configuration(instance(**values), {}, replace(MACHINE, certificates=certificates))
    assert line in made.hba.splitlines()
    assert ("ssl" in made.settings) == (certificates is not None)


def test_the_superuser_comes_by_the_socket_alone() -> None:
    lines = configuration(instance(), {}, MACHINE).hba.splitlines()
    assert lines[:3] == [
        "local all rdsadmin peer map=langpont",
        "local replication rdsadmin peer map=langpont",
        "host all rdsadmin samehost reject",
    ]
    assert ident(["postgres", "root", "postgres"]) == "langpont postgres rdsadmin\nlangpont root rdsadmin\n"


def test_a_library_that_is_not_there_is_not_loaded() -> None:
    made = configuration(instance(shared_preload_libraries="pg_stat_statements,pgaudit"), {}, MACHINE)
    assert made.settings["shared_preload_libraries"] == "pg_stat_statements"


def test_substitutions_are_named() -> None:
    plan = data_plan(recording("prod"))
    named = [s.what for s in substitutions(plan, "16.14", frozenset(), openssl=False, prefetch=False)]
    assert named == [
        "PostgreSQL 16",
        "TLS",
        "shared_preload_libraries: pg_stat_statements",
        "rds.accepted_password_auth_method",
        "rds.force_ssl",
        "effective_io_concurrency",
        "rds_superuser",
        "rds_iam",
        "storage, backups, Multi-AZ",
    ]


def test_another_minor_than_rds_has_is_said() -> None:
    plan = data_plan(recording("prod"))

    def told(asked: str, runs: str) -> str:
        it = replace(plan, instances=(replace(plan.primary, engine_version=asked, major=17), *plan.replicas))
        return str(substitutions(it, runs, frozenset({"pg_stat_statements"}), openssl=True, prefetch=True)[0])

    assert told("17.11", "17.10") == "PostgreSQL 17.11: 17.10 runs here, which is what packages have"
    assert told("17", "17.10") == "PostgreSQL 17: 17.10 runs here, and RDS takes 17.11 or what is newest then"
    assert told("17.10", "17.10").startswith("rds.")
    assert told("17", "17.11").startswith("rds.")


def test_a_parameter_that_is_dynamic_from_18_on_is_reloaded_there() -> None:
    def changed(major: int) -> Difference:
        told = replace(instance(autovacuum_max_workers="4"), major=major, parameters=())
        new = configuration(told, {}, MACHINE)
        return difference({**new.settings, "autovacuum_max_workers": "9"}, new)

    assert changed(17) == Difference(reload=(), restart=("autovacuum_max_workers",))
    assert changed(18) == Difference(reload=("autovacuum_max_workers",), restart=())


def test_placeholders_are_those_without_a_library() -> None:
    libraries = frozenset({"pg_stat_statements"})
    names = ["work_mem", "rds.force_ssl", "pg_stat_statements.track", "pgaudit.log"]
    assert [name for name in names if is_placeholder(name, libraries)] == ["rds.force_ssl", "pgaudit.log"]


def test_a_change_is_reloaded_or_restarted_by_its_apply_method() -> None:
    old = configuration(instance(work_mem="4096", max_connections="100"), {}, MACHINE).settings
    new = configuration(instance(work_mem="8192", max_connections="200", rds__force_ssl="0"), {}, MACHINE)
    methods = {"work_mem": "immediate", "max_connections": "pending-reboot", "rds.force_ssl": "immediate"}
    changed = difference(old, replace(new, methods=methods))
    assert changed.reload == ("rds.force_ssl", "work_mem")
    assert changed.restart == ("max_connections",)
    assert difference(new.settings, new) == difference({}, replace(new, settings={}))


def test_a_dynamic_parameter_waits_for_a_restart_where_the_group_says_so() -> None:
    new = replace(configuration(instance(work_mem="8192"), {}, MACHINE), methods={"work_mem": "pending-reboot"})
    assert difference({**new.settings, "work_mem": "4096"}, new).restart == ("work_mem",)


def test_another_port_needs_a_restart() -> None:
    old = configuration(instance(), {}, MACHINE).settings
    new = configuration(instance(), {}, replace(MACHINE, port=5556))
    assert difference(old, new).restart == ("port",)


@given(
    st.dictionaries(
        st.from_regex(r"[a-z_.]{1,10}", fullmatch=True),
        st.text(st.characters(exclude_categories=("C", "Z"))),
        max_size=5,
    )
)
def test_what_is_written_is_read_again(settings: dict[str, str]) -> None:
    made = ServerConfiguration(settings=settings, raised={}, methods={}, hba="", major=16)
    assert parse(made.text) == settings
