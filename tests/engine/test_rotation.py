"""Rotated passwords on the engine: no command writes an old one, and each other change is what the decision says.

The functions' own code runs on the simulated cloud (`tests.engine.playing`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from blueprint.postgres.roles import PASSWORD_ROLES, POOLED_ROLES, second_login
from functions.connection import Failed
from tests.engine.conftest import Open
from tests.engine.playing import Playing
from tests.engine.providers.rds import INSTANCE
from tests.engine.providers.secrets import CURRENT, PREVIOUS, ROTATION, SECRET, VERSION
from tests.engine.workplace import Workplace
from tests.recordings import UPKEEP

APP, METRICS, MIGRATOR = "langpont_app", "langpont_metrics", "langpont_migrator"
FIRST = "PULUMI"
ON: Mapping[str, Any] = {"credentials": {"rotateEveryDays": 30}}
OFF: Mapping[str, Any] = {"credentials": {"rotateEveryDays": None}}
# dev's functions have no way out but endpoints.
REACHED: Mapping[str, Any] = {
    "network": {"vpc": {"interfaceEndpoints": {"services": ["secretsmanager", "monitoring"]}}}
}
Play = Callable[..., Playing]


@pytest.fixture
def play(tmp_path: Path) -> Iterator[Play]:
    """Plays the functions of a workplace, whose roles are `made`."""
    with ExitStack() as stack:

        def begin(workplace: Workplace, *, made: bool = True) -> Playing:
            playing = Playing(workplace=workplace, folder=tmp_path)
            for each in playing.patches():
                stack.enter_context(each)
            if made:
                playing.make_roles()
            return playing

        yield begin


@pytest.fixture
def dev(deployed: Open, play: Play) -> Playing:
    """dev, where rotation was switched on while it ran."""
    playing = play(deployed("dev"))
    playing.workplace.edit({**ON, **REACHED})
    playing.workplace.up()
    return playing


def numbered(version: int) -> dict[str, Any]:
    """Rotation off, and a new password of each role by Pulumi."""
    return {"credentials": {"rotateEveryDays": None, "passwordVersions": dict.fromkeys(PASSWORD_ROLES, version)}}


def values(playing: Playing) -> dict[str, dict[str, Any]]:
    return {role: playing.value(role) for role in PASSWORD_ROLES}


def listed(playing: Playing) -> dict[str, Any]:
    """The pooler's secret."""
    [found] = [it for it in playing.workplace.cloud.all(VERSION) if it.logical_name.endswith("-pooler-files")]
    document: dict[str, Any] = json.loads(found.properties["secretString"])
    return document


def shown(playing: Playing, role: str) -> list[list[str]]:
    """Labels of the versions of a role's secret, the program's first."""
    found = playing.labels(role)
    return sorted(found.values(), key=lambda stages: (FIRST not in stages, stages))


def written(playing: Playing, since: int) -> set[str]:
    """Secret versions that the provider has made from a point of the journal on."""
    calls = playing.workplace.cloud.journal[since:]
    return {each.name for each in calls if each.type == VERSION and each.call == "create"}


def settled(playing: Playing) -> None:
    """Nothing is to do: neither for the nightly comparison, nor for a preview, nor for an update."""
    workplace = playing.workplace
    workplace.run("refresh", "--preview-only", "--expect-no-changes")
    assert workplace.preview() == []
    since, before = len(workplace.cloud.journal), workplace.cloud.snapshot()
    workplace.up()
    assert workplace.cloud.told(since) == []
    assert workplace.cloud.snapshot() == before


def test_what_was_rotated_twice_is_left_alone_by_refresh_preview_and_update(dev: Playing) -> None:
    first = dev.value(APP)
    assert (first["username"], shown(dev, APP)) == (APP, [[CURRENT]])
    dev.rotate(APP)
    assert (dev.value(APP)["username"], shown(dev, APP)) == (second_login(APP), [[PREVIOUS, FIRST], [CURRENT]])
    dev.rotate(APP)
    now = dev.value(APP)
    assert (now["username"], now["password"] != first["password"]) == (APP, True)
    assert shown(dev, APP) == [[FIRST], [CURRENT], [PREVIOUS]]
    settled(dev)
    assert dev.value(APP) == now
    assert shown(dev, APP) == [[FIRST], [CURRENT], [PREVIOUS]]


@pytest.mark.long
def test_a_stack_that_rotates_from_the_start_comes_up(empty: Open, play: Play) -> None:
    playing = play(empty(UPKEEP), made=False)
    playing.workplace.up()
    settled(playing)
    for role in PASSWORD_ROLES:
        playing.rotate(role)
        assert playing.logs_in(playing.value(role))
    settled(playing)


@pytest.mark.long
def test_switching_it_on_rotates_nothing_and_writes_no_secret(deployed: Open, play: Play) -> None:
    playing = play(deployed("dev"))
    workplace, before = playing.workplace, values(playing)
    workplace.edit(REACHED)
    workplace.up()
    since, list_before = len(workplace.cloud.journal), listed(playing)
    workplace.edit(ON)
    workplace.up()
    assert values(playing) == before
    assert listed(playing) == list_before | {"rotated": sorted(POOLED_ROLES)}
    assert written(playing, since) == {"langpont-dev-pooler-files"}
    assert sorted(it.properties["secretId"] for it in workplace.cloud.all(ROTATION)) == sorted(
        map(playing.arn, PASSWORD_ROLES)
    )
    settled(playing)
    # The second logins stand, without a password.
    [instance] = workplace.cloud.all(INSTANCE)
    there = playing.servers.verifiers[instance.properties["address"]]
    assert {there[second_login(role)] for role in PASSWORD_ROLES} == {None}


@pytest.mark.long
def test_whatever_was_rotated_however_often_nothing_is_to_do(dev: Playing) -> None:
    for times, role in enumerate(PASSWORD_ROLES):
        for _ in range(times):
            dev.rotate(role)
    now, labels = values(dev), {role: shown(dev, role) for role in PASSWORD_ROLES}
    assert [len(found) for found in labels.values()] == [1, 2, 3, 3]
    settled(dev)
    assert (values(dev), {role: shown(dev, role) for role in PASSWORD_ROLES}) == (now, labels)
    assert all(map(dev.logs_in, now.values()))


@pytest.mark.long
def test_other_changes_write_no_secret_of_a_rotated_role(dev: Playing) -> None:
    """A class, a parameter, a replica, the master's password, and other days."""
    replica = {"number": 1, "purpose": "reads", "instanceClass": "db.t4g.micro", "zone": "ap-northeast-1c"}
    dev.rotate(APP)
    before = {role: (dev.value(role), dev.labels(role)) for role in PASSWORD_ROLES}
    dev.workplace.edit(
        {
            "database": {"instanceClass": "db.t4g.small", "parameters": {"work_mem": "8MB"}},
            "credentials": {"rotateEveryDays": 60, "passwordVersions": {"langpont_admin": 2}},
            "replicas": [replica],
        }
    )
    since = len(dev.workplace.cloud.journal)
    dev.workplace.up()
    assert {role: (dev.value(role), dev.labels(role)) for role in PASSWORD_ROLES} == before
    assert written(dev, since) == {"langpont-dev-pooler-files", "langpont-dev-secret-values-langpont_admin"}
    rules = [it.properties["rotationRules"] for it in dev.workplace.cloud.all(ROTATION)]
    assert rules == [{"automaticallyAfterDays": 60}] * len(PASSWORD_ROLES)
    dev.rotate(APP)
    assert all(map(dev.logs_in, values(dev).values()))
    settled(dev)


@pytest.mark.long
@pytest.mark.parametrize(
    ("edit", "moved"),
    [
        ({"database": {"port": 6000}}, {"port": 6000}),
        (
            {"database": {"generation": 2, "restoreFrom": {"time": "2026-09-01T03:00:00Z"}}},
            {"dbInstanceIdentifier": "langpont-dev-db-g2"},
        ),
    ],
)
def test_another_server_is_written_by_the_roles_function_with_the_password_that_the_secret_has(
    dev: Playing, edit: Mapping[str, Any], moved: dict[str, Any]
) -> None:
    dev.rotate(APP)
    dev.servers.backup = dict.fromkeys((APP, METRICS))  # of a time with other passwords, and without second logins
    before, labels = values(dev), {role: shown(dev, role) for role in PASSWORD_ROLES}
    dev.workplace.edit(edit)
    since = len(dev.workplace.cloud.journal)
    dev.workplace.up()
    assert written(dev, since) == {"langpont-dev-pooler-files", "langpont-dev-secret-values-langpont_admin"}
    master = dev.value("langpont_admin")
    after = values(dev)
    for role in PASSWORD_ROLES:
        assert after[role] == before[role] | {"host": master["host"]} | moved
    assert all(map(dev.logs_in, after.values()))
    assert labels[APP] == [[PREVIOUS, FIRST], [CURRENT]]
    assert shown(dev, APP) == [[FIRST], [CURRENT], [PREVIOUS]]
    assert shown(dev, MIGRATOR) == [[PREVIOUS, FIRST], [CURRENT]]
    settled(dev)
    dev.rotate(APP)
    assert dev.logs_in(dev.value(APP))
    settled(dev)


@pytest.mark.long
def test_a_rotation_that_was_under_way_when_the_server_changed_is_begun_anew(dev: Playing) -> None:
    before = dev.value(APP)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("functions.rotation.hosts.lagging", lambda *_: ["app-1"])
        patch.setattr("functions.rotation.hosts.WAIT_SECONDS", 0)
        with pytest.raises(Failed, match="Not every host lets the new login of langpont_app through"):
            dev.rotate(APP)
    dev.workplace.edit({"database": {"port": 6000}})
    dev.workplace.up()
    assert (dev.value(APP), dev.logs_in(dev.value(APP))) == (before | {"port": 6000}, True)
    settled(dev)
    token = dev.client.begun[dev.arn(APP)]
    with pytest.raises(Failed, match="leads to another server than the current one. Begin anew: python -m ops"):
        dev.rotate(APP, token)
    # What `ops credentials rotate` does first.
    dev.client.update_secret_version_stage(SecretId=dev.arn(APP), VersionStage="AWSPENDING", RemoveFromVersionId=token)
    dev.rotate(APP)
    assert (dev.value(APP)["username"], dev.logs_in(dev.value(APP))) == (second_login(APP), True)
    settled(dev)


@pytest.mark.long
@pytest.mark.parametrize("times", [1, 2])
def test_switching_it_off_without_new_passwords_stops_before_hosts_would_get_a_list_of_old_ones(
    dev: Playing, times: int
) -> None:
    for _ in range(times):
        dev.rotate(APP)
    before, list_before = values(dev), listed(dev)
    dev.workplace.edit(OFF)
    told = dev.workplace.up(code=None)
    assert told.code != 0
    assert (
        "Its rotation was switched off meanwhile: raise its number in credentials.passwordVersions. pulumi up writes "
        "it."
    ) in " ".join(told.text.split())
    assert (values(dev), listed(dev)) == (before, list_before)
    assert all(map(dev.logs_in, before.values()))
    assert len(dev.workplace.cloud.all(ROTATION)) == len(PASSWORD_ROLES)

    dev.workplace.edit(numbered(2))
    dev.workplace.up()
    switched_off(dev)


def switched_off(playing: Playing) -> None:
    """Passwords, verifiers and list are Pulumi's again."""
    after = values(playing)
    assert {document["username"] for document in after.values()} == set(PASSWORD_ROLES)
    assert all(map(playing.logs_in, after.values()))
    users = {line.split('"')[1]: line.split('"')[3] for line in listed(playing)["userlist.txt"].splitlines()}
    assert users == {role: after[role]["verifier"] for role in POOLED_ROLES}
    assert "rotated" not in listed(playing)
    assert playing.workplace.cloud.all(ROTATION) == []
    settled(playing)


@pytest.mark.long
@pytest.mark.parametrize("times", [0, 1, 2])
def test_it_is_switched_off_and_on_again(dev: Playing, times: int) -> None:
    for _ in range(times):
        dev.rotate(APP)
    dev.workplace.edit(numbered(2))
    dev.workplace.up()
    switched_off(dev)
    dev.workplace.edit({"credentials": {**ON["credentials"], "passwordVersions": None}})
    dev.workplace.up()
    settled(dev)
    before = values(dev)
    for _ in range(2):
        dev.rotate(APP)
    assert shown(dev, APP)[0] == [FIRST]
    settled(dev)
    assert values(dev)[APP]["password"] != before[APP]["password"]
    assert dev.logs_in(dev.value(APP))


@pytest.mark.long
def test_a_first_value_that_is_gone_is_written_anew_and_database_and_list_follow(dev: Playing) -> None:
    """Somebody took the label off, and AWS deleted the version."""
    first = dev.value(APP)
    for _ in range(2):
        dev.rotate(APP)
    [version] = [version for version, stages in dev.labels(APP).items() if FIRST in stages]
    dev.client.update_secret_version_stage(SecretId=dev.arn(APP), VersionStage=FIRST, RemoveFromVersionId=version)
    dev.workplace.up()
    assert dev.value(APP) == first
    assert dev.logs_in(first)
    settled(dev)
    for _ in range(2):
        dev.rotate(APP)
    assert shown(dev, APP) == [[FIRST], [CURRENT], [PREVIOUS]]
    settled(dev)


@pytest.mark.long
def test_a_disposable_stack_that_was_rotated_leaves_nothing_behind(dev: Playing) -> None:
    for role in (APP, METRICS, METRICS):
        dev.rotate(role)
    dev.workplace.run("destroy", "--yes", "--skip-preview")
    assert dev.workplace.cloud.all() == dev.workplace.cloud.waiting(SECRET) == []


@pytest.mark.long
def test_a_password_version_of_a_rotated_role_is_refused_with_a_way_out(dev: Playing) -> None:
    before = dev.workplace.cloud.snapshot()
    dev.workplace.edit({"credentials": {"passwordVersions": {APP: 2}}})
    told = dev.workplace.up(code=None)
    assert told.code != 0
    assert (
        "credentials.passwordVersions.langpont_app 2 stands beside credentials.rotateEveryDays, by which Secrets "
        "Manager has the password in hand. Take it out; for a new password now: python -m ops credentials rotate "
        "langpont_app -s dev."
    ) in told.text
    assert dev.workplace.cloud.snapshot() == before
