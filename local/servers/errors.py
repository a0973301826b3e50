"""How the data plane says no."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


class DataPlaneError(Exception):
    """What kept the data plane from coming up: one or two sentences with the way out, never with a password."""


@dataclass(frozen=True)
class Substitution:
    """One thing that is not here as it is on RDS, and what stands in its place."""

    what: str
    instead: str

    def __str__(self) -> str:
        return f"{self.what}: {self.instead}"

    def to_json(self) -> dict[str, Any]:
        """For a state file."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Substitution:
        """What `to_json` made."""
        return cls(**value)
