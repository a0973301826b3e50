"""The SQL that removes drift: its order, its quoting, and that nothing but a verifier is a password."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from blueprint.postgres import roles, scram
from functions.roles.definition import Definition, Role
from functions.roles.facts import About, Facts, Kind, differences
from functions.roles.statements import ownership, statements
from functions.verifiers import identifier, literal, make_verifier, passwords, redacted

VERIFIER = scram.verifier("a password", b"0123456789abcdef")


@pytest.fixture
def definition(tmp_path: Path) -> Definition:
    file = tmp_path / "definition.json"
    file.write_text(json.dumps(roles.definition(database="langpont", master="langpont_admin")))
    return Definition.load(file)


def mending(definition: Definition, found: Facts) -> list[str]:
    return statements(definition, differences(definition, found))


def test_only_missing_roles_are_created(definition: Definition) -> None:
    names = sorted(role.name for role in roles.ROLES)
    assert [s for s in mending(definition, {}) if s.startswith("CREATE ROLE")] == [f'CREATE ROLE "{n}"' for n in names]
    there = {About(Kind.ROLE, (name,)): frozenset({"LOGIN"}) for name in names}
    assert [s for s in mending(definition, there) if "ROLE" in s.split()[1]] == [
        'ALTER ROLE "langpont_owner" NOLOGIN INHERIT NOCREATEDB NOCREATEROLE CONNECTION LIMIT -1 '
        "VALID UNTIL 'infinity' PASSWORD NULL",
        *(f"ALTER ROLE \"{role.name}\" SET \"statement_timeout\" = '{role.statement_timeout_seconds}s'"
          for role in sorted(roles.ROLES, key=lambda role: role.name) if role.statement_timeout_seconds is not None),
    ]  # fmt: skip


def test_the_master_grants_itself_the_owner_before_it_speaks_of_its_schemas(definition: Definition) -> None:
    every = mending(definition, {})
    granted = every.index('GRANT "langpont_owner" TO "langpont_admin" WITH INHERIT TRUE, SET TRUE')
    assert every.index('CREATE ROLE "langpont_owner"') < granted < min(i for i, s in enumerate(every) if "SCHEMA" in s)


def test_what_one_role_gets(definition: Definition) -> None:
    reader = Role(
        name="reader", login="password", pooled=False, access={"analytics": "read"}, becomes=(), member_of=(),
        statement_timeout_seconds=5,
    )  # fmt: skip
    alone = replace(definition, roles=(reader,), schemas=("analytics",), settings={})
    default = 'ALTER DEFAULT PRIVILEGES FOR ROLE "langpont_owner" IN SCHEMA "analytics"'
    found = {
        About(Kind.TABLE, ("analytics", "t")): frozenset({"langpont_owner"}),
        About(Kind.SEQUENCE, ("analytics", "s")): frozenset({"langpont_owner"}),
        About(Kind.TABLE_ACCESS, ("analytics", "t"), "reader"): frozenset({"INSERT"}),
    }
    assert mending(alone, found) == [
        'CREATE ROLE "reader"',
        "ALTER ROLE \"reader\" LOGIN INHERIT NOCREATEDB NOCREATEROLE CONNECTION LIMIT -1 VALID UNTIL 'infinity'",
        'GRANT "langpont_owner" TO "langpont_admin" WITH INHERIT TRUE, SET TRUE',
        'GRANT CREATE, TEMPORARY ON DATABASE "langpont" TO "langpont_owner"',
        'GRANT CONNECT ON DATABASE "langpont" TO "reader"',
        'ALTER ROLE "reader" SET "statement_timeout" = \'5s\'',
        'CREATE SCHEMA "analytics" AUTHORIZATION "langpont_owner"',
        'GRANT USAGE ON SCHEMA "analytics" TO "reader"',
        f'{default} GRANT SELECT ON TABLES TO "reader"',
        f'{default} GRANT SELECT ON SEQUENCES TO "reader"',
        'REVOKE ALL ON TABLE "analytics"."t" FROM "reader" CASCADE',
        'GRANT SELECT ON TABLE "analytics"."t" TO "reader"',
        'GRANT SELECT ON SEQUENCE "analytics"."s" TO "reader"',
    ]


def test_nobody_but_a_password_role_can_have_a_password(definition: Definition) -> None:
    emptied = [s.split('"')[1] for s in mending(definition, {}) if s.endswith("PASSWORD NULL")]
    assert emptied == sorted(role.name for role in roles.ROLES if role.login is not roles.Login.PASSWORD)


def test_tables_of_the_master_are_given_to_the_owner_apart_from_the_rest(definition: Definition) -> None:
    found = {
        About(Kind.TABLE, ("analytics", "mine")): frozenset({"langpont_admin"}),
        About(Kind.TABLE, ("analytics", "bob's")): frozenset({"bob"}),
        About(Kind.SEQUENCE, ("analytics", "s")): frozenset({"langpont_admin"}),
        About(Kind.OWNED_SEQUENCE, ("analytics", "mine_id_seq")): frozenset({"langpont_admin"}),
        About(Kind.VIEW, ("analytics", "v")): frozenset({"langpont_admin"}),
    }
    every = differences(definition, found)
    assert ownership(definition, every) == [
        'ALTER TABLE "analytics"."mine" OWNER TO "langpont_owner"',
        'ALTER SEQUENCE "analytics"."s" OWNER TO "langpont_owner"',
    ]
    assert [s for s in statements(definition, every) if "OWNER TO" in s or "bob" in s] == []


def test_a_password_is_a_verifier_and_anything_else_is_refused_without_repeating_it() -> None:
    assert passwords({"langpont_app": VERIFIER}) == [f"ALTER ROLE \"langpont_app\" PASSWORD '{VERIFIER}'"]
    for other in ("hunter2", VERIFIER + "'", f"{VERIFIER}\n", "md5" + "0" * 32, ""):
        with pytest.raises(ValueError, match=r"^What is given for langpont_app is no SCRAM-SHA-256 verifier\.$"):
            passwords({"langpont_app": other})


def test_a_verifier_is_not_shown() -> None:
    (statement,) = passwords({"langpont_app": VERIFIER})
    assert redacted(statement) == "ALTER ROLE \"langpont_app\" PASSWORD 'SCRAM-SHA-256$...'"
    assert redacted("SELECT 1") == "SELECT 1"


def test_verifiers_are_those_of_the_blueprint() -> None:
    assert make_verifier("a password", b"0123456789abcdef", 4096) == VERIFIER


def test_names_and_values_are_quoted() -> None:
    assert identifier('a"b') == '"a""b"'
    assert literal("a'b\\") == "'a''b\\'"
