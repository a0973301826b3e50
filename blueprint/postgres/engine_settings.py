"""Settings of PostgreSQL's own servers, by major, as rows of the catalogue; `engine_settings.json` has the sources."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

from blueprint.postgres.parameter import SIZE_UNITS, Apply, Kind, Parameter, Unsettable

_Confidence = Literal["medium-high", "medium", "low"]
# How sure it is that RDS takes a parameter, by where it was seen.
CONFIDENCE: Final[Mapping[str | None, _Confidence]] = {"guide": "medium-high", "public": "medium", None: "low"}
_KINDS: Final = {"bool": Kind.BOOLEAN, "enum": Kind.ENUM, "string": Kind.TEXT, "real": Kind.REAL}
_SEEN: Final = {
    "guide": "A parameter that the RDS user guide lists, with PostgreSQL's own bounds.",
    "public": "Seen in public parameter groups of RDS, with PostgreSQL's own bounds.",
    None: "A setting of PostgreSQL; nobody has seen whether RDS lets it be set.",
}
_INTERNAL: Final = Unsettable("is fixed when PostgreSQL or the database cluster is made", "Leave it out")


@cache
def _data() -> dict[str, Any]:
    data: dict[str, Any] = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
    return data


def engine_rows(major: int) -> dict[str, Parameter]:
    """All settings of a major by name, also those that nothing can set."""
    rows = [_row(each, major) for each in _data()["rows"] if _lives(each, major)]
    return {row.name: row for row in (*rows, *_internal())}


def life(name: str) -> tuple[int | None, int | None] | None:
    """The major with which a setting came, and the last that has it, as far as that is known; None: no setting."""
    row = next((each for each in _data()["rows"] if each["name"] == name), None)
    return None if row is None else (row.get("since"), row.get("until"))


def _lives(row: Mapping[str, Any], major: int) -> bool:
    return bool(row.get("since", 0) <= major <= row.get("until", major))


def _internal() -> tuple[Parameter, ...]:
    return tuple(
        Parameter(
            name, Kind.TEXT, Apply.STATIC, engine_default="", unsettable=_INTERNAL, confidence="high",
            why="Its context is internal: no file and no group can set it.",
        )
        for name in _data()["internal"]
    )  # fmt: skip


def _row(row: Mapping[str, Any], major: int) -> Parameter:
    row = dict(row)
    for since, changes in row.get("changes", {}).items():
        if int(since) <= major:
            row |= changes
    unit, seen = row.get("unit"), row.get("rds")
    kind = _KINDS.get(row["type"], Kind.INTEGER)
    if unit is not None:
        kind = Kind.MEMORY if unit == "8kB" or unit in SIZE_UNITS else Kind.DURATION
    low, default = row.get("minimum"), row.get("default", "")
    special = {}
    if unit is not None and low is not None and low <= 0:
        special = {0: "none or off"} | ({-1: "as PostgreSQL documents it"} if low < 0 else {})
    if kind is Kind.BOOLEAN:
        default = "1" if default == "on" else "0"
    static = (row.get("apply") or ("static" if row["context"] == "postmaster" else "dynamic")) == "static"
    return Parameter(
        row["name"], kind, Apply.STATIC if static else Apply.DYNAMIC,
        unit=unit,
        minimum=0 if unit is not None and low == -1 else low,
        maximum=row.get("maximum"),
        values=tuple(row.get("values", ())),
        special=special,
        engine_default=default,
        confidence=CONFIDENCE[seen],
        why=_SEEN[seen],
    )  # fmt: skip
