"""The statements that make the roles."""

from __future__ import annotations

import pytest

from blueprint.roles import OWNER, PASSWORD_ROLES, ROLES, SCHEMAS, Access, Login, Role
from blueprint.scram import verifier
from local.data.roles_sql import identifier, literal, statements

VERIFIERS = {name: verifier("a password", name.encode().ljust(16, b"-")) for name in PASSWORD_ROLES}


def made(existing: tuple[str, ...] = (), roles: tuple[Role, ...] = ROLES) -> list[str]:
    return statements(master="langpont_admin", database="langpont", verifiers=VERIFIERS, existing=existing, roles=roles)


def test_only_missing_roles_are_created() -> None:
    names = [role.name for role in ROLES]
    assert [s for s in made() if s.startswith("CREATE ROLE")] == [f'CREATE ROLE "{name}"' for name in names]
    assert [s for s in made(tuple(names)) if s.startswith("CREATE ROLE")] == []


def test_passwords_are_verifiers_and_nobody_else_has_one() -> None:
    passwords = {s.split('"')[1]: s for s in made() if " PASSWORD " in s}
    assert set(passwords) == {role.name for role in ROLES}
    for role in ROLES:
        expected = literal(VERIFIERS[role.name]) if role.login is Login.PASSWORD else "NULL"
        assert passwords[role.name].endswith(f" PASSWORD {expected}")


def test_a_plain_password_is_refused_and_not_repeated() -> None:
    with pytest.raises(ValueError, match=r"^What is given for langpont_app is no SCRAM-SHA-256 verifier\.$"):
        statements(
            master="m", database="d", verifiers=VERIFIERS | {"langpont_app": "hunter2"}, existing=(), roles=ROLES
        )


def test_the_master_grants_itself_the_owner_before_it_speaks_of_its_schemas() -> None:
    every = made()
    granted = every.index(f'GRANT "{OWNER}" TO "langpont_admin" WITH INHERIT TRUE, SET TRUE')
    about = [i for i, s in enumerate(every) if "SCHEMA" in s]
    assert granted < min(about)


def test_what_one_role_gets() -> None:
    role = Role(
        name="reader",
        login=Login.PASSWORD,
        purpose="reads",
        access={SCHEMAS[0]: Access.READ},
        statement_timeout_seconds=5,
    )
    every = statements(
        master="m", database="d", verifiers={"reader": VERIFIERS["langpont_app"]}, existing=("reader",), roles=(role,)
    )
    default = 'ALTER DEFAULT PRIVILEGES FOR ROLE "langpont_owner" IN SCHEMA "analytics"'
    assert [s for s in every if '"analytics"' in s] == [
        'CREATE SCHEMA IF NOT EXISTS "analytics" AUTHORIZATION "langpont_owner"',
        'REVOKE ALL ON SCHEMA "analytics" FROM "reader"',
        'REVOKE ALL ON ALL TABLES IN SCHEMA "analytics" FROM "reader"',
        f'{default} REVOKE ALL ON TABLES FROM "reader"',
        'REVOKE ALL ON ALL SEQUENCES IN SCHEMA "analytics" FROM "reader"',
        f'{default} REVOKE ALL ON SEQUENCES FROM "reader"',
        'GRANT USAGE ON SCHEMA "analytics" TO "reader"',
        'GRANT SELECT ON ALL TABLES IN SCHEMA "analytics" TO "reader"',
        f'{default} GRANT SELECT ON TABLES TO "reader"',
        'GRANT SELECT ON ALL SEQUENCES IN SCHEMA "analytics" TO "reader"',
        f'{default} GRANT SELECT ON SEQUENCES TO "reader"',
    ]
    assert [s for s in every if "GRANT" in s and '"translations"' in s] == []
    assert every[-1] == "ALTER ROLE \"reader\" SET statement_timeout = '5s'"


def test_the_database_is_nobody_s_but_those_who_log_in() -> None:
    about = [s for s in made() if "DATABASE" in s]
    logins = ", ".join(f'"{role.name}"' for role in ROLES if role.login is not Login.NONE)
    assert about == [
        'REVOKE ALL ON DATABASE "langpont" FROM PUBLIC',
        f'GRANT CONNECT ON DATABASE "langpont" TO {logins}',
        "ALTER DATABASE \"langpont\" SET default_text_search_config = 'pg_catalog.english'",
    ]


def test_names_and_values_are_quoted() -> None:
    assert identifier('a"b') == '"a""b"'
    assert literal("a'b\\") == "'a''b\\'"
