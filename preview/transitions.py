"""What RDS refuses, or does otherwise than asked, only because of what stands: rules that need both sides of a change.

They compare the documents of two previews, as `--against` has them; the stack file alone breaks none of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from blueprint.postgres.version import EngineVersion, targets
from blueprint.problems import Problem, Refused
from preview.difference import ABSENT
from preview.effects.model import Line

# RDS user guide, "Increasing DB instance storage capacity": a value that is not 10 % more "is rounded up".
GROWTH_PERCENT: Final = 110


def refusals(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Problem, ...]:
    """The changes that must not be deployed; none where the stack is new."""
    return (*_storage(before, after), *_major(before, after)) if before else ()


def _storage(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Problem]:
    """A volume that would grow by less than RDS grows one.

    RDS rounds it up or refuses it. Rounded up, a stack without autoscaling wants to shrink it at each update, and
    alarms measure by a size that the volume does not have. A new generation has a new volume.
    """
    if _generation(before) != _generation(after):
        return
    new: int = after["storage"]["allocatedGib"]
    old: int = before.get("storage", {}).get("allocatedGib", new)  # an older version's document may have no storage
    ceiling: int = after["storage"].get("maxAllocatedGib") or 0
    if new < old and ceiling <= new:  # with autoscaling the provider leaves a volume alone that is larger
        yield Problem(
            field="database.allocatedStorageGib", value=str(new),
            rule=f"is less than the {old} GiB that stand, and storage never shrinks: RDS refuses it",
            way_out=f"Leave it at {old}",
        )  # fmt: skip
    least = -(-old * GROWTH_PERCENT // 100)
    if old < new < least:
        yield Problem(
            field="database.allocatedStorageGib", value=str(new),
            rule=f"is less than 10 % more than the {old} GiB that stand, and RDS grows a volume by no less",
            way_out=f"Write {least} or more, or leave it at {old}",
        )  # fmt: skip


def protected(lines: Iterable[Line]) -> Iterator[Problem]:
    """What would delete or replace a protected resource: Pulumi refuses the whole update."""
    for line in lines:
        names = sorted(touch.on for touch in line.touches if touch.step.refused)
        if names:
            path, before, after = line.settings[0] if line.settings else ("The program", ABSENT, ABSENT)
            yield Problem(
                field=path, value="" if after is ABSENT else text(after),
                rule=f"would delete or replace what is protected, and Pulumi refuses it: {', '.join(names)}",
                way_out=f"Leave it{'' if before is ABSENT else f' at {text(before)}'}; where what they hold may go, "
                "deploy database.deletionPolicy: disposable first, or unprotect each as docs/runbook.md does",
            )  # fmt: skip


def text(value: Any) -> str:
    """A value of a setting as a person writes it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _major(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Problem]:
    """Another major under the same instance: RDS upgrades where that is asked for, to some versions, and never back."""
    field, old, new = "database.engineVersion", _version(before), _version(after)
    if old is None or new is None or old.major == new.major or _generation(before) != _generation(after):
        return
    ways = targets(str(old))
    if new.major < old.major:
        yield Problem(
            field=field, value=str(new), rule=f"is before the {old} that stands, and RDS takes no major back",
            way_out=f"Leave it at {old}, or restore a snapshot of before as the next database.generation",
        )  # fmt: skip
    elif ways is not None and new.minor is not None and str(new) not in ways:
        possible = [way for way in ways if way.startswith(f"{new.major}.")]
        yield Problem(
            field=field, value=str(new), rule=f"is no version to which RDS upgrades {old} in place",
            way_out=f"Choose from {', '.join(possible)}",
        )  # fmt: skip
    elif after["settings"]["database"].get("allowMajorUpgrade") != new.major:
        yield Problem(
            field=field, value=str(new),
            rule=f"is another major than the {old} that stands: the database is upgraded in place, minutes without it, "
            "and nothing leads back but a restore",
            way_out=f"Follow docs/runbook.md, Upgrading to the next major, with database.allowMajorUpgrade set to "
            f"{new.major} for that one deployment",
        )  # fmt: skip


def _version(side: Mapping[str, Any]) -> EngineVersion | None:
    try:
        return EngineVersion.parse(str(side["settings"]["database"].get("engineVersion", "16")))
    except (KeyError, Refused):  # an older version's document
        return None


def _generation(side: Mapping[str, Any]) -> int:
    generation: int = side["settings"].get("database", {}).get("generation", 1)
    return generation
