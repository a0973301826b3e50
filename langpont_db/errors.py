"""Exceptions of this library. No text ever holds a password or a whole URL."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.exc import OperationalError, TimeoutError


class SettingsRefused(ValueError):
    """Invalid environment variables or stack outputs. `problems`: all of them."""

    def __init__(self, what: str, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        count = f"{len(self.problems)} problem{'s' if len(self.problems) > 1 else ''}"
        super().__init__("\n".join([f"{what}: {count}", *(f"  {n}. {p}" for n, p in enumerate(self.problems, 1))]))


class SecretRefused(RuntimeError):
    """A secret of Secrets Manager that could not be read, or that holds no password."""


class SecretTimeout(SecretRefused):
    """Secrets Manager did not answer within `Timeouts.secret`."""


class WriteRefused(RuntimeError):
    """A write in a read-only session."""


class SessionStateRefused(RuntimeError):
    """A statement that would change the server's session, which in transaction pooling the next client gets."""


class PoolTimeout(TimeoutError):
    """No connection of a pool became free within its pool_timeout."""


class ConnectTimeout(OperationalError):
    """No connection was made within `Timeouts.connect`."""


class StatementTimeout(OperationalError):
    """A server did not answer a statement in time. The connection is closed; the statement may still run."""


class CommitUnknown(OperationalError):
    """The connection was lost during COMMIT: whether the transaction was committed is not known.

    Look before you do it again, or make it such that doing it twice does no harm.
    """
