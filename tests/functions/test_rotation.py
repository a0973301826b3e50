"""Rotation by Secrets Manager's four calls, on real servers: two logins by role, and nothing left half way."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import psycopg
import pytest

from blueprint.postgres import roles, scram
from blueprint.postgres.pgbouncer import LOGIN_METRIC, MAX_WAIT_METRIC, NAMESPACE
from blueprint.postgres.roles import PASSWORD_ROLES, POOLED_ROLES, second_login
from functions import versions
from functions.connection import Failed
from functions.roles import handler as roles_handler
from functions.rotation import handler, hosts
from tests.functions import secrets_manager
from tests.functions.conftest import Stage
from tests.functions.secrets_manager import STEPS, labels, rotate, value
from tests.langpont_db.conftest import Log

APP, METRICS, MIGRATOR = "langpont_app", "langpont_metrics", "langpont_migrator"
STACK = "staging"
OFF = "Its rotation was switched off meanwhile: raise its number in credentials.passwordVersions. pulumi up writes it."


@pytest.fixture
def rotating(stage: Stage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Stage]:
    """Everything made with second logins, and each secret as `pulumi up` writes it first."""
    definition = roles.definition(database=stage.plane.plan.database, master=stage.plane.plan.master, rotated=True)
    stage.define(monkeypatch, roles_handler, definition, tmp_path)
    stage.define(monkeypatch, handler, roles.rotation_definition(stack=STACK), tmp_path)
    stage.wipe()
    names = {role: stage.new_secret(role) for role in stage.passwords}
    monkeypatch.setattr(stage, "arns", {**stage.arns, **names})
    monkeypatch.setenv("SECRET_ARNS", json.dumps(names))
    monkeypatch.setenv("MASTER_SECRET_ARN", names[stage.plane.plan.master])
    first_versions(monkeypatch, *(version for role in PASSWORD_ROLES for version in labels(names[role])))
    for name, number in (("POLL_SECONDS", 0.05), ("WAIT_SECONDS", 1.0)):
        monkeypatch.setattr(hosts, name, number)
    monkeypatch.setattr(handler, "POLL_SECONDS", 0.05)
    hosts.cloudwatch.cache_clear()
    for role in PASSWORD_ROLES:
        secrets_manager.switch_on(names[role])
    answer = stage.roles("apply")
    assert (answer["ok"], answer["drift"]) == (True, [])
    yield stage
    hosts.cloudwatch.cache_clear()
    stage.wipe()


def first_versions(patch: pytest.MonkeyPatch, *versions: str) -> None:
    """What the functions are told of the versions that `pulumi up` wrote."""
    patch.setenv("FIRST_VERSIONS", json.dumps(versions))


def login(stage: Stage, document: dict[str, Any], server: str = "primary") -> str:
    """Who the server says that a secret's login is."""
    with stage.plane.endpoint(server).connect(document["username"], document["password"]) as session:
        row = session.execute("SELECT system_user").fetchone()
    assert row is not None
    return str(row[0])


def stored(stage: Stage, role: str) -> str | None:
    with stage.admin() as session:
        row = session.execute("SELECT rolpassword FROM pg_authid WHERE rolname = %s", [role]).fetchone()
    assert row is not None
    return None if row[0] is None else str(row[0])


def test_second_logins_have_the_roles_rights_and_settings_and_no_password(rotating: Stage) -> None:
    with rotating.admin() as session:
        found = session.execute(
            "SELECT r.rolname, r.rolcanlogin, r.rolpassword, m.rolname, inherit_option, set_option, setconfig "
            "FROM pg_authid r JOIN pg_auth_members a ON a.member = r.oid JOIN pg_roles m ON m.oid = a.roleid "
            "LEFT JOIN pg_db_role_setting s ON s.setrole = r.oid WHERE r.rolname LIKE '%\\_b' ORDER BY 1, 4"
        ).fetchall()
    assert found == [
        ("langpont_app_b", True, None, "langpont_app", True, True, ["statement_timeout=30s"]),
        ("langpont_metrics_b", True, None, "langpont_metrics", True, True, ["statement_timeout=10s"]),
        ("langpont_migrator_b", True, None, "langpont_migrator", True, True, ["statement_timeout=0s"]),
        ("langpont_migrator_b", True, None, "langpont_owner", False, True, ["statement_timeout=0s"]),
        ("langpont_readonly_b", True, None, "langpont_readonly", True, True, ["statement_timeout=60s"]),
    ]
    assert rotating.roles("check")["drift"] == []


@pytest.mark.parametrize("role", PASSWORD_ROLES)
def test_a_role_alternates_between_two_logins_and_the_old_one_stays_valid(rotating: Stage, role: str) -> None:
    arn, first = rotating.arns[role], value(rotating.arns[role])
    (written,) = labels(arn)
    seen = [first]
    for expected in (second_login(role), role, second_login(role)):  # a third rotation is the first again
        token = rotate(arn, handler.handler)
        now = value(arn)
        assert now["username"] == expected
        assert {key: now[key] for key in ("host", "port", "dbname")} == {
            key: first[key] for key in ("host", "port", "dbname")
        }
        for server in ("primary", "replica-1"):
            assert login(rotating, now, server) == f"scram-sha-256:{expected}"
        assert login(rotating, seen[-1]) == f"scram-sha-256:{seen[-1]['username']}"  # until the next rotation
        assert stored(rotating, expected) == now["verifier"]
        assert now.get("verifiers") == (
            {one["username"]: one["verifier"] for one in (seen[-1], now)} if role in POOLED_ROLES else None
        )
        if len(seen) > 1:
            with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
                login(rotating, seen[-2])
        seen.append(now)
        assert labels(arn)[token] == ["AWSCURRENT"]
        assert labels(arn)[written] == (["AWSPREVIOUS", "PULUMI"] if len(seen) == 2 else ["PULUMI"])
        assert len({one["password"] for one in seen}) == len(seen)
        assert rotating.roles("check")["ok"] is True
    assert rotating.roles("apply")["changed"] == []


def test_both_logins_are_one_role_to_the_tables(rotating: Stage) -> None:
    rotate(rotating.arns[MIGRATOR], handler.handler)
    rotate(rotating.arns[APP], handler.handler)
    migrator, app = value(rotating.arns[MIGRATOR]), value(rotating.arns[APP])
    endpoint = rotating.plane.endpoint("primary")
    with endpoint.connect(migrator["username"], migrator["password"]) as session:
        session.execute("SET ROLE langpont_owner")
        session.execute("CREATE TABLE analytics.rotated (n int)")
    try:
        with endpoint.connect(app["username"], app["password"]) as session:
            assert session.execute("INSERT INTO analytics.rotated VALUES (1) RETURNING n").fetchone() == (1,)
            assert session.execute("SHOW statement_timeout").fetchone() == ("30s",)
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                session.execute("DROP TABLE analytics.rotated")
    finally:
        with endpoint.connect(migrator["username"], migrator["password"]) as session:
            session.execute("SET ROLE langpont_owner")
            session.execute("DROP TABLE analytics.rotated")


class Injected(Exception):
    pass


# What each step calls, in order; a failure is put before and after each.
CALLS = {
    "createSecret": ("functions.versions.keep_first", "functions.versions.write"),
    "setSecret": (
        "functions.rotation.handler._refuse_in_use",
        "functions.rotation.handler._proven",
        "functions.connection.Session.query",
    ),
    "testSecret": ("functions.rotation.handler._wait_for_replay", "functions.rotation.hosts.wait"),
    "finishSecret": ("functions.versions.move",),
}


@pytest.mark.parametrize("place", ["before", "after"])
@pytest.mark.parametrize(("step", "call"), [(step, call) for step, calls in CALLS.items() for call in calls])
def test_a_failure_at_each_step_leaves_what_is_in_use_and_the_same_rotation_goes_on(
    rotating: Stage, step: str, call: str, place: str
) -> None:
    arn = rotating.arns[APP]
    rotate(arn, handler.handler)
    before = value(arn)
    token = secrets_manager.begin(arn)

    def act(number: int) -> bool:
        """Fail in the call of that number, 1 the first; whether there was one."""
        with pytest.MonkeyPatch.context() as patch:
            module, _, name = call.rpartition(".")
            original = _resolve(call)
            left = [number]

            def failing(*arguments: Any, **options: Any) -> Any:
                left[0] -= 1
                if left[0] == 0 and place == "before":
                    raise Injected
                try:
                    return original(*arguments, **options)
                finally:
                    if left[0] == 0:
                        raise Injected

            patch.setattr(f"{module}.{name}", failing)
            for one in STEPS[STEPS.index(step) :]:
                handler.handler({"Step": one, "SecretId": arn, "ClientRequestToken": token}, None)
            return left[0] <= 0

    for one in STEPS[: STEPS.index(step)]:
        handler.handler({"Step": one, "SecretId": arn, "ClientRequestToken": token}, None)
    failures = 0
    for number in range(1, 20):
        try:
            if not act(number):
                break
        except Injected:
            failures += 1
            now = value(arn)
            if "AWSCURRENT" not in labels(arn)[token]:
                assert now == before
            assert login(rotating, now) == f"scram-sha-256:{now['username']}"
    assert failures > 0
    after = value(arn)
    assert after["username"] == APP
    assert labels(arn)[token] == ["AWSCURRENT"]
    assert not any("AWSPENDING" in stages for stages in labels(arn).values())
    for document in (before, after):
        assert login(rotating, document) == f"scram-sha-256:{document['username']}"
    assert rotating.roles("check")["ok"] is True


def _resolve(path: str) -> Any:
    import importlib

    parts = path.split(".")
    for length in range(len(parts) - 1, 0, -1):
        try:
            found: Any = importlib.import_module(".".join(parts[:length]))
        except ImportError:
            continue
        for name in parts[length:]:
            found = getattr(found, name)
        return found
    raise AssertionError(path)


def test_each_step_called_twice_changes_nothing_the_second_time(rotating: Stage) -> None:
    arn = rotating.arns[APP]
    token = secrets_manager.begin(arn)
    for step in STEPS:
        event = {"Step": step, "SecretId": arn, "ClientRequestToken": token}
        handler.handler(event, None)
        state = (labels(arn), stored(rotating, APP), stored(rotating, second_login(APP)))
        handler.handler(event, None)
        assert (labels(arn), stored(rotating, APP), stored(rotating, second_login(APP))) == state


def test_a_login_that_is_still_in_use_keeps_its_password(rotating: Stage) -> None:
    arn, first = rotating.arns[APP], value(rotating.arns[APP])
    rotate(arn, handler.handler)
    with rotating.plane.endpoint("replica-1").connect(APP, first["password"]) as session:
        session.execute("SELECT 1")
        token = secrets_manager.begin(arn)
        with pytest.raises(Failed) as refused:
            rotate(arn, handler.handler, token)
    assert str(refused.value) == (
        "langpont_app, whose password is due, is still in use: sessions 1 on replica-1. Whoever logged in before the "
        "last rotation has not read the secret since. Restart what does not read it again; what it leaves in a "
        "PgBouncer, the host closes within a minute. Then rotate again. Nothing was changed."
    )
    assert login(rotating, first) == "scram-sha-256:langpont_app"
    rotate(arn, handler.handler, token)  # as Secrets Manager tries again
    assert value(arn)["username"] == APP


def test_no_password_and_no_verifier_is_heard_of(rotating: Stage, caplog: pytest.LogCaptureFixture) -> None:
    log, arn = Log(rotating.plane.cluster.primary), rotating.arns[APP]
    parameters = "log_statement, log_min_duration_statement, log_min_duration_sample, log_min_error_statement"
    master = rotating.plane.plan.master
    with rotating.admin() as session:
        session.execute(f"GRANT SET ON PARAMETER {parameters} TO {master}".encode())
    try:
        with caplog.at_level("INFO"):
            rotate(arn, handler.handler)
    finally:
        with rotating.admin() as session:
            session.execute(f"REVOKE SET ON PARAMETER {parameters} FROM {master}".encode())
    told = log.read() + caplog.text
    assert "finishSecret: done" in told
    assert not [one for one in (value(arn)["password"], "SCRAM-SHA-256$") if one in told]


def test_the_verifier_is_one_that_the_blueprint_would_make(rotating: Stage) -> None:
    arn = rotating.arns[METRICS]
    rotate(arn, handler.handler)
    now = value(arn)
    iterations, salt = re.fullmatch(r"SCRAM-SHA-256\$(\d+):([^$]+)\$.*", now["verifier"]).groups()  # type: ignore[union-attr]
    import base64

    assert scram.verifier(now["password"], base64.b64decode(salt), int(iterations)) == now["verifier"]


def test_switching_rotation_on_tries_the_current_login(rotating: Stage) -> None:
    """Secrets Manager then makes a pending version that is the current one, and runs the test step alone."""
    arn = rotating.arns[APP]
    text = json.dumps(value(arn))
    token = versions_put(arn, text)
    handler.handler({"Step": "testSecret", "SecretId": arn, "ClientRequestToken": token}, None)


def versions_put(arn: str, text: str) -> str:
    client = boto3.client("secretsmanager")
    answer = client.put_secret_value(SecretId=arn, SecretString=text, VersionStages=["AWSPENDING"])
    return str(answer["VersionId"])


def test_after_a_restore_rotated_secrets_follow_the_masters_server(rotating: Stage) -> None:
    """`pulumi up` writes the master's secret alone; the passwords of both logins are as the secrets have them."""
    arn = rotating.arns[APP]
    rotate(arn, handler.handler)
    before = value(arn)
    other = "restored." + rotating.host
    rotating.hosts[other] = rotating.hosts[rotating.host]
    master = rotating.plane.plan.master
    rotating.write(master, host=other, dbInstanceIdentifier="restored")
    with pytest.raises(Failed, match="leads to"):
        rotating.roles("check")
    with rotating.admin() as session:
        session.execute("ALTER ROLE langpont_app_b PASSWORD NULL")
    # The certificate is the old name's: TLS is not what this is about.
    answer = rotating.roles_without_tls("apply")
    assert (answer["ok"], answer["logins"]["langpont_app_b"]) == (True, "works")
    assert value(arn) == before | {"host": other, "dbInstanceIdentifier": "restored"}
    assert value(rotating.arns[METRICS])["host"] == other
    assert rotating.roles_without_tls("check")["ok"] is True


def test_rotation_that_was_switched_off_says_what_to_do(
    rotating: Stage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    rotate(rotating.arns[APP], handler.handler)
    plan = rotating.plane.plan
    rotating.define(monkeypatch, roles_handler, roles.definition(database=plan.database, master=plan.master), tmp_path)
    with pytest.raises(Failed) as refused:
        rotating.roles("apply")
    assert str(refused.value) == (
        f"The secret of langpont_app is about langpont_app_b in {plan.database}, not about langpont_app in "
        f"{plan.database}. {OFF}"
    )
    # PgBouncer's list would get the first verifier, which fits the password of no secret any more.
    rotate(rotating.arns[APP], handler.handler)
    with pytest.raises(Failed) as refused:
        rotating.roles("apply")
    assert str(refused.value) == f"The secret of langpont_app has a password that only its rotation knows. {OFF}"
    rotating.write(APP)  # what a higher number writes
    answer = rotating.roles("apply")
    assert dict.fromkeys(answer["logins"].values()) == {"works": None}
    members = [(f"{role}_b", role) for role in sorted(PASSWORD_ROLES)] + [(f"{MIGRATOR}_b", "langpont_owner")]
    assert sorted(answer["drift"]) == sorted(
        f"{login} is a member of {role} with {'SET' if role == 'langpont_owner' else 'INHERIT, SET'}, is to be none; "
        "apply leaves that to you"
        for login, role in members
    )
    with rotating.plane.endpoint("primary").connect(plan.master, plan.passwords[plan.master]) as session:
        for role in PASSWORD_ROLES:  # as the runbook says
            session.execute(f"DROP ROLE {role}_b".encode())
    assert rotating.roles("apply")["ok"] is True


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ({"Step": "dance"}, 'The step is "dance". It is one of createSecret, setSecret, testSecret, finishSecret.'),
        ({"ClientRequestToken": "0" * 32}, "The secret ARN has no version " + "0" * 32 + ", so it is not the one to "
         "rotate to."),
    ],
)  # fmt: skip
def test_an_event_of_nobodys_is_refused(rotating: Stage, event: dict[str, str], said: str) -> None:
    arn = rotating.arns[APP]
    token = secrets_manager.begin(arn)
    with pytest.raises(Failed) as refused:
        handler.handler({"Step": "createSecret", "SecretId": arn, "ClientRequestToken": token} | event, None)
    assert str(refused.value).replace(arn, "ARN") == said


# Hosts


def publish(role: str, host: str, written: float, *, minutes: int = 0, knows: bool = True) -> None:
    """What a host publishes in its minute."""
    at = datetime.now(UTC) - timedelta(minutes=minutes)
    stack = {"Name": "Stack", "Value": STACK}
    data: list[dict[str, Any]] = [{"MetricName": MAX_WAIT_METRIC, "Dimensions": [stack], "Value": 0.0, "Timestamp": at}]
    if knows:
        dimensions = [stack, {"Name": "Role", "Value": role}, {"Name": "Host", "Value": host}]
        data.append({"MetricName": LOGIN_METRIC, "Dimensions": dimensions, "Value": written, "Timestamp": at})
    boto3.client("cloudwatch").put_metric_data(Namespace=NAMESPACE, MetricData=data)


@pytest.fixture
def empty_cloudwatch() -> None:
    from moto.cloudwatch.models import cloudwatch_backends

    cloudwatch_backends["123456789012"]["ap-northeast-1"].reset()


def test_a_host_that_has_not_followed_stops_the_rotation(rotating: Stage, empty_cloudwatch: None) -> None:
    arn, before = rotating.arns[APP], value(rotating.arns[APP])
    token = secrets_manager.begin(arn)
    publish(APP, "app-1", 2e9, minutes=1)
    publish(APP, "app-2", 1e9, minutes=1)
    publish(APP, "gone", 0, minutes=30)
    with pytest.raises(Failed) as refused:
        rotate(arn, handler.handler, token)
    assert str(refused.value) == (
        "Not every host lets the new login of langpont_app through after 1.0 s: app-2. There: journalctl -u "
        "langpont-pgbouncer-sync -n 20. What is in use stays so; the rotation is tried again."
    )
    assert value(arn) == before
    publish(APP, "app-2", 2e9)
    rotate(arn, handler.handler, token)
    assert value(arn)["username"] == second_login(APP)


def test_a_host_of_an_older_release_stops_it_too(rotating: Stage, empty_cloudwatch: None) -> None:
    arn = rotating.arns[APP]
    publish(APP, "app-1", 2e9, minutes=1)
    publish(APP, "app-2", 0, minutes=1, knows=False)
    with pytest.raises(Failed, match="a host whose langpont_db does not know of rotation"):
        rotate(arn, handler.handler)


def test_roles_that_no_host_knows_wait_for_nobody(rotating: Stage, empty_cloudwatch: None) -> None:
    publish(APP, "app-1", 0, minutes=1)
    rotate(rotating.arns[METRICS], handler.handler)


def test_a_version_is_labelled_so_that_it_is_never_deleted(rotating: Stage) -> None:
    arn = rotating.arns[METRICS]
    (written,) = labels(arn)
    rotate(arn, handler.handler)
    assert versions.FIRST in labels(arn)[written]


def test_a_later_value_of_the_programs_takes_the_label_over(rotating: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rotation was switched off, `pulumi up` wrote another password, and it was switched on again."""
    arn = rotating.arns[METRICS]
    (former,) = labels(arn)
    rotate(arn, handler.handler)
    rotating.write(METRICS)
    written = versions.with_label(labels(arn), "AWSCURRENT")
    assert written is not None
    first_versions(monkeypatch, written)
    assert rotating.roles("apply")["ok"] is True
    rotate(arn, handler.handler)
    rotate(arn, handler.handler)
    assert labels(arn)[written] == [versions.FIRST]
    assert former not in labels(arn)


@pytest.mark.parametrize(
    ("told", "on"), [({}, True), ({"RotationEnabled": True}, True), ({"RotationEnabled": False}, False)]
)
def test_a_secret_that_was_never_rotated_is_tried_and_one_that_is_not_any_more_is_refused(
    told: dict[str, bool], on: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DescribeSecret: null if it has never been configured for rotation, and it is tried before it is on."""

    class Client:
        def describe_secret(self, **_: str) -> dict[str, bool]:
            return told

    monkeypatch.setattr("functions.connection.secrets_manager", Client)
    assert versions.labels("arn") == (on, {})
