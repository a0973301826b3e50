"""Passwords from Secrets Manager, with a stub of its client."""

from __future__ import annotations

import json

import pytest

from langpont_db import SecretRefused, passwords
from langpont_db.passwords import Hidden, SecretPassword, _password_of
from tests.waiting import until


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What Secrets Manager gives, one after the other; the last one is what it has now."""
    given = ["first", "second", "third"]
    monkeypatch.setattr(passwords, "_from_secrets_manager", lambda arn, region, seconds: Hidden(given.pop(0)))
    return given


def test_a_secret_is_read_once_until_it_is_refused(answers: list[str]) -> None:
    password = SecretPassword("arn", None, 5)
    assert answers == ["first", "second", "third"]
    assert [password.read().reveal() for _ in range(3)] == ["first"] * 3
    assert password.renew(Hidden("first"))
    assert password.read().reveal() == "second"


def test_many_logins_that_are_refused_together_ask_once(answers: list[str]) -> None:
    password = SecretPassword("arn", None, 5)
    refused = password.read()
    assert [password.renew(refused) for _ in range(3)] == [True] * 3
    assert not password.renew(Hidden("second"))  # refused too, within the same second
    assert answers == ["third"]


@pytest.mark.parametrize(
    "text",
    [
        "Zz9",
        '"Zz9"',
        '["Zz9"]',
        '{"PASSWORD": "Zz9"}',
        '{"password": ""}',
        '{"password": ["Zz9"]}',
        '{"password": 9',
        '{"password": "Zz9", "username": ""}',
    ],
)
def test_a_secret_without_a_password_is_refused_and_not_told(text: str) -> None:
    with pytest.raises(SecretRefused) as refused:
        _password_of("arn:x", {"SecretString": text})
    assert str(refused.value) == 'arn:x: its value is no JSON object with a "password". Write one.'
    assert refused.value.__suppress_context__


def test_a_binary_secret_is_refused_and_a_good_one_is_hidden() -> None:
    with pytest.raises(SecretRefused):
        _password_of("arn:x", {"SecretBinary": b"Zz9"})
    found = _password_of("arn:x", {"SecretString": json.dumps({"username": "u", "password": "Zz9"})})
    assert (found.reveal(), found.user, repr(found), str(found)) == ("Zz9", "u", "Hidden()", "Hidden()")
    assert _password_of("arn:x", {"SecretString": json.dumps({"password": "Zz9"})}) == Hidden("Zz9")
    assert Hidden("Zz9", "u") != Hidden("Zz9", "u_b")


def test_an_old_secret_is_read_beside_the_next_login_which_does_not_wait(
    answers: list[str],
) -> None:
    password = SecretPassword("arn", None, 5)
    assert password.read().reveal() == "first"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "FRESH_SECONDS", 0)
        assert password.read().reveal() == "first"
    until(lambda: password.read().reveal() == "second")
    assert answers == ["third"]


def test_a_secret_that_cannot_be_read_again_goes_on_being_what_it_was_and_is_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    given: list[Hidden | Exception] = [Hidden("first"), SecretRefused("arn: throttled"), Hidden("second")]
    monkeypatch.setattr(passwords, "FRESH_SECONDS", 0)

    def answer(arn: str, region: str | None, seconds: float) -> Hidden:
        found = given.pop(0) if len(given) > 1 else given[0]
        if isinstance(found, Exception):
            raise found
        return found

    monkeypatch.setattr(passwords, "_from_secrets_manager", answer)
    password = SecretPassword("arn", None, 5)
    seen = [password.read().reveal()]
    until(lambda: seen.append(password.read().reveal()) or seen[-1] == "second")  # type: ignore[func-returns-value]
    assert set(seen) == {"first", "second"}
    assert caplog.messages == ["a secret could not be read again, and the login of before stays in use: arn: throttled"]
