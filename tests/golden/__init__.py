"""Golden files beside this one; `python -m tests.golden` rewrites them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.golden import alarms, calls
from tests.recordings import DEPLOYABLE, FROZEN, deployable

FOLDER = Path(__file__).parent
MEANT = "If the change is meant, run `make golden` and `make docs`, and commit the files."


@dataclass(frozen=True, kw_only=True)
class Golden:
    """One kind of file, `name` with the stack in it, and what a reader of a difference should know."""

    name: str
    stacks: tuple[str, ...]
    render: Callable[[str], str]
    advice: str

    def path(self, stack: str) -> Path:
        """The file of a stack."""
        return FOLDER / self.name.format(stack=stack)


def _identities(stack: str) -> str:
    """Type and logical name of everything a stack registers, sorted: a changed line is a replaced resource."""
    return "".join(f"{identity}\n" for identity in deployable(stack).identities())


def _outputs(stack: str) -> str:
    """A stack's outputs as `pulumi stack output --json` prints them, with made-up ids."""
    return json.dumps(deployable(stack).outputs, indent=2, sort_keys=True) + "\n"


IDENTITIES = Golden(
    name="{stack}.txt",
    stacks=DEPLOYABLE,
    render=_identities,
    advice=f"an identity change replaces resources: write an upgrade note in CHANGELOG.md. {MEANT}",
)
OUTPUTS = Golden(
    name="outputs-{stack}.json",
    stacks=DEPLOYABLE,
    render=_outputs,
    advice="deploys rely on outputs (docs/outputs.md): one that goes, or has another name or type, is a breaking "
    f"change for CHANGELOG.md. {MEANT}",
)
ALARMS = Golden(
    name="alarms-{stack}.txt",
    stacks=DEPLOYABLE,
    render=alarms.render,
    advice=f"an alarm fires at another moment, or no longer. {MEANT}",
)
CALLS = Golden(
    name="calls-{stack}.json", stacks=FROZEN, render=calls.render, advice=f"AWS is asked for something else. {MEANT}"
)
GOLDENS = (IDENTITIES, OUTPUTS, ALARMS, CALLS)


def files() -> Iterator[tuple[Path, str]]:
    """Every golden file with its text as the program stands."""
    for golden in GOLDENS:
        for stack in golden.stacks:
            yield golden.path(stack), golden.render(stack)
