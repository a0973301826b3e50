"""What a person has to do something about."""

from __future__ import annotations


class HostError(Exception):
    """One or more sentences that say what is wrong and the way out; no secret is in them."""
