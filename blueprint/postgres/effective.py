"""What an instance ends up with: formulas resolved by its memory, defaults of RDS, and words for people."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from blueprint.postgres.catalogue import CATALOGUE, Kind
from blueprint.postgres.compile import CompiledParameter
from blueprint.postgres.parsing import readable
from blueprint.problems import Refused

# hot_standby.html, "Administrator's Overview": a standby with less does not start. PostgreSQL's defaults.
STANDBY_SETTINGS: Mapping[str, int] = {
    "max_connections": 100,
    "max_worker_processes": 8,
    "max_wal_senders": 10,
    "max_prepared_transactions": 0,
    "max_locks_per_transaction": 64,
}


def resolve(value: str, *, class_memory_bytes: int) -> str:
    """The integer that a formula of RDS comes to on one instance; any other value unchanged.

    `class_memory_bytes` stands for DBInstanceClassMemory, which is somewhat less than the memory of the class, because
    RDS takes its own part first. Known are {DBInstanceClassMemory}, * and / by integers from left to right with the
    quotient cut off (user guide, "Specifying DB parameters"), LEAST and GREATEST. Raises `Refused` for other formulas.
    """
    if not value.startswith(("{", "LEAST(", "GREATEST(")):
        return value
    return str(_resolve(value, class_memory_bytes))


def _resolve(formula: str, class_memory_bytes: int) -> int:
    formula = formula.strip()
    if re.fullmatch(r"[0-9]{1,20}", formula):
        return int(formula)
    if match := re.fullmatch(r"(LEAST|GREATEST)\((.*)\)", formula):
        amounts = [_resolve(part, class_memory_bytes) for part in _split(match[2])]
        return min(amounts) if match[1] == "LEAST" else max(amounts)
    if match := re.fullmatch(r"\{DBInstanceClassMemory((?:[*/][0-9]{1,20})*)\}", formula):
        amount = class_memory_bytes
        for operator, digits in re.findall(r"([*/])([0-9]+)", match[1]):
            if operator == "/" and not int(digits):
                raise Refused(f"divides by zero in {formula}", "Divide by at least 1")
            amount = amount * int(digits) if operator == "*" else amount // int(digits)
        return amount
    raise Refused(
        f"holds {formula or 'nothing'} where a formula of RDS is due",
        "Write an integer, {DBInstanceClassMemory*K/N}, LEAST(...) or GREATEST(...)",
    )


def _split(arguments: str) -> list[str]:
    """Split at the commas that stand outside inner parentheses."""
    parts, depth = [""], 0
    for character in arguments:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "," and not depth:
            parts.append("")
        else:
            parts[-1] += character
    return parts


def effective(name: str, compiled: Iterable[CompiledParameter], *, class_memory_bytes: int) -> int | float | str:
    """What an instance has for `name`: the compiled value if there is one, else the catalogue's default.

    An int in the base unit for sizes, durations and integers (special values such as -1 as they are), a float for
    reals, a bool for booleans, text for the rest. The value of a name outside the catalogue stays as it stands. Raises
    KeyError for a name that is neither compiled nor in the catalogue.
    """
    parameter = CATALOGUE.get(name)
    stated = next((item.value for item in compiled if item.name == name), None)
    if parameter is None:
        if stated is None:
            raise KeyError(name)
        return stated
    value = resolve(parameter.default if stated is None else stated, class_memory_bytes=class_memory_bytes)
    match parameter.kind:
        case Kind.MEMORY | Kind.DURATION | Kind.INTEGER:
            return int(value)
        case Kind.REAL:
            return float(value)
        case Kind.BOOLEAN:
            return value == "1"
        case _:
            return value


def effective_integer(name: str, compiled: Iterable[CompiledParameter], *, class_memory_bytes: int) -> int:
    """`effective` for sizes, durations and integers of the catalogue; raises TypeError for any other parameter."""
    value = effective(name, compiled, class_memory_bytes=class_memory_bytes)
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} is not an integer parameter")
    return value


def bytes_of(name: str, base_value: int) -> int:
    """Bytes in `base_value` units of a memory parameter.

    Raises TypeError if the parameter is no size, and ValueError for a special value below 0, which is no amount.
    """
    parameter = CATALOGUE[name]
    if parameter.kind is not Kind.MEMORY:
        raise TypeError(f"{name} is not a size")
    if base_value < 0:
        raise ValueError(f"{name} = {base_value} is no amount of bytes")
    return base_value * parameter.base_amount


def display(compiled: CompiledParameter, class_memory_bytes: int) -> str:
    """One line for people: "131072 x 8 kB = 1 GiB", "600 s = 10 min", "1 = on"; a formula with what it comes to.

    Amounts that are not round are given to one decimal, with "about".
    """
    parameter = CATALOGUE.get(compiled.name)
    if parameter is None:
        return compiled.value
    resolved = resolve(compiled.value, class_memory_bytes=class_memory_bytes)
    formula = "" if resolved == compiled.value else f"{compiled.value} = "
    if parameter.kind is Kind.BOOLEAN:
        return "1 = on" if resolved == "1" else "0 = off"
    if parameter.kind in (Kind.MEMORY, Kind.DURATION, Kind.INTEGER):
        return f"{formula}{readable(parameter, int(resolved))}"
    return resolved
