"""What this library raises of its own. Neither text ever holds a password or a whole URL."""

from __future__ import annotations

from collections.abc import Sequence


class SettingsRefused(ValueError):
    """An environment, or the outputs of a stack, that no database can be made of. `problems`: all of them."""

    def __init__(self, what: str, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        count = f"{len(self.problems)} problem{'s' if len(self.problems) > 1 else ''}"
        super().__init__("\n".join([f"{what}: {count}", *(f"  {n}. {p}" for n, p in enumerate(self.problems, 1))]))


class SecretRefused(RuntimeError):
    """A secret that could not be read, or that holds no password."""


class WriteRefused(RuntimeError):
    """A write in a session that only reads."""
