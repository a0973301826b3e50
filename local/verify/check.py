"""A check: a function that returns what it saw (ok), or raises what is wrong (failed)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import psycopg

from local.servers.errors import DataPlaneError


@dataclass(frozen=True)
class Check:
    """One proven or disproven statement.

    `name` is what was looked at, such as "primary: 31 parameters as registered"; `detail` how it was found to be so,
    or the first differences. Neither ever holds a secret.
    """

    name: str
    ok: bool
    detail: str


class Wrong(Exception):
    """A failed check, in words that hold no secret."""


def proven(name: str, look: Callable[[], str]) -> Check:
    """The check of one function: fine with what it returns, or wrong with what it raises."""
    try:
        return Check(name, True, look())
    except (Wrong, DataPlaneError) as wrong:
        return Check(name, False, str(wrong))
    except (psycopg.Error, OSError) as error:
        lines = str(error).strip().splitlines()
        return Check(name, False, f"{type(error).__name__}: {lines[0] if lines else 'no reason given'}")


def require(holds: object, otherwise: str) -> None:
    """Raises `Wrong` unless it holds."""
    if not holds:
        raise Wrong(otherwise)
