"""The master user, as RDS gives it: no SUPERUSER, and owner of the database."""

from __future__ import annotations

from psycopg import sql

from local.servers.plan import DataPlan
from local.servers.server import Server

EXTENSION = "pg_stat_statements"
RDS_IAM = "rds_iam"


def make_master(primary: Server, plan: DataPlan) -> None:
    """Create the master user, `rds_iam` and the database where they are missing, and set the master's password.

    The superuser does nothing else.
    """
    with primary.admin() as session:
        # Neither line belongs in a log that is kept.
        session.execute("SET log_statement = 'none'; SET log_min_duration_statement = -1")
        name = sql.Identifier(plan.master)
        found = session.execute("SELECT rolpassword FROM pg_authid WHERE rolname = %s", [plan.master]).fetchone()
        if found is None:
            session.execute(sql.SQL("CREATE ROLE {}").format(name))
        if found is None or found[0] != plan.master_verifier:
            attributes = sql.SQL("ALTER ROLE {} LOGIN NOSUPERUSER CREATEDB CREATEROLE NOREPLICATION PASSWORD {}")
            session.execute(attributes.format(name, sql.Literal(plan.master_verifier)))
        session.execute(sql.SQL("GRANT pg_monitor TO {} WITH ADMIN OPTION").format(name))
        if not session.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [RDS_IAM]).fetchone():
            session.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(RDS_IAM)))
        # It gives the role away and has nothing of it, as on RDS, where a member comes in by a token alone.
        give = sql.SQL("GRANT {} TO {} WITH ADMIN TRUE, INHERIT FALSE, SET FALSE")
        session.execute(give.format(sql.Identifier(RDS_IAM), name))
        if not session.execute("SELECT 1 FROM pg_database WHERE datname = %s", [plan.database]).fetchone():
            make = sql.SQL("CREATE DATABASE {} OWNER {}")
            session.execute(make.format(sql.Identifier(plan.database), name))
    if EXTENSION in primary.binaries.libraries:
        with primary.admin(plan.database) as session:
            session.execute(f"CREATE EXTENSION IF NOT EXISTS {EXTENSION}")
