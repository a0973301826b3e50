"""`prices.yaml` beside the stack files: what a team pays, in place of the public prices, by the same keys.

    standing:
      NAT_GATEWAY: 0.045
    instances:
      db.t3.medium: 0.089

US dollars for the unit that docs/cost.md names beside each key; of an instance for an hour without a standby.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from blueprint.aws.instance_classes import INSTANCE_CLASSES
from blueprint.explain import choose, shown
from blueprint.problems import FileRefused, Problem
from preview.cost import NO_PRICES
from preview.prices import KEYS, OWN
from recording import stack_files

SECTIONS: Final[Mapping[str, Sequence[str]]] = {"standing": KEYS, "instances": tuple(INSTANCE_CLASSES)}


class PricesRefused(FileRefused):
    """A file of prices with problems."""


def load(root: Path) -> Mapping[str, Decimal]:
    """A team's prices by key; none without the file.

    Raises `StackFileError` for a file that cannot be read, and `PricesRefused` with all that is wrong in it.
    """
    path = root / OWN
    if not path.exists():
        return NO_PRICES
    problems: list[Problem] = []
    found: dict[str, Decimal] = {}
    for section, values in stack_files.read(path).items():
        if section not in SECTIONS:
            way_out = choose(str(section), tuple(SECTIONS))
            problems.append(Problem(field=str(section), value="", rule="is not a section", way_out=way_out))
        elif values is not None and not isinstance(values, Mapping):
            rule, way_out = "is no mapping of keys to prices", "Write keys below it"
            problems.append(Problem(field=section, value=shown(values), rule=rule, way_out=way_out))
        else:
            for key, value in (values or {}).items():
                wrong = list(_problems(section, str(key), value))
                problems += wrong
                if not wrong:
                    found[str(key)] = Decimal(str(value))
    if problems:
        raise PricesRefused(OWN, problems)
    return found


def _problems(section: str, key: str, value: Any) -> Iterator[Problem]:
    field = f"{section}.{key}"
    if key not in SECTIONS[section]:
        what = "a class that is known here" if section == "instances" else "a price that is counted"
        yield Problem(field=field, value="", rule=f"is not {what}", way_out=choose(key, SECTIONS[section]))
    if isinstance(value, bool) or not isinstance(value, int | float):
        yield Problem(field=field, value=shown(value), rule="is no number", way_out="Write US dollars, as in 0.112")
    elif value < 0:
        yield Problem(field=field, value=shown(value), rule="is no price", way_out="Write 0 or more")
