"""SQL that removes drift, in the order in which it can run. Every statement can run again at any time.

They run as the master of RDS, who is no superuser: it made the roles, so it administers them; of the owner's schemas it
may speak only after it granted itself the owner (PostgreSQL 16, "Role membership": WITH INHERIT TRUE, SET TRUE).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from functions.roles.definition import Definition
from functions.roles.facts import PUBLIC, Difference, Kind
from functions.verifiers import identifier, literal

# Taking another's table waits for whoever uses it, and whoever comes then waits behind: they run last, and each alone.
TAKES_A_LOCK: Final = (Kind.TABLE, Kind.SEQUENCE)


def statements(definition: Definition, differences: Iterable[Difference]) -> list[str]:
    """Statements for all drift that the master can remove, but for `ownership`, in order, for one transaction."""
    return [
        statement
        for difference in differences
        if difference.fixable and difference.about.kind not in TAKES_A_LOCK
        for statement in _fix(definition, difference)
    ]


def ownership(definition: Definition, differences: Iterable[Difference]) -> list[str]:
    """ALTER ... OWNER TO for the tables and sequences that the master made as itself."""
    return [
        f"ALTER {about.kind.value.upper()} {_path(about.path)} OWNER TO {identifier(definition.owner)}"
        for about, _, _, fixable in differences
        if fixable and about.kind in TAKES_A_LOCK
    ]


def _fix(definition: Definition, difference: Difference) -> Iterator[str]:
    (kind, path, who), found, wanted, _ = difference
    if kind is Kind.ROLE:
        yield from _role(definition, path[0], missing=not found)
    elif kind is Kind.MEMBER:
        yield from _member(path[0], who, difference)
    elif kind in (Kind.ROLE_SETTING, Kind.DATABASE_SETTING):
        yield _setting(kind, path, who, difference)
    elif kind is Kind.SCHEMA:
        owner, schema = identifier(definition.owner), _path(path)
        yield f"ALTER SCHEMA {schema} OWNER TO {owner}" if found else f"CREATE SCHEMA {schema} AUTHORIZATION {owner}"
    else:
        before, what, behind = _object(definition, kind, path)
        if found - wanted:
            # CASCADE also removes re-grants: a right that somebody passed on goes with the one it came from.
            yield f"{before}REVOKE ALL{behind} ON {what} FROM {_grantee(who)} CASCADE"
            found = frozenset()
        if wanted - found:
            yield f"{before}GRANT {', '.join(sorted(wanted - found))} ON {what} TO {_grantee(who)}"


def _role(definition: Definition, name: str, *, missing: bool) -> Iterator[str]:
    role = next(role for role in definition.roles if role.name == name)
    if missing:
        yield f"CREATE ROLE {identifier(name)}"
    # SUPERUSER, REPLICATION and BYPASSRLS are not named: only who has them may, and nobody gets them.
    attributes = ["NOLOGIN" if role.login == "none" else "LOGIN", "INHERIT NOCREATEDB NOCREATEROLE"]
    attributes += ["CONNECTION LIMIT -1 VALID UNTIL 'infinity'"]
    attributes += [] if role.login == "password" else ["PASSWORD NULL"]
    yield f"ALTER ROLE {identifier(name)} {' '.join(attributes)}"


def _member(role: str, who: str, difference: Difference) -> Iterator[str]:
    if not difference.wanted:
        yield f"REVOKE {identifier(role)} FROM {identifier(who)} CASCADE"
        return
    options = [f"{option} {str(option in difference.wanted).upper()}" for option in ("INHERIT", "SET")]
    if "ADMIN" in difference.found:
        yield f"REVOKE ADMIN OPTION FOR {identifier(role)} FROM {identifier(who)} CASCADE"
    yield f"GRANT {identifier(role)} TO {identifier(who)} WITH {', '.join(options)}"


def _setting(kind: Kind, path: tuple[str, ...], name: str, difference: Difference) -> str:
    target = f"DATABASE {_path(path)}"
    if kind is Kind.ROLE_SETTING:
        target = " IN DATABASE ".join(["ROLE " + identifier(path[0]), *map(identifier, path[1:])])
    if not difference.wanted:
        return f"ALTER {target} RESET {_setting_name(name)}"
    (value,) = difference.wanted
    return f"ALTER {target} SET {_setting_name(name)} = {literal(value)}"


def _setting_name(name: str) -> str:
    return ".".join(map(identifier, name.split(".")))


def _object(definition: Definition, kind: Kind, path: tuple[str, ...]) -> tuple[str, str, str]:
    """Parts of a GRANT or REVOKE: ALTER DEFAULT PRIVILEGES before it, the object after ON, the column after ALL."""
    if kind in (Kind.NEW_SCHEMAS, Kind.NEW_TABLES, Kind.NEW_SEQUENCES):
        where = f"IN SCHEMA {_path(path)} " if path else ""
        before = f"ALTER DEFAULT PRIVILEGES FOR ROLE {identifier(definition.owner)} {where}"
        new = {Kind.NEW_SCHEMAS: "SCHEMAS", Kind.NEW_TABLES: "TABLES", Kind.NEW_SEQUENCES: "SEQUENCES"}
        return before, new[kind], ""
    if kind is Kind.COLUMN_ACCESS:
        return "", f"TABLE {_path(path[:2])}", f" ({identifier(path[2])})"
    word = {
        Kind.DATABASE_ACCESS: "DATABASE",
        Kind.SCHEMA_ACCESS: "SCHEMA",
        Kind.TABLE_ACCESS: "TABLE",
        Kind.SEQUENCE_ACCESS: "SEQUENCE",
    }[kind]
    return "", f"{word} {_path(path)}", ""


def _path(path: tuple[str, ...]) -> str:
    return ".".join(map(identifier, path))


def _grantee(who: str) -> str:
    return who if who == PUBLIC else identifier(who)
