"""Passwords from Secrets Manager, with a stub of its client."""

from __future__ import annotations

import json

import pytest

from langpont_db import SecretRefused, passwords
from langpont_db.passwords import Hidden, SecretPassword, _password_of


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
    ["Zz9", '"Zz9"', '["Zz9"]', '{"PASSWORD": "Zz9"}', '{"password": ""}', '{"password": ["Zz9"]}', '{"password": 9'],
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
    assert (found.reveal(), repr(found), str(found)) == ("Zz9", "Hidden()", "Hidden()")
