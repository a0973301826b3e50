"""Error types of the servers, and what stands in for RDS."""

from __future__ import annotations

from dataclasses import dataclass


class DataPlaneError(Exception):
    """The servers cannot be brought up: one or two sentences with the way out, never with a password."""


@dataclass(frozen=True)
class Substitution:
    """One difference from RDS, and what stands in its place."""

    what: str
    instead: str

    def __str__(self) -> str:
        return f"{self.what}: {self.instead}"
