"""A checkout whose file has lost its `secretsprovider`: a protected stack is refused before its state changes hands."""

from __future__ import annotations

import json

import pytest

from tests.engine.conftest import Open
from tests.engine.workplace import Workplace

PROVIDER = "awskms://alias/state?region=ap-northeast-1"
REFUSED = "secretsprovider is missing beside encryptionsalt: the next update would encrypt the whole state"


def held(workplace: Workplace) -> tuple[str, list[str], str]:
    """What encrypts the state, what is in it, and what the cloud has."""
    deployment = workplace.state()["deployment"]
    urns = [each["urn"] for each in deployment["resources"]]
    return json.dumps(deployment["secrets_providers"]), urns, workplace.cloud.path.read_text(encoding="utf-8")


@pytest.mark.long
def test_a_state_under_a_kms_key_stays_there_when_a_checkout_has_lost_its_provider(
    deployed: Open, state_key: dict[str, str]
) -> None:
    workplace = deployed("staging")
    workplace.environment |= state_key
    unmeant(workplace)
    workplace.run("stack", "change-secrets-provider", PROVIDER)
    right = workplace.file.read_text(encoding="utf-8")
    assert f"secretsprovider: {PROVIDER}\n" in right
    assert workplace.preview() == []
    lines = right.splitlines(keepends=True)
    lost = "".join(line for line in lines if not line.startswith(("secretsprovider", "encryptedkey", "encryptionsalt")))
    workplace.file.write_text(lost, encoding="utf-8")
    before = held(workplace)
    told = workplace.run("up", "--yes", code=None)
    assert (told.code != 0, REFUSED in told.text) == (True, True), told.text
    assert held(workplace) == before
    # Without the preview the engine has begun an update by the time the program refuses, and writes the state down.
    told = workplace.up(code=None)
    assert (told.code != 0, REFUSED in told.text) == (True, True), told.text
    assert held(workplace)[1:] == before[1:]
    assert '"passphrase"' in held(workplace)[0]
    assert '"cloud"' in before[0]
    # Either way out.
    workplace.run("stack", "change-secrets-provider", PROVIDER)
    assert workplace.preview() == []
    workplace.file.write_text(right, encoding="utf-8")
    assert workplace.preview() == []
    assert '"cloud"' in held(workplace)[0]


def unmeant(workplace: Workplace) -> None:
    """As a team has it that never said that it means a passphrase."""
    workplace.edit({"encryption": {"stateSecrets": None}})


@pytest.mark.long
def test_a_protected_stack_whose_state_a_passphrase_would_encrypt_is_refused_and_stays_as_it_was(
    deployed: Open,
) -> None:
    workplace = deployed("staging")
    unmeant(workplace)
    before = held(workplace)
    for command in (("preview",), ("up", "--yes"), ("up", "--yes", "--skip-preview")):
        told = workplace.run(*command, code=None)
        assert (told.code != 0, REFUSED in told.text, "Traceback" in told.text) == (True, True, False), told.text
    assert held(workplace) == before
    workplace.edit({"encryption": {"stateSecrets": "passphrase"}})
    assert workplace.preview() == []


def test_a_file_elsewhere_is_said_not_to_have_been_looked_at(empty: Open) -> None:
    workplace = empty("staging")
    unmeant(workplace)
    elsewhere = workplace.folder / "elsewhere.yaml"
    workplace.file.rename(elsewhere)
    told = json.loads(workplace.run("preview", "--json", "--config-file", str(elsewhere)).stdout)
    warnings = [each["message"] for each in told["diagnostics"] if each["severity"] == "warning"]
    assert [each for each in warnings if "--config-file" in each] == [
        "warning: Pulumi.staging.yaml is not beside the program, so nobody has looked whether a passphrase encrypts "
        "the state of this protected stack. Look for secretsprovider in the file that --config-file names.\n"
    ]
