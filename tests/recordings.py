"""Recordings of the real program: each stack once in each mode, and variants with other settings.

Exact values are asserted on the fixture stacks, `STACKS`: frozen stack files in `tests/stacks`. Over the files that are
deployed, `DEPLOYABLE`, run invariants and rendered goldens only, so that an ordinary edit of them breaks no test.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from recording import engine, stack_files
from recording.answers import Answers
from recording.recording import Recording, Registration, Secret, reveal

ROOT = Path(__file__).parent.parent
FIXTURES = ROOT / "tests" / "stacks"
STACKS = ("dev", "staging", "prod")
# A fixture stack with what is off unless a file asks for it, for contracts and goldens.
UPKEEP = "upkeep"
FROZEN = (*STACKS, UPKEEP)
DEPLOYABLE = stack_files.names(ROOT)
PROJECT = "langpont-database"
REGION = "ap-northeast-1"
ACCOUNT = "123456789012"
# Roles with a password, sorted; the master is the first.
ROLES = ("langpont_admin", "langpont_app", "langpont_metrics", "langpont_migrator", "langpont_readonly")


def recording(stack: str, *, preview: bool = False) -> Recording:
    """A fixture stack as its file has it. Shared by all tests: read it, never change it."""
    return _record_with(stack, "{}", preview)


@cache
def deployable(stack: str, *, preview: bool = False) -> Recording:
    """A stack as it is deployed, for invariants and rendered goldens. Shared by all tests."""
    file = stack_files.load(ROOT, stack)
    same = stack in STACKS and file == replace(frozen(stack), path=file.path)
    return recording(stack, preview=preview) if same else _run(file, preview=preview)


def frozen(stack: str) -> stack_files.StackFile:
    """The file of a fixture stack, with the program of the repository."""
    return replace(stack_files.load(FIXTURES, stack), root=ROOT)


def record_with(stack: str, changes: Mapping[str, Any], *, preview: bool = False) -> Recording:
    """A fixture stack with sections overridden, key by key; None removes a key. Cached by stack and changes."""
    return _record_with(stack, json.dumps(changes, sort_keys=True), preview)


@cache
def _record_with(stack: str, changes: str, preview: bool) -> Recording:
    return _run(changed(frozen(stack), json.loads(changes)), preview=preview)


def changed(stack_file: stack_files.StackFile, changes: Mapping[str, Any]) -> stack_files.StackFile:
    """The stack file as if someone had edited its sections."""
    config = dict(stack_file.config)
    for section, value in changes.items():
        key = f"{PROJECT}:{section}"
        edited = merged(json.loads(config[key]) if key in config else None, value)
        config.pop(key, None)
        if edited is not None:
            config[key] = json.dumps(edited)
    return replace(stack_file, config=config)


def edit_file(file: Path, changes: Mapping[str, Any]) -> None:
    """Write sections of a stack file anew with other values, key by key; None takes a key out."""
    document = yaml.safe_load(file.read_text(encoding="utf-8"))
    for section, value in changes.items():
        key = f"{PROJECT}:{section}"
        edited = merged(document["config"].get(key), value)
        document["config"].pop(key, None)
        if edited is not None:
            document["config"][key] = edited
    file.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")


def sections(stack: str) -> dict[str, Any]:
    """The project's sections of a fixture stack, as `blueprint.stack_file.load.load` takes them."""
    return frozen(stack).sections()


def merged(old: Any, new: Any) -> Any:
    """`new` over `old`, mappings key by key; None removes a key."""
    if not (isinstance(old, dict) and isinstance(new, Mapping)):
        return new
    both = old | {key: merged(old.get(key), value) for key, value in new.items()}
    return {key: value for key, value in both.items() if value is not None}


def record_as(environment: str, stack: str) -> Recording:
    """A fixture stack as if its file were called after another environment."""
    return _run(replace(frozen(stack), stack=environment), preview=False)


def _run(stack_file: stack_files.StackFile, *, preview: bool) -> Recording:
    return engine.record(stack_file, Answers(stack_file.config["aws:region"]), preview=preview)


# Reading a recording


def name_of(urn: str) -> str:
    """The logical name at the end of a URN."""
    return urn.split("::")[-1]


def names(recorded: Recording, type_: str) -> list[str]:
    """Logical names of one type, sorted."""
    return [registration.name for registration in recorded.of_type(type_)]


def inputs(recorded: Recording, type_: str, name: str) -> dict[str, Any]:
    """All inputs of one resource, secrets revealed."""
    revealed: dict[str, Any] = reveal(recorded.one(type_, name).inputs)
    return revealed


def answer(recorded: Recording, type_: str, name: str) -> tuple[str, Mapping[str, Any]]:
    """Id and outputs that the provider gave to one resource, secrets revealed."""
    return answered(recorded.one(type_, name))


def answered(registration: Registration) -> tuple[str, Mapping[str, Any]]:
    """Id and outputs that the provider gave, secrets revealed."""
    id_, outputs = Answers(REGION).create(registration)
    return id_, reveal(outputs)


def arn(recorded: Recording, type_: str, name: str) -> str:
    """The ARN that the provider gave to one resource."""
    text: str = answer(recorded, type_, name)[1]["arn"]
    return text


def differing(before: Recording, after: Recording) -> set[str]:
    """Logical names of what both have, with other inputs or options."""
    both = set(before.registrations) & set(after.registrations)
    return {before.registrations[urn].name for urn in both if _facts(before, urn) != _facts(after, urn)}


def _facts(recorded: Recording, urn: str) -> Registration:
    registration = recorded.registrations[urn]
    return replace(registration, inputs=reveal(registration.inputs))


def strings(value: Any, path: str = "", *, keys: bool = False) -> Iterator[tuple[str, str]]:
    """Every text inside a value, with its path; what is in a `Secret` is left out. `keys`: those of mappings too."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if keys:
                yield path, str(key)
            yield from strings(item, f"{path}.{key}" if path else str(key), keys=keys)
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from strings(item, f"{path}[{index}]", keys=keys)


def secrets(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every `Secret` inside a value: its path and what it holds."""
    if isinstance(value, Secret):
        yield path, reveal(value)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from secrets(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from secrets(item, f"{path}[{index}]")
