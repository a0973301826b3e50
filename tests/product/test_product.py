"""The shop is previewed without LangPont's name in it, comes up on one machine, and is verified there."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from typing import Any

import pytest

from tests.product.conftest import Shop
from tests.recordings import DEPLOYABLE, strings

# Of the components, which hold nothing themselves: the program's own, as a package's name is.
TYPE_TOKEN = re.compile(r"langpont:database:[A-Za-z]+")
DEFINITIONS = """
import json
from pathlib import Path
from recording import engine, stack_files
from recording.answers import Answers
from recording.recording import reveal

file = stack_files.load(Path("."), "dev")
recorded = engine.record(file, Answers(file.config["aws:region"]), preview=False)
functions = [reveal(it.inputs) for it in recorded.of_type("aws:lambda/function:Function")]
print(json.dumps({it["name"]: json.loads(it["code"].files["definition.json"]) for it in functions}))
"""
# Tables are made as the migrator, rows written as the application, as their environment says.
APPLICATION = """
from sqlalchemy import text
from langpont_db import Database, migration_engine

with migration_engine().begin() as connection:
    print(connection.scalar(text("SELECT current_user")))
    connection.execute(text("CREATE TABLE IF NOT EXISTS shop.orders (ordered_at timestamptz DEFAULT now())"))
database = Database.from_env()
with database.begin() as connection:
    print(connection.scalar(text("SELECT current_user")))
    connection.execute(text("INSERT INTO shop.orders DEFAULT VALUES"))
database.dispose()
"""


@pytest.mark.parametrize("stack", DEPLOYABLE)
def test_its_stacks_are_previewed_and_nothing_is_called_langpont(shop: Shop, stack: str) -> None:
    done = shop.module(f"preview {stack} --json")
    assert (done.returncode, done.stderr) == (0, "")
    document: dict[str, Any] = json.loads(done.stdout)
    named = [(where, text) for where, text in strings(document, keys=True) if "langpont" in text.lower()]
    assert [(where, text) for where, text in named if not TYPE_TOKEN.fullmatch(text)] == []
    assert document["project"] == "shop-database"
    tags = next(
        resource["inputs"]["tags"]
        for component in document["components"]
        for resource in component["resources"]
        if resource["type"] == "aws:rds/instance:Instance"
    )
    assert (tags["Project"], tags["Environment"]) == ("Shop", stack)
    values = {output["name"]: output["value"] for output in document["outputs"]}
    assert values["primaryIdentifier"] == f"shop-{stack}-db"
    assert values["roles"] == {
        "application": "shop_web", "reader": "shop_web", "migrator": "shop_deploy", "owner": "shop_owner",
    }  # fmt: skip
    assert sorted(values["secretArns"]) == ["shop_admin", "shop_deploy", "shop_metrics", "shop_web"]
    # Nobody logs in by an IAM token, and no metric has the database's size.
    assert "size-near-ceiling" not in {alarm["name"] for alarm in document["alarms"]}
    assert {alarm["namespace"] for alarm in document["alarms"] if not alarm["namespace"].startswith("AWS/")} <= {
        "Shop/Database", "Shop/DatabaseLog", "Shop/PgBouncer",
    }  # fmt: skip


def test_its_functions_get_its_definitions(shop: Shop) -> None:
    done = subprocess.run(
        [sys.executable, "-c", DEFINITIONS], cwd=shop.root, capture_output=True, text=True, check=True
    )
    definitions = json.loads(done.stdout)
    assert [where for where in strings(definitions, keys=True) if "langpont" in where[1].lower()] == []
    roles, metrics = definitions["shop-dev-roles"], definitions["shop-dev-metrics"]
    assert (roles["owner"], roles["schemas"], roles["settings"]) == ("shop_owner", ["shop", "shop_owner"], {})
    assert [role["name"] for role in roles["roles"]] == ["shop_owner", "shop_web", "shop_deploy", "shop_metrics"]
    assert (metrics["namespace"], [row["name"] for row in metrics["metrics"]]) == ("Shop/Database", ["orders_1h"])


def used(shop: Shop) -> str:
    """Whom a new process of the application is logged in as, for migrations and for itself."""
    environment = dict(pair.split("=", 1) for pair in shlex.split((shop.root / ".local/dev/app.env").read_text()))
    application = subprocess.run(
        [sys.executable, "-c", APPLICATION], cwd=shop.root, env=shop.environment | environment,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (application.returncode, application.stderr) == (0, "")
    return application.stdout


def test_it_comes_up_on_one_machine_is_used_and_verifies(shop: Shop) -> None:
    preview, up, verify = range(3)
    done = []
    for line, ran in shop.told(1):
        assert ran.returncode == 0, f"{line}\n{ran.stdout}{ran.stderr}"
        done.append(ran.stdout)
        if line.startswith("make up"):
            assert used(shop) == "shop_owner\nshop_web\n"
    assert done[preview].startswith("shop-database / dev")
    assert "port=" in done[up] and "user=shop_web" in done[up]
    *checks, count = done[verify].strip().splitlines()
    names = [re.sub(r" {2,}.*", "", line.strip().removeprefix("ok").strip()) for line in checks if line.strip()]
    assert (count, [name for name in names if "langpont" in name]) == (f"{len(names)} passed, 0 failed", [])
    assert {
        "the roles function finds no drift, and each login works",
        "shop_web logs in through PgBouncer",
        "shop_deploy does not log in through PgBouncer",
        "the migrator makes tables as the owner",
        "shop_web reads and writes",
        "shop_metrics reads and does not write",
        "shop_deploy: statement timeout none",
        "600 clients through PgBouncer",
    } <= set(names)
    # Asked of a replica, where dev has one.
    assert re.search(r"shop-dev-\S+: orders_1h 1, failed_statements 0", done[verify])


def test_its_roles_are_rotated_on_one_machine(shop: Shop) -> None:
    """By the platform that is up, whose application goes on with the other login."""
    before = shop.read("Pulumi.dev.yaml")
    # Functions ask CloudWatch about the hosts, and dev has no other way there.
    reached = before.replace("services: [secretsmanager]", "services: [secretsmanager, monitoring]")
    shop.write("Pulumi.dev.yaml", reached + "\n  shop-database:credentials:\n    rotateEveryDays: 30\n")
    up = shop.module("local.commands up dev")
    assert up.returncode == 0, up.stderr
    operator = dict(pair.split("=", 1) for pair in shlex.split((shop.root / ".local/dev/app.env").read_text()))
    environment, shop.environment = shop.environment, shop.environment | operator
    try:
        for role in ("shop_web", "shop_deploy", "shop_metrics"):
            told = shop.module(f"ops credentials rotate {role} -s dev")
            assert told.returncode == 0, told.stderr
            assert told.stdout.startswith(f"{role}: rotated in ")
        assert used(shop) == "shop_owner\nshop_web_b\n"
        doctor = shop.module("ops doctor -s dev").stdout
        assert set(re.findall(r"(shop_\w+): rotated ", doctor)) == {"shop_web", "shop_deploy", "shop_metrics"}
        verify = shop.module("local.commands verify dev")
        assert verify.returncode == 0, verify.stdout
        refused = shop.module("ops credentials rotate langpont_app -s dev")
        assert refused.stderr == (
            "ops: langpont_app is no role whose password is rotated. Choose from shop_web, shop_deploy, shop_metrics.\n"
        )
    finally:
        shop.environment = environment


REPORT = """product.yaml: 2 problems
  1. prefix Shop cannot begin an RDS identifier, which is lower-case letters, digits and single hyphens, from a letter \
to a letter or digit. Write it like shop.
  2. metrics.role shop_web is no member of pg_monitor, so that it sees nobody's sessions but its own. Write memberOf: \
[pg_monitor] at the role.
"""


def test_a_wrong_file_is_told_by_every_command_without_a_traceback(shop: Shop) -> None:
    right = shop.read("product.yaml")
    wrong = right.replace("prefix: shop", "prefix: Shop").replace("role: shop_metrics", "role: shop_web")
    shop.write("product.yaml", wrong)
    try:
        told = {
            command: shop.module(command)
            for command in ("preview dev", "local.commands up dev", "ops doctor -s dev", "ops roles check -s dev")
        }
    finally:
        shop.write("product.yaml", right)
    assert {command: (done.returncode, done.stdout) for command, done in told.items()} == dict.fromkeys(told, (1, ""))
    assert [done.stderr.removeprefix("Running the program ...\n").removeprefix("ops: ") for done in told.values()] == [
        REPORT
    ] * len(told)


def test_no_wrong_file_keeps_a_module_from_being_imported(shop: Shop) -> None:
    """A command says what is wrong only after it has imported what it needs."""
    script = """
import importlib, json, sys
from pathlib import Path
from blueprint.product import file
names = ("blueprint.product.file", "blueprint.names", "blueprint.postgres.roles", "blueprint.monitoring.metrics",
         "blueprint.settings.database", "blueprint.settings", "blueprint.platform", "local.verify.logins", "ops.stack",
         "policy.rules.resources")
modules = [importlib.import_module(name) for name in names]
for text in json.load(sys.stdin):
    file.FILE.write_text(text)
    for module in modules:
        importlib.reload(module)
"""
    from tests.blueprint.product.test_rules import REFUSALS, edited

    right = shop.read("product.yaml")
    texts = [edited(edit) for edit, _ in REFUSALS.values()] + ["", "- a", "prefix: [", "a: 1\na: 2\n"]
    texts += ["[a]: b", "prefix: 2026-02-30", "prefix: !!bool maybe", "prefix: !!timestamp x", "[" * 3000, right]
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=shop.root, input=json.dumps(texts), capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert shop.read("product.yaml") == right
