"""Prints the results of the doctor's checks, as a table or as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from rich.text import Text

from blueprint.names import ProductNaming
from ops import console
from ops.aws import Aws
from ops.clock import Clock
from ops.doctor.checks import lines
from ops.doctor.facts import collect
from ops.doctor.verdict import Line, Verdict
from ops.durations import format_time

_STYLES: Final = {
    Verdict.ACT: "bold red",
    Verdict.UNKNOWN: "magenta",
    Verdict.LOOK: "yellow",
    Verdict.OK: "green",
}


def show(aws: Aws, clock: Clock, names: ProductNaming, *, as_json: bool) -> bool:
    """Check a stack, print the results, and return whether any is `act`. Raises OpsError if nothing can be asked."""
    now = clock.now()
    facts = collect(aws, names, now, lambda seconds: console.note(f"Asking AWS ... {seconds:.0f} s"))
    found = lines(facts, names, now)
    if as_json:
        console.say(document(names.environment, aws.region, now, found))
    else:
        console.say(f"stack {names.environment} in {aws.region}, {format_time(now)}")
        console.table([(Text(line.verdict.value, _STYLES[line.verdict]), line.check, line.text) for line in found])
        console.say(summary(found))
    return any(line.verdict is Verdict.ACT for line in found)


def summary(found: Sequence[Line]) -> str:
    """The number of results of each verdict."""
    return ", ".join(f"{sum(line.verdict is verdict for line in found)} {verdict.value}" for verdict in Verdict)


def document(stack: str, region: str, at: datetime, found: Sequence[Line]) -> str:
    """The results as JSON. `verdict` is the worst of the checks."""
    return json.dumps(
        {
            "stack": stack,
            "region": region,
            "at": at.isoformat(timespec="seconds"),
            "verdict": found[0].verdict.value,
            "checks": [{"verdict": each.verdict.value, "check": each.check, "text": each.text} for each in found],
        },
        indent=2,
    )
