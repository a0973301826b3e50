"""What a verification says: one line a check."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """One proven or disproven statement.

    `name` is what was looked at, such as "52 alarms as registered"; `detail` how it was found to be so, or the first
    differences. Neither ever holds a secret.
    """

    name: str
    ok: bool
    detail: str
