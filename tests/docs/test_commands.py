"""Commands that the documents tell their readers to type: they exist, with these options."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
import typer

from langpont_db.pgbouncer import __main__ as pgbouncer
from ops.app import app
from recording.recording import Recording
from tests.docs import DOCUMENTS, blocks, read
from tests.recordings import record_with


def commands(program: str) -> Iterator[tuple[str, list[str]]]:
    """Document and words after `python -m <program>`, of code blocks and code marks."""
    for document in DOCUMENTS:
        text = read(document)
        marked = [
            " ".join(code.split()) for code in re.findall(r"`([^`]+)`", re.sub(r"```.*?```", "", text, flags=re.S))
        ]
        lines = "\n".join(blocks(text, r"\w*")).replace("\\\n", " ").splitlines()
        for line in [*marked, *lines]:
            for told in re.findall(rf"python -m {re.escape(program)}( [^|<>;&]*|$)", line):
                words = shlex.split(told, comments=True)
                if words:
                    yield document, words


def ops_refuses(words: list[str]) -> str:
    """What is wrong with a command of ops, "" if nothing: parsed as typed, not run."""
    command: Any = typer.main.get_command(app)
    rest = list(words)
    while rest and hasattr(command, "commands"):
        if rest[0] not in command.commands:
            return f"there is no {rest[0]}"
        command = command.commands[rest.pop(0)]
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    strangers = [word for word in rest if word.startswith("-") and word != "-" and word not in known | {"--help"}]
    return f"{', '.join(strangers)}: no such option" if strangers else ""


OPS = list(commands("ops"))


@pytest.mark.parametrize(
    ("document", "words"), OPS, ids=lambda value: " ".join(value) if isinstance(value, list) else value
)
def test_a_command_of_ops_is_one(document: str, words: list[str]) -> None:
    assert ops_refuses(words) == ""


def test_what_is_no_command_is_found() -> None:
    assert ops_refuses(["roles", "destroy"]) == "there is no destroy"
    assert ops_refuses(["roles", "check", "-s", "prod", "--force"]) == "--force: no such option"
    assert {"roles check -s prod", "roles apply -s prod"} <= {" ".join(words) for _, words in OPS}


HOST = list(commands("langpont_db.pgbouncer"))


@pytest.mark.parametrize(
    ("document", "words"), HOST, ids=lambda value: " ".join(value) if isinstance(value, list) else value
)
def test_a_command_of_a_host_is_one(document: str, words: list[str]) -> None:
    pgbouncer._parser().parse_args(words)


# What these say of a command is no instruction.
TOLD = ("CHANGELOG", "docs/adr", "docs/deviations", "docs/measurements")


@pytest.mark.parametrize("document", [each for each in DOCUMENTS if not each.startswith(TOLD)])
def test_a_command_of_ours_names_the_python_that_has_its_packages(document: str) -> None:
    """After `pulumi install` or any make target there is `venv/`, and no other Python need have anything."""
    assert re.findall(r".*(?<!venv/bin/)\bpython3? -m (?:ops|preview|local|documents)\b.*", read(document)) == []


def named(text: str, pattern: str) -> set[str]:
    return set(re.findall(pattern, text))


def physical(recorded: Recording, type_: str, key: str = "name") -> set[str]:
    """Names that resources were given, or are given by Pulumi without their random end."""
    return {r.inputs.get(key, r.name) for r in recorded.of_type(type_)}


def test_what_the_runbook_calls_by_name_is_called_so() -> None:
    runbook, prod = read("docs/runbook.md"), record_with("prod", {"credentials": {"rotateEveryDays": 30}})
    groups = physical(prod, "aws:cloudwatch/logGroup:LogGroup")
    assert named(runbook, r"/aws/lambda/[\w-]+") == {group for group in groups if group.startswith("/aws/lambda/")}
    functions = physical(prod, "aws:lambda/function:Function")
    assert named(runbook, r"--function-name ([\w-]+)") | named(runbook, r"FunctionName,Value=([\w-]+)") <= functions
    assert named(runbook, r"--queue-name-prefix ([\w-]+)") == physical(prod, "aws:sqs/queue:Queue")
    assert named(runbook, r"--name-prefix\s+([\w-]+)") == physical(prod, "aws:scheduler/schedule:Schedule")
    assert "`langpont-prod-functions-make-roles`" in runbook
    assert physical(prod, "aws:lambda/invocation:Invocation") == {"langpont-prod-functions-make-roles"}


def test_the_units_that_the_runbook_starts_are_the_hosts() -> None:
    from langpont_db.pgbouncer.install import SERVICE, TIMER

    units = named(read("docs/runbook.md"), r"langpont-pgbouncer-sync[\w.]*")
    assert {unit.removesuffix(".service").rstrip(".") for unit in units} == {SERVICE.removesuffix(".service"), TIMER}
