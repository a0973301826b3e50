"""Our verifiers against the RFC's exchange and against one that PostgreSQL made."""

from __future__ import annotations

import hashlib
import hmac
import re
import traceback
from base64 import b64decode, b64encode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blueprint.postgres.scram import verifier

SALT = b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")


def test_the_keys_agree_with_the_exchange_printed_in_rfc_7677() -> None:
    text = verifier("pencil", SALT)
    stored_key, server_key = (b64decode(key) for key in text.rsplit("$", 1)[1].split(":"))
    message = (
        b"n=user,r=rOprNGfwEbeRWgbNEkqO,"
        b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,"
        b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    )
    server_signature = hmac.digest(server_key, message, "sha256")
    assert b64encode(server_signature) == b"6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
    client_proof = b64decode("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")
    client_signature = hmac.digest(stored_key, message, "sha256")
    client_key = bytes(proof ^ signature for proof, signature in zip(client_proof, client_signature, strict=True))
    assert hashlib.sha256(client_key).digest() == stored_key


def test_it_is_the_verifier_that_postgresql_16_makes_of_the_same_salt() -> None:
    # rolpassword after CREATE ROLE ... PASSWORD on PostgreSQL 16.14 with password_encryption = scram-sha-256.
    assert verifier("langpont-Test-0123456789", b64decode("pIwY+IHQQXn8UnEA+NHUZw==")) == (
        "SCRAM-SHA-256$4096:pIwY+IHQQXn8UnEA+NHUZw==$nYpRpBUHx7jp87GMId49heWckWUTrd6gCwklHL64pH0="
        ":b8HPyC420F6UvGPHklQHjuxLbkUVEx2WSaKWyhryqMo="
    )


def test_more_iterations_are_written_into_the_verifier() -> None:
    assert verifier("pencil", SALT, 8192).startswith("SCRAM-SHA-256$8192:W22ZaJ0SNY7soEsUEjb6gQ==$")


@settings(max_examples=30, deadline=None)
@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=12), st.binary(min_size=16, max_size=32))
def test_every_printable_password_gives_a_verifier_without_the_password(password: str, salt: bytes) -> None:
    text = verifier(password, salt)
    assert re.fullmatch(r"SCRAM-SHA-256\$4096:[A-Za-z0-9+/]+=*\$[A-Za-z0-9+/]{43}=:[A-Za-z0-9+/]{43}=", text)
    assert password not in text
    assert verifier(password, salt) == text


@pytest.mark.parametrize(
    "password", ["", "secret-pässword", "secret\npassword", "secret\x7fpassword", "秘密のパスワード"]
)
def test_a_password_that_needs_preparation_is_refused_without_being_told(password: str) -> None:
    with pytest.raises(ValueError) as refused:
        verifier(password, SALT)
    assert refused.value.args == ("A password must be printable ASCII, at least one character.",)
    assert refused.value.__context__ is None
    told = "".join(traceback.TracebackException.from_exception(refused.value).format_exception_only())
    assert not password or password not in told


def test_a_short_salt_is_refused_without_telling_the_password() -> None:
    with pytest.raises(ValueError) as refused:
        verifier("secret-password", b"short")
    assert refused.value.args == ("A salt must have at least 16 bytes.",)
    assert refused.value.__context__ is None
