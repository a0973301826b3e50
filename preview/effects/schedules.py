"""What an operation on a schedule does: one that stops an instance takes it from everybody, at its times."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from preview.effects.model import Consequence, Duration, Effect, When
from recording.plan import Step

SCHEDULE: Final = "aws:scheduler/schedule:Schedule"
# As components/sleep.py describes them. Their target is not known before its role is made.
DESCRIBED: Final = re.compile(r".*: (stops|starts) (\S+)")
STARTING: Final = Duration(
    text="minutes to stop and to start; AWS names no range",
    source="RDS user guide, Stopping an Amazon RDS DB instance temporarily",
)
_OTHERS: Final[Mapping[str, Consequence]] = {  # which run something
    "replace": Consequence(effect=Effect.REPLACED, what="is made anew"),
    "delete": Consequence(effect=Effect.REMOVED, what="is deleted"),
}


def schedule(step: Step, before: Mapping[str, Any]) -> Iterator[Consequence]:
    """Of a schedule. `before`: its inputs as they stand, as far as they are known."""
    inputs = step.registration.inputs if step.registration else before
    described = DESCRIBED.fullmatch(str(inputs.get("description")))
    if described is None:
        yield _OTHERS.get(step.call, Consequence(effect=Effect.NOTHING))
        return
    stops, identifier = described[1] == "stops", described[2]
    at = _times(str(inputs.get("scheduleExpression")))
    if step.call == "delete":
        what = f"stops {identifier} no more" if stops else f"starts {identifier} no more: stopped, it stays so for days"
        yield Consequence(effect=Effect.NOTHING, what=what, when=When.SCHEDULED)
    elif stops:
        yield Consequence(
            effect=Effect.RESTART, what=f"stops {identifier} {at}, until it is started again",
            takes=STARTING, cut_off="everybody, while it sleeps", when=When.SCHEDULED,
        )  # fmt: skip
    else:
        yield Consequence(effect=Effect.NOTHING, what=f"starts {identifier} {at}", when=When.SCHEDULED)


def _times(expression: str) -> str:
    """`every day at 13:00 UTC` of a schedule's expression; another form stays as it is."""
    match = re.fullmatch(r"cron\((\d+) (\d+) [*?] \* ([?A-Z*,]+) \*\)", expression)
    if match is None:
        return f"at {expression}"
    days = "every day" if match[3] in ("*", "?") else f"on {match[3].lower().replace(',', ', ')}"
    return f"{days} at {int(match[2]):02}:{int(match[1]):02} UTC"
