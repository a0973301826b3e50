"""The statements that make the roles what `blueprint/roles.py` says. All of them can run again at any time.

They run as the master of RDS, who is no superuser: it made the roles, so it administers them; of the owner's schemas it
may speak only after it granted itself the owner (PostgreSQL 16, "Role membership": WITH INHERIT TRUE, SET TRUE).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from blueprint.roles import DATABASE_SETTINGS, OWNER, ROLES, SCHEMAS, Access, Login, Role

_TABLES: Mapping[Access, str] = {Access.READ: "SELECT", Access.WRITE: "SELECT, INSERT, UPDATE, DELETE"}
_SEQUENCES: Mapping[Access, str] = {Access.READ: "SELECT", Access.WRITE: "SELECT, USAGE"}


def identifier(name: str) -> str:
    """Quoted, whatever it is."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: str) -> str:
    """Quoted. A backslash has no meaning of its own, since standard_conforming_strings is on."""
    return "'" + value.replace("'", "''") + "'"


def statements(
    *, master: str, database: str, verifiers: Mapping[str, str], existing: Iterable[str], roles: Iterable[Role] = ROLES
) -> list[str]:
    """All of them, in order, for one transaction. `existing`: roles that need no CREATE ROLE.

    Passwords appear as SCRAM-SHA-256 verifiers only; raises ValueError for anything else in `verifiers`, and KeyError
    for a password role without one.
    """
    present, listed = set(existing), list(roles)
    return [
        *(f"CREATE ROLE {identifier(role.name)}" for role in listed if role.name not in present),
        *(_attributes(role, verifiers) for role in listed),
        *_database(database, listed),
        f"GRANT {identifier(OWNER)} TO {identifier(master)} WITH INHERIT TRUE, SET TRUE",
        *(f"CREATE SCHEMA IF NOT EXISTS {identifier(s)} AUTHORIZATION {identifier(OWNER)}" for s in SCHEMAS),
        *(statement for role in listed for statement in _memberships(role)),
        *(statement for role in listed if role.name != OWNER for s in SCHEMAS for statement in _schema(role, s)),
        *(statement for role in listed for statement in _timeout(role)),
    ]


def _attributes(role: Role, verifiers: Mapping[str, str]) -> str:
    # SUPERUSER, REPLICATION and BYPASSRLS are not named: only who has them may, and nobody gets them.
    login = "NOLOGIN" if role.login is Login.NONE else "LOGIN"
    if role.login is not Login.PASSWORD:
        return f"ALTER ROLE {identifier(role.name)} {login} NOCREATEDB NOCREATEROLE PASSWORD NULL"
    verifier = verifiers[role.name]
    if not re.fullmatch(r"SCRAM-SHA-256\$[0-9]+:[A-Za-z0-9+/=]+\$[A-Za-z0-9+/=]+:[A-Za-z0-9+/=]+", verifier):
        raise ValueError(f"What is given for {role.name} is no SCRAM-SHA-256 verifier.")
    return f"ALTER ROLE {identifier(role.name)} {login} NOCREATEDB NOCREATEROLE PASSWORD {literal(verifier)}"


def _database(database: str, roles: Iterable[Role]) -> Iterator[str]:
    name = identifier(database)
    # Everyone who logs in anywhere on the server could otherwise connect and make temporary tables here.
    yield f"REVOKE ALL ON DATABASE {name} FROM PUBLIC"
    names = ", ".join(identifier(role.name) for role in roles if role.login is not Login.NONE)
    yield f"GRANT CONNECT ON DATABASE {name} TO {names}"
    for setting, value in DATABASE_SETTINGS.items():
        yield f"ALTER DATABASE {name} SET {setting} = {literal(value)}"


def _memberships(role: Role) -> Iterator[str]:
    for other in role.becomes:
        yield f"GRANT {identifier(other)} TO {identifier(role.name)} WITH INHERIT FALSE, SET TRUE"
    for other in role.member_of:
        yield f"GRANT {identifier(other)} TO {identifier(role.name)}"


def _schema(role: Role, schema: str) -> Iterator[str]:
    """What the role has, after all that it could have had before is taken back: the result is the definition."""
    who, where = identifier(role.name), identifier(schema)
    access = role.access.get(schema)
    for_new = f"ALTER DEFAULT PRIVILEGES FOR ROLE {identifier(OWNER)} IN SCHEMA {where}"
    yield f"REVOKE ALL ON SCHEMA {where} FROM {who}"
    for kind in ("TABLES", "SEQUENCES"):
        yield f"REVOKE ALL ON ALL {kind} IN SCHEMA {where} FROM {who}"
        yield f"{for_new} REVOKE ALL ON {kind} FROM {who}"
    if access is None:
        return
    yield f"GRANT USAGE ON SCHEMA {where} TO {who}"
    for kind, privileges in (("TABLES", _TABLES[access]), ("SEQUENCES", _SEQUENCES[access])):
        yield f"GRANT {privileges} ON ALL {kind} IN SCHEMA {where} TO {who}"
        yield f"{for_new} GRANT {privileges} ON {kind} TO {who}"


def _timeout(role: Role) -> Iterator[str]:
    who = identifier(role.name)
    if role.statement_timeout_seconds is None:
        yield f"ALTER ROLE {who} RESET statement_timeout"
    else:
        yield f"ALTER ROLE {who} SET statement_timeout = {literal(f'{role.statement_timeout_seconds}s')}"


# What the catalogues say of all that, in one value: two equal ones mean that nobody changed anything in between.
# A table made later gets its rights from the default privileges, so tables are not in it.
FINGERPRINT = """
SELECT md5(coalesce(string_agg(line, E'\\n' ORDER BY line COLLATE "C"), '')) FROM (
  SELECT concat_ws(' ', 'role', rolname, rolcanlogin, rolcreatedb, rolcreaterole, rolinherit, rolsuper, rolconfig)
    FROM pg_roles WHERE rolname = ANY (%(roles)s)
  UNION ALL
  SELECT concat_ws(' ', 'member', roleid::regrole, member::regrole, inherit_option, set_option, admin_option)
    FROM pg_auth_members WHERE member::regrole::text = ANY (%(roles)s)
  UNION ALL
  SELECT concat_ws(' ', 'database', datname, datdba::regrole, datacl, (SELECT setconfig FROM pg_db_role_setting
    WHERE setdatabase = d.oid AND setrole = 0)) FROM pg_database d WHERE datname = current_database()
  UNION ALL
  SELECT concat_ws(' ', 'schema', nspname, nspowner::regrole, nspacl) FROM pg_namespace
    WHERE nspname = ANY (%(schemas)s)
  UNION ALL
  SELECT concat_ws(' ', 'default', defaclrole::regrole, defaclnamespace::regnamespace, defaclobjtype, defaclacl)
    FROM pg_default_acl
) AS lines (line)
"""
