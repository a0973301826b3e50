"""Lambda handler of the rotation function: the four steps that Secrets Manager calls, each of which may run again.

A role has two logins, itself and a second one. The secret names the one that is used; a rotation gives the other a new
password and names it. Until the next rotation the former one stays valid, so nobody has to move in the same moment.

createSecret writes the version AWSPENDING; setSecret gives the database its verifier; testSecret logs in on every
instance, and waits until every host's PgBouncer lets the login through; finishSecret moves AWSCURRENT. A step that
raises stops the rotation there: AWSCURRENT, and whoever uses it, is untouched.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import string
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from functions import asleep, connection, versions
from functions.connection import Credentials, Failed, Refused, Session, Unreachable
from functions.rotation import hosts
from functions.verifiers import SALT_BYTES, UNHEARD, is_of, make_verifier, passwords, redacted, salt_of
from functions.versions import CURRENT, PENDING

DEFINITION = Path(__file__).parents[2] / "definition.json"

# As blueprint/postgres/secret_document.py has them: what passes in a URL, in RDS and in PgBouncer.
PASSWORD_LENGTH: Final = 32
PASSWORD_SPECIAL: Final = "-._~"
ANSWER_SECONDS: Final = 15
REPLAY_SECONDS: Final = 120  # how long a replica may take to replay the new password, in one run
POLL_SECONDS = 1.0
APPLICATION_NAME: Final = "rotation-function"

logger = logging.getLogger(__name__)
logger.setLevel(logging.INFO)


@dataclass(frozen=True, kw_only=True)
class Rotation:
    """One rotation of one secret. `arn`: of the secret; `token`: the version that it makes."""

    definition: Mapping[str, Any]
    arn: str
    token: str
    labels: versions.Labels

    @cached_property
    def current(self) -> dict[str, Any]:
        """The secret as it is used."""
        version = versions.with_label(self.labels, CURRENT)
        found = None if version is None else versions.read(self.arn, version, CURRENT)
        if found is None:
            raise Failed(f"The secret {self.arn} has no value. pulumi up writes it.")
        connection.credentials_of(self.arn, found)
        return found

    @cached_property
    def pending(self) -> dict[str, Any]:
        """What it is to be. Raises `Failed` before createSecret, and for what createSecret would not write now."""
        found = versions.read(self.arn, self.token, PENDING)
        if found is None:
            raise Failed(f"The secret {self.arn} has no pending value {self.token}. createSecret writes it.")
        if problem := self.unfit(found):
            raise Failed(
                f"The pending value of the secret {self.arn} {problem}. Begin anew: "
                f"python -m ops credentials rotate {self.role} -s {self.definition['stack']}"
            )
        return found

    @property
    def role(self) -> str:
        """The role that the secret is of."""
        username = self.current["username"]
        for role, row in self.definition["roles"].items():
            if username in (role, row["second"]):
                return str(role)
        raise Failed(f"The secret {self.arn} is about {username}, which is no login that is rotated.")

    @property
    def pooled(self) -> bool:
        """Whether hosts' PgBouncers let the role through."""
        return bool(self.definition["roles"][self.role]["pooled"])

    @property
    def other(self) -> str:
        """The login that the secret does not name now."""
        role, second = self.role, str(self.definition["roles"][self.role]["second"])
        return role if self.current["username"] == second else second

    def unfit(self, found: Mapping[str, Any]) -> str | None:
        """Why a pending value cannot become the current one; None if it can."""
        ours = {key: self.current.get(key) for key in ("host", "port", "dbname")}
        if found.get("username") != self.other:
            return f"is about {found.get('username')}, not about {self.other}"
        if {key: found.get(key) for key in ours} != ours:
            return "leads to another server than the current one"
        if not is_of(str(found.get("verifier", "")), str(found.get("password", ""))):
            return "has no verifier of its password"
        return None

    @property
    def login(self) -> Credentials:
        """The pending login on the primary."""
        return connection.credentials_of(self.arn, self.pending)


def handler(event: Mapping[str, Any], context: object) -> None:
    """The Lambda handler. Raises `Failed` and its subclasses, which end the rotation before AWSCURRENT moves."""
    step, arn, token = event["Step"], event["SecretId"], event["ClientRequestToken"]
    enabled, labels = versions.labels(arn)
    if not enabled:
        raise Failed(f"The secret {arn} is not rotated: credentials.rotateEveryDays is off. Nothing was changed.")
    if token not in labels:
        raise Failed(f"The secret {arn} has no version {token}, so it is not the one to rotate to.")
    if CURRENT in labels[token]:
        if step == "finishSecret" and PENDING in labels[token]:
            versions.move(arn, PENDING, away_from=token)
        logger.info("%s: done already", step)
        return
    if PENDING not in labels[token]:
        raise Failed(f"The version {token} of the secret {arn} is not {PENDING}: another rotation has begun since.")
    definition: dict[str, Any] = json.loads(DEFINITION.read_text(encoding="utf-8"))
    rotation = Rotation(definition=definition, arn=arn, token=token, labels=labels)
    if step not in STEPS:
        raise Failed(f"The step is {json.dumps(step)}. It is one of {', '.join(STEPS)}.")
    try:
        STEPS[step](rotation)
    except Failed as failure:
        said = str(failure)
        if isinstance(failure, Unreachable):
            said += asleep.sentence(definition, rotation.current["host"], datetime.now(UTC))
        logger.error("%s: %s: failed: %s", arn, step, said.replace("\n", " "))
        raise Failed(said) from None
    logger.warning("%s: %s: done", arn, step)  # whoever waits for the rotation reads it


def create(rotation: Rotation) -> None:
    """Write AWSPENDING: the other login, a new password and its verifier, by one salt for database and every host."""
    if versions.read(rotation.arn, rotation.token, PENDING) is not None:
        rotation.pending  # noqa: B018 - a version is written once: raises for one that must not become current
        return
    password = new_password()
    verifier = make_verifier(password, secrets.token_bytes(SALT_BYTES))
    document = {**rotation.current, "username": rotation.other, "password": password, "verifier": verifier}
    if rotation.pooled:
        # What hosts let through while both are in use.
        now = rotation.current["username"]
        document["verifiers"] = {now: rotation.current["verifier"], rotation.other: verifier}
    versions.write(rotation.arn, document, version=rotation.token, label=PENDING)


def set_(rotation: Rotation) -> None:
    """Give the database the verifier, as the master. Raises `Failed` if PgBouncers still log in with the old one."""
    login, verifier = rotation.login, str(rotation.pending["verifier"])
    if _proven(login, verifier):
        return
    master = connection.credentials(os.environ["MASTER_SECRET_ARN"])
    if rotation.pooled:
        _refuse_in_use(master, rotation.other)
    with _Closing(_connect(master)) as session:
        session.query("BEGIN")
        session.query("SET LOCAL lock_timeout = '10s'; SET LOCAL statement_timeout = '30s'")
        session.query(UNHEARD)
        for statement in passwords({rotation.other: verifier}):
            try:
                session.query(statement)
            except Refused as refused:
                raise Failed(
                    f"PostgreSQL refused {redacted(statement)}: {refused.message} ({refused.sqlstate}). Nothing was "
                    f"changed. If the login is missing, make it: python -m ops roles apply -s "
                    f"{rotation.definition['stack']}"
                ) from None
        session.query("COMMIT")


def test(rotation: Rotation) -> None:
    """Log in on every instance; then wait for the hosts. Switching rotation on asks for it with the current login."""
    found = versions.read(rotation.arn, rotation.token, PENDING)
    if found is None or found == rotation.current:
        with _Closing(_connect(connection.credentials_of(rotation.arn, rotation.current))):
            return
    verifier = str(rotation.pending["verifier"])
    deadline = time.monotonic() + REPLAY_SECONDS
    for name, address in _addresses(rotation.login.host).items():
        _wait_for_replay(name, replace(rotation.login, host=address), verifier, deadline)
    if rotation.pooled:
        hosts.wait(rotation.definition, rotation.role, versions.created(rotation.arn, rotation.token, PENDING))


def finish(rotation: Rotation) -> None:
    """Move AWSCURRENT; Secrets Manager moves AWSPREVIOUS with it."""
    rotation.pending  # noqa: B018 - raises for what must not become current
    versions.move(rotation.arn, CURRENT, to=rotation.token, away_from=versions.with_label(rotation.labels, CURRENT))
    versions.move(rotation.arn, PENDING, away_from=rotation.token)


STEPS: Final[Mapping[str, Callable[[Rotation], None]]] = {
    "createSecret": create,
    "setSecret": set_,
    "testSecret": test,
    "finishSecret": finish,
}


def new_password() -> str:
    """A password of at least one capital, small letter, digit and other character, as pulumi-random makes them."""
    kinds = (string.ascii_uppercase, string.ascii_lowercase, string.digits, PASSWORD_SPECIAL)
    while True:
        password = "".join(secrets.choice("".join(kinds)) for _ in range(PASSWORD_LENGTH))
        if all(set(password) & set(kind) for kind in kinds):
            return password


# The database


class _Closing:
    """A session that is closed after the block."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def __enter__(self) -> Session:
        return self._session

    def __exit__(self, *_: object) -> None:
        self._session.close()


def _connect(who: Credentials) -> Session:
    return connection.connect(who, application_name=APPLICATION_NAME, answer_seconds=ANSWER_SECONDS)


def _addresses(primary: str) -> dict[str, str]:
    """Address by name of every instance, the primary first."""
    named: dict[str, str] = json.loads(os.environ["HOSTS"])
    return dict(sorted(named.items(), key=lambda item: item[1] != primary))


def _proven(login: Credentials, verifier: str) -> bool:
    """Whether a login works, and by this very verifier, which is the one that hosts have."""
    try:
        with _Closing(_connect(login)) as session:
            return (session.login.iterations, session.login.salt) == salt_of(verifier)
    except Refused as refused:
        if refused.sqlstate in ("28P01", ""):  # a wrong password, or a verifier that is no SCRAM one
            return False
        raise


def _refuse_in_use(master: Credentials, login: str) -> None:
    """Raises `Failed` while somebody is logged in with the password that is about to end.

    A PgBouncer keeps the key of the client's login: with another password in the database it could not open another
    server connection for clients that are still there, and they would see errors.
    """
    found = []
    for name, address in _addresses(master.host).items():
        with _Closing(_connect(replace(master, host=address))) as session:
            ((number,),) = session.query(
                "SELECT count(*) FROM pg_stat_activity WHERE usename = :login AND application_name <> :own",
                login=login, own=APPLICATION_NAME,
            )  # fmt: skip
            if number:
                found.append(f"{number} on {name}")
    if found:
        raise Failed(
            f"{login}, whose password is due, is still in use: sessions {', '.join(found)}. Whoever logged in before "
            f"the last rotation has not read the secret since. Restart what does not read it again; what it leaves in "
            f"a PgBouncer, the host closes within a minute. Then rotate again. Nothing was changed."
        )


def _wait_for_replay(name: str, login: Credentials, verifier: str, deadline: float) -> None:
    while True:
        try:
            if _proven(login, verifier):
                return
            reason = "it does not have the new password yet"
        except Unreachable as failure:
            reason = str(failure)
        if time.monotonic() >= deadline:
            raise Failed(
                f"{login.username} cannot log in on {name} after {REPLAY_SECONDS} s: {reason}. Look at its replication "
                f"lag. What is in use stays so; the rotation is tried again."
            )
        time.sleep(POLL_SECONDS)
