"""Passwords from the environment, or from Secrets Manager at a login."""

from __future__ import annotations

import json
import logging
import threading
import time
from concurrent.futures import Future
from typing import Any, Protocol

from langpont_db import metrics, waiting
from langpont_db.errors import SecretRefused, SecretTimeout
from langpont_db.forks import renew_after_fork

log = logging.getLogger("langpont_db")

REFETCH_SECONDS = 1  # many logins that fail together ask once
# A rotation moves to another login while the old one still works, so nobody is refused: it has to be looked for. What
# is older is read again beside the next login, which does not wait for it.
FRESH_SECONDS = 300


class Hidden:
    """A password, which its repr does not show, and whose it is; `user` is None for the URL's."""

    __slots__ = ("_text", "user")

    def __init__(self, text: str, user: str | None = None) -> None:
        self._text = text
        self.user = user

    def reveal(self) -> str:
        """The string. Keep it in no variable: error reporters show those of every frame."""
        return self._text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Hidden) and (other._text, other.user) == (self._text, self.user)

    def __hash__(self) -> int:
        return hash((self._text, self.user))

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
    """Password and user of a secret in Secrets Manager, read when first needed, when refused, and every five minutes.

    `region` is for an ARN that names none. boto3 is imported at the first read and takes its credentials and endpoint
    from the process, as everywhere.
    """

    def __init__(self, arn: str, region: str | None, seconds: float) -> None:
        self.arn = arn
        parts = arn.split(":")
        self._region = parts[3] if len(parts) > 3 and parts[3] else region
        self._seconds = seconds
        self._hidden: Hidden | None = None
        self._refetch_at = self._read_at = 0.0
        self.after_fork()
        renew_after_fork(self)

    def after_fork(self) -> None:
        """The lock may have been held, and the secret been read, by a thread that this process does not have."""
        self._lock = threading.Lock()
        self._reading: Future[Hidden] | None = None

    def __repr__(self) -> str:
        return f"SecretPassword({self.arn!r})"

    def read(self) -> Hidden:
        """The password of the last read, or read it first. Raises `SecretRefused`, `SecretTimeout`."""
        hidden = self._hidden
        if hidden is None:
            return self._fetch()
        if time.monotonic() - self._read_at >= FRESH_SECONDS:
            with self._lock:
                if self._reading is None or self._reading.done():
                    self._begin().add_done_callback(_told)  # if it fails, what was read before goes on being used
        return hidden

    def renew(self, refused: Hidden) -> bool:
        """Read it again, unless another login just has. Raises `SecretRefused`, `SecretTimeout`."""
        with self._lock:
            due = self._hidden == refused and time.monotonic() >= self._refetch_at
            if due:
                self._refetch_at = time.monotonic() + REFETCH_SECONDS
        if due:
            self._fetch()
        return self._hidden != refused

    def _fetch(self) -> Hidden:
        """Read it once for all who wait, in a thread of its own: no setting of boto3's bounds all that it may do."""
        with self._lock:
            reading = self._reading
            if reading is None or reading.done():
                reading = self._begin()
        try:
            hidden = waiting.result(reading, self._seconds, "secret")
        except TimeoutError:
            with self._lock:
                if self._reading is reading:
                    self._reading = None  # the next one asks anew
            metrics.failed(SecretTimeout.__name__)
            raise SecretTimeout(
                f"{self.arn}: Secrets Manager did not answer within {self._seconds:g} s. Look at the way to it (NAT, "
                f"or the interface endpoint secretsmanager); DATABASE_SECRET_TIMEOUT_SECONDS sets the time."
            ) from None
        except SecretRefused:
            metrics.failed(SecretRefused.__name__)
            raise
        return hidden

    def _begin(self) -> Future[Hidden]:
        """Begin to read it, under the lock."""
        self._reading, self._read_at = Future(), time.monotonic()
        name = f"langpont_db reads {self.arn}"
        threading.Thread(target=self._read_into, args=[self._reading], name=name, daemon=True).start()
        return self._reading

    def _read_into(self, reading: Future[Hidden]) -> None:
        try:
            self._hidden = _from_secrets_manager(self.arn, self._region, self._seconds)
            reading.set_result(self._hidden)
        except BaseException as error:
            reading.set_exception(error)


def _told(reading: Future[Hidden]) -> None:
    """Nobody waits for it, so nobody would know until the login of before ends with the next rotation."""
    if error := reading.exception():
        log.warning("a secret could not be read again, and the login of before stays in use: %s", error)


def _from_secrets_manager(arn: str, region: str | None, seconds: float) -> Hidden:
    try:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError, ClientError
    except ImportError:
        raise SecretRefused(
            f"{arn}: reading a secret needs boto3. Install it: pip install 'langpont-db[aws]', or put the password "
            f"into the URL."
        ) from None
    config = Config(connect_timeout=seconds, read_timeout=seconds, retries={"total_max_attempts": 3})
    try:
        client = boto3.client("secretsmanager", region_name=region, config=config)
        answer = client.get_secret_value(SecretId=arn, VersionStage="AWSCURRENT")
    except (BotoCoreError, ClientError) as error:
        raise SecretRefused(f"{arn}: Secrets Manager did not give it: {error}. {_way_out(error)}") from None
    return _password_of(arn, answer)


def _way_out(error: Exception) -> str:
    code = getattr(error, "response", {}).get("Error", {}).get("Code", "")
    if code in ("ThrottlingException", "TooManyRequestsException", "RequestLimitExceeded", "LimitExceededException"):
        return "Too many read secrets at once, and the next login reads it again: start processes one after the other."
    return "The role here needs the stack's applicationPolicyArn, or migrationPolicyArn to migrate."


def _password_of(arn: str, answer: dict[str, Any]) -> Hidden:
    try:
        document = json.loads(answer["SecretString"])
        user = document.get("username")
        return Hidden(_text(document["password"]), None if user is None else _text(user))
    except (AttributeError, KeyError, TypeError, ValueError):
        # Not the error itself: it may quote the secret.
        raise SecretRefused(f'{arn}: its value is no JSON object with a "password". Write one.') from None


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError
    return value
