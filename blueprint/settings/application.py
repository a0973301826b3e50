"""Sections of the stack file about who connects: the application's hosts and their PgBouncers."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from blueprint.settings.section import Section
from blueprint.values import Whole


class ProcessPool(Section):
    """SQLAlchemy pool of one application process."""

    size: Annotated[Whole, Field(ge=1)] = Field(description="Connections that a process keeps (pool_size).")
    max_overflow: Annotated[Whole, Field(ge=0)] = Field(description="Connections beyond that (max_overflow).")


class Application(Section):
    """What the application brings: hosts, processes and their pools. The connection budget starts here."""

    hosts: Annotated[Whole, Field(ge=1)] = Field(2, description="Application hosts, each with a PgBouncer.")
    processes_per_host: Annotated[Whole, Field(ge=1)] = Field(
        3,
        description="Processes of the application on a host. One that has both a Database and an AsyncDatabase of "
        "langpont_db counts as two.",
    )
    primary_pool: ProcessPool = Field(
        ProcessPool(size=20, maxOverflow=30), description="A process's pool for the primary."
    )
    replica_pool: ProcessPool = Field(
        ProcessPool(size=15, maxOverflow=25), description="A process's pool for each replica."
    )
    pool_timeout_seconds: Annotated[Whole, Field(ge=1)] = Field(
        30, description="Seconds that a process waits for a connection of its pool (pool_timeout)."
    )
    pool_recycle_seconds: Annotated[Whole, Field(ge=1)] = Field(
        3600, description="Seconds after which a process replaces a connection (pool_recycle)."
    )
    direct_connections: Annotated[Whole, Field(ge=0)] = Field(
        10, description="Sessions beside PgBouncer: functions, migrations, people."
    )


class Pooler(Section):
    """PgBouncer on each application host. Pool sizes are server connections for one user on one entry."""

    listen_port: Annotated[Whole, Field(ge=1024, le=65535)] = Field(
        6432, description="TCP port on 127.0.0.1 of each host (listen_port)."
    )
    max_client_conn: Annotated[Whole, Field(ge=1)] = Field(
        600, description="Clients that one host's PgBouncer takes (max_client_conn)."
    )
    default_pool_size: Annotated[Whole, Field(ge=1)] = Field(
        25, description="Server connections of a pool (default_pool_size)."
    )
    min_pool_size: Annotated[Whole, Field(ge=0)] = Field(
        5, description="Server connections that a pool keeps open (min_pool_size)."
    )
    reserve_pool_size: Annotated[Whole, Field(ge=0)] = Field(
        5, description="Server connections more when clients have waited for 1 s (reserve_pool_size)."
    )
