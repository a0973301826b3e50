"""Passwords of the roles: logins prove those of the secrets, and SCRAM verifiers set them.

A pooled role's secret holds the verifier beside the password: PgBouncer's user list, which must have the same, is
published only when the database has it (E62).

RDS lets nobody read verifiers. A login proves a password, and shows the salt and iterations of the verifier behind it.
"""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import scramp

from functions import connection
from functions.connection import Credentials, Failed, Refused
from functions.roles.definition import Definition, Role

WORKS: Final = "works"
MISSING: Final = "no such role"
WRONG_PASSWORD: Final = "wrong password"
OTHER_VERIFIER: Final = "not the verifier of its secret"

ITERATIONS: Final = 4096  # scram_iterations of PostgreSQL 16
SALT_BYTES: Final = 16  # what PostgreSQL itself uses
ANSWER_SECONDS: Final = 15

USER_LIST: Final = "userlist.txt"
_LINE: Final = re.compile(r'^"([^"]+)" "([^"]*)"$', re.MULTILINE)
_VERIFIER: Final = re.compile(r"SCRAM-SHA-256\$([0-9]+):([^$:]+)\$([^$:]+):([^$:]+)")


class Proof(NamedTuple):
    """The result of a login, in words, and whether the role's password must be set."""

    words: str
    needs_password: bool


@dataclass(frozen=True, kw_only=True)
class Password:
    """One role's credentials, and the verifier that the database must hold; None for any that fits."""

    credentials: Credentials
    verifier: str | None = field(repr=False)

    def new_verifier(self) -> str:
        """The verifier for ALTER ROLE ... PASSWORD: the secret's, or one of a new salt."""
        return self.verifier or make_verifier(self.credentials.password, os.urandom(SALT_BYTES), ITERATIONS)


def make_verifier(password: str, salt: bytes, iterations: int) -> str:
    """A SCRAM-SHA-256 verifier, as PostgreSQL stores it."""
    auth_info = scramp.ScramMechanism("SCRAM-SHA-256").make_auth_info(password, iterations, salt)
    encoded = [base64.b64encode(part).decode() for part in auth_info[:3]]
    return f"SCRAM-SHA-256${auth_info[3]}:{encoded[0]}${encoded[1]}:{encoded[2]}"


def read(definition: Definition, arns: Mapping[str, str]) -> tuple[Credentials, dict[str, Password]]:
    """Read the master's credentials, and the passwords by role.

    Raises `Failed` if a secret lacks, if secrets lead to different databases, or if the verifier of a pooled role is
    none of its password.
    """
    names = (definition.master, *(role.name for role in definition.with_password))
    without = [name for name in names if name not in arns]
    if without:
        raise Failed(f"SECRET_ARNS names no secret of {', '.join(without)}. pulumi up writes it.")
    documents = {name: connection.read_secret(arns[name]) for name in names}
    found = {name: connection.credentials_of(arns[name], document) for name, document in documents.items()}
    master = found[definition.master]
    for name, credentials in found.items():
        if (credentials.username, credentials.dbname) != (name, definition.database):
            raise Failed(
                f"The secret of {name} is about {credentials.username} in {credentials.dbname}, not about {name} in "
                f"{definition.database}. pulumi up writes it."
            )
        if credentials.address != master.address:
            raise Failed(
                f"The secret of {name} leads to {credentials.address}, the master's to {master.address}. pulumi up "
                f"writes both."
            )
    return master, {
        role.name: Password(
            credentials=found[role.name],
            verifier=_verifier(role, documents[role.name]) if role.pooled else None,
        )
        for role in definition.with_password
    }


def user_list(arn: str) -> dict[str, str]:
    """Read PgBouncer's user list: verifier by role."""
    text = connection.read_secret(arn).get(USER_LIST)
    if not isinstance(text, str):
        raise Failed(f"The pooler's secret {arn} has no {USER_LIST}. pulumi up writes it.")
    return dict(_LINE.findall(text))


def unlisted(roles: Mapping[str, Password], listed: Mapping[str, str]) -> list[str]:
    """Pooled roles whose verifier is not the one of PgBouncer's user list, which hosts log in to the database with."""
    return [name for name, password in roles.items() if password.verifier not in (None, listed.get(name))]


def _verifier(role: Role, document: Mapping[str, Any]) -> str:
    verifier, password = str(document.get("verifier", "")), str(document["password"])
    parts = _VERIFIER.fullmatch(verifier)
    try:
        fits = parts is not None and verifier == make_verifier(password, base64.b64decode(parts[2]), int(parts[1]))
    except (ValueError, scramp.ScramException):
        fits = False
    if not fits:
        raise Failed(
            f"The secret of {role.name} has no verifier of its password, which it needs since it logs in through "
            f"PgBouncer. pulumi up writes both. Nothing was changed."
        )
    return verifier


def prove(password: Password) -> Proof:
    """Log in as a role. Raises `Unreachable`, and `Refused` where the server has other reasons than the role."""
    try:
        session = connection.connect(
            password.credentials, application_name="langpont-roles-proof", answer_seconds=ANSWER_SECONDS
        )
    except Refused as refused:
        return _refused(refused, password)
    session.close()
    return _proven(WORKS, session.login, password)


def _proven(words: str, login: connection.Login, password: Password) -> Proof:
    if password.verifier is not None:
        parts = _VERIFIER.fullmatch(password.verifier)
        assert parts is not None
        if (login.iterations, login.salt) != (int(parts[1]), base64.b64decode(parts[2])):
            return Proof(OTHER_VERIFIER, needs_password=True)
    return Proof(words, needs_password=False)


def _refused(refused: Refused, password: Password) -> Proof:
    if refused.login.proven:  # the database, or the role's right to log in, is what it lacks
        return _proven(f"the password is right, but: {refused.message}", refused.login, password)
    if refused.login.plain:
        return Proof(f"{refused.message}, as RDS does with a member of rds_iam", needs_password=False)
    if refused.sqlstate in ("28P01", ""):  # also where the verifier there is one that SCRAM clients do not accept
        return Proof(WRONG_PASSWORD, needs_password=True)
    if refused.sqlstate == "28000":
        return Proof(refused.message, needs_password=False)
    raise refused
