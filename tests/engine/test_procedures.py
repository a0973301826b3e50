"""Procedures of the runbook and of docs/ci.md, carried out as they are written."""

from __future__ import annotations

import json
import re
import signal
from textwrap import dedent
from typing import Any

import pytest
import yaml

from tests.engine import aws_cli, passwords, test_changes_written  # noqa: F401 - what it follows
from tests.engine.conftest import Open
from tests.engine.procedures import FOLLOWED, Act, Reader, Step, follows, headings, steps, steps_of
from tests.engine.providers.cloud import Cloud, Resource
from tests.engine.providers.rds import INSTANCE
from tests.engine.providers.rules import KEY
from tests.engine.providers.secrets import SECRET
from tests.engine.test_interrupted import cut_off, pending, unknown
from tests.engine.workplace import Workplace
from tests.recordings import PROJECT, REGION, name_of, recording

RUNBOOK, WORKFLOWS = "docs/runbook.md", "docs/ci.md"


def instance(cloud: Cloud, name: str) -> Resource:
    """By its logical name, as it is now."""
    with cloud.locked():
        [found] = [it for it in cloud.all(INSTANCE) if it.logical_name == name]
    return found


def documents(cloud: Cloud) -> list[dict[str, Any]]:
    """What stands in the secrets."""
    return [json.loads(it.properties["secretString"]) for it in cloud.all(passwords.VERSION)]


# Sections of which something else stands for what they say.
ELSEWHERE = {
    (RUNBOOK, "Making room for snapshots"): "the stand-in has no snapshots: tests/ops/snapshots",
    (RUNBOOK, "Rotating a password now"): "the stand-in rotates nothing: tests/local/up/test_rotation.py",
    ("docs/stacks.md", "A stack that sleeps"): "what it calls and when: tests/engine/test_sleep.py",
    ("docs/stacks.md", "What each stack makes"): "dev is destroyed in test_life",
    ("docs/stacks.md", "Tags of your own"): "an edit in place: tests/contracts/test_contracts.py",
    ("docs/stacks.md", "Who hears of what"): "the webhook's secret: tests/engine/test_secrecy.py",
    ("docs/stacks.md", "A stack from somebody's snapshot"): "the stand-in has no snapshots: tests/components",
    ("docs/scaling.md", "What the budget and the memory allow"): "an offline preview: tests/preview",
}


def test_every_procedure_is_followed_by_a_test() -> None:
    """And each of those tests fails when its section has a command that it did not come to: `Reader.__exit__`."""
    everywhere = {(path, it) for path in ("docs/stacks.md", "docs/scaling.md") for it in headings(path)}
    everywhere |= {(RUNBOOK, it) for it in headings(RUNBOOK, "###")}
    everywhere |= {(WORKFLOWS, it) for it in headings(WORKFLOWS, "###")}
    assert {*FOLLOWED, *ELSEWHERE} == everywhere
    assert FOLLOWED & ELSEWHERE.keys() == set()


def test_a_command_is_to_be_run_in_a_block_or_with_its_stack_and_is_spoken_of_without() -> None:
    text = dedent(
        """
        Before `pulumi up` there is nothing to do.

        1. Say `pulumi up -s
           prod`, as `aws` has no say.

           ```yaml
           langpont-database:database:
             generation: 2
           ```
        - **On hosts.** Then:

          ```bash
          # none of it
          systemctl reload pgbouncer
          ```

        ```sql
        SELECT 1;
        ```
        """
    )
    assert steps_of(text) == [
        Step("1", (Act("shell", "pulumi up -s prod\n"), Act("yaml", "langpont-database:database:\n  generation: 2\n"))),
        Step("On hosts", (Act("shell", "# none of it\nsystemctl reload pgbouncer\n"),)),
    ]


@pytest.mark.long
@pytest.mark.parametrize(
    ("stack", "name"),
    [
        ("dev", "langpont-dev-secrets-langpont_app"),
        ("dev", "langpont-dev-db-primary"),
        ("prod", "langpont-prod-backups-ap-northeast-3-key"),
    ],
)
@follows(WORKFLOWS, "An update that was cut off")
def test_an_update_that_was_killed_is_mended(empty: Open, stack: str, name: str) -> None:
    workplace = empty(stack)
    cut_off(workplace, signal.SIGKILL, "create", name)
    with Reader(workplace, WORKFLOWS, "An update that was cut off") as reader:
        reader.follow("1")
        [line] = reader.follow("2").splitlines()
        [made] = unknown(workplace)
        what, urn, _, parent = line.split()
        assert (what, urn) == ("creating", made.urn)
        reader.follow("3")
        assert pending(workplace) == []
        told = {
            "<type>": urn.split("::")[2].rpartition("$")[2],
            "<name>": name_of(urn),
            "<id>": made.id if made.region == REGION else f"{made.id}@{made.region}",
        }
        reader.follow("4", told | {"<urn of the parent>": parent})
        assert unknown(workplace) == []
        reader.follow("5")
    assert workplace.preview() == []
    assert passwords.differing(workplace.cloud) == []


def urns(workplace: Workplace, type_: str, *names: str) -> list[str]:
    """URNs of these logical names of one type, as `pulumi stack --show-urns` tells them."""
    found = re.findall(r"urn:\S+", workplace.run("stack", "--show-urns").stdout)
    return [it for it in found if it.endswith(tuple(f"{type_}::{name}" for name in names))]


@pytest.mark.long
@follows(RUNBOOK, "Promoting a replica")
def test_a_promoted_replica_becomes_the_next_generation(deployed: Open) -> None:
    workplace = deployed("prod")
    cloud = workplace.cloud
    replica = instance(cloud, "langpont-prod-db-replica-1")
    with Reader(workplace, RUNBOOK, "Promoting a replica") as reader:
        published = reader.hosts / "etc" / "pgbouncer" / "pgbouncer.ini"
        [files] = [it["pgbouncer.ini"] for it in documents(cloud) if "pgbouncer.ini" in it]
        published.write_text(files, encoding="utf-8")
        reader.follow("2")
        assert "replicateSourceDb" not in instance(cloud, replica.logical_name).properties
        reader.follow("3", {"<address of langpont-prod-replica-1>": replica.properties["address"]})
        assert f"langpont = host={replica.properties['address']} " in published.read_text(encoding="utf-8")
        reader.follow("4")
        reader.follow("5", {"<urn of the new primary>": urns(workplace, INSTANCE, "langpont-prod-db-primary-g2")})
        assert "replicateSourceDb" not in instance(cloud, replica.logical_name).properties
        old = [f"langpont-prod-db-{name}" for name in ("primary", "replica-1", "replica-2")]
        reader.follow("6", {"<urn of each instance of generation 1>": urns(workplace, INSTANCE, *old)})
    assert sorted(it.logical_name for it in cloud.all(INSTANCE)) == [
        "langpont-prod-db-primary-g2", "langpont-prod-db-replica-1-g2", "langpont-prod-db-replica-2-g2",
    ]  # fmt: skip
    assert workplace.preview() == []
    assert passwords.differing(cloud) == []


@pytest.mark.long
@follows(RUNBOOK, "Restoring to a point in time")
def test_a_restore_is_switched_to_and_the_old_generation_retired(deployed: Open) -> None:
    workplace = deployed("prod")
    cloud = workplace.cloud
    instances = [f"langpont-prod-db-{name}" for name in ("primary", "replica-1", "replica-2")]
    with Reader(workplace, RUNBOOK, "Restoring to a point in time") as reader:
        for step in "123456":
            reader.follow(step)
        assert workplace.preview() == []
        made = urns(workplace, INSTANCE, *(f"{name}-g2" for name in instances))
        workplace.edit({"database": {"restoreFrom": {"time": "2026-11-21T02:58:00Z"}}})
        refused = workplace.run("up", "--yes", code=None)
        assert (refused.code != 0, "unable to replace resource" in refused.text) == (True, True)
        workplace.edit({"database": {"generation": None, "restoreFrom": None}})
        reader.follow("It was the wrong second", {"<urn>": made})
        assert workplace.preview() == []
        assert sorted(it.logical_name for it in cloud.all(INSTANCE)) == instances
        workplace.edit({"database": {"generation": 2, "restoreFrom": {"time": "2026-11-21T02:58:00Z"}}})
        workplace.up()
        assert workplace.preview() == []
        reader.follow("8")
        workplace.edit({"database": {"keepPrevious": False}})
        told = reader.follow("9", {"<urn>": urns(workplace, INSTANCE, *instances)})
        deleted = set(re.findall(r"^ - +(\S+) (\S+) delete", told, re.MULTILINE))
        assert {name for _, name in deleted if "-g2" in name} == set()
    assert sorted(it.logical_name for it in cloud.all(INSTANCE)) == [
        "langpont-prod-db-primary-g2", "langpont-prod-db-replica-1-g2", "langpont-prod-db-replica-2-g2",
    ]  # fmt: skip
    assert workplace.preview() == []
    assert passwords.differing(cloud) == []


@pytest.mark.long
@follows(RUNBOOK, "Adding and removing replicas")
def test_a_replica_is_added_and_another_removed(deployed: Open) -> None:
    workplace = deployed("prod")
    replicas = yaml.safe_load(workplace.file.read_text(encoding="utf-8"))["config"][f"{PROJECT}:replicas"]
    with Reader(workplace, RUNBOOK, "Adding and removing replicas") as reader:
        workplace.edit({"replicas": [*replicas, {**replicas[0], "number": 3}]})
        reader.follow("text 1")
        [urn] = urns(workplace, INSTANCE, "langpont-prod-db-replica-2")
        reader.follow("2", {"<urn of the instance langpont-prod-db-replica-2>": urn})
        workplace.edit({"replicas": [replicas[0], {**replicas[0], "number": 3}]})
        reader.follow("3")
    assert sorted(it.logical_name for it in workplace.cloud.all(INSTANCE)) == [
        "langpont-prod-db-primary", "langpont-prod-db-replica-1", "langpont-prod-db-replica-3",
    ]  # fmt: skip
    assert workplace.preview() == []


@pytest.mark.long
@pytest.mark.parametrize(("value", "step", "other"), [(400, "Raising", "Lowering"), (200, "Lowering", "Raising")])
@follows(RUNBOOK, "Restarting for a static parameter")
def test_standbys_go_on_in_one_order_of_restarts_and_not_in_the_other(
    deployed: Open, value: int, step: str, other: str
) -> None:
    workplace = deployed("prod")
    for it in workplace.cloud.all(INSTANCE):
        aws_cli.start(workplace.cloud, it.properties["identifier"])
    workplace.edit({"database": {"parameters": {"max_connections": value}}})
    workplace.up()
    wrong = Reader(workplace, RUNBOOK, "Restarting for a static parameter")
    wrong.follow(other, fails="hot standby is not possible because of insufficient parameter settings")
    with Reader(workplace, RUNBOOK, "Restarting for a static parameter", elsewhere=[other]) as reader:
        assert wrong.follow("text 1").count("pending-reboot") == 3
        reader.follow(step)
        assert reader.follow("text 1").count("in-sync") == 3
    assert workplace.preview() == []


@pytest.mark.long
@follows(RUNBOOK, "Holding clients back during a restart")
def test_clients_are_held_back_around_a_restart(deployed: Open) -> None:
    """What the console does with it is in tests/langpont_db/pgbouncer/test_pause.py."""
    workplace = deployed("dev")
    aws_cli.start(workplace.cloud, "langpont-dev-db")
    with Reader(workplace, RUNBOOK, "Holding clients back during a restart") as reader:
        reader.rest()
        told = (reader.hosts / "sudo").read_text(encoding="utf-8").splitlines()
    console = "-u postgres psql -h /var/run/postgresql -p 6432 -U pgbouncer pgbouncer -c"
    assert told == [f"{console} PAUSE langpont", f"{console} RESUME langpont"]


@pytest.mark.long
@follows(RUNBOOK, "Upgrading to the next major")
def test_a_database_goes_to_the_next_major_and_the_leave_for_it_is_taken_out(deployed: Open) -> None:
    workplace = deployed("dev")
    committed = yaml.safe_load(workplace.file.read_text(encoding="utf-8"))
    # Rehearsed in tests/local/up/test_upgrade.py.
    with Reader(workplace, RUNBOOK, "Upgrading to the next major", elsewhere=["Rehearse it first"]) as reader:
        for step in ("2", "4", "5"):
            said = reader.follow(step)
        assert said.split()[:2] == ["langpont-dev-db", "17"]
        edited = yaml.safe_load(workplace.file.read_text(encoding="utf-8"))
        database = f"{PROJECT}:database"
        committed["config"][database]["engineVersion"] = "17"
        assert edited["config"][database]["allowMajorUpgrade"] == 17
        workplace.file.write_text(yaml.safe_dump(committed), encoding="utf-8")
        reader.rest()
    primary = instance(workplace.cloud, "langpont-dev-db-primary").properties
    assert (primary["engineVersion"], primary["allowMajorVersionUpgrade"]) == ("17", False)
    assert workplace.preview() == []


@pytest.mark.long
@pytest.mark.parametrize("region", [None, "us-west-2"])
@follows(RUNBOOK, "Giving up the second region, or taking another")
def test_the_second_region_is_given_up_or_another_one_is_taken(deployed: Open, region: str | None) -> None:
    workplace = deployed("prod")
    key, copy = "langpont-prod-backups-ap-northeast-3-key", "aws:rds/instanceAutomatedBackupsReplication"
    heading = "Giving up the second region, or taking another"
    with Reader(workplace, RUNBOOK, heading) as reader:
        reader.follow("1", {f"<urn of the key {key}>": urns(workplace, KEY, key)})
        workplace.edit({"backups": {"replicateToRegion": region}})
        reader.follow("2")
    there = {it.region for it in workplace.cloud.all() if it.type.startswith(copy)}
    assert there == ({region} if region else set())
    assert [it.region for it in workplace.cloud.all(KEY) if it.logical_name == key] == ["ap-northeast-3"]
    assert workplace.preview() == []


@follows(RUNBOOK, "Changing a password on purpose")
def test_a_password_is_changed_on_purpose(deployed: Open) -> None:
    workplace = deployed("dev")
    before = passwords.values(workplace.cloud)
    with Reader(workplace, RUNBOOK, "Changing a password on purpose") as reader:
        reader.rest()
    after = passwords.values(workplace.cloud)
    assert {role for role in after if after[role] != before[role]} == {"langpont_app"}


@pytest.mark.long
@follows(RUNBOOK, "Roles that are not as the program has them")
def test_a_master_that_cannot_log_in_is_told_and_gets_another_password(deployed: Open) -> None:
    workplace = deployed("dev")
    workplace.cloud.change(INSTANCE, "langpont-dev-db-primary", password="by hand")
    [check, apply] = steps(RUNBOOK, "Roles that are not as the program has them")[0].acts
    assert (check.text, apply.text) == (
        "venv/bin/python -m ops roles check -s prod\n", "venv/bin/python -m ops roles apply -s prod\n",
    )  # fmt: skip
    reader = Reader(workplace, RUNBOOK, "Roles that are not as the program has them")
    assert reader.do(check, code=1).stdout == "langpont-dev-db-primary: langpont_admin\n"
    assert reader.do(apply, code=1).stdout == "langpont-dev-db-primary: langpont_admin\n"
    assert workplace.preview() == []  # no refresh tells a password
    workplace.edit({"credentials": {"passwordVersions": {"langpont_admin": 2}}})
    workplace.up()
    reader.do(check)


@pytest.mark.long
@follows(RUNBOOK, "Destroying a protected stack")
@follows(RUNBOOK, "Making a destroyed stack again")
@pytest.mark.parametrize("way", ["End them for good", "Or keep them"])
def test_a_protected_stack_is_destroyed_and_made_again(deployed: Open, way: str) -> None:
    workplace = deployed("prod")
    cloud, registered = workplace.cloud, recording("prod").registrations.values()
    with Reader(workplace, RUNBOOK, "Destroying a protected stack", elsewhere=["text 1"]) as reader:
        reader.follow("1")
        reader.follow("2")
    retained = {it.name for it in registered if it.retain_on_delete}
    assert {it.logical_name for it in cloud.all()} == retained
    secrets = {it.name for it in registered if it.type == SECRET}
    assert {it.logical_name for it in cloud.waiting(SECRET)} == secrets

    other = {"End them for good": "Or keep them", "Or keep them": "End them for good"}[way]
    with Reader(workplace, RUNBOOK, "Making a destroyed stack again", elsewhere=[other]) as reader:
        if way == "Or keep them":
            reader.refused(way, "already scheduled for deletion")
        reader.follow(way)
    assert cloud.waiting(SECRET) == []
    assert {it.logical_name for it in cloud.all(SECRET)} == secrets
    assert workplace.preview() == []
    assert passwords.differing(cloud) == []


@pytest.mark.long
@follows(RUNBOOK, "Destroying a protected stack")
def test_a_stack_made_disposable_leaves_nothing(deployed: Open) -> None:
    workplace = deployed("prod")
    workplace.edit({"database": {"deletionPolicy": "disposable"}})
    with Reader(workplace, RUNBOOK, "Destroying a protected stack", elsewhere=["1", "2"]) as reader:
        reader.follow("text 1")
    assert workplace.cloud.all() == []
    assert workplace.cloud.waiting(SECRET) == []
