"""No password, salt, verifier or other secret value stands anywhere in the open."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from blueprint.postgres.roles import POOLED_ROLES
from recording.recording import UNKNOWN, Recording, reveal
from tests import golden
from tests.recordings import FROZEN, ROLES, answered, recording, secrets, strings

PASSWORD = "random:index/randomPassword:RandomPassword"
SALT = "random:index/randomBytes:RandomBytes"
SUBSCRIPTION = "aws:sns/topicSubscription:TopicSubscription"
VERSION = "aws:secretsmanager/secretVersion:SecretVersion"


def generated(recorded: Recording) -> set[str]:
    """Every password, salt and verifier of a stack."""
    passwords = {answered(r)[1]["result"] for r in recorded.of_type(PASSWORD)}
    salts = {answered(r)[1]["base64"] for r in recorded.of_type(SALT)}
    return passwords | salts | verifiers(recorded)


def verifiers(recorded: Recording) -> set[str]:
    files = next(r for r in recorded.of_type(VERSION) if r.name.endswith("-pooler-files"))
    user_list = json.loads(reveal(files.inputs["secretString"]))["userlist.txt"]
    return {line.split('"')[3] for line in user_list.splitlines()}


def in_the_open(recorded: Recording) -> Iterator[tuple[str, str]]:
    """Every text outside a secret: of inputs, options, component outputs, stack outputs and warnings."""
    for registration in recorded.registrations.values():
        yield from ((f"{registration.identity} {path}", text) for path, text in strings(registration.inputs, keys=True))
        yield registration.identity, registration.urn
        yield from ((registration.identity, text) for text in registration.ignore_changes)
    for urn, outputs in recorded.component_outputs.items():
        yield from ((f"{urn} {path}", text) for path, text in strings(outputs, keys=True))
    yield from (("stack output", text) for _, text in strings(recorded.outputs, keys=True))
    yield from (("warning", text) for text in recorded.warnings)


def test_a_stack_has_the_secrets_that_are_looked_for(updated: Recording) -> None:
    # A password a role, a salt for each but the master, verifiers of pooled roles.
    assert len(generated(updated)) == len(ROLES) + len(ROLES[1:]) + len(POOLED_ROLES)


def test_no_generated_secret_stands_in_the_open(updated: Recording) -> None:
    looked_for = generated(updated)
    for where, text in in_the_open(updated):
        assert not any(secret in text for secret in looked_for), where


def test_no_secret_input_stands_in_the_open(updated: Recording) -> None:
    held = {
        text
        for registration in updated.registrations.values()
        for _, value in secrets(registration.inputs)
        for _, text in strings(value)
    }
    hooks = {reveal(each.inputs["endpoint"]) for each in updated.of_type(SUBSCRIPTION) if each.secret_outputs}
    # The master's password, a document a role, the pooler's files, webhooks.
    assert len(held) == 1 + len(ROLES) + 1 + len(hooks)
    for where, text in in_the_open(updated):
        assert not any(secret in text for secret in held), where


def test_exactly_these_inputs_are_secrets(recorded: Recording) -> None:
    expected = {"aws:rds/instance:Instance password", f"{VERSION} secretString"}
    found = {
        f"{registration.type} {path}"
        for registration in recorded.registrations.values()
        for path, _ in secrets(registration.inputs)
    }
    if any(each.inputs["protocol"] == "https" for each in recorded.of_type(SUBSCRIPTION)):
        expected.add(f"{SUBSCRIPTION} endpoint")
    assert found == expected
    if recorded.preview:
        for registration in recorded.of_type(VERSION):
            assert reveal(registration.inputs["secretString"]) is UNKNOWN


def test_every_secret_version_is_wholly_secret(recorded: Recording) -> None:
    for version in recorded.of_type(VERSION):
        assert [path for path, _ in secrets(version.inputs)] == ["secretString"], version.name


def test_no_output_is_a_secret_so_that_none_hides_one(recorded: Recording) -> None:
    """Rule 14: a secret is never exported; its ARN is."""
    assert list(secrets(recorded.outputs)) == []
    assert [urn for urn, outputs in recorded.component_outputs.items() if list(secrets(outputs))] == []


def test_a_secret_is_not_shown_by_its_representation(updated: Recording) -> None:
    for registration in updated.registrations.values():
        shown = repr(dict(registration.inputs))
        for _, value in secrets(registration.inputs):
            assert str(value) not in shown, registration.identity


@pytest.mark.parametrize("stack", FROZEN)
def test_no_secret_stands_in_the_golden_calls(stack: str) -> None:
    text = golden.CALLS.path(stack).read_text(encoding="utf-8")
    assert not [secret for secret in generated(recording(stack)) if secret in text]
    hooks = [each for each in recording(stack).of_type(SUBSCRIPTION) if each.secret_outputs]
    # The master's password, a document a role, the pooler's files, webhooks.
    assert text.count('"(secret)"') == 1 + len(ROLES) + 1 + len(hooks)
