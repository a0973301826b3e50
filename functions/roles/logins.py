"""Passwords of the roles: logins prove those of the secrets, and SCRAM verifiers set them.

A pooled role's secret holds the verifier beside the password: PgBouncer's user list, which must have the same, is
published only when the database has it (E62).

RDS lets nobody read verifiers. A login proves a password, and shows the salt and iterations of the verifier behind it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from functions import connection, versions
from functions.connection import Credentials, Failed, Refused
from functions.roles.definition import Definition, Role
from functions.verifiers import SALT_BYTES, is_of, make_verifier, salt_of

WORKS: Final = "works"
MISSING: Final = "no such role"
WRONG_PASSWORD: Final = "wrong password"
OTHER_VERIFIER: Final = "not the verifier of its secret"

ANSWER_SECONDS: Final = 15

USER_LIST: Final = "userlist.txt"
_LINE: Final = re.compile(r'^"([^"]+)" "([^"]*)"$', re.MULTILINE)
# What a role's secret says of the server, which the master's knows better: `pulumi up` writes that one alone where
# passwords are rotated.
_ADDRESS: Final = ("host", "port", "dbname", "dbInstanceIdentifier")


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
        return self.verifier or make_verifier(self.credentials.password, os.urandom(SALT_BYTES))


def read(
    definition: Definition, arns: Mapping[str, str], *, follow_master: bool = False
) -> tuple[Credentials, dict[str, Password]]:
    """Read the master's credentials, and the passwords by login: a role's own, or the second one that it rotates to.

    follow_master: write secrets that are rotated, and lead to another server than the master's, anew with its address.
    Raises `Failed` if a secret lacks, if secrets lead to different databases, or if the verifier of a pooled role is
    none of its password.
    """
    names = (definition.master, *(role.name for role in definition.with_password))
    without = [name for name in names if name not in arns]
    if without:
        raise Failed(f"SECRET_ARNS names no secret of {', '.join(without)}. pulumi up writes it.")
    documents = {name: connection.read_secret(arns[name]) for name in names}
    main = documents[definition.master]
    if follow_master:
        documents |= {
            name: _moved(arns[name], documents[name], main)
            for name in definition.second_logins
            if any(documents[name].get(key) != main.get(key) for key in _ADDRESS)
        }
    found = {name: connection.credentials_of(arns[name], document) for name, document in documents.items()}
    master = found[definition.master]
    for name, credentials in found.items():
        logins = (name, *filter(None, [definition.second_logins.get(name)]))
        if credentials.username not in logins or credentials.dbname != definition.database:
            raise Failed(
                f"The secret of {name} is about {credentials.username} in {credentials.dbname}, not about "
                f"{' or '.join(logins)} in {definition.database}. {_way_out(name, credentials.username)}"
            )
        if credentials.address != master.address:
            raise Failed(
                f"The secret of {name} leads to {credentials.address}, the master's to {master.address}. pulumi up "
                f"writes both."
            )
    for role in definition.with_password:
        if role.name not in definition.second_logins and _of_rotation(role, documents[role.name]):
            raise Failed(
                f"The secret of {role.name} has a password that only its rotation knows. {_SWITCHED_OFF} {_WRITES}"
            )
    return master, {
        found[role.name].username: Password(
            credentials=found[role.name],
            # A rotation writes one for every role, whose password is then known by it alone.
            verifier=_verifier(role, document) if role.pooled or "verifier" in document else None,
        )
        for role in definition.with_password
        for document in [documents[role.name]]
    }


def _way_out(name: str, username: str) -> str:
    if username != name and username.startswith(f"{name}_"):
        return f"{_SWITCHED_OFF} {_WRITES}"
    return _WRITES


def _of_rotation(role: Role, document: Mapping[str, Any]) -> bool:
    """Whether a rotation wrote it: Pulumi gives a pooled role one verifier, and another none."""
    return "verifiers" in document if role.pooled else "verifier" in document


_SWITCHED_OFF: Final = "Its rotation was switched off meanwhile: raise its number in credentials.passwordVersions."
_WRITES: Final = "pulumi up writes it."


def _moved(arn: str, document: Mapping[str, Any], master: Mapping[str, Any]) -> dict[str, Any]:
    """Write a secret with the master's server, as after a restore, and the password that it has."""
    moved = {**document, **{key: master[key] for key in _ADDRESS if key in master}}
    versions.write(arn, moved)
    return moved


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
    verifier = str(document.get("verifier", ""))
    if not is_of(verifier, str(document["password"])):
        raise Failed(
            f"The secret of {role.name} has no verifier of its password, which it needs since it logs in through "
            f"PgBouncer. pulumi up writes both. Nothing was changed."
        )
    return verifier


def prove(password: Password) -> Proof:
    """Log in as a role. Raises `Unreachable`, and `Refused` where the server has other reasons than the role."""
    try:
        session = connection.connect(
            password.credentials, application_name="roles-function-proof", answer_seconds=ANSWER_SECONDS
        )
    except Refused as refused:
        return _refused(refused, password)
    session.close()
    return _proven(WORKS, session.login, password)


def _proven(words: str, login: connection.Login, password: Password) -> Proof:
    if password.verifier is not None and (login.iterations, login.salt) != salt_of(password.verifier):
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
