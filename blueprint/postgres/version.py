"""PostgreSQL's versions on RDS: majors with their minors, the end of support, and which version upgrades to which."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final, Self

from blueprint.problems import Refused

MAJOR: Final = 16  # where a stack file names none


@dataclass(frozen=True, kw_only=True)
class Major:
    """One major of RDS. `creatable`, `retired` and `removed`: minors that it makes instances of, no longer, no more."""

    number: int
    family: str
    end_of_support: date
    creatable: tuple[int, ...]
    retired: tuple[int, ...]
    removed: tuple[int, ...]

    @property
    def newest(self) -> str:
        """The newest minor that this program knows."""
        return f"{self.number}.{self.creatable[-1]}"


_DATA: Final[dict[str, Any]] = json.loads(Path(__file__).with_name("majors.json").read_text(encoding="utf-8"))
MAJORS: Final = {
    int(number): Major(
        number=int(number),
        family=row["family"],
        end_of_support=date.fromisoformat(row["endOfStandardSupport"]),
        creatable=tuple(row["creatable"]),
        retired=tuple(row["retired"]),
        removed=tuple(row["removed"]),
    )
    for number, row in _DATA["majors"].items()
}
_NEWEST: Final = MAJORS[MAJOR].newest
_EXAMPLE: Final = f'Write "{MAJOR}" or an exact minor like "{_NEWEST}"'


def targets(version: str) -> tuple[str, ...] | None:
    """The versions of later majors to which a minor upgrades in place; None where that is not known."""
    found = _DATA["targets"].get(version)
    return None if found is None else tuple(found)


@dataclass(frozen=True)
class EngineVersion:
    """A major (`minor` None: RDS chooses the minor and keeps it current) or exactly major.minor."""

    major: int
    minor: int | None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read "16" or "16.N". Raises Refused for an unknown major and for a minor that can no longer be created."""
        match = re.fullmatch(r"(\d{1,9})(?:\.(0|[1-9]\d{0,8}))?", text, re.ASCII)
        if not match:
            raise Refused("is not a PostgreSQL version", _EXAMPLE)
        number, minor = int(match[1]), None if match[2] is None else int(match[2])
        row = MAJORS.get(number)
        if row is None:
            *others, last = map(str, MAJORS)
            way_out = f"{_EXAMPLE}, and upgrade an older database to it first" if number < MAJOR else _EXAMPLE
            raise Refused(
                f"is not PostgreSQL {', '.join(map(str, others))} or {last}, whose parameters this program knows",
                way_out,
            )
        if minor is not None and minor not in row.creatable and minor <= row.creatable[-1]:
            # The quotes matter: YAML reads a bare 16.10 as the number 16.1.
            raise Refused(
                _why_not(row, minor),
                f'Write "{number}" to follow the newest minor, or a minor from "{number}.{row.creatable[0]}" on, in '
                "quotes",
            )
        return cls(number, minor)

    def __str__(self) -> str:
        return str(self.major) if self.minor is None else f"{self.major}.{self.minor}"

    @property
    def automatic_minor_upgrades(self) -> bool:
        """True for the bare major. With an exact minor RDS would upgrade and the next update would try to go back."""
        return self.minor is None

    @property
    def family(self) -> str:
        """The parameter group family."""
        return MAJORS[self.major].family

    @property
    def warning(self) -> str | None:
        """A sentence that goes on after the value, or None."""
        row = MAJORS[self.major]
        if self.minor is None or self.minor <= row.creatable[-1]:
            return None
        return (
            f"is newer than {row.newest}, the newest minor this program knows. Check that RDS offers it in the region."
        )


def _why_not(row: Major, minor: int) -> str:
    if minor in row.removed:
        return "is retired: RDS has removed it and creates no instance with it"
    if minor in row.retired:
        return "is retired: RDS creates no instance with it since 2026-05-01"
    return "is not a version that RDS offers"
