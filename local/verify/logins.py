"""Checks of the roles: who logs in how, and what each may do."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import psycopg
from psycopg import sql

from blueprint.postgres.roles import (
    DATABASE_SETTINGS,
    MIGRATOR,
    OWNER,
    PASSWORD_ROLES,
    ROLES,
    SCHEMAS,
    Access,
    Login,
    Role,
)
from local.servers.connections import Connection, Endpoint
from local.servers.plan import PRIMARY
from local.servers.plane import DataPlane
from local.verify.check import Check, Wrong, proven, require
from preview.units import count

WRONG_PASSWORD = "not-the-password"


def master(plane: DataPlane) -> Iterator[Check]:
    """The master is what RDS gives, and the operator what IAM would let in."""
    yield proven("the master is RDS's: no superuser, owner of the database", partial(_master, plane))
    for role in ROLES:
        if role.login is not Login.IAM:
            continue
        rights = ", ".join(role.member_of) or "no rights"
        yield proven(f"{role.name} has {rights} and no password", partial(_person, plane, role))
    yield proven("the database's settings", partial(_settings, plane))


def _master(plane: DataPlane) -> str:
    plan = plane.plan
    with plane.endpoint(PRIMARY).connect(plan.master, plan.passwords[plan.master]) as session:
        row = session.execute(
            "SELECT rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls, system_user, "
            "(SELECT datdba = r.oid FROM pg_database WHERE datname = current_database()) "
            "FROM pg_roles r WHERE rolname = current_user"
        ).fetchone()
    expected = (False, True, True, False, False, f"scram-sha-256:{plan.master}", True)
    require(row == expected, f"superuser, createdb, createrole, replication, bypassrls, login, owner are {row}")
    return "NOSUPERUSER CREATEDB CREATEROLE, by SCRAM"


def _person(plane: DataPlane, role: Role) -> str:
    with plane.cluster.primary.admin() as session:
        row = session.execute(
            "SELECT rolcanlogin, rolpassword IS NULL, ARRAY(SELECT pg_has_role(oid, unnest(%s::name[]), 'usage')) "
            "FROM pg_authid WHERE rolname = %s",
            [list(role.member_of), role.name],
        ).fetchone()
    require(row == (True, True, [True] * len(role.member_of)), f"login, no password, membership are {row}")
    return "its IAM token is RDS's, so nobody logs in as it here"


def _settings(plane: DataPlane) -> str:
    with _session(plane, PASSWORD_ROLES[0]) as session:
        for name, value in DATABASE_SETTINGS.items():
            has = _one(session, "SELECT current_setting(%s)", name)
            require(has == value, f"{name} is {has}, not {value}")
    return ", ".join(f"{name} = {value}" for name, value in DATABASE_SETTINGS.items()) or "it has none of its own"


# Logins


def logins(plane: DataPlane) -> Iterator[Check]:
    """Each password role by SCRAM, directly everywhere and through PgBouncer where it is listed; not otherwise."""
    for name in PASSWORD_ROLES:
        yield proven(f"{name} logs in directly", partial(_direct, plane, name))
        if name in plane.plan.pooled:
            yield proven(f"{name} logs in through PgBouncer", partial(_pooled, plane, name))
        else:
            yield proven(f"{name} does not log in through PgBouncer", partial(_not_pooled, plane, name))


def _direct(plane: DataPlane, name: str) -> str:
    for instance in plane.plan.instances:
        _logs_in(plane.endpoint(instance.role), name, plane.plan.passwords[name])
        _refused(plane.endpoint(instance.role), name, "password authentication failed")
    return f"SCRAM on {count(len(plane.plan.instances), 'server')}; a wrong password is refused"


def _pooled(plane: DataPlane, name: str) -> str:
    for entry, role in plane.pooler.entries.items():
        endpoint = plane.pooler.endpoint(entry)
        _logs_in(endpoint, name, plane.plan.passwords[name])
        _refused(endpoint, name, "authentication failed")
        with endpoint.connect(name, plane.plan.passwords[name]) as session:
            standby = _one(session, "SELECT pg_is_in_recovery()")
            require(standby == (role != PRIMARY), f"entry {entry} does not lead to {role}")
    return f"SCRAM to {', '.join(plane.pooler.entries)}; a wrong password is refused"


def _not_pooled(plane: DataPlane, name: str) -> str:
    for entry in plane.pooler.entries:
        try:
            plane.pooler.endpoint(entry).connect(name, plane.plan.passwords[name]).close()
        except psycopg.OperationalError as error:
            require("authentication failed" in str(error), f"{entry}: {str(error).strip()}")
        else:
            raise Wrong(f"{entry} lets it in")
    return "it is not in the user list"


def _logs_in(endpoint: Endpoint, name: str, password: str) -> None:
    with endpoint.connect(name, password) as session:
        who = _one(session, "SELECT system_user")
        require(who == f"scram-sha-256:{name}", f"the server knows it as {who}")


def _refused(endpoint: Endpoint, name: str, words: str) -> None:
    try:
        endpoint.connect(name, WRONG_PASSWORD).close()
    except psycopg.OperationalError as error:
        require(words in str(error), f"port {endpoint.port} says of a wrong password: {str(error).strip()}")
    else:
        raise Wrong(f"port {endpoint.port} takes a wrong password")


# Rights


def rights(plane: DataPlane) -> Iterator[Check]:
    """Privileges: on a table that the migrator makes as the owner in each schema, and that is gone afterwards."""
    table = f"verify_{secrets.token_hex(4)}"
    made = proven("the migrator makes tables as the owner", partial(_make, plane, table))
    yield made
    if not made.ok:
        return
    try:
        for role in ROLES:
            if role.name in PASSWORD_ROLES and role.name != MIGRATOR:
                yield proven(f"{role.name} {_may(role)}", partial(_rights, plane, role, table))
    finally:
        with _owner(plane) as session:
            for schema in SCHEMAS:
                session.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(sql.Identifier(schema, table)))


@contextmanager
def _owner(plane: DataPlane) -> Iterator[Connection]:
    with _session(plane, MIGRATOR) as session:
        session.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(OWNER)))
        yield session


def _make(plane: DataPlane, table: str) -> str:
    with _session(plane, MIGRATOR) as session:
        statement = sql.SQL("CREATE TABLE {} (n int)").format(sql.Identifier(SCHEMAS[0], table))
        require(_denied(lambda: session.execute(statement)), f"{MIGRATOR} makes tables without being the owner")
    with _owner(plane) as session:
        for schema in SCHEMAS:
            make = sql.SQL("CREATE TABLE {} (n int GENERATED BY DEFAULT AS IDENTITY, t text)")
            session.execute(make.format(sql.Identifier(schema, table)))
    return f"in {', '.join(SCHEMAS)}, and only after SET ROLE {OWNER}"


def _may(role: Role) -> str:
    kinds = set(role.access.values())
    return "reads and writes" if Access.WRITE in kinds else "reads and does not write" if kinds else "has no tables"


def _rights(plane: DataPlane, role: Role, table: str) -> str:
    with _session(plane, role.name) as session:
        for schema in SCHEMAS:
            name, access = sql.Identifier(schema, table), role.access.get(schema)
            allowed = {
                "SELECT count(*) FROM {}": access is not None,
                "INSERT INTO {} (t) VALUES ('verify')": access is Access.WRITE,
                "UPDATE {} SET t = 'verified'": access is Access.WRITE,
                "DELETE FROM {}": access is Access.WRITE,
                "TRUNCATE {}": False,
                "ALTER TABLE {} ADD COLUMN x int": False,
            }
            for text, may in allowed.items():
                statement = sql.SQL(text).format(name)
                denied = _denied(lambda statement=statement: session.execute(statement))  # type: ignore[misc]
                require(denied != may, f"in {schema} it is {'denied' if denied else 'allowed'}: {text.split()[0]}")
        make = sql.SQL("CREATE TABLE {} (n int)").format(sql.Identifier("public", table))
        require(_denied(lambda: session.execute(make)), "it makes tables in public")
        become = sql.SQL("SET ROLE {}").format(sql.Identifier(OWNER))
        require(_denied(lambda: session.execute(become)), "it becomes the owner")
    return f"in {', '.join(SCHEMAS)}; it makes no table and owns nothing"


def _denied(act: Callable[[], object]) -> bool:
    try:
        act()
    except psycopg.errors.InsufficientPrivilege:
        return True
    return False


# Timeouts


def timeouts(plane: DataPlane) -> Iterator[Check]:
    """Timeouts, as a session of the role sees them, directly and pooled; a statement beyond one is ended."""
    for role in ROLES:
        if role.name in PASSWORD_ROLES and role.statement_timeout_seconds is not None:
            length = f"{role.statement_timeout_seconds} s" if role.statement_timeout_seconds else "none"
            yield proven(f"{role.name}: statement timeout {length}", partial(_timeout, plane, role))


def _timeout(plane: DataPlane, role: Role) -> str:
    endpoints = [plane.endpoint(PRIMARY)]
    if role.name in plane.plan.pooled:
        endpoints += [plane.pooler.endpoint(entry) for entry in plane.pooler.entries]
    for endpoint in endpoints:
        with endpoint.connect(role.name, plane.plan.passwords[role.name]) as session:
            has = _one(session, "SELECT setting::int FROM pg_settings WHERE name = 'statement_timeout'")
            expected = (role.statement_timeout_seconds or 0) * 1000
            require(has == expected, f"{endpoint.database} on port {endpoint.port} has {has} ms, not {expected}")
            try:
                with session.transaction():
                    session.execute("SET LOCAL statement_timeout = '50ms'")
                    session.execute("SELECT pg_sleep(5)")
            except psycopg.errors.QueryCanceled:
                continue
            raise Wrong("a statement beyond a timeout of 50 ms was not ended")
    return f"in its sessions at {count(len(endpoints), 'endpoint')}; a statement beyond a lower one is ended"


def _session(plane: DataPlane, name: str) -> Connection:
    return plane.endpoint(PRIMARY).connect(name, plane.plan.passwords[name])


def _one(session: Connection, query: str, *values: object) -> object:
    row = session.execute(query.encode(), values or None).fetchone()
    return row[0] if row else None
