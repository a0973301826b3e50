"""Passwords: proven by logging in, set only where that fails, and never shown."""

from __future__ import annotations

import base64
import json
import os
import re
import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from blueprint.postgres import roles, scram
from blueprint.postgres.pgbouncer import render_user_list
from blueprint.postgres.roles import POOLED_ROLES
from functions.connection import Failed, Refused
from functions.roles import handler, logins
from functions.roles.definition import Definition
from functions.roles.logins import OTHER_VERIFIER, WORKS, WRONG_PASSWORD, Proof
from local.servers.plan import user_list_verifiers
from tests.functions.conftest import POOLER, Stage
from tests.langpont_db.conftest import Log

NEW = "a new and never seen password"
READONLY, APP, METRICS = "langpont_readonly", "langpont_app", "langpont_metrics"


def stored(stage: Stage, role: str) -> str:
    with stage.admin() as session:
        row = session.execute("SELECT rolpassword FROM pg_authid WHERE rolname = %s", [role]).fetchone()
    assert row is not None
    return str(row[0])


def store(stage: Stage, role: str, verifier: str) -> None:
    with stage.admin() as session:
        session.execute(f"ALTER ROLE {role} PASSWORD '{verifier}'".encode())


def verifier(password: str, iterations: int = 4096) -> str:
    return scram.verifier(password, secrets.token_bytes(16), iterations)


def test_pooled_roles_have_the_very_verifiers_of_the_user_list_and_others_have_their_own(stage: Stage) -> None:
    stage.wipe()
    stage.roles("apply")
    for role, listed in user_list_verifiers(stage.plane.plan.user_list).items():
        assert stored(stage, role) == listed
    made = stored(stage, METRICS)
    assert re.fullmatch(r"SCRAM-SHA-256\$4096:[A-Za-z0-9+/=]{24}\$[A-Za-z0-9+/=]{44}:[A-Za-z0-9+/=]{44}", made)
    stage.wipe()
    stage.roles("apply")
    assert stored(stage, METRICS) != made  # a salt of its own each time


QUIETED = "log_statement, log_min_duration_statement, log_min_duration_sample, log_min_error_statement"


@pytest.mark.parametrize("may", [True, False])
def test_no_verifier_is_heard_of_if_the_master_may_see_to_that(stage: Stage, may: bool) -> None:
    """Where it may not, the roles are made all the same. What RDS grants to rds_superuser is not documented."""
    stage.wipe()
    parameters, master = f"{QUIETED}, pg_stat_statements.track_utility", stage.plane.plan.master
    with stage.admin() as session:
        if may:
            session.execute(f"GRANT SET ON PARAMETER {parameters} TO {master}".encode())
        session.execute("SELECT pg_stat_statements_reset()")
    log = Log(stage.plane.cluster.primary)
    try:
        stage.roles("apply")
        written = log.read()
        with stage.admin() as session:
            kept = str(session.execute("SELECT query FROM pg_stat_statements").fetchall())
    finally:
        with stage.admin() as session:
            session.execute(f"REVOKE SET ON PARAMETER {parameters} FROM {master}".encode())
    assert ("CREATE ROLE" in written, "CREATE ROLE" in kept) == (True, True)  # all else is heard of
    assert ("SCRAM-SHA-256$" in written, "SCRAM-SHA-256$" in kept) == (not may, not may)


def test_pooled_roles_log_in_through_pgbouncer(applied: Stage) -> None:
    pooler = applied.plane.pooler
    pooler.up()
    for role in POOLED_ROLES:
        for entry in pooler.entries:
            with pooler.endpoint(entry).connect(role, applied.passwords[role]) as session:
                assert session.execute("SELECT system_user").fetchone() == (f"scram-sha-256:{role}",)


@pytest.mark.parametrize(
    ("role", "spoil", "word", "line"),
    [
        (METRICS, lambda stage: verifier("another"), WRONG_PASSWORD, "the password of its secret does not log in"),
        (APP, lambda stage: verifier("another"), WRONG_PASSWORD, "the password of its secret does not log in"),
        # The password is right: only the salt, or the iterations, are not those that PgBouncer will use.
        (APP, lambda stage: verifier(stage.passwords[APP]), OTHER_VERIFIER,
         "its verifier is not the one of its secret"),
        (READONLY, lambda stage: scram.verifier(stage.passwords[READONLY], salt(stage, READONLY), 5000), OTHER_VERIFIER,
         "its verifier is not the one of its secret"),
        # One that no client following RFC 7677 accepts.
        (METRICS, lambda stage: verifier(stage.passwords[METRICS], 1000), WRONG_PASSWORD,
         "the password of its secret does not log in"),
        (METRICS, lambda stage: "md5" + "0" * 32, WRONG_PASSWORD, "the password of its secret does not log in"),
    ],
    ids=["wrong", "wrong and pooled", "salt", "iterations", "too few iterations", "md5"],
)  # fmt: skip
def test_a_verifier_that_is_not_right_is_told_and_replaced(
    applied: Stage, role: str, spoil: Callable[[Stage], str], word: str, line: str
) -> None:
    before = {other: stored(applied, other) for other in applied.passwords}
    store(applied, role, spoil(applied))
    told = applied.roles("check")
    assert (told["ok"], told["drift"], told["logins"][role]) == (False, [f"role {role}: {line}"], word)
    mended = applied.roles("apply")
    assert (mended["ok"], mended["changed"]) == (True, [f"role {role}: {line}"])
    assert set(mended["logins"].values()) == {WORKS}
    after = {other: stored(applied, other) for other in applied.passwords}
    assert {other for other in before if before[other] != after[other]} <= {role}
    assert applied.roles("check")["ok"]


def salt(stage: Stage, role: str) -> bytes:
    return base64.b64decode(stored(stage, role).split("$")[1].split(":")[1])


def test_another_verifier_is_no_matter_where_no_pooler_has_one(applied: Stage) -> None:
    mine = verifier(applied.passwords[METRICS])
    store(applied, METRICS, mine)
    assert (applied.roles("check")["ok"], applied.roles("apply")["changed"]) == (True, [])
    assert stored(applied, METRICS) == mine


def test_a_role_that_may_not_log_in_keeps_its_password(applied: Stage) -> None:
    before = stored(applied, METRICS)
    with applied.admin() as session:
        session.execute(f"ALTER ROLE {METRICS} NOLOGIN")
    assert applied.roles("apply")["changed"] == [f"role {METRICS} is NOLOGIN, is to be LOGIN"]
    assert stored(applied, METRICS) == before


def test_a_new_password_reaches_the_database_before_the_pooler_s_user_list(applied: Stage) -> None:
    """The list is published when the function has run, so the function does not look at it."""
    new = verifier(NEW)
    applied.write(APP, password=NEW, verifier=new)
    unlisted = f"role {APP}: the pooler's user list has not the verifier of its secret; pulumi up publishes it"
    assert applied.roles("check")["drift"] == [f"role {APP}: the password of its secret does not log in", unlisted]
    assert applied.roles("apply")["ok"]
    assert stored(applied, APP) == new
    answer = applied.roles("check")
    assert (answer["ok"], answer["drift"]) == (False, [unlisted])
    listed = user_list_verifiers(applied.plane.plan.user_list) | {APP: new}
    applied.put(POOLER, {"userlist.txt": render_user_list(listed)})
    assert applied.roles("check")["ok"]


def test_a_pooler_s_secret_that_holds_nothing_yet_is_no_obstacle_for_apply(
    applied: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As at the first update of a stack."""
    monkeypatch.setenv("POOLER_SECRET_ARN", f"{applied.arns[POOLER]}-none")
    assert applied.roles("apply")["ok"]


# What does not fit together is an error, and nothing is changed


def test_a_verifier_that_is_not_of_the_password_beside_it_is_an_error_of_its_own(applied: Stage) -> None:
    mine = applied.plane.plan.verifiers[APP]
    for text in (
        verifier("another"),
        "",
        mine.replace("SCRAM-SHA-256$4096:", "SCRAM-SHA-256$many:"),
        mine.replace("SCRAM-SHA-256$4096:", "SCRAM-SHA-256$1:"),
    ):
        applied.write(APP, verifier=text)
        for action in ("check", "apply"):
            with pytest.raises(Failed) as refusal:
                applied.roles(action)
            assert str(refusal.value) == (
                "The secret of langpont_app has no verifier of its password, which it needs since it logs in through "
                "PgBouncer. pulumi up writes both. Nothing was changed."
            )


@pytest.mark.parametrize(
    ("role", "changes", "said"),
    [
        (METRICS, {"host": "elsewhere"}, "The secret of langpont_metrics leads to elsewhere:5432/langpont, the "
         "master's to HOST:5432/langpont. pulumi up writes both."),
        (METRICS, {"username": APP}, "The secret of langpont_metrics is about langpont_app in langpont, not about "
         "langpont_metrics in langpont. pulumi up writes it."),
        (METRICS, {"dbname": "postgres"}, "The secret of langpont_metrics is about langpont_metrics in postgres, not "
         "about langpont_metrics in langpont. pulumi up writes it."),
        ("langpont_admin", {"password": "wrong"}, "The master langpont_admin cannot log in: password authentication "
         'failed for user "langpont_admin" (28P01). Nothing was changed. Its secret and the instance differ, or RDS is '
         "still changing the password: pulumi up writes both, then run it again. If it was restored, "
         "database.masterUsername must be its backup's, which aws rds describe-db-instances shows as MasterUsername."),
    ],
)  # fmt: skip
def test_secrets_that_do_not_belong_together_are_told(
    applied: Stage, role: str, changes: dict[str, str], said: str
) -> None:
    applied.write(role, **changes)
    with pytest.raises(Failed) as refusal:
        applied.roles("apply")
    assert str(refusal.value) == said.replace("HOST", applied.host)


def test_a_database_that_the_server_has_not_is_told(
    applied: Stage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As after a restore of an instance whose database has another name."""
    applied.define(monkeypatch, handler, roles.definition(database="shop", master="langpont_admin"), tmp_path)
    for role in applied.passwords:
        applied.write(role, dbname="shop")
    with pytest.raises(Failed) as refusal:
        applied.roles("apply")
    assert str(refusal.value) == (
        'The master langpont_admin cannot log in: database "shop" does not exist (3D000). Nothing was changed. If it '
        "was restored, database.name must be one of its backup's databases: aws rds describe-db-instances shows the "
        "first one as DBName; where that is empty, it is postgres or what CREATE DATABASE made."
    )


def test_a_role_without_a_secret_is_told(applied: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_ARNS", json.dumps({"langpont_admin": applied.arns["langpont_admin"], APP: ""}))
    with pytest.raises(Failed) as refusal:
        applied.roles("check")
    assert str(refusal.value) == (
        "SECRET_ARNS names no secret of langpont_migrator, langpont_readonly, langpont_metrics. pulumi up writes it."
    )


def test_a_login_that_still_does_not_work_fails_the_run(applied: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    store(applied, METRICS, verifier("another"))
    monkeypatch.setattr(logins, "make_verifier", lambda *_: verifier("a third"))
    monkeypatch.setattr(
        logins, "_verifier", lambda role, *_: user_list_verifiers(applied.plane.plan.user_list)[role.name]
    )
    with pytest.raises(Failed) as refusal:
        applied.roles("apply")
    assert str(refusal.value) == (
        "Everything was applied, and still not every login works. langpont_metrics: wrong password. Left as it is: "
        "nothing. Run it again; if it stays so, look at the server's log."
    )


def test_a_server_that_refuses_for_its_own_reasons_gets_no_new_password(applied: Stage) -> None:
    before = stored(applied, METRICS)
    with applied.admin() as session:
        session.execute(f"ALTER ROLE {METRICS} CONNECTION LIMIT 0")
    answer = applied.roles("check")
    assert answer["logins"][METRICS] == ('the password is right, but: too many connections for role "langpont_metrics"')
    assert stored(applied, METRICS) == before
    assert applied.roles("apply")["ok"]


# The master's own login


@pytest.fixture
def hba(applied: Stage) -> Iterator[Callable[[str], None]]:
    """Put a line before those of pg_hba.conf; gone afterwards."""
    primary = applied.plane.cluster.primary
    file = primary.data / "pg_hba.conf"
    text = file.read_text()

    def write(line: str) -> None:
        file.write_text(line + text)
        with applied.admin() as session:
            asked = session.execute("SELECT clock_timestamp(), pg_reload_conf()").fetchone()
        assert asked is not None
        # A new session has what the server itself has read by then.
        deadline = time.monotonic() + 10
        while True:
            with applied.admin() as session:
                if session.execute("SELECT pg_conf_load_time() >= %s", [asked[0]]).fetchone() == (True,):
                    return
            assert time.monotonic() < deadline

    yield write
    write("")


def test_a_master_that_a_grant_would_lock_out_stays(applied: Stage, hba: Callable[[str], None]) -> None:
    """RDS's own line is about +rds_iam. PostgreSQL 16 makes the master a member of what it creates, and so of that."""
    applied.wipe()
    hba("hostssl all +langpont_operator 127.0.0.1/32 reject\n")
    with pytest.raises(Failed) as refusal:
        applied.roles("apply")
    assert re.sub(r"\(pg_hba.*?encryption\)", "(...)", str(refusal.value)) == (
        "The master could not log in any more (...) once langpont_operator had rds_iam, so that was taken back. "
        "Everything else was applied. On this server the master is a member of the roles that it makes: make that one "
        "as somebody else, or leave it out of product.yaml."
    )
    with applied.admin() as session:
        found = session.execute("SELECT pg_has_role('langpont_operator', 'rds_iam', 'member')").fetchone()
    assert found == (False,)
    hba("")
    assert applied.roles("apply")["changed"] == [
        "langpont_operator is no member of rds_iam, is to be one with INHERIT, SET"
    ]


def test_a_password_is_not_given_to_a_server_that_asks_for_it(applied: Stage, hba: Callable[[str], None]) -> None:
    """As RDS does with a member of rds_iam."""
    hba("hostssl all langpont_metrics 127.0.0.1/32 password\n")
    answer = applied.roles("check")
    assert answer["logins"][METRICS] == (
        "the server asks for the password itself, as RDS does with a member of rds_iam"
    )
    assert answer["drift"] == []
    assert answer["ok"] is False


def test_a_master_that_must_come_by_token_is_told_the_way_back(applied: Stage, hba: Callable[[str], None]) -> None:
    hba("hostssl all langpont_admin 127.0.0.1/32 password\n")
    with pytest.raises(Failed) as refusal:
        applied.roles("check")
    assert str(refusal.value) == (
        "The master langpont_admin cannot log in: the server asks for the password itself (no SQLSTATE). Nothing was "
        "changed. RDS does so with a member of rds_iam: log in as the master by an IAM token, and take it out of there."
    )


# Secrecy


def test_no_password_is_in_a_log_an_answer_or_an_error(applied: Stage, caplog: pytest.LogCaptureFixture) -> None:
    """Passwords are made and refused in every way above; and once more, with everything that they could get into."""
    applied.capture.readouterr()
    applied.wipe()
    texts = [json.dumps(applied.roles("apply"))]
    store(applied, METRICS, verifier("another"))
    texts += [json.dumps(applied.roles("check")), json.dumps(applied.roles("apply"))]
    with applied.admin() as session:  # a role that is not the master's to change
        session.execute(f"DROP OWNED BY {METRICS}; DROP ROLE {METRICS}; CREATE ROLE {METRICS} LOGIN INHERIT")
        session.execute(f"GRANT CONNECT ON DATABASE langpont TO {METRICS}")
    try:
        texts += list(refusals(applied))
    finally:
        applied.wipe()
    printed = applied.capture.readouterr()
    texts += [printed.out, printed.err, caplog.text]
    hidden = [*applied.passwords.values(), NEW]
    assert [text for text in texts if any(password in text for password in hidden)] == []
    assert [text for text in texts if re.search(r"SCRAM-SHA-256\$[0-9]", text)] == []

    logged = "".join(path.read_text() for path in applied.plane.layout.servers.glob("*/log/*") if path.is_file())
    assert [password for password in hidden if password in logged] == []
    # log_statement=ddl is on: what is not there was not sent.
    assert re.search(r'ALTER ROLE "langpont_metrics" PASSWORD \'SCRAM-SHA-256\$4096:', logged)
    assert 'CREATE ROLE "langpont_app"' in logged


def refusals(stage: Stage) -> Iterator[str]:
    """What a run says where it is refused, in every form that its exception has."""
    spoils: tuple[Callable[[], object], ...] = (
        lambda: None,
        lambda: stage.write(APP, verifier=verifier("another")),
        lambda: stage.write(METRICS, port="5432"),
        lambda: stage.put(METRICS, json.dumps(stage.passwords)[:-1]),
        lambda: stage.put(METRICS, [stage.passwords[METRICS]]),
    )
    for spoil in spoils:
        spoil()
        with pytest.raises(Failed) as refusal:
            stage.roles("apply")
        error = refusal.value
        yield from (str(error), repr(error), repr(vars(error)), repr(error.__cause__))
        assert error.__context__ is None or error.__suppress_context__


def test_what_holds_a_password_does_not_show_it(applied: Stage) -> None:
    definition = Definition.load(handler.DEFINITION)
    master, roles = logins.read(definition, json.loads(os.environ["SECRET_ARNS"]))
    shown = repr((master, roles))
    assert "langpont_app" in shown
    assert [password for password in applied.passwords.values() if password in shown] == []
    assert "SCRAM-SHA-256" not in shown


def test_logins_that_cannot_be_tried_afterwards_are_told(applied: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    with applied.admin() as session:
        session.execute("ALTER ROLE langpont_app RESET statement_timeout")
    proofs = [Proof(WORKS, needs_password=False)] * 4

    def prove(password: logins.Password) -> Proof:
        if proofs:
            return proofs.pop()
        raise Refused("It is starting up.", sqlstate="57P03", message="")

    monkeypatch.setattr(logins, "prove", prove)
    with pytest.raises(Failed) as refusal:
        applied.roles("apply")
    assert str(refusal.value) == (
        "Everything was applied, but not every login could be tried. It is starting up. Run a check."
    )
    monkeypatch.undo()
