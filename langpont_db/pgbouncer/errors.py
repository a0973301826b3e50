"""Errors that need an operator."""

from __future__ import annotations


class HostError(Exception):
    """A problem of an application host, in sentences with the way out; no secret is in them."""
