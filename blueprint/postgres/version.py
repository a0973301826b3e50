"""Which PostgreSQL version the database is pinned to: the major 16, or one minor of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Self

from blueprint.problems import Refused

MAJOR: Final = 16

# RDS's release calendar for PostgreSQL and cfn-lint 1.58.0's list of deprecated versions, read in November 2026.
LAST_RETIRED_MINOR: Final = 8
LAST_REMOVED_MINOR: Final = 4
NEWEST_KNOWN_MINOR: Final = 15


@dataclass(frozen=True)
class EngineVersion:
    """PostgreSQL 16 (`minor` None: RDS chooses the minor and keeps it current) or exactly 16.`minor`."""

    minor: int | None

    @property
    def major(self) -> int:
        """The major version."""
        return MAJOR

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read "16" or "16.N". Raises Refused for another major and for a minor that can no longer be created."""
        match = re.fullmatch(r"(\d+)(?:\.(0|[1-9]\d*))?", text, re.ASCII)
        if not match:
            raise Refused("is not a PostgreSQL version", f'Write "{MAJOR}" or an exact minor like "{_NEWEST}"')
        major, minor = match.groups()
        if major != str(MAJOR):
            raise Refused(
                f"is not PostgreSQL {MAJOR}, and the parameter catalogue is of family postgres{MAJOR}",
                f'Write "{MAJOR}" or an exact minor like "{_NEWEST}"',
            )
        if minor is not None and int(minor) <= LAST_RETIRED_MINOR:
            raise Refused(_why_retired(int(minor)), _INSTEAD_OF_RETIRED)
        return cls(None if minor is None else int(minor))

    def __str__(self) -> str:
        return str(MAJOR) if self.minor is None else f"{MAJOR}.{self.minor}"

    @property
    def automatic_minor_upgrades(self) -> bool:
        """True for the bare major. With an exact minor RDS would upgrade and the next update would try to go back."""
        return self.minor is None

    @property
    def family(self) -> str:
        """The parameter group family."""
        return f"postgres{MAJOR}"

    @property
    def warning(self) -> str | None:
        """A sentence that goes on after the value, or None."""
        if self.minor is None or self.minor <= NEWEST_KNOWN_MINOR:
            return None
        return f"is newer than {_NEWEST}, the newest minor this program knows. Check that RDS offers it in the region."


_NEWEST: Final = f"{MAJOR}.{NEWEST_KNOWN_MINOR}"
# The quotes matter: YAML reads a bare 16.10 as the number 16.1.
_INSTEAD_OF_RETIRED: Final = (
    f'Write "{MAJOR}" to follow the newest minor, or a minor from "{MAJOR}.{LAST_RETIRED_MINOR + 1}" on, in quotes'
)


def _why_retired(minor: int) -> str:
    if minor == 0:
        return "is not a version that RDS offers"
    if minor <= LAST_REMOVED_MINOR:
        return "is retired: RDS has removed it and creates no instance with it"
    return "is retired: RDS creates no instance with it since 2026-05-01"
