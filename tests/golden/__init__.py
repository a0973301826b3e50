"""Golden identities: type and logical name of everything a stack registers, one a line, sorted.

A changed line is a replaced resource. `python -m tests.golden` rewrites the files beside this one.
"""

from __future__ import annotations

from pathlib import Path

from tests.recordings import recording

FOLDER = Path(__file__).parent


def path(stack: str) -> Path:
    """The golden file of a stack."""
    return FOLDER / f"{stack}.txt"


def render(stack: str) -> str:
    """The golden file's text as the program stands."""
    return "".join(f"{identity}\n" for identity in recording(stack).identities())
