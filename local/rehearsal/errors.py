"""Error type of a rehearsal."""

from __future__ import annotations


class RehearsalError(Exception):
    """A change cannot be rehearsed, or the platform did not take it: sentences with the way out."""
