"""How a check is made: a function that says what it saw, or raises what is wrong."""

from __future__ import annotations

from collections.abc import Callable

import psycopg

from local.checks import Check
from local.data.errors import DataPlaneError


class Wrong(Exception):
    """What is not as it should be, in words that hold no secret."""


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
