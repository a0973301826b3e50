"""Lambda handler of the roles function: `{"action": "check"}` reports drift from the definition, `apply` removes it.

`show` answers with `settings`, what the primary shows of those that backups and replicas rest on, and `obstacles`: what
of the database is in the way of a major upgrade.

The answer, which holds no secret: `action`; `ok`; `changed`, what apply fixed; `drift`, what differs, after apply what
it leaves to a person; `others`, what is of somebody else and is left alone, which is no drift; `logins`, the result of
each role's login. A failure is an exception with a sentence.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from functions import asleep, connection
from functions.connection import Credentials, Failed, Refused, Session, Unreachable
from functions.roles import catalogue, logins
from functions.roles.definition import Definition
from functions.roles.facts import RDS_IAM, Difference, Kind, differences, left_alone
from functions.roles.logins import MISSING, OTHER_VERIFIER, WORKS, WRONG_PASSWORD, Password, Proof
from functions.roles.obstacles import obstacles
from functions.roles.statements import ownership, statements
from functions.verifiers import UNHEARD, identifier, passwords, redacted

DEFINITION = Path(__file__).parents[2] / "definition.json"

CHECK, APPLY, SHOW = "check", "apply", "show"
SHOWN: Final = ("archive_mode", "max_wal_senders", "wal_level")

LOCK_KEY: Final = 0x6C61_6E67_706F_6E74  # "langpont" in ASCII: one run at a time holds this advisory lock
LOCK_SECONDS: Final = 20  # for another run, and for each catalogue row that somebody else has just changed
OWNERSHIP_LOCK_SECONDS: Final = 2  # whoever wants the table meanwhile waits as long
STATEMENT_SECONDS: Final = 60
ANSWER_SECONDS: Final = STATEMENT_SECONDS + 5

_DRIFT: Final = {
    WRONG_PASSWORD: "the password of its secret does not log in",
    OTHER_VERIFIER: "its verifier is not the one of its secret",
}
_UNLISTED: Final = "the pooler's user list has not the verifier of its secret; pulumi up publishes it"
_WAY_OUT: Final = {
    "55P03": "Another run, or a migration, holds what it needs: run it again when that is over.",
    "57014": "It took too long: run it again at a quieter time.",
    "42501": "It is not the master's: whoever made it with more rights must change or remove it.",
    "42P01": "A table went away meanwhile: run it again.",
    "XX000": "Somebody else changed the same thing meanwhile: run it again.",
    "40P01": "Somebody else changed the same thing meanwhile: run it again.",
}
_DEFAULT_WAY_OUT: Final = "Either product.yaml asks for what this server cannot do, or somebody changed it by hand."

logger = logging.getLogger(__name__)
logger.setLevel(logging.INFO)


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:
    """The Lambda handler. Raises `Failed` and its subclasses; nothing was changed then unless they say so."""
    action = event.get("action")
    if action not in (CHECK, APPLY, SHOW):
        raise Failed(f'The event\'s action is {json.dumps(action)}. It is "check", "apply" or "show".')
    definition = Definition.load(DEFINITION)
    try:
        return _answered(action, definition)
    except Unreachable as failure:
        document = json.loads(DEFINITION.read_text(encoding="utf-8"))
        if "sleep" not in document:
            raise
        host = connection.credentials(_arns()[definition.master]).host
        raise Unreachable(f"{failure}{asleep.sentence(document, host, datetime.now(UTC))}") from None


def _answered(action: str, definition: Definition) -> dict[str, Any]:
    if action == SHOW:
        return {"action": SHOW, "ok": True} | show(connection.credentials(_arns()[definition.master]))
    master, roles = logins.read(definition, _arns(), follow_master=action == APPLY)
    if action == CHECK:
        # Where passwords are rotated, hosts make the list themselves, of the roles' secrets.
        listed = None if definition.second_logins else logins.user_list(os.environ["POOLER_SECRET_ARN"])
        answer = check(definition, master, roles, listed)
    else:  # the user list is published after it
        answer = apply(definition, master, roles)
    for key in ("changed", "drift", "others"):
        for line in answer[key]:
            logger.info("%s: %s: %s", action, key, line)
    logger.info("%s: %s", action, "ok" if answer["ok"] else "not ok")
    return answer


def _arns() -> dict[str, str]:
    arns: dict[str, str] = json.loads(os.environ["SECRET_ARNS"])
    return arns


def show(master: Credentials) -> dict[str, Any]:
    """Values of `SHOWN` on the primary, as SHOW gives them, and what is in the way of a major upgrade."""
    with _session(master) as session:
        settings = {name: str(session.query(f"SHOW {name}")[0][0]) for name in SHOWN}
        return {"settings": settings, "obstacles": obstacles(session)}


def check(
    definition: Definition, master: Credentials, roles: Mapping[str, Password], listed: Mapping[str, str] | None
) -> dict[str, Any]:
    """Report drift, in a read-only transaction. `listed`: the published user list of PgBouncer; None: hosts make it."""
    with _session(master) as session:
        _begin(session, "READ ONLY")
        there = catalogue.facts(session, definition)
        found = differences(definition, there)
        proofs = _prove(roles, _missing(found))
        _end(session, "ROLLBACK")
    drift = _drift_lines(found, proofs)
    if listed is not None:
        drift += [f"role {name}: {_UNLISTED}" for name in logins.unlisted(roles, listed)]
    results = {definition.master: WORKS} | _results(proofs)
    return _answer(CHECK, [], drift, left_alone(definition, there), results)


def apply(definition: Definition, master: Credentials, roles: Mapping[str, Password]) -> dict[str, Any]:
    """Remove drift in one transaction, and log in with every password afterwards."""
    with _session(master) as session:
        _begin(session, "READ WRITE")
        found = differences(definition, catalogue.facts(session, definition))
        proofs = _prove(roles, _missing(found))
        new = {name: roles[name].new_verifier() for name, proof in proofs.items() if proof.needs_password}
        _run(session, statements(definition, found))
        _change_owners(session, ownership(definition, found))
        if new:
            _run(session, [UNHEARD, *passwords(new)])
        there = catalogue.facts(session, definition)
        left = differences(definition, there)
        fixed = left != found or bool(new)
        _end(session, "COMMIT" if fixed else "ROLLBACK")
        after = {definition.master: Proof(WORKS, needs_password=False)} | proofs
        if fixed:
            after = _prove_after(session, definition, master, roles, found)
    drift = _drift_lines(left, {})
    changed = [line for line in _drift_lines(found, proofs) if line not in drift]
    bad = [f"{name}: {proof.words}" for name, proof in after.items() if proof.words != WORKS]
    if bad:
        raise Failed(
            f"Everything was applied, and still not every login works. {'; '.join(bad)}. Left as it is: "
            f"{'; '.join(drift) or 'nothing'}. Run it again; if it stays so, look at the server's log."
        )
    return _answer(APPLY, changed, drift, left_alone(definition, there), _results(after))


# The session


@contextmanager
def _session(master: Credentials) -> Iterator[Session]:
    try:
        session = connection.connect(master, application_name="roles-function", answer_seconds=ANSWER_SECONDS)
    except Refused as refused:
        raise Failed(
            f"The master {master.username} cannot log in: {refused.message} ({refused.sqlstate or 'no SQLSTATE'}). "
            f"Nothing was changed. {_login_hint(refused)}"
        ) from None
    try:
        yield session
    finally:
        session.close()


def _login_hint(refused: Refused) -> str:
    if refused.login.plain:
        return (
            f"RDS does so with a member of {RDS_IAM}: log in as the master by an IAM token, and take it out of there."
        )
    if refused.sqlstate == "28P01":
        return (
            "Its secret and the instance differ, or RDS is still changing the password: pulumi up writes both, then "
            "run it again. If it was restored, database.masterUsername must be its backup's, which aws rds "
            "describe-db-instances shows as MasterUsername."
        )
    if refused.sqlstate == "3D000":
        return (
            "If it was restored, database.name must be one of its backup's databases: aws rds describe-db-instances "
            "shows the first one as DBName; where that is empty, it is postgres or what CREATE DATABASE made."
        )
    return "Look at the server's log."


def _begin(session: Session, mode: str) -> None:
    session.query(f"BEGIN {mode}")
    session.query(
        f"SET LOCAL search_path = pg_catalog; SET LOCAL lock_timeout = '{LOCK_SECONDS}s'; "
        f"SET LOCAL statement_timeout = '{STATEMENT_SECONDS}s'"
    )
    try:
        session.query(f"SELECT pg_advisory_xact_lock({LOCK_KEY})")
    except Refused as refused:
        raise Failed(
            f"Another run has held the lock for {LOCK_SECONDS} s ({refused.sqlstate}). Nothing was changed. Run it "
            f"again when that one is over."
        ) from None


def _end(session: Session, how: str) -> None:
    try:
        session.query(how)
    except Failed as failure:
        raise Failed(f"{failure} It was at {how}, so a check has to tell whether anything was changed.") from None


def _run(session: Session, sql: Iterable[str]) -> None:
    for statement in sql:
        try:
            session.query(statement)
        except Refused as refused:
            raise Failed(
                f"PostgreSQL refused {redacted(statement)}: {refused.message} ({refused.sqlstate}). Nothing was "
                f"changed. {_WAY_OUT.get(refused.sqlstate, _DEFAULT_WAY_OUT)}"
            ) from None
        except Unreachable as broken:
            raise Failed(f"{broken} It was at {redacted(statement)}. Nothing was changed. Run it again.") from None


def _change_owners(session: Session, sql: Iterable[str]) -> None:
    """Change owners, each after a savepoint: a table that somebody is using keeps its owner, and is logged."""
    session.query(f"SET LOCAL lock_timeout = '{OWNERSHIP_LOCK_SECONDS}s'")
    for statement in sql:
        session.query("SAVEPOINT one")
        try:
            session.query(statement)
        except Refused as refused:
            session.query("ROLLBACK TO SAVEPOINT one")
            logger.warning("%s: %s (%s)", statement, refused.message, refused.sqlstate)


# Logins


def _missing(found: Iterable[Difference]) -> frozenset[str]:
    return frozenset(d.about.path[0] for d in found if d.about.kind is Kind.ROLE and not d.found)


def _prove(roles: Mapping[str, Password], missing: Iterable[str]) -> dict[str, Proof]:
    none = frozenset(missing)
    return {
        name: Proof(MISSING, needs_password=True) if name in none else logins.prove(password)
        for name, password in roles.items()
    }


def _prove_after(
    session: Session,
    definition: Definition,
    master: Credentials,
    roles: Mapping[str, Password],
    fixed: Iterable[Difference],
) -> dict[str, Proof]:
    try:
        return {definition.master: _prove_master(session, master, fixed)} | _prove(roles, ())
    except (Unreachable, Refused) as failure:
        raise Failed(f"Everything was applied, but not every login could be tried. {failure} Run a check.") from None


def _prove_master(session: Session, master: Credentials, fixed: Iterable[Difference]) -> Proof:
    """Whether the master still comes in, as long as its session is there to undo what shut it out.

    RDS sends every member of rds_iam to IAM, an indirect one too, and PostgreSQL 16 makes whoever creates a role a
    member of it. RDS's own does not, as far as is known.
    """
    proof = logins.prove(Password(credentials=master, verifier=None))
    given = [d.about for d in fixed if d.about.kind is Kind.MEMBER and d.about.path == (RDS_IAM,) and not d.found]
    if proof.words == WORKS or not given:
        return proof
    _run(session, [f"REVOKE {identifier(RDS_IAM)} FROM {identifier(about.who)}" for about in given])
    raise Failed(
        f"The master could not log in any more ({proof.words}) once {', '.join(about.who for about in given)} had "
        f"{RDS_IAM}, so that was taken back. Everything else was applied. On this server the master is a member of the "
        f"roles that it makes: make that one as somebody else, or leave it out of product.yaml."
    )


# The answer


def _drift_lines(found: Iterable[Difference], proofs: Mapping[str, Proof]) -> list[str]:
    return [
        *(difference.text for difference in found),
        *(f"role {name}: {_DRIFT[proof.words]}" for name, proof in proofs.items() if proof.words in _DRIFT),
    ]


def _results(proofs: Mapping[str, Proof]) -> dict[str, str]:
    return {name: proof.words for name, proof in proofs.items()}


def _answer(
    action: str, changed: list[str], drift: list[str], alone: list[str], words: dict[str, str]
) -> dict[str, Any]:
    ok = not drift and all(each == WORKS for each in words.values())
    return {"action": action, "ok": ok, "changed": changed, "drift": drift, "others": alone, "logins": words}
