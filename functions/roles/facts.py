"""Desired and actual state of roles, grants, owners and settings in the same terms; the difference is drift.

Other logins than the definition's, as in a database that was moved here, keep what they came in by: what PUBLIC may on
the database, which is taken from it, each of them gets by name. That they are there is no drift.

A fact has a kind, an object, a grantee or a setting's name, and a set of words. The words are PostgreSQL's:
attributes, options, privileges.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Final, NamedTuple, TypeAlias

from functions.roles.definition import Definition, Role

PUBLIC: Final = "PUBLIC"
RDS_IAM: Final = "rds_iam"  # whose members RDS lets in by an IAM token, and by nothing else

TABLE_PRIVILEGES: Final = {"read": ("SELECT",), "write": ("SELECT", "INSERT", "UPDATE", "DELETE")}
SEQUENCE_PRIVILEGES: Final = {"read": ("SELECT",), "write": ("SELECT", "USAGE")}

# Only who has one of these may give or take it, and the master has none.
UNTOUCHABLE: Final = frozenset({"SUPERUSER", "REPLICATION", "BYPASSRLS"})

Words: TypeAlias = frozenset[str]
NOTHING: Final[Words] = frozenset()


class Kind(Enum):
    """Kinds of facts, in the order in which drift is reported and removed."""

    ROLE = "role"
    MEMBER = "member"
    DATABASE = "database"
    DATABASE_SETTING = "database setting"
    DATABASE_ACCESS = "database access"
    ROLE_SETTING = "role setting"
    SCHEMA = "schema"
    SCHEMA_ACCESS = "schema access"
    NEW_SCHEMAS = "new schemas"
    NEW_TABLES = "new tables"
    NEW_SEQUENCES = "new sequences"
    TABLE_ACCESS = "table access"
    COLUMN_ACCESS = "column access"
    SEQUENCE_ACCESS = "sequence access"
    TABLE = "table"
    SEQUENCE = "sequence"
    VIEW = "view"
    OWNED_SEQUENCE = "owned sequence"
    OTHER_LOGIN = "other login"


_ORDER: Final = {kind: place for place, kind in enumerate(Kind)}
_OWNERS: Final = (Kind.DATABASE, Kind.SCHEMA, Kind.TABLE, Kind.SEQUENCE, Kind.VIEW)
_NO_DRIFT: Final = (Kind.OWNED_SEQUENCE, Kind.OTHER_LOGIN)  # the one follows its table, the other is left as it is
_RELATIONS: Final = (Kind.TABLE, Kind.SEQUENCE, Kind.VIEW, Kind.OWNED_SEQUENCE)
_ACCESS: Final = {
    Kind.DATABASE_ACCESS: "database",
    Kind.SCHEMA_ACCESS: "schema",
    Kind.NEW_SCHEMAS: "new schemas in",
    Kind.NEW_TABLES: "new tables in",
    Kind.NEW_SEQUENCES: "new sequences in",
    Kind.TABLE_ACCESS: "table",
    Kind.COLUMN_ACCESS: "column",
    Kind.SEQUENCE_ACCESS: "sequence",
}


class About(NamedTuple):
    """The key of a fact: kind, object (schema and table, for instance), and grantee or name of a setting."""

    kind: Kind
    path: tuple[str, ...]
    who: str = ""


Facts: TypeAlias = Mapping[About, Words]


class Difference(NamedTuple):
    """Drift of one fact: actual and desired words. `fixable`: the master can change it, and nobody else owns it."""

    about: About
    found: Words
    wanted: Words
    fixable: bool

    @property
    def text(self) -> str:
        """The drift as a sentence without a full stop."""
        return self._text() if self.fixable else f"{self._text()}; apply leaves that to you"

    def _text(self) -> str:
        (kind, path, who), is_, to_be = self.about, _list(self.found), _list(self.wanted)
        name = ".".join(path) or "any schema"
        if kind in (Kind.ROLE, Kind.SCHEMA) and not is_:
            return f"{kind.value} {name} is missing"
        if kind is Kind.ROLE:
            return f"role {name} is {is_}, is to be {to_be}"
        if kind is Kind.MEMBER:
            return f"{who} {_membership(name, self.found, self.wanted)}"
        if kind in _OWNERS:
            return f"{kind.value} {name} belongs to {is_}, is to belong to {to_be}"
        if kind is Kind.DATABASE_SETTING:
            return f"database {name}: {who} is {is_ or 'not set'}, is to be {to_be or 'not set'}"
        if kind is Kind.ROLE_SETTING:
            where = " in database ".join(path)
            return f"role {where}: {who} is {is_ or 'not set'}, is to be {to_be or 'not set'}"
        return f"{_ACCESS[kind]} {name}: {who} has {is_ or 'nothing'}, is to have {to_be or 'nothing'}"


def _list(words: Words) -> str:
    return ", ".join(sorted(words))


def _membership(role: str, found: Words, to_be: Words) -> str:
    options = f"with {_list(to_be - {'MEMBER'}) or 'no option'}"
    if not found:
        return f"is no member of {role}, is to be one {options}"
    now = f"is a member of {role} with {_list(found - {'MEMBER'}) or 'no option'}"
    return f"{now}, is to be one {options}" if to_be else f"{now}, is to be none"


def desired(definition: Definition, found: Facts) -> Facts:
    """The desired state, for every table and sequence that `found` knows of."""
    return dict(_desired(definition, found))


def _desired(definition: Definition, found: Facts) -> Iterator[tuple[About, Words]]:
    owner, master = definition.owner, definition.master
    yield About(Kind.MEMBER, (owner,), master), frozenset({"MEMBER", "INHERIT", "SET"})
    yield About(Kind.DATABASE, (definition.database,)), frozenset({master})
    # To make schemas, temporary tables and trusted extensions, as a migration does.
    yield About(Kind.DATABASE_ACCESS, (definition.database,), owner), frozenset({"CREATE", "TEMPORARY"})
    for setting, value in definition.settings.items():
        yield About(Kind.DATABASE_SETTING, (definition.database,), setting), frozenset({value})
    for schema in definition.schemas:
        yield About(Kind.SCHEMA, (schema,)), frozenset({owner})
    for role in definition.roles:
        yield from _of_role(definition, role)
    yield from _of_other_logins(definition, found)
    for kind, path, _ in found:
        if kind in (Kind.TABLE, Kind.SEQUENCE, Kind.VIEW):
            yield About(kind, path), frozenset({owner})
        if kind in _RELATIONS:
            yield from _of_relation(definition, kind, path)


def _of_role(definition: Definition, role: Role) -> Iterator[tuple[About, Words]]:
    yield About(Kind.ROLE, (role.name,)), frozenset({"NOLOGIN" if role.login == "none" else "LOGIN"})
    for other in role.becomes:
        yield About(Kind.MEMBER, (other,), role.name), frozenset({"MEMBER", "SET"})
    for other in (*role.member_of, *([RDS_IAM] if role.login == "iam" else [])):
        yield About(Kind.MEMBER, (other,), role.name), frozenset({"MEMBER", "INHERIT", "SET"})
    if role.login != "none" and role.second_of is None:  # which has it by membership, and so can be dropped at once
        yield About(Kind.DATABASE_ACCESS, (definition.database,), role.name), frozenset({"CONNECT"})
    if role.statement_timeout_seconds is not None:
        timeout = frozenset({f"{role.statement_timeout_seconds}s"})
        yield About(Kind.ROLE_SETTING, (role.name,), "statement_timeout"), timeout
    everywhere = set(role.access.values())
    if role.pooled and len(everywhere) == 1:  # the application's: what a migration makes is for them, in any schema
        (access,) = everywhere
        yield About(Kind.NEW_SCHEMAS, (), role.name), frozenset({"USAGE"})
        yield About(Kind.NEW_TABLES, (), role.name), frozenset(TABLE_PRIVILEGES[access])
        yield About(Kind.NEW_SEQUENCES, (), role.name), frozenset(SEQUENCE_PRIVILEGES[access])
    for schema, access in role.access.items():
        yield About(Kind.SCHEMA_ACCESS, (schema,), role.name), frozenset({"USAGE"})
        yield About(Kind.NEW_TABLES, (schema,), role.name), frozenset(TABLE_PRIVILEGES[access])
        yield About(Kind.NEW_SEQUENCES, (schema,), role.name), frozenset(SEQUENCE_PRIVILEGES[access])


def _of_other_logins(definition: Definition, found: Facts) -> Iterator[tuple[About, Words]]:
    """Rights on the database: everybody else's own, and of who logs in PUBLIC's too.

    Settings of the database that the definition lacks stay for them: an application may live by its search_path.
    """
    here, ours = (definition.database,), (*definition.names, definition.owner, definition.master, PUBLIC)
    logins = other_logins(found)
    for kind, path, who in found:
        if kind is Kind.DATABASE_ACCESS and who not in ours:
            yield About(kind, path, who), found[About(kind, path, who)]
        if kind is Kind.DATABASE_SETTING and who not in definition.settings and logins:
            yield About(kind, path, who), found[About(kind, path, who)]
    for who in logins:
        about = About(Kind.DATABASE_ACCESS, here, who)
        if words := found.get(about, NOTHING) | found.get(About(Kind.DATABASE_ACCESS, here, PUBLIC), NOTHING):
            yield about, words


def other_logins(found: Facts) -> list[str]:
    """Names of the roles that log in and are neither the definition's nor RDS's."""
    return sorted(about.path[0] for about in found if about.kind is Kind.OTHER_LOGIN)


def left_alone(definition: Definition, found: Facts) -> list[str]:
    """What is there of others and is no drift, a sentence each without a full stop."""
    logins, here = other_logins(found), (definition.database,)
    rights = {who: found.get(About(Kind.DATABASE_ACCESS, here, who), NOTHING) for who in logins}
    lines = [
        f"role {who} logs in here, with {_list(rights[who]) or 'no right of its own'} on the database" for who in logins
    ]
    if logins:
        lines += [
            f"database {about.path[0]}: {about.who} is {_list(words)}, for every role that logs in"
            for about, words in sorted(found.items(), key=lambda it: it[0].who)
            if about.kind is Kind.DATABASE_SETTING and about.who not in definition.settings
        ]
    return lines


def _of_relation(definition: Definition, kind: Kind, path: tuple[str, ...]) -> Iterator[tuple[About, Words]]:
    sequence = kind in (Kind.SEQUENCE, Kind.OWNED_SEQUENCE)
    for role in definition.roles:
        access = role.access.get(path[0])
        if access:
            about = About(Kind.SEQUENCE_ACCESS if sequence else Kind.TABLE_ACCESS, path, role.name)
            yield about, frozenset((SEQUENCE_PRIVILEGES if sequence else TABLE_PRIVILEGES)[access])


def differences(definition: Definition, found: Facts) -> list[Difference]:
    """The drift, in the order of `Kind`, and by name.

    Of an object with a foreign owner only the owner is reported: its rights are that one's to give, and the master
    would be refused.
    """
    target, others = desired(definition, found), _of_others(definition, found)
    every = sorted({*found, *target}, key=lambda about: (_ORDER[about.kind], about.path, about.who))
    return [
        Difference(about, is_, to_be, _fixable(definition, about, is_, to_be))
        for about in every
        if about.kind not in _NO_DRIFT
        and not (about.kind in _ACCESS and about.path[:2] in others)
        and (is_ := found.get(about, NOTHING)) != (to_be := target.get(about, NOTHING))
    ]


def _of_others(definition: Definition, found: Facts) -> set[tuple[str, ...]]:
    own = {definition.owner, definition.master}
    return {about.path for about, words in found.items() if about.kind in (Kind.SCHEMA, *_RELATIONS) and words - own}


def _fixable(definition: Definition, about: About, found: Words, wanted: Words) -> bool:
    kind = about.kind
    if kind is Kind.ROLE:
        return not found & UNTOUCHABLE
    if kind in (Kind.DATABASE, Kind.VIEW):  # a view reads with its owner's rights: another owner changes what it shows
        return False
    if kind in (Kind.SCHEMA, Kind.TABLE, Kind.SEQUENCE):
        return found <= {definition.master}
    if kind in _ACCESS or kind is Kind.MEMBER:
        # What somebody gave to a role of their own is theirs to take back.
        return found < wanted or about.who in (*definition.names, definition.master, PUBLIC)
    return True
