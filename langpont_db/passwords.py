"""Passwords from the environment, or from Secrets Manager at a login."""

from __future__ import annotations

import json
import threading
import time
from typing import Any, Protocol

from langpont_db.errors import SecretRefused
from langpont_db.forks import renew_after_fork

ANSWER_SECONDS = 5  # of Secrets Manager; a login waits for it
REFETCH_SECONDS = 1  # many logins that fail together ask once


class Hidden:
    """A string that its repr does not show."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The string. Keep it in no variable: error reporters show those of every frame."""
        return self._text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Hidden) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __repr__(self) -> str:
        return "Hidden()"


class Password(Protocol):
    """A password that may change while the program runs."""

    def read(self) -> Hidden:
        """The password to log in with. Raises `SecretRefused`."""

    def renew(self, refused: Hidden) -> bool:
        """After a server refused a password: whether there is another by now."""


class FixedPassword:
    """The password of a URL. A new one needs a restart."""

    def __init__(self, hidden: Hidden) -> None:
        self._hidden = hidden

    def __repr__(self) -> str:
        return "FixedPassword()"

    def read(self) -> Hidden:
        """Always the same."""
        return self._hidden

    def renew(self, refused: Hidden) -> bool:
        """There is no other."""
        return False


class SecretPassword:
    """The `password` of a secret in Secrets Manager, read when it is first needed and again when it was refused.

    `region` is for an ARN that names none. boto3 is imported at the first read and takes its credentials and endpoint
    from the process, as everywhere.
    """

    def __init__(self, arn: str, region: str | None) -> None:
        self.arn = arn
        parts = arn.split(":")
        self._region = parts[3] if len(parts) > 3 and parts[3] else region
        self._lock = threading.Lock()
        self._hidden: Hidden | None = None
        self._refetch_at = 0.0
        renew_after_fork(self)

    def after_fork(self) -> None:
        """The lock may have been held by a thread that this process does not have."""
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"SecretPassword({self.arn!r})"

    def read(self) -> Hidden:
        """The password of the last read, or read it first. Raises `SecretRefused`."""
        with self._lock:
            return self._hidden or self._fetch()

    def renew(self, refused: Hidden) -> bool:
        """Read it again, unless another login just has. Raises `SecretRefused`."""
        with self._lock:
            if self._hidden == refused and time.monotonic() >= self._refetch_at:
                self._refetch_at = time.monotonic() + REFETCH_SECONDS
                self._fetch()
            return self._hidden != refused

    def _fetch(self) -> Hidden:
        self._hidden = _from_secrets_manager(self.arn, self._region)
        return self._hidden


def _from_secrets_manager(arn: str, region: str | None) -> Hidden:
    try:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError, ClientError
    except ImportError:
        raise SecretRefused(
            f"{arn}: reading a secret needs boto3. Install it: pip install 'langpont-db[aws]', or put the password "
            f"into the URL."
        ) from None
    config = Config(connect_timeout=ANSWER_SECONDS, read_timeout=ANSWER_SECONDS, retries={"total_max_attempts": 3})
    try:
        client = boto3.client("secretsmanager", region_name=region, config=config)
        answer = client.get_secret_value(SecretId=arn)
    except (BotoCoreError, ClientError) as error:
        raise SecretRefused(
            f"{arn}: Secrets Manager did not give it: {error}. The role here needs the stack's "
            f"applicationPolicyArn, or migrationPolicyArn to migrate."
        ) from None
    return _password_of(arn, answer)


def _password_of(arn: str, answer: dict[str, Any]) -> Hidden:
    try:
        return Hidden(_text(json.loads(answer["SecretString"])["password"]))
    except (KeyError, TypeError, ValueError):
        # Not the error itself: it may quote the secret.
        raise SecretRefused(f'{arn}: its value is no JSON object with a "password". Write one.') from None


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError
    return value
