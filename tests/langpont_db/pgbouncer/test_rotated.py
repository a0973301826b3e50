"""A host whose roles are rotated: its list is made of the roles' secrets, before anybody uses the new login."""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import psycopg
import pytest

from blueprint.postgres import scram
from blueprint.postgres.pgbouncer import render_user_list
from tests.langpont_db.pgbouncer.conftest import (
    APP,
    READONLY,
    UNCHANGED,
    Answer,
    Machine,
    alter_role,
)
from tests.waiting import until

SECOND = f"{APP}_b"


class Rotating:
    """The secrets of rotated roles, as the rotation function writes them."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.manager = machine.aws("secretsmanager")
        document = {"pgbouncer.ini": machine.ini, "userlist.txt": render_user_list(machine.verifiers)}
        machine.publish_text(json.dumps(document | {"rotated": sorted(machine.verifiers)}))
        for role in machine.verifiers:
            self.put(role, self.document(role, machine.passwords[role], machine.verifiers[role]))

    @staticmethod
    def document(login: str, password: str, verifier: str, **others: str) -> dict[str, Any]:
        return {"username": login, "password": password, "verifier": verifier} | (
            {"verifiers": {login: verifier} | others} if others else {}
        )

    def put(self, role: str, document: dict[str, Any], label: str = "AWSCURRENT") -> str:
        answer = self.manager.put_secret_value(
            SecretId=self.machine.arns[role], SecretString=json.dumps(document), VersionStages=[label]
        )
        return str(answer["VersionId"])

    def begin(self) -> tuple[str, str]:
        """A pending version of the application's role: its id, and the new login's password."""
        password = secrets.token_urlsafe(16)
        verifier = scram.verifier(password, secrets.token_bytes(16))
        document = self.document(SECOND, password, verifier, **{APP: self.machine.verifiers[APP]})
        version = self.put(APP, document, "AWSPENDING")
        self.verifier = verifier
        return version, password

    def into_the_database(self) -> None:
        alter_role(self.machine.platform, SECOND, self.verifier)

    def finish(self, version: str) -> None:
        found = self.manager.describe_secret(SecretId=self.machine.arns[APP])["VersionIdsToStages"]
        current = next(each for each, labels in found.items() if "AWSCURRENT" in labels)
        move = self.manager.update_secret_version_stage
        move(SecretId=self.machine.arns[APP], VersionStage="AWSCURRENT", MoveToVersionId=version,
             RemoveFromVersionId=current)  # fmt: skip
        move(SecretId=self.machine.arns[APP], VersionStage="AWSPENDING", RemoveFromVersionId=version)

    def written(self, version: str | None = None) -> float:
        """When a version was written; the current one without an id."""
        of = {"VersionId": version} if version else {"VersionStage": "AWSCURRENT"}
        moment: float = self.manager.get_secret_value(SecretId=self.machine.arns[APP], **of)["CreatedDate"].timestamp()
        return moment

    def told(self, role: str = APP) -> float:
        """What the host published last for a role."""
        now = datetime.now(UTC)
        cloudwatch = self.machine.aws("cloudwatch")
        metric, *_ = [
            metric["Dimensions"]
            for metric in cloudwatch.list_metrics(Namespace="LangPont/PgBouncer", MetricName="LoginWritten")["Metrics"]
            if {"Name": "Stack", "Value": self.machine.stack} in metric["Dimensions"]
            and {"Name": "Role", "Value": role} in metric["Dimensions"]
        ]
        (row,) = cloudwatch.get_metric_statistics(
            Namespace="LangPont/PgBouncer", MetricName="LoginWritten", Dimensions=metric,
            StartTime=now - timedelta(minutes=10), EndTime=now + timedelta(minutes=1), Period=3600,
            Statistics=["Maximum"],
        )["Datapoints"]  # fmt: skip
        return float(row["Maximum"])


@pytest.fixture
def rotating(machine: Machine) -> Iterator[Rotating]:
    with machine.platform.cluster.primary.admin() as session:
        session.execute(f"CREATE ROLE {SECOND} LOGIN IN ROLE {APP}".encode())
    yield Rotating(machine)
    with machine.platform.cluster.primary.admin() as session:
        session.execute(f"DROP ROLE {SECOND}".encode())


def test_switching_it_on_changes_nothing_on_the_host(machine: Machine) -> None:
    machine.up()
    before = machine.state()
    rotating = Rotating(machine)
    assert machine.sync() == Answer(0, [UNCHANGED], [])
    assert machine.state() == before
    assert rotating.told() == rotating.written()


def test_a_pending_login_is_let_through_and_told_when_it_was_proven(machine: Machine, rotating: Rotating) -> None:
    machine.up()
    before = rotating.written()
    version, password = rotating.begin()
    with machine.traffic("langpont", "langpont_replica_1"):
        refused = machine.sync()  # the database does not have it yet
        assert refused.code == 1
        assert [line.partition(":")[0] for line in refused.err] == ["pgbouncer"] * 3
        assert f"{SECOND} cannot log in through langpont: " in refused.err[0]
        assert rotating.told() in (before, 0.0)
        rotating.into_the_database()
        assert machine.sync().code == 0
        assert rotating.told() == rotating.written(version)
        rotating.finish(version)
        # Where the former login works on, its connections stay; elsewhere is what the proof has left.
        assert machine.sync() == Answer(0, ["pgbouncer: reconnected: langpont_replica_2 (left by langpont_app)"], [])
    for login, secret in ((APP, machine.passwords[APP]), (SECOND, password)):
        with machine.connect(role=login, password=secret) as session:
            assert session.execute("SELECT current_user").fetchone() == (login,)
    listed = (machine.host.user_list).read_text()
    assert [line.split('"')[1] for line in listed.splitlines()] == [APP, SECOND, READONLY]


def test_a_host_that_boots_during_a_rotation_lets_both_logins_through(machine: Machine, rotating: Rotating) -> None:
    _, password = rotating.begin()
    rotating.into_the_database()
    assert machine.sync().code == 0
    for login, secret in ((APP, machine.passwords[APP]), (SECOND, password)):
        machine.connect(role=login, password=secret).close()
    with pytest.raises(psycopg.OperationalError):
        machine.connect(role=SECOND, password="not-the-password")


def servers(machine: Machine, login: str, *, but: str = "") -> int:
    """Server connections of a login in all of PgBouncer's pools, but those of an entry."""
    with machine.console() as console:
        return sum(
            sum(value for name, value in pool.items() if name.startswith("sv_"))
            for pool in console.pools()
            if pool["user"] == login and pool["database"] != but
        )


def log_in(machine: Machine, password: str) -> None:
    """A client of the application's role that comes and goes, and leaves a server connection."""
    with machine.connect(password=password) as session:
        session.execute("SELECT 1")


def rotated_once(machine: Machine, rotating: Rotating) -> str:
    """Bring it to a rotation that has ended; the new login's password. Nobody has left the former one yet."""
    version, password = rotating.begin()
    rotating.into_the_database()
    assert machine.sync().code == 0
    rotating.finish(version)
    return password


def test_what_the_former_login_leaves_is_closed_once_nobody_uses_it(machine: Machine, rotating: Rotating) -> None:
    """Or `min_pool_size` server connections would stay for an hour, and the next rotation be refused as long."""
    machine.up()
    least = int(re.findall(r"(?m)^min_pool_size = (\d+)$", machine.ini)[0])
    former = machine.connect(autocommit=True)
    former.execute("SELECT 1")
    until(lambda: servers(machine, APP) >= least)
    password = rotated_once(machine, rotating)
    moved = machine.connect(role=SECOND, password=password, autocommit=True)
    with machine.traffic("langpont"):  # as the former login: somebody who has not moved yet
        machine.sync()
        until(lambda: servers(machine, APP, but="langpont") == 0)
        until(lambda: servers(machine, APP) >= least)  # one whose time is over is made anew
    former.close()
    until(lambda: servers(machine, APP) >= least)
    with moved, machine.connect(role=READONLY) as other:
        assert other.execute("SELECT 1").fetchone() == (1,)  # inside a transaction, which goes on
        assert machine.sync() == Answer(0, ["pgbouncer: reconnected: langpont (left by langpont_app)"], [])
        until(lambda: servers(machine, APP) == 0)
        assert other.execute("SELECT 2").fetchone() == (2,)
        assert moved.execute("SELECT current_user").fetchone() == (SECOND,)
        assert machine.sync() == Answer(0, [UNCHANGED], [])
    with machine.platform.cluster.primary.admin() as session:
        look = partial(session.execute, "SELECT count(*) FROM pg_stat_activity WHERE usename = %s", [APP])
        until(lambda: look().fetchone() == (0,))


def test_a_rotation_that_was_refused_finds_the_login_unused_after_its_host_has_run(
    machine: Machine, rotating: Rotating
) -> None:
    """The pending login is the former one: while it is not proven it has its old password, and is closed too."""
    machine.up()
    alter_role(machine.platform, SECOND, machine.verifiers[APP])
    rotating.put(APP, rotating.document(SECOND, machine.passwords[APP], machine.verifiers[APP],
                                        **{APP: machine.verifiers[APP]}))  # fmt: skip
    assert machine.sync().code == 0  # now APP is the former login, and SECOND in use
    log_in(machine, machine.passwords[APP])
    assert servers(machine, APP) > 0
    until(lambda: time.time() > rotating.written() + 1)  # moto knows of whole seconds
    password = secrets.token_urlsafe(16)
    verifier = scram.verifier(password, secrets.token_bytes(16))
    pending = rotating.document(APP, password, verifier, **{SECOND: machine.verifiers[APP]})
    rotating.put(APP, pending, "AWSPENDING")
    refused = machine.sync()
    assert (refused.code, servers(machine, SECOND) > 0) == (1, True)
    assert "reconnected: langpont (left by langpont_app)" in refused.out[0]
    until(lambda: servers(machine, APP) == 0)
    alter_role(machine.platform, APP, verifier)
    machine.verifiers[APP] = verifier  # put back after the test
    assert machine.sync().code == 0
    log_in(machine, password)
    assert machine.sync() == Answer(0, [UNCHANGED], [])  # it is proven: clients come to it


def test_a_secret_that_cannot_be_read_leaves_the_host_as_it_was(machine: Machine, rotating: Rotating) -> None:
    machine.up()
    before = machine.state()
    for document, lacks in (
        ({"username": APP, "password": "without a verifier"}, "verifier for PgBouncer"),
        ({"verifier": "SCRAM-SHA-256$", "verifiers": {APP: "SCRAM-SHA-256$"}}, "username, or no password"),
        ({"username": APP, "password": "x", "verifiers": [APP]}, "verifier for PgBouncer"),
    ):
        rotating.put(APP, document)
        assert machine.sync() == Answer(
            1, [], [f"pgbouncer: {machine.arns[APP]} has no {lacks}. Publish it anew: pulumi up."]
        )
    assert machine.state() == before
