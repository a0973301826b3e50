"""How the data plane says no."""

from __future__ import annotations

from dataclasses import dataclass


class DataPlaneError(Exception):
    """What kept the data plane from coming up: one or two sentences with the way out, never with a password."""


@dataclass(frozen=True)
class Substitution:
    """One thing that is not here as it is on RDS, and what stands in its place."""

    what: str
    instead: str

    def __str__(self) -> str:
        return f"{self.what}: {self.instead}"
