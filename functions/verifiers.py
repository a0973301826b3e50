"""SCRAM-SHA-256 verifiers in SQL: a password reaches the server, its log and its statistics only as one."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Final

import scramp

ITERATIONS: Final = 4096  # scram_iterations of PostgreSQL 16
SALT_BYTES: Final = 16  # what PostgreSQL itself uses

_BASE64: Final = r"[A-Za-z0-9+/=]+"
VERIFIER: Final = re.compile(rf"SCRAM-SHA-256\$([0-9]+):({_BASE64})\$({_BASE64}):({_BASE64})")

# For the rest of a transaction, no text of it in the PostgreSQL log or in pg_stat_statements, as far as the master may
# say so: each of these needs a superuser's SET, or GRANT SET ON PARAMETER (PostgreSQL 15 and later), and AWS does not
# say which of them rds_superuser has. What is refused is left as it is.
UNHEARD: Final = """\
DO $$
DECLARE one record;
BEGIN
    FOR one IN VALUES
        ('log_statement', 'none'), ('log_min_duration_statement', '-1'), ('log_min_duration_sample', '-1'),
        ('log_min_error_statement', 'panic'), ('pg_stat_statements.track_utility', 'off')
    LOOP
        BEGIN
            PERFORM set_config(one.column1, one.column2, true);
        EXCEPTION WHEN insufficient_privilege OR undefined_object THEN NULL;
        END;
    END LOOP;
END $$"""


def identifier(name: str) -> str:
    """A quoted identifier, whatever it is."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: str) -> str:
    """A quoted string. A backslash has no meaning of its own, since standard_conforming_strings is on."""
    return "'" + value.replace("'", "''") + "'"


def redacted(statement: str) -> str:
    """The statement without a verifier, for messages and logs."""
    return VERIFIER.sub("SCRAM-SHA-256$...", statement)


def make_verifier(password: str, salt: bytes, iterations: int = ITERATIONS) -> str:
    """A SCRAM-SHA-256 verifier, as PostgreSQL stores it."""
    auth_info = scramp.ScramMechanism("SCRAM-SHA-256").make_auth_info(password, iterations, salt)
    encoded = [base64.b64encode(part).decode() for part in auth_info[:3]]
    return f"SCRAM-SHA-256${auth_info[3]}:{encoded[0]}${encoded[1]}:{encoded[2]}"


def salt_of(verifier: str) -> tuple[int, bytes]:
    """Iterations and salt of a verifier, as a login shows them. Raises ValueError for what is none."""
    parts = VERIFIER.fullmatch(verifier)
    if parts is None:
        raise ValueError("This is no SCRAM-SHA-256 verifier.")
    return int(parts[1]), base64.b64decode(parts[2])


def is_of(verifier: str, password: str) -> bool:
    """Whether it is a verifier of this password."""
    try:
        iterations, salt = salt_of(verifier)
        return verifier == make_verifier(password, salt, iterations)
    except (ValueError, scramp.ScramException):
        return False


def passwords(verifiers: Mapping[str, str]) -> list[str]:
    """ALTER ROLE ... PASSWORD for each role. Raises ValueError, without repeating it, for what is no verifier."""
    for role, verifier in verifiers.items():
        if not VERIFIER.fullmatch(verifier):
            raise ValueError(f"What is given for {role} is no SCRAM-SHA-256 verifier.")
    return [f"ALTER ROLE {identifier(role)} PASSWORD {literal(verifiers[role])}" for role in verifiers]
