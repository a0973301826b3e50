"""Exceptions of this library. No text ever holds a password or a whole URL."""

from __future__ import annotations

from collections.abc import Sequence


class SettingsRefused(ValueError):
    """Invalid environment variables or stack outputs. `problems`: all of them."""

    def __init__(self, what: str, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        count = f"{len(self.problems)} problem{'s' if len(self.problems) > 1 else ''}"
        super().__init__("\n".join([f"{what}: {count}", *(f"  {n}. {p}" for n, p in enumerate(self.problems, 1))]))


class SecretRefused(RuntimeError):
    """A secret of Secrets Manager that could not be read, or that holds no password."""


class WriteRefused(RuntimeError):
    """A write in a read-only session."""
