"""Checks of the engine: retired minors, the end of a major's support, and what is in the way of the next one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from blueprint.postgres.version import MAJOR, MAJORS, Major, targets
from ops.doctor.facts import Unknown
from ops.doctor.verdict import Line, Verdict
from ops.stack import Instance, Stack

SUPPORT_ACT, SUPPORT_LOOK = timedelta(days=90), timedelta(days=365)
STANDARD_SUPPORT: Final = "open-source-rds-standard-support"


def engine(
    stack: Stack, lifecycles: list[Mapping[str, Any]] | Unknown, obstacles: list[str] | Unknown, now: datetime
) -> Iterator[Line]:
    """Engine version: whether the minor is retired, when the major's support ends, and the way to the next major."""
    for each in stack.instances:
        row, minor = _version(each.version)
        if row and minor in (*row.retired, *row.removed):
            newer = f"{row.number}.{row.creatable[0]}"
            text = f"{each.identifier}: PostgreSQL {each.version} is retired; take {newer} or newer"
            yield Line(Verdict.ACT, "engine", text)
    primary = next((each for each in stack.instances if each.number is None), None)
    row = (_version(primary.version)[0] if primary else None) or MAJORS[MAJOR]
    dates = {} if isinstance(lifecycles, Unknown) else {
        each.get("LifecycleSupportName"): each.get("LifecycleSupportEndDate") for each in lifecycles
    }  # fmt: skip
    end = dates.get(STANDARD_SUPPORT)
    last = end.date() if end else row.end_of_support
    left = last - now.date()
    verdict = Verdict.ACT if left < SUPPORT_ACT else Verdict.LOOK if left < SUPPORT_LOOK else Verdict.OK
    text = f"PostgreSQL {row.number}: RDS's standard support ends {last}"
    if not end:
        why = f" ({lifecycles.reason.rstrip('.')})" if isinstance(lifecycles, Unknown) else ""
        text += f" by its calendar of 2026: it does not tell itself{why}"
    yield Line(verdict, "engine", text)
    if primary and row.number < max(MAJORS):
        yield Line(Verdict.OK, "engine", _next_major(primary, stack, obstacles))


def _version(version: str) -> tuple[Major | None, int | None]:
    match = re.fullmatch(r"([0-9]+)(?:\.([0-9]+))?", version)
    return (MAJORS.get(int(match[1])), None if match[2] is None else int(match[2])) if match else (None, None)


def _next_major(primary: Instance, stack: Stack, obstacles: list[str] | Unknown) -> str:
    """Where the primary can go, and what of that AWS and the database itself show stands in the way."""
    versions = targets(primary.version)
    ways = "which versions it upgrades to is not known here" if versions is None else (
        f"it upgrades in place to {', '.join(versions)}"
    )  # fmt: skip
    in_the_way = [
        f"{each.identifier} is {each.status}" for each in stack.instances if each.status != "available"
    ] + [
        f"{each.identifier} has pending changes" for each in stack.instances if each.raw.get("PendingModifiedValues")
    ]  # fmt: skip
    if isinstance(obstacles, Unknown):
        shows, rest = "AWS shows", f"The database was not asked ({obstacles.reason.rstrip('.')})"
    else:
        in_the_way += obstacles
        shows, rest = "AWS and the database show", "Other databases of the server were not asked"
    return (
        f"next major: {ways}; in the way: {', '.join(in_the_way) or f'nothing that {shows}'}. {rest}: docs/runbook.md, "
        f"Upgrading to the next major"
    )
