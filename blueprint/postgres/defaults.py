"""The parameters that every database gets, in human values, with where each comes from.

A stack file adds to them, or overrides one by name. What depends on the instance's size (max_connections, work_mem,
maintenance_work_mem) is not here: it stands in the stack file beside the class.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from blueprint.postgres.compile import HumanValue
from blueprint.postgres.version import MAJOR


class Default(NamedTuple):
    """One parameter: its human value and why it has it."""

    name: str
    value: HumanValue
    reason: str


DEFAULTS = (
    Default("shared_buffers", "25%", "the document's 1GB of 4 GiB, right for every class (E7)"),
    Default("effective_cache_size", "75%", "the document's 3GB of 4 GiB, right for every class"),
    Default("wal_buffers", "16MB", "document"),
    Default("checkpoint_timeout", "10min", "document"),
    Default("checkpoint_completion_target", 0.9, "document; also the RDS default"),
    Default("random_page_cost", 1.1, "document: SSD"),
    Default("effective_io_concurrency", 200, "document: SSD"),
    Default("autovacuum", "on", "document"),
    Default("autovacuum_max_workers", 3, "document"),
    Default("autovacuum_vacuum_threshold", 50, "document"),
    Default("autovacuum_analyze_threshold", 50, "document"),
    Default("log_autovacuum_min_duration", "10s", "which vacuum was slow (E27)"),
    Default("log_min_duration_statement", "1s", "document"),
    Default("log_min_messages", "warning", "document"),
    Default("log_checkpoints", "on", "document"),
    Default("log_connections", "on", "document"),
    Default("log_disconnections", "on", "document"),
    Default("log_lock_waits", "on", "document"),
    Default("log_statement", "ddl", "document; passwords reach SQL only as SCRAM verifiers (E20)"),
    Default("log_parameter_max_length", "0B", "bound values are users' texts, and the log goes to CloudWatch"),
    Default("log_temp_files", "10MB", "which sort did not fit work_mem (E27)"),
    Default("idle_in_transaction_session_timeout", "5min", "RDS waits 24 hours; locks and vacuum cannot (E27)"),
    Default("max_slot_wal_keep_size", "10GB", "a dead replica must not fill the primary's disk (E27)"),
    Default("password_encryption", "scram-sha-256", "document"),
    Default("rds.accepted_password_auth_method", "scram", "md5 verifiers are refused at login (E26)"),
    Default("rds.force_ssl", "on", "document"),
    Default("shared_preload_libraries", "pg_stat_statements", "stated, so that an addition keeps it (E26)"),
    Default("pg_stat_statements.track", "ALL", "statements inside functions too"),
)

# A replica that serves reads should rather hold vacuum back a little than cancel a page's query; one for analytics
# may fall behind for as long as a report runs, and must not bloat the primary.
BY_PURPOSE: Mapping[str, tuple[Default, ...]] = {
    "reads": (
        Default("hot_standby_feedback", "on", "short reads are not cancelled by vacuum"),
        Default("max_standby_streaming_delay", "30s", "fresh within half a minute"),
    ),
    "analytics": (
        Default("hot_standby_feedback", "off", "an hour's report must not bloat the primary"),
        Default("max_standby_streaming_delay", "1h", "a report ends before replay cancels it"),
    ),
}
# Seconds of lag that a purpose allows before the alarm: the document's 30, and for analytics its delay beside them.
LAG_SECONDS: Mapping[str, int] = {"reads": 30, "analytics": 3630}


# From a major on: the same in its words.
FROM_MAJOR: Mapping[int, tuple[Default, ...]] = {
    18: (Default("log_connections", "all", "on in the words of 18"),),
}


def asked_of_primary(overrides: Mapping[str, HumanValue], major: int = MAJOR) -> dict[str, HumanValue]:
    """Human values of the primary's group."""
    of_major = [default for since, rows in FROM_MAJOR.items() if since <= major for default in rows]
    return {default.name: default.value for default in (*DEFAULTS, *of_major)} | dict(overrides)


def asked_of_replica(
    primary_overrides: Mapping[str, HumanValue],
    purpose: str,
    overrides: Mapping[str, HumanValue],
    major: int = MAJOR,
) -> dict[str, HumanValue]:
    """Human values of a replica's group: the primary's, its purpose's, its own."""
    by_purpose = {default.name: default.value for default in BY_PURPOSE[purpose]}
    return asked_of_primary(primary_overrides, major) | by_purpose | dict(overrides)
