"""What encrypts the state, as a stack file says it; a protected stack under an unmeant passphrase is refused."""

from __future__ import annotations

import pytest

from blueprint.stack_file.load import StackFileRefused, load
from blueprint.stack_file.secrets_provider import under_passphrase
from tests.recordings import merged, sections

SALT = "encryptionsalt: v1:RMh/WufRo6U=:v1:CyfO4RmqciIw3ArR:WtfJE6kVT0K7/lIsX9Rw9Yi54mnWTg==\n"
KMS = "secretsprovider: awskms://alias/state?region=ap-northeast-1\nencryptedkey: AQICAHg=\n"
CONFIG = "config:\n  aws:region: ap-northeast-1\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (SALT + CONFIG, True),
        (CONFIG + SALT, True),
        (f'"encryptionsalt": v1:x\n{CONFIG}', True),
        (f"secretsprovider: passphrase\n{SALT}{CONFIG}", True),
        (f"secretsprovider: passphrase # of all\n{SALT}{CONFIG}", True),
        (f"secretsprovider:\n{SALT}{CONFIG}", True),
        (f'secretsprovider: ""\n{SALT}{CONFIG}', True),
        (KMS + CONFIG, False),
        (KMS + SALT + CONFIG, False),
        (CONFIG, False),
        ("", False),
        (f"# {SALT}{CONFIG}", False),
        (f"config:\n  other:encryptionsalt: 5\n  {SALT}", False),
    ],
)
def test_a_passphrase_encrypts_the_state_where_there_is_a_salt_and_no_provider(text: str, expected: bool) -> None:
    assert under_passphrase(text) is expected


def test_a_protected_stack_under_a_passphrase_that_nobody_means_is_refused() -> None:
    own = merged(sections("prod"), {"encryption": {"stateSecrets": None}})
    with pytest.raises(StackFileRefused) as refused:
        load(own, environment="prod", region="ap-northeast-1", under_passphrase=True)
    assert [str(problem) for problem in refused.value.problems] == [
        "secretsprovider is missing beside encryptionsalt: the next update would encrypt the whole state of this "
        "protected stack with the passphrase of whoever runs it, and lock out everybody else. Put its line back if the "
        "file had one (and take encryptionsalt out), else run: pulumi stack change-secrets-provider "
        "'awskms://alias/<key>?region=<region>'. Who means a passphrase sets encryption.stateSecrets to passphrase."
    ]
    load(own, environment="prod", region="ap-northeast-1")


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_a_passphrase_is_taken_where_it_is_meant_and_in_a_disposable_stack(stack: str) -> None:
    """The fixture of prod says that it means one."""
    assert load(sections(stack), environment=stack, region="ap-northeast-1", under_passphrase=True).under_passphrase
