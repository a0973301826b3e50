"""Golden files beside this one; `python -m tests.golden` rewrites them.

`<stack>.txt`: type and logical name of everything a stack registers, one a line, sorted. A changed line is a replaced
resource. `outputs-<stack>.json`: a stack's outputs as `pulumi stack output --json` prints them, with made-up ids. A
line that goes is a deploy that breaks. `calls-<stack>.json`: every AWS API call that makes a fixture stack on moto,
with its parameters. A wrong name in a resource type's row is a line of it.
"""

from __future__ import annotations

import json
from pathlib import Path

from tests.golden import calls
from tests.recordings import deployable

FOLDER = Path(__file__).parent


def path(stack: str) -> Path:
    """The golden identities of a stack."""
    return FOLDER / f"{stack}.txt"


def outputs_path(stack: str) -> Path:
    """The golden outputs of a stack."""
    return FOLDER / f"outputs-{stack}.json"


def calls_path(stack: str) -> Path:
    """The golden API calls of a fixture stack."""
    return FOLDER / f"calls-{stack}.json"


def render(stack: str) -> str:
    """The identities as the program stands."""
    return "".join(f"{identity}\n" for identity in deployable(stack).identities())


def render_outputs(stack: str) -> str:
    """The outputs as the program stands."""
    return json.dumps(deployable(stack).outputs, indent=2, sort_keys=True) + "\n"


def render_calls(stack: str) -> str:
    """The API calls as the program and the rows of its types stand."""
    return calls.render(stack)
