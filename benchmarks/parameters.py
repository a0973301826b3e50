"""The three sets of PostgreSQL parameters that are compared, each as a plan of the same servers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal, get_args

from blueprint.postgres.compile import HumanValue, compile_parameters
from local.servers.plan import DataPlan, GroupParameter

ParameterSet = Literal["rds-defaults", "document", "ours"]
SETS: tuple[ParameterSet, ...] = get_args(ParameterSet)

# The design document of July 2025, section "PostgreSQL パラメータ最適化", with the units that it writes there: its
# CloudFormation template gives shared_buffers as 1048576, which RDS reads as 8 GiB (docs/deviations.md, E7). Left out:
# log_destination and log_line_prefix, which RDS does not take in this form, and default_text_search_config, which is
# the database's.
DOCUMENT: Mapping[str, HumanValue] = {
    "shared_buffers": "1GB",
    "work_mem": "16MB",
    "maintenance_work_mem": "256MB",
    "effective_cache_size": "3GB",
    "max_connections": 300,
    "checkpoint_timeout": "10min",
    "checkpoint_completion_target": 0.9,
    "wal_buffers": "16MB",
    "log_min_duration_statement": "1000ms",
    "log_checkpoints": "on",
    "log_connections": "on",
    "log_disconnections": "on",
    "log_lock_waits": "on",
    "log_statement": "ddl",
    "autovacuum": "on",
    "autovacuum_max_workers": 3,
    "autovacuum_vacuum_threshold": 50,
    "autovacuum_vacuum_scale_factor": 0.2,
    "autovacuum_analyze_threshold": 50,
    "autovacuum_analyze_scale_factor": 0.1,
    "random_page_cost": 1.1,
    "effective_io_concurrency": 200,
    "password_encryption": "scram-sha-256",
}


def document() -> tuple[GroupParameter, ...]:
    """The document's parameters, as a parameter group takes them."""
    compiled, problems = compile_parameters(DOCUMENT)
    if problems:
        raise ValueError(f"The document's parameters do not compile: {problems}. Correct them here.")
    return tuple(GroupParameter(name=p.name, value=p.value, apply_method=p.apply_method) for p in compiled)


def with_parameters(plan: DataPlan, chosen: ParameterSet) -> DataPlan:
    """Prod's plan with the parameters of a set on every instance.

    "ours" is the plan as registered. "rds-defaults" is no group at all: a server then gets what the family's default
    group has, by the catalogue and for its class.
    """
    if chosen == "ours":
        return plan
    parameters = document() if chosen == "document" else ()
    return replace(plan, instances=tuple(replace(one, parameters=parameters) for one in plan.instances))
