"""The parameter compiler against the values of the design document, and every row of the catalogue."""

from __future__ import annotations

import pytest

from blueprint.postgres.catalogue import catalogue, reasoned
from blueprint.postgres.compile import CompiledParameter, HumanValue, compile_parameter, compile_parameters
from blueprint.postgres.effective import display, effective
from blueprint.postgres.formulas import resolve
from blueprint.postgres.parameter import Kind, Parameter
from blueprint.problems import Problem, Refused

GIB = 2**30
CATALOGUE = catalogue(16)

# What a person would write for each parameter, and what RDS is to get. One line for each settable row with a reason.
ACCEPTED: list[tuple[str, HumanValue, str, str]] = [
    ("shared_buffers", "25%", "{DBInstanceClassMemory/32768}", "pending-reboot"),
    ("effective_cache_size", "75%", "{DBInstanceClassMemory*3/32768}", "immediate"),
    ("work_mem", "16MB", "16384", "immediate"),
    ("maintenance_work_mem", "256MB", "262144", "immediate"),
    ("max_connections", 300, "300", "pending-reboot"),
    ("rds.rds_superuser_reserved_connections", 3, "3", "pending-reboot"),
    ("idle_in_transaction_session_timeout", "5min", "300000", "immediate"),
    ("idle_session_timeout", 0, "0", "immediate"),
    ("statement_timeout", "30s", "30000", "immediate"),
    ("lock_timeout", "10s", "10000", "immediate"),
    ("deadlock_timeout", "1s", "1000", "immediate"),
    ("tcp_keepalives_idle", "1min", "60", "immediate"),
    ("tcp_keepalives_interval", "10s", "10", "immediate"),
    ("tcp_keepalives_count", 6, "6", "immediate"),
    ("checkpoint_timeout", "10min", "600", "immediate"),
    ("checkpoint_completion_target", 0.9, "0.9", "pending-reboot"),
    ("wal_buffers", "16MB", "2048", "pending-reboot"),
    ("max_wal_size", "4GB", "4096", "immediate"),
    ("max_slot_wal_keep_size", "20GB", "20480", "immediate"),
    ("wal_keep_size", "4GB", "4096", "immediate"),
    ("max_wal_senders", 20, "20", "pending-reboot"),
    ("max_replication_slots", 20, "20", "pending-reboot"),
    ("rds.logical_replication", False, "0", "pending-reboot"),
    ("hot_standby_feedback", True, "1", "immediate"),
    ("max_standby_streaming_delay", "5min", "300000", "immediate"),
    ("max_standby_archive_delay", -1, "-1", "immediate"),
    ("autovacuum", "on", "1", "immediate"),
    ("autovacuum_max_workers", 3, "3", "pending-reboot"),
    ("autovacuum_vacuum_threshold", 50, "50", "immediate"),
    ("autovacuum_vacuum_scale_factor", 0.05, "0.05", "immediate"),
    ("autovacuum_analyze_threshold", 50, "50", "immediate"),
    ("autovacuum_analyze_scale_factor", "0.020", "0.02", "immediate"),
    ("rds.adaptive_autovacuum", "yes", "1", "pending-reboot"),
    ("random_page_cost", 1.1, "1.1", "immediate"),
    ("effective_io_concurrency", 200, "200", "immediate"),
    ("log_destination", "stderr", "stderr", "pending-reboot"),
    ("log_filename", "postgresql.log.%Y-%m-%d", "postgresql.log.%Y-%m-%d", "immediate"),
    ("log_rotation_age", "1h", "60", "pending-reboot"),
    ("rds.log_retention_period", "7d", "10080", "immediate"),
    ("log_line_prefix", "%t:%r:%u@%d:[%p]:", "%t:%r:%u@%d:[%p]:", "pending-reboot"),
    ("log_min_messages", "WARNING", "warning", "immediate"),
    ("log_statement", "ddl", "ddl", "immediate"),
    ("log_min_duration_statement", "1s", "1000", "immediate"),
    ("log_parameter_max_length", "1kB", "1024", "immediate"),
    ("log_parameter_max_length_on_error", "0B", "0", "immediate"),
    ("log_checkpoints", "on", "1", "pending-reboot"),
    ("log_connections", "on", "1", "immediate"),
    ("log_disconnections", "TRUE", "1", "immediate"),
    ("log_lock_waits", 1, "1", "immediate"),
    ("log_temp_files", "10MB", "10240", "immediate"),
    ("log_autovacuum_min_duration", "1s", "1000", "immediate"),
    ("rds.force_autovacuum_logging_level", "Info", "info", "immediate"),
    ("track_io_timing", "off", "0", "immediate"),
    ("rds.force_ssl", "on", "1", "pending-reboot"),
    ("ssl_min_protocol_version", "tlsv1.2", "TLSv1.2", "pending-reboot"),
    ("password_encryption", "scram-sha-256", "scram-sha-256", "pending-reboot"),
    ("rds.accepted_password_auth_method", "scram", "scram", "immediate"),
    ("rds.restrict_password_commands", "on", "1", "pending-reboot"),
    (
        "shared_preload_libraries",
        "pg_stat_statements, auto_explain",
        "pg_stat_statements,auto_explain",
        "pending-reboot",
    ),
    ("pg_stat_statements.track", "all", "ALL", "immediate"),
    ("pg_stat_statements.max", 10000, "10000", "pending-reboot"),
    ("pgaudit.log", "ddl, role, -misc", "ddl,role,-misc", "immediate"),
    ("pgaudit.role", "rds_pgaudit", "rds_pgaudit", "immediate"),
    ("auto_explain.log_min_duration", "5s", "5000", "immediate"),
    ("cron.database_name", "langpont", "langpont", "pending-reboot"),
]
# Parameters that people set, taken from PostgreSQL's own servers and RDS's list.
LISTED: list[tuple[str, HumanValue, str, str]] = [
    ("wal_sender_timeout", "1min", "60000", "immediate"),
    ("max_worker_processes", 16, "16", "pending-reboot"),
    ("client_encoding", "UTF8", "UTF8", "immediate"),
    ("timezone", "Asia/Tokyo", "Asia/Tokyo", "immediate"),
    ("log_hostname", "off", "0", "immediate"),
    ("max_locks_per_transaction", 256, "256", "pending-reboot"),
    ("min_wal_size", "1GB", "1024", "immediate"),
    ("seq_page_cost", 1, "1", "immediate"),
    ("temp_buffers", "16MB", "2048", "immediate"),
    ("max_parallel_workers_per_gather", 0, "0", "immediate"),
    ("temp_file_limit", "10GB", "10485760", "pending-reboot"),
    ("temp_file_limit", -1, "-1", "pending-reboot"),
    ("autovacuum_naptime", "30s", "30", "immediate"),
    ("synchronous_commit", True, "on", "immediate"),
    ("autovacuum_vacuum_cost_delay", "2ms", "2", "immediate"),
]

UNSETTABLE = {
    "archive_mode": (
        "is not a parameter of RDS, which archives the log itself for its backups. "
        "Leave it out (it is on), and set the days of backup retention."
    ),
    "default_text_search_config": (
        "is not a parameter of RDS. "
        "Set it on the database: ALTER DATABASE ... SET default_text_search_config = 'pg_catalog.english'."
    ),
    "ssl": (
        "is always on: RDS serves TLS whatever the group says. "
        "Leave it out; rds.force_ssl decides whether clients must use it."
    ),
    "ssl_prefer_server_ciphers": (
        "is not a parameter of RDS, and PostgreSQL has it on by default. "
        "Leave it out; ssl_min_protocol_version raises what clients must offer."
    ),
    "superuser_reserved_connections": (
        "cannot be changed: RDS keeps these slots for its own superuser. "
        "Leave it out (it is 3), or set rds.rds_superuser_reserved_connections."
    ),
    "wal_level": (
        "is not a parameter of RDS, which sets it itself. "
        "Leave it out (it is replica), or set rds.logical_replication to on for logical."
    ),
}


def refusal(name: str, asked: HumanValue, *, trusted: bool = False) -> str:
    with pytest.raises(Refused) as caught:
        compile_parameter(name, asked, trusted=trusted)
    return str(caught.value)


# The catalogue


def test_the_catalogue_holds_its_names_under_their_own_keys() -> None:
    assert [len(catalogue(major)) for major in (16, 17, 18)] == [381, 396, 416]
    assert all(name == parameter.name for name, parameter in CATALOGUE.items())


def test_every_name_with_a_reason_is_in_one_of_the_two_tables_here() -> None:
    assert len(ACCEPTED) == len({name for name, *_ in ACCEPTED})
    assert sorted([name for name, *_ in ACCEPTED] + list(UNSETTABLE)) == sorted(row.name for row in reasoned(16))


@pytest.mark.parametrize("parameter", CATALOGUE.values(), ids=lambda parameter: parameter.name)
def test_every_row_is_complete(parameter: Parameter) -> None:
    bounded = parameter.kind in (Kind.MEMORY, Kind.DURATION, Kind.INTEGER, Kind.REAL)
    with_unit = parameter.kind in (Kind.MEMORY, Kind.DURATION)
    assert parameter.why.endswith(".")
    assert (parameter.minimum is not None and parameter.maximum is not None) is bounded
    assert (parameter.unit is not None) is with_unit
    assert bool(parameter.values) is (parameter.kind in (Kind.ENUM, Kind.LIST)) or parameter.kind is Kind.TEXT
    assert (parameter.rds_default is None) is not (parameter.engine_default is None)


@pytest.mark.parametrize("parameter", CATALOGUE.values(), ids=lambda parameter: parameter.name)
def test_every_default_lies_within_its_own_rules(parameter: Parameter) -> None:
    value = effective(parameter.name, (), class_memory_bytes=4 * GIB)
    match parameter.kind:
        case Kind.MEMORY | Kind.DURATION | Kind.INTEGER | Kind.REAL:
            assert isinstance(value, int | float) and parameter.minimum is not None and parameter.maximum is not None
            assert value in parameter.special or parameter.minimum <= value <= parameter.maximum
        case Kind.BOOLEAN:
            assert parameter.default in ("0", "1")
        case _:
            assert not parameter.values or value in parameter.values


@pytest.mark.parametrize(("name", "asked", "value", "apply_method"), [*ACCEPTED, *LISTED])
def test_what_a_person_writes_becomes_what_rds_takes(
    name: str, asked: HumanValue, value: str, apply_method: str
) -> None:
    compiled = compile_parameter(name, asked)
    text = str(asked).lower() if isinstance(asked, bool) else str(asked)
    assert (compiled.name, compiled.asked, compiled.value) == (name, text, value)
    assert compiled.apply_method == apply_method
    assert (compiled.unit, compiled.static) == (CATALOGUE[name].unit, CATALOGUE[name].static)


# The errors of the document


def test_e7_eight_gib_of_shared_buffers_under_the_name_of_1gb_are_refused() -> None:
    """E7: the document's template says "1048576" and means 1 GB, on a class that has 4 GiB."""
    assert refusal("shared_buffers", "1048576") == (
        "has no unit, and RDS would read it as 1048576 x 8 kB = 8 GiB. Write 8GB if that is meant, "
        "1GB if the number counts kB, or a share of the instance's memory such as 25%."
    )
    assert compile_parameter("shared_buffers", "1GB").value == "131072"
    assert resolve(compile_parameter("shared_buffers", "25%").value, class_memory_bytes=4 * GIB) == "131072"


@pytest.mark.parametrize(("name", "sentence"), UNSETTABLE.items(), ids=list(UNSETTABLE))
@pytest.mark.parametrize("asked", ["on", "replica", 3, True])
def test_e19_what_rds_does_not_take_is_refused_with_its_own_reason(name: str, sentence: str, asked: HumanValue) -> None:
    assert refusal(name, asked) == sentence


def test_e19_the_log_line_prefix_of_the_document_is_refused() -> None:
    assert refusal("log_line_prefix", "%t [%p]: [%l-1] user=%u,db=%d,app=%a,client=%h ") == (
        'is not one of the texts that RDS allows. Leave it out, or write "%t:%r:%u@%d:[%p]:" or '
        '"%m:%r:%u@%d:[%p]:%l:%e:%s:%v:%x:%c:%q%a" to the letter.'
    )


def test_e21_csvlog_is_accepted_because_rds_accepts_it() -> None:
    """E21 is a matter of cost, decided in the stack files; jsonlog is what RDS does not know."""
    assert compile_parameter("log_destination", "csvlog").value == "csvlog"
    assert refusal("log_destination", "jsonlog") == (
        "is none of the values that RDS takes: stderr, csvlog. Write one of them."
    )


@pytest.mark.parametrize(
    ("name", "asked", "value", "shown"),
    [
        ("shared_buffers", "1GB", "131072", "131072 x 8 kB = 1 GiB"),
        ("work_mem", "16MB", "16384", "16384 kB = 16 MiB"),
        ("maintenance_work_mem", "256MB", "262144", "262144 kB = 256 MiB"),
        ("effective_cache_size", "3GB", "393216", "393216 x 8 kB = 3 GiB"),
        ("checkpoint_timeout", "10min", "600", "600 s = 10 min"),
        ("wal_buffers", "16MB", "2048", "2048 x 8 kB = 16 MiB"),
    ],
)
def test_e22_the_units_of_the_document_become_base_units(name: str, asked: str, value: str, shown: str) -> None:
    """E22: the document's SQL form; RDS refuses a value with a suffix."""
    compiled = compile_parameter(name, asked)
    assert (compiled.value, display(compiled, 4 * GIB)) == (value, shown)


@pytest.mark.parametrize(
    ("name", "asked", "sentence"),
    [
        ("work_mem", "16384", "has no unit, and RDS would read it as 16384 kB = 16 MiB. Write 16MB if that is meant."),
        (
            "maintenance_work_mem",
            "262144",
            "has no unit, and RDS would read it as 262144 kB = 256 MiB. "
            "Write 256MB if that is meant, or a share of the instance's memory such as 5%.",
        ),
        (
            "effective_cache_size",
            "393216",
            "has no unit, and RDS would read it as 393216 x 8 kB = 3 GiB. Write 3GB if that is meant, "
            "384MB if the number counts kB, or a share of the instance's memory such as 75%.",
        ),
        (
            "log_min_duration_statement",
            1000,
            "has no unit, and RDS would read it as 1000 ms = 1 s. Write 1s if that is meant.",
        ),
        ("max_slot_wal_keep_size", 0, "has no unit, and RDS would read it as 0 MB. Write 0MB if that is meant."),
        ("checkpoint_timeout", 5, "has no unit. Write it with its unit, such as 5min."),
        ("work_mem", 0.5, "has no unit. Write it with its unit, such as 4MB."),
        (
            "shared_buffers",
            25,
            "has no unit. Write it with its unit, such as 16MB, or as a share of the instance's memory such as 25%.",
        ),
        ("log_temp_files", -5, "has no unit. Write it with its unit, such as 16MB; -1 means off; 0 means every file."),
    ],
)
def test_e22_a_bare_number_for_a_parameter_with_a_unit_is_refused(name: str, asked: HumanValue, sentence: str) -> None:
    assert refusal(name, asked) == sentence


def test_e24_a_static_parameter_waits_for_a_reboot_and_a_dynamic_one_does_not() -> None:
    """E24: the provider's default, immediate, is refused by RDS for a static parameter."""
    compiled, problems = compile_parameters({"shared_buffers": "1GB", "max_connections": "300", "work_mem": "16MB"})
    assert problems == ()
    assert {item.name: item.apply_method for item in compiled} == {
        "shared_buffers": "pending-reboot",
        "max_connections": "pending-reboot",
        "work_mem": "immediate",
    }


def test_e25_the_text_search_configuration_is_sent_to_the_database() -> None:
    assert refusal("default_text_search_config", "pg_catalog.english") == UNSETTABLE["default_text_search_config"]


# Apply method


def test_a_value_equal_to_what_rds_sets_is_pending_reboot_because_it_would_never_converge() -> None:
    assert compile_parameter("effective_cache_size", "50%").apply_method == "pending-reboot"
    assert compile_parameter("idle_in_transaction_session_timeout", "24h").apply_method == "pending-reboot"
    assert compile_parameter("idle_in_transaction_session_timeout", "23h").apply_method == "immediate"


def test_a_value_equal_to_a_default_that_rds_does_not_set_is_immediate() -> None:
    assert compile_parameter("work_mem", "4MB").apply_method == "immediate"


# All problems of a stack file


def test_an_unknown_name_is_refused_with_the_nearest_known_one() -> None:
    assert refusal("Shared_Bufers", "25%") == (
        "is for a parameter that the postgres16 catalogue does not know. "
        "Write shared_buffers, or list Shared_Bufers in database.trustedParameters if RDS has it."
    )
    assert refusal("zzz", 1) == (
        "is for a parameter that the postgres16 catalogue does not know. "
        "List zzz in database.trustedParameters if RDS has it."
    )


def test_all_problems_come_at_once_with_the_path_of_the_stack_file() -> None:
    compiled, problems = compile_parameters(
        {"work_mem": "16MB", "wal_level": "replica", "autovacuum": "on", "ssl": True}
    )
    assert [item.name for item in compiled] == ["autovacuum", "work_mem"]
    assert [str(problem) for problem in problems] == [
        f"database.parameters.ssl true {UNSETTABLE['ssl']}",
        f"database.parameters.wal_level replica {UNSETTABLE['wal_level']}",
    ]


def test_the_path_can_be_that_of_a_replica() -> None:
    _, problems = compile_parameters({"max_connections": 5}, field="replicas.replica-1.parameters")
    assert problems == (
        Problem(
            field="replicas.replica-1.parameters.max_connections",
            value="5",
            rule="is below the minimum of 6",
            way_out="Write 6 or more",
        ),
    )


# Trusted names


@pytest.mark.parametrize(("asked", "value"), [("7", "7"), (7, "7"), (0.5, "0.5"), (True, "1"), (False, "0")])
def test_a_trusted_unknown_parameter_passes_as_it_stands_and_waits_for_a_reboot(asked: HumanValue, value: str) -> None:
    compiled, problems = compile_parameters({"rds.new_thing": asked}, trusted=["rds.new_thing"])
    assert problems == ()
    assert compiled == (
        CompiledParameter(
            name="rds.new_thing",
            asked=str(asked).lower(),
            value=value,
            apply_method="pending-reboot",
            parameter=None,
        ),
    )
    assert display(compiled[0], 4 * GIB) == value
    assert effective("rds.new_thing", compiled, class_memory_bytes=4 * GIB) == value


def test_trust_overrules_what_the_catalogue_says_but_for_type_and_unit() -> None:
    compiled = compile_parameter("ssl", "on", trusted=True)
    assert (compiled.value, compiled.apply_method) == ("1", "pending-reboot")
    for name, asked, value in (
        ("effective_io_concurrency", 300, "300"),
        ("log_filename", "postgresql.log.%Y-%m-%d-%H%M", "postgresql.log.%Y-%m-%d-%H%M"),
        ("ssl_min_protocol_version", "TLSv1.3", "TLSv1.3"),
        ("max_connections", "LEAST({DBInstanceClassMemory/9531392},500)", "LEAST({DBInstanceClassMemory/9531392},500)"),
        ("shared_preload_libraries", "pg_stat_statements, pg_new", "pg_stat_statements,pg_new"),
        ("work_mem", "1%", "{DBInstanceClassMemory/102400}"),
        ("rds.log_retention_period", "30d", "43200"),
        ("log_lock_failures", "on", "on"),
    ):
        assert compile_parameter(name, asked, trusted=True).value == value
    for name, asked, sentence in (
        ("ssl", "maybe", "is neither on nor off. Write on or off."),
        ("max_connections", "300MB", "is not a whole number. Write digits."),
        ("work_mem", 16384, "has no unit, and RDS would read it as 16384 kB = 16 MiB. Write 16MB if that is meant, "
         "or a share of the instance's memory such as 25%."),
        ("ssl_min_protocol_version", "TLS 1.3", "is not a word. Write the value as RDS lists it."),
        ("random_page_cost", "cheap", "is not a number. Write one."),
    ):  # fmt: skip
        assert refusal(name, asked, trusted=True) == sentence


def test_a_trusted_value_that_rds_cannot_take_is_converted_where_the_unit_is_known_and_refused_where_it_is_not() -> (
    None
):
    assert compile_parameter("wal_init_zero", "on", trusted=True).value == "1"
    assert compile_parameter("wal_writer_flush_after", "1MB", trusted=True).value == "128"
    assert refusal("rds.new_size", "10GB", trusted=True) == (
        "has a unit, and RDS takes a bare number of the parameter's own unit, which this program does not know. Write "
        "the number in the unit of the list that this prints: aws rds describe-engine-default-parameters "
        "--db-parameter-group-family postgres16."
    )


def test_a_setting_that_nobody_has_seen_in_rds_asks_for_trust_and_then_waits_for_a_reboot() -> None:
    assert refusal("wal_init_zero", "on") == (
        "is for a setting of PostgreSQL 16 that nobody here has seen in RDS's list. List wal_init_zero in "
        "database.trustedParameters if this has it: aws rds describe-engine-default-parameters "
        "--db-parameter-group-family postgres16."
    )
    assert compile_parameter("wal_init_zero", "on", trusted=True).apply_method == "pending-reboot"
    assert refusal("block_size", "16kB") == "is fixed when PostgreSQL or the database cluster is made. Leave it out."


def test_a_formula_is_taken_where_rds_has_one_or_a_share_makes_sense() -> None:
    for name, asked, value in (
        ("shared_buffers", "LEAST(25%, 8GB)", "LEAST({DBInstanceClassMemory/32768},1048576)"),
        ("shared_buffers", "{DBInstanceClassMemory/32768}", "{DBInstanceClassMemory/32768}"),
        ("maintenance_work_mem", "GREATEST(5%, 64MB)", "GREATEST({DBInstanceClassMemory/20480},65536)"),
        (
            "max_connections",
            "LEAST({DBInstanceClassMemory/9531392}, 500)",
            "LEAST({DBInstanceClassMemory/9531392},500)",
        ),
    ):
        assert compile_parameter(name, asked).value == value
    for name, asked, sentence in (
        ("work_mem", "{DBInstanceClassMemory/32768}", "is not a size. Write it with its unit, such as 4MB."),
        ("shared_buffers", "LEAST(25%)", "is LEAST of less than two amounts. Write it like LEAST(25%, 8GB)."),
        ("shared_buffers", "LEAST(25%, 8)", "has an argument 8, which has no unit. Write it with its unit, such as "
         "16MB, or as a share of the instance's memory such as 25%."),
        ("shared_buffers", "{AllocatedStorage}", "holds {AllocatedStorage} where a formula of RDS is due. Write an "
         "integer, {DBInstanceClassMemory*K/N}, LEAST(...) or GREATEST(...)."),
    ):  # fmt: skip
        assert refusal(name, asked) == sentence


# Majors


@pytest.mark.parametrize(
    ("major", "name", "asked", "value", "apply_method"),
    [
        (17, "log_connections", "on", "1", "immediate"),
        (18, "log_connections", "all", "all", "immediate"),
        (17, "autovacuum_max_workers", 3, "3", "pending-reboot"),
        (18, "autovacuum_max_workers", 3, "3", "immediate"),
        (17, "maintenance_work_mem", "64kB", "64", "immediate"),
        (18, "io_method", "sync", "sync", "pending-reboot"),
        (18, "io_workers", 5, "5", "immediate"),
        (18, "autovacuum_worker_slots", 32, "32", "pending-reboot"),
    ],
)
def test_a_major_takes_its_own_values(major: int, name: str, asked: HumanValue, value: str, apply_method: str) -> None:
    compiled = compile_parameter(name, asked, major=major)
    assert (compiled.value, compiled.apply_method) == (value, apply_method)


@pytest.mark.parametrize(
    ("major", "name", "asked", "sentence"),
    [
        (18, "log_connections", True, "is none of the values that RDS takes: receipt, authentication, authorization, "
         "setup_durations, all. Write one of them."),
        (18, "io_method", "io_uring", "is none of the values that RDS takes: sync, worker. Write one of them."),
        (16, "io_method", "sync", "is for a parameter that came with PostgreSQL 18. Leave it out until then."),
        (17, "old_snapshot_threshold", "1h", "is for a parameter that PostgreSQL 17 no longer has. Leave it out."),
        (16, "maintenance_work_mem", "64kB", "is below the minimum of 1MB. Write 1MB or more."),
    ],
)  # fmt: skip
def test_a_major_refuses_what_is_another_majors(major: int, name: str, asked: HumanValue, sentence: str) -> None:
    with pytest.raises(Refused) as caught:
        compile_parameter(name, asked, major=major)
    assert str(caught.value) == sentence


def test_a_trusted_name_that_the_major_no_longer_has_is_refused_all_the_same() -> None:
    with pytest.raises(Refused) as caught:
        compile_parameter("db_user_namespace", "off", major=17, trusted=True)
    assert str(caught.value) == "is for a parameter that PostgreSQL 17 no longer has. Leave it out."
