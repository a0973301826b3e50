"""What RDS does with PostgreSQL's parameters, by major: the rows that this project has reasons for, and all others.

Sources of the rows here: the RDS user guide ("Working with parameters on your RDS for PostgreSQL DB instance"),
listings of real RDS and Aurora default groups, and PostgreSQL. Unit, bounds and context (postmaster = static) of every
name that PostgreSQL itself has were compared with pg_settings of a PostgreSQL 16.14 (pg_stat_statements with its
source), 17.10 and 18.6. All other settings of these servers are in `engine_settings.json`. RDS's own list was not read
from a live account: `confidence` says what is left open, and
`aws rds describe-engine-default-parameters --db-parameter-group-family postgres16` settles it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from types import MappingProxyType
from typing import Any, Final

from blueprint.postgres.engine_settings import engine_rows
from blueprint.postgres.parameter import INT_MAX, Apply, Kind, Parameter, Unsettable

_MEMORY, _DURATION, _INTEGER, _REAL = Kind.MEMORY, Kind.DURATION, Kind.INTEGER, Kind.REAL
_BOOLEAN, _ENUM, _TEXT, _LIST = Kind.BOOLEAN, Kind.ENUM, Kind.TEXT, Kind.LIST
_STATIC, _DYNAMIC = Apply.STATIC, Apply.DYNAMIC

_LEVELS = ("debug5", "debug4", "debug3", "debug2", "debug1", "info", "notice", "warning", "error", "log", "fatal")
# RDS lists 0 to INT_MAX, but Linux refuses more than these (include/net/tcp.h: MAX_TCP_KEEPIDLE, MAX_TCP_KEEPINTVL,
# MAX_TCP_KEEPCNT); PostgreSQL then writes a line to its log and leaves the socket as it was.
_LINUX_KEEPALIVE_SECONDS = 32_767
_LINUX_KEEPALIVE_PROBES = 127
_AUDITED = ("none", "all", "read", "write", "function", "role", "ddl", "misc", "misc_set")
_ZERO_IS_OFF = MappingProxyType({0: "off"})
_ZERO_IS_SYSTEM = MappingProxyType({0: "the operating system's default"})
_STANDBY_WAIT = MappingProxyType({-1: "no limit", 0: "cancel at once"})

# fmt: off
_ROWS: tuple[Parameter, ...] = (
    # Memory
    Parameter("shared_buffers", _MEMORY, _STATIC, unit="8kB", minimum=128, maximum=1_073_741_823, usual_share="25%",
              rds_default="{DBInstanceClassMemory/32768}",
              why="RDS asks for 128 pages, PostgreSQL for 16. With more than the class has, it does not start."),
    Parameter("effective_cache_size", _MEMORY, _DYNAMIC, unit="8kB", minimum=1, maximum=INT_MAX, usual_share="75%",
              rds_default="{DBInstanceClassMemory/16384}",
              why="Only the planner's estimate: nothing is allocated."),
    Parameter("work_mem", _MEMORY, _DYNAMIC, unit="kB", minimum=64, maximum=INT_MAX, engine_default="4096",
              why="For each sort or hash of each backend, so its room depends on the connections, not on a share."),
    Parameter("maintenance_work_mem", _MEMORY, _DYNAMIC, unit="kB", minimum=1024, maximum=INT_MAX, usual_share="5%",
              rds_default="GREATEST({DBInstanceClassMemory*1024/63963136},65536)",
              why="Each autovacuum worker can take this much, since autovacuum_work_mem is -1."),
    # Connections
    Parameter("max_connections", _INTEGER, _STATIC, minimum=6, maximum=262_143,
              rds_default="LEAST({DBInstanceClassMemory/9531392},5000)",
              why="RDS raises a replica's value to its source's without a word."),
    Parameter("superuser_reserved_connections", _INTEGER, _STATIC, minimum=0, maximum=262_143, engine_default="3",
              unsettable=Unsettable("cannot be changed: RDS keeps these slots for its own superuser",
                                    "Leave it out (it is 3), or set rds.rds_superuser_reserved_connections"),
              confidence="medium-high", why="Listed with IsModifiable=false, in 2020 and in 2023."),
    Parameter("rds.rds_superuser_reserved_connections", _INTEGER, _STATIC, minimum=0, maximum=262_143, rds_default="2",
              confidence="medium-high", why="Slots for members of rds_superuser, the settable counterpart."),
    Parameter("idle_in_transaction_session_timeout", _DURATION, _DYNAMIC, unit="ms", minimum=0, maximum=INT_MAX,
              special=_ZERO_IS_OFF, rds_default="86400000",
              why="RDS waits a day; an open transaction holds back vacuum all that time."),
    Parameter("idle_session_timeout", _DURATION, _DYNAMIC, unit="ms", minimum=0, maximum=INT_MAX, special=_ZERO_IS_OFF,
              engine_default="0", confidence="medium-high", why="Also ends the idle server sessions of a pooler."),
    Parameter("statement_timeout", _DURATION, _DYNAMIC, unit="ms", minimum=0, maximum=INT_MAX, special=_ZERO_IS_OFF,
              engine_default="0", why="Better set for each role: here it also ends dumps and index builds."),
    Parameter("lock_timeout", _DURATION, _DYNAMIC, unit="ms", minimum=0, maximum=INT_MAX, special=_ZERO_IS_OFF,
              engine_default="0", confidence="medium", why="Better set for each role, as statement_timeout."),
    Parameter("deadlock_timeout", _DURATION, _DYNAMIC, unit="ms", minimum=1, maximum=INT_MAX, engine_default="1000",
              why="Also the wait after which log_lock_waits writes a line."),
    Parameter("tcp_keepalives_idle", _DURATION, _DYNAMIC, unit="s", minimum=0, maximum=_LINUX_KEEPALIVE_SECONDS,
              special=_ZERO_IS_SYSTEM, engine_default="0", why="How soon the server starts to probe a silent client."),
    Parameter("tcp_keepalives_interval", _DURATION, _DYNAMIC, unit="s", minimum=0, maximum=_LINUX_KEEPALIVE_SECONDS,
              special=_ZERO_IS_SYSTEM, engine_default="0", why="Between two probes of a silent client."),
    Parameter("tcp_keepalives_count", _INTEGER, _DYNAMIC, minimum=0, maximum=_LINUX_KEEPALIVE_PROBES,
              special=_ZERO_IS_SYSTEM, engine_default="0", why="Lost probes before the session ends."),
    # Write-ahead log and checkpoints
    Parameter("checkpoint_timeout", _DURATION, _DYNAMIC, unit="s", minimum=30, maximum=86_400, engine_default="300",
              confidence="medium-high", why="Bounds are PostgreSQL's; 600 and 1800 are seen in public RDS groups."),
    Parameter("checkpoint_completion_target", _REAL, _DYNAMIC, minimum=0, maximum=1, rds_default="0.9",
              why="RDS sets PostgreSQL's own 0.9."),
    Parameter("wal_buffers", _MEMORY, _STATIC, unit="8kB", minimum=4, maximum=262_143, special={-1: "automatic"},
              engine_default="-1",
              why="PostgreSQL raises less than 4 pages to 4. Automatic is 1/32 of shared_buffers, at most 16 MB."),
    Parameter("max_wal_size", _MEMORY, _DYNAMIC, unit="MB", minimum=2, maximum=INT_MAX, engine_default="1024",
              confidence="medium-high", why="RDS sets at least PostgreSQL's 1024; 2048 is documented for 14."),
    Parameter("max_slot_wal_keep_size", _MEMORY, _DYNAMIC, unit="MB", minimum=0, maximum=INT_MAX,
              special={-1: "no limit"}, engine_default="-1",
              why="Replicas use physical slots: without a cap a dead one fills the primary's disk."),
    Parameter("wal_keep_size", _MEMORY, _DYNAMIC, unit="MB", minimum=0, maximum=INT_MAX, rds_default="2048",
              why="Kept for standbys that have no slot; PostgreSQL's own is 0."),
    Parameter("max_wal_senders", _INTEGER, _STATIC, minimum=5, maximum=262_143, rds_default="35",
              why="35 from 16 on, 20 for 13 to 15 (RDS user guide, \"How streaming replication works for different RDS "
                  "for PostgreSQL versions\"). PostgreSQL starts at 0, RDS at 5."),
    Parameter("max_replication_slots", _INTEGER, _STATIC, minimum=5, maximum=262_143, engine_default="10",
              confidence="medium", why="10 in PostgreSQL, 20 on Aurora; PostgreSQL starts at 0, RDS at 5."),
    Parameter("wal_level", _ENUM, _STATIC, values=("minimal", "replica", "logical"), engine_default="replica",
              unsettable=Unsettable("is not a parameter of RDS, which sets it itself",
                                    "Leave it out (it is replica), or set rds.logical_replication to on for logical"),
              why="Derived by RDS from rds.logical_replication."),
    Parameter("archive_mode", _ENUM, _STATIC, values=("off", "on", "always"), rds_default="on",
              unsettable=Unsettable("is not a parameter of RDS, which archives the log itself for its backups",
                                    "Leave it out (it is on), and set the days of backup retention"),
              confidence="medium-high", why="Absent from the listings; archive_command is there, not modifiable."),
    Parameter("rds.logical_replication", _BOOLEAN, _STATIC, rds_default="0", why="On sets wal_level to logical."),
    # Standby
    Parameter("hot_standby_feedback", _BOOLEAN, _DYNAMIC, engine_default="0", confidence="medium-high",
              why="On a replica: fewer cancelled queries there, more bloat on the primary."),
    Parameter("max_standby_streaming_delay", _DURATION, _DYNAMIC, unit="ms", minimum=0, maximum=INT_MAX,
              special=_STANDBY_WAIT, engine_default="30000", confidence="medium",
              why="How long a query may hold up replay. Bounds are PostgreSQL's; Aurora's are 1000 to 30000."),
    Parameter("max_standby_archive_delay", _DURATION, _DYNAMIC, unit="ms", minimum=0, maximum=INT_MAX,
              special=_STANDBY_WAIT, engine_default="30000", confidence="medium",
              why="The same, while a replica catches up from the archive."),
    # Vacuum
    Parameter("autovacuum", _BOOLEAN, _DYNAMIC, engine_default="1", why="Off ends in transaction id wraparound."),
    Parameter("autovacuum_max_workers", _INTEGER, _STATIC, minimum=1, maximum=262_143,
              rds_default="GREATEST({DBInstanceClassMemory/64371566592},3)",
              why="3 on every class below 240 GiB; each can take maintenance_work_mem."),
    Parameter("autovacuum_vacuum_threshold", _INTEGER, _DYNAMIC, minimum=0, maximum=INT_MAX, engine_default="50",
              why="Dead rows, before the scale factor."),
    Parameter("autovacuum_vacuum_scale_factor", _REAL, _DYNAMIC, minimum=0, maximum=100, rds_default="0.1",
              why="Earlier than PostgreSQL's own 0.2."),
    Parameter("autovacuum_analyze_threshold", _INTEGER, _DYNAMIC, minimum=0, maximum=INT_MAX, engine_default="50",
              why="Changed rows, before the scale factor."),
    Parameter("autovacuum_analyze_scale_factor", _REAL, _DYNAMIC, minimum=0, maximum=100, rds_default="0.05",
              why="Earlier than PostgreSQL's own 0.1."),
    Parameter("rds.adaptive_autovacuum", _BOOLEAN, _DYNAMIC, rds_default="1",
              why="RDS vacuums harder when transaction ids run short; leave it on."),
    # Planner
    Parameter("random_page_cost", _REAL, _DYNAMIC, minimum=0, maximum=1.79769e308, engine_default="4",
              why="4 is for turning disks; 1.1 fits gp3."),
    Parameter("effective_io_concurrency", _INTEGER, _DYNAMIC, minimum=0, maximum=256, special=_ZERO_IS_OFF,
              engine_default="1", confidence="medium", why="PostgreSQL allows 1000, RDS probably 256."),
    # Log
    Parameter("log_destination", _ENUM, _DYNAMIC, values=("stderr", "csvlog"), rds_default="stderr",
              why="csvlog writes both files and more than doubles log storage; RDS lists no jsonlog."),
    Parameter("log_filename", _TEXT, _DYNAMIC, values=("postgresql.log.%Y-%m-%d", "postgresql.log.%Y-%m-%d-%H"),
              rds_default="postgresql.log.%Y-%m-%d-%H", confidence="medium-high",
              why="Newer pages list a third with minutes, not taken here."),
    Parameter("log_rotation_age", _DURATION, _DYNAMIC, unit="min", minimum=1, maximum=1440, rds_default="60",
              why="PostgreSQL knows 0 (off) and more than a day; RDS neither."),
    Parameter("rds.log_retention_period", _DURATION, _DYNAMIC, unit="min", minimum=1440, maximum=10_080,
              rds_default="4320", why="On the instance's own storage; CloudWatch keeps its copy by its own rule."),
    Parameter("log_line_prefix", _TEXT, _DYNAMIC,
              values=("%t:%r:%u@%d:[%p]:", "%m:%r:%u@%d:[%p]:%l:%e:%s:%v:%x:%c:%q%a"),
              rds_default="%t:%r:%u@%d:[%p]:",
              why="Any other is refused. Sources differ on a last colon in the second: check it before first use."),
    Parameter("log_min_messages", _ENUM, _DYNAMIC, values=_LEVELS, engine_default="warning", confidence="medium-high",
              why="PostgreSQL also has panic, which RDS does not list. Upper case is of doubtful effect."),
    Parameter("log_statement", _ENUM, _DYNAMIC, values=("none", "ddl", "mod", "all"), engine_default="none",
              why="ddl writes the passwords of CREATE and ALTER ROLE to the log, unless they are SCRAM verifiers."),
    Parameter("log_min_duration_statement", _DURATION, _DYNAMIC, unit="ms", minimum=0, maximum=INT_MAX,
              special={-1: "off", 0: "every statement"}, engine_default="-1", why="The slow query log."),
    Parameter("log_parameter_max_length", _MEMORY, _DYNAMIC, unit="B", minimum=0, maximum=1_073_741_823,
              special={-1: "whole values"}, engine_default="-1",
              why="Bytes of each bound value beside a logged statement: users' texts, in CloudWatch."),
    Parameter("log_parameter_max_length_on_error", _MEMORY, _DYNAMIC, unit="B", minimum=0, maximum=1_073_741_823,
              special={-1: "whole values"}, engine_default="0", why="The same beside statements that failed."),
    Parameter("log_checkpoints", _BOOLEAN, _DYNAMIC, rds_default="1", confidence="medium-high",
              why="On in PostgreSQL too, since 15."),
    Parameter("log_connections", _BOOLEAN, _DYNAMIC, engine_default="0",
              why="Context superuser-backend: dynamic, for new sessions. A boolean until PostgreSQL 18."),
    Parameter("log_disconnections", _BOOLEAN, _DYNAMIC, engine_default="0",
              why="Context superuser-backend: dynamic, for new sessions."),
    Parameter("log_lock_waits", _BOOLEAN, _DYNAMIC, engine_default="0", why="Waits longer than deadlock_timeout."),
    Parameter("log_temp_files", _MEMORY, _DYNAMIC, unit="kB", minimum=0, maximum=INT_MAX,
              special={-1: "off", 0: "every file"}, engine_default="-1", why="Shows where work_mem is too small."),
    Parameter("log_autovacuum_min_duration", _DURATION, _DYNAMIC, unit="ms", minimum=0, maximum=INT_MAX,
              special={-1: "off", 0: "every run"}, rds_default="10000",
              why="Written only where rds.force_autovacuum_logging_level allows it."),
    Parameter("rds.force_autovacuum_logging_level", _ENUM, _DYNAMIC, values=("disabled", *_LEVELS, "panic"),
              rds_default="warning", confidence="medium", why="Listings show WARNING or INFO as the default."),
    Parameter("track_io_timing", _BOOLEAN, _DYNAMIC, rds_default="1", why="Off in PostgreSQL, on in RDS."),
    # Security
    Parameter("rds.force_ssl", _BOOLEAN, _DYNAMIC, rds_default="1", why="On since 15; Security Hub RDS.38."),
    Parameter("ssl", _BOOLEAN, _DYNAMIC, rds_default="1", confidence="low",
              unsettable=Unsettable("is always on: RDS serves TLS whatever the group says",
                                    "Leave it out; rds.force_ssl decides whether clients must use it"),
              why="An Aurora listing calls it modifiable, RDS was not seen; nothing is lost without it."),
    Parameter("ssl_prefer_server_ciphers", _BOOLEAN, _DYNAMIC, engine_default="1", confidence="medium",
              unsettable=Unsettable("is not a parameter of RDS, and PostgreSQL has it on by default",
                                    "Leave it out; ssl_min_protocol_version raises what clients must offer"),
              why="Absent from every listing."),
    Parameter("ssl_min_protocol_version", _ENUM, _DYNAMIC, values=("TLSv1", "TLSv1.1", "TLSv1.2"),
              rds_default="TLSv1.2", confidence="medium", why="PostgreSQL also has TLSv1.3; not seen in an RDS list."),
    Parameter("password_encryption", _ENUM, _DYNAMIC, values=("md5", "scram-sha-256"), rds_default="scram-sha-256",
              confidence="medium-high", why="Belongs in one API call with rds.accepted_password_auth_method."),
    Parameter("rds.accepted_password_auth_method", _ENUM, _DYNAMIC, values=("md5+scram", "scram"),
              rds_default="md5+scram", why='"scram" refuses md5 logins; "scram-sha-256" is no value of this one.'),
    Parameter("rds.restrict_password_commands", _BOOLEAN, _STATIC, rds_default="0",
              why="Only members of rds_password may then change passwords."),
    # Libraries and statistics
    Parameter("shared_preload_libraries", _LIST, _STATIC,
              values=("auto_explain", "orafce", "pg_bigm", "pg_cron", "pg_hint_plan", "pg_prewarm", "pg_similarity",
                      "pg_stat_statements", "pg_tle", "pg_transport", "pgaudit", "pglogical", "plprofiler"),
              required=("pg_stat_statements",), rds_default="pg_stat_statements", confidence="medium-high",
              why="Writing the list replaces RDS's own. Newer libraries are not in the sources."),
    Parameter("pg_stat_statements.track", _ENUM, _DYNAMIC, values=("NONE", "TOP", "ALL"), engine_default="TOP",
              why="The one enum that RDS lists in upper case."),
    Parameter("pg_stat_statements.max", _INTEGER, _STATIC, minimum=100, maximum=1_073_741_823, engine_default="5000",
              why="RDS lists up to 2147483647, PostgreSQL 16 takes half of that."),
    # Libraries' own
    Parameter("pgaudit.log", _LIST, _DYNAMIC, values=(*_AUDITED, *(f"-{each}" for each in _AUDITED)),
              engine_default="none", confidence="medium-high",
              why="Read only where shared_preload_libraries names pgaudit. ddl and role are few lines; read is many."),
    Parameter("pgaudit.role", _TEXT, _DYNAMIC, engine_default="", confidence="medium-high",
              why="The role whose grants say which objects are audited: rds_pgaudit."),
    Parameter("auto_explain.log_min_duration", _DURATION, _DYNAMIC, unit="ms", minimum=0, maximum=INT_MAX,
              special={-1: "off", 0: "every statement"}, engine_default="-1", confidence="medium-high",
              why="Read only where shared_preload_libraries names auto_explain."),
    Parameter("cron.database_name", _TEXT, _STATIC, engine_default="postgres", confidence="medium-high",
              why="Read only where shared_preload_libraries names pg_cron."),
    # Locale
    Parameter("default_text_search_config", _TEXT, _DYNAMIC, engine_default="pg_catalog.simple",
              unsettable=Unsettable("is not a parameter of RDS",
                                    "Set it on the database: ALTER DATABASE ... SET default_text_search_config = "
                                    "'pg_catalog.english'"),
              confidence="medium", why="Absent from every listing; initdb chooses the default by locale."),
)

SHARES: Final = tuple(row.name for row in _ROWS if row.usual_share)
"""Names of the parameters for which a share of the instance's memory makes sense."""

# What a major made of the rows above, and the rows that it brought.
_CHANGES: Final[Mapping[int, Mapping[str, Mapping[str, Any]]]] = MappingProxyType({
    17: {"maintenance_work_mem": {"minimum": 64}},
    18: {
        "autovacuum_max_workers": {
            "apply": _DYNAMIC,
            "why": "Dynamic since 18, up to autovacuum_worker_slots; each can take maintenance_work_mem.",
        },
        "effective_io_concurrency": {"engine_default": "16"},
        "log_connections": {
            "kind": _ENUM,
            "values": ("receipt", "authentication", "authorization", "setup_durations", "all"),
            "engine_default": "",
            "why": "Words since 18: RDS refuses 1, which PostgreSQL itself still takes.",
        },
    },
})
_NEW: Final[Mapping[int, tuple[Parameter, ...]]] = MappingProxyType({
    18: (
        Parameter("autovacuum_worker_slots", _INTEGER, _STATIC, minimum=1, maximum=262_143,
                  rds_default="LEAST(GREATEST({DBInstanceClassMemory/32185783296},16),32)",
                  why="The most that autovacuum_max_workers, and RDS's adaptive autovacuum, can have."),
        Parameter("io_method", _ENUM, _STATIC, values=("sync", "worker"), engine_default="worker",
                  why="RDS offers no io_uring."),
        Parameter("io_workers", _INTEGER, _DYNAMIC, minimum=1, maximum=32, engine_default="3",
                  confidence="medium-high", why="Processes that read for others where io_method is worker."),
    ),
})
# fmt: on


@cache
def catalogue(major: int) -> Mapping[str, Parameter]:
    """All rows of a major by name."""
    own = {row.name: row for row in _ROWS}
    for since in sorted({*_CHANGES, *_NEW}):
        if since <= major:
            for name, changes in _CHANGES.get(since, {}).items():
                own[name] = replace(own[name], **changes)
            own |= {row.name: row for row in _NEW.get(since, ())}
    return MappingProxyType(engine_rows(major) | own)


def reasoned(major: int) -> tuple[Parameter, ...]:
    """The rows of a major that this project has reasons for: what RDS does with them was looked up one by one."""
    engine = engine_rows(major)
    return tuple(row for name, row in catalogue(major).items() if row != engine.get(name))
