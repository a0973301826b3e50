"""docs/least-privilege.md: what operators' commands call is what the code calls, and what nobody may do is so."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator

import pytest

from documents import privileges
from tests.docs import read, table
from tests.documents import stack
from tests.recordings import ROOT, UPKEEP

TEXT = read("docs/least-privilege.md")
# Where IAM calls an operation by another name, or another service's (service authorization reference).
OTHERWISE = {
    "lambda:Invoke": "lambda:InvokeFunction",
    "resourcegroupstaggingapi:GetResources": "tag:GetResources",
    "budgets:DescribeBudgets": "budgets:ViewBudget",
    "logs:Tail": "logs:FilterLogEvents",
}
# What a call asks for besides its own action.
BESIDES = {"rds:CreateDBSnapshot": {"rds:AddTagsToResource"}, "lambda:GetFunction": {"lambda:ListTags"}}
# Needs no permission of one's own.
FORWARDED = {"ssm:StartSession"}


def action(service: str, operation: str) -> str:
    name = "".join(word.capitalize() for word in re.split(r"[_-]", operation))
    for word, right in (("Db", "DB"),):
        name = name.replace(word, right)
    return OTHERWISE.get(f"{service}:{name}", f"{service}:{name}")


def called(*paths: str) -> set[str]:
    """IAM actions of all calls to AWS in these files of ops."""
    found = set()
    for path in paths:
        for node in ast.walk(ast.parse((ROOT / "ops" / path).read_text(encoding="utf-8"))):
            found |= set(_of_call(node))
    return found | {more for each in found for more in BESIDES.get(each, ())}


def _of_call(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Call(func=ast.Attribute(attr="all"), args=[ast.Constant(service), ast.Constant(operation), *_]):
            yield action(str(service), str(operation))
        case ast.Call(
            func=ast.Attribute(
                attr=operation, value=ast.Call(func=ast.Attribute(attr="client"), args=[ast.Constant(s)])
            )
        ):
            yield action(str(s), operation)


COMMANDS = {
    "credentials rotate": ("credentials.py",),
    "doctor": ("doctor/facts.py", "doctor/rotation.py", "roles.py", "sleep.py", "snapshots/model.py", "stack.py"),
    "snapshots create": ("sleep.py", "snapshots/commands.py", "snapshots/model.py", "stack.py"),
    "roles check": ("roles.py",),
}


def actions_of(row: str) -> set[str]:
    rows: dict[str, str] = dict(table(TEXT.replace("\n  |", "\n|"), "command", "actions"))  # type: ignore[arg-type]
    found = next(cells for command, cells in rows.items() if command.startswith((f"`ops {row}`", f"ops {row}")))
    return set(re.findall(r"`([a-z0-9-]+:\w+)`", found))


def test_doctor_needs_what_it_calls() -> None:
    assert actions_of("doctor") == called(*COMMANDS["doctor"])


def test_the_credentials_command_needs_what_it_calls() -> None:
    assert actions_of("credentials rotate") == called(*COMMANDS["credentials rotate"])


def test_the_roles_command_needs_what_it_calls() -> None:
    assert actions_of("roles check") == called(*COMMANDS["roles check"])


def test_snapshot_commands_together_need_what_they_call() -> None:
    documented = actions_of("snapshots create") | actions_of("snapshots list") | actions_of("snapshots prune")
    assert documented == called(*COMMANDS["snapshots create"])


def test_no_other_module_of_ops_calls_aws() -> None:
    known = {path for paths in COMMANDS.values() for path in paths}
    calling = {str(p.relative_to(ROOT / "ops")) for p in (ROOT / "ops").rglob("*.py")} - known
    assert {path: called(path) for path in calling if called(path)} == {}


def test_the_commands_of_the_guides_need_what_is_listed() -> None:
    guides = ["docs/runbook.md", "docs/access.md", "docs/disaster-recovery.md", "docs/cost.md"]
    documented = set()
    for guide in guides:
        text = re.sub(r"\s+", " ", read(guide))
        documented |= {
            action(service, operation)
            for service, operation in re.findall(r"\baws ([a-z0-9]+) (?!wait )([a-z-]+)", text)
            if operation != "generate-db-auth-token"
        }
    gap = TEXT.split("**The runbook's and the guides' own")[1].split("- **The tags decide")[0]
    listed = set(re.findall(r"`([a-z0-9-]+:\w+)`", gap)) - {"kms:Decrypt"}
    assert documented - FORWARDED == listed


# What nobody may do


def documents() -> list[dict[str, object]]:
    prod = stack("prod").recording
    return [
        statement
        for type_ in ("aws:iam/policy:Policy", "aws:iam/rolePolicy:RolePolicy")
        for each in prod.of_type(type_)
        for statement in json.loads(each.inputs["policy"])["Statement"]
    ]


def test_no_action_of_a_policy_has_a_wildcard() -> None:
    actions = [action for statement in documents() for action in privileges._list(statement["Action"])]  # type: ignore[arg-type]
    assert actions
    assert [action for action in actions if "*" in action] == []


@pytest.mark.parametrize(
    ("name", "holders"), [("prod", ["roles function"]), (UPKEEP, ["roles function", "rotation function"])]
)
def test_nobody_but_the_functions_that_log_in_as_the_master_read_its_secret(name: str, holders: list[str]) -> None:
    rows = [line for line in privileges.iam(stack(name)).splitlines() if "langpont_admin" in line]
    assert [row.split(" | ")[0] for row in rows] == [f"| {holder}" for holder in holders]
    [master] = [line for line in privileges.database(stack(name)).splitlines() if "langpont_admin" in line]
    assert f"| the {', '.join(holders)}; no policy" in master


@pytest.mark.parametrize("group", ["database"])
def test_the_database_reaches_itself_and_nothing_else(group: str) -> None:
    rules = table(TEXT, "security group", "direction", "TCP port", "peer", "for")
    assert [rule for rule in rules if rule[:2] == (group, "out")] == [
        (group, "out", "5432", f"group `{group}`", "Itself")
    ]
    assert all(rule[3] != "0.0.0.0/0" for rule in rules if rule[0] == group)
