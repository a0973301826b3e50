"""Compile the PostgreSQL parameters of a stack file into those of an RDS parameter group.

RDS checks names and values only when the group is applied, so they are checked here first, against the catalogue.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from blueprint.postgres.catalogue import CATALOGUE
from blueprint.postgres.parsing import parse
from blueprint.problems import Problem, Refused

HumanValue: TypeAlias = str | int | float | bool
"""What a person may write for a parameter in a stack file (YAML turns `on` into True)."""


@dataclass(frozen=True, kw_only=True)
class CompiledParameter:
    """One parameter as a parameter group takes it.

    `asked` is the text of the stack file. `value` is what RDS takes: an integer in `unit`, "0" or "1", an enum in RDS's
    case, or a formula over DBInstanceClassMemory. `unit` is None for a plain number and for anything that is no amount.
    """

    name: str
    asked: str
    value: str
    apply_method: Literal["immediate", "pending-reboot"]
    unit: str | None
    static: bool


def compile_parameter(name: str, asked: HumanValue, *, trusted: bool = False) -> CompiledParameter:
    """Compile one parameter; raises `Refused` with the rule it breaks and the way out.

    What a person may write for each kind of parameter is told at `blueprint.postgres.parsing.parse`. `trusted` lets a
    name through that the catalogue does not know, its value as it stands, and one that it calls unsettable. Every other
    rule still holds.

    `apply_method` is "immediate" for a dynamic parameter. It is "pending-reboot" for a static one, because RDS refuses
    the other; for a trusted one whose apply type at RDS is not known, because that fits both; and for a value equal to
    the default that RDS sets, because with another method the provider finds a difference on every run.
    """
    text = _text(asked)
    parameter = CATALOGUE.get(name)
    if parameter is None:
        if not trusted:
            raise _unknown(name)
        value = str(int(asked)) if isinstance(asked, bool) else text
        return CompiledParameter(
            name=name, asked=text, value=value, apply_method="pending-reboot", unit=None, static=False
        )
    if parameter.unsettable and not trusted:
        raise Refused(*parameter.unsettable)
    value = parse(parameter, text.strip())
    immediate = not (parameter.static or parameter.unsettable or value == parameter.rds_default)
    return CompiledParameter(
        name=name,
        asked=text,
        value=value,
        apply_method="immediate" if immediate else "pending-reboot",
        unit=parameter.unit,
        static=parameter.static,
    )


def compile_parameters(
    asked: Mapping[str, HumanValue], *, trusted: Collection[str] = (), field: str = "database.parameters"
) -> tuple[tuple[CompiledParameter, ...], tuple[Problem, ...]]:
    """Compile all parameters of a stack file: those that are right, and a `Problem` for each other, both by name.

    `trusted` holds the names of `database.trustedParameters`; `field` is the path of the mapping in the stack file.
    """
    compiled: list[CompiledParameter] = []
    problems: list[Problem] = []
    for name, value in sorted(asked.items()):
        try:
            compiled.append(compile_parameter(name, value, trusted=name in trusted))
        except Refused as refused:
            problems.append(
                Problem(field=f"{field}.{name}", value=_text(value), rule=refused.rule, way_out=refused.way_out)
            )
    return tuple(compiled), tuple(problems)


def _text(asked: HumanValue) -> str:
    return str(asked).lower() if isinstance(asked, bool) else str(asked)


def _unknown(name: str) -> Refused:
    close = difflib.get_close_matches(name.lower(), CATALOGUE, n=1)
    trust = f"list {name} in database.trustedParameters if RDS has it"
    return Refused(
        "is for a parameter that the postgres16 catalogue does not know",
        f"Write {close[0]}, or {trust}" if close else trust[0].upper() + trust[1:],
    )
