"""What a person may not write for a parameter, by the whole sentence."""

from __future__ import annotations

import pytest

from blueprint.postgres.compile import HumanValue, compile_parameter
from blueprint.problems import Refused


def refusal(name: str, asked: HumanValue, *, trusted: bool = False) -> str:
    with pytest.raises(Refused) as caught:
        compile_parameter(name, asked, trusted=trusted)
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "asked", "sentence"),
    [
        ("work_mem", "16mb", 'has the unit "mb", and the case of a unit matters to PostgreSQL. Write 16MB.'),
        ("work_mem", "64KB", 'has the unit "KB", and the case of a unit matters to PostgreSQL. Write 64kB.'),
        (
            "checkpoint_timeout",
            "10 MIN",
            'has the unit "MIN", and the case of a unit matters to PostgreSQL. Write 10min.',
        ),
        (
            "work_mem",
            "16MiB",
            'has the unit "MiB", which is none of B, kB, MB, GB, TB. Write it with its unit, such as 4MB.',
        ),
        (
            "statement_timeout",
            "10m",
            'has the unit "m", which is none of us, ms, s, min, h, d. '
            "Write it with its unit, such as 10min; 0 means off.",
        ),
        (
            "work_mem",
            "10min",
            'has the unit "min", which is none of B, kB, MB, GB, TB. Write it with its unit, such as 4MB.',
        ),
        (
            "shared_buffers",
            "1500kB",
            "is not a whole number of pages of 8 kB, and RDS takes no part of one. Write 1496kB or 1504kB.",
        ),
        (
            "log_rotation_age",
            "90s",
            "is not a whole number of minutes, and RDS takes no part of one. Write 1min or 2min.",
        ),
        ("lock_timeout", "500us", "is not a whole number of ms, and RDS takes no part of one. Write 1ms."),
        ("shared_buffers", "512kB", "is below the minimum of 1MB. Write 1MB or more."),
        ("wal_buffers", "24kB", "is below the minimum of 32kB. Write 32kB or more."),
        ("rds.log_retention_period", "30d", "is above the maximum of 7d. Write 7d or less."),
        ("max_connections", 5, "is below the minimum of 6. Write 6 or more."),
        ("random_page_cost", "-1", "is below the minimum of 0. Write 0 or more."),
        ("max_connections", "300MB", "is not a whole number. Write one from 6 to 262143."),
        ("max_connections", 1.5, "is not a whole number. Write one from 6 to 262143."),
        ("max_connections", True, "is not a whole number. Write one from 6 to 262143."),
        ("checkpoint_completion_target", "nan", "is not a number. Write one from 0 to 1."),
        ("work_mem", "plenty", "is not a size. Write it with its unit, such as 4MB."),
        ("statement_timeout", "", "is not a duration. Write it with its unit, such as 10min; 0 means off."),
        (
            "log_temp_files",
            False,
            "is not a size. Write it with its unit, such as 16MB; -1 means off; 0 means every file.",
        ),
        ("application_name", "", "is empty, which RDS takes for its default. Leave it out, or write its text."),
        ("autovacuum", "maybe", "is neither on nor off. Write on or off."),
        ("autovacuum", 2, "is neither on nor off. Write on or off."),
        (
            "rds.accepted_password_auth_method",
            "scram-sha-256",
            "is none of the values that RDS takes: md5+scram, scram. Write one of them.",
        ),
        (
            "work_mem",
            "1%",
            "is a share of the instance's memory, which makes sense for shared_buffers, effective_cache_size, "
            "maintenance_work_mem only. Write it with its unit, such as 4MB.",
        ),
        (
            "shared_buffers",
            "100%",
            "is not a percentage between 0% and 100% with at most two decimals. Write one such as 25%.",
        ),
        (
            "shared_preload_libraries",
            "pgaudit,auto_explain",
            "replaces the list of RDS and so drops pg_stat_statements, without which no query statistics are kept. "
            "Write pg_stat_statements,pgaudit,auto_explain.",
        ),
        (
            "shared_preload_libraries",
            "pg_stat_statements,timescaledb",
            'names "timescaledb", which is not one that RDS loads. Choose from auto_explain, orafce, pg_bigm, pg_cron, '
            "pg_hint_plan, pg_prewarm, pg_similarity, pg_stat_statements, pg_tle, pg_transport, pgaudit, pglogical, "
            "plprofiler.",
        ),
        (
            "shared_preload_libraries",
            "pg_stat_statements,pg_stat_statements",
            'names "pg_stat_statements" twice. Write it once.',
        ),
    ],
)
def test_a_wrong_value_is_refused_with_the_rule_and_the_way_out(name: str, asked: HumanValue, sentence: str) -> None:
    assert refusal(name, asked) == sentence
