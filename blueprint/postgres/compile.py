"""Compile the PostgreSQL parameters of a stack file into those of an RDS parameter group.

RDS checks names and values only when the group is applied, so they are checked here first, against the catalogue.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from blueprint.postgres.catalogue import catalogue
from blueprint.postgres.engine_settings import life
from blueprint.postgres.parameter import DURATION_UNITS, SIZE_UNITS, Parameter
from blueprint.postgres.parsing import parse
from blueprint.postgres.version import MAJOR
from blueprint.problems import Problem, Refused

_WITH_UNIT = re.compile(rf"[0-9]+(\.[0-9]+)? *({'|'.join([*SIZE_UNITS, *DURATION_UNITS, '%'])})")

HumanValue: TypeAlias = str | int | float | bool
"""What a person may write for a parameter in a stack file (YAML turns `on` into True)."""


@dataclass(frozen=True, kw_only=True)
class CompiledParameter:
    """One parameter as a parameter group takes it.

    `asked` is the text of the stack file. `value` is what RDS takes: an integer in `unit`, "0" or "1", an enum in RDS's
    case, or a formula over DBInstanceClassMemory. `unit` is None for a plain number and for anything that is no amount.
    `parameter` is its row of the catalogue; None for a trusted name that the catalogue does not know.
    """

    name: str
    asked: str
    value: str
    apply_method: Literal["immediate", "pending-reboot"]
    parameter: Parameter | None

    @property
    def unit(self) -> str | None:
        """The unit in which RDS counts it."""
        return self.parameter.unit if self.parameter else None

    @property
    def static(self) -> bool:
        """Whether it is known to change only at a reboot."""
        return self.parameter is not None and self.parameter.static


def compile_parameter(name: str, asked: HumanValue, *, major: int = MAJOR, trusted: bool = False) -> CompiledParameter:
    """Compile one parameter; raises `Refused` with the rule it breaks and the way out.

    What a person may write for each kind of parameter is told at `blueprint.postgres.parsing.parse`. `trusted`
    overrules what the catalogue says of a parameter, but for its type and unit, and lets unknown names through.

    `apply_method` is "immediate" for a dynamic parameter. It is "pending-reboot" for a static one, because RDS refuses
    the other; for a trusted one whose apply type at RDS is not known, because that fits both; and for a value equal to
    the default that RDS sets, because with another method the provider finds a difference on every run.
    """
    text = _text(asked)
    parameter = catalogue(major).get(name)
    if parameter is None:
        if not trusted or _gone(name, major):
            raise _unknown(name, major)
        value = str(int(asked)) if isinstance(asked, bool) else text
        if _WITH_UNIT.fullmatch(text):
            raise Refused(
                "has a unit, and RDS takes a bare number of the parameter's own unit, which this program does not know",
                f"Write the number in the unit of the list that this prints: {_listing(major)}",
            )
        return CompiledParameter(name=name, asked=text, value=value, apply_method="pending-reboot", parameter=None)
    if not trusted:
        if parameter.unsettable:
            raise Refused(*parameter.unsettable)
        if parameter.confidence == "low":
            raise Refused(
                f"is for a setting of PostgreSQL {major} that nobody here has seen in RDS's list",
                f"List {name} in database.trustedParameters if this has it: {_listing(major)}",
            )
    value = parse(parameter, text.strip(), trusted=trusted)
    waits = parameter.static or parameter.unsettable or parameter.confidence == "low" or value == parameter.rds_default
    return CompiledParameter(
        name=name,
        asked=text,
        value=value,
        apply_method="pending-reboot" if waits else "immediate",
        parameter=parameter,
    )


def compile_parameters(
    asked: Mapping[str, HumanValue],
    *,
    major: int = MAJOR,
    trusted: Collection[str] = (),
    field: str = "database.parameters",
) -> tuple[tuple[CompiledParameter, ...], tuple[Problem, ...]]:
    """Compile all parameters of a stack file: those that are right, and a `Problem` for each other, both by name.

    `trusted` holds the names of `database.trustedParameters`; `field` is the path of the mapping in the stack file.
    """
    compiled: list[CompiledParameter] = []
    problems: list[Problem] = []
    for name, value in sorted(asked.items()):
        try:
            compiled.append(compile_parameter(name, value, major=major, trusted=name in trusted))
        except Refused as refused:
            problems.append(refused.problem(f"{field}.{name}", _text(value)))
    return tuple(compiled), tuple(problems)


def _text(asked: HumanValue) -> str:
    return str(asked).lower() if isinstance(asked, bool) else str(asked)


def _unknown(name: str, major: int) -> Refused:
    since, until = life(name) or (None, None)
    if since is not None and major < since:
        return Refused(f"is for a parameter that came with PostgreSQL {since}", "Leave it out until then")
    if until is not None and _gone(name, major):
        return Refused(f"is for a parameter that PostgreSQL {until + 1} no longer has", "Leave it out")
    close = difflib.get_close_matches(name.lower(), catalogue(major), n=1)
    trust = f"list {name} in database.trustedParameters if RDS has it"
    return Refused(
        f"is for a parameter that the postgres{major} catalogue does not know",
        f"Write {close[0]}, or {trust}" if close else trust[0].upper() + trust[1:],
    )


def _gone(name: str, major: int) -> bool:
    """Whether a setting of an earlier major is no longer there, which RDS cannot take either."""
    until = (life(name) or (None, None))[1]
    return until is not None and until < major


def _listing(major: int) -> str:
    return f"aws rds describe-engine-default-parameters --db-parameter-group-family postgres{major}"
