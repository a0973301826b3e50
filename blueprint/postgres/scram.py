"""SCRAM-SHA-256 verifiers as PostgreSQL stores them, so that a password itself never reaches SQL and its logs."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Final

DEFAULT_ITERATIONS: Final = 4096  # scram_iterations of PostgreSQL 16, and the least that RFC 7677 allows
MINIMUM_SALT_BYTES: Final = 16  # what PostgreSQL itself uses


def verifier(password: str, salt: bytes, iterations: int = DEFAULT_ITERATIONS) -> str:
    """`SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>` of RFC 5802 section 3, the last three in base64.

    CREATE ROLE and ALTER ROLE take it in the place of a password, and PgBouncer's user list too. The same arguments
    always give the same verifier. Raises ValueError, without the password in it, for a password that is empty or not
    printable ASCII (others would need SASLprep) and for a salt of less than 16 bytes.
    """
    # Not by encode("ascii"): its error carries the string that it could not encode.
    if not (password and password.isascii() and password.isprintable()):
        raise ValueError("A password must be printable ASCII, at least one character.")
    if len(salt) < MINIMUM_SALT_BYTES:
        raise ValueError(f"A salt must have at least {MINIMUM_SALT_BYTES} bytes.")
    salted_password = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)
    stored_key = hashlib.sha256(_hmac(salted_password, b"Client Key")).digest()
    server_key = _hmac(salted_password, b"Server Key")
    return f"SCRAM-SHA-256${iterations}:{_base64(salt)}${_base64(stored_key)}:{_base64(server_key)}"


def _hmac(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, "sha256")


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
